"""Recordings of minutes to hours: one window after the other is classified, and neighbours of one class are joined.

    file -> audio.stream -> windows (B, clip_samples) -> Recognizer.classify -> Window after Window -> stretches
         -> report/labels.py: CSV, label track of Audacity, selection table of Raven

No more than a batch of windows is held, so a recording's length costs time and no memory. Seconds are those of the
recording.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from playitback import audio
from playitback.recognizer import Recognizer

RANKED = 5  # classes that a window names

_BATCH = 8  # windows classified at once: larger ones are hardly faster, and whoever cancels waits for one
_TOUCHING_SECONDS = 1e-3  # windows start on whole samples, and so may be a sample apart


@dataclass(frozen=True)
class Window:
    """What the model made of one window of a recording."""

    index: int
    start_seconds: float
    end_seconds: float  # that of the last window is the recording's, though the model heard silence behind it
    label: str  # the most probable class after the last hearing
    probability: float  # of ``label``
    ranking: tuple[str, ...]  # the RANKED most probable classes, the most probable first
    probabilities: np.ndarray  # (classes,) float32, after the last hearing

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and strings for JSON; of the probabilities those of ``ranking``."""
        ranked = np.sort(self.probabilities)[::-1][: len(self.ranking)]
        return {
            "start_seconds": _rounded(self.start_seconds),
            "end_seconds": _rounded(self.end_seconds),
            "decision": self.label,
            "probability": _rounded(self.probability),
            "ranking": {label: _rounded(float(each)) for label, each in zip(self.ranking, ranked, strict=True)},
        }


@dataclass(frozen=True)
class Stretch:
    """Neighbouring windows of one class, joined."""

    start_seconds: float
    end_seconds: float
    label: str
    probability: float  # of ``label``, mean over the windows
    windows: int

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and strings for JSON."""
        return {
            "start_seconds": _rounded(self.start_seconds),
            "end_seconds": _rounded(self.end_seconds),
            "decision": self.label,
            "probability": _rounded(self.probability),
            "windows": self.windows,
        }


def classify_windows(
    recognizer: Recognizer,
    path: str | Path,
    hop_seconds: float | None = None,
    playbacks: int | None = None,
) -> Generator[Window, None, None]:
    """Yields the windows of a recording, each as long as a clip, as soon as their batch is classified.

    hop_seconds: from one window's start to the next; default: a clip, so that they touch. playbacks: default all.
    Closing the generator cancels; ``count_windows`` tells how many windows there will be. Raises AudioError and
    SettingsError, as ``audio.stream`` and ``Recognizer.classify`` do: before the first window if the file or a setting
    is wrong, later if the recording is damaged further on.
    """
    windows = audio.stream(
        path, window_seconds=recognizer.clip_seconds, hop_seconds=hop_seconds, sample_rate=recognizer.sample_rate
    )
    done = 0
    with closing(windows):
        while batch := list(islice(windows, _BATCH)):
            clips = np.stack([recognizer.padded(recording.samples) for recording in batch])
            probabilities = recognizer.classify(clips, playbacks)[-1]
            for recording, of_window in zip(batch, probabilities, strict=True):
                yield _window(recognizer, done, recording, of_window)
                done += 1


def count_windows(recognizer: Recognizer, info: audio.RecordingInfo, hop_seconds: float | None = None) -> int:
    """How many windows ``classify_windows`` yields. Raises SettingsError for a bad hop."""
    return audio.window_count(
        info, window_seconds=recognizer.clip_seconds, hop_seconds=hop_seconds, sample_rate=recognizer.sample_rate
    )


def _window(recognizer: Recognizer, index: int, recording: audio.Recording, probabilities: np.ndarray) -> Window:
    order = np.argsort(-probabilities, kind="stable")[:RANKED]
    return Window(
        index=index,
        start_seconds=recording.start_seconds,
        end_seconds=min(recording.start_seconds + recognizer.clip_seconds, recording.info.seconds),
        label=recognizer.labels[order[0]],
        probability=float(probabilities[order[0]]),
        ranking=tuple(recognizer.labels[position] for position in order),
        probabilities=probabilities,
    )


def stretches(windows: Iterable[Window]) -> Iterator[Stretch]:
    """Joins windows, in the order of their starts, that touch or overlap and are of one class; disjoint, as they end.

    Where overlapping windows are of different classes, the border lies in the middle of what they share. What lies
    between windows that do not touch belongs to no stretch.
    """
    current: Stretch | None = None
    for window in windows:
        start = window.start_seconds
        if current is not None:
            touching = start <= current.end_seconds + _TOUCHING_SECONDS
            if touching and window.label == current.label:
                count = current.windows + 1
                probability = current.probability + (window.probability - current.probability) / count
                current = replace(current, end_seconds=window.end_seconds, probability=probability, windows=count)
                continue
            if start < current.end_seconds:
                start = (start + current.end_seconds) / 2
                current = replace(current, end_seconds=start)
            yield current
        current = Stretch(start, window.end_seconds, window.label, window.probability, 1)
    if current is not None:
        yield current


def _rounded(number: float) -> float:
    """Seconds or a probability, to a millionth."""
    return round(number, 6)
