// The chat page: sends what is typed, shows what comes back, and what comes by itself.
// It keeps nothing: what was typed is on the page until it is closed, and nowhere else.
import { paint as paintSlack, builder } from "./slack.js";

const byId = (id) => document.getElementById(id);
const make = (tag, attributes = {}, ...children) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
};

const input = byId("text");
const list = byId("completions");
const places = [...document.querySelectorAll("[data-place]")];
const logOf = (place) => byId("place-" + place).querySelector(".log");
let place = "channel";
let content = { version: "", completions: [], starters: [], faults: [] };
let count = 0; // of messages: their ids are made of it

// Places ---------------------------------------------------------------------------

function tabs(buttons, choose) {
  for (const [i, button] of buttons.entries()) {
    button.addEventListener("click", () => choose(button));
    button.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      const end = { Home: 0, End: buttons.length - 1 }[event.key];
      if (step === undefined && end === undefined) return;
      event.preventDefault();
      const next = buttons[end ?? (i + step + buttons.length) % buttons.length];
      next.focus();
      choose(next);
    });
  }
}

function select(buttons, chosen) {
  for (const button of buttons) {
    const is = button === chosen;
    button.setAttribute("aria-selected", is);
    button.tabIndex = is ? 0 : -1;
    byId(button.getAttribute("aria-controls")).hidden = !is;
  }
}

tabs(places, (button) => {
  select(places, button);
  place = button.dataset.place;
  button.classList.remove("news");
  button.removeAttribute("aria-description");
  toEnd(place);
});

function toEnd(where) {
  const panel = byId("place-" + where);
  panel.scrollTop = panel.scrollHeight;
}

function show(where, element, start = false) {
  logOf(where).querySelector(".welcome")?.remove();
  logOf(where).append(element);
  // A long reply is read from its beginning.
  if (start && where === place) element.scrollIntoView({ block: "start" });
  else toEnd(where);
}

// Messages -------------------------------------------------------------------------

function mine(text) {
  return make("article", { class: "mine", "aria-label": "You" }, make("p", {}, text));
}

function problem(words) {
  return make("article", { class: "problem", "aria-label": "The page", role: "alert" }, make("p", {}, words));
}

const views = { page: "Page", slack: "Slack", teams: "Teams" };

// message is a reply or a post. Its tabs are painted when they are first opened.
function message(drawn, where) {
  const id = "m" + ++count;
  const buttons = Object.entries(views).map(([view, label], i) => make("button", {
    type: "button", role: "tab", id: `${id}-${view}-tab`, "aria-controls": `${id}-${view}`,
    "aria-selected": String(i === 0), tabindex: i === 0 ? 0 : -1,
  }, label));
  const panels = Object.keys(views).map((view, i) => make("div", {
    role: "tabpanel", id: `${id}-${view}`, "aria-labelledby": `${id}-${view}-tab`, class: "view view-" + view, hidden: i > 0,
  }));
  const [page, slack, teams] = panels;
  page.innerHTML = drawn.html; // made by the server's templates, which escape
  const painted = new Set();
  tabs(buttons, (button) => {
    select(buttons, button);
    const panel = byId(button.getAttribute("aria-controls"));
    if (painted.has(panel)) return;
    painted.add(panel);
    if (panel === slack) showSlack(panel, drawn, where);
    if (panel === teams) showTeams(panel, drawn, where);
  });
  const article = make("article", { class: "reply", "aria-label": drawn.alone ? "Reply, only you can see it" : "Post in the channel" },
    make("header", {},
      make("span", { class: "who" }, "Briefing Bot"),
      make("span", { class: "seen" }, drawn.alone ? "Only you can see this" : "Everyone sees this"),
      make("div", { role: "tablist", "aria-label": "How it looks", class: "views" }, ...buttons)),
    ...panels);
  page.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-command]");
    if (button) press(button.dataset.command, where, button.dataset.shareTitle && {
      title: button.dataset.shareTitle, text: button.dataset.shareText, yes: button.dataset.shareYes, no: button.dataset.shareNo,
    });
  });
  page.addEventListener("submit", (event) => {
    event.preventDefault();
    const form = event.target;
    const values = [...form.querySelectorAll("select, input")].map((field) => field.value);
    press([form.dataset.command, ...values, form.dataset.rest].join(" ").replace(/\s+/g, " ").trim(), where);
  });
  return article;
}

function json(messages, extra) {
  const text = JSON.stringify(messages.length === 1 ? messages[0] : messages, null, 2);
  const copy = make("button", { type: "button", class: "plain" }, "Copy JSON");
  copy.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
      copy.textContent = "Copied";
    } catch {
      copy.textContent = "Not copied: select it below";
    }
    setTimeout(() => { copy.textContent = "Copy JSON"; }, 3000);
  });
  return [
    make("div", { class: "tools" }, copy, ...extra),
    make("details", {}, make("summary", {}, "JSON"), make("pre", { tabindex: "0", role: "region", "aria-label": "JSON" }, text)),
  ];
}

function showSlack(panel, drawn, where) {
  const onPress = (command, share) => press(command, where, share);
  for (const m of drawn.slack) panel.append(make("div", { class: "slack" }, ...paintSlack(m.blocks, onPress)));
  panel.append(
    make("p", { class: "hint" }, "Drawn by this page from the JSON that Slack gets, in Slack’s manner. Slack’s own drawing is a link away: it sends what stands here to Slack’s site, in your browser."),
    ...json(drawn.slack, drawn.slack.map((m, i) => make("a", { href: builder(m), target: "_blank", rel: "noreferrer noopener" },
      "Open in Slack’s Block Kit Builder" + (drawn.slack.length > 1 ? ` (${i + 1} of ${drawn.slack.length})` : "")))));
}

async function showTeams(panel, drawn, where) {
  const cards = make("div", { class: "teams" }, "One moment.");
  panel.append(cards,
    make("p", { class: "hint" }, "Drawn by Microsoft’s own renderer for Adaptive Cards. Teams’ colours and sizes differ a little."),
    ...json(drawn.teams, []));
  try {
    const { paint } = await import("./teams.js");
    cards.replaceChildren(...await Promise.all(drawn.teams.map((card) => paint(card, (command) => press(command, where)))));
  } catch {
    cards.replaceChildren("The card could not be drawn. Its JSON is below.");
  }
}

// Asking ---------------------------------------------------------------------------

const dialog = byId("confirm");

function confirmed(share) {
  byId("confirm-title").textContent = share.title;
  byId("confirm-text").textContent = share.text;
  byId("confirm-yes").textContent = share.yes;
  byId("confirm-no").textContent = share.no;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((done) => dialog.addEventListener("close", () => done(dialog.returnValue === "yes"), { once: true }));
}

async function press(command, where, share) {
  if (share && where === "private") {
    show(where, problem("There is nobody to share it with in a private chat. Ask in the team channel."));
    return;
  }
  if (share && !await confirmed(share)) return;
  const reply = await ask(command, where, Boolean(share));
  // As a dialogue does in Slack and Teams, a form that somebody asked for has the keyboard.
  if (where === place) reply?.querySelector(".view-page form select, .view-page form input")?.focus({ preventScroll: true });
}

// ask returns the reply, or nothing where there is none.
async function ask(text, where, share = false) {
  if (!share) show(where, mine(text));
  let response;
  try {
    response = await fetch("/say", {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ place: where, text, share }),
    });
    if (!response.ok) {
      show(where, problem((await response.text()).trim()));
      return;
    }
    const drawn = await response.json();
    if (!drawn.html) return;
    const reply = message(drawn, where);
    show(where, reply, true);
    return reply;
  } catch {
    show(where, problem("The bot does not answer. Is it still running? Nothing was done."));
  }
}

byId("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = input.value.trim();
  closeList();
  if (!text) return;
  input.value = "";
  ask(text, place);
});

// Completion -----------------------------------------------------------------------
// https://www.w3.org/WAI/ARIA/apg/patterns/combobox/

let active = -1;

function matches() {
  const typed = input.value.toLowerCase().replace(/\s+/g, " ").trimStart();
  if (!typed) return [];
  const words = typed.replace(/^\//, "").split(" ");
  const starts = [], holds = [];
  for (const c of content.completions) {
    const text = c.text.toLowerCase();
    if (text === typed.trimEnd()) continue;
    if (text.startsWith(typed) || text.startsWith("/" + typed)) starts.push(c);
    else if (words.every((w) => text.includes(w) || c.purpose.toLowerCase().includes(w))) holds.push(c);
  }
  const inText = (c) => words.every((w) => c.text.toLowerCase().includes(w));
  return [...starts, ...holds.filter(inText), ...holds.filter((c) => !inText(c))].slice(0, 8);
}

function openList() {
  const found = matches();
  active = -1;
  input.removeAttribute("aria-activedescendant");
  list.replaceChildren(...found.map((c, i) => {
    const option = make("li", { role: "option", id: "completion-" + i, "aria-selected": "false" },
      make("span", { class: "command" }, c.text), make("span", { class: "purpose" }, c.purpose));
    option.addEventListener("pointerdown", (event) => {
      event.preventDefault(); // the box keeps the focus
      take(c.text);
    });
    option.dataset.text = c.text;
    return option;
  }));
  list.hidden = found.length === 0;
  input.setAttribute("aria-expanded", !list.hidden);
}

function closeList() {
  list.hidden = true;
  active = -1;
  input.setAttribute("aria-expanded", "false");
  input.removeAttribute("aria-activedescendant");
}

function take(text) {
  input.value = text;
  closeList();
}

input.addEventListener("input", openList);
input.addEventListener("blur", closeList);
input.addEventListener("keydown", (event) => {
  if (event.key === "Escape") return closeList();
  if (event.key === "Enter" && active >= 0 && !list.hidden) {
    event.preventDefault();
    return take(list.children[active].dataset.text);
  }
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  if (list.hidden) openList();
  if (list.hidden) return;
  event.preventDefault();
  active = (active + step + (active < 0 && step < 0 ? 1 : 0) + list.children.length) % list.children.length;
  for (const [i, option] of [...list.children].entries()) option.setAttribute("aria-selected", i === active);
  input.setAttribute("aria-activedescendant", list.children[active].id);
  list.children[active].scrollIntoView({ block: "nearest" });
});

// What comes by itself --------------------------------------------------------------

function welcome() {
  for (const { dataset } of places) {
    const log = logOf(dataset.place);
    if (log.querySelector("article")) continue;
    const starters = content.starters.map((c) => {
      const button = make("button", { type: "button" }, make("span", { class: "command" }, c.text), make("span", { class: "purpose" }, c.purpose));
      button.addEventListener("click", () => ask(c.text, dataset.place));
      return make("li", {}, button);
    });
    log.replaceChildren(make("div", { class: "welcome" }, make("p", {}, "Type a command below, or begin with one of these:"), make("ul", {}, ...starters)));
  }
}

function showFaults() {
  const box = byId("faults");
  if (!content.faults.length) {
    box.replaceChildren();
    return;
  }
  box.replaceChildren(
    make("p", {}, make("strong", {}, content.faults.length === 1 ? "The folder has a fault. " : `The folder has ${content.faults.length} faults. `), "The last good briefings go on answering."),
    make("ul", { tabindex: "0", "aria-label": "Faults" }, ...content.faults.map((f) => make("li", {}, f))));
}

const again = 5000; // milliseconds until a stream that the browser gave up is opened anew
let last = ""; // the last post's id
let lost;

function listen() {
  const events = new EventSource("/events" + (last && "?last=" + encodeURIComponent(last)));
  events.addEventListener("open", () => { lost?.remove(); lost = undefined; });
  events.addEventListener("content", (event) => changed(JSON.parse(event.data)));
  events.addEventListener("post", (event) => { last = event.lastEventId; posted(JSON.parse(event.data)); });
  events.addEventListener("error", () => {
    if (!lost) {
      lost = problem("The connection to the bot is gone. This page tries again by itself.");
      show(place, lost);
    }
    // After an answer that is no stream, as a proxy's, the browser does not try again.
    if (events.readyState === EventSource.CLOSED) setTimeout(relisten, again);
  });
}

// relisten tries again, unless the session is over: an EventSource does not tell.
async function relisten() {
  const request = new AbortController();
  try {
    const response = await fetch("/events?last=" + encodeURIComponent(last), { signal: request.signal });
    if (response.status === 401) {
      lost.replaceChildren(make("p", {}, (await response.text()).trim()));
      return;
    }
  } catch {
    // listen finds the same
  } finally {
    request.abort();
  }
  listen();
}

function changed(now) {
  const before = content;
  content = { ...now, completions: now.completions ?? [], starters: now.starters ?? [], faults: now.faults ?? [] };
  showFaults();
  welcome();
  if (before.version && before.version !== content.version) {
    show(place, make("article", { class: "problem", role: "status" }, make("p", {}, "The briefings were read anew. What you ask from now on has the new text.")));
  }
}

function posted(drawn) {
  show("channel", message(drawn, "channel"), true);
  if (place !== "channel") {
    byId("tab-channel").classList.add("news");
    byId("tab-channel").setAttribute("aria-description", "There is a new post");
  }
}

document.querySelector("main").hidden = false; // without this script it can do nothing
listen();
input.focus();
