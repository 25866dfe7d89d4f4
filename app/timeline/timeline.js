// The timeline of a long recording. mountTimeline(element, { words, onOpen }) returns { update(view) }; `view` is
// TimelineView of component.py as JSON. onOpen({ index }) asks for the explanation of a window, onOpen({ class, second })
// for that of an event of a class, clearest at a second.
//
// A strip on a canvas: the windows of the whole recording. Below it, of models with activity, lanes (lanes.js): the
// events of every class. Where windows are too narrow to be hit, a lens on what lies around the place pointed at. Strip
// and lanes are one stop of the Tab key each; arrow keys go from window to window, from event to event. On the element:
// data-windows and data-events (drawn so far), data-current (the window pointed at, or "").

const LENS_WINDOWS = 48;
const NARROW_PIXELS = 6; // of a window: the lens helps with narrower ones
const PAGE_WINDOWS = 12; // that Page Up and Page Down move by
const LEAST_HEIGHT = 0.06; // of a bar, so that a doubtful window is seen too
const PALE = 0.15; // to which all classes fade except the one chosen in the legend
const REST = ""; // name of the classes without a colour of their own, together
const REST_COLOUR = "#9aa0a8";

/** A timeline without windows, before there is a recording. @type {TimelineData} */
const NOTHING = {
  run_id: "",
  seconds: 0,
  clip_seconds: 0,
  hop_seconds: 0,
  expected_windows: 0,
  classes: [],
  windows: [],
  lanes: [],
  events: [],
};

/** @param {HTMLElement} element @param {{ words: Words, onOpen: (asked: { index: number } | { class: string, second: number }) => void }} options */
function mountTimeline(element, { words, onOpen }) {
  let view = NOTHING;
  /** @type {number | null} */
  let current = null; // the window pointed at
  /** @type {number | null} */
  let currentEvent = null; // the event pointed at
  /** @type {string | null} */
  let alone = null; // name of the class that is seen alone, or REST
  let lensStart = 0;

  const make = timelineNode;
  /** @param {number} value @param {number} low @param {number} high */
  const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

  // ---- the elements

  const legend = make("div", "legend", { role: "group", "aria-label": words.legend });
  const strip = make("div", "strip", {
    role: "slider",
    tabindex: "0",
    "aria-label": `${words.label}. ${words.surface}`,
    "aria-valuemin": "1",
  });
  const bars = make("canvas", "bars");
  const mark = make("div", "mark");
  const ticks = make("div", "ticks", { "aria-hidden": "true" });
  const lens = make("div", "lens", { "aria-hidden": "true", title: words.lens });
  const lensBars = make("canvas", "bars");
  const lensMark = make("div", "mark");
  const lensTicks = make("div", "ticks", { "aria-hidden": "true" });
  const lanes = makeLanes({
    role: "slider",
    tabindex: "0",
    "aria-label": words.events,
    "aria-valuemin": "1",
  });
  const lensLanes = makeLanes({ "aria-hidden": "true", title: words.lens });
  const readout = make("p", "readout");
  strip.append(bars, mark);
  lens.append(lensBars, lensMark);

  // ---- windows and seconds

  /** @param {number} index */
  const startOf = (index) => index * view.hop_seconds;
  /** @param {number} index */
  const stopOf = (index) => Math.min(startOf(index) + view.clip_seconds, view.seconds);
  /** @param {number} index */
  const heard = (index) => index < view.windows.length;
  const dense = () => strip.clientWidth / view.expected_windows < NARROW_PIXELS;
  const lensCount = () => Math.min(LENS_WINDOWS, view.expected_windows);

  /** @param {number} second */
  function clock(second) {
    const tenths = Math.round(second * 10);
    const [hours, minutes] = [Math.floor(tenths / 36000), Math.floor(tenths / 600) % 60];
    const rest = (tenths % 600) / 10;
    const seconds = `${rest < 10 ? "0" : ""}${Number.isInteger(rest) ? rest : rest.toFixed(1)}`;
    return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${seconds}` : `${minutes}:${seconds}`;
  }

  /** @param {string} sentence @param {Record<string, string>} parts */
  const filled = (sentence, parts) => sentence.replace(/\{(\w+)\}/g, (_, name) => parts[name]);

  /** @param {number} index */
  function describeEvent(index) {
    const [number, start, stop, confidence] = view.events[index];
    return filled(words.event, {
      start: clock(start),
      stop: clock(stop),
      class: view.lanes[number][0],
      confidence: `${Math.round(confidence * 100)}\u00a0%`,
    });
  }

  /** @param {number} index */
  function describe(index) {
    const [start, stop] = [clock(startOf(index)), clock(stopOf(index))];
    if (!heard(index)) return filled(words.waiting, { start });
    const [number, confidence] = view.windows[index];
    return filled(words.window, {
      start,
      stop,
      class: view.classes[number][0],
      confidence: `${Math.round(confidence * 100)}\u00a0%`,
    });
  }

  // ---- drawing

  /** Of a lane. @param {string} name */
  const opacity = (name) => (alone === null || alone === name ? 1 : PALE);

  /**
   * One window.
   * @param {CanvasRenderingContext2D} context @param {HeardWindow} window
   * @param {number} x @param {number} width @param {number} height
   */
  function bar(context, [number, confidence], x, width, height) {
    const tall = Math.max(LEAST_HEIGHT, confidence) * height;
    const [name, colour] = view.classes[number];
    context.globalAlpha = alone === null || alone === (colour ? name : REST) ? 1 : PALE;
    context.fillStyle = colour || REST_COLOUR;
    context.fillRect(x, height - tall, width, tall);
  }

  /**
   * Of windows that share a pixel: the class most of them have, with its largest confidence.
   * @param {number} from @param {number} to @returns {HeardWindow}
   */
  function commonest(from, to) {
    /** @type {Map<number, { count: number, most: number }>} */
    const counted = new Map();
    for (let index = from; index < to; index += 1) {
      const [number, confidence] = view.windows[index];
      const { count, most } = counted.get(number) || { count: 0, most: 0 };
      counted.set(number, { count: count + 1, most: Math.max(most, confidence) });
    }
    const [number, { most }] = [...counted].reduce((best, each) => (each[1].count > best[1].count ? each : best));
    return [number, most];
  }

  /**
   * Draws `count` windows from `first` on over a whole canvas.
   * @param {HTMLCanvasElement} canvas @param {number} first @param {number} count
   */
  function drawBars(canvas, first, count) {
    const [context, width, height] = clearedCanvas(canvas);
    const last = Math.min(first + count, view.windows.length);
    if (count <= width) {
      for (let index = first; index < last; index += 1) {
        const x = Math.floor(((index - first) * width) / count);
        const next = Math.floor(((index - first + 1) * width) / count);
        bar(context, view.windows[index], x, Math.max(1, next - x - (next - x > 4 ? 1 : 0)), height);
      }
      return;
    }
    for (let x = 0; x < width; x += 1) {
      const from = first + Math.floor((x * count) / width);
      const to = Math.min(last, first + Math.floor(((x + 1) * count) / width));
      if (from < to) bar(context, commonest(from, to), x, 1, height);
    }
  }

  /**
   * Marks of round seconds below a strip that shows from one second to another.
   * @param {HTMLElement} strip @param {number} from @param {number} to
   */
  function drawTicks(strip, from, to) {
    const room = Math.max(2, Math.floor((element.clientWidth || 800) / 90));
    const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400];
    const step = steps.find((each) => (to - from) / each <= room) || 36000;
    strip.replaceChildren();
    for (let second = Math.ceil(from / step) * step; second <= to; second += step) {
      const share = (second - from) / (to - from);
      const tick = make("span", share > 0.95 ? "tick at-end" : "tick");
      tick.style.left = `${share * 100}%`;
      tick.textContent = clock(second);
      strip.append(tick);
    }
  }

  function drawLens() {
    const laned = view.lanes.length > 0;
    lensTicks.hidden = !dense();
    lens.hidden = lensTicks.hidden || laned;
    lensLanes.node.hidden = lensTicks.hidden || !laned;
    if (lensTicks.hidden) return;
    const count = lensCount();
    lensStart = clamp(lensStart, 0, view.expected_windows - count);
    const [from, to] = [startOf(lensStart), startOf(lensStart + count)];
    if (laned) lensLanes.draw(view, from, to, opacity);
    else drawBars(lensBars, lensStart, count);
    drawTicks(lensTicks, from, to);
  }

  /** The button at a place in the legend, new or known: one that is pressed keeps the focus. @param {number} k */
  function legendButton(k) {
    const known = /** @type {HTMLElement | undefined} */ (legend.children[k]);
    if (known) return known;
    const button = make("button", "class", { type: "button" });
    button.append(make("span", "swatch", { "aria-hidden": "true" }), make("span", "name"));
    return legend.appendChild(button);
  }

  function drawLegend() {
    const shown = view.classes.filter(([, colour]) => colour);
    const rest = view.classes.reduce((sum, [, colour, share]) => (colour ? sum : sum + share), 0);
    if (rest) shown.push([REST, REST_COLOUR, rest]);
    shown.forEach(([name, colour, share], k) => {
      const button = legendButton(k);
      const [swatch, label] = /** @type {Iterable<HTMLElement>} */ (button.children);
      button.dataset.name = name;
      button.setAttribute("aria-pressed", String(alone === name));
      swatch.style.background = colour || "";
      label.textContent = `${name || words.other} ${Math.round(share * 100)}\u00a0%`;
    });
    while (legend.children.length > shown.length) legend.children[shown.length].remove();
  }

  /**
   * Marks window `index` in a strip that shows `count` windows from `first` on.
   * @param {HTMLElement} node @param {number | null} index @param {number} first @param {number} count
   */
  function place(node, index, first, count) {
    node.hidden = index === null || index < first || index >= first + count;
    if (index === null || node.hidden) return;
    node.style.left = `${((index - first) / count) * 100}%`;
    node.style.width = `${100 / count}%`;
  }

  function showCurrent() {
    element.dataset.current = current === null ? "" : String(current);
    place(mark, current, 0, view.expected_windows);
    place(lensMark, current, lensStart, lensCount());
    if (view.lanes.length) {
      lanes.point(currentEvent);
      if (!lensLanes.node.hidden) lensLanes.point(currentEvent);
      lanes.surface.setAttribute("aria-valuenow", String((currentEvent ?? 0) + 1));
      lanes.surface.setAttribute("aria-valuetext", describeEvent(currentEvent ?? 0));
    }
    if (currentEvent !== null) readout.textContent = describeEvent(currentEvent);
    else readout.textContent = current === null ? words.rest : describe(current);
    strip.setAttribute("aria-valuenow", String((current ?? 0) + 1));
    strip.setAttribute("aria-valuetext", describe(current ?? 0));
  }

  function draw() {
    if (view === NOTHING) return;
    drawBars(bars, 0, view.expected_windows);
    drawTicks(ticks, 0, startOf(view.expected_windows));
    lanes.node.hidden = !view.lanes.length;
    element.classList.toggle("laned", view.lanes.length > 0);
    if (view.lanes.length) lanes.draw(view, 0, startOf(view.expected_windows), opacity);
    drawLens();
    drawLegend();
    showCurrent();
  }

  // ---- pointing and opening

  /** Points at a window; the lens follows unless it is the lens that is pointed at. @param {number} index */
  function point(index, inLens = false) {
    if (view === NOTHING) return;
    current = clamp(index, 0, view.expected_windows - 1);
    currentEvent = null;
    if (!inLens) {
      lensStart = Math.round(current - lensCount() / 2);
      drawLens();
    }
    showCurrent();
  }

  /** Points at an event, and at the window it is clearest in. @param {number} index */
  function pointAtEvent(index, inLens = false) {
    const shown = clamp(index, 0, view.events.length - 1);
    point(Math.floor(view.events[shown][4] / view.hop_seconds), inLens);
    currentEvent = shown;
    showCurrent();
  }

  /** @param {number} index */
  function open(index) {
    if (heard(index)) onOpen({ index });
  }

  /** @param {number | null} index */
  function openEvent(index) {
    if (index === null) return;
    const [number, , , , peak] = view.events[index];
    onOpen({ class: view.lanes[number][0], second: peak });
  }

  /**
   * The window under a place on the screen.
   * @param {HTMLElement} surface @param {number} clientX @param {number} first @param {number} count
   */
  function indexAt(surface, clientX, first, count) {
    const box = surface.getBoundingClientRect();
    return first + clamp(Math.floor(((clientX - box.left) / box.width) * count), 0, count - 1);
  }

  for (const surface of [strip, lens]) {
    const inLens = surface === lens;
    /** @param {MouseEvent} event */
    const at = (event) =>
      inLens
        ? indexAt(lens, event.clientX, lensStart, lensCount())
        : indexAt(strip, event.clientX, 0, view.expected_windows);
    surface.addEventListener("pointermove", (event) => point(at(event), inLens));
    surface.addEventListener("click", (event) => open(at(event)));
  }
  strip.addEventListener("focus", () => current === null && point(0));
  for (const { surface, at } of [lanes, lensLanes]) {
    surface.addEventListener("pointermove", (event) => {
      const index = at(event);
      surface.classList.toggle("hit", index !== null);
      if (index !== null) pointAtEvent(index, surface === lensLanes.surface);
    });
    surface.addEventListener("click", (event) => openEvent(at(event)));
  }
  lanes.surface.addEventListener("focus", () => currentEvent === null && pointAtEvent(0));

  /** @type {Record<string, number>} */
  const STEPS = {
    ArrowLeft: -1,
    ArrowDown: -1,
    ArrowRight: 1,
    ArrowUp: 1,
    PageDown: -PAGE_WINDOWS,
    PageUp: PAGE_WINDOWS,
  };
  /**
   * Arrow keys, Home and End point at one of a row of places; Enter and the space bar open it.
   * @param {HTMLElement} surface
   * @param {() => { none: boolean, current: number | null, last: number }} places
   * @param {(index: number) => void} pointAt @param {(index: number) => void} openAt
   */
  function steer(surface, places, pointAt, openAt) {
    surface.addEventListener("keydown", (event) => {
      const { none, current: at, last } = places();
      const { key } = event;
      if (none || event.ctrlKey || event.metaKey || event.altKey) return;
      if (key in STEPS) pointAt((at ?? 0) + STEPS[key]);
      else if (key === "Home") pointAt(0);
      else if (key === "End") pointAt(last);
      else if (key === "Enter" || key === " ") openAt(at ?? 0);
      else return;
      event.preventDefault();
    });
  }
  steer(strip, () => ({ none: view === NOTHING, current, last: view.windows.length - 1 }), point, open);
  steer(
    lanes.surface,
    () => ({ none: !view.events.length, current: currentEvent, last: view.events.length - 1 }),
    pointAtEvent,
    openEvent,
  );

  legend.addEventListener("click", ({ target }) => {
    const button = /** @type {Element} */ (target).closest("button");
    if (!button) return;
    const { name = REST } = button.dataset;
    alone = alone === name ? null : name;
    draw();
  });

  new ResizeObserver(draw).observe(element);

  return {
    /** @param {TimelineData | null} next */
    update: (next) => {
      if (!next || view.run_id !== next.run_id) [current, alone, lensStart] = [null, null, 0];
      currentEvent = null; // while more is heard, their numbers change
      view = next || NOTHING;
      element.dataset.windows = String(view.windows.length);
      element.dataset.events = String(view.events.length);
      if (!next) return void element.replaceChildren();
      strip.setAttribute("aria-valuemax", String(view.expected_windows));
      lanes.surface.setAttribute("aria-valuemax", String(view.events.length));
      if (!strip.isConnected)
        element.replaceChildren(legend, strip, lanes.node, ticks, lens, lensLanes.node, lensTicks, readout);
      draw();
    },
  };
}
