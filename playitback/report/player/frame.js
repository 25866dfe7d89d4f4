// Everything around the rows: the clip's name, the legend, the transport.

/** Names what the rows show; all rows of a run have the same lanes. @param {HTMLElement} list @param {ViewData} view */
function drawLegend(list, view) {
  const lanes = view.rows.length ? view.rows[0].lanes : [];
  const replays = view.expected_rows > 1; // a single hearing replays nothing, and none follows it
  const signs = [
    ...(replays ? [["replayed", "replayed in this hearing"]] : []),
    ["segment", replays ? "chosen for the next" : "chosen"],
    ...lanes.map(({ name }, k) => [laneClass(k), name]),
    ...(lanes.length ? [["threshold", "threshold"]] : []),
    ...(view.rows[0]?.activity ? [["activity", `activity: ${ACTIVITY_TITLE}`]] : []),
  ];
  list.replaceChildren(
    ...signs.map(([sign, text]) => {
      const item = make("li");
      item.append(make("span", `sign ${sign}-sign`, null, { "aria-hidden": "true" }), make("span", "", text));
      return item;
    }),
  );
}

/** @param {ViewData} view @param {HTMLElement[]} more */
function makeHead(view, more) {
  const head = make("div", "player-head");
  const name = make("p", "clip-name");
  const start = view.start_seconds_in_file;
  const length = start
    ? `${rangeText(start, start + view.clip_seconds)} of the file`
    : `${trimmed(view.clip_seconds)} s`;
  name.append(make("span", "clip-title", view.clip_name), make("span", "clip-length", length));
  const modes = make("div", "modes", null, { role: "group", "aria-label": "Time axis" });
  for (const [value, text] of [
    ["clip", "clip’s seconds"],
    ["frames", "model’s frames"],
  ]) {
    modes.append(makeButton("mode", text, { "data-mode": value, "aria-pressed": "false" }));
  }
  const shortcuts = makeButton("shortcuts-button", "?", {
    "aria-label": "Keyboard shortcuts",
    title: "Keyboard shortcuts",
  });
  head.append(name, ...more, modes, shortcuts);
  return { head, shortcuts };
}

/**
 * The bar with the play button and the scrubber; begin, move and end tell of a drag along it, as a share of the clip.
 * @typedef {{ begin: () => void, move: (share: number) => void, end: () => void }} Scrubbing
 * @param {ViewData} view @param {Scrubbing} scrubbing
 */
function makeTransport(view, { begin, move, end }) {
  const bar = make("div", "transport");
  const play = makeButton("play", null, { "data-key": "clip", "aria-pressed": "false" });
  play.append(make("span", "icon", null, { "aria-hidden": "true" }));
  const scrubber = make("div", "scrubber", null, {
    role: "slider",
    tabindex: "0",
    "aria-label": "Playhead",
    "aria-valuemin": "0",
    "aria-valuemax": view.clip_seconds.toFixed(2),
  });
  const track = make("div", "track");
  const handle = make("div", "handle");
  track.append(handle);
  scrubber.append(track);
  const clock = make("div", "clock");
  const time = make("span", "time", "");
  clock.append(time, make("span", "of", `of ${view.clip_seconds.toFixed(2)} s`));
  const status = make("div", "status", "");
  bar.append(play, scrubber, clock, status);

  let dragging = false;
  /** @param {PointerEvent} event */
  const tell = (event) => {
    const box = track.getBoundingClientRect();
    move(clamp((event.clientX - box.left) / box.width, 0, 1));
  };
  scrubber.addEventListener("pointerdown", (event) => {
    dragging = true;
    begin();
    scrubber.setPointerCapture(event.pointerId);
    tell(event);
  });
  scrubber.addEventListener("pointermove", (event) => dragging && tell(event));
  for (const name of ["pointerup", "pointercancel"]) {
    scrubber.addEventListener(name, () => {
      if (dragging) end();
      dragging = false;
    });
  }
  return { bar, play, scrubber, handle, time, status };
}

const KEYS =
  "Keys: Space plays and stops, ← → move by 0.1 s, with Shift by 1 s, 1–9 play a row’s segments, Esc stops, ? lists all.";

/**
 * The body of the player for one run, and the parts of it that change.
 * @param {ViewData} view
 * @param {{ headButtons: HTMLElement[], bars: HTMLElement[], scrubbing: Scrubbing, showShortcuts: () => void }} parts
 */
function makeFrame(view, { headButtons, bars, scrubbing, showShortcuts }) {
  const body = make("div", "player-body");
  const { head, shortcuts } = makeHead(view, headButtons);
  shortcuts.addEventListener("click", showShortcuts);
  const { bar, ...transport } = makeTransport(view, scrubbing);
  const legend = make("ul", "legend", null, { "aria-label": "Legend" });
  const note = make("p", "player-note", view.note);
  const list = make("div", "rows");
  const live = make("div", "hidden-text live", "", { "aria-live": "polite" });
  const sticky = make("div", "bars");
  sticky.append(bar, ...bars);
  body.append(head, legend, note, sticky, list, make("p", "keys", KEYS), live);
  return { ...transport, body, legend, note, list, live };
}
