// The lanes of a row: curves over the clip's seconds. The first is the relevance: the area below it is filled, darker
// in the segments that were chosen, and the threshold belongs to it.

const LANE_WIDTH = 1000; // units of the drawing, stretched to the row
const LANE_HEIGHT = 100;
const LANE_STYLES = 5; // of player.css: the first two are for the first two lanes, the others take turns

/** Class of lane k, counted from 0. @param {number} k */
const laneClass = (k) => `lane-${k < LANE_STYLES ? k : 2 + ((k - 2) % (LANE_STYLES - 2))}`;

/**
 * The words that the names of all lanes share, and what is left of each name without them: "attention", and
 * "informative" and "uninformative", for "informative attention" and "uninformative attention". A name of which nothing
 * would be left stays whole.
 * @param {LaneData[]} lanes
 */
function laneNames(lanes) {
  const words = lanes.map(({ name }) => name.split(" "));
  const shared = words.length ? words[0].filter((word) => words.every((each) => each.includes(word))) : [];
  const own = words.map((each) => each.filter((word) => !shared.includes(word)).join(" "));
  return { shared: shared.join(" "), own: lanes.map(({ name }, k) => own[k] || name) };
}

/** @typedef {[x: number, y: number]} Point */

/**
 * A lane between two seconds, in units of the drawing.
 * @param {RowData} row @param {LaneData} lane @param {Axis} axis @param {number} from @param {number} to
 */
function lanePoints(row, { values }, axis, from, to) {
  const inside = row.lane_seconds.filter((second) => second > from && second < to);
  return [from, ...inside, to].map((second) => {
    const value = clamp(interpolate(row.lane_seconds, values, second), 0, 1);
    return /** @type {Point} */ ([axis.fraction(second) * LANE_WIDTH, (1 - value) * LANE_HEIGHT]);
  });
}

/** @param {Point[]} points */
const linePath = (points) => `M${points.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L")}`;

/** What lies below a line. @param {Point[]} points */
const areaPath = (points) =>
  `${linePath([[points[0][0], LANE_HEIGHT], ...points, [points[points.length - 1][0], LANE_HEIGHT]])}Z`;

/**
 * Draws all lanes of a row; the first one on top.
 * @param {SVGSVGElement} svg @param {RowData} row @param {Axis} axis @param {number} clipSeconds
 */
function drawLanes(svg, row, axis, clipSeconds) {
  /** @param {string} className @param {string} d */
  const path = (className, d) => makeSvg("path", { class: className, d });
  const [relevance] = row.lanes;
  svg.replaceChildren();
  if (!relevance) return;
  const area = (/** @type {number} */ from, /** @type {number} */ to) =>
    areaPath(lanePoints(row, relevance, axis, from, to));
  const threshold = (1 - clamp(row.threshold, 0, 1)) * LANE_HEIGHT;
  const lines = row.lanes.map((lane, k) => path(laneClass(k), linePath(lanePoints(row, lane, axis, 0, clipSeconds))));
  svg.append(
    path("relevance-area", area(0, clipSeconds)),
    ...row.segments.map(([start, end]) => path("chosen-area", area(start, end))),
    path("threshold", `M0 ${threshold}H${(axis.fraction(clipSeconds) * LANE_WIDTH).toFixed(1)}`),
    ...lines.reverse(),
  );
}
