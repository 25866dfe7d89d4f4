"""A model's weights, out of safetensors files that may come from anybody.

    model.safetensors, or model.safetensors.index.json with model-00001-of-00003.safetensors, ... -> weight_files
    an outline of the model, the files -> names, shapes and numbers checked -> load_weights -> the model

Nothing is allocated before what the files tell of their tensors is known to belong to the model, and no file is opened
that an index does not name by its plain name within the folder.
"""

from __future__ import annotations

import json
import re
import reprlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from playitback.errors import CheckpointError
from playitback.models import families
from playitback.models.listener import Listener

WEIGHTS_FILE, INDEX_FILE = "model.safetensors", "model.safetensors.index.json"
PART_FILES = "model-*-of-*.safetensors"  # as a repo of Hugging Face is asked for them

_PART = re.compile(r"model-\d{1,5}-of-\d{1,5}\.safetensors", re.ASCII)
_MOST_PARTS = 256
_MOST_BYTES = 4_000_000  # of an index, and of what safetensors tells of the tensors of one file

#: of tensors; others are no weights
_FLOATS, _INTEGERS = {"F64", "F32", "F16", "BF16"}, {"I64", "I32", "I16", "I8", "U8"}

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
            for name, stored in stored_as.items():
                if not _is_finite(file_of[stored].get_tensor(stored)):
                    raise CheckpointError(f"{of_all} has numbers in {name} that are not finite; fetch or save it again")
            model = families.build(outline.config)  # anew: what follows from the configuration is computed only now
            model.load_state_dict({name: file_of[stored].get_tensor(stored) for name, stored in stored_as.items()})
        except (SafetensorError, OSError) as error:
            raise CheckpointError(
                f"{path} is not a whole safetensors file ({error}); fetch or save it again"
            ) from error
    return model


def _read_index(folder: Path) -> dict[str, str]:
    """Name of every tensor -> plain name of the file that holds it."""
    path = folder / INDEX_FILE
    try:
        size = path.stat().st_size
        if size > _MOST_BYTES:
            raise CheckpointError(
                f"{path} has {size} bytes, and more than {_MOST_BYTES} are not read; restore the file"
            )
        told = json.loads(path.read_text(encoding="utf-8"))
        named = told["weight_map"]
        parts = set(named.values())
    except (OSError, ValueError, RecursionError, LookupError, TypeError, AttributeError) as error:
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
    found: dict[str, str] = named
    return found


def _check_index(folder: Path, there: Any) -> None:
    """Whether the files hold what their index tells. there: names of the tensors in them."""
    wrong = sorted(_read_index(folder).keys() ^ there)
    if wrong:
        raise CheckpointError(
            f"the files of {folder / INDEX_FILE} hold other tensors than it names ({wrong[0]}); fetch them again"
        )


def _check_list(path: Path) -> None:
    with path.open("rb") as file:
        told = int.from_bytes(file.read(8), "little")  # bytes of the list of tensors, which comes first
    if told > _MOST_BYTES:
        raise SafetensorError("its list of tensors is too long")


def _check_weights(outline: Listener, folder: Path, path: Path, found: Mapping[str, tuple[list[int], str]]) -> None:
    """found: name -> shape and number format of every tensor; path: that tells of them. Raises CheckpointError."""
    for index, names in enumerate(outline.config.labels):
        head = outline.head_name.format(index)
        rows = found[head][0][0] if head in found and found[head][0] else len(names)  # else it is reported below
        if rows != len(names):
            raise CheckpointError(
                f"{folder / 'config.json'} names {len(names)} classes, but the weights' head has {rows}; "
                "use the labels it was trained with"
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


def _is_finite(tensor: Tensor) -> bool:
    """Whether all numbers are finite in float32, in which the model computes."""
    # the sum tells at a glance, unless it is itself too large
    return bool(tensor.sum(dtype=torch.float32).isfinite() or tensor.float().isfinite().all())
