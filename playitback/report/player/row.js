// One row: spectrogram, lanes and confidence of a hearing, its framed segments, its lines.

/** A place that waits for its row: the same boxes, no content. @param {number} lanes of its map of classes */
function makePlaceholder(lanes) {
  const box = make("div", "row placeholder", null, { "aria-hidden": "true" });
  if (lanes) keepPlaceForMap(box, lanes);
  box.append(make("div", "row-head"), make("div", "surface"), make("div", "panel"));
  return box;
}

/** Makes a row as high as its map of classes needs. @param {HTMLElement} row @param {number} lanes */
function keepPlaceForMap(row, lanes) {
  row.classList.add("with-activity");
  row.style.setProperty("--activity-lanes", String(lanes));
}

/**
 * Shows the pictures of the row before until those of its successor are there, so that nothing flickers.
 * @param {HTMLElement} before @param {HTMLElement} after
 */
function keepPictures(before, after) {
  for (const kind of [".clip-image", ".frames-image"]) {
    const [shown, next] = [before, after].map((row) => /** @type {HTMLImageElement} */ (within(row, kind)));
    next.replaceWith(shown);
    if (shown.src === next.src) continue;
    const change = () => shown.replaceWith(next);
    next.decode().then(change, change);
  }
}

/**
 * Makes the nodes the list's children; rows take the place of placeholders, so that nothing jumps.
 * @param {HTMLElement} list @param {HTMLElement[]} nodes
 */
function arrange(list, nodes) {
  /** @param {Element | undefined} node */
  const waits = (node) => node !== undefined && node.matches(".placeholder");
  nodes.forEach((node, k) => {
    const there = list.children[k];
    if (there === node || (waits(there) && waits(node))) return;
    if (waits(there)) there.replaceWith(node);
    else list.insertBefore(node, there || null);
  });
  while (list.children.length > nodes.length) list.children[list.children.length - 1].remove();
}

/** @param {RowData} row */
function rowPanel(row) {
  const panel = make("div", "panel");
  const head = make("div", "panel-head");
  head.append(make("span", "", "after this hearing"));
  if (row.classes.some((each) => each[2] !== null)) head.append(make("span", "", "change, points"));
  const actions = make("div", "actions");
  actions.append(playButton("action whole", "as the model heard it", `tape-${row.index}`));
  row.segments.forEach(([start, end], k) => {
    const button = playButton("action chosen", null, `segment-${row.index}-${k}`);
    const text = within(button, ".text");
    text.append(make("span", "hidden-text", "segment "), numberChip(k + 1), rangeText(start, end));
    actions.append(button);
  });
  if (row.segments.length > 1) actions.append(playButton("action chosen", "all segments", `segments-${row.index}`));
  panel.append(head, confidenceTable(row), actions);
  return panel;
}

/** The line under the pointer and the playhead, which move over what they are put into. */
function makeLines() {
  const hoverLine = make("div", "hover-line line", null, { "aria-hidden": "true" });
  const playhead = make("div", "playhead line", null, { "aria-hidden": "true" });
  hoverLine.hidden = true;
  return { hoverLine, playhead };
}

/** What a row is drawn from: it is drawn anew when this changes. @param {RowData} row @param {ViewData} view */
const rowSignature = (row, view) => JSON.stringify([row, axisSeconds(view)]);

/**
 * Draws one row; returns its parts and what moves in it.
 * @param {RowData} row @param {ViewData} view @param {(file: FileName) => string} resolve
 * @param {{ added: Set<number>, explains: boolean }} map see ``makeActivity``
 */
function makeRow(row, view, resolve, map) {
  const clipSeconds = view.clip_seconds;
  const tape = tapeOf(row, clipSeconds);
  const node = make("section", "row", null, { "data-row": row.index, "aria-label": row.title });

  const head = make("div", "row-head");
  const readout = make("span", "readout", "", { "aria-hidden": "true" });
  const explained = row.asked === null ? "" : ` · explains ${row.asked}`;
  const hop = row.hop_ms === null ? "" : `hop ${trimmed(row.hop_ms)} ms · `;
  const facts = `${hop}${replayText(row, clipSeconds)}${explained}`;
  head.append(make("h3", "row-title", row.title), make("span", "row-facts", facts), readout);

  const laneScale = make("div", "lane-scale", null, { "aria-hidden": "true" });
  const names = laneNames(row.lanes);
  laneScale.append(make("span", "", "1"), make("span", "lane-name", names.shared), make("span", "", "0"));
  node.classList.toggle("without-lanes", !row.lanes.length);

  const shows = row.lanes.length ? ["spectrogram", names.shared || names.own.join(", ")] : ["spectrogram"];
  const surface = make("div", "surface", null, {
    tabindex: "0",
    role: "group",
    "aria-label": `${row.title}: ${shows.join(" and ")}. ${row.sentence}`,
  });
  for (const [kind, file] of [
    ["clip", row.spectrogram],
    ["frames", row.frames_spectrogram],
  ]) {
    const image = make("img", `spectrogram ${kind}-image`, null, { alt: "", draggable: "false", decoding: "async" });
    image.src = resolve(file);
    surface.append(image);
  }
  const lanes = makeSvg("svg", {
    class: "lanes",
    viewBox: `0 0 ${LANE_WIDTH} ${LANE_HEIGHT}`,
    preserveAspectRatio: "none",
    "aria-hidden": "true",
  });
  surface.append(lanes, make("div", "beyond", null, { "aria-hidden": "true" }));

  /** @type {{ button: HTMLElement, start: number, end: number }[]} */
  const frames = []; // the framed stretches, placed anew when the axis changes
  /** @param {string} kind @param {string} word @param {Pair} seconds @param {number} k */
  const frame = (kind, word, [start, end], k) => {
    const button = makeButton(`frame ${kind}`, null, {
      "aria-pressed": "false",
      "aria-label": `${word} ${k + 1}, ${start.toFixed(2)} to ${end.toFixed(2)} seconds, play`,
      "data-key": `${kind}-${row.index}-${k}`,
    });
    button.append(make("span", "frame-number", String(k + 1)));
    frames.push({ button, start, end });
    surface.append(button);
  };
  row.segments.forEach((segment, k) => frame("segment", "Segment", segment, k));
  row.replayed.forEach((segment, k) => frame("replayed", "Replayed segment", segment, k));

  const activity = makeActivity(row, clipSeconds, { ...map, grown: (lanes) => keepPlaceForMap(node, lanes) });
  const ownLines = makeLines();
  const lines = activity ? [ownLines, activity.lines] : [ownLines];
  surface.append(ownLines.hoverLine, ownLines.playhead);
  const ticks = make("div", "ticks", null, { "aria-hidden": "true" });
  const sentence = make("p", "sentence", row.sentence);
  node.append(head, frequencyScale(row.frequency_ticks), laneScale, surface);
  if (activity) node.append(activity.node);
  node.append(ticks, sentence, rowPanel(row));

  const hertz = hertzScale(row.frequency_ticks);
  let axis = axisOf("clip", tape, axisSeconds(view));
  let drawnSeconds = axisSeconds(view); // where the axis ends
  return {
    row,
    node,
    tape,
    surface,
    head,
    activity,
    signature: rowSignature(row, view),
    /** @param {number} second */
    fraction: (second) => axis.fraction(second),
    /** Second of the axis under a place on the screen; the axis may go on beyond the clip. @param {number} clientX */
    secondAt: (clientX) => {
      const box = surface.getBoundingClientRect();
      return axis.second(clamp((clientX - box.left) / box.width, 0, 1));
    },
    /** @param {Mode} mode */
    setMode: (mode) => {
      axis = axisOf(mode, tape, axisSeconds(view));
      drawnSeconds = mode === "frames" ? clipSeconds : axisSeconds(view);
      for (const { button, start, end } of frames) {
        const left = axis.fraction(start);
        button.style.left = `${left * 100}%`;
        button.style.width = `${(axis.fraction(end) - left) * 100}%`;
        button.classList.toggle("near-end", left > 0.95);
      }
      drawLanes(lanes, row, axis, clipSeconds);
      activity?.draw(axis);
      drawTicks(ticks, mode === "frames" ? row.frame_ticks : secondTicks(axisSeconds(view)));
    },
    /** @param {number} second */
    setPosition: (second) => {
      for (const { playhead } of lines) playhead.style.transform = `translateX(${axis.fraction(second) * 100}%)`;
    },
    /** @param {number | null} second */
    setHover: (second) => {
      for (const { hoverLine } of lines) {
        hoverLine.hidden = second === null || second > drawnSeconds;
        if (second !== null) hoverLine.style.transform = `translateX(${axis.fraction(second) * 100}%)`;
      }
      activity?.tell(second);
    },
    /**
     * Tells what is under the pointer: the second, the frequency at its height, and the lanes.
     * @param {number | null} second @param {number} [clientY]
     */
    setReadout: (second, clientY = 0) => {
      if (second === null || second > clipSeconds) {
        readout.textContent = second === null ? "" : `${second.toFixed(2)} s · after the end of the clip`;
        return;
      }
      const picture = within(surface, ".spectrogram").getBoundingClientRect();
      const fraction = (picture.bottom - clientY) / picture.height;
      const parts = [`${second.toFixed(2)} s`];
      if (hertz && fraction >= 0 && fraction <= 1) parts.push(hertzText(hertz(fraction)));
      row.lanes.forEach(({ values }, k) => {
        parts.push(`${names.own[k]} ${interpolate(row.lane_seconds, values, second).toFixed(2)}`);
      });
      readout.textContent = parts.join(" · ");
    },
  };
}
