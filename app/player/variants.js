// The list of variants: draws its HTML, gives its sounds their addresses, and tells which variant is to be shown. Playing
// them is what stretches.js does. `element`, `props`, `trigger` and `watch` are Gradio's.

const list = element.querySelector(".variant-list");

function drawList() {
  const { html, sounds } = props.value || { html: "", sounds: [] };
  const focused = list.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  list.innerHTML = html; // escaped where it was made
  for (const button of list.querySelectorAll("[data-file]")) button.dataset.sound = sounds[button.dataset.file].url;
  // the button that was pressed is another one now
  if (focused) list.querySelector(`[data-key="${focused}"]`)?.focus({ preventScroll: true });
}

element.addEventListener("click", ({ target }) => {
  const button = target.closest("[data-show]");
  if (button) trigger("show", { place: Number(button.dataset.show) });
});
watch("value", drawList);
drawList();
