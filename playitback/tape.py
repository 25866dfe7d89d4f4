"""The tape: a hearing as sound, in the proportions in which the model heard it.

    samples (N,), time map -> (N,)

A replayed segment takes more of the tape than of the clip, the rest takes less, just as in the model's frames (paper
section 2.3); pitch stays where it was, since a finer hop changes how often the spectrum is read, not its frequencies.
"""

from __future__ import annotations

import librosa
import numpy as np

from playitback.replay import TimeMap

_CROSS_FADE_SECONDS = 0.01
_WINDOW_SAMPLES = 384  # of the phase vocoder: longer ones displace and smear what is short, shorter ones blur hums


def tape(samples: np.ndarray, time_map: TimeMap, sample_rate: int) -> np.ndarray:
    """The clip (N,) float32 as a hearing heard it: (N,) float32, each interval of the map stretched or squeezed."""
    clip_seconds, frames = time_map.knots_seconds[-1], time_map.knots_frame[-1]
    tape_seconds = time_map.knots_frame * (clip_seconds / frames)
    if np.allclose(tape_seconds, time_map.knots_seconds):
        return samples
    half_fade = round(_CROSS_FADE_SECONDS * sample_rate / 2)
    edges = np.rint(tape_seconds * sample_rate).astype(int)
    edges[-1] = len(samples)
    # pieces reach half a fade beyond their edges, where they overlap and fade into one another
    padded = np.zeros(len(samples) + 2 * half_fade, np.float32)
    for index in range(len(edges) - 1):
        source_start, source_end = time_map.knots_seconds[index : index + 2] * sample_rate
        length = edges[index + 1] - edges[index]
        rate = (source_end - source_start) / max(length, 1)
        piece = _stretched(
            samples, source_start - half_fade * rate, source_end + half_fade * rate, length + 2 * half_fade
        )
        fade = np.minimum(np.arange(1, len(piece) + 1) / (2 * half_fade + 1), 1).astype(np.float32)
        if index > 0:
            piece = piece * fade
        if index < len(edges) - 2:
            piece = piece * fade[::-1]
        padded[edges[index] : edges[index] + len(piece)] += piece
    return padded[half_fade : half_fade + len(samples)]


def _stretched(samples: np.ndarray, start: float, end: float, length: int) -> np.ndarray:
    """samples[start:end], silence beyond the ends, made ``length`` long by a phase vocoder."""
    first, last = round(start), max(round(end), round(start) + 1)
    inside = samples[max(first, 0) : max(last, 0)]
    piece = np.pad(inside, (max(-first, 0), max(last - first - max(-first, 0) - len(inside), 0)))
    stretched = librosa.effects.time_stretch(piece, rate=len(piece) / length, n_fft=_WINDOW_SAMPLES)
    return librosa.util.fix_length(stretched, size=length)
