"""That curves, sparseness and complexity are what their definitions say, and hear what they said they would."""

from __future__ import annotations

import math

import pytest
import torch
from tiny import RATE, recognizer_of, sounding_clips, tiny_model
from torch import Tensor
from toy import toy_model

from playitback.evidence.curves import (
    ATTENTION,
    ORDERS,
    SLICES,
    area,
    clips_to_measure_curves,
    entropy,
    gini,
    kept_slices,
    measure_curves,
    measure_narrowness,
)
from playitback.evidence.intervals import Bootstrap
from playitback.evidence.runs import Ears, Run, Tally
from playitback.progress import finish

CLIPS = 3
BOOTSTRAP = Bootstrap(200, 0)


@pytest.fixture(scope="module")
def clips() -> Tensor:
    return sounding_clips(CLIPS)


@pytest.fixture(scope="module", params=[lambda: tiny_model(playbacks=2), toy_model], ids=["replay", "toy"])
def ears(request: pytest.FixtureRequest) -> Ears:
    return Ears(recognizer_of(request.param()), Tally(0))


@pytest.fixture(scope="module")
def chosen(ears: Ears, clips: Tensor) -> Run:
    return finish(ears.hear(clips))


def test_area_of_known_curves() -> None:
    line = torch.linspace(0, 1, SLICES + 1)
    curves = torch.stack([torch.full_like(line, 0.3), line, 1 - line, (line > 0).float()])
    torch.testing.assert_close(area(curves), torch.tensor([0.3, 0.5, 0.5, 1 - 0.5 / SLICES]))


def test_deletion_removes_the_most_important_first_and_insertion_restores_it_first() -> None:
    deletion, insertion = kept_slices(torch.tensor([[0.1, 0.7, 0.2]]))[0].int().tolist()
    assert deletion == [[1, 1, 1], [1, 0, 1], [1, 0, 0], [0, 0, 0]]
    assert insertion == [[0, 0, 0], [0, 1, 0], [0, 1, 1], [1, 1, 1]]


def test_gini_of_even_values_is_zero_and_of_a_single_one_nearly_one() -> None:
    single = torch.zeros(100)
    single[17] = 0.4
    found = gini(torch.stack([torch.full((100,), 0.3), single, torch.zeros(100)]))
    assert found.tolist() == pytest.approx([0.0, 0.99, 0.0], abs=1e-9)
    # of (1, 3): mean absolute difference 1 over twice the mean 2
    assert float(gini(torch.tensor([[3.0, 1.0]]))) == pytest.approx(0.25)


def test_entropy_of_even_values_is_the_logarithm_of_their_number_and_of_a_single_one_zero() -> None:
    single = torch.zeros(8)
    single[3] = 2.0
    assert entropy(torch.stack([torch.full((8,), 0.3), single])).tolist() == pytest.approx([math.log(8), 0.0])


def test_curves_start_and_end_with_the_whole_clip_and_nothing(ears: Ears, clips: Tensor, chosen: Run) -> None:
    before = ears.tally.done
    found = finish(measure_curves(ears, clips, chosen, BOOTSTRAP))
    assert ears.tally.done - before == clips_to_measure_curves(CLIPS)
    assert tuple(each.order for each in found.orders) == ORDERS
    whole = float(chosen.probabilities[torch.arange(CLIPS), -1, chosen.decision].mean())
    nothing = finish(ears.hear(torch.zeros_like(clips))).probabilities[:, -1]
    silent = float(nothing[torch.arange(CLIPS), chosen.decision].mean())
    for each in found.orders:
        assert each.deletion[0] == each.insertion[-1] == pytest.approx(whole)
        # heard in a batch of another size, which may round otherwise
        assert each.deletion[-1] == each.insertion[0] == pytest.approx(silent, abs=1e-5)
        assert each.deletion_area.mean == pytest.approx(float(area(torch.tensor(each.deletion, dtype=torch.float64))))
    first, random, _ = found.orders
    assert first.order == ATTENTION
    assert first.deletion_lead is None
    assert random.deletion_lead is not None
    assert random.deletion_lead.mean == pytest.approx(first.deletion_area.mean - random.deletion_area.mean)
    assert random.deletion == pytest.approx(random.insertion[::-1])


def test_narrowness_stands_beside_that_of_the_sound(clips: Tensor, chosen: Run) -> None:
    found = measure_narrowness(clips, chosen, RATE, BOOTSTRAP)
    assert found.attention_gini.mean == pytest.approx(float(gini(chosen.relevance).mean()))
    assert 0 < found.attention_gini.mean < found.energy_gini.mean < 1
    assert 0 < found.energy_entropy.mean < found.attention_entropy.mean < math.log(found.bins)
