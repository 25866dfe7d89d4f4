"""How sure a mean over clips is: percentile bootstrap intervals (Efron 1979), drawn with a seed.

A lead is the mean difference between two ways of doing the same thing to the same clips. Because it is taken clip by
clip, how hard a clip is cancels out; an interval of a lead that holds 0 supports nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

_Name = TypeVar("_Name")

#: of the bootstrap distribution: 95 % lie between them
_PERCENTILES = (2.5, 97.5)
_RESAMPLED_AT_ONCE = 2**22  # numbers held at a time


@dataclass(frozen=True)
class Interval:
    """A mean over clips and its 95 % interval; with fewer than two clips the ends are NaN."""

    mean: float
    low: float
    high: float

    @property
    def sign(self) -> int:
        """1 if all of the interval lies above 0, -1 if all of it lies below, else 0."""
        return int(self.low > 0) - int(self.high < 0)


@dataclass(frozen=True)
class Bootstrap:
    """How often clips are drawn anew, and with which seed; the same clips are drawn for every interval of one size."""

    resamples: int = 2000
    seed: int = 0

    def interval(self, values: Tensor | np.ndarray) -> Interval:
        """Interval of the mean of one number per clip, (N,). NaN is left out."""
        numbers = np.asarray(values, dtype=np.float64)
        numbers = numbers[~np.isnan(numbers)]
        if len(numbers) < 2:
            return Interval(float(numbers[0]) if len(numbers) else math.nan, math.nan, math.nan)
        rng = np.random.default_rng(self.seed)
        at_once = max(1, _RESAMPLED_AT_ONCE // len(numbers))
        means = [
            numbers[rng.integers(len(numbers), size=(min(at_once, self.resamples - done), len(numbers)))].mean(axis=1)
            for done in range(0, self.resamples, at_once)
        ]
        low, high = np.percentile(np.concatenate(means), _PERCENTILES)
        return Interval(float(numbers.mean()), float(low), float(high))


def mean_over_models(values: Sequence[Mapping[_Name, Tensor]]) -> dict[_Name, Tensor]:
    """What was measured of every clip, by name, on several models: its mean over them. NaN is left out."""
    return {name: torch.stack([each[name] for each in values]).nanmean(dim=0) for name in values[0]}
