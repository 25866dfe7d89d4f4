"""The commands with a model of another family, which hears once and cannot replay: the toy (toy.py), a class and a row.

Every command answers for it, and answers what is true. What is expected is computed by each test from the recognizer,
or by hand.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from shell import Run
from tiny import CATEGORIES, LABELS, RATE, recognizer_of, sounding_clips, tiny_checkpoint, write_esc50
from toy import add_toy, toy_model
from toy_commands import LONG_SECONDS

from playitback import audio
from playitback.recognizer import ClipHearing, Recognizer


@pytest.fixture(autouse=True)
def toy_family(monkeypatch: pytest.MonkeyPatch) -> None:
    add_toy(monkeypatch)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Checkpoints toy, sounds (a toy that knows the classes of the data set) and tiny (which replays), clips, data."""
    folder = tmp_path_factory.mktemp("families")
    tiny_checkpoint(folder / "toy", toy_model())
    tiny_checkpoint(folder / "sounds", toy_model(labels=CATEGORIES))
    tiny_checkpoint(folder / "tiny")
    clip, second, *others = sounding_clips(5).numpy()
    audio.write_wav(folder / "clip.wav", clip, RATE)
    for name, samples in (("siren/a", clip), ("rain/b", second), ("c", others[0])):
        path = folder / "clips" / f"{name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        audio.write_wav(path, samples, RATE)
    audio.write_wav(folder / "long.wav", np.concatenate([clip, second, *others])[: round(LONG_SECONDS * RATE)], RATE)
    write_esc50(folder / "esc50", clips_per_class=2, folds=(5,), seconds=1.0, rate=RATE)
    return folder


@pytest.fixture
def run(run: Run, monkeypatch: pytest.MonkeyPatch, folder: Path) -> Run:
    """In the folder, on the CPU."""
    monkeypatch.chdir(folder)

    def call(command: str, *arguments: object) -> tuple[int, str, str]:
        return run(command, *arguments, *(() if command == "models" else ("--device", "cpu")))

    return call


@pytest.fixture(scope="module")
def toy() -> Recognizer:
    return recognizer_of(toy_model())


@pytest.fixture(scope="module")
def samples(folder: Path) -> np.ndarray:
    """Of clip.wav."""
    return audio.load(folder / "clip.wav", sample_rate=RATE).samples


@pytest.fixture(scope="module")
def hearing(toy: Recognizer, samples: np.ndarray) -> ClipHearing:
    """Of clip.wav, for the decision."""
    (only,) = toy.explain(samples)
    return only


@pytest.fixture(scope="module")
def decision(hearing: ClipHearing) -> str:
    return LABELS[int(hearing.probabilities.argmax())]


@pytest.fixture(scope="module")
def other(decision: str) -> str:
    """A class that is not the decision."""
    return next(label for label in LABELS if label != decision)
