"""A folder of clips: what every clip's explanation says in a few numbers, and what all of them say together.

    Explanation -> summarise -> ClipSummary (a row of the table); ClipSummary after ClipSummary -> FolderSummary

Of an explanation only its summary is kept, so a folder of any size fits into memory. Clips may be labelled, by the
folder that each lies in or by a table; then it can be said what is right, what replay rescued and what it spoilt.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from playitback.errors import DataSetError, SettingsError, quoted
from playitback.explain.events import Event, clip_events
from playitback.explain.explanation import Explanation
from playitback.segments import Segment, equal_edges, inside_segments, merge_segments, pad_segments, unpad_segments
from playitback.tables import ENCODING, cell_text, refuse_twice, write_table

SCHEMA = "playitback.folder/1"
TIME_BINS = 20  # equal stretches of a clip in which replayed time is counted
BY_LABEL, BY_DECISION = "label", "decision"

_COVERED_SHARE = 0.5  # of a bin that must be replayed


@dataclass(frozen=True)
class ClipSummary:
    """One explained clip, as a row of a table."""

    path: Path
    name: str  # of the file, without its folder
    label: str | None  # its true class, where it is known
    decisions: tuple[str, ...]  # (hearings,) the class that is named after every hearing
    probabilities: tuple[float, ...]  # (hearings,) of each hearing's own decision
    replayed: tuple[Segment, ...]  # in one hearing or another: seconds of the clip, sorted and disjoint
    clip_seconds: float  # that the model hears at once
    events: tuple[Event, ...] | None = None  # seconds of the recording; None for a model without activity
    known: float | None = None  # probability that any of the model's own classes is heard; None: it never learned that
    began: datetime | None = None  # when the recording did, as ``audio.recorded_at`` tells
    broader: tuple[tuple[str, ...], ...] = ()  # (hearings,) classes that hold with each decision; () where none do

    def holds(self, label: str | None, index: int) -> bool:
        """Whether a class is the decision after a hearing, or a broader one than that: where a bark is, a dog is."""
        return label == self.decisions[index] or (bool(self.broader) and label in self.broader[index])

    def differ(self, one: int, other: int) -> bool:
        """Whether two hearings decided otherwise, and not only more narrowly or broadly."""
        return not (self.holds(self.decisions[one], other) or self.holds(self.decisions[other], one))

    @property
    def replayed_seconds(self) -> float:
        """Of the clip, in one hearing or another."""
        return sum(segment.seconds for segment in self.replayed)

    @property
    def changed_at(self) -> tuple[int, ...]:
        """The hearings that decided otherwise than the hearing before."""
        return tuple(index for index in range(1, len(self.decisions)) if self.differ(index - 1, index))

    @property
    def rescued(self) -> bool:
        """Whether the first hearing was wrong and the last hearing is right."""
        return self.label is not None and not self.holds(self.label, 0) and self.holds(self.label, -1)

    @property
    def spoilt(self) -> bool:
        """Whether the first hearing was right and the last hearing is wrong."""
        return self.label is not None and self.holds(self.label, 0) and not self.holds(self.label, -1)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, strings, lists and dicts for JSON."""
        return {
            "path": str(self.path),
            "name": self.name,
            "label": self.label,
            "recorded_at": None if self.began is None else self.began.isoformat(),
            "decisions": list(self.decisions),
            "broader": [list(each) for each in self.broader],
            "probabilities": list(self.probabilities),
            "known": self.known,
            "replayed": [
                {"start_seconds": each.start_seconds, "end_seconds": each.end_seconds} for each in self.replayed
            ],
            "replayed_seconds": self.replayed_seconds,
            "changed_at": list(self.changed_at),
            "events": None if self.events is None else [event.to_dict() for event in self.events],
        }


def summary_of(told: Mapping[str, Any], clip_seconds: float) -> ClipSummary:
    """What ``ClipSummary.to_dict`` told, of a model that hears ``clip_seconds`` at once."""
    began = told.get("recorded_at")
    return ClipSummary(
        path=Path(told["path"]),
        name=told["name"],
        label=told["label"],
        decisions=tuple(told["decisions"]),
        probabilities=tuple(told["probabilities"]),
        replayed=tuple(Segment(each["start_seconds"], each["end_seconds"]) for each in told["replayed"]),
        clip_seconds=clip_seconds,
        events=None if told["events"] is None else tuple(map(_event, told["events"])),
        known=told["known"],
        began=None if began is None else datetime.fromisoformat(began),
        broader=tuple(map(tuple, told.get("broader", ()))),
    )


def _event(told: Mapping[str, Any]) -> Event:
    return Event(told["class"], told["start_seconds"], told["end_seconds"], told["probability"], told["peak_seconds"])


def summarise(
    explanation: Explanation, path: Path, label: str | None = None, began: datetime | None = None
) -> ClipSummary:
    """What is kept of a clip's explanation, which must be complete.

    label: the clip's true class, where it is known; began: when its recording did, as ``audio.recorded_at`` tells.
    """
    hearings = range(len(explanation.hearings))
    decisions = tuple(explanation.decision(index) for index in hearings)
    segments = [segment for hearing in explanation.hearings for segment in hearing.replayed]
    padded = pad_segments([segments], explanation.clip_seconds)
    return ClipSummary(
        path=path,
        name=explanation.info.name,
        label=label,
        decisions=decisions,
        probabilities=tuple(explanation.probability(index, decisions[index]) for index in hearings),
        replayed=unpad_segments(merge_segments(padded, explanation.clip_seconds))[0],
        clip_seconds=explanation.clip_seconds,
        events=None if explanation.hearings[0].activity is None else clip_events(explanation),
        known=explanation.hearings[0].known,
        began=began,
        broader=tuple(explanation.broader.get(each, ()) for each in decisions) if explanation.broader else (),
    )


@dataclass(frozen=True)
class FolderSummary:
    """What the clips of a folder say together. C classes of the model, H hearings."""

    labels: tuple[str, ...]  # (C,)
    clips: tuple[ClipSummary, ...]
    #: (H,) share of the labelled clips that are right after every hearing: as labelled, or narrower; () without any
    accuracy: tuple[float, ...]
    #: (C, C) labelled clips: row is their label, column the first hearing's decision; the label itself where that is
    #: narrower, so that all that is right lies on the diagonal
    confusion_first: np.ndarray
    confusion_last: np.ndarray  # (C, C) the same after the last hearing
    rescued: tuple[ClipSummary, ...]  # wrong at the first hearing, right after the last hearing
    spoilt: tuple[ClipSummary, ...]  # the other way round
    grouped_by: str  # BY_LABEL, or BY_DECISION (of the last hearing) where no clip is labelled
    replayed_share: np.ndarray  # (C, TIME_BINS) share of a class's clips that replay that part of the clip; NaN: none

    @classmethod
    def of(cls, clips: Iterable[ClipSummary], labels: Sequence[str]) -> FolderSummary:
        """labels: the model's classes. Raises SettingsError for no clips and for clips of different runs."""
        clips = tuple(clips)
        if not clips:
            raise SettingsError("no clip was explained; give a folder with recordings that can be read")
        hearings = {len(clip.decisions) for clip in clips}
        if len(hearings) > 1:
            raise SettingsError(
                f"some clips were heard {min(hearings)} times and some {max(hearings)} times; "
                "explain all of them with the same number of playbacks"
            )
        labelled = tuple(clip for clip in clips if clip.label is not None)
        return cls(
            labels=tuple(labels),
            clips=clips,
            accuracy=tuple(
                sum(clip.holds(clip.label, index) for clip in labelled) / len(labelled)
                for index in range(hearings.pop())
                if labelled
            ),
            confusion_first=_confusion(labelled, labels, 0),
            confusion_last=_confusion(labelled, labels, -1),
            rescued=tuple(clip for clip in clips if clip.rescued),
            spoilt=tuple(clip for clip in clips if clip.spoilt),
            grouped_by=BY_LABEL if labelled else BY_DECISION,
            replayed_share=_replayed_share(labelled or clips, labels),
        )

    @property
    def has_events(self) -> bool:
        """Whether the model could say when each class sounds."""
        return self.clips[0].events is not None

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, strings, lists and dicts for JSON; null for what needs labels, or clips of a class."""
        labelled = bool(self.accuracy)
        return {
            "schema": SCHEMA,
            "labels": list(self.labels),
            "clips": [clip.to_dict() for clip in self.clips],
            "accuracy": list(self.accuracy) if labelled else None,
            "confusion_first": self.confusion_first.tolist() if labelled else None,
            "confusion_last": self.confusion_last.tolist() if labelled else None,
            "rescued": [str(clip.path) for clip in self.rescued] if labelled else None,
            "spoilt": [str(clip.path) for clip in self.spoilt] if labelled else None,
            "grouped_by": self.grouped_by,
            "replayed_share": {
                label: None if np.isnan(share).any() else share.tolist()
                for label, share in zip(self.labels, self.replayed_share, strict=True)
            },
        }

    def write_csv(self, path: Path) -> None:
        """A row a clip: path, label, class and confidence after every hearing, replayed_seconds, changed_at and more.

        known: the probability that any of the model's classes is heard, empty where the model never learned to tell.
        changed_at: the hearings that decided otherwise than the one before; events: class and seconds of the recording,
        such as "rain 0.50-1.25". Semicolons part several.
        """
        write_table(path, table_columns(len(self.clips[0].decisions)), map(table_row, self.clips))


def table_columns(hearings: int) -> list[str]:
    """Of the table of ``FolderSummary.write_csv``, for clips that were heard so often."""
    of_hearings = [f"{name}_{index}" for index in range(hearings) for name in ("class", "confidence")]
    return ["path", "label", *of_hearings, "replayed_seconds", "changed_at", "known", "events"]


def table_row(clip: ClipSummary) -> list[object]:
    """Of that table."""
    beliefs = zip(clip.decisions, clip.probabilities, strict=True)
    of_hearings = [cell for decision, probability in beliefs for cell in (decision, f"{probability:.4f}")]
    changed_at = ";".join(map(str, clip.changed_at))
    events = "; ".join(
        f"{event.label} {event.start_seconds:.2f}-{event.end_seconds:.2f}" for event in clip.events or ()
    )
    known = "" if clip.known is None else f"{clip.known:.4f}"
    return [clip.path, clip.label or "", *of_hearings, f"{clip.replayed_seconds:.3f}", changed_at, known, events]


def _confusion(clips: Sequence[ClipSummary], labels: Sequence[str], index: int) -> np.ndarray:
    index_of = {label: position for position, label in enumerate(labels)}
    confusion = np.zeros((len(labels), len(labels)), dtype=np.int64)
    for clip in clips:
        if clip.label is not None:
            decision = clip.label if clip.holds(clip.label, index) else clip.decisions[index]
            confusion[index_of[clip.label], index_of[decision]] += 1
    return confusion


def _replayed_share(clips: Sequence[ClipSummary], labels: Sequence[str]) -> np.ndarray:
    """(C, TIME_BINS): a clip replays a bin if at least half of it lies inside replayed segments."""
    index_of = {label: position for position, label in enumerate(labels)}
    covered = np.zeros((len(labels), TIME_BINS))
    count = np.zeros((len(labels), 1))
    for clip in clips:
        row = index_of[clip.label or clip.decisions[-1]]
        inside = inside_segments(
            pad_segments([clip.replayed], clip.clip_seconds), equal_edges(clip.clip_seconds, TIME_BINS)
        )[0]
        covered[row] += inside.numpy() >= _COVERED_SHARE * clip.clip_seconds / TIME_BINS - 1e-9
        count[row] += 1
    return np.divide(covered, count, out=np.full_like(covered, np.nan), where=count > 0)


def label_of(path: Path, classes: Sequence[str], table: Mapping[Path, str] | None = None) -> str | None:
    """A clip's true class: what the table of ``read_labels`` says or, without one, the name of the clip's folder.

    None where the table does not list the clip, or the folder's name is none of the classes.
    """
    if table is not None:
        return table.get(real_path(path))
    folder = real_path(path).parent.name
    return folder if folder in classes else None


def real_path(path: Path) -> Path:
    """What a path leads to, by whatever links; also where a link leads to itself, at which ``resolve`` fails."""
    return Path(os.path.realpath(path))


def no_label_found(table: str, listed: int, recordings: int, example: object) -> DataSetError:
    """Of a table that lists none of the recordings. example: a path as it should stand in it."""
    if not listed:
        return DataSetError(f"{table} lists no recordings; write a line for each, its path and its label")
    paths = "its path as it is" if listed == 1 else f"its {listed} paths as they are"
    lacks = "does not list this recording" if recordings == 1 else f"lists none of these {recordings} recordings"
    return DataSetError(f"{table} {lacks}; write {paths} in the folder, such as {example}")


def read_labels(table: Path, classes: Sequence[str]) -> dict[Path, str]:
    """The class of every clip in a CSV file with the columns path and label; paths are relative to its folder.

    Raises DataSetError for a file that is not such a table, and for a class that the model does not know.
    """
    labels: dict[Path, str] = {}
    try:
        with table.open(newline="", encoding=ENCODING) as lines:
            rows = csv.DictReader(lines, skipinitialspace=True)
            lacking = [name for name in ("path", "label") if name not in (rows.fieldnames or ())]
            if lacking:
                raise DataSetError(
                    f"{table} lacks the column {lacking[0]}; give a CSV file whose first line is path,label"
                )
            refuse_twice(table, rows.fieldnames or (), ("path", "label"))
            for row in rows:
                path, label = (cell_text((row[column] or "").strip()) for column in ("path", "label"))
                where = f"{table}, line {rows.line_num}"
                if not path or not label:
                    raise DataSetError(f"{where}: a path or a label is missing; complete the line or take it out")
                if label not in classes:
                    raise DataSetError(
                        f"{where}: the model knows no class {quoted(label)}; write it as the model does, or take it out"
                    )
                clip = real_path(table.parent / path)
                if labels.setdefault(clip, label) != label:
                    raise DataSetError(
                        f"{where}: {path} is {quoted(label)} here and {quoted(labels[clip])} above; keep one of them"
                    )
    except (ValueError, csv.Error) as error:  # ValueError: no text in UTF-8, or a null character in a path
        raise DataSetError(f"{table} cannot be read as a table ({error}); save it as CSV in UTF-8") from error
    except OSError as error:
        raise DataSetError(f"{table} cannot be read ({error.strerror}); check its name and permissions") from error
    return labels
