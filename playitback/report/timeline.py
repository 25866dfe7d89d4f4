"""Every hearing on the clip's own axes: seconds across, hertz upwards, so that the pictures of all hearings align.

The model's frames of a playback are stretched inside the replayed segments and squeezed outside (paper section 2.3).
Here they are laid back on the clip's seconds: outside the replayed segments from the hop of the first hearing, inside
them from the finer hop of the hearing, each at its own resolution.

    coarse (N, mels), fine (M, mels), replayed segments -> clip_log_mel (columns, mels)
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from playitback.recognizer import ClipHearing

#: hertz that are marked on a frequency axis, where the axis reaches that far
MARKED_HERTZ = (250.0, 1000.0, 4000.0, 16_000.0)


def clip_log_mel(first: ClipHearing, hearing: ClipHearing, clip_seconds: float, columns: int) -> np.ndarray:
    """Log-mel of a hearing on ``columns`` evenly spaced moments of the clip: (columns, mels) float32.

    The nearest frame is shown, not an interpolated one, so that the hop can be seen: a replayed stretch has more and
    narrower frames than its surroundings.
    """
    seconds = (np.arange(columns) + 0.5) * (clip_seconds / columns)
    picture = first.fine_log_mel[_nearest(seconds, first)]
    fine = hearing.fine_log_mel[_nearest(seconds, hearing)]
    for segment in hearing.replayed:
        inside = (seconds >= segment.start_seconds) & (seconds < segment.end_seconds)
        picture[inside] = fine[inside]
    return picture


def _nearest(seconds: np.ndarray, hearing: ClipHearing) -> np.ndarray:
    frame = np.rint(seconds / hearing.hop_seconds).astype(np.int64)
    return np.clip(frame, 0, len(hearing.fine_log_mel) - 1)


def colour_range(first: ClipHearing) -> tuple[float, float]:
    """Darkest and brightest log-mel of a run's pictures, shared by all hearings: percentiles of the first hearing."""
    low, high = np.percentile(first.fine_log_mel, (5.0, 99.8))
    return float(low), float(max(high, low + 1.0))  # a silent clip has one value only


def frequency_marks(mel_hertz: np.ndarray) -> tuple[tuple[float, float], ...]:
    """Marks of the frequency axis as (fraction of the height from the bottom, hertz), for bins centred on (mels,)."""
    bins = np.arange(len(mel_hertz))
    return tuple(
        (float((np.interp(hertz, mel_hertz, bins) + 0.5) / len(bins)), hertz)
        for hertz in MARKED_HERTZ
        if mel_hertz[0] <= hertz <= mel_hertz[-1]
    )


def second_marks(clip_seconds: float, most: int = 11) -> tuple[float, ...]:
    """Evenly spaced round seconds of a clip, from 0, at most ``most`` of them."""
    for step in (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0):
        if clip_seconds / step < most:
            return _multiples(step, clip_seconds)
    return _multiples(60.0, clip_seconds)


def _multiples(step: float, end: float) -> tuple[float, ...]:
    return tuple(round(step * count, 6) for count in range(int(end / step + 1e-9) + 1))


def frame_marks(hearing: ClipHearing, seconds: Sequence[float]) -> tuple[tuple[float, float], ...]:
    """Where clip seconds lie among the model's own frames, as (fraction of the frames, clip second)."""
    frames = len(hearing.log_mel)
    positions = hearing.time_map.frames(np.asarray(seconds, dtype=np.float64)) / frames
    return tuple(
        (float(np.clip(position, 0.0, 1.0)), second) for position, second in zip(positions, seconds, strict=True)
    )
