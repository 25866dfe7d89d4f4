"""Two runs on one time axis: the one shown, and another recording, another model or both beside it.

    ClipRun, recording or None, checkpoint -> beside -> ComparisonView, one more hearing of the second a time

The first run is not computed again: only its pictures and sounds are, which went with the event that showed them.
"""

from __future__ import annotations

import uuid
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from app.service import reading
from app.service.explain import ClipRun, ExplainService, ExplanationView, Settings
from app.service.models import Models
from playitback import audio
from playitback.audio import Recording
from playitback.errors import SettingsError
from playitback.explain.compare import Comparison, compare
from playitback.recognizer import Recognizer
from playitback.report.files import draw_player
from playitback.report.rows import PlayerView


@dataclass(frozen=True)
class Other:
    """What the visitor puts beside the run shown."""

    checkpoint: str
    recording: Path | None = None  # None: the clip of the run shown
    start_seconds: float = 0.0  # of the clip in ``recording``
    channel: int | None = None  # of ``recording``, counted from 1; None: they are mixed


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


class CompareService:
    """Compares runs."""

    def __init__(self, models: Models) -> None:
        self.models = models
        self._explain = ExplainService(models)

    def beside(self, first: ClipRun, other: Other, directory: Path) -> Generator[ComparisonView, None, None]:
        """Yields the first run with the second before its first hearing, and again after every hearing of it.

        Pictures and sounds of both are written into ``directory``, which must outlive the views. Raises as ``hear``
        does.
        """
        same_clip, hearings = self.hear(first, other)
        folders = directory / "first", directory / "second"
        for folder in folders:
            folder.mkdir()
        drawn, link = self._drawn(first, folders[0]), uuid.uuid4().hex
        for second in self._explain.drawn(hearings, folders[1]):
            yield ComparisonView(drawn, second, same_clip, link)

    def compare(self, first: ClipRun, other: Other) -> tuple[ClipRun, Comparison]:
        """The second run, finished, and how both compare; nothing is drawn. Raises as ``hear`` does."""
        _, (*_, second) = self.hear(first, other)
        return second, compare(first.explanation, second.explanation)

    def hear(self, first: ClipRun, other: Other) -> tuple[bool, Iterator[ClipRun]]:
        """Whether both hear the same clip, and the second run: before its first hearing, and after every one.

        It is played back as often as the first, or as its model can. Raises AudioError, CheckpointError and
        SettingsError, the last also where both runs would be the same.
        """
        settings = self._settings(first, other)
        recording = _load(first, other, self.models.recognizer(other.checkpoint))
        same_clip = _is_same_clip(first, other, recording)
        if same_clip and other.checkpoint == first.settings.checkpoint:
            raise SettingsError(
                "the same clip and the same model were chosen, which makes the same run twice; "
                "choose another recording, another model, or both"
            )
        return same_clip, self._explain.hear_clip(recording, other.recording or first.recording, settings)

    def _settings(self, first: ClipRun, other: Other) -> Settings:
        """Those of the second run, as much like the first's as its model allows."""
        first_model, second_model = (
            self.models.recognizer(checkpoint) for checkpoint in (first.settings.checkpoint, other.checkpoint)
        )
        wanted = first.expected_hearings - 1 if first_model.playbacks else second_model.playbacks
        asked = first.settings.asked
        return Settings(
            checkpoint=other.checkpoint,
            playbacks=min(wanted, second_model.playbacks),
            start_seconds=other.start_seconds,
            asked=asked if asked in second_model.labels else None,
            channel=first.settings.channel if other.recording is None else other.channel,
        )

    def _drawn(self, run: ClipRun, directory: Path) -> ExplanationView:
        """A finished run with its pictures and sounds in ``directory``; those that it had may be gone."""
        recognizer = self.models.recognizer(run.settings.checkpoint)
        asked = run.settings.asked
        player = draw_player(run.explanation, run.samples, recognizer, directory, asked, uuid.uuid4().hex)
        return ExplanationView.of(run, player)


def _load(first: ClipRun, other: Other, recognizer: Recognizer) -> Recording:
    """The clip of the second run: of its recording or, without one, as much of the first run's as its model hears."""
    if other.recording is not None:
        reading.probe(other.recording)
        return recognizer.load(other.recording, other.start_seconds, other.channel)
    clip = first.clip
    samples = clip.samples
    if recognizer.sample_rate != clip.sample_rate:
        # read anew: resampled twice, it would lack what lies above the first model's frequencies
        samples = recognizer.load(first.recording, clip.start_seconds, clip.channel).samples
    seconds = min(clip.seconds, recognizer.clip_seconds)
    heard = samples[: round(seconds * recognizer.sample_rate)]
    return replace(clip, samples=heard, sample_rate=recognizer.sample_rate)


def _is_same_clip(first: ClipRun, other: Other, recording: Recording) -> bool:
    """Whether the second run hears seconds of the sound that the first one hears, from the same second on."""
    if other.recording is None:
        return True
    if recording.sample_rate != first.explanation.sample_rate:
        recording = audio.load(
            other.recording,
            start_seconds=other.start_seconds,
            window_seconds=recording.seconds,
            sample_rate=first.explanation.sample_rate,
            channel=other.channel,
        )
    return np.array_equal(recording.samples, first.clip.samples[: len(recording.samples)])
