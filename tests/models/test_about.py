"""Claims about what a checkpoint tells of itself beside its model: of use, or refused when the model is opened."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hub_folders import write_hub_folder
from mutants import refusal
from tiny import tiny_checkpoint

from playitback.checkpoint import load_checkpoint
from playitback.errors import CheckpointError

#: of ``about``: what reports, cards and comparisons are made of
TOLD = {
    "licence": "CC0-1.0",
    "command": "train",
    "minutes": 1.5,
    "hardware": "cpu",
    "data": {"name": "esc50", "folds": [1, 2], "split": "train", "clips": 3, "skipped": 1},
    "teacher": {"teacher": "ear", "credit": "Ear", "licence": "MIT", "mixtures": 10},
    "before": {"name": "first", "data": {"name": "folders"}, "before": {"name": "zeroth"}},
}


def tell(folder: Path, told: dict[str, Any], foreign: bool) -> None:
    description = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    description["playitback" if foreign else "about"] = told
    (folder / "config.json").write_text(json.dumps(description), encoding="utf-8")


Tell = Callable[[dict[str, Any]], Path]


@pytest.fixture(params=["ours", "of transformers"])
def told_of(request: pytest.FixtureRequest, tmp_path: Path) -> Tell:
    """Writes what a checkpoint tells of itself; one of ours, and one in transformers' format."""

    def write(told: dict[str, Any]) -> Path:
        foreign = request.param == "of transformers"
        changed = write_hub_folder(tmp_path / "hub") if foreign else tiny_checkpoint(tmp_path / "tiny")
        tell(changed, told, foreign)
        return changed

    return write


def test_what_is_known_of_a_model_is_read(told_of: Tell) -> None:
    about = load_checkpoint(told_of(TOLD)).about
    assert {name: about[name] for name in TOLD} == TOLD


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("licence",), 3, "about.licence must be a text, not 3"),
        (("licence",), None, "about.licence must be a text"),
        (("command",), ["train"], "about.command must be a text"),
        (("minutes",), "9", "about.minutes must be a number"),
        (("minutes",), True, "about.minutes must be a number"),
        (("data",), "esc50", "about.data must be an object, not 'esc50'"),
        (("data",), None, "about.data must be an object"),
        (("data",), {}, "about.data has no name"),
        (("data", "name"), ["esc50"], "about.data.name must be a text"),
        (("data", "folds"), 4, "about.data.folds must be a list of whole numbers, not 4"),
        (("data", "folds"), ["4"], "about.data.folds must be a list of whole numbers"),
        (("data", "folds"), [[4]], "about.data.folds must be a list of whole numbers"),
        (("data", "split"), 0, "about.data.split must be a text"),
        (("teacher",), {"teacher": "ear"}, "about.teacher has no credit"),
        (("teacher", "mixtures"), "many", "about.teacher.mixtures must be a whole number"),
        (("before",), [], "about.before must be an object"),
        (("before",), {}, "about.before has no name"),
        (("before", "before"), 7, "about.before.before must be an object"),
        (("before", "before"), {"name": "x", "data": {"name": 7}}, "about.before.before.data.name must be a text"),
    ],
)
def test_what_is_known_of_a_model_is_of_its_kind_or_refused_before_anything_is_made_of_it(
    told_of: Tell, path: tuple[str, ...], value: object, said: str
) -> None:
    told = copy.deepcopy(TOLD)
    part: dict[str, Any] = told
    for name in path[:-1]:
        part = part[name]
    part[path[-1]] = value
    folder = told_of(told)
    sentence = refusal(lambda: load_checkpoint(folder), CheckpointError)
    assert sentence is not None
    assert sentence.startswith(str(folder))
    assert said in sentence


def test_a_long_history_of_trainings_is_still_read(tmp_path: Path) -> None:
    folder = tiny_checkpoint(tmp_path / "tiny")
    told: dict[str, Any] = TOLD
    for number in range(60):
        told = {**TOLD, "before": {**told, "name": str(number)}}
    tell(folder, told, foreign=False)
    assert load_checkpoint(folder).about == told
