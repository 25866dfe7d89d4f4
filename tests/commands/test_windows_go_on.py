"""Claims about ``windows``: nothing that was heard is lost or heard twice, and several recordings have one table."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from shell import Run, assert_one_sentence
from tiny import RATE, noise, sounding_clips, tiny_checkpoint

from playitback import audio
from playitback.commands import windows as command
from playitback.explain.windows import Window, classify_windows

OWN = ["audacity.txt", "events.csv", "raven.txt", "windows.csv", "windows.json"]


@pytest.fixture
def run(run: Run, lively_folder: Path) -> Run:
    """By a model with activity, which hears once."""

    def call(*arguments: object) -> tuple[int, str, str]:
        playbacks = () if "--playbacks" in arguments else ("--playbacks", 0)
        model = () if "--checkpoint" in arguments else ("--checkpoint", lively_folder)
        return run("windows", *model, "--device", "cpu", *playbacks, *arguments)

    return call


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three recordings of three windows each; the names of two tell when they began."""
    folder = tmp_path / "rec"
    folder.mkdir()
    samples = sounding_clips(9).numpy().ravel()
    for index, name in enumerate(("a_20240131_235959", "b_20240201T060000Z", "c")):
        audio.write_wav(folder / f"{name}.wav", samples[index * 6 * RATE : (index + 1) * 6 * RATE], RATE)
    return folder


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def letters(path: Path) -> str:
    """The first letters of the recordings in a table, one a row."""
    return "".join(Path(row["path"]).name[0] for row in rows(path))


def tree(out: Path) -> dict[str, bytes]:
    """All files, by their names from there."""
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*") if path.is_file()}


def stop_at(monkeypatch: pytest.MonkeyPatch, name: str, index: int, error: BaseException | None = None) -> list[str]:
    """Raises before a window of a recording, by its letter; returns the letters of those that are begun."""
    begun: list[str] = []

    def counted(recognizer: Any, path: Path, *given: Any) -> Iterator[Window]:
        begun.append(path.name[0])
        for window in classify_windows(recognizer, path, *given):
            if (path.name[0], window.index) == (name, index) and error is not None:
                raise error
            yield window

    monkeypatch.setattr(command, "classify_windows", counted)
    return begun


# one table of all


def test_several_recordings_have_one_table_with_clock_time(run: Run, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    status, output, _ = run(folder, "--out", out, "--json")
    assert status == 0
    assert letters(out / "all-windows.csv") == "aaabbbccc"
    for name in ("windows", "events"):
        parts = [row for each in sorted(out.glob(f"*/{name}.csv")) for row in rows(each)]
        assert rows(out / f"all-{name}.csv") == parts
    assert [row["clock"] for row in rows(out / "all-windows.csv")] == [
        *("2024-01-31T23:59:59.000", "2024-02-01T00:00:01.000", "2024-02-01T00:00:03.000"),
        *("2024-02-01T06:00:00.000+00:00", "2024-02-01T06:00:02.000+00:00", "2024-02-01T06:00:04.000+00:00"),
        *("", "", ""),
    ]
    first, _, last = json.loads(output)
    assert first["recording"]["recorded_at"] == "2024-01-31T23:59:59.000"
    events = [row for row in rows(out / "all-events.csv") if row["path"] == first["recording"]["path"]]
    assert [row["clock"] for row in events] == [event["clock"] for event in first["events"]]
    assert events
    assert {each["clock"] for each in last["windows"]} == {None}


def test_the_table_tells_the_notes_of_every_window(run: Run, tmp_path: Path) -> None:
    samples = noise(6.0)
    samples[2 * RATE : 4 * RATE] = 0
    audio.write_wav(tmp_path / "quiet.wav", samples, RATE)
    run(tmp_path / "quiet.wav", "--out", tmp_path / "out")
    notes = [row["notes"] for row in rows(tmp_path / "out" / "windows.csv")]
    assert [bool(each) for each in notes] == [False, True, False]
    assert "is silent from 2.00 s to 4.00 s" in notes[1]


def test_a_table_of_the_users_is_not_written_over(run: Run, folder: Path, tmp_path: Path) -> None:
    for name in ("all-windows.csv", "all-events.csv"):
        out = tmp_path / name
        out.mkdir()
        (out / name).write_text("mine\n", encoding="utf-8")
        status, output, error = run(folder, "--out", out)
        assert (status, output) == (2, "")
        assert_one_sentence(error, f"{name} is not a table of windows; choose another --out, or rename it")
        assert tree(out) == {name: b"mine\n"}


def test_a_json_of_the_users_is_not_written_over(run: Run, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "windows.json").write_text('{"mine": 1}', encoding="utf-8")
    assert run(folder / "c.wav", "--out", out)[0] == 0
    assert (out / "windows.json").read_text(encoding="utf-8") == '{"mine": 1}'
    assert sorted(path.name for path in (out / "c").iterdir()) == OWN


# going on


def test_what_was_heard_before_is_told_and_not_heard_again(
    run: Run, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    _, output, _ = run(folder, "--out", out, "--json")
    before = tree(out)
    begun = stop_at(monkeypatch, "a", 9)
    status, again, error = run(folder, "--out", out, "--json")
    assert (status, again, begun) == (0, output, [])
    assert "3 of 3 recordings were heard before, with the same result" in error
    assert tree(out) == before
    text = run(folder, "--out", out)[1]
    shutil.rmtree(out)
    assert run(folder, "--out", out)[1] == text
    # one alone, too
    for heard in (["c"], []):
        begun.clear()
        status, output, error = run(folder / "c.wav", "--out", tmp_path / "alone")
        assert (status, begun) == (0, heard)
    assert "1 recording was heard before, with the same result" in error


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(143), RuntimeError("a defect")])
def test_a_run_that_is_stopped_goes_on_with_what_is_missing(
    run: Run, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        stop_at(patch, "b", 2, error)
        if isinstance(error, SystemExit):
            status, _, told = run(folder, "--out", out)
            assert status == 143
            assert "goes on with the recordings that are missing, and hears the one that was stopped from its" in told
        else:
            with pytest.raises(type(error)):
                run(folder, "--out", out)
    assert letters(out / "all-windows.csv") == "aaabb"
    assert sorted(path.name for path in (out / "b_20240201T060000Z").iterdir()) == OWN
    told = json.loads((out / "b_20240201T060000Z" / "windows.json").read_text(encoding="utf-8"))
    assert len(told["windows"]) == 2
    begun = stop_at(monkeypatch, "a", 9)
    assert run(folder, "--out", out)[0] == 0
    assert begun == ["b", "c"]
    run(folder, "--out", tmp_path / "at once")
    assert tree(out) == tree(tmp_path / "at once")


def test_a_process_that_is_killed_leaves_the_windows_that_were_heard(
    run: Run, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, left = tmp_path / "out", tmp_path / "left"

    def copied(recognizer: Any, path: Path, *given: Any) -> Iterator[Window]:
        for window in classify_windows(recognizer, path, *given):
            if (path.name[0], window.index) == ("b", 2):  # as the disk is when the process is killed here
                shutil.copytree(out, left)
            yield window

    with monkeypatch.context() as patch:
        patch.setattr(command, "classify_windows", copied)
        run(folder, "--out", out)
    assert letters(left / "all-windows.csv") == "aaa"
    assert letters(left / "b_20240201T060000Z" / "windows.csv") == "bb"
    begun = stop_at(monkeypatch, "a", 9)
    assert run(folder, "--out", left)[0] == 0
    assert begun == ["b", "c"]
    assert tree(left) == tree(out)


def test_a_run_that_is_told_to_end_puts_what_it_did_in_order(
    run: Run, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def told_to_end(recognizer: Any, path: Path, *given: Any) -> Iterator[Window]:
        for window in classify_windows(recognizer, path, *given):
            yield window
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(command, "classify_windows", told_to_end)
    status, _, error = run(folder / "c.wav", "--out", tmp_path / "out")
    assert status == 143
    assert "stopped; the same command goes on, and hears the one that was stopped from its start" in error
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == OWN
    assert letters(tmp_path / "out" / "windows.csv") == "c"


def test_a_damaged_recording_leaves_what_comes_before_the_damage_and_is_tried_again(
    run: Run, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples = noise(20.0)
    samples[18 * RATE] = np.nan
    soundfile.write(folder / "b.wav", samples, RATE, subtype="FLOAT")
    (folder / "b_20240201T060000Z.wav").unlink()
    status, _, error = run(folder, "--out", tmp_path / "out")
    assert status == 2
    assert "b.wav holds a sample that is not a finite amplitude: NaN, at 18.0000 s" in error
    assert letters(tmp_path / "out" / "all-windows.csv") == "aaa" + 8 * "b" + "ccc"
    begun = stop_at(monkeypatch, "a", 9)
    assert run(folder, "--out", tmp_path / "out")[0] == 2
    assert begun == ["b"]
    assert letters(tmp_path / "out" / "all-windows.csv") == "aaa" + 8 * "b" + "ccc"


def test_what_has_changed_since_is_heard_again(
    run: Run, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    run(folder, "--out", out)
    audio.write_wav(folder / "c.wav", noise(4.0), RATE)
    shutil.rmtree(out / "a_20240131_235959")
    begun = stop_at(monkeypatch, "a", 9)
    run(folder, "--out", out)
    assert begun == ["a", "c"]
    assert letters(out / "all-windows.csv") == "aaabbbcc"


@pytest.mark.parametrize("other", [("--hop", 1.0), ("--playbacks", 1), ("--channel", 1), ("--checkpoint", "other")])
def test_other_settings_hear_all_again_and_leave_nothing_of_those_before(
    run: Run, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, other: tuple[str, object]
) -> None:
    monkeypatch.chdir(tmp_path)
    tiny_checkpoint(tmp_path / "other")  # without activity
    out = tmp_path / "out"
    run(folder, "--out", out)
    begun = stop_at(monkeypatch, "a", 9)
    assert run(folder, "--out", out, *other)[0] == 0
    assert begun == ["a", "b", "c"]
    run(folder, "--out", tmp_path / "alone", *other)
    assert tree(out) == tree(tmp_path / "alone")


def test_rows_of_other_recordings_stay_or_the_run_is_refused(run: Run, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    a, b, c = sorted(folder.iterdir())
    run(a, b, "--out", out)
    assert run(b, c, "--out", out)[0] == 0
    assert letters(out / "all-windows.csv") == "aaabbbccc"
    before = tree(out)
    status, output, error = run(c, "--hop", 1.0, "--out", out)
    assert (status, output) == (2, "")
    assert_one_sentence(
        error, "2 of other recordings, heard with another model or other settings; choose another --out"
    )
    assert tree(out) == before
    assert run(c, "--out", out, "--json")[0] == 0  # and stays in the table of all
    assert tree(out) == before


def test_a_recording_alone_keeps_its_place_when_others_come(run: Run, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    a, b, c = sorted(folder.iterdir())
    run(a, "--out", out)
    assert run(a, b, c, "--hop", 1.0, "--out", out)[0] == 0
    assert sorted(path.name for path in out.iterdir()) == sorted(
        [*OWN, "all-events.csv", "all-windows.csv", b.stem, "c"]
    )
    assert letters(out / "all-windows.csv") == 5 * "a" + 5 * "b" + 5 * "c"
    assert letters(out / "windows.csv") == 5 * "a"


def test_what_it_wrote_beside_recordings_is_not_counted_among_what_is_left_out(run: Run, folder: Path) -> None:
    for _ in range(2):
        status, _, error = run(folder, "--out", folder)
        assert status == 0
        assert "left out" not in error
    (folder / "notes.txt").write_text("no sound", encoding="utf-8")
    assert "1 file is left out, by the name no sound: notes.txt" in run(folder, "--out", folder)[2]


# channels


def test_one_channel_is_heard_where_it_is_asked_for(run: Run, folder: Path, tmp_path: Path) -> None:
    a, b, c = sorted(folder.iterdir())
    channels = [soundfile.read(each, dtype="int16")[0] for each in (a, c)]
    soundfile.write(tmp_path / "both.wav", np.stack(channels, axis=1), RATE)
    status, output, error = run(tmp_path / "both.wav", "--channel", 2, "--out", tmp_path / "both", "--json")
    assert status == 0
    told = "both.wav: of its 2 channels only channel 2 was taken, as chosen."
    assert told in error
    found, alone = json.loads(output), json.loads(run(c, "--out", tmp_path / "alone", "--json")[1])
    assert found["notes"] == [told]
    assert found["recording"]["channel"] == 2
    assert found["windows"] == alone["windows"]
    selections = [
        (tmp_path / name / "raven.txt").read_text(encoding="utf-8").splitlines() for name in ("both", "alone")
    ]
    assert {line.split("\t")[2] for line in selections[0][1:]} == {"2"}
    assert {line.split("\t")[2] for line in selections[1][1:]} == {"1"}
    status, _, error = run(tmp_path / "both.wav", b, "--channel", 2, "--out", tmp_path / "out")
    assert status == 2
    assert "channel 2 is asked for, but b_20240201T060000Z.wav has one channel; choose 1, or none, to mix them" in error
    assert letters(tmp_path / "out" / "all-windows.csv") == "bbb"
    status, output, error = run(b, "--channel", 2, "--out", tmp_path / "none")
    assert (status, output) == (2, "")
    assert_one_sentence(error, "channel 2 is asked for")
    assert not (tmp_path / "none").exists()


# memory


def test_no_more_windows_are_held_than_are_heard_at_once(
    run: Run, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[weakref.ref[Window]] = []
    most = 0

    def watched(recognizer: Any, path: Path, *given: Any) -> Iterator[Window]:
        nonlocal most
        for window in classify_windows(recognizer, path, *given):
            held.append(weakref.ref(window))
            yield window
            most = max(most, sum(each() is not None for each in held))

    monkeypatch.setattr(command, "classify_windows", watched)
    run(folder / "c.wav", "--hop", 0.25, "--out", tmp_path / "out")
    assert len(held) == 17
    assert most <= 8
