"""The multiscale audio spectrogram transformer: it pools along time first, along time and frequency later.

Zhu and Omar, "Multiscale Audio Spectrogram Transformer for Efficient Audio Classification", ICASSP 2023
(arXiv 2303.10757).

    log-mel (B, frames, M) -> patches (B, T, F, C) -> stages of blocks, tokens fewer and features wider from one to the
    next -> grid (B, T', F', W) -> mean -> classes

The paper's, by its abstract: a hierarchy of stages; pooling along time alone first, then along both axes; against the
audio spectrogram transformer (AST, 87 M) 42 % fewer parameters and a fifth of the multiply-adds. Its code and text were
not at hand, so ours are: the blocks, which are those of MViTv2 (``blocks``), the widths and depths, chosen to meet both
counts (a test counts them), patches by one convolution of stride 8 (in small models by the convolutional stem), and the
activity head.

B clips, T time columns, F frequency rows, M mel bins, C and W channels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from torch import Tensor, nn

from playitback.config import WIDEST, ActivityConfig, FrontEndConfig, ModelConfig, require, require_within
from playitback.models.blocks import EPSILON, Block, initialise
from playitback.models.encoded import OneHearing
from playitback.models.listener import share_of_peak
from playitback.models.recipe import Recipe
from playitback.models.stages import ACTIVITY, ENCODER, TAUGHT
from playitback.models.stem import ConvolutionalStem, PatchStem, StemEncoder
from playitback.models.terms import EncoderTerms

PRESETS = ("mast", "mast_small")

TIME, BOTH = "time", "both"  # what a stage pools before its blocks


@dataclass(frozen=True)
class MastEncoderConfig:
    """Stages of blocks; width and heads double from one to the next."""

    stem_widths: tuple[int, ...] = ()  # of the convolutional stem's stages; none: patches by one convolution
    patch_stride: int = 8  # of that one, in frames and mels
    width: int = 96  # of the first stage
    heads: int = 1  # of the first stage
    depths: tuple[int, ...] = (2, 3, 16, 3)  # blocks of every stage
    pools: tuple[str, ...] = (TIME, TIME, BOTH)  # from one stage to the next
    key_value_stride: int = 4  # of the first stage, along time; halves at every stage
    drop_path: float = 0.2  # of the last block, rising linearly from 0
    dropout: float = 0.3  # before the classification head

    def __post_init__(self) -> None:
        require_within(
            self,
            patch_stride=(1, 64),
            width=(1, WIDEST),
            heads=(1, 1024),
            key_value_stride=(1, 64),
            drop_path=(0, 1),
            dropout=(0, 1),
        )
        require(
            0 < len(self.depths) <= 16 and sum(self.depths) <= 256, "there are 1 to 16 stages of 256 blocks at most"
        )
        require(all(depth > 0 for depth in self.depths), "every stage needs a block")
        require(len(self.pools) == len(self.depths) - 1, "every stage but the first needs to know what it pools")
        require(all(each in (TIME, BOTH) for each in self.pools), f"stages pool {TIME!r} or {BOTH!r}")
        require(len(self.stem_widths) <= 16, "the stem has at most 16 stages")
        require(all(0 < width <= WIDEST for width in self.stem_widths), f"stem_widths must lie in 1 to {WIDEST}")
        require(not self.stem_widths or self.stem_widths[-1] == self.width, "the stem ends as wide as the first stage")
        require(self.width % self.heads == 0, f"{self.heads} heads do not divide a width of {self.width}")

    @property
    def output_width(self) -> int:
        return self.width * 2 ** len(self.pools)


@dataclass(frozen=True, kw_only=True)
class MastConfig(ModelConfig):
    """Everything needed to build a ``MastModel``."""

    family: str = "mast"
    encoder: MastEncoderConfig = field(default_factory=MastEncoderConfig)


class MastEncoder(StemEncoder):
    """Patches, stages of blocks, one linear head per label set. Its local features are those of the patches."""

    def __init__(self, config: MastEncoderConfig, classes: tuple[int, ...]) -> None:
        super().__init__(
            ConvolutionalStem(config.stem_widths)
            if config.stem_widths
            else PatchStem(config.width, config.patch_stride)
        )
        blocks: list[nn.Module] = []
        width, heads, key_value_stride = config.width, config.heads, config.key_value_stride
        last = max(sum(config.depths) - 1, 1)
        for stage, depth in enumerate(config.depths):
            if stage:
                heads, key_value_stride = heads * 2, max(key_value_stride // 2, 1)
            for index in range(depth):
                pools = stage > 0 and index == 0
                stride = (2, 2 if config.pools[stage - 1] == BOTH else 1) if pools else (1, 1)
                wider = 2 * width if pools else width
                drop_path = config.drop_path * len(blocks) / last
                blocks.append(Block(width, wider, heads, stride, (key_value_stride, 1), drop_path))
                width = wider
        self.blocks = nn.Sequential(*blocks)
        self.norm = nn.LayerNorm(width, eps=EPSILON)
        self.dropout = nn.Dropout(config.dropout)
        self.heads = nn.ModuleList(nn.Linear(width, count) for count in classes)
        self.apply(initialise)

    def grid(self, local: Tensor) -> Tensor:
        grid: Tensor = self.norm(self.blocks(local))
        return grid


class MastModel(OneHearing):
    """Hears a clip once; its relevance is the activity of the class asked about, as a share of its peak."""

    config_class = MastConfig
    config: MastConfig

    def __init__(self, config: MastConfig) -> None:
        require(config.activity is not None, "this family's relevance is its activity, and there is none")
        super().__init__(config, MastEncoder(config.encoder, config.classes), config.encoder.output_width)

    @property
    def can_aim(self) -> bool:
        return True

    @property
    def choosing_parts(self) -> tuple[str, ...]:
        return ("activity", "encoder")

    def relevance(
        self, local: Tensor, grid: Tensor, activity: Tensor | None, asked: Tensor
    ) -> tuple[str, Tensor, Mapping[str, Tensor]]:
        assert activity is not None, "checked when it was built"
        return "activity", share_of_peak(activity, asked), {}


def preset(name: str, labels: tuple[tuple[str, ...], ...], *, multi_label: bool, clip_seconds: float) -> MastConfig:
    """The architecture of one of ``PRESETS`` for the given class names."""
    large = MastConfig(
        labels=labels,
        multi_label=multi_label,
        front_end=FrontEndConfig(clip_seconds=clip_seconds, levelled=True),
        activity=ActivityConfig(),
    )
    if name == "mast":
        return large
    return replace(
        large,
        front_end=FrontEndConfig(
            clip_seconds=clip_seconds, frames=200, mels=64, fft_samples=512, window_samples=400, levelled=True
        ),
        encoder=MastEncoderConfig(
            stem_widths=(32, 64, 96), width=96, heads=2, depths=(1, 1, 2), pools=(TIME, BOTH), drop_path=0.1
        ),
    )


def recipe(preset: str) -> Recipe:
    """How a preset is trained: AdamW, mixed clips, from a teacher where there is one."""
    encoder, taught = replace(ENCODER, terms=EncoderTerms(time_mask=0.1)), TAUGHT
    if preset == "mast":
        encoder, taught = (replace(each, learning_rate=5e-4) for each in (encoder, taught))
    return Recipe(stages=(encoder, taught, ACTIVITY))
