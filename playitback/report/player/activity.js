// The map of classes over time: under the lanes of the first hearing, a strip for every class that was likely at some
// moment, with what the model would say of each moment by itself. The strip and the button beside it play the class's
// peak; its name, where the page can do that, explains the class. Any other class can be added.

const AROUND_PEAK_SECONDS = 0.5; // of the clip that are played on either side of a peak
const MOMENT_CLASSES = 3; // that are listed of a moment
const LEAST_LISTED = 0.005; // what would be listed as 0 % is left out
const WHOLE_LEVEL = 255; // the level of a class's own peak
const ACTIVITY_TITLE = "what each moment would be by itself";

let mapsMade = 0; // each has a list of classes, which needs a name of its own

/**
 * Activity of every class of a row: what was sent, unpacked. Classes go by their numbers.
 * @param {ActivityData} activity @param {number[]} columnSeconds @param {number} clipSeconds
 */
function activityOf({ names, peaks, levels }, columnSeconds, clipSeconds) {
  const columns = columnSeconds.length;
  const bytes = Uint8Array.from(atob(levels), (each) => each.charCodeAt(0));
  /** @param {number} k @param {number} column */
  const share = (k, column) => (bytes[k * columns + column] / WHOLE_LEVEL) * peaks[k];
  return {
    names,
    /** @param {number} k @returns {LaneData} */
    lane: (k) => ({ name: names[k], values: columnSeconds.map((_, column) => share(k, column)) }),
    /** Where a class is clearest: the second, the probability there, and the stretch around it. @param {number} k */
    clearest: (k) => {
      const second = columnSeconds[Math.max(0, bytes.subarray(k * columns, (k + 1) * columns).indexOf(WHOLE_LEVEL))];
      /** @type {Pair} */
      const around = [Math.max(0, second - AROUND_PEAK_SECONDS), Math.min(clipSeconds, second + AROUND_PEAK_SECONDS)];
      return { peak: peaks[k], second, around };
    },
    /** The likeliest of all classes at a moment, in words. @param {number} second */
    moment: (second) => {
      const [left, weight] = between(columnSeconds, second);
      const right = Math.min(left + 1, columns - 1);
      const likely = names
        .map((name, k) => ({ name, likely: (1 - weight) * share(k, left) + weight * share(k, right) }))
        .filter((each) => each.likely >= LEAST_LISTED)
        .sort((a, b) => b.likely - a.likely)
        .slice(0, MOMENT_CLASSES)
        .map((each) => `${each.name} ${percentage(each.likely).replace(" ", "\u00a0")}`);
      return `${second.toFixed(2)} s: ${likely.join(", ") || "nothing likely"}`;
    },
  };
}

/**
 * One class: a button in the gutter, its strip, which a pointer may press as well, and its name.
 * @param {RowData} row @param {ActivityData} data @param {Activity} activity @param {number} k
 * @param {{ explains: boolean, remove: (() => void) | null }} does remove: where it was added
 */
function makeClassLane(row, data, activity, k, { explains, remove }) {
  const name = data.names[k];
  const lane = activity.lane(k);
  const { peak, second } = activity.clearest(k);
  const key = `activity-${row.index}-${k}`;
  const node = make("div", "class-lane");
  node.classList.toggle("decided", k === data.decided);
  node.classList.toggle("asked", k === data.asked);

  const button = playButton("clearest", `${second.toFixed(1)} s`, key);
  const told = `${name}, up to ${percentage(peak)}, at ${second.toFixed(2)} seconds: play where it is clearest`;
  setAttributes(button, { "aria-label": told, title: "play where it is clearest" });

  const strip = make("div", "strip", null, { "aria-hidden": "true", "data-key": key, title: "play where it is clearest" });
  const plot = make("div", "strip-plot");
  const drawing = makeSvg("svg", { viewBox: `0 0 ${LANE_WIDTH} ${LANE_HEIGHT}`, preserveAspectRatio: "none" });
  const sign = make("span", "peak-sign");
  plot.append(drawing, sign);
  strip.append(plot);

  const words = make("span", "strip-words");
  const explain = explains
    ? makeButton("strip-name", name, {
        "data-explain": k,
        "aria-pressed": String(k === data.asked),
        "aria-label": `${name}: explain this class`,
        title: "explain this class",
      })
    : make("span", "strip-name", name);
  words.append(explain, make("span", "strip-peak", `up to ${percentage(peak)}`));
  if (k === data.asked) words.append(make("span", "asked-sign", "explained"));
  if (remove) {
    const button = makeButton("remove-class", "×", { "aria-label": `${name}: take it off the map`, title: "take it off" });
    button.addEventListener("click", remove);
    words.append(button);
  }
  node.append(button, strip, words);
  return {
    node,
    /** @param {Axis} axis @param {number} clipSeconds */
    draw: (axis, clipSeconds) => {
      const points = lanePoints(row, lane, axis, 0, clipSeconds);
      drawing.replaceChildren(
        makeSvg("path", { class: "activity-area", d: areaPath(points) }),
        makeSvg("path", { class: "activity-line", d: linePath(points) }),
      );
      sign.style.left = `${axis.fraction(second) * 100}%`;
      sign.style.top = `clamp(4px, ${(1 - peak) * 100}%, 100% - 5px)`; // whole, also at the edges
    },
  };
}

/**
 * A field that finds any class by its name. add(k) says whether the class was not there yet.
 * @param {string[]} names @param {(k: number) => boolean} add
 */
function makeClassChooser(names, add) {
  const box = make("div", "class-chooser");
  const list = make("datalist", "", null, { id: `playitback-classes-${(mapsMade += 1)}` });
  list.append(...names.map((name) => Object.assign(make("option"), { value: name })));
  const field = make("input", "class-field", null, {
    type: "search",
    list: list.id,
    autocomplete: "off",
    placeholder: "add a class …",
    "aria-label": "Add a class to the map",
  });
  const said = make("span", "class-said", "", { role: "status" });
  const take = () => {
    const wanted = field.value.trim().toLowerCase();
    if (!wanted) return;
    const like = names.flatMap((name, k) => (name.toLowerCase().includes(wanted) ? [k] : []));
    const exact = like.filter((k) => names[k].toLowerCase() === wanted);
    const [k, another] = exact.length ? exact : like;
    if (k === undefined) said.textContent = "no class has that name";
    else if (another !== undefined) said.textContent = `${like.length} classes have that in their names`;
    else {
      said.textContent = add(k) ? "" : `${names[k]} is there already`;
      field.value = "";
    }
  };
  field.addEventListener("change", take);
  field.addEventListener("input", (event) => {
    said.textContent = "";
    // one that was picked from the list was not typed
    if (!(event instanceof InputEvent) || event.inputType === "insertReplacementText") take();
  });
  box.append(field, list, said);
  return box;
}

/**
 * The map of a row; null where the model says nothing of moments.
 * @param {RowData} row @param {number} clipSeconds
 * @param {{ added: Set<number>, explains: boolean, grown: (lanes: number) => void }} map added: the classes that were
 * added by hand, which stay as long as the run does
 */
function makeActivity(row, clipSeconds, { added, explains, grown }) {
  const data = row.activity;
  if (!data) return null;
  const activity = activityOf(data, row.lane_seconds, clipSeconds);
  const node = make("div", "activity", null, { role: "group", "aria-label": `${row.title}: ${ACTIVITY_TITLE}` });
  const head = make("div", "activity-head", null, { "aria-hidden": "true" });
  const moment = make("span", "moment", "");
  head.append(make("span", "activity-title", ACTIVITY_TITLE), moment);
  const body = make("div", "activity-body");
  const lines = make("div", "activity-lines", null, { "aria-hidden": "true" });
  const { hoverLine, playhead } = makeLines();
  lines.append(hoverLine, playhead);
  /** @type {ReturnType<typeof makeClassLane>[]} */
  let lanes = [];
  /** @type {Axis | null} */
  let drawnAxis = null;

  /** @param {Axis} axis */
  const draw = (axis) => {
    drawnAxis = axis;
    lanes.forEach((lane) => lane.draw(axis, clipSeconds));
  };
  const arrangeLanes = () => {
    const own = [...added].filter((k) => k < data.names.length && !data.shown.includes(k));
    lanes = [...data.shown, ...own].map((k) => {
      const remove = () => {
        added.delete(k);
        arrangeLanes();
        within(node, ".class-field").focus();
      };
      return makeClassLane(row, data, activity, k, { explains, remove: own.includes(k) ? remove : null });
    });
    body.replaceChildren(...lanes.map((lane) => lane.node), lines);
    grown(lanes.length);
    if (drawnAxis) draw(drawnAxis);
  };
  /** @param {number} k */
  const add = (k) => {
    if (data.shown.includes(k) || added.has(k)) return false;
    added.add(k);
    arrangeLanes();
    return true;
  };
  arrangeLanes();
  node.append(head, body, makeClassChooser(data.names, add));
  return {
    ...activity,
    node,
    lines: { hoverLine, playhead },
    draw,
    /** Lists the classes of a moment, or of none. @param {number | null} second */
    tell: (second) => {
      moment.textContent = second === null || second > clipSeconds ? "" : activity.moment(second);
    },
  };
}
