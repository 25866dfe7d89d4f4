"""The page's questions to a model of a family that hears once: what suits it works, what does not is said."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest
import soundfile
from tiny import CLIP_SECONDS, LABELS, RATE, sounding_clips, tiny_checkpoint, tiny_model, tone
from toy import add_toy, toy_model

from app.service import (
    CompareService,
    ContrastService,
    ContrastView,
    ExamineService,
    ExplainService,
    ExplanationView,
    FolderFile,
    FolderService,
    Models,
    Other,
    PlayItBackError,
    Settings,
    TakeAwayService,
    WhatIfService,
    WindowsService,
    begin_variants,
)
from app.tabs import examine, slots, what_if


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Models]:
    folder = tmp_path_factory.mktemp("checkpoints")
    with pytest.MonkeyPatch.context() as patch:
        add_toy(patch)
        toy = tiny_checkpoint(folder / "toy", toy_model())
        replaying = tiny_checkpoint(folder / "replaying", tiny_model(labels=LABELS, playbacks=1))
        yield Models([str(toy), str(replaying)], "cpu")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clips") / "clip.wav"
    soundfile.write(path, sounding_clips(1)[0].numpy(), RATE)
    return path


@pytest.fixture
def view(models: Models, clip: Path, tmp_path: Path) -> ExplanationView:
    (tmp_path / "run").mkdir()
    *_, explained = ExplainService(models).explain(clip, Settings("toy"), tmp_path / "run")
    return explained


def test_a_run_is_one_hearing_with_one_lane_and_its_segments(view: ExplanationView) -> None:
    (row,) = view.player.rows
    assert view.finished
    assert [lane.name for lane in row.lanes] == ["relevance"]
    assert row.segments
    assert not row.replayed


def test_what_does_not_suit_the_run_is_said(models: Models, view: ExplanationView, clip: Path, tmp_path: Path) -> None:
    (tmp_path / "replaying").mkdir()
    *_, replaying = ExplainService(models).explain(clip, Settings("replaying"), tmp_path / "replaying")
    for tab in (slots, what_if, examine):
        sentence = tab.unsuited(view)
        assert sentence is not None
        assert sentence.endswith(".")
        assert tab.unsuited(replaying) is None


def test_the_relevance_is_that_of_the_class_asked_about(models: Models, clip: Path, tmp_path: Path) -> None:
    found = []
    for number, label in enumerate(LABELS[:2]):
        (tmp_path / str(number)).mkdir()
        *_, view = ExplainService(models).explain(clip, Settings("toy", asked=label), tmp_path / str(number))
        assert view.explanation.asked(0) == label
        found.append(view.explanation.hearings[0].relevance)
    assert abs(found[0] - found[1]).max() > 0


def test_the_sound_can_be_edited_and_held_segments_are_refused(models: Models, view: ExplanationView) -> None:
    service = WhatIfService(models)
    edited = service.edit(begin_variants(view), "remove", [(0.2, 0.8)], "silence")
    assert edited.current.samples[round(0.5 * RATE)] == 0
    with pytest.raises(PlayItBackError, match="held"):
        service.replay(begin_variants(view), {0: [(0.2, 0.8)]})


def test_an_examination_edits_the_sound_and_replays_nothing(models: Models, view: ExplanationView) -> None:
    *_, examined = ExamineService(models).examine(view)
    assert examined.found is not None
    assert examined.found.controls == ()
    assert examined.found.edits
    assert examined.found.orders


def test_two_classes_are_contrasted_by_removing_the_segments(models: Models, view: ExplanationView) -> None:
    *_, contrast = ContrastService(models).contrast(view, LABELS[0], LABELS[1], "silence")
    assert isinstance(contrast, ContrastView)
    assert len(contrast.segments) == len(view.explanation.hearings[0].segments)


def test_it_is_compared_with_a_model_that_replays(models: Models, view: ExplanationView, tmp_path: Path) -> None:
    (tmp_path / "beside").mkdir()
    *_, compared = CompareService(models).beside(view, Other("replaying"), tmp_path / "beside")
    assert [each.index for each in compared.comparison.hearings] == [0]


def test_a_long_recording_and_a_folder_are_heard(models: Models, clip: Path, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "long.wav", tone(2.5 * CLIP_SECONDS), RATE)
    *_, windows = WindowsService(models).listen(tmp_path / "long.wav", "toy")
    assert len(windows.windows) == 3
    *_, folder = FolderService(models).explain([FolderFile(clip, PurePosixPath("clips/clip.wav"))], None, "toy")
    assert folder.hearings == 1
    assert folder.clips[0].replayed == ()


def test_everything_can_be_taken_away(models: Models, view: ExplanationView, tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    taken = TakeAwayService(models).write(view, tmp_path / "taken")
    assert all(path.stat().st_size for path in taken.files.all)
    assert len(taken.files.sounds.segments) == len(view.explanation.hearings[0].segments)
