"""Log-odds in nats: 0 is undecided, and a step of one size always multiplies the odds by the same factor."""

from __future__ import annotations

import math

import numpy as np

_TINY = float(np.finfo(np.float32).tiny)  # a probability of 0 has no logarithm
_LEAST_DOUBT = 1e-7  # float32 has almost no numbers closer to 1


def odds_of(probability: float, least_doubt: float = _LEAST_DOUBT) -> float:
    """ln(p / (1 - p)) of one class; p is kept ``least_doubt`` away from 0 and 1, so that it stays finite."""
    within = min(max(probability, least_doubt), 1 - least_doubt)
    return math.log(within / (1 - within))


def odds_between(first: float, second: float, multi_label: bool = False) -> float:
    """Log-odds of two classes, the difference of their logits, kept finite: ln(p_first / p_second).

    multi_label: each has a probability of its own, and so odds of its own; these are divided, not the probabilities,
    which hardly move near 1.
    """
    if multi_label:
        return odds_of(first) - odds_of(second)
    return math.log(max(first, _TINY) / max(second, _TINY))
