"""What the choice rests on, every second alone and other ways to explain, in a real browser with an untrained model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from example_page import serve_example_page
from playwright.sync_api import Page, expect

from app import text
from playitback.report.passages import NEEDS_TITLE, SUFFICES_TITLE

pytestmark = pytest.mark.browser

WATCH = """
window.played = [];
const play = HTMLMediaElement.prototype.play;
HTMLMediaElement.prototype.play = function () { window.played.push(this.src.slice(0, 22)); return play.call(this); };
"""


@pytest.fixture(scope="module")
def address(page_folder: Path, serve: Callable[..., str]) -> str:
    return serve_example_page(page_folder, serve, 1, lambda run: run)


def test_what_the_choice_rests_on_comes_after_the_rows_and_every_second_when_asked(
    browser_page: Page, address: str
) -> None:
    page = browser_page
    page.add_init_script(WATCH)
    page.goto(address)
    found = page.locator("#passages-found")
    expect(found).to_contain_text(SUFFICES_TITLE)
    expect(found).to_contain_text(NEEDS_TITLE)
    expect(page.locator("#player .playitback-player")).to_have_attribute("data-row-count", "2")
    expect(found.get_by_role("button").first).to_be_visible()
    for button in found.get_by_role("button").all():
        button.click()
    assert page.evaluate("window.played") == ["data:audio/wav;base64,"] * found.get_by_role("button").count()

    page.get_by_role("button", name=text.CHECK, exact=True).click()
    expect(page.locator("#check-status")).to_contain_text("each heard alone")
    expect(page.locator("#check-chart .scatterlayer .trace").first).to_be_visible()

    page.get_by_role("button", name=text.LANES, exact=True).click()
    expect(page.locator("#lanes-status")).to_contain_text("occlusion (13 passes)")
    # the model's own relevance, and what suits it: no class activation map
    expect(page.locator("#lanes-chart .scatterlayer .trace")).to_have_count(4)

    # another run puts them away, and finds its own
    page.get_by_role("button", name="Rising tone", exact=True).click()
    expect(page.locator("#facts")).to_contain_text("rising_tone")
    page.get_by_role("button", name=text.RUN, exact=True).click()
    expect(page.locator("#player .clip-title")).to_have_text("rising_tone.wav")
    expect(page.locator("#check-status")).not_to_contain_text("each heard alone")
    expect(page.locator("#lanes-status")).to_be_empty()
    expect(page.locator("#lanes-chart")).to_be_hidden()
    expect(found).to_contain_text(NEEDS_TITLE)
