"""What is asked of a finished run beside its rows: what suffices and what is needed, every second alone, further lanes.

    ClipRun -> find_passages -> Progress, then the PassagesView; -> hear_alone -> Progress, then the Alone;
    -> find_lanes -> Progress, then the FurtherLanes

What was found is kept as long as the run's view is, so that whoever sees the same run again, or takes it away, has it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from app.service.explain import ClipRun
from app.service.models import Models, Work
from playitback.edits import STEP_SECONDS
from playitback.explain.alone import Alone, hear_alone
from playitback.explain.explanation import Explanation
from playitback.explain.lanes import ALL, FurtherLanes, find_lanes
from playitback.explain.passages import Passages, Trial, find_passages, kept_sound, left_sound
from playitback.progress import Progress

__all__ = ["STEP_SECONDS", "Alone", "FindingsService", "FurtherLanes", "PassagesView", "Progress"]


@dataclass(frozen=True)
class PassagesView:
    """What suffices and what is needed, and how it sounds."""

    found: Passages
    kept: bytes | None  # WAV of the passage that suffices; None: there is none
    left: bytes | None  # WAV of the clip without all that it needs; None: nothing takes the class away


class FindingsService:
    """Asks with the models, and keeps what was found."""

    def __init__(self, models: Models) -> None:
        self.models = models
        self._kept: WeakKeyDictionary[ClipRun, Explanation] = WeakKeyDictionary()

    def explanation(self, view: ClipRun) -> Explanation:
        """That of a run, with all that was found of it so far."""
        return self._kept.get(view, view.explanation)

    def find_passages(self, view: ClipRun) -> Generator[Progress | PassagesView, None, None]:
        """Of the class asked about, else the decision. Whoever stops listening stops the computation."""
        arguments = view.explanation.hearings, view.samples, view.settings.asked
        yield from self._find(view, "passages", find_passages, *arguments)
        found = self.explanation(view).passages
        assert found is not None, "the last one is it"
        yield PassagesView(found, _wav(view, found.suffices, kept_sound), _wav(view, found.needs, left_sound))

    def hear_alone(self, view: ClipRun) -> Generator[Progress | Alone, None, None]:
        """Every second of the clip alone. Whoever stops listening stops the computation."""
        yield from self._find(view, "alone", hear_alone, view.explanation.hearings[0], view.samples, view.asked_class)
        found = self.explanation(view).alone
        assert found is not None, "the last one is it"
        yield found

    def find_lanes(
        self, view: ClipRun, names: Sequence[str] = (ALL,)
    ) -> Generator[Progress | FurtherLanes, None, None]:
        """What other ways to explain say of the class asked about. Whoever stops listening stops the computation.

        names: see ``wanted_lanes``; those that a run is asked for first are kept.
        """
        arguments = view.explanation.hearings[0], view.samples, view.asked_class, tuple(names)
        yield from self._find(view, "further_lanes", find_lanes, *arguments)
        found = self.explanation(view).further_lanes
        assert found is not None, "the last one is it"
        yield found

    def _find(self, view: ClipRun, name: str, question: Work, *arguments: Any) -> Iterator[Progress]:
        """Asks a question, unless its answer is there, which is then kept as the explanation's field ``name``."""
        if getattr(self.explanation(view), name) is None:
            for each in self.models.compute(view.settings.checkpoint, question, *arguments):
                if isinstance(each, Progress):
                    yield each
                else:
                    self._kept[view] = replace(self.explanation(view), **{name: each})


def _wav(view: ClipRun, trial: Trial | None, sound: Callable[[Trial, np.ndarray, int], np.ndarray]) -> bytes | None:
    if trial is None or not trial.holds:
        return None
    return view.wav(sound(trial, view.samples, view.explanation.sample_rate))
