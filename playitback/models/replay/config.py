"""Architecture of replay attention, and its presets.

The presets ``x1_s``, ``x1``, ``x2`` and ``x3`` have the dimensions of the paper (Stergiou and Damen, "Play It Back:
Iterative Attention for Audio Recognition", ICASSP 2023, section 3.1); ``small`` is the same structure at a few million
parameters, with a convolutional stem, which is what training from scratch on a small data set needs.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from playitback.config import WIDEST, ActivityConfig, FrontEndConfig, ModelConfig, require, require_within


@dataclass(frozen=True)
class EncoderConfig:
    """MViTv2 over a patch or a convolutional stem."""

    stem: str = "patch"  # "patch": one 7x7 convolution of stride 4; "convolutional": pairs of 3x3 convolutions
    stem_widths: tuple[int, ...] = ()  # of the convolutional stem's stages; the last one is the blocks' first width
    width: int = 96  # of the first block
    heads: int = 1  # of the first block
    depth: int = 24  # blocks
    stages_at: tuple[int, ...] = (2, 5, 21)  # blocks where width and heads double and the query stride is 2
    key_value_stride: int = 4  # of the first block; halves at every stage
    drop_path: float = 0.3  # of the last block, rising linearly from 0
    dropout: float = 0.5  # before the classification head

    def __post_init__(self) -> None:
        require(self.stem in ("patch", "convolutional"), f"stem must be patch or convolutional, got {self.stem!r}")
        require(
            (self.stem == "convolutional") == bool(self.stem_widths),
            "stem_widths belong to the convolutional stem, and it needs them",
        )
        require(
            not self.stem_widths or self.stem_widths[-1] == self.width,
            f"the stem ends {self.stem_widths[-1:]} wide, the first block expects {self.width}",
        )
        require_within(
            self,
            width=(1, WIDEST),
            heads=(1, 1024),
            depth=(1, 256),
            key_value_stride=(1, 64),
            drop_path=(0, 1),
            dropout=(0, 1),
        )
        require(all(0 < width <= WIDEST for width in self.stem_widths), f"stem_widths must lie in 1 to {WIDEST}")
        require(max(len(self.stem_widths), len(self.stages_at)) <= 16, "stem and blocks have at most 16 stages")
        require(all(0 <= at < self.depth for at in self.stages_at), "stages_at must name blocks below depth")
        require(self.width % self.heads == 0, f"{self.heads} heads do not divide a width of {self.width}")

    @property
    def output_width(self) -> int:
        return self.width * 2 ** len(self.stages_at)


@dataclass(frozen=True)
class SlotConfig:
    """Slot attention over the time columns of local features; slot 0 is the informative one."""

    slots: int = 2
    width: int = 192
    hidden: int = 128  # of the slots' feed-forward layer
    iterations: int = 3
    aimed: bool = False  # slot 0 is asked for a class and reads the activity
    graded: bool = False  # and bids for a moment as much less as that says the class less than the best moment does

    def __post_init__(self) -> None:
        # two at least must compete
        require_within(self, slots=(2, 64), width=(1, WIDEST), hidden=(1, WIDEST), iterations=(1, 100))


@dataclass(frozen=True)
class DecoderConfig:
    """Perceiver-style decoder that listens to one hearing after the other (TemPr)."""

    latents: int = 256
    width: int = 512
    cross_heads: int = 1
    self_heads: int = 8
    head_width: int = 64
    self_blocks: int = 3  # self-attention blocks after each cross-attention
    fourier_bands: int = 6
    fourier_maximum: float = 10.0
    fusion: bool = True  # a convolution over the hearings' features gives one more, fused, prediction
    dropout: float = 0.1
    encoder_votes: bool = False  # the encoder's own logits, their mean over the hearings, are added to the decoder's

    def __post_init__(self) -> None:
        require_within(
            self,
            latents=(1, WIDEST),
            width=(1, WIDEST),
            cross_heads=(1, 1024),
            self_heads=(1, 1024),
            head_width=(1, WIDEST),
            self_blocks=(0, 32),
            fourier_bands=(0, 1024),
            fourier_maximum=(0, 1e6),
            dropout=(0, 1),
        )
        require(not (self.fusion and self.encoder_votes), "fusion and encoder_votes exclude each other")


@dataclass(frozen=True, kw_only=True)
class ReplayConfig(ModelConfig):
    """Everything needed to build a ``ReplayModel``."""

    family: str = "replay"
    playbacks: int = 3
    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    slots: SlotConfig = field(default_factory=SlotConfig)
    decoder: DecoderConfig = field(default_factory=DecoderConfig)

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.activity is not None or not self.slots.aimed, "aimed slots read the activity, and there is none")


_LARGE_ENCODER = EncoderConfig()
_SMALLER_ENCODER = EncoderConfig(depth=16, stages_at=(1, 3, 14), drop_path=0.1)

#: name -> (playbacks, encoder) of the paper's models
_PAPER = {
    "x1_s": (1, _SMALLER_ENCODER),
    "x1": (1, _LARGE_ENCODER),
    "x2": (2, _LARGE_ENCODER),
    "x3": (3, _LARGE_ENCODER),
}
PRESETS = ("small", *_PAPER)


def preset(name: str, labels: tuple[tuple[str, ...], ...], *, multi_label: bool, clip_seconds: float) -> ReplayConfig:
    """The architecture of one of ``PRESETS`` for the given class names."""
    if name == "small":
        return ReplayConfig(
            labels=labels,
            multi_label=multi_label,
            front_end=FrontEndConfig(
                clip_seconds=clip_seconds, frames=200, mels=64, fft_samples=512, window_samples=400, levelled=True
            ),
            encoder=EncoderConfig(
                stem="convolutional",
                stem_widths=(32, 64, 96),
                width=96,
                heads=2,
                depth=5,
                stages_at=(0,),
                drop_path=0.1,
                dropout=0.3,
            ),
            slots=SlotConfig(width=96, hidden=128, aimed=True, graded=True),
            decoder=DecoderConfig(
                latents=16,
                width=192,
                self_heads=4,
                head_width=48,
                self_blocks=1,
                fusion=False,
                encoder_votes=True,
            ),
            activity=ActivityConfig(),
        )
    playbacks, encoder = _PAPER[name]
    return ReplayConfig(
        labels=labels,
        playbacks=playbacks,
        multi_label=multi_label,
        front_end=FrontEndConfig(clip_seconds=clip_seconds),
        encoder=encoder,
        slots=SlotConfig(aimed=True, graded=True),
        activity=ActivityConfig(),
    )
