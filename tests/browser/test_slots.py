"""The slots of a run, and the example that visitors find explained, in a real browser with an untrained model."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from example_page import serve_example_page
from playwright.sync_api import Locator, Page, expect

from app import text, welcome
from app.service import ExplanationView

pytestmark = pytest.mark.browser

PLAYBACKS = 2

#: every sound that is played without WebAudio, with its length, and when it ended
WATCH = """
window.played = [];
const play = HTMLMediaElement.prototype.play;
HTMLMediaElement.prototype.play = function () {
  const sound = { start: this.src.slice(0, 22), seconds: null, ended: false };
  window.played.push(sound);
  this.addEventListener("ended", () => Object.assign(sound, { seconds: this.duration, ended: true }));
  return play.call(this);
};
"""


@pytest.fixture(scope="module")
def ready() -> threading.Event:
    """Set while the example may be shown."""
    event = threading.Event()
    event.set()
    return event


@pytest.fixture(scope="module")
def computed() -> threading.Event:
    """Set when the example is explained."""
    return threading.Event()


@pytest.fixture(scope="module")
def hearing() -> threading.Event:
    """Set while the model may hear."""
    event = threading.Event()
    event.set()
    return event


@pytest.fixture(scope="module")
def address(
    ready: threading.Event,
    computed: threading.Event,
    hearing: threading.Event,
    page_folder: Path,
    serve: Callable[..., str],
) -> Iterator[str]:
    explained = welcome.Example.explained

    def once_ready(example: welcome.Example) -> ExplanationView:
        view = explained(example)
        computed.set()
        ready.wait()
        return view

    def gated(run: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
        def wait_and_run(*arguments: Any) -> Iterator[Any]:
            hearing.wait()
            yield from run(*arguments)

        return wait_and_run

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(welcome.Example, "explained", once_ready)
        yield serve_example_page(page_folder, serve, PLAYBACKS, gated)


@pytest.fixture
def page(browser_page: Page, address: str) -> Page:
    """The page with the example in it."""
    browser_page.add_init_script(WATCH)
    browser_page.goto(address)
    expect_rows(browser_page, PLAYBACKS + 1)
    return browser_page


def expect_rows(page: Page, count: int) -> None:
    expect(page.locator("#player .playitback-player")).to_have_attribute("data-row-count", str(count))


def open_tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name, exact=True).click()


def traces(page: Page, chart: str) -> Locator:
    return page.locator(f"{chart} .scatterlayer .trace")


def play_back_the_other_sound(page: Page) -> None:
    page.get_by_role("button", name="Rising tone", exact=True).click()
    expect(page.locator("#facts")).to_contain_text("rising_tone")
    page.get_by_role("button", name=text.RUN, exact=True).click()


def test_a_visitor_finds_an_example_explained_until_there_is_a_run_of_their_own(page: Page) -> None:
    note = page.locator(".example-note")
    expect(note.first).to_contain_text("Swelling noise, as the model tiny hears it")
    expect(page.locator("#player .clip-title")).to_have_text("swelling_noise.wav")
    open_tab(page, text.CONFIDENCE_TAB)
    expect(note.nth(1)).to_be_visible()
    expect(traces(page, "#chart").first).to_be_visible()
    play_back_the_other_sound(page)
    expect(page.locator("#player .clip-title")).to_have_text("rising_tone.wav")
    expect(page.locator("#status")).to_contain_text("The model hears")
    expect(note).to_have_count(0)


def test_an_example_that_comes_late_leaves_a_visitors_run_alone(
    browser_page: Page,
    address: str,
    ready: threading.Event,
    computed: threading.Event,
    hearing: threading.Event,
) -> None:
    page = browser_page
    ready.clear()
    try:
        page.goto(address)
        expect(page.get_by_role("button", name=text.RUN, exact=True)).to_be_enabled()
        assert computed.wait(60)
        hearing.clear()
        play_back_the_other_sound(page)
        expect(page.locator("#player .clip-title")).to_have_text("rising_tone.wav")
        with page.expect_request(re.compile("queue/join")):  # the example is there and asks to be shown
            ready.set()
        page.wait_for_timeout(1000)
        expect(page.locator(".toast-body")).to_have_count(0)
        expect_rows(page, 0)
        hearing.set()
        expect(page.locator("#status")).to_contain_text("The model hears")
    finally:
        ready.set()
        hearing.set()
    expect(page.locator("#player .clip-title")).to_have_text("rising_tone.wav")
    expect(page.locator(".example-note")).to_have_count(0)


def test_a_hearing_is_chosen_by_keyboard_and_charts_table_and_sentence_follow(page: Page) -> None:
    open_tab(page, text.SLOTS_TAB)
    slots = page.locator("#slots")
    expect(slots).to_contain_text("First hearing spread its 160 frames evenly: 80 for every second of the clip.")
    expect(traces(page, "#slots-attention")).to_have_count(3 * 2 + 1)  # iterations, slots, and the threshold
    expect(traces(page, "#slots-time-map").first).to_be_attached()
    before = slots.locator("tbody").inner_text()
    page.get_by_role("radio", name="Playback 1").focus()
    page.keyboard.press("Space")
    expect(slots).to_contain_text(re.compile(r"Playback 1 spent \d+ of its 160 frames"))
    assert slots.locator("tbody").inner_text() != before


def test_stretches_of_the_uninformative_slot_play_exactly_their_seconds_alone_or_together(page: Page) -> None:
    open_tab(page, text.SLOTS_TAB)
    stretches = page.locator("#slots-gathered button[data-sound]")
    stretches.first.focus()
    page.keyboard.press("Enter")
    expect(stretches.first).to_have_attribute("aria-pressed", "true")
    page.wait_for_function("window.played.length === 1 && window.played[0].ended")
    expect(stretches.first).to_have_attribute("aria-pressed", "false")
    start, end = map(float, re.findall(r"\d+\.\d+", stretches.first.inner_text()))
    (played,) = page.evaluate("window.played")
    assert played["start"] == "data:audio/wav;base64,"
    assert played["seconds"] == pytest.approx(end - start, abs=0.011)  # the label is rounded to hundredths

    # all of them, one after the other, until the button is pressed again
    expect(stretches.nth(1)).to_be_visible()
    every = page.get_by_role("button", name=text.PLAY_ALL_STRETCHES)
    every.click()
    page.wait_for_function("window.played.length === 3")
    assert page.evaluate("window.played[1].ended")
    every.click()
    expect(every).to_have_attribute("aria-pressed", "false")
    # the players fall silent for a stretch, and a stretch for them
    pressed = every.evaluate(
        """(button) => {
            const heard = [];
            document.addEventListener("playitback:started", (event) => heard.push(event.detail.kind), { once: true });
            button.click();
            heard.push(button.ariaPressed);
            document.dispatchEvent(new CustomEvent("playitback:started", { detail: { kind: "clip" } }));
            return [...heard, button.ariaPressed];
        }"""
    )
    assert pressed == ["stretch", "true", "false"]


def test_a_figure_says_what_it_means_when_asked_by_keyboard(page: Page) -> None:
    for tab, figure in (
        (text.PLAYBACKS_TAB, "threshold"),
        (text.CONFIDENCE_TAB, "confidence"),
        (text.SLOTS_TAB, "overlap"),
    ):
        open_tab(page, tab)
        info = page.locator("details.info:visible").filter(has=page.locator("summary", has_text=figure))
        definition = info.locator("p")
        expect(definition).to_be_hidden()
        info.locator("summary").focus()
        page.keyboard.press("Enter")
        expect(definition).to_have_text(text.DEFINITIONS[figure])
        expect(definition).to_be_visible()
