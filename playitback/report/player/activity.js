// The map of classes over time: under the lanes of the first hearing, a strip for every class that was likely at some
// moment, with what the model would say of each moment by itself. A strip, and the button beside it, play its peak.

const AROUND_PEAK_SECONDS = 0.5; // of the clip that are played on either side of a peak
const MOMENT_CLASSES = 3; // that are listed of a moment
const LEAST_LISTED = 0.005; // what would be listed as 0 % is left out
const ACTIVITY_TITLE = "what each moment would be by itself";

/**
 * Where a class is clearest: the second, the probability there, and the stretch of the clip around it.
 * @param {RowData} row @param {LaneData} lane @param {number} clipSeconds
 */
function clearest(row, { values }, clipSeconds) {
  const peak = Math.max(...values);
  const second = row.lane_seconds[values.indexOf(peak)];
  /** @type {Pair} */
  const around = [Math.max(0, second - AROUND_PEAK_SECONDS), Math.min(clipSeconds, second + AROUND_PEAK_SECONDS)];
  return { peak, second, around };
}

/** The likeliest classes of a moment, in words. @param {RowData} row @param {number} second */
function momentText(row, second) {
  const likely = row.activity
    .map(({ name, values }) => ({ name, share: interpolate(row.lane_seconds, values, second) }))
    .filter(({ share }) => share >= LEAST_LISTED)
    .sort((a, b) => b.share - a.share)
    .slice(0, MOMENT_CLASSES)
    .map(({ name, share }) => `${name} ${percentage(share).replace(" ", "\u00a0")}`);
  return `${second.toFixed(2)} s: ${likely.join(", ") || "none of these"}`;
}

/**
 * One class: a button in the gutter, and its strip, which a pointer may press as well.
 * @param {RowData} row @param {number} k @param {number} clipSeconds
 */
function makeClassLane(row, k, clipSeconds) {
  const lane = row.activity[k];
  const { peak, second } = clearest(row, lane, clipSeconds);
  const key = `activity-${row.index}-${k}`;
  const node = make("div", "class-lane");
  node.classList.toggle("decided", lane.name === row.classes[0]?.[0]);

  const button = playButton("clearest", `${second.toFixed(1)} s`, key);
  const told = `${lane.name}, up to ${percentage(peak)}, at ${second.toFixed(2)} seconds: play where it is clearest`;
  setAttributes(button, { "aria-label": told, title: "play where it is clearest" });

  const strip = make("div", "strip", null, { "aria-hidden": "true", "data-key": key });
  const drawing = makeSvg("svg", { viewBox: `0 0 ${LANE_WIDTH} ${LANE_HEIGHT}`, preserveAspectRatio: "none" });
  const words = make("span", "strip-words");
  words.append(make("span", "strip-name", lane.name), make("span", "strip-peak", `up to ${percentage(peak)}`));
  strip.append(drawing, words);
  node.append(button, strip);
  return {
    node,
    /** @param {Axis} axis */
    draw: (axis) => {
      const points = lanePoints(row, lane, axis, 0, clipSeconds);
      drawing.replaceChildren(
        makeSvg("path", { class: "activity-area", d: areaPath(points) }),
        makeSvg("path", { class: "activity-line", d: linePath(points) }),
      );
    },
  };
}

/** The map of a row; null where the model says nothing of moments. @param {RowData} row @param {number} clipSeconds */
function makeActivity(row, clipSeconds) {
  if (!row.activity.length) return null;
  const node = make("div", "activity", null, { role: "group", "aria-label": `${row.title}: ${ACTIVITY_TITLE}` });
  const head = make("div", "activity-head", null, { "aria-hidden": "true" });
  const moment = make("span", "moment", "");
  head.append(make("span", "activity-title", ACTIVITY_TITLE), moment);
  const body = make("div", "activity-body");
  const lanes = row.activity.map((_, k) => makeClassLane(row, k, clipSeconds));
  const lines = make("div", "activity-lines", null, { "aria-hidden": "true" });
  const { hoverLine, playhead } = makeLines();
  lines.append(hoverLine, playhead);
  body.append(...lanes.map((lane) => lane.node), lines);
  node.append(head, body);
  return {
    node,
    lines: { hoverLine, playhead },
    /** @param {Axis} axis */
    draw: (axis) => lanes.forEach((lane) => lane.draw(axis)),
    /** Lists the classes of a moment, or of none. @param {number | null} second */
    tell: (second) => {
      moment.textContent = second === null || second > clipSeconds ? "" : momentText(row, second);
    },
  };
}
