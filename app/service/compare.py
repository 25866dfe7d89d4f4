"""Two runs on one time axis: the one shown, and another recording, another model or both beside it.

    ExplanationView, recording or None, checkpoint -> beside -> ComparisonView, one more hearing of the second a time

The first run is not computed again: only its pictures and sounds are, which went with the event that showed them.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from app.service.explain import ExplanationView, Settings, begin, check_settings, with_hearing
from app.service.models import Models
from playitback import audio
from playitback.audio import SAMPLE_RATE, Recording
from playitback.errors import SettingsError
from playitback.explain.compare import Comparison, compare
from playitback.explain.explanation import Explanation
from playitback.recognizer import ClipHearing, Recognizer
from playitback.report import timeline
from playitback.report.rows import PlayerView
from playitback.spectrogram import mel_hertz


@dataclass(frozen=True)
class Other:
    """What the visitor puts beside the run shown."""

    checkpoint: str
    recording: Path | None = None  # None: the clip of the run shown
    start_seconds: float = 0.0  # of the clip in ``recording``


@dataclass(frozen=True, eq=False)
class ComparisonView:
    """Two runs side by side: one that is finished, and the hearings so far of another."""

    first: ExplanationView
    second: ExplanationView
    same_clip: bool  # both hear the same seconds of the same sound
    link: str  # of both players

    @property
    def comparison(self) -> Comparison:
        return compare(self.first.explanation, self.second.explanation)

    @property
    def finished(self) -> bool:
        return self.first.finished and self.second.finished

    @property
    def players(self) -> tuple[PlayerView, PlayerView]:
        """Both on an axis as long as the longer clip, with one playhead."""
        axis_seconds = max(self.first.player.clip_seconds, self.second.player.clip_seconds)
        first, second = (
            replace(view.player, axis_seconds=axis_seconds, link=self.link) for view in (self.first, self.second)
        )
        return first, second

    @property
    def swapped(self) -> ComparisonView:
        """The second before the first."""
        return replace(self, first=self.second, second=self.first)


class ComparisonService:
    """Compares runs."""

    def __init__(self, models: Models) -> None:
        self.models = models

    def beside(self, first: ExplanationView, other: Other, directory: Path) -> Iterator[ComparisonView]:
        """Yields the first run with the second before its first hearing, and again after every hearing of it.

        The second is played back as often as the first, or as its model can. Pictures and sounds of both are written
        into ``directory``, which must outlive the views. Raises AudioError, CheckpointError and SettingsError, the
        last also where both runs would be the same, before anything is yielded.
        """
        recognizer = self.models.recognizer(other.checkpoint)
        playbacks = min(first.expected_hearings - 1, recognizer.playbacks)
        followed = first.settings.class_to_follow
        if followed not in recognizer.labels:
            followed = None
        settings = Settings(other.checkpoint, playbacks, other.start_seconds, followed)
        check_settings(settings, playbacks, recognizer)
        recording = _recording(first, other, recognizer.clip_seconds)
        same_clip = np.array_equal(recording.samples, _heard(first)[: len(recording.samples)])
        if same_clip and other.checkpoint == first.settings.checkpoint:
            raise SettingsError(
                "the same clip and the same model were chosen, which makes the same run twice; "
                "choose another recording, another model, or both"
            )
        folders = directory / "first", directory / "second"
        for folder in folders:
            folder.mkdir()
        second = begin(
            settings,
            Explanation.of(recording, recognizer, ()),
            recognizer.padded(recording.samples),
            playbacks,
            folders[1],
        )
        view = ComparisonView(self._drawn(first, folders[0]), second, same_clip, uuid.uuid4().hex)
        yield view
        marks = _marks(recognizer)
        heard: list[ClipHearing] = []
        for hearing in self.models.compute(other.checkpoint, Recognizer.explain, recording.samples, playbacks):
            heard.append(hearing)
            view = replace(
                view,
                second=with_hearing(view.second, Explanation.of(recording, recognizer, heard), marks, folders[1]),
            )
            yield view

    def _drawn(self, run: ExplanationView, directory: Path) -> ExplanationView:
        """A finished run with its pictures and sounds in ``directory``."""
        explanation, marks = run.explanation, _marks(self.models.recognizer(run.settings.checkpoint))
        view = begin(run.settings, replace(explanation, hearings=()), run.samples, run.expected_hearings - 1, directory)
        for hearings in range(1, run.hearings + 1):
            view = with_hearing(view, replace(explanation, hearings=explanation.hearings[:hearings]), marks, directory)
        return view


def _recording(first: ExplanationView, other: Other, clip_seconds: float) -> Recording:
    """The clip of the second run: of its recording or, without one, as much of the first run's as its model hears."""
    if other.recording is not None:
        return audio.load(other.recording, start_seconds=other.start_seconds, window_seconds=clip_seconds)
    explanation = first.explanation
    samples = _heard(first)[: round(clip_seconds * SAMPLE_RATE)]
    return Recording(samples, explanation.info, explanation.start_seconds, explanation.notes)


def _heard(run: ExplanationView) -> np.ndarray:
    """(samples,) of the recording that a run explains, without the silence behind them."""
    return run.samples[: round(run.explanation.seconds * SAMPLE_RATE)]


def _marks(recognizer: Recognizer) -> tuple[tuple[float, float], ...]:
    return timeline.frequency_marks(mel_hertz(recognizer.config.front_end))
