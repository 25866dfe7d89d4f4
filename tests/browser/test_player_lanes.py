"""What stands under a row's spectrogram in a real browser: lanes, however many; and the numbers under the pointer."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from player_pages import CONTRAST, files_of, heard, make_views, open_players, plain_views, row
from playwright.sync_api import Page, expect

from playitback.report import player
from playitback.report.rows import LaneView, player_data


@pytest.fixture
def page(browser_page: Page, offline: tuple[dict[str, Any], dict[str, str]]) -> Page:
    """The player without Gradio or network, as in a report, with all rows of a run."""
    open_players(browser_page, *offline, {"left": "first"})
    return browser_page


def open_single(page: Page, folder: Path, names: Sequence[str]) -> None:
    """The run of a model that hears a clip once, with level lanes of these names: the first at 0.9, then 0.8, ..."""
    view = make_views(folder)[0]
    lanes = tuple(LaneView(name, (0.9 - 0.1 * k,) * 20) for k, name in enumerate(names))
    rows = tuple(dataclasses.replace(row, lanes=lanes) for row in view.rows)
    view = dataclasses.replace(view, rows=rows, finished=True, expected_rows=1)
    open_players(page, plain_views({"view": view}), files_of(folder), {"left": "view"}, editable=True)


def legend(page: Page) -> list[str]:
    return page.locator("#left .legend li").all_inner_texts()


def readout(page: Page, fraction: float, height: float = 0.5) -> str:
    """What the first row says of a place on its spectrogram: fractions from the left and from the bottom."""
    surface, picture = row(page, 0).locator(".surface"), row(page, 0).locator(".clip-image").bounding_box()
    surface.hover(position={"x": fraction * picture["width"], "y": (1 - height) * picture["height"]})
    return row(page, 0).locator(".readout").inner_text()


@pytest.mark.browser
def test_the_legend_names_the_lanes_and_says_what_segments_are(page: Page) -> None:
    assert legend(page) == [
        "replayed in this hearing",
        "chosen for the next",
        "informative attention",
        "uninformative attention",
        "threshold",
    ]
    expect(row(page, 0).locator(".lane-name")).to_have_text("attention")
    expect(row(page, 0).locator(".surface")).to_have_attribute(
        "aria-label", "First hearing: spectrogram and attention. After hearing 0 the model hears a bell."
    )


@pytest.mark.browser
def test_a_row_of_one_lane_is_named_after_it(browser_page: Page, tmp_path: Path) -> None:
    open_single(browser_page, tmp_path, ["temporal attention"])
    assert legend(browser_page) == ["chosen", "temporal attention", "threshold"]
    expect(row(browser_page, 0).locator(".lane-name")).to_have_text("temporal attention")
    assert readout(browser_page, 0.375).endswith("kHz · temporal attention 0.90")
    lines = row(browser_page, 0).locator(".lanes path")
    classes = lines.evaluate_all("all => all.map((each) => each.getAttribute('class'))")
    assert classes == ["relevance-area", "chosen-area", "chosen-area", "threshold", "lane-0"]


@pytest.mark.browser
def test_a_model_that_hears_once_can_be_played(browser_page: Page, tmp_path: Path) -> None:
    open_single(browser_page, tmp_path, ["relevance"])
    expect(browser_page.locator("#left .row")).to_have_count(1)
    row(browser_page, 0).get_by_role("button", name="Segment 2, 3.00 to 3.25 seconds, play", exact=True).click()
    assert heard(browser_page, 2)[1]["position"] == 3.25
    browser_page.locator("#left").get_by_role("button", name="model’s frames").click()
    assert row(browser_page, 0).locator(".lanes path").count() == 5


@pytest.mark.browser
@pytest.mark.parametrize("theme", ["", "dark"])
def test_five_lanes_can_be_told_apart_in_both_themes(browser_page: Page, tmp_path: Path, theme: str) -> None:
    names = ["activity", "gradient", "occlusion", "attention", "chance"]
    open_single(browser_page, tmp_path, names)
    browser_page.evaluate("theme => { document.documentElement.className = theme; }", theme)
    assert legend(browser_page) == ["chosen", *names, "threshold"]
    assert readout(browser_page, 0.375).endswith(
        "activity 0.90 · gradient 0.80 · occlusion 0.70 · attention 0.60 · chance 0.50"
    )
    expect(row(browser_page, 0).locator(".lane-name")).to_have_text("")  # their names share no word
    styles = row(browser_page, 0).evaluate(
        """(row) => {
            CONTRAST
            const ground = getComputedStyle(row.closest(".playitback-player").querySelector(".transport"));
            return [0, 1, 2, 3, 4].map((k) => {
                const line = getComputedStyle(row.querySelector(`.lanes .lane-${k}`));
                const sign = getComputedStyle(document.querySelector(`#left .lane-${k}-sign`));
                const lit = contrast(line.stroke, ground.backgroundColor);
                return { colour: line.stroke, sign: sign.borderTopColor, lit };
            });
        }""".replace("CONTRAST", CONTRAST)
    )
    assert len({style["colour"] for style in styles}) == 5
    assert [style["sign"] for style in styles] == [style["colour"] for style in styles]
    assert min(style["lit"] for style in styles) >= 3  # what WCAG asks of graphics
    heights = [row(browser_page, 0).locator(f".lanes .lane-{k}").bounding_box()["y"] for k in range(5)]
    assert heights == sorted(heights)


@pytest.mark.browser
def test_more_lanes_than_styles_are_drawn_all_the_same(browser_page: Page, tmp_path: Path) -> None:
    open_single(browser_page, tmp_path, [f"slot {k}" for k in range(7)])
    lines = row(browser_page, 0).locator(".lanes path[class^=lane-]")
    assert lines.evaluate_all("all => all.map((each) => each.getAttribute('class'))") == [
        *("lane-3", "lane-2", "lane-4", "lane-3", "lane-2", "lane-1", "lane-0"),
    ]
    assert readout(browser_page, 0.375).endswith("0 0.90 · 1 0.80 · 2 0.70 · 3 0.60 · 4 0.50 · 5 0.40 · 6 0.30")


@pytest.mark.browser
def test_a_row_without_lanes_shows_the_spectrogram_alone(browser_page: Page, tmp_path: Path) -> None:
    open_single(browser_page, tmp_path, [])
    assert legend(browser_page) == ["chosen"]
    expect(row(browser_page, 0).locator(".lanes, .lane-scale").locator("visible=true")).to_have_count(0)
    surface = row(browser_page, 0).locator(".surface").bounding_box()
    picture = row(browser_page, 0).locator(".clip-image").bounding_box()
    assert surface["height"] == picture["height"]
    assert re.fullmatch(r"1\.50 s · [\d.]+ kHz", readout(browser_page, 0.375))


@pytest.mark.browser
def test_many_lanes_under_the_pointer_do_not_move_the_row(browser_page: Page, tmp_path: Path) -> None:
    open_single(browser_page, tmp_path, [f"a lane with a long name {k}" for k in range(5)])
    before = row(browser_page, 0).locator(".surface").bounding_box()
    readout(browser_page, 0.375)
    assert row(browser_page, 0).locator(".surface").bounding_box() == before


@pytest.mark.browser
def test_hovering_reads_second_hertz_and_attention(page: Page) -> None:
    surface = row(page, 0).locator(".surface")
    box = surface.bounding_box()
    picture = row(page, 0).locator(".clip-image").bounding_box()
    surface.hover(position={"x": box["width"] * 0.375, "y": picture["height"] * (1 - 0.3521)})
    expect(row(page, 0).locator(".readout")).to_have_text("1.50 s · 1.0 kHz · informative 0.90 · uninformative 0.10")
    expect(row(page, 2).locator(".hover-line")).to_be_visible()
    page.mouse.move(0, 0)
    expect(row(page, 0).locator(".readout")).to_have_text("")


def open_with_axis(page: Page, folder: Path, ticks: tuple[tuple[float, float], ...]) -> None:
    """A run of one hearing whose frequency axis has these ticks, (fraction from the bottom, hertz)."""
    view = make_views(folder)[0]
    view = dataclasses.replace(view, rows=(dataclasses.replace(view.rows[0], frequency_ticks=ticks),))
    open_players(page, plain_views({"view": view}), files_of(folder), {"left": "view"})


@pytest.mark.browser
def test_hertz_under_the_pointer_are_reckoned_from_the_numbers_of_the_axis(browser_page: Page, tmp_path: Path) -> None:
    def mel(hertz: float) -> float:
        return 2595 * math.log10(1 + hertz / 700)

    def fraction(hertz: float) -> float:
        return mel(hertz) / mel(8000.0)

    open_with_axis(browser_page, tmp_path, tuple((fraction(hertz), hertz) for hertz in (440.0, 2500.0, 6000.0)))
    labels = row(browser_page, 0).locator(".frequency").all_inner_texts()
    assert labels == ["440 Hz", "2.5 kHz", "6 kHz"]
    for hertz in (300.0, 1000.0, 7000.0):
        number, unit = readout(browser_page, 0.5, fraction(hertz)).split(" · ")[1].split()
        pixel = 0.5 / 172 * (mel(8000.0) / 2595) * math.log(10) * (700 + hertz)  # hertz that half of it stands for
        assert float(number) * {"Hz": 1, "kHz": 1000}[unit] == pytest.approx(hertz, abs=pixel + 50)


@pytest.mark.browser
def test_an_axis_with_one_tick_tells_no_hertz(browser_page: Page, tmp_path: Path) -> None:
    open_with_axis(browser_page, tmp_path, ((0.5, 1000.0),))
    assert readout(browser_page, 0.375) == "1.50 s · informative 0.90 · uninformative 0.10"


def fields(interface: str) -> set[str]:
    """Names of the fields that types.d.ts gives an interface."""
    text = (Path(player.__file__).parent / "player" / "types.d.ts").read_text(encoding="utf-8")
    found = re.search(rf"^interface {interface} \{{\n(.*?)^\}}", text, re.DOTALL | re.MULTILINE)
    assert found is not None, f"types.d.ts has no {interface}"
    return set(re.findall(r"^  (\w+)\??:", found[1], re.MULTILINE))


def test_what_python_sends_is_what_the_script_was_checked_against(tmp_path: Path) -> None:
    view = player_data(make_views(tmp_path)[2], str)
    row = view["rows"][0]
    for sent, interface in ((view, "ViewData"), (row, "RowData"), (row["lanes"][0], "LaneData")):
        assert set(sent) == fields(interface)
