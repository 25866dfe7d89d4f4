"""The windows, stretches and events of recordings as files for other programs: a table, Audacity, Raven."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from playitback import audio
from playitback.explain.events import Event
from playitback.explain.folder import ClipSummary
from playitback.explain.windows import Stretch, Window, stretches
from playitback.tables import write_table

Row = Window | Stretch | Event
_COLUMNS = ("start", "stop", "class", "confidence")
WINDOW_COLUMNS = ("path", *_COLUMNS, "known", "clock", "notes")
EVENT_COLUMNS = ("path", *_COLUMNS, "clock")


@dataclass(frozen=True)
class RecordingFiles:
    """What was made of a recording, for other programs."""

    table: Path  # CSV: a row a window
    events: Path | None  # CSV: a row an event; None for a model without activity
    audacity: Path  # label track: a label an event or, without activity, a stretch
    raven: Path  # selection table: a selection for each of those

    @property
    def all(self) -> tuple[Path, ...]:
        """Every file."""
        return (self.table, *(() if self.events is None else (self.events,)), self.audacity, self.raven)


def write_recording(
    windows: Sequence[Window],
    events: Sequence[Event] | None,
    high_hertz: float,
    directory: Path,
    recording: Path | str,
    prefix: str = "",
    began: datetime | None = None,
    channel: int | None = None,
) -> RecordingFiles:
    """Writes windows.csv, events.csv, audacity.txt and raven.txt, each name with a prefix.

    events: None for a model without activity; then the labels are the stretches of the windows, and events that an
    earlier run left are removed. recording: as the tables name it. began: when it did, as ``audio.recorded_at`` tells.
    channel: that was heard alone, counted from 1; None: they were mixed.
    """
    files = RecordingFiles(
        table=directory / f"{prefix}windows.csv",
        events=None if events is None else directory / f"{prefix}events.csv",
        audacity=directory / f"{prefix}audacity.txt",
        raven=directory / f"{prefix}raven.txt",
    )
    rows = tuple(stretches(windows)) if events is None else events
    write_table(files.table, WINDOW_COLUMNS, (window_row(each, recording, began) for each in windows))
    if files.events is None:
        (directory / f"{prefix}events.csv").unlink(missing_ok=True)
    else:
        write_table(files.events, EVENT_COLUMNS, (event_row(each, recording, began) for each in events or ()))
    write_audacity(rows, files.audacity)
    write_raven(rows, files.raven, high_hertz, channel)
    return files


def window_row(window: Window, recording: Path | str, began: datetime | None) -> list[object]:
    """Under WINDOW_COLUMNS: seconds and probabilities, the clock time of the start and what is remarkable, in words.

    known: the probability that any of the model's own classes is heard, empty where the model never learned to tell.
    """
    known = "" if window.known is None else f"{window.known:.4f}"
    return [recording, *_cells(window), known, audio.clock_text(began, window.start_seconds), " ".join(window.notes)]


def event_row(event: Event, recording: Path | str, began: datetime | None) -> list[object]:
    """Under EVENT_COLUMNS: seconds, probability and the clock time of the start; began: when the recording did."""
    return [recording, *_cells(event), audio.clock_text(began, event.start_seconds)]


def write_folder_events(clips: Iterable[ClipSummary], path: Path) -> None:
    """A table with a row an event, under EVENT_COLUMNS; seconds of the file that ``path`` names, and its clock time."""
    rows = (event_row(event, clip.path, clip.began) for clip in clips for event in clip.events or ())
    write_table(path, EVENT_COLUMNS, rows)


def write_audacity(rows: Iterable[Row], path: Path) -> None:
    """A label track for Audacity (File > Import > Labels): start, end and class, separated by tabs."""
    lines = (f"{row.start_seconds:.6f}\t{row.end_seconds:.6f}\t{_one_cell(row.label)}\n" for row in rows)
    _write(lines, path)


def write_raven(rows: Iterable[Row], path: Path, high_hertz: float, channel: int | None = None) -> None:
    """A selection table for Raven (File > Open Selection Table), each selection from 0 Hz to ``high_hertz``.

    channel: whose it is, counted from 1; what was heard of a mix is selected in the first.
    """
    header = (
        "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\tHigh Freq (Hz)\tClass\tConfidence\n"
    )
    lines = (
        f"{number}\tSpectrogram 1\t{channel or 1}\t{row.start_seconds:.6f}\t{row.end_seconds:.6f}\t0\t{high_hertz:g}\t"
        f"{_one_cell(row.label)}\t{row.probability:.4f}\n"
        for number, row in enumerate(rows, 1)
    )
    _write((header, *lines), path)


def _cells(row: Row) -> list[object]:
    return [round(row.start_seconds, 6), round(row.end_seconds, 6), row.label, f"{row.probability:.4f}"]


def _write(lines: Iterable[str], path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        file.writelines(lines)


def _one_cell(label: str) -> str:
    """A class name without the tabs and line ends that separate cells and rows."""
    return " ".join(label.split())
