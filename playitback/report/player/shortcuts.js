// The list of all keys, as a dialog.

/** @typedef {[key: string, meaning: string][]} Keys */

/** @type {Keys} */
const PLAYING_KEYS = [
  ["Space", "play the clip from the playhead; stop"],
  ["← →", "move the playhead by 0.1 s; with Shift by 1 s"],
  ["Home, End", "on the playhead’s slider: to the start, to the end"],
  ["1 – 9", "play that segment of the row"],
  ["Esc", "stop"],
  ["?", "show this list"],
];
/** @type {Keys} */
const EDITING_KEYS = [
  ["N", "new segment at the playhead"],
  ["← →", "move the segment by 0.05 s"],
  ["Shift + ← →", "move its end"],
  ["Alt + ← →", "move its start"],
  ["Enter, Space", "play the segment"],
  ["Delete, Backspace", "delete the segment"],
  ["Esc", "while dragging: put the segment back"],
  ["Ctrl or Shift + click", "select several segments"],
  ["drag on a row", "draw a segment; drag it to move it, its edges to resize it"],
];

/** @param {string} title @param {Keys} keys */
function keyTable(title, keys) {
  const table = make("table", "key-table");
  table.append(make("caption", "", title));
  const body = make("tbody");
  for (const [key, meaning] of keys) {
    const line = make("tr");
    const head = make("th", "", null, { scope: "row" });
    head.append(make("kbd", "", key));
    line.append(head, make("td", "", meaning));
    body.append(line);
  }
  table.append(body);
  return table;
}

/**
 * The dialog, not yet open. The browser gives the focus back to where it was when it closes.
 * @param {boolean} editable
 */
function makeShortcuts(editable) {
  const dialog = make("dialog", "shortcuts", null, { "aria-label": "Keyboard shortcuts" });
  const box = make("div", "shortcuts-box");
  const head = make("div", "shortcuts-head");
  const close = makeButton("tool", "Close");
  close.addEventListener("click", () => dialog.close());
  head.append(make("h3", "", "Keyboard shortcuts"), close);
  box.append(head, keyTable("Playing", PLAYING_KEYS));
  if (editable) box.append(keyTable("Editing segments; most keys act on the one that has the focus", EDITING_KEYS));
  dialog.append(box);
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close()); // beside the box
  return dialog;
}
