"""Removes stretches of a sound, or keeps nothing but them, and fills what is missing.

    waveforms (B, N), segments (B, S, 2) in seconds -> weights (B, N) -> weights * waveforms + (1 - weights) * fill

What stands in the gap matters, so there are four fills:

- silence: zeros;
- mean spectrum: stationary noise whose mean short-time magnitude spectrum is that of the clip;
- noise: white noise as loud (root mean square) as the clip;
- neighbour: the longer one of the kept stretches before and after the gap, back and forth from the edge on.

Edges are cross-faded over 10 ms, half of it on either side. Away from the fades, kept samples are untouched.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from playitback.errors import SettingsError
from playitback.segments import Segment, pad_segments

SILENCE, MEAN_SPECTRUM, NOISE, NEIGHBOUR = "silence", "mean spectrum", "noise", "neighbour"
FILLS = (SILENCE, MEAN_SPECTRUM, NOISE, NEIGHBOUR)
FADE_SECONDS = 0.010

#: of what is kept alone, one stretch after the other, to ask a model what it says of each moment by itself
STRETCH_SECONDS = 1.0
STEP_SECONDS = 0.25  # from the middle of one stretch to that of the next

_SPECTRUM_SAMPLES = 1024  # window of the mean spectrum


def keep_only(waveforms: Tensor, segments: Tensor, fill: str, sample_rate: int, generator: Generator) -> Tensor:
    """Clips (B, N) of which only the segments (B, S, 2), in seconds, are left. Raises SettingsError for the fill."""
    return _mixed(waveforms, _inside(waveforms, segments, sample_rate), fill, generator)


def remove(waveforms: Tensor, segments: Tensor, fill: str, sample_rate: int, generator: Generator) -> Tensor:
    """Clips (B, N) without the segments (B, S, 2), in seconds. Raises SettingsError for a fill that is not known."""
    return _mixed(waveforms, 1 - _inside(waveforms, segments, sample_rate), fill, generator)


def stretches_of(
    clip_seconds: float, stretch_seconds: float = STRETCH_SECONDS, step_seconds: float = STEP_SECONDS
) -> list[Segment]:
    """Stretches around every ``step_seconds`` from the clip's start on, cut at its ends."""
    middles = np.arange(0, clip_seconds + 1e-9, step_seconds).tolist()
    half = stretch_seconds / 2
    return [Segment(max(0.0, each - half), min(clip_seconds, each + half)) for each in middles]


def each_alone(waveform: Tensor, stretches: Sequence[Segment], sample_rate: int) -> Tensor:
    """A clip (N,) -> (S, N): for every stretch the clip of which nothing else is left, in silence."""
    kept = pad_segments([[each] for each in stretches], len(waveform) / sample_rate)
    nothing_random = Generator()  # silence draws nothing from it
    return keep_only(waveform.expand(len(kept), -1), kept, SILENCE, sample_rate, nothing_random)


def _inside(waveforms: Tensor, segments: Tensor, sample_rate: int) -> Tensor:
    """(B, N): 1 inside the segments, 0 outside, ramps of ``FADE_SECONDS`` centred on the edges within the clip."""
    batch, count = waveforms.shape
    at = (segments * sample_rate).round().long().clamp(0, count).to(waveforms.device)
    steps = torch.zeros(batch, count + 1, dtype=torch.int64, device=waveforms.device)
    steps.scatter_add_(1, at[..., 0], torch.ones_like(at[..., 0]))
    steps.scatter_add_(1, at[..., 1], -torch.ones_like(at[..., 1]))
    inside = (steps.cumsum(dim=1)[:, :-1] > 0).float()
    return ramps(inside, 2 * round(FADE_SECONDS * sample_rate / 2) + 1)


def ramps(inside: Tensor, width: int) -> Tensor:
    """Steps between 0 and 1 (B, N) as ramps of ``width`` samples, centred on them: a moving mean.

    Counted in whole numbers, so that it is exactly 0 and 1 away from the steps.
    """
    before = width // 2
    padded = F.pad(inside.unsqueeze(1), (before, width - 1 - before), mode="replicate").squeeze(1)
    counted = F.pad(padded.long().cumsum(dim=1), (1, 0))
    return (counted[:, width:] - counted[:, :-width]) / width


def _mixed(waveforms: Tensor, weights: Tensor, fill: str, generator: Generator) -> Tensor:
    if fill == SILENCE:
        return weights * waveforms
    if fill == MEAN_SPECTRUM:
        filling = _noise_of_mean_spectrum(waveforms, generator)
    elif fill == NOISE:
        filling = _noise_of_level(waveforms, generator)
    elif fill == NEIGHBOUR:
        filling = _neighbours(waveforms, weights == 1)
    else:
        raise SettingsError(f"there is no fill {fill!r}; choose one of {', '.join(FILLS)}")
    return weights * waveforms + (1 - weights) * filling


def _noise_of_level(waveforms: Tensor, generator: Generator) -> Tensor:
    noise = _white(waveforms, generator)
    return noise * (root_mean_square(waveforms) / root_mean_square(noise))


def _noise_of_mean_spectrum(waveforms: Tensor, generator: Generator) -> Tensor:
    """White noise through a filter with the clip's mean spectrum.

    A bin of white noise of deviation 1 has a Rayleigh-distributed magnitude of mean sqrt(pi / 4 * sum(window ** 2)).
    """
    window = torch.hann_window(_SPECTRUM_SAMPLES, device=waveforms.device)
    spectra = torch.stft(
        waveforms, _SPECTRUM_SAMPLES, window=window, center=True, pad_mode="constant", return_complex=True
    )
    response = spectra.abs().mean(dim=2) / math.sqrt(math.pi / 4 * float(window.square().sum()))
    count = waveforms.shape[1]
    spectrum = torch.fft.rfft(_white(waveforms, generator))
    response = F.interpolate(response.unsqueeze(1), spectrum.shape[1], mode="linear", align_corners=True).squeeze(1)
    return torch.fft.irfft(spectrum * response, n=count)


def _neighbours(waveforms: Tensor, kept: Tensor) -> Tensor:
    """(B, N): every sample that is not kept is read from the longer of the two kept runs beside it."""
    count = kept.shape[1]
    at = torch.arange(count, device=kept.device).expand_as(kept)
    before_from, before_to = _kept_run_before(kept, at)
    # the same from the right, counted from the other end
    after_from, after_to = (count - 1 - each.flip(1) for each in _kept_run_before(kept.flip(1), at))
    before_length = (before_to - before_from + 1) * (before_to >= 0)
    after_length = (after_from - after_to + 1) * (after_to < count)
    use_before = before_length >= after_length
    distance = torch.where(use_before, at - before_to, after_to - at) - 1
    length = torch.where(use_before, before_length, after_length)
    offset = _back_and_forth(distance, length.clamp_min(1))
    source = torch.where(use_before, before_to - offset, after_to + offset).clamp(0, count - 1)
    return torch.where(length > 0, waveforms.gather(1, source), 0.0)


def _kept_run_before(kept: Tensor, at: Tensor) -> tuple[Tensor, Tensor]:
    """First and last sample (B, N) of the last kept run up to each sample, as far as it got by then; -1 for none."""
    begins = kept & ~F.pad(kept[:, :-1], (1, 0))
    return torch.where(begins, at, -1).cummax(dim=1).values, torch.where(kept, at, -1).cummax(dim=1).values


def _back_and_forth(distance: Tensor, length: Tensor) -> Tensor:
    """0, 1, ..., length - 1, length - 1, ..., 1, 0, 0, 1, ...: a repetition without jumps."""
    phase = distance % (2 * length)
    return torch.where(phase < length, phase, 2 * length - 1 - phase)


def _white(like: Tensor, generator: Generator) -> Tensor:
    return torch.randn(like.shape, generator=generator).to(like.device)


def root_mean_square(waveforms: Tensor) -> Tensor:
    """(B, 1) of clips (B, samples)."""
    return waveforms.square().mean(dim=1, keepdim=True).sqrt()
