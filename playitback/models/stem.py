"""Stems: log-mel frames (B, frames, mels) -> local features (B, T, F, C).

"Local" means that a time column still speaks of its own fraction of a second: slots read these, because after global
self-attention a column may hold anything the network wanted to store there.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

from playitback.models.encoded import ClipEncoder


class PatchStem(nn.Module):
    """One convolution whose patches overlap by half: T = ceil(frames / stride), F = ceil(mels / stride).

    Of stride 4 it is the 7x7 convolution of MViTv2 (Play It Back, section 3.1).
    """

    first_centre = 0.0  # frame at the centre of column 0

    def __init__(self, width: int, stride: int = 4) -> None:
        super().__init__()
        self.time_stride = float(stride)  # frames per column
        self.projection = nn.Conv2d(1, width, kernel_size=2 * stride - 1, stride=stride, padding=stride - 1)

    def output_shape(self, frames: int, mels: int) -> tuple[int, int, int]:
        """(T, F, C) for an input of so many frames and mels."""
        stride = int(self.time_stride)
        return math.ceil(frames / stride), math.ceil(mels / stride), self.projection.out_channels

    def forward(self, log_mel: Tensor) -> Tensor:
        features: Tensor = self.projection(log_mel.unsqueeze(1))
        return features.permute(0, 2, 3, 1)


class ConvolutionalStem(nn.Module):
    """Stages of convolutions, batch normalisation, ReLU and average pooling: what small data sets need.

    The first stage is one 5x5 convolution of stride 2, the second one 3x3 (pairs at these resolutions would cost more
    than the rest of the network), the others are pairs of 3x3. The second one pools time and frequency by two, later
    ones frequency only, so that columns stay short: T = ceil(frames / 4), F = ceil(mels / 2 ** stages).
    """

    time_stride = 4.0
    first_centre = 1.0

    def __init__(self, widths: tuple[int, ...]) -> None:
        super().__init__()
        stages = [nn.Sequential(*_convolution(1, widths[0], kernel=5, stride=2))]
        for index, (channels, width) in enumerate(pairwise(widths)):
            second = [] if index == 0 else _convolution(width, width)
            pool = nn.AvgPool2d((2 if index == 0 else 1, 2), ceil_mode=True)
            stages.append(nn.Sequential(*_convolution(channels, width), *second, pool))
        self.stages = nn.Sequential(*stages)
        self.widths = widths

    def output_shape(self, frames: int, mels: int) -> tuple[int, int, int]:
        """(T, F, C) for an input of so many frames and mels."""
        return math.ceil(frames / 4), math.ceil(mels / 2 ** len(self.widths)), self.widths[-1]

    def forward(self, log_mel: Tensor) -> Tensor:
        # channels_last is faster on CPUs, and tensor cores want it, too
        features: Tensor = self.stages(log_mel.unsqueeze(1).contiguous(memory_format=torch.channels_last))
        return features.permute(0, 2, 3, 1)


class StemEncoder(ClipEncoder):
    """An encoder that begins with a stem, whose features are its local ones; its weights are ``encoder.stem.*``."""

    def __init__(self, stem: PatchStem | ConvolutionalStem) -> None:
        super().__init__()
        # the layout in which the stem reads its input; torch's annotations do not know this argument
        self.stem = stem.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.time_stride, self.first_centre = stem.time_stride, stem.first_centre

    def local_shape(self, frames: int, mels: int) -> tuple[int, int, int]:
        shape: tuple[int, int, int] = self.stem.output_shape(frames, mels)
        return shape

    def local_features(self, log_mel: Tensor) -> Tensor:
        features: Tensor = self.stem(log_mel)
        return features


def _convolution(channels: int, width: int, kernel: int = 3, stride: int = 1) -> list[nn.Module]:
    convolution = nn.Conv2d(channels, width, kernel, stride, padding=kernel // 2, bias=False)
    return [convolution, nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
