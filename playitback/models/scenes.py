"""Scenes for training: sounds put together of two clips and a background, so that it is known what sounds when.

    clips (B, samples), their neighbours in the pair -> Scene: sound (B, samples), where each of the two is in it

Some clips stay as they are; some are spliced of two; and in some a short event stands in a background, with a burst
of another clip, often louder, elsewhere: what is loud must not be taken for what is asked for.

B clips, all random numbers from one generator on the CPU.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from playitback.backgrounds import backgrounds
from playitback.edits import FADE_SECONDS, ramps

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
    fade = round(FADE_SECONDS * sample_rate)
    sound = ramps(first, fade) * clips + ramps(second, fade) * gain * other
    under = torch.nonzero(event[:, 0] & (torch.rand(batch, generator=generator) < BACKGROUND)).squeeze(1)
    beneath = 10 ** (_uniform((batch, 1), *BACKGROUND_DECIBELS, generator) / 20) * own_level
    sound = sound.index_add(0, under, beneath[under] * backgrounds(len(under), samples, sample_rate, generator))
    noise = 10 ** (_uniform((batch, 1), *NOISE_DECIBELS, generator) / 20)
    sound = sound + noise * torch.randn((batch, samples), generator=generator)
    return Scene(sound.to(waveforms), first.to(waveforms), second.to(waveforms))


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


def _uniform(shape: tuple[int, ...], low: float, high: float, generator: Generator) -> Tensor:
    return low + (high - low) * torch.rand(shape, generator=generator)
