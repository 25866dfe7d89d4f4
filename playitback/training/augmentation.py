"""Augmentation of whole batches: waveforms (B, samples), frames (B, frames, mels), columns (B, T).

One augmented clip serves all passes of a replay, so every pass hears the same audio. Random numbers come from an
explicit generator on the CPU, so a run can be repeated and resumed, whatever device it trains on.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

_LARGEST_GAIN_DECIBELS = 6.0
_LARGEST_TIME_SCALE = 1.25
_MASKED_SHARE_OF_MELS = 0.2  # largest width of one of the two frequency masks (27 of 128 bins in the paper)


def vary_waveforms(waveforms: Tensor, generator: Generator) -> Tensor:
    """Random time scale (to 1.25 times faster or slower, as in Tokozume et al. 2018), cyclic shift and gain (6 dB)."""
    batch, samples = waveforms.shape
    scales = _LARGEST_TIME_SCALE ** _uniform((batch,), -1, 1, generator)
    shifts = torch.randint(samples, (batch,), generator=generator)
    gains_decibels = _uniform((batch,), -_LARGEST_GAIN_DECIBELS, _LARGEST_GAIN_DECIBELS, generator)
    # clip by clip: every clip has a length of its own in between, and reading in order is faster than one large gather
    varied = [
        _repeat_cyclically(F.interpolate(clip[None, None], size=round(samples / scale), mode="linear")[0, 0], samples)
        .roll(shift)
        .mul_(10 ** (gain / 20))
        for clip, scale, shift, gain in zip(
            waveforms, scales.tolist(), shifts.tolist(), gains_decibels.tolist(), strict=True
        )
    ]
    return torch.stack(varied)


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


def mask_frequencies(frames: Tensor, generator: Generator) -> Tensor:
    """SpecAugment's frequency masks (Park et al. 2019): two bands of normalised frames (B, frames, mels) become 0."""
    batch, _, mels = frames.shape
    bins = torch.arange(mels)
    for _ in range(2):
        width = _uniform((batch, 1), 0, _MASKED_SHARE_OF_MELS * mels, generator)
        start = _uniform((batch, 1), 0, 1, generator) * (mels - width)
        masked = ((bins >= start) & (bins < start + width)).unsqueeze(1)
        frames = frames.masked_fill(masked.to(frames.device), 0.0)
    return frames


def random_segments(batch: int, clip_seconds: float, generator: Generator) -> Tensor:
    """One to three random disjoint stretches a clip, (B, 3, 2) in seconds, together a tenth to a half of it."""
    count = torch.randint(1, 4, (batch, 1), generator=generator)
    used = torch.arange(3) < count
    length = torch.where(used, _uniform((batch, 3), 0.2, 1, generator), 0.0)
    length = length / length.sum(dim=1, keepdim=True) * _uniform((batch, 1), 0.1, 0.5, generator)
    gap = torch.where(torch.cat([used, used[:, :1]], dim=1), _uniform((batch, 4), 0, 1, generator), 0.0)
    gap = gap / gap.sum(dim=1, keepdim=True) * (1 - length.sum(dim=1, keepdim=True))
    end = (gap[:, :3] + length).cumsum(dim=1)
    return torch.stack([end - length, end], dim=2).clamp(0, 1) * clip_seconds


def random_columns(batch: int, columns: int, generator: Generator) -> Tensor:
    """(B, T) of ones with zeros in one to three random stretches: removal, so that a removed stretch is nothing new.

    Half of the clips are left whole.
    """
    segments = random_segments(batch, float(columns), generator)
    column = torch.arange(columns) + 0.5
    inside = (column >= segments[..., :1]) & (column < segments[..., 1:])
    removed = inside.any(dim=1) & (torch.rand((batch, 1), generator=generator) < 0.5)
    return 1.0 - removed.float()


def _uniform(shape: tuple[int, ...], low: float, high: float, generator: Generator) -> Tensor:
    return low + (high - low) * torch.rand(shape, generator=generator)
