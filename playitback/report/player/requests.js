// What a key plays: a key names a button's sound ("clip", "tape-1", "segment-0-2", "segments-0", "replayed-1-0",
// "activity-0-3", "piece-7"), a request is what the deck plays.

/** @param {ViewData} view @param {number} start @param {number} end @returns {Sound} */
const stretch = (view, start, end) => ({
  file: view.clip_audio,
  offset: start,
  duration: end - start,
  second: (played) => start + played,
});

/** @param {ViewData} view @param {number} from @returns {PlayRequest} */
function clipRequest(view, from) {
  const end = view.clip_seconds;
  return { key: "clip", kind: "clip", start: from, end, sounds: [stretch(view, from, end)], words: "playing the clip" };
}

/**
 * The tape of a hearing, from a second of the clip on.
 * @param {ViewData} view @param {DrawnRow} row @param {number} from @returns {PlayRequest}
 */
function tapeRequest(view, { row, tape }, from) {
  const offset = tape.tapeSecond(from);
  /** @type {Sound} */
  const sound = {
    file: row.tape_audio,
    offset,
    duration: tape.seconds - offset,
    second: (played) => tape.clipSecond(offset + played),
  };
  const words = `playing ${row.title} as the model heard it`;
  const { index } = row;
  return {
    key: `tape-${index}`,
    kind: "tape",
    row: index,
    start: from,
    end: view.clip_seconds,
    sounds: [sound],
    words,
  };
}

/**
 * Stretches of the clip, one after the other.
 * @param {ViewData} view @param {string} key @param {string} kind @param {RowData} row
 * @param {string} which what they are, in words
 * @param {Pair[]} chosen @param {number} [segment] the number of the only one
 * @returns {PlayRequest}
 */
function stretchesRequest(view, key, kind, row, which, chosen, segment) {
  return {
    key,
    kind,
    row: row.index,
    segment,
    start: chosen[0][0],
    end: chosen[chosen.length - 1][1],
    sounds: chosen.map(([start, end]) => stretch(view, start, end)),
    words: `playing ${which} of ${row.title}`,
  };
}

/** A row that is known to exist, because a button belongs to it. @param {DrawnRows} rows @param {number} index */
const drawnRow = (rows, index) => /** @type {DrawnRow} */ (rows.get(index));

/**
 * What any key but "clip" plays; find(id) finds an edited segment, where segments can be edited.
 * @param {string} key @param {ViewData} view @param {DrawnRows} rows @param {((id: number) => Found) | null} find
 */
function requestOf(key, view, rows, find) {
  const [kind, ...numbers] = key.split("-");
  const [index, segment] = numbers.map(Number);
  if (kind === "tape") return tapeRequest(view, drawnRow(rows, index), 0);
  if (kind === "piece" && find) {
    const found = find(index);
    const { start, end } = found.segment;
    const which = `segment ${found.number + 1}`;
    return stretchesRequest(view, key, kind, drawnRow(rows, found.index).row, which, [[start, end]], found.number);
  }
  const { row, activity } = drawnRow(rows, index);
  if (kind === "activity" && activity) {
    const { around } = activity.clearest(segment);
    const words = `playing where ${activity.names[segment]} is clearest`;
    return { ...stretchesRequest(view, key, kind, row, "", [around]), words };
  }
  if (kind === "segments") return stretchesRequest(view, key, kind, row, "all segments", row.segments);
  const which = `${kind === "replayed" ? "replayed " : ""}segment ${segment + 1}`;
  const chosen = row[kind === "segment" ? "segments" : "replayed"][segment];
  return stretchesRequest(view, key, kind, row, which, [chosen], segment);
}
