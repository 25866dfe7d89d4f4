"""Claims about a teacher's answers on disk: what was written is read, and what is damaged is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from taught import CLASSES, SECONDS, TEACHER, plan_of, write_taught
from tiny import RATE

from playitback.errors import DataSetError
from playitback.training.answers import read_answers

NAMES = ("a.wav", "b.wav")


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
        (lambda arrays: arrays.update(a=np.array([0, 0, 1, 2])), "a names a clip that is not among its 2"),
        (lambda arrays: arrays.update(b=np.array([-1, -1, 0, -1])), "lacks its second clip"),
        (lambda arrays: arrays.update(kind=np.array([0, 1, 2, 9])), "kind must be 0 to 3"),
        (lambda arrays: arrays.update(speed=np.zeros((4, 2))), "speed not positive"),
        (lambda arrays: arrays.update(gain=np.full((4, 2), np.nan)), "not finite"),
        (lambda arrays: arrays.update(roots=arrays["roots"][:, :1]), "roots is"),
        (lambda arrays: arrays.update(share=np.ones(3)), "share is"),
    ],
    ids=["lacking", "strange clip", "no partner", "strange kind", "no speed", "not finite", "classes", "length"],
)
def test_arrays_that_do_not_fit_are_named(
    change: Callable[[dict[str, np.ndarray]], object], said: str, tmp_path: Path
) -> None:
    path = written(tmp_path) / "mixes.npz"
    with np.load(path) as stored:
        arrays = dict(stored)
    change(arrays)
    np.savez(path, **arrays)
    with pytest.raises(DataSetError, match=said):
        read_answers(tmp_path)


@pytest.mark.parametrize("name", ["teacher.json", "classes.csv", "mixes.npz"])
@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe nonsense"])
def test_a_file_that_is_missing_or_damaged_is_named(name: str, content: bytes | None, tmp_path: Path) -> None:
    path = written(tmp_path) / name
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(DataSetError, match=name):
        read_answers(tmp_path)


def test_it_says_at_which_clips_it_heard(tmp_path: Path) -> None:
    answers = read_answers(written(tmp_path))
    assert (answers.teacher.sample_rate, answers.teacher.clip_seconds) == (RATE, SECONDS)
