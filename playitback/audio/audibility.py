"""Whether there is anything to hear in a clip, for a model that evens out levels and hears up to half its rate."""

from __future__ import annotations

import math

import numpy as np

_QUIET_PEAK = 0.01  # -40 dBFS
_QUIET_MOMENT = 0.005  # root mean square, -46 dBFS: noise goes three to five times as far
_MOMENT_SECONDS = 0.005  # as short as a click
_HEARD_SHARE = 0.01  # of the power: with less, what was recorded lies beyond the model's hearing


def doubt(mono: np.ndarray, samples: np.ndarray, sample_rate: int, span: str) -> str | None:
    """What speaks against believing any answer, as a sentence without its subject; None for an audible sound.

    mono: (frames,) at the file's rate; samples: (samples,) the same at the model's rate; span: when that is.
    """
    peak = float(np.abs(samples).max())
    recorded, heard = float(mono.var(dtype=np.float64)), float(samples.var(dtype=np.float64))
    if heard < _HEARD_SHARE * recorded:
        beyond = math.floor(1000 * (1 - heard / recorded)) / 10
        return (
            f"holds hardly anything that the model can hear from {span}: {beyond:.1f} % of the sound lie above "
            f"{sample_rate / 2000:g} kHz"
        )
    if peak == 0:
        return f"is silent from {span} (every sample is the same): the result says what the model makes of silence"
    if peak < _QUIET_PEAK or _loudest_moment(samples, sample_rate) < _QUIET_MOMENT:
        return (
            f"holds hardly anything to hear from {span}: it is very quiet, with a peak of {20 * math.log10(peak):.0f} "
            "dBFS, and a model that hears every clip at one level takes faint hiss for a sound"
        )
    return None


def _loudest_moment(samples: np.ndarray, sample_rate: int) -> float:
    """Root mean square."""
    moment = min(len(samples), round(_MOMENT_SECONDS * sample_rate))
    moments = samples[: len(samples) // moment * moment].reshape(-1, moment)
    return math.sqrt(np.square(moments, dtype=np.float64).mean(axis=1).max())
