"""Two runs side by side, through the service: another recording, another model, or both beside the run shown."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tiny import CLIP_SECONDS, RATE, chirp, sounding_clips, tiny_checkpoint, tiny_model

from app.service import CompareService, ExplainService, ExplanationView, Models, Other, Settings
from app.service.compare import ComparisonView
from playitback.errors import AudioError, CheckpointError, SettingsError

PLAYBACKS = 2
LABELS = ("rain", "siren", "engine", "bell")
OTHER_LABELS = ("siren", "dog", "rain")
SHORTER_SECONDS = 1.0


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Models:
    folder = tmp_path_factory.mktemp("checkpoints")
    made = {
        "one": tiny_model(labels=LABELS, playbacks=PLAYBACKS),
        "two": tiny_model(seed=1, labels=OTHER_LABELS, playbacks=1),
        "shorter": tiny_model(labels=LABELS, playbacks=PLAYBACKS, clip_seconds=SHORTER_SECONDS),
    }
    return Models([str(tiny_checkpoint(folder / name, model)) for name, model in made.items()], "cpu")


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """clip.wav and long.wav."""
    folder = tmp_path_factory.mktemp("sounds")
    soundfile.write(folder / "clip.wav", sounding_clips(1)[0].numpy(), RATE)
    soundfile.write(folder / "long.wav", chirp(9.0), RATE)
    return folder


@pytest.fixture(scope="module")
def shown(models: Models, sounds: Path, tmp_path_factory: pytest.TempPathFactory) -> ExplanationView:
    """A finished run of model one, whose files are gone."""
    folder = tmp_path_factory.mktemp("shown")
    *_, view = ExplainService(models).explain(sounds / "clip.wav", Settings("one"), folder)
    for path in folder.iterdir():
        path.unlink()
    return view


def beside(models: Models, shown: ExplanationView, other: Other, folder: Path) -> list[ComparisonView]:
    return list(CompareService(models).beside(shown, other, folder))


def test_the_second_run_comes_hearing_by_hearing_beside_the_whole_first(
    models: Models, sounds: Path, shown: ExplanationView, tmp_path: Path
) -> None:
    views = beside(models, shown, Other("one", sounds / "long.wav", 3.5), tmp_path)
    assert [view.second.hearings for view in views] == [0, 1, 2, 3]
    assert [view.finished for view in views] == [False, False, False, True]
    assert [len(view.comparison.hearings) for view in views] == [0, 1, 2, 3]
    for earlier, later in pairwise(views):
        assert later.first is earlier.first  # what is drawn stays
    assert len({view.second.run_id for view in views}) == 1
    first = views[0].first
    assert first.finished
    assert [(row.title, row.classes) for row in first.player.rows] == [
        (row.title, row.classes) for row in shown.player.rows
    ]
    for row in (*first.player.rows, *views[-1].second.player.rows):
        for path in (row.spectrogram, row.frames_spectrogram, row.tape_audio):
            assert Path(path).is_file()


def test_both_players_share_one_axis_and_one_playhead(
    models: Models, shown: ExplanationView, tmp_path: Path, sounds: Path
) -> None:
    *_, view = beside(models, shown, Other("shorter", sounds / "long.wav"), tmp_path)
    first, second = view.players
    assert (first.clip_seconds, second.clip_seconds) == (CLIP_SECONDS, SHORTER_SECONDS)
    assert first.axis_seconds == second.axis_seconds == CLIP_SECONDS
    assert first.link == second.link == view.link
    assert first.run_id != second.run_id


def test_the_second_run_is_what_its_recording_and_model_give_alone(
    models: Models, sounds: Path, shown: ExplanationView, tmp_path: Path
) -> None:
    *_, view = beside(models, shown, Other("two", sounds / "long.wav", 3.5), tmp_path)
    (tmp_path / "alone").mkdir()
    settings = Settings("two", start_seconds=3.5)
    *_, alone = ExplainService(models).explain(sounds / "long.wav", settings, tmp_path / "alone")
    assert view.second.explanation.to_dict() == alone.explanation.to_dict()
    assert not view.same_clip
    assert view.second.hearings == 2  # as many as its model has
    assert len(view.comparison.hearings) == 2


def test_the_second_run_is_played_back_as_often_as_the_first(models: Models, sounds: Path, tmp_path: Path) -> None:
    for name in ("first", "both"):
        (tmp_path / name).mkdir()
    settings = Settings("one", playbacks=1)
    *_, shown = ExplainService(models).explain(sounds / "clip.wav", settings, tmp_path / "first")
    *_, view = beside(models, shown, Other("shorter"), tmp_path / "both")
    assert view.finished
    assert view.second.hearings == 2


def test_another_model_hears_the_clip_that_is_shown(models: Models, shown: ExplanationView, tmp_path: Path) -> None:
    *_, view = beside(models, shown, Other("two"), tmp_path)
    assert view.same_clip
    np.testing.assert_array_equal(view.second.samples, shown.samples)
    assert view.second.explanation.info == shown.explanation.info
    assert view.second.explanation.model_name == "two"
    assert view.comparison.hearings[1].replayed is not None
    assert {each.label for each in view.comparison.classes} == set(LABELS) & set(OTHER_LABELS)


def test_a_model_with_a_shorter_clip_hears_the_start_of_it(
    models: Models, shown: ExplanationView, tmp_path: Path
) -> None:
    *_, view = beside(models, shown, Other("shorter"), tmp_path)
    np.testing.assert_array_equal(view.second.samples, shown.samples[: round(SHORTER_SECONDS * RATE)])
    assert view.second.explanation.seconds == SHORTER_SECONDS
    assert [each.replayed for each in view.comparison.hearings] == [None] * 3  # of different lengths


def test_a_class_that_the_second_model_does_not_know_is_not_followed_there(
    models: Models, shown: ExplanationView, tmp_path: Path
) -> None:
    asked = replace(shown, settings=replace(shown.settings, asked="engine"))
    *_, view = beside(models, asked, Other("two"), tmp_path)
    assert view.first.settings.asked == "engine"
    assert view.second.settings.asked is None
    (tmp_path / "known").mkdir()
    asked = replace(shown, settings=replace(shown.settings, asked="rain"))
    assert beside(models, asked, Other("two"), tmp_path / "known")[-1].second.settings.asked == "rain"


def test_swapping_exchanges_both_runs_and_what_is_said_of_them(
    models: Models, sounds: Path, shown: ExplanationView, tmp_path: Path
) -> None:
    *_, view = beside(models, shown, Other("one", sounds / "long.wav"), tmp_path)
    swapped = view.swapped
    assert (swapped.first, swapped.second) == (view.second, view.first)
    assert swapped.players == view.players[::-1]
    before, after = view.comparison.hearings[-1], swapped.comparison.hearings[-1]
    assert (after.first_decision, after.second_probability) == (before.second_decision, before.first_probability)
    assert before.replayed is not None
    assert after.replayed is not None
    assert after.replayed.only_first_seconds == pytest.approx(before.replayed.only_second_seconds)
    assert swapped.comparison.classes[0].difference == pytest.approx(-view.comparison.classes[0].difference)


@pytest.mark.parametrize("recording", [None, "clip.wav"])
def test_a_run_is_not_compared_with_itself(
    models: Models, sounds: Path, shown: ExplanationView, tmp_path: Path, recording: str | None
) -> None:
    other = Other("one", None if recording is None else sounds / recording)
    with pytest.raises(SettingsError, match="choose another recording, another model, or both"):
        beside(models, shown, other, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_compared_is_refused_before_anything_is_shown(
    models: Models, sounds: Path, shown: ExplanationView, tmp_path: Path
) -> None:
    service = CompareService(models)
    with pytest.raises(CheckpointError, match="there is no model 'huge'"):
        next(service.beside(shown, Other("huge"), tmp_path))
    with pytest.raises(AudioError, match=r"missing\.wav"):
        next(service.beside(shown, Other("one", sounds / "missing.wav"), tmp_path))
    with pytest.raises(SettingsError, match="starts at 60"):
        next(service.beside(shown, Other("one", sounds / "long.wav", 60.0), tmp_path))
