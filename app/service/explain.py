"""Explains recordings: paths and settings in, plain data and files out.

    file -> describe -> RecordingView
    file, Settings -> audio.load -> Recognizer.explain -> rows -> ExplanationView, one more hearing a time

Errors that a visitor can act on are ``PlayItBackError``s and pass through with their sentence.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from app.service.models import Models
from playitback import audio
from playitback.audio import SAMPLE_RATE
from playitback.errors import SettingsError
from playitback.explain.explanation import Explanation
from playitback.recognizer import ClipHearing, Recognizer
from playitback.replay import TimeMap
from playitback.report import timeline
from playitback.report.rows import PlayerView, draw_row
from playitback.segments import Segment
from playitback.spectrogram import mel_hertz
from playitback.tape import tape

#: a recording that is longer than a clip by less than this has no window to choose
LEAST_CHOICE_SECONDS = 0.1


@dataclass(frozen=True)
class Settings:
    """What the visitor chose."""

    checkpoint: str
    playbacks: int | None = None  # None: as many as the model was trained for
    start_seconds: float = 0.0  # of the clip in the recording
    class_to_follow: str | None = None  # None: the class decided for


@dataclass(frozen=True)
class RecordingView:
    """A recording before it is explained. ``peaks``: (columns,) loudness if it is longer than a clip, else None."""

    path: Path
    name: str
    seconds: float
    sample_rate: int
    channels: int
    format: str
    clip_seconds: float
    peaks: np.ndarray | None

    @property
    def latest_start_seconds(self) -> float:
        """The last second at which a whole clip still starts; 0 where the recording is no longer than a clip."""
        return max(0.0, self.seconds - self.clip_seconds)


@dataclass(frozen=True, eq=False)  # holds arrays: a view equals itself alone, and gradio sees when another one is shown
class ExplanationView:
    """A run so far."""

    settings: Settings
    explanation: Explanation
    samples: np.ndarray  # (samples,) of the clip, 16 kHz, silence up to the clip's end
    player: PlayerView

    @property
    def run_id(self) -> str:
        return self.player.run_id

    @property
    def hearings(self) -> int:
        """That were heard so far."""
        return len(self.explanation.hearings)

    @property
    def expected_hearings(self) -> int:
        return self.player.expected_rows

    @property
    def finished(self) -> bool:
        return self.player.finished

    @property
    def class_followed(self) -> str | None:
        """The class that the visitor asked about, else the one decided for; None until something is decided."""
        return self.settings.class_to_follow or (self.explanation.decision(-1) if self.hearings else None)

    @property
    def decisions(self) -> tuple[str, ...]:
        return tuple(self.explanation.decision(index) for index in range(self.hearings))

    @property
    def leading(self) -> dict[str, tuple[float, ...]]:
        """Probabilities after every hearing of the classes that led in any hearing, ordered by the latest hearing."""
        return {
            label: tuple(self.explanation.probability(index, label) for index in range(self.hearings))
            for label in self.explanation.leading(self.class_followed)
        }


class ExplanationService:
    """Explains recordings with the models."""

    def __init__(self, models: Models) -> None:
        self.models = models

    def describe(self, path: Path, checkpoint: str) -> RecordingView:
        """What is known of a recording without explaining it. Raises AudioError."""
        info = audio.probe(path)
        clip_seconds = self.models.recognizer(checkpoint).clip_seconds
        return RecordingView(
            path=path,
            name=info.name,
            seconds=info.seconds,
            sample_rate=info.sample_rate,
            channels=info.channels,
            format=info.format,
            clip_seconds=clip_seconds,
            peaks=audio.overview(path) if info.seconds >= clip_seconds + LEAST_CHOICE_SECONDS else None,
        )

    def explain(self, path: Path, settings: Settings, directory: Path) -> Iterator[ExplanationView]:
        """Yields the run before the first hearing, and again after every hearing, with one more of them.

        Pictures and sounds are written into ``directory``, which must outlive the views. Raises AudioError,
        SettingsError and CheckpointError before anything is yielded.
        """
        recognizer = self.models.recognizer(settings.checkpoint)
        playbacks = recognizer.playbacks if settings.playbacks is None else settings.playbacks
        check_settings(settings, playbacks, recognizer)
        recording = audio.load(path, start_seconds=settings.start_seconds, window_seconds=recognizer.clip_seconds)
        samples = np.zeros(recognizer.config.front_end.clip_samples, dtype=np.float32)
        samples[: len(recording.samples)] = recording.samples
        view = begin(settings, Explanation.of(recording, recognizer, ()), samples, playbacks, directory)
        yield view
        marks = timeline.frequency_marks(mel_hertz(recognizer.config.front_end))
        heard: list[ClipHearing] = []
        for hearing in self.models.compute(settings.checkpoint, Recognizer.explain, recording.samples, playbacks):
            heard.append(hearing)
            view = with_hearing(view, Explanation.of(recording, recognizer, heard), marks, directory)
            yield view

    def warm_up(self) -> None:
        """Makes the first tape, whose library compiles for seconds, so that the first visitor does not wait for it."""
        silence = np.zeros(SAMPLE_RATE, dtype=np.float32)
        tape(silence, TimeMap.of((Segment(0.2, 0.4),), 2.0, 1.0, 100), SAMPLE_RATE)


def check_settings(settings: Settings, playbacks: int, recognizer: Recognizer) -> None:
    """Raises SettingsError for what the model of a recognizer does not offer."""
    if not 0 <= playbacks <= recognizer.playbacks:
        raise SettingsError(
            f"{playbacks} playbacks were asked for, but {recognizer.name} was trained for at most "
            f"{recognizer.playbacks}; choose 0 to {recognizer.playbacks}"
        )
    if settings.class_to_follow is not None and settings.class_to_follow not in recognizer.labels:
        raise SettingsError(
            f"{recognizer.name} knows no class {settings.class_to_follow!r}; "
            f"choose one of its {len(recognizer.labels)} classes"
        )


def begin(
    settings: Settings, explanation: Explanation, samples: np.ndarray, playbacks: int, directory: Path
) -> ExplanationView:
    """A run before its first hearing; its clip is written into ``directory``."""
    clip_audio = directory / "clip.wav"
    audio.write_wav(clip_audio, samples)
    player = PlayerView(
        run_id=uuid.uuid4().hex,
        clip_name=explanation.info.name,
        clip_seconds=explanation.clip_seconds,
        clip_audio=str(clip_audio),
        rows=(),
        finished=False,
        expected_rows=playbacks + 1,
        start_seconds_in_file=explanation.start_seconds,
    )
    return ExplanationView(settings, explanation, samples, player)


def with_hearing(
    view: ExplanationView, explanation: Explanation, marks: tuple[tuple[float, float], ...], directory: Path
) -> ExplanationView:
    """The view with the latest hearing of ``explanation`` added, its pictures and sounds written into ``directory``."""
    index = len(explanation.hearings) - 1
    row = draw_row(explanation, index, view.samples, marks, directory, view.settings.class_to_follow)
    rows = (*view.player.rows, row)
    player = replace(view.player, rows=rows, finished=len(rows) == view.player.expected_rows)
    return replace(view, explanation=explanation, player=player)
