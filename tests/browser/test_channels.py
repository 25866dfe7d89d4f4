"""A channel of a recording is chosen in a real browser: only where there are several, and heard in every part."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from playwright.sync_api import Page, expect
from tiny import CLIP_SECONDS, RATE, chirp, sounding_clips, tiny_checkpoint, tiny_model

from app import text
from app.page import build_page, launch_settings
from app.service import ExplainService, Models

pytestmark = pytest.mark.browser

TOLD = "both.wav: of its 2 channels only channel 2 was taken, as chosen."


@pytest.fixture(scope="module")
def address(page_folder: Path, serve: Callable[..., str]) -> str:
    sounds = [chirp(2 * CLIP_SECONDS), sounding_clips(2).numpy().ravel()]
    soundfile.write(page_folder / "both.wav", np.stack(sounds, axis=1), RATE)
    soundfile.write(page_folder / "one.wav", sounds[0], RATE)
    checkpoints = [tiny_checkpoint(page_folder / name, tiny_model(playbacks=1)) for name in ("tiny", "other")]
    models = Models([str(each) for each in checkpoints], "cpu")
    ExplainService(models).warm_up()
    return serve(build_page(models, []), **launch_settings())


def test_a_channel_is_chosen_and_heard_and_stays_where_a_window_is_opened(
    browser_page: Page, address: str, page_folder: Path
) -> None:
    page = browser_page
    page.goto(address)
    expect(page.get_by_role("button", name=text.RUN, exact=True)).to_be_enabled()
    channel = page.get_by_role("combobox", name=text.CHANNEL)
    page.locator("#recording input[type=file]").set_input_files(page_folder / "one.wav")
    expect(page.locator("#facts")).to_contain_text("one.wav")
    expect(channel).to_have_count(0)
    page.locator("#recording").get_by_role("button", name=re.compile("Clear|Remove")).click()
    page.locator("#recording input[type=file]").set_input_files(page_folder / "both.wav")
    expect(channel).to_have_value(text.MIXED)
    channel.click()
    page.get_by_role("option", name="Channel 2").click()
    page.get_by_role("combobox", name=text.MODEL, exact=True).click()
    page.get_by_role("option", name=re.compile("other")).click()
    expect(page.locator("#status")).to_contain_text(text.READY)
    expect(channel).to_have_value("Channel 2")  # another model changes nothing of it
    page.get_by_role("button", name=text.RUN, exact=True).click()
    expect(page.locator("#status")).to_contain_text(TOLD)
    page.get_by_role("tab", name=text.WINDOWS_TAB).click()
    page.get_by_role("button", name=text.WINDOWS_LISTEN).click()
    expect(page.locator("#windows-status")).to_contain_text(TOLD)
    page.locator("#found").get_by_role("row").nth(1).get_by_role("gridcell").first.click()
    expect(page.get_by_role("tab", name=text.PLAYBACKS_TAB)).to_have_attribute("aria-selected", "true")
    expect(page.locator("#status")).to_contain_text(TOLD)
    expect(channel).to_have_value("Channel 2")
