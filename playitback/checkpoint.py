"""Checkpoints: a folder with model.safetensors, config.json and README.md (the model card). Never a pickle.

Of a large model of transformers the weights may lie in several files: see ``weights``.

config.json holds the family, architecture, front end and class names (``model``), and what a reader of the weights must
know (``about``: name, licence, how it was trained, measured results). Whoever loads a checkpoint needs nothing else.
Format 1 knew one family; it is still read. So is a folder in transformers' own format, which has a
preprocessor_config.json as well: ``families`` says what it holds.
"""

from __future__ import annotations

import json
import os
import reprlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import snapshot_download
from safetensors.torch import save_file
from torch import Tensor

from playitback.about import check_about
from playitback.config import ModelConfig
from playitback.errors import CheckpointError, SettingsError, quoted
from playitback.fetching import FAILURES, fetch
from playitback.models import families
from playitback.models.listener import Listener
from playitback.progress import Steps
from playitback.reading import read_json, read_text
from playitback.weights import INDEX_FILE, PART_FILES, WEIGHTS_FILE, Upgrade, load_weights, weight_files
from playitback.writing import write_whole, write_whole_text

CONFIG_FILE, CARD_FILE = "config.json", "README.md"
_EXTRACTOR_FILE, _PROCESSOR_FILE = "preprocessor_config.json", "processor_config.json"  # of transformers' folders
_INSTALLED = Path(__file__).resolve().parent / "checkpoints"  # where a wheel has them
BUNDLED = _INSTALLED if _INSTALLED.is_dir() else Path(__file__).resolve().parent.parent / "checkpoints"
FORMAT = 2

_PIECE_BYTES = 1 << 20  # of a file that is read to its end, which may be larger than the memory

#: of a repo of Hugging Face
_FETCHED = [WEIGHTS_FILE, INDEX_FILE, PART_FILES, CONFIG_FILE, CARD_FILE, _EXTRACTOR_FILE, _PROCESSOR_FILE]

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
        there = [path for path in there if not families.is_foreign(read_json(path))]
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
    description = read_json(folder / CONFIG_FILE)
    if families.is_foreign(description):
        description = families.amend_foreign(description, temperature, about)
    else:
        description = _description(folder, description)
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
    with _named(folder):
        described = _read(folder)
        model = load_weights(described.outline, folder, weight_files(folder), described.upgrade).eval()
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
    folder = find_checkpoint(source)
    with _named(folder):
        config = _read(folder).outline.config
    return families.title(config), config


@contextmanager
def _named(folder: Path) -> Iterator[None]:
    """Has every refusal say which checkpoint it is, as several may have been given."""
    try:
        yield
    except CheckpointError as error:
        told = str(error)
        if told.startswith(str(folder)) or os.path.join(folder, "") in told:
            raise
        raise CheckpointError(f"{folder}: {told}") from error


@dataclass(frozen=True)
class _Described:
    """What a folder says of a model."""

    outline: Listener  # without numbers
    upgrade: Upgrade
    about: dict[str, Any]
    card: str
    foreign: bool  # in transformers' format


def _read(folder: Path) -> _Described:
    values, card = read_json(folder / CONFIG_FILE), _read_card(folder)
    about: dict[str, Any]
    if families.is_foreign(values):
        with _valid(folder):
            outline = families.outline(families.read_foreign(values, lambda: _read_extractor(folder)))
            about = families.about_foreign(values, card)
            check_about(about)
        return _Described(outline, partial(families.foreign_weights, outline), about, card, foreign=True)
    description = _description(folder, values)
    model, is_format_1 = description["model"], description["format"] == 1
    about = description.get("about", {})
    with _valid(folder):
        outline = families.outline(families.read_config(families.upgrade_description(model) if is_format_1 else model))
        check_about(about)
    return _Described(outline, families.upgrade_weights if is_format_1 else dict, about, card, foreign=False)


@contextmanager
def _valid(folder: Path) -> Iterator[None]:
    """What is wrong with a description, in a sentence that names the file."""
    try:
        yield
    # numbers that no one checked, as in a file edited by hand, fail where they are first used
    except (SettingsError, ArithmeticError, AttributeError, RuntimeError, TypeError, ValueError) as error:
        raise CheckpointError(f"{folder / CONFIG_FILE} describes no valid model: {error}; restore the file") from error


def find_checkpoint(source: str | Path) -> Path:
    """The folder that ``source`` names; a repo id is downloaded into Hugging Face's cache, or found there."""
    path = Path(source)
    try:
        is_folder = path.is_dir()
    except OSError as error:  # too long for a name, or in a folder that may not be looked into
        raise CheckpointError(
            f"there is no checkpoint {quoted(str(source))} ({error.strerror}); {_there_are()}"
        ) from error
    if is_folder:
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
    if _is_repo_id(name):
        return _download(name)
    raise CheckpointError(f"there is no checkpoint {name!r}; {_there_are()}")


def find_own_checkpoint(source: str | Path) -> Path:
    """The folder that ``source`` names, whose files may be changed.

    Raises CheckpointError as ``find_checkpoint`` does, and for a repo id: other programs use what was fetched, too.
    """
    if _is_fetched(source):
        raise CheckpointError(
            f"{str(source)!r} is not a folder here, and what Hugging Face's cache holds is left as it was fetched; "
            "copy it into a folder, and give that"
        )
    return find_checkpoint(source)


def checkpoint_digest(source: str | Path) -> str:
    """What tells a checkpoint from every other one, by what its description and weights hold: 64 hexadecimal digits.

    Raises CheckpointError as ``find_checkpoint`` does.
    """
    folder, digest = find_checkpoint(source), sha256()
    for path in (folder / CONFIG_FILE, *weight_files(folder)):
        try:
            with path.open("rb") as file:
                while piece := file.read(_PIECE_BYTES):
                    digest.update(piece)
        except OSError as error:
            raise CheckpointError(f"{path} cannot be read ({error.strerror}); check its permissions") from error
    return digest.hexdigest()


def _complete(folder: Path) -> Path:
    missing = [name for name in (CONFIG_FILE, WEIGHTS_FILE) if not (folder / name).is_file()]
    if missing == [WEIGHTS_FILE] and (folder / INDEX_FILE).is_file():
        missing = []
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


def fetch_checkpoint(source: str | Path) -> Steps[None]:
    """Fetches what a repo id names, unless it is in the cache, and tells how many bytes are there of how many.

    Of anything else, which is here or nowhere, nothing is told. Raises CheckpointError.
    """
    if _is_fetched(source):
        name = str(source)
        with _fetch_refused(name):
            yield from fetch(name, _FETCHED)


def _is_fetched(source: str | Path) -> bool:
    name = str(source)
    return _is_repo_id(name) and not Path(source).exists() and not (BUNDLED / name).is_dir()


def _is_repo_id(name: str) -> bool:
    return name.count("/") == 1 and not name.startswith((".", "/"))


def _download(repo_id: str) -> Path:
    with _fetch_refused(repo_id):
        return _complete(Path(snapshot_download(repo_id, allow_patterns=_FETCHED)))


@contextmanager
def _fetch_refused(repo_id: str) -> Iterator[None]:
    try:
        yield
    except FAILURES as error:
        raise CheckpointError(
            f"{repo_id!r} is not a folder here and could not be fetched from Hugging Face ({type(error).__name__}); "
            f"{_there_are()}"
        ) from error


def _read_extractor(folder: Path) -> dict[str, Any]:
    """How sounds are made ready for a model in transformers' format, which newer versions note within another file."""
    for name in (_PROCESSOR_FILE, _EXTRACTOR_FILE):
        if (folder / name).is_file():
            values = read_json(folder / name)
            values = values.get("feature_extractor", {}) if name == _PROCESSOR_FILE else values
            if isinstance(values, dict) and values:
                return values
    raise CheckpointError(
        f"{folder} has no {_EXTRACTOR_FILE}, which tells how sounds are made ready for its model; fetch that as well"
    )


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
    return read_text(path) if path.is_file() else ""


def _write_json(path: Path, values: Mapping[str, Any]) -> None:
    write_whole_text(path, json.dumps(values, indent=1, ensure_ascii=False) + "\n")


def _stored(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    rounded = tensor.is_floating_point() and tensor.ndim > 1
    return tensor.detach().cpu().to(dtype if rounded else tensor.dtype).contiguous()
