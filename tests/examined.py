"""The clip that tests examine, what examines it, and examinations with other figures."""

from __future__ import annotations

import dataclasses

from tiny import CLIP_SECONDS, LABELS, RATE, recognizer_of, sounding_clips, tiny_model

from playitback.explain.examine import Examination, Standing
from playitback.recognizer import Recognizer
from playitback.segments import Segment

SOUND_SECONDS = 0.8 * CLIP_SECONDS
#: shorter than what the model hears: silence follows
CLIP = sounding_clips(1)[0, : round(SOUND_SECONDS * RATE)].numpy()
DRAWS = 12

AHEAD, BEHIND = ({"replay": Standing.of([lead] * DRAWS), "drawn": (0.8 - lead,) * DRAWS} for lead in (0.2, -0.15))
RELIED_ON = {"reliance": Standing.of([0.4] * DRAWS)}


def replaying() -> Recognizer:
    """Plays back twice."""
    return recognizer_of(tiny_model(playbacks=2))


def decision(recognizer: Recognizer) -> str:
    """What the model decides of the clip."""
    return LABELS[int(list(recognizer.explain(CLIP))[-1].probabilities.argmax())]


def replaced(found: Examination, **changes: object) -> Examination:
    """The examination with other figures: of a class that is believed and of a choice that leads nowhere."""
    undecided = {
        "probability": 0.8,
        "marked": (Segment(0.2, 0.7),),
        "silent_share": 0.0,
        "drawn": (0.7, *[0.9] * (DRAWS - 1)),
        "replay": Standing.of([0.1, *[-0.1] * (DRAWS - 1)]),
        "reliance": Standing.of([0.1, *[-0.1] * (DRAWS - 1)]),
        "keeping_lead": 0.2,
        "removal_lead": 0.2,
    }
    return dataclasses.replace(found, **{**undecided, **changes})  # type: ignore[arg-type]
