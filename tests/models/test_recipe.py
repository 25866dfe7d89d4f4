"""Claims about recipes: what cannot be trained is refused, and epochs and terms are changed by name."""

from __future__ import annotations

from dataclasses import replace

import pytest

from playitback.errors import SettingsError
from playitback.models.families import presets, recipe
from playitback.models.recipe import Augmentation
from playitback.models.replay.terms import ReplayTerms, SlotTerms

SMALL = recipe("small").without_teacher()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"batch_size": 24}, "multiple of micro_batch_size"),
        ({"batch_size": 0}, "multiple of micro_batch_size"),
        ({"micro_batch_size": 3}, "must be even"),
        ({"optimizer": "lion"}, "adamw or sgd"),
        ({"seed": -1}, "seed must lie in 0 to 2147483647, got -1"),
        ({"seed": 2**31}, "seed must lie in 0 to 2147483647"),
        ({"stages": (SMALL.stages[0], SMALL.stages[0])}, "two stages named 'encoder'"),
    ],
)
def test_impossible_recipes_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        replace(SMALL, **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("epochs", "message"),
    [
        ({"encoder": -1}, "epochs of a stage must not be negative"),
        ({stage.name: 0 for stage in SMALL.stages}, "at least one stage needs some"),
        ({"hope": 3}, "no stage 'hope'; it has encoder, events, activity, replay"),
    ],
)
def test_impossible_epochs_are_refused(epochs: dict[str, int], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        SMALL.with_epochs(epochs)


def test_epochs_are_changed_by_the_name_of_their_stage_and_nothing_else_is() -> None:
    changed = SMALL.with_epochs({"replay": 3})
    *others, replay = SMALL.stages
    assert changed == replace(SMALL, stages=(*others, replace(replay, epochs=3)))
    assert SMALL.with_epochs({}) == SMALL


def test_losses_are_switched_by_name() -> None:
    assert ReplayTerms(per_hearing=0.3).only(["per_hearing"]) == ReplayTerms(per_hearing=0.3, fused=0.0, rank=0.0)
    assert ReplayTerms(rank=0.0).only(["fused", "rank"]) == ReplayTerms(per_hearing=0.0, fused=1.0, rank=1.0)
    with pytest.raises(SettingsError, match="no loss 'hope'; choose from activity, keep, remove"):
        SMALL.with_losses(["hope"])
    with pytest.raises(SettingsError, match="nothing is classified"):
        SMALL.with_losses(["activity", "keep"])
    with pytest.raises(SettingsError, match="nothing is learned"):
        SMALL.with_losses(["per_hearing"])
    encoder, events, activity, replay = SMALL.with_losses(["per_hearing", "activity", "keep"]).stages
    assert (encoder, events) == SMALL.stages[:2]
    assert activity.terms == SlotTerms(remove=0.0, absent=0.0, budget=0.0)
    assert replay.terms == ReplayTerms(fused=0.0, rank=0.0)


def test_a_teacher_adds_a_stage_of_mixtures() -> None:
    stages = recipe("small").stages
    (taught,) = (stage for stage in stages if stage not in SMALL.stages)
    assert taught.mixtures
    assert set(taught.trains) == {"encoder", "taught"}
    with pytest.raises(SettingsError, match="nothing is learned in the stage taught"):
        recipe("small").with_losses(["per_hearing", "activity"])


def test_shares_of_mixing_that_exceed_the_whole_are_refused() -> None:
    with pytest.raises(SettingsError, match="add up to more than 1"):
        Augmentation(between_class=0.6, mixup=0.5)


def test_every_preset_has_a_recipe() -> None:
    assert SMALL.optimizer == "adamw"
    assert {name for name in presets() if recipe(name).optimizer == "sgd"} == {"x1_s", "x1", "x2", "x3"}
    with pytest.raises(SettingsError, match="no preset 'x9'; choose one of small, x1_s"):
        recipe("x9")
