"""The page's only door to the model: paths and settings in, plain data and files out. It knows no gradio.

    file -> describe -> RecordingView
    file, Settings -> audio.load -> Recognizer.explain -> pictures and sounds -> ExplanationView, one more pass a time

Errors that a visitor can act on are ``PlayItBackError``s and pass through with their sentence.
"""

from __future__ import annotations

import threading
import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from weakref import WeakValueDictionary

import numpy as np

from app import figures
from playitback import audio
from playitback.audio import SAMPLE_RATE
from playitback.checkpoint import available_checkpoints
from playitback.errors import CheckpointError, SettingsError
from playitback.errors import PlayItBackError as PlayItBackError  # for the page, which opens no other door
from playitback.explain import timeline
from playitback.explain.explanation import Explanation
from playitback.recognizer import Playback, Recognizer
from playitback.replay import Segment, TimeMap
from playitback.spectrogram import mel_hertz
from playitback.tape import tape

#: classes whose bars a row shows, and of which the chart follows the best three of every pass
CLASSES_SHOWN = 5
LEADING_CLASSES = 3
#: pixels across a spectrogram: at least one for every frame of the finest hop of the largest models
PICTURE_COLUMNS = 1600
RECOGNIZERS_KEPT = 2
#: a recording that is longer than a clip by less than this has no window to choose
LEAST_CHOICE_SECONDS = 0.1

Hear = Callable[[str, np.ndarray, int], Iterator[Playback]]


@dataclass(frozen=True)
class Settings:
    """What the visitor chose."""

    checkpoint: str
    playbacks: int | None = None  # None: as many as the model was trained for
    start_seconds: float = 0.0  # of the clip in the recording
    class_to_follow: str | None = None  # None: the class decided for


@dataclass(frozen=True)
class ModelView:
    """A loaded model. ``card`` is Markdown."""

    name: str
    labels: tuple[str, ...]
    playbacks: int
    clip_seconds: float
    card: str


@dataclass(frozen=True)
class RecordingView:
    """A recording before it is explained. ``peaks``: (columns,) loudness if it is longer than a clip, else None."""

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


@dataclass(frozen=True)
class ClassView:
    """A bar. ``change`` is None after the first hearing."""

    label: str
    probability: float
    change: float | None


@dataclass(frozen=True)
class PassView:
    """One row. Seconds are the clip's; marks are (fraction of the axis, value)."""

    index: int
    hop_seconds: float
    replayed_seconds: float
    spectrogram: Path  # PNG in clip seconds
    frames_spectrogram: Path  # PNG of the model's frames as they were
    second_marks_in_frames: tuple[tuple[float, float], ...]
    attention_seconds: tuple[float, ...]
    informative: tuple[float, ...]
    uninformative: tuple[float, ...]  # the greatest of the other slots at every moment
    threshold: float
    segments: tuple[tuple[float, float], ...]  # (start, end) chosen in this pass
    replayed: tuple[tuple[float, float], ...]  # (start, end) replayed in this pass
    tape: Path  # WAV as the model heard it
    tape_map: tuple[tuple[float, float], ...]  # (second of the tape, second of the clip), piecewise linear
    decision: str
    previous_decision: str | None
    probability: float  # of the decision
    change: float | None  # of the decision's probability
    classes: tuple[ClassView, ...]  # the leading ones, best first, and the one followed

    @property
    def decision_changed(self) -> bool:
        return self.previous_decision is not None and self.previous_decision != self.decision


@dataclass(frozen=True)
class ExplanationView:
    """A run so far."""

    run_id: str
    explanation: Explanation
    samples: np.ndarray  # (samples,) of the clip, 16 kHz, silence up to the clip's end
    clip_audio: Path  # WAV of the same
    frequency_marks: tuple[tuple[float, float], ...]  # (fraction from the bottom, hertz)
    expected_passes: int
    passes: tuple[PassView, ...]
    class_followed: str | None  # None until something is decided

    @property
    def finished(self) -> bool:
        return len(self.passes) == self.expected_passes

    @property
    def decisions(self) -> tuple[str, ...]:
        return tuple(row.decision for row in self.passes)

    @property
    def leading(self) -> dict[str, tuple[float, ...]]:
        """Probabilities after every pass of the classes that led in any pass, ordered by the latest pass."""
        explanation, passes = self.explanation, range(len(self.passes))
        names = {name for index in passes for name in explanation.ranking(index)[:LEADING_CLASSES]}
        if self.class_followed is not None:
            names.add(self.class_followed)
        latest_first = [name for name in explanation.ranking(-1) if name in names] if self.passes else []
        return {name: tuple(explanation.probability(index, name) for index in passes) for name in latest_first}


@dataclass(frozen=True)
class ExplanationFiles:
    """What a run leaves to take away."""

    explanation: Path  # explanation.json
    segments: tuple[Path, ...]  # WAV, pass by pass
    tapes: tuple[Path, ...]  # WAV, one a pass


def offered_checkpoints(first: str | None = None) -> tuple[str, ...]:
    """The bundled checkpoints, with ``first`` before them if given. Raises CheckpointError if there is none at all."""
    bundled = available_checkpoints()
    if first is not None:
        return (first, *(name for name in bundled if name != first))
    if not bundled:
        raise CheckpointError("there is no bundled checkpoint; name one with --checkpoint, or train one first")
    return bundled


class ExplanationService:
    """Holds the models and explains recordings with them, one computation at a time.

    sources: folders, names or repo ids of the checkpoints that visitors may choose, the default first; it is loaded at
    once, so that a wrong one is found before anybody waits (CheckpointError). Visitors know them by ``checkpoints``:
    a folder by its last name, which tells nothing of this machine. device: "auto", "cpu" or "cuda".
    on_device: wraps the generator function that computes, for hosts that lend a GPU to one function only.
    """

    def __init__(
        self, sources: Sequence[str], device: str = "auto", on_device: Callable[[Hear], Hear] | None = None
    ) -> None:
        self._sources: dict[str, str] = {}
        for source in sources:
            self._sources.setdefault(Path(source).name if Path(source).is_dir() else source, source)
        self.checkpoints = tuple(self._sources)
        self._device = device
        self._kept: OrderedDict[str, Recognizer] = OrderedDict()  # the latest ones used
        self._in_use: WeakValueDictionary[str, Recognizer] = WeakValueDictionary()  # those, and any that still computes
        self._loading = threading.Lock()
        self._computing = threading.Lock()
        self._hear: Hear = self._hear_here if on_device is None else on_device(self._hear_here)
        self._recognizer(self.checkpoints[0])

    def model(self, checkpoint: str) -> ModelView:
        """What a checkpoint offers. Raises CheckpointError."""
        recognizer = self._recognizer(checkpoint)
        return ModelView(
            name=recognizer.name,
            labels=recognizer.labels,
            playbacks=recognizer.playbacks,
            clip_seconds=recognizer.clip_seconds,
            card=recognizer.card,
        )

    def describe(self, path: Path, checkpoint: str) -> RecordingView:
        """What is known of a recording without explaining it. Raises AudioError."""
        info = audio.probe(path)
        clip_seconds = self._recognizer(checkpoint).clip_seconds
        return RecordingView(
            name=info.name,
            seconds=info.seconds,
            sample_rate=info.sample_rate,
            channels=info.channels,
            format=info.format,
            clip_seconds=clip_seconds,
            peaks=audio.overview(path) if info.seconds >= clip_seconds + LEAST_CHOICE_SECONDS else None,
        )

    def explain(self, path: Path, settings: Settings, directory: Path) -> Iterator[ExplanationView]:
        """Yields the run before the first pass, and again after every pass, with one more of them.

        Pictures and sounds are written into ``directory``, which must outlive the views. Raises AudioError,
        SettingsError and CheckpointError before anything is yielded.
        """
        recognizer = self._recognizer(settings.checkpoint)
        playbacks = recognizer.playbacks if settings.playbacks is None else settings.playbacks
        _check(settings, playbacks, recognizer)
        recording = audio.load(path, start_seconds=settings.start_seconds, window_seconds=recognizer.clip_seconds)
        front_end = recognizer.config.front_end
        samples = np.zeros(front_end.clip_samples, dtype=np.float32)
        samples[: len(recording.samples)] = recording.samples
        clip_audio = directory / "clip.wav"
        audio.write_wav(clip_audio, samples)
        view = ExplanationView(
            run_id=uuid.uuid4().hex,
            explanation=Explanation.of(recording, recognizer, ()),
            samples=samples,
            clip_audio=clip_audio,
            frequency_marks=timeline.frequency_marks(mel_hertz(front_end)),
            expected_passes=playbacks + 1,
            passes=(),
            class_followed=settings.class_to_follow,
        )
        yield view
        heard: list[Playback] = []
        for playback in self._one_at_a_time(self._hear(settings.checkpoint, recording.samples, playbacks)):
            heard.append(playback)
            view = _with_pass(view, Explanation.of(recording, recognizer, heard), settings, directory)
            yield view

    def write_files(self, view: ExplanationView, directory: Path) -> ExplanationFiles:
        """Writes explanation.json and a WAV of every segment into ``directory``."""
        explanation = directory / "explanation.json"
        view.explanation.write_json(explanation)
        segments = []
        for row in view.passes:
            for number, (start_seconds, end_seconds) in enumerate(row.segments, start=1):
                path = directory / f"pass-{row.index}-segment-{number}.wav"
                first, last = round(start_seconds * SAMPLE_RATE), round(end_seconds * SAMPLE_RATE)
                audio.write_wav(path, view.samples[first:last])
                segments.append(path)
        return ExplanationFiles(explanation, tuple(segments), tuple(row.tape for row in view.passes))

    def warm_up(self) -> None:
        """Makes the first tape, whose library compiles for seconds, so that the first visitor does not wait for it."""
        silence = np.zeros(SAMPLE_RATE, dtype=np.float32)
        tape(silence, TimeMap.of((Segment(0.2, 0.4),), 2.0, 1.0, 100), SAMPLE_RATE)

    def _recognizer(self, checkpoint: str) -> Recognizer:
        if checkpoint not in self._sources:
            raise CheckpointError(f"there is no model {checkpoint!r}; there are: {', '.join(self.checkpoints)}")
        with self._loading:
            recognizer = self._in_use.get(checkpoint)
            if recognizer is None:
                recognizer = Recognizer.from_checkpoint(self._sources[checkpoint], self._device)
            self._in_use[checkpoint] = recognizer
            self._kept[checkpoint] = recognizer
            self._kept.move_to_end(checkpoint)
            if len(self._kept) > RECOGNIZERS_KEPT:
                self._kept.popitem(last=False)
            return recognizer

    def _hear_here(self, checkpoint: str, samples: np.ndarray, playbacks: int) -> Iterator[Playback]:
        # Takes and yields only what can travel to another process and back, and takes no lock: on a host that lends
        # a GPU to this function alone it runs in a fork, where a lock held by another thread would never be released.
        yield from self._in_use[checkpoint].explain(samples, playbacks)

    def _one_at_a_time(self, heard: Iterator[Playback]) -> Iterator[Playback]:
        # The lock is held for one pass, not for a run: whoever stops listening between passes blocks nobody.
        while True:
            with self._computing:
                playback = next(heard, None)
            if playback is None:
                return
            yield playback


def _check(settings: Settings, playbacks: int, recognizer: Recognizer) -> None:
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


def _with_pass(
    view: ExplanationView,
    explanation: Explanation,
    settings: Settings,
    directory: Path,
) -> ExplanationView:
    """The view with the latest pass of ``explanation`` added, its pictures and sounds written into ``directory``."""
    index = len(explanation.playbacks) - 1
    first, playback = explanation.playbacks[0], explanation.playbacks[index]
    clip_seconds = explanation.clip_seconds
    colours = timeline.colour_range(first)
    spectrogram = directory / f"pass-{index}-spectrogram.png"
    figures.write_spectrogram(
        timeline.clip_log_mel(first, playback, clip_seconds, PICTURE_COLUMNS), colours, spectrogram
    )
    frames_spectrogram = directory / f"pass-{index}-frames.png"
    figures.write_spectrogram(playback.log_mel, colours, frames_spectrogram)
    tape_path = directory / f"pass-{index}-as-heard.wav"
    heard = tape(view.samples, playback.time_map, SAMPLE_RATE)
    audio.write_wav(tape_path, heard)
    decision = explanation.decision(index)
    row = PassView(
        index=index,
        hop_seconds=playback.hop_seconds,
        replayed_seconds=sum(segment.seconds for segment in playback.replayed),
        spectrogram=spectrogram,
        frames_spectrogram=frames_spectrogram,
        second_marks_in_frames=timeline.frame_marks(playback, timeline.second_marks(clip_seconds)),
        attention_seconds=tuple(playback.seconds.tolist()),
        informative=tuple(playback.slot_attention[0].tolist()),
        uninformative=tuple(playback.slot_attention[1:].max(axis=0).tolist()),
        threshold=playback.threshold,
        segments=_pairs(playback.segments),
        replayed=_pairs(playback.replayed),
        tape=tape_path,
        tape_map=_tape_map(playback, len(heard) / SAMPLE_RATE),
        decision=decision,
        previous_decision=explanation.decision(index - 1) if index else None,
        probability=explanation.probability(index, decision),
        change=explanation.change(index, decision),
        classes=_classes(explanation, index, settings.class_to_follow),
    )
    return replace(
        view,
        explanation=explanation,
        passes=(*view.passes, row),
        class_followed=settings.class_to_follow or decision,
    )


def _pairs(segments: Sequence[Segment]) -> tuple[tuple[float, float], ...]:
    return tuple((segment.start_seconds, segment.end_seconds) for segment in segments)


def _tape_map(playback: Playback, tape_seconds: float) -> tuple[tuple[float, float], ...]:
    frames = len(playback.log_mel)
    knots = zip(playback.time_map.knots_frame, playback.time_map.knots_seconds, strict=True)
    return tuple((float(frame) / frames * tape_seconds, float(second)) for frame, second in knots)


def _classes(explanation: Explanation, index: int, followed: str | None) -> tuple[ClassView, ...]:
    names = list(explanation.ranking(index)[:CLASSES_SHOWN])
    if followed is not None and followed not in names:
        names[-1:] = [followed]
    return tuple(
        ClassView(name, explanation.probability(index, name), explanation.change(index, name)) for name in names
    )
