// What one row draws: attention, ticks, confidence.

const LANE_WIDTH = 1000; // units of the attention drawing, stretched to the row
const LANE_HEIGHT = 100;

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
  const end = (axis.fraction(clipSeconds) * LANE_WIDTH).toFixed(1);
  svg.replaceChildren(
    makeSvg("path", { class: "informative-area", d: area(whole(row.informative)) }),
    ...row.segments.map(([start, end]) =>
      makeSvg("path", { class: "chosen-area", d: area(polyline(row, axis, start, end)(row.informative)) }),
    ),
    makeSvg("path", { class: "threshold", d: `M0 ${threshold}H${end}` }),
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

function frequencyScale(ticks) {
  const scale = make("div", "frequencies", null, { "aria-hidden": "true" });
  for (const [fraction, text] of ticks) {
    const label = make("span", "frequency", text);
    label.style.bottom = `${clamp(fraction, 0, 1) * 100}%`;
    label.style.transform = `translateY(${clamp(fraction, 0.06, 0.94) === fraction ? 50 : fraction < 0.5 ? 0 : 100}%)`;
    scale.append(label);
  }
  return scale;
}
