// Paints Adaptive Cards with Microsoft's own renderer, which is loaded when the first
// card is looked at.

const font = { fontFamily: "'Segoe UI', system-ui, sans-serif" };
let renderer;

function load() {
  renderer ??= new Promise((done, failed) => {
    const script = document.createElement("script");
    script.src = "/static/adaptivecards.js";
    script.addEventListener("load", () => done(window.AdaptiveCards));
    script.addEventListener("error", failed);
    document.head.append(script);
  });
  return renderer;
}

// config is near to what Teams draws with; its own is not published. Colours are the
// page's, so that they follow it from light to dark.
function config() {
  const colours = Object.fromEntries(["default", "dark", "light", "accent", "good", "warning", "attention"].map((name) =>
    [name, name === "accent" ? { default: "var(--accent)", subtle: "var(--accent)" } : { default: "var(--text)", subtle: "var(--quiet)" }]));
  return {
    ...font,
    spacing: { small: 4, default: 8, medium: 12, large: 16, extraLarge: 24, padding: 16 },
    fontSizes: { small: 12, default: 14, medium: 16, large: 18, extraLarge: 24 },
    fontWeights: { lighter: 400, default: 400, bolder: 600 },
    textBlock: { headingLevel: 3 },
    containerStyles: { default: { backgroundColor: "transparent", foregroundColors: colours } },
    actions: { maxActions: 20, buttonSpacing: 8, actionsOrientation: "horizontal", actionAlignment: "left" },
  };
}

// paint is the element that a card makes. press is called with the command that a
// button of it ends in.
export async function paint(card, press) {
  const ac = await load();
  // The bot escapes every character that Markdown would read, so that nothing but
  // the escapes is left to take away.
  ac.AdaptiveCard.onProcessMarkdown = (text, result) => {
    result.outputHtml = text.replace(/\\([\\`*_{}[\]()#+\-.!~>|<&])/g, "$1")
      .replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
    result.didProcess = true;
  };
  const drawn = new ac.AdaptiveCard();
  drawn.version = new ac.Version(1, 6);
  drawn.hostConfig = new ac.HostConfig(config());
  drawn.onExecuteAction = (action) => {
    if (action instanceof ac.OpenUrlAction) {
      window.open(action.url, "_blank", "noreferrer,noopener");
      return;
    }
    const data = action.data ?? {};
    const command = data.command ?? commandOf(data);
    if (command) press(command);
  };
  drawn.parse(card);
  const element = drawn.render();
  if (!element) throw new Error("nothing was drawn");
  return element;
}

// commandOf is the command that a form ends in: its own words, each input's value in
// their order, and the rest.
function commandOf(data) {
  if (!data.form) return "";
  const values = Array.from({ length: data.form.fields }, (_, i) => data["f" + i] ?? "");
  return [data.form.command, ...values, data.form.rest].join(" ").replace(/\s+/g, " ").trim();
}
