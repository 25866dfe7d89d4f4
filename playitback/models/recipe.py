"""How a family is trained: values that it supplies and training/ carries out.

A recipe is what all stages share, and the stages in their order. A stage says what it trains, how its clips are
changed, and which terms it minimises.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from torch import Generator, Tensor

from playitback.config import require
from playitback.errors import SettingsError

_Terms = TypeVar("_Terms", bound="Terms")
_LARGEST_SEED = 2**31 - 1  # that numpy and torch both take, also where something is added to it

#: of every head (B, classes): distributions over the classes or, with several labels, numbers from 0 to 1; in a stage
#: with a teacher: of the one head, and what ``taught.Taught.terms`` takes
Targets = tuple[Tensor, ...]


def named_classes(targets: Targets, heads: int) -> Targets:
    """Of a mixture the classes of every head as its teacher would name them, which come behind the labels."""
    return targets[heads : 2 * heads] if len(targets) > heads else targets


#: name of the part that learns what a teacher answers
TAUGHT = "taught"


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """What is changed about the clips of a stage. Shares are of micro-batches (mixing) or of clips."""

    between_class: float = 0.6  # mixed with another clip as sound (Tokozume et al. 2018)
    mixup: float = 0.0  # mixed with another clip at a ratio from Beta(0.3, 0.3) (Zhang et al. 2018)
    cutmix: float = 0.0  # a stretch of another clip in place of the clip's own (Yun et al. 2019, in time)
    time_scale: float = 1.25  # largest factor, faster or slower
    unscaled: float = 0.3  # share of clips whose time is left as it is
    gain_decibels: float = 6.0  # largest gain
    shortened: float = 0.0  # clips of which only a short stretch is left, so that there is a choice
    background: float = 0.0  # clips with noise under them, so that silence does not give the choice away

    def __post_init__(self) -> None:
        require(
            self.between_class + self.mixup + self.cutmix <= 1,
            "the shares of between_class, mixup and cutmix add up to more than 1",
        )


@dataclass(frozen=True, kw_only=True)
class Terms(ABC):
    """What a stage minimises: the sum of weighted terms. The fields of a subclass are its settings."""

    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        weights = [getattr(self, name) for name in self.switches]
        require(min(weights, default=0.0) >= 0, "the weights of losses must not be negative")

    @abstractmethod
    def __call__(self, model: Any, waveforms: Tensor, targets: Targets, generator: Generator) -> dict[str, Tensor]:
        """Weighted terms by name, for the model of its family and waveforms (B, samples)."""

    @property
    def switches(self) -> tuple[str, ...]:
        """The fields that are weights of terms: at 0 a term is off and is not computed."""
        return ()

    @property
    def reach_all_parameters(self) -> bool:
        """Whether every parameter that the stage trains gets a gradient."""
        return True

    def only(self: _Terms, names: Collection[str]) -> _Terms:
        """With the named terms switched on and the others off; one whose weight is 0 is switched on at 1."""
        weights = {name: (getattr(self, name) or 1.0) if name in names else 0.0 for name in self.switches}
        return dataclasses.replace(self, **weights)


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One stage of training."""

    name: str
    epochs: int
    learning_rate: float
    trains: Mapping[str, float]  # part of the Listener -> its learning rate, relative to that of the stage
    terms: Terms
    augmentation: Augmentation = field(default_factory=Augmentation)
    mixtures: bool = False  # hears those that a teacher answered (``training/mixtures``), if there is one, not clips
    settles_statistics: bool = False  # of batch normalisation: they move in this stage; in others they stay


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that changes a result. The defaults suit small data sets."""

    stages: tuple[Stage, ...]
    batch_size: int = 32  # clips of an optimiser step, over all processes
    micro_batch_size: int = 16  # clips that a process hears at once; gradients add up until the batch is full
    optimizer: str = "adamw"  # or "sgd" (Nesterov, momentum 0.9)
    weight_decay: float = 0.05  # none on vectors: biases, norms, starts
    warm_up_epochs: float = 2.5
    gradient_norm: float = 1.0
    average_decay: float = 0.998  # of the moving average of the weights, which is what is kept
    seed: int = 0

    def __post_init__(self) -> None:
        require(
            self.micro_batch_size >= 2 and self.micro_batch_size % 2 == 0,
            f"micro_batch_size must be even and at least 2, as clips are mixed in pairs, got {self.micro_batch_size}",
        )
        require(
            self.batch_size >= self.micro_batch_size and self.batch_size % self.micro_batch_size == 0,
            f"batch_size must be {self.micro_batch_size} or a greater multiple of micro_batch_size, "
            f"got {self.batch_size}",
        )
        require(
            min(stage.epochs for stage in self.stages) >= 0 and any(stage.epochs for stage in self.stages),
            "the epochs of a stage must not be negative, and at least one stage needs some",
        )
        require(0 <= self.seed <= _LARGEST_SEED, f"seed must lie in 0 to {_LARGEST_SEED}, got {self.seed}")
        names = [stage.name for stage in self.stages]
        for name in names:
            require(names.count(name) == 1, f"two stages named {name!r} cannot be told apart; rename one")
        require(self.optimizer in ("adamw", "sgd"), f"optimizer must be adamw or sgd, got {self.optimizer!r}")

    @property
    def micro_batches(self) -> int:
        """Of one optimiser step."""
        return self.batch_size // self.micro_batch_size

    def with_epochs(self, epochs: Mapping[str, int]) -> Recipe:
        """With other epochs for the named stages. Raises SettingsError for a stage that it does not have."""
        names = [stage.name for stage in self.stages]
        for name in epochs:
            require(name in names, f"this preset has no stage {name!r}; it has {', '.join(names)}")
        stages = (dataclasses.replace(each, epochs=epochs.get(each.name, each.epochs)) for each in self.stages)
        return dataclasses.replace(self, stages=tuple(stages))

    def without_teacher(self) -> Recipe:
        """With the stages that need none."""
        return dataclasses.replace(self, stages=tuple(each for each in self.stages if TAUGHT not in each.trains))

    def with_losses(self, names: Collection[str]) -> Recipe:
        """With the named terms switched on and all others off. Raises SettingsError for unknown names."""
        there = [name for stage in self.stages for name in stage.terms.switches]
        unknown = sorted(set(names) - set(there))
        if unknown:
            raise SettingsError(f"there is no loss {unknown[0]!r}; choose from {', '.join(there)}")
        stages = (dataclasses.replace(each, terms=each.terms.only(names)) for each in self.stages)
        return dataclasses.replace(self, stages=tuple(stages))
