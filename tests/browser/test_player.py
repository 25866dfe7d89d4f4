"""The synchronised player in a real browser, on made-up hearings of a four-second clip: alone, and in a Gradio page."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from player_pages import (
    CLIP_SECONDS,
    CONTRAST,
    HOSTILE,
    WATCH,
    click_surface,
    heard,
    line_fraction,
    make_views,
    open_players,
    position,
    row,
)
from playwright.sync_api import Page, expect

from app.player import Player


@pytest.fixture(scope="module")
def address(serve: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> str:
    """A page with two players: the left one empty at first, the right one with a finished run."""
    folder = tmp_path_factory.mktemp("views")
    first, second = make_views(folder), make_views(folder, "second")
    hostile = make_views(folder, "hostile", name=HOSTILE, word=HOSTILE)
    hostile_rows = tuple(dataclasses.replace(row, title=HOSTILE) for row in hostile[2].rows)
    with gr.Blocks() as demo:
        gr.Textbox(label="Notes")
        player = Player(elem_id="left")
        for label, view in {
            "one row": first[0],
            "all rows": first[2],
            "new run": second[0],
            "hostile run": dataclasses.replace(hostile[2], rows=hostile_rows),
            "nothing": None,
        }.items():
            gr.Button(label, elem_id=label.replace(" ", "-")).click(lambda view=view: view, outputs=player)
        Player(second[2], elem_id="right")
    return serve(demo)


@pytest.fixture
def gradio_page(browser_page: Page, address: str) -> Page:
    """The page with all rows of the first run in the left player."""
    browser_page.add_init_script(WATCH)
    browser_page.goto(address)
    show(browser_page, "all rows", 3)
    return browser_page


@pytest.fixture
def page(browser_page: Page, offline: tuple[dict[str, Any], dict[str, str]]) -> Page:
    """The player without Gradio or network, as in a report, with all rows of the first run."""
    open_players(browser_page, *offline, {"left": "first"})
    return browser_page


def show(page: Page, button: str, rows: int) -> None:
    page.get_by_role("button", name=button, exact=True).click()
    expect(page.locator("#left .playitback-player")).to_have_attribute("data-row-count", str(rows))


def scrub(page: Page, fraction: float) -> None:
    scrubber = page.locator("#left").get_by_role("slider", name="Playhead")
    box: Any = scrubber.bounding_box()
    scrubber.click(position={"x": box["width"] * fraction, "y": box["height"] / 2})


@pytest.mark.browser
def test_rows_come_one_after_the_other_and_nothing_jumps(browser_page: Page, address: str) -> None:
    browser_page.goto(address)
    show(browser_page, "one row", 1)
    boxes = browser_page.locator("#left .row")
    expect(boxes).to_have_count(3)  # two places are kept
    expect(browser_page.locator("#left .live")).to_have_text("First hearing. After hearing 0 the model hears a bell.")
    before = boxes.evaluate_all("all => all.map((each) => each.offsetTop)")
    show(browser_page, "all rows", 3)
    after = boxes.evaluate_all("all => all.map((each) => each.offsetTop)")
    assert after == before
    expect(browser_page.locator("#left .placeholder")).to_have_count(0)
    expect(browser_page.locator("#left .live")).to_contain_text("Playback 2. After hearing 2")


@pytest.mark.browser
def test_a_run_given_at_the_start_is_drawn(browser_page: Page, address: str) -> None:
    browser_page.goto(address)
    expect(browser_page.locator("#right .row")).to_have_count(3)
    pictures = browser_page.locator("#right .spectrogram")
    browser_page.wait_for_function("[...document.images].every((image) => image.complete)")
    assert pictures.evaluate_all("all => all.every((image) => image.naturalWidth === 100)")


@pytest.mark.browser
def test_a_row_says_what_it_shows(page: Page) -> None:
    second = row(page, 2)
    expect(second.get_by_role("heading")).to_have_text("Playback 2")
    expect(second.locator(".row-facts")).to_have_text("hop 4.17 ms · replays 1.0 s of 4.0 s")
    expect(second.locator(".classes tr").nth(0)).to_have_text("belldecision changed60 %+21")
    expect(second.locator(".classes tr").nth(1)).to_have_text("rain30 %−4")
    expect(second.locator(".classes tr").nth(2)).to_have_text("cat<1 %")
    expect(row(page, 0).locator(".row-facts")).to_have_text("hop 12.5 ms · hears all 4.0 s")
    assert second.locator(".tick-text").all_inner_texts() == ["0 s", "1 s", "2 s", "3 s", "4 s"]


@pytest.mark.browser
def test_the_decision_is_bold_in_a_row_although_another_class_is_more_probable(page: Page) -> None:
    page.evaluate(
        "player.update({ ...views.first, rows: views.first.rows.map((each) => ({ ...each, decided: 1 })),"
        " run_id: 'narrower' })"
    )
    names = row(page, 2).locator(".classes th")
    expect(names).to_have_text(["bell", "raindecision changed", "cat"])
    assert names.evaluate_all("all => all.map((each) => getComputedStyle(each).fontWeight)") == ["400", "600", "400"]


@pytest.mark.browser
def test_a_framed_segment_plays_exactly_from_its_start_to_its_end(gradio_page: Page) -> None:
    button = row(gradio_page, 0).get_by_role("button", name="Segment 2, 3.00 to 3.25 seconds, play", exact=True)
    button.click()
    started, stopped = heard(gradio_page, 2)
    (start,) = gradio_page.evaluate("window.starts")
    assert (start["offset"], start["duration"]) == (3.0, 0.25)
    assert start["soundSeconds"] == pytest.approx(CLIP_SECONDS, abs=1e-3)
    assert start["when"] >= start["now"]  # asked for in time, so that no sample is lost
    assert (started["name"], stopped["name"]) == ("started", "stopped")
    assert {key: started[key] for key in ("kind", "row", "segment", "start", "end")} == {
        "kind": "segment",
        "row": 0,
        "segment": 1,
        "start": 3.0,
        "end": 3.25,
    }
    assert started["at"] == start["when"]
    assert stopped["at"] - started["at"] == pytest.approx(0.25)
    assert stopped["now"] >= stopped["at"]  # the audio clock had really come that far
    expect(button).to_have_attribute("aria-pressed", "false")
    expect(gradio_page.locator("#left .playitback-player")).to_have_attribute("data-playing", "")
    assert position(gradio_page) == 3.25


@pytest.mark.browser
def test_the_scrubber_moves_the_playhead(page: Page) -> None:
    scrub(page, 0.25)
    assert position(page) == pytest.approx(1.0, abs=0.01)
    page.keyboard.press("End")
    assert position(page) == CLIP_SECONDS
    page.keyboard.press("Home")
    expect(page.get_by_role("slider", name="Playhead")).to_have_attribute("aria-valuetext", "0.00 seconds")


@pytest.mark.browser
def test_the_frames_view_shows_every_second_where_the_model_had_it(page: Page) -> None:
    scrub(page, 0.375)  # to second 1.5
    page.locator("#left").get_by_role("button", name="model’s frames").click()
    assert line_fraction(page, 0) == pytest.approx(0.375, abs=0.003)  # the first hearing is not warped
    assert line_fraction(page, 1) == pytest.approx(0.4, abs=0.003)  # 1.6 s of a tape of 4 s
    frame = row(page, 1).locator("[data-key='replayed-1-0']").bounding_box()
    surface = row(page, 1).locator(".surface").bounding_box()
    assert (frame["x"] - surface["x"]) / surface["width"] == pytest.approx(0.2, abs=0.003)
    assert frame["width"] / surface["width"] == pytest.approx(0.4, abs=0.003)
    assert row(page, 1).locator(".tick-text").all_inner_texts() == ["0 s", "1 s", "2 s", "4 s"]
    expect(row(page, 1).locator(".frames-image")).to_be_visible()
    expect(row(page, 1).locator(".clip-image")).to_be_hidden()
    click_surface(page, 1, 0.7)
    assert position(page) == pytest.approx(2.5, abs=0.02)


@pytest.mark.browser
def test_the_keyboard_plays_moves_and_stops(page: Page) -> None:
    row(page, 1).locator(".surface").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    assert position(page) == pytest.approx(1.1)
    page.keyboard.press("ArrowLeft")
    assert position(page) == pytest.approx(1.0)
    page.keyboard.press("2")
    assert heard(page, 2)[0]["row"] == 1
    assert position(page) == 3.25
    page.keyboard.press("Shift+ArrowLeft")
    page.evaluate(
        """() => {
            const target = document.activeElement;
            const press = (key) => target.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
            return whilePlaying(() => press(" "), () => press("Escape"));
        }"""
    )
    started, stopped = heard(page, 4)[2:]
    assert (started["kind"], started["start"]) == ("clip", 2.25)
    assert stopped["position"] < CLIP_SECONDS


@pytest.mark.browser
def test_keys_outside_the_player_are_left_alone(gradio_page: Page) -> None:
    notes = gradio_page.get_by_label("Notes")
    notes.click()
    gradio_page.keyboard.type("1 2")
    gradio_page.keyboard.press("ArrowLeft")
    expect(notes).to_have_value("1 2")
    assert position(gradio_page) == 0.0
    assert gradio_page.evaluate("window.starts") == []


@pytest.mark.browser
def test_a_new_run_clears_the_rows(gradio_page: Page) -> None:
    click_surface(gradio_page, 0, 0.05)
    show(gradio_page, "new run", 1)
    expect(gradio_page.locator("#left .placeholder")).to_have_count(2)
    assert position(gradio_page) == 0.0
    show(gradio_page, "nothing", 0)
    expect(gradio_page.locator("#left .playitback-player")).to_be_empty()


@pytest.mark.browser
def test_only_one_player_of_a_page_sounds_at_a_time(gradio_page: Page) -> None:
    gradio_page.evaluate(
        """() => whilePlaying(
            () => document.querySelector("#left .play").click(),
            () => document.querySelector("#right [data-key='segment-0-1']").click(),
        )"""
    )
    events = heard(gradio_page, 4)
    assert sorted(event["kind"] for event in events) == ["clip", "clip", "segment", "segment"]
    assert next(event for event in events if event["name"] == "stopped")["position"] < CLIP_SECONDS
    expect(gradio_page.locator("#left .play")).to_have_attribute("aria-pressed", "false")
    assert float(gradio_page.locator("#right .playitback-player").get_attribute("data-position") or "nan") == 3.25


@pytest.mark.browser
def test_names_are_text_whatever_they_hold(gradio_page: Page) -> None:
    show(gradio_page, "hostile run", 3)
    left = gradio_page.locator("#left")
    expect(left.locator(".clip-title")).to_have_text(HOSTILE)
    expect(left.locator(".row-title").first).to_have_text(HOSTILE)
    expect(left.locator(".class-name").first).to_have_text(HOSTILE)
    expect(left.locator(".sentence").first).to_contain_text(HOSTILE)
    assert left.locator("img:not(.spectrogram), script").count() == 0
    assert gradio_page.evaluate("window.hacked === undefined")


@pytest.mark.browser
def test_a_phone_has_room_for_everything(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    expect(row(page, 1).locator(".action").first).to_have_css("min-height", "44px")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    below = row(page, 1).locator(".panel").bounding_box()["y"]
    surface = row(page, 1).locator(".surface").bounding_box()
    assert below > surface["y"] + surface["height"]
    small = page.locator("#left button:not(.frame):visible").evaluate_all(
        "all => all.map((each) => each.getBoundingClientRect()).filter((box) => box.width < 44 || box.height < 44)"
    )
    assert small == []


@pytest.mark.browser
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_can_be_read_in_both_themes(browser_page: Page, address: str, theme: str) -> None:
    browser_page.goto(f"{address}?__theme={theme}")
    show(browser_page, "all rows", 3)
    contrasts = browser_page.evaluate(
        """() => {
            CONTRAST
            const ground = getComputedStyle(document.querySelector("#left .transport")).backgroundColor;
            const texts = [".row-title", ".row-facts", ".tick-text", ".change.up", ".change.down", ".decision"];
            return texts.map((each) => {
                return contrast(getComputedStyle(document.querySelector("#left " + each)).color, ground);
            });
        }""".replace("CONTRAST", CONTRAST)
    )
    assert min(contrasts) >= 4.5
    dark = browser_page.evaluate("document.body.classList.contains('dark')")
    assert dark == (theme == "dark")


def test_files_of_a_view_become_files_that_gradio_serves(tmp_path: Path) -> None:
    view = make_views(tmp_path)[0]
    data = Player().postprocess(view)
    assert data is not None
    values = data.model_dump()
    assert values["clip_audio"]["meta"] == {"_type": "gradio.FileData"}
    assert values["rows"][0]["spectrogram"]["path"] == view.rows[0].spectrogram
    assert values["rows"][0]["segments"] == [[1.0, 2.0], [3.0, 3.25]]
    assert len(json.dumps(values)) < 10_000  # pictures and short arrays only
    assert Player().postprocess(None) is None


def test_the_template_and_the_sheet_hold_nothing_that_gradio_would_fill_in() -> None:
    player = Player()
    for text in (player.html_template, player.css_template):
        assert not any(sign in text for sign in ("${", "{{", "`", "\\"))
