"""That a choice points at the half of the class asked about, and each way is given as much time to."""

from __future__ import annotations

import pytest
import torch
from bands import band_clips, band_model
from tiny import LABELS, recognizer_of, tiny_model
from toy import toy_model

from playitback.evidence.intervals import Bootstrap
from playitback.evidence.marking import OWN_REPLAY, OWN_SEGMENTS
from playitback.evidence.pointing import MARKED_SHARE, Pointer, PointingComparison, clips_to_point, measure_pointing
from playitback.evidence.rivals import ACTIVITY, LEAST_RELEVANT, LOUDEST, RANDOM, RELEVANCE, find_rivals
from playitback.evidence.runs import Ears, Tally
from playitback.models.listener import Listener
from playitback.progress import finish

CLASSES = torch.arange(12) % len(LABELS)


def pointed(*models: Listener) -> PointingComparison:
    recognizers = [recognizer_of(model) for model in models]
    ears = [Ears(each, Tally(0)) for each in recognizers]
    names = [LOUDEST, RANDOM, LEAST_RELEVANT]
    rivals = find_rivals(recognizers[0], names if isinstance(models[0], type(toy_model())) else [ACTIVITY, *names])
    found = finish(measure_pointing(ears, band_clips(CLASSES), CLASSES, rivals, Bootstrap(100, 0)))
    assert {each.tally.done for each in ears} == {clips_to_point(len(CLASSES), rivals, recognizers[0])}
    return found


@pytest.fixture(scope="module")
def known() -> dict[str, Pointer]:
    found = pointed(band_model())
    assert (found.splices, found.counted, found.aims) == (12, 12, True)
    return {each.way: each for each in found.pointers}


def test_an_aimed_choice_points_at_the_half_of_either_class(known: dict[str, Pointer]) -> None:
    for way in (RELEVANCE, ACTIVITY, OWN_SEGMENTS, OWN_REPLAY):
        assert known[way].named.mean > 0.95, way
        assert known[way].other.mean > 0.95, way


def test_what_is_blind_to_the_class_cannot_be_right_about_both(known: dict[str, Pointer]) -> None:
    assert known[LEAST_RELEVANT].named.mean < 0.05
    assert known[LOUDEST].named.mean + known[LOUDEST].other.mean == pytest.approx(1.0)
    assert known[LOUDEST].other_lead is not None
    assert known[LOUDEST].other_lead.mean == pytest.approx(known[RELEVANCE].other.mean - known[LOUDEST].other.mean)
    assert known[RELEVANCE].other_lead is None


def test_every_rival_marks_as_much_time_and_the_model_its_own(known: dict[str, Pointer]) -> None:
    for way in (RELEVANCE, ACTIVITY, LOUDEST, RANDOM, LEAST_RELEVANT):
        assert known[way].marked_share == pytest.approx(MARKED_SHARE), way
    assert known[OWN_SEGMENTS].marked_share > MARKED_SHARE
    assert (known[RELEVANCE].passes, known[OWN_REPLAY].passes, known[LOUDEST].passes) == (1, 2, 0)


def test_several_models_count_together_and_one_that_cannot_replay_has_no_replay() -> None:
    found = pointed(toy_model(0), toy_model(1))
    assert found.aims == toy_model().can_aim
    assert [each.way for each in found.pointers] == [RELEVANCE, LOUDEST, RANDOM, LEAST_RELEVANT, OWN_SEGMENTS]
    alone = [pointed(toy_model(seed)) for seed in (0, 1)]
    assert found.counted >= max(each.counted for each in alone)


def test_a_model_that_names_neither_half_counts_nothing() -> None:
    model = tiny_model(playbacks=1, activity=True, labels=(*LABELS, "never"))
    with torch.no_grad():
        model.decoder.heads[0].bias[-1] = 100.0
    found = pointed(model)
    assert found.counted == 0
    assert all(each.named.mean != each.named.mean for each in found.pointers)  # NaN
