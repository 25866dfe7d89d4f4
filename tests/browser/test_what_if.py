"""What if, and why this class, on the whole page in a real browser, with an untrained model."""

from __future__ import annotations

import io
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from playwright.sync_api import Locator, Page, expect
from tiny import CLIP_SECONDS, RATE, sounding_clips, tiny_checkpoint, tiny_model

from app import text
from app.page import build_page, launch_settings
from app.service import ExplainService, Models
from app.service import contrast as contrast_service
from app.service import what_if as what_if_service
from playitback.progress import Progress

pytestmark = pytest.mark.browser

PLAYBACKS = 2
LABELS = ("church_bells", "rain", "siren", "<b>${x}</b>")
#: sounds that began, and the addresses of those that were played to their ends
WATCH = """
window.heard = [];
window.ended = [];
window.Audio = class extends Audio {
  constructor(address) {
    super(address);
    this.addEventListener("ended", () => window.ended.push(address));
  }
};
document.addEventListener("playitback:started", (event) => window.heard.push(event.detail.kind));
"""


@pytest.fixture(scope="module")
def address(page_folder: Path, serve: Callable[..., str]) -> str:
    checkpoint = tiny_checkpoint(page_folder / "tiny", tiny_model(labels=LABELS, playbacks=PLAYBACKS))
    example = page_folder / "swelling_noise.wav"
    soundfile.write(example, sounding_clips(1)[0].numpy(), RATE)
    models = Models([str(checkpoint)], "cpu")
    ExplainService(models).warm_up()
    return serve(build_page(models, [example]), **launch_settings())


@pytest.fixture
def page(browser_page: Page, address: str) -> Page:
    """The page after a run."""
    browser_page.add_init_script(WATCH)
    browser_page.goto(address)
    play_back(browser_page)
    return browser_page


def play_back(page: Page) -> None:
    page.get_by_role("button", name="Swelling noise", exact=True).click()
    expect(page.locator("#facts")).to_contain_text("swelling_noise")
    page.get_by_role("button", name=text.RUN, exact=True).click()
    expect(page.locator("#status")).to_contain_text("The model hears")


def player(page: Page) -> Locator:
    return page.locator("#what-if-player")


def row(page: Page, index: int) -> Locator:
    return player(page).locator(f"[data-row='{index}']")


def variants(page: Page) -> Locator:
    return page.locator("#variants tbody tr")


def edit_segments(page: Page) -> None:
    """Opens the tab and its player's tools."""
    page.get_by_role("tab", name=text.WHAT_IF_TAB).click()
    expect(variants(page)).to_have_count(1)
    player(page).get_by_role("button", name="Edit segments").click()


def draw_one_segment(page: Page) -> tuple[float, float]:
    """Deletes what the first hearing chose and draws one segment in its stead; returns its seconds."""
    entries = row(page, 0).locator(".entry")
    while entries.count():
        entries.first.get_by_role("button", name="Delete segment 1").click()
    row(page, 0).scroll_into_view_if_needed()
    box = row(page, 0).locator(".surface").bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 3
    page.mouse.move(box["x"] + 0.6 * box["width"], y)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.8 * box["width"], y, steps=4)
    page.mouse.up()
    start, end = (float(value) for value in entries.first.locator("input[type=number]").evaluate_all(VALUES))
    assert (start, end) == pytest.approx((0.6 * CLIP_SECONDS, 0.8 * CLIP_SECONDS), abs=0.02)
    return start, end


VALUES = "(inputs) => inputs.map((input) => input.value)"


def test_drawn_segments_are_replayed_and_the_answer_joins_the_list(page: Page) -> None:
    edit_segments(page)
    start, end = draw_one_segment(page)
    player(page).get_by_role("button", name="Replay these instead").click()
    expect(variants(page)).to_have_count(2)
    name = re.compile(rf"Replays {start:.2f}–{end:.2f}\ss instead after the first hearing")
    expect(variants(page).nth(1).locator("th")).to_have_text(name)
    expect(variants(page).nth(1).get_by_role("button", name="Show in the player")).to_have_text(text.SHOWN)
    expect(page.locator("#what-if-status")).to_contain_text("Variant 1: Replays")
    replayed = row(page, 1).locator(".frame.replayed")
    expect(replayed).to_have_count(1)
    expect(replayed).to_have_attribute("aria-label", f"Replayed segment 1, {start:.2f} to {end:.2f} seconds, play")
    # it can be changed a little and asked again
    expect(row(page, 0).locator(".hold input")).to_be_checked()
    row(page, 0).locator(".entry").get_by_role("spinbutton", name="Segment 1 end, seconds").fill("1.9")
    player(page).get_by_role("button", name="Replay these instead").click()
    expect(variants(page)).to_have_count(3)
    expect(replayed).to_have_attribute("aria-label", f"Replayed segment 1, {start:.2f} to 1.90 seconds, play")

    page.get_by_role("button", name=text.UNDO).click()
    expect(variants(page)).to_have_count(2)
    expect(replayed).to_have_attribute("aria-label", f"Replayed segment 1, {start:.2f} to {end:.2f} seconds, play")
    page.get_by_role("button", name=text.RESET).click()
    expect(variants(page)).to_have_count(1)
    expect(replayed).to_have_count(row(page, 0).locator(".frame.segment").count())  # the model's own choice
    expect(page.get_by_role("button", name=text.UNDO)).to_be_disabled()


def test_a_removed_segment_is_gone_from_the_sound_that_is_heard(page: Page) -> None:
    edit_segments(page)
    start, end = draw_one_segment(page)
    player(page).get_by_role("button", name="Remove from the sound").click()
    expect(variants(page)).to_have_count(2)
    expect(variants(page).nth(1).locator("th")).to_contain_text(f"Without {start:.2f}–{end:.2f}")
    hear = page.locator("#variants").get_by_role("button", name="Hear the sound")
    sounds = []
    for place in range(2):
        address = hear.nth(place).get_attribute("data-sound")
        samples, _ = soundfile.read(io.BytesIO(page.request.get(address or "").body()))
        sounds.append(samples[round((start + 0.01) * RATE) : round((end - 0.01) * RATE)])
    assert np.abs(sounds[0]).max() > 0.01
    assert not sounds[1].any()
    hear.nth(1).click()
    page.wait_for_function("window.ended.length === 1")
    assert page.evaluate("window.heard") == ["stretch"]
    assert page.evaluate("window.ended") == [hear.nth(1).evaluate("(button) => button.dataset.sound")]

    show = page.locator("#variants").get_by_role("button", name="Show in the player: The original")
    show.press("Enter")
    expect(show).to_have_text(text.SHOWN)
    expect(show).to_be_focused()
    expect(page.locator("#what-if-status")).to_contain_text(text.ORIGINAL)
    expect_no_scrolling_sideways_on_a_phone(page)


def test_what_is_refused_can_be_asked_again_and_a_new_run_starts_a_new_list(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(what_if_service, "MOST_VARIANTS", 0)
    edit_segments(page)
    row(page, 0).locator(".hold input").check()
    replay = player(page).get_by_role("button", name="Replay these instead")
    replay.click()
    expect(page.locator("#what-if-status").get_by_role("alert")).to_contain_text("undo the last one or reset")
    expect(replay).to_be_enabled()
    monkeypatch.undo()
    replay.click()
    expect(variants(page)).to_have_count(2)
    expect(page.get_by_role("alert")).to_have_count(0)

    page.get_by_role("button", name=text.RUN, exact=True).click()
    expect(variants(page)).to_have_count(1)
    expect(player(page).locator(".playitback-player")).to_have_attribute("data-row-count", str(PLAYBACKS + 1))


def choose(page: Page, label: str, option: str) -> None:
    box = page.get_by_role("combobox", name=label)
    box.fill(option)
    page.get_by_role("option", name=option, exact=True).click()
    expect(box).to_have_value(option)
    expect(page.get_by_role("option")).to_have_count(0)


def test_two_classes_are_contrasted(page: Page) -> None:
    page.get_by_role("tab", name=text.CONTRAST_TAB).click()
    ask = page.get_by_role("button", name=text.CONTRAST, exact=True)
    choose(page, text.FIRST_CLASS, "rain")
    choose(page, text.SECOND_CLASS, "rain")
    ask.click()
    expect(page.locator("#contrast-status").get_by_role("alert")).to_contain_text("'rain' was given twice")
    choose(page, text.SECOND_CLASS, "<b>${x}</b>")
    ask.click()
    segments = page.locator("#contrast-table tbody tr")
    expect(segments.first).to_be_visible()
    expect(page.locator("#contrast-status")).to_contain_text("after the last hearing")
    expect(page.locator("#contrast-trajectories .legendtext", has_text="rain")).to_have_count(1)
    expect(page.locator("#contrast-attention .subplot")).to_have_count(PLAYBACKS + 1)
    assert page.locator("#contrast b").count() == 0  # a label stays text
    play = segments.first.get_by_role("button")
    play.click()
    page.wait_for_function("window.ended.length === 1")
    assert page.evaluate("window.heard") == ["stretch"]
    expect_no_scrolling_sideways_on_a_phone(page)


def test_a_contrast_says_how_far_it_is_and_can_be_stopped(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = threading.Event()

    def endless(*question: object) -> Iterator[Progress]:
        try:
            while True:
                yield Progress(1, 2)
                time.sleep(0.05)
        finally:
            closed.set()

    page.get_by_role("tab", name=text.CONTRAST_TAB).click()
    ask = page.locator("#contrast-ask")
    stop = page.locator("#contrast-stop")
    expect(stop).to_be_disabled()
    with monkeypatch.context() as patch:
        patch.setattr(contrast_service, "contrast", endless)
        ask.click()
        expect(page.locator("#contrast-status progress")).to_have_js_property("value", 1)
        expect(ask).to_be_disabled()
        stop.click()
        expect(page.locator("#contrast-status")).to_have_text(text.CONTRAST_STOPPED, use_inner_text=True)
        assert closed.wait(60)
    ask.click()
    expect(page.locator("#contrast-status")).to_contain_text("after the last hearing")
    expect(stop).to_be_disabled()


def expect_no_scrolling_sideways_on_a_phone(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_function("document.documentElement.scrollWidth <= 390")
