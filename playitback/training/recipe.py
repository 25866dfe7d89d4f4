"""How to train: one frozen dataclass with everything that changes a result, and the recipe of every preset.

``small`` is trained with what small data sets need: strong augmentation, AdamW, a moving average of the weights. The
paper's models are trained as the paper says (section 3.1): SGD with Nesterov momentum, cosine after a warm-up, mixup,
CutMix and SpecAugment.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from dataclasses import dataclass, field

from playitback.config import PRESETS
from playitback.errors import SettingsError

STAGES = ("encoder", "replay")


@dataclass(frozen=True)
class Losses:
    """Weights of the replay stage's terms; 0 switches a term off and leaves it uncomputed."""

    per_pass: float = 0.25  # classification after every pass, summed over the passes
    fused: float = 1.0  # classification of the fused prediction, where the model fuses
    keep: float = 1.0  # what the informative slot holds classifies by itself
    remove: float = 1.0  # what the other slots hold says nothing
    rank: float = 0.5  # a later pass believes in the class at least as much
    budget: float = 20.0  # about a fifth of the time is informative
    soft_replay: float = 0.0  # share of the gradient that flows through the time map into the attention

    def __post_init__(self) -> None:
        if min(dataclasses.astuple(self)) < 0:
            raise SettingsError("the weights of losses must not be negative")
        if self.per_pass == 0 and self.fused == 0:
            raise SettingsError("nothing is classified; leave per_pass or fused in")

    @property
    def reach_all_parameters(self) -> bool:
        """Whether every parameter of the slots and of the decoder gets a gradient."""
        return self.fused > 0 and max(self.keep, self.remove, self.budget, self.soft_replay) > 0

    def only(self, names: Collection[str]) -> Losses:
        """With the named terms switched on and the others off. Raises SettingsError for unknown names."""
        there = {each.name: getattr(self, each.name) for each in dataclasses.fields(self)}
        unknown = sorted(set(names) - there.keys())
        if unknown:
            raise SettingsError(f"there is no loss {unknown[0]!r}; choose from {', '.join(there)}")
        # a term that this recipe leaves out is switched on at weight 1
        return Losses(**{name: (weight or 1.0) if name in names else 0.0 for name, weight in there.items()})


@dataclass(frozen=True)
class Augmentation:
    """What is changed about clips in training. Shares are of micro-batches (mixing, warping) or of clips."""

    between_class: float = 0.6  # mixed with another clip as sound (Tokozume et al. 2018)
    mixup: float = 0.0  # mixed with another clip at a ratio from Beta(0.3, 0.3) (Zhang et al. 2018)
    cutmix: float = 0.0  # a stretch of another clip in place of the own one (Yun et al. 2019, in time)
    time_scale: float = 1.25  # largest factor, faster or slower
    unscaled: float = 0.3  # share of clips whose time is left as it is
    gain_decibels: float = 6.0  # largest gain
    frequency_mask: float = 0.2  # largest share of mels that one of two masks covers (SpecAugment, Park et al. 2019)
    time_mask: float = 0.0  # largest share of frames that one of two masks covers
    warped: float = 0.5  # encoder stage: random stretches are replayed, so that stretched time is nothing new
    removed: float = 0.5  # encoder stage: clips that lose random stretches, so that removal is nothing new
    shortened: float = 0.2  # replay stage: clips of which only a short stretch is left, so that there is a choice
    background: float = 0.3  # replay stage: clips with noise under them, so that silence does not give the choice away

    def __post_init__(self) -> None:
        if self.between_class + self.mixup + self.cutmix > 1:
            raise SettingsError("the shares of between_class, mixup and cutmix add up to more than 1")


@dataclass(frozen=True)
class Recipe:
    """The defaults are the bundled model's."""

    encoder_epochs: int = 100
    replay_epochs: int = 10
    batch_size: int = 32  # clips of an optimiser step, over all processes
    micro_batch_size: int = 16  # clips that a process hears at once; gradients add up until the batch is full
    optimizer: str = "adamw"  # or "sgd" (Nesterov, momentum 0.9)
    encoder_learning_rate: float = 1.5e-3
    replay_learning_rate: float = 1e-3
    encoder_in_replay: float = 0.3  # learning rate of the encoder in the replay stage, relative; 0 freezes it
    weight_decay: float = 0.05  # none on vectors: biases, norms, starts
    warm_up_epochs: float = 2.5
    gradient_norm: float = 1.0
    average_decay: float = 0.998  # of the moving average of the weights, which is what is kept
    label_smoothing: float = 0.0
    losses: Losses = field(default_factory=Losses)
    augmentation: Augmentation = field(default_factory=Augmentation)
    seed: int = 0

    def __post_init__(self) -> None:
        if self.micro_batch_size < 2 or self.micro_batch_size % 2:
            raise SettingsError(
                f"micro_batch_size must be even and at least 2, for clips are mixed in pairs, "
                f"got {self.micro_batch_size}"
            )
        if self.batch_size < self.micro_batch_size or self.batch_size % self.micro_batch_size:
            raise SettingsError(
                f"batch_size must be a multiple of micro_batch_size ({self.micro_batch_size}), got {self.batch_size}"
            )
        if min(self.encoder_epochs, self.replay_epochs) < 0 or not self.encoder_epochs + self.replay_epochs:
            raise SettingsError("a stage cannot have less than no epochs, and one of the two needs some")
        if self.optimizer not in ("adamw", "sgd"):
            raise SettingsError(f"optimizer must be adamw or sgd, got {self.optimizer!r}")

    @property
    def micro_batches(self) -> int:
        """Of one optimiser step."""
        return self.batch_size // self.micro_batch_size

    def epochs(self, stage: str) -> int:
        return self.encoder_epochs if stage == "encoder" else self.replay_epochs

    def learning_rate(self, stage: str) -> float:
        return self.encoder_learning_rate if stage == "encoder" else self.replay_learning_rate


#: section 3.1 of the paper; the learning rates and the batch are ours
_PAPER = Recipe(
    encoder_epochs=50,
    replay_epochs=50,
    encoder_in_replay=0.0,
    batch_size=64,
    micro_batch_size=8,
    optimizer="sgd",
    encoder_learning_rate=0.05,
    replay_learning_rate=0.05,
    weight_decay=1e-4,
    average_decay=0.999,
    label_smoothing=0.1,
    losses=Losses(per_pass=0.1, rank=0.1),
    augmentation=Augmentation(
        between_class=0.0,
        mixup=0.5,
        cutmix=0.5,
        time_scale=1.0,
        gain_decibels=0.0,
        time_mask=0.0625,
        shortened=0.0,
        background=0.0,
    ),
)

RECIPES = {name: Recipe() if name == "small" else _PAPER for name in PRESETS}
