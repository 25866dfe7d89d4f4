"""Sounds with known truth: an event planted in a bed of background, two clips spliced, a clip between digital zeros.

Beds are made here from seeded noise, so they need no recordings: white noise; something like rain (a hiss and many
short drops); something like the sea (dark noise that swells every few seconds).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from playitback.errors import SettingsError
from playitback.segments import DIGITAL_SILENCE

NOISE_BED, RAIN_BED, SEA_BED = "noise", "rain", "sea"
BEDS = (NOISE_BED, RAIN_BED, SEA_BED)

_EVENT_LEVEL = 0.1  # root mean square of a planted event
_EVENT_FADE_SECONDS = 0.010
_DROPS_PER_SECOND, _DROP_SECONDS = 150, 0.004
_HISS_LEVEL = 0.3  # of the rain's drops
_SWELL_SECONDS = (3.0, 7.0)
_DARKEST_HERTZ = 60.0  # below this the sea's spectrum no longer rises


@dataclass(frozen=True)
class KnownClips:
    """N clips of which we know where the event is."""

    waveforms: Tensor  # (N, clip_samples) float32
    events: Tensor  # (N, S, 2) seconds, sorted and disjoint
    rows: Tensor  # (N,) of the clip that each is made from


def bed(kind: str, count: int, samples: int, sample_rate: int, generator: Generator) -> Tensor:
    """``count`` backgrounds (count, samples) float32 of root mean square 1. Raises SettingsError for unknown kinds."""
    white = torch.randn(count, samples, generator=generator)
    if kind == NOISE_BED:
        sound = white
    elif kind == RAIN_BED:
        drops = (torch.rand(count, samples, generator=generator) < _DROPS_PER_SECOND / sample_rate).float()
        drops = drops * torch.randn(count, samples, generator=generator)
        time = torch.arange(samples) / sample_rate
        drop = torch.randn(samples, generator=generator) * torch.exp(-time / _DROP_SECONDS)
        rain = torch.fft.irfft(torch.fft.rfft(drops) * torch.fft.rfft(drop), n=samples)
        sound = _level(rain) + _HISS_LEVEL * white.diff(dim=1, prepend=white[:, :1])
    elif kind == SEA_BED:
        hertz = torch.fft.rfftfreq(samples, 1 / sample_rate)
        dark = torch.fft.irfft(torch.fft.rfft(white) / hertz.clamp_min(_DARKEST_HERTZ), n=samples)
        low, high = _SWELL_SECONDS
        period = low + (high - low) * torch.rand(count, 1, generator=generator)
        phase = torch.rand(count, 1, generator=generator)
        swell = torch.sin(math.pi * (torch.arange(samples) / sample_rate / period + phase)).square()
        sound = dark * (0.2 + 0.8 * swell)
    else:
        raise SettingsError(f"there is no background {kind!r}; choose one of {', '.join(BEDS)}")
    return _level(sound)


def plant(
    waveforms: Tensor, beds: Tensor, decibels: float, sample_rate: int, generator: Generator, event_seconds: float = 1.0
) -> KnownClips:
    """The loudest ``event_seconds`` of every clip (N, samples), at a random second of a bed (N, samples).

    decibels: level of the event over that of the whole bed. Clips that are silent are left out. An event is at most
    half a clip long. Raises SettingsError if all clips are silent.
    """
    samples = waveforms.shape[1]
    length = min(round(event_seconds * sample_rate), samples // 2)
    event = loudest_stretch(waveforms, length)
    audible = event.square().mean(dim=1).sqrt() >= DIGITAL_SILENCE
    rows = torch.nonzero(audible).squeeze(1)
    if not len(rows):
        raise SettingsError("all clips are silent, so there is no event to plant; choose other clips")
    event = _level(event[rows]) * _faded(length, round(_EVENT_FADE_SECONDS * sample_rate)) * _EVENT_LEVEL
    start = torch.randint(samples - length + 1, (len(rows), 1), generator=generator)
    mixed = _level(beds[rows]) * (_EVENT_LEVEL / 10 ** (decibels / 20))
    mixed = mixed.scatter_add(1, start + torch.arange(length), event)
    mixed = mixed / mixed.abs().amax(dim=1, keepdim=True).clamp_min(1)
    seconds = start.double() / sample_rate
    return KnownClips(mixed, torch.stack([seconds, seconds + length / sample_rate], dim=2), rows)


def all_beds(recorded: Mapping[str, Tensor] | None = None) -> list[tuple[str, Tensor | None]]:
    """Names of the beds made here, and of recorded ones with their recordings (M, samples)."""
    return [*((name, None) for name in BEDS), *(recorded or {}).items()]


def plant_in(
    waveforms: Tensor, name: str, decibels: float, sample_rate: int, seed: int, recorded: Tensor | None = None
) -> KnownClips:
    """``plant`` in the bed ``name``, one of ``BEDS``, or in recordings (M, samples), one at random for every clip.

    The same seed plants the same clips at the same seconds in every bed and at every level.
    """
    generator = Generator().manual_seed(seed)
    count, samples = waveforms.shape
    if recorded is None:
        background = bed(name, count, samples, sample_rate, generator)
    else:
        background = recorded[torch.randint(len(recorded), (count,), generator=generator)]
    return plant(waveforms, background, decibels, sample_rate, Generator().manual_seed(seed))


def splice(waveforms: Tensor, targets: Tensor, count: int, generator: Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Loudest half of one clip, then the loudest half of one with other classes.

    waveforms: (N, samples); targets: (N, C) bool. Returns ``count`` clips and the targets of their first and second
    half. Raises SettingsError where no two clips differ in their classes.
    """
    foreign = (targets.float() @ targets.float().T) == 0
    partners = foreign.any(dim=1).nonzero().squeeze(1)
    if not len(partners):
        raise SettingsError("all clips share a class, and a splice needs two that do not; choose more clips")
    half = waveforms.shape[1] // 2
    first = partners[torch.randint(len(partners), (count,), generator=generator)]
    second = foreign[first].double().multinomial(1, generator=generator).squeeze(1)
    loudest = loudest_stretch(waveforms, half)
    spliced = F.pad(torch.cat([loudest[first], loudest[second]], dim=1), (0, waveforms.shape[1] - 2 * half))
    return spliced, targets[first], targets[second]


def loudest_stretch(waveforms: Tensor, length: int) -> Tensor:
    """The stretch of ``length`` samples with the most energy, of every clip: (N, length)."""
    # before every sample, so that the difference at index i is the energy of samples i to i + length
    energy = F.pad(waveforms.square().cumsum(dim=1, dtype=torch.float64), (1, 0))
    start = (energy[:, length:] - energy[:, :-length]).argmax(dim=1, keepdim=True)
    return waveforms.gather(1, start + torch.arange(length))


def _level(sound: Tensor) -> Tensor:
    """Root mean square 1; silence stays silence."""
    return sound / sound.square().mean(dim=1, keepdim=True).sqrt().clamp_min(1e-9)


def _faded(length: int, fade: int) -> Tensor:
    ramp = (torch.arange(length) + 1) / (fade + 1)
    return torch.minimum(ramp, ramp.flip(0)).clamp(max=1)
