"""Scenes for training: sounds put together of two clips and a background, so that it is known what sounds when.

    clips (B, samples), their neighbours in the pair -> Scene: sound (B, samples), where each of the two is in it

Some clips stay as they are; some are spliced of two; and in some a short event stands in a background, with a burst
of another clip, often louder, elsewhere: what is loud must not be taken for what is asked for. A background may be
noise of any colour, hum, drops, or a voice that says nothing.

B clips, all random numbers from one generator on the CPU.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from playitback.edits import root_mean_square

SPLICED, EVENT = 0.4, 0.35  # shares of the clips; the others stay as they are
OVERLAPPING = 0.2  # of the spliced ones, under which the other clip goes on
SPLICED_SHARE = (0.15, 0.85)  # of the time, that the first clip has in a splice
SPLICED_DECIBELS = 12.0  # by which the other clip is softer or louder, at most
EVENT_SECONDS = (0.2, 2.0)  # of events and of bursts
BURST = 0.7  # share of the events that have a burst elsewhere
BURST_DECIBELS = (-6.0, 15.0)  # level of a burst over that of the event
BACKGROUND = 0.7  # share of the events that have a background
BACKGROUND_DECIBELS = (-30.0, 0.0)  # its level over that of the event
NOISE_DECIBELS = (-60.0, -30.0)  # level of white noise under everything, below full scale

_FADE_SECONDS = 0.010
_DARKEST_HERTZ = 60.0  # below this the spectrum of coloured noise no longer rises
_HUM_HERTZ, _HUM_HARMONICS = (40.0, 130.0), 24
_VOICE_HERTZ, _SYLLABLES_HERTZ = (90.0, 300.0), (2.0, 6.0)
_DROPS_HERTZ, _DROP_SECONDS = (20.0, 400.0), (0.001, 0.01)


@dataclass(frozen=True)
class Scene:
    """B scenes of two clips each."""

    sound: Tensor  # (B, samples)
    first: Tensor  # (B, samples) 1 where the clip itself is in it, 0 elsewhere
    second: Tensor  # (B, samples) 1 where its neighbour is


def make_scenes(waveforms: Tensor, sample_rate: int, generator: Generator) -> Scene:
    """Scenes of clips (B, samples), B even: every clip with its neighbour in the pair (0, 1), (2, 3), ..."""
    batch, samples = waveforms.shape
    clips = waveforms.cpu()
    other = clips[torch.arange(batch) ^ 1]
    kind = _uniform((batch, 1), 0, 1, generator)
    spliced, event = kind < SPLICED, (kind >= SPLICED) & (kind < SPLICED + EVENT)
    sample = torch.arange(samples)

    length = (_uniform((batch, 1), *SPLICED_SHARE, generator) * samples).round()
    start = (_uniform((batch, 1), 0, 1, generator) * (samples - length)).round()
    stretch = ((sample >= start) & (sample < start + length)).float()
    goes_on = (_uniform((batch, 1), 0, 1, generator) < OVERLAPPING).float()

    at_event, event_stretch = _event(clips, sample_rate, generator)
    at_burst, burst_stretch = _event(other, sample_rate, generator)
    # the burst is moved away from the event, all the way round the clip but for the two of them
    free = samples - event_stretch.sum(dim=1, keepdim=True) - burst_stretch.sum(dim=1, keepdim=True)
    gap = (event_stretch.sum(dim=1, keepdim=True) + burst_stretch.sum(dim=1, keepdim=True)) / 2
    to = at_event + gap + _uniform((batch, 1), 0, 1, generator) * free
    shift = (to - at_burst).round().long()
    bursts = (_uniform((batch, 1), 0, 1, generator) < BURST).float()

    first = torch.where(spliced, stretch, torch.where(event, event_stretch, 1.0))
    second = torch.where(spliced, torch.maximum(1 - stretch, goes_on), bursts * _roll(burst_stretch, shift))
    second = torch.where(spliced | event, second, 0.0)
    other = torch.where(event, _roll(other, shift), other)

    level = torch.where(
        event,
        _uniform((batch, 1), *BURST_DECIBELS, generator),
        _uniform((batch, 1), -SPLICED_DECIBELS, SPLICED_DECIBELS, generator),
    )
    own_level = _level(clips, first)
    gain = 10 ** (level / 20) * own_level / _level(other, second).clamp_min(1e-6)
    fade = round(_FADE_SECONDS * sample_rate)
    sound = _faded(first, fade) * clips + _faded(second, fade) * gain * other
    under = torch.nonzero(event[:, 0] & (torch.rand(batch, generator=generator) < BACKGROUND)).squeeze(1)
    beneath = 10 ** (_uniform((batch, 1), *BACKGROUND_DECIBELS, generator) / 20) * own_level
    sound = sound.index_add(0, under, beneath[under] * backgrounds(len(under), samples, sample_rate, generator))
    noise = 10 ** (_uniform((batch, 1), *NOISE_DECIBELS, generator) / 20)
    sound = sound + noise * torch.randn((batch, samples), generator=generator)
    return Scene(sound.to(waveforms), first.to(waveforms), second.to(waveforms))


def backgrounds(count: int, samples: int, sample_rate: int, generator: Generator) -> Tensor:
    """(count, samples) of root mean square 1: coloured noise, hum, drops and voices by turns."""
    kinds = (_coloured, _hum, _drops, _voice)
    first = int(torch.randint(len(kinds), (), generator=generator))
    sounds = torch.zeros(count, samples)
    for row in range(count):
        sounds[row] = kinds[(first + row) % len(kinds)](samples, sample_rate, generator)
    return sounds / root_mean_square(sounds).clamp_min(1e-9)


def _coloured(samples: int, sample_rate: int, generator: Generator) -> Tensor:
    hertz = torch.fft.rfftfreq(samples, 1 / sample_rate).clamp_min(_DARKEST_HERTZ)
    spectrum = torch.fft.rfft(torch.randn(samples, generator=generator))
    noise = torch.fft.irfft(spectrum * hertz ** -float(torch.rand((), generator=generator)), n=samples)
    swell = torch.sin(
        2 * math.pi * (torch.arange(samples) / sample_rate * _number(0.1, 1, generator) + _number(0, 1, generator))
    )
    return noise * (1 + _number(0, 0.9, generator) * swell)


def _hum(samples: int, sample_rate: int, generator: Generator) -> Tensor:
    turns = torch.arange(samples) / sample_rate * _number(*_HUM_HERTZ, generator)
    sizes = torch.rand(_HUM_HARMONICS, generator=generator) / torch.arange(1, _HUM_HARMONICS + 1)
    return _harmonics(turns, list(sizes))


def _drops(samples: int, sample_rate: int, generator: Generator) -> Tensor:
    falls = torch.rand(samples, generator=generator) < _number(*_DROPS_HERTZ, generator) / sample_rate
    time = torch.arange(samples) / sample_rate
    ring = torch.exp(-time / _number(*_DROP_SECONDS, generator)) * torch.randn(samples, generator=generator)
    impulses = falls * torch.randn(samples, generator=generator)
    rain = torch.fft.irfft(torch.fft.rfft(impulses) * torch.fft.rfft(ring), n=samples)
    hiss = torch.randn(samples, generator=generator) * rain.square().mean().sqrt()
    return rain + _number(0, 1, generator) * hiss


def _voice(samples: int, sample_rate: int, generator: Generator) -> Tensor:
    """A pitch that glides, syllables, and vowels that change with them."""
    time = torch.arange(samples) / sample_rate
    syllables = _number(*_SYLLABLES_HERTZ, generator)
    knots = max(2, math.ceil(float(time[-1]) * syllables) + 1)

    def glide(low: float, high: float) -> Tensor:
        drawn = _uniform((1, 1, knots), low, high, generator)
        return F.interpolate(drawn, size=samples, mode="linear", align_corners=True)[0, 0]

    base = _number(*_VOICE_HERTZ, generator)
    pitch = base * glide(0.8, 1.2)
    formants = (glide(300, 900), glide(900, 2500))
    sizes = [
        torch.stack([torch.exp(-(((harmonic * pitch - formant) / 250) ** 2)) for formant in formants]).sum(dim=0)
        for harmonic in range(1, max(2, round(3000 / base)))
    ]
    voice = _harmonics((pitch / sample_rate).cumsum(dim=0), sizes)
    return voice * torch.sin(math.pi * time * syllables).square()


def _harmonics(turns: Tensor, sizes: Sequence[Tensor]) -> Tensor:
    """Sum of the harmonics of a tone that has made so many turns (samples,), each with its size."""
    tone = torch.polar(torch.ones_like(turns), 2 * math.pi * turns)
    harmonic, sound = torch.ones_like(tone), torch.zeros_like(turns)
    for size in sizes:
        harmonic = harmonic * tone
        sound = sound + size * harmonic.imag
    return sound


def _event(clips: Tensor, sample_rate: int, generator: Generator) -> tuple[Tensor, Tensor]:
    """A short stretch around the loudest moment of clips (B, samples): its middle (B, 1), and 1 inside (B, samples)."""
    batch, samples = clips.shape
    length = (_uniform((batch, 1), *EVENT_SECONDS, generator) * sample_rate).clamp(max=samples / 2).round()
    loudest = clips.abs().argmax(dim=1, keepdim=True).float()
    before = _uniform((batch, 1), 0, 1, generator)
    start = (loudest - before * length).round().clamp_min(0).minimum(samples - length)
    sample = torch.arange(samples)
    return start + length / 2, ((sample >= start) & (sample < start + length)).float()


def _roll(waveforms: Tensor, shift: Tensor) -> Tensor:
    """Every row (B, samples) rolled by its own shift (B, 1)."""
    return waveforms.gather(1, (torch.arange(waveforms.shape[1]) - shift) % waveforms.shape[1])


def _level(waveforms: Tensor, inside: Tensor) -> Tensor:
    """(B, 1) root mean square where ``inside`` is 1."""
    return (
        (waveforms * inside).square().sum(dim=1, keepdim=True) / inside.sum(dim=1, keepdim=True).clamp_min(1)
    ).sqrt()


def _faded(inside: Tensor, fade: int) -> Tensor:
    """Steps from 0 to 1 and back (B, samples) as ramps of ``fade`` samples: a moving mean, by a running sum."""
    padded = F.pad(inside.unsqueeze(1), (fade // 2 + 1, fade // 2), mode="replicate").squeeze(1).double().cumsum(dim=1)
    return ((padded[:, fade:] - padded[:, :-fade]) / fade)[:, : inside.shape[1]].float()


def _uniform(shape: tuple[int, ...], low: float, high: float, generator: Generator) -> Tensor:
    return low + (high - low) * torch.rand(shape, generator=generator)


def _number(low: float, high: float, generator: Generator) -> float:
    return float(_uniform((), low, high, generator))
