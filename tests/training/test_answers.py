"""Claims about a teacher's answers on disk: what was written is read, and what is damaged is named."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from taught import CLASSES, SAMPLES, SECONDS, TEACHER, plan_of, write_taught
from tiny import RATE

from playitback.errors import DataSetError, SettingsError
from playitback.training.answers import read_answers

NAMES = ("a.wav", "b.wav")
NPY = b"\x93NUMPY\x01\x00v\x00{'descr': '<i8', 'fortran_order': False, 'shape': (10000000000000,), }".ljust(200)


def written(folder: Path, features: int = 3) -> Path:
    return write_taught(folder, NAMES, plan_of((0, 0, -1), (1, 0, 1), (2, 1, 0), (3, 1, -1)), features=features)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    probabilities, features = random.random((4, len(CLASSES))), random.normal(5, 2, (4, 3))
    plan = plan_of((0, 0, -1), (1, 0, 1), (2, 1, 0), (3, 1, -1))
    answers = read_answers(write_taught(tmp_path, NAMES, plan, probabilities, features))
    assert (answers.teacher, answers.classes, answers.names, len(answers)) == (TEACHER, CLASSES, NAMES, 4)
    some = np.array([3, 1])
    np.testing.assert_allclose(answers.probabilities_of(some), probabilities[some], atol=0.004)
    np.testing.assert_allclose(answers.features_of(some), features[some], atol=4 * 2.5 / 127)
    for name, array in plan.items():
        np.testing.assert_array_equal(answers.arrays[name], array)


def test_small_probabilities_keep_two_figures(tmp_path: Path) -> None:
    """Most classes of a tagger are nearly silent, and how nearly is much of what it knows: so roots are stored."""
    probabilities = np.full((1, len(CLASSES)), 0.0015)
    answers = read_answers(write_taught(tmp_path, NAMES, plan_of((0, 0, -1)), probabilities))
    np.testing.assert_allclose(answers.probabilities_of(np.array([0])), probabilities, rtol=0.1)


def test_a_teacher_without_features_is_read(tmp_path: Path) -> None:
    answers = read_answers(written(tmp_path, features=0))
    assert answers.features == 0
    assert answers.features_of(np.array([0, 1])).shape == (2, 0)


@pytest.mark.parametrize("lacking", ["teacher", "credit", "licence", "sample_rate", "clip_seconds"])
def test_a_card_must_be_able_to_name_the_teacher(lacking: str, tmp_path: Path) -> None:
    path = written(tmp_path) / "teacher.json"
    said = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({name: value for name, value in said.items() if name != lacking}), encoding="utf-8")
    with pytest.raises(DataSetError, match=f"does not tell {lacking}"):
        read_answers(tmp_path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda arrays: arrays.pop("share"), "no array share"),
        (lambda arrays: arrays.update(a=np.array([0, 0, 1, 2])), "a number of a is not within 0 and 1"),
        (lambda arrays: arrays.update(b=np.array([-1, -1, 0, -1])), "lacks its second clip"),
        (lambda arrays: arrays.update(kind=np.array([0, 1, 2, 9])), "a number of kind is not within 0 and 3"),
        (lambda arrays: arrays.update(speed=np.zeros((4, 2))), "a number of speed is not within 0.1 and 10"),
        (lambda arrays: arrays.update(gain=np.full((4, 2), np.nan)), "a number of gain is not within"),
        (lambda arrays: arrays.update(roots=arrays["roots"][:, :1]), "roots is"),
        (lambda arrays: arrays.update(share=np.ones(3)), "share is"),
        (lambda arrays: arrays.update(share=np.full(4, 1.5)), "a number of share is not within 0 and 1"),
        (lambda arrays: arrays.update(roots=arrays["roots"] / 255), "roots is of float64, not of uint8"),
        (lambda arrays: arrays.update(feature_bytes=arrays["feature_bytes"] * 1.0), "not of int8"),
        (lambda arrays: arrays.update(a=np.array([0.0, 0, 1, 1])), "a is of float64, not of whole numbers"),
        (lambda arrays: arrays.update(end=np.full(4, SAMPLES + 1)), "a number of end is not within"),
        (lambda arrays: arrays.update(end=np.zeros(4, int), start=np.ones(4, int)), "ends before it starts"),
        (lambda arrays: arrays.update(feature_offset=np.zeros(2, np.float32)), "feature_offset is"),
        (lambda arrays: arrays.update(kind=np.array(0)), "kind is"),
        (lambda arrays: arrays.update(names=np.array(NAMES, "S")), "names is no list of texts"),
        (lambda arrays: arrays.update(names=np.array(NAMES, object)), "cannot be read as arrays of NumPy"),
        (lambda arrays: arrays.update(shift=np.zeros(50_000_000, np.int8)), "bytes are packed in it"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_arrays_that_do_not_fit_are_named(
    change: Callable[[dict[str, np.ndarray]], object], said: str, tmp_path: Path
) -> None:
    path = written(tmp_path) / "mixes.npz"
    with np.load(path) as stored:
        arrays = dict(stored)
    change(arrays)
    np.savez_compressed(path, **arrays)
    with pytest.raises(DataSetError, match=said):
        read_answers(tmp_path)


@pytest.mark.parametrize("name", ["teacher.json", "classes.csv", "mixes.npz"])
@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe nonsense", b"[" * 100_000, NPY])
def test_a_file_that_is_missing_or_damaged_is_named(name: str, content: bytes | None, tmp_path: Path) -> None:
    path = written(tmp_path) / name
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(DataSetError, match=name):
        read_answers(tmp_path)


@pytest.mark.parametrize("indices", [(0, 2, 1, 3, 4), (1, 2, 3, 4, 5), (0, 0, 1, 2, 3)])
def test_classes_that_stand_in_another_order_than_the_answers_are_refused(
    indices: tuple[int, ...], tmp_path: Path
) -> None:
    path = written(tmp_path) / "classes.csv"
    rows = zip(indices, ("Bell", "Rain", "Other", "Siren", "Speech"), strict=True)
    path.write_text("index,display_name\n" + "".join(f"{index},{name}\n" for index, name in rows), encoding="utf-8")
    with pytest.raises(DataSetError, match=r"the index is \d, not \d; list the classes in the order of the answers"):
        read_answers(tmp_path)


def test_answers_that_cannot_be_written_leave_those_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = read_answers(written(tmp_path))

    def fill_the_disk(file: Any, **arrays: Any) -> None:
        file.write(b"PK")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", fill_the_disk)
    with pytest.raises(SettingsError, match=r"mixes\.npz cannot be written"):
        written(tmp_path, features=2)
    assert read_answers(tmp_path).features == before.features == 3


def test_it_says_at_which_clips_it_heard(tmp_path: Path) -> None:
    answers = read_answers(written(tmp_path))
    assert (answers.teacher.sample_rate, answers.teacher.clip_seconds) == (RATE, SECONDS)
