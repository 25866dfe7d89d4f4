// The synchronised player: draws the hearings of one run as rows on one time axis, and plays them through WebAudio.
//
// mountPlayer(element, { resolve, editable, onReplay, onEdit, onExplain }) returns { update(view), destroy() }. `view` is
// PlayerView of rows.py as JSON, types.d.ts tells its shape; its files are whatever resolve(file) turns into an address
// (a URL, or a data: address in a report that opens offline). With `editable`, the segments can be changed: onReplay({
// held: { "0": [[start, end], ...], ... } }) asks for a run in which the hearing after each held row replays those
// seconds, onEdit({ action: "remove" | "keep", segments: [[start, end], ...], fill }) for one on the edited sound; both
// wait for the next update. With `onExplain`, a class of the map of classes can be chosen to be explained:
// onExplain({ place }) tells its number. Players whose views have the same `link` share hover line and playhead. Nothing here knows
// of Gradio.
//
// On the element: data-playing ("" or "clip", "segment", "segments", "replayed", "activity", "piece", "tape"),
// data-position (clip seconds), data-row-count. Events, bubbling: playitback:started and playitback:stopped, with detail { kind, row,
// segment, start, end, at }: start and end in clip seconds, `at` on the audio clock; stopped adds `position`; and
// playitback:linked, by which linked players tell each other { link, hover } or { link, second, cued }.

const SMALL_STEP_SECONDS = 0.1;
const LARGE_STEP_SECONDS = 1;

const ignore = () => {};
const TYPING = "input, textarea, select, dialog, [contenteditable]"; // where keys are not the player's

/** @param {HTMLElement} element @param {PlayerOptions} options */
function mountPlayer(
  element,
  { resolve = String, editable = false, onReplay = ignore, onEdit = ignore, onExplain = null } = {},
) {
  /** @type {DrawnRows} */
  const rows = new Map();
  /** @type {{ view: ViewData, parts: Frame, store: SoundStore } | null} */
  let run = null; // what is shown: the view, the elements of the frame around the rows, the sounds
  /** @type {Mode} */
  let mode = "clip";
  let position = 0; // clip seconds
  let cued = false; // the playhead was put somewhere on purpose, so playing the clip begins there
  /** @type {Set<number>} */
  const added = new Set(); // classes that were added to the map
  let activeRow = 0; // the row that digits speak to
  /** @type {PlayRequest | null} */
  let beforeScrub = null; // what played when the scrubber was taken
  const shortcuts = makeShortcuts(editable);
  /** @param {string} text */
  const say = (text) => {
    if (!run) return;
    run.parts.live.textContent = text;
    run.parts.status.textContent = text;
  };
  const editor = editable
    ? makeEditor({ play: press, position: () => position, say, redrawn: () => setMode(mode), onReplay, onEdit })
    : null;

  // ---- state into attributes

  /** @param {"started" | "stopped" | "linked"} name @param {PlayingDetail | LinkedDetail} detail */
  function announce(name, detail) {
    element.dispatchEvent(new CustomEvent(`playitback:${name}`, { bubbles: true, detail }));
  }

  /** @param {LinkedMove} move */
  function tellLinked(move) {
    if (run && run.view.link) announce("linked", { link: run.view.link, ...move });
  }

  /** @param {number} second */
  function showPosition(second) {
    if (!run) return;
    const { view, parts } = run;
    position = clamp(second, 0, view.clip_seconds);
    element.dataset.position = position.toFixed(3);
    for (const row of rows.values()) row.setPosition(position);
    parts.handle.style.transform = `translateX(${(position / view.clip_seconds) * 100}%)`;
    parts.time.textContent = `${position.toFixed(2)} s`;
  }

  /** @param {number} second */
  function movePosition(second) {
    showPosition(second);
    tellLinked({ second: position, cued });
  }

  function showState() {
    if (!run) return;
    const { view, parts } = run;
    const playing = deck.current();
    element.dataset.playing = playing && playing.parts ? playing.kind : "";
    for (const button of allWithin(element, "[data-key]")) {
      button.setAttribute("aria-pressed", String(playing !== null && playing.key === button.dataset.key));
    }
    const from = cued && position > 0 && position < view.clip_seconds - 0.005 ? position : 0;
    const label = from && !playing ? `Play clip from ${from.toFixed(2)} seconds` : "Play clip";
    parts.play.setAttribute("aria-label", label);
    parts.play.title = label;
    parts.scrubber.setAttribute("aria-valuenow", position.toFixed(2));
    parts.scrubber.setAttribute("aria-valuetext", `${position.toFixed(2)} seconds`);
    parts.status.textContent = playing ? playing.words : "";
  }

  // ---- playing

  /** @param {PlayRequest} request @param {number} at @returns {PlayingDetail} */
  const detailOf = ({ kind, row, segment, start, end }, at) => ({ kind, row, segment, start, end, at });

  const deck = makeDeck({
    alive: () => {
      if (!element.isConnected) destroy();
      return element.isConnected;
    },
    asked: (request) => {
      cued = cued && request.kind === "clip";
      showState();
    },
    started: (request, at) => {
      showPosition(request.start);
      showState();
      announce("started", detailOf(request, at)); // the others fall silent
      if (deck.current() === request) tellLinked({ second: position, cued });
    },
    moved: movePosition,
    ended: (request, at, second) => {
      cued = second === null && request.kind === "clip";
      if (second !== null) movePosition(second);
      showState();
      if (request.parts) announce("stopped", { ...detailOf(request, at), position });
    },
    failed: (error) => {
      showState();
      say(
        error instanceof NoSoundDevice
          ? "The browser has found no sound device. Connect one, then press again."
          : "This sound could not be loaded. Press again, or run the clip anew.",
      );
    },
  });

  /** Plays what `wanted` makes of the view. @param {(view: ViewData) => PlayRequest} wanted */
  function play(wanted) {
    if (run) deck.play(wanted(run.view), run.store);
  }

  function playClip() {
    play((view) => clipRequest(view, cued && position < view.clip_seconds - 0.005 ? position : 0));
  }

  /** Plays what a button's data-key names. @param {string} key */
  function press(key) {
    if (key !== "clip") play((view) => requestOf(key, view, rows, editor && editor.find));
    else if (deck.current()?.kind === "clip") deck.stop();
    else playClip();
  }

  /**
   * Moves the playhead; the clip or a tape that is playing goes on from there, a segment stops.
   * @param {number} second
   */
  function seek(second) {
    const before = deck.current();
    deck.stop();
    cued = true;
    movePosition(second);
    showState();
    if (before) goOn(before);
  }

  /** @param {PlayRequest} before */
  function goOn({ kind, row }) {
    if (kind === "clip") play((view) => ({ ...clipRequest(view, position), goOn: true }));
    const drawn = row === undefined ? undefined : rows.get(row);
    if (kind === "tape" && drawn) play((view) => ({ ...tapeRequest(view, drawn, position), goOn: true }));
  }

  /** @type {Scrubbing} */
  const scrubbing = {
    begin: () => {
      beforeScrub = deck.current();
      deck.stop();
    },
    move: (share) => {
      if (!run) return;
      cued = true;
      movePosition(share * run.view.clip_seconds);
      showState();
    },
    end: () => {
      if (beforeScrub) goOn(beforeScrub);
      beforeScrub = null;
    },
  };

  // ---- gestures

  /** @param {Event} event */
  function rowOf(event) {
    const node = closest(event, "[data-row]");
    return node ? rows.get(Number(node.dataset.row)) : undefined;
  }

  /** @param {MouseEvent} event */
  function onClick(event) {
    const row = rowOf(event);
    if (editor && row && editor.click(event, row.row.index)) return;
    const button = closest(event, "button, .strip");
    if (button && onExplain && button.dataset.explain) return void onExplain({ place: Number(button.dataset.explain) });
    if (button && button.dataset.key) return void press(button.dataset.key);
    if (button && button.dataset.mode) return void setMode(button.dataset.mode === "frames" ? "frames" : "clip");
    if (!row || !closest(event, ".surface")) return;
    seek(row.secondAt(event.clientX));
    onPointerMove(event); // a finger does not hover
  }

  /** @param {KeyboardEvent} event */
  function onKeyDown(event) {
    if (!run || event.defaultPrevented || closest(event, TYPING)) return;
    const row = rowOf(event) || rows.get(activeRow) || rows.values().next().value;
    const taken = (editor && row && editor.keyDown(event, row.row.index)) || playingKey(event, run, row);
    if (!taken) return;
    event.preventDefault();
    event.stopPropagation();
  }

  /**
   * The keys of a player that only plays; true if the event was one.
   * @param {KeyboardEvent} event @param {{ view: ViewData, parts: Frame }} run @param {DrawnRow} [row]
   */
  function playingKey(event, { view, parts }, row) {
    const { key, target } = event;
    if (event.ctrlKey || event.metaKey || event.altKey) return false;
    const step = event.shiftKey ? LARGE_STEP_SECONDS : SMALL_STEP_SECONDS;
    if (key === "ArrowLeft") seek(position - step);
    else if (key === "ArrowRight") seek(position + step);
    else if (key === "Home" && target === parts.scrubber) seek(0);
    else if (key === "End" && target === parts.scrubber) seek(view.clip_seconds);
    else if (key === "Escape" && deck.current()) deck.stop();
    else if (key === "?") shortcuts.showModal();
    else if (key === " " && !closest(event, "button")) {
      if (deck.current()) deck.stop();
      else playClip();
    } else if (/^[1-9]$/.test(key) && row) {
      const chosen = Number(key) - 1;
      const edited = editor ? editor.keyOf(row.row.index, chosen) : null;
      if (edited === "" || (edited === null && !row.row.segments[chosen])) return false;
      press(edited || `segment-${row.row.index}-${chosen}`);
    } else return false;
    return true;
  }

  /** "?" where no player has the focus: the first one that is seen lists its keys. @param {KeyboardEvent} event */
  function onPageKeyDown(event) {
    if (event.key !== "?" || event.defaultPrevented || !run || !element.checkVisibility()) return;
    if (closest(event, TYPING)) return;
    shortcuts.showModal();
    event.preventDefault();
  }

  /** @param {FocusEvent} event */
  function onFocusIn(event) {
    const row = rowOf(event);
    if (row) activeRow = row.row.index;
  }

  /** @param {number | null} second */
  function showHover(second) {
    for (const row of rows.values()) row.setHover(second);
  }

  /** @param {MouseEvent} event */
  function onPointerMove(event) {
    const row = rowOf(event);
    const second = row && closest(event, ".surface, .strip") ? row.secondAt(event.clientX) : null;
    showHover(second);
    tellLinked({ hover: second });
    for (const each of rows.values()) each.setReadout(each === row ? second : null, event.clientY);
  }

  /** A listed segment and its frame light up together. @param {PointerEvent} event */
  function onPointerOver(event) {
    const button = closest(event, "[data-key]");
    for (const each of allWithin(element, "[data-key]")) {
      each.classList.toggle("linked", button !== null && each.dataset.key === button.dataset.key);
    }
  }

  function onPointerLeave() {
    showHover(null);
    tellLinked({ hover: null });
    for (const row of rows.values()) row.setReadout(null);
  }

  // ---- other players

  /** Only one player sounds at a time. @param {Event} event */
  function onOtherStarted(event) {
    if (!element.isConnected) destroy();
    else if (event.target !== element) deck.stop();
  }

  /** @param {CustomEvent<LinkedDetail>} event */
  function onLinked({ target, detail }) {
    if (!element.isConnected) return void destroy();
    if (target === element || !run || run.view.link !== detail.link) return;
    if ("hover" in detail) return void showHover(detail.hover);
    if (deck.current()?.parts) return void seek(detail.second); // what sounds here goes on from there
    cued = detail.cued;
    showPosition(detail.second);
    showState();
  }

  // ---- drawing

  /** @param {Mode} next */
  function setMode(next) {
    mode = next;
    element.dataset.mode = mode;
    for (const button of allWithin(element, "[data-mode]")) {
      button.setAttribute("aria-pressed", String(button.dataset.mode === mode));
    }
    for (const row of rows.values()) {
      row.setMode(mode);
      row.setPosition(position);
    }
    if (editor) editor.render();
  }

  /** The frame around the rows of a new run, and what fetches its sounds. @param {ViewData} view */
  function build(view) {
    const parts = makeFrame(view, {
      headButtons: editor ? [editor.toggle] : [],
      bars: editor ? [editor.bar] : [],
      scrubbing,
      showShortcuts: () => shortcuts.showModal(),
    });
    parts.body.append(shortcuts);
    element.replaceChildren(parts.body);
    const store = soundStore(resolve);
    store.fetched(view.clip_audio).catch(ignore); // a failure is reported when the sound is played
    return { view, parts, store };
  }

  function clear() {
    deck.stop();
    rows.clear();
    added.clear();
    if (editor) editor.clear();
    [run, beforeScrub, activeRow, position, cued] = [null, null, 0, 0, false];
    element.replaceChildren();
    element.dataset.rowCount = "0";
    element.dataset.playing = "";
    element.dataset.position = "0.000";
  }

  /** @param {ViewData} view @param {Frame} parts */
  function updateRows(view, parts) {
    const arrived = [];
    const focused = focusWithin(element);
    const wanted = new Set(view.rows.map((row) => row.index));
    for (const index of [...rows.keys()].filter((each) => !wanted.has(each))) rows.delete(index);
    for (const row of view.rows) {
      const known = rows.get(row.index);
      if (known && known.signature === rowSignature(row, view)) continue;
      const drawn = makeRow(row, view, resolve, { added, explains: onExplain !== null });
      rows.set(row.index, drawn);
      if (known) keepPictures(known.surface, drawn.surface);
      else arrived.push(row);
    }
    const inOrder = [...rows.values()].sort((a, b) => a.row.index - b.row.index);
    const waiting = view.finished ? 0 : Math.max(0, view.expected_rows - inOrder.length);
    const places = Array.from({ length: waiting }, (_, k) =>
      makePlaceholder(k + inOrder.length ? 0 : view.activity_lanes),
    );
    arrange(parts.list, [...inOrder.map((row) => row.node), ...places]);
    // a new button now stands in place of the one that was pressed
    if (focused) allWithin(element, focused)[0]?.focus({ preventScroll: true });
    element.dataset.rowCount = String(rows.size);
    setMode(mode);
    if (editor) editor.setRows(view, rows);
    if (arrived.length) parts.live.textContent = arrived.map((row) => `${row.title}. ${row.sentence}`).join(" ");
  }

  /** @param {ViewData | null} next */
  function update(next) {
    if (!next || !run || run.view.run_id !== next.run_id) clear();
    if (!next) return;
    run = { ...(run || build(next)), view: next };
    const { parts } = run;
    parts.body.style.setProperty("--clip-share", String(next.clip_seconds / axisSeconds(next)));
    drawLegend(parts.legend, next);
    parts.note.textContent = next.note;
    updateRows(next, parts);
    if (editor) editor.answered();
    showPosition(position);
    showState();
  }

  function destroy() {
    for (const [target, name, listener] of listeners) target.removeEventListener(name, listener);
    resized.disconnect();
    clear();
  }

  /** @type {[EventTarget, string, any][]} */
  const listeners = [
    [element, "click", onClick],
    [element, "keydown", onKeyDown],
    [element, "focusin", onFocusIn],
    [element, "pointermove", onPointerMove],
    [element, "pointerover", onPointerOver],
    [element, "pointerleave", onPointerLeave],
    [document, "keydown", onPageKeyDown],
    [document, "playitback:started", onOtherStarted],
    [document, "playitback:linked", onLinked],
  ];
  for (const [target, name, listener] of listeners) target.addEventListener(name, listener);
  const resized = new ResizeObserver(() => run && setMode(mode)); // how many tick labels fit
  resized.observe(element);
  return { update, destroy };
}
