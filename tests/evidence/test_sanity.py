"""That shuffled weights are shuffled, and that segments are compared with those of the model as it is."""

from __future__ import annotations

import pytest
import torch
from tiny import sounding_clips, tiny_model
from torch import Generator

from playitback.evidence.gather import PARTS
from playitback.evidence.intervals import Bootstrap
from playitback.evidence.runs import hear
from playitback.evidence.sanity import ENCODER, SLOTS, check_sanity, clips_to_check_sanity, shuffle_weights

_MODULES = {SLOTS: ("columns.", "slots."), ENCODER: ("encoder.",)}


def ignore(clips: int) -> None:
    """Progress that nobody watches."""


@pytest.mark.parametrize("part", PARTS)
def test_shuffling_moves_the_weights_of_its_part_alone_and_keeps_their_values(part: str) -> None:
    model = tiny_model()
    before = {name: weights.clone() for name, weights in model.named_parameters()}
    shuffled = dict(shuffle_weights(model, part, Generator().manual_seed(0)).named_parameters())
    moved = {name for name, weights in shuffled.items() if not torch.equal(weights, before[name])}
    assert moved
    assert all(name.startswith(_MODULES[part]) for name in moved)
    for name in moved:
        assert torch.equal(shuffled[name].flatten().sort().values, before[name].flatten().sort().values)
    assert all(torch.equal(weights, before[name]) for name, weights in model.named_parameters())


@pytest.mark.parametrize("part", PARTS)
def test_shuffled_weights_change_the_segments(part: str) -> None:
    clips, model = sounding_clips(4), tiny_model(playbacks=1)
    shuffled = shuffle_weights(model, part, Generator().manual_seed(0))
    assert not torch.equal(hear(shuffled, clips, ignore).replayed, hear(model, clips, ignore).replayed)


def test_shuffled_parts_stand_beside_the_model_and_chance() -> None:
    clips, model, bootstrap = sounding_clips(4), tiny_model(playbacks=1), Bootstrap(100, 0)
    classes = torch.tensor([0, 1, 2, 3])
    heard: list[int] = []
    found = check_sanity(model, clips, classes, hear(model, clips, ignore), bootstrap, heard.append)
    assert sum(heard) == clips_to_check_sanity(4)
    assert found.chance_accuracy == 0.25
    assert found.chance_inside == pytest.approx(0.5)  # a second of two
    assert [each.part for each in found.parts] == list(PARTS)
    for each in found.parts:
        assert 0 < each.overlap.mean < 1
        assert 0 < each.chance_overlap.mean < 1
        assert each.inside_lost.mean == pytest.approx(found.inside.mean - each.inside.mean)
