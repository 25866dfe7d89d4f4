// Editing one row: its segments as things to drag on the surface, and as a list of numbers below it.

/** @type {Edge[]} */
const EDGES = ["start", "end"];
const GRIP_PIXELS = { fine: 24, coarse: 32 }; // width of an edge's hit area
/** @type {Record<string, number>} */
const DRAG_PIXELS = { mouse: 3, pen: 5, touch: 8 }; // before a press becomes a drag

/** A segment on the surface: focusable, with a grip at either edge. @param {number} id */
function makePiece(id) {
  const node = make("div", "piece", null, {
    role: "button",
    tabindex: "0",
    "aria-pressed": "false",
    "data-key": `piece-${id}`,
    "data-id": id,
  });
  const grips = EDGES.map((edge) => make("span", `grip ${edge}-grip`, null, { "data-grip": edge }));
  const number = make("span", "frame-number");
  node.append(...grips, number);
  return { node, grips, number };
}

/**
 * A segment in the list: select, play, two numbers, delete.
 * @param {number} id
 * @param {{
 *   select: (id: number, more: boolean) => void,
 *   type: (id: number, edge: Edge, second: number) => void,
 *   remove: (id: number) => void,
 * }} actions
 */
function makeEntry(id, { select, type, remove }) {
  const node = make("li", "entry", null, { "data-id": id });
  const check = make("input", "", null, { type: "checkbox" });
  check.addEventListener("change", () => select(id, true));
  const name = make("label", "entry-name");
  const number = numberChip("");
  name.append(check, number);
  const play = playButton("tool", null, `piece-${id}`);
  const edges = EDGES.map((edge) => {
    const label = make("label", "edge");
    const input = make("input", "", null, { type: "number", step: "0.001", inputmode: "decimal", required: "" });
    input.addEventListener("change", () => type(id, edge, input.valueAsNumber));
    label.append(make("span", "", edge === "start" ? "from" : "to"), input, make("span", "", "s"));
    return { edge, label, input };
  });
  const bin = makeButton("tool", null, { title: "Delete" });
  bin.append(make("span", "cross", null, { "aria-hidden": "true" }));
  bin.addEventListener("click", () => remove(id));
  node.append(name, play, ...edges.map((each) => each.label), bin);
  return { node, check, number, play, edges, bin };
}

/** @param {MouseEvent} event */
const severalWanted = (event) => event.ctrlKey || event.metaKey || event.shiftKey;

/** @typedef {{ piece: ReturnType<typeof makePiece>, entry: ReturnType<typeof makeEntry> }} DrawnSegment */

/**
 * The tools of one row. `edits` holds the segments; say(text) speaks to screen readers and the status line. Without a
 * hearing after it (nextTitle: null) its segments serve only to edit the sound, and nothing can be held.
 * @param {DrawnRow} row
 * @param {{ edits: Edits, clipSeconds: number, nextTitle: string | null, say: (text: string) => void }} surroundings
 */
function makeRowEditor(row, { edits, clipSeconds, nextTitle, say }) {
  const { index } = row.row;
  const layer = make("div", "pieces");
  row.surface.insertBefore(layer, within(row.surface, ".hover-line"));

  const box = make("div", "editor");
  const purpose = nextTitle === null ? "Segments to remove or to keep" : `What ${nextTitle} will hear again`;
  const title = make("p", "editor-title", purpose);
  const hold = make("input", "", null, { type: "checkbox" });
  const holdLabel = make("label", "hold");
  holdLabel.append(hold, make("span", "", "hold"));
  holdLabel.title = `${nextTitle} replays exactly these, whatever the model would choose`;
  const addButton = makeButton("tool", "Add at the playhead");
  const freeButton = makeButton("tool", "Free again");
  freeButton.title = "Back to what the model chose";
  const head = make("div", "editor-head");
  head.append(title, ...(nextTitle === null ? [addButton] : [holdLabel, addButton, freeButton]));
  const nothing = nextTitle === null ? "No segment." : `No segment: nothing is replayed in ${nextTitle}.`;
  const empty = make("p", "editor-empty", nothing);
  const list = make("ol", "entries", null, {
    "aria-label": nextTitle === null ? purpose : `Segments that ${nextTitle} will hear again`,
  });
  box.append(head, list, empty);
  within(row.node, ".sentence").after(box);
  const mark = make("span", "held-mark", "held");
  within(row.head, ".row-title").after(mark);

  /** @type {Map<number, DrawnSegment>} */
  const drawnSegments = new Map(); // by id
  /** @type {Gesture | null} */
  let gesture = null; // a press on the surface that may become a drag
  /** @type {Gesture | null} */
  let ended = null; // the last one, until its click has come

  const segments = () => edits.shown(index);
  /** @param {number} id */
  const drawnSegment = (id) => /** @type {DrawnSegment} */ (drawnSegments.get(id));
  /** @param {number | null} id */
  const numberOf = (id) => segments().findIndex((each) => each.id === id);
  /** @param {number} k */
  const room = (k) => roomOf(segments(), k, clipSeconds);
  /** @param {EditedSegment} segment */
  const put = (segment) =>
    edits.change(
      index,
      segments().map((each) => (each.id === segment.id ? segment : each)),
    );
  /** @param {EditedSegment} segment */
  const nameOf = (segment) => `Segment ${numberOf(segment.id) + 1}, ${secondsText(segment)}`;
  /** @param {number} id */
  const tellOf = (id) => say(`${nameOf(segments()[numberOf(id)])}.${nextTitle === null ? "" : " Held."}`);
  /** @param {number} id */
  const focus = (id) => drawnSegment(id).piece.node.focus({ preventScroll: true });

  // ---- changes

  /** @param {EditedSegment} segment */
  function insert(segment) {
    edits.change(
      index,
      [...segments(), segment].sort((a, b) => a.start - b.start),
    );
  }

  /** @param {number} playhead */
  function addAt(playhead) {
    const second = millisecond(playhead);
    const gap = gapAt(segments(), second, clipSeconds);
    if (!gap) return void say("There is no room for a segment at the playhead. Move the playhead to a free place.");
    const id = edits.newId();
    const from = Math.min(second, Math.max(gap[0], gap[1] - NEW_SECONDS));
    insert(drawn(id, gap, from, from + NEW_SECONDS));
    edits.select(id, false);
    focus(id);
    tellOf(id);
  }

  /** Moves a segment, or one edge of it. @param {number} id @param {Edge | null} edge @param {number} by */
  function nudge(id, edge, by) {
    const k = numberOf(id);
    const segment = segments()[k];
    put(edge ? resized(segment, edge, room(k), segment[edge] + by) : moved(segment, room(k), segment.start + by));
    tellOf(id);
  }

  /** @param {number} id @param {Edge} edge @param {number} second */
  function type(id, edge, second) {
    const k = numberOf(id);
    if (Number.isFinite(second)) {
      put(typed(segments()[k], edge, room(k), second));
      tellOf(id);
    } else render(); // what was there before
  }

  /** @param {number} id */
  function remove(id) {
    const k = numberOf(id);
    const inList = drawnSegment(id).entry.node.contains(document.activeElement);
    const rest = segments().filter((each) => each.id !== id);
    edits.change(index, rest);
    const next = rest[Math.min(k, rest.length - 1)];
    if (!next) (inList ? addButton : row.surface).focus({ preventScroll: true });
    else if (inList) drawnSegment(next.id).entry.bin.focus();
    else focus(next.id);
    say(`Segment ${k + 1} deleted. ${rest.length} left${nextTitle === null ? "" : ", held"}.`);
  }

  // ---- drawing

  /** @param {DrawnSegment["piece"]} piece @param {EditedSegment} segment @param {boolean} coarse */
  function placePiece({ node, grips }, { start, end }, coarse) {
    const width = row.surface.clientWidth;
    const [left, right] = [row.fraction(start) * width, row.fraction(end) * width];
    node.style.left = `${row.fraction(start) * 100}%`;
    node.style.width = `${(row.fraction(end) - row.fraction(start)) * 100}%`;
    node.classList.toggle("near-end", left > width * 0.95);
    // Inside, the grips leave a third of the segment free to move it by; outside, they end at the row's ends.
    const grip = coarse ? GRIP_PIXELS.coarse : GRIP_PIXELS.fine;
    const outside = grip - Math.min((grip * 2) / 3, (right - left) / 3);
    [left, width - right].forEach((room, k) => {
      grips[k].style.width = `${grip}px`;
      grips[k].style.setProperty("--reach", `${Math.min(outside, room)}px`);
    });
  }

  /** @param {DrawnSegment["entry"]} entry @param {EditedSegment} segment @param {number} k */
  function fillEntry({ check, number, play, edges, bin }, segment, k) {
    check.checked = edits.isSelected(segment.id);
    check.setAttribute("aria-label", `Select segment ${k + 1}`);
    number.textContent = String(k + 1);
    play.setAttribute("aria-label", `Play segment ${k + 1}, ${secondsText(segment)}`);
    bin.setAttribute("aria-label", `Delete segment ${k + 1}`);
    for (const { edge, input } of edges) {
      input.setAttribute("aria-label", `Segment ${k + 1} ${edge}, seconds`);
      input.min = room(k)[0].toFixed(3);
      input.max = room(k)[1].toFixed(3);
      input.value = segment[edge].toFixed(3);
    }
  }

  /** Brings what is drawn in line with the edits. Elements stay: one of them may have the focus, or be dragged. */
  function render() {
    const coarse = matchMedia("(pointer: coarse)").matches;
    const wanted = new Set(segments().map(({ id }) => id));
    for (const [id, { piece, entry }] of drawnSegments) {
      if (wanted.has(id)) continue;
      piece.node.remove();
      entry.node.remove();
      drawnSegments.delete(id);
    }
    segments().forEach((segment, k) => {
      const { id } = segment;
      if (!drawnSegments.has(id)) {
        const fresh = { piece: makePiece(id), entry: makeEntry(id, { select: edits.select, type, remove }) };
        layer.insertBefore(fresh.piece.node, layer.children[k] || null);
        list.insertBefore(fresh.entry.node, list.children[k] || null);
        drawnSegments.set(id, fresh);
      }
      const { piece, entry } = drawnSegment(id);
      const chosen = edits.isSelected(id);
      piece.node.classList.toggle("selected", chosen);
      piece.node.setAttribute("aria-label", `${nameOf(segment)}${chosen ? ", selected" : ""}`);
      piece.number.textContent = String(k + 1);
      placePiece(piece, segment, coarse);
      entry.node.classList.toggle("selected", chosen);
      fillEntry(entry, segment, k);
    });
    const held = nextTitle !== null && edits.isHeld(index);
    hold.checked = held;
    row.node.classList.toggle("held", held);
    mark.hidden = !held;
    freeButton.disabled = !edits.isChanged(index);
    empty.hidden = segments().length > 0;
  }

  // ---- gestures

  /** @param {PointerEvent} event */
  function startGesture(event) {
    ended = null;
    if (event.button !== 0 || !event.isPrimary || gesture || !row.node.classList.contains("editing")) return;
    const grip = closest(event, ".grip");
    const piece = closest(event, ".piece");
    const id = piece ? Number(piece.dataset.id) : null;
    const edge = grip && grip.dataset.grip === "end" ? "end" : "start";
    const second = id !== null ? segments()[numberOf(id)][edge] : Math.min(row.secondAt(event.clientX), clipSeconds);
    const box = row.surface.getBoundingClientRect();
    gesture = {
      pointer: event.pointerId,
      kind: grip ? "resize" : piece ? "move" : "draw",
      id,
      edge,
      from: event.clientX,
      patience: DRAG_PIXELS[event.pointerType] || DRAG_PIXELS.mouse,
      second,
      x: piece ? box.left + row.fraction(second) * box.width : event.clientX,
      before: edits.stateOf(index),
      dragged: false,
      room: null,
    };
    row.surface.setPointerCapture(event.pointerId);
  }

  /** @param {Gesture} press */
  function beginDrag(press) {
    press.dragged = true;
    row.node.classList.add("dragging");
    if (press.kind !== "draw") return;
    press.room = gapAt(segments(), press.second, clipSeconds);
    press.id = edits.newId();
    if (press.room) insert(drawn(press.id, press.room, press.second, press.second));
    else say("There is no room for a segment here.");
  }

  /** @param {PointerEvent} event */
  function drag(event) {
    if (!gesture || event.pointerId !== gesture.pointer) return;
    if (!gesture.dragged && Math.abs(event.clientX - gesture.from) < gesture.patience) return;
    if (!gesture.dragged) beginDrag(gesture);
    const second = row.secondAt(gesture.x + event.clientX - gesture.from);
    const k = numberOf(gesture.id);
    if (k < 0) return; // no room to draw in
    const segment = segments()[k];
    if (gesture.room) put(drawn(segment.id, gesture.room, gesture.second, second));
    else
      put(gesture.kind === "move" ? moved(segment, room(k), second) : resized(segment, gesture.edge, room(k), second));
  }

  function leave() {
    row.node.classList.remove("dragging");
    gesture = null;
  }

  /** @param {PointerEvent} event */
  function drop(event) {
    if (!gesture || event.pointerId !== gesture.pointer) return;
    const { id, dragged } = gesture;
    ended = gesture;
    leave();
    if (id === null || numberOf(id) < 0) return;
    // Not left to the click: Chromium sends none for a tap that comes right after a swipe.
    edits.select(id, !dragged && severalWanted(event));
    focus(id);
    if (dragged) tellOf(id);
  }

  /** Puts back what a drag has changed; true if there was one. */
  function cancel() {
    if (!gesture) return false;
    const { before, dragged } = gesture;
    ended = gesture;
    leave();
    if (dragged) edits.restore(index, before);
    return dragged;
  }

  /**
   * Handles a click on the surface; after a press in the editor it means nothing more. False: the row handles it.
   * @param {MouseEvent} event
   */
  function click(event) {
    if (!closest(event, ".surface")) return false;
    const press = event.detail ? ended : null; // 0: a click without a press, from assistive technology
    ended = null;
    if (press) return press.dragged || press.id !== null;
    const piece = closest(event, ".piece");
    if (!piece) return false;
    edits.select(Number(piece.dataset.id), severalWanted(event));
    focus(Number(piece.dataset.id));
    return true;
  }

  row.surface.addEventListener("pointerdown", startGesture);
  row.surface.addEventListener("pointermove", drag);
  row.surface.addEventListener("pointerup", drop);
  row.surface.addEventListener("pointercancel", cancel);
  hold.addEventListener("change", () => edits.hold(index, hold.checked));
  freeButton.addEventListener("click", () => {
    edits.free(index);
    hold.focus();
    say("Free again: the model chooses for itself.");
  });

  /** @param {number} id */
  const has = (id) => drawnSegments.has(id);
  return { row, index, addButton, addAt, nudge, remove, render, cancel, click, has, segments };
}
