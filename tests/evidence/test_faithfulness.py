"""That scores, curves and intervals are what their definitions say, and that the comparison with controls is fair."""

from __future__ import annotations

import math
from dataclasses import astuple

import numpy as np
import pytest
import torch
from tiny import CLIP_SECONDS, RATE, sounding_clips, tiny_model
from torch import Generator, Tensor

from playitback.edits import FILLS
from playitback.errors import SettingsError
from playitback.evidence.controls import CHOSEN, CONTROLS, NO_REPLAY, RANDOM
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
from playitback.progress import Progress
from playitback.evidence.runs import Run, belief, correct, hear, true_classes
from playitback.models.replay.model import ReplayModel
from playitback.segments import loudest_time, resample

CLIPS = 3
BOOTSTRAP = Bootstrap(200, 0)
CLASSES = torch.tensor([0, 2, 1])


class Counter:
    """Counts the clips that were heard."""

    def __init__(self) -> None:
        self.clips = 0

    def advance(self, clips: int) -> None:
        self.clips += clips


@pytest.fixture(scope="module")
def model() -> ReplayModel:
    return tiny_model(playbacks=2)


@pytest.fixture(scope="module")
def clips() -> Tensor:
    return sounding_clips(CLIPS)


@pytest.fixture(scope="module")
def chosen(model: ReplayModel, clips: Tensor) -> Run:
    return hear(model, clips, Counter().advance)


def test_bootstrap_interval_covers_the_true_mean_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(400):
        interval = BOOTSTRAP.interval(rng.normal(3.0, 2.0, 60))
        covered += interval.low <= 3.0 <= interval.high
    assert 0.90 < covered / 400 < 0.98


def test_interval_is_about_as_wide_as_theory_says() -> None:
    values = np.random.default_rng(1).normal(0.0, 1.0, 2000)
    interval = Bootstrap(2000, 0).interval(values)
    assert interval.mean == pytest.approx(values.mean())
    assert interval.high - interval.low == pytest.approx(2 * 1.96 / math.sqrt(2000), rel=0.1)
    assert interval == Bootstrap(2000, 0).interval(values)
    assert interval != Bootstrap(2000, 1).interval(values)


def test_interval_that_holds_zero_supports_nothing() -> None:
    values = np.random.default_rng(2).normal(0.0, 1.0, 100)
    assert [BOOTSTRAP.interval(values + shift).sign for shift in (-2.0, 0.0, 2.0)] == [-1, 0, 1]
    assert BOOTSTRAP.interval(torch.tensor([5.0])).sign == 0
    assert math.isnan(BOOTSTRAP.interval(torch.tensor([5.0])).low)


def test_interval_leaves_out_what_is_not_a_number() -> None:
    assert BOOTSTRAP.interval(torch.tensor([1.0, math.nan, 3.0])).mean == 2.0
    assert math.isnan(BOOTSTRAP.interval(torch.tensor([math.nan])).mean)


def test_scores_follow_their_definitions() -> None:
    whole = torch.tensor([[0.6, 0.4], [0.2, 0.8]], dtype=torch.float64)
    kept = torch.tensor([[0.9, 0.1], [0.6, 0.4]], dtype=torch.float64)
    removed = torch.tensor([[0.1, 0.9], [0.1, 0.9]], dtype=torch.float64)
    scores = segment_scores(whole, kept, removed)
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


def test_certain_beliefs_have_finite_scores() -> None:
    certain = torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    scores = segment_scores(certain, certain, certain)
    assert {name: float(values) for name, values in scores.items()} == {
        "average_increase": 0.0,
        "average_drop": 0.0,
        "average_gain": 0.0,
        "input_fidelity": 1.0,
        "faithfulness": 0.0,
    }


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


def test_resampled_attention_is_the_mean_over_equal_time() -> None:
    values = torch.tensor([[1.0, 3.0]])
    edges = torch.tensor([[0.0, 1.5, 2.0]], dtype=torch.float64)
    assert resample(values, edges, 2)[0].tolist() == pytest.approx([1.0, 2.0])
    assert resample(values, edges, 4)[0].tolist() == pytest.approx([1.0, 1.0, 1.0, 3.0])


def test_multi_label_belief_is_the_mean_over_the_true_classes_and_the_top_class_decides() -> None:
    targets = true_classes(torch.tensor([[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]]), 3)
    probabilities = torch.tensor([[[0.9, 0.2, 0.3]], [[0.9, 0.2, 0.3]]], dtype=torch.float64)
    assert belief(probabilities, targets).squeeze(1).tolist() == pytest.approx([0.6, 0.2])
    assert correct(probabilities, targets).squeeze(1).tolist() == [1.0, 0.0]
    assert true_classes(torch.tensor([2, 0]), 3).int().tolist() == [[0, 0, 1], [1, 0, 0]]


def test_run_says_what_the_model_says(model: ReplayModel, clips: Tensor, chosen: Run) -> None:
    with torch.inference_mode():
        hearings = list(model.listen(clips))
    logits = torch.stack([each.logits[0] for each in hearings], dim=1)
    torch.testing.assert_close(chosen.probabilities, logits.double().softmax(dim=2))
    points = torch.arange(0.005, CLIP_SECONDS, 0.01, dtype=torch.float64)
    replayed = torch.cat([each.segments for each in hearings[:-1]], dim=1)
    for row in range(CLIPS):
        inside, wanted = (
            ((points >= each[row, :, :1]) & (points < each[row, :, 1:])).any(dim=0)
            for each in (chosen.replayed, replayed)
        )
        assert torch.equal(inside, wanted)


def test_model_without_playbacks_is_refused(clips: Tensor) -> None:
    with pytest.raises(SettingsError, match="hears a clip only once"):
        hear(tiny_model(playbacks=0), clips, Counter().advance)


def test_loudest_time_is_where_the_power_is() -> None:
    samples = torch.zeros(1, round(CLIP_SECONDS * RATE))
    samples[:, RATE : RATE + RATE // 2] = 0.5
    segments = loudest_time(samples, torch.tensor([0.5], dtype=torch.float64), CLIP_SECONDS, RATE)
    assert segments[0, 0].tolist() == pytest.approx([1.0, 1.5])


def test_controls_are_compared_hearing_by_hearing(model: ReplayModel, clips: Tensor, chosen: Run) -> None:
    counter = Counter()
    found = compare_controls([hear_controls(model, clips, CLASSES, chosen, 3, 0, counter.advance)], BOOTSTRAP)
    assert counter.clips == clips_to_hear_controls(CLIPS, 3)
    assert tuple(each.name for each in found.results) == CONTROLS
    by_name = {each.name: each for each in found.results}
    believed = chosen.probabilities[torch.arange(CLIPS), :, CLASSES]
    assert by_name[CHOSEN].true_class_probability == pytest.approx(believed.mean(dim=0).tolist())
    for name in set(CONTROLS) - {CHOSEN}:
        each = by_name[name]
        # all controls hear the same first; the lead is the difference of the means
        assert each.true_class_probability[0] == pytest.approx(by_name[CHOSEN].true_class_probability[0], abs=1e-5)
        for index in range(model.config.hearings):
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


def test_of_several_models_every_clip_counts_with_its_mean(model: ReplayModel, clips: Tensor, chosen: Run) -> None:
    other = tiny_model(playbacks=2, seed=1)
    runs = {model: chosen, other: hear(other, clips, Counter().advance)}
    heard = [hear_controls(each, clips, CLASSES, run, 3, 0, Counter().advance) for each, run in runs.items()]
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


def test_one_clip_has_a_percentile_among_the_random_draws(model: ReplayModel, clips: Tensor, chosen: Run) -> None:
    heard = hear_controls(model, clips[:1], CLASSES[:1], chosen[torch.tensor([0])], 4, 0, Counter().advance)
    one = compare_controls([heard], BOOTSTRAP)
    assert one.clips == 1
    assert len(one.drawn_probability) == 4
    assert all(math.isnan(each.probability_lead[-1].low) for each in one.results[1:])


def test_segments_are_scored_with_every_fill_beside_random_and_loudest(
    model: ReplayModel, clips: Tensor, chosen: Run
) -> None:
    counter = Counter()
    found = score_segments(model, clips, chosen, BOOTSTRAP, counter.advance)
    assert counter.clips == clips_to_score_segments(CLIPS)
    assert {(each.source, each.fill) for each in found.scores} == {(one, fill) for one in SOURCES for fill in FILLS}
    own = {each.fill: each.scores for each in found.scores if each.source == CHOSEN}
    for each in found.scores:
        assert (each.lead is None) == (each.source == CHOSEN)
        if each.lead is not None:
            difference = own[each.fill].faithfulness.mean - each.scores.faithfulness.mean
            assert each.lead.faithfulness.mean == pytest.approx(difference)
    assert len({each.scores.faithfulness.mean for each in found.scores}) == len(found.scores)


def test_keeping_everything_is_faithful_and_removing_it_is_not(model: ReplayModel, clips: Tensor, chosen: Run) -> None:
    everything = torch.tensor([[[0.0, CLIP_SECONDS]]] * CLIPS, dtype=torch.float64)
    found = score_segments(
        model, clips, Run(chosen.probabilities, everything, chosen.attention), BOOTSTRAP, Counter().advance
    )
    assert found.kept_share == pytest.approx(1.0)
    for each in found.scores:
        assert each.scores.input_fidelity.mean == 1.0
        assert each.scores.average_drop.mean == pytest.approx(0.0, abs=1e-2)
        assert each.scores.faithfulness.mean != 0.0


def test_curves_start_and_end_with_the_whole_clip_and_nothing(model: ReplayModel, clips: Tensor, chosen: Run) -> None:
    counter = Counter()
    found = measure_curves(model, clips, chosen, BOOTSTRAP, counter.advance)
    assert counter.clips == clips_to_measure_curves(CLIPS)
    assert tuple(each.order for each in found.orders) == ORDERS
    whole = float(chosen.probabilities[torch.arange(CLIPS), -1, chosen.decision].mean())
    nothing = hear(model, torch.zeros_like(clips), Counter().advance).probabilities[:, -1]
    silent = float(nothing[torch.arange(CLIPS), chosen.decision].mean())
    for each in found.orders:
        assert each.deletion[0] == each.insertion[-1] == pytest.approx(whole)
        assert each.deletion[-1] == each.insertion[0] == pytest.approx(silent)
        assert each.deletion_area.mean == pytest.approx(float(area(torch.tensor(each.deletion))))
    first, random, _ = found.orders
    assert first.order == ATTENTION
    assert first.deletion_lead is None
    assert random.deletion_lead is not None
    assert random.deletion_lead.mean == pytest.approx(first.deletion_area.mean - random.deletion_area.mean)
    assert random.deletion == pytest.approx(random.insertion[::-1])


def test_narrowness_stands_beside_that_of_the_sound(clips: Tensor, chosen: Run) -> None:
    found = measure_narrowness(clips, chosen, RATE, BOOTSTRAP)
    assert found.attention_gini.mean == pytest.approx(float(gini(chosen.attention).mean()))
    assert 0 < found.attention_gini.mean < found.energy_gini.mean < 1
    assert 0 < found.energy_entropy.mean < found.attention_entropy.mean < math.log(found.bins)


def test_progress_reaches_its_total_and_raising_in_it_cancels(model: ReplayModel, clips: Tensor) -> None:
    told: list[tuple[int, int]] = []
    hear(model, clips, Progress(lambda done, total: told.append((done, total)), CLIPS).advance)
    assert told == [(CLIPS, CLIPS)]

    def cancel(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        hear(model, clips, Progress(cancel, CLIPS).advance, RANDOM, Generator())
