// The lanes of the timeline: a row a class, and a bar in it for every event. timeline.js puts one set of them below the
// whole recording, and one into the lens. Bars lie on a canvas: an hour may hold thousands.

const NARROWEST_BAR = 2; // pixels
const REACH_PIXELS = 4; // beside a bar that still hits it

/** @template {keyof HTMLElementTagNameMap} Tag @param {Tag} tag @param {string} className @param {Record<string, string>} attributes */
function timelineNode(tag, className, attributes = {}) {
  const node = document.createElement(tag);
  node.className = className;
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

/**
 * A canvas as large as it is shown, in the screen's own pixels.
 * @param {HTMLCanvasElement} canvas @returns {[context: CanvasRenderingContext2D, width: number, height: number]}
 */
function clearedCanvas(canvas) {
  const scale = window.devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight].map((each) =>
    Math.max(1, Math.round(each * scale)),
  );
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.clearRect(0, 0, width, height);
  return [context, width, height];
}

/** One set of lanes. @param {Record<string, string>} attributes of what is pointed at */
function makeLanes(attributes) {
  const node = timelineNode("div", "lanes");
  const names = timelineNode("div", "lane-names", { "aria-hidden": "true" });
  const surface = timelineNode("div", "lane-bars", attributes);
  const canvas = timelineNode("canvas", "bars");
  const mark = timelineNode("div", "mark");
  mark.hidden = true;
  surface.append(canvas, mark);
  node.append(names, surface);
  /** What is drawn. @type {{ view: TimelineData, from: number, to: number }} */
  let drawn;

  /** @param {TimelineData} view @param {number} from @param {number} to @param {(name: string) => number} opacity */
  function draw(view, from, to, opacity) {
    drawn = { view, from, to };
    node.style.setProperty("--lanes", String(view.lanes.length));
    names.replaceChildren(
      ...view.lanes.map(([name]) => {
        const label = timelineNode("span", "lane-name", { title: name });
        label.textContent = name;
        label.style.opacity = String(opacity(name));
        return label;
      }),
    );
    const [context, width, height] = clearedCanvas(canvas);
    const [lane, scale] = [height / view.lanes.length, width / (to - from)];
    for (const [number, start, stop, confidence] of view.events) {
      if (stop < from || start > to) continue;
      const [name, colour] = view.lanes[number];
      const tall = 0.86 * lane * confidence;
      context.globalAlpha = opacity(name);
      context.fillStyle = colour;
      context.fillRect(
        (start - from) * scale,
        (number + 1) * lane - tall,
        Math.max(NARROWEST_BAR, (stop - start) * scale),
        tall,
      );
    }
  }

  /** The number of the event under a place on the screen, or null. @param {MouseEvent} place */
  function at({ clientX, clientY }) {
    const box = surface.getBoundingClientRect();
    const { view, from, to } = drawn;
    const lane = Math.floor(((clientY - box.top) / box.height) * view.lanes.length);
    const seconds = (to - from) / box.width; // of a pixel
    const second = from + (clientX - box.left) * seconds;
    /** @type {number | null} */
    let nearest = null;
    let least = REACH_PIXELS * seconds;
    view.events.forEach(([number, start, stop], index) => {
      const away = Math.max(start - second, second - stop, 0);
      if (number === lane && away <= least) [nearest, least] = [index, away];
    });
    return nearest;
  }

  /** Frames an event, or none. @param {number | null} index */
  function point(index) {
    const { view, from, to } = drawn;
    const event = index === null ? null : view.events[index];
    mark.hidden = event === null || event[2] < from || event[1] > to;
    if (event === null || mark.hidden) return;
    const share = 100 / view.lanes.length;
    Object.assign(mark.style, {
      left: `${(100 * (event[1] - from)) / (to - from)}%`,
      width: `${(100 * (event[2] - event[1])) / (to - from)}%`,
      top: `${event[0] * share}%`,
      height: `${share}%`,
    });
  }

  return { node, surface, draw, at, point };
}
