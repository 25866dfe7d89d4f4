"""The whole page in a real browser, with an untrained model whose hearings wait until a test lets them go."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from gate import Gate
from player_pages import WATCH
from playwright.sync_api import Locator, Page, expect
from tiny import CLIP_SECONDS, RATE, chirp, tiny_checkpoint, tiny_model

from app import text
from app.page import build_page, launch_settings
from app.service import ExplainService, Models
from playitback.report import words

pytestmark = pytest.mark.browser

PLAYBACKS = 2
HEARINGS = PLAYBACKS + 1
LABELS = ("church_bells", "rain", "siren", "engine", "clock_tick", "<b>${x}{{y}}</b>")
CARD = "---\nlicense: cc0-1.0\n---\n# Tiny\n\nUntrained.\n\n## Data\n\nNone.\n"


@pytest.fixture(scope="module")
def address(page_folder: Path, module_gate: Gate, serve: Callable[..., str]) -> str:
    """A page with two examples and two models."""
    checkpoint = tiny_checkpoint(page_folder / "tiny", tiny_model(labels=LABELS, playbacks=PLAYBACKS))
    (checkpoint / "README.md").write_text(CARD, encoding="utf-8")
    examples = []
    for name, seconds in (("rising_tone", CLIP_SECONDS), ("long_tone", 30.0)):
        examples.append(page_folder / f"{name}.wav")
        soundfile.write(examples[-1], chirp(seconds), RATE)
    other = tiny_checkpoint(page_folder / "other", tiny_model(labels=("dog", "cat"), playbacks=1, clip_seconds=1.0))
    models = Models([str(checkpoint), str(other)], "cpu", module_gate.before_each_result)
    ExplainService(models).warm_up()
    return serve(build_page(models, examples), **launch_settings())


@pytest.fixture
def page(browser_page: Page, address: str, gate: Gate) -> Page:
    """The page as a visitor finds it."""
    browser_page.add_init_script(WATCH)
    browser_page.goto(address)
    expect(run_button(browser_page)).to_be_enabled()
    return browser_page


def run_button(page: Page) -> Locator:
    return page.get_by_role("button", name=text.RUN, exact=True)


def stop_button(page: Page) -> Locator:
    return page.get_by_role("button", name=text.STOP, exact=True)


def choose_example(page: Page, name: str = "Rising tone") -> None:
    page.get_by_role("button", name=name, exact=True).click()
    expect(page.locator("#facts")).to_contain_text(name.lower().replace(" ", "_"))


def expect_rows(page: Page, count: int) -> None:
    expect(page.locator("#player .playitback-player")).to_have_attribute("data-row-count", str(count))


def play_back(page: Page, rows: int = HEARINGS) -> None:
    run_button(page).click()
    expect_rows(page, rows)
    expect(run_button(page)).to_be_enabled()


def test_an_example_becomes_one_row_a_hearing_and_a_conclusion(page: Page) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(text.TITLE)
    expect(page.get_by_text(text.PLAYBACKS_HINT)).to_be_visible()
    choose_example(page)
    expect(page.locator("#facts")).to_contain_text("2 s · 16 kHz · mono · WAV")
    expect(page.locator("#start")).to_be_hidden()
    play_back(page)
    headings = page.locator("#player").get_by_role("heading")
    expect(headings).to_have_text(["First hearing", "Playback 1", "Playback 2"])
    expect(page.locator("#player .sentence").nth(1)).to_contain_text(
        re.compile(r"Playback 1 heard .+\ss again at a hop of")
    )
    expect(page.get_by_text(text.PLAYBACKS_HINT)).to_be_hidden()
    expect(page.locator("#status")).to_contain_text("The model hears")
    page.wait_for_function("[...document.querySelectorAll('#player img')].every((image) => image.naturalWidth > 0)")


def test_a_sound_is_recorded_and_played_back(page: Page) -> None:
    page.locator("#recording .source-selection button").nth(1).click()
    page.get_by_role("button", name="Record", exact=True).click()
    page.wait_for_timeout(2500)
    page.locator("#recording button", has_text="Stop").first.click()
    expect(page.locator("#facts")).to_contain_text(re.compile(r"[23]\.\d+\ss · .+ · WAV"))
    play_back(page)
    expect(page.locator("#status")).to_contain_text("The model hears")


def test_rows_come_as_they_are_computed_and_a_second_run_clears_the_first(page: Page, gate: Gate) -> None:
    choose_example(page)
    gate.close()
    run_button(page).click()
    for ready in range(HEARINGS):
        expect_rows(page, ready)
        expect(page.locator("#status")).to_contain_text(text.progress(ready, HEARINGS))
        gate.let_through()
    expect_rows(page, HEARINGS)
    gate.let_through()  # to the end of the run, where there is no further hearing
    expect(run_button(page)).to_be_enabled()
    run_button(page).click()
    expect_rows(page, 0)
    gate.open()
    expect_rows(page, HEARINGS)


def test_stop_keeps_the_rows_that_were_ready_and_another_run_can_start(page: Page, gate: Gate) -> None:
    choose_example(page)
    gate.close()
    run_button(page).click()
    expect_rows(page, 0)
    gate.let_through()
    expect_rows(page, 1)
    expect(page.locator("#player .placeholder")).to_have_count(HEARINGS - 1)
    stop_button(page).click()
    expect(page.locator("#status")).to_contain_text(text.STOPPED)
    expect(stop_button(page)).to_be_disabled()
    expect(page.locator("#player .placeholder")).to_have_count(0)
    expect_rows(page, 1)
    gate.open()
    play_back(page)


def test_a_stop_ends_what_was_asked_for_twice_at_once(page: Page, gate: Gate) -> None:
    choose_example(page)
    gate.close()
    run_button(page).evaluate("(button) => { button.click(); button.click(); }")
    gate.wait_until_it_holds()
    stop_button(page).click()
    expect(page.locator("#status")).to_contain_text(text.STOPPED)
    gate.open()
    page.wait_for_timeout(1500)  # as long as the other one would take
    expect(page.locator("#status")).to_contain_text(text.STOPPED)
    expect(stop_button(page)).to_be_disabled()
    play_back(page)


def test_a_run_that_waits_for_its_turn_can_be_stopped(page: Page, address: str, gate: Gate) -> None:
    other = page.context.browser.new_page()  # type: ignore[union-attr]
    try:
        other.goto(address)
        expect(run_button(other)).to_be_enabled()
        for each in (other, page):
            choose_example(each)
        gate.close()
        run_button(other).click()
        gate.wait_until_it_holds()
        run_button(page).click()
        stop_button(page).click()  # which waits until it can be pressed
        expect(page.locator("#status")).to_contain_text(text.STOPPED)
        gate.open()
        expect_rows(other, HEARINGS)
        page.wait_for_timeout(1000)
        expect(page.locator("#status")).to_contain_text(text.STOPPED)
        play_back(page)
    finally:
        other.close()


def test_a_stop_is_no_error_however_late_its_end_arrives(page: Page, gate: Gate) -> None:
    """gradio takes the end of a cancelled event for a failure where it arrives after the answer to the cancelling."""
    page.route("**/cancel", lambda route: route.fulfill(json={"success": True}))
    choose_example(page)
    gate.close()
    run_button(page).click()
    expect_rows(page, 0)
    with page.expect_request("**/cancel") as asked:
        stop_button(page).click()
    expect(page.locator("#status")).to_have_text(text.STOPPED)
    gate.open()
    page.context.request.post(asked.value.url, data=asked.value.post_data_json)
    expect(page.locator("#status [data-testid='status-tracker'] .error")).to_be_attached()
    expect(page.locator("#status")).to_have_text(text.STOPPED, use_inner_text=True)
    play_back(page)


def test_a_segment_plays_from_its_start_to_its_end(page: Page) -> None:
    choose_example(page)
    play_back(page)
    button = page.locator("#player [data-row='0']").get_by_role("button", name=re.compile("^Segment 1, "))
    name = button.get_attribute("aria-label") or ""
    start, end = (float(number) for number in re.findall(r"\d+\.\d+", name))
    button.click()
    page.wait_for_function("window.heard.length === 2")
    started, stopped = page.evaluate("window.heard")
    (asked,) = page.evaluate("window.starts")
    assert (started["name"], started["kind"], stopped["name"]) == ("started", "segment", "stopped")
    assert asked["offset"] == pytest.approx(start, abs=0.006)  # the label is rounded to hundredths
    assert asked["offset"] + asked["duration"] == pytest.approx(end, abs=0.006)
    assert stopped["at"] - started["at"] == pytest.approx(asked["duration"])
    assert stopped["position"] == pytest.approx(end, abs=0.006)


def test_a_hearing_plays_as_the_model_heard_it(page: Page) -> None:
    choose_example(page)
    play_back(page)
    page.locator("#player [data-row='2']").get_by_role("button", name="as the model heard it").click()
    page.wait_for_function("window.heard.length === 2")
    (asked,) = page.evaluate("window.starts")
    assert asked["duration"] == pytest.approx(CLIP_SECONDS)
    assert [event["kind"] for event in page.evaluate("window.heard")] == ["tape", "tape"]


def test_fewer_playbacks_give_fewer_rows(page: Page) -> None:
    choose_example(page)
    page.get_by_role("spinbutton", name=re.compile(text.PLAYBACKS)).fill("1")
    play_back(page, rows=2)


def test_another_model_brings_its_own_classes_playbacks_and_clip(page: Page) -> None:
    choose_example(page)
    page.get_by_role("combobox", name=re.compile(text.MODEL)).click()
    page.get_by_role("option", name=re.compile("^other ")).click()
    expect(page.locator("#facts")).to_contain_text(text.longer_than_clip(CLIP_SECONDS, 1.0))
    play_back(page, rows=2)
    names = page.locator("#player [data-row='1'] .class-name")
    assert sorted(names.all_inner_texts()) == ["cat", "dog"]
    page.get_by_role("tab", name=text.ABOUT_TAB).click()
    expect(page.get_by_role("heading", name="Model card: other")).to_be_visible()


def test_a_long_recording_is_shown_whole_and_its_clip_is_chosen(page: Page) -> None:
    choose_example(page, "Long tone")
    expect(page.locator("#facts")).to_contain_text(text.longer_than_clip(30.0, CLIP_SECONDS))
    window = page.locator("#overview .overview-window")
    expect(window).to_have_attribute("x", "0.0")
    page.get_by_role("spinbutton", name=re.compile(re.escape(text.START))).fill("15")
    page.keyboard.press("Tab")
    expect(window).to_have_attribute("x", "500.0")
    play_back(page)
    expect(page.locator("#player .clip-name")).to_contain_text("15.00–17.00 s")
    expect(page.locator("#status")).to_contain_text("only 15.00 s to 17.00 s")
    choose_example(page)
    expect(page.locator("#overview")).to_be_hidden()


def test_confidence_shows_the_leading_classes_and_the_one_asked_for(page: Page) -> None:
    choose_example(page)
    play_back(page)
    page.get_by_role("tab", name=text.CONFIDENCE_TAB).click()
    expect(page.locator("#chart .scatterlayer .trace").first).to_be_visible()
    table = page.locator("#numbers table")
    expect(table.locator("thead th")).to_have_text(["First hearing", "Playback 1", "Playback 2"])
    shown = table.locator("tbody th").all_inner_texts()
    missing = next(label for label in map(words.class_name, LABELS) if label not in shown)
    page.get_by_role("combobox", name=re.compile(text.CLASS)).click()
    page.get_by_role("option", name=missing, exact=True).click()
    expect(table.locator("tbody th", has_text=missing)).to_have_count(1)
    expect(page.locator("#chart .legendtext", has_text=missing)).to_have_count(1)
    assert page.locator("#numbers b, #chart b, #player b").count() == 0  # a label stays text


def test_about_shows_the_model_card_below_the_pages_own_title(page: Page) -> None:
    page.get_by_role("tab", name=text.ABOUT_TAB).click()
    expect(page.get_by_role("heading", name="Model card: tiny")).to_be_visible()
    expect(page.locator("#card")).to_contain_text("Untrained.")
    expect(page.locator("#card")).not_to_contain_text("license:")
    expect(page.get_by_role("heading", level=1)).to_have_count(1)


def test_a_bad_recording_is_explained_in_place_and_the_page_goes_on(page: Page, tmp_path: Path) -> None:
    run_button(page).click()
    expect(page.get_by_role("alert")).to_have_text(text.NO_RECORDING)
    short = tmp_path / "short.wav"
    soundfile.write(short, chirp(0.05), RATE)
    page.locator("#recording input[type=file]").set_input_files(short)
    expect(page.get_by_role("alert")).to_contain_text("short.wav is 0.050 s long; at least 0.1 s are needed")
    run_button(page).click()
    expect(page.get_by_role("alert")).to_contain_text("short.wav is 0.050 s long")
    choose_example(page)
    expect(page.get_by_role("alert")).to_have_count(0)
    play_back(page)


def test_a_files_name_stays_text(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "${document.title='x'}{{y}}`&amp;.wav"
    soundfile.write(path, chirp(CLIP_SECONDS), RATE)
    page.locator("#recording input[type=file]").set_input_files(path)
    expect(page.locator("#facts strong")).to_be_visible()
    play_back(page)
    assert page.title() == text.TITLE
    assert page.locator("#facts strong").inner_text() == page.locator("#player .clip-title").inner_text()


def test_dark_mode_is_readable(page: Page) -> None:
    page.emulate_media(color_scheme="dark")
    page.reload()
    choose_example(page)
    play_back(page)
    page.get_by_role("tab", name=text.CONFIDENCE_TAB).click()
    expect(page.locator("#chart .xtick text").first).to_be_visible()
    colours = page.evaluate(
        """() => {
            const of = (selector, property) => getComputedStyle(document.querySelector(selector))[property];
            return [of("#masthead h1", "color"), of("#masthead p", "color"), of("#facts span", "color"),
                    of("#status p", "color"), of("#numbers td + td, #numbers tbody td", "color"),
                    of("#chart .xtick text", "fill"), of("body", "backgroundColor")];
        }"""
    )
    *texts, background = (luminance(colour) for colour in colours)
    assert background < 0.05
    for each in texts:
        assert (each + 0.05) / (background + 0.05) > 4.5  # WCAG AA


def test_a_phone_shows_everything_without_scrolling_sideways(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    choose_example(page, "Long tone")
    play_back(page)
    for tab in (text.PLAYBACKS_TAB, text.CONFIDENCE_TAB, text.WINDOWS_TAB, text.FOLDER_TAB, text.ABOUT_TAB):
        if not page.get_by_role("tab", name=tab).is_visible():  # gradio puts what finds no room into a menu
            page.get_by_role("button", name="More tabs").click()
            page.locator(".overflow-dropdown").get_by_role("button", name=tab).click()
        else:
            page.get_by_role("tab", name=tab).click()
        expect(page.get_by_role("tab", name=tab)).to_have_attribute("aria-selected", "true")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


def luminance(colour: str) -> float:
    """Relative luminance of "rgb(r, g, b)"."""
    channels = np.array([float(number) for number in re.findall(r"[\d.]+", colour)[:3]]) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])
