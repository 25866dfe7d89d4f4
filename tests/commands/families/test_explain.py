"""models, bench, explain and windows for a model that cannot replay: all that it hears, and no word of playbacks."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import soundfile
from PIL import Image
from shell import Run
from tiny import CLIP_SECONDS, LABELS, RATE
from toy import COLUMN_FRAMES
from toy_commands import LONG_SECONDS, UNSUITED, assert_tells, refusal, said, told

from playitback import audio, bench
from playitback.explain import explanation as explanation_module
from playitback.recognizer import ClipHearing, Recognizer

SCHEMA_OF_JSON = json.loads(
    Path(explanation_module.__file__).with_name("explanation.schema.json").read_text(encoding="utf-8")
)


# models, bench


def test_models_says_that_there_are_no_playbacks(run: Run) -> None:
    assert told(run, "models", "toy")[0] == {
        "name": "toy",
        "family": "toy",
        "labels": list(LABELS),
        "broader": {},
        "playbacks": 0,
        "clip_seconds": CLIP_SECONDS,
        "sample_rate": RATE,
    }
    status, output, _ = run("models", "toy")
    assert status == 0
    assert output.splitlines()[0] == "toy: toy, 4 classes, no playbacks, hears 2 s at 16 kHz"


def test_its_preset_is_timed_beside_the_others(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("_MATRIX_SIZE", 32), ("_MATRIX_SECONDS", 1e-4), ("_LEAST_SECONDS", 0.0)):
        monkeypatch.setattr(bench, name, value)
    (row,) = told(run, "bench", "--presets", "toy", "--dtypes", "float32", "--batches", 2)["rows"]
    assert (row["preset"], row["hearings"], row["batch"]) == ("toy", 1, 2)
    assert row["parameters"] == 309 * (COLUMN_FRAMES + 1)
    assert row["first_hearing_operations"] == row["all_hearings_operations"] > 2 * 2 * 100 * COLUMN_FRAMES * 309


# explain


def test_explain_tells_the_one_hearing_and_its_relevance(
    run: Run, hearing: ClipHearing, decision: str, tmp_path: Path
) -> None:
    (entry,) = told(run, "explain", "clip.wav", "--checkpoint", "toy", "--out", tmp_path)
    jsonschema.Draft202012Validator(SCHEMA_OF_JSON).validate(entry)
    assert (entry["model"]["name"], entry["model"]["family"]) == ("toy", "toy")
    (only,) = entry["hearings"]
    assert_tells(only, hearing, asked=decision)
    written = json.loads((tmp_path / "clip" / "explanation.json").read_text(encoding="utf-8"))
    assert entry == {**written, "path": "clip.wav", "folder": str(tmp_path / "clip")}


def test_explain_writes_all_files_and_says_nothing_unsuited_in_them(
    run: Run, hearing: ClipHearing, decision: str, samples: np.ndarray, tmp_path: Path
) -> None:
    output = said(run, "explain", "clip.wav", "--checkpoint", "toy", "--out", tmp_path)
    heading, only = output.splitlines()
    assert heading == f"clip.wav -> {tmp_path / 'clip'}"
    chosen = ", ".join(f"{each.start_seconds:.2f}-{each.end_seconds:.2f} s" for each in hearing.segments)
    probability = 100 * hearing.probabilities.max()
    assert only == f"  hearing 0, hop 12.5 ms: {decision} {probability:.0f} %; chose {chosen}"
    written = tmp_path / "clip"
    names = {path.relative_to(written).as_posix() for path in written.rglob("*") if path.is_file()}
    segments = range(1, len(hearing.segments) + 1)
    assert names == {
        *("explanation.json", "report.html", "figure.png", "figure.svg", "hearings.csv", "segments.csv"),
        *("sounds/hearing-0-as-heard.wav", *(f"sounds/hearing-0-segment-{number}.wav" for number in segments)),
    }
    for number, segment in enumerate(hearing.segments, start=1):
        found, _ = soundfile.read(written / "sounds" / f"hearing-0-segment-{number}.wav", dtype="float32")
        wanted = samples[round(segment.start_seconds * RATE) : round(segment.end_seconds * RATE)]
        np.testing.assert_allclose(found, wanted, atol=1 / 32768)
    as_heard, _ = soundfile.read(written / "sounds" / "hearing-0-as-heard.wav", dtype="float32")
    np.testing.assert_allclose(as_heard, samples, atol=1 / 32768)
    with (written / "segments.csv").open(newline="", encoding="utf-8-sig") as lines:
        rows = list(csv.DictReader(lines))
    assert [(row["hearing"], row["replayed_in_hearing"]) for row in rows] == [("0", "")] * len(hearing.segments)
    with (written / "hearings.csv").open(newline="", encoding="utf-8-sig") as lines:
        probabilities = [float(row["probability"]) for row in csv.DictReader(lines)]
    np.testing.assert_allclose(probabilities, hearing.probabilities, atol=1e-6)
    with Image.open(written / "figure.png") as picture:
        assert picture.width > 1000
    figure = (written / "figure.svg").read_text(encoding="utf-8")
    report = re.sub(r"<(script|style).*?</\1>", "", (written / "report.html").read_text(encoding="utf-8"), flags=re.S)
    for drawn in (figure, report):
        texts = re.findall(r">([^<>]+)<", drawn)
        assert any("elevance" in text for text in texts)
        assert [text for text in texts if UNSUITED.search(text)] == []


def test_explain_for_another_class_tells_what_matters_for_that_one(
    run: Run, toy: Recognizer, samples: np.ndarray, hearing: ClipHearing, other: str, tmp_path: Path
) -> None:
    arguments = ("clip.wav", "--checkpoint", "toy", "--out", tmp_path, "--class", other)
    (entry,) = told(run, "explain", *arguments, "--files", "json")
    (asked,) = toy.explain(samples, asked=other)
    assert np.abs(asked.relevance - hearing.relevance).max() > 0.01
    assert_tells(entry["hearings"][0], asked, asked=other)
    probability = 100 * entry["hearings"][0]["probabilities"][other]
    assert f"; {other} {probability:.0f} %; chose" in said(run, "explain", *arguments)
    report = (tmp_path / "clip" / "report.html").read_text(encoding="utf-8")
    assert f"<dt>Class asked about</dt><dd>{other}</dd>" in report


def test_playbacks_are_refused(run: Run, tmp_path: Path) -> None:
    for command in ("explain", "examine", "contrast", "windows"):
        sound = "long.wav" if command == "windows" else "clip.wav"
        out = ("--out", tmp_path / "out") if command in ("explain", "windows") else ()
        line = refusal(run, command, sound, "--checkpoint", "toy", "--playbacks", 1, *out)
        assert line == "playitback: toy hears a clip once and cannot play it back; ask for 0 playbacks, not 1"
    assert not (tmp_path / "out").exists()


# a folder, a long recording


def test_a_folder_is_summarised(run: Run, toy: Recognizer, folder: Path, tmp_path: Path) -> None:
    arguments = ("clips", "--checkpoint", "toy", "--out", tmp_path, "--files", "json")
    entries = told(run, "explain", *arguments)
    decided = [entry["hearings"][0]["decision"] for entry in entries]
    paths = ["clips/c.wav", "clips/rain/b.wav", "clips/siren/a.wav"]
    assert [entry["path"] for entry in entries] == paths
    for path, decision in zip(paths, decided, strict=True):
        (heard,) = toy.explain(audio.load(folder / path, sample_rate=RATE).samples)
        assert decision == LABELS[int(heard.probabilities.argmax())]
    summary = json.loads((tmp_path / "folder.json").read_text(encoding="utf-8"))
    assert [clip["decisions"] for clip in summary["clips"]] == [[decision] for decision in decided]
    assert [clip["label"] for clip in summary["clips"]] == [None, "rain", "siren"]
    assert [clip["replayed"] for clip in summary["clips"]] == [[], [], []]
    assert summary["accuracy"] == [((decided[1] == "rain") + (decided[2] == "siren")) / 2]
    assert summary["confusion_first"] == summary["confusion_last"]
    assert summary["rescued"] == summary["spoilt"] == []
    assert all(share is None or not any(share) for share in summary["replayed_share"].values())
    table = said(run, "explain", *arguments).splitlines()
    assert table[0].split() == ["clip", "decision", "label"]
    assert [row.split()[:2] for row in table[1:4]] == [
        [Path(path).name, decision] for path, decision in zip(paths, decided, strict=True)
    ]
    assert table[4:] == [
        "3 clips",
        f"right after every hearing, of 2 with a label: {100 * summary['accuracy'][0]:.1f} %",
        f"all clips: {tmp_path / 'folder.csv'}, {tmp_path / 'folder.json'}",
    ]


def test_a_long_recording_is_classified_window_by_window(
    run: Run, toy: Recognizer, folder: Path, tmp_path: Path
) -> None:
    question = ("windows", "long.wav", "--checkpoint", "toy", "--out", tmp_path)
    found = told(run, *question)
    starts = [0.0, 2.0, 4.0, 6.0]
    assert [each["start_seconds"] for each in found["windows"]] == starts
    assert found["windows"][-1]["end_seconds"] == LONG_SECONDS
    for each, start in zip(found["windows"], starts, strict=True):
        (heard,) = toy.explain(toy.load(folder / "long.wav", start).samples)
        assert each["decision"] == LABELS[int(heard.probabilities.argmax())]
        assert each["probability"] == pytest.approx(float(heard.probabilities.max()), abs=1e-5)
    assert sum(each["windows"] for each in found["stretches"]) == 4
    written = sorted(path.name for path in tmp_path.iterdir())
    assert written == ["audacity.txt", "raven.txt", "windows.csv", "windows.json"]
    rows = said(run, *question).splitlines()
    assert [row.split()[2] for row in rows[1:]] == [each["decision"] for each in found["stretches"]]
