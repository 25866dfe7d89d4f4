"""What every model is made of, whatever its family: frozen dataclasses, checked once, saved as JSON beside the weights.

A family adds its own architecture in a subclass of ``ModelConfig``.
"""

from __future__ import annotations

import dataclasses
import math
import reprlib
import types
import typing
import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from playitback.errors import CheckpointError, SettingsError, quoted
from playitback.names import is_shown

_Config = TypeVar("_Config")

#: what a description may ask for at most, as it may come from anybody: far more than any model has
WIDEST = 65_536
MOST_CLASSES = 20_000  # of a head
_MOST_HEADS = 16
_LONGEST_TEXT = 1000  # characters, of a class name as well
_KINDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a finite number",
    str: f"a text of up to {_LONGEST_TEXT} characters",
    tuple: "a list",
}


def require(condition: bool, message: str) -> None:
    """Raises SettingsError with ``message`` unless the condition holds."""
    if not condition:
        raise SettingsError(message)


def require_within(config: object, **bounds: tuple[float, float]) -> None:
    """Raises SettingsError unless each of the named settings lies within its bounds, or is one of them."""
    for name, (least, most) in bounds.items():
        value = getattr(config, name)
        require(least <= value <= most, f"{name} must lie in {least:g} to {most:g}, got {value:g}")


@dataclass(frozen=True)
class FrontEndConfig:
    """Log-mel front end. Every hearing gives the network ``frames`` x ``mels`` numbers."""

    sample_rate: int = 16_000  # hertz
    clip_seconds: float = 5.0
    frames: int = 400  # of every hearing
    mels: int = 128  # HTK mel bins from 0 Hz to half the sample rate
    fft_samples: int = 2048
    window_samples: int = 320  # Hann
    levelled: bool = False  # every clip is brought to one level first, so that how loud it is says nothing

    def __post_init__(self) -> None:
        require(self.sample_rate > 0, f"sample_rate must be positive, got {self.sample_rate}")
        require(self.clip_seconds > 0, f"clip_seconds must be positive, got {self.clip_seconds}")
        require(self.frames > 0 and self.mels > 0, f"frames and mels must be positive, got {self.frames}, {self.mels}")
        require_within(
            self,
            sample_rate=(1_000, 768_000),  # as files
            clip_seconds=(0, 3600),
            frames=(1, 100_000),
            mels=(1, 512),
            fft_samples=(1, 32_768),
            window_samples=(1, 32_768),
        )
        require(
            self.window_samples <= self.fft_samples,
            f"window_samples must not exceed fft_samples, got {self.window_samples} and {self.fft_samples}",
        )
        require(
            self.clip_samples > 0 and self.clip_samples % self.frames == 0,
            f"{self.frames} frames do not divide a clip of {self.clip_samples} samples",
        )

    @property
    def clip_samples(self) -> int:
        return round(self.clip_seconds * self.sample_rate)

    def hop_samples(self, index: int) -> int:
        """Hop of hearing ``index`` (0 is the first hearing): h0 / (i + 1) samples, rounded (paper, section 2.1)."""
        return round(self.clip_samples / self.frames / (index + 1))

    def hop_seconds(self, index: int) -> float:
        return self.hop_samples(index) / self.sample_rate


@dataclass(frozen=True)
class SegmentRules:
    """How relevance becomes segments."""

    threshold: float = 0.5  # relevance above it chooses a moment; of two slots, the one that holds more of it
    maximum_share: float = 0.3  # of the clip above the threshold, which rises until it fits; closed gaps are added
    minimum_seconds: float = 0.1  # shorter segments are dropped
    merge_gap_seconds: float = 0.1  # shorter gaps are closed

    def __post_init__(self) -> None:
        require(0 <= self.threshold <= 1, f"threshold must lie in 0 to 1, got {self.threshold}")
        require(0 < self.maximum_share <= 1, f"maximum_share must lie in 0 to 1, got {self.maximum_share}")
        require_within(self, minimum_seconds=(0, 3600), merge_gap_seconds=(0, 3600))


@dataclass(frozen=True)
class TaughtConfig:
    """What a model learned from a teacher beside its own classes."""

    classes: tuple[str, ...]  # the teacher's
    features: int = 0  # numbers that the teacher pools before its classifier; 0 where it told none

    def __post_init__(self) -> None:
        require(bool(self.classes), "a teacher without classes teaches nothing")
        require(len(self.classes) <= MOST_CLASSES, f"a teacher has at most {MOST_CLASSES} classes")
        require_within(self, features=(0, WIDEST))


@dataclass(frozen=True)
class ActivityConfig:
    """What the model would say of every moment by itself."""

    squeezed_channels: int = 16  # of every cell of the local features
    width: int = 128
    kernel: int = 5  # time columns that a convolution sees
    convolutions: int = 2

    def __post_init__(self) -> None:
        require(self.kernel % 2 == 1, f"kernel must be odd, got {self.kernel}")
        require_within(self, squeezed_channels=(1, WIDEST), width=(1, WIDEST), kernel=(1, 1001), convolutions=(0, 64))


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """What is known of every model; the architecture of a family stands in a subclass of its own."""

    family: str  # a row of models/families.py
    labels: tuple[tuple[str, ...], ...]  # class names of each head (one head, or verb and noun)
    multi_label: bool = False
    playbacks: int = 0  # largest number of playbacks; the hearings are one more
    front_end: FrontEndConfig = field(default_factory=FrontEndConfig)
    segments: SegmentRules = field(default_factory=SegmentRules)
    activity: ActivityConfig | None = None  # None in models that learned none
    taught: TaughtConfig | None = None  # None: the model had no teacher
    #: of each class of the first head the indices of those that hold wherever it holds, as a dog is an animal
    broader: tuple[tuple[int, ...], ...] = ()
    temperature: float = 1.0  # that logits are divided by, so that the model is right as often as it is sure

    def __post_init__(self) -> None:
        require(self.temperature > 0, f"temperature must be positive, got {self.temperature}")
        require(self.playbacks >= 0, f"playbacks must not be negative, got {self.playbacks}")
        require_within(self, temperature=(1e-6, 1e6), playbacks=(0, 31))
        require(self.front_end.hop_samples(self.playbacks) > 0, "the last playback's hop is shorter than a sample")
        require(bool(self.labels) and all(self.labels), "every head needs at least one class name")
        require(len(self.labels) <= _MOST_HEADS, f"a model has at most {_MOST_HEADS} heads")
        for names in self.labels:
            require(len(names) <= MOST_CLASSES, f"a head has at most {MOST_CLASSES} classes, got {len(names)}")
            for name in names:
                require(bool(name.strip()), "a class name must not be empty")
                require(
                    len(name) <= _LONGEST_TEXT,
                    f"a class name has at most {_LONGEST_TEXT} characters, and {quoted(name)} has {len(name)}",
                )
                require(is_shown(name), f"a class name must be a text that can be shown, got {quoted(name)}")
            seen = Counter(unicodedata.normalize("NFC", name).strip() for name in names)
            twice = max(seen, key=seen.__getitem__)
            require(seen[twice] == 1, f"class names must differ from one another, and {quoted(twice)} is there twice")
        if self.broader:
            require(len(self.broader) == len(self.labels[0]), "of every class it must be known which are broader")
            there = range(len(self.labels[0]))
            each = [(narrow, broad) for narrow, broads in enumerate(self.broader) for broad in broads]
            require(
                all(broad in there and broad != narrow for narrow, broad in each), "a broader class is another class"
            )

    @property
    def classes(self) -> tuple[int, ...]:
        return tuple(len(names) for names in self.labels)

    @property
    def hearings(self) -> int:
        """Number of hearings: the first one and all playbacks."""
        return self.playbacks + 1

    def to_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ModelConfig:
        """Inverse of ``to_dict`` on parsed JSON. Raises CheckpointError for missing, unknown or ill-typed entries."""
        try:
            return _read(cls, values)
        except (AttributeError, KeyError, TypeError) as error:
            raise CheckpointError(
                f"the model description is not one of ours ({error}); train or convert it anew"
            ) from error


def _read(kind: type[_Config], values: Mapping[str, Any]) -> _Config:
    """A dataclass from parsed JSON: lists become tuples, objects become the dataclasses that its fields name."""
    kinds = typing.get_type_hints(kind)
    for name in values:
        if name not in kinds:
            raise TypeError(f"there is no {reprlib.repr(name)}")
    given = {name: _entry(kinds[name], value, name) for name, value in values.items()}
    for name, part in kinds.items():
        if dataclasses.is_dataclass(part):
            given[name]  # a description that leaves a part out is damaged: its default would be another model
    return kind(**given)


def _entry(kind: Any, value: Any, name: str) -> Any:
    """A value of the given kind. Raises TypeError for one of another kind, which an unchecked JSON may hold."""
    if isinstance(kind, types.UnionType):  # a part that a model may lack
        kind = typing.get_args(kind)[0]
        if value is None:
            return None
    if dataclasses.is_dataclass(kind):
        if not isinstance(value, Mapping):
            raise TypeError(f"{name} must be an object, not {reprlib.repr(value)}")
        return _read(typing.cast("type[Any]", kind), value)
    if typing.get_origin(kind) is tuple:
        kind, each_kind = tuple, typing.get_args(kind)[0]
        if isinstance(value, list | tuple):
            return tuple(_entry(each_kind, each, f"each of {name.removeprefix('each of ')}") for each in value)
    elif kind is float and type(value) in (int, float):
        if math.isfinite(value):
            return value
    elif type(value) is kind and (kind is not str or len(value) <= _LONGEST_TEXT):
        return value
    raise TypeError(f"{name} must be {_KINDS[kind]}, not {reprlib.repr(value)}")
