"""The families of models: one row each, beside its file.

Nothing above ``models/`` names a family; it asks here for what a checkpoint or a preset names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from playitback.config import ModelConfig
from playitback.errors import CheckpointError, SettingsError
from playitback.models import hub_folder, hub_training, mast, pooling
from playitback.models.hub import PUBLISHED, HubModel
from playitback.models.listener import Listener
from playitback.models.recipe import Recipe
from playitback.models.replay import format_1
from playitback.models.replay.config import PRESETS as REPLAY_PRESETS
from playitback.models.replay.config import preset as replay_preset
from playitback.models.replay.model import ReplayModel
from playitback.models.replay.stages import recipe as replay_recipe


@dataclass(frozen=True)
class Family:
    """A kind of model."""

    title: str  # shown to people
    listener: type[Listener]
    presets: tuple[str, ...] = ()  # names of architectures that can be trained
    #: (preset, labels, multi_label=, clip_seconds=) -> its description
    preset: Callable[..., ModelConfig] | None = None
    recipe: Callable[[str], Recipe] | None = None  # preset -> how it is trained
    package: str | None = None  # that it needs and that is installed separately

    @property
    def is_installed(self) -> bool:
        return self.package is None or find_spec(self.package) is not None


#: name, which a description carries as ``family`` -> family
FAMILIES: dict[str, Family] = {
    "replay": Family("replay attention", ReplayModel, REPLAY_PRESETS, replay_preset, replay_recipe),
    "pooling": Family("attention pooling", pooling.PoolingModel, pooling.PRESETS, pooling.preset, pooling.recipe),
    "mast": Family("multiscale transformer", mast.MastModel, mast.PRESETS, mast.preset, mast.recipe),
    "hub": Family(
        "transformers",
        HubModel,
        hub_training.PRESETS,
        hub_training.preset,
        hub_training.recipe,
        package="transformers",
    ),
}


def presets() -> tuple[str, ...]:
    """All presets that can be built here, family by family."""
    return tuple(name for family in FAMILIES.values() if family.is_installed for name in family.presets)


def preset(
    name: str, labels: tuple[tuple[str, ...], ...], *, multi_label: bool = False, clip_seconds: float = 5.0
) -> ModelConfig:
    """The named architecture for the given class names.

    Raises SettingsError for a name that is not in ``presets()``.
    """
    make = _family_of(name).preset
    assert make is not None, "a family that names presets makes them"
    return make(name, labels, multi_label=multi_label, clip_seconds=clip_seconds)


def recipe(preset: str) -> Recipe:
    """How a preset is trained. Raises SettingsError for a name that is not in ``presets()``."""
    make = _family_of(preset).recipe
    assert make is not None, "a family that names presets trains them"
    return make(preset)


def title(config: ModelConfig) -> str:
    """The name of a model's family, as people know it."""
    return FAMILIES[config.family].title


def published() -> dict[str, str]:
    """Repo id -> what it is, of models that others published and that can be opened here: with transformers alone."""
    return PUBLISHED if opens_foreign() else {}


def opens_foreign() -> bool:
    """Whether checkpoints in the format of others can be opened here."""
    return FAMILIES["hub"].is_installed


def read_config(values: Mapping[str, Any]) -> ModelConfig:
    """The description of a model from the ``model`` entry of a config.json. Raises CheckpointError."""
    return _listener(values.get("family")).config_class.from_dict(values)


def build(config: ModelConfig) -> Listener:
    """An untrained model. Raises CheckpointError for an unknown family."""
    return _listener(config.family)(config)


def outline(config: ModelConfig) -> Listener:
    """A model without numbers, on torch's meta device: it takes no memory, whatever its description asks for."""
    with torch.device("meta"), _NothingFilled():
        return build(config)


#: of new weights; what they return has the shape of what they are given
_FILLING = {
    *(Tensor.normal_, Tensor.uniform_, Tensor.erfinv_, Tensor.clamp_, Tensor.fill_, Tensor.zero_),
    *(Tensor.add_, Tensor.mul_, Tensor.__imul__, Tensor.sign, Tensor.copy_),
}


class _NothingFilled(TorchFunctionMode):
    """Leaves out what fills new weights: without numbers it is for nothing, and torch loads its compiler for it."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if getattr(func, "__module__", None) == nn.init.__name__:
            return kwargs["tensor"]
        if func in _FILLING:
            return args[0]
        if func is torch.linalg.qr:  # of orthogonal weights
            return args[0], args[0].new_empty(args[0].shape[1:] * 2)
        return func(*args, **kwargs)


#: for checkpoints that were written before there were families
upgrade_description = format_1.upgrade_description
upgrade_weights = format_1.upgrade_weights

#: for checkpoints in the format of others
is_foreign = hub_folder.is_foreign
read_foreign = hub_folder.read
foreign_weights = hub_folder.weights_of
try_foreign = hub_folder.try_out
about_foreign = hub_folder.about
amend_foreign = hub_folder.amended


def written_as_foreign(
    model: Listener, about: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Tensor]] | None:
    """What the folder of a model in the format of others holds; None for ours. See ``hub_training.written``."""
    return hub_training.written(model, about) if isinstance(model, HubModel) else None


def _listener(family: Any) -> type[Listener]:
    if not isinstance(family, str) or family not in FAMILIES:
        raise CheckpointError(f"there is no model family {family!r} here; there are: {', '.join(FAMILIES)}")
    return FAMILIES[family].listener


def _family_of(preset: str) -> Family:
    for family in FAMILIES.values():
        if preset in family.presets:
            return family
    raise SettingsError(f"there is no preset {preset!r}; choose one of {', '.join(presets())}")
