"""Augmentation of micro-batches: waveforms (B, samples), and the targets of those that are mixed.

One augmented clip serves all hearings of a replay, so every hearing hears the same audio. Random numbers come from an
explicit generator on the CPU, so a run can be repeated and resumed, whatever device it trains on.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from playitback.backgrounds import backgrounds
from playitback.models.recipe import Augmentation

_MIXUP_ALPHA = 0.3  # section 3.1 of the paper
_SHORTENED_SECONDS = (0.5, 2.5)  # what is left of a shortened clip
_BACKGROUND_DECIBELS = (-30.0, 0.0)  # level of a background, relative to the clip's loudest second


def vary_waveforms(waveforms: Tensor, settings: Augmentation, generator: Generator) -> Tensor:
    """Random time scale (as in Tokozume et al. 2018), cyclic shift and gain."""
    batch, samples = waveforms.shape
    scales = settings.time_scale ** _uniform((batch,), -1, 1, generator)
    scales[torch.rand(batch, generator=generator) < settings.unscaled] = 1.0
    shifts = torch.randint(samples, (batch,), generator=generator)
    gains_decibels = _uniform((batch,), -settings.gain_decibels, settings.gain_decibels, generator)
    # clip by clip: every clip has a length of its own in between, and reading in order is faster than one large gather
    varied = [
        scale_time(clip, scale).roll(shift).mul_(10 ** (gain / 20))
        for clip, scale, shift, gain in zip(
            waveforms, scales.tolist(), shifts.tolist(), gains_decibels.tolist(), strict=True
        )
    ]
    return torch.stack(varied)


def scale_time(clip: Tensor, scale: float) -> Tensor:
    """``scale`` times as fast; pitch moves along, as with a tape."""
    samples = len(clip)
    wanted = round(samples / scale)
    if wanted == samples:
        return clip  # exact: nothing to interpolate
    return _repeat_cyclically(F.interpolate(clip[None, None], size=wanted, mode="linear")[0, 0], samples)


def _repeat_cyclically(clip: Tensor, samples: int) -> Tensor:
    return clip.repeat(-(-samples // len(clip)))[:samples]


def loudness_decibels(waveforms: Tensor, sample_rate: int) -> Tensor:
    """(B, samples) -> (B,): A-weighted level of the loudest tenth of a second, as between-class mixing compares it."""
    window = sample_rate // 10
    frames = waveforms.unfold(1, window, window)
    power = torch.fft.rfft(frames * torch.hann_window(window), dim=2).abs().square()
    frequency = torch.fft.rfftfreq(window, 1 / sample_rate)
    weighted = (power * _a_weighting(frequency)).sum(dim=2)
    return 10 * torch.log10(weighted.amax(dim=1).clamp_min(1e-10))


def _a_weighting(frequency: Tensor) -> Tensor:
    """Power response of the A curve (IEC 61672-1) at frequencies in hertz."""
    square = frequency.square()
    response = 12194.0**2 * square.square()
    response = response / ((square + 20.6**2) * (square + 12194.0**2))
    response = response / ((square + 107.7**2) * (square + 737.9**2)).sqrt()
    return response.square()


def mix_between_classes(
    first: Tensor, second: Tensor, ratio: Tensor, first_level: Tensor, second_level: Tensor
) -> Tensor:
    """Between-class mixing (Tokozume et al. 2018, arXiv 1711.10282, equation 2).

    first, second: (B, samples); ratio: (B,) share of the first; levels: (B,) in decibels. The gains compensate for the
    levels, and the sum is divided so that its energy stays that of one clip.
    """
    ratio = ratio.clamp(1e-4, 1 - 1e-4)
    share = 1 / (1 + 10 ** ((first_level - second_level) / 20) * (1 - ratio) / ratio)
    share = share.unsqueeze(1)
    return (share * first + (1 - share) * second) / (share.square() + (1 - share).square()).sqrt()


def mix_pairs(
    waveforms: Tensor, targets: tuple[Tensor, ...], settings: Augmentation, sample_rate: int, generator: Generator
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """One kind of mixing, or none, for a micro-batch of waveforms (B, samples) and targets, each (B, classes).

    Every clip is mixed with its neighbour in the pair (0, 1), (2, 3), ...: clips are in random order, so any partner is
    as good as another, and no further clip has to be read.
    """
    kind = torch.rand((), generator=generator)
    batch = waveforms.shape[0]
    partners = torch.arange(batch) ^ 1
    if kind < settings.between_class:
        ratio = torch.rand(batch, generator=generator)
        levels = loudness_decibels(waveforms, sample_rate)
        mixed = mix_between_classes(waveforms, waveforms[partners], ratio, levels, levels[partners])
    elif kind < settings.between_class + settings.mixup:
        ratio = _beta(batch, _MIXUP_ALPHA, generator)
        mixed = torch.lerp(waveforms[partners], waveforms, ratio.unsqueeze(1))
    elif kind < settings.between_class + settings.mixup + settings.cutmix:
        mixed, ratio = cut_and_mix(waveforms, waveforms[partners], generator)
    else:
        return waveforms, targets
    return mixed, tuple(torch.lerp(each[partners], each, ratio.unsqueeze(1)) for each in targets)


def cut_and_mix(first: Tensor, second: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
    """A random stretch of the second clip in place of the first one's (B, samples); share (B,) of the first that stays.

    CutMix (Yun et al. 2019) along time, with alpha 1.0: the share is uniform.
    """
    batch, samples = first.shape
    length = (torch.rand((batch, 1), generator=generator) * samples).round()
    start = (torch.rand((batch, 1), generator=generator) * (samples - length)).round()
    sample = torch.arange(samples)
    inside = (sample >= start) & (sample < start + length)
    return torch.where(inside, second, first), 1 - (length / samples).squeeze(1)


def shorten(waveforms: Tensor, settings: Augmentation, sample_rate: int, generator: Generator) -> Tensor:
    """Silences a share of the clips (B, samples), except for a short stretch around the loudest moment of each.

    With a background this is an event somewhere in a longer recording, as most recordings are; data sets are cut
    tightly around their events.
    """
    chosen = torch.nonzero(torch.rand(len(waveforms), generator=generator) < settings.shortened).squeeze(1)
    count, samples = len(chosen), waveforms.shape[1]
    low, high = (round(seconds * sample_rate) for seconds in _SHORTENED_SECONDS)
    length = torch.randint(low, high + 1, (count, 1), generator=generator).clamp(max=samples)
    before = torch.rand((count, 1), generator=generator)  # share of the stretch that lies before the loudest moment
    clips = waveforms[chosen]
    loudest = clips.abs().argmax(dim=1, keepdim=True)
    start = (loudest - (before * length).long()).clamp(min=0).minimum(samples - length)
    sample = torch.arange(samples)
    outside = (sample < start) | (sample >= start + length)
    return waveforms.index_copy(0, chosen, clips.masked_fill(outside, 0.0))


def add_background(waveforms: Tensor, settings: Augmentation, sample_rate: int, generator: Generator) -> Tensor:
    """A background under a share of the clips (B, samples).

    The level is relative to the loudest second of the clip, so a short event stands out from its background as much as
    a long one.
    """
    noisy = torch.nonzero(torch.rand(len(waveforms), generator=generator) < settings.background).squeeze(1)
    samples = waveforms.shape[1]
    second = waveforms[noisy].unfold(1, min(sample_rate, samples), max(sample_rate // 4, 1))
    loudest = second.square().mean(dim=2).amax(dim=1, keepdim=True).sqrt()
    level = 10 ** (_uniform((len(noisy), 1), *_BACKGROUND_DECIBELS, generator) / 20) * loudest
    return waveforms.index_add(0, noisy, level * backgrounds(len(noisy), samples, sample_rate, generator))


def _beta(count: int, alpha: float, generator: Generator) -> Tensor:
    """(count,) from Beta(alpha, alpha); drawn by NumPy, because torch's own sampler takes no generator."""
    seed = int(torch.randint(2**31, (), generator=generator))
    return torch.from_numpy(np.random.default_rng(seed).beta(alpha, alpha, count)).float()


def _uniform(shape: tuple[int, ...], low: float, high: float, generator: Generator) -> Tensor:
    return low + (high - low) * torch.rand(shape, generator=generator)
