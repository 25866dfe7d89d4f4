"""An explanation: what was heard in every hearing, what was chosen, and what was believed; and its JSON.

A frozen record of one run of ``Recognizer.explain`` on one recording. ``to_dict`` is the content of explanation.json:

    {"schema": ..., "clip": {...}, "model": {...}, "notes": [...], "hearings": [{...}, ...], "passages", "alone",
     "further_lanes"}

with one entry of ``hearings`` for each hearing, the first hearing first. The last three are null unless they were asked
for. explanation.schema.json describes it all. ``read_json`` reads files of this version and of version
1.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from playitback.audio import Recording, RecordingInfo
from playitback.errors import DataSetError, SettingsError
from playitback.explain.alone import Alone
from playitback.explain.lanes import FurtherLanes
from playitback.explain.passages import Passages
from playitback.explain.slots import ATTENTION
from playitback.models.listener import LIKELY
from playitback.reading import read_result_text, result_of
from playitback.recognizer import KNOWN, ClipHearing, Recognizer

SCHEMA = "playitback.explanation/2"
LEADING_CLASSES = 3  # of a hearing

_LIKELIEST, _HEARD = 3, 0.2  # of a teacher's classes: how many are told, and from which probability on in words

_SCHEMA_1 = "playitback.explanation/1"


@dataclass(frozen=True)
class Explanation:
    """One run on one recording. Incomplete while a run goes on: ``hearings`` holds those so far."""

    info: RecordingInfo
    start_seconds: float  # of the explained clip within the recording
    seconds: float  # of the recording that were explained; the model hears silence up to clip_seconds
    notes: tuple[str, ...]  # sentences on the recording: a long one, silence
    model_name: str
    family: str  # of the model
    labels: tuple[str, ...]  # (classes,)
    clip_seconds: float  # that the model hears at once
    sample_rate: int  # hertz, that the model hears
    hearings: tuple[ClipHearing, ...]
    taught: tuple[str, ...] = ()  # (K,) the classes of its teacher, if it had one
    multi_label: bool = False  # whether every class has a probability of its own
    broader: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # class -> those that hold wherever it does
    can_aim: bool = False  # whether relevance and segments follow the class asked about; see ``Listener.can_aim``
    learns_activity: bool = True  # as of its ``Listener``, so that what is said of activity and of hops is true
    reads_log_mel: bool = True
    passages: Passages | None = None  # what suffices and what is needed; None: not asked
    alone: Alone | None = None  # every second kept alone; None: not asked
    further_lanes: FurtherLanes | None = None  # what other ways to explain say; None: not asked
    channel: int | None = None  # of the recording that was taken, as somebody chose; None: they were mixed

    @classmethod
    def of(cls, recording: Recording, recognizer: Recognizer, hearings: Iterable[ClipHearing]) -> Explanation:
        """The record of ``recognizer.explain(recording.samples)``'s hearings, all of them or those so far."""
        return cls(
            info=recording.info,
            start_seconds=recording.start_seconds,
            seconds=recording.seconds,
            notes=recording.notes,
            model_name=recognizer.name,
            family=recognizer.config.family,
            labels=recognizer.labels,
            clip_seconds=recognizer.clip_seconds,
            sample_rate=recognizer.sample_rate,
            hearings=tuple(hearings),
            taught=() if recognizer.config.taught is None else recognizer.config.taught.classes,
            multi_label=recognizer.config.multi_label,
            broader=recognizer.broader,
            can_aim=recognizer.model.can_aim,
            learns_activity=recognizer.model.learns_activity,
            reads_log_mel=recognizer.model.reads_log_mel,
            channel=recording.channel,
        )

    @property
    def replays(self) -> bool:
        """Whether anything could be replayed in it."""
        return len(self.hearings) > 1

    @property
    def has_slots(self) -> bool:
        """Whether slots shared out the clip in it: then the relevance is the attention of the informative one."""
        return any(ATTENTION in hearing.details for hearing in self.hearings)

    @property
    def has_activity(self) -> bool:
        """Whether it tells what the model would say of each moment by itself."""
        return any(hearing.activity is not None for hearing in self.hearings)

    def decision(self, index: int) -> str:
        """The class that is named after hearing ``index``: the most probable, or a narrower one (``named_class``)."""
        return self.labels[self.hearings[index].decision]

    def ranking(self, index: int) -> tuple[str, ...]:
        """All classes after hearing ``index``, the most probable first."""
        order = np.argsort(-self.hearings[index].probabilities, kind="stable")
        return tuple(self.labels[position] for position in order)

    def foremost(self, index: int, count: int) -> tuple[str, ...]:
        """The ``count`` most probable classes after hearing ``index``, the best first; the last of them gives way to
        the decision where that is a narrower class which is none of them.
        """
        ranked, decision = self.ranking(index)[:count], self.decision(index)
        return ranked if decision in ranked else (*ranked[:-1], decision)

    def leading(self, asked: str | None = None) -> tuple[str, ...]:
        """The classes that led in any hearing and the one asked about, the most probable in the end first."""
        if not self.hearings:
            return ()
        led = {label for index in range(len(self.hearings)) for label in self.foremost(index, LEADING_CLASSES)}
        return tuple(label for label in self.ranking(-1) if label in led or label == asked)

    def probability(self, index: int, label: str) -> float:
        """Probability of one class after hearing ``index``, 0 to 1."""
        return float(self.hearings[index].probabilities[self.labels.index(label)])

    def asked(self, index: int) -> str:
        """The class that hearing ``index`` explains: the one asked about, else its decision.

        The relevance is for it where the model ``can_aim``.
        """
        return self.labels[self.hearings[index].asked]

    def change(self, index: int, label: str) -> float | None:
        """How far hearing ``index`` moved the probability of a class; None for the first hearing."""
        return None if index == 0 else self.probability(index, label) - self.probability(index - 1, label)

    def akin(self, label: str, other: str) -> bool:
        """Whether two names do not exclude each other: they are the same, or one is the broader, as of dog and bark."""
        return label == other or label in self.broader.get(other, ()) or other in self.broader.get(label, ())

    def rival(self, label: str) -> str:
        """The class that came closest to another, which is the most probable in the end that is not ``akin`` to it.

        Where all are, the most probable of those. Raises SettingsError for a model that knows one class alone.
        """
        others = [other for other in self.ranking(-1) if other != label]
        if not others:
            raise SettingsError(f"{self.model_name} knows one class alone; choose a model that knows another")
        return next((other for other in others if not self.akin(label, other)), others[0])

    def decision_changed(self, index: int) -> bool:
        """Whether hearing ``index`` decided otherwise than the one before it, and not only more narrowly or broadly."""
        return index > 0 and not self.akin(self.decision(index), self.decision(index - 1))

    @property
    def remarks(self) -> tuple[str, ...]:
        """Sentences for the user: the notes, and one where the clip is probably none of the model's classes."""
        if self.multi_label and self.hearings and self.hearings[-1].probabilities.max() < LIKELY:
            which = f"None of the {len(self.labels)} classes" if len(self.labels) > 1 else "Not even its only class"
            return (*self.notes, f"{which} is more probable than not.")
        first = self.hearings[0] if self.hearings else None
        if first is None or first.known is None or first.taught is None or first.known >= KNOWN:
            return self.notes
        likeliest = _likeliest(self.taught, first.taught)
        heard = ", ".join(f"{name} ({100 * share:.0f} %)" for name, share in likeliest.items() if share >= _HEARD)
        more = f" It sounds more like: {heard}." if heard else ""
        return (*self.notes, f"This is probably none of the {len(self.labels)} classes that the model names.{more}")

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, strings, lists and dicts; float32 values with as few digits as name them exactly."""
        return {
            "schema": SCHEMA,
            "clip": {
                "name": self.info.name,
                "seconds": self.info.seconds,
                "sample_rate": self.info.sample_rate,
                "channels": self.info.channels,
                "channel": self.channel,
                "format": self.info.format,
                "start_seconds": self.start_seconds,
                "explained_seconds": self.seconds,
            },
            "model": {
                "name": self.model_name,
                "family": self.family,
                "can_aim": self.can_aim,
                "clip_seconds": self.clip_seconds,
                "sample_rate": self.sample_rate,
                "labels": list(self.labels),
            },
            "notes": list(self.remarks),
            "hearings": [self._hearing(index) for index in range(len(self.hearings))],
            "passages": None if self.passages is None else self.passages.to_dict(),
            "alone": None if self.alone is None else self.alone.to_dict(),
            "further_lanes": None if self.further_lanes is None else self.further_lanes.to_dict(),
        }

    def write_json(self, path: Path) -> None:
        """Writes explanation.json."""
        path.write_text(json.dumps(self.to_dict(), ensure_ascii=False) + "\n", encoding="utf-8")

    def _hearing(self, index: int) -> dict[str, Any]:
        hearing = self.hearings[index]
        return {
            "index": hearing.index,
            "hop_seconds": hearing.hop_seconds,
            "decision": self.decision(index),
            "probabilities": dict(zip(self.labels, _shortest(hearing.probabilities), strict=True)),
            "segments": [_segment(segment.start_seconds, segment.end_seconds) for segment in hearing.segments],
            "replayed": [_segment(segment.start_seconds, segment.end_seconds) for segment in hearing.replayed],
            "threshold": hearing.threshold,
            "asked": self.asked(index),
            "relevance": _shortest(hearing.relevance),
            "seconds": [round(float(second), 6) for second in hearing.seconds],
            "activity": self._activity(index),
            "known": hearing.known,
            "taught": None if hearing.taught is None else _likeliest(self.taught, hearing.taught),
            "lanes": [{"name": lane.name, "values": _shortest(lane.values)} for lane in hearing.lanes],
        }

    def _activity(self, index: int) -> dict[str, list[float]] | None:
        """Of the likeliest classes and the one asked about."""
        activity = self.hearings[index].activity
        if activity is None:
            return None
        told = dict.fromkeys((*self.foremost(index, LEADING_CLASSES), self.asked(index)))
        return {label: _shortest(activity[:, self.labels.index(label)]) for label in told}


def read_json(path: Path) -> dict[str, Any]:
    """The content of an explanation.json as ``Explanation.to_dict`` makes it today, also of one of version 1.

    Version 1 knew one family of models: it had ``playbacks`` for the hearings and ``slot_attention`` for the lanes.
    Raises DataSetError for a file that is not one of these.
    """
    try:
        content = result_of(read_result_text(path))
        schema = content["schema"]
        if schema == _SCHEMA_1:
            hearings = [_from_version_1(entry) for entry in content.pop("playbacks")]
            content = {**content, "schema": SCHEMA, "hearings": hearings}
        elif schema != SCHEMA:
            raise DataSetError(
                f"{path} is of {schema!r}, and {_SCHEMA_1} to {SCHEMA} can be read; explain the clip anew"
            )
        read: dict[str, Any] = content
        return read
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataSetError(f"{path} is not an explanation.json ({error}); explain the clip anew") from error


def _from_version_1(entry: dict[str, Any]) -> dict[str, Any]:
    slots = entry.pop("slot_attention")
    names = ["informative", *("uninformative" for _ in slots[1:])]
    return {
        **entry,
        "asked": entry["decision"],
        "relevance": slots[0],
        "activity": None,
        "known": None,
        "taught": None,
        "lanes": [{"name": name, "values": values} for name, values in zip(names, slots, strict=True)],
    }


def _likeliest(names: Sequence[str], shares: np.ndarray) -> dict[str, float]:
    """Of a teacher's classes."""
    order = np.argsort(-shares, kind="stable")[:_LIKELIEST]
    return dict(zip((names[index] for index in order), _shortest(shares[order]), strict=True))


def _segment(start_seconds: float, end_seconds: float) -> dict[str, float]:
    return {"start_seconds": start_seconds, "end_seconds": end_seconds}


def _shortest(values: np.ndarray) -> list[float]:
    """(N,) float32 as Python floats: 0.1, not 0.10000000149011612."""
    return [float(np.format_float_positional(value)) for value in values.astype(np.float32)]
