"""Why one class and not another: both over the hearings of a run, and which of its segments spoke for which.

    ClipRun, two classes -> ContrastService.contrast -> Progress after every batch, then the ContrastView

Errors that a visitor can act on are ``PlayItBackError``s and pass through with their sentence.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

from app.service.explain import ClipRun
from app.service.models import Models
from playitback.explain.contrast import Contrast, SegmentContrast, contrast
from playitback.progress import Progress
from playitback.recognizer import ClipHearing


@dataclass(frozen=True)
class SegmentView:
    """A segment of a run, what it said, and how it sounds."""

    said: SegmentContrast
    wav: bytes  # exactly its seconds


@dataclass(frozen=True)
class ContrastView:
    """Two classes in one run."""

    contrast: Contrast
    segments: tuple[SegmentView, ...]  # those that moved the log-odds most first
    hearings: tuple[ClipHearing, ...]  # of the run
    clip_seconds: float

    @property
    def strongest(self) -> SegmentContrast | None:
        """Of those that spoke for a class, the one that moved the log-odds most."""
        return next((each.said for each in self.segments if each.said.spoke_for is not None), None)


class ContrastService:
    """Sets two classes against each other with the models."""

    def __init__(self, models: Models) -> None:
        self.models = models

    def contrast(
        self, view: ClipRun, first_label: str, second_label: str, fill: str
    ) -> Generator[Progress | ContrastView, None, None]:
        """Two classes in a finished run; fill: one of ``playitback.edits.FILLS``, where a segment is removed.

        Yields how far it has come, at last the answer. Whoever stops listening stops the computation. Raises
        SettingsError for one class given twice and for what the model does not know.
        """
        arguments = view.explanation, view.samples, first_label, second_label, fill
        for each in self.models.compute(view.settings.checkpoint, contrast, *arguments):
            yield _view(view, each) if isinstance(each, Contrast) else each


def _view(view: ClipRun, answer: Contrast) -> ContrastView:
    strongest_first = sorted(answer.segments, key=lambda each: -abs(each.change))
    return ContrastView(
        contrast=answer,
        segments=tuple(SegmentView(each, view.sound(each.segment)) for each in strongest_first),
        hearings=view.explanation.hearings,
        clip_seconds=view.explanation.clip_seconds,
    )
