"""The windows, stretches and events of recordings as files for other programs: a table, Audacity, Raven."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

from playitback.explain.events import Event
from playitback.explain.folder import ClipSummary
from playitback.explain.windows import Stretch, Window

Row = Window | Stretch | Event
_COLUMNS = ("start", "stop", "class", "confidence")


def write_csv(rows: Iterable[Row], path: Path) -> None:
    """A table start,stop,class,confidence; seconds, and probabilities from 0 to 1."""
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(_COLUMNS)
        table.writerows(map(_cells, rows))


def write_folder_events(clips: Iterable[ClipSummary], path: Path) -> None:
    """A table path,start,stop,class,confidence with a row an event; seconds of the file that ``path`` names."""
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["path", *_COLUMNS])
        table.writerows([clip.path, *_cells(event)] for clip in clips for event in clip.events or ())


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
