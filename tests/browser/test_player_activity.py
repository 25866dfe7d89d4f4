"""The map of classes over time in a real browser: its strips, the classes of a moment, and the second around a peak."""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from player_pages import CONTRAST, HOSTILE, files_of, heard, make_views, open_players, plain_views, row
from playwright.sync_api import Page, expect

from playitback.report.activity import ActivityView
from playitback.report.rows import PlayerView

TITLE = "what each moment would be by itself"
COLUMNS = np.arange(0.1, 4.0, 0.2)  # of the rows that make_views makes, seconds


def peaked(second: float, height: float, level: float = 0.02) -> tuple[float, ...]:
    """Activity that is ``level`` but for one column, in which it is ``height``."""
    return tuple(np.where(np.isclose(COLUMNS, second), height, level))


#: the word that make_views decides for is "bell"
CLASSES = {"rain": (0.4,) * 20, "bell": peaked(1.5, 0.9), "dog": peaked(3.7, 0.6, 0.001), "cat": peaked(0.1, 0.3)}


#: likely at some moment and yet without a lane
UNSHOWN = {"owl": peaked(2.5, 0.2, 0.0), "owlet": (0.003,) * 20}


def with_activity(
    view: PlayerView,
    classes: Mapping[str, tuple[float, ...]] = CLASSES,
    unshown: Mapping[str, tuple[float, ...]] = UNSHOWN,
    asked: str | None = None,
) -> PlayerView:
    """The view of a model that says what each moment would be: its first row has lanes of these classes."""
    values = np.array([*classes.values(), *unshown.values()])
    names, peaks = [*classes, *unshown], values.max(axis=1)
    levels = np.rint(255 * values / peaks[:, None]).astype(np.uint8)
    decided = names.index("bell") if "bell" in names else 0
    activity = ActivityView(
        names=tuple(names),
        peaks=tuple(peaks.tolist()),
        levels=base64.b64encode(levels.tobytes()).decode("ascii"),
        shown=tuple(range(len(classes))),
        decided=decided,
        asked=decided if asked is None else names.index(asked),
    )
    rows = (dataclasses.replace(view.rows[0], activity=activity), *view.rows[1:])
    return dataclasses.replace(view, rows=rows, activity_lanes=len(classes))


@pytest.fixture(scope="module")
def offline(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], dict[str, str]]:
    """Finished runs as JSON by name, and their files as data: addresses."""
    folder = tmp_path_factory.mktemp("offline")
    bell = make_views(folder)[2]
    linked = dataclasses.replace(with_activity(bell), link="both")
    views = {
        "map": with_activity(bell),
        "none": bell,
        "left": linked,
        "right": dataclasses.replace(linked, run_id="second"),
        "long axis": dataclasses.replace(with_activity(bell), axis_seconds=8.0),
        "hostile": with_activity(bell, {HOSTILE: (0.5,) * 20}),
        "dog asked": with_activity(bell, asked="dog"),
        "quiet": with_activity(bell, {"dog": (0.001,) * 18 + (0.6,) * 2}, {}),
    }
    return plain_views(views), files_of(folder)


@pytest.fixture
def page(browser_page: Page, offline: tuple[dict[str, Any], dict[str, str]]) -> Page:
    """A player with a map, without Gradio or network, as in a report."""
    open_players(browser_page, *offline, {"left": "map"}, editable=True)
    return browser_page


def strip(page: Page, name: str, place: str = "left") -> Any:
    return row(page, 0, place).locator(".class-lane", has=page.get_by_text(name, exact=True)).locator(".strip")


def point(page: Page, name: str, second: float, of: float = 4.0) -> None:
    """Puts the pointer on the strip of a class, at a second."""
    strip(page, name).hover(position={"x": strip(page, name).bounding_box()["width"] * second / of, "y": 20})


def moment(page: Page, place: str = "left") -> Any:
    return row(page, 0, place).locator(".moment")


def highest_point(page: Page, name: str) -> tuple[float, float]:
    """Of a strip's curve: fraction from the left of the row, and fraction of the strip's full scale."""
    found = strip(page, name).evaluate(
        """(strip) => {
            const line = strip.querySelector(".activity-line");
            const points = line.getAttribute("d").slice(1).split("L").map((each) => each.split(" ").map(Number));
            return points.reduce((best, each) => (each[1] < best[1] ? each : best));
        }"""
    )
    return found[0] / 1000, 1 - found[1] / 100


@pytest.mark.browser
def test_the_first_hearing_has_a_strip_for_every_class(page: Page) -> None:
    first = row(page, 0)
    assert first.locator(".strip-name").all_inner_texts() == ["rain", "bell", "dog", "cat"]
    assert first.locator(".strip-peak").all_inner_texts() == ["up to 40 %", "up to 90 %", "up to 60 %", "up to 30 %"]
    expect(first.locator(".activity-title")).to_have_text(TITLE)
    assert page.locator("#left .legend li").all_inner_texts()[-1] == f"activity: {TITLE}"
    assert highest_point(page, "bell") == pytest.approx((1.5 / 4, 0.9), abs=1e-3)
    assert highest_point(page, "dog") == pytest.approx((3.7 / 4, 0.6), abs=1e-3)
    expect(page.locator("#left .activity")).to_have_count(1)  # the other hearings have none
    expect(first.locator(".decided .strip-name")).to_have_text("bell")


@pytest.mark.browser
@pytest.mark.parametrize("mode", ["clip’s seconds", "model’s frames"])
def test_strips_lie_on_the_time_axis_of_their_row(page: Page, mode: str) -> None:
    page.get_by_role("button", name=mode).click()
    surface = row(page, 0).locator(".surface").bounding_box()
    for name in CLASSES:
        box = strip(page, name).bounding_box()
        assert (box["x"], box["width"]) == pytest.approx((surface["x"], surface["width"]), abs=0.5)
    assert highest_point(page, "bell")[0] == pytest.approx(1.5 / 4, abs=1e-3)  # a first hearing stretches nothing
    assert strip(page, "cat").bounding_box()["y"] < row(page, 0).locator(".ticks").bounding_box()["y"]


@pytest.mark.browser
def test_strips_end_with_the_clip_where_the_axis_goes_on(
    browser_page: Page, offline: tuple[dict[str, Any], dict[str, str]]
) -> None:
    open_players(browser_page, *offline, {"left": "long axis"})
    assert highest_point(browser_page, "bell")[0] == pytest.approx(1.5 / 8, abs=1e-3)
    point(browser_page, "bell", 1.5, of=8.0)
    expect(moment(browser_page)).to_have_text("1.50 s: bell 90 %, rain 40 %, cat 2 %")
    point(browser_page, "bell", 6.0, of=8.0)
    expect(moment(browser_page)).to_have_text("")


@pytest.mark.browser
def test_pointing_at_a_moment_lists_its_three_likeliest_classes(page: Page) -> None:
    before = row(page, 0).bounding_box()
    point(page, "cat", 1.5)
    expect(moment(page)).to_have_text("1.50 s: bell 90 %, rain 40 %, cat 2 %")
    expect(row(page, 0).locator(".readout")).to_have_text("1.50 s · informative 0.90 · uninformative 0.10")
    expect(row(page, 0).locator(".activity .hover-line")).to_be_visible()
    expect(row(page, 2).locator(".hover-line")).to_be_visible()
    assert row(page, 0).bounding_box() == before
    surface = row(page, 0).locator(".surface")
    surface.hover(position={"x": surface.bounding_box()["width"] * 3.7 / 4, "y": 10})
    expect(moment(page)).to_have_text("3.70 s: dog 60 %, rain 40 %, bell 2 %")
    page.mouse.move(0, 0)
    expect(moment(page)).to_have_text("")
    expect(row(page, 0).locator(".activity .hover-line")).to_be_hidden()


@pytest.mark.browser
def test_classes_without_a_lane_are_listed_where_they_are_likely(page: Page) -> None:
    point(page, "cat", 2.5)
    expect(moment(page)).to_have_text("2.50 s: rain 40 %, owl 20 %, bell 2 %")


@pytest.mark.browser
def test_any_class_can_be_added_and_taken_off_again(page: Page) -> None:
    field = page.get_by_role("combobox", name="Add a class to the map")
    field.fill("Owl")
    field.press("Enter")
    names = row(page, 0).locator(".strip-name")
    expect(names).to_have_text([*CLASSES, "owl"])
    expect(field).to_have_value("")
    assert highest_point(page, "owl") == pytest.approx((2.5 / 4, 0.2), abs=1e-3)
    strip(page, "owl").click(position={"x": 300, "y": 20})
    started = heard(page, 1)[0]
    assert (started["start"], started["end"]) == pytest.approx((2.0, 3.0))
    page.evaluate("player.update({ ...views.map, finished: true })")  # another answer of the same run
    expect(names).to_have_text([*CLASSES, "owl"])
    page.get_by_role("button", name="owl: take it off the map").click()
    expect(names).to_have_text(list(CLASSES))
    expect(field).to_be_focused()


@pytest.mark.browser
@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("zebra", "no class has that name"),
        ("ow", "2 classes have that in their names"),
        ("rain", "rain is there already"),
    ],
)
def test_what_cannot_be_added_is_said(page: Page, written: str, said: str) -> None:
    field = page.get_by_role("combobox", name="Add a class to the map")
    field.fill(written)
    field.press("Enter")
    expect(row(page, 0).locator(".class-said")).to_have_text(said)
    expect(row(page, 0).locator(".strip-name")).to_have_text(list(CLASSES))
    field.press_sequentially("x")
    expect(row(page, 0).locator(".class-said")).to_have_text("")


@pytest.mark.browser
def test_a_part_of_a_name_finds_the_only_class_that_has_it(page: Page) -> None:
    field = page.get_by_role("combobox", name="Add a class to the map")
    field.fill("let")
    field.press("Enter")
    expect(row(page, 0).locator(".strip-name").last).to_have_text("owlet")


@pytest.mark.browser
def test_the_explained_class_is_marked_and_another_can_be_chosen_by_its_name(
    browser_page: Page, offline: tuple[dict[str, Any], dict[str, str]]
) -> None:
    open_players(browser_page, *offline, {"left": "dog asked"}, explains=True)
    expect(row(browser_page, 0).locator(".asked .strip-name")).to_have_text("dog")
    expect(row(browser_page, 0).locator(".asked-sign")).to_have_count(1)
    dog, rain = (
        row(browser_page, 0).get_by_role("button", name=f"{name}: explain this class") for name in ("dog", "rain")
    )
    expect(dog).to_have_attribute("aria-pressed", "true")
    expect(rain).to_have_attribute("aria-pressed", "false")
    rain.click()
    dog.press("Enter")
    asked = [{"name": "explain", "place": list(CLASSES).index(name)} for name in ("rain", "dog")]
    assert browser_page.evaluate("questions") == asked
    assert browser_page.evaluate("window.heard") == []  # a name plays nothing


@pytest.mark.browser
def test_where_nothing_can_be_explained_names_are_no_buttons(page: Page) -> None:
    expect(row(page, 0).locator("button.strip-name")).to_have_count(0)


@pytest.mark.browser
def test_a_new_answer_takes_the_places_of_the_rows_and_keeps_the_focus(
    browser_page: Page, offline: tuple[dict[str, Any], dict[str, str]]
) -> None:
    open_players(browser_page, *offline, {"left": "map"}, explains=True)
    second = row(browser_page, 1).bounding_box()
    browser_page.evaluate("window.picture = document.querySelector('#left .clip-image')")
    dog = row(browser_page, 0).get_by_role("button", name="dog: explain this class")
    dog.click()
    browser_page.evaluate("player.update(views['dog asked'])")
    expect(dog).to_have_attribute("aria-pressed", "true")
    expect(dog).to_be_focused()
    assert row(browser_page, 1).bounding_box() == second
    assert browser_page.evaluate("picture.isConnected")  # the same picture: nothing flickers


@pytest.mark.browser
@pytest.mark.parametrize("width", [1100, 390])
@pytest.mark.parametrize("name", ["map", "none"])
def test_the_place_that_is_kept_is_as_high_as_the_row_that_comes(
    browser_page: Page, offline: tuple[dict[str, Any], dict[str, str]], width: int, name: str
) -> None:
    open_players(browser_page, *offline, {"left": name})
    browser_page.set_viewport_size({"width": width, "height": 800})
    update = """([name, count]) => {
        const rows = views[name].rows.slice(0, count);
        player.update({ ...views[name], run_id: "next", rows, finished: false });
    }"""
    browser_page.evaluate(update, [name, 0])
    places = browser_page.locator("#left .row")
    expect(places).to_have_count(3)
    before = [each.bounding_box() for each in places.all()]
    browser_page.evaluate(update, [name, 1])
    expect(row(browser_page, 0)).to_be_visible()
    assert [each.bounding_box() for each in places.all()] == before


@pytest.mark.browser
def test_the_sign_of_a_peak_stands_where_the_curve_is_highest(page: Page) -> None:
    box = strip(page, "bell").bounding_box()
    sign = strip(page, "bell").locator(".peak-sign").bounding_box()
    assert sign["x"] + sign["width"] / 2 - box["x"] == pytest.approx(box["width"] * 1.5 / 4, abs=1.5)
    page.mouse.click(sign["x"] + 3, sign["y"] + 3)
    started = heard(page, 1)[0]
    assert (started["start"], started["end"]) == pytest.approx((1.0, 2.0))


@pytest.mark.browser
def test_what_rounds_to_nothing_is_not_listed(
    browser_page: Page, offline: tuple[dict[str, Any], dict[str, str]]
) -> None:
    open_players(browser_page, *offline, {"left": "quiet"})
    point(browser_page, "dog", 1.5)
    expect(moment(browser_page)).to_have_text("1.50 s: nothing likely")


@pytest.mark.browser
def test_linked_players_list_the_same_moment(
    browser_page: Page, offline: tuple[dict[str, Any], dict[str, str]]
) -> None:
    open_players(browser_page, *offline, {"left": "left", "right": "right"})
    point(browser_page, "dog", 1.5)
    for place in ("left", "right"):
        expect(moment(browser_page, place)).to_have_text("1.50 s: bell 90 %, rain 40 %, cat 2 %")
        expect(row(browser_page, 0, place).locator(".activity .hover-line")).to_be_visible()


@pytest.mark.browser
@pytest.mark.parametrize(
    ("name", "start", "end"),
    [("bell", 1.0, 2.0), ("dog", 3.2, 4.0), ("cat", 0.0, 0.6)],  # the latter two lie near an end of the clip
)
@pytest.mark.parametrize("by", ["strip", "button", "keyboard"])
def test_a_click_plays_the_second_around_the_peak(page: Page, name: str, start: float, end: float, by: str) -> None:
    button = row(page, 0).get_by_role("button", name=f"{name}, up to ")
    if by == "strip":
        strip(page, name).click(position={"x": 300, "y": 20})
    elif by == "button":
        button.click()
    else:
        button.press("Enter")
    started, stopped = heard(page, 2)[:2]
    assert (started["kind"], started["row"]) == ("activity", 0)
    assert (started["start"], started["end"]) == pytest.approx((start, end))
    sound = page.evaluate("window.starts")[0]
    assert (sound["offset"], sound["duration"]) == pytest.approx((start, end - start))
    assert stopped["position"] == pytest.approx(end, abs=1e-3)


@pytest.mark.browser
def test_the_button_says_what_it_plays_and_shows_that_it_does(page: Page) -> None:
    label = "bell, up to 90 %, at 1.50 seconds: play where it is clearest"
    button = row(page, 0).get_by_role("button", name=label, exact=True)
    expect(button).to_have_text("1.5 s")
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#left .status")).to_have_text("playing where bell is clearest")
    strip(page, "bell").click()  # what plays stops when it is pressed again
    expect(button).to_have_attribute("aria-pressed", "false")
    assert heard(page, 2)[1]["position"] < 2.0


@pytest.mark.browser
def test_the_map_plays_while_segments_are_edited(page: Page) -> None:
    page.get_by_role("button", name="Edit segments").click()
    strip(page, "bell").click()
    assert heard(page, 1)[0]["kind"] == "activity"
    expect(row(page, 0).locator(".piece")).to_have_count(2)


@pytest.mark.browser
@pytest.mark.parametrize("width", [1100, 390])
@pytest.mark.parametrize("theme", ["", "dark"])
def test_it_can_be_read_in_both_themes_and_on_a_phone(page: Page, theme: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.evaluate("theme => { document.documentElement.className = theme; }", theme)
    before = row(page, 0).bounding_box()
    point(page, "rain", 1.5)
    shown = moment(page)
    expect(shown).to_have_text("1.50 s: bell 90 %, rain 40 %, cat 2 %")
    assert shown.evaluate("node => node.scrollWidth <= node.clientWidth && node.scrollHeight <= node.clientHeight")
    assert row(page, 0).bounding_box() == before
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for button in row(page, 0).locator(".clearest").all():
        box = button.bounding_box()
        assert min(box["width"], box["height"]) >= (44 if width == 390 else 24)
        assert button.evaluate("node => node.scrollWidth <= node.clientWidth")
    contrasts = row(page, 0).evaluate(
        """(row) => {
            CONTRAST
            const colour = (node, name) => getComputedStyle(node)[name];
            const ground = colour(row.closest(".playitback-player").querySelector(".transport"), "backgroundColor");
            const over = (fill) => {  // a fill that lets the ground through
                brush.fillStyle = ground;
                brush.fillRect(0, 0, 1, 1);
                brush.fillStyle = fill;
                brush.fillRect(0, 0, 1, 1);
                return `rgb(${[...brush.getImageData(0, 0, 1, 1).data].slice(0, 3).join(" ")})`;
            };
            const lanes = [...row.querySelectorAll(".class-lane")];
            const fills = lanes.map((lane) => over(colour(lane.querySelector(".activity-area"), "fill")));
            const words = lanes.flatMap((lane) => [...lane.querySelectorAll(".strip-name, .strip-peak")]);
            const line = colour(row.querySelector(".activity-line"), "stroke");
            return {
                words: words.flatMap((word) => [ground, ...fills].map((each) => contrast(colour(word, "color"), each))),
                line: contrast(line, ground),
                seconds: contrast(colour(row.querySelector(".clearest"), "color"), ground),
            };
        }""".replace("CONTRAST", CONTRAST)
    )
    assert min(contrasts["words"]) >= 4.5  # what WCAG asks of text
    assert contrasts["seconds"] >= 4.5
    assert contrasts["line"] >= 3  # and of graphics


@pytest.mark.browser
def test_names_of_classes_are_shown_as_text(browser_page: Page, offline: tuple[dict[str, Any], dict[str, str]]) -> None:
    open_players(browser_page, *offline, {"left": "hostile"})
    expect(row(browser_page, 0).locator(".strip-name")).to_have_text(HOSTILE)
    assert row(browser_page, 0).locator("option").first.get_attribute("value") == HOSTILE
    button = row(browser_page, 0).locator(".clearest")
    expect(button).to_have_attribute("aria-label", f"{HOSTILE}, up to 50 %, at 0.10 seconds: play where it is clearest")
    point(browser_page, HOSTILE, 1.5)
    expect(moment(browser_page)).to_have_text(f"1.50 s: {HOSTILE} 50 %")
    button.click()
    expect(browser_page.locator("#left .status")).to_have_text(f"playing where {HOSTILE} is clearest")
    assert browser_page.evaluate("window.hacked") is None
    assert browser_page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.browser
def test_of_a_model_without_activity_nothing_is_shown(
    browser_page: Page, offline: tuple[dict[str, Any], dict[str, str]]
) -> None:
    open_players(browser_page, *offline, {"left": "none"})
    expect(row(browser_page, 0)).to_be_visible()
    expect(browser_page.locator("#left :is(.activity, .class-lane, .activity-sign)")).to_have_count(0)
    assert "by itself" not in browser_page.locator("#left").inner_text()
