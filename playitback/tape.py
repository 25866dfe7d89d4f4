"""The tape: a hearing as sound, in the proportions in which the model heard it.

    samples (N,), time map -> (N,)

A replayed segment takes more of the tape than of the clip, the rest takes less, just as in the model's frames (paper
section 2.3); pitch stays where it was, since a finer hop changes how often the spectrum is read, not its frequencies.
It is a phase vocoder (Flanagan and Golden 1966) that walks through the clip at the pace of the map.
"""

from __future__ import annotations

import librosa
import numpy as np

from playitback.replay import TimeMap

_WINDOW_SAMPLES = 384  # longer ones displace and smear what is short, shorter ones blur hums
_HOP_SAMPLES = _WINDOW_SAMPLES // 4
_ONSET = 10  # times as much power as a hop before: what is louder by less need not begin anew


def tape(samples: np.ndarray, time_map: TimeMap, sample_rate: int) -> np.ndarray:
    """The clip (N,) float32 as a hearing heard it: (N,) float32, each interval of the map stretched or squeezed."""
    clip_seconds, frames = time_map.knots_seconds[-1], time_map.knots_frame[-1]
    tape_seconds = time_map.knots_frame * (clip_seconds / frames)
    if np.allclose(tape_seconds, time_map.knots_seconds):
        return samples
    spectrum = librosa.stft(samples, n_fft=_WINDOW_SAMPLES, hop_length=_HOP_SAMPLES)  # (bins, columns)
    last = spectrum.shape[1] - 1
    at = np.arange(last + 1) * (_HOP_SAMPLES / sample_rate)
    place = np.interp(at, tape_seconds, time_map.knots_seconds) * (sample_rate / _HOP_SAMPLES)
    before = np.clip(place.astype(int), 0, last - 1)
    share = (place - before).clip(0, 1).astype(np.float32)
    magnitude = np.abs(spectrum)
    magnitude = magnitude[:, before] * (1 - share) + magnitude[:, before + 1] * share
    # A column of the tape is as far from the next as one of the clip, so its phase turns as far as it does there. The
    # clip's own phases begin every interval of the map and every onset: those of long sums do not belong together.
    turns = np.angle(spectrum[:, 1:] * spectrum[:, :-1].conj())[:, before[:-1]]
    turned = np.pad(turns.cumsum(axis=1, dtype=np.float64), ((0, 0), (1, 0)))
    interval = np.searchsorted(tape_seconds[1:-1], at, side="right")
    power = np.square(magnitude).sum(axis=0)
    begins = (interval[1:] > interval[:-1]) | (power[1:] > _ONSET * power[:-1])
    begin = np.maximum.accumulate(np.arange(last + 1) * np.pad(begins, (1, 0)))
    phase = np.angle(spectrum[:, before])[:, begin] + turned - turned[:, begin]
    heard = magnitude * np.exp(1j * phase.astype(np.float32))
    return librosa.istft(heard, hop_length=_HOP_SAMPLES, length=len(samples))
