"""An explanation: what was heard in every pass, what was chosen, and what was believed; and its JSON.

A frozen record of one run of ``Recognizer.explain`` on one recording. ``to_dict`` is the content of explanation.json:

    {"schema": ..., "clip": {...}, "model": {...}, "notes": [...], "playbacks": [{...}, ...]}

with one entry of ``playbacks`` a pass; index 0 is the first hearing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from playitback.audio import Recording, RecordingInfo
from playitback.recognizer import Playback, Recognizer

SCHEMA = "playitback.explanation/1"
LEADING_CLASSES = 3  # of a pass


@dataclass(frozen=True)
class Explanation:
    """One run on one recording. Incomplete while a run goes on: ``playbacks`` holds the passes so far."""

    info: RecordingInfo
    start_seconds: float  # of the explained clip within the recording
    seconds: float  # of the recording that were explained; the model hears silence up to clip_seconds
    notes: tuple[str, ...]  # sentences for the user: a long recording, silence
    model_name: str
    labels: tuple[str, ...]  # (classes,)
    clip_seconds: float  # that the model hears at once
    playbacks: tuple[Playback, ...]

    @classmethod
    def of(cls, recording: Recording, recognizer: Recognizer, playbacks: Iterable[Playback]) -> Explanation:
        """The record of ``recognizer.explain(recording.samples)``'s passes, all of them or those so far."""
        return cls(
            info=recording.info,
            start_seconds=recording.start_seconds,
            seconds=recording.seconds,
            notes=recording.notes,
            model_name=recognizer.name,
            labels=recognizer.labels,
            clip_seconds=recognizer.clip_seconds,
            playbacks=tuple(playbacks),
        )

    def decision(self, index: int) -> str:
        """The class that is most probable after pass ``index``."""
        return self.labels[int(np.argmax(self.playbacks[index].probabilities))]

    def ranking(self, index: int) -> tuple[str, ...]:
        """All classes after pass ``index``, the most probable first."""
        order = np.argsort(-self.playbacks[index].probabilities, kind="stable")
        return tuple(self.labels[position] for position in order)

    def leading(self, followed: str | None = None) -> tuple[str, ...]:
        """The classes that led in any pass and the one that is followed, the most probable in the end first."""
        if not self.playbacks:
            return ()
        led = {label for index in range(len(self.playbacks)) for label in self.ranking(index)[:LEADING_CLASSES]}
        return tuple(label for label in self.ranking(-1) if label in led or label == followed)

    def probability(self, index: int, label: str) -> float:
        """Probability of one class after pass ``index``, 0 to 1."""
        return float(self.playbacks[index].probabilities[self.labels.index(label)])

    def change(self, index: int, label: str) -> float | None:
        """How far pass ``index`` moved the probability of a class; None for the first hearing."""
        return None if index == 0 else self.probability(index, label) - self.probability(index - 1, label)

    def decision_changed(self, index: int) -> bool:
        """Whether pass ``index`` decided otherwise than the pass before it."""
        return index > 0 and self.decision(index) != self.decision(index - 1)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, strings, lists and dicts; float32 values with as few digits as name them exactly."""
        return {
            "schema": SCHEMA,
            "clip": {
                "name": self.info.name,
                "seconds": self.info.seconds,
                "sample_rate": self.info.sample_rate,
                "channels": self.info.channels,
                "format": self.info.format,
                "start_seconds": self.start_seconds,
                "explained_seconds": self.seconds,
            },
            "model": {"name": self.model_name, "clip_seconds": self.clip_seconds, "labels": list(self.labels)},
            "notes": list(self.notes),
            "playbacks": [self._playback(index) for index in range(len(self.playbacks))],
        }

    def write_json(self, path: Path) -> None:
        """Writes explanation.json."""
        path.write_text(json.dumps(self.to_dict(), ensure_ascii=False) + "\n", encoding="utf-8")

    def _playback(self, index: int) -> dict[str, Any]:
        playback = self.playbacks[index]
        return {
            "index": playback.index,
            "hop_seconds": playback.hop_seconds,
            "decision": self.decision(index),
            "probabilities": dict(zip(self.labels, _shortest(playback.probabilities), strict=True)),
            "segments": [_segment(segment.start_seconds, segment.end_seconds) for segment in playback.segments],
            "replayed": [_segment(segment.start_seconds, segment.end_seconds) for segment in playback.replayed],
            "threshold": playback.threshold,
            "slot_attention": [_shortest(slot) for slot in playback.slot_attention],
            "seconds": [round(float(second), 6) for second in playback.seconds],
        }


def _segment(start_seconds: float, end_seconds: float) -> dict[str, float]:
    return {"start_seconds": start_seconds, "end_seconds": end_seconds}


def _shortest(values: np.ndarray) -> list[float]:
    """(N,) float32 as Python floats: 0.1, not 0.10000000149011612."""
    return [float(np.format_float_positional(value)) for value in values.astype(np.float32)]
