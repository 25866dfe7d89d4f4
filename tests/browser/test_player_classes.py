"""Classes of the map in a real browser: any can be added, another can be explained, and nothing moves for it."""

from __future__ import annotations

from typing import Any

import pytest
from mapped_views import CLASSES, highest_point, strip, with_activity
from player_pages import files_of, heard, make_views, open_players, plain_views, row
from playwright.sync_api import Page, expect


@pytest.fixture(scope="module")
def offline(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], dict[str, str]]:
    """Finished runs as JSON by name, and their files as data: addresses."""
    folder = tmp_path_factory.mktemp("offline")
    bell = make_views(folder)[2]
    views = {"map": with_activity(bell), "dog asked": with_activity(bell, asked="dog"), "none": bell}
    return plain_views(views), files_of(folder)


@pytest.fixture
def page(browser_page: Page, offline: tuple[dict[str, Any], dict[str, str]]) -> Page:
    """A player with a map, without Gradio or network, as in a report."""
    open_players(browser_page, *offline, {"left": "map"})
    return browser_page


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
