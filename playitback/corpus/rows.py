"""The windows of a recording as rows of the data set."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from playitback import audio
from playitback.audio.clock import moment_after, recorded_at
from playitback.corpus.units import Failure, Unit
from playitback.errors import AudioError
from playitback.explain.events import Event
from playitback.explain.windows import Window, hear_windows, window_events
from playitback.names import printable
from playitback.recognizer import Recognizer

#: name of a column -> its value
Row = dict[str, Any]


def hear_unit(
    recognizer: Recognizer, unit: Unit, hop_seconds: float | None, playbacks: int | None, channel: int | None
) -> tuple[list[Row], Failure | None]:
    """The rows of a unit, and what of it could not be heard: where a recording is damaged, what comes before is kept.

    hop_seconds, playbacks, channel: as for ``classify_windows``. Raises SettingsError for settings that
    the model does not have.
    """
    rows: list[Row] = []
    path = Path(unit.recording)
    try:
        began = recorded_at(path)
        with closing(hear_windows(recognizer, path, hop_seconds, playbacks, unit.first_window, channel)) as heard:
            for window, activity in islice(heard, unit.windows):
                events = None if activity is None else window_events(recognizer.labels, activity)
                rows.append(row_of(unit.recording, began, window, events))
    except (AudioError, OSError) as error:
        hop = recognizer.clip_seconds if hop_seconds is None else hop_seconds
        lasting = isinstance(error, AudioError) and audio.stamp_of(path) == unit.stamp
        return rows, Failure(unit.recording, (unit.first_window + len(rows)) * hop, str(error), lasting)
    return rows, None


def row_of(recording: str, began: datetime | None, window: Window, events: tuple[Event, ...] | None) -> Row:
    """began: when the recording did. events: of the window by itself; None of a model without activity."""
    told = window.to_dict()
    return {
        "recording": printable(recording),
        "window": window.index,
        "start_seconds": told["start_seconds"],
        "end_seconds": told["end_seconds"],
        # what the recorder's clock showed, in its own zone, in which a day has its hours
        "clock": moment_after(began and began.replace(tzinfo=None), told["start_seconds"]),
        "zone_minutes": _zone_minutes(began),
        "decision": window.label,
        "confidence": told["probability"],
        "known": told["known"],
        "classes": [{"class": label, "confidence": each} for label, each in told["ranking"].items()],
        "replayed": [
            {"start_seconds": round(each.start_seconds, 6), "end_seconds": round(each.end_seconds, 6)}
            for each in window.replayed
        ],
        "events": None if events is None else [_event(each) for each in events],
        "notes": [printable(note) for note in window.notes],
    }


def _event(event: Event) -> Row:
    told = event.to_dict()
    del told["peak_seconds"]
    return told


def _zone_minutes(began: datetime | None) -> int | None:
    """How far the recorder's clock was ahead of UTC; None where that is not told."""
    offset = None if began is None else began.utcoffset()
    return None if offset is None else round(offset / timedelta(minutes=1))
