"""Why one class and not another: both over the hearings of a run, and which of its segments spoke for which.

    ExplanationView -> rival -> the class that came closest
    ExplanationView, two classes -> ContrastService.contrast -> Heard after every batch, then the ContrastView

Errors that a visitor can act on are ``PlayItBackError``s and pass through with their sentence.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from app.service.explain import ExplanationView
from app.service.models import Models
from playitback import audio
from playitback.audio import SAMPLE_RATE
from playitback.evidence.runs import Heard
from playitback.explain.contrast import Contrast, SegmentContrast, contrasting
from playitback.explain.explanation import Explanation
from playitback.recognizer import Recognizer
from playitback.report.rows import RowView
from playitback.segments import Segment


@dataclass(frozen=True)
class SegmentView:
    """A segment of a run, what it said, and how it sounds."""

    said: SegmentContrast
    wav: bytes  # 16-bit PCM, mono, 16 kHz: exactly its seconds


@dataclass(frozen=True)
class ContrastView:
    """Two classes in one run."""

    contrast: Contrast
    segments: tuple[SegmentView, ...]  # those that moved the log-odds most first
    rows: tuple[RowView, ...]  # of the run; their files may be gone
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
        self, view: ExplanationView, first_label: str, second_label: str, fill: str
    ) -> Iterator[Heard | ContrastView]:
        """Two classes in a finished run; fill: one of ``playitback.edits.FILLS``, where a segment is removed.

        Yields how far it has come, at last the answer. Whoever stops listening stops the computation. Raises
        SettingsError for one class given twice and for what the model does not know.
        """
        checkpoint = view.settings.checkpoint
        self.models.recognizer(checkpoint)  # in use from here on
        arguments = view.explanation, view.samples, first_label, second_label, fill
        for each in self.models.compute(checkpoint, _contrast, *arguments):
            yield each if isinstance(each, Heard) else _view(view, each)


def rival(view: ExplanationView, label: str) -> str:
    """The class other than ``label`` that is most probable after the last hearing of a run."""
    return next(other for other in view.explanation.ranking(-1) if other != label)


def _contrast(
    recognizer: Recognizer,
    explanation: Explanation,
    samples: np.ndarray,
    first_label: str,
    second_label: str,
    fill: str,
) -> Iterator[Heard | Contrast]:
    answer = yield from contrasting(recognizer, explanation, samples, first_label, second_label, fill)
    yield answer


def _view(view: ExplanationView, answer: Contrast) -> ContrastView:
    strongest_first = sorted(answer.segments, key=lambda each: -abs(each.change))
    return ContrastView(
        contrast=answer,
        segments=tuple(SegmentView(each, _wav(each.segment, view.samples)) for each in strongest_first),
        rows=view.player.rows,
        clip_seconds=view.explanation.clip_seconds,
    )


def _wav(segment: Segment, samples: np.ndarray) -> bytes:
    first, last = round(segment.start_seconds * SAMPLE_RATE), round(segment.end_seconds * SAMPLE_RATE)
    with io.BytesIO() as file:
        audio.write_wav(file, samples[first:last])
        return file.getvalue()
