"""The data set: parquet files that are there whole or not at all, and what they tell of themselves.

    corpus.json                        the model and the settings of every row
    windows/shard=3/<name>.parquet     a part; its units stand in its metadata, and are known without its rows
    failures.parquet                   what could not be heard, and why; as of the end of the last run
    .unfinished/                       parts that no data set holds yet

This is the only file that needs pyarrow.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from playitback import audio
from playitback.corpus.rows import Row
from playitback.corpus.units import Failure, Missing, Part, Unit
from playitback.errors import SettingsError
from playitback.locking import locked
from playitback.names import printable
from playitback.writing import told_in_a_sentence, write_whole, write_whole_text

if TYPE_CHECKING:
    import pyarrow

SCHEMA = "playitback.corpus/1"
DESCRIPTION, WINDOWS, FAILURES = "corpus.json", "windows", "failures.parquet"
_UNFINISHED, _LOCK = ".unfinished", "lock"
_METADATA = b"playitback"
_MAKE_ROOM = "make room there or choose another --out"


@dataclass(frozen=True)
class Heard:
    """What became of a part."""

    file: str  # name of its file beside the data set; "" where there is nothing to take in
    part: Part  # what need not be heard again, and what could not be heard
    rows: tuple[int, ...]  # of each unit

    def to_json(self) -> str:
        return json.dumps([self.file, self.part.to_json(), self.rows])

    @classmethod
    def from_json(cls, text: str) -> Heard:
        file, part, rows = json.loads(text)
        return cls(file, Part.from_json(part), tuple(rows))


@dataclass
class _Known:
    """What the data set holds of a recording."""

    units: int = 0
    rows: int = 0
    heard: set[int] = field(default_factory=set)  # numbers of units
    stamps: set[tuple[int, ...]] = field(default_factory=set)
    files: set[Path] = field(default_factory=set)

    @property
    def whole(self) -> bool:
        return len(self.heard) == self.units


def require_pyarrow() -> None:
    """Raises SettingsError, which says what to install, where there is none."""
    if find_spec("pyarrow") is None:
        raise SettingsError(
            "a data set of parquet files needs the package pyarrow, which is not installed; run pip install -r "
            "requirements-corpus.txt, or install playitback with its extra named corpus"
        )


def listed_paths(table: Path) -> list[str]:
    """The column ``path`` of a parquet file. Raises SettingsError for one without it."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        paths: list[str | None] = pq.read_table(table, columns=["path"]).column("path").cast(pa.string()).to_pylist()
    except (OSError, KeyError, pa.ArrowException) as error:
        raise SettingsError(
            f"{table} is not a parquet file with a column path of text; write one, or give a list in a .txt file"
        ) from error
    return [path for path in paths if path]


def write_part(
    out: Path,
    name: str,
    units: Sequence[tuple[Unit, int]],
    failures: Sequence[Failure],
    rows: Sequence[Row],
    settings: Mapping[str, Any],
) -> Heard:
    """Writes the file of a part beside the data set; any process may, as often as it likes. Raises SettingsError.

    units: those that are done, with their numbers of rows.
    """
    file = f"{name}.{uuid4().hex}.parquet" if units else ""  # a worker that was given up may still write the other one
    heard = Heard(file, Part(tuple(unit for unit, _ in units), tuple(failures)), tuple(count for _, count in units))
    if not units:
        return heard
    told = {"model": settings["model"], "model_digest": settings["digest"], "settings": json.dumps(settings)}
    folder = out / _UNFINISHED
    with told_in_a_sentence(folder, _MAKE_ROOM):
        folder.mkdir(exist_ok=True)
    _write(folder / file, _table([{**row, **told} for row in rows]), heard)
    return heard


class Dataset:
    """The data set in a folder, which this process alone has (see ``owned``)."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self._recordings: dict[str, _Known] = {}
        self._failures: dict[tuple[str, float], Failure] = {}

    @classmethod
    @contextmanager
    def owned(cls, out: Path, settings: Mapping[str, Any]) -> Iterator[Dataset]:
        """The data set of these settings in ``out``, with what an earlier run left there.

        Raises SettingsError for a folder of something else, of other settings, or of another run at this moment.
        """
        taken = SettingsError(f"another run writes to {out} at this moment; wait until it has ended")
        with locked(out, _LOCK, taken):
            dataset = cls(out)
            dataset._describe(settings)
            shutil.rmtree(out / _UNFINISHED, ignore_errors=True)
            dataset._read()
            try:
                yield dataset
            finally:
                dataset._write_failures()
                shutil.rmtree(out / _UNFINISHED, ignore_errors=True)

    def missing(self, recordings: Sequence[str]) -> list[Missing]:
        """Those that are not heard, not wholly, or have changed since, of which nothing is kept."""
        found, changed = [], set[str]()
        for recording in recordings:
            known, stamp = self._recordings.get(recording), audio.stamp_of(recording)
            if known is None or (stamp and known.stamps != {stamp}):
                changed |= set() if known is None else {recording}
                found.append(Missing(recording))
            elif not known.whole:
                found.append(Missing(recording, frozenset(known.heard)))
        self._forget(changed)
        return found

    def add(self, heard: Heard) -> None:
        """Takes in a part that ``write_part`` wrote. Raises SettingsError where it cannot."""
        self._failures.update({(each.recording, each.start_seconds): each for each in heard.part.failures})
        if not heard.file:
            return
        name = heard.file.partition(".")[0]
        target = self._out / WINDOWS / f"shard={heard.part.shard}" / f"{name}.parquet"
        with told_in_a_sentence(target, _MAKE_ROOM):
            target.parent.mkdir(parents=True, exist_ok=True)
            (self._out / _UNFINISHED / heard.file).replace(target)
        self._know(target, heard)

    def is_whole(self, recording: str) -> bool:
        """Whether all of it was heard, as far as that is possible."""
        return recording in self._recordings and self._recordings[recording].whole

    def count_rows(self, recordings: Sequence[str]) -> int:
        return sum(self._recordings[each].rows for each in recordings if each in self._recordings)

    def failures(self, recordings: Sequence[str]) -> list[Failure]:
        """What could not be heard of them, in their order."""
        order = {recording: position for position, recording in enumerate(recordings)}
        known = (each for each in self._failures.values() if each.recording in order)
        return sorted(known, key=lambda each: (order[each.recording], each.start_seconds))

    def _describe(self, settings: Mapping[str, Any]) -> None:
        path = self._out / DESCRIPTION
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            for name in (WINDOWS, FAILURES):
                if (self._out / name).exists():
                    refusal = f"{self._out / name} is not of a data set that corpus wrote; choose another --out"
                    raise SettingsError(refusal) from None
            write_whole_text(path, json.dumps(settings, indent=1) + "\n")
            return
        except (OSError, ValueError) as error:
            raise SettingsError(f"{path} cannot be read ({error}); choose another --out") from error
        try:
            there = dict(json.loads(text))
        except (TypeError, ValueError) as error:
            raise SettingsError(f"{path} is not what corpus wrote; choose another --out") from error
        for name, value in settings.items():
            if there.get(name) != value:
                raise SettingsError(
                    f"{self._out} holds windows that were heard with another model or other settings ({name} was "
                    f"{printable(json.dumps(there.get(name)))} and is {json.dumps(value)}); choose another --out"
                )

    def _read(self) -> None:
        for path in sorted((self._out / WINDOWS).glob("shard=*/*.parquet")):
            heard = _told(path)
            self._know(path, heard)
            self._failures.update({(each.recording, each.start_seconds): each for each in heard.part.failures})

    def _know(self, path: Path, heard: Heard) -> None:
        for unit, rows in zip(heard.part.units, heard.rows, strict=True):
            known = self._recordings.setdefault(unit.recording, _Known())
            known.units = unit.units
            known.rows += rows
            known.heard.add(unit.number)
            known.stamps.add(unit.stamp)
            known.files.add(path)

    def _forget(self, recordings: set[str]) -> None:
        """Takes all rows of recordings away."""
        for path in sorted({path for each in recordings for path in self._recordings[each].files}):
            heard = _told(path)
            kept = [position for position, unit in enumerate(heard.part.units) if unit.recording not in recordings]
            failures = tuple(each for each in heard.part.failures if each.recording not in recordings)
            units = tuple(heard.part.units[position] for position in kept)
            left = replace(heard, part=Part(units, failures), rows=tuple(heard.rows[position] for position in kept))
            if units:
                _write(path, _without(path, recordings), left)
            else:
                path.unlink()
        for each in recordings:
            del self._recordings[each]
        self._failures = {key: each for key, each in self._failures.items() if each.recording not in recordings}

    def _write_failures(self) -> None:
        path = self._out / FAILURES
        if self._failures:
            _write_failures(
                path, sorted(self._failures.values(), key=lambda each: (each.recording, each.start_seconds))
            )
        else:
            path.unlink(missing_ok=True)


def _columns() -> pyarrow.Schema:
    import pyarrow as pa

    text, number, seconds = pa.string(), pa.float32(), pa.float64()
    span = [("start_seconds", seconds), ("end_seconds", seconds)]
    return pa.schema(
        [
            ("recording", text),
            ("window", pa.int32()),
            *span,
            ("clock", pa.timestamp("ms")),
            ("zone_minutes", pa.int16()),
            ("decision", text),
            ("confidence", number),
            ("known", number),
            ("classes", pa.list_(pa.struct([("class", text), ("confidence", number)]))),
            ("replayed", pa.list_(pa.struct(span))),
            ("events", pa.list_(pa.struct([("class", text), *span, ("probability", number)]))),
            ("notes", pa.list_(text)),
            ("model", text),
            ("model_digest", text),
            ("settings", text),
        ]
    )


def _table(rows: list[Row]) -> pyarrow.Table:
    import pyarrow as pa

    return pa.Table.from_pylist(rows, schema=_columns())


def _without(path: Path, recordings: set[str]) -> pyarrow.Table:
    """The rows of a part that are of none of these recordings."""
    import pyarrow.parquet as pq

    names = {printable(each) for each in recordings}
    return _table([row for row in pq.ParquetFile(path).read().to_pylist() if row["recording"] not in names])


def _write(path: Path, table: pyarrow.Table, heard: Heard) -> None:
    """Whole or not at all. Failures that may have passed are not kept: they would have to be forgotten again."""
    import pyarrow.parquet as pq

    kept = replace(
        heard, part=replace(heard.part, failures=tuple(each for each in heard.part.failures if each.lasting))
    )
    told = table.replace_schema_metadata({_METADATA: kept.to_json().encode()})
    write_whole(path, lambda partial: pq.write_table(told, partial, compression="zstd"), instead=_MAKE_ROOM)


def _write_failures(path: Path, failures: Sequence[Failure]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = pa.schema([("recording", pa.string()), ("start_seconds", pa.float64()), ("reason", pa.string())])
    rows = [
        {"recording": printable(each.recording), "start_seconds": each.start_seconds, "reason": each.reason}
        for each in failures
    ]
    table = pa.Table.from_pylist(rows, schema=columns)
    write_whole(path, lambda partial: pq.write_table(table, partial), instead=_MAKE_ROOM)


def _told(path: Path) -> Heard:
    """What a part tells of itself. Raises SettingsError for a file that is none."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return Heard.from_json(pq.read_metadata(path).metadata[_METADATA].decode())
    except (OSError, LookupError, TypeError, ValueError, pa.ArrowException) as error:
        raise SettingsError(
            f"{path} is not a whole part that corpus wrote; take it away to have it heard again"
        ) from error
