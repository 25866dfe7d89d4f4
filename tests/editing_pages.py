"""What tests of editing segments in the player share: where things are, how they are dragged, what is shown."""

from __future__ import annotations

from typing import Any

import pytest
from player_pages import CLIP_SECONDS, row
from playwright.sync_api import Locator, Page

HEIGHT = 40  # pixels below the top of a surface, where the mouse works


def tool(page: Page, name: str) -> Locator:
    return page.locator("#left").get_by_role("button", name=name, exact=True)


def piece(page: Page, index: int, number: int) -> Locator:
    """A segment on the surface of a row, counted from 1."""
    return row(page, index).locator(".piece").nth(number - 1)


def place(page: Page, index: int, second: float) -> tuple[float, float]:
    """Where on the screen a second of the clip lies."""
    box = row(page, index).locator(".surface").bounding_box()
    return box["x"] + second / CLIP_SECONDS * box["width"], box["y"] + HEIGHT


def pixel(page: Page) -> float:
    """Seconds that a pixel of the rows stands for."""
    return CLIP_SECONDS / row(page, 0).locator(".surface").bounding_box()["width"]


def drag(page: Page, index: int, start: float, end: float) -> None:
    page.mouse.move(*place(page, index, start))
    page.mouse.down()
    page.mouse.move(*place(page, index, (start + end) / 2))
    page.mouse.move(*place(page, index, end))
    page.mouse.up()


def listed(page: Page, index: int) -> list[tuple[float, ...]]:
    """The seconds that the list below a row shows."""
    entries = row(page, index).locator(".entry")
    return [
        tuple(values)
        for values in entries.evaluate_all(
            "all => all.map((each) => [...each.querySelectorAll('input[type=number]')].map((input) => +input.value))"
        )
    ]


def drawn(page: Page, index: int) -> list[tuple[float, ...]]:
    """The seconds at which the segments of a row stand on its surface, read off the screen."""
    return [
        tuple(values)
        for values in row(page, index)
        .locator(".piece")
        .evaluate_all(
            """(all, seconds) => all.map((each) => {
                const [piece, surface] = [each, each.closest(".surface")].map((node) => node.getBoundingClientRect());
                return [piece.left, piece.right].map((x) => ((x - surface.left) / surface.width) * seconds);
            })""",
            CLIP_SECONDS,
        )
    ]


def expect_segments(page: Page, index: int, *segments: tuple[float, float], within: float = 1e-9) -> None:
    """The list and the surface show these segments, the list ``within`` so many seconds, the surface to a pixel."""
    assert len(listed(page, index)) == len(segments)
    for shown, on_screen, wanted in zip(listed(page, index), drawn(page, index), segments, strict=True):
        assert shown == pytest.approx(wanted, abs=within)
        assert on_screen == pytest.approx(shown, abs=pixel(page))


def asked(page: Page) -> list[dict[str, Any]]:
    return page.evaluate("window.questions")
