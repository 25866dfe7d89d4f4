"""How replay attention is trained: the recipe of every preset. What its stages minimise is told in ``terms``.

First the encoder learns the classes, from a teacher where there is one; in ``small``, it also learns to name short
events and what is heard in a background. Then, with the encoder as it is, the activity head and the slots learn what
speaks for each class and when; then the decoder learns to listen to what is replayed.

``small`` is trained with what small data sets need: strong augmentation, AdamW, a moving average of the weights. The
paper's models are trained as the paper says ("Play It Back", section 3.1): SGD with Nesterov momentum, cosine after a
warm-up, mixup, CutMix and SpecAugment; the stage "activity" is ours.
"""

from __future__ import annotations

from dataclasses import replace

from playitback.models.recipe import Augmentation, Recipe, Stage
from playitback.models.replay.terms import ReplayTerms, SlotTerms
from playitback.models.stages import ACTIVITY, ENCODER, TAUGHT
from playitback.models.terms import EncoderTerms

_ACTIVITY = replace(ACTIVITY, trains={"activity": 1.0, "slots": 1.0}, terms=SlotTerms())
_SMALL = Recipe(
    stages=(
        ENCODER,
        replace(TAUGHT, epochs=200),
        # from the first epoch on, short events and backgrounds keep so small an encoder from learning the classes
        replace(ENCODER, name="events", epochs=36, augmentation=Augmentation(shortened=0.25, background=0.25)),
        _ACTIVITY,
        Stage(
            name="replay",
            epochs=4,
            learning_rate=1e-3,
            trains={"decoder": 1.0},
            terms=ReplayTerms(),
            mixtures=True,
            augmentation=Augmentation(shortened=0.2, background=0.3),
        ),
    ),
)

_PAPER_AUGMENTATION = Augmentation(between_class=0.0, mixup=0.5, cutmix=0.5, time_scale=1.0, gain_decibels=0.0)
#: section 3.1 of the paper; the learning rates and the batch are ours
_PAPER = Recipe(
    stages=(
        Stage(
            name="encoder",
            epochs=50,
            learning_rate=0.05,
            trains={"encoder": 1.0},
            terms=EncoderTerms(label_smoothing=0.1, time_mask=0.0625),
            augmentation=_PAPER_AUGMENTATION,
            settles_statistics=True,
        ),
        Stage(
            name="activity",
            epochs=10,
            learning_rate=0.05,
            trains={"activity": 1.0, "slots": 1.0},
            terms=SlotTerms(),
            augmentation=replace(_PAPER_AUGMENTATION, mixup=0.0, cutmix=0.0),
        ),
        Stage(
            name="replay",
            epochs=50,
            learning_rate=0.05,
            trains={"decoder": 1.0},
            terms=ReplayTerms(label_smoothing=0.1, per_hearing=0.1, rank=0.1),
            augmentation=_PAPER_AUGMENTATION,
        ),
    ),
    batch_size=64,
    micro_batch_size=8,
    optimizer="sgd",
    weight_decay=1e-4,
    average_decay=0.999,
)


def recipe(preset: str) -> Recipe:
    """How a preset is trained."""
    return _SMALL if preset == "small" else _PAPER
