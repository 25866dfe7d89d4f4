"""What the player plays in a real browser: which seconds of which sound, when, and what stops it."""

from __future__ import annotations

from typing import Any

import pytest
from player_pages import (
    CLIP_SECONDS,
    click_surface,
    heard,
    line_fraction,
    open_players,
    position,
    row,
)
from playwright.sync_api import Page, expect


@pytest.fixture
def page(browser_page: Page, offline: tuple[dict[str, Any], dict[str, str]]) -> Page:
    """The player without Gradio or network, as in a report, with all rows of the first run."""
    open_players(browser_page, *offline, {"left": "first"})
    return browser_page


@pytest.mark.browser
def test_pressing_a_playing_segment_stops_it_where_it_is(page: Page) -> None:
    pressed = page.evaluate(
        """async () => {
            const [frame, listed] = document.querySelectorAll("#left [data-key='segment-1-0']");
            const pressed = [];
            await whilePlaying(() => frame.click(), () => {
                pressed.push(frame.getAttribute("aria-pressed"), listed.getAttribute("aria-pressed"));
                frame.click();
            });
            pressed.push(frame.getAttribute("aria-pressed"));
            return pressed;
        }"""
    )
    assert pressed == ["true", "true", "false"]
    started, stopped = heard(page, 2)
    assert stopped["at"] < started["at"] + 1.0
    assert 1.0 <= stopped["position"] < 2.0


@pytest.mark.browser
def test_listed_and_replayed_segments_play_the_same_stretch_as_their_frames(page: Page) -> None:
    row(page, 1).locator(".actions").get_by_role("button", name="segment 2 3.00–3.25 s").click()
    heard(page, 2)
    row(page, 1).get_by_role("button", name="Replayed segment 1, 1.00 to 2.00 seconds, play").click()
    heard(page, 3)
    stretches = [(start["offset"], start["duration"]) for start in page.evaluate("window.starts")]
    assert stretches == [(3.0, 0.25), (1.0, 1.0)]


@pytest.mark.browser
def test_all_segments_follow_one_another_on_the_audio_clock(page: Page) -> None:
    row(page, 0).get_by_role("button", name="all segments").click()
    _, stopped = heard(page, 2)
    first, second = page.evaluate("window.starts")
    assert (first["offset"], second["offset"]) == (1.0, 3.0)
    assert second["when"] > first["when"] + 1.0
    assert stopped["position"] == 3.25


@pytest.mark.browser
def test_the_tape_carries_the_playhead_through_its_map(page: Page) -> None:
    page.evaluate(
        """() => whilePlaying(() => document.querySelector("#left [data-key='tape-1']").click(), () => {
            const surface = document.querySelector("#left [data-row='1'] .surface");
            const box = surface.getBoundingClientRect();
            surface.dispatchEvent(new MouseEvent("click", { bubbles: true, clientX: box.left + box.width * 0.75 }));
        })"""
    )
    events = heard(page, 4)
    whole, rest = page.evaluate("window.starts")
    assert (whole["offset"], whole["duration"]) == (0.0, 4.0)
    assert rest["offset"] == pytest.approx(3.2, abs=0.01)  # second 3 of the clip lies at 3.2 s of the tape
    assert rest["duration"] == pytest.approx(0.8, abs=0.01)
    assert [event["kind"] for event in events] == ["tape"] * 4
    assert position(page) == CLIP_SECONDS


@pytest.mark.browser
def test_a_click_moves_the_playhead_and_the_clip_plays_from_there(page: Page) -> None:
    click_surface(page, 1, 0.875)
    assert position(page) == pytest.approx(3.5, abs=0.01)
    assert page.evaluate("window.starts") == []
    for index in range(3):
        assert line_fraction(page, index) == pytest.approx(0.875, abs=0.003)
    page.locator("#left").get_by_role("button", name="Play clip from 3.5").click()
    heard(page, 2)
    (start,) = page.evaluate("window.starts")
    assert start["offset"] + start["duration"] == CLIP_SECONDS
    assert position(page) == CLIP_SECONDS
    expect(page.locator("#left .play")).to_have_attribute("aria-label", "Play clip")  # from the start again


@pytest.mark.browser
def test_a_sound_that_cannot_be_loaded_says_so(page: Page) -> None:
    page.evaluate("() => { window.fetch = () => Promise.reject(new TypeError('gone')); }")
    row(page, 1).get_by_role("button", name="as the model heard it").click()
    expect(page.locator("#left .status")).to_contain_text("could not be loaded")
    expect(page.locator("#left .playitback-player")).to_have_attribute("data-playing", "")
    assert page.evaluate("window.heard") == []


@pytest.mark.browser
def test_without_a_sound_device_nothing_seems_to_play(page: Page) -> None:
    """Firefox then never lets the audio begin."""
    page.evaluate(
        """() => {
          Object.defineProperty(AudioContext.prototype, "state", { get: () => "suspended" });
          AudioContext.prototype.resume = () => new Promise(() => {});
        }"""
    )
    row(page, 1).get_by_role("button", name="as the model heard it").click()
    expect(page.locator("#left .status")).to_contain_text("found no sound device")
    expect(page.locator("#left .playitback-player")).to_have_attribute("data-playing", "")
    assert page.evaluate("window.starts") == []


@pytest.mark.browser
def test_a_new_run_stops_the_sound_of_the_old_one(page: Page) -> None:
    page.evaluate(
        "() => whilePlaying(() => document.querySelector('.play').click(), () => player.update(views.second))"
    )
    started, stopped = heard(page, 2)
    assert stopped["at"] < started["at"] + CLIP_SECONDS
    expect(page.locator("#left .playitback-player")).to_have_attribute("data-playing", "")
    expect(page.locator("#left .row")).to_have_count(3)


@pytest.mark.browser
def test_a_destroyed_player_leaves_silence_and_nothing_else(page: Page) -> None:
    page.evaluate("() => whilePlaying(() => document.querySelector('.play').click(), () => player.destroy())")
    assert heard(page, 2)[1]["position"] < CLIP_SECONDS
    expect(page.locator("#left .playitback-player")).to_be_empty()
