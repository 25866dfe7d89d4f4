"""Claims about the command line as a whole: it runs as a program, lists its models, and explains itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from shell import JSON_ONLY, Run, assert_explained, assert_one_sentence, entries
from tiny import LABELS, RATE, tiny_checkpoint, tiny_model

from playitback import checkpoint

ROOT = Path(__file__).resolve().parents[2]


def test_command_runs_as_a_program(model_folder: Path, sounds: Path, tmp_path: Path) -> None:
    """One good clip and one bad one: JSON and nothing else on standard output, one sentence on standard error."""
    settings = [
        "--checkpoint",
        model_folder,
        "--out",
        tmp_path,
        "--playbacks",
        "1",
        "--device",
        "cpu",
        "--json",
        *JSON_ONLY,
    ]
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
    assert entry["hearings"] == assert_explained(tmp_path / "bell", "bell.wav")["hearings"]


@pytest.mark.skipif(os.name == "nt", reason="needs a POSIX shell")
@pytest.mark.parametrize(
    ("line", "status", "told"),
    [
        ("--version <&-", 0, ""),
        ("--version >&-", 0, ""),
        ("--version 2>&-", 0, ""),
        ("--version <&- >&- 2>&-", 0, ""),
        ("models >/dev/full", 2, "playitback: what it prints cannot be written"),
    ],
)
def test_streams_that_are_closed_or_full_bring_no_traceback(line: str, status: int, told: str) -> None:
    if "/dev/full" in line and not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    finished = _in_a_shell(f'"$PYTHON" -m playitback {line}', ROOT)
    assert finished.returncode == status
    assert finished.stderr.startswith(told)
    assert len(finished.stderr.splitlines()) == bool(told)


@pytest.mark.skipif(os.name == "nt", reason="needs a POSIX shell")
def test_ctrl_c_ends_a_command_though_a_library_that_it_imports_swallows_it() -> None:
    program = """
import importlib, os, signal, sys, time
from playitback import __main__
signal.signal(signal.SIGINT, signal.default_int_handler)  # who runs the tests may ignore Ctrl-C
def import_module(name):
    try:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(60)
    except KeyboardInterrupt:
        print("swallowed")
    raise SystemExit(0)
importlib.import_module = import_module
sys.argv = ["playitback", "models"]
__main__.run()
"""
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "")


def test_a_working_folder_that_was_deleted_is_told(tmp_path: Path) -> None:
    finished = _in_a_shell('mkdir gone && cd gone && rmdir ../gone && exec "$PYTHON" -m playitback models', tmp_path)
    assert finished.returncode == 2
    assert_one_sentence(finished.stderr, "no longer there; change to another")


def _in_a_shell(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHON": sys.executable, "PYTHONPATH": str(ROOT)}
    return subprocess.run(["sh", "-c", line], cwd=folder, env=environment, capture_output=True, text=True, check=False)


# models


def test_models_are_listed_with_what_they_hear_and_name(
    run: Run, model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny_checkpoint(tmp_path / "bundled" / "birds-small", tiny_model(playbacks=1, labels=("wren", "robin")))
    monkeypatch.setattr(checkpoint, "BUNDLED", tmp_path / "bundled")
    status, output, _ = run("models", model_folder, "--json")
    assert status == 0
    assert entries(output) == [
        {
            "name": str(model_folder),
            "family": "replay",
            "labels": list(LABELS),
            "broader": {},
            "playbacks": 3,
            "clip_seconds": 2.0,
            "sample_rate": RATE,
        },
        {
            "name": "birds-small",
            "family": "replay",
            "labels": ["wren", "robin"],
            "broader": {},
            "playbacks": 1,
            "clip_seconds": 2.0,
            "sample_rate": RATE,
        },
    ]
    status, output, _ = run("models", model_folder)
    assert output.splitlines() == [
        f"{model_folder}: replay, 4 classes, 3 playbacks, hears 2 s at 16 kHz",
        "birds-small: replay, 2 classes, 1 playback, hears 2 s at 16 kHz",
    ]


def test_what_models_names_is_what_other_commands_take(
    run: Run, sounds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny_checkpoint(tmp_path / "bundled" / "birds-small")
    monkeypatch.setattr(checkpoint, "BUNDLED", tmp_path / "bundled")
    (offered,) = entries(run("models", "--json")[1])
    arguments = ("--checkpoint", offered["name"], "--out", tmp_path / "out", *JSON_ONLY)
    status, *_ = run("explain", sounds / "bell.wav", *arguments)
    assert status == 0
    assert assert_explained(tmp_path / "out" / "bell", "bell.wav")["model"]["labels"] == offered["labels"]


def test_models_that_are_not_there_are_told(run: Run) -> None:
    status, output, error = run("models", "nowhere")
    assert (status, output) == (2, "")
    assert_one_sentence(error, "no checkpoint 'nowhere'")


# help


@pytest.mark.parametrize(
    "command",
    [
        *("models", "explain", "what-if", "examine", "contrast", "compare", "windows", "corpus"),
        *("train", "evaluate", "evidence", "bench"),
    ],
)
def test_every_command_explains_itself(run: Run, command: str) -> None:
    status, output, error = run(command, "--help")
    assert (status, error) == (0, "")
    assert f"usage: playitback {command}" in output
    assert "--json" in output
    assert command in run("--help")[1]


@pytest.mark.parametrize("arguments", [(), ("sing",), ("explain",), ("train", "--out", "x")])
def test_incomplete_command_exits_with_2(run: Run, arguments: tuple[str, ...]) -> None:
    status, output, error = run(*arguments)
    assert (status, output) == (2, "")
    assert "usage: playitback" in error


def test_folds_that_are_no_numbers_are_told(run: Run) -> None:
    status, _, error = run("evaluate", "--data", "x", "--folds", "1;2")
    assert status == 2
    assert "'1;2' is not a list of folds; write 1,2,3" in error
