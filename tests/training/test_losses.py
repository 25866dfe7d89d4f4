"""Claims about what is minimised: each term asks for what it should, can be switched off, and knows several labels."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from tiny import sounding_clips, tiny_config, tiny_model
from torch import Generator, Tensor

from playitback.errors import SettingsError
from playitback.models.recipe import RECIPES, Augmentation, Losses, Recipe
from playitback.models.replay.model import ReplayModel
from playitback.segments import Segment, pad_segments
from playitback.training import objectives

ALL_TERMS = {"per_hearing", "keep", "remove", "rank", "budget"}


def terms_of(model: ReplayModel, targets: tuple[Tensor, ...], losses: Losses = Losses()) -> dict[str, Tensor]:  # noqa: B008
    recipe = Recipe(losses=losses)
    return objectives.replay_terms(model, sounding_clips(len(targets[0])), targets, recipe, Generator().manual_seed(0))


def test_rank_loss_asks_for_a_later_hearing_that_believes_more() -> None:
    def loss(*beliefs: float) -> float:
        return float(objectives.rank_loss(torch.tensor(beliefs)[:, None]))

    assert loss(0.5, 0.6) == 0
    assert loss(0.5, 0.5) == pytest.approx(0.02)
    assert loss(0.5, 0.4) == pytest.approx(0.12)
    assert loss(0.6, 0.5, 0.7) == pytest.approx(0.06)
    assert loss(0.99, 0.99) == pytest.approx(0.005)  # near certainty there is little left to gain


def test_rank_loss_lifts_the_later_hearing_and_leaves_the_earlier_one() -> None:
    beliefs = torch.tensor([[0.6], [0.5]], requires_grad=True)
    objectives.rank_loss(beliefs).backward()
    assert beliefs.grad is not None
    assert beliefs.grad[0] == 0
    assert beliefs.grad[1] < 0


def test_nothing_is_said_by_equal_logits_only() -> None:
    assert float(objectives.nothing_said([torch.full((3, 5), 7.0)], False)) == pytest.approx(0, abs=1e-6)
    assert float(objectives.nothing_said([torch.tensor([[2.0, 0.0, 0.0]])], False)) > 0.1


def test_of_several_labels_nothing_is_said_by_low_logits_only() -> None:
    assert float(objectives.nothing_said([torch.full((3, 5), -20.0)], True)) == pytest.approx(0, abs=1e-6)
    assert float(objectives.nothing_said([torch.full((3, 5), 7.0)], True)) > 1


@torch.no_grad()
def test_held_time_counts_seconds_and_not_columns() -> None:
    """A replayed column is shorter than others, so holding it holds less of the clip."""
    model = tiny_model()
    _, heard = model.listen(sounding_clips(2), 1, lambda _: pad_segments([[Segment(0.0, 1.0)]] * 2, 2.0))
    in_first_second = (heard.column_seconds < 1).float()
    slots = replace(heard.slots, attention_per_iteration=(torch.stack([in_first_second, 1 - in_first_second], dim=1),))
    torch.testing.assert_close(
        objectives.held_time(replace(heard, slots=slots)), torch.tensor([0.5, 0.5]), rtol=0, atol=0.03
    )
    assert in_first_second.mean() > 0.6


@pytest.mark.parametrize("fusion", [False, True])
def test_fused_prediction_is_trained_where_the_model_has_one(fusion: bool) -> None:
    model = tiny_model(fusion=fusion)
    terms = terms_of(model, (torch.eye(4),))
    assert set(terms) == ALL_TERMS | ({"fused"} if fusion else set())
    if fusion:
        assert model.decoder.fusion is not None
        (gradient,) = torch.autograd.grad(terms["fused"], [model.decoder.fusion.weight])
        assert gradient.any()


@pytest.mark.parametrize("name", sorted(ALL_TERMS))
def test_term_of_weight_0_is_not_there_and_the_others_stay_as_they_are(name: str) -> None:
    model = tiny_model(fusion=True)
    whole = terms_of(model, (torch.eye(4),))
    without = terms_of(model, (torch.eye(4),), replace(Losses(), **{name: 0.0}))
    assert set(without) == set(whole) - {name}
    assert all(torch.equal(without[other], whole[other]) for other in without)


def test_losses_are_switched_by_name() -> None:
    chosen = Losses(per_hearing=0.3).only(["per_hearing", "keep", "soft_replay"])
    assert chosen == Losses(per_hearing=0.3, fused=0.0, keep=1.0, remove=0.0, rank=0.0, budget=0.0, soft_replay=1.0)
    with pytest.raises(SettingsError, match="no loss 'hope'; choose from per_hearing, fused, keep"):
        Losses().only(["hope"])
    with pytest.raises(SettingsError, match="nothing is classified"):
        Losses().only(["keep"])


def test_soft_replay_changes_no_value_and_tells_the_attention_where_to_listen() -> None:
    """Without it what is believed after a playback says nothing to the slots, for segments are cut out hard."""
    model = tiny_model()
    waveforms, targets = sounding_clips(4), (torch.eye(4),)
    slots = [model.columns.projection.weight, model.slots.key.weight]
    believed = []
    for soft in (0.0, 1.0):
        hearings = list(model.listen(waveforms, soft=soft))
        loss = objectives.classification(hearings[-1].logits, targets, False)
        gradients = torch.autograd.grad(loss, slots, allow_unused=True)
        assert all((gradient is not None and bool(gradient.any())) == bool(soft) for gradient in gradients)
        believed.append(hearings[-1].logits[0])
    assert torch.equal(*believed)


def test_two_heads_are_trained_together() -> None:
    """As verbs and nouns are: the loss is the sum of both heads', and both learn."""
    config = replace(tiny_config(), labels=(("cut", "wash"), ("cup", "knife", "pan")))
    torch.manual_seed(0)
    model = ReplayModel(config)
    targets = (torch.eye(2).repeat(2, 1), torch.eye(3)[[0, 1, 2, 0]])
    logits = [torch.randn(4, 2), torch.randn(4, 3)]
    separate = [
        objectives.classification([each], [target], False) for each, target in zip(logits, targets, strict=True)
    ]
    torch.testing.assert_close(objectives.classification(logits, targets, False), sum(separate))
    terms = terms_of(model, targets)
    for head in model.decoder.heads:
        (gradient,) = torch.autograd.grad(terms["per_hearing"], [head.weight], retain_graph=True)
        assert gradient.any()


def test_several_labels_are_trained_by_binary_cross_entropy() -> None:
    torch.manual_seed(0)
    model = ReplayModel(replace(tiny_config(), multi_label=True))
    targets = (torch.tensor([[1.0, 0, 0, 1], [0, 1, 0, 0], [0, 0, 0, 0], [1, 1, 1, 0]]),)
    terms = terms_of(model, targets)
    assert set(terms) == ALL_TERMS
    assert all(term.isfinite() for term in terms.values())
    silent = objectives.classification([torch.full((4, 4), -30.0)], (torch.zeros(4, 4),), True)
    assert float(silent) == pytest.approx(0, abs=1e-6)
    wrong = objectives.classification([torch.full((4, 4), -30.0)], (torch.ones(4, 4),), True)
    assert float(wrong) == pytest.approx(30, abs=1e-3)


def test_belief_of_several_labels_is_their_mean() -> None:
    logits = torch.tensor([[math.log(3.0), 0.0, -50.0]])
    assert float(objectives.belief([logits], [torch.tensor([[1.0, 1.0, 0.0]])], True)) == pytest.approx(0.625)
    assert float(objectives.belief([logits], [torch.zeros(1, 3)], True)) == 0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"batch_size": 24}, "multiple of micro_batch_size"),
        ({"batch_size": 0}, "multiple of micro_batch_size"),
        ({"micro_batch_size": 3}, "must be even"),
        ({"encoder_epochs": -1}, "less than no epochs"),
        ({"encoder_epochs": 0, "replay_epochs": 0}, "one of the two needs some"),
        ({"optimizer": "lion"}, "adamw or sgd"),
    ],
)
def test_impossible_recipes_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        Recipe(**settings)  # type: ignore[arg-type]


def test_shares_of_mixing_that_exceed_the_whole_are_refused() -> None:
    with pytest.raises(SettingsError, match="add up to more than 1"):
        Augmentation(between_class=0.6, mixup=0.5)


def test_every_preset_has_a_recipe() -> None:
    assert RECIPES["small"].optimizer == "adamw"
    assert {name for name, recipe in RECIPES.items() if recipe.optimizer == "sgd"} == {"x1_s", "x1", "x2", "x3"}
