"""The page's API, asked by gradio_client over a real server, and how the page is served."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from tiny import CLIP_SECONDS, RATE, chirp, tiny_checkpoint, tiny_model

from app import page, text
from app.events import FOLDER_PREFIX
from app.service import Models
from playitback.report import words

PLAYBACKS = 2
LABELS = ("church_bells", "rain", "siren")
SECRET = "a detail that is no visitor's business"

SMALL_LIMIT_MEGABYTES = 8


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where everything lies that the page writes during these tests."""
    folder = tmp_path_factory.mktemp("page")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(folder / "cache"))
        (folder / "temporary").mkdir()
        patch.setattr(tempfile, "tempdir", str(folder / "temporary"))
        yield folder


@pytest.fixture(scope="module")
def folders_during_runs() -> list[list[Path]]:
    """For every run so far, the runs' own folders that there were while it ran."""
    return []


@pytest.fixture(scope="module")
def address(folder: Path, folders_during_runs: list[list[Path]], serve: Callable[..., str]) -> str:
    """A page whose model breaks on request: when it is to hear a constant sound."""

    def breaking(hear: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
        def wrapped(name: str, work: Any, arguments: tuple[Any, ...]) -> Iterator[Any]:
            folders_during_runs.append(list((folder / "temporary").glob(f"{FOLDER_PREFIX}*")))
            if np.ptp(arguments[0]) < 0.01:
                raise RuntimeError(SECRET)
            yield from hear(name, work, arguments)

        return wrapped

    checkpoint = tiny_checkpoint(folder / "tiny", tiny_model(labels=LABELS, playbacks=PLAYBACKS))
    models = Models([str(checkpoint)], "cpu", breaking)
    settings = page.launch_settings()
    assert settings["max_file_size"] == page.LARGEST_UPLOAD
    settings["max_file_size"] = f"{SMALL_LIMIT_MEGABYTES}mb"  # so that a test need not send hours of sound
    return serve(page.build_page(models, []), **settings)


@pytest.fixture(scope="module")
def client(folder: Path, address: str) -> Client:
    return Client(address, verbose=False, download_files=folder / "downloads")


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "chirp.wav"
    soundfile.write(path, chirp(CLIP_SECONDS), RATE)
    return path


def test_a_path_goes_in_and_the_explanation_comes_out_without_files(client: Client, clip: Path) -> None:
    asked, told = {"playbacks": 1, "api_name": "/explain"}, []
    for files in (False, True):
        explanation, *rest = client.predict(handle_file(clip), files=files, **asked)
        told.append(explanation)
        assert all(rest) if files else rest == [None, [], []]
    assert told[0] == told[1]


def test_its_files_come_with_it_where_they_are_asked_for(client: Client, clip: Path) -> None:
    explanation, file, segments, tapes = client.predict(handle_file(clip), files=True, api_name="/explain")
    assert explanation["clip"]["name"] == "chirp.wav"
    assert explanation["model"]["name"] == "tiny"
    hearings = explanation["hearings"]
    assert len(hearings) == len(tapes) == PLAYBACKS + 1
    for each in hearings:
        assert list(each["probabilities"]) == list(LABELS)
        assert sum(each["probabilities"].values()) == pytest.approx(1.0, abs=1e-5)
        assert len(each["relevance"]) == len(each["seconds"])
        assert [lane["name"] for lane in each["lanes"]] == ["informative", "uninformative"]
        assert each["asked"] == each["decision"]
    assert json.loads(Path(file).read_text(encoding="utf-8")) == explanation
    assert [Path(tape).name for tape in tapes] == [f"hearing-{index}-as-heard.wav" for index in range(PLAYBACKS + 1)]
    stretches = [segment for each in hearings for segment in each["segments"]]
    assert len(segments) == len(stretches) > 0
    for path, stretch in zip(segments, stretches, strict=True):
        seconds = stretch["end_seconds"] - stretch["start_seconds"]
        assert soundfile.info(path).duration == pytest.approx(seconds, abs=2 / RATE)


def test_the_same_clip_is_explained_the_same_twice(client: Client, clip: Path) -> None:
    first, second = (client.predict(handle_file(clip), playbacks=1, api_name="/explain")[0] for _ in range(2))
    assert first == second


def test_playbacks_and_the_start_in_a_long_recording_can_be_chosen(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "long.ogg"
    soundfile.write(path, chirp(30), RATE)
    explanation, *_ = client.predict(handle_file(path), playbacks=1, start_seconds=12.5, api_name="/explain")
    assert len(explanation["hearings"]) == 2
    assert explanation["clip"]["seconds"] == pytest.approx(30)
    assert explanation["clip"]["start_seconds"] == 12.5
    assert explanation["clip"]["explained_seconds"] == CLIP_SECONDS
    assert any("30.00 s long" in note for note in explanation["notes"])


def test_the_models_can_be_listed(client: Client) -> None:
    listed = client.predict(api_name="/models")
    assert listed == [
        {
            "name": "tiny",
            "family": "replay",
            "labels": list(LABELS),
            "broader": {},
            "playbacks": PLAYBACKS,
            "clip_seconds": CLIP_SECONDS,
            "sample_rate": RATE,
        },
    ]


def test_only_what_is_documented_is_offered_to_programs(client: Client) -> None:
    endpoints = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    assert sorted(name.removeprefix("/") for name in endpoints) == sorted(text.API_ENDPOINTS)
    explain = endpoints["/explain"]
    assert [each["parameter_name"] for each in explain["parameters"]] == [
        "recording",
        "model",
        "playbacks",
        "start_seconds",
        "class_name",
        "passages",
        "files",
        "channel",
        "lanes",
        "check",
    ]
    assert [each["label"] for each in explain["returns"]] == ["explanation", "explanation_file", "segments", "tapes"]
    for name, endpoint in endpoints.items():
        assert all(each["parameter_has_default"] for each in endpoint["parameters"][1:])
        assert endpoint["description"] == text.API_ENDPOINTS[name.removeprefix("/")]


def test_a_class_can_be_asked_for(client: Client, clip: Path) -> None:
    explanation, *_ = client.predict(handle_file(clip), class_name="siren", api_name="/explain")
    assert [each["asked"] for each in explanation["hearings"]] == ["siren"] * (PLAYBACKS + 1)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"playbacks": 7}, "tiny plays back 0 to 2 times, not 7; choose one of those"),
        ({"start_seconds": 99}, "the window starts at 99 s"),
        ({"start_seconds": -1}, "give a number from 0 on"),
        ({"model": "huge"}, "there is no model 'huge'; there are: tiny"),
        ({"channel": 2}, "channel 2 is asked for, but chirp.wav has one channel; choose 1, or none, to mix them"),
        ({"channel": -1}, "channel -1 is asked for"),
        ({"class_name": "dragon"}, "tiny knows no class 'dragon'"),
    ],
)
def test_settings_out_of_range_are_refused_in_one_sentence(
    client: Client, clip: Path, settings: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(AppError, match=sentence):
        client.predict(handle_file(clip), **settings, api_name="/explain")


def test_bad_recordings_are_refused_in_one_sentence_and_the_page_goes_on(
    client: Client, clip: Path, tmp_path: Path
) -> None:
    words, empty, short = tmp_path / "words.wav", tmp_path / "empty.wav", tmp_path / "short.wav"
    words.write_text("no sound at all")
    soundfile.write(short, chirp(0.05), RATE)
    soundfile.write(empty, np.zeros(0), RATE)
    for path, sentence in (
        (words, r"^words\.wav is not a sound file"),
        (empty, r"^empty\.wav is a sound file with zero samples"),
        (short, r"^short\.wav is 0\.050 s long"),
    ):
        with pytest.raises(AppError, match=sentence):
            client.predict(handle_file(path), api_name="/explain")
    with pytest.raises(AppError, match="Upload or record a sound first"):
        client.predict(None, api_name="/explain")
    assert client.predict(handle_file(clip), playbacks=0, api_name="/explain")[0]["hearings"]


def test_a_defect_of_ours_is_logged_and_admitted_but_not_shown(
    client: Client, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "constant.wav"
    soundfile.write(path, np.full(RATE, 0.25), RATE)
    with caplog.at_level(logging.ERROR, logger="app.page"), pytest.raises(AppError) as raised:
        client.predict(handle_file(path), api_name="/explain")
    assert str(raised.value) == text.UNEXPECTED
    (record,) = caplog.records
    assert record.exc_info
    assert record.exc_info[1] is not None
    assert str(record.exc_info[1]) == SECRET


def test_uploads_over_the_limit_are_refused(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "huge.wav"
    with path.open("wb") as file:
        file.truncate(SMALL_LIMIT_MEGABYTES * 1024 * 1024 + 2**20)
    with pytest.raises(Exception, match=r"413|[Ss]ize|exceed"):
        client.predict(handle_file(path), api_name="/explain")


def test_a_runs_own_files_go_when_it_ends(
    client: Client, clip: Path, folders_during_runs: list[list[Path]], folder: Path
) -> None:
    client.predict(handle_file(clip), playbacks=0, api_name="/take_away")
    assert len(folders_during_runs[-1]) == 1
    assert list((folder / "temporary").glob(f"{FOLDER_PREFIX}*")) == []


def test_the_page_reports_nothing_keeps_no_history_and_deletes_its_files(client: Client, address: str) -> None:
    with urllib.request.urlopen(f"{address}config") as response:
        config = json.load(response)
    assert config["analytics_enabled"] is False
    assert config["run_history"] is False
    assert config["title"] == text.TITLE
    assert page.HOURS_KEPT > 1  # a second run on the same recording must still find it


def plain(sentence: str) -> str:
    """With ordinary spaces, to be read in a test; no line may end between a number and its unit on the page."""
    return sentence.replace(words.NBSP, " ")


def test_sentences_carry_numbers_with_units() -> None:
    first = words.hearing_sentence(0, "clock_tick", 0.414, None, None, 0.0, 0.02)
    assert plain(first) == "At the first hearing, at a hop of 20 ms, the model says clock tick (41 %)."
    second = words.hearing_sentence(1, "rain", 0.62, 0.21, "clock_tick", 1.4, 0.00667)
    assert plain(second) == (
        "Playback 1 heard 1.4 s again at a hop of 6.67 ms. The model now says rain (62 %, +21 points), "
        "no longer clock tick."
    )
    third = words.hearing_sentence(2, "rain", 0.61, -0.01, "rain", 0.0, 0.005)
    assert plain(third) == (
        "Nothing was chosen to be heard again before playback 2. The model still says rain (61 %, −1 point)."
    )
    shares = (0.0, 0.001, 0.5, 0.999, 1.0)
    assert [plain(words.percent(share)) for share in shares] == ["0 %", "<1 %", "50 %", ">99 %", "100 %"]
    assert plain(words.recording_facts(95.5, 44_100, 2, "MP3")) == "1 min 36 s · 44.1 kHz · stereo · MP3"
    assert "rain (62\N{NO-BREAK SPACE}%" in second


def test_the_conclusion_says_when_the_model_changed_its_mind() -> None:
    assert plain(words.conclusion(("rain",), 0.5)) == "The model hears rain, 50 %."
    assert plain(words.conclusion(("rain", "rain"), 0.5)) == (
        "The model hears rain, 50 %; it did from the first hearing on."
    )
    assert plain(words.conclusion(("rain", "siren", "siren", "engine"), 0.5)) == (
        "The model hears engine, 50 %. It changed its mind at playbacks 1 and 3; first it heard rain."
    )


def test_a_wrong_checkpoint_ends_the_program_with_one_sentence() -> None:
    ended = subprocess.run(
        [sys.executable, "app.py", "--checkpoint", "nowhere"],
        cwd=Path(page.__file__).parent.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2
    (sentence,) = ended.stderr.splitlines()
    assert sentence.startswith("there is no checkpoint 'nowhere'")


def test_a_class_is_found_by_the_broader_ones_that_it_is_among() -> None:
    assert words.class_within("Bark", ("Animal", "Domestic animals, pets")) == "Bark · Animal; Domestic animals, pets"
    assert words.class_within("door_wood_knock", ()) == "door wood knock"
