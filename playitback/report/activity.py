"""The map of classes over time, as the player and the figure show it: which classes, and all of them, small.

Explanation -> shown_classes -> the classes that have a lane
Explanation -> activity_view -> ActivityView, whose levels take a byte for every class and column
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

import numpy as np

from playitback.explain.explanation import Explanation
from playitback.report import words

#: classes that have a lane without being asked for one; as many in every map, so that its height is known beforehand
LANES = 5


@dataclass(frozen=True)
class ActivityView:
    """Activity of all classes in the first hearing. Classes are numbered in the model's order."""

    names: tuple[str, ...]  # (classes,) shown as they are
    peaks: tuple[float, ...]  # (classes,) the greatest activity of each, 0 to 1
    levels: str  # base64 of (classes, columns) bytes: activity as a share of the class's own peak, 255 being all of it
    shown: tuple[int, ...]  # classes that have a lane
    decided: int  # the class decided for in the first hearing
    asked: int  # the class that is explained


def lanes_of(classes: int) -> int:
    """How many lanes the map of a model with so many classes has."""
    return min(LANES, classes)


def shown_classes(explanation: Explanation, asked: str | None = None) -> tuple[int, ...]:
    """The classes that have a lane: the one asked about, the first decision and those with the highest peaks.

    The one that fills most of the clip stands first. Activity must be there; asked: a class that the page or the shell
    named, where it need not be that of the hearing.
    """
    activity = explanation.hearings[0].activity
    assert activity is not None, "whoever asks has looked"
    labels = explanation.labels
    wanted = [labels.index(label) for label in (asked or explanation.asked(0), explanation.decision(0))]
    highest = np.argsort(-activity.max(axis=0), kind="stable").tolist()
    shown = list(dict.fromkeys([*wanted, *highest]))[: lanes_of(len(labels))]
    fullest = np.argsort(-activity.mean(axis=0), kind="stable").tolist()
    return tuple(position for position in fullest if position in shown)


def activity_view(explanation: Explanation, asked: str | None = None) -> ActivityView | None:
    """The map of an explanation; None where its model does not tell activity. asked: as for ``shown_classes``."""
    activity = explanation.hearings[0].activity
    if activity is None:
        return None
    labels, peaks = explanation.labels, activity.max(axis=0)
    shares = np.divide(activity, peaks, out=np.zeros_like(activity), where=peaks > 0)
    levels = np.rint(255 * shares.T).astype(np.uint8)
    return ActivityView(
        names=tuple(map(words.class_name, labels)),
        peaks=tuple(peaks.tolist()),
        levels=base64.b64encode(levels.tobytes()).decode("ascii"),
        shown=shown_classes(explanation, asked),
        decided=labels.index(explanation.decision(0)),
        asked=labels.index(asked or explanation.asked(0)),
    )


def activity_data(view: ActivityView | None) -> dict[str, Any] | None:
    """The map as plain JSON; four digits of a peak keep it small."""
    if view is None:
        return None
    return {
        "names": list(view.names),
        "peaks": [float(f"{peak:.4g}") for peak in view.peaks],
        "levels": view.levels,
        "shown": list(view.shown),
        "decided": view.decided,
        "asked": view.asked,
    }
