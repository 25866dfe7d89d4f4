"""Clips of a folder are heard in batches: each gets what it would get alone, whatever lies beside it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from shell import JSON_ONLY, Run
from tiny import RATE, chirp, noise, tone

from playitback import audio
from playitback.cores import BATCH
from playitback.recognizer import Recognizer

SOUNDS = [sound(seconds) for sound in (tone, noise, chirp) for seconds in (0.4, 1.0, 1.7, 2.0)]


@pytest.fixture
def sizes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many clips were heard at once, batch by batch."""
    heard: list[int] = []
    explain_batch = Recognizer.explain_batch

    def counted(recognizer: Recognizer, waveforms: list[np.ndarray], *more: object) -> object:
        heard.append(len(waveforms))
        return explain_batch(recognizer, waveforms, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(Recognizer, "explain_batch", counted)
    return heard


def written(folder: Path, sounds: list[np.ndarray]) -> list[Path]:
    folder.mkdir()
    paths = [folder / f"{number:02}.wav" for number in range(len(sounds))]
    for path, sound in zip(paths, sounds, strict=True):
        audio.write_wav(path, sound, RATE)
    return paths


def test_a_clip_in_a_folder_is_explained_as_it_is_alone_but_for_rounding(
    run: Run, lively_folder: Path, tmp_path: Path, sizes: list[int]
) -> None:
    paths = written(tmp_path / "rec", SOUNDS)
    given = ("--checkpoint", lively_folder, "--device", "cpu", *JSON_ONLY)
    assert run("explain", tmp_path / "rec", *given, "--out", tmp_path / "all")[0] == 0
    assert sorted(sizes) == sorted([BATCH, len(SOUNDS) - BATCH])
    for path in paths[:: BATCH - 1]:
        assert run("explain", path, *given, "--out", tmp_path / "alone")[0] == 0
        told = [
            json.loads((tmp_path / out / path.stem / "explanation.json").read_text(encoding="utf-8"))
            for out in ("all", "alone")
        ]
        beside, alone = (each.pop("hearings") for each in told)
        assert told[0] == told[1]
        for one, other in zip(beside, alone, strict=True):
            assert [one[name] for name in ("segments", "replayed")] == [
                other[name] for name in ("segments", "replayed")
            ]
            assert one["probabilities"] == pytest.approx(other["probabilities"], abs=1e-4)


def test_clips_that_cannot_be_read_or_are_explained_already_leave_the_others_of_their_batch_theirs(
    run: Run, model_folder: Path, tmp_path: Path, sizes: list[int]
) -> None:
    paths = written(tmp_path / "rec", SOUNDS[:5])
    given = ("--checkpoint", model_folder, "--device", "cpu", *JSON_ONLY, "--out", tmp_path / "out")
    assert run("explain", *paths[:2], *given)[0] == 0
    paths[2].write_bytes(b"no sound")
    audio.write_wav(paths[0], SOUNDS[7], RATE)
    status, output, error = run("explain", tmp_path / "rec", *given)
    assert (status, sizes) == (2, [2, 3])
    assert "02.wav" in error
    assert [line.split()[0] for line in output.splitlines()[1:5]] == ["00.wav", "01.wav", "03.wav", "04.wav"]
    sizes.clear()
    assert run("explain", tmp_path / "rec", *given)[0] == 2
    assert sizes == []  # there is nothing left to hear
