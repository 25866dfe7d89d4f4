"""What programs can ask of a running page: what if, examine, contrast, compare, take away."""

from __future__ import annotations

import json
import urllib.request
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import soundfile
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from shell import Run
from tiny import CLIP_SECONDS, RATE, chirp, lively_model, noise, sounding_clips, tiny_checkpoint, tiny_model

from app import page
from app.service import Models

PLAYBACKS = 2
LABELS = ("church_bells", "rain", "siren", "engine", "clock_tick", "wind")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of the checkpoints; "once" has no playbacks, "lively" has activity."""
    folder = tmp_path_factory.mktemp("checkpoints")
    for name, seed, playbacks in (("one", 0, PLAYBACKS), ("two", 1, PLAYBACKS), ("once", 2, 0)):
        tiny_checkpoint(folder / name, tiny_model(seed=seed, labels=LABELS, playbacks=playbacks))
    tiny_checkpoint(folder / "lively", lively_model(labels=LABELS, playbacks=PLAYBACKS))
    return folder


@pytest.fixture(scope="module")
def address(folder: Path, serve: Callable[..., str]) -> str:
    models = Models([str(folder / name) for name in ("one", "two", "once", "lively")], "cpu")
    return serve(page.build_page(models, []), **page.launch_settings())


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory, address: str) -> Client:
    return Client(address, verbose=False, download_files=tmp_path_factory.mktemp("downloads"))


@pytest.fixture
def clip(tmp_path: Path) -> Any:
    path = tmp_path / "chirp.wav"
    soundfile.write(path, chirp(CLIP_SECONDS), RATE)
    return handle_file(path)


def test_held_segments_are_what_the_next_hearing_replays(client: Client, clip: Any) -> None:
    answer, _ = client.predict(clip, held={"0": [[0.25, 0.75]]}, api_name="/what_if")
    assert answer["variant"]["hearings"][1]["replayed"] == [{"start_seconds": 0.25, "end_seconds": 0.75}]
    assert answer["original"]["hearings"][1]["replayed"] != answer["variant"]["hearings"][1]["replayed"]
    assert answer["original"]["hearings"][0]["probabilities"] == answer["variant"]["hearings"][0]["probabilities"]
    assert answer["difference"]["first_hearing"] == 1
    assert answer["difference"]["label"] in LABELS


def test_segments_of_an_explanation_can_be_removed_as_they_stand_there(client: Client, clip: Any) -> None:
    explanation, *_ = client.predict(clip, api_name="/explain")
    chosen = explanation["hearings"][0]["segments"]
    edits = [{"action": "remove", "segments": chosen, "fill": "silence"}]
    answer, sound = client.predict(clip, edits=edits, class_name="rain", api_name="/what_if")
    samples, rate = soundfile.read(sound)
    assert rate == RATE
    for segment in chosen:
        middle = round((segment["start_seconds"] + segment["end_seconds"]) / 2 * RATE)
        assert not samples[middle - 80 : middle + 80].any()
    assert answer["difference"]["label"] == "rain"
    assert answer["difference"]["first_hearing"] == 0  # another sound is heard otherwise from the first hearing on


@pytest.mark.parametrize(
    ("question", "sentence"),
    [
        ({"held": {"0": [[1.5, 1.0]]}}, "it must end after it starts"),
        ({"held": {"7": [[0.5, 1.0]]}}, "segments were held for playback 8, but there are 2"),
        ({"held": [1, 2]}, "held must be an object"),
        ({"edits": [{"action": "remove"}]}, "edits a list of objects"),
        ({"edits": [{"action": "sing", "segments": [[0, 1]]}]}, "there is no edit 'sing'"),
        ({"class_name": "dragon"}, "knows no class 'dragon'"),
    ],
)
def test_a_bad_question_is_refused_in_one_sentence(
    client: Client, clip: Any, question: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(AppError, match=sentence):
        client.predict(clip, **question, api_name="/what_if")


def test_an_explanation_is_examined_beside_what_it_must_beat(client: Client, clip: Any) -> None:
    found = client.predict(clip, class_name="siren", api_name="/examine")
    assert found["label"] == "siren"
    assert len(found["drawn"]) == 20
    assert {"chosen", "random", "loudest", "least attended", "no replay"} <= {
        each["name"] for each in found["controls"]
    }
    assert found["sentence"].endswith(".")


def test_two_classes_are_contrasted_as_the_command_does(client: Client, clip: Any, run: Run, folder: Path) -> None:
    asked = {"class_name": "siren", "second_class": "rain", "fill": "noise", "playbacks": 1}
    found = client.predict(clip, **asked, api_name="/contrast")
    assert (found["first_label"], found["second_label"], found["fill"]) == ("siren", "rain", "noise")
    assert len(found["log_odds"]) == 2
    assert found["segments"]
    options = ("--class", "siren", "--against", "rain", "--fill", "noise", "--playbacks", 1, "--json")
    status, told, _ = run("contrast", clip["path"], "--checkpoint", folder / "one", "--device", "cpu", *options)
    assert status == 0
    assert json.loads(told) == found


def test_a_long_recording_is_told_as_the_command_does(client: Client, run: Run, folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    soundfile.write(path, sounding_clips(4).numpy().ravel(), RATE)
    options = ("--playbacks", 1, "--hop", 1.5, "--out", tmp_path / "out", "--device", "cpu", "--json")
    for name in ("one", "lively"):
        asked = {"model": name, "hop_seconds": 1.5, "playbacks": 1}
        found = client.predict(handle_file(path), **asked, api_name="/windows")
        status, told, _ = run("windows", path, "--checkpoint", folder / name, *options)
        assert status == 0
        wanted = json.loads(told)
        assert wanted["recording"].pop("path") == str(path)
        assert found == wanted
        assert (found["events"] is None) == (name == "one")
    with pytest.raises(AppError, match=r"hop_seconds is .*; give 0\.1 or more"):
        client.predict(handle_file(path), hop_seconds=0, api_name="/windows")


def test_without_classes_the_decision_is_contrasted_with_the_next_probable_class(client: Client, clip: Any) -> None:
    last = client.predict(clip, playbacks=0, api_name="/explain")[0]["hearings"][-1]
    ranking = sorted(last["probabilities"], key=lambda label: -last["probabilities"][label])
    found = client.predict(clip, playbacks=0, api_name="/contrast")
    assert [found["first_label"], found["second_label"]] == ranking[:2]
    with pytest.raises(AppError, match="'siren' was given twice; choose two classes"):
        client.predict(clip, class_name="siren", second_class="siren", api_name="/contrast")


def test_a_model_is_played_back_as_often_as_it_can_where_nothing_else_is_said(client: Client, clip: Any) -> None:
    for name, playbacks in (("one", PLAYBACKS), ("once", 0)):
        explanation, *_ = client.predict(clip, model=name, api_name="/explain")
        assert len(explanation["hearings"]) == playbacks + 1


def test_one_clip_under_two_models_and_two_clips_under_one_are_compared(
    client: Client, clip: Any, tmp_path: Path
) -> None:
    compared = client.predict(clip, second_model="two", api_name="/compare")
    assert (compared["first"]["model"]["name"], compared["second"]["model"]["name"]) == ("one", "two")
    hearings = compared["comparison"]["hearings"]
    assert len(hearings) == PLAYBACKS + 1
    assert hearings[1]["replayed"]["shared_seconds"] <= CLIP_SECONDS
    path = tmp_path / "noise.wav"
    soundfile.write(path, noise(CLIP_SECONDS), RATE)
    compared = client.predict(clip, handle_file(path), api_name="/compare")
    assert (compared["first"]["clip"]["name"], compared["second"]["clip"]["name"]) == ("chirp.wav", "noise.wav")
    with pytest.raises(AppError, match="the same clip and the same model"):
        client.predict(clip, api_name="/compare")


def test_report_and_archive_can_be_taken_away(client: Client, clip: Any) -> None:
    report, archive = client.predict(clip, class_name="wind", api_name="/take_away")
    assert "chirp.wav" in Path(report).read_text(encoding="utf-8")
    with zipfile.ZipFile(archive) as files:
        names = {Path(name).name for name in files.namelist()}
        (json_file,) = (name for name in files.namelist() if name.endswith("explanation.json"))
        assert json.loads(files.read(json_file)) == client.predict(clip, class_name="wind", api_name="/explain")[0]
    assert {
        "report.html",
        "figure.svg",
        "figure.png",
        "hearings.csv",
        "segments.csv",
        "hearing-0-as-heard.wav",
    } <= names


def test_endpoints_answer_plain_http(address: str) -> None:
    """As the README's example with curl does."""
    asked = urllib.request.Request(  # an address of ours
        f"{address}gradio_api/call/models", data=b'{"data": []}', headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(asked, timeout=60) as answer:
        event = json.load(answer)["event_id"]
    with urllib.request.urlopen(f"{address}gradio_api/call/models/{event}", timeout=60) as answer:
        told = answer.read().decode()
    assert "event: complete" in told
    assert "clock_tick" in told


def test_what_suffices_comes_with_an_explanation_where_it_is_asked_for(client: Client, clip: Any) -> None:
    asked = {"class_name": "rain", "passages": True, "files": True}
    explanation, file, *_ = client.predict(clip, **asked, api_name="/explain")
    assert explanation["passages"]["label"] == "rain"
    assert explanation["passages"]["suffices"]["segments"]
    assert json.loads(Path(file).read_text(encoding="utf-8")) == explanation
    without, *_ = client.predict(clip, api_name="/explain")
    assert without["passages"] is None


def test_every_second_alone_comes_with_an_explanation_where_it_is_asked_for(client: Client, clip: Any) -> None:
    asked = {"class_name": "rain", "api_name": "/explain"}
    explanation, *_ = client.predict(clip, "lively", check=True, **asked)
    alone = explanation["alone"]
    assert alone["label"] == "rain"
    assert len(alone["probabilities"]["rain"]) == len(alone["activity"]["rain"]) == len(alone["seconds"]) > 1
    assert alone["divergence"] >= 0
    assert client.predict(clip, "one", check=True, **asked)[0]["alone"]["divergence"] is None  # it has no activity
    assert client.predict(clip, "lively", **asked)[0]["alone"] is None


def test_further_lanes_come_with_an_explanation_where_they_are_named(client: Client, clip: Any) -> None:
    explanation, *_ = client.predict(clip, class_name="rain", lanes="occlusion, grad-cam", api_name="/explain")
    further = explanation["further_lanes"]
    assert further["label"] == "rain"
    assert [lane["name"] for lane in further["lanes"]] == ["grad-cam", "occlusion"]
    assert [lane["passes"] for lane in further["lanes"]] == [1, 13]
    assert all(len(lane["values"]) == len(further["seconds"]) for lane in further["lanes"])
    without, *_ = client.predict(clip, api_name="/explain")
    assert without["further_lanes"] is None
    with pytest.raises(AppError, match="there is no lane 'lime'; choose from grad-cam"):
        client.predict(clip, lanes="lime", api_name="/explain")
