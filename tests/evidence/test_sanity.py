"""That segments of shuffled parts are compared with those of the model as it is, and with chance."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from bands import band_clips, band_model
from tiny import recognizer_of, sounding_clips, tiny_model
from torch import Generator
from toy import toy_model

from playitback.evidence.intervals import Bootstrap
from playitback.evidence.runs import Ears, Tally
from playitback.evidence.sanity import check_sanity, clips_to_check_sanity
from playitback.models.listener import Listener
from playitback.progress import finish


@pytest.mark.parametrize("part", tiny_model().choosing_parts)
def test_shuffled_weights_change_the_segments(part: str) -> None:
    clips, ears = sounding_clips(4), Ears(recognizer_of(tiny_model(playbacks=1)), Tally(0))
    shuffled = ears.through(ears.recognizer.shuffled(part, Generator().manual_seed(0)))
    assert not torch.equal(finish(shuffled.hear(clips)).marked, finish(ears.hear(clips)).marked)
    assert ears.tally.done == 8  # one count for both


def test_what_only_decides_is_not_shuffled() -> None:
    model = tiny_model()
    assert model.choosing_parts == ("slots", "encoder")
    assert set(model.parts()) == {*model.choosing_parts, "decoder"}


@pytest.mark.parametrize(
    ("build", "parts"), [(lambda: tiny_model(playbacks=1), ["slots", "encoder"]), (toy_model, ["heads"])]
)
def test_shuffled_parts_stand_beside_the_model_and_chance(build: Callable[[], Listener], parts: list[str]) -> None:
    clips, ears, bootstrap = sounding_clips(4), Ears(recognizer_of(build()), Tally(0)), Bootstrap(100, 0)
    classes = torch.tensor([0, 1, 2, 3])
    before = {name: weights.clone() for name, weights in ears.recognizer.model.state_dict().items()}
    chosen = finish(ears.hear(clips))
    found = finish(check_sanity(ears, clips, classes, chosen, bootstrap))
    assert ears.tally.done - len(clips) == clips_to_check_sanity(4, parts)
    assert found.chance_accuracy == 0.25
    assert found.chance_inside == pytest.approx(0.5)  # a second of two
    assert [each.part for each in found.parts] == parts
    for each in found.parts:
        assert 0 < each.overlap.mean < 1
        assert 0 < each.chance_overlap.mean < 1
        assert each.inside_lost.mean == pytest.approx(found.inside.mean - each.inside.mean)
    assert all(torch.equal(weights, before[name]) for name, weights in ears.recognizer.model.state_dict().items())


def test_an_aimed_choice_loses_its_meaning_with_its_activity() -> None:
    classes = torch.arange(8) % 4
    clips, ears = band_clips(classes), Ears(recognizer_of(band_model()), Tally(0))
    found = finish(check_sanity(ears, clips, classes, finish(ears.hear(clips)), Bootstrap(100, 0)))
    (activity,) = found.parts
    assert activity.part == "activity"
    assert found.accuracy > 0.9 > 0.6 > activity.accuracy
