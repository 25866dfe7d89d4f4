"""Two explanations side by side: of two clips by one model, or of one clip by two models.

    Explanation, Explanation -> compare -> Comparison: decision and replayed time in every hearing, classes in the end

Hearings are compared index by index as far as both go, classes as far as both models name them. Replayed time is
compared on the clips' own seconds, and so only where both clips are equally long.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from playitback.explain.explanation import Explanation
from playitback.segments import intersection_over_union, merge_segments, pad_segments, shared_seconds

SCHEMA = "playitback.comparison/1"

_SAME_LENGTH_SECONDS = 1e-3  # clips cut from files of different rates may differ by a sample


@dataclass(frozen=True)
class ReplayedTime:
    """What two explanations replayed in one hearing, in seconds of the clip."""

    shared_seconds: float
    only_first_seconds: float
    only_second_seconds: float
    overlap: float | None  # intersection over union, 0 to 1; None where neither replayed anything


@dataclass(frozen=True)
class HearingComparison:
    """The same hearing of two explanations."""

    index: int
    first_decision: str
    first_probability: float  # of ``first_decision``
    second_decision: str
    second_probability: float  # of ``second_decision``
    agree: bool  # whether both decide for the same class, or one of them for a narrower one
    replayed: ReplayedTime | None  # None where the clips differ in length


@dataclass(frozen=True)
class ClassComparison:
    """The probability of one class after the last hearing of either explanation."""

    label: str
    first_probability: float
    second_probability: float

    @property
    def difference(self) -> float:
        """Second less first."""
        return self.second_probability - self.first_probability


@dataclass(frozen=True)
class Comparison:
    """Two explanations, as far as they can be compared."""

    hearings: tuple[HearingComparison, ...]  # that both have
    classes: tuple[ClassComparison, ...]  # that both models name; the largest difference first

    @property
    def first_disagreement(self) -> int | None:
        """The first hearing with different decisions; None where there is none."""
        return next((each.index for each in self.hearings if not each.agree), None)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, strings, lists and dicts for JSON."""
        return {"schema": SCHEMA, "first_disagreement": self.first_disagreement, **dataclasses.asdict(self)}


def compare(first: Explanation, second: Explanation) -> Comparison:
    """Compares two explanations; a run that still goes on is compared as far as it has come."""
    same_length = abs(first.seconds - second.seconds) <= _SAME_LENGTH_SECONDS
    hearings = tuple(
        HearingComparison(
            index=index,
            first_decision=first.decision(index),
            first_probability=first.probability(index, first.decision(index)),
            second_decision=second.decision(index),
            second_probability=second.probability(index, second.decision(index)),
            agree=any(each.akin(first.decision(index), second.decision(index)) for each in (first, second)),
            replayed=_replayed(first, second, index) if same_length else None,
        )
        for index in range(min(len(first.hearings), len(second.hearings)))
    )
    return Comparison(hearings, _classes(first, second) if hearings else ())


def _replayed(first: Explanation, second: Explanation, index: int) -> ReplayedTime:
    clip_seconds = max(first.clip_seconds, second.clip_seconds)
    one, other = (
        merge_segments(pad_segments([each.hearings[index].replayed], clip_seconds), clip_seconds)
        for each in (first, second)
    )
    shared = float(shared_seconds(one, other))
    of_one, of_other = (float(each.diff(dim=2).sum()) for each in (one, other))
    return ReplayedTime(
        shared_seconds=shared,
        only_first_seconds=max(0.0, of_one - shared),
        only_second_seconds=max(0.0, of_other - shared),
        overlap=float(intersection_over_union(one, other)) if of_one + of_other > 0 else None,
    )


def _classes(first: Explanation, second: Explanation) -> tuple[ClassComparison, ...]:
    last_of_first, last_of_second = len(first.hearings) - 1, len(second.hearings) - 1
    both = set(first.labels) & set(second.labels)
    compared = (
        ClassComparison(label, first.probability(last_of_first, label), second.probability(last_of_second, label))
        for label in first.labels
        if label in both
    )
    return tuple(sorted(compared, key=lambda each: -abs(each.difference)))
