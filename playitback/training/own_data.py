"""Readers of a user's own recordings: a table of them, or a folder of class folders -> Manifest.

If the data is divided into splits, one or several must be asked for: all of it would mix training and test. The classes
are those of all splits together.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path

from playitback.audio import sound_files
from playitback.errors import DataSetError, quoted
from playitback.training.entries import (
    Entry,
    Manifest,
    Row,
    checked_labels,
    indices,
    read_labels,
    read_table,
    refuse_absent,
)

_SPLIT_FOLDERS = {"train", "training", "test", "val", "valid", "validation", "eval", "dev"}


def read_csv(root: Path, splits: Sequence[str] | None, labels_file: Path | None) -> Manifest:
    """A table ``path,label[,start,stop][,split]``, seconds from start to stop, several labels separated by semicolons.
    Where some rows have several, others may have none.

    root: the table, or the folder of manifest.csv. Paths are relative to its folder. labels_file: gives the order
    of the classes; without it, they are in the order of their names.
    """
    table = root / "manifest.csv" if root.is_dir() else root
    if not table.is_file():
        raise DataSetError(f"{root} has no manifest.csv; give a CSV file, or the folder of a manifest.csv")
    rows = list(read_table(table, ("path", "label"), "a list of recordings"))
    labels_of = [_labels_of(row) for row in rows]
    several = any(len(each) > 1 for each in labels_of)
    if not several and (unlabelled := [row for row, each in zip(rows, labels_of, strict=True) if not each]):
        raise unlabelled[0].error("the column label is empty; fill it in")
    labels = _ordered({label for labels in labels_of for label in labels}, table, labels_file)
    index_of = indices(labels)
    divided = bool(rows) and "split" in rows[0].values
    _check_parts(table, splits, {row["split"] for row in rows} if divided else set())
    entries, missing = [], []
    repeated: Counter[str] = Counter()
    said: dict[tuple[str | None, ...], tuple[str, ...]] = {}  # of a stretch: its labels
    for row, of_row in zip(rows, labels_of, strict=True):
        before = said.setdefault(tuple(row.values.get(each) for each in ("path", "start", "stop", "split")), of_row)
        if {*before} != {*of_row}:
            raise row.error(
                f"{row['path']} is {quoted(';'.join(of_row))} here and {quoted(';'.join(before))} above; keep one of "
                "them, or write all of its labels with semicolons between them"
            )
        targets = tuple(row.class_index(label, index_of, labels_file or table) for label in of_row)
        if splits is not None and row["split"] not in splits:
            continue
        start, stop = (row.seconds(each) if row.values.get(each, "").strip() else None for each in ("start", "stop"))
        if stop is not None and stop <= (start or 0):
            raise row.error(f"the stretch stops at {stop:g} s, before it starts at {start or 0:g} s; correct the line")
        name = row["path"]
        if start is not None or stop is not None:
            name += f" from {start or 0:g} s" + ("" if stop is None else f" to {stop:g} s")
        repeated[name] += 1
        if repeated[name] > 1:
            name += f" ({repeated[name]})"
        path = table.parent / row["path"]
        if os.path.isfile(path):  # Path.is_file raises where a name is longer than the system takes
            entries.append(Entry(name, path, (targets,), start or 0.0, stop))
        else:
            missing.append(name)
    return Manifest("csv", (labels,), several, tuple(entries), tuple(missing))


def _labels_of(row: Row) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, (label.strip() for label in row.values["label"].split(";")))))


def read_folders(root: Path, splits: Sequence[str] | None, labels_file: Path | None) -> Manifest:
    """A folder of class folders, or of split folders (train, test, ...) with class folders in each.

    Sound files may lie deeper in a class folder; hidden files and files that are not sounds are left out.
    """
    there = _folders(root)
    split_folders = {path.name: path for path in there} if {path.name for path in there} <= _SPLIT_FOLDERS else {}
    _check_parts(root, splits, split_folders)
    files: dict[Path, list[Path]] = {
        folder: list(sound_files(folder))
        for parent in (split_folders.values() or [root])
        for folder in _folders(parent)
    }
    names = {folder.name for folder, sounds in files.items() if sounds}
    if not names:
        raise DataSetError(f"{root} has no folders with sound files; put the recordings of each class into its folder")
    labels = _ordered(names, root, labels_file)
    index_of = indices(labels)
    if labels_file is not None and (unknown := sorted(names - set(labels))):
        raise DataSetError(
            f"{labels_file.name} does not know the folder {unknown[0]!r}; add the class, or move it away"
        )
    parents = list(split_folders.values()) or [root] if splits is None else [split_folders[each] for each in splits]
    entries = [
        Entry(path.relative_to(root).as_posix(), path, ((index_of[folder.name],),))
        for folder, sounds in files.items()
        if folder.parent in parents
        for path in sounds
    ]
    return Manifest("folders", (labels,), False, tuple(entries), ())


def _folders(parent: Path) -> list[Path]:
    return sorted(path for path in parent.iterdir() if path.is_dir() and not path.name.startswith("."))


def _ordered(names: set[str], source: Path, labels_file: Path | None) -> tuple[str, ...]:
    return checked_labels(sorted(names), source) if labels_file is None else read_labels(labels_file)


def _check_parts(source: Path, splits: Sequence[str] | None, there: Collection[str]) -> None:
    refuse_absent(source, "split", splits, there)
    if splits is None and len(there) > 1:
        raise DataSetError(f"{source} is divided into {', '.join(sorted(there))}; choose one of these splits")
