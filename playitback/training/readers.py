"""Readers of the published data sets: folders as people have them -> Manifest.

Each takes the data set's folder, the parts asked for (folds or splits; None for all of it) and a label file, and raises
DataSetError, which names the file, the line or the column, where the folder is not what it should be.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from playitback.errors import DataSetError
from playitback.training.entries import (
    Entry,
    Manifest,
    Row,
    checked_labels,
    find_listing,
    indices,
    listings,
    read_labels,
    read_table,
    refuse_absent,
    sounds_by_stem,
)
from playitback.training.recordings import array_names

Parts = Sequence[str] | None
Reader = Callable[[Path, Parts, Path | None], Manifest]

_AUDIOSET_LISTINGS = {
    "balanced": "balanced_train_segments.csv",
    "unbalanced": "unbalanced_train_segments.csv",
    "eval": "eval_segments.csv",
}
_EPIC_LISTINGS = {"train": "EPIC_100_train.csv", "validation": "EPIC_100_validation.csv"}
#: Kinetics' files call the validation split by several names
_KINETICS_VALIDATION = {"validate", "validation", "valid"}


def read_esc50(root: Path, folds: Parts, labels_file: Path | None) -> Manifest:
    """ESC-50 (Piczak 2015): meta/esc50.csv and audio/, at any sampling rate, also without some of the classes."""
    return _read_esc("esc50", root, folds, lambda row: True)


def read_esc10(root: Path, folds: Parts, labels_file: Path | None) -> Manifest:
    """The ten classes of ESC-50 that its listing marks as ESC-10."""
    return _read_esc("esc10", root, folds, lambda row: row["esc10"].lower() == "true")


def _read_esc(name: str, root: Path, folds: Parts, belongs: Callable[[Row], bool]) -> Manifest:
    listing = root / "meta" / "esc50.csv"
    if not listing.is_file():
        raise DataSetError(f"{root} has no meta/esc50.csv; give the folder of an ESC-50 checkout")
    columns = ["filename", "fold", "target", "category", *(["esc10"] if name == "esc10" else [])]
    rows = [row for row in read_table(listing, columns, "ESC-50's listing") if belongs(row)]
    refuse_absent(root, "fold", folds, {row["fold"] for row in rows})
    category_of = {row.integer("target"): row["category"] for row in rows}
    index_of = {target: index for index, target in enumerate(sorted(category_of))}
    found = _Found()
    for row in rows:
        if folds is None or row["fold"] in folds:
            path = root / "audio" / row["filename"]
            found.add(row["filename"], path if path.is_file() else None, ((index_of[row.integer("target")],),))
    labels = checked_labels([category_of[target] for target in sorted(category_of)], listing)
    return found.manifest(name, (labels,))


def read_vggsound(root: Path, splits: Parts, labels_file: Path | None) -> Manifest:
    """VGG-Sound (Chen et al. 2020): vggsound.csv, and files of ten seconds, <id>_<start>, anywhere below the folder."""
    listing = find_listing(root, "vggsound.csv", "put VGG-Sound's listing there")
    assert labels_file is not None  # read_manifest sees to it
    labels = read_labels(labels_file)
    index_of, sounds, found = indices(labels), sounds_by_stem(root), _Found()
    there = set()
    for row in read_table(listing, ("id", "start", "label", "split"), "VGG-Sound's listing", header=False):
        there.add(row["split"])
        if splits is None or row["split"] in splits:
            start = row.integer("start")
            path = _first(sounds, (f"{row['id']}_{start:06d}", f"{row['id']}_{start}"))
            found.add(f"{row['id']}_{start:06d}", path, ((row.class_index(row["label"], index_of, labels_file),),))
    refuse_absent(root, "split", splits, there)
    return found.manifest("vggsound", (labels,))


def read_audioset(root: Path, splits: Parts, labels_file: Path | None) -> Manifest:
    """AudioSet (Gemmeke et al. 2017): its lists of segments, and a file for each of them, anywhere below the folder."""
    assert labels_file is not None  # read_manifest sees to it
    classes = list(read_table(labels_file, ("index", "mid", "display_name"), "AudioSet's class_labels_indices.csv"))
    classes.sort(key=lambda row: row.integer("index"))
    labels = checked_labels([row["display_name"] for row in classes], labels_file)
    index_of = indices([row["mid"] for row in classes])
    lists = {split: each[0] for split, name in _AUDIOSET_LISTINGS.items() if (each := listings(root, name))}
    if not lists:
        raise DataSetError(f"{root} has none of {', '.join(_AUDIOSET_LISTINGS.values())}; put AudioSet's lists there")
    members: dict[str, tuple[str, ...]] = {split: (split,) for split in lists}
    if "balanced" in lists and "unbalanced" in lists:
        members["train"] = ("balanced", "unbalanced")
    refuse_absent(root, "split", splits, members)
    chosen = lists if splits is None else dict.fromkeys(each for split in splits for each in members[split])
    sounds, found = sounds_by_stem(root), _Found()
    for split in chosen:
        columns = ("id", "start", "stop", "labels")
        for row in read_table(lists[split], columns, "a list of AudioSet's segments", header=False):
            mids = dict.fromkeys(mid.strip() for mid in row["labels"].split(","))
            targets = tuple(row.class_index(mid, index_of, labels_file) for mid in mids)
            path = _first(sounds, _audioset_stems(row["id"], row.seconds("start"), row.seconds("stop")))
            found.add(row["id"], path, (targets,))
    return found.manifest("audioset", (labels,), multi_label=True)


def _audioset_stems(name: str, start_seconds: float, stop_seconds: float) -> list[str]:
    """Names that downloaders give to a segment's file: times left out, in seconds or in milliseconds."""
    times = [
        tuple(write(seconds) for seconds in (start_seconds, stop_seconds))
        for write in (
            lambda seconds: f"{seconds:.0f}",
            lambda seconds: f"{seconds:06.0f}",
            lambda seconds: f"{seconds:.1f}",
            lambda seconds: f"{seconds:.3f}",
            lambda seconds: f"{1000 * seconds:.0f}",
        )
    ]
    stems = [name, *(f"{name}_{start}" for start, _ in times), *(f"{name}_{start}_{stop}" for start, stop in times)]
    return [*stems, *(f"Y{stem}" for stem in stems)]


def read_epic_kitchens(root: Path, splits: Parts, labels_file: Path | None) -> Manifest:
    """EPIC-KITCHENS-100 (Damen et al. 2022): segments of long recordings, with a verb and a noun each.

    The recordings are arrays in EPIC_audio.hdf5, named after their videos, or files <video_id>.<suffix> anywhere below
    the folder. The class files lie with the other annotations, or beside ``labels_file``, which is one of them.
    """
    listing_of = {split: each[0] for split, name in _EPIC_LISTINGS.items() if (each := listings(root, name))}
    if not listing_of:
        raise DataSetError(f"{root} has none of {', '.join(_EPIC_LISTINGS.values())}; put the annotations there")
    refuse_absent(root, "split", splits, listing_of)
    class_files = [
        find_listing(
            root if labels_file is None else labels_file.parent,
            f"EPIC_100_{head}_classes.csv",
            "put the data set's own file there, or give it as the label file",
        )
        for head in ("verb", "noun")
    ]
    heads = []  # labels, and the id's index
    for file in class_files:
        rows = sorted(read_table(file, ("id", "key"), "a class file"), key=lambda row: row.integer("id"))
        heads.append((checked_labels([row["key"] for row in rows], file), indices([row["id"] for row in rows])))
    archives = listings(root, "EPIC_audio.hdf5")
    arrays = array_names(archives[0]) if archives else frozenset()
    sounds, found = {} if archives else sounds_by_stem(root), _Found()
    columns = ("narration_id", "video_id", "start_timestamp", "stop_timestamp", "verb_class", "noun_class")
    for split in listing_of if splits is None else splits:
        for row in read_table(listing_of[split], columns, "EPIC-KITCHENS-100's list of segments"):
            video = row["video_id"]
            start, stop = row.seconds("start_timestamp"), row.seconds("stop_timestamp")
            if stop <= start:
                raise row.error(f"the segment stops at {stop:g} s, before it starts at {start:g} s; correct the line")
            targets = tuple(
                (row.class_index(row[column], index_of, file),)
                for column, (_, index_of), file in zip(("verb_class", "noun_class"), heads, class_files, strict=True)
            )
            path = archives[0] if video in arrays else sounds.get(video)
            found.add(row["narration_id"], path, targets, start, stop, video if video in arrays else None)
    return found.manifest("epic-kitchens-100", tuple(labels for labels, _ in heads))


def read_kinetics_sounds(root: Path, splits: Parts, labels_file: Path | None) -> Manifest:
    """Kinetics-Sounds (Arandjelovic and Zisserman 2017): the label file's classes of Kinetics.

    Kinetics' tables lie in the folder, the files <id>_<start>_<stop>, times in six digits, anywhere below it.
    """
    assert labels_file is not None  # read_manifest sees to it
    labels = read_labels(labels_file)
    index_of, sounds, found = indices(labels), sounds_by_stem(root), _Found()
    columns = ("label", "youtube_id", "time_start", "time_end", "split")
    tables = [path for path in listings(root, "*.csv") if _has_columns(path, columns)]
    if not tables:
        raise DataSetError(f"{root} has no table with the columns {', '.join(columns)}; put Kinetics' tables there")
    asked = None if splits is None else {_kinetics_split(each) for each in splits}
    there, known, seen = set(), set(), set()
    for table in tables:
        for row in read_table(table, columns, "a table of Kinetics"):
            split, label = _kinetics_split(row["split"]), row["label"]
            there.add(split)
            known.add(label)
            name = f"{row['youtube_id']}_{row.integer('time_start'):06d}_{row.integer('time_end'):06d}"
            if label not in index_of or (asked is not None and split not in asked) or (name, label) in seen:
                continue
            seen.add((name, label))  # the tables of several releases may list one clip
            found.add(name, sounds.get(name), ((index_of[label],),))
    refuse_absent(root, "split", None if asked is None else sorted(asked), there)
    if unknown := [label for label in labels if label not in known]:
        raise DataSetError(
            f"no table in {root} knows the label {unknown[0]!r} of {labels_file.name}; "
            "write it as Kinetics does, or leave it out"
        )
    return found.manifest("kinetics-sounds", (labels,))


def _has_columns(path: Path, columns: Iterable[str]) -> bool:
    with path.open(encoding="utf-8-sig", errors="replace") as lines:
        return set(columns) <= set(next(csv.reader(lines), []))


def _kinetics_split(name: str) -> str:
    return "val" if name in _KINETICS_VALIDATION else name


def _first(sounds: dict[str, Path], stems: Iterable[str]) -> Path | None:
    return next((sounds[stem] for stem in stems if stem in sounds), None)


class _Found:
    """Gathers entries, and the names of what is missing."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._missing: list[str] = []

    def add(
        self,
        name: str,
        path: Path | None,
        targets: tuple[tuple[int, ...], ...],
        start_seconds: float = 0.0,
        stop_seconds: float | None = None,
        recording: str | None = None,
    ) -> None:
        if path is None:
            self._missing.append(name)
        else:
            self._entries.append(Entry(name, path, targets, start_seconds, stop_seconds, recording))

    def manifest(self, data_set: str, labels: tuple[tuple[str, ...], ...], *, multi_label: bool = False) -> Manifest:
        return Manifest(data_set, labels, multi_label, tuple(self._entries), tuple(self._missing))
