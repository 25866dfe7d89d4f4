"""From the channels of a file to one sound in -1..1, so that nothing cancels, drowns, or stands far off.

frames (n, channels) -> mix -> (n,) -> in_range -> (n,); each brings the sentences that tell what was changed
"""

from __future__ import annotations

import numpy as np

_LIVE = 0.1  # of the strongest channel's power: what has less is as good as silent beside it
_CANCELLED = 0.5  # of the power that unrelated channels would leave in their mean; channels that agree leave more
_MOMENT_SECONDS = 0.25  # for which channels may cancel that do not before and after
_CANCELLED_MOMENT = 0.3  # of the same power; in so short a time, channels that are far apart may agree less by chance
_MATTERS = 0.1  # of a clip's mean power: a moment with less is a pause
_FAR_OVER = 4.0  # full scale is 1, and loud masters and decoders go over it, by less than this
_FEW = 1e-3  # share of the samples: fewer that are far over full scale are faults in a clip that keeps to it
_INTEGER_RANGES = (2.0**15, 2.0**23, 2.0**31)  # what programs leave that write whole numbers as floats
_LEAST_RANGE = 256.0  # a peak below this says nothing of which range is meant
_LARGE_OFFSET = 0.05
_LEAST_OFFSET = 1e-3  # taken off only where the sound itself is as faint


def mix(frames: np.ndarray, sample_rate: int) -> tuple[np.ndarray, str | None]:
    """Frames (n, channels) at so many hertz -> (n,) float32: the mean of the channels unless it would lose what is in
    them.

    Where fewer than half of the channels sound, the others are left out, for their noise would be added. Where the mean
    cancels, be it for a moment, as of a microphone wired the wrong way round, the strongest channel is taken. Then
    comes what was done, as a sentence.
    """
    channels = frames.shape[1]
    if channels == 1:
        return frames[:, 0], None
    powers = _powers(frames)
    strongest = int(powers[0].argmax())
    live = np.flatnonzero(powers[0] >= _LIVE * powers[0, strongest])
    if 2 * len(live) >= channels:
        live = np.arange(channels)
    kept = frames if len(live) == channels else frames[:, live]
    mono = kept.mean(axis=1)
    unrelated = powers[:, live].sum(axis=1) / len(live) ** 2
    all_along = (_powers(mono[:, None])[:, 0] < _CANCELLED * unrelated).any()
    if all_along or _cancel_for_a_moment(kept, mono, round(_MOMENT_SECONDS * sample_rate)):
        return frames[:, strongest].copy(), (
            f"its {channels} channels cancel one another when they are averaged, so channel {strongest + 1}, the "
            "strongest, was taken alone"
        )
    if len(live) == 1:
        return mono, f"of its {channels} channels only channel {strongest + 1} sounds, so it was taken alone"
    if len(live) < channels:
        named = ", ".join(str(channel + 1) for channel in live)
        return mono, f"of its {channels} channels only {named} sound, so these alone were averaged"
    return mono, None


def _cancel_for_a_moment(frames: np.ndarray, mono: np.ndarray, moment: int) -> bool:
    """Whether there are ``moment`` frames, of (n, channels), that matter and of which the mean (n,) leaves nothing."""
    count = len(mono) // moment
    if not count:
        return False
    whole = slice(count * moment)
    left = mono[whole].reshape(count, moment).var(axis=1, dtype=np.float64)
    powers = frames[whole].reshape(count, moment, -1).var(axis=1, dtype=np.float64)
    unrelated = powers.sum(axis=1) / powers.shape[1] ** 2
    matters = (unrelated > 0) & (unrelated >= _MATTERS * unrelated.mean())
    return bool((matters & (left < _CANCELLED_MOMENT * unrelated)).any())


def in_range(mono: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """Samples (n,), scaled down where all of them are far over full scale, without a large constant offset.

    A few that are far over are cut to full scale: one click would be louder than the clip. Then come sentences that
    begin with "its".
    """
    told = []
    amplitude = np.abs(mono)
    over = int((amplitude > _FAR_OVER).sum())
    if over > _FEW * len(mono):
        peak = float(amplitude.max())
        # numbers without a sign lie around the middle of their range, from where the sound goes as far as with one
        swing = float(np.abs(mono - np.float32(mono.mean(dtype=np.float64))).max())
        if swing > _FAR_OVER:
            divisor = next((each for each in _INTEGER_RANGES if _LEAST_RANGE < swing <= each), peak)
            mono = mono / np.float32(divisor)
            told.append(f"its samples reach {peak:.6g} times full scale, so they were divided by {divisor:.6g}")
    elif over:
        told.append(
            f"its samples keep to full scale but for {over}, which reach {amplitude.max():.3g} times as far: "
            "a fault in the file, cut to full scale"
        )
        mono = np.where(amplitude > _FAR_OVER, np.sign(mono), mono)
    offset = float(mono.mean(dtype=np.float64))
    spread = float(mono.std(dtype=np.float64))
    if abs(offset) >= _LARGE_OFFSET or abs(offset) >= max(_LEAST_OFFSET, spread / 2):
        mono = mono - np.float32(offset)
        told.append(f"its samples lie around {offset:.2g} and not around 0; this constant offset was taken off")
    return mono, tuple(told)


def _powers(frames: np.ndarray) -> np.ndarray:
    """(2, channels): the power of each channel without its offset, and that of its differences.

    The second hears what is high: voices that cancel under the rumble of wind, which does not.
    """
    return np.stack([frames.var(axis=0, dtype=np.float64), np.diff(frames, axis=0).var(axis=0, dtype=np.float64)])
