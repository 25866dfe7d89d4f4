"""Claims about how replay attention is trained: each term asks for what it should, and can be switched off."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from tiny import sounding_clips, tiny_config, tiny_model
from torch import Generator, Tensor

from playitback.models.replay.model import ReplayModel
from playitback.models.replay.terms import ReplayTerms, rank_loss
from playitback.models.terms import random_columns

ALL_TERMS = {"per_hearing", "rank"}


def terms_of(model: ReplayModel, targets: tuple[Tensor, ...], terms: ReplayTerms = ReplayTerms()) -> dict[str, Tensor]:  # noqa: B008
    return terms(model, sounding_clips(len(targets[0])), targets, Generator().manual_seed(0))


def test_rank_loss_asks_for_a_later_hearing_that_believes_more() -> None:
    def loss(*beliefs: float) -> float:
        return float(rank_loss(torch.tensor(beliefs)[:, None]))

    assert loss(0.5, 0.6) == 0
    # differences of beliefs, which float32 rounds by some 1e-8
    assert loss(0.5, 0.5) == pytest.approx(0.02, abs=1e-6)
    assert loss(0.5, 0.4) == pytest.approx(0.12, abs=1e-6)
    assert loss(0.6, 0.5, 0.7) == pytest.approx(0.06, abs=1e-6)
    assert loss(0.99, 0.99) == pytest.approx(0.005, abs=1e-6)  # near certainty there is little left to gain


def test_rank_loss_lifts_the_later_hearing_and_leaves_the_earlier_one() -> None:
    beliefs = torch.tensor([[0.6], [0.5]], requires_grad=True)
    rank_loss(beliefs).backward()
    assert beliefs.grad is not None
    assert beliefs.grad[0] == 0
    assert beliefs.grad[1] < 0


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
    without = terms_of(model, (torch.eye(4),), replace(ReplayTerms(), **{name: 0.0}))  # type: ignore[arg-type]
    assert set(without) == set(whole) - {name}
    assert all(torch.equal(without[other], whole[other]) for other in without)


def test_two_heads_are_trained_together() -> None:
    """As verbs and nouns are: both learn."""
    torch.manual_seed(0)
    model = ReplayModel(replace(tiny_config(), labels=(("cut", "wash"), ("cup", "knife", "pan"))))
    terms = terms_of(model, (torch.eye(2).repeat(2, 1), torch.eye(3)[[0, 1, 2, 0]]))
    for head in model.decoder.heads:
        (gradient,) = torch.autograd.grad(terms["per_hearing"], [head.weight], retain_graph=True)
        assert gradient.any()


def test_several_labels_are_trained_by_binary_cross_entropy() -> None:
    torch.manual_seed(0)
    model = ReplayModel(replace(tiny_config(), multi_label=True))
    targets = (torch.tensor([[1.0, 0, 0, 1], [0, 1, 0, 0], [0, 0, 0, 0], [1, 1, 1, 0]]),)
    terms = terms_of(model, targets)
    # all of them could be raised at once: by a rank nothing would be learned but to say yes
    assert set(terms) == ALL_TERMS - {"rank"}
    assert all(term.isfinite() for term in terms.values())


def test_random_removal_spares_the_share_that_it_should_and_half_of_the_others() -> None:
    kept = random_columns(400, 40, 0.5, Generator().manual_seed(0))
    assert sorted(kept.unique().tolist()) == [0, 1]
    whole = (kept == 1).all(dim=1)
    assert 0.4 < whole.float().mean() < 0.6
    assert kept.mean(dim=1).min() >= 0.45
