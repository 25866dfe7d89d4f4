// The list of variants: draws its HTML, gives its sounds their addresses, and tells which variant is to be shown.
// Playing them is what stretches.js does. `element`, `props`, `trigger` and `watch` are Gradio's.

const list = /** @type {HTMLElement} */ (element.querySelector(".variant-list"));

function drawList() {
  /** @type {VariantListData} */
  const { html, sounds } = props.value || { html: "", sounds: [] };
  const active = /** @type {HTMLElement} */ (document.activeElement);
  const focused = list.contains(active) ? active.dataset.key : null;
  list.innerHTML = html; // escaped where it was made
  for (const button of buttons("[data-file]")) button.dataset.sound = sounds[Number(button.dataset.file)].url;
  // a new button now stands in place of the one that was pressed
  if (focused) [...buttons("[data-key]")].find((each) => each.dataset.key === focused)?.focus({ preventScroll: true });
}

element.addEventListener("click", (event) => {
  const button = clicked(event, "[data-show]");
  if (button) trigger("show", { place: Number(button.dataset.show) });
});
watch("value", drawList);
drawList();
