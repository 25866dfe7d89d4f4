"""That scores are what their definitions say, and that the comparison with controls is fair."""

from __future__ import annotations

import math
from dataclasses import astuple, replace

import numpy as np
import pytest
import torch
from bands import band_clips, band_model
from tiny import CLIP_SECONDS, LABELS, recognizer_of, sounding_clips, tiny_config, tiny_model
from torch import Generator, Tensor
from toy import toy_model

from playitback.edits import FILLS
from playitback.evidence.beds import splice
from playitback.evidence.controls import AIMED, CHOSEN, CONTROLS, NO_REPLAY, RANDOM
from playitback.evidence.faithfulness import (
    SOURCES,
    clips_to_hear_controls,
    clips_to_score_segments,
    compare_controls,
    hear_controls,
    score_segments,
    segment_scores,
)
from playitback.evidence.intervals import Bootstrap
from playitback.evidence.runs import Ears, Run, Tally
from playitback.models.encoded import EncodedListener
from playitback.progress import finish

CLIPS = 3
BOOTSTRAP = Bootstrap(200, 0)
CLASSES = torch.tensor([0, 2, 1])


@pytest.fixture(scope="module")
def ears() -> Ears:
    return Ears(recognizer_of(tiny_model(playbacks=2)), Tally(0))


@pytest.fixture(scope="module")
def clips() -> Tensor:
    return sounding_clips(CLIPS)


@pytest.fixture(scope="module")
def chosen(ears: Ears, clips: Tensor) -> Run:
    return finish(ears.hear(clips))


def test_scores_follow_their_definitions() -> None:
    whole = torch.tensor([[0.6, 0.4], [0.2, 0.8]], dtype=torch.float64)
    kept = torch.tensor([[0.9, 0.1], [0.6, 0.4]], dtype=torch.float64)
    removed = torch.tensor([[0.1, 0.9], [0.1, 0.9]], dtype=torch.float64)
    scores = segment_scores(whole, kept, removed, torch.tensor([0, 1]), tiny_config())
    expected = {
        "average_increase": [100.0, 0.0],
        "average_drop": [0.0, 50.0],
        "average_gain": [75.0, 0.0],
        "input_fidelity": [1.0, 0.0],
        "faithfulness": [0.5, -0.1],
    }
    assert scores.keys() == expected.keys()
    for name, values in expected.items():
        assert scores[name].tolist() == pytest.approx(values), name


def test_of_several_labels_the_decision_on_the_class_explained_is_its_own() -> None:
    several = replace(tiny_config(), multi_label=True)
    whole = torch.tensor([[0.6, 0.5], [0.6, 0.5], [0.4, 0.3]], dtype=torch.float64)
    kept = torch.tensor([[0.55, 0.9], [0.4, 0.1], [0.4, 0.3]], dtype=torch.float64)
    found = segment_scores(whole, kept, whole, torch.tensor([0, 0, 0]), several)["input_fidelity"].tolist()
    # another class overtakes it, which is nothing to it; it is gone, though still the likeliest; it was not there
    assert found[:2] == [1.0, 0.0]
    assert math.isnan(found[2])


def test_certain_beliefs_have_finite_scores() -> None:
    certain = torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    scores = segment_scores(certain, certain, certain, torch.tensor([0]), tiny_config())
    assert {name: float(values) for name, values in scores.items()} == {
        "average_increase": 0.0,
        "average_drop": 0.0,
        "average_gain": 0.0,
        "input_fidelity": 1.0,
        "faithfulness": 0.0,
    }


def test_controls_are_compared_hearing_by_hearing(ears: Ears, clips: Tensor, chosen: Run) -> None:
    before = ears.tally.done
    found = compare_controls([finish(hear_controls(ears, clips, CLASSES, chosen, 3, 0))], BOOTSTRAP)
    assert ears.tally.done - before == clips_to_hear_controls(CLIPS, 3, aims=False)
    assert tuple(each.name for each in found.results) == CONTROLS
    by_name = {each.name: each for each in found.results}
    believed = chosen.probabilities[torch.arange(CLIPS), :, CLASSES]
    assert by_name[CHOSEN].true_class_probability == pytest.approx(believed.mean(dim=0).tolist())
    for name in set(CONTROLS) - {CHOSEN}:
        each = by_name[name]
        # all controls hear the same first; the lead is the difference of the means
        assert each.true_class_probability[0] == pytest.approx(by_name[CHOSEN].true_class_probability[0], abs=1e-5)
        for index in range(3):
            lead = by_name[CHOSEN].true_class_probability[index] - each.true_class_probability[index]
            assert each.probability_lead[index].mean == pytest.approx(lead)
            assert each.accuracy_lead[index].mean == pytest.approx(
                by_name[CHOSEN].accuracy[index] - each.accuracy[index]
            )
    assert by_name[NO_REPLAY].probability_lead[-1].mean != 0
    assert by_name[RANDOM].true_class_probability[-1] == pytest.approx(np.mean(found.drawn_probability))
    assert len(set(found.drawn_probability)) == 3
    lower = sum(drawn < by_name[CHOSEN].true_class_probability[-1] for drawn in found.drawn_probability)
    assert found.percentile == pytest.approx(100 * lower / 3)


def test_a_first_hearing_is_encoded_once_for_all_controls(
    clips: Tensor, encoded: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    draws, found = 3, []
    for remembering in (True, False):
        encoded.clear()
        with monkeypatch.context() as patch:
            if not remembering:
                patch.setattr(EncodedListener, "remembering", lambda model: model)
            ears = Ears(recognizer_of(tiny_model(playbacks=2)), Tally(0))
            chosen = finish(ears.hear(clips))
            found.append(compare_controls([finish(hear_controls(ears, clips, CLASSES, chosen, draws, 0))], BOOTSTRAP))
        replaying = CLIPS * (len(CONTROLS) - 2 + draws)  # runs in which something is replayed, the chosen ones too
        if remembering:
            assert sum(encoded) <= CLIPS + 2 * replaying  # the whole clip again may be given the very same frames
        else:
            assert sum(encoded) == 3 * (replaying + CLIPS)
    for one, other in zip(found[0].results, found[1].results, strict=True):
        assert one.name == other.name
        assert one.true_class_probability == pytest.approx(other.true_class_probability, abs=1e-4)


def test_of_several_models_every_clip_counts_with_its_mean(ears: Ears, clips: Tensor, chosen: Run) -> None:
    other = ears.through(recognizer_of(tiny_model(playbacks=2, seed=1)))
    runs = {ears: chosen, other: finish(other.hear(clips))}
    heard = [finish(hear_controls(each, clips, CLASSES, run, 3, 0)) for each, run in runs.items()]
    alone = [compare_controls([each], BOOTSTRAP) for each in heard]
    both = compare_controls(heard, BOOTSTRAP)
    assert alone[0] != alone[1]
    assert both.clips == CLIPS
    assert both.drawn_accuracy == pytest.approx(np.mean([each.drawn_accuracy for each in alone], axis=0))
    for index, found in enumerate(both.results):
        apart = [each.results[index] for each in alone]
        assert found.true_class_probability == pytest.approx(
            np.mean([each.true_class_probability for each in apart], axis=0)
        )
    # the interval is that of the clips' means, not one over twice as many clips
    leads = [each.sure[CHOSEN] - each.sure[NO_REPLAY] for each in heard]
    own = next(each for each in both.results if each.name == NO_REPLAY)
    wanted = BOOTSTRAP.interval(((leads[0] + leads[1]) / 2)[:, -1])
    assert astuple(own.probability_lead[-1]) == pytest.approx(astuple(wanted))


def test_one_clip_has_a_percentile_among_the_random_draws(ears: Ears, clips: Tensor, chosen: Run) -> None:
    heard = finish(hear_controls(ears, clips[:1], CLASSES[:1], chosen[torch.tensor([0])], 4, 0))
    one = compare_controls([heard], BOOTSTRAP)
    assert one.clips == 1
    assert len(one.drawn_probability) == 4
    assert all(math.isnan(each.probability_lead[-1].low) for each in one.results[1:])


def test_segments_are_scored_with_every_fill_beside_random_and_loudest(ears: Ears, clips: Tensor, chosen: Run) -> None:
    before = ears.tally.done
    found = finish(score_segments(ears, clips, chosen, BOOTSTRAP))
    assert ears.tally.done - before == clips_to_score_segments(CLIPS)
    assert {(each.source, each.fill) for each in found.scores} == {(one, fill) for one in SOURCES for fill in FILLS}
    own = {each.fill: each.scores for each in found.scores if each.source == CHOSEN}
    for each in found.scores:
        assert (each.lead is None) == (each.source == CHOSEN)
        if each.lead is not None:
            difference = own[each.fill].faithfulness.mean - each.scores.faithfulness.mean
            assert each.lead.faithfulness.mean == pytest.approx(difference)
    assert len({each.scores.faithfulness.mean for each in found.scores}) == len(found.scores)


def test_keeping_everything_is_faithful_and_removing_it_is_not(ears: Ears, clips: Tensor, chosen: Run) -> None:
    everything = torch.tensor([[[0.0, CLIP_SECONDS]]] * CLIPS, dtype=torch.float64)
    marked = replace(chosen, marked=everything)
    found = finish(score_segments(ears, clips, marked, BOOTSTRAP))
    assert found.kept_share == pytest.approx(1.0)
    for each in found.scores:
        assert each.scores.input_fidelity.mean == 1.0
        assert each.scores.average_drop.mean == pytest.approx(0.0, abs=1e-2)
        assert each.scores.faithfulness.mean != 0.0


def test_segments_that_a_model_marked_without_a_replay_are_scored_as_well(clips: Tensor) -> None:
    ears = Ears(recognizer_of(toy_model()), Tally(0))
    chosen = finish(ears.hear(clips))
    found = finish(score_segments(ears, clips, chosen, BOOTSTRAP))
    assert found.kept_share == pytest.approx(float(chosen.marked_seconds.mean()) / CLIP_SECONDS)
    assert 0.1 < found.kept_share < 0.5
    assert len({each.scores.faithfulness.mean for each in found.scores}) == len(found.scores)


def test_a_choice_for_another_class_is_what_an_aimed_one_must_beat() -> None:
    classes = torch.arange(8) % len(LABELS)
    targets = torch.nn.functional.one_hot(classes).bool()
    clips, first, _ = splice(band_clips(classes), targets, 8, Generator().manual_seed(0))
    ears = Ears(recognizer_of(band_model()), Tally(0))
    chosen = finish(ears.hear(clips))
    before = ears.tally.done
    outcome = finish(hear_controls(ears, clips, first.int().argmax(dim=1), chosen, 2, 0))
    assert ears.tally.done - before == clips_to_hear_controls(8, 2, aims=True)
    found = compare_controls([outcome], Bootstrap(100, 0))
    assert tuple(each.name for each in found.results) == (*CONTROLS, *AIMED)
    true_class, another = found.results[-2:]
    # the half of the true class is replayed, and is all that the last hearing decides by
    assert true_class.true_class_probability[-1] > 0.95
    assert another.true_class_probability[-1] < 0.5
    assert true_class.true_class_probability[0] == another.true_class_probability[0]
