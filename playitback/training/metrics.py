"""How good predictions are: accuracy, average precision, area under the ROC curve and d', for one label or several.

    scores (N, C), true classes (N,)         -> top-k accuracy
    verb (N, V) and noun (N, W) probabilities -> top-k accuracy of actions
    scores (N, C), true labels (N, C)        -> average precision and AUC of every class (C,) -> their means, d'

N clips. Of equal scores the class with the lower index comes first, as in ``argmax``, so that a prediction that says
nothing is right no more often than chance. In average precision and AUC equal scores share one threshold.
"""

from __future__ import annotations

import math

import numpy as np
import torch


def top_k_accuracy(scores: np.ndarray, classes: np.ndarray, k: int) -> float:
    """Share of clips whose true class is among the ``k`` with the highest scores, 0 to 1.

    scores: (N, C); classes: (N,) index of the true class.
    """
    return float((_ranks(scores, classes) < k).mean())


def top_k_action_accuracy(
    verbs: np.ndarray, nouns: np.ndarray, verb_classes: np.ndarray, noun_classes: np.ndarray, k: int
) -> float:
    """Share of clips whose true pair of verb and noun is among the ``k`` most probable pairs, 0 to 1.

    verbs: (N, V), nouns: (N, W) probabilities; verb_classes, noun_classes: (N,). The probability of a pair is
    the product of the two; at k = 1 both must be right (Damen et al., "Rescaling Egocentric Vision", IJCV 2022, action
    recognition).
    """
    # the k best pairs are made of the k best verbs and the k best nouns, so k x k pairs are enough to look at
    best_verbs, best_nouns = (-np.sort(-each.astype(np.float64), axis=1)[:, :k] for each in (verbs, nouns))
    pairs = (best_verbs[:, :, None] * best_nouns[:, None, :]).reshape(len(verbs), -1)
    verb_rank, noun_rank = _ranks(verbs, verb_classes), _ranks(nouns, noun_classes)
    inside = (verb_rank < best_verbs.shape[1]) & (noun_rank < best_nouns.shape[1])
    pair = np.where(inside, verb_rank * best_nouns.shape[1] + noun_rank, 0)
    return float((inside & (_ranks(pairs, pair) < k)).mean())


def expected_calibration_error(probabilities: np.ndarray, classes: np.ndarray, bins: int = 15) -> float:
    """How far confidence is from accuracy, 0 to 1: the mean over clips of the difference in their bin of confidence.

    probabilities: (N, C); classes: (N,) index of the true class (Guo et al., "On Calibration of Modern Neural
    Networks", ICML 2017, section 2, with their 15 bins of equal width).
    """
    confidence = probabilities.max(axis=1)
    right = (_ranks(probabilities, classes) < 1).astype(np.float64)
    bin_of = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    surplus = np.bincount(bin_of, weights=confidence - right, minlength=bins)
    return float(np.abs(surplus).sum() / len(classes))


def average_precisions(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """(C,) average precision of every class: the mean, over its clips, of the precision at each one's score.

    scores: (N, C); labels: (N, C), nonzero where a clip has the class. A class without clips is NaN.
    """
    return np.array([_average_precision(*column) for column in zip(scores.T, labels.T != 0, strict=True)])


def mean_average_precision(scores: np.ndarray, labels: np.ndarray) -> float:
    """mAP: the mean of ``average_precisions`` over the classes that have clips; NaN where none has."""
    return _mean_of_numbers(average_precisions(scores, labels))


def areas_under_curve(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """(C,) area under every class's ROC curve: how often a clip with the class scores above one without it.

    scores: (N, C); labels: (N, C), nonzero where a clip has the class. Equal scores count one half. A class
    that all clips have, or none, is NaN.
    """
    return np.array([_area_under_curve(*column) for column in zip(scores.T, labels.T != 0, strict=True)])


def mean_area_under_curve(scores: np.ndarray, labels: np.ndarray) -> float:
    """Mean AUC: the mean of ``areas_under_curve`` over the classes that some clips have and others lack."""
    return _mean_of_numbers(areas_under_curve(scores, labels))


def d_prime(mean_area: float) -> float:
    """d': how many standard deviations apart two normal curves with that AUC lie; infinite at an AUC of 1.

    sqrt(2) times the inverse normal distribution function of the AUC (Hershey et al., "CNN Architectures for
    Large-Scale Audio Classification", ICASSP 2017).
    """
    return math.sqrt(2) * float(torch.special.ndtri(torch.tensor(mean_area, dtype=torch.float64)))


def _ranks(scores: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """(N,) how many classes come before the true one."""
    true = np.take_along_axis(scores, classes[:, None], axis=1)
    lower = np.arange(scores.shape[1]) < classes[:, None]
    return ((scores > true) | ((scores == true) & lower)).sum(axis=1)


def _average_precision(scores: np.ndarray, positive: np.ndarray) -> float:
    """Of one class: scores (N,), positive (N,)."""
    if not positive.any():
        return math.nan
    thresholds = scores[positive]
    return float((_at_or_above(thresholds, thresholds) / _at_or_above(scores, thresholds)).mean())


def _area_under_curve(scores: np.ndarray, positive: np.ndarray) -> float:
    """Of one class: scores (N,), positive (N,)."""
    if positive.all() or not positive.any():
        return math.nan
    negatives = np.sort(scores[~positive])
    below = np.searchsorted(negatives, scores[positive], side="left")
    not_above = np.searchsorted(negatives, scores[positive], side="right")
    return float((below + not_above).mean() / (2 * len(negatives)))


def _at_or_above(scores: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """How many of ``scores`` (M,) reach each of ``thresholds`` (N,): (N,)."""
    return len(scores) - np.searchsorted(np.sort(scores), thresholds, side="left")


def _mean_of_numbers(values: np.ndarray) -> float:
    there = values[~np.isnan(values)]
    return float(there.mean()) if len(there) else math.nan
