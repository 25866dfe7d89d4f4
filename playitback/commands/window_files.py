"""What ``windows`` writes: of each recording while it is heard, and of several together, so that a run can go on.

    windows.csv               a row a window, each as soon as it is heard
    events.csv                of a model with activity: a row an event; in the end in the order of their starts
    audacity.txt, raven.txt   in the end, also where a run is interrupted or the recording is damaged further on
    windows.json              with them: all of it, and the settings, by which no recording is heard twice the same
    all-windows.csv           of several recordings: the rows of one after the other; all-events.csv likewise

A process that is killed leaves the tables as far as they were.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from playitback.commands.journal import GROWING, SUMMARY
from playitback.commands.outputs import MAKE_ROOM, lost_table, no_table, whole_path
from playitback.commands.recordings import EXPLANATION
from playitback.explain.windows import SCHEMA, RecordingSummary, Window
from playitback.names import printable
from playitback.reading import read_result_text, result_of
from playitback.recognizer import Recognizer
from playitback.report.labels import EVENT_COLUMNS, WINDOW_COLUMNS, event_row, window_row, write_audacity, write_raven
from playitback.tables import ENCODING, add_row, cell_text, write_table
from playitback.writing import told_in_a_sentence

WINDOWS, EVENTS, JSON = "windows.csv", "events.csv", "windows.json"
FILES = (WINDOWS, EVENTS, "audacity.txt", "raven.txt", JSON)
ALL_WINDOWS, ALL_EVENTS = "all-windows.csv", "all-events.csv"

_PARTIAL = f"{JSON}.partial"
_BEGIN = json.dumps({"schema": SCHEMA})[:-1]


class GrowingFiles:
    """The files of one recording; those of an earlier run go when the first window comes.

    folder: its own, which holds nothing else by these names. high_hertz: that the model hears of it.
    """

    def __init__(
        self, folder: Path, recording: Path, recognizer: Recognizer, summary: RecordingSummary, high_hertz: float
    ) -> None:
        self._folder = folder
        self._recording = whole_path(recording)
        self._recognizer = recognizer
        self._summary = summary
        self._high_hertz = high_hertz

    def add(self, window: Window) -> None:
        """Writes one more window. Raises SettingsError where there is no room."""
        folder, summary = self._folder, self._summary
        with told_in_a_sentence(folder, MAKE_ROOM):
            row = window_row(window, self._recording, summary.began)
            if summary.windows:
                add_row(folder / WINDOWS, row)
            else:
                self._begin(row, has_activity=window.over is not None)
            for event in window.over or ():
                add_row(folder / EVENTS, event_row(event, self._recording, summary.began))
            self._append((",\n" if summary.windows else "") + _json(summary.told(window)))
            summary.hear(window)

    def finish(self, run: Mapping[str, Any]) -> tuple[Path, ...]:
        """Writes what can be told of the windows so far, and what tells of the ``run``; returns all files that it has.

        There are none before the first window. Raises SettingsError where there is no room.
        """
        folder, summary, events = self._folder, self._summary, self._summary.events
        if not summary.windows:
            return ()
        try:
            with told_in_a_sentence(folder, MAKE_ROOM):
                if events is not None:
                    rows = (event_row(each, self._recording, summary.began) for each in events)
                    write_table(folder / EVENTS, EVENT_COLUMNS, rows)
                labels = summary.stretches if events is None else events
                write_audacity(labels, folder / "audacity.txt")
                write_raven(labels, folder / "raven.txt", self._high_hertz, summary.channel)
                self._append("\n],\n" + _json({**summary.tail(), "run": run})[1:] + "\n")
                (folder / _PARTIAL).replace(folder / JSON)
        finally:
            (folder / _PARTIAL).unlink(missing_ok=True)
        return tuple(path for path in (folder / name for name in FILES) if path.exists())

    def _begin(self, row: Sequence[object], has_activity: bool) -> None:
        folder = self._folder
        for name in (*FILES, _PARTIAL):
            (folder / name).unlink(missing_ok=True)
        write_table(folder / WINDOWS, WINDOW_COLUMNS, [row])
        if has_activity:
            write_table(folder / EVENTS, EVENT_COLUMNS, ())
        head = self._summary.head(self._recognizer)
        told = {**head, "recording": {"path": self._recording, **head["recording"]}}
        self._append(_json(told)[:-1] + ',\n"windows": [\n')

    def _append(self, text: str) -> None:
        with (self._folder / _PARTIAL).open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)


def owner_of(folder: Path) -> str | None:
    """Of which recording a folder holds the windows, by its whole path; "" where that is not told or others wrote.

    None where nothing is in it that ``windows`` or ``explain`` would write.
    """
    if not any(os.path.exists(folder / name) for name in (*FILES, SUMMARY, GROWING, EXPLANATION)):
        return None
    try:
        with (folder / WINDOWS).open(newline="", encoding=ENCODING) as file:
            owner = cell_text(next(csv.DictReader(file)).get("path") or "")
        return owner if _is_ours(folder / JSON) else ""
    except (OSError, ValueError, StopIteration, csv.Error):
        return ""


def _is_ours(path: Path) -> bool:
    """Whether it is a windows.json, or none."""
    try:
        with path.open(encoding="utf-8") as file:
            return file.read(len(_BEGIN)) == _BEGIN
    except FileNotFoundError:
        return True


def told_of(folder: Path) -> dict[str, Any] | None:
    """What the windows.json of a folder tells; None where there is none, as a process that is killed leaves it."""
    try:
        told: dict[str, Any] = result_of(read_result_text(folder / JSON))
        return told if told["schema"] == SCHEMA and {"settings", "stamp", "finished"} <= told["run"].keys() else None
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None


class AllTables:
    """``all-windows.csv`` and ``all-events.csv``: the rows of all recordings in ``--out`` that have the same settings.

    recordings: that are heard now. folder_of: where the results of a recording are, None where there are none. Raises
    SettingsError for tables that are not of windows, and for those with rows of other recordings that were heard with
    other settings: they would be lost.
    """

    def __init__(
        self,
        out: Path,
        settings: Mapping[str, Any],
        recordings: Sequence[Path],
        folder_of: Callable[[Path], Path | None],
    ) -> None:
        self._out = out
        self._events = False
        for name, columns in ((ALL_WINDOWS, WINDOW_COLUMNS), (ALL_EVENTS, EVENT_COLUMNS)):
            if not _has_columns(out / name, columns):
                raise no_table(out / name, "windows")
        now = {printable(whole_path(each)) for each in recordings}
        others = [Path(each) for each in _paths(out / ALL_WINDOWS) if printable(each) not in now]
        kept = [folder for folder in map(folder_of, others) if _settings_of(folder) == settings and folder is not None]
        if len(kept) < len(others):
            raise lost_table(out / ALL_WINDOWS, len(others) - len(kept), "heard")
        self._kept = kept

    def begin(self) -> None:
        """Anew, with what recordings have that are not heard now."""
        with told_in_a_sentence(self._out, MAKE_ROOM):
            (self._out / ALL_EVENTS).unlink(missing_ok=True)
            write_table(self._out / ALL_WINDOWS, WINDOW_COLUMNS, ())
        for folder in self._kept:
            self.add(folder)

    def add(self, folder: Path) -> None:
        """The rows of one more recording, whose results are in a folder."""
        with told_in_a_sentence(self._out, MAKE_ROOM):
            _append_rows(folder / WINDOWS, self._out / ALL_WINDOWS)
            if (folder / EVENTS).exists():
                if not self._events:
                    write_table(self._out / ALL_EVENTS, EVENT_COLUMNS, ())
                    self._events = True
                _append_rows(folder / EVENTS, self._out / ALL_EVENTS)


def _settings_of(folder: Path | None) -> Any:
    told = None if folder is None else told_of(folder)
    return None if told is None else told["run"]["settings"]


def _has_columns(path: Path, columns: Sequence[str]) -> bool:
    """Whether it is a table with this head, or none."""
    try:
        with path.open(newline="", encoding=ENCODING) as file:
            return next(csv.reader(file), None) in (None, [*columns])
    except FileNotFoundError:
        return True
    except (OSError, ValueError, csv.Error):
        return False


def _paths(table: Path) -> list[str]:
    """The recordings of a table, each once, in their order."""
    if not table.exists():
        return []
    with table.open(newline="", encoding=ENCODING) as file:
        return list({cell_text(row["path"] or ""): None for row in csv.DictReader(file)})


def _append_rows(table: Path, to: Path) -> None:
    """All of a table but its head, which is one line."""
    with table.open("rb") as rows, to.open("ab") as file:
        rows.readline()
        shutil.copyfileobj(rows, file)


def _json(told: Mapping[str, Any]) -> str:
    return json.dumps(told, ensure_ascii=False)
