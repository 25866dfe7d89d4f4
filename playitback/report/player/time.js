// Seconds, fractions of a row, hertz, and how they are written.

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

/** The tape of a hearing: second of the tape <-> second of the clip. */
function tapeOf(row, clipSeconds) {
  const knots =
    row.tape_map.length > 1
      ? row.tape_map
      : [
          [0, 0],
          [clipSeconds, clipSeconds],
        ];
  const tape = knots.map((knot) => knot[0]);
  const clip = knots.map((knot) => knot[1]);
  return {
    seconds: tape[tape.length - 1],
    tapeSecond: (second) => interpolate(clip, tape, second),
    clipSecond: (second) => interpolate(tape, clip, second),
  };
}

/** What the rows span: the clip, or more of it where the view asks for a longer axis. */
const axisSeconds = (view) => Math.max(view.clip_seconds, view.axis_seconds || 0);

/** Place along a row, 0 to 1, <-> second of the clip; in the frames' view the row is as long as its tape. */
function axisOf(mode, tape, seconds) {
  if (mode === "frames") {
    return {
      fraction: (second) => tape.tapeSecond(second) / tape.seconds,
      second: (fraction) => tape.clipSecond(fraction * tape.seconds),
    };
  }
  return { fraction: (second) => second / seconds, second: (fraction) => fraction * seconds };
}

/** Ticks at round seconds, at most seven. */
function secondTicks(seconds) {
  const step = [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60].find((each) => seconds / each <= 6.001) || 120;
  const count = Math.floor(seconds / step + 1e-6);
  return Array.from({ length: count + 1 }, (_, k) => [(k * step) / seconds, String(Number((k * step).toFixed(2)))]);
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
