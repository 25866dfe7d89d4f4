"""What tests of the map of classes share: views with activity, and what they look for in the page."""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from player_pages import row
from playwright.sync_api import Page

from playitback.report.activity import ActivityView
from playitback.report.rows import PlayerView

COLUMNS = np.arange(0.1, 4.0, 0.2)  # of the rows that make_views makes, seconds


def peaked(second: float, height: float, level: float = 0.02) -> tuple[float, ...]:
    """Activity that is ``level`` but for one column, in which it is ``height``."""
    return tuple(np.where(np.isclose(COLUMNS, second), height, level))


#: the word that make_views decides for is "bell"
CLASSES = {"rain": (0.4,) * 20, "bell": peaked(1.5, 0.9), "dog": peaked(3.7, 0.6, 0.001), "cat": peaked(0.1, 0.3)}


#: likely at some moment and yet without a lane
UNSHOWN = {"owl": peaked(2.5, 0.2, 0.0), "owlet": (0.003,) * 20}


def with_activity(
    view: PlayerView,
    classes: Mapping[str, tuple[float, ...]] = CLASSES,
    unshown: Mapping[str, tuple[float, ...]] = UNSHOWN,
    asked: str | None = None,
) -> PlayerView:
    """The view of a model that says what each moment would be: its first row has lanes of these classes."""
    values = np.array([*classes.values(), *unshown.values()])
    names, peaks = [*classes, *unshown], values.max(axis=1)
    levels = np.rint(255 * values / peaks[:, None]).astype(np.uint8)
    decided = names.index("bell") if "bell" in names else 0
    activity = ActivityView(
        names=tuple(names),
        peaks=tuple(peaks.tolist()),
        levels=base64.b64encode(levels.tobytes()).decode("ascii"),
        shown=tuple(range(len(classes))),
        decided=decided,
        asked=decided if asked is None else names.index(asked),
    )
    rows = (dataclasses.replace(view.rows[0], activity=activity), *view.rows[1:])
    return dataclasses.replace(view, rows=rows, activity_lanes=len(classes))


def strip(page: Page, name: str, place: str = "left") -> Any:
    return row(page, 0, place).locator(".class-lane", has=page.get_by_text(name, exact=True)).locator(".strip")


def point(page: Page, name: str, second: float, of: float = 4.0) -> None:
    """Puts the pointer on the strip of a class, at a second."""
    strip(page, name).hover(position={"x": strip(page, name).bounding_box()["width"] * second / of, "y": 20})


def moment(page: Page, place: str = "left") -> Any:
    return row(page, 0, place).locator(".moment")


def highest_point(page: Page, name: str) -> tuple[float, float]:
    """Of a strip's curve: fraction from the left of the row, and fraction of the strip's full scale."""
    found = strip(page, name).evaluate(
        """(strip) => {
            const line = strip.querySelector(".activity-line");
            const points = line.getAttribute("d").slice(1).split("L").map((each) => each.split(" ").map(Number));
            return points.reduce((best, each) => (each[1] < best[1] ? each : best));
        }"""
    )
    return found[0] / 1000, 1 - found[1] / 100
