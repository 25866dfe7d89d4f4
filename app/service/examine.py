"""Puts a finished run to the test: is what was replayed the reason for the class?

ExplanationView -> ExaminationService.examine -> ExaminationView, one more batch of hearings a time
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from app.service.explain import ExplanationView
from app.service.models import Models
from playitback.evidence.controls import CHOSEN, RANDOM
from playitback.evidence.curves import ATTENTION
from playitback.evidence.runs import Heard
from playitback.explain.examine import ClipEvidence, EditBelief, OrderBelief, examination
from playitback.recognizer import Recognizer
from playitback.report.examine_text import DEFINITIONS

__all__ = [
    "ATTENTION",
    "CHOSEN",
    "DEFINITIONS",
    "RANDOM",
    "ClipEvidence",
    "EditBelief",
    "ExaminationService",
    "ExaminationView",
    "OrderBelief",
]


@dataclass(frozen=True, eq=False)
class ExaminationView:
    """An examination so far."""

    heard: int = 0  # hearings done
    hearings: int | None = None  # in all; None before the first is done
    evidence: ClipEvidence | None = None  # when all are done


class ExaminationService:
    """Examines finished runs with the model that made them."""

    def __init__(self, models: Models) -> None:
        self.models = models

    def examine(self, view: ExplanationView, *, draws: int = 20, seed: int = 0) -> Iterator[ExaminationView]:
        """Yields how far the examination of the class that the run followed has come, at last with its evidence.

        draws: random draws of segments; seed: of all that is drawn. Whoever stops listening stops the computation.
        Raises SettingsError for a run without playbacks, and CheckpointError.
        """
        self.models.recognizer(view.settings.checkpoint)  # it may have been put away since the run
        yield ExaminationView()
        arguments = view.samples, view.class_followed, view.hearings - 1, draws, seed
        for each in self.models.compute(view.settings.checkpoint, _examination, *arguments):
            if isinstance(each, ClipEvidence):
                yield ExaminationView(evidence=each)
            else:
                yield ExaminationView(each.done, each.total)


def _examination(
    recognizer: Recognizer, samples: np.ndarray, label: str, playbacks: int, draws: int, seed: int
) -> Iterator[Heard | ClipEvidence]:
    evidence = yield from examination(recognizer, samples, label, playbacks=playbacks, draws=draws, seed=seed)
    yield evidence
