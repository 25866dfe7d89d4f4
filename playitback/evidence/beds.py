"""Sounds with known truth: an event planted in a bed of background or beside a louder burst, two clips spliced.

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

#: of brief events and of bursts beside them, drawn evenly; at most ``_LONGEST_SHARE`` of a clip
BRIEF_SECONDS = (0.3, 2.0)
_LONGEST_SHARE = 0.4

_EVENT_LEVEL = 0.1  # root mean square of a planted event
_EVENT_FADE_SECONDS = 0.010
_FLOOR_DECIBELS = -30.0  # of the white noise under an event and a burst, so that nothing is digital silence
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
    rows = _audible(event)
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
    return plant(
        waveforms, _background(name, waveforms, sample_rate, generator, recorded), decibels, sample_rate,
        Generator().manual_seed(seed),
    )  # fmt: skip


def plant_brief_in(
    waveforms: Tensor, name: str, decibels: float, sample_rate: int, seed: int, recorded: Tensor | None = None
) -> KnownClips:
    """The loudest moments of every clip, ``BRIEF_SECONDS`` long, at a random second of a bed; as ``plant_in`` else."""
    rows = _with_brief(waveforms, sample_rate)
    waveforms = waveforms[rows]
    generator = Generator().manual_seed(seed)
    length = _brief(len(rows), waveforms.shape[1], sample_rate, generator)
    start = _between(0, waveforms.shape[1] - length, generator)
    background = _level(_background(name, waveforms, sample_rate, generator, recorded))
    mixed = background / 10 ** (decibels / 20) + move_loudest(waveforms, length, start, sample_rate)
    return _known(mixed, start, length, rows, sample_rate)


def plant_beside_burst(waveforms: Tensor, targets: Tensor, decibels: float, sample_rate: int, seed: int) -> KnownClips:
    """The loudest moments of every clip and, before or after them, those of a clip of other classes, louder.

    waveforms: (N, samples); targets: (N, C) bool; decibels: of the burst over the event. Both are ``BRIEF_SECONDS``
    long and lie at random seconds in weak white noise. Clips that are silent are left out. Raises SettingsError if
    all are, or no two differ in their classes.
    """
    audible = _with_brief(waveforms, sample_rate)
    foreign = _foreign(targets[audible])
    rows = audible[foreign.any(dim=1)]
    generator = Generator().manual_seed(seed)
    other = audible[foreign[foreign.any(dim=1)].double().multinomial(1, generator=generator).squeeze(1)]
    count, samples = len(rows), waveforms.shape[1]
    event_length, burst_length = (_brief(count, samples, sample_rate, generator) for _ in range(2))
    # the silence before, between and after them: every division is equally likely
    gaps = torch.empty(count, 3).exponential_(generator=generator)
    free = samples - event_length - burst_length
    before, between, _ = (gaps / gaps.sum(dim=1, keepdim=True) * free.unsqueeze(1)).long().unbind(dim=1)
    event_first = torch.rand(count, generator=generator) < 0.5
    event_start = torch.where(event_first, before, before + burst_length + between)
    burst_start = torch.where(event_first, before + event_length + between, before)
    event = move_loudest(waveforms[rows], event_length, event_start, sample_rate)
    burst = move_loudest(waveforms[other], burst_length, burst_start, sample_rate)
    floor = torch.randn(count, samples, generator=generator)
    mixed = event + burst * 10 ** (decibels / 20) + floor * 10 ** (_FLOOR_DECIBELS / 20)
    return _known(mixed, event_start, event_length, rows, sample_rate)


def move_loudest(waveforms: Tensor, length: Tensor, start: Tensor, sample_rate: int) -> Tensor:
    """The loudest ``length`` (N,) samples of every clip (N, samples), moved to ``start`` (N,), silence around them.

    They fade in and out, and have root mean square 1.
    """
    samples = waveforms.shape[1]
    energy = F.pad(waveforms.square().cumsum(dim=1, dtype=torch.float64), (1, 0))
    at, end = torch.arange(samples + 1), length.unsqueeze(1)
    gained = energy.gather(1, (at + end).clamp(max=samples)) - energy
    loudest = gained.masked_fill(at + end > samples, -1.0).argmax(dim=1, keepdim=True)
    into = torch.arange(samples) - start.unsqueeze(1)
    inside = (into >= 0) & (into < end)
    fade = round(_EVENT_FADE_SECONDS * sample_rate)
    ramp = (torch.minimum(into + 1, end - into) / (fade + 1)).clamp(0, 1)
    moved = waveforms.gather(1, (loudest + into).clamp(0, samples - 1)) * inside
    level = (moved.square().sum(dim=1) / length).sqrt().unsqueeze(1)
    return moved * ramp / level.clamp_min(1e-9)


def splice(waveforms: Tensor, targets: Tensor, count: int, generator: Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Loudest half of one clip, then the loudest half of one with other classes.

    waveforms: (N, samples); targets: (N, C) bool. Returns ``count`` clips and the targets of their first and second
    half. Raises SettingsError where no two clips differ in their classes.
    """
    foreign = _foreign(targets)
    partners = foreign.any(dim=1).nonzero().squeeze(1)
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


def _foreign(targets: Tensor) -> Tensor:
    """(N, N): which clips share no class, of targets (N, C). Raises SettingsError where all do."""
    foreign = (targets.float() @ targets.float().T) == 0
    if not foreign.any():
        raise SettingsError("all clips share a class, and two are needed that do not; choose more clips")
    return foreign


def _background(
    name: str, waveforms: Tensor, sample_rate: int, generator: Generator, recorded: Tensor | None
) -> Tensor:
    """Beds (N, samples), one for each clip: made here, or recordings (M, samples), each drawn at random."""
    if recorded is None:
        return bed(name, len(waveforms), waveforms.shape[1], sample_rate, generator)
    return recorded[torch.randint(len(recorded), (len(waveforms),), generator=generator)]


def _with_brief(waveforms: Tensor, sample_rate: int) -> Tensor:
    """Rows of clips that hold something brief to plant. Raises SettingsError if none does."""
    return _audible(loudest_stretch(waveforms, min(round(BRIEF_SECONDS[0] * sample_rate), waveforms.shape[1])))


def _audible(sounds: Tensor) -> Tensor:
    """Rows of sounds (N, samples) that are not silent. Raises SettingsError if all are."""
    rows = torch.nonzero(sounds.square().mean(dim=1).sqrt() >= DIGITAL_SILENCE).squeeze(1)
    if not len(rows):
        raise SettingsError("all clips are silent, so there is no event to plant; choose other clips")
    return rows


def _brief(count: int, samples: int, sample_rate: int, generator: Generator) -> Tensor:
    """(count,) lengths of brief events in samples."""
    low, high = (min(round(each * sample_rate), int(_LONGEST_SHARE * samples)) for each in BRIEF_SECONDS)
    return _between(low, torch.full((count,), high), generator)


def _between(low: int, high: Tensor, generator: Generator) -> Tensor:
    """Whole numbers from ``low`` to ``high`` (N,), drawn evenly."""
    return (low + torch.rand(len(high), generator=generator, dtype=torch.float64) * (high - low)).round().long()


def _known(mixed: Tensor, start: Tensor, length: Tensor, rows: Tensor, sample_rate: int) -> KnownClips:
    """Brought down to the level of events, and below full scale."""
    mixed = _EVENT_LEVEL * mixed
    mixed = mixed / mixed.abs().amax(dim=1, keepdim=True).clamp_min(1)
    events = torch.stack([start, start + length], dim=1).unsqueeze(1).double() / sample_rate
    return KnownClips(mixed, events, rows)


def _level(sound: Tensor) -> Tensor:
    """Root mean square 1; silence stays silence."""
    return sound / sound.square().mean(dim=1, keepdim=True).sqrt().clamp_min(1e-9)


def _faded(length: int, fade: int) -> Tensor:
    ramp = (torch.arange(length) + 1) / (fade + 1)
    return torch.minimum(ramp, ramp.flip(0)).clamp(max=1)
