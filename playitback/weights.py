"""A model's weights, out of safetensors files that may come from anybody.

    model.safetensors, or model.safetensors.index.json with model-00001-of-00003.safetensors, ... -> weight_files
    an outline of the model, the files -> names, shapes and numbers checked -> load_weights -> the model

Nothing is allocated before what the files tell of their tensors is known to belong to the model, and no file is opened
that an index does not name by its plain name within the folder.
"""

from __future__ import annotations

import json
import math
import os
import re
import reprlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from playitback.counts import counted
from playitback.errors import CheckpointError
from playitback.models import families
from playitback.models.listener import Listener
from playitback.reading import read_json

WEIGHTS_FILE, INDEX_FILE = "model.safetensors", "model.safetensors.index.json"
PART_FILES = "model-*-of-*.safetensors"  # as a repo of Hugging Face is asked for them

_PART = re.compile(r"model-\d{1,5}-of-\d{1,5}\.safetensors", re.ASCII)
_MOST_PARTS = 256
_LENGTH_BYTES = 8  # of the length of the list of tensors, with which a file begins
_PIECE_BYTES = 1 << 22  # of a file at a time
_MOST_BYTES = 4_000_000  # of what safetensors tells of the tensors of one file

#: of tensors; others are no weights
_FLOATS = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}
_INTEGERS = {"I64", "I32", "I16", "I8", "U8"}

#: names of tensors in the files, each to itself -> the model's name of each to that in the files
Upgrade = Callable[[Mapping[str, str]], dict[str, str]]


def weight_files(folder: Path) -> tuple[Path, ...]:
    """The files that hold the weights of a checkpoint: one, or those that an index names, in the order of their names.

    Raises CheckpointError for an index that is not one, or that names a file that is not there.
    """
    if (folder / WEIGHTS_FILE).is_file() or not (folder / INDEX_FILE).is_file():
        return (folder / WEIGHTS_FILE,)
    names = sorted(set(_read_index(folder).values()))
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise CheckpointError(f"{folder} lacks {missing[0]}{more}, which its {INDEX_FILE} names; fetch it again")
    return tuple(folder / name for name in names)


def load_weights(outline: Listener, folder: Path, files: Sequence[Path], upgrade: Upgrade) -> Listener:
    """The model that is outlined, with its weights; nothing is allocated before these are known to belong to it.

    folder: of the checkpoint; files: of ``weight_files``. Raises CheckpointError.
    """
    path = files[0]
    with ExitStack() as opened:
        try:
            file_of: dict[str, Any] = {}  # name of a tensor -> the file that holds it
            for path in files:
                _check_list(path)
                weights = opened.enter_context(safe_open(path, framework="pt"))
                names = list(weights.keys())
                twice = sorted(file_of.keys() & set(names))
                if twice:
                    raise CheckpointError(f"{path} holds {twice[0]}, which another file holds, too; fetch them again")
                file_of |= dict.fromkeys(names, weights)
            if len(files) > 1 or path.name != WEIGHTS_FILE:
                _check_index(folder, file_of.keys())
            stored_as = upgrade({name: name for name in file_of})
            found = {name: file_of[stored].get_slice(stored) for name, stored in stored_as.items()}
            of_all = path if len(files) == 1 else folder / INDEX_FILE
            _check_weights(
                outline, folder, of_all, {name: (each.get_shape(), each.get_dtype()) for name, each in found.items()}
            )
            _check_room(outline, of_all)
            for path in files:
                _check_numbers(path)
            model = families.build(outline.config)  # anew: what follows from the configuration is computed only now
            model.load_state_dict({name: file_of[stored].get_tensor(stored) for name, stored in stored_as.items()})
        except (RuntimeError, MemoryError) as error:  # of torch, where a file cannot be mapped or a tensor not made
            raise CheckpointError(
                f"{path} holds more weights than there is room for in the memory; choose a smaller model"
            ) from error
        except (SafetensorError, OSError) as error:
            raise CheckpointError(
                f"{path} is not a whole safetensors file ({error}); fetch or save it again"
            ) from error
    return model


def _read_index(folder: Path) -> dict[str, str]:
    """Name of every tensor -> plain name of the file that holds it."""
    path = folder / INDEX_FILE
    named = read_json(path).get("weight_map")
    if not isinstance(named, dict):
        raise CheckpointError(f"{path} is no list of weights, as it has no weight_map; restore the file")
    try:
        parts = set(named.values())
    except TypeError as error:
        raise CheckpointError(f"{path} is no list of weights ({error}); restore the file") from error
    if not 0 < len(parts) <= _MOST_PARTS:
        raise CheckpointError(f"{path} names {len(parts)} files, and 1 to {_MOST_PARTS} are read; restore the file")
    for name in parts:
        # a plain name: a path could lead out of the folder
        if not isinstance(name, str) or not _PART.fullmatch(name):
            raise CheckpointError(
                f"{path} names the file {reprlib.repr(name)}; only files as model-00001-of-00002.safetensors, beside "
                "it are read; restore the file"
            )
    return named


def _check_index(folder: Path, there: Any) -> None:
    """Whether the files hold what their index tells. there: names of the tensors in them."""
    wrong = sorted(_read_index(folder).keys() ^ there)
    if wrong:
        raise CheckpointError(
            f"the files of {folder / INDEX_FILE} hold other tensors than it names ({wrong[0]}); fetch them again"
        )


def _check_list(path: Path) -> None:
    with path.open("rb") as file:
        told = int.from_bytes(file.read(_LENGTH_BYTES), "little")  # bytes of the list of tensors, which comes first
    if told > _MOST_BYTES:
        raise SafetensorError("its list of tensors is too long")


def _check_weights(outline: Listener, folder: Path, path: Path, found: Mapping[str, tuple[list[int], str]]) -> None:
    """found: name -> shape and number format of every tensor; path: that tells of them. Raises CheckpointError."""
    for index, names in enumerate(outline.config.labels):
        head = outline.head_name.format(index)
        rows = found[head][0][0] if head in found and found[head][0] else len(names)  # else it is reported below
        if rows != len(names):
            raise CheckpointError(
                f"{folder / 'config.json'} names {counted(len(names), 'class', 'classes')}, but the weights' head has "
                f"{rows}; use the labels it was trained with"
            )
    wanted = outline.state_dict()
    both = sorted(wanted.keys() & found.keys())
    for wrong, what in (
        (sorted(wanted.keys() - found.keys()), "lacks"),
        (sorted(found.keys() - wanted.keys()), "has the unknown"),
        ([name for name in both if list(wanted[name].shape) != found[name][0]], "has another shape for"),
        (
            [
                name
                for name in both
                if found[name][1] not in (_FLOATS if wanted[name].is_floating_point() else _INTEGERS)
            ],
            "has another kind of numbers for",
        ),
    ):
        if wrong:
            more = f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""
            raise CheckpointError(f"{path} {what} {wrong[0]}{more}; it does not belong to its config.json")


def _check_room(outline: Listener, path: Path) -> None:
    """Raises CheckpointError for weights that this machine's memory cannot hold, in float32."""
    needed = sum(each.numel() * each.element_size() for each in outline.state_dict().values())
    there = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else math.inf
    if needed > there:
        raise CheckpointError(
            f"{path} holds weights that need {needed / 1e9:.0f} GB of memory, and this machine has {there / 1e9:.0f}; "
            "choose a smaller model"
        )


def _check_numbers(path: Path) -> None:
    """Raises CheckpointError unless all numbers of a file are finite in float32, in which the model computes.

    The file, which was opened by safetensors, is read piece by piece, as it may be as large as the memory.
    """
    with path.open("rb") as file:
        length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
        told: dict[str, Any] = json.loads(file.read(length))
        for name, each in told.items():
            kind = _FLOATS.get(each.get("dtype"))
            if kind is None:  # a whole number, or what the file tells of itself
                continue
            at, end = each["data_offsets"]
            file.seek(_LENGTH_BYTES + length + at)
            while at < end:
                piece = bytearray(file.read(min(_PIECE_BYTES, end - at)))
                at += len(piece)
                if not torch.frombuffer(piece, dtype=kind).float().isfinite().all():
                    raise CheckpointError(f"{path} has numbers in {name} that are not finite; fetch or save it again")
