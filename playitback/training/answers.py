"""What a teacher answered: a folder of its targets for mixtures of clips, which a student learns from.

The teacher hears each mixture once, and its answers are stored; the student hears the very same mixtures, for long, and
the teacher is not needed again (offline distillation; Beyer et al. 2022, arXiv 2106.05237). The folder holds

    teacher.json   {"teacher", "credit", "licence": texts for the model card, "sample_rate": hertz, "clip_seconds",
                   "channel": of every recording that was taken, counted from 1; left out where they were mixed}
    classes.csv    index,display_name[,...]: the K classes of the teacher, in the order of its answers
    mixes.npz      N mixtures of C clips:
        names (C,)          of the clips: file names, or paths below the data set's folder
        kind (N,)           0 single, 1 mix: a + b, 2 splice: a inside start..end, b outside, 3 crop: a inside
        a, b (N,)           indices into names; b is -1 where there is none
        speed, shift, gain  (N, 2) of a and b: factor, samples that the clip is moved round, factor
        start, end (N,)     samples
        share (N,)          how much of a label is a's, 0 to 1
        roots (N, K) uint8  255 times the square root of each class's probability
        feature_bytes (N, D) int8, feature_scale (D,), feature_offset (D,)
                            what the teacher pools before its classifier: bytes / 127 * scale + offset

A clip is read as training reads it: mono, ``clip_seconds`` long, longer ones cropped in the middle, shorter ones filled
up with zeros. Answers are only ever used for mixtures all of whose clips are given (``mixtures``).
"""

from __future__ import annotations

import csv
import io
import json
import zipfile
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from playitback.errors import DataSetError
from playitback.training.entries import checked_labels, read_table
from playitback.writing import write_whole, write_whole_text

TEACHER_FILE, CLASSES_FILE, MIXES_FILE = "teacher.json", "classes.csv", "mixes.npz"
SINGLE, MIX, SPLICE, CROP = range(4)

_FULL = 255  # of a stored root
_BYTE = 127  # of a stored feature
_CLIPPED = 4.0  # deviations at which a stored feature ends
_WHOLE, _REAL = "iu", "f"  # kinds of numbers, as NumPy calls them
_KINDS = {_WHOLE: "whole numbers", _REAL: "floating-point numbers"}
#: what must stand for every mixture: a kind of numbers or exactly one, and between which two they lie
_OF_MIXTURES: dict[str, tuple[str | type, float, float]] = {
    "kind": (_WHOLE, SINGLE, CROP),
    "a": (_WHOLE, 0, np.inf),
    "b": (_WHOLE, -1, np.inf),
    "speed": (_REAL, 0.1, 10),
    "shift": (_WHOLE, -np.inf, np.inf),
    "gain": (_REAL, -1e9, 1e9),
    "start": (_WHOLE, 0, np.inf),
    "end": (_WHOLE, 0, np.inf),
    "share": (_REAL, 0, 1),
    "roots": (np.uint8, 0, _FULL),
    "feature_bytes": (np.int8, -_BYTE - 1, _BYTE),
}
_OF_FEATURES = ("feature_scale", "feature_offset")
_MOST_PACKED = 200  # times that what is read may be as large as the file; what teachers say is not all the same
_NEVER_LARGE = 10_000_000  # bytes


@dataclass(frozen=True)
class Teacher:
    """Who answered, and at which clips."""

    teacher: str
    credit: str
    licence: str
    sample_rate: int  # hertz
    clip_seconds: float
    channel: int | None = None  # of every recording, counted from 1; None: they were mixed

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and strings for JSON; a channel only where one was chosen."""
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True)
class Answers:
    """The answers of a teacher to N mixtures of C clips; the arrays are those of ``mixes.npz``."""

    teacher: Teacher
    classes: tuple[str, ...]
    names: tuple[str, ...]
    arrays: dict[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.arrays["kind"])

    @property
    def features(self) -> int:
        """D; 0 where the teacher told none."""
        return int(self.arrays["feature_bytes"].shape[1])

    def probabilities_of(self, mixtures: np.ndarray) -> np.ndarray:
        """(B,) indices -> (B, K) float32."""
        return np.square(self.arrays["roots"][mixtures].astype(np.float32) / _FULL)

    def features_of(self, mixtures: np.ndarray) -> np.ndarray:
        """(B,) indices -> (B, D) float32."""
        steps = self.arrays["feature_bytes"][mixtures].astype(np.float32) / _BYTE
        return np.asarray(steps * self.arrays["feature_scale"] + self.arrays["feature_offset"])


def read_answers(folder: Path) -> Answers:
    """Reads such a folder. Raises DataSetError, which says what is wrong with which file."""
    teacher = _read_teacher(folder / TEACHER_FILE)
    rows = read_table(folder / CLASSES_FILE, ("index", "display_name"), "a teacher's list of classes")
    named = []
    for number, row in enumerate(rows):
        if row.integer("index") != number:
            raise row.error(f"the index is {row['index']}, not {number}; list the classes in the order of the answers")
        named.append(row["display_name"])
    classes = checked_labels(named, folder / CLASSES_FILE)
    path = folder / MIXES_FILE
    arrays = _read_arrays(path)
    names = arrays.pop("names")
    if names.ndim != 1 or names.dtype.kind != "U":
        raise DataSetError(f"{path}: names is no list of texts; make the file again")
    samples = round(teacher.sample_rate * teacher.clip_seconds)
    _check(path, arrays, len(names), len(classes), samples)
    return Answers(teacher, classes, tuple(map(str, names)), arrays)


def write_answers(
    folder: Path,
    teacher: Teacher,
    classes: tuple[str, ...],
    names: tuple[str, ...],
    plan: dict[str, np.ndarray],
    probabilities: np.ndarray,
    features: np.ndarray,
) -> None:
    """Writes such a folder. plan: the arrays that say what each mixture is; probabilities (N, K); features (N, D).

    Of an earlier one nothing is lost before the new one is there. Raises SettingsError where it cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    offset = features.mean(axis=0, dtype=np.float64)
    scale = np.maximum(_CLIPPED * features.std(axis=0, dtype=np.float64), 1e-6)
    steps = np.clip(np.rint((features - offset) / scale * _BYTE), -_BYTE, _BYTE)
    arrays = {
        "names": np.array(names),
        "roots": np.rint(np.sqrt(probabilities) * _FULL).astype(np.uint8),
        "feature_bytes": steps.astype(np.int8),
        "feature_scale": scale.astype(np.float32),
        "feature_offset": offset.astype(np.float32),
        **plan,
    }

    def pack(path: Path) -> None:
        with path.open("wb") as file:  # to another name, NumPy would add its own suffix
            np.savez_compressed(file, allow_pickle=False, **arrays)

    listed = io.StringIO()
    csv.writer(listed, lineterminator="\n").writerows([("index", "display_name"), *enumerate(classes)])
    write_whole(folder / MIXES_FILE, pack)
    write_whole_text(folder / CLASSES_FILE, listed.getvalue())
    write_whole_text(folder / TEACHER_FILE, json.dumps(teacher.to_dict(), indent=1) + "\n")


def _read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Raises DataSetError, before anything is unpacked for what would fill the memory."""
    try:
        with zipfile.ZipFile(path) as packed:
            unpacked = sum(each.file_size for each in packed.infolist())
        if unpacked > _NEVER_LARGE + _MOST_PACKED * path.stat().st_size:
            raise ValueError(f"{unpacked} bytes are packed in it")
        with np.load(path, allow_pickle=False) as stored:
            wanted = ("names", *_OF_MIXTURES, *_OF_FEATURES)
            lacking = [name for name in wanted if name not in stored]
            if lacking:
                raise DataSetError(f"{path} has no array {lacking[0]}; make it again with python -m playitback teach")
            return {name: stored[name] for name in wanted}
    except (EOFError, OSError, ValueError, MemoryError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise DataSetError(f"{path} cannot be read as arrays of NumPy ({error}); fetch or make it again") from error


def _read_teacher(path: Path) -> Teacher:
    try:
        said: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataSetError(
            f"{path} cannot be read ({error}); it names the teacher, its credit and its licence"
        ) from error
    wanted: dict[str, Any]
    wanted = {"teacher": str, "credit": str, "licence": str, "sample_rate": int, "clip_seconds": (int, float)}
    for name, kind in wanted.items():
        value = said.get(name) if isinstance(said, dict) else None
        if not isinstance(value, kind) or not value or isinstance(value, bool):
            raise DataSetError(f"{path} does not tell {name}; add it")
    channel = said.get("channel")
    if channel is not None and (not isinstance(channel, int) or channel < 1):
        raise DataSetError(f"{path}: the channel is {channel!r}; write a number from 1 on, or leave it out")
    return Teacher(**{name: said[name] for name in wanted}, channel=channel)


def _check(path: Path, arrays: dict[str, np.ndarray], clips: int, classes: int, samples: int) -> None:
    """Raises DataSetError for arrays that do not fit one another, or name clips that are not listed.

    samples: of every clip.
    """
    count = arrays["kind"].size
    wide = {"speed": (2,), "shift": (2,), "gain": (2,), "roots": (classes,)}
    wide["feature_bytes"] = (arrays["feature_scale"].size,)
    shapes = {name: (count, *wide.get(name, ())) for name in _OF_MIXTURES}
    shapes |= dict.fromkeys(_OF_FEATURES, wide["feature_bytes"])
    bounds = {**_OF_MIXTURES, **dict.fromkeys(_OF_FEATURES, (_REAL, -1e30, 1e30))}
    bounds |= {"a": (_WHOLE, 0, clips - 1), "b": (_WHOLE, -1, clips - 1), "end": (_WHOLE, 0, samples)}
    for name, shape in shapes.items():
        numbers, (wanted, low, high) = arrays[name], bounds[name]
        if numbers.shape != shape:
            raise DataSetError(f"{path}: {name} is {numbers.shape}, not {shape}; make the file again")
        if not (numbers.dtype.kind in wanted if isinstance(wanted, str) else numbers.dtype == wanted):
            kind = _KINDS[wanted] if isinstance(wanted, str) else np.dtype(wanted)
            raise DataSetError(f"{path}: {name} is of {numbers.dtype}, not of {kind}; make the file again")
        if not ((low <= numbers) & (numbers <= high)).all():  # so that NaN is wrong too
            raise DataSetError(f"{path}: a number of {name} is not within {low:g} and {high:g}; make the file again")
    if (arrays["end"] < arrays["start"]).any():
        raise DataSetError(f"{path}: a stretch ends before it starts; make the file again")
    needs_second = np.isin(arrays["kind"], (MIX, SPLICE))
    if (arrays["b"][needs_second] < 0).any():
        raise DataSetError(f"{path}: a mix or a splice lacks its second clip; make the file again")
