"""What a run is asked for with, and what the page's parts show of it: of models with playbacks and of those without."""

from __future__ import annotations

from pathlib import Path

import gradio as gr
import pytest
import soundfile
from gradio.blocks import Block
from tiny import CLIP_SECONDS, LABELS, RATE, chirp, sounding_clips, tiny_checkpoint, tiny_model
from toy import add_toy, toy_model

from app import text, welcome
from app.events import Updates
from app.page import build_page
from app.running import Inputs, ShowsRun, status_html
from app.service import ExplainService, ExplanationView, Models, Settings, TakeAwayService
from app.tabs import confidence, listen, playbacks, recorder
from app.tabs.recorder import Recorder

PLAYBACKS = 2
MODELS = ("tiny", "toy")  # the first has playbacks and slots, the second neither


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Models:
    add_toy(monkeypatch)
    made = dict(zip(MODELS, (tiny_model(playbacks=PLAYBACKS), toy_model()), strict=True))
    return Models([str(tiny_checkpoint(tmp_path / name, model)) for name, model in made.items()], "cpu")


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "swelling.wav"
    soundfile.write(path, sounding_clips(1)[0].numpy(), RATE)
    return path


@pytest.fixture
def parts() -> tuple[ShowsRun, ...]:
    """The parts of a page that show a run."""
    with gr.Blocks():
        return playbacks.build(), confidence.build()


@pytest.fixture
def place() -> Recorder:
    with gr.Blocks():
        return recorder.build("recording", "start")


def run(models: Models, clip: Path, checkpoint: str) -> list[ExplanationView]:
    """All views of one."""
    folder = clip.with_name(f"run of {checkpoint}")
    folder.mkdir()
    return list(ExplainService(models).explain(clip, Settings(checkpoint), folder))


def inputs_for(models: Models, checkpoint: str) -> Inputs:
    with gr.Blocks():
        return listen.build(models, models.model(checkpoint), []).inputs


def is_shown(updates: Updates, component: Block) -> bool:
    return bool(updates[component]["visible"])


@pytest.mark.parametrize("checkpoint", MODELS)
def test_a_part_shows_all_of_every_view_and_leaves_nothing_of_it(
    models: Models, clip: Path, parts: tuple[ShowsRun, ...], checkpoint: str
) -> None:
    views = run(models, clip, checkpoint)
    assert views[-1].finished
    for part in parts:
        for view in views:
            assert set(part.updates(view)) == set(part.nothing()) == set(part.components)
            assert not is_shown(part.updates(view), part.hint)
        assert is_shown(part.nothing(), part.hint)


def test_of_an_example_the_hint_says_that_it_is_one(models: Models, clip: Path, parts: tuple[ShowsRun, ...]) -> None:
    view = run(models, clip, "tiny")[-1]
    shown = welcome.updates(parts, view)
    assert set(shown) == {component for part in parts for component in part.components}
    for part in parts:
        assert is_shown(shown, part.hint)
        assert shown[part.hint]["value"] == welcome.note_html(view)


def test_a_run_of_one_hearing_is_told_as_one(models: Models, clip: Path) -> None:
    *before, last = run(models, clip, "toy")
    assert [view.hearings for view in (*before, last)] == [0, 1]
    assert "First hearing … (hearing 1 of 1)" in status_html(before[0])
    assert f"The model hears {last.decisions[0]}, " in status_html(last)
    assert not last.replays
    assert not last.has_slots


def test_all_of_a_run_of_one_hearing_can_be_taken_away(models: Models, clip: Path, tmp_path: Path) -> None:
    view = run(models, clip, "toy")[-1]
    taken = TakeAwayService(models).write(view, tmp_path)
    assert [path.name for path in taken.files.sounds.tapes] == ["hearing-0-as-heard.wav"]
    assert len(taken.files.sounds.segments) == len(view.explanation.hearings[0].segments) > 0
    assert taken.archive.is_file()


def test_a_model_can_be_the_one_whose_example_greets_visitors_although_it_plays_nothing_back(
    models: Models, clip: Path, tmp_path: Path
) -> None:
    alone = Models([str(tmp_path / "toy")], "cpu")
    assert welcome.Example(alone, clip).explained().finished
    assert build_page(alone, [], clip).blocks


def test_playbacks_can_be_chosen_up_to_those_of_the_model(models: Models) -> None:
    slider = inputs_for(models, "tiny").playbacks
    assert (slider.minimum, slider.maximum, slider.value) == (0, PLAYBACKS, PLAYBACKS)
    assert slider.interactive
    assert slider.info == text.PLAYBACKS_INFO


def test_of_a_model_without_playbacks_none_can_be_chosen_and_the_page_says_why(models: Models) -> None:
    slider = inputs_for(models, "toy").playbacks
    assert slider.value == 0
    assert not slider.interactive
    assert slider.info == "The model toy hears a clip once and plays nothing back."


def test_another_model_changes_what_can_be_asked_for(models: Models) -> None:
    inputs = inputs_for(models, "tiny")
    for name, playbacks_there in zip(MODELS, (PLAYBACKS, 0), strict=True):
        changed = listen.model_updates(inputs, models.model(name))
        count, classes = changed[inputs.playbacks], changed[inputs.asked]
        assert (count["value"], count["interactive"]) == (playbacks_there, playbacks_there > 0)
        assert [value for _, value in classes["choices"]] == ["", *sorted(LABELS)]


def test_a_recording_is_told_of_before_anything_is_asked(
    models: Models, clip: Path, tmp_path: Path, place: Recorder
) -> None:
    long = tmp_path / "long.wav"
    soundfile.write(long, chirp(3 * CLIP_SECONDS), RATE)
    service = ExplainService(models)
    status = gr.HTML(render=False)
    for path, choice in ((None, False), (clip, False), (long, True), (tmp_path / "missing.wav", False)):
        told = recorder.describe(service, place, status, None if path is None else str(path), "tiny")
        assert set(told) == {*place.told, status}
        assert is_shown(told, place.start) == is_shown(told, place.overview) == choice
    assert "missing.wav" in told[status]
    assert told[place.described] is None


def test_a_clip_that_starts_late_keeps_its_start(models: Models, tmp_path: Path, place: Recorder) -> None:
    long = tmp_path / "long.wav"
    soundfile.write(long, chirp(3 * CLIP_SECONDS), RATE)
    described = ExplainService(models).describe(long, "tiny")
    start = place.updates(described, 5.5)[place.start]
    assert (start["value"], start["maximum"]) == (5.5, 5.5)  # half a second of it, and silence
