"""A sheet of inches and its panels: what is drawn stands where their coordinates say, in pixels and in an SVG."""

from __future__ import annotations

import base64
import re
from io import BytesIO

import matplotlib
import numpy as np
import pytest
from PIL import Image

from playitback.report.sheet import POINT, SETTINGS, Panel, Sheet

WIDTH, HEIGHT, DOTS = 4.0, 3.0, 100
#: of the panel, in inches from the upper left corner of the sheet
LEFT, TOP, WIDE, TALL = 1.0, 0.5, 2.0, 1.5
RED, GREEN = [255, 0, 0], [0, 128, 0]


@pytest.fixture
def sheet() -> Sheet:
    return Sheet(WIDTH, HEIGHT)


@pytest.fixture
def panel(sheet: Sheet) -> Panel:
    return sheet.panel("map", LEFT, TOP, WIDE, TALL, across=(0.0, 10.0), up=(0.0, 1.0))


def pixels(sheet: Sheet) -> np.ndarray:
    with Image.open(BytesIO(sheet.png(DOTS))) as picture:
        return np.asarray(picture)


def test_a_point_of_a_panel_is_that_point_of_the_sheet(sheet: Sheet, panel: Panel) -> None:
    panel.boxes([(4.0, 6.0, 0.5, 1.0)], color="red", linewidth=0)
    drawn = pixels(sheet)
    assert drawn.shape == (DOTS * HEIGHT, DOTS * WIDTH, 3)
    rows, columns = np.nonzero((drawn == RED).all(axis=2))
    assert (rows.min(), rows.max() + 1) == (50, 125)  # the upper half of 0.5 to 2 inches
    assert (columns.min(), columns.max() + 1) == (180, 220)  # 1 inch, and 4 to 6 tenths of two


def test_what_reaches_beyond_a_panel_is_cut_off(sheet: Sheet, panel: Panel) -> None:
    panel.curve((-10.0, 20.0), (0.5, 0.5), color="red", linewidth=2, antialiased=False)
    panel.filled(np.array([2.0, 3.0]), np.array([5.0, 5.0]), 0.9, color="green")
    drawn = pixels(sheet)
    columns = np.nonzero((drawn == RED).all(axis=2))[1]
    assert (columns.min(), columns.max() + 1) == (100, 300)
    assert np.nonzero((drawn == GREEN).all(axis=2))[0].min() == 50


def test_a_picture_has_its_first_row_below_and_its_highest_value_brightest(sheet: Sheet, panel: Panel) -> None:
    panel.picture(np.array([[0.0, 0.5], [1.0, 2.0]]), "gray", (0.0, 1.0))  # 2 is as bright as it gets
    drawn = pixels(sheet)[50:200, 100:300, 0]
    quarters = drawn[:75, :100], drawn[:75, 100:], drawn[75:, :100], drawn[75:, 100:]
    assert [set(quarter.ravel().tolist()) for quarter in quarters] == [{255}, {255}, {0}, {128}]


def test_the_svg_has_the_same_picture_in_the_same_place(sheet: Sheet, panel: Panel) -> None:
    panel.picture(np.array([[0.0, 0.5], [1.0, 2.0]]), "gray", (0.0, 1.0))
    drawing = sheet.svg()
    (element,) = re.findall(r"<image[^>]*>", drawing)
    for name, inches in (("x", LEFT), ("y", TOP), ("width", WIDE), ("height", TALL)):
        assert f' {name}="{inches / POINT:g}"' in element
    with Image.open(BytesIO(base64.b64decode(element.split("base64,")[1].split('"')[0]))) as picture:
        assert picture.mode == "P"
        assert np.asarray(picture.convert("L")).tolist() == [[255, 255], [0, 128]]


def test_all_text_of_an_svg_is_text_and_signs_in_it_stay_as_they_are(sheet: Sheet, panel: Panel) -> None:
    panel.write(0.0, 0.5, "costs $5$ <or> more", 7, bbox={"facecolor": "white"})
    panel.title("what is heard", 8)
    panel.mark_height([(0.5, "1 kHz")], 7)
    panel.mark_width([(0.0, "0 %"), (10.0, "100 %")], 7, within=True)
    panel.name_width("seconds", 7, 0.2)
    sheet.write(0.1, 0.1, "a_b^c.wav", 8)
    with matplotlib.rc_context(SETTINGS):  # type: ignore[arg-type]
        drawing = sheet.svg()
    written = ["costs $5$ &lt;or&gt; more", "what is heard", "1 kHz", "0 %", "100 %", "seconds", "a_b^c.wav"]
    assert sorted(re.findall(r"<text[^>]*>([^<]*)</text>", drawing)) == sorted(written)
    names = re.findall(r' id="([^"]*)"', drawing)
    assert {"map-0", "map-1"} <= {*names}
    assert all(re.fullmatch(r"[\w-]+", name) for name in names)


def test_captions_at_the_edges_stay_within_where_that_is_asked_for(sheet: Sheet, panel: Panel) -> None:
    panel.mark_width([(0.0, "a long caption"), (10.0, "another long one")], 7, within=True)
    below = np.nonzero((pixels(sheet)[205:] < 128).any(axis=2))[1]
    assert below.min() >= 100
    assert below.max() < 300
