"""What tabs say of a run that they do not suit, in whole or in part."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path, PurePosixPath

import gradio as gr
import pytest
import soundfile
from tiny import LABELS, RATE, sounding_clips, tiny_checkpoint, tiny_model
from toy import add_toy, toy_model

from app import text
from app.service import ExplainService, ExplanationView, FolderFile, FolderService, Models, Settings
from app.tabs import contrast, examine, folder, slots, what_if

Explain = Callable[..., ExplanationView]

#: name of a toy -> the classes that it knows
TOYS = {"toy": LABELS, "lonely": LABELS[:1]}


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Models:
    """One that replays and has slots, one that hears once and has none, and one like that of a single class."""
    add_toy(monkeypatch)
    tiny = tiny_checkpoint(tmp_path / "tiny", tiny_model(playbacks=2))
    toys = [tiny_checkpoint(tmp_path / name, toy_model(labels=labels)) for name, labels in TOYS.items()]
    return Models([str(each) for each in (tiny, *toys)], "cpu")


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / LABELS[0] / "clip.wav"
    path.parent.mkdir()
    soundfile.write(path, sounding_clips(1)[0].numpy(), RATE)
    return path


@pytest.fixture
def explain(models: Models, clip: Path, tmp_path: Path) -> Explain:
    def run(checkpoint: str, playbacks: int | None = None) -> ExplanationView:
        drawn = tmp_path / f"drawn-{checkpoint}-{playbacks}"
        drawn.mkdir()
        *_, view = ExplainService(models).explain(clip, Settings(checkpoint, playbacks), drawn)
        return view

    return run


def unsuited(view: ExplanationView) -> list[str | None]:
    return [tab.unsuited(view) for tab in (slots, what_if, examine, contrast)]


def test_a_run_with_playbacks_and_slots_suits_all_tabs(explain: Explain) -> None:
    assert unsuited(explain("tiny")) == [None, None, None, None]


def test_a_run_without_playbacks_says_so_where_other_moments_would_be_replayed(explain: Explain) -> None:
    assert unsuited(explain("tiny", 0)) == [None, text.NOTHING_TO_HOLD, text.NOTHING_REPLAYED, None]


def test_a_model_without_slots_says_so_where_they_would_be_shown(explain: Explain) -> None:
    assert unsuited(explain("toy"))[0] == text.no_attention("toy") == "The model toy has no attention to look into."


def test_a_model_of_one_class_has_no_two_to_contrast(explain: Explain) -> None:
    assert unsuited(explain("lonely"))[3] == text.one_class("lonely")


def test_a_folder_heard_once_is_not_told_what_replay_did(models: Models, clip: Path) -> None:
    *_, view = FolderService(models).explain([FolderFile(clip, PurePosixPath(LABELS[0], clip.name))], None, "toy")
    with gr.Blocks():
        parts = folder.build(1)
    changed = folder.summary_updates(parts, view)
    assert parts.moments not in changed
    assert text.ACCURACY_OF_ONE_TITLE in changed[parts.accuracy]
    for word in (text.RESCUED, text.SPOILT):
        assert word not in changed[parts.accuracy]
    assert text.FOLDER_REPLAYED not in folder.table_update(view)["headers"]
