"""That weights in several files are read like those in one, and that nothing of them is believed unchecked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny import tiny_checkpoint

from playitback.checkpoint import checkpoint_digest, load_checkpoint
from playitback.errors import CheckpointError
from playitback.weights import INDEX_FILE, WEIGHTS_FILE, weight_files

PARTS = tuple(f"model-{number:05}-of-00003.safetensors" for number in (1, 2, 3))


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    return tiny_checkpoint(tmp_path / "whole")


@pytest.fixture
def parts(tmp_path: Path, whole: Path) -> Path:
    """The same checkpoint with its weights in three files."""
    folder = tiny_checkpoint(tmp_path / "parts")
    (folder / WEIGHTS_FILE).unlink()
    weights = load_file(whole / WEIGHTS_FILE)
    names = sorted(weights)
    map_of = {name: PARTS[3 * place // len(names)] for place, name in enumerate(names)}
    for part in PARTS:
        save_file({name: weights[name] for name in names if map_of[name] == part}, folder / part)
    write_index(folder, map_of)
    return folder


def write_index(folder: Path, weight_map: Any) -> None:
    (folder / INDEX_FILE).write_text(json.dumps({"metadata": {}, "weight_map": weight_map}), encoding="utf-8")


def read_index(folder: Path) -> dict[str, str]:
    told: dict[str, str] = json.loads((folder / INDEX_FILE).read_text(encoding="utf-8"))["weight_map"]
    return told


def test_weights_in_several_files_are_those_in_one(whole: Path, parts: Path) -> None:
    assert [path.name for path in weight_files(parts)] == list(PARTS)
    one, several = (load_checkpoint(folder).model.state_dict() for folder in (whole, parts))
    assert one.keys() == several.keys()
    assert all(torch.equal(one[name], several[name]) for name in one)


def test_where_both_are_there_the_one_file_is_read(parts: Path, whole: Path) -> None:
    (parts / WEIGHTS_FILE).write_bytes((whole / WEIGHTS_FILE).read_bytes())
    (parts / PARTS[0]).unlink()
    assert [path.name for path in weight_files(parts)] == [WEIGHTS_FILE]
    load_checkpoint(parts)


def test_every_file_counts_for_what_tells_a_checkpoint_from_another(parts: Path) -> None:
    before = checkpoint_digest(parts)
    weights = load_file(parts / PARTS[2])
    save_file({name: each + 1 for name, each in weights.items()}, parts / PARTS[2])
    assert checkpoint_digest(parts) != before


@pytest.mark.parametrize(
    "name",
    ["../whole/model.safetensors", "/etc/passwd", "model-1-of-2.safetensors/../x", "model.bin", "", 7, None, "a\nb"],
)
def test_a_file_is_named_plainly_or_not_opened(parts: Path, name: Any) -> None:
    write_index(parts, dict.fromkeys(read_index(parts), name))
    with pytest.raises(CheckpointError, match=r"names the file .* beside it are read|is no list of weights"):
        load_checkpoint(parts)


@pytest.mark.parametrize("told", ["no JSON", "[]", "{}", '{"weight_map": 3}', '{"weight_map": {}}', "[" * 10_000])
def test_an_index_that_is_none_is_refused(parts: Path, told: str) -> None:
    (parts / INDEX_FILE).write_text(told, encoding="utf-8")
    with pytest.raises(CheckpointError, match=r"index.json (is no list of weights|is not JSON|names 0 files)"):
        load_checkpoint(parts)


def test_an_index_of_any_length_takes_no_memory(parts: Path) -> None:
    with (parts / INDEX_FILE).open("wb") as file:
        file.truncate(10**9)
    with pytest.raises(CheckpointError, match="has 1000000000 bytes, and more than 4000000 are not read"):
        load_checkpoint(parts)


def test_an_index_of_too_many_files_is_refused(parts: Path) -> None:
    write_index(parts, {f"w{number}": f"model-{number}-of-999.safetensors" for number in range(300)})
    with pytest.raises(CheckpointError, match="names 300 files, and 1 to 256 are read"):
        load_checkpoint(parts)


def test_a_missing_file_is_named(parts: Path) -> None:
    (parts / PARTS[1]).unlink()
    with pytest.raises(CheckpointError, match=f"lacks {PARTS[1]}, which its {INDEX_FILE} names; fetch it again"):
        load_checkpoint(parts)


def test_a_cut_off_file_is_refused(parts: Path) -> None:
    content = (parts / PARTS[1]).read_bytes()
    (parts / PARTS[1]).write_bytes(content[: len(content) // 2])
    with pytest.raises(CheckpointError, match=f"{PARTS[1]} is not a whole safetensors file"):
        load_checkpoint(parts)


def test_a_list_of_tensors_without_end_is_refused_in_every_file(parts: Path) -> None:
    (parts / PARTS[2]).write_bytes((2**40).to_bytes(8, "little") + b"{}")
    with pytest.raises(CheckpointError, match=f"{PARTS[2]} is not a whole .*its list of tensors is too long"):
        load_checkpoint(parts)


def test_a_tensor_in_two_files_is_refused(parts: Path) -> None:
    first, second = load_file(parts / PARTS[0]), load_file(parts / PARTS[1])
    name = next(iter(first))
    save_file({**second, name: first[name]}, parts / PARTS[1])
    with pytest.raises(CheckpointError, match="which another file holds, too"):
        load_checkpoint(parts)


@pytest.mark.parametrize("change", ["more", "less"])
def test_files_that_hold_other_tensors_than_the_index_names_are_refused(parts: Path, change: str) -> None:
    told = read_index(parts)
    name = next(iter(told))
    if change == "less":
        del told[name]
    else:
        told["unheard.of"] = PARTS[0]
    write_index(parts, told)
    with pytest.raises(CheckpointError, match="hold other tensors than it names"):
        load_checkpoint(parts)


def test_numbers_that_are_not_finite_are_found_in_every_file(parts: Path) -> None:
    weights = load_file(parts / PARTS[2])
    name = next(name for name, each in weights.items() if each.is_floating_point())
    weights[name].view(-1)[0] = torch.nan
    save_file(weights, parts / PARTS[2])
    with pytest.raises(CheckpointError, match="that are not finite"):
        load_checkpoint(parts)


def test_weights_of_another_model_are_told_by_the_index(parts: Path) -> None:
    weights = load_file(parts / PARTS[0])
    name = next(name for name, each in weights.items() if each.ndim)
    save_file({**weights, name: torch.cat([weights[name], weights[name]])}, parts / PARTS[0])
    with pytest.raises(CheckpointError, match=f"{INDEX_FILE} has another shape for|head has"):
        load_checkpoint(parts)
