"""That intervals hold the true mean as often as they say, and support nothing where they hold 0."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from playitback.evidence.intervals import Bootstrap

BOOTSTRAP = Bootstrap(200, 0)


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
