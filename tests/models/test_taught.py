"""Claims about what a student says of its teacher's classes, and how it learns them."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from tiny import sounding_clips, tiny_config
from torch import Generator

from playitback.config import TaughtConfig
from playitback.models.replay.model import ReplayModel
from playitback.models.taught import Taught
from playitback.models.terms import TaughtTerms

CLASSES = ("Bell", "Speech", "Music")
TAUGHT = TaughtConfig(CLASSES, features=5)


def model_of(**settings: object) -> ReplayModel:
    torch.manual_seed(0)
    return ReplayModel(replace(tiny_config(aimed=True), taught=TAUGHT, **settings)).eval()


def test_every_hearing_tells_of_the_teachers_classes() -> None:
    with torch.inference_mode():
        for heard in model_of().listen(sounding_clips(2)):
            assert heard.taught is not None
            assert heard.known is not None
            assert (heard.taught.shape, heard.known.shape) == ((2, 3), (2,))
            assert 0 < float(heard.taught.min()) <= float(heard.taught.max()) < 1
        for heard in model_of(multi_label=True).listen(sounding_clips(2)):
            assert heard.known is None  # it never learned that


def test_agreement_with_the_teacher_costs_nothing() -> None:
    torch.manual_seed(0)
    taught, pooled = Taught(TAUGHT, 4).requires_grad_(False), torch.randn(6, 4)
    assert taught.features is not None
    said, known = taught(pooled)
    terms = taught.terms(pooled, said, taught.features(pooled), known)
    assert float(terms["classes"]) == pytest.approx(0, abs=1e-6)
    assert float(terms["features"]) == pytest.approx(0, abs=1e-6)
    assert float(taught.terms(pooled, 1 - said, torch.zeros(6, 5), known)["classes"]) > 0.01


def test_what_nobody_knows_to_be_of_a_class_is_not_learned() -> None:
    torch.manual_seed(0)
    taught, pooled = Taught(TAUGHT, 4).requires_grad_(False), torch.randn(3, 4)
    answers = torch.rand(3, 3), torch.randn(3, 5)
    loss = taught.terms(pooled, *answers, torch.tensor([1.0, torch.nan, 0.0]))["known"]
    without = taught.terms(pooled[[0, 2]], *(each[[0, 2]] for each in answers), torch.tensor([1.0, 0.0]))["known"]
    torch.testing.assert_close(loss, without)
    nothing = taught.terms(pooled, *answers, torch.full((3,), torch.nan))["known"]
    assert float(nothing) == 0


def test_a_teacher_without_features_teaches_its_classes() -> None:
    taught = Taught(TaughtConfig(CLASSES), 4)
    assert "features" not in taught.terms(torch.randn(2, 4), torch.rand(2, 3), torch.zeros(2, 0), torch.ones(2))


def test_each_term_of_the_stage_can_be_switched_off() -> None:
    model = model_of()
    targets = (torch.eye(4), torch.eye(4), torch.rand(4, 3), torch.randn(4, 5), torch.tensor([1.0, 0, 1, torch.nan]))
    everything = TaughtTerms()(model, sounding_clips(4), targets, Generator().manual_seed(0))
    assert set(everything) == {"labels", "probe", "classes", "features", "known"}
    assert all(torch.isfinite(each) for each in everything.values())
    some = TaughtTerms(labels=0.0, probe=0.0, known=0.0)(model, sounding_clips(4), targets, Generator().manual_seed(0))
    assert set(some) == {"classes", "features"}
    assert TaughtTerms().reach_all_parameters
    assert not TaughtTerms(known=0.0).reach_all_parameters
