"""Checkpoints: a folder with model.safetensors, config.json and README.md (the model card). Never a pickle.

config.json holds the family, architecture, front end and class names (``model``), and what a reader of the weights must
know (``about``: name, licence, how it was trained, measured results). Whoever loads a checkpoint needs nothing else.
Format 1 knew one family; it is still read. So is a folder in transformers' own format, which has a
preprocessor_config.json as well: ``families`` says what it holds.
"""

from __future__ import annotations

import json
import math
import reprlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from playitback.config import ModelConfig
from playitback.errors import CheckpointError, SettingsError
from playitback.models import families
from playitback.models.listener import Listener
from playitback.writing import write_whole, write_whole_text

WEIGHTS_FILE, CONFIG_FILE, CARD_FILE = "model.safetensors", "config.json", "README.md"
_EXTRACTOR_FILE, _PROCESSOR_FILE = "preprocessor_config.json", "processor_config.json"  # of transformers' folders
_INSTALLED = Path(__file__).resolve().parent / "checkpoints"  # where a wheel has them
BUNDLED = _INSTALLED if _INSTALLED.is_dir() else Path(__file__).resolve().parent.parent / "checkpoints"
FORMAT = 2

#: A checkpoint may come from anybody. What stands in it is bounded before it is read, so that none takes the memory.
_MOST_BYTES = 4_000_000  # of config.json, of the card, and of what safetensors tells of its tensors
_MOST_DIGITS = 40  # of a number; a float has 17
_DEEPEST = 32  # lists and objects within one another

#: of tensors; others are no weights
_FLOATS, _INTEGERS = {"F64", "F32", "F16", "BF16"}, {"I64", "I32", "I16", "I8", "U8"}

_PICKLE_SUFFIXES = {".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".bin", ".pyth"}


@dataclass(frozen=True)
class Checkpoint:
    """A loaded checkpoint; the model is in evaluation mode, in float32, on the CPU."""

    name: str
    model: Listener
    about: dict[str, Any] = field(default_factory=dict)
    card: str = ""


def available_checkpoints() -> tuple[str, ...]:
    """Names of the bundled checkpoints that can be opened here."""
    there = sorted(BUNDLED.glob(f"*/{CONFIG_FILE}"))
    if not families.opens_foreign():
        there = [path for path in there if not families.is_foreign(_read_json(path))]
    return tuple(path.parent.name for path in there)


def save_checkpoint(
    folder: Path, model: Listener, *, about: dict[str, Any], card: str, dtype: torch.dtype = torch.float32
) -> None:
    """Writes the folder; matrices of weights in ``dtype``, vectors and statistics, which are few, in float32."""
    folder.mkdir(parents=True, exist_ok=True)
    foreign = families.written_as_foreign(model, about)
    if foreign is None:
        _write_json(folder / CONFIG_FILE, {"format": FORMAT, "model": model.config.to_dict(), "about": about})
        weights = model.state_dict()
    else:
        description, extractor, weights = foreign
        _write_json(folder / CONFIG_FILE, description)
        _write_json(folder / _EXTRACTOR_FILE, extractor)
    write_whole_text(folder / CARD_FILE, card)
    stored = {name: _stored(tensor, dtype) for name, tensor in weights.items()}
    write_whole(folder / WEIGHTS_FILE, lambda partial: save_file(stored, partial))


def amend_checkpoint(folder: Path, *, temperature: float, about: Mapping[str, Any], section: str) -> None:
    """Another temperature for the model in ``folder``, with what is known about it and a section of its card.

    A section of the same heading is replaced. Raises CheckpointError for a folder without a valid description.
    """
    description = _read_description(folder)
    description["model"]["temperature"] = temperature
    description.setdefault("about", {}).update(about)
    _write_json(folder / CONFIG_FILE, description)
    card, heading = _read_card(folder), section.splitlines()[0]
    before, _, rest = card.partition(f"{heading}\n")
    _, mark, after = rest.partition("\n## ")
    parts = filter(None, (before.rstrip(), section.strip(), (mark + after).strip()))
    write_whole_text(folder / CARD_FILE, "\n\n".join(parts) + "\n")


def load_checkpoint(source: str | Path) -> Checkpoint:
    """Loads a folder, a name under checkpoints/, or a Hugging Face repo id ("owner/name").

    Raises CheckpointError, which says what is wrong and which checkpoints there are.
    """
    folder = find_checkpoint(source)
    described = _read(folder)
    model = _load_model(described.outline, folder, described.upgrade).eval()
    if described.foreign:
        families.try_foreign(model)
    return Checkpoint(
        name=Path(source).resolve().name,  # of a repo id, the folder in the cache is named after its commit
        model=model,
        about=described.about,
        card=described.card,
    )


def published_checkpoints() -> dict[str, str]:
    """Repo id -> what it is, of models that others published and that can be opened here."""
    return families.published()


def describe_checkpoint(source: str | Path) -> tuple[str, ModelConfig]:
    """The family of a model, as people know it, and what a checkpoint says of it besides; without the weights.

    Raises CheckpointError.
    """
    config = _read(find_checkpoint(source)).outline.config
    return families.title(config), config


#: names of tensors in a file, each to itself -> the model's name of each to that in the file
_Upgrade = Callable[[Mapping[str, str]], dict[str, str]]


@dataclass(frozen=True)
class _Described:
    """What a folder says of a model."""

    outline: Listener  # without numbers
    upgrade: _Upgrade
    about: dict[str, Any]
    card: str
    foreign: bool  # in transformers' format


def _read(folder: Path) -> _Described:
    values, card = _read_json(folder / CONFIG_FILE), _read_card(folder)
    if families.is_foreign(values):
        outline = _outline(folder, lambda: families.read_foreign(values, lambda: _read_extractor(folder)))
        upgrade = partial(families.foreign_weights, outline)
        return _Described(outline, upgrade, families.about_foreign(values, card), card, foreign=True)
    description = _description(folder, values)
    model, is_format_1 = description["model"], description["format"] == 1
    upgraded = families.upgrade_description(model) if is_format_1 else model
    outline = _outline(folder, lambda: families.read_config(upgraded))
    about: dict[str, Any] = description.get("about", {})
    return _Described(outline, families.upgrade_weights if is_format_1 else dict, about, card, foreign=False)


def _outline(folder: Path, read: Callable[[], ModelConfig]) -> Listener:
    try:
        return families.outline(read())
    # numbers that no one checked, as in a file edited by hand, fail where they are first used
    except (SettingsError, ArithmeticError, AttributeError, RuntimeError, TypeError, ValueError) as error:
        raise CheckpointError(f"{folder / CONFIG_FILE} describes no valid model: {error}; restore the file") from error


def find_checkpoint(source: str | Path) -> Path:
    """The folder that ``source`` names; a repo id is downloaded into Hugging Face's cache, or found there."""
    path = Path(source)
    if path.is_dir():
        return _complete(path)
    if path.suffix.lower() in _PICKLE_SUFFIXES:
        raise CheckpointError(
            f"{path.name} is a pickled file, which can run code when it is opened and is not loaded; "
            "convert it to a folder with model.safetensors and config.json"
        )
    if path.is_file():
        raise CheckpointError(f"{path.name} is a file; give the folder that holds {WEIGHTS_FILE} and {CONFIG_FILE}")
    name = str(source)
    if (BUNDLED / name).is_dir() and name not in ("", ".", ".."):
        return _complete(BUNDLED / name)
    if name.count("/") == 1 and not name.startswith((".", "/")):
        return _download(name)
    raise CheckpointError(f"there is no checkpoint {name!r}; {_there_are()}")


def checkpoint_digest(source: str | Path) -> str:
    """What tells a checkpoint from every other one, by what its description and weights hold: 64 hexadecimal digits.

    Raises CheckpointError as ``find_checkpoint`` does.
    """
    folder, digest = find_checkpoint(source), sha256()
    for name in (CONFIG_FILE, WEIGHTS_FILE):
        digest.update((folder / name).read_bytes())
    return digest.hexdigest()


def _complete(folder: Path) -> Path:
    missing = [name for name in (CONFIG_FILE, WEIGHTS_FILE) if not (folder / name).is_file()]
    if not missing:
        return folder
    pickled = sorted(path.name for path in folder.iterdir() if path.suffix.lower() in _PICKLE_SUFFIXES)
    if WEIGHTS_FILE in missing and pickled:
        raise CheckpointError(
            f"{folder} holds pickled weights ({pickled[0]}), which can run code when they are opened and are not "
            f"loaded; convert them to {WEIGHTS_FILE}"
        )
    raise CheckpointError(f"{folder} has no {' and no '.join(missing)}, so it is not a checkpoint; {_there_are()}")


def _there_are() -> str:
    names = available_checkpoints()
    return f"there are: {', '.join(names)}" if names else "none is bundled; train one with python -m playitback train"


def _download(repo_id: str) -> Path:
    try:
        files = [WEIGHTS_FILE, CONFIG_FILE, CARD_FILE, _EXTRACTOR_FILE, _PROCESSOR_FILE]
        return _complete(Path(snapshot_download(repo_id, allow_patterns=files)))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise CheckpointError(
            f"{repo_id!r} is not a folder here and could not be fetched from Hugging Face ({type(error).__name__}); "
            f"{_there_are()}"
        ) from error


def _read_json(path: Path) -> dict[str, Any]:
    """An object that a file holds; anything else is an empty one, which describes nothing."""
    try:
        values = json.loads(_read_text(path), parse_constant=_number, parse_int=_number, parse_float=_number)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} is not JSON ({error}); restore the file") from error
    return values if isinstance(values, dict) and _is_shallow(values, _DEEPEST) else {}


def _read_extractor(folder: Path) -> dict[str, Any]:
    """How sounds are made ready for a model in transformers' format, which newer versions note within another file."""
    for name in (_PROCESSOR_FILE, _EXTRACTOR_FILE):
        if (folder / name).is_file():
            values = _read_json(folder / name)
            values = values.get("feature_extractor", {}) if name == _PROCESSOR_FILE else values
            if isinstance(values, dict) and values:
                return values
    raise CheckpointError(
        f"{folder} has no {_EXTRACTOR_FILE}, which tells how sounds are made ready for its model; fetch that as well"
    )


def _read_description(folder: Path) -> dict[str, Any]:
    """Of a model of ours."""
    return _description(folder, _read_json(folder / CONFIG_FILE))


def _description(folder: Path, description: dict[str, Any]) -> dict[str, Any]:
    path = folder / CONFIG_FILE
    if not isinstance(description.get("model"), dict) or not isinstance(description.get("about", {}), dict):
        raise CheckpointError(f"{path} does not describe a model of ours; restore the file or convert the weights")
    number = description.get("format")
    if type(number) is not int or number not in (1, FORMAT):
        raise CheckpointError(
            f"{path} is of format {reprlib.repr(number)}, this version reads 1 to {FORMAT}; update one of them"
        )
    return description


def _read_card(folder: Path) -> str:
    path = folder / CARD_FILE
    try:
        return _read_text(path) if path.is_file() else ""
    except UnicodeDecodeError as error:
        raise CheckpointError(f"{path} is no text in UTF-8; save it as that, or take the file away") from error


def _read_text(path: Path) -> str:
    try:
        size = path.stat().st_size
        if size > _MOST_BYTES:
            raise CheckpointError(
                f"{path} has {size} bytes, and more than {_MOST_BYTES} are not read; restore or shorten the file"
            )
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read ({error.strerror}); check its permissions") from error


def _number(text: str) -> int | float:
    """A number of JSON. Raises ValueError for NaN and infinity, which JSON does not know, and for endless ones."""
    if len(text) > _MOST_DIGITS:
        raise ValueError(f"a number has {len(text)} digits")
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is no finite number")
    return number if set(text) & set(".eE") else int(text)


def _is_shallow(value: Any, levels: int) -> bool:
    """Whether at most so many lists and objects stand within one another."""
    if not isinstance(value, list | dict):
        return True
    within = value.values() if isinstance(value, dict) else value
    return levels > 0 and all(_is_shallow(each, levels - 1) for each in within)


def _write_json(path: Path, values: Mapping[str, Any]) -> None:
    write_whole_text(path, json.dumps(values, indent=1, ensure_ascii=False) + "\n")


def _load_model(outline: Listener, folder: Path, upgrade: _Upgrade) -> Listener:
    """The model that is outlined, with its weights; nothing is allocated before these are known to belong to it."""
    path = folder / WEIGHTS_FILE
    try:
        with path.open("rb") as file:
            told = int.from_bytes(file.read(8), "little")  # bytes of the list of tensors, which comes first
        if told > _MOST_BYTES:
            raise SafetensorError("its list of tensors is too long")
        with safe_open(path, framework="pt") as weights:
            stored_as = upgrade({name: name for name in weights.keys()})  # noqa: SIM118  # it is no dict
            found = {name: weights.get_slice(stored) for name, stored in stored_as.items()}
            _check_weights(
                outline, folder, {name: (each.get_shape(), each.get_dtype()) for name, each in found.items()}
            )
            for name, stored in stored_as.items():
                if not _is_finite(weights.get_tensor(stored)):
                    raise CheckpointError(f"{path} has numbers in {name} that are not finite; fetch or save it again")
            model = families.build(outline.config)  # anew: what follows from the configuration is computed only now
            model.load_state_dict({name: weights.get_tensor(stored) for name, stored in stored_as.items()})
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} is not a whole safetensors file ({error}); fetch or save it again") from error
    return model


def _check_weights(outline: Listener, folder: Path, found: Mapping[str, tuple[list[int], str]]) -> None:
    """found: name -> shape and number format of every tensor in the file. Raises CheckpointError."""
    path = folder / WEIGHTS_FILE
    for index, names in enumerate(outline.config.labels):
        head = outline.head_name.format(index)
        rows = found[head][0][0] if head in found and found[head][0] else len(names)  # else it is reported below
        if rows != len(names):
            raise CheckpointError(
                f"{folder / CONFIG_FILE} names {len(names)} classes, but the weights' head has {rows}; "
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


def _stored(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    rounded = tensor.is_floating_point() and tensor.ndim > 1
    return tensor.detach().cpu().to(dtype if rounded else tensor.dtype).contiguous()
