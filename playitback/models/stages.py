"""Stages of training that families with an encoder share; each changes what suits it (``dataclasses.replace``).

First the encoder learns the classes, from labels alone or from a teacher where there is one; then the activity head
learns what the encoder, as it is, answers to stretches kept alone.
"""

from __future__ import annotations

from playitback.models.recipe import Augmentation, Stage
from playitback.models.terms import ActivityTerms, EncoderTerms, TaughtTerms

ENCODER = Stage(
    name="encoder",
    epochs=100,
    learning_rate=1.5e-3,
    trains={"encoder": 1.0},
    terms=EncoderTerms(),
    settles_statistics=True,
)
TAUGHT = Stage(
    name="taught",
    epochs=100,
    learning_rate=1.2e-3,
    trains={"encoder": 1.0, "taught": 1.0},
    terms=TaughtTerms(),
    augmentation=Augmentation(background=0.25),
    mixtures=True,
    settles_statistics=True,
)
ACTIVITY = Stage(
    name="activity",
    epochs=8,
    learning_rate=2e-3,
    trains={"activity": 1.0},
    terms=ActivityTerms(),
    augmentation=Augmentation(between_class=0.0),
)
