// The synchronised player: draws the passes of one run as rows on one time axis, and plays them through WebAudio.
//
// mountPlayer(element, { resolve }) returns { update(view), destroy() }. `view` is PlayerView of component.py as JSON;
// its files are whatever resolve(file) turns into an address (a URL, or a data: address in a report that opens offline).
// Nothing here knows of Gradio. All text goes in by textContent: names and labels may hold anything.
//
// On the element: data-playing ("" or "clip", "segment", "segments", "replayed", "tape"), data-position (clip seconds),
// data-row-count. Events, bubbling: playitback:started and playitback:stopped, with detail
// { kind, row, segment, start, end, at }: start and end in clip seconds, `at` on the audio clock; stopped adds `position`.
const mountPlayer = (() => {
  "use strict";

  const START_LEAD_SECONDS = 0.02; // scheduled a little ahead, so that the first sample is never late
  const PAUSE_SECONDS = 0.15; // between segments played one after the other
  const SMALL_STEP_SECONDS = 0.1;
  const LARGE_STEP_SECONDS = 1;
  const LANE_WIDTH = 1000; // units of the attention drawing, stretched to the row
  const LANE_HEIGHT = 100;

  // ---- numbers and text ---------------------------------------------------------------------------------------------

  const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

  /** Piecewise linear y(x) through increasing knots xs; constant outside them. */
  function interpolate(xs, ys, x) {
    const last = xs.length - 1;
    if (x <= xs[0]) return ys[0];
    if (x >= xs[last]) return ys[last];
    let right = 1;
    while (xs[right] < x) right += 1;
    const share = (x - xs[right - 1]) / (xs[right] - xs[right - 1]);
    return ys[right - 1] + share * (ys[right] - ys[right - 1]);
  }

  /** The tape of a pass: second of the tape <-> second of the clip. */
  function tapeOf(row, clipSeconds) {
    const knots = row.tape_map.length > 1 ? row.tape_map : [[0, 0], [clipSeconds, clipSeconds]];
    const tape = knots.map((knot) => knot[0]);
    const clip = knots.map((knot) => knot[1]);
    return {
      seconds: tape[tape.length - 1],
      tapeSecond: (second) => interpolate(clip, tape, second),
      clipSecond: (second) => interpolate(tape, clip, second),
    };
  }

  /** Place along a row, 0 to 1, <-> second of the clip; in the frames' view the row is as long as its tape. */
  function axisOf(mode, tape, clipSeconds) {
    if (mode === "frames") {
      return {
        fraction: (second) => tape.tapeSecond(second) / tape.seconds,
        second: (fraction) => tape.clipSecond(fraction * tape.seconds),
      };
    }
    return { fraction: (second) => second / clipSeconds, second: (fraction) => fraction * clipSeconds };
  }

  /** Ticks at round seconds, at most seven. */
  function secondTicks(clipSeconds) {
    const step = [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60].find((each) => clipSeconds / each <= 6.001) || 120;
    const count = Math.floor(clipSeconds / step + 1e-6);
    return Array.from({ length: count + 1 }, (_, k) => [(k * step) / clipSeconds, String(Number((k * step).toFixed(2)))]);
  }

  /** Hertz at a fraction from the bottom, read off the frequency ticks; the axis is linear in HTK mel. */
  function hertzScale(ticks) {
    const mel = (hertz) => 2595 * Math.log10(1 + hertz / 700);
    const known = ticks
      .map(([fraction, text]) => [fraction, /^\s*([\d.]+)\s*(k?)Hz/i.exec(text)])
      .filter(([, match]) => match)
      .map(([fraction, match]) => [fraction, mel(Number(match[1]) * (match[2] ? 1000 : 1))])
      .sort((a, b) => a[0] - b[0]);
    if (known.length < 2) return null;
    const [low, high] = [known[0], known[known.length - 1]];
    const slope = (high[1] - low[1]) / (high[0] - low[0]);
    return (fraction) => Math.max(0, 700 * (10 ** ((low[1] + slope * (fraction - low[0])) / 2595) - 1));
  }

  const trimmed = (value) => String(Number(value.toPrecision(3)));
  const hertzText = (hertz) => (hertz >= 1000 ? `${(hertz / 1000).toFixed(1)} kHz` : `${Math.round(hertz / 10) * 10} Hz`);
  const rangeText = (start, end) => `${start.toFixed(2)}–${end.toFixed(2)} s`;
  const signed = (points) => (points === 0 ? "±0" : `${points > 0 ? "+" : "−"}${Math.abs(points)}`);
  const percentage = (share) => (share > 0 && share < 0.005 ? "<1 %" : `${Math.round(share * 100)} %`);

  // ---- elements -----------------------------------------------------------------------------------------------------

  /** A new element; `text` is always text. */
  function make(tag, className, text, attributes = {}) {
    const node = document.createElement(tag);
    if (className) node.className = className;
    if (text !== undefined && text !== null) node.textContent = text;
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    return node;
  }

  function makeSvg(tag, attributes) {
    const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    return node;
  }

  function playButton(className, text, key) {
    const button = make("button", className, null, { type: "button", "aria-pressed": "false", "data-key": key });
    button.append(make("span", "icon", null, { "aria-hidden": "true" }), make("span", "text", text));
    return button;
  }

  // ---- sound --------------------------------------------------------------------------------------------------------

  /** One audio context for the page, however many players: browsers allow only a few. */
  function audioContext() {
    const name = Symbol.for("playitback.audio");
    window[name] = window[name] || new AudioContext({ latencyHint: "interactive" });
    return window[name];
  }

  async function fetchBytes(address) {
    const response = await fetch(address);
    if (!response.ok) throw new Error(`status ${response.status}`);
    return response.arrayBuffer();
  }

  /** Sounds of one run: fetched once, decoded once. */
  function soundStore(resolve) {
    const bytes = new Map();
    const buffers = new Map();
    const once = (store, key, begin) => {
      if (!store.has(key)) {
        const promise = begin();
        store.set(key, promise);
        promise.catch(() => store.delete(key)); // so that pressing again tries again
      }
      return store.get(key);
    };
    const fetched = (file) => once(bytes, resolve(file), () => fetchBytes(resolve(file)));
    return {
      fetched,
      decoded: (file, context) =>
        once(buffers, resolve(file), async () => context.decodeAudioData((await fetched(file)).slice(0))),
    };
  }

  /** Starts the parts one after the other, sample-exactly; each part gets its place `when` on the audio clock. */
  function schedule(context, parts, buffers) {
    let when = context.currentTime + START_LEAD_SECONDS;
    return parts.map((part, k) => {
      const source = context.createBufferSource();
      source.buffer = buffers[k];
      source.connect(context.destination);
      source.start(when, part.offset, part.duration);
      const started = { ...part, source, when };
      when += part.duration + PAUSE_SECONDS;
      return started;
    });
  }

  // ---- one row ------------------------------------------------------------------------------------------------------

  function polyline(row, axis, from, to) {
    const inside = row.attention_seconds.filter((second) => second > from && second < to);
    const at = (seconds, values) =>
      [from, ...seconds, to].map((second) => {
        const x = axis.fraction(second) * LANE_WIDTH;
        const y = (1 - clamp(interpolate(row.attention_seconds, values, second), 0, 1)) * LANE_HEIGHT;
        return `${x.toFixed(1)} ${y.toFixed(1)}`;
      });
    return (values) => at(inside, values);
  }

  function area(points) {
    const x = (point) => point.split(" ")[0];
    return `M${x(points[0])} ${LANE_HEIGHT}L${points.join("L")}L${x(points[points.length - 1])} ${LANE_HEIGHT}Z`;
  }

  function drawLane(svg, row, axis, clipSeconds) {
    const whole = polyline(row, axis, 0, clipSeconds);
    const threshold = (1 - clamp(row.threshold, 0, 1)) * LANE_HEIGHT;
    svg.replaceChildren(
      makeSvg("path", { class: "informative-area", d: area(whole(row.informative)) }),
      ...row.segments.map(([start, end]) =>
        makeSvg("path", { class: "chosen-area", d: area(polyline(row, axis, start, end)(row.informative)) }),
      ),
      makeSvg("path", { class: "threshold", d: `M0 ${threshold}H${LANE_WIDTH}` }),
      makeSvg("path", { class: "uninformative", d: `M${whole(row.uninformative).join("L")}` }),
      makeSvg("path", { class: "informative", d: `M${whole(row.informative).join("L")}` }),
    );
  }

  function drawTicks(strip, ticks) {
    const gap = 44 / (strip.clientWidth || 800); // what a label needs
    let last = -1;
    strip.replaceChildren();
    for (const [fraction, text] of ticks) {
      const tick = make("span", "tick");
      tick.style.left = `${(fraction * 100).toFixed(3)}%`;
      if (fraction - last >= gap) {
        tick.append(make("span", fraction > 0.97 ? "tick-text at-end" : "tick-text", `${text} s`));
        last = fraction;
      }
      strip.append(tick);
    }
  }

  function confidenceTable(row) {
    const table = make("table", "classes");
    table.append(make("caption", "hidden-text", `Confidence after ${row.title}; changes in percentage points`));
    const body = make("tbody");
    row.classes.forEach(([name, probability, change], k) => {
      const line = make("tr");
      const head = make("th", "", null, { scope: "row" });
      const label = make("span", "class-name", name);
      label.title = name;
      const bar = make("span", "bar", null, { "aria-hidden": "true" });
      bar.style.setProperty("--share", String(clamp(probability, 0, 1)));
      const words = make("span", "class-line");
      words.append(label);
      if (k === 0 && row.decision_changed) words.append(make("span", "decision", "decision changed"));
      head.append(words, bar);
      const points = change === null ? null : Math.round(change * 100);
      const direction = points > 0 ? "up" : points < 0 ? "down" : "level";
      line.append(head, make("td", "probability", percentage(probability)));
      line.append(make("td", `change ${points === null ? "" : direction}`, points === null ? "" : signed(points)));
      body.append(line);
    });
    table.append(body);
    return table;
  }

  function replayText(row, clipSeconds) {
    if (row.replayed.length) return `replays ${row.replayed_seconds.toFixed(1)} s of ${clipSeconds.toFixed(1)} s`;
    return row.index === 0 ? `hears all ${clipSeconds.toFixed(1)} s` : "replays nothing";
  }

  /** A place that waits for its row: the same boxes, no content. */
  function makePlaceholder() {
    const box = make("div", "row placeholder", null, { "aria-hidden": "true" });
    box.append(make("div", "row-head"), make("div", "surface"), make("div", "panel"));
    return box;
  }

  /** Draws one row; returns its parts and what moves in it. */
  function makeRow(row, view, resolve) {
    const clipSeconds = view.clip_seconds;
    const tape = tapeOf(row, clipSeconds);
    const node = make("section", "row", null, { "data-row": row.index, "aria-label": row.title });

    const head = make("div", "row-head");
    const readout = make("span", "readout", "", { "aria-hidden": "true" });
    const facts = `hop ${trimmed(row.hop_ms)} ms · ${replayText(row, clipSeconds)}`;
    head.append(make("h3", "row-title", row.title), make("span", "row-facts", facts), readout);

    const frequencies = make("div", "frequencies", null, { "aria-hidden": "true" });
    for (const [fraction, text] of row.frequency_ticks) {
      const label = make("span", "frequency", text);
      label.style.bottom = `${clamp(fraction, 0, 1) * 100}%`;
      label.style.transform = `translateY(${clamp(fraction, 0.06, 0.94) === fraction ? 50 : fraction < 0.5 ? 0 : 100}%)`;
      frequencies.append(label);
    }
    const laneScale = make("div", "lane-scale", null, { "aria-hidden": "true" });
    laneScale.append(make("span", "", "1"), make("span", "lane-name", "attention"), make("span", "", "0"));

    const surface = make("div", "surface", null, {
      tabindex: "0",
      role: "group",
      "aria-label": `${row.title}: spectrogram and attention. ${row.sentence}`,
    });
    for (const [kind, file] of [["clip", row.spectrogram], ["frames", row.frames_spectrogram]]) {
      const image = make("img", `spectrogram ${kind}-image`, null, { alt: "", draggable: "false", decoding: "async" });
      image.src = resolve(file);
      surface.append(image);
    }
    const lane = makeSvg("svg", {
      class: "lane",
      viewBox: `0 0 ${LANE_WIDTH} ${LANE_HEIGHT}`,
      preserveAspectRatio: "none",
      "aria-hidden": "true",
    });
    surface.append(lane);

    const frames = []; // the framed stretches, placed anew when the axis changes
    const frame = (kind, word, [start, end], k) => {
      const button = make("button", `frame ${kind}`, null, {
        type: "button",
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

    const hoverLine = make("div", "hover-line line", null, { "aria-hidden": "true" });
    const playhead = make("div", "playhead line", null, { "aria-hidden": "true" });
    surface.append(hoverLine, playhead);
    const ticks = make("div", "ticks", null, { "aria-hidden": "true" });

    const panel = make("div", "panel");
    const panelHead = make("div", "panel-head");
    panelHead.append(make("span", "", "after this pass"));
    if (row.classes.some((each) => each[2] !== null)) panelHead.append(make("span", "", "change, points"));
    const actions = make("div", "actions");
    actions.append(playButton("action whole", "as the model heard it", `tape-${row.index}`));
    row.segments.forEach(([start, end], k) => {
      const button = playButton("action", null, `segment-${row.index}-${k}`);
      const number = make("span", "number", String(k + 1));
      button.querySelector(".text").append(make("span", "hidden-text", "segment "), number, rangeText(start, end));
      actions.append(button);
    });
    if (row.segments.length > 1) actions.append(playButton("action", "all segments", `segments-${row.index}`));
    panel.append(panelHead, confidenceTable(row), actions);

    node.append(head, frequencies, laneScale, surface, ticks, make("p", "sentence", row.sentence), panel);

    const hertz = hertzScale(row.frequency_ticks);
    let axis = null;
    return {
      row,
      node,
      tape,
      surface,
      signature: JSON.stringify(row),
      secondAt: (clientX) => {
        const box = surface.getBoundingClientRect();
        return axis.second(clamp((clientX - box.left) / box.width, 0, 1));
      },
      setMode: (mode) => {
        axis = axisOf(mode, tape, clipSeconds);
        for (const { button, start, end } of frames) {
          const left = axis.fraction(start);
          button.style.left = `${left * 100}%`;
          button.style.width = `${(axis.fraction(end) - left) * 100}%`;
          button.classList.toggle("near-end", left > 0.95);
        }
        drawLane(lane, row, axis, clipSeconds);
        drawTicks(ticks, mode === "frames" ? row.frame_ticks : secondTicks(clipSeconds));
      },
      setPosition: (second) => {
        playhead.style.transform = `translateX(${axis.fraction(second) * 100}%)`;
      },
      setHover: (second) => {
        hoverLine.hidden = second === null;
        if (second !== null) hoverLine.style.transform = `translateX(${axis.fraction(second) * 100}%)`;
      },
      setReadout: (second, clientY) => {
        if (second === null) {
          readout.textContent = "";
          return;
        }
        const picture = surface.querySelector(".spectrogram").getBoundingClientRect();
        const fraction = (picture.bottom - clientY) / picture.height;
        const parts = [`${second.toFixed(2)} s`];
        if (hertz && fraction >= 0 && fraction <= 1) parts.push(hertzText(hertz(fraction)));
        for (const name of ["informative", "uninformative"]) {
          parts.push(`${name} ${interpolate(row.attention_seconds, row[name], second).toFixed(2)}`);
        }
        readout.textContent = parts.join(" · ");
      },
    };
  }

  // ---- the player ---------------------------------------------------------------------------------------------------

  return function mountPlayer(element, { resolve = (file) => file } = {}) {
    const rows = new Map(); // index -> what makeRow returned
    let view = null;
    let parts = null; // the elements of the frame around the rows
    let store = soundStore(resolve);
    let mode = "clip";
    let position = 0; // clip seconds
    let cued = false; // the playhead was put somewhere on purpose, so playing the clip begins there
    let playing = null; // what was asked for; .parts once it sounds
    let activeRow = null; // the row that digits speak to
    let frameRequest = 0;
    let dragging = null;

    // -- state into attributes

    function announce(name, detail) {
      element.dispatchEvent(new CustomEvent(`playitback:${name}`, { bubbles: true, detail }));
    }

    function showPosition(second) {
      position = clamp(second, 0, view.clip_seconds);
      element.dataset.position = position.toFixed(3);
      for (const row of rows.values()) row.setPosition(position);
      parts.handle.style.transform = `translateX(${(position / view.clip_seconds) * 100}%)`;
      parts.time.textContent = `${position.toFixed(2)} s`;
    }

    function showState() {
      element.dataset.playing = playing && playing.parts ? playing.kind : "";
      for (const button of element.querySelectorAll("[data-key]")) {
        button.setAttribute("aria-pressed", String(Boolean(playing) && playing.key === button.dataset.key));
      }
      const from = cued && position > 0 && position < view.clip_seconds - 0.005 ? position : 0;
      const label = from && !playing ? `Play clip from ${from.toFixed(2)} seconds` : "Play clip";
      parts.play.setAttribute("aria-label", label);
      parts.play.title = label;
      parts.scrubber.setAttribute("aria-valuenow", position.toFixed(2));
      parts.scrubber.setAttribute("aria-valuetext", `${position.toFixed(2)} seconds`);
      parts.status.textContent = playing ? playing.words : "";
    }

    // -- playing

    function tick() {
      frameRequest = 0;
      if (!playing || !playing.parts) return;
      if (!element.isConnected) return void destroy();
      const context = audioContext();
      const heard = context.currentTime - Math.min(context.outputLatency || 0, 0.5);
      const begun = playing.parts.filter((part) => part.when <= heard);
      if (begun.length) {
        const part = begun[begun.length - 1];
        showPosition(part.second(Math.min(heard - part.when, part.duration)));
      }
      frameRequest = requestAnimationFrame(tick);
    }

    const detailOf = ({ kind, row, segment, start, end }, at) => ({ kind, row, segment, start, end, at });

    function settle(at, second) {
      const ended = playing;
      playing = null;
      cancelAnimationFrame(frameRequest);
      frameRequest = 0;
      showPosition(second);
      showState();
      if (ended.parts) announce("stopped", { ...detailOf(ended, at), position });
    }

    function stop() {
      if (!playing) return;
      const sounding = playing.parts || [];
      for (const part of sounding) {
        part.source.onended = null;
        part.source.stop();
      }
      cued = playing.kind === "clip";
      settle(sounding.length ? audioContext().currentTime : 0, position);
    }

    /** The last sample is out: wait until it is heard, then stand at the end. */
    function finishAfter(request) {
      const last = request.parts[request.parts.length - 1];
      const at = last.when + last.duration;
      const finish = () => {
        if (playing !== request) return;
        cued = false;
        settle(at, last.second(last.duration));
      };
      last.source.onended = () => {
        const context = audioContext();
        const wait = at + Math.min(context.outputLatency || 0, 0.5) - context.currentTime;
        if (wait > 0.02) setTimeout(finish, wait * 1000);
        else finish();
      };
    }

    /** Plays a request; pressing what plays already stops it. Called from a gesture, which lets the context begin. */
    async function play(request) {
      const same = playing && playing.key === request.key && !request.goOn;
      stop();
      if (same) return;
      cued = cued && request.kind === "clip";
      playing = request;
      showState();
      try {
        const context = audioContext();
        const resumed = context.state === "running" ? null : context.resume();
        const buffers = await Promise.all(request.sounds.map((part) => store.decoded(part.file, context)));
        await resumed;
        if (playing !== request) return;
        request.parts = schedule(context, request.sounds, buffers);
      } catch (error) {
        if (playing !== request) return;
        playing = null;
        showState();
        const sorry = "This sound could not be loaded. Press again, or run the clip anew.";
        parts.status.textContent = sorry;
        parts.live.textContent = sorry;
        return;
      }
      finishAfter(request);
      showPosition(request.start);
      showState();
      announce("started", detailOf(request, request.parts[0].when));
      if (!frameRequest) frameRequest = requestAnimationFrame(tick);
    }

    const stretch = (start, end) => ({
      file: view.clip_audio,
      offset: start,
      duration: end - start,
      second: (played) => start + played,
    });

    function playClip(from = cued && position < view.clip_seconds - 0.005 ? position : 0, goOn = false) {
      const end = view.clip_seconds;
      play({ key: "clip", kind: "clip", start: from, end, sounds: [stretch(from, end)], words: "playing the clip", goOn });
    }

    function playTape(index, from = 0, goOn = false) {
      const { row, tape } = rows.get(index);
      const offset = tape.tapeSecond(from);
      const sound = {
        file: row.tape_audio,
        offset,
        duration: tape.seconds - offset,
        second: (played) => tape.clipSecond(offset + played),
      };
      const words = `playing ${row.title} as the model heard it`;
      const request = { key: `tape-${index}`, kind: "tape", row: index, start: from, end: view.clip_seconds, words, goOn };
      play({ ...request, sounds: [sound] });
    }

    function playStretches(kind, index, chosen, segment) {
      const key = segment === undefined ? `${kind}-${index}` : `${kind}-${index}-${segment}`;
      const which = segment === undefined ? "all segments" : `${kind === "replayed" ? "replayed " : ""}segment ${segment + 1}`;
      play({
        key,
        kind,
        row: index,
        segment,
        start: chosen[0][0],
        end: chosen[chosen.length - 1][1],
        sounds: chosen.map(([start, end]) => stretch(start, end)),
        words: `playing ${which} of ${rows.get(index).row.title}`,
      });
    }

    /** Plays what a button's data-key names. */
    function press(key) {
      const [kind, index, segment] = key.split("-").map((part, k) => (k ? Number(part) : part));
      if (kind === "clip") return playing && playing.kind === "clip" ? stop() : playClip();
      if (kind === "tape") return playTape(index);
      const { row } = rows.get(index);
      if (kind === "segments") return playStretches(kind, index, row.segments);
      return playStretches(kind, index, [row[kind === "segment" ? "segments" : "replayed"][segment]], segment);
    }

    /** Moves the playhead; the clip or a tape that is playing goes on from there, a segment stops. */
    function seek(second) {
      const before = playing;
      stop();
      cued = true;
      showPosition(second);
      showState();
      if (before) goOn(before);
    }

    function goOn(before) {
      if (before.kind === "clip") playClip(position, true);
      if (before.kind === "tape") playTape(before.row, position, true);
    }

    // -- gestures

    function onClick(event) {
      const button = event.target.closest("button");
      if (button && button.dataset.key) return void press(button.dataset.key);
      if (button && button.dataset.mode) return void setMode(button.dataset.mode);
      const row = rowOf(event.target);
      if (!row || !row.surface.contains(event.target)) return;
      seek(row.secondAt(event.clientX));
      onPointerMove(event); // a finger does not hover
    }

    function rowOf(target) {
      const node = target.closest("[data-row]");
      return node ? rows.get(Number(node.dataset.row)) : null;
    }

    function onKeyDown(event) {
      const target = event.target;
      if (!view || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
      if (target.closest("input, textarea, select, [contenteditable]")) return;
      const step = event.shiftKey ? LARGE_STEP_SECONDS : SMALL_STEP_SECONDS;
      if (event.key === "ArrowLeft") seek(position - step);
      else if (event.key === "ArrowRight") seek(position + step);
      else if (event.key === "Home" && target === parts.scrubber) seek(0);
      else if (event.key === "End" && target === parts.scrubber) seek(view.clip_seconds);
      else if (event.key === "Escape" && playing) stop();
      else if (event.key === " " && !target.closest("button")) {
        if (playing) stop();
        else playClip();
      } else if (/^[1-9]$/.test(event.key)) {
        const focused = rowOf(target) || rows.get(activeRow) || rows.values().next().value;
        const chosen = Number(event.key) - 1;
        if (!focused || !focused.row.segments[chosen]) return;
        press(`segment-${focused.row.index}-${chosen}`);
      } else return;
      event.preventDefault();
      event.stopPropagation();
    }

    function onFocusIn(event) {
      const row = rowOf(event.target);
      if (row) activeRow = row.row.index;
    }

    function onPointerMove(event) {
      const row = event.target.closest && rowOf(event.target);
      const second = row && row.surface.contains(event.target) ? row.secondAt(event.clientX) : null;
      for (const each of rows.values()) {
        each.setHover(second);
        each.setReadout(each === row ? second : null, event.clientY);
      }
    }

    /** A listed segment and its frame light up together. */
    function onPointerOver(event) {
      const button = event.target.closest && event.target.closest("[data-key]");
      for (const each of element.querySelectorAll("[data-key]")) {
        each.classList.toggle("linked", Boolean(button) && each.dataset.key === button.dataset.key);
      }
    }

    function onPointerLeave() {
      for (const each of rows.values()) {
        each.setHover(null);
        each.setReadout(null);
      }
    }

    function scrubTo(event) {
      const box = parts.track.getBoundingClientRect();
      cued = true;
      showPosition(clamp((event.clientX - box.left) / box.width, 0, 1) * view.clip_seconds);
      showState();
    }

    function watchScrubber(scrubber) {
      scrubber.addEventListener("pointerdown", (event) => {
        dragging = { before: playing };
        stop();
        scrubber.setPointerCapture(event.pointerId);
        scrubTo(event);
      });
      scrubber.addEventListener("pointermove", (event) => dragging && scrubTo(event));
      for (const name of ["pointerup", "pointercancel"]) {
        scrubber.addEventListener(name, () => {
          if (dragging && dragging.before && view) goOn(dragging.before);
          dragging = null;
        });
      }
    }

    /** Only one player sounds at a time. */
    function onOtherStarted(event) {
      if (!element.isConnected) destroy();
      else if (event.target !== element) stop();
    }

    // -- drawing

    function setMode(next) {
      mode = next;
      element.dataset.mode = mode;
      for (const button of element.querySelectorAll("[data-mode]")) {
        button.setAttribute("aria-pressed", String(button.dataset.mode === mode));
      }
      for (const row of rows.values()) {
        row.setMode(mode);
        row.setPosition(position);
      }
    }

    function legend() {
      const list = make("ul", "legend", null, { "aria-label": "Legend" });
      for (const [sign, text] of [
        ["replayed", "replayed in this pass"],
        ["segment", "chosen for the next"],
        ["informative", "informative attention"],
        ["uninformative", "uninformative attention"],
        ["threshold", "threshold"],
      ]) {
        const item = make("li");
        item.append(make("span", `sign ${sign}-sign`, null, { "aria-hidden": "true" }), make("span", "", text));
        list.append(item);
      }
      return list;
    }

    /** Everything around the rows, built once a run. */
    function build(next) {
      const head = make("div", "player-head");
      const name = make("p", "clip-name");
      const start = next.start_seconds_in_file;
      const length = start
        ? `${rangeText(start, start + next.clip_seconds)} of the file`
        : `${trimmed(next.clip_seconds)} s`;
      name.append(make("span", "clip-title", next.clip_name), make("span", "clip-length", length));
      const modes = make("div", "modes", null, { role: "group", "aria-label": "Time axis" });
      for (const [value, text] of [["clip", "clip’s seconds"], ["frames", "model’s frames"]]) {
        modes.append(make("button", "mode", text, { type: "button", "data-mode": value, "aria-pressed": "false" }));
      }
      head.append(name, modes);

      const bar = make("div", "transport");
      const play = make("button", "play", null, { type: "button", "data-key": "clip", "aria-pressed": "false" });
      play.append(make("span", "icon", null, { "aria-hidden": "true" }));
      const scrubber = make("div", "scrubber", null, {
        role: "slider",
        tabindex: "0",
        "aria-label": "Playhead",
        "aria-valuemin": "0",
        "aria-valuemax": next.clip_seconds.toFixed(2),
      });
      const track = make("div", "track");
      const handle = make("div", "handle");
      track.append(handle);
      scrubber.append(track);
      watchScrubber(scrubber);
      const clock = make("div", "clock");
      const time = make("span", "time", "");
      clock.append(time, make("span", "of", `of ${next.clip_seconds.toFixed(2)} s`));
      const status = make("div", "status", "");
      bar.append(play, scrubber, clock, status);

      const list = make("div", "rows");
      const live = make("div", "hidden-text live", "", { "aria-live": "polite" });
      const keys =
        "Keys: Space plays and stops, ← → move by 0.1 s, with Shift by 1 s, 1–9 play a row’s segments, Esc stops.";
      const body = make("div", "player-body");
      body.append(head, legend(), bar, list, make("p", "keys", keys), live);
      element.replaceChildren(body);
      parts = { play, scrubber, track, handle, time, status, list, live };
    }

    function clear() {
      stop();
      rows.clear();
      store = soundStore(resolve);
      [view, parts, playing, dragging, activeRow, position, cued] = [null, null, null, null, null, 0, false];
      element.replaceChildren();
      element.dataset.rowCount = "0";
      element.dataset.playing = "";
      element.dataset.position = "0.000";
    }

    function updateRows() {
      const arrived = [];
      const wanted = new Set(view.rows.map((row) => row.index));
      for (const index of [...rows.keys()].filter((each) => !wanted.has(each))) rows.delete(index);
      for (const row of view.rows) {
        const known = rows.get(row.index);
        if (known && known.signature === JSON.stringify(row)) continue;
        rows.set(row.index, makeRow(row, view, resolve));
        if (!known) arrived.push(row);
      }
      const inOrder = [...rows.values()].sort((a, b) => a.row.index - b.row.index);
      const waiting = view.finished ? 0 : Math.max(0, view.expected_rows - inOrder.length);
      const nodes = [...inOrder.map((row) => row.node), ...Array.from({ length: waiting }, makePlaceholder)];
      nodes.forEach((node, k) => {
        const there = parts.list.children[k];
        if (there === node || (there && there.matches(".placeholder") && node.matches(".placeholder"))) return;
        if (there && there.matches(".placeholder")) there.replaceWith(node);
        else parts.list.insertBefore(node, there || null);
      });
      while (parts.list.children.length > nodes.length) parts.list.lastElementChild.remove();
      element.dataset.rowCount = String(rows.size);
      setMode(mode);
      if (arrived.length) parts.live.textContent = arrived.map((row) => `${row.title}. ${row.sentence}`).join(" ");
    }

    function update(next) {
      if (!next || !view || view.run_id !== next.run_id) clear();
      if (!next) return;
      if (!view) {
        build(next);
        view = next;
        store.fetched(view.clip_audio).catch(() => {}); // said when it is pressed
      }
      view = next;
      updateRows();
      showPosition(position);
      showState();
    }

    function destroy() {
      for (const [name, listener] of listeners) element.removeEventListener(name, listener);
      document.removeEventListener("playitback:started", onOtherStarted);
      resized.disconnect();
      clear();
    }

    const listeners = [
      ["click", onClick],
      ["keydown", onKeyDown],
      ["focusin", onFocusIn],
      ["pointermove", onPointerMove],
      ["pointerover", onPointerOver],
      ["pointerleave", onPointerLeave],
    ];
    for (const [name, listener] of listeners) element.addEventListener(name, listener);
    document.addEventListener("playitback:started", onOtherStarted);
    const resized = new ResizeObserver(() => view && setMode(mode)); // how many tick labels fit
    resized.observe(element);
    return { update, destroy };
  };
})();
