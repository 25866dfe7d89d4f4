// New elements. All text goes in by textContent: names and labels may hold anything.

/** A new element; `text` is always text. */
function make(tag, className, text, attributes = {}) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined && text !== null) node.textContent = text;
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

function makeSvg(tag, attributes) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

const makeButton = (className, text, attributes = {}) =>
  make("button", className, text, { type: "button", ...attributes });

/** A button that plays what `key` names, and stops it. */
function playButton(className, text, key) {
  const button = makeButton(className, null, { "aria-pressed": "false", "data-key": key });
  button.append(make("span", "icon", null, { "aria-hidden": "true" }), make("span", "text", text));
  return button;
}

function numberChip(number) {
  return make("span", "number", String(number));
}
