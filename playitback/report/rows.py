"""An explanation as the synchronised player shows it: one row a hearing, its pictures and sounds as files.

Explanation, samples -> draw_row (PNG, WAV) -> RowView; rows -> PlayerView -> player_data -> JSON for player.js
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from playitback import audio
from playitback.explain.explanation import Explanation
from playitback.recognizer import ClipHearing
from playitback.report import timeline, words
from playitback.report.activity import ActivityView, activity_data, activity_view
from playitback.report.lanes import lane_caption
from playitback.report.pictures import write_spectrogram
from playitback.segments import Segment
from playitback.tape import tape

#: classes whose bars a row shows
CLASSES_SHOWN = 5
#: pixels across a spectrogram: at least one for every frame of the finest hop of the largest models
PICTURE_COLUMNS = 1600

#: path of a file -> where the player finds it: a URL, a data: address, or what a page's framework makes of it
Address = Callable[[str], Any]
#: (start, end) of segments, seconds of the clip
Pairs = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class LaneView:
    """A curve under a row's spectrogram."""

    name: str  # shown as it is: "relevance", or a class
    values: tuple[float, ...]  # 0 to 1, one number a column


@dataclass(frozen=True)
class RowView:
    """One hearing as a row. Seconds are the clip's own unless a name says otherwise; fractions run from 0 to 1."""

    index: int  # 0 is the first hearing
    title: str  # "First hearing", "Playback 2"
    hop_ms: float | None  # of the replayed stretches; None of a model that takes no frames
    replayed_seconds: float  # of the clip, together
    spectrogram: str  # path of a PNG without axes: x from 0 to clip_seconds, low frequency at the bottom
    frames_spectrogram: str  # path of a PNG: the model's frames as they were
    frame_ticks: tuple[tuple[float, float], ...]  # (fraction from the left of frames_spectrogram, second)
    frequency_ticks: tuple[tuple[float, float], ...]  # (fraction from the bottom, hertz); the axis is HTK mel
    lane_seconds: tuple[float, ...]  # centre of every column of the lanes, increasing
    lanes: tuple[LaneView, ...]  # the first is the relevance, whose peaks are the segments
    activity: ActivityView | None  # in the first hearing alone: what each moment would be by itself, class by class
    threshold: float  # of the relevance
    segments: Pairs  # chosen in this hearing, replayed in the next one
    replayed: Pairs  # replayed in this hearing
    tape_audio: str  # path of a WAV: the hearing as the model heard it
    tape_map: tuple[tuple[float, float], ...]  # knots (second of the tape, second of the clip), both increasing
    classes: tuple[
        tuple[str, float, float | None], ...
    ]  # (name, probability, change since the last hearing), best first
    decided: int  # place among the classes of the one decided for, which need not be the most probable
    sentence: str  # describes the row in plain words
    decision_changed: bool
    asked: str | None = None  # the class that relevance and segments are for; None where they are for none


@dataclass(frozen=True)
class PlayerView:
    """All that the player shows. A new ``run_id`` stops the sound and clears the rows."""

    run_id: str
    clip_name: str
    clip_seconds: float
    clip_audio: str  # path of a WAV of exactly the clip
    rows: tuple[RowView, ...]
    finished: bool
    expected_rows: int  # hearings in all; quiet placeholders keep their place until they come
    start_seconds_in_file: float = 0.0
    axis_seconds: float | None = None  # what the rows' time axis spans where that is longer than the clip
    link: str | None = None  # players with the same link share hover line and playhead
    activity_lanes: int = 0  # for which the first row's placeholder keeps a place; 0 for models without activity
    note: str = ""  # for which class relevance and segments are, and what the model does not tell
    held: Mapping[int, Pairs] = field(default_factory=dict)  # row -> what was replayed after it instead of its choice


def draw_row(
    explanation: Explanation,
    index: int,
    samples: np.ndarray,
    frequency_marks: Sequence[tuple[float, float]],
    directory: Path,
    asked: str | None = None,
) -> RowView:
    """Row of hearing ``index``; its pictures and its tape are written into ``directory``.

    samples: (samples,) of the clip at the model's rate, silence up to its end; frequency_marks: (fraction from
    the bottom, hertz); asked: a class that is shown even where it does not lead.
    """
    first, hearing = explanation.hearings[0], explanation.hearings[index]
    labels = _labels(explanation, index, asked)
    clip_seconds = explanation.clip_seconds
    colours = timeline.colour_range(first)
    spectrogram = directory / f"hearing-{index}-spectrogram.png"
    write_spectrogram(timeline.clip_log_mel(first, hearing, clip_seconds, PICTURE_COLUMNS), colours, spectrogram)
    frames_spectrogram = directory / f"hearing-{index}-frames.png"
    write_spectrogram(hearing.log_mel, colours, frames_spectrogram)
    tape_path = directory / f"hearing-{index}-as-heard.wav"
    heard = tape(samples, hearing.time_map, explanation.sample_rate)
    audio.write_wav(tape_path, heard, explanation.sample_rate)
    return RowView(
        index=index,
        title=words.hearing_title(index),
        hop_ms=1000 * hearing.hop_seconds if explanation.reads_log_mel else None,
        replayed_seconds=hearing.replayed_seconds,
        spectrogram=str(spectrogram),
        frames_spectrogram=str(frames_spectrogram),
        frame_ticks=timeline.frame_marks(hearing, timeline.second_marks(clip_seconds)),
        frequency_ticks=tuple(frequency_marks),
        lane_seconds=tuple(hearing.seconds.tolist()),
        lanes=(*_lanes(hearing, explanation.has_slots), *(() if index else _further_lanes(explanation))),
        activity=None if index else activity_view(explanation, asked),
        threshold=hearing.threshold,
        segments=pairs(hearing.segments),
        replayed=pairs(hearing.replayed),
        tape_audio=str(tape_path),
        tape_map=_tape_map(hearing, len(heard) / explanation.sample_rate),
        classes=tuple(
            (words.class_name(label), explanation.probability(index, label), explanation.change(index, label))
            for label in labels
        ),
        decided=labels.index(explanation.decision(index)),
        sentence=_sentence(explanation, index),
        decision_changed=explanation.decision_changed(index),
        asked=words.class_name(explanation.asked(index)) if explanation.can_aim else None,
    )


def _lanes(hearing: ClipHearing, has_slots: bool) -> tuple[LaneView, ...]:
    kind = " attention" if has_slots else ""  # what the lanes of slots show; other lanes are named after it already
    return tuple(LaneView(lane.name + kind, tuple(lane.values.tolist())) for lane in hearing.lanes)


def _further_lanes(explanation: Explanation) -> Iterator[LaneView]:
    """What other ways to explain say of the first hearing, in its columns; what speaks against the class is 0."""
    further = explanation.further_lanes
    if further is None:
        return
    for lane in further.lanes:
        values = np.interp(explanation.hearings[0].seconds, further.seconds, lane.shares.clip(min=0))
        yield LaneView(lane_caption(lane), tuple(values.tolist()))


def _sentence(explanation: Explanation, index: int) -> str:
    hearing, decision = explanation.hearings[index], explanation.decision(index)
    before = explanation.decision(index - 1) if index else None
    return words.hearing_sentence(
        index,
        decision,
        explanation.probability(index, decision),
        explanation.change(index, decision),
        before,
        hearing.replayed_seconds,
        hearing.hop_seconds if explanation.reads_log_mel else None,
        explanation.probability(index, before) if before is not None and explanation.multi_label else None,
    )


def pairs(segments: Sequence[Segment]) -> Pairs:
    """Segments as the player takes them."""
    return tuple((segment.start_seconds, segment.end_seconds) for segment in segments)


def _tape_map(hearing: ClipHearing, tape_seconds: float) -> tuple[tuple[float, float], ...]:
    frames = len(hearing.log_mel)
    knots = zip(hearing.time_map.knots_frame, hearing.time_map.knots_seconds, strict=True)
    return tuple((float(frame) / frames * tape_seconds, float(second)) for frame, second in knots)


def _labels(explanation: Explanation, index: int, asked: str | None) -> tuple[str, ...]:
    """The classes of a row, the one decided for and the one asked about among them."""
    if asked is None or asked in explanation.foremost(index, CLASSES_SHOWN):
        return explanation.foremost(index, CLASSES_SHOWN)
    return (*explanation.foremost(index, CLASSES_SHOWN - 1), asked)


def player_data(view: PlayerView, file: Address) -> dict[str, Any]:
    """The view as plain JSON; ``file`` turns each path into what the player's ``resolve`` understands."""
    return {
        "run_id": view.run_id,
        "clip_name": view.clip_name,
        "clip_seconds": float(view.clip_seconds),
        "clip_audio": file(view.clip_audio),
        "rows": [_row_data(row, file) for row in view.rows],
        "finished": bool(view.finished),
        "expected_rows": int(view.expected_rows),
        "start_seconds_in_file": float(view.start_seconds_in_file),
        "axis_seconds": None if view.axis_seconds is None else float(view.axis_seconds),
        "link": view.link,
        "activity_lanes": int(view.activity_lanes),
        "note": view.note,
        "held": {str(index): _seconds(segments) for index, segments in view.held.items()},
    }


def _drawn(values: Iterable[float]) -> list[float]:
    """Numbers that are only drawn: four decimals keep the JSON small, and numpy's numbers are welcome."""
    return [round(float(value), 4) for value in values]


def _seconds(pairs: Iterable[tuple[float, float]]) -> list[list[float]]:
    """Pairs of seconds that are played: to the microsecond, finer than any sample."""
    return [[round(float(first), 6), round(float(second), 6)] for first, second in pairs]


def _ticks(ticks: Iterable[tuple[float, float]]) -> list[list[float]]:
    return [[round(float(fraction), 5), float(value)] for fraction, value in ticks]


def _row_data(row: RowView, file: Address) -> dict[str, Any]:
    return {
        "index": int(row.index),
        "title": row.title,
        "hop_ms": None if row.hop_ms is None else float(row.hop_ms),
        "replayed_seconds": float(row.replayed_seconds),
        "spectrogram": file(row.spectrogram),
        "frames_spectrogram": file(row.frames_spectrogram),
        "frame_ticks": _ticks(row.frame_ticks),
        "frequency_ticks": _ticks(row.frequency_ticks),
        "lane_seconds": _drawn(row.lane_seconds),
        "lanes": [{"name": str(lane.name), "values": _drawn(lane.values)} for lane in row.lanes],
        "activity": activity_data(row.activity),
        "threshold": float(row.threshold),
        "segments": _seconds(row.segments),
        "replayed": _seconds(row.replayed),
        "tape_audio": file(row.tape_audio),
        "tape_map": _seconds(row.tape_map),
        "classes": [
            [str(name), float(probability), None if change is None else float(change)]
            for name, probability, change in row.classes
        ],
        "decided": int(row.decided),
        "sentence": row.sentence,
        "decision_changed": bool(row.decision_changed),
        "asked": row.asked,
    }
