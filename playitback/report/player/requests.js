// What a key plays: a key names a button's sound ("clip", "tape-1", "segment-0-2", "segments-0", "replayed-1-0", "piece-7"),
// a request is what the deck plays.

const stretch = (view, start, end) => ({
  file: view.clip_audio,
  offset: start,
  duration: end - start,
  second: (played) => start + played,
});

function clipRequest(view, from) {
  const end = view.clip_seconds;
  return { key: "clip", kind: "clip", start: from, end, sounds: [stretch(view, from, end)], words: "playing the clip" };
}

/** The tape of a hearing, from a second of the clip on. */
function tapeRequest(view, { row, tape }, from) {
  const offset = tape.tapeSecond(from);
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

/** What any key but "clip" plays; find(id) gives a drawn segment: { index, number, segment }. */
function requestOf(key, view, rows, find) {
  const [kind, index, segment] = key.split("-").map((part, k) => (k ? Number(part) : part));
  if (kind === "tape") return tapeRequest(view, rows.get(index), 0);
  if (kind === "piece") {
    const found = find(index);
    const { start, end } = found.segment;
    const which = `segment ${found.number + 1}`;
    return stretchesRequest(view, key, kind, rows.get(found.index).row, which, [[start, end]], found.number);
  }
  const { row } = rows.get(index);
  if (kind === "segments") return stretchesRequest(view, key, kind, row, "all segments", row.segments);
  const which = `${kind === "replayed" ? "replayed " : ""}segment ${segment + 1}`;
  const chosen = row[kind === "segment" ? "segments" : "replayed"][segment];
  return stretchesRequest(view, key, kind, row, which, [chosen], segment);
}
