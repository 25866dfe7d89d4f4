"""What a training begins with: new weights, or those of a checkpoint as far as they fit."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from torch import Tensor

from playitback.checkpoint import Checkpoint
from playitback.config import ModelConfig
from playitback.errors import SettingsError
from playitback.models import families
from playitback.models.listener import Listener
from playitback.models.recipe import Recipe

#: of a checkpoint and of what begins with it
_MAY_DIFFER = ("labels", "multi_label", "activity", "taught", "temperature", "broader")
#: of weights: the layers that an encoder begins with, and what its sounds are normalised by
_STEM, _STATISTICS = "encoder.stem.", ("mel_mean", "mel_deviation")


def begin(config: ModelConfig, recipe: Recipe, before: Checkpoint | None = None) -> Listener:
    """A new model, or one with the weights of a checkpoint.

    What tells classes apart begins anew where the checkpoint has other ones, and what a teacher taught where it had
    another; a checkpoint from before a part was known lacks it, or some of it, and a shallower encoder lacks blocks. Of
    a model of another family only the first layers are taken, where they are the same. A stage has to train all of
    these before another one hears through them. Raises SettingsError where none does, and for a checkpoint of another
    preset.
    """
    model = families.build(config)
    kept, name = dict[str, Tensor](), ""
    if before is not None:
        name = before.name
        kept = _kept(before, model) if before.model.config.family == config.family else _stem_of(before, model)
    lacking = {id(each) for weights, each in model.named_parameters() if weights not in kept}
    for part, module in model.parts().items():
        trained = [part in stage.trains for stage in recipe.stages]
        later = recipe.stages[trained.index(True) :] if any(trained) else ()
        first = next((stage for stage in later if stage.epochs), None)  # hears through the part
        if first is not None and part not in first.trains and lacking & set(map(id, module.parameters())):
            skipped = " or ".join(stage.name for stage in recipe.stages if part in stage.trains and not stage.epochs)
            source = f"{name} lacks the {part}, or what it is for these classes" if name else f"the {part} is untrained"
            raise SettingsError(f"{source}: give the stage {skipped} some epochs, or --start-from a model that has it")
    model.load_state_dict(kept, strict=False)
    return model


def _kept(before: Checkpoint, model: Listener) -> dict[str, Tensor]:
    """Weights of a checkpoint of the same family that a new model begins with."""
    config, wanted = model.config, model.state_dict()
    given, kept = before.model.config, before.model.state_dict()
    new: set[str] = set()
    if (given.labels, given.multi_label) != (config.labels, config.multi_label):
        more = tuple((*names, "one more") for names in config.labels)
        new |= _differing(wanted, dataclasses.replace(config, labels=more, broader=()))
    if given.taught != config.taught:
        new |= _differing(wanted, dataclasses.replace(config, taught=None))
        new |= _differing(kept, dataclasses.replace(given, taught=None))
    kept = {weights: each for weights, each in kept.items() if weights not in new}
    fields = (each.name for each in dataclasses.fields(ModelConfig) if each.name not in _MAY_DIFFER)
    alike = all(getattr(given, each) == getattr(config, each) for each in fields)
    if (
        not alike
        or not kept.keys() <= wanted.keys()
        or any(wanted[weights].shape != each.shape for weights, each in kept.items())
    ):
        raise SettingsError(f"{before.name} is of another preset; start from one that is of the same")
    model.begin_as(before.model)
    return kept


def _stem_of(before: Checkpoint, model: Listener) -> dict[str, Tensor]:
    """The first layers of a checkpoint of another family."""
    given, wanted = before.model.state_dict(), model.state_dict()
    stems = [{name: each.shape for name, each in of.items() if name.startswith(_STEM)} for of in (given, wanted)]
    if before.model.config.front_end != model.config.front_end or not stems[0] or stems[0] != stems[1]:
        raise SettingsError(f"{before.name} is of another family with other first layers; start from one that has them")
    return {name: each for name, each in given.items() if name.startswith(_STEM) or name in _STATISTICS}


def _differing(weights: Mapping[str, Tensor], config: ModelConfig) -> set[str]:
    """Names of the weights that another model lacks, or has in another shape."""
    other = families.build(config).state_dict()
    return {name for name, each in weights.items() if name not in other or other[name].shape != each.shape}
