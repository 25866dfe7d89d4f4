// Seconds, fractions of a row, hertz, and how they are written.

/** @param {number} value @param {number} low @param {number} high */
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

/**
 * Where x lies among increasing knots: the knot on its left, and how far it is on the way to the next one, 0 to 1.
 * @param {number[]} xs @param {number} x @returns {[left: number, share: number]}
 */
function between(xs, x) {
  const last = xs.length - 1;
  if (x <= xs[0]) return [0, 0];
  if (x >= xs[last]) return [last, 0];
  let right = 1;
  while (xs[right] < x) right += 1;
  return [right - 1, (x - xs[right - 1]) / (xs[right] - xs[right - 1])];
}

/**
 * Piecewise linear y(x) through increasing knots xs; constant outside them.
 * @param {number[]} xs @param {number[]} ys @param {number} x
 */
function interpolate(xs, ys, x) {
  const [left, share] = between(xs, x);
  return share ? ys[left] + share * (ys[left + 1] - ys[left]) : ys[left];
}

/**
 * The tape of a hearing: second of the tape <-> second of the clip.
 * @param {RowData} row @param {number} clipSeconds
 */
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
    /** @param {number} second */
    tapeSecond: (second) => interpolate(clip, tape, second),
    /** @param {number} second */
    clipSecond: (second) => interpolate(tape, clip, second),
  };
}

/** What the rows span: the clip, or more of it where the view asks for a longer axis. @param {ViewData} view */
const axisSeconds = (view) => Math.max(view.clip_seconds, view.axis_seconds || 0);

/**
 * The axis of a row; in the frames' view the row is as long as its tape.
 * @param {Mode} mode @param {Tape} tape @param {number} seconds @returns {Axis}
 */
function axisOf(mode, tape, seconds) {
  if (mode === "frames") {
    return {
      fraction: (second) => tape.tapeSecond(second) / tape.seconds,
      second: (fraction) => tape.clipSecond(fraction * tape.seconds),
    };
  }
  return { fraction: (second) => second / seconds, second: (fraction) => fraction * seconds };
}

/** Ticks at round seconds, at most seven. @param {number} seconds @returns {Tick[]} */
function secondTicks(seconds) {
  const step = [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60].find((each) => seconds / each <= 6.001) || 120;
  const count = Math.floor(seconds / step + 1e-6);
  return Array.from({ length: count + 1 }, (_, k) => [(k * step) / seconds, k * step]);
}

/**
 * Hertz at a fraction from the bottom, read off the frequency ticks; the axis is linear in HTK mel. Null where the
 * ticks are too few to tell.
 * @param {Tick[]} ticks
 */
function hertzScale(ticks) {
  if (ticks.length < 2) return null;
  const mels = ticks.map(([fraction, hertz]) => [fraction, 2595 * Math.log10(1 + hertz / 700)]);
  const [low, high] = [mels[0], mels[mels.length - 1]];
  const slope = (high[1] - low[1]) / (high[0] - low[0]);
  /** @param {number} fraction */
  return (fraction) => Math.max(0, 700 * (10 ** ((low[1] + slope * (fraction - low[0])) / 2595) - 1));
}

/** @param {number} value */
const trimmed = (value) => String(Number(value.toPrecision(3)));
/** A round second on an axis: 1.5 -> "1.5 s". @param {number} second */
const secondText = (second) => `${Number(second.toFixed(2))} s`;
/** A round frequency on an axis: 250 -> "250 Hz", 4000 -> "4 kHz". @param {number} hertz */
const roundHertzText = (hertz) => (hertz >= 1000 ? `${trimmed(hertz / 1000)} kHz` : `${trimmed(hertz)} Hz`);
/** A frequency that was pointed at: 3521 -> "3.5 kHz". @param {number} hertz */
const hertzText = (hertz) => (hertz >= 1000 ? `${(hertz / 1000).toFixed(1)} kHz` : `${Math.round(hertz / 10) * 10} Hz`);
/** @param {number} start @param {number} end */
const rangeText = (start, end) => `${start.toFixed(2)}–${end.toFixed(2)} s`;
/** @param {number} points */
const signed = (points) => (points === 0 ? "±0" : `${points > 0 ? "+" : "−"}${Math.abs(points)}`);
/** @param {number} share */
const percentage = (share) => (share > 0 && share < 0.005 ? "<1 %" : `${Math.round(share * 100)} %`);
