// New elements. All text goes in by textContent: names and labels may hold anything.

/** @typedef {Record<string, string | number>} Attributes */

/** @param {Element} node @param {Attributes} attributes */
function setAttributes(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value));
}

/**
 * A new element; `text` is always text.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag @param {string} [className] @param {string | null} [text] @param {Attributes} [attributes]
 */
function make(tag, className = "", text = null, attributes = {}) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== null) node.textContent = text;
  setAttributes(node, attributes);
  return node;
}

/**
 * @template {keyof SVGElementTagNameMap} Tag
 * @param {Tag} tag @param {Attributes} attributes
 */
function makeSvg(tag, attributes) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  setAttributes(node, attributes);
  return node;
}

/** @param {string} className @param {string | null} [text] @param {Attributes} [attributes] */
const makeButton = (className, text, attributes = {}) =>
  make("button", className, text, { type: "button", ...attributes });

/**
 * A button that plays what `key` names, and stops it.
 * @param {string} className @param {string | null} text @param {string} key
 */
function playButton(className, text, key) {
  const button = makeButton(className, null, { "aria-pressed": "false", "data-key": key });
  button.append(make("span", "icon", null, { "aria-hidden": "true" }), make("span", "text", text));
  return button;
}

/** @param {string | number} number */
function numberChip(number) {
  return make("span", "number", String(number));
}

/** A selector of the button inside an element that has the focus, if one has. @param {Element} node */
function focusWithin(node) {
  const focused = /** @type {HTMLElement | null} */ (document.activeElement);
  if (!focused || !node.contains(focused)) return null;
  const name = ["explain", "key"].find((each) => focused.dataset[each]);
  return name ? `button[data-${name}="${focused.dataset[name]}"]` : null;
}

/** The element inside another one that is known to be there. @param {Element} node @param {string} selector */
const within = (node, selector) => /** @type {HTMLElement} */ (node.querySelector(selector));
/** @param {Element} node @param {string} selector */
const allWithin = (node, selector) => /** @type {NodeListOf<HTMLElement>} */ (node.querySelectorAll(selector));

/**
 * The element that something happened to, or the nearest one around it that a selector names.
 * @param {Event} event @param {string} selector
 */
const closest = ({ target }, selector) =>
  target instanceof Element ? /** @type {HTMLElement | null} */ (target.closest(selector)) : null;
