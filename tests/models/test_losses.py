"""Claims about the losses that families share, for one label, several, and several heads."""

from __future__ import annotations

import math

import pytest
import torch

from playitback.models.losses import belief, classification, nothing_said


def test_nothing_is_said_by_equal_logits_only() -> None:
    assert float(nothing_said([torch.full((3, 5), 7.0)], False)) == pytest.approx(0, abs=1e-6)
    assert float(nothing_said([torch.tensor([[2.0, 0.0, 0.0]])], False)) > 0.1


def test_of_several_labels_nothing_is_said_by_low_logits_only() -> None:
    assert float(nothing_said([torch.full((3, 5), -20.0)], True)) == pytest.approx(0, abs=1e-6)
    assert float(nothing_said([torch.full((3, 5), 7.0)], True)) > 1


def test_loss_of_two_heads_is_the_sum_of_theirs() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = [torch.randn(4, 2, generator=generator), torch.randn(4, 3, generator=generator)]
    targets = (torch.eye(2).repeat(2, 1), torch.eye(3)[[0, 1, 2, 0]])
    separate = [classification([each], [target], False) for each, target in zip(logits, targets, strict=True)]
    torch.testing.assert_close(classification(logits, targets, False), separate[0] + separate[1])


def test_several_labels_are_classified_each_by_itself() -> None:
    silent = classification([torch.full((4, 4), -30.0)], (torch.zeros(4, 4),), True)
    assert float(silent) == pytest.approx(0, abs=1e-6)
    wrong = classification([torch.full((4, 4), -30.0)], (torch.ones(4, 4),), True)
    assert float(wrong) == pytest.approx(30, abs=1e-3)


def test_belief_of_several_labels_is_their_mean() -> None:
    logits = torch.tensor([[math.log(3.0), 0.0, -50.0]])
    assert float(belief([logits], [torch.tensor([[1.0, 1.0, 0.0]])], True)) == pytest.approx(0.625)
    assert float(belief([logits], [torch.zeros(1, 3)], True)) == 0
