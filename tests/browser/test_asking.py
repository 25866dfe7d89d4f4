"""Another class to explain, chosen in the list or in the map of classes: at once, in place, the last choice wins."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import soundfile
from gate import Gate
from playwright.sync_api import Locator, Page, expect
from tiny import CLIP_SECONDS, RATE, chirp, sounding_clips, tiny_checkpoint, tiny_model

from app import text
from app.page import build_page, launch_settings
from app.service import ExplainService, Models

pytestmark = pytest.mark.browser

PLAYBACKS = 1
HEARINGS = PLAYBACKS + 1
LABELS = ("bell", "rain", "siren", "engine", "clock", "wind", "dog")


@pytest.fixture(scope="module")
def address(page_folder: Path, module_gate: Gate, serve: Callable[..., str]) -> str:
    """A page with an example that is explained already, another sound, and two models of which one knows of moments."""
    swelling, rising = page_folder / "swelling_noise.wav", page_folder / "rising_tone.wav"
    soundfile.write(swelling, sounding_clips(1)[0].numpy(), RATE)
    soundfile.write(rising, chirp(CLIP_SECONDS), RATE)
    made = {"mapped": tiny_model(labels=LABELS, playbacks=PLAYBACKS, activity=True), "plain": tiny_model(playbacks=1)}
    checkpoints = [tiny_checkpoint(page_folder / name, model) for name, model in made.items()]
    models = Models([str(each) for each in checkpoints], "cpu", module_gate.before_each_result)
    ExplainService(models).warm_up()
    return serve(build_page(models, [rising], swelling), **launch_settings())


@pytest.fixture
def page(browser_page: Page, address: str, gate: Gate) -> Page:
    """The page with the example in it, and a count of the sounds that were uploaded since."""
    browser_page.goto(address)
    expect_rows(browser_page, HEARINGS)
    browser_page.uploads = []  # type: ignore[attr-defined]
    browser_page.on("request", lambda request: note_upload(browser_page, request))
    return browser_page


def note_upload(page: Page, request: Any) -> None:
    if "/upload" in request.url:
        page.uploads.append(request.url)  # type: ignore[attr-defined]


def expect_rows(page: Page, count: int) -> None:
    expect(page.locator("#player .playitback-player")).to_have_attribute("data-row-count", str(count))


def explained(page: Page) -> Locator:
    """The name of the class that the map marks as explained."""
    return page.locator("#player .asked .strip-name")


def choose(page: Page, name: str) -> None:
    """In the list of classes."""
    page.get_by_role("combobox", name=re.compile(text.CLASS)).click()
    page.get_by_role("option", name=name, exact=True).click()


def other_class(page: Page, place: int = 0) -> str:
    """One that is not explained and has a lane."""
    names = page.locator("#player .class-lane:not(.asked) .strip-name")
    return names.nth(place).inner_text()


def places(page: Page) -> list[Any]:
    return [row.bounding_box() for row in page.locator("#player .row").all()]


def expect_idle(page: Page) -> None:
    expect(page.locator("#status")).to_contain_text("The model hears")
    expect(page.get_by_role("button", name=text.STOP, exact=True)).to_be_disabled()
    expect(page.get_by_role("button", name=text.RUN, exact=True)).to_be_enabled()


def test_a_class_chosen_in_the_list_is_explained_at_once_and_in_place(page: Page) -> None:
    page.locator("#player [data-row='1']").scroll_into_view_if_needed()
    page.evaluate("window.rowsBefore = [...document.querySelectorAll('#player .player-body')]")
    name = other_class(page)
    choose(page, name)
    expect(explained(page)).to_have_text(name)
    expect_idle(page)
    expect_rows(page, HEARINGS)
    assert page.evaluate("rowsBefore.every((node) => node.isConnected)")  # the player was not drawn anew
    assert page.uploads == []  # type: ignore[attr-defined]
    expect(page.locator(".example-note").first).to_be_visible()  # it still is the example
    choose(page, text.CLASS_OF_PREDICTION)
    expect(explained(page)).to_have_text(page.locator("#player .decided .strip-name").inner_text())


def test_a_click_on_the_name_of_a_class_explains_it_and_moves_nothing(page: Page) -> None:
    name = other_class(page)
    button = page.locator("#player").get_by_role("button", name=f"{name}: explain this class")
    button.scroll_into_view_if_needed()
    before, scrolled = places(page), page.evaluate("scrollY")
    button.click()
    expect(explained(page)).to_have_text(name)
    expect(page.get_by_role("combobox", name=re.compile(text.CLASS))).to_have_value(name)
    expect(button).to_be_focused()
    expect_idle(page)
    assert places(page) == before
    assert page.evaluate("scrollY") == scrolled


def test_before_anything_was_explained_a_choice_waits_for_the_run(page: Page) -> None:
    page.get_by_role("button", name="Rising tone", exact=True).click()
    expect(page.locator("#facts")).to_contain_text("rising_tone")
    before = explained(page).inner_text()
    name = other_class(page)
    choose(page, name)  # of another recording than the one that is explained
    page.get_by_role("tab", name=text.CONFIDENCE_TAB).click()
    page.get_by_role("tab", name=text.PLAYBACKS_TAB).click()
    expect(explained(page)).to_have_text(before)
    page.get_by_role("button", name=text.RUN, exact=True).click()
    expect(page.locator("#player .clip-title")).to_have_text("rising_tone.wav")
    expect_rows(page, HEARINGS)
    expect(explained(page)).to_have_text(name)


def test_the_last_of_several_choices_wins(page: Page, gate: Gate) -> None:
    first, second, third = (other_class(page, place) for place in range(3))
    gate.close()
    choose(page, first)
    expect(page.locator("#status progress")).to_be_visible()
    choose(page, second)
    choose(page, third)
    gate.open()
    expect(explained(page)).to_have_text(third)
    expect_idle(page)
    page.get_by_role("tab", name=text.CONFIDENCE_TAB).click()
    page.get_by_role("tab", name=text.PLAYBACKS_TAB).click()
    expect(explained(page)).to_have_text(third)


def test_a_choice_takes_the_place_of_a_run_that_still_goes_on(page: Page, gate: Gate) -> None:
    page.get_by_role("button", name="Rising tone", exact=True).click()
    expect(page.locator("#facts")).to_contain_text("rising_tone")
    gate.close()
    page.get_by_role("button", name=text.RUN, exact=True).click()
    expect_rows(page, 0)
    gate.let_through()
    expect_rows(page, 1)
    name = other_class(page)
    choose(page, name)
    gate.open()
    expect_rows(page, HEARINGS)
    expect(explained(page)).to_have_text(name)
    expect(page.locator("#player .clip-title")).to_have_text("rising_tone.wav")
    expect_idle(page)


def test_a_stop_while_another_class_is_explained_leaves_the_rows_as_they_were(page: Page, gate: Gate) -> None:
    before = explained(page).inner_text()
    gate.close()
    choose(page, other_class(page))
    gate.wait_until_it_holds()
    page.get_by_role("button", name=text.STOP, exact=True).click()
    expect(page.locator("#status")).to_contain_text(text.STOPPED)
    gate.open()
    expect_rows(page, HEARINGS)
    expect(explained(page)).to_have_text(before)


def test_a_stop_ends_what_waits_behind_the_class_that_is_explained_too(page: Page, gate: Gate) -> None:
    before = explained(page).inner_text()
    first, second = (other_class(page, place) for place in range(2))
    gate.close()
    choose(page, first)
    gate.wait_until_it_holds()
    choose(page, second)
    expect(page.locator("#status")).to_contain_text("queue")  # gradio tells that it waits
    page.get_by_role("button", name=text.STOP, exact=True).click()
    expect(page.locator("#status")).to_contain_text(text.STOPPED)
    gate.open()
    page.get_by_role("button", name=text.CHECK, exact=True).click()  # waits its turn behind whatever was left of them
    expect(page.locator("#check-status")).to_contain_text("alone")
    expect(page.locator("#check-status progress")).to_have_count(0)
    expect(page.locator("#status")).to_contain_text(text.STOPPED)
    expect(explained(page)).to_have_text(before)


def test_other_parts_speak_of_the_class_that_is_explained_now(page: Page) -> None:
    name = other_class(page)
    choose(page, name)
    expect(explained(page)).to_have_text(name)
    page.get_by_role("tab", name=text.CONTRAST_TAB, exact=True).click()
    expect(page.locator("#contrast-first input")).to_have_value(name)
    page.get_by_role("button", name=text.CONTRAST, exact=True).click()
    expect(page.locator("#contrast-activity .scatterlayer .trace")).to_have_count(5)
    expect(page.locator("#contrast-no-activity")).to_be_hidden()


def test_what_a_model_does_not_tell_is_said(page: Page) -> None:
    note = page.locator("#player .player-note")
    expect(note).to_contain_text("do not follow the class to explain")
    expect(note).not_to_contain_text("map of classes")
    page.get_by_role("combobox", name=re.compile(text.MODEL)).click()
    page.get_by_role("option", name=re.compile("^plain ")).click()
    page.get_by_role("button", name="Rising tone", exact=True).click()
    expect(page.locator("#facts")).to_contain_text("rising_tone")
    page.get_by_role("button", name=text.RUN, exact=True).click()
    expect(page.locator("#player .clip-title")).to_have_text("rising_tone.wav")
    expect_rows(page, HEARINGS)
    expect(note).to_contain_text("there is no map of classes over time")
    expect(page.locator("#player .activity")).to_have_count(0)
    page.get_by_role("tab", name=text.TAKE_AWAY_TAB).click()
    expect(page.get_by_text(text.NO_ACTIVITY_FILE)).to_be_visible()
    page.get_by_role("tab", name=text.CONTRAST_TAB, exact=True).click()
    page.get_by_role("button", name=text.CONTRAST, exact=True).click()
    expect(page.get_by_text(text.NO_ACTIVITY_TO_CONTRAST)).to_be_visible()
    expect(page.locator("#contrast-activity")).to_be_hidden()


def test_a_class_is_found_by_typing_over_the_one_that_is_chosen(page: Page) -> None:
    page.locator("#class input").click()
    page.keyboard.type("sir")
    expect(page.get_by_role("option")).to_have_count(1)
    page.get_by_role("option", name="siren").click()
    expect(explained(page)).to_have_text("siren")
