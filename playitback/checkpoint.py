"""Checkpoints: a folder with model.safetensors, config.json and README.md (the model card). Never a pickle.

config.json holds the family, architecture, front end and class names (``model``), and what a reader of the weights must
know (``about``: name, licence, how it was trained, measured results). Whoever loads a checkpoint needs nothing else.
Format 1 knew one family; it is still read.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from playitback.errors import CheckpointError, SettingsError
from playitback.models import families
from playitback.models.listener import Listener

WEIGHTS_FILE, CONFIG_FILE, CARD_FILE = "model.safetensors", "config.json", "README.md"
_INSTALLED = Path(__file__).resolve().parent / "checkpoints"  # where a wheel has them
BUNDLED = _INSTALLED if _INSTALLED.is_dir() else Path(__file__).resolve().parent.parent / "checkpoints"
FORMAT = 2

_PICKLE_SUFFIXES = {".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".bin", ".pyth"}


@dataclass(frozen=True)
class Checkpoint:
    """A loaded checkpoint; the model is in evaluation mode, in float32, on the CPU."""

    name: str
    model: Listener
    about: dict[str, Any] = field(default_factory=dict)
    card: str = ""


def available_checkpoints() -> tuple[str, ...]:
    """Names of the bundled checkpoints."""
    return tuple(sorted(path.parent.name for path in BUNDLED.glob(f"*/{CONFIG_FILE}")))


def save_checkpoint(
    folder: Path, model: Listener, *, about: dict[str, Any], card: str, dtype: torch.dtype = torch.float32
) -> None:
    """Writes the folder; matrices of weights in ``dtype``, vectors and statistics, which are few, in float32."""
    folder.mkdir(parents=True, exist_ok=True)
    _write_description(folder, {"format": FORMAT, "model": model.config.to_dict(), "about": about})
    (folder / CARD_FILE).write_text(card, encoding="utf-8")
    save_file({name: _stored(tensor, dtype) for name, tensor in model.state_dict().items()}, folder / WEIGHTS_FILE)


def amend_checkpoint(folder: Path, *, temperature: float, about: Mapping[str, Any], section: str) -> None:
    """Another temperature for the model in ``folder``, with what is known about it and a section of its card.

    A section of the same heading is replaced. Raises CheckpointError for a folder without a valid description.
    """
    description = _read_description(folder)
    description["model"]["temperature"] = temperature
    description.setdefault("about", {}).update(about)
    _write_description(folder, description)
    path, heading = folder / CARD_FILE, section.splitlines()[0]
    card = path.read_text(encoding="utf-8") if path.is_file() else ""
    before, _, rest = card.partition(f"{heading}\n")
    _, mark, after = rest.partition("\n## ")
    parts = filter(None, (before.rstrip(), section.strip(), (mark + after).strip()))
    path.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def load_checkpoint(source: str | Path) -> Checkpoint:
    """Loads a folder, a name under checkpoints/, or a Hugging Face repo id ("owner/name").

    Raises CheckpointError, which says what is wrong and which checkpoints there are.
    """
    folder = find_checkpoint(source)
    description = _read_description(folder)
    is_format_1 = description["format"] == 1
    described = families.upgrade_description(description["model"]) if is_format_1 else description["model"]
    try:
        model = families.build(families.read_config(described))
    # numbers that no one checked, as in a file edited by hand, fail where they are first used
    except (SettingsError, ArithmeticError, AttributeError, RuntimeError, TypeError, ValueError) as error:
        raise CheckpointError(f"{folder / CONFIG_FILE} describes no valid model: {error}; restore the file") from error
    _load_weights(model, folder, families.upgrade_weights if is_format_1 else dict)
    card = folder / CARD_FILE
    return Checkpoint(
        name=Path(source).resolve().name,  # of a repo id, the folder in the cache is named after its commit
        model=model.eval(),
        about=description.get("about", {}),
        card=card.read_text(encoding="utf-8") if card.is_file() else "",
    )


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
        files = [WEIGHTS_FILE, CONFIG_FILE, CARD_FILE]
        return _complete(Path(snapshot_download(repo_id, allow_patterns=files)))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise CheckpointError(
            f"{repo_id!r} is not a folder here and could not be fetched from Hugging Face ({type(error).__name__}); "
            f"{_there_are()}"
        ) from error


def _read_description(folder: Path) -> dict[str, Any]:
    path = folder / CONFIG_FILE
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{path} is not JSON ({error}); restore the file") from error
    if not isinstance(description, dict) or not isinstance(description.get("model"), dict):
        raise CheckpointError(f"{path} does not describe a model of ours; restore the file or convert the weights")
    if description.get("format") not in (1, FORMAT):
        raise CheckpointError(
            f"{path} is of format {description.get('format')!r}, this version reads 1 to {FORMAT}; update one of them"
        )
    return description


def _write_description(folder: Path, description: Mapping[str, Any]) -> None:
    (folder / CONFIG_FILE).write_text(json.dumps(description, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _load_weights(model: Listener, folder: Path, upgrade: Callable[[Mapping[str, Tensor]], dict[str, Tensor]]) -> None:
    path = folder / WEIGHTS_FILE
    try:
        stored = upgrade(load_file(path))
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} is not a whole safetensors file ({error}); fetch or save it again") from error
    for index, names in enumerate(model.config.labels):
        head = model.head_name.format(index)
        rows = stored[head].shape[0] if head in stored else len(names)  # missing weights are reported below
        if rows != len(names):
            raise CheckpointError(
                f"{folder / CONFIG_FILE} names {len(names)} classes, but the weights' head has {rows}; "
                "use the labels it was trained with"
            )
    wanted = model.state_dict()
    missing, unknown = sorted(wanted.keys() - stored.keys()), sorted(stored.keys() - wanted.keys())
    differing = [name for name in wanted.keys() & stored.keys() if wanted[name].shape != stored[name].shape]
    for found, what in ((missing, "lacks"), (unknown, "has the unknown"), (sorted(differing), "has another shape for")):
        if found:
            more = f" and {len(found) - 1} more" if len(found) > 1 else ""
            raise CheckpointError(f"{path} {what} {found[0]}{more}; it does not belong to its config.json")
    model.load_state_dict({name: tensor.to(wanted[name].dtype) for name, tensor in stored.items()})


def _stored(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    rounded = tensor.is_floating_point() and tensor.ndim > 1
    return tensor.detach().cpu().to(dtype if rounded else tensor.dtype).contiguous()
