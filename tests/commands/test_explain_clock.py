"""Claims about the clock times of ``explain``: those of events in its table, also after a run that was stopped."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
from shell import JSON_ONLY, Run
from tiny import RATE, noise

from playitback import audio
from playitback.commands import explain as command
from playitback.recognizer import Recognizer

STARTS = {"20240131_235959.wav": "2024-01-31T23:59:59.500", "20240131T235959Z.wav": "2024-01-31T23:59:59.500+00:00"}
EVENTS = ["path", "start", "stop", "class", "confidence", "clock"]


def test_events_of_clips_have_the_clock_time_of_the_windows_of_recordings(
    run: Run, lively_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, out = tmp_path / "rec", tmp_path / "out"
    folder.mkdir()
    for name in (*STARTS, "undated.wav"):
        audio.write_wav(folder / name, noise(2.5), RATE)
    given = ("--checkpoint", lively_folder, "--playbacks", 0, "--start", 0.5, "--out", out, *JSON_ONLY)
    with monkeypatch.context() as patch:  # the first clip's times come from the journal then
        read_clip = command.read_clip

        def stopped(recognizer: Any, clip: Path, *more: Any) -> Any:
            if clip.name == "undated.wav":
                raise KeyboardInterrupt
            return read_clip(recognizer, clip, *more)

        patch.setattr(command, "read_clip", stopped)
        patch.setattr(Recognizer, "batch", 1)
        with pytest.raises(KeyboardInterrupt):
            run("explain", folder, *given)
    assert run("explain", folder, *given)[0] == 0
    with (out / "events.csv").open(newline="", encoding="utf-8-sig") as lines:
        rows = list(csv.DictReader(lines))
    assert all([*row] == EVENTS for row in rows)
    first = {Path(row["path"]).name: row["clock"] for row in rows if row["start"] == "0.5"}
    assert first == {**STARTS, "undated.wav": ""}
