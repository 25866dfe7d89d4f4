"""Claims about the metrics: they are scikit-learn's, ties included, and those of the paper's own code."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score, top_k_accuracy_score

from playitback.training import metrics

GOLDEN = Path(__file__).parents[1] / "models" / "golden" / "loss_metrics.npz"


def scores_with_ties(clips: int, classes: int, seed: int) -> np.ndarray:
    """(clips, classes): in steps of a tenth, so that many are equal."""
    return np.random.default_rng(seed).integers(0, 11, (clips, classes)) / 10


def some_labels(clips: int, classes: int, seed: int) -> np.ndarray:
    """(clips, classes) of 0 and 1; every class has clips and lacks some."""
    labels = (np.random.default_rng(seed).random((clips, classes)) < 0.3).astype(np.float32)
    labels[0], labels[1] = 1, 0
    return labels


def probabilities(clips: int, classes: int, seed: int, sharpness: float = 2.0) -> np.ndarray:
    """(clips, classes) float32, every row summing to 1."""
    raised = np.exp(sharpness * np.random.default_rng(seed).standard_normal((clips, classes)))
    return (raised / raised.sum(axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("k", [1, 2, 5])
def test_top_k_accuracy_is_scikit_learns(k: int) -> None:
    """scikit-learn puts the higher of two equal classes first, we the lower one: so it is shown them in reverse."""
    scores, classes = scores_with_ties(300, 7, seed=k), np.random.default_rng(9).integers(0, 7, 300)
    expected = top_k_accuracy_score(6 - classes, scores[:, ::-1], k=k, labels=range(7))
    assert metrics.top_k_accuracy(scores, classes, k) == pytest.approx(expected)
    assert metrics.top_k_accuracy(scores, classes, 7) == 1


def test_top_1_of_ties_is_what_argmax_names() -> None:
    scores, classes = scores_with_ties(300, 5, seed=0), np.random.default_rng(1).integers(0, 5, 300)
    assert metrics.top_k_accuracy(scores, classes, 1) == pytest.approx((scores.argmax(axis=1) == classes).mean())


def test_prediction_that_says_nothing_is_right_by_chance_only() -> None:
    classes = np.arange(100) % 10
    assert metrics.top_k_accuracy(np.full((100, 10), 0.1), classes, 1) == pytest.approx(0.1)
    nouns = np.full((100, 20), 0.05)
    found = metrics.top_k_action_accuracy(np.full((100, 10), 0.1), nouns, classes, classes, 5)
    assert found == pytest.approx(0.1)  # verb 0 with noun 0, of five pairs of equal probability


@pytest.mark.parametrize("k", [1, 3, 5, 20])
@pytest.mark.parametrize("tied", [False, True])
def test_action_accuracy_is_that_of_all_pairs_laid_out(k: int, tied: bool) -> None:
    verbs, nouns = probabilities(400, 6, seed=0), probabilities(400, 9, seed=1)
    if tied:  # powers of two multiply exactly, and many products are equal
        verbs, nouns = (np.float32(2.0) ** np.rint(np.log2(each)) for each in (verbs, nouns))
    rng = np.random.default_rng(2)
    verb_classes, noun_classes = rng.integers(0, 6, 400), rng.integers(0, 9, 400)
    # columns by falling probability, the lower class first: then the pairs' own order settles their ties, too
    verb_order, noun_order = (np.argsort(-each, axis=1, kind="stable") for each in (verbs, nouns))
    verb_rank = (verb_order == verb_classes[:, None]).argmax(axis=1)
    noun_rank = (noun_order == noun_classes[:, None]).argmax(axis=1)
    ordered = [np.take_along_axis(one, order, 1) for one, order in ((verbs, verb_order), (nouns, noun_order))]
    pairs = (ordered[0][:, :, None].astype(np.float64) * ordered[1][:, None, :]).reshape(400, -1)
    best = np.argsort(-pairs, axis=1, kind="stable")[:, :k]
    expected = (best == (verb_rank * 9 + noun_rank)[:, None]).any(axis=1).mean()
    assert 0 < expected < 1
    assert metrics.top_k_action_accuracy(verbs, nouns, verb_classes, noun_classes, k) == pytest.approx(expected)


def test_best_action_is_the_best_verb_with_the_best_noun() -> None:
    verbs, nouns = probabilities(500, 4, seed=3), probabilities(500, 5, seed=4)
    rng = np.random.default_rng(5)
    verb_classes, noun_classes = rng.integers(0, 4, 500), rng.integers(0, 5, 500)
    both = (verbs.argmax(axis=1) == verb_classes) & (nouns.argmax(axis=1) == noun_classes)
    assert metrics.top_k_action_accuracy(verbs, nouns, verb_classes, noun_classes, 1) == pytest.approx(both.mean())


def test_right_verb_and_right_noun_in_the_top_five_do_not_make_a_right_action() -> None:
    """The pair of the fifth verb and the fifth noun is the 25th of all."""
    verbs = nouns = np.array([[0.5, 0.2, 0.1, 0.08, 0.07, 0.05]])
    fifth = np.array([4])
    assert metrics.top_k_accuracy(verbs, fifth, 5) == 1
    assert metrics.top_k_action_accuracy(verbs, nouns, fifth, fifth, 5) == 0


@pytest.mark.parametrize("seed", range(3))
def test_average_precision_is_scikit_learns(seed: int) -> None:
    scores, labels = scores_with_ties(60, 8, seed), some_labels(60, 8, seed)
    expected = average_precision_score(labels, scores, average=None)
    np.testing.assert_allclose(metrics.average_precisions(scores, labels), expected, atol=1e-12)
    assert metrics.mean_average_precision(scores, labels) == pytest.approx(expected.mean())


@pytest.mark.parametrize("seed", range(3))
def test_area_under_curve_is_scikit_learns(seed: int) -> None:
    scores, labels = scores_with_ties(60, 8, seed), some_labels(60, 8, seed)
    expected = roc_auc_score(labels, scores, average=None)
    np.testing.assert_allclose(metrics.areas_under_curve(scores, labels), expected, atol=1e-12)
    assert metrics.mean_area_under_curve(scores, labels) == pytest.approx(expected.mean())


def test_figures_are_those_of_the_papers_own_code() -> None:
    golden = np.load(GOLDEN)
    scores, labels = golden["in:scores"], golden["in:onehot"]
    assert metrics.mean_average_precision(scores, labels) == pytest.approx(float(golden["out:map"]), abs=1e-12)
    mean_area = metrics.mean_area_under_curve(scores, labels)
    assert mean_area == pytest.approx(float(golden["out:auc"]), abs=1e-12)
    assert metrics.d_prime(mean_area) == pytest.approx(float(golden["out:dprime"]), abs=1e-12)


def test_classes_that_do_not_occur_are_left_out_of_the_means() -> None:
    scores, labels = scores_with_ties(60, 8, seed=0), some_labels(60, 8, seed=0)
    labels[:, 2], labels[:, 5] = 0, 1  # one that no clip has, and one that all have
    precisions, areas = metrics.average_precisions(scores, labels), metrics.areas_under_curve(scores, labels)
    assert np.isnan(precisions).nonzero()[0].tolist() == [2]
    assert np.isnan(areas).nonzero()[0].tolist() == [2, 5]
    assert precisions[5] == 1
    assert metrics.mean_average_precision(scores, labels) == pytest.approx(np.nanmean(precisions))
    assert metrics.mean_area_under_curve(scores, labels) == pytest.approx(np.nanmean(areas))


def test_nothing_to_average_is_no_number() -> None:
    scores, nothing = scores_with_ties(10, 3, seed=0), np.zeros((10, 3))
    assert math.isnan(metrics.mean_average_precision(scores, nothing))
    assert math.isnan(metrics.mean_area_under_curve(scores, nothing))
    assert math.isnan(metrics.d_prime(math.nan))


def test_d_prime_is_nought_at_chance_and_without_bound_at_perfection() -> None:
    assert metrics.d_prime(0.5) == 0
    assert metrics.d_prime(1.0) == math.inf
    assert metrics.d_prime(0.978) == pytest.approx(2.846, abs=0.01)  # of VGG-Sound, as published for X3
