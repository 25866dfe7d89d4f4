"""An examination in a real browser, of an untrained model whose runs wait until they are let go."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from example_page import serve_example_page
from playwright.sync_api import Page, expect

from app import text
from playitback.explain.examine import examine
from playitback.report.examine_text import DEFINITIONS

pytestmark = pytest.mark.browser

PLAYBACKS = 2
BATCHES = 18  # of an examination


class Examinations:
    """Lets the batches of examinations be heard freely, or some at a time; whatever else is asked never waits."""

    def __init__(self) -> None:
        self.allowed = threading.Semaphore(0)
        self.free = threading.Event()
        self.closed = threading.Event()
        self.batches = 0  # of the latest examination

    def __call__(self, run: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
        def gated(checkpoint: str, work: Any, arguments: tuple[Any, ...]) -> Iterator[Any]:
            if not isinstance(work, partial) or work.func is not examine:
                yield from run(checkpoint, work, arguments)
                return
            self.batches = 0
            try:
                for each in run(checkpoint, work, arguments):
                    while not self.free.is_set() and not self.allowed.acquire(timeout=0.05):
                        pass
                    self.batches += 1
                    yield each
            finally:
                self.closed.set()

        return gated

    def let_go_until_closed(self) -> None:
        """Lets one batch after the other be heard until the examination is given up, as it must be before its end."""
        for _ in range(BATCHES - 5):
            if self.closed.wait(0.5):
                return
            self.allowed.release()
        raise AssertionError("the examination goes on")


@pytest.fixture(scope="module")
def module_examinations() -> Examinations:
    return Examinations()


@pytest.fixture
def examinations(module_examinations: Examinations) -> Iterator[Examinations]:
    """Free at first; whatever a test holds back is let go after it."""
    module_examinations.free.set()
    module_examinations.closed.clear()
    yield module_examinations
    module_examinations.free.set()


@pytest.fixture(scope="module")
def address(module_examinations: Examinations, page_folder: Path, serve: Callable[..., str]) -> str:
    return serve_example_page(page_folder, serve, PLAYBACKS, module_examinations)


@pytest.fixture
def page(browser_page: Page, address: str, examinations: Examinations) -> Page:
    """The page with an example in it, at the part that examines it."""
    browser_page.goto(address)
    expect(browser_page.locator("#player .playitback-player")).to_have_attribute("data-row-count", str(PLAYBACKS + 1))
    browser_page.get_by_role("tab", name=text.EXAMINE_TAB, exact=True).click()
    return browser_page


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def begin_and_hold(page: Page, examinations: Examinations) -> None:
    """Begins an examination and holds it after its first batch."""
    examinations.free.clear()
    examinations.closed.clear()
    press(page, text.EXAMINE)
    examinations.allowed.release()
    expect(page.locator("#examine-status")).to_contain_text(re.compile(r"\(1 of \d+ runs\)"))


def test_an_examination_says_how_far_it_is_and_then_what_the_figures_support(
    page: Page, examinations: Examinations
) -> None:
    begin_and_hold(page, examinations)
    bar = page.get_by_role("progressbar")
    assert int(bar.get_attribute("value") or "") == 1
    examinations.free.set()
    verdict = page.locator("#examine-verdict")
    expect(verdict).to_contain_text("On this one clip the figures")
    expect(verdict).to_contain_text("swelling_noise.wav")
    assert examinations.batches == BATCHES + 1  # and the answer
    expect(page.locator("#examine-draws .scatterlayer .trace")).to_have_count(7)
    expect(page.locator("#examine-draws .scatterlayer .point")).to_have_count(6 + 20)
    expect(page.locator("#examine-draws-table")).to_contain_text(re.compile(r"stand at percentile \d+"))
    for chart in ("kept", "removed"):
        expect(page.locator(f"#examine-{chart} .barlayer .point")).to_have_count(4 * 3)
    for chart in ("deletion", "insertion"):
        expect(page.locator(f"#examine-{chart} .scatterlayer .point")).to_have_count(3 * 11)
    expect(page.locator("#examine-edits-table tbody tr")).to_have_count(4 * 3)
    expect(page.get_by_role("button", name=text.EXAMINE, exact=True)).to_be_enabled()
    info = page.locator("#examine-answer details.info").filter(has=page.locator("summary", has_text="percentile"))
    info.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(info.locator("p")).to_have_text(DEFINITIONS["percentile"])
    expect(info.locator("p")).to_be_visible()


def test_stop_ends_the_computation_and_another_examination_can_begin(page: Page, examinations: Examinations) -> None:
    begin_and_hold(page, examinations)
    press(page, text.STOP_EXAMINING)
    expect(page.locator("#examine-status")).to_have_text(text.EXAMINE_STOPPED, use_inner_text=True)
    expect(page.get_by_role("button", name=text.STOP_EXAMINING, exact=True)).to_be_disabled()
    examinations.let_go_until_closed()
    examinations.free.set()
    press(page, text.EXAMINE)
    expect(page.locator("#examine-verdict")).to_contain_text("On this one clip the figures")


def test_another_run_makes_an_end_of_the_examination_and_of_its_answer(page: Page, examinations: Examinations) -> None:
    press(page, text.EXAMINE)
    expect(page.locator("#examine-verdict")).to_contain_text("swelling_noise.wav")
    begin_and_hold(page, examinations)
    page.get_by_role("button", name="Rising tone", exact=True).click()
    expect(page.locator("#facts")).to_contain_text("rising_tone")
    press(page, text.RUN)
    examinations.let_go_until_closed()
    expect(page.locator("#status")).to_contain_text("The model hears")  # it waits for no examination
    expect(page.locator("#examine-verdict")).to_have_count(0)
    expect(page.get_by_role("progressbar")).to_have_count(0)
    examinations.free.set()
    press(page, text.EXAMINE)
    expect(page.locator("#examine-verdict")).to_contain_text("rising_tone.wav")
