"""Does the choice help where there is something to choose: a short event somewhere in a background?

Data sets of labelled clips are cut around their event, so nearly every moment of them is worth hearing again, and any
choice is a good one. A recording from the field is not. Here the loudest second of every clip is planted in a
background (``beds``) at one level, and the same controls are compared as on the clips themselves (``faithfulness``):
what is replayed differs, the sound, the hearings and the cost do not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from playitback.evidence.beds import all_beds, plant_in
from playitback.evidence.faithfulness import (
    ControlComparison,
    clips_to_hear_controls,
    compare_controls,
    hear_controls,
)
from playitback.evidence.intervals import Bootstrap
from playitback.evidence.runs import Ears
from playitback.progress import Steps

LEVEL_DECIBELS = 6.0  # of the event over the background
#: random choices per clip: few, because there are many scenes, and many clips in each
DRAWS = 5


@dataclass(frozen=True)
class Scene:
    """Chosen segments and all controls on events in one background."""

    condition: str
    comparison: ControlComparison


def clips_to_hear_scenes(clips: int, aims: bool, recorded_beds: Mapping[str, Tensor] | None = None) -> int:
    """Clips that ``hear_scenes`` hears or skips for each model; aims: ``Listener.can_aim``."""
    return len(all_beds(recorded_beds)) * (clips + clips_to_hear_controls(clips, DRAWS, aims))


def hear_scenes(
    ears: Sequence[Ears],
    waveforms: Tensor,
    classes: Tensor,
    bootstrap: Bootstrap,
    recorded_beds: Mapping[str, Tensor] | None = None,
) -> Steps[tuple[Scene, ...]]:
    """The controls on events in every background. recorded_beds: name -> (M, clip_samples), besides the synthesised.

    ears: of models of one shape, see ``compare_controls``; waveforms: (N, clip_samples); classes: (N,) or multi-hot
    (N, C). The same clips are planted at the same seconds in every background. Raises SettingsError if all clips are
    silent.
    """
    sample_rate = ears[0].sample_rate
    scenes = []
    for name, recorded in all_beds(recorded_beds):
        known = plant_in(waveforms, name, LEVEL_DECIBELS, sample_rate, bootstrap.seed, recorded)
        left_out = len(waveforms) - len(known.rows)
        known_classes = classes[known.rows]
        outcomes = []
        for each in ears:
            aims = each.recognizer.model.can_aim
            yield each.tally.count(left_out + clips_to_hear_controls(left_out, DRAWS, aims))
            chosen = yield from each.hear(known.waveforms)
            outcomes.append(
                (yield from hear_controls(each, known.waveforms, known_classes, chosen, DRAWS, bootstrap.seed))
            )
        scenes.append(Scene(f"{name} {LEVEL_DECIBELS:g} dB", compare_controls(outcomes, bootstrap)))
    return tuple(scenes)
