"""A folder of clips through the service: a row a clip, their classes from folders or a table, and a summary of all."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest
import soundfile
from tiny import CLIP_SECONDS, RATE, chirp, lively_model, noise, sounding_clips, tiny_checkpoint, tiny_model

from app import text
from app.service import ClipSummary, ExplainService, FolderFile, FolderService, FolderView, Models, Settings
from app.service.folder import write_events, write_table
from app.tabs import folder as folder_tab
from playitback.errors import AudioError, DataSetError, SettingsError

PLAYBACKS = 2
LABELS = ("rain", "siren", "engine")
PLACES = ("set/siren/one.wav", "set/siren/two.wav", "set/rain/one.wav", "set/nameless/long.flac")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Models:
    folder = tmp_path_factory.mktemp("checkpoints") / "tiny"
    return Models([str(tiny_checkpoint(folder, tiny_model(labels=LABELS, playbacks=PLAYBACKS)))], "cpu")


@pytest.fixture(scope="module")
def service(models: Models) -> FolderService:
    return FolderService(models)


@pytest.fixture(scope="module")
def uploads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where uploads lie: each in a folder of its own whose name says nothing."""
    folder = tmp_path_factory.mktemp("uploads")
    sounds = [*(clip.numpy() for clip in sounding_clips(2)), noise(CLIP_SECONDS), chirp(9.0)]
    for number, (place, samples) in enumerate(zip(PLACES, sounds, strict=True)):
        path = folder / f"{number:x}e5" / Path(place).name
        path.parent.mkdir()
        soundfile.write(path, samples, RATE)
    return folder


@pytest.fixture(scope="module")
def files(uploads: Path) -> list[FolderFile]:
    return [
        FolderFile(uploads / f"{number:x}e5" / Path(place).name, PurePosixPath(place))
        for number, place in enumerate(PLACES)
    ]


@pytest.fixture(scope="module")
def views(service: FolderService, files: list[FolderFile]) -> tuple[FolderView, ...]:
    return tuple(service.explain(files, None, "tiny"))


def written(folder: Path, *rows: str, name: str = "labels.csv") -> Path:
    path = folder / name
    path.write_text("\n".join(("path,label", *rows)) + "\n", encoding="utf-8")
    return path


def labels(view: FolderView) -> dict[str, str | None]:
    return {str(clip.path): clip.label for clip in view.clips}


def test_clips_come_one_after_the_other_in_the_order_of_their_places(views: tuple[FolderView, ...]) -> None:
    assert [view.done for view in views] == [0, 1, 2, 3, 4]
    assert [view.finished for view in views] == [False, False, False, False, True]
    assert [str(clip.path) for clip in views[-1].clips] == sorted(PLACES)
    assert views[0].seconds_left is None
    assert all((view.seconds_left or 0) > 0 for view in views[1:-1])
    assert views[-1].seconds_left == 0


def test_a_row_says_what_the_explanation_of_its_clip_says(
    views: tuple[FolderView, ...], models: Models, tmp_path: Path
) -> None:
    view = views[-1]
    for clip, path in zip(view.clips, view.files, strict=True):
        folder = tmp_path / path.parent.name
        folder.mkdir()
        *_, alone = ExplainService(models).explain(path, Settings("tiny"), folder)
        assert clip.decisions == alone.decisions
        assert path.name == clip.name
        assert clip.probabilities[-1] == pytest.approx(alone.explanation.probability(-1, clip.decisions[-1]), abs=1e-5)
        assert (clip.replayed_seconds > 0) == any(row.replayed for row in alone.player.rows)
    assert view.hearings == PLAYBACKS + 1


def test_the_folder_that_a_clip_lies_in_names_its_class_if_the_model_knows_it(views: tuple[FolderView, ...]) -> None:
    assert labels(views[-1]) == {
        "set/siren/one.wav": "siren",
        "set/siren/two.wav": "siren",
        "set/rain/one.wav": "rain",
        "set/nameless/long.flac": None,
    }
    assert views[-1].labelled
    assert sum(views[-1].summary.confusion_last.ravel()) == 3


@pytest.mark.parametrize("folder", ["", "set/"])
def test_a_table_names_the_classes_by_paths_in_the_folder(
    service: FolderService, files: list[FolderFile], tmp_path: Path, folder: str
) -> None:
    table = written(tmp_path, f"{folder}siren/one.wav,engine", f"{folder}nameless/long.flac,rain")
    *_, view = service.explain(files, table, "tiny", 0)
    assert labels(view) == {
        "set/siren/one.wav": "engine",
        "set/siren/two.wav": None,
        "set/rain/one.wav": None,
        "set/nameless/long.flac": "rain",
    }


def test_a_table_that_tells_of_no_clip_or_of_unknown_classes_is_refused_by_its_name(
    service: FolderService, files: list[FolderFile], tmp_path: Path
) -> None:
    with pytest.raises(DataSetError, match=r"labels\.csv lists none of these 4 recordings; .* such as set/nameless"):
        next(service.explain(files, written(tmp_path, "elsewhere.wav,rain"), "tiny"))
    with pytest.raises(DataSetError, match=r"labels\.csv does not list this recording; "):
        next(service.explain(files[:1], written(tmp_path, "elsewhere.wav,rain"), "tiny"))
    with pytest.raises(DataSetError, match=r"labels\.csv, line 2: .*'dragon'") as raised:
        next(service.explain(files, written(tmp_path, "siren/one.wav,dragon"), "tiny"))
    assert str(tmp_path) not in str(raised.value)  # where uploads lie is no visitor's business


def test_a_file_that_cannot_be_read_is_left_out_and_told(
    service: FolderService, files: list[FolderFile], tmp_path: Path
) -> None:
    broken = tmp_path / "broken.wav"
    broken.write_text("no sound")
    *_, view = service.explain([FolderFile(broken, PurePosixPath("set/broken.wav")), *files[:1]], None, "tiny", 0)
    assert view.finished
    assert [str(clip.path) for clip in view.clips] == ["set/siren/one.wav"]
    (sentence,) = view.left_out
    assert sentence.startswith("set/broken.wav: broken.wav is not a sound file")


def test_what_is_no_sound_or_hidden_is_not_counted(
    service: FolderService, files: list[FolderFile], tmp_path: Path
) -> None:
    notes, hidden = tmp_path / "notes.txt", tmp_path / "x.wav"
    notes.write_text("notes")
    shutil.copy(files[0].path, hidden)
    others = [FolderFile(notes, PurePosixPath("set/notes.txt")), FolderFile(hidden, PurePosixPath("set/.old/x.wav"))]
    assert next(service.explain([*others, *files], None, "tiny")).expected_clips == len(files)
    with pytest.raises(AudioError, match="there are no recordings among these files"):
        next(service.explain(others, None, "tiny"))


def test_settings_are_checked_before_the_first_clip(service: FolderService, files: list[FolderFile]) -> None:
    with pytest.raises(SettingsError, match="tiny plays back 0 to 2 times, not 9"):
        next(service.explain(files, None, "tiny", 9))


def test_the_table_to_take_away_names_clips_by_their_places(views: tuple[FolderView, ...], tmp_path: Path) -> None:
    with write_table(views[-1], tmp_path).open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    assert [row["path"] for row in rows] == sorted(PLACES)
    assert [row["class_2"] for row in rows] == [clip.decisions[-1] for clip in views[-1].clips]


def test_events_of_clips_are_in_the_table_and_in_a_file(
    tmp_path_factory: pytest.TempPathFactory, files: list[FolderFile], views: tuple[FolderView, ...], tmp_path: Path
) -> None:
    checkpoint = tiny_checkpoint(tmp_path_factory.mktemp("checkpoints") / "lively", lively_model(always=1))
    *_, view = FolderService(Models([str(checkpoint)], "cpu")).explain(files, None, "lively", 0)
    assert view.has_events
    table = folder_tab.table_update(view)["value"]
    assert table["headers"][-1] == "events"
    assert all(row[-1].startswith("rain 0.0–") for row in table["data"])
    events = write_events(view, tmp_path)
    assert events is not None
    assert len(events.read_text(encoding="utf-8").splitlines()) == 1 + len(view.clips)
    assert write_events(views[-1], tmp_path) is None


def test_a_cell_names_the_longest_events() -> None:
    events = [("big_dog", 0.0, 1.0), ("rain", 1.0, 1.2), ("bell", 1.5, 2.0), ("bell", 3.0, 4.5)]
    assert text.folder_events(events) == "big dog 0.0–1.0 s, bell 1.5–2.0 s, bell 3.0–4.5 s and 1 more"
    assert text.folder_events(events[:1]) == "big dog 0.0–1.0 s"
    assert text.folder_events([]) == ""


@pytest.mark.parametrize(
    ("decisions", "outcome"),
    [
        (("rain", "rain"), "right"),
        (("siren", "engine"), "wrong"),
        (("siren", "rain"), "rescued"),
        (("rain", "siren"), "spoilt"),
        (("rain",), "right"),
    ],
)
def test_the_outcome_says_what_replay_did_to_the_decision(decisions: Sequence[str], outcome: str) -> None:
    clip = ClipSummary(Path("a.wav"), "a.wav", "rain", tuple(decisions), (0.5,) * len(decisions), (), 5.0)
    assert folder_tab.outcome(clip) == outcome
    assert folder_tab.outcome(replace(clip, label=None)) == ""


def test_the_table_of_the_page_has_a_column_a_hearing_and_tells_classes_only_where_one_is_known(
    views: tuple[FolderView, ...], service: FolderService, files: list[FolderFile]
) -> None:
    update = folder_tab.table_update(views[-1])
    heads, rows = update["value"]["headers"], update["value"]["data"]
    assert heads == [
        *("clip", "class", "decision", "outcome", "at first, %", "after 1, %", "after 2, %", "replayed, s"),
        "changed at",
    ]
    assert all(len(row) == len(heads) for row in rows)
    assert [row[1] for row in rows] == ["", "rain", "siren", "siren"]
    assert update["datatype"].count("number") == 4
    *_, nameless = service.explain(files[3:], None, "tiny", 0)
    assert folder_tab.table_update(nameless)["value"]["headers"] == [
        *("clip", "decision", "at first, %")  # nothing is replayed, so nothing changes
    ]
