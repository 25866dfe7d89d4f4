"""Editing segments in the player, by mouse, finger and keys, in a real browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from editing_pages import HEIGHT, asked, drag, expect_segments, listed, piece, pixel, place, tool
from player_pages import (
    SEGMENTS,
    click_surface,
    heard,
    open_players,
    position,
    row,
)
from playwright.sync_api import Page, expect


@pytest.fixture
def page(browser_page: Page, offline: tuple[dict[str, Any], dict[str, str]]) -> Page:
    """An editable player of a finished run, its tools out."""
    open_players(browser_page, *offline, {"left": "first"}, editable=True)
    tool(browser_page, "Edit segments").click()
    return browser_page


def drag_grip(page: Page, index: int, number: int, edge: str, end: float) -> None:
    """Takes an edge of a segment and brings it to a second of the clip."""
    grip = piece(page, index, number).locator(f".{edge}-grip").bounding_box()
    x, y = grip["x"] + grip["width"] / 2, grip["y"] + HEIGHT
    page.mouse.move(x, y)
    page.mouse.down()
    known = dict(zip(("start", "end"), listed(page, index)[number - 1], strict=True))[edge]
    page.mouse.move(x + (end - known) / pixel(page), y, steps=3)
    page.mouse.up()


@pytest.mark.browser
def test_without_editing_nothing_can_be_changed(
    browser_page: Page, offline: tuple[dict[str, Any], dict[str, str]]
) -> None:
    open_players(browser_page, *offline, {"left": "first"}, editable=True)
    expect(tool(browser_page, "Edit segments")).to_have_attribute("aria-pressed", "false")
    expect(tool(browser_page, "Replay these instead")).to_be_hidden()
    drag(browser_page, 0, 2.2, 2.8)  # means a click where it ends
    expect(browser_page.locator(".piece:visible, .editor:visible, .held-mark:visible")).to_have_count(0)
    row(browser_page, 0).get_by_role("button", name="Segment 2, 3.00 to 3.25 seconds, play", exact=True).click()
    assert heard(browser_page, 1)[0]["kind"] == "segment"


@pytest.mark.browser
def test_a_player_that_only_plays_offers_no_editing(
    browser_page: Page, offline: tuple[dict[str, Any], dict[str, str]]
) -> None:
    open_players(browser_page, *offline, {"left": "first"})
    expect(row(browser_page, 2)).to_be_visible()
    expect(tool(browser_page, "Edit segments")).to_have_count(0)
    browser_page.keyboard.press("?")
    expect(browser_page.get_by_role("dialog").get_by_role("table")).to_have_count(1)


@pytest.mark.browser
def test_dragging_on_a_row_draws_a_segment_there(page: Page) -> None:
    expect(row(page, 0).locator(".editor-title")).to_have_text("What Playback 1 will hear again")
    expect(row(page, 0).locator(".held-mark")).to_be_hidden()
    drag(page, 0, 2.3, 2.7)
    expect_segments(page, 0, SEGMENTS[0], (2.3, 2.7), SEGMENTS[1], within=pixel(page))
    drag(page, 0, 0.9, 0.4)  # to the left
    expect_segments(page, 0, (0.4, 0.9), SEGMENTS[0], (2.3, 2.7), SEGMENTS[1], within=pixel(page))
    expect(row(page, 0).locator(".held-mark")).to_have_text("held")
    expect(row(page, 0).get_by_label("hold", exact=True)).to_be_checked()
    expect(piece(page, 0, 1)).to_be_focused()
    expect_segments(page, 1, *SEGMENTS)
    assert position(page) == 0.0


@pytest.mark.browser
def test_a_drawn_segment_stops_at_its_neighbours_and_is_never_too_short(page: Page) -> None:
    drag(page, 0, 2.5, 3.9)
    drag(page, 0, 0.5, 0.5 + 5 * pixel(page))
    segments = listed(page, 0)
    assert segments[0] == pytest.approx((0.5, 0.55), abs=pixel(page))
    assert segments[0][1] - segments[0][0] == pytest.approx(0.05, abs=1e-9)
    assert segments[2] == pytest.approx((2.5, 3.0), abs=pixel(page))
    assert segments[2][1] == 3.0


@pytest.mark.browser
def test_a_click_while_editing_moves_the_playhead_and_draws_nothing(page: Page) -> None:
    click_surface(page, 0, 0.6)
    assert position(page) == pytest.approx(2.4, abs=pixel(page))
    expect_segments(page, 0, *SEGMENTS)
    expect(row(page, 0).locator(".held-mark")).to_be_hidden()


@pytest.mark.browser
def test_a_segment_moves_as_far_as_its_neighbour(page: Page) -> None:
    drag(page, 1, 1.5, 1.8)
    expect_segments(page, 1, (1.3, 2.3), SEGMENTS[1], within=pixel(page))
    drag(page, 1, 1.8, 3.9)
    expect_segments(page, 1, (2.0, 3.0), SEGMENTS[1])
    drag(page, 1, 2.5, 0.0)
    expect_segments(page, 1, (0.0, 1.0), SEGMENTS[1])
    assert heard_nothing(page)


def heard_nothing(page: Page) -> bool:
    return page.evaluate("window.heard") == []


@pytest.mark.browser
def test_edges_resize_and_are_wide_enough_for_a_finger(page: Page) -> None:
    drag_grip(page, 0, 1, "start", 0.7)
    drag_grip(page, 0, 1, "end", 2.4)
    drag_grip(page, 0, 2, "end", 4.0)
    drag_grip(page, 0, 2, "start", 2.0)
    expect_segments(page, 0, (0.7, 2.4), (2.4, 4.0), within=pixel(page))
    drag_grip(page, 0, 1, "start", 0.0)
    drag_grip(page, 0, 1, "end", -1.0)
    assert listed(page, 0)[0] == (0.0, 0.05)  # the shortest there may be
    widths = (
        row(page, 0)
        .locator(".grip")
        .evaluate_all(
            """all => all.map((each) => {
            const [grip, surface] = [each, each.closest(".surface")].map((node) => node.getBoundingClientRect());
            return Math.min(grip.right, surface.right) - Math.max(grip.left, surface.left);
        })"""
        )
    )
    assert min(widths) >= 24


@pytest.mark.browser
def test_dragging_follows_the_pointer_on_the_models_frames_too(page: Page) -> None:
    page.locator("#left").get_by_role("button", name="model’s frames").click()
    box = row(page, 1).locator(".surface").bounding_box()
    page.mouse.move(box["x"] + 0.7 * box["width"], box["y"] + HEIGHT)  # 2.8 s of the tape: second 2.5 of the clip
    page.mouse.down()
    page.mouse.move(box["x"] + 0.76 * box["width"], box["y"] + HEIGHT, steps=3)
    page.mouse.up()
    assert listed(page, 1)[1] == pytest.approx((2.5, 2.8), abs=2 * pixel(page))


@pytest.mark.browser
def test_escape_puts_back_what_is_being_dragged(page: Page) -> None:
    page.mouse.move(*place(page, 0, 1.5))
    page.mouse.down()
    page.mouse.move(*place(page, 0, 1.8), steps=3)
    assert listed(page, 0)[0] == pytest.approx((1.3, 2.3), abs=pixel(page))
    page.keyboard.press("Escape")
    page.mouse.move(*place(page, 0, 1.9))
    page.mouse.up()
    expect_segments(page, 0, *SEGMENTS)
    page.mouse.move(*place(page, 0, 2.3))
    page.mouse.down()
    page.mouse.move(*place(page, 0, 2.6), steps=3)
    assert len(listed(page, 0)) == 3
    page.keyboard.press("Escape")
    page.mouse.up()
    expect_segments(page, 0, *SEGMENTS)
    expect(row(page, 0).locator(".held-mark")).to_be_hidden()
    assert position(page) == 0.0  # letting go is no click


@pytest.mark.browser
def test_keys_move_a_segment_its_start_and_its_end(page: Page) -> None:
    piece(page, 0, 1).focus()
    page.keyboard.press("ArrowRight")
    expect_segments(page, 0, (1.05, 2.05), SEGMENTS[1])
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    expect_segments(page, 0, (1.05, 2.15), SEGMENTS[1])
    page.keyboard.press("Alt+ArrowLeft")
    expect_segments(page, 0, (1.0, 2.15), SEGMENTS[1])
    expect(page.locator("#left .live")).to_have_text("Segment 1, 1.00 to 2.15 seconds. Held.")
    for _ in range(3):
        page.keyboard.press("Alt+ArrowRight")
    page.keyboard.press("ArrowLeft")
    expect_segments(page, 0, (1.1, 2.1), SEGMENTS[1])
    piece(page, 0, 2).focus()
    for _ in range(5):
        page.keyboard.press("Shift+ArrowLeft")
    expect_segments(page, 0, (1.1, 2.1), (3.0, 3.05))
    assert position(page) == 0.0  # the playhead stayed


@pytest.mark.browser
def test_enter_plays_the_segment_as_it_is_now(page: Page) -> None:
    piece(page, 0, 2).focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    heard(page, 2)
    page.keyboard.press("1")  # and so do digits
    started = heard(page, 4)[2]
    assert [(each["offset"], each["duration"]) for each in page.evaluate("window.starts")] == [(2.95, 0.25), (1.0, 1.0)]
    assert (started["kind"], started["row"], started["segment"]) == ("piece", 0, 0)
    row(page, 0).get_by_role("button", name="Play segment 2, 2.95 to 3.20 seconds").click()
    heard(page, 6)
    assert page.evaluate("window.starts")[2]["offset"] == 2.95


@pytest.mark.browser
def test_segments_are_deleted_by_key_and_by_button(page: Page) -> None:
    piece(page, 0, 1).focus()
    page.keyboard.press("Delete")
    expect_segments(page, 0, SEGMENTS[1])
    expect(piece(page, 0, 1)).to_be_focused()
    page.keyboard.press("Backspace")
    expect_segments(page, 0)
    expect(row(page, 0).locator(".editor-empty")).to_have_text("No segment: nothing is replayed in Playback 1.")
    row(page, 1).get_by_role("button", name="Delete segment 2").click()
    expect_segments(page, 1, SEGMENTS[0])
    expect(row(page, 1).get_by_role("button", name="Delete segment 1")).to_be_focused()
    tool(page, "Replay these instead").click()
    assert asked(page) == [{"name": "replay", "held": {"0": [], "1": [[1.0, 2.0]]}}]


@pytest.mark.browser
def test_seconds_are_typed_as_numbers(page: Page) -> None:
    start, end = (row(page, 0).get_by_label(f"Segment 1 {edge}, seconds") for edge in ("start", "end"))
    assert [start.get_attribute(name) for name in ("min", "max", "step")] == ["0.000", "3.000", "0.001"]
    start.fill("1.234")
    start.press("Enter")
    expect_segments(page, 0, (1.234, 2.0), SEGMENTS[1])
    end.fill("9")
    end.press("Tab")
    expect_segments(page, 0, (1.234, 3.0), SEGMENTS[1])
    end.fill("")
    end.press("Tab")
    expect(end).to_have_value("3.000")
    end.fill("0.8")  # before its start: the whole segment moves
    end.press("Enter")
    expect_segments(page, 0, (0.0, 1.766), SEGMENTS[1])
    start.fill("2")
    start.press("Delete")  # keys in a field are the field's
    start.press("ArrowLeft")
    expect(start).to_have_value("2")
    assert len(listed(page, 0)) == 2


@pytest.mark.browser
def test_n_adds_a_segment_at_the_playhead_where_there_is_room(page: Page) -> None:
    click_surface(page, 0, 0.55)
    page.keyboard.press("n")
    expect_segments(page, 0, SEGMENTS[0], (2.2, 2.7), SEGMENTS[1], within=pixel(page))
    expect(piece(page, 0, 2)).to_be_focused()
    page.keyboard.press("n")
    assert len(listed(page, 0)) == 3
    expect(page.locator("#left .live")).to_contain_text("no room")
    row(page, 1).get_by_role("button", name="Add at the playhead").click()
    expect_segments(page, 1, SEGMENTS[0], (2.2, 2.7), SEGMENTS[1], within=pixel(page))


@pytest.fixture
def touch(page: Page) -> Iterator[Callable[[str, list[tuple[float, float]]], None]]:
    """touch(name, points): what one finger does, through the browser's own handling of touches."""
    session = page.context.new_cdp_session(page)
    session.send("Emulation.setTouchEmulationEnabled", {"enabled": True})

    def swipe(points: list[tuple[float, float]]) -> None:
        for k, (x, y) in enumerate(points):
            kind = "touchMove" if k else "touchStart"
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
        session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    yield swipe
    session.detach()


@pytest.mark.browser
def test_a_finger_draws_across_a_row_and_scrolls_along_it(page: Page, touch: Callable[..., None]) -> None:
    (x, y), (end, _) = place(page, 0, 2.3), place(page, 0, 2.7)
    touch([(x, y), (x + 20, y), (x + 60, y), (end, y)])
    expect_segments(page, 0, SEGMENTS[0], (2.3, 2.7), SEGMENTS[1], within=pixel(page))
    grip = piece(page, 0, 2).locator(".end-grip").bounding_box()
    x, y = grip["x"] + grip["width"] / 2, grip["y"] + HEIGHT
    touch([(x, y), (x - 20, y), (x - 0.2 / pixel(page), y)])
    expect_segments(page, 0, SEGMENTS[0], (2.3, 2.5), SEGMENTS[1], within=2 * pixel(page))
    # at once: the browser makes no click of a tap that comes right after a swipe
    touch([place(page, 0, 1.5)])
    expect(page.locator("#left .tools-chosen")).to_have_text("1 segment selected, 1.00 s")
    before = listed(page, 0)
    x, y = place(page, 0, 2.8)
    touch([(x, y + 100 - 10 * k) for k in range(15)])
    page.wait_for_function("window.scrollY > 0")
    assert listed(page, 0) == before


@pytest.mark.browser
def test_a_click_without_a_press_selects_even_after_a_drag_that_no_click_followed(
    page: Page, touch: Callable[..., None]
) -> None:
    touch([place(page, 0, 2.3), place(page, 0, 2.5), place(page, 0, 2.7)])
    expect(page.locator("#left .tools-chosen")).to_have_text("1 segment selected, 0.40 s")
    piece(page, 0, 1).evaluate("(node) => node.click()")  # as assistive technology does
    expect(page.locator("#left .tools-chosen")).to_have_text("1 segment selected, 1.00 s")


@pytest.mark.browser
def test_a_phone_has_room_for_the_tools(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    drag(page, 0, 2.3, 2.7)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    small = page.locator("#left button:not(.frame):visible, #left select:visible, #left input[type=number]:visible")
    boxes = small.evaluate_all("all => all.map((each) => each.getBoundingClientRect().height)")
    assert min(boxes) >= 44
    page.mouse.wheel(0, 900)
    page.wait_for_function("window.scrollY > 700")
    expect(tool(page, "Replay these instead")).to_be_in_viewport()
