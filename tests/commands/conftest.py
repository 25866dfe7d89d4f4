"""What tests of commands share: models that replay, sounds, and a folder of them that is explained."""

from __future__ import annotations

from pathlib import Path

import pytest
from shell import JSON_ONLY, Run
from tiny import RATE, clicks, lively_model, noise, tiny_checkpoint, tone

from playitback import audio


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_checkpoint(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def lively_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a model with activity."""
    return tiny_checkpoint(tmp_path_factory.mktemp("models") / "lively", lively_model())


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """bell.wav and rain.wav of 2 s, knock.wav of 0.8 s, and a file that is not sound."""
    folder = tmp_path_factory.mktemp("sounds")
    audio.write_wav(folder / "bell.wav", tone(2.0), RATE)
    audio.write_wav(folder / "rain.wav", noise(2.0), RATE)
    audio.write_wav(folder / "knock.wav", clicks(0.8, [0.1, 0.3, 0.5]), RATE)
    (folder / "broken.wav").write_bytes(b"this is no sound at all" * 10)
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three recordings."""
    folder = tmp_path / "rec"
    folder.mkdir()
    for name in ("a", "b", "c"):
        audio.write_wav(folder / f"{name}.wav", tone(0.5), RATE)
    return folder


@pytest.fixture
def explain(run: Run, model_folder: Path) -> Run:
    """Quickly: one hearing, explanation.json alone."""

    def call(*arguments: object) -> tuple[int, str, str]:
        playbacks = () if "--playbacks" in arguments else ("--playbacks", 0)
        return run("explain", "--checkpoint", model_folder, "--device", "cpu", *playbacks, *JSON_ONLY, *arguments)

    return call
