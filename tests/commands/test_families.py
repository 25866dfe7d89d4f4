"""Every command answers for a model of another family, which hears once and cannot replay; and answers what is true.

The family is the toy (toy.py): a class and a row. What is expected is computed here from the recognizer, or by hand.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
import soundfile
import torch
from PIL import Image
from shell import Run
from tiny import (
    CATEGORIES,
    CLIP_SECONDS,
    LABELS,
    RATE,
    sounding_clips,
    tiny_checkpoint,
    tiny_recognizer,
    write_esc50,
)
from torch import Generator
from toy import COLUMN_FRAMES, add_toy, toy_model

from playitback import audio, bench
from playitback.edits import FILLS, SILENCE, keep_only, remove
from playitback.evidence.curves import ORDERS
from playitback.evidence.faithfulness import SOURCES
from playitback.evidence.gather import CONTROLS, CURVES, LOCALISATION, SANITY, SCENES, SEGMENTS
from playitback.explain import explanation as explanation_module
from playitback.recognizer import ClipHearing, Recognizer
from playitback.segments import Segment, pad_segments

SCHEMA_OF_JSON = json.loads(
    Path(explanation_module.__file__).with_name("explanation.schema.json").read_text(encoding="utf-8")
)
#: what must not be said of a model that has no slots and cannot replay
UNSUITED = re.compile("slot|informative|attention|playback|replayed|heard again", re.IGNORECASE)
LONG_SECONDS = 3.5 * CLIP_SECONDS


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
    return tiny_recognizer(toy_model())


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


def told(run: Run, command: str, *arguments: object) -> Any:
    status, output, _ = run(command, *arguments, "--json")
    assert status == 0
    return json.loads(output)


def said(run: Run, command: str, *arguments: object) -> str:
    """As text; it says nothing of what this model does not have."""
    status, output, _ = run(command, *arguments)
    assert status == 0
    assert UNSUITED.findall(output) == []
    return output


def refusal(run: Run, command: str, *arguments: object) -> str:
    status, output, error = run(command, *arguments)
    assert (status, output) == (2, "")
    (line,) = [each for each in error.splitlines() if each.startswith("playitback: ")]
    return line


def segments_of(listed: list[dict[str, float]]) -> tuple[Segment, ...]:
    return tuple(Segment(each["start_seconds"], each["end_seconds"]) for each in listed)


def assert_tells(entry: Mapping[str, Any], heard: ClipHearing, asked: str) -> None:
    """That an entry of ``hearings`` is what was heard."""
    assert list(entry["probabilities"]) == list(LABELS)
    np.testing.assert_allclose(list(entry["probabilities"].values()), heard.probabilities, atol=1e-6)
    assert entry["decision"] == LABELS[int(heard.probabilities.argmax())]
    assert entry["asked"] == asked
    np.testing.assert_allclose(entry["relevance"], heard.relevance, atol=1e-6)
    np.testing.assert_allclose(entry["seconds"], heard.seconds, atol=1e-6)
    assert [lane["name"] for lane in entry["lanes"]] == ["relevance"]
    assert entry["lanes"][0]["values"] == entry["relevance"]
    assert segments_of(entry["segments"]) == heard.segments != ()
    assert (entry["index"], entry["replayed"], entry["activity"]) == (0, [], None)


def removed(toy: Recognizer, samples: np.ndarray, segment: Segment, label: str, fill: str = SILENCE) -> float:
    """Probability of a class without a segment of the sound."""
    segments = pad_segments([[segment]], CLIP_SECONDS)
    edited = remove(torch.from_numpy(samples).unsqueeze(0), segments, fill, RATE, Generator().manual_seed(0))
    return float(toy.classify(edited.numpy())[-1, 0, LABELS.index(label)])


# models, bench


def test_models_says_that_there_are_no_playbacks(run: Run) -> None:
    assert told(run, "models", "toy")[0] == {
        "name": "toy",
        "family": "toy",
        "labels": list(LABELS),
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
    assert entry == {"path": "clip.wav", "folder": str(tmp_path / "clip"), **written}


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
    with (written / "segments.csv").open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    assert [(row["hearing"], row["replayed_in_hearing"]) for row in rows] == [("0", "")] * len(hearing.segments)
    with (written / "hearings.csv").open(newline="", encoding="utf-8") as lines:
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
    assert f"<dt>Class followed</dt><dd>{other}</dd>" in (tmp_path / "clip" / "report.html").read_text(encoding="utf-8")


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


# what-if


@pytest.mark.parametrize(("action", "change"), [("--remove", remove), ("--keep", keep_only)])
def test_another_sound_is_heard_as_it_is_edited(
    run: Run, toy: Recognizer, samples: np.ndarray, hearing: ClipHearing, action: str, change: Any, tmp_path: Path
) -> None:
    question = ("clip.wav", action, "0.5-1", "--checkpoint", "toy")
    found = told(run, "what-if", *question, "--sound", tmp_path / "then.wav")
    segments = pad_segments([[Segment(0.5, 1.0)]], CLIP_SECONDS)
    edited = change(torch.from_numpy(samples).unsqueeze(0), segments, SILENCE, RATE, Generator())[0].numpy()
    (heard,) = toy.explain(edited)
    original, variant = (found[name]["hearings"][0] for name in ("original", "variant"))
    np.testing.assert_allclose(list(original["probabilities"].values()), hearing.probabilities, atol=1e-6)
    np.testing.assert_allclose(list(variant["probabilities"].values()), heard.probabilities, atol=1e-6)
    np.testing.assert_allclose(variant["relevance"], heard.relevance, atol=1e-6)
    assert found["difference"]["first_hearing"] == 0
    (difference,) = found["difference"]["hearings"]
    label = found["difference"]["label"]
    before, after = (each["probabilities"][label] for each in (original, variant))
    assert difference["log_odds_change"] == pytest.approx(
        np.log(after / (1 - after)) - np.log(before / (1 - before)), abs=1e-4
    )
    np.testing.assert_allclose(audio.load(tmp_path / "then.wav", sample_rate=RATE).samples, edited, atol=1 / 32768)
    heading, row = said(run, "what-if", *question).splitlines()
    assert heading.split() == ["hearing", "original", "variant", label]
    assert f"{100 * before:.0f} -> {100 * after:.0f} %" in row


def test_the_class_asked_about_is_followed_and_explained_in_both_sounds(
    run: Run, toy: Recognizer, samples: np.ndarray, other: str
) -> None:
    found = told(run, "what-if", "clip.wav", "--keep", "0.5-1", "--class", other, "--checkpoint", "toy")
    assert found["difference"]["label"] == other
    (asked,) = toy.explain(samples, asked=other)
    assert_tells(found["original"]["hearings"][0], asked, asked=other)
    assert found["variant"]["hearings"][0]["asked"] == other


def test_holding_segments_is_refused(run: Run) -> None:
    line = refusal(run, "what-if", "clip.wav", "--hold", "0:0.5-1", "--checkpoint", "toy")
    assert line == (
        "playitback: segments were held for a playback, but toy cannot replay; "
        "remove them from the sound, or keep only them, instead"
    )


def test_playbacks_are_refused(run: Run, tmp_path: Path) -> None:
    for command in ("explain", "examine", "contrast", "windows"):
        sound = "long.wav" if command == "windows" else "clip.wav"
        out = ("--out", tmp_path / "out") if command in ("explain", "windows") else ()
        line = refusal(run, command, sound, "--checkpoint", "toy", "--playbacks", 1, *out)
        assert line == "playitback: toy hears a clip once and cannot play it back; ask for 0 playbacks, not 1"
    assert not (tmp_path / "out").exists()


# examine


def test_an_examination_edits_the_sound_and_has_no_controls(
    run: Run, toy: Recognizer, samples: np.ndarray, hearing: ClipHearing, decision: str, other: str
) -> None:
    found = told(run, "examine", "clip.wav", "--checkpoint", "toy")
    assert (found["label"], found["decision"], found["replays"]) == (decision, decision, False)
    assert (found["controls"], found["drawn"], found["replay"]) == ([], [], None)
    assert segments_of(found["marked"]) == hearing.segments
    assert found["probability"] == pytest.approx(float(hearing.probabilities.max()), abs=1e-6)
    edits = {(each["source"], each["fill"]): each for each in found["edits"]}
    assert list(edits) == [(source, fill) for source in SOURCES for fill in FILLS]
    clip, segments = torch.from_numpy(samples).unsqueeze(0), pad_segments([hearing.segments], CLIP_SECONDS)
    kept, without = (
        toy.classify(edit(clip, segments, SILENCE, RATE, Generator()).numpy())[-1, 0] for edit in (keep_only, remove)
    )
    chosen = edits[SOURCES[0], SILENCE]
    explained = LABELS.index(decision)
    assert chosen["kept"] == pytest.approx(float(kept[explained]), abs=1e-5)
    assert chosen["removed"] == pytest.approx(float(without[explained]), abs=1e-5)
    assert chosen["input_fidelity"] == float(kept.argmax() == explained)
    orders = {each["order"]: each for each in found["orders"]}
    assert tuple(orders) == ORDERS
    for each in orders.values():
        assert each["deletion"][0] == each["insertion"][-1] == pytest.approx(found["probability"], abs=1e-5)
        assert each["deletion"][-1] == each["insertion"][0]
    (asked,) = toy.explain(samples, asked=other)
    of_other = told(run, "examine", "clip.wav", "--checkpoint", "toy", "--class", other)
    assert segments_of(of_other["marked"]) == asked.segments
    output = said(run, "examine", "clip.wav", "--checkpoint", "toy")
    assert f"{found['marked_seconds']:.2f} s of 2 s chosen" in output
    assert "".join(found["sentence"].split()) in "".join(output.split())
    assert "relevance" in output


# contrast


def test_a_contrast_says_which_chosen_segment_spoke_for_which_class(
    run: Run, toy: Recognizer, samples: np.ndarray, hearing: ClipHearing, decision: str, other: str
) -> None:
    question = ("contrast", "clip.wav", "--against", other, "--checkpoint", "toy")
    found = told(run, *question)
    assert (found["first_label"], found["second_label"]) == (decision, other)
    (log_odds,) = found["log_odds"]
    first, second = (float(hearing.probabilities[LABELS.index(label)]) for label in (decision, other))
    assert log_odds == pytest.approx(np.log(first / second), abs=1e-5)
    assert {segments_of([each["segment"]])[0] for each in found["segments"]} == set(hearing.segments)
    for each in found["segments"]:
        (segment,) = segments_of([each["segment"]])
        without = [removed(toy, samples, segment, label) for label in (decision, other)]
        assert [each["first_without"], each["second_without"]] == pytest.approx(without, abs=1e-5)
        assert each["change"] == pytest.approx(log_odds - np.log(without[0] / without[1]), abs=1e-4)
        assert (each["hearing_index"], each["forced"]) == (0, False)
    lines = said(run, *question).splitlines()
    assert lines[0] == f"ln(p({decision}) / p({other})), nats"
    assert len(lines) == 3 + len(hearing.segments)


# compare


def test_two_stretches_of_a_recording_are_compared(run: Run, toy: Recognizer, folder: Path) -> None:
    question = ("compare", "long.wav", "--second-start", CLIP_SECONDS, "--checkpoint", "toy")
    found = told(run, *question)
    samples = [toy.load(folder / "long.wav", start).samples for start in (0.0, CLIP_SECONDS)]
    (first,), (second,) = (toy.explain(each) for each in samples)
    (only,) = found["comparison"]["hearings"]
    assert (only["first_decision"], only["second_decision"]) == (
        LABELS[int(first.probabilities.argmax())],
        LABELS[int(second.probabilities.argmax())],
    )
    assert only["replayed"] == {
        **dict.fromkeys(("shared_seconds", "only_first_seconds", "only_second_seconds"), 0.0),
        "overlap": None,
    }
    differences = {each["label"]: each["second_probability"] - each["first_probability"] for each in classes_of(found)}
    wanted = dict(zip(LABELS, (second.probabilities - first.probabilities).tolist(), strict=True))
    assert differences == pytest.approx(wanted, abs=1e-6)
    assert [row.split()[0] for row in said(run, *question).splitlines()[:2]] == ["hearing", "0"]


@pytest.mark.parametrize("models", [("toy", "tiny"), ("tiny", "toy")])
def test_it_is_compared_with_a_model_that_replays_as_far_as_it_hears(
    run: Run, samples: np.ndarray, hearing: ClipHearing, models: tuple[str, str]
) -> None:
    question = ("compare", "clip.wav", "--checkpoint", models[0], "--second-checkpoint", models[1])
    found = told(run, *question)
    told_runs = dict(zip(models, (found["first"], found["second"]), strict=True))
    assert {name: len(each["hearings"]) for name, each in told_runs.items()} == {"toy": 1, "tiny": 4}
    assert [each["index"] for each in found["comparison"]["hearings"]] == [0]
    *_, last = tiny_recognizer().explain(samples)
    beliefs = {"toy": hearing.probabilities, "tiny": last.probabilities}
    for each in classes_of(found):
        place = LABELS.index(each["label"])
        for model, name in zip(models, ("first_probability", "second_probability"), strict=True):
            assert each[name] == pytest.approx(float(beliefs[model][place]), abs=1e-5)
    assert len(said(run, *question).splitlines()) == 2 + len(LABELS)


def classes_of(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    classes: list[dict[str, Any]] = found["comparison"]["classes"]
    assert {each["label"] for each in classes} == set(LABELS)
    return classes


# windows


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
    assert sorted(path.name for path in tmp_path.iterdir()) == ["audacity.txt", "raven.txt", "windows.csv"]
    rows = said(run, *question).splitlines()
    assert [row.split()[2] for row in rows[1:]] == [each["decision"] for each in found["stretches"]]


# evaluate, evidence


DATA = ("--data", "esc50", "--folds", 5)


@pytest.fixture(scope="module")
def heard(folder: Path) -> dict[str, tuple[np.ndarray, ClipHearing]]:
    """Of every file of the data set: its class, its samples, and how the model of its classes hears it."""
    sounds = tiny_recognizer(toy_model(labels=CATEGORIES))
    with (folder / "esc50" / "meta" / "esc50.csv").open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    found = {}
    for row in rows:
        clip = sounds.padded(sounds.load(folder / "esc50" / "audio" / row["filename"]).samples)
        (only,) = sounds.explain(clip)
        found[row["category"], row["filename"]] = clip, only
    return found


def test_it_is_evaluated_after_its_one_hearing(run: Run, heard: Mapping[Any, Any]) -> None:
    found = told(run, "evaluate", "--checkpoint", "sounds", *DATA)
    right = [CATEGORIES[int(each.probabilities.argmax())] == name for (name, _), (_, each) in heard.items()]
    assert len(right) == 8
    assert found["accuracy"] == [pytest.approx(np.mean(right))]
    sure = [each.probabilities[CATEGORIES.index(name)] for (name, _), (_, each) in heard.items()]
    assert found["true_class_probability"] == [pytest.approx(np.mean(sure), abs=1e-5)]
    assert f"{100 * np.mean(right):.2f}" in said(run, "evaluate", "--checkpoint", "sounds", *DATA)


def test_evidence_measures_all_that_needs_no_replay(
    run: Run, heard: Mapping[Any, tuple[np.ndarray, ClipHearing]], tmp_path: Path
) -> None:
    status, output, _ = run("evidence", "--checkpoint", "sounds", *DATA, "--out", tmp_path)
    assert status == 0
    assert UNSUITED.findall(output) == []
    found = json.loads((tmp_path / "evidence.json").read_text(encoding="utf-8"))
    assert (found["replays"], found["hearings"], found["clips"]) == (False, 1, 8)
    assert (found[CONTROLS], found[SCENES]) == (None, [])
    assert all(found[part] for part in (SEGMENTS, CURVES, LOCALISATION, SANITY))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        [*(f"{part}.png" for part in (SEGMENTS, CURVES, LOCALISATION, SANITY)), "evidence.json", "evidence.txt"]
    )
    assert (tmp_path / "evidence.txt").read_text(encoding="utf-8") == output
    assert "1 hearing;" in output
    assert "relevance" in output
    chosen_seconds = [sum(each.seconds for each in one.segments) for _, one in heard.values()]
    assert found["marked_seconds"] == pytest.approx(np.mean(chosen_seconds), abs=1e-6)
    # what removal takes away, by hand
    sounds = tiny_recognizer(toy_model(labels=CATEGORIES))
    lost = []
    for clip, one in heard.values():
        segments = pad_segments([one.segments], CLIP_SECONDS)
        without = remove(torch.from_numpy(clip).unsqueeze(0), segments, SILENCE, RATE, Generator())
        decided = int(one.probabilities.argmax())
        lost.append(one.probabilities[decided] - sounds.classify(without.numpy())[-1, 0, decided])
    (score,) = [each for each in found[SEGMENTS]["scores"] if (each["source"], each["fill"]) == (SOURCES[0], SILENCE)]
    assert score["scores"]["faithfulness"]["mean"] == pytest.approx(np.mean(lost), abs=1e-5)
    assert [each["part"] for each in found[SANITY]["parts"]] == ["heads"]


def test_evidence_that_needs_replay_is_refused(run: Run) -> None:
    line = refusal(run, "evidence", "--checkpoint", "sounds", *DATA, "--parts", CONTROLS)
    assert line == "playitback: sounds cannot replay, and controls ask for other replays; leave them out"
