// Editing in all rows: the switch, the bar of tools, the keys, and the questions that go out.

const FILLS = [
  ["silence", "silence"],
  ["mean spectrum", "noise with the clip’s spectrum"],
  ["noise", "noise at the clip’s level"],
  ["neighbour", "neighbouring sound"],
];
const HINT = "Drag on a row to draw a segment. Held rows are replayed as drawn; in the others the model chooses anew.";
const SOUND_HINT = "Drag on the row to draw a segment. Select some to remove them from the sound, or to keep only them.";

function makeTools() {
  const bar = make("div", "tools", null, { role: "group", "aria-label": "What if" });
  const replay = makeButton("tool primary", "Replay these instead");
  const reset = makeButton("tool", "Reset");
  const chosen = make("span", "tools-chosen");
  const remove = makeButton("tool", "Remove from the sound");
  const keep = makeButton("tool", "Keep only it");
  const label = make("label", "fill", "filled with");
  const fill = make("select");
  for (const [value, text] of FILLS) fill.append(make("option", "", text, { value }));
  label.append(fill);
  const [again, sound] = [make("div", "tool-group"), make("div", "tool-group sound-tools")];
  again.append(replay, reset);
  sound.append(chosen, remove, keep, label);
  bar.append(again, sound);
  return { bar, replay, reset, chosen, remove, keep, fill };
}

/**
 * play(key) plays or stops what a key names; position() is the playhead's second; say(text) speaks; redrawn() is called
 * after every switch. onReplay and onEdit ask the questions; until `answered` they wait.
 * @param {{
 *   play: (key: string) => void,
 *   position: () => number,
 *   say: (text: string) => void,
 *   redrawn: () => void,
 * } & Questions} player
 */
function makeEditor({ play, position, say, redrawn, onReplay, onEdit }) {
  /** @type {Map<number, RowEditor>} */
  const editors = new Map(); // by the index of the row
  const edits = makeEdits(render);
  const toggle = makeButton("mode edit-toggle", "Edit segments", { "aria-pressed": "false" });
  const tools = makeTools();
  const lastRowNote = make("p", "editor editor-note", "The last hearing: nothing is replayed after it.");
  /** @type {ViewData | null} */
  let view = null;
  /** @type {DrawnRows} */
  let rows = new Map();
  let on = false; // wanted; there is something to edit only when all hearings are there
  /** @type {HTMLButtonElement | null} */
  let waiting = null; // the button whose question has no answer yet

  /** @param {DrawnRow} row @param {number} clipSeconds @param {string | null} nextTitle */
  function newEditor(row, clipSeconds, nextTitle) {
    const editor = makeRowEditor(row, { edits, clipSeconds, nextTitle, say });
    editor.addButton.addEventListener("click", () => editor.addAt(position()));
    return editor;
  }

  const possible = () => editors.size > 0;
  const active = () => on && possible();
  const replays = () => rows.size > 1; // otherwise no hearing could replay anything

  function render() {
    if (!view) return;
    const held = replays() ? Object.keys(edits.held()).length : 0;
    const selection = edits.selection();
    const seconds = selection.reduce((sum, { start, end }) => sum + end - start, 0);
    const several = selection.length > 1;
    toggle.disabled = !possible();
    toggle.setAttribute("aria-pressed", String(active()));
    toggle.textContent = held && !active() ? `Edit segments (${held} held)` : "Edit segments";
    tools.bar.hidden = !active();
    tools.replay.hidden = !replays();
    tools.replay.disabled = Boolean(waiting) || !held;
    tools.reset.disabled = Boolean(waiting) || !edits.anyChanged();
    for (const button of [tools.remove, tools.keep]) button.disabled = Boolean(waiting) || !selection.length;
    tools.keep.textContent = several ? "Keep only them" : "Keep only it";
    tools.chosen.textContent = selection.length
      ? `${selection.length} segment${several ? "s" : ""} selected, ${seconds.toFixed(2)} s`
      : "no segment selected";
    for (const [index, row] of rows) row.node.classList.toggle("editing", active() && editors.has(index));
    for (const row of rows.values()) row.node.classList.toggle("in-edit-mode", active());
    if (active()) for (const editor of editors.values()) editor.render();
  }

  /** @param {HTMLButtonElement} button @param {() => void} question */
  function ask(button, question) {
    waiting = button;
    render();
    say("Waiting for the answer …");
    question();
  }

  /** @param {EditQuestion["action"]} action */
  const askSound = (action) => () =>
    ask(action === "remove" ? tools.remove : tools.keep, () =>
      onEdit({ action, segments: pairsOf(edits.selection()), fill: tools.fill.value }),
    );

  /** The editor of the row that a segment is in. @param {number} id */
  const ofPiece = (id) => [...editors.values()].find((editor) => editor.has(id));

  /**
   * Keys of editing; true if the event was one. `index` is the row that the event speaks to.
   * @param {KeyboardEvent} event @param {number} index
   */
  function keyDown(event, index) {
    if (!active()) return false;
    const { key } = event;
    if (key === "Escape") return [...editors.values()].some((editor) => editor.cancel());
    if (event.ctrlKey || event.metaKey) return false;
    if (key === "n" || key === "N") {
      if (event.altKey) return false;
      const editor = editors.get(index);
      if (editor) editor.addAt(position());
      else say("Nothing can be changed in the last row. Put the focus on another one.");
      return true;
    }
    const piece = closest(event, ".piece");
    const id = piece ? Number(piece.dataset.id) : 0;
    const editor = ofPiece(id);
    if (!editor) return false;
    if (key === "ArrowLeft" || key === "ArrowRight") {
      const edge = event.altKey ? "start" : event.shiftKey ? "end" : null;
      editor.nudge(id, edge, key === "ArrowLeft" ? -STEP_SECONDS : STEP_SECONDS);
    } else if (event.altKey) return false;
    else if (key === "Delete" || key === "Backspace") editor.remove(id);
    else if (key === "Enter" || key === " ") play(`piece-${id}`);
    else return false;
    return true;
  }

  toggle.addEventListener("click", () => {
    on = !on;
    render();
    redrawn();
    say(on ? (replays() ? HINT : SOUND_HINT) : "");
  });
  tools.replay.addEventListener("click", () => ask(tools.replay, () => onReplay({ held: edits.held() })));
  tools.reset.addEventListener("click", () => {
    edits.reset();
    toggle.focus();
    say("Every row is as the model chose it.");
  });
  tools.remove.addEventListener("click", askSound("remove"));
  tools.keep.addEventListener("click", askSound("keep"));

  return {
    toggle,
    bar: tools.bar,
    keyDown,
    render,
    /**
     * Takes the rows of a view; all but the last can be edited: what a hearing chose is replayed in the next one. Of a
     * single row the sound can be edited.
     * @param {ViewData} next @param {DrawnRows} drawnRows
     */
    setRows: (next, drawnRows) => {
      view = next;
      rows = drawnRows;
      const inOrder = [...rows.values()].sort((a, b) => a.row.index - b.row.index);
      const several = inOrder.length > 1;
      const editable = next.finished ? (several ? inOrder.slice(0, -1) : inOrder) : [];
      edits.setRows(
        editable.map(({ row }) => [row.index, row.segments]),
        next.held,
      );
      const before = new Map(editors);
      editors.clear();
      editable.forEach((row, k) => {
        const { index } = row.row;
        const known = before.get(index);
        const following = several ? inOrder[k + 1].row.title : null;
        editors.set(index, known && known.row === row ? known : newEditor(row, next.clip_seconds, following));
      });
      if (several && editable.length) within(inOrder[inOrder.length - 1].node, ".sentence").after(lastRowNote);
      render();
    },
    /** The answer is there: the questions may be asked again. */
    answered: () => {
      const asked = waiting;
      waiting = null;
      render();
      if (asked && document.activeElement === document.body) asked.focus();
    },
    /**
     * Handles a click in a row; false: the click means the same as without editing.
     * @param {MouseEvent} event @param {number} index
     */
    click: (event, index) => {
      const editor = editors.get(index);
      return active() && editor !== undefined && editor.click(event);
    },
    /** Where a segment is. @param {number} id @returns {Found} */
    find: (id) => {
      const editor = /** @type {RowEditor} */ (ofPiece(id)); // the button that plays it is gone when the segment is
      const number = editor.segments().findIndex((each) => each.id === id);
      return { index: editor.index, number, segment: editor.segments()[number] };
    },
    /**
     * The key of the segment that a digit plays in a row: "" where there is none, null where nothing is edited.
     * @param {number} index @param {number} k
     */
    keyOf: (index, k) => {
      const editor = active() && editors.get(index);
      if (!editor) return null;
      return k < editor.segments().length ? `piece-${editor.segments()[k].id}` : "";
    },
    clear: () => {
      view = null;
      waiting = null;
      rows = new Map();
      editors.clear();
      edits.setRows([], {});
    },
  };
}
