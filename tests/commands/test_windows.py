"""Claims about ``windows``: what it writes and prints of a long recording, and what is left where it cannot go on."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from shell import Run
from tiny import LABELS, RATE, noise, sounding_clips

from playitback import __main__ as command_line
from playitback import audio
from playitback.commands import windows as command

FILES = ["audacity.txt", "raven.txt", "windows.csv", "windows.json"]


@pytest.fixture
def run(run: Run) -> Run:
    return lambda *arguments: run("windows", *arguments, "--device", "cpu")


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven seconds: three windows of two seconds, and a last one of one."""
    path = tmp_path_factory.mktemp("sounds") / "long.wav"
    audio.write_wav(path, sounding_clips(4).numpy().ravel()[: 7 * RATE], RATE)
    return path


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file, delimiter="," if path.suffix == ".csv" else "\t"))


def test_windows_are_written_for_spreadsheets_audacity_and_raven(
    run: Run, model_folder: Path, recording: Path, tmp_path: Path
) -> None:
    out = tmp_path / "deep" / "out"
    status, output, error = run(recording, "--checkpoint", model_folder, "--out", out)
    assert status == 0
    assert sorted(path.name for path in out.iterdir()) == FILES
    assert all(str(out / name) in error for name in FILES)
    windows = table(out / "windows.csv")
    assert [(float(row["start"]), float(row["stop"])) for row in windows] == [(0, 2), (2, 4), (4, 6), (6, 7)]
    assert all(row["class"] in LABELS and 0.25 <= float(row["confidence"]) <= 1 for row in windows)
    # an untrained model decides for one class everywhere, so all windows make one stretch
    (selection,) = table(out / "raven.txt")
    assert (selection["Begin Time (s)"], selection["End Time (s)"]) == ("0.000000", "7.000000")
    assert selection["High Freq (Hz)"] == "8000"
    label = windows[0]["class"]
    assert (out / "audacity.txt").read_text(encoding="utf-8") == f"0.000000\t7.000000\t{label}\n"
    header, row = output.splitlines()
    assert header.split() == ["start", "stop", "class", "confidence", "windows"]
    assert row.split()[:3] == ["0:00:00.0", "0:00:07.0", label]
    assert row.split()[-1] == "4"


def test_json_holds_the_windows_and_the_stretches(
    run: Run, model_folder: Path, recording: Path, tmp_path: Path
) -> None:
    arguments = ("--checkpoint", model_folder, "--hop", 0.5, "--playbacks", 0, "--out", tmp_path, "--json")
    status, output, _ = run(recording, *arguments)
    assert status == 0
    found = json.loads(output)
    assert found["schema"] == "playitback.windows/1"
    assert found["recording"] == {
        "path": str(recording), "name": "long.wav", "seconds": 7.0, "recorded_at": None, "channel": None,
    }  # fmt: skip
    assert found["model"] == {"name": "tiny", "clip_seconds": 2.0}
    assert [each["start_seconds"] for each in found["windows"]] == [0.5 * index for index in range(11)]
    assert len(table(tmp_path / "windows.csv")) == 11
    for window, row in zip(found["windows"], table(tmp_path / "windows.csv"), strict=True):
        assert window["decision"] == row["class"] == next(iter(window["ranking"]))
        assert window["probability"] == pytest.approx(float(row["confidence"]), abs=1e-4)
    assert sum(each["windows"] for each in found["stretches"]) == 11


def test_events_are_the_labels_of_a_model_with_activity(
    run: Run, lively_folder: Path, recording: Path, tmp_path: Path
) -> None:
    arguments = ("--checkpoint", lively_folder, "--playbacks", 0, "--out", tmp_path)
    status, output, error = run(recording, *arguments, "--json")
    assert status == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "audacity.txt",
        "events.csv",
        "raven.txt",
        "windows.csv",
        "windows.json",
    ]
    assert str(tmp_path / "events.csv") in error
    events = json.loads(output)["events"]
    assert len(events) > 1
    assert {event["class"] for event in events} <= set(LABELS)
    rows = table(tmp_path / "events.csv")
    for event, row, selection in zip(events, rows, table(tmp_path / "raven.txt"), strict=True):
        times = (event["start_seconds"], event["end_seconds"])
        assert 0 <= times[0] <= event["peak_seconds"] <= times[1] <= 7
        assert (float(row["start"]), float(row["stop"])) == times
        assert (float(selection["Begin Time (s)"]), float(selection["End Time (s)"])) == times
        assert event["class"] == row["class"] == selection["Class"]
        assert event["probability"] == pytest.approx(float(row["confidence"]), abs=1e-4)
    labels = [line.split("\t")[2] for line in (tmp_path / "audacity.txt").read_text("utf-8").splitlines()]
    assert labels == [event["class"] for event in events]
    _, output, _ = run(recording, *arguments)
    header, *lines = output.splitlines()
    assert header.split() == ["start", "stop", "class", "confidence", "peak"]
    assert [line.split()[2] for line in lines] == labels


def test_a_model_without_activity_says_what_its_labels_are(
    run: Run, model_folder: Path, recording: Path, tmp_path: Path
) -> None:
    _, output, error = run(recording, "--checkpoint", model_folder, "--playbacks", 0, "--out", tmp_path, "--json")
    assert json.loads(output)["events"] is None
    assert "tiny has no activity, so the labels are stretches of windows of one class" in error


def test_silence_has_no_event(run: Run, lively_folder: Path, tmp_path: Path) -> None:
    audio.write_wav(tmp_path / "silent.wav", np.zeros(3 * RATE, np.float32), RATE)
    arguments = ("--checkpoint", lively_folder, "--playbacks", 0, "--out", tmp_path / "out")
    status, output, _ = run(tmp_path / "silent.wav", *arguments)
    assert (status, output) == (0, "no event: no class is sure enough of any moment\n")
    assert (tmp_path / "out" / "audacity.txt").read_text(encoding="utf-8") == ""
    assert table(tmp_path / "out" / "events.csv") == []


def test_playbacks_are_as_many_as_asked_for(run: Run, model_folder: Path, recording: Path, tmp_path: Path) -> None:
    confidences = []
    for playbacks in (0, 3):
        run(recording, "--checkpoint", model_folder, "--playbacks", playbacks, "--out", tmp_path)
        confidences.append([row["confidence"] for row in table(tmp_path / "windows.csv")])
    assert confidences[0] != confidences[1]


def test_selections_reach_no_higher_than_the_recording(run: Run, model_folder: Path, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "phone.wav", noise(2.0, 8_000), 8_000)
    run(tmp_path / "phone.wav", "--checkpoint", model_folder, "--playbacks", 0, "--out", tmp_path)
    assert table(tmp_path / "raven.txt")[0]["High Freq (Hz)"] == "4000"


def test_damage_takes_nothing_of_what_was_heard_before_it(run: Run, model_folder: Path, tmp_path: Path) -> None:
    samples = noise(60.0)
    samples[50 * RATE] = np.nan
    soundfile.write(tmp_path / "long.wav", samples, RATE, subtype="FLOAT")
    arguments = ("--checkpoint", model_folder, "--playbacks", 0, "--out", tmp_path / "out")
    status, output, error = run(tmp_path / "long.wav", *arguments)
    assert (status, output) == (2, "")
    assert "NaN, at 50.0000 s" in error.splitlines()[-1]
    windows = table(tmp_path / "out" / "windows.csv")
    assert len(windows) == 24  # 48 s, in batches
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == FILES


def test_an_interruption_takes_nothing_of_what_was_heard_before_it(
    run: Run, model_folder: Path, recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    classify_windows = command.classify_windows

    def interrupted(*given: object) -> object:
        windows = classify_windows(*given)  # type: ignore[arg-type]
        yield next(windows)
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "classify_windows", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(recording, "--checkpoint", model_folder, "--out", tmp_path)
    assert len(table(tmp_path / "windows.csv")) == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("nowhere.wav",), "nowhere.wav does not exist"),
        (("",), "a name is empty"),
        (("long.wav", "--hop", 0), "hop_seconds is 0.0; give 0.1 or more"),
        (("long.wav", "--playbacks", 9), "tiny plays back 0 to 3 times, not 9"),
        (("long.wav", "--out", "long.wav"), "long.wav cannot be made a folder (File exists); choose another --out"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_sentence(
    run: Run,
    model_folder: Path,
    recording: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[object, ...],
    told: str,
) -> None:
    monkeypatch.chdir(recording.parent)
    status, output, error = run(*arguments, "--checkpoint", model_folder)
    assert (status, output) == (2, "")
    (line,) = error.splitlines()
    assert line.startswith("playitback: ")
    assert told in line
    assert not Path("windows").exists()  # the default --out


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "0:00:00.0"), (59.96, "0:01:00.0"), (3725.25, "1:02:05.2"), (360000, "100:00:00.0")]
)
def test_times_are_shown_as_on_a_clock(seconds: float, shown: str) -> None:
    assert command._clock(seconds) == shown


def test_the_command_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        command_line.main(["windows", "--help"])
    output = capsys.readouterr().out
    assert "usage: playitback windows" in output
    assert all(option in output for option in ("RECORDING", "--checkpoint", "--hop", "--playbacks", "--out", "--json"))


# several recordings


@pytest.fixture
def same_name(tmp_path: Path) -> tuple[Path, Path]:
    """Recorders name files after the time: two recordings of one name."""
    paths = tuple(tmp_path / site / "20230622_191730.wav" for site in "AB")
    for path, seconds in zip(paths, (2.0, 4.0), strict=True):
        path.parent.mkdir()
        audio.write_wav(path, noise(seconds), RATE)
    first, second = paths
    return first, second


def listened(folder: Path) -> tuple[str, int]:
    """Which recording the table in a folder is of, and its rows."""
    rows = table(folder / "windows.csv")
    (path,) = {row["path"] for row in rows}
    return path, len(rows)


def test_another_recording_takes_nothing_of_the_one_before(
    run: Run, model_folder: Path, same_name: tuple[Path, Path], tmp_path: Path
) -> None:
    out, (first, second) = tmp_path / "out", same_name
    arguments = ("--checkpoint", model_folder, "--playbacks", 0, "--out", out)
    for path in (first, second, second, first):
        assert run(path, *arguments)[0] == 0
    assert listened(out) == (str(first), 1)
    assert listened(out / first.stem) == (str(second), 2)
    assert sorted(path.name for path in out.iterdir()) == [first.stem, *FILES]


def test_several_recordings_have_a_folder_each_and_a_bad_one_spoils_no_other(
    run: Run, model_folder: Path, same_name: tuple[Path, Path], tmp_path: Path
) -> None:
    (tmp_path / "broken.wav").write_bytes(b"this is no sound" * 9)
    out = tmp_path / "out"
    arguments = ("--checkpoint", model_folder, "--playbacks", 0, "--out", out, "--json")
    status, output, error = run(same_name[0], tmp_path / "broken.wav", same_name[1].parent, *arguments)
    assert status == 2
    assert "broken.wav is not a sound file" in error
    assert [each["recording"]["path"] for each in json.loads(output)] == list(map(str, same_name))
    name = same_name[0].stem
    assert sorted(path.name for path in out.iterdir()) == [name, f"{name}-2", "all-windows.csv"]
    assert [listened(out / each)[0] for each in (name, f"{name}-2")] == list(map(str, same_name))


def test_a_name_of_two_lines_is_told_in_one(run: Run, model_folder: Path, recording: Path, tmp_path: Path) -> None:
    folder = tmp_path / "odd"
    folder.mkdir()
    shutil.copy(recording, folder / "a\nb.wav")
    (folder / "c\nplayitback: d.txt").touch()
    status, output, error = run(folder, "--checkpoint", model_folder, "--out", tmp_path / "out")
    assert status == 0
    assert output.startswith(str(folder / r"a\nb.wav") + "\n")
    assert error.splitlines()[0].endswith(r"by the name no sound: c\nplayitback: d.txt")


@pytest.mark.parametrize("name", ["events.csv", "audacity.txt", "folder.json", "explanation.json"])
def test_files_of_something_else_are_left_as_they_are(
    run: Run, model_folder: Path, recording: Path, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_text("mine", encoding="utf-8")
    status, *_ = run(recording, "--checkpoint", model_folder, "--playbacks", 0, "--out", tmp_path)
    assert status == 0
    assert (tmp_path / name).read_text(encoding="utf-8") == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, "long"])
    assert listened(tmp_path / "long") == (str(recording), 4)


def test_a_model_without_activity_leaves_no_events_of_another(
    run: Run, model_folder: Path, lively_folder: Path, recording: Path, tmp_path: Path
) -> None:
    for checkpoint in (lively_folder, model_folder):
        run(recording, "--checkpoint", checkpoint, "--playbacks", 0, "--out", tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == FILES
