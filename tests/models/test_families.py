"""Claims about families: a row is all that it takes, and names that are not there are refused with those that are."""

from __future__ import annotations

import pytest
import torch
from tiny import LABELS, sounding_clips, tiny_config
from toy import ToyListener, add_toy, toy_config

from playitback.config import ModelConfig
from playitback.errors import CheckpointError, SettingsError
from playitback.models import families
from playitback.models.replay.model import ReplayModel

#: preset -> its family
PRESETS = {
    **dict.fromkeys(("small", "x1_s", "x1", "x2", "x3"), "replay"),
    **dict.fromkeys(("pooling", "pooling_small"), "pooling"),
    **dict.fromkeys(("mast", "mast_small"), "mast"),
    "ast_small": "hub",
}


def test_one_row_makes_a_family_known_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    add_toy(monkeypatch)
    assert families.presets() == (*PRESETS, "toy")
    config = families.preset("toy", (LABELS,), clip_seconds=2.0)
    assert config.family == "toy"
    assert isinstance(families.build(config), ToyListener)
    assert [stage.name for stage in families.recipe("toy").stages] == ["toy"]


def test_every_preset_says_its_family_and_keeps_what_it_is_given() -> None:
    assert families.presets() == tuple(PRESETS)
    for name in families.presets():
        config = families.preset(name, (LABELS,), multi_label=True, clip_seconds=10.0)
        assert (config.family, config.labels, config.multi_label) == (PRESETS[name], (LABELS,), True)
        assert config.front_end.clip_seconds == 10.0
        assert families.recipe(name).stages


def test_description_comes_back_as_that_of_its_family(monkeypatch: pytest.MonkeyPatch) -> None:
    add_toy(monkeypatch)
    for config in (tiny_config(), toy_config()):
        read = families.read_config(config.to_dict())
        assert type(read) is type(config)
        assert read == config


@pytest.mark.parametrize("ask", [families.recipe, lambda name: families.preset(name, (LABELS,))])
def test_preset_that_is_not_there_is_refused(ask: object) -> None:
    assert callable(ask)
    with pytest.raises(SettingsError, match="no preset 'huge'; choose one of small, x1_s, x1, x2, x3, pooling, "):
        ask("huge")


def test_model_of_a_family_that_is_not_there_is_not_built() -> None:
    with pytest.raises(CheckpointError, match="no model family 'toy' here; there are: replay, pooling, mast, hub"):
        families.build(toy_config())


def test_architecture_of_another_family_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    add_toy(monkeypatch)
    with pytest.raises(CheckpointError, match="not one of ours"):
        families.read_config({**tiny_config().to_dict(), "family": "toy"})
    with pytest.raises(CheckpointError, match="not one of ours"):
        families.read_config({**toy_config().to_dict(), "family": "replay"})


def test_untrained_models_of_a_description_are_those_of_its_class() -> None:
    torch.manual_seed(0)
    model = families.build(tiny_config()).eval()
    assert isinstance(model, ReplayModel)
    assert isinstance(model.config, ModelConfig)
    with torch.inference_mode():
        assert len(list(model.listen(sounding_clips(1)))) == model.config.hearings
