"""The windows, stretches and events of recordings as files for other programs: a table, Audacity, Raven."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from playitback.explain.events import Event
from playitback.explain.folder import ClipSummary
from playitback.explain.windows import Stretch, Window, stretches
from playitback.tables import write_table

Row = Window | Stretch | Event
_COLUMNS = ("start", "stop", "class", "confidence")


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
) -> RecordingFiles:
    """Writes windows.csv, events.csv, audacity.txt and raven.txt, each name with a prefix.

    events: None for a model without activity; then the labels are the stretches of the windows, and events that an
    earlier run left are removed. recording: as the tables name it.
    """
    files = RecordingFiles(
        table=directory / f"{prefix}windows.csv",
        events=None if events is None else directory / f"{prefix}events.csv",
        audacity=directory / f"{prefix}audacity.txt",
        raven=directory / f"{prefix}raven.txt",
    )
    rows = tuple(stretches(windows)) if events is None else events
    write_windows(windows, files.table, recording)
    if files.events is None:
        (directory / f"{prefix}events.csv").unlink(missing_ok=True)
    else:
        write_csv(rows, files.events, recording)
    write_audacity(rows, files.audacity)
    write_raven(rows, files.raven, high_hertz)
    return files


def write_csv(rows: Iterable[Row], path: Path, recording: Path | str | None = None) -> None:
    """A table start,stop,class,confidence; seconds, and probabilities from 0 to 1.

    recording: what it is of; then every row begins with it, under path.
    """
    _write_rows(path, recording, _COLUMNS, map(_cells, rows))


def write_windows(windows: Iterable[Window], path: Path, recording: Path | str | None = None) -> None:
    """That table of windows, with a column known: the probability that any of the model's own classes is heard.

    It is empty where the model never learned to tell.
    """
    rows = ([*_cells(each), "" if each.known is None else f"{each.known:.4f}"] for each in windows)
    _write_rows(path, recording, (*_COLUMNS, "known"), rows)


def write_folder_events(clips: Iterable[ClipSummary], path: Path) -> None:
    """A table path,start,stop,class,confidence with a row an event; seconds of the file that ``path`` names."""
    rows = ([clip.path, *_cells(event)] for clip in clips for event in clip.events or ())
    write_table(path, ("path", *_COLUMNS), rows)


def _write_rows(path: Path, recording: Path | str | None, columns: Sequence[str], rows: Iterable[list[object]]) -> None:
    if recording is None:
        write_table(path, columns, rows)
    else:
        write_table(path, ("path", *columns), ([recording, *row] for row in rows))


def write_audacity(rows: Iterable[Row], path: Path) -> None:
    """A label track for Audacity (File > Import > Labels): start, end and class, separated by tabs."""
    lines = (f"{row.start_seconds:.6f}\t{row.end_seconds:.6f}\t{_one_cell(row.label)}\n" for row in rows)
    _write(lines, path)


def write_raven(rows: Iterable[Row], path: Path, high_hertz: float) -> None:
    """A selection table for Raven (File > Open Selection Table), each selection from 0 Hz to ``high_hertz``."""
    header = (
        "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\tHigh Freq (Hz)\tClass\tConfidence\n"
    )
    lines = (
        f"{number}\tSpectrogram 1\t1\t{row.start_seconds:.6f}\t{row.end_seconds:.6f}\t0\t{high_hertz:g}\t"
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
