"""Players that are compared on one time axis, in a real browser: one playhead, one hover line, one length of axis."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from player_pages import click_surface, files_of, heard, make_views, open_players, plain_views, position, row
from playwright.sync_api import Locator, Page, expect

from app.player import Player

AXIS_SECONDS = 8.0


@pytest.fixture(scope="module")
def offline(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], dict[str, str]]:
    """Three runs of four seconds as JSON, on an axis of eight: two that are linked, and one by itself."""
    folder = tmp_path_factory.mktemp("offline")
    runs = {name: make_views(folder, name)[2] for name in ("first", "second", "other")}
    links = {"first": "pair", "second": "pair", "other": None}
    views = {
        name: dataclasses.replace(view, axis_seconds=AXIS_SECONDS, link=links[name]) for name, view in runs.items()
    }
    return plain_views(views), files_of(folder)


@pytest.fixture
def page(browser_page: Page, offline: tuple[dict[str, Any], dict[str, str]]) -> Page:
    open_players(browser_page, *offline, {"left": "first", "right": "second", "alone": "other"})
    return browser_page


def share(page: Page, inner: Locator, outer: Locator) -> tuple[float, float]:
    """Left and right end of an element as fractions of another one's width."""
    small, large = inner.bounding_box(), outer.bounding_box()
    assert small is not None
    assert large is not None
    left = (small["x"] - large["x"]) / large["width"]
    return left, left + small["width"] / large["width"]


@pytest.mark.browser
def test_playing_one_moves_the_playhead_of_the_other(page: Page) -> None:
    seen = page.evaluate(
        """async () => {
            const other = document.querySelector("#right .playitback-player");
            const seen = new Set();
            const watcher = new MutationObserver(() => seen.add(other.dataset.position));
            watcher.observe(other, { attributeFilter: ["data-position"] });
            await whilePlaying(() => document.querySelector("#left [data-key='segment-0-0']").click(), () => {});
            return [...seen].map(Number);
        }"""
    )
    assert seen[0] == 1.0
    assert position(page) == position(page, "right") == 2.0
    assert all(1.0 <= second <= 2.0 for second in seen)
    assert position(page, "alone") == 0.0
    assert len(page.evaluate("window.starts")) == 1  # only one sounds


@pytest.mark.browser
def test_a_click_in_one_says_where_the_other_begins_to_play(page: Page) -> None:
    click_surface(page, 1, 3.5 / AXIS_SECONDS, "right")
    assert position(page) == position(page, "right") == pytest.approx(3.5, abs=0.02)
    assert position(page, "alone") == 0.0
    page.locator("#left .play").click()
    heard(page, 2)
    (start,) = page.evaluate("window.starts")
    assert start["offset"] == pytest.approx(3.5, abs=0.02)


@pytest.mark.browser
def test_starting_one_stops_the_other_and_carries_both_playheads(page: Page) -> None:
    page.evaluate(
        """() => whilePlaying(
            () => document.querySelector("#left .play").click(),
            () => document.querySelector("#right [data-key='segment-0-1']").click(),
        )"""
    )
    events = heard(page, 4)
    assert [event["kind"] for event in events if event["name"] == "stopped"] == ["clip", "segment"]
    assert position(page) == position(page, "right") == 3.25


@pytest.mark.browser
def test_a_click_in_one_makes_the_sound_of_the_other_go_on_from_there(page: Page) -> None:
    click_surface(page, 0, 2.5 / AXIS_SECONDS)
    page.evaluate(
        """() => {
            const surface = document.querySelector("#right [data-row='0'] .surface");
            const box = surface.getBoundingClientRect();
            const place = { bubbles: true, clientX: box.left + (box.width * 3.75) / 8, clientY: box.top + 5 };
            return whilePlaying(
                () => document.querySelector("#left .play").click(),
                () => surface.dispatchEvent(new MouseEvent("click", place)),
            );
        }"""
    )
    events = heard(page, 4)
    assert {event["kind"] for event in events} == {"clip"}
    assert page.evaluate("window.starts")[1]["offset"] == pytest.approx(3.75, abs=0.02)
    assert position(page) == position(page, "right") == 4.0


@pytest.mark.browser
def test_the_hover_line_stands_at_the_same_second_in_both(page: Page) -> None:
    surface = row(page, 0).locator(".surface")
    width = surface.bounding_box()["width"]
    surface.hover(position={"x": width * 0.25, "y": 20})
    expect(row(page, 0, "alone").locator(".hover-line")).to_be_hidden()
    for place in ("left", "right"):
        line, under = row(page, 2, place).locator(".hover-line"), row(page, 2, place).locator(".surface")
        expect(line).to_be_visible()
        assert share(page, line, under)[0] == pytest.approx(0.25, abs=0.003)
    expect(row(page, 0, "right").locator(".readout")).to_have_text("")
    page.mouse.move(0, 0)
    expect(row(page, 2, "right").locator(".hover-line")).to_be_hidden()


@pytest.mark.browser
def test_a_longer_axis_leaves_the_time_after_the_clip_empty(page: Page) -> None:
    surface = row(page, 0).locator(".surface")
    assert share(page, row(page, 0).locator(".clip-image"), surface) == pytest.approx((0.0, 0.5), abs=0.003)
    assert share(page, row(page, 0).locator(".beyond"), surface) == pytest.approx((0.5, 1.0), abs=0.003)
    assert share(page, row(page, 0).locator(".frame").first, surface) == pytest.approx((1 / 8, 2 / 8), abs=0.003)
    assert share(page, row(page, 0).locator(".lanes .lane-0"), surface) == pytest.approx((0.0, 0.5), abs=0.005)
    assert share(page, page.locator("#left .track"), surface)[1] == pytest.approx(0.5, abs=0.003)
    assert row(page, 0).locator(".tick-text").all_inner_texts() == ["0 s", "2 s", "4 s", "6 s", "8 s"]
    surface.hover(position={"x": surface.bounding_box()["width"] * 0.75, "y": 20})
    expect(row(page, 0).locator(".readout")).to_have_text("6.00 s · after the end of the clip")
    click_surface(page, 0, 0.75)
    assert position(page) == 4.0


@pytest.mark.browser
def test_an_axis_shorter_than_the_clip_changes_nothing(page: Page) -> None:
    page.evaluate("player.update({ ...views.first, axis_seconds: 1 })")
    surface = row(page, 0).locator(".surface")
    assert share(page, row(page, 0).locator(".clip-image"), surface) == pytest.approx((0.0, 1.0), abs=0.003)
    assert row(page, 0).locator(".tick-text").all_inner_texts() == ["0 s", "1 s", "2 s", "3 s", "4 s"]


@pytest.mark.browser
def test_nothing_is_drawn_after_the_end_of_the_clip(
    browser_page: Page, offline: tuple[dict[str, Any], dict[str, str]]
) -> None:
    open_players(browser_page, *offline, {"left": "first"}, editable=True)
    browser_page.locator("#left").get_by_role("button", name="Edit segments").click()
    box = row(browser_page, 0).locator(".surface").bounding_box()
    for start, end in ((3.5, 6.0), (6.0, 7.0)):
        browser_page.mouse.move(box["x"] + box["width"] * start / AXIS_SECONDS, box["y"] + 40)
        browser_page.mouse.down()
        browser_page.mouse.move(box["x"] + box["width"] * end / AXIS_SECONDS, box["y"] + 40, steps=3)
        browser_page.mouse.up()
    numbers = row(browser_page, 0).locator(".entry input[type=number]")
    seconds = [float(value) for value in numbers.evaluate_all("all => all.map((each) => each.value)")]
    assert seconds[4:] == pytest.approx([3.5, 4.0], abs=0.02)
    assert seconds[5] == 4.0


def test_axis_and_link_reach_the_script(tmp_path: Path) -> None:
    view = make_views(tmp_path)[2]
    plain = Player().postprocess(view)
    linked = Player().postprocess(dataclasses.replace(view, axis_seconds=8, link="pair"))
    assert plain is not None
    assert linked is not None
    assert (plain.model_dump()["axis_seconds"], plain.model_dump()["link"]) == (None, None)
    assert (linked.model_dump()["axis_seconds"], linked.model_dump()["link"]) == (8.0, "pair")
