"""Whatever has become of a checkpoint's files, it is loaded whole, or refused in one sentence."""

from __future__ import annotations

import copy
import json
import random
from pathlib import Path
from typing import Any

import pytest
import torch
from mutants import CUT_SHORT, MUTATIONS, Mutation, mutant, refusal
from tiny import tiny_checkpoint, tiny_model

from playitback.checkpoint import load_checkpoint
from playitback.errors import CheckpointError

#: what a careless hand or program leaves in place of a value
STRANGE = (None, True, -1, 0, 0.5, 10**12, 1e30, "", "x" * 300, [], {}, [None], {"a": {}}, [[0]], "\n\x1b[2J")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_checkpoint(tmp_path_factory.mktemp("whole") / "tiny", tiny_model(aimed=True))


def outcome(source: Path, folder: Path, name: str, content: bytes) -> str | None:
    """How a checkpoint is refused of which one file has another content; None where it is loaded."""
    folder.mkdir(exist_ok=True)
    for path in source.iterdir():
        (folder / path.name).write_bytes(content if path.name == name else path.read_bytes())
    return refusal(lambda: load_checkpoint(folder), CheckpointError)


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda each: each.__name__.strip("_"))
@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "README.md"])
def test_a_mutant_of_a_checkpoint_is_loaded_or_refused_in_one_sentence(
    tmp_path: Path, folder: Path, name: str, mutation: Mutation
) -> None:
    content = (folder / name).read_bytes()
    others = [path.read_bytes() for path in folder.iterdir()]
    for turn in range(3):
        changed = mutant(content, mutation, f"{name} {mutation.__name__} {turn}", others)
        refused = outcome(folder, tmp_path / "mutant", name, changed)
        if mutation is CUT_SHORT and name != "README.md":
            assert refused is not None
        if refused is None:
            weights = load_checkpoint(tmp_path / "mutant").model.state_dict().values()
            assert all(torch.isfinite(each).all() for each in weights)


def with_a_strange_value(description: dict[str, Any], draw: random.Random) -> dict[str, Any]:
    """The same but for one value, name or entry of a list, wherever it stands."""
    changed: dict[str, Any] = copy.deepcopy(description)
    places: list[tuple[Any, Any]] = []
    waiting: list[Any] = [changed]
    while waiting:
        within = waiting.pop()
        for key in within if isinstance(within, dict) else range(len(within)):
            places.append((within, key))
            if isinstance(within[key], dict | list):
                waiting.append(within[key])
    within, key = draw.choice(places)
    if draw.random() < 0.2:
        del within[key]
    else:
        within[key] = draw.choice(STRANGE)
    return changed


@pytest.mark.parametrize("turn", range(60))
def test_a_strange_value_in_a_description_is_refused_in_one_sentence_or_changes_nothing_that_breaks(
    tmp_path: Path, folder: Path, turn: int
) -> None:
    description = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    changed = json.dumps(with_a_strange_value(description, random.Random(turn)))
    if outcome(folder, tmp_path / "mutant", "config.json", changed.encode()) is None:
        model = load_checkpoint(tmp_path / "mutant").model
        assert next(iter(model.listen(torch.zeros(1, model.config.front_end.clip_samples)))).logits[0].isfinite().all()
