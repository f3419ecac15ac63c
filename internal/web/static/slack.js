// Paints the part of Slack's Block Kit that the bot uses, from the JSON that Slack
// gets, in Slack's manner: https://docs.slack.dev/reference/block-kit/blocks.

const make = (tag, name, ...children) => {
  const element = document.createElement(tag);
  if (name) element.className = name;
  element.append(...children);
  return element;
};

// paint is the elements that the blocks make. press is called with a button's command
// and, where Slack would ask first, what it would ask.
export function paint(blocks, press) {
  return blocks.map((block) => {
    switch (block.type) {
      case "header":
        return make("p", "slack-header", block.text.text);
      case "rich_text":
        return make("div", "slack-rich", ...block.elements.map(rich));
      case "context":
        return make("p", "slack-context", ...block.elements.map((e) => e.text));
      case "actions":
        return make("div", "slack-actions", ...block.elements.map((e) => action(e, press)));
      case "section":
        return make("p", "", block.text.text);
      case "divider":
        return make("hr");
      default:
        return make("p", "slack-context", `(A block of the kind ${block.type}, which this page cannot draw.)`);
    }
  });
}

function rich(element) {
  if (element.type === "rich_text_list") {
    const list = make(element.style === "ordered" ? "ol" : "ul", "slack-indent-" + Math.min(element.indent ?? 0, 8),
      ...element.elements.map((e) => make("li", "", ...e.elements.map(span))));
    return list;
  }
  return make("div", "slack-section", ...element.elements.map(span));
}

function span(element) {
  const text = element.text ?? element.url ?? "";
  let out = text;
  if (element.type === "link") {
    out = make("a", "", text);
    out.href = element.url;
    out.target = "_blank";
    out.rel = "noreferrer noopener";
  }
  const style = element.style ?? {};
  if (style.code) out = make("code", "", out);
  if (style.italic) out = make("em", "", out);
  if (style.bold) out = make("strong", "", out);
  return out;
}

function action(element, press) {
  const button = make("button", element.style ?? "", element.text.text);
  button.type = "button";
  const confirm = element.confirm;
  button.addEventListener("click", () => press(element.value, confirm && {
    title: confirm.title.text, text: confirm.text.text, yes: confirm.confirm.text, no: confirm.deny.text,
  }));
  return button;
}

// builder is the address at which Slack draws a message itself. What stands behind
// the # stays in the browser until Slack's own page reads it.
export const builder = (message) =>
  "https://app.slack.com/block-kit-builder#" + encodeURIComponent(JSON.stringify({ blocks: message.blocks }));
