// What one row draws beside its lanes: ticks, confidence, the scale of frequencies.

/** @param {HTMLElement} strip @param {Tick[]} ticks */
function drawTicks(strip, ticks) {
  const gap = 44 / (strip.clientWidth || 800); // what a label needs
  let last = -1;
  strip.replaceChildren();
  for (const [fraction, second] of ticks) {
    const tick = make("span", "tick");
    tick.style.left = `${(fraction * 100).toFixed(3)}%`;
    if (fraction - last >= gap) {
      tick.append(make("span", fraction > 0.97 ? "tick-text at-end" : "tick-text", secondText(second)));
      last = fraction;
    }
    strip.append(tick);
  }
}

/** @param {RowData} row */
function confidenceTable(row) {
  const table = make("table", "classes");
  table.append(make("caption", "hidden-text", `Confidence after ${row.title}; changes in percentage points`));
  const body = make("tbody");
  row.classes.forEach(([name, probability, change], k) => {
    const line = make("tr", k === row.decided ? "decided" : "");
    const head = make("th", "", null, { scope: "row" });
    const label = make("span", "class-name", name);
    label.title = name;
    const bar = make("span", "bar", null, { "aria-hidden": "true" });
    bar.style.setProperty("--share", String(clamp(probability, 0, 1)));
    const words = make("span", "class-line");
    words.append(label);
    if (k === row.decided && row.decision_changed) words.append(make("span", "decision", "decision changed"));
    head.append(words, bar);
    const points = change === null ? null : Math.round(change * 100);
    const direction = points === null ? "" : points > 0 ? "up" : points < 0 ? "down" : "level";
    line.append(head, make("td", "probability", percentage(probability)));
    line.append(make("td", `change ${direction}`, points === null ? "" : signed(points)));
    body.append(line);
  });
  table.append(body);
  return table;
}

/** @param {RowData} row @param {number} clipSeconds */
function replayText(row, clipSeconds) {
  if (row.replayed.length) return `replays ${row.replayed_seconds.toFixed(1)} s of ${clipSeconds.toFixed(1)} s`;
  return row.index === 0 ? `hears all ${clipSeconds.toFixed(1)} s` : "replays nothing";
}

/** @param {Tick[]} ticks */
function frequencyScale(ticks) {
  const scale = make("div", "frequencies", null, { "aria-hidden": "true" });
  for (const [fraction, hertz] of ticks) {
    const label = make("span", "frequency", roundHertzText(hertz));
    label.style.bottom = `${clamp(fraction, 0, 1) * 100}%`;
    label.style.transform = `translateY(${clamp(fraction, 0.06, 0.94) === fraction ? 50 : fraction < 0.5 ? 0 : 100}%)`;
    scale.append(label);
  }
  return scale;
}
