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
import json
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from playitback.errors import DataSetError
from playitback.training.entries import checked_labels, read_table

TEACHER_FILE, CLASSES_FILE, MIXES_FILE = "teacher.json", "classes.csv", "mixes.npz"
SINGLE, MIX, SPLICE, CROP = range(4)

_FULL = 255  # of a stored root
_BYTE = 127  # of a stored feature
_CLIPPED = 4.0  # deviations at which a stored feature ends
_OF_MIXTURES = ("kind", "a", "b", "speed", "shift", "gain", "start", "end", "share", "roots", "feature_bytes")


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
    classes = checked_labels([row["display_name"] for row in rows], folder / CLASSES_FILE)
    path = folder / MIXES_FILE
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
    except (EOFError, OSError, ValueError, zipfile.BadZipFile) as error:
        raise DataSetError(f"{path} cannot be read as arrays of NumPy ({error}); fetch or make it again") from error
    lacking = [name for name in ("names", *_OF_MIXTURES, "feature_scale", "feature_offset") if name not in arrays]
    if lacking:
        raise DataSetError(f"{path} has no array {lacking[0]}; make it again with python -m playitback teach")
    names = tuple(map(str, arrays.pop("names")))
    _check(path, arrays, len(names), len(classes))
    return Answers(teacher, classes, names, arrays)


def write_answers(
    folder: Path,
    teacher: Teacher,
    classes: tuple[str, ...],
    names: tuple[str, ...],
    plan: dict[str, np.ndarray],
    probabilities: np.ndarray,
    features: np.ndarray,
) -> None:
    """Writes such a folder. plan: the arrays that say what each mixture is; probabilities (N, K); features (N, D)."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / TEACHER_FILE).write_text(json.dumps(teacher.to_dict(), indent=1) + "\n", encoding="utf-8")
    with (folder / CLASSES_FILE).open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("index", "display_name"), *enumerate(classes)])
    offset = features.mean(axis=0, dtype=np.float64)
    scale = np.maximum(_CLIPPED * features.std(axis=0, dtype=np.float64), 1e-6)
    steps = np.clip(np.rint((features - offset) / scale * _BYTE), -_BYTE, _BYTE)
    np.savez_compressed(
        folder / MIXES_FILE,
        names=np.array(names),
        roots=np.rint(np.sqrt(probabilities) * _FULL).astype(np.uint8),
        feature_bytes=steps.astype(np.int8),
        feature_scale=scale.astype(np.float32),
        feature_offset=offset.astype(np.float32),
        allow_pickle=False,
        **plan,
    )


def _read_teacher(path: Path) -> Teacher:
    try:
        said: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
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


def _check(path: Path, arrays: dict[str, np.ndarray], clips: int, classes: int) -> None:
    """Raises DataSetError for arrays that do not fit one another, or name clips that are not listed."""
    count = len(arrays["kind"])
    wide = {"speed": (2,), "shift": (2,), "gain": (2,), "roots": (classes,)}
    wide["feature_bytes"] = arrays["feature_scale"].shape
    for name in _OF_MIXTURES:
        shape = (count, *wide.get(name, ()))
        if arrays[name].shape != shape:
            raise DataSetError(f"{path}: {name} is {arrays[name].shape}, not {shape}; make the file again")
    for name, low in (("a", 0), ("b", -1)):
        if count and not (low <= int(arrays[name].min()) and int(arrays[name].max()) < clips):
            raise DataSetError(f"{path}: {name} names a clip that is not among its {clips} names; make the file again")
    real = ("speed", "gain", "share", "feature_scale", "feature_offset")
    if not all(np.isfinite(arrays[name]).all() for name in real) or (count and float(arrays["speed"].min()) <= 0):
        raise DataSetError(f"{path}: a number is not finite, or a speed not positive; make the file again")
    if count and not set(np.unique(arrays["kind"])) <= {SINGLE, MIX, SPLICE, CROP}:
        raise DataSetError(f"{path}: kind must be 0 to 3; make the file again")
    needs_second = np.isin(arrays["kind"], (MIX, SPLICE))
    if (arrays["b"][needs_second] < 0).any():
        raise DataSetError(f"{path}: a mix or a splice lacks its second clip; make the file again")
