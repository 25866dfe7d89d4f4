"""The map of classes over time in a real browser: its strips, the classes of a moment, and the second around a peak."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from mapped_views import CLASSES, highest_point, moment, point, strip, with_activity
from player_pages import CONTRAST, HOSTILE, files_of, heard, make_views, open_players, plain_views, row
from playwright.sync_api import Page, expect

TITLE = "what each moment would be by itself"
#: from the start of a sound on, which then is still playing however long the next step takes
CLOCK_STANDS = """() => {
  const start = AudioBufferSourceNode.prototype.start;
  AudioBufferSourceNode.prototype.start = function (...given) {
    start.apply(this, given);
    this.context.suspend();
  };
}"""


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
        "quiet": with_activity(bell, {"dog": (0.001,) * 18 + (0.6,) * 2}, {}),
    }
    return plain_views(views), files_of(folder)


@pytest.fixture
def page(browser_page: Page, offline: tuple[dict[str, Any], dict[str, str]]) -> Page:
    """A player with a map, without Gradio or network, as in a report."""
    open_players(browser_page, *offline, {"left": "map"}, editable=True)
    return browser_page


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
    page.evaluate(CLOCK_STANDS)
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
