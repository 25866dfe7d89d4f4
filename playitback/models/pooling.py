"""Spatio-temporal attention pooling: a convolutional recurrent network that weighs moments and features.

Phan et al., "Spatio-Temporal Attention Pooling for Audio Scene Classification", Interspeech 2019 (arXiv 1904.03543).

    log-mel (B, frames, M) -> two channels -> convolutions -> (B, T, C) -> two bidirectional GRUs -> Z (B, T, W)
        temporal attention a (B, T), spatial attention s (B, W) -> sum over time of Z * (a outer s) (B, W) -> classes

Only frequency is pooled, so T is the number of frames. The temporal attention weighs moments for all classes at once;
it is shown as what it is, and what speaks for one class is told beside it by its activity.

Ours, where the paper leaves it open or where small data sets ask for it: the background is tracked by its minimum
(below), classes are read by a linear layer in place of a support vector machine, and the feature is not normalised.

B clips, M mel bins, C channels, W twice the width of a GRU.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from playitback.config import WIDEST, ActivityConfig, FrontEndConfig, ModelConfig, require, require_within
from playitback.models.encoded import ClipEncoder, OneHearing
from playitback.models.recipe import Augmentation, Recipe
from playitback.models.stages import ACTIVITY, ENCODER, TAUGHT
from playitback.models.terms import EncoderTerms

PRESETS = ("pooling", "pooling_small")

_POOLED = 4  # mel bins or rows that a convolution's pooling makes one of
_BACKGROUND_FRAMES = 21  # over which a log-mel is smoothed before its minimum is taken for the background


@dataclass(frozen=True)
class PoolingEncoderConfig:
    """Convolutions, recurrent layers and attention."""

    channels: tuple[int, ...] = (64, 128, 256)  # of the convolutions (paper, section 2.1)
    kernels: tuple[int, ...] = (5, 3, 2)
    frames: int = 1  # that the first convolution's pooling makes one of: the paper keeps time as it is
    width: int = 128  # of a GRU, one way
    layers: int = 2
    attention_width: int = 64  # hidden, of both attentions
    dropout: float = 0.25  # of convolutions, recurrent output and pooled feature

    def __post_init__(self) -> None:
        require_within(
            self, frames=(1, 64), width=(1, WIDEST), layers=(1, 16), attention_width=(1, WIDEST), dropout=(0, 1)
        )
        require(len(self.channels) == len(self.kernels), "every convolution needs its channels and its kernel")
        require(0 < len(self.channels) <= 16, "there are 1 to 16 convolutions")
        require(all(0 < each <= WIDEST for each in self.channels), f"channels must lie in 1 to {WIDEST}")
        require(all(0 < each <= 31 for each in self.kernels), "kernels must lie in 1 to 31")


@dataclass(frozen=True, kw_only=True)
class PoolingConfig(ModelConfig):
    """Everything needed to build a ``PoolingModel``."""

    family: str = "pooling"
    encoder: PoolingEncoderConfig = field(default_factory=PoolingEncoderConfig)


class AttentionPooling(nn.Module):
    """Recurrent output (B, T, W) -> feature (B, W), weighed by time and by feature (paper, section 2.3)."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.over_time = nn.Sequential(nn.Linear(width, hidden), nn.Tanh(), nn.Linear(hidden, 1, bias=False))
        self.over_features = nn.Sequential(nn.Linear(width, hidden), nn.Tanh(), nn.Linear(hidden, width, bias=False))

    def weights(self, columns: Tensor) -> tuple[Tensor, Tensor]:
        """Columns (B, T, W) -> temporal attention (B, T) and spatial attention (B, W), each of them summing to 1."""
        over_time: Tensor = self.over_time(columns).squeeze(2).softmax(dim=1)
        over_features: Tensor = self.over_features(columns.mean(dim=1)).softmax(dim=1)
        return over_time, over_features

    def forward(self, columns: Tensor) -> Tensor:
        over_time, over_features = self.weights(columns)
        width = columns.shape[2]  # so that even attention leaves the features as large as they are
        return width * over_features * (over_time.unsqueeze(2) * columns).sum(dim=1)


class PoolingEncoder(ClipEncoder):
    """Two channels, three convolutions, two recurrent layers, attention pooling, one linear head per label set.

    Its local features are those of the convolutions, which reach a few frames to either side; its grid is the recurrent
    output (B, T, 1, W).
    """

    pools_by_mean = False

    def __init__(self, config: PoolingEncoderConfig, mels: int, classes: tuple[int, ...]) -> None:
        super().__init__()
        self.time_stride, self.first_centre = float(config.frames), (config.frames - 1) / 2
        convolutions, before, rows, frames = [], 2, mels, config.frames
        for channels, kernel in zip(config.channels, config.kernels, strict=True):
            rows = -(-rows // _POOLED)
            convolutions.append(
                nn.Sequential(
                    nn.ZeroPad2d(2 * ((kernel - 1) // 2, kernel // 2)),
                    nn.Conv2d(before, channels, kernel, bias=False),
                    nn.BatchNorm2d(channels),
                    nn.ReLU(inplace=True),
                    nn.Dropout(config.dropout),
                    nn.MaxPool2d((frames, _POOLED), ceil_mode=True),
                )
            )
            before, frames = channels, 1
        self.convolutions = nn.Sequential(*convolutions)
        self.rows, self.channels = rows, before
        self.recurrent = nn.GRU(
            rows * before,
            config.width,
            config.layers,
            batch_first=True,
            bidirectional=True,
            dropout=config.dropout if config.layers > 1 else 0.0,
        )
        self.pooling = AttentionPooling(2 * config.width, config.attention_width)
        self.dropout = nn.Dropout(config.dropout)
        self.heads = nn.ModuleList(nn.Linear(2 * config.width, count) for count in classes)

    def local_shape(self, frames: int, mels: int) -> tuple[int, int, int]:
        return math.ceil(frames / self.time_stride), self.rows, self.channels

    def local_features(self, log_mel: Tensor) -> Tensor:
        both = torch.stack([log_mel, without_background(log_mel)], dim=1)
        features: Tensor = self.convolutions(both.contiguous(memory_format=torch.channels_last))
        return features.permute(0, 2, 3, 1)

    def grid(self, local: Tensor) -> Tensor:
        columns, _ = self.recurrent(local.flatten(2))
        return columns.unsqueeze(2)

    def pooled(self, grid: Tensor) -> Tensor:
        feature: Tensor = self.pooling(grid.squeeze(2))
        return feature


class PoolingModel(OneHearing):
    """Hears a clip once; its relevance is the temporal attention, the same for every class asked about."""

    config_class = PoolingConfig
    config: PoolingConfig
    encoder: PoolingEncoder

    def __init__(self, config: PoolingConfig) -> None:
        encoder = PoolingEncoder(config.encoder, config.front_end.mels, config.classes)
        super().__init__(config, encoder, 2 * config.encoder.width)

    @property
    def choosing_parts(self) -> tuple[str, ...]:
        return ("encoder",)

    def relevance(
        self, local: Tensor, grid: Tensor, activity: Tensor | None, asked: Tensor
    ) -> tuple[str, Tensor, Mapping[str, Tensor]]:
        """The temporal attention, as a share of its peak. ``details``: both attentions, each summing to 1."""
        over_time, over_features = self.encoder.pooling.weights(grid.squeeze(2))
        relevance = over_time / over_time.amax(dim=1, keepdim=True)
        return "attention", relevance, {"temporal_attention": over_time, "spatial_attention": over_features}


def without_background(log_mel: Tensor) -> Tensor:
    """(B, frames, M) -> the same: how far each bin lies above its stationary background, at least 0.

    The background of a bin is the least value of its smoothed course (after Martin's minimum statistics, 2001).
    """
    smooth = F.avg_pool1d(
        log_mel.transpose(1, 2), _BACKGROUND_FRAMES, 1, _BACKGROUND_FRAMES // 2, count_include_pad=False
    )
    return (log_mel - smooth.amin(dim=2).unsqueeze(1)).clamp_min(0)


def preset(name: str, labels: tuple[tuple[str, ...], ...], *, multi_label: bool, clip_seconds: float) -> PoolingConfig:
    """The architecture of one of ``PRESETS`` for the given class names.

    ``pooling`` has the paper's scale: 64 mel bins of frames of 40 ms, one every 20 ms. ``pooling_small`` reads what the
    other small models read, in columns of 50 ms, and has fewer channels, so that it is trained on a CPU in an hour.
    """
    small = name == "pooling_small"
    front_end = FrontEndConfig(
        clip_seconds=clip_seconds,
        frames=round(clip_seconds * (40 if small else 50)),
        mels=64,
        fft_samples=512 if small else 1024,
        window_samples=400 if small else 640,
        levelled=True,
    )
    return PoolingConfig(
        labels=labels,
        multi_label=multi_label,
        front_end=front_end,
        encoder=PoolingEncoderConfig(channels=(48, 96, 192), kernels=(5, 3, 3), frames=2, dropout=0.05)
        if small
        else PoolingEncoderConfig(),
        activity=ActivityConfig(),
    )


def recipe(preset: str) -> Recipe:
    """How a preset is trained: between-class examples (paper, section 3.2), from a teacher where there is one."""
    del preset  # both alike
    encoder = replace(ENCODER, terms=EncoderTerms(removed=0.25), augmentation=Augmentation(between_class=1.0))
    return Recipe(stages=(encoder, replace(TAUGHT, learning_rate=1.5e-3), ACTIVITY), weight_decay=0.02)
