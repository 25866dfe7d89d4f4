"""What an editable player asks for in a real browser: segments to hold, sounds to edit; and what an answer changes."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from editing_pages import asked, drag, expect_segments, listed, piece, tool
from player_pages import (
    SEGMENTS,
    files_of,
    make_views,
    open_players,
    plain_views,
    row,
)
from playwright.sync_api import Page, expect

from app.player import Player


@pytest.fixture(scope="module")
def offline(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], dict[str, str]]:
    """A finished run, the same before its last hearing, and another run as JSON, and their files as data: addresses."""
    folder = tmp_path_factory.mktemp("offline")
    _, unfinished, finished = make_views(folder)
    views = {"finished": finished, "unfinished": unfinished, "other": make_views(folder, "second")[2]}
    return plain_views(views), files_of(folder)


@pytest.fixture
def page(browser_page: Page, offline: tuple[dict[str, Any], dict[str, str]]) -> Page:
    """An editable player of a finished run, its tools out."""
    open_players(browser_page, *offline, {"left": "finished"}, editable=True)
    tool(browser_page, "Edit segments").click()
    return browser_page


@pytest.mark.browser
def test_a_row_is_held_and_freed_again(page: Page) -> None:
    replay, free = tool(page, "Replay these instead"), row(page, 0).get_by_role("button", name="Free again")
    hold = row(page, 0).get_by_label("hold", exact=True)
    expect(replay).to_be_disabled()
    expect(free).to_be_disabled()
    hold.check()  # as the model chose it
    expect(replay).to_be_enabled()
    hold.uncheck()
    expect(replay).to_be_disabled()
    piece(page, 0, 1).press("ArrowRight")
    expect(hold).to_be_checked()
    hold.uncheck()
    expect_segments(page, 0, *SEGMENTS)
    hold.check()  # what was drawn is not lost
    expect_segments(page, 0, (1.05, 2.05), SEGMENTS[1])
    free.click()
    expect_segments(page, 0, *SEGMENTS)
    expect(hold).not_to_be_checked()
    expect(row(page, 0).locator(".held-mark")).to_be_hidden()
    hold.check()
    expect_segments(page, 0, *SEGMENTS)


@pytest.mark.browser
def test_the_last_row_has_no_tools(page: Page) -> None:
    expect(row(page, 2).locator(".editor")).to_have_text("The last hearing: nothing is replayed after it.")
    expect(row(page, 2).locator(".piece, .entry, .hold")).to_have_count(0)
    drag(page, 2, 2.2, 2.8)
    expect(tool(page, "Replay these instead")).to_be_disabled()


@pytest.mark.browser
def test_replay_asks_for_exactly_what_is_held_and_waits_for_the_answer(page: Page) -> None:
    piece(page, 0, 1).press("ArrowRight")
    row(page, 1).get_by_label("hold", exact=True).check()
    replay = tool(page, "Replay these instead")
    replay.click()
    held = {"0": [[1.05, 2.05], [3.0, 3.25]], "1": [[1.0, 2.0], [3.0, 3.25]]}
    assert asked(page) == [{"name": "replay", "held": held}]
    expect(replay).to_be_disabled()
    expect(tool(page, "Reset")).to_be_disabled()
    piece(page, 0, 1).click()
    expect(tool(page, "Remove from the sound")).to_be_disabled()
    page.evaluate("player.update(views.finished)")
    expect(replay).to_be_enabled()
    expect_segments(page, 0, (1.05, 2.05), SEGMENTS[1])  # the same run: what was drawn stays
    row(page, 1).get_by_role("button", name="Free again").click()
    replay.click()
    assert asked(page)[1] == {"name": "replay", "held": {"0": [[1.05, 2.05], [3.0, 3.25]]}}


@pytest.mark.browser
def test_what_is_held_stays_when_the_answer_chose_otherwise(page: Page) -> None:
    row(page, 0).get_by_label("hold", exact=True).check()
    piece(page, 1, 1).press("ArrowRight")
    row(page, 1).get_by_label("hold", exact=True).uncheck()
    page.evaluate(
        """() => {
            const rows = views.finished.rows.map((row) => ({ ...row, segments: [[0.5, 0.75]] }));
            player.update({ ...views.finished, rows });
        }"""
    )
    expect_segments(page, 0, *SEGMENTS)
    expect_segments(page, 1, (0.5, 0.75))
    row(page, 0).get_by_role("button", name="Free again").click()
    expect_segments(page, 0, (0.5, 0.75))


@pytest.mark.browser
def test_a_run_that_held_segments_shows_them_held(page: Page) -> None:
    page.evaluate("player.update({ ...views.other, held: { 0: [[0.5, 0.75], [2, 2.5]], 1: [] } })")
    expect_segments(page, 0, (0.5, 0.75), (2.0, 2.5))
    expect_segments(page, 1)
    expect(page.locator("#left .held-mark:visible")).to_have_count(2)
    tool(page, "Replay these instead").click()
    assert asked(page) == [{"name": "replay", "held": {"0": [[0.5, 0.75], [2, 2.5]], "1": []}}]
    page.evaluate("player.update({ ...views.other, held: { 0: [[0.5, 0.75], [2, 2.5]], 1: [] } })")
    row(page, 0).get_by_role("button", name="Free again").click()
    expect_segments(page, 0, *SEGMENTS)


@pytest.mark.browser
def test_selected_segments_are_removed_from_the_sound_or_kept(page: Page) -> None:
    remove = tool(page, "Remove from the sound")
    expect(remove).to_be_disabled()
    expect(page.locator("#left .tools-chosen")).to_have_text("no segment selected")
    piece(page, 0, 2).click()
    expect(page.locator("#left .tools-chosen")).to_have_text("1 segment selected, 0.25 s")
    remove.click()
    page.evaluate("player.update(views.finished)")
    piece(page, 0, 1).click()
    piece(page, 0, 2).click(modifiers=["ControlOrMeta"])
    page.locator("#left").get_by_label("filled with").select_option("noise with the clip’s spectrum")
    tool(page, "Keep only them").click()
    page.evaluate("player.update(views.finished)")
    row(page, 0).get_by_label("Select segment 1").uncheck()
    row(page, 1).get_by_label("Select segment 1").check()
    page.locator("#left").get_by_label("filled with").select_option("neighbouring sound")
    remove.click()
    assert asked(page) == [
        {"name": "edit", "action": "remove", "segments": [[3.0, 3.25]], "fill": "silence"},
        {"name": "edit", "action": "keep", "segments": [[1.0, 2.0], [3.0, 3.25]], "fill": "mean spectrum"},
        {"name": "edit", "action": "remove", "segments": [[1.0, 2.0], [3.0, 3.25]], "fill": "neighbour"},
    ]


@pytest.mark.browser
def test_of_a_single_hearing_the_sound_can_be_edited_and_nothing_held(browser_page: Page, tmp_path: Path) -> None:
    single = dataclasses.replace(make_views(tmp_path)[0], finished=True, expected_rows=1)
    open_players(browser_page, plain_views({"view": single}), files_of(tmp_path), {"left": "view"}, editable=True)
    tool(browser_page, "Edit segments").click()
    drag(browser_page, 0, 2.2, 2.6)
    expect_segments(browser_page, 0, SEGMENTS[0], (2.2, 2.6), SEGMENTS[1])
    expect(tool(browser_page, "Replay these instead")).to_be_hidden()
    expect(row(browser_page, 0).locator(".hold, .editor-note, .held-mark:visible")).to_have_count(0)
    expect(row(browser_page, 0).locator(".editor-title")).to_have_text("Segments to remove or to keep")
    tool(browser_page, "Keep only it").click()
    assert asked(browser_page) == [{"name": "edit", "action": "keep", "segments": [[2.2, 2.6]], "fill": "silence"}]


@pytest.mark.browser
def test_the_fills_are_those_that_sounds_can_be_edited_with(page: Page) -> None:
    from playitback.edits import FILLS

    options = page.locator("#left").get_by_label("filled with").locator("option")
    assert tuple(options.evaluate_all("all => all.map((each) => each.value)")) == FILLS


@pytest.mark.browser
def test_reset_brings_back_what_the_model_chose(page: Page) -> None:
    drag(page, 0, 2.3, 2.7)
    row(page, 1).get_by_label("hold", exact=True).check()
    tool(page, "Edit segments").click()
    expect(page.locator("#left .edit-toggle")).to_have_text("Edit segments (2 held)")
    page.locator("#left .edit-toggle").click()
    tool(page, "Reset").click()
    expect_segments(page, 0, *SEGMENTS)
    expect(page.locator("#left .held-mark:visible")).to_have_count(0)
    for name in ("Replay these instead", "Reset", "Remove from the sound"):
        expect(tool(page, name)).to_be_disabled()


@pytest.mark.browser
def test_a_run_is_edited_when_all_its_hearings_are_there_and_a_new_one_starts_afresh(page: Page) -> None:
    drag(page, 0, 2.3, 2.7)
    page.evaluate("player.update(views.other)")
    expect_segments(page, 0, *SEGMENTS)
    expect(tool(page, "Replay these instead")).to_be_disabled()
    page.evaluate("player.update(views.unfinished)")
    expect(tool(page, "Edit segments")).to_be_disabled()
    expect(page.locator("#left .piece:visible, #left .tools:visible")).to_have_count(0)
    page.evaluate("player.update(views.finished)")
    expect_segments(page, 1, *SEGMENTS)


@pytest.mark.browser
def test_all_keys_are_listed_in_a_dialog(page: Page) -> None:
    dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(dialog).to_be_hidden()
    row(page, 0).locator(".surface").focus()
    page.keyboard.press("?")
    expect(dialog).to_be_visible()
    for key in ("Space", "Shift + ← →", "Alt + ← →", "Delete, Backspace", "N", "?"):
        expect(dialog.get_by_role("rowheader", name=key, exact=True)).to_be_visible()
    page.keyboard.press("n")  # what is behind the dialog takes no keys
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect_segments(page, 0, *SEGMENTS)
    expect(row(page, 0).locator(".surface")).to_be_focused()
    page.locator("#left").get_by_role("button", name="Keyboard shortcuts").click()
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_be_hidden()
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("?")  # from anywhere on the page
    expect(dialog).to_be_visible()


@pytest.fixture(scope="module")
def address(serve: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> str:
    """A page whose player's questions appear as text; the second answer updates the player, the first does not."""
    view = make_views(tmp_path_factory.mktemp("views"))[2]

    def replayed(event: gr.EventData) -> str:
        return json.dumps(event.held)

    def edited(event: gr.EventData) -> tuple[str, Any]:
        return json.dumps([event.action, event.segments, event.fill]), view

    with gr.Blocks() as demo:
        notes = gr.Textbox(label="Notes")
        player = Player(view, editable=True, elem_id="left")
        answer = gr.Textbox(label="Answer", elem_id="answer")
        player.wake_after(player.replay(replayed, None, answer))
        player.edit(edited, None, [answer, player])
        assert notes is not None
    return serve(demo)


@pytest.mark.browser
def test_questions_reach_python_and_buttons_wake_when_the_answer_is_there(browser_page: Page, address: str) -> None:
    browser_page.goto(address)
    tool(browser_page, "Edit segments").click()
    piece(browser_page, 0, 1).press("ArrowRight")
    expect(row(browser_page, 0).get_by_label("hold", exact=True)).to_have_css("appearance", "auto")  # not Gradio's
    replay, answer = tool(browser_page, "Replay these instead"), browser_page.get_by_label("Answer")
    replay.click()
    expect(answer).to_have_value('{"0": [[1.05, 2.05], [3, 3.25]]}')
    expect(replay).to_be_enabled()  # only a text was answered
    drag(browser_page, 1, 2.4, 2.8)
    tool(browser_page, "Keep only it").click()
    expect(answer).to_have_value(json.dumps(["keep", [list(listed(browser_page, 1)[1])], "silence"]))
    expect(replay).to_be_enabled()
    tool(browser_page, "Remove from the sound").click()
    expect(answer).to_have_value(json.dumps(["remove", [list(listed(browser_page, 1)[1])], "silence"]))
    expect(replay).to_be_enabled()  # the same view came again
    expect_segments(browser_page, 0, (1.05, 2.05), SEGMENTS[1])
    browser_page.get_by_label("Notes").click()
    browser_page.keyboard.type("n?")
    expect(browser_page.get_by_label("Notes")).to_have_value("n?")
    expect(browser_page.get_by_role("dialog")).to_be_hidden()
