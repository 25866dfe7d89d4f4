"""Long recordings and folders of clips in a real browser: seen as they come, stopped, taken away, and opened."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from gate import Gate
from playwright.sync_api import Locator, Page, expect
from tiny import CLIP_SECONDS, RATE, chirp, lively_model, noise, sounding_clips, tiny_checkpoint, tiny_model

from app import text
from app.page import build_page, launch_settings
from app.service import ExplainService, Models
from app.service.windows import WINDOWS_A_VIEW

pytestmark = pytest.mark.browser

LABELS = ("rain", "siren", "engine", "<b>${x}{{y}}</b>")
PLAYBACKS = 1
WINDOWS = 2 * WINDOWS_A_VIEW + 4


@pytest.fixture(scope="module")
def folder(page_folder: Path) -> Path:
    """A long recording, and clips in folders named after classes."""
    sounds = [clip.numpy() if index % 4 else chirp(CLIP_SECONDS) for index, clip in enumerate(sounding_clips(WINDOWS))]
    soundfile.write(page_folder / "a_day.wav", np.concatenate(sounds)[: -RATE // 2], RATE)  # the last window is shorter
    for place, samples in (("siren/one", sounds[0]), ("siren/two", sounds[1]), ("rain/three", noise(CLIP_SECONDS))):
        path = page_folder / "clips" / f"{place}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, samples, RATE)
    (page_folder / "clips" / "rain" / "notes.txt").write_text("no sound")
    (page_folder / "clips" / "rain" / "broken.wav").write_text("no sound either")
    return page_folder


@pytest.fixture(scope="module")
def address(folder: Path, module_gate: Gate, serve: Callable[..., str]) -> str:
    checkpoint = tiny_checkpoint(folder / "tiny", tiny_model(labels=LABELS, playbacks=PLAYBACKS))
    models = Models([str(checkpoint)], "cpu", module_gate.before_each_result)
    ExplainService(models).warm_up()
    return serve(build_page(models, []), **launch_settings())


@pytest.fixture
def page(browser_page: Page, address: str, gate: Gate) -> Page:
    browser_page.goto(address)
    expect(browser_page.get_by_role("button", name=text.RUN, exact=True)).to_be_enabled()
    return browser_page


@pytest.fixture(scope="module")
def lively_address(folder: Path, serve: Callable[..., str]) -> str:
    """Of a page whose model has activity."""
    checkpoint = tiny_checkpoint(folder / "lively", lively_model(labels=LABELS, playbacks=PLAYBACKS))
    models = Models([str(checkpoint)], "cpu")
    ExplainService(models).warm_up()
    return serve(build_page(models, []), **launch_settings())


@pytest.fixture
def lively_page(browser_page: Page, lively_address: str) -> Page:
    browser_page.goto(lively_address)
    expect(browser_page.get_by_role("button", name=text.RUN, exact=True)).to_be_enabled()
    return browser_page


def timeline(page: Page) -> Locator:
    return page.locator("#timeline .playitback-timeline")


def choose_recording(page: Page, folder: Path) -> None:
    page.locator("#recording input[type=file]").set_input_files(folder / "a_day.wav")
    expect(page.locator("#facts")).to_contain_text("a_day.wav")
    page.get_by_role("tab", name=text.WINDOWS_TAB).click()


def listen(page: Page) -> None:
    page.get_by_role("button", name=text.WINDOWS_LISTEN).click()
    expect(timeline(page)).to_have_attribute("data-windows", str(WINDOWS))
    expect(page.get_by_role("button", name=text.TAKE_WINDOWS)).to_be_enabled()


def expect_playbacks_of(page: Page, start: float) -> None:
    """The tab of the rows is shown, with the explanation of the window that starts there."""
    expect(page.get_by_role("tab", name=text.PLAYBACKS_TAB)).to_have_attribute("aria-selected", "true")
    stretch = f"{start:.2f}–{start + CLIP_SECONDS:.2f} s of the file"
    expect(page.locator("#player .clip-name")).to_contain_text(stretch if start else "a_day.wav")
    expect(page.locator("#player .playitback-player")).to_have_attribute("data-row-count", str(PLAYBACKS + 1))
    expect(page.locator("#status")).to_contain_text("The model hears")
    expect(page.get_by_role("spinbutton", name=text.START)).to_have_value(f"{start:g}")


def test_a_window_of_a_long_recording_is_pointed_at_and_opened_by_mouse_and_by_keyboard(
    page: Page, folder: Path
) -> None:
    choose_recording(page, folder)
    listen(page)
    expect(page.locator("#windows-status")).to_contain_text(f"{WINDOWS} windows")
    strip = timeline(page).get_by_role("slider")
    box = strip.bounding_box()
    assert box is not None
    strip.hover(position={"x": (5 + 0.5) * box["width"] / WINDOWS, "y": 50})
    expect(timeline(page).locator(".readout")).to_contain_text(re.compile(r"^0:10–0:12: .+, \d+\s%$"))
    strip.click(position={"x": (5 + 0.5) * box["width"] / WINDOWS, "y": 50})
    expect_playbacks_of(page, 10.0)
    page.get_by_role("tab", name=text.WINDOWS_TAB).click()
    strip.focus()
    for key in ("Home", "ArrowLeft", "ArrowRight", "End", "ArrowLeft", "ArrowRight"):
        strip.press(key)
    expect(strip).to_have_attribute("aria-valuenow", str(WINDOWS))
    expect(strip).to_have_attribute("aria-valuetext", re.compile(r"^0:38–0:39.5: .+, \d+\s%$"))
    strip.press("Enter")
    expect_playbacks_of(page, 38.0)
    assert page.locator("#timeline b, #found b").count() == 0  # a label stays text


def test_a_stretch_is_opened_from_the_table_also_when_it_is_sorted(page: Page, folder: Path) -> None:
    choose_recording(page, folder)
    listen(page)
    table = page.locator("#found")
    table.get_by_role("columnheader", name="start").hover()
    table.get_by_role("columnheader", name="start").get_by_role("button").click()
    page.get_by_role("menuitem", name="Sort descending").click()
    row = table.get_by_role("row").nth(1)
    expect(row.get_by_role("gridcell").first).not_to_have_text("00:00:00.0")
    start, stop = (seconds_of(row.get_by_role("gridcell").nth(column).inner_text()) for column in (0, 1))
    row.get_by_role("gridcell").first.click()
    expect(page.locator("#player .clip-name")).to_contain_text("of the file")
    opened = float(page.get_by_role("spinbutton", name=text.START).input_value())
    assert start <= opened < stop
    expect_playbacks_of(page, opened)


def test_events_lie_in_lanes_and_are_opened_by_mouse_by_keyboard_and_from_the_table(
    lively_page: Page, folder: Path
) -> None:
    page = lively_page
    choose_recording(page, folder)
    listen(page)
    expect(page.locator("#windows-status")).to_contain_text("events of")
    lanes = timeline(page).get_by_role("slider").nth(1)
    lanes.focus()
    lanes.press("Home")
    count = int(timeline(page).get_attribute("data-events") or 0)
    expect(lanes).to_have_attribute("aria-valuemax", str(count))
    lanes.press("End")
    expect(lanes).to_have_attribute("aria-valuenow", str(count))
    lanes.press("Home")
    lanes.press("ArrowRight")
    expect(lanes).to_have_attribute("aria-valuenow", "2")
    said = re.fullmatch(r"(.+): (.+)–(.+), \d+\s%", lanes.get_attribute("aria-valuetext") or "")
    assert said is not None
    label, start, stop = said[1], *(seconds_of(f"0:{clock}") for clock in said.groups()[1:])
    names = timeline(page).locator(".lane-name")
    row = names.all_inner_texts().index(label)
    box = lanes.bounding_box()
    assert box is not None
    middle = {
        "x": box["width"] * (start + stop) / 2 / (WINDOWS * CLIP_SECONDS),
        "y": box["height"] * (row + 0.8) / names.count(),
    }
    lanes.hover(position={"x": middle["x"], "y": 1 if row else box["height"] - 1})
    lanes.hover(position=middle)
    expect(timeline(page).locator(".readout")).to_have_text(said[0])
    lanes.click(position=middle)
    expect_clip_with(page, start, stop, label)
    page.get_by_role("tab", name=text.WINDOWS_TAB).click()
    lanes.focus()
    lanes.press("End")
    lanes.press("Enter")
    expect(page.get_by_role("tab", name=text.PLAYBACKS_TAB)).to_have_attribute("aria-selected", "true")
    page.get_by_role("tab", name=text.WINDOWS_TAB).click()
    rows = page.locator("#found").get_by_role("row")
    cells = rows.nth(1).get_by_role("gridcell")
    start, stop = (seconds_of(cells.nth(column).inner_text()) for column in (0, 1))
    label = cells.nth(2).inner_text()
    cells.first.click()
    expect_clip_with(page, start, stop, label)
    assert page.locator("#timeline b, #found b").count() == 0  # a label stays text


def expect_clip_with(page: Page, start: float, stop: float, label: str) -> None:
    """The tab of the rows is shown, with the explanation of a clip that an event lies in, for the event's class."""
    expect(page.get_by_role("tab", name=text.PLAYBACKS_TAB)).to_have_attribute("aria-selected", "true")
    expect(page.locator("#player .playitback-player")).to_have_attribute("data-row-count", str(PLAYBACKS + 1))
    expect(page.locator("#status")).to_contain_text("The model hears")
    expect(page.get_by_label(text.CLASS)).to_have_value(label)
    opened = page.get_by_role("spinbutton", name=text.START).element_handle()
    page.wait_for_function(
        "([opened, start, stop, seconds]) => Number(opened.value) < stop && start < Number(opened.value) + seconds",
        arg=[opened, start, stop, CLIP_SECONDS],
    )


def test_events_can_be_taken_away(lively_page: Page, folder: Path, tmp_path: Path) -> None:
    choose_recording(lively_page, folder)
    listen(lively_page)
    download = lively_page.locator("#windows-downloads").get_by_role("button", name=text.TAKE_EVENTS)
    expect(download).to_be_enabled()
    with lively_page.expect_download() as taken:
        download.click()
    taken.value.save_as(tmp_path / "taken.csv")
    assert taken.value.suggested_filename == "a_day-events.csv"
    with (tmp_path / "taken.csv").open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    assert {row["class"] for row in rows} <= set(LABELS)
    assert all(float(row["start"]) < float(row["stop"]) for row in rows)
    assert len(rows) == int(timeline(lively_page).get_attribute("data-events") or 0)


def seconds_of(clock: str) -> float:
    """ "00:01:05.0" -> 65.0."""
    hours, minutes, seconds = clock.split(":")
    return 3600 * int(hours) + 60 * int(minutes) + float(seconds)


def test_what_was_heard_before_a_stop_stays_and_can_be_taken_away(
    page: Page, folder: Path, gate: Gate, tmp_path: Path
) -> None:
    choose_recording(page, folder)
    gate.close()
    gate.let_through(WINDOWS_A_VIEW)
    page.get_by_role("button", name=text.WINDOWS_LISTEN).click()
    expect(page.locator("#windows-status")).to_contain_text(f"Window {WINDOWS_A_VIEW} of {WINDOWS}")
    expect(timeline(page)).to_have_attribute("data-windows", str(WINDOWS_A_VIEW))
    page.locator("#windows-stop").click()
    expect(page.locator("#windows-status")).to_contain_text(text.WINDOWS_STOPPED)
    expect(page.get_by_role("button", name=text.WINDOWS_LISTEN)).to_be_enabled()
    download = page.get_by_role("button", name=text.TAKE_WINDOWS)
    expect(download).to_be_enabled()
    with page.expect_download() as taken:
        download.click()
    taken.value.save_as(tmp_path / "taken.csv")
    with (tmp_path / "taken.csv").open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    assert taken.value.suggested_filename == "a_day-windows.csv"
    assert [float(row["start"]) for row in rows] == [CLIP_SECONDS * index for index in range(WINDOWS_A_VIEW)]


def test_a_folder_of_clips_becomes_a_table_a_summary_and_a_way_to_each_clip(page: Page, folder: Path) -> None:
    page.get_by_role("tab", name=text.FOLDER_TAB).click()
    page.get_by_role("button", name=text.FOLDER_RUN).click()
    expect(page.locator("#folder-status").get_by_role("alert")).to_have_text(text.FOLDER_NO_FILES)
    page.locator("#folder-files input[type=file]").first.set_input_files(folder / "clips")
    expect(page.locator("#folder-files .state")).to_have_text("4 sound files in 2 folders")
    page.get_by_role("button", name=text.FOLDER_RUN).click()
    expect(page.locator("#folder-status")).to_contain_text("3 clips")
    expect(page.locator("#folder-status details")).to_contain_text("clips/rain/broken.wav")
    table = page.locator("#clips")
    expect(table.get_by_role("row").filter(has_text="clips/siren/two.wav")).to_contain_text("siren")
    expect(page.locator("#folder-accuracy")).to_contain_text("First hearing")
    expect(page.locator("#folder-confusion .heatmaplayer").first).to_be_visible()
    expect(page.locator("#folder-moments .heatmaplayer").first).to_be_visible()
    table.get_by_placeholder("Filter").fill("two")
    expect(table.get_by_role("row").filter(has_text=".wav")).to_have_count(1)
    table.get_by_role("gridcell").first.click()
    expect(page.get_by_role("tab", name=text.PLAYBACKS_TAB)).to_have_attribute("aria-selected", "true")
    expect(page.locator("#player .clip-name")).to_contain_text("two.wav")
    expect(page.locator("#facts")).to_contain_text("two.wav")
    expect(page.locator("#status")).to_contain_text("The model hears")
