"""Claims about the command line: what it writes and prints, and how it fails."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny import LABELS, clicks, noise, tiny_checkpoint, tiny_config, tone, write_esc50

from playitback import __main__ as command_line
from playitback import audio, checkpoint
from playitback.config import ModelConfig

ROOT = Path(__file__).resolve().parent.parent
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"

#: runs main and returns (exit status, standard output, standard error)
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        try:
            status = command_line.main([str(each) for each in arguments])
        except SystemExit as exit:  # argparse's own way out
            status = int(exit.code or 0)
        output = capsys.readouterr()
        return status, output.out, output.err

    return call


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_checkpoint(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """bell.wav and rain.wav of 2 s, knock.wav of 0.8 s, and a file that is no sound."""
    folder = tmp_path_factory.mktemp("sounds")
    audio.write_wav(folder / "bell.wav", tone(2.0))
    audio.write_wav(folder / "rain.wav", noise(2.0))
    audio.write_wav(folder / "knock.wav", clicks(0.8, [0.1, 0.3, 0.5]))
    (folder / "broken.wav").write_bytes(b"this is no sound at all" * 10)
    return folder


@pytest.fixture(scope="module")
def esc50(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_esc50(tmp_path_factory.mktemp("data") / "esc50", clips_per_class=2, folds=(1, 4), seconds=1.0)


def tiny_preset(name: str, labels: tuple[tuple[str, ...], ...]) -> ModelConfig:
    return tiny_config(labels=labels[0], clip_seconds=1.0, playbacks=1)


def assert_explained(folder: Path, clip: str) -> dict[str, Any]:
    explanation: dict[str, Any] = json.loads((folder / "explanation.json").read_text(encoding="utf-8"))
    assert explanation["clip"]["name"] == clip
    assert (folder / "figure.png").read_bytes().startswith(PNG_SIGNATURE)
    return explanation


def assert_one_sentence(text: str, *parts: str) -> None:
    (line,) = [each for each in text.splitlines() if each.strip()]
    assert line.startswith("playitback: ")
    for part in parts:
        assert part in line


# explain


def test_explain_writes_a_folder_named_after_the_clip(
    run: Run, model_folder: Path, sounds: Path, tmp_path: Path
) -> None:
    status, output, _ = run("explain", sounds / "bell.wav", "--checkpoint", model_folder, "--out", tmp_path / "out")
    assert status == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["bell"]
    explanation = assert_explained(tmp_path / "out" / "bell", "bell.wav")
    playbacks = explanation["playbacks"]
    assert len(playbacks) == 4
    for playback in playbacks:
        assert set(playback["probabilities"]) == set(LABELS)
        assert sum(playback["probabilities"].values()) == pytest.approx(1, abs=1e-4)
        assert len(playback["slot_attention"]) == 2
        assert len(playback["slot_attention"][0]) == len(playback["seconds"]) == 40
        assert all(0 <= each["start_seconds"] < each["end_seconds"] <= 2 for each in playback["segments"])
    assert [playback["hop_seconds"] for playback in playbacks] == [0.0125, 0.00625, 0.0041875, 0.003125]
    assert f"bell.wav -> {tmp_path / 'out' / 'bell'}" in output
    assert [line.split(",")[0].strip() for line in output.splitlines()[-4:]] == [f"pass {index}" for index in range(4)]
    assert playbacks[-1]["decision"] in output


def test_explain_takes_several_clips_and_folders(run: Run, model_folder: Path, sounds: Path, tmp_path: Path) -> None:
    folder = tmp_path / "more"
    (folder / "deep").mkdir(parents=True)
    audio.write_wav(folder / "a.wav", tone(1.0))
    audio.write_wav(folder / "deep" / "b.wav", tone(1.0))
    (folder / "notes.txt").write_text("no sound", encoding="utf-8")
    out = tmp_path / "out"
    status, *_ = run(
        "explain", sounds / "bell.wav", folder, "--checkpoint", model_folder, "--out", out, "--playbacks", 0
    )
    assert status == 0
    assert sorted(path.name for path in out.iterdir()) == ["a", "b", "bell"]
    assert len(assert_explained(out / "b", "b.wav")["playbacks"]) == 1


def test_clips_of_one_name_get_numbered_folders(run: Run, model_folder: Path, tmp_path: Path) -> None:
    clips = []
    for name, seconds in [("one/dog.wav", 0.5), ("two/dog.wav", 0.6), ("dog-2.wav", 0.7)]:
        clips.append(tmp_path / name)
        clips[-1].parent.mkdir(exist_ok=True)
        audio.write_wav(clips[-1], tone(seconds))
    out = tmp_path / "out"
    status, output, _ = run("explain", *clips, "--checkpoint", model_folder, "--out", out, "--playbacks", 0, "--json")
    assert status == 0
    written = [(each["path"], each["folder"], each["clip"]["seconds"]) for each in entries(output)]
    assert written == [
        (str(clips[0]), str(out / "dog"), 0.5),
        (str(clips[1]), str(out / "dog-2"), 0.6),
        (str(clips[2]), str(out / "dog-2-2"), 0.7),
    ]
    for _, folder, _ in written:
        assert (Path(folder) / "figure.png").is_file()


def entries(output: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(output)
    return found


def test_json_says_what_the_files_say(run: Run, model_folder: Path, sounds: Path, tmp_path: Path) -> None:
    arguments = ("--checkpoint", model_folder, "--out", tmp_path, "--json")
    status, output, _ = run("explain", sounds / "bell.wav", sounds / "knock.wav", *arguments)
    assert status == 0
    for entry, name in zip(entries(output), ("bell", "knock"), strict=True):
        written = assert_explained(tmp_path / name, f"{name}.wav")
        assert entry == {"path": str(sounds / f"{name}.wav"), "folder": str(tmp_path / name), **written}


def test_window_starts_where_it_is_asked_to(run: Run, model_folder: Path, tmp_path: Path) -> None:
    long = np.concatenate([np.zeros(48_000, np.float32), tone(2.0)])
    audio.write_wav(tmp_path / "long.wav", long)
    arguments = ("--checkpoint", model_folder, "--out", tmp_path, "--start", 3, "--playbacks", 0)
    status, output, _ = run("explain", tmp_path / "long.wav", *arguments)
    assert status == 0
    explanation = assert_explained(tmp_path / "long", "long.wav")
    assert explanation["clip"]["start_seconds"] == 3
    assert explanation["clip"]["explained_seconds"] == 2
    assert "long.wav is 5.00 s long" in output


def test_bad_file_is_told_in_one_sentence_and_the_others_are_written(
    run: Run, model_folder: Path, sounds: Path, tmp_path: Path
) -> None:
    arguments = ("--checkpoint", model_folder, "--out", tmp_path, "--playbacks", 0)
    status, _, error = run("explain", sounds / "broken.wav", sounds / "bell.wav", *arguments)
    assert status == 2
    assert_one_sentence(error, "broken.wav")
    assert [path.name for path in tmp_path.iterdir()] == ["bell"]
    assert_explained(tmp_path / "bell", "bell.wav")


def test_clip_too_short_for_the_start_spoils_no_other(
    run: Run, model_folder: Path, sounds: Path, tmp_path: Path
) -> None:
    arguments = ("--checkpoint", model_folder, "--out", tmp_path, "--playbacks", 0, "--start", 1)
    status, _, error = run("explain", sounds / "knock.wav", sounds / "bell.wav", *arguments)
    assert status == 2
    assert_one_sentence(error, "knock.wav", "choose an earlier start")
    assert [path.name for path in tmp_path.iterdir()] == ["bell"]


@pytest.mark.parametrize("name", ["nowhere.wav", "empty"])
def test_nothing_to_explain_is_told(run: Run, model_folder: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    status, output, error = run("explain", tmp_path / name, "--checkpoint", model_folder, "--out", tmp_path / "out")
    assert (status, output) == (2, "")
    assert_one_sentence(error, name)
    assert not (tmp_path / "out").exists()


def test_wrong_checkpoint_lists_those_there_are(
    run: Run, sounds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny_checkpoint(tmp_path / "bundled" / "birds-small")
    monkeypatch.setattr(checkpoint, "BUNDLED", tmp_path / "bundled")
    status, _, error = run("explain", sounds / "bell.wav", "--checkpoint", "nowhere", "--out", tmp_path / "out")
    assert status == 2
    assert_one_sentence(error, "no checkpoint 'nowhere'", "there are: birds-small")


def test_pickle_is_refused(run: Run, sounds: Path, tmp_path: Path) -> None:
    (tmp_path / "model.pt").write_bytes(b"\x80\x04N.")
    status, _, error = run("explain", sounds / "bell.wav", "--checkpoint", tmp_path / "model.pt")
    assert status == 2
    assert_one_sentence(error, "model.pt is a pickled file", "convert it")


def test_impossible_settings_are_told_once(run: Run, model_folder: Path, sounds: Path, tmp_path: Path) -> None:
    clips = (sounds / "bell.wav", sounds / "rain.wav")
    status, _, error = run("explain", *clips, "--checkpoint", model_folder, "--playbacks", 9, "--out", tmp_path)
    assert status == 2
    assert_one_sentence(error, "tiny plays back 0 to 3 times, not 9")
    status, _, error = run("explain", *clips, "--checkpoint", model_folder, "--device", "abacus", "--out", tmp_path)
    assert status == 2
    assert_one_sentence(error, "device 'abacus'")


def test_command_runs_as_a_program(model_folder: Path, sounds: Path, tmp_path: Path) -> None:
    """One good clip and one bad one: JSON and nothing else on standard output, one sentence on standard error."""
    settings = ["--checkpoint", model_folder, "--out", tmp_path, "--playbacks", "1", "--device", "cpu", "--json"]
    finished = subprocess.run(
        [sys.executable, "-m", "playitback", "explain", sounds / "broken.wav", sounds / "bell.wav", *settings],
        cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert finished.returncode == 2
    assert_one_sentence(finished.stderr, "broken.wav")
    (entry,) = entries(finished.stdout)
    assert entry["playbacks"] == assert_explained(tmp_path / "bell", "bell.wav")["playbacks"]


# help


@pytest.mark.parametrize("command", ["explain", "train", "evaluate", "faithfulness", "bench"])
def test_every_command_explains_itself(run: Run, command: str) -> None:
    status, output, error = run(command, "--help")
    assert (status, error) == (0, "")
    assert f"usage: python -m playitback {command}" in output
    assert "--json" in output
    assert command in run("--help")[1]


@pytest.mark.parametrize("arguments", [(), ("sing",), ("explain",), ("train", "--out", "x")])
def test_incomplete_command_exits_with_2(run: Run, arguments: tuple[str, ...]) -> None:
    status, output, error = run(*arguments)
    assert (status, output) == (2, "")
    assert "usage: python -m playitback" in error


def test_folds_that_are_no_numbers_are_told(run: Run) -> None:
    status, _, error = run("evaluate", "--data", "x", "--folds", "1;2")
    assert status == 2
    assert "'1;2' is no list of folds; write 1,2,3" in error
