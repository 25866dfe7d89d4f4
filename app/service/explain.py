"""Explains recordings: paths and settings in, plain data and files out.

    file -> describe -> RecordingView
    file, Settings -> Recognizer.load -> Recognizer.explain -> ClipRun, one more hearing a time
    ClipRun after ClipRun -> rows -> ExplanationView, for those who look and listen

Errors that a visitor can act on are ``PlayItBackError``s and pass through with their sentence.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from app.service import reading
from app.service.drawing import peaks
from app.service.models import Models
from playitback import audio
from playitback.explain.explanation import Explanation
from playitback.explain.pooling import pools_by_attention
from playitback.recognizer import ClipHearing, Recognizer
from playitback.replay import TimeMap
from playitback.report.files import begin_player, draw_next_row
from playitback.report.rows import PlayerView
from playitback.segments import Segment
from playitback.tape import tape

#: a recording that is longer than a clip by less than this has no window to choose
LEAST_CHOICE_SECONDS = 0.1


@dataclass(frozen=True)
class Settings:
    """What the visitor chose."""

    checkpoint: str
    playbacks: int | None = None  # None: all that the model has
    start_seconds: float = 0.0  # of the clip in the recording
    asked: str | None = None  # the class asked about; None: the one decided for
    channel: int | None = None  # of the recording, counted from 1; None: they are mixed


@dataclass(frozen=True)
class RecordingView:
    """A recording before it is explained.

    peaks: (columns,) loudness if it is longer than a clip; None if it is not, or could not be drawn in good time.
    """

    path: Path
    name: str
    seconds: float
    sample_rate: int
    channels: int
    format: str
    clip_seconds: float
    peaks: np.ndarray | None

    @property
    def has_choice(self) -> bool:
        """Whether a clip of it can be chosen."""
        return self.seconds >= self.clip_seconds + LEAST_CHOICE_SECONDS

    @property
    def latest_start_seconds(self) -> float:
        """The last second at which a whole clip still starts; 0 where the recording is no longer than a clip."""
        return max(0.0, self.seconds - self.clip_seconds)


@dataclass(frozen=True, eq=False)  # holds arrays: a run equals itself alone
class ClipRun:
    """A clip as it was heard so far."""

    settings: Settings
    recording: Path  # that the clip was taken from
    explanation: Explanation
    samples: np.ndarray  # (samples,) of the clip at the model's rate, silence up to the clip's end
    run_id: str
    expected_hearings: int

    @property
    def hearings(self) -> int:
        """That were heard so far."""
        return len(self.explanation.hearings)

    @property
    def finished(self) -> bool:
        return self.hearings == self.expected_hearings

    @property
    def replays(self) -> bool:
        """Whether it has playbacks, which may still be to come."""
        return self.expected_hearings > 1

    @property
    def has_slots(self) -> bool:
        """Whether slots shared out the clip in it, so that there is something for ``inspect``."""
        return self.explanation.has_slots

    @property
    def pools_by_attention(self) -> bool:
        """Whether its model weighed moments and features, so that there is something for ``pooling_of``."""
        return pools_by_attention(self.explanation.hearings[-1])

    @property
    def clip(self) -> audio.Recording:
        """What was explained, as it was loaded: without the silence behind it."""
        explanation = self.explanation
        return audio.Recording(
            samples=self.samples[: round(explanation.seconds * explanation.sample_rate)],
            info=explanation.info,
            start_seconds=explanation.start_seconds,
            sample_rate=explanation.sample_rate,
            notes=explanation.notes,
            channel=explanation.channel,
        )

    @property
    def asked_class(self) -> str | None:
        """The class that the visitor asked about, else the one decided for; None until something is decided."""
        return self.settings.asked or (self.explanation.decision(-1) if self.hearings else None)

    @property
    def decisions(self) -> tuple[str, ...]:
        return tuple(self.explanation.decision(index) for index in range(self.hearings))

    @property
    def leading(self) -> dict[str, tuple[float, ...]]:
        """Probabilities after every hearing of the classes that led in any hearing, ordered by the latest hearing."""
        return {
            label: tuple(self.explanation.probability(index, label) for index in range(self.hearings))
            for label in self.explanation.leading(self.asked_class)
        }

    def sound(self, segment: Segment) -> bytes:
        """Exactly a segment's seconds of the clip as WAV, as ``wav`` writes it."""
        rate = self.explanation.sample_rate
        return self.wav(self.samples[round(segment.start_seconds * rate) : round(segment.end_seconds * rate)])

    def wav(self, samples: np.ndarray) -> bytes:
        """Samples (samples,) at the model's rate as WAV: 16-bit PCM, mono."""
        return audio.wav(samples, self.explanation.sample_rate)


@dataclass(frozen=True, eq=False)
class ExplanationView(ClipRun):
    """A run so far, drawn."""

    player: PlayerView

    @classmethod
    def of(cls, run: ClipRun, player: PlayerView) -> ExplanationView:
        """A run as a player shows it, whose ``run_id`` it takes."""
        return cls(**{**vars(run), "run_id": player.run_id, "player": player})


class ExplainService:
    """Explains recordings with the models."""

    def __init__(self, models: Models) -> None:
        self.models = models

    def describe(self, path: Path, checkpoint: str, wanted: Callable[[], bool] = lambda: True) -> RecordingView:
        """What is known of a recording without explaining it. ``wanted``: whether anybody still waits for its drawing.

        Raises AudioError.
        """
        info = reading.probe(path, wanted)
        described = RecordingView(
            path=path,
            name=info.name,
            seconds=info.seconds,
            sample_rate=info.sample_rate,
            channels=info.channels,
            format=info.format,
            clip_seconds=self.models.recognizer(checkpoint).clip_seconds,
            peaks=None,
        )
        return replace(described, peaks=peaks(path, wanted)) if described.has_choice else described

    def hear(self, path: Path, settings: Settings) -> Generator[ClipRun, None, None]:
        """Yields the run before the first hearing, and again after every hearing, with one more of them; draws nothing.

        Raises AudioError, SettingsError and CheckpointError before anything is yielded.
        """
        recognizer = self.models.recognizer(settings.checkpoint)
        recognizer.check(settings.playbacks, settings.asked)
        reading.probe(path)
        recording = recognizer.load(path, settings.start_seconds, settings.channel)
        yield from self.hear_clip(recording, path, settings)

    def explain(self, path: Path, settings: Settings, directory: Path) -> Generator[ExplanationView, None, None]:
        """The same, drawn into ``directory``; see ``drawn``."""
        return self.drawn(self.hear(path, settings), directory)

    def ask(self, run: ClipRun, label: str | None, directory: Path) -> Generator[ExplanationView, None, None]:
        """The clip of a run explained for another class, None for the model's decision; its file is not read again.

        Yields as ``explain`` does; the run keeps its id, so that its rows take the places of those that there were.
        The run may be one that was broken off. Raises SettingsError and CheckpointError before anything is yielded.
        """
        settings = replace(run.settings, asked=label)
        self.models.recognizer(settings.checkpoint).check(settings.playbacks, label)
        return self.drawn(self.hear_clip(run.clip, run.recording, settings, run.run_id), directory)

    def hear_clip(
        self, recording: audio.Recording, path: Path, settings: Settings, run_id: str | None = None
    ) -> Generator[ClipRun, None, None]:
        """``hear`` for a clip that is loaded already, at its model's rate. path: the recording that it was taken from.

        The settings must have passed the recognizer's ``check``. run_id: of the run that it continues; None: a new one.
        """
        recognizer, asked = self.models.recognizer(settings.checkpoint), settings.asked
        playbacks = recognizer.playbacks if settings.playbacks is None else settings.playbacks
        run = ClipRun(
            settings=settings,
            recording=path,
            explanation=Explanation.of(recording, recognizer, ()),
            samples=recognizer.padded(recording.samples),
            run_id=run_id or uuid.uuid4().hex,
            expected_hearings=playbacks + 1,
        )
        arguments = recording.samples, playbacks, None, asked
        hearings = self.models.compute(settings.checkpoint, Recognizer.explain, *arguments)
        yield run
        heard: list[ClipHearing] = []
        for hearing in hearings:
            heard.append(hearing)
            run = replace(run, explanation=Explanation.of(recording, recognizer, heard))
            yield run

    def drawn(self, runs: Iterator[ClipRun], directory: Path) -> Generator[ExplanationView, None, None]:
        """Each of them as it is shown: pictures and sounds are in ``directory``, which must outlive the views."""
        run = next(runs)
        explanation, samples, asked = run.explanation, run.samples, run.settings.asked
        recognizer = self.models.recognizer(run.settings.checkpoint)
        player = begin_player(explanation, samples, recognizer, directory, run.expected_hearings, asked, run.run_id)
        yield ExplanationView.of(run, player)
        for run in runs:
            player = draw_next_row(player, run.explanation, samples, recognizer, directory, asked)
            yield ExplanationView.of(run, player)

    def warm_up(self) -> None:
        """Makes the first tape, whose library compiles for seconds, so that the first visitor does not wait for it."""
        sample_rate = self.models.recognizer(self.models.checkpoints[0]).sample_rate
        silence = np.zeros(sample_rate, dtype=np.float32)
        tape(silence, TimeMap.of((Segment(0.2, 0.4),), 2.0, 1.0, 100), sample_rate)
