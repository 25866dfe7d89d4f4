"""What a model is made of: frozen dataclasses that are checked once, saved as JSON beside the weights.

The presets ``x1_s``, ``x1``, ``x2`` and ``x3`` have the dimensions of the paper (Stergiou and Damen, "Play It Back:
Iterative Attention for Audio Recognition", ICASSP 2023, section 3.1); ``small`` is the same structure at a few million
parameters, with a convolutional stem, which is what training from scratch on a small data set needs.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from playitback.errors import CheckpointError, SettingsError


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise SettingsError(message)


@dataclass(frozen=True)
class FrontEndConfig:
    """Log-mel front end. Every pass gives the encoder ``frames`` x ``mels`` numbers."""

    sample_rate: int = 16_000  # hertz
    clip_seconds: float = 5.0
    frames: int = 400  # of every pass
    mels: int = 128  # HTK mel bins from 0 Hz to half the sample rate
    fft_samples: int = 2048
    window_samples: int = 320  # Hann

    def __post_init__(self) -> None:
        _require(self.sample_rate > 0, f"sample_rate must be positive, got {self.sample_rate}")
        _require(self.clip_seconds > 0, f"clip_seconds must be positive, got {self.clip_seconds}")
        _require(self.frames > 0 and self.mels > 0, f"frames and mels must be positive, got {self.frames}, {self.mels}")
        _require(
            self.window_samples <= self.fft_samples,
            f"window_samples must not exceed fft_samples, got {self.window_samples} and {self.fft_samples}",
        )
        _require(
            self.clip_samples % self.frames == 0,
            f"{self.frames} frames do not divide a clip of {self.clip_samples} samples",
        )

    @property
    def clip_samples(self) -> int:
        return round(self.clip_seconds * self.sample_rate)

    def hop_samples(self, pass_index: int) -> int:
        """Hop of pass ``pass_index`` (0 is the first hearing): h0 / (i + 1) samples, rounded (paper, section 2.1)."""
        return round(self.clip_samples / self.frames / (pass_index + 1))

    def hop_seconds(self, pass_index: int) -> float:
        return self.hop_samples(pass_index) / self.sample_rate


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
        _require(self.stem in ("patch", "convolutional"), f"stem must be patch or convolutional, got {self.stem!r}")
        _require(
            (self.stem == "convolutional") == bool(self.stem_widths),
            "stem_widths belong to the convolutional stem, and it needs them",
        )
        _require(
            not self.stem_widths or self.stem_widths[-1] == self.width,
            f"the stem ends {self.stem_widths[-1:]} wide, the first block expects {self.width}",
        )
        _require(all(0 <= at < self.depth for at in self.stages_at), "stages_at must name blocks below depth")
        _require(self.width % self.heads == 0, f"{self.heads} heads do not divide a width of {self.width}")

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

    def __post_init__(self) -> None:
        _require(self.slots >= 2, f"at least two slots must compete, got {self.slots}")
        _require(self.iterations >= 1, f"iterations must be positive, got {self.iterations}")


@dataclass(frozen=True)
class SegmentRules:
    """How the informative slot's attention becomes segments to replay."""

    threshold: float = 0.5  # the informative slot holds more of a moment than the others together
    maximum_share: float = 0.3  # of the clip above the threshold, which rises until it fits; gaps that are closed add
    minimum_seconds: float = 0.1  # shorter segments are dropped
    merge_gap_seconds: float = 0.1  # shorter gaps are closed

    def __post_init__(self) -> None:
        _require(0 <= self.threshold <= 1, f"threshold must lie in 0 to 1, got {self.threshold}")
        _require(0 < self.maximum_share <= 1, f"maximum_share must lie in 0 to 1, got {self.maximum_share}")


@dataclass(frozen=True)
class DecoderConfig:
    """Perceiver-style decoder that listens to one pass after the other (TemPr)."""

    latents: int = 256
    width: int = 512
    cross_heads: int = 1
    self_heads: int = 8
    head_width: int = 64
    self_blocks: int = 3  # self-attention blocks after each cross-attention
    fourier_bands: int = 6
    fourier_maximum: float = 10.0
    fusion: bool = True  # a convolution over the passes' features gives one more, fused, prediction
    dropout: float = 0.1
    encoder_votes: bool = False  # the encoder's own logits, their mean over the passes, are added to the decoder's

    def __post_init__(self) -> None:
        _require(self.latents > 0 and self.width > 0, "latents and width must be positive")
        _require(not (self.fusion and self.encoder_votes), "fusion and encoder_votes exclude each other")


@dataclass(frozen=True)
class ModelConfig:
    """Everything needed to build a model; ``playbacks`` is P, the passes are P + 1."""

    labels: tuple[tuple[str, ...], ...]  # class names of each head (one head, or verb and noun)
    playbacks: int = 3
    multi_label: bool = False
    front_end: FrontEndConfig = field(default_factory=FrontEndConfig)
    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    slots: SlotConfig = field(default_factory=SlotConfig)
    segments: SegmentRules = field(default_factory=SegmentRules)
    decoder: DecoderConfig = field(default_factory=DecoderConfig)

    def __post_init__(self) -> None:
        _require(self.playbacks >= 0, f"playbacks must not be negative, got {self.playbacks}")
        _require(bool(self.labels) and all(self.labels), "every head needs at least one class name")
        for names in self.labels:
            _require(len(set(names)) == len(names), "class names must differ from one another")

    @property
    def classes(self) -> tuple[int, ...]:
        return tuple(len(names) for names in self.labels)

    @property
    def passes(self) -> int:
        return self.playbacks + 1

    def to_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> ModelConfig:
        """Inverse of ``to_dict`` on parsed JSON. Raises CheckpointError for unknown or ill-typed entries."""
        try:
            return cls(
                labels=tuple(tuple(names) for names in values["labels"]),
                playbacks=values["playbacks"],
                multi_label=values["multi_label"],
                front_end=FrontEndConfig(**values["front_end"]),
                encoder=EncoderConfig(**_tuples(values["encoder"])),
                slots=SlotConfig(**values["slots"]),
                segments=SegmentRules(**values["segments"]),
                decoder=DecoderConfig(**values["decoder"]),
            )
        except (KeyError, TypeError) as error:
            raise CheckpointError(
                f"the model description is not one of ours ({error}); train or convert it anew"
            ) from error


def _tuples(values: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}


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


def preset(
    name: str, labels: tuple[tuple[str, ...], ...], *, multi_label: bool = False, clip_seconds: float = 5.0
) -> ModelConfig:
    """The named architecture for the given class names. Raises SettingsError for a name that is not in PRESETS."""
    if name in _PAPER:
        playbacks, encoder = _PAPER[name]
        return ModelConfig(
            labels=labels,
            playbacks=playbacks,
            multi_label=multi_label,
            front_end=FrontEndConfig(clip_seconds=clip_seconds),
            encoder=encoder,
        )
    if name == "small":
        return ModelConfig(
            labels=labels,
            playbacks=3,
            multi_label=multi_label,
            front_end=FrontEndConfig(
                clip_seconds=clip_seconds, frames=200, mels=64, fft_samples=512, window_samples=400
            ),
            encoder=EncoderConfig(
                stem="convolutional",
                stem_widths=(32, 64, 96),
                width=96,
                heads=2,
                depth=3,
                stages_at=(0,),
                drop_path=0.1,
                dropout=0.3,
            ),
            slots=SlotConfig(width=96, hidden=128),
            decoder=DecoderConfig(
                latents=16,
                width=192,
                self_heads=4,
                head_width=48,
                self_blocks=1,
                fusion=False,
                encoder_votes=True,
            ),
        )
    raise SettingsError(f"there is no preset {name!r}; choose one of {', '.join(PRESETS)}")
