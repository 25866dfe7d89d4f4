"""Puts a finished run to the test: is what was replayed the reason for the class?

ClipRun -> ExamineService.examine -> ExaminationView, one more batch of hearings a time
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from functools import partial

from app.service.explain import ClipRun
from app.service.models import Models
from playitback.evidence.controls import CHOSEN, RANDOM
from playitback.evidence.curves import ATTENTION
from playitback.explain.examine import EditBelief, Examination, OrderBelief, examine
from playitback.explain.odds import odds_of

__all__ = [
    "ATTENTION",
    "CHOSEN",
    "RANDOM",
    "EditBelief",
    "Examination",
    "ExaminationView",
    "ExamineService",
    "OrderBelief",
    "odds_of",
]


@dataclass(frozen=True, eq=False)
class ExaminationView:
    """An examination so far."""

    done: int = 0  # clips heard
    total: int | None = None  # None before the first is heard
    found: Examination | None = None  # when all are heard


class ExamineService:
    """Examines finished runs with the model that made them."""

    def __init__(self, models: Models) -> None:
        self.models = models

    def examine(self, view: ClipRun, *, draws: int = 20, seed: int = 0) -> Generator[ExaminationView, None, None]:
        """Yields how far the examination of the asked class of the run has come, at last what it found.

        draws: random draws of segments; seed: of all that is drawn. Whoever stops listening stops the computation.
        Raises CheckpointError.
        """
        work = partial(examine, playbacks=view.hearings - 1, draws=draws, seed=seed)
        steps = self.models.compute(view.settings.checkpoint, work, view.samples, view.asked_class)
        yield ExaminationView()
        for each in steps:
            if isinstance(each, Examination):
                yield ExaminationView(found=each)
            else:
                yield ExaminationView(each.done, each.total)
