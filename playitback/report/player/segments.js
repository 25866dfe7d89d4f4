// Segments that a person changes: { id, start, end } in clip seconds, sorted, never overlapping. A segment stops at its
// neighbours and at the clip's ends. What the model chose keeps its exact seconds until it is changed; from then on
// they are whole milliseconds, as shown.

const SHORTEST_SECONDS = 0.05;
const STEP_SECONDS = 0.05;
const NEW_SECONDS = 0.5; // of a segment that N adds, where there is room

/** @param {number} second */
const millisecond = (second) => Math.round(second * 1000) / 1000;
/** @param {number} second */
const exact = (second) => Math.round(second * 1e6) / 1e6; // without the errors that adding decimals leaves
/** @param {number} second @param {number} low @param {number} high */
const place = (second, low, high) => clamp(millisecond(second), low, high);

/**
 * How far segment k may reach: from the end of the one before to the start of the one after.
 * @param {EditedSegment[]} segments @param {number} k @param {number} clipSeconds @returns {Room}
 */
function roomOf(segments, k, clipSeconds) {
  return [k ? segments[k - 1].end : 0, k + 1 < segments.length ? segments[k + 1].start : clipSeconds];
}

/**
 * The free stretch around a second, or null where a segment is or too little is left.
 * @param {EditedSegment[]} segments @param {number} second @param {number} clipSeconds @returns {Room | null}
 */
function gapAt(segments, second, clipSeconds) {
  if (segments.some(({ start, end }) => start <= second && second < end)) return null;
  const before = segments.filter(({ end }) => end <= second);
  const after = segments.filter(({ start }) => start >= second);
  const low = before.length ? before[before.length - 1].end : 0;
  const high = after.length ? after[0].start : clipSeconds;
  return high - low >= SHORTEST_SECONDS ? [low, high] : null;
}

/**
 * The segment with its start at a second, as long as it was.
 * @param {EditedSegment} segment @param {Room} room @param {number} start
 */
function moved(segment, [low, high], start) {
  const seconds = segment.end - segment.start;
  const from = place(start, low, Math.max(low, high - seconds));
  return { ...segment, start: from, end: Math.min(exact(from + seconds), high) };
}

/**
 * The segment with one edge at a second.
 * @param {EditedSegment} segment @param {Edge} edge @param {Room} room @param {number} second
 */
function resized(segment, edge, [low, high], second) {
  const { start, end } = segment;
  const [least, most] =
    edge === "start" ? [low, exact(end - SHORTEST_SECONDS)] : [exact(start + SHORTEST_SECONDS), high];
  return most < least ? segment : { ...segment, [edge]: place(second, least, most) };
}

/**
 * What was typed as an edge: beyond the other edge it takes the whole segment along.
 * @param {EditedSegment} segment @param {Edge} edge @param {Room} room @param {number} second
 */
function typed(segment, edge, room, second) {
  if (edge === "start" && second > segment.end - SHORTEST_SECONDS) return moved(segment, room, second);
  if (edge === "end" && second < segment.start + SHORTEST_SECONDS) {
    return moved(segment, room, second - (segment.end - segment.start));
  }
  return resized(segment, edge, room, second);
}

/**
 * A new segment from where a drag began to where it is, within a gap.
 * @param {number} id @param {Room} gap @param {number} from @param {number} to @returns {EditedSegment}
 */
function drawn(id, [low, high], from, to) {
  let start = place(Math.min(from, to), low, high);
  let end = place(Math.max(from, to), low, high);
  if (end - start < SHORTEST_SECONDS) {
    start = clamp(exact(to < from ? end - SHORTEST_SECONDS : start), low, high - SHORTEST_SECONDS);
    end = Math.min(exact(start + SHORTEST_SECONDS), high);
  }
  return { id, start, end };
}

/** @param {EditedSegment[]} segments */
const pairsOf = (segments) => segments.map(({ start, end }) => /** @type {Pair} */ ([start, end]));
/** @param {EditedSegment} segment */
const secondsText = ({ start, end }) => `${start.toFixed(2)} to ${end.toFixed(2)} seconds`;

/**
 * What is held and drawn, for every row that can be edited, and which segments are selected. `changed()` is called
 * after every change. A row that is not held shows what the model chose; what was drawn on it before is kept for the
 * next hold.
 * @param {() => void} changed
 */
function makeEdits(changed) {
  /** @type {Map<number, EditedRow>} */
  const rows = new Map();
  /** @type {Set<number>} */
  const selected = new Set();
  let lastId = 0;

  /** @param {number} index */
  const rowOf = (index) => /** @type {EditedRow} */ (rows.get(index));
  /** @param {number} index */
  const shown = (index) => {
    const { original, drawn, held } = rowOf(index);
    return held && drawn ? drawn : original;
  };
  /** @param {EditedRow} row */
  const free = (row) => Object.assign(row, { drawn: null, held: false });
  const every = () => [...rows.values()];
  /** @param {() => void} change */
  const after = (change) => {
    change();
    changed();
  };

  return {
    shown,
    newId: () => (lastId += 1),
    /**
     * Takes the rows that can be edited, as [index, pairs], and what the run held: { index: pairs }. What a person
     * holds stays, even if an answer chose other segments.
     * @param {[index: number, pairs: Pair[]][]} chosen @param {Record<string, Pair[]>} heldInRun
     */
    setRows: (chosen, heldInRun) => {
      const known = new Map(rows);
      /** @param {Pair[]} pairs */
      const segmentsOf = (pairs) => pairs.map(([start, end]) => ({ id: (lastId += 1), start, end }));
      rows.clear();
      for (const [index, pairs] of chosen) {
        const given = /** @type {Pair[] | undefined} */ (heldInRun[index]);
        const before = known.get(index) || {
          original: [],
          drawn: given ? segmentsOf(given) : null,
          held: Boolean(given),
        };
        const same = JSON.stringify(pairsOf(before.original)) === JSON.stringify(pairs);
        const original = same ? before.original : segmentsOf(pairs);
        rows.set(index, { original, drawn: before.drawn || (before.held ? before.original : null), held: before.held });
      }
    },
    /** @param {number} index */
    isHeld: (index) => rowOf(index).held,
    /** @param {number} index */
    isChanged: (index) => rowOf(index).held || rowOf(index).drawn !== null,
    anyChanged: () => every().some((row) => row.held || row.drawn) || selected.size > 0,
    /** @param {number} index @param {boolean} held */
    hold: (index, held) => after(() => Object.assign(rowOf(index), { held })),
    /** @param {number} index */
    free: (index) => after(() => free(rowOf(index))),
    reset: () =>
      after(() => {
        every().forEach(free);
        selected.clear();
      }),
    /**
     * Replaces a row's segments; the row is held from then on.
     * @param {number} index @param {EditedSegment[]} segments
     */
    change: (index, segments) => after(() => Object.assign(rowOf(index), { drawn: segments, held: true })),
    /** For undoing a drag: what `restore` takes. @param {number} index */
    stateOf: (index) => ({ ...rowOf(index) }),
    /** @param {number} index @param {EditedRow} state */
    restore: (index, state) => after(() => rows.set(index, state)),
    /** The held rows as { index: [[start, end], ...] }. */
    held: () => Object.fromEntries([...rows.keys()].filter((k) => rowOf(k).held).map((k) => [k, pairsOf(shown(k))])),
    /** @param {number} id */
    isSelected: (id) => selected.has(id),
    /**
     * Selects one segment, alone or, with `more`, beside the others, from which it is taken if it was there.
     * @param {number} id @param {boolean} more
     */
    select: (id, more) =>
      after(() => {
        const was = selected.has(id);
        if (!more) selected.clear();
        if (more && was) selected.delete(id);
        else selected.add(id);
      }),
    /** The selected segments that are shown, in the order of time. */
    selection: () =>
      [...rows.keys()]
        .flatMap((index) => shown(index))
        .filter(({ id }) => selected.has(id))
        .sort((a, b) => a.start - b.start || a.end - b.end),
  };
}
