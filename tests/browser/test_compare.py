"""Two runs side by side in a real browser: one axis, one playhead, swapped, and either of them played."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile
from playwright.sync_api import Locator, Page, expect
from tiny import CLIP_SECONDS, RATE, chirp, sounding_clips, tiny_checkpoint, tiny_model

from app import text
from app.page import build_page, launch_settings
from app.service import ExplainService, Models

pytestmark = pytest.mark.browser

LABELS = ("rain", "siren", "engine")
OTHER_SECONDS = 1.0

#: what the players say they play
WATCH = """
window.heard = [];
document.addEventListener("playitback:started", (event) => window.heard.push(event.detail));
"""


@pytest.fixture(scope="module")
def address(page_folder: Path, serve: Callable[..., str]) -> str:
    """A page with one example and two models, of which the second hears half as much at once."""
    soundfile.write(page_folder / "swelling_noise.wav", sounding_clips(1)[0].numpy(), RATE)
    soundfile.write(page_folder / "long_tone.wav", chirp(9.0), RATE)
    tiny = tiny_checkpoint(page_folder / "tiny", tiny_model(labels=LABELS, playbacks=2))
    other = tiny_model(seed=1, labels=LABELS[1:], playbacks=1, clip_seconds=OTHER_SECONDS)
    models = Models([str(tiny), str(tiny_checkpoint(page_folder / "other", other))], "cpu")
    ExplainService(models).warm_up()
    return serve(build_page(models, [page_folder / "swelling_noise.wav"]), **launch_settings())


@pytest.fixture
def page(browser_page: Page, address: str) -> Page:
    """The page with a run of the example, the tab to compare it open."""
    page = browser_page
    page.add_init_script(WATCH)
    page.goto(address)
    page.get_by_role("button", name="Swelling noise", exact=True).click()
    expect(page.locator("#facts")).to_contain_text("swelling_noise")
    page.get_by_role("tab", name=text.COMPARE_TAB).click()
    expect(page.get_by_text(text.COMPARE_HINT)).to_be_visible()
    page.get_by_role("button", name=text.RUN, exact=True).click()
    expect(page.get_by_text(text.COMPARE_HINT)).to_be_hidden()
    return page


def player(page: Page, which: str) -> Locator:
    return page.locator(f"#compare-{which} .playitback-player")


def compare(page: Page, rows: int) -> None:
    page.get_by_role("button", name=text.COMPARE, exact=True).click()
    expect(player(page, "second")).to_have_attribute("data-row-count", str(rows))
    expect(page.get_by_role("button", name=text.SWAP)).to_be_enabled()


def test_two_models_on_one_clip_share_the_axis_and_the_playhead_and_can_be_swapped(page: Page) -> None:
    page.get_by_role("button", name=text.COMPARE, exact=True).click()
    expect(page.locator("#compare-status").get_by_role("alert")).to_contain_text("choose another recording")
    page.get_by_role("combobox", name=text.COMPARE_MODEL).click()
    page.get_by_role("option", name=re.compile("^other ")).click()
    compare(page, rows=2)
    expect(player(page, "first")).to_have_attribute("data-row-count", "3")
    expect(page.locator("#compare-first-name")).to_contain_text("First: swelling_noise.wav · tiny")
    expect(page.locator("#compare-second-name")).to_contain_text("Second: swelling_noise.wav · other")
    # a second lies in the same place of both rows, though the second model hears half as much
    first, second = (
        player(page, each).locator("[data-row='1'] .surface").bounding_box() for each in ("first", "second")
    )
    assert first is not None
    assert second is not None
    assert (second["x"], second["width"]) == (first["x"], first["width"])
    player(page, "first").locator("[data-row='0'] .surface").click(position={"x": first["width"] / 4, "y": 40})
    for which in ("first", "second"):
        position = float(player(page, which).get_attribute("data-position") or "nan")
        assert position == pytest.approx(CLIP_SECONDS / 4, abs=0.02)
    rows = page.locator("#compare-table tbody tr")
    expect(rows.filter(has_text="First hearing")).to_have_count(1)
    expect(rows.filter(has_text="siren")).not_to_have_count(0)
    page.get_by_role("button", name=text.SWAP).click()
    expect(page.locator("#compare-first-name")).to_contain_text("other")
    expect(player(page, "first")).to_have_attribute("data-row-count", "2")
    expect(player(page, "second")).to_have_attribute("data-row-count", "3")


def test_another_recording_stands_beside_the_run_and_either_can_be_played(page: Page, page_folder: Path) -> None:
    page.locator("#compare-recording input[type=file]").set_input_files(page_folder / "long_tone.wav")
    expect(page.locator("#compare-facts")).to_contain_text("long_tone.wav")
    page.get_by_role("spinbutton", name=text.COMPARE_START).fill("4")
    page.keyboard.press("Tab")
    compare(page, rows=3)
    expect(page.locator("#compare-second-name")).to_contain_text("long_tone.wav from 4.00")
    expect(player(page, "second").locator(".clip-name")).to_contain_text("4.00–6.00 s of the file")
    expect(page.locator("#compare-table tbody tr").filter(has_text="Playback 2")).to_contain_text("s")
    for which in ("first", "second"):
        player(page, which).locator("[data-row='0']").get_by_role("button", name="as the model heard it").click()
        expect(player(page, which)).to_have_attribute("data-playing", "tape")
    assert [event["kind"] for event in page.evaluate("window.heard")] == ["tape", "tape"]
    expect(player(page, "first")).to_have_attribute("data-playing", "")  # one sounds at a time
    # another run takes the comparison away, which was of the one before
    page.get_by_role("button", name=text.RUN, exact=True).click()
    expect(page.locator("#compare-answer")).to_be_hidden()
