"""The page with a model that hears a clip once and has no slots: what does not suit it is said, all else works."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import soundfile
from playwright.sync_api import Page, expect
from tiny import RATE, sounding_clips, tiny_checkpoint
from toy import add_toy, toy_model

from app import text
from app.page import build_page, launch_settings
from app.service import ExplainService, Models

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def address(page_folder: Path, serve: Callable[..., str]) -> Iterator[str]:
    """A page with two toys, and a sound that is explained already."""
    example = page_folder / "swelling_noise.wav"
    soundfile.write(example, sounding_clips(1)[0].numpy(), RATE)
    with pytest.MonkeyPatch.context() as patch:
        add_toy(patch)
        toys = [tiny_checkpoint(page_folder / f"toy-{seed}", toy_model(seed)) for seed in range(2)]
        models = Models([str(each) for each in toys], "cpu")
        ExplainService(models).warm_up()
        yield serve(build_page(models, [], example), **launch_settings())


@pytest.fixture
def page(browser_page: Page, address: str) -> Page:
    """The page with the example in it."""
    browser_page.goto(address)
    expect(browser_page.locator("#player .playitback-player")).to_have_attribute("data-row-count", "1")
    return browser_page


def open_tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name, exact=True).click()


def test_a_model_without_slots_has_a_sentence_in_their_place(page: Page) -> None:
    open_tab(page, text.SLOTS_TAB)
    expect(page.get_by_text(text.no_attention("toy-0"))).to_be_visible()
    expect(page.locator("#slots")).to_be_hidden()


def test_the_confidence_of_one_hearing_is_a_bar_for_every_class(page: Page) -> None:
    open_tab(page, text.CONFIDENCE_TAB)
    expect(page.locator("#chart .barlayer .point")).to_have_count(page.locator("#numbers tbody tr").count())


def test_nothing_can_be_held_and_the_sound_can_be_changed(page: Page) -> None:
    open_tab(page, text.WHAT_IF_TAB)
    expect(page.get_by_text(text.NOTHING_TO_HOLD)).to_be_visible()
    player = page.locator("#what-if-player")
    player.get_by_role("button", name="Edit segments").click()
    expect(player.get_by_role("button", name="Replay these instead")).to_be_hidden()
    player.get_by_label("Select segment 1").check()
    player.get_by_role("button", name="Remove from the sound").click()
    variants = page.locator("#variants tbody tr")
    expect(variants).to_have_count(2)
    expect(variants.nth(1).locator("th")).to_contain_text("Without")


def test_an_examination_has_no_draws_and_says_why(page: Page) -> None:
    open_tab(page, text.EXAMINE_TAB)
    page.get_by_role("button", name=text.EXAMINE, exact=True).click()
    expect(page.locator("#examine-verdict")).to_contain_text("On this one clip the figures")
    expect(page.get_by_text(text.NOTHING_REPLAYED)).to_be_visible()
    expect(page.get_by_text(text.DRAWS_TITLE)).to_be_hidden()
    expect(page.locator("#examine-draws")).to_be_hidden()
    expect(page.locator("#examine-kept .barlayer .point")).to_have_count(4 * 3)
    expect(page.locator("#examine-deletion .scatterlayer .point")).to_have_count(3 * 11)


def test_two_classes_are_contrasted_after_the_one_hearing(page: Page) -> None:
    open_tab(page, text.CONTRAST_TAB)
    page.get_by_role("button", name=text.CONTRAST, exact=True).click()
    expect(page.locator("#contrast-status")).to_contain_text("nats after the last hearing")
    expect(page.locator("#contrast-trajectories .scatterlayer .point")).to_have_count(2)
    expect(page.locator("#contrast-attention .subplot")).to_have_count(1)
    expect(page.locator("#contrast-table tbody tr").first).to_contain_text(re.compile(r"First hearing, segment \d"))


def test_two_models_are_compared_without_columns_of_replayed_time(page: Page) -> None:
    open_tab(page, text.COMPARE_TAB)
    page.get_by_role("combobox", name=text.COMPARE_MODEL).click()
    page.get_by_role("option", name=re.compile("^toy-1 ")).click()
    page.get_by_role("button", name=text.COMPARE, exact=True).click()
    expect(page.get_by_role("button", name=text.SWAP)).to_be_enabled()
    hearings = page.locator("#compare-table table").first
    expect(hearings.locator("thead th")).to_have_text(list(text.COMPARE_HEARING_COLUMNS[:2]))
    expect(hearings.locator("tbody th")).to_have_text(["First hearing"])
