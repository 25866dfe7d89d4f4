"""What a data set is made of, and what its readers share: tables, label files, and a search for sound files."""

from __future__ import annotations

import csv
import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from playitback.audio import SOUND_SUFFIXES, sound_files
from playitback.errors import DataSetError, quoted
from playitback.tables import refuse_twice


@dataclass(frozen=True, slots=True)
class Entry:
    """A labelled stretch of a recording."""

    name: str  # shown to people, unique in its data set
    path: Path
    targets: tuple[tuple[int, ...], ...]  # class indices of every head; several where a clip has several labels
    start_seconds: float = 0.0
    stop_seconds: float | None = None  # None: the end of the recording
    recording: str | None = None  # the array's name, where ``path`` is an HDF5 file


@dataclass(frozen=True)
class Manifest:
    """The part of a data set that was asked for."""

    data_set: str
    labels: tuple[tuple[str, ...], ...]  # of every head; the same for all parts of a data set
    multi_label: bool
    entries: tuple[Entry, ...]
    missing: tuple[str, ...]  # names of what is listed but does not exist


@dataclass(frozen=True)
class Row:
    """A line of a table; its methods raise DataSetError for a value that cannot be used."""

    path: Path
    line: int  # counted from 1
    values: dict[str, str]

    def __getitem__(self, column: str) -> str:
        if not (value := self.values[column].strip()):
            raise self.error(f"the column {column} is empty; fill it in")
        return value

    def integer(self, column: str) -> int:
        try:
            return int(self[column])
        except ValueError as error:
            raise self.error(f"{column} is {self[column]!r}, but must be a whole number") from error

    def seconds(self, column: str) -> float:
        """From seconds or hh:mm:ss.xx."""
        try:
            seconds = 0.0
            for part in self[column].split(":"):
                seconds = 60 * seconds + float(part)
        except ValueError as error:
            raise self.error(f"{column} is {self[column]!r}, but must be seconds or hh:mm:ss") from error
        if not (math.isfinite(seconds) and seconds >= 0):
            raise self.error(f"{column} is {self[column]!r}, but a recording starts at 0; give 0 or more")
        return seconds

    def class_index(self, label: str, index_of: dict[str, int], known_by: Path) -> int:
        if label not in index_of:
            raise self.error(
                f"{known_by.name} does not know the label {quoted(label)}; give the label file of this data"
            )
        return index_of[label]

    def error(self, message: str) -> DataSetError:
        return DataSetError(f"{self.path}, line {self.line}: {message}")


def read_table(path: Path, columns: Sequence[str], what: str, *, header: bool = True) -> Iterator[Row]:
    """The rows of a CSV file, one at a time, since a table may have millions.

    columns: those that the header must have; without a header, those of every row, and lines that begin with # are
    comments. what: what errors call the table. Raises DataSetError where the file is not such a table.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as lines:
            rows = csv.reader(lines, skipinitialspace=True)
            names = next(rows, []) if header else list(columns)
            lacking = [name for name in columns if name not in names]
            if lacking:
                raise DataSetError(f"{path} lacks the columns {', '.join(lacking)}; it is not {what}")
            refuse_twice(path, names, columns)
            for row in rows:
                if not row or (not header and row[0].startswith("#")):
                    continue
                if len(row) < len(names):
                    raise DataSetError(
                        f"{path}, line {rows.line_num}: {len(row)} columns of {len(names)} are there; complete the line"
                    )
                yield Row(path, rows.line_num, dict(zip(names, row, strict=False)))
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataSetError(f"{path} cannot be read as a table ({error}); save it as CSV in UTF-8") from error
    except OSError as error:
        raise DataSetError(f"{path} cannot be read ({error.strerror}); check the name and your right to it") from error


def find_listing(root: Path, name: str, advice: str) -> Path:
    """The file ``name`` in ``root`` or one of its sub-folders. Raises DataSetError where it is in neither."""
    found = listings(root, name)
    if not found:
        raise DataSetError(f"{root} has no {name}; {advice}")
    return found[0]


def listings(root: Path, pattern: str) -> list[Path]:
    """Files in ``root``, then in its sub-folders, whose names match ``pattern``."""
    return [path for where in (pattern, f"*/{pattern}") for path in sorted(root.glob(where)) if path.is_file()]


def read_labels(path: Path) -> tuple[str, ...]:
    """Class names, one per line; in a line "name,count", as VGG-Sound's stat.csv has them, the count is left out."""
    names = []
    try:
        for line in filter(None, map(str.strip, path.read_text(encoding="utf-8-sig").splitlines())):
            cells = next(csv.reader([line], skipinitialspace=True))
            counted = len(cells) == 2 and cells[1].strip().isdigit()
            names.append(cells[0].strip() if counted or len(cells) == 1 else line)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataSetError(f"the label file {path} cannot be read ({error}); give a text file in UTF-8") from error
    return checked_labels(names, path)


def checked_labels(names: Sequence[str], source: Path) -> tuple[str, ...]:
    """Raises DataSetError where there are no names, or one of them twice."""
    if not names:
        raise DataSetError(f"{source} names no classes; give a file or folder that does")
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise DataSetError(f"{source} names the class {quoted(name)} twice; leave one of them out")
        seen.add(name)
    return tuple(names)


def indices(names: Sequence[str]) -> dict[str, int]:
    return {name: index for index, name in enumerate(names)}


def refuse_absent(root: Path, kind: str, asked: Sequence[str] | None, there: Collection[str]) -> None:
    """Raises DataSetError for parts of a data set ("fold", "split") that are asked for but do not exist."""
    absent = sorted(set(asked or ()) - set(there))
    if absent:
        parts = ", ".join(sorted(there)) or "none"
        lacking = ", ".join(each or '""' for each in absent)
        raise DataSetError(f"{root} has no {kind} {lacking}; it has {parts}")


def sounds_by_stem(folder: Path) -> dict[str, Path]:
    """File name without suffix -> sound file, of all below ``folder``: one walk instead of a search for every name.

    Of two files with the same name, the one whose suffix comes first in ``SOUND_SUFFIXES`` is read.
    """
    found: dict[str, Path] = {}
    for path in sound_files(folder):
        other = found.get(path.stem)
        if other is None or _preference(path) < _preference(other):
            found[path.stem] = path
    return found


def _preference(path: Path) -> int:
    return SOUND_SUFFIXES.index(path.suffix.lower())
