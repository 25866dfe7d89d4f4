"""Claims about ``explain``: what it writes and prints of clips and folders, and how it fails."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from shell import JSON_ONLY, Run, assert_explained, assert_one_sentence, entries
from tiny import LABELS, RATE, clicks, noise, tiny_checkpoint, tone

from playitback import audio, checkpoint
from playitback.recognizer import Recognizer


def test_explain_writes_a_folder_named_after_the_clip(
    run: Run, model_folder: Path, sounds: Path, tmp_path: Path
) -> None:
    arguments = ("--checkpoint", model_folder, "--out", tmp_path / "out", *JSON_ONLY)
    status, output, _ = run("explain", sounds / "bell.wav", *arguments)
    assert status == 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["bell"]
    explanation = assert_explained(tmp_path / "out" / "bell", "bell.wav")
    hearings = explanation["hearings"]
    assert len(hearings) == 4
    for hearing in hearings:
        assert set(hearing["probabilities"]) == set(LABELS)
        assert sum(hearing["probabilities"].values()) == pytest.approx(1, abs=1e-4)
        assert [lane["name"] for lane in hearing["lanes"]] == ["informative", "uninformative"]
        assert all(len(lane["values"]) == len(hearing["seconds"]) == 40 for lane in hearing["lanes"])
        assert hearing["relevance"] == hearing["lanes"][0]["values"]
        assert hearing["asked"] == hearing["decision"]
        assert all(0 <= each["start_seconds"] < each["end_seconds"] <= 2 for each in hearing["segments"])
    assert [hearing["hop_seconds"] for hearing in hearings] == [0.0125, 0.00625, 0.0041875, 0.003125]
    assert f"bell.wav -> {tmp_path / 'out' / 'bell'}" in output
    assert [line.split(",")[0].strip() for line in output.splitlines()[-4:]] == [
        f"hearing {index}" for index in range(4)
    ]
    assert hearings[-1]["decision"] in output


def test_explain_writes_all_that_can_be_taken_away(run: Run, model_folder: Path, sounds: Path, tmp_path: Path) -> None:
    arguments = ("--checkpoint", model_folder, "--out", tmp_path, "--playbacks", 1)
    status, *_ = run("explain", sounds / "bell.wav", *arguments)
    assert status == 0
    explanation = assert_explained(tmp_path / "bell", "bell.wav")
    assert {path.name for path in (tmp_path / "bell").iterdir()} == {
        "explanation.json", "report.html", "figure.png", "figure.svg", "hearings.csv", "segments.csv", "sounds",
    }  # fmt: skip
    assert {path.name for path in (tmp_path / "bell" / "sounds").iterdir()} == {
        *(f"hearing-{index}-as-heard.wav" for index in range(2)),
        *(
            f"hearing-{hearing['index']}-segment-{number}.wav"
            for hearing in explanation["hearings"]
            for number in range(1, len(hearing["segments"]) + 1)
        ),
    }
    assert "bell.wav" in (tmp_path / "bell" / "report.html").read_text(encoding="utf-8")


def test_explain_writes_json_alone_where_that_is_wanted(
    run: Run, model_folder: Path, sounds: Path, tmp_path: Path
) -> None:
    run("explain", sounds / "bell.wav", "--checkpoint", model_folder, "--out", tmp_path, *JSON_ONLY)
    assert [path.name for path in (tmp_path / "bell").iterdir()] == ["explanation.json"]


def test_explain_takes_several_clips_and_folders(run: Run, model_folder: Path, sounds: Path, tmp_path: Path) -> None:
    folder = tmp_path / "more"
    (folder / "deep").mkdir(parents=True)
    audio.write_wav(folder / "a.wav", tone(1.0), RATE)
    audio.write_wav(folder / "deep" / "b.wav", tone(1.0), RATE)
    (folder / "notes.txt").write_text("no sound", encoding="utf-8")
    out = tmp_path / "out"
    arguments = ("--checkpoint", model_folder, "--out", out, "--playbacks", 0, *JSON_ONLY)
    status, *_ = run("explain", sounds / "bell.wav", folder, *arguments)
    assert status == 0
    assert sorted(path.name for path in out.iterdir()) == ["a", "b", "bell", "folder.csv", "folder.json"]
    assert len(assert_explained(out / "b", "b.wav")["hearings"]) == 1


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two class folders, and one clip beside them."""
    folder = tmp_path_factory.mktemp("labelled")
    for name, samples in (("bell/one", tone(2.0)), ("rain/two", noise(2.0)), ("three", clicks(2.0, [0.5, 1.2]))):
        path = folder / f"{name}.wav"
        path.parent.mkdir(exist_ok=True)
        audio.write_wav(path, samples, RATE)
    return folder


def test_a_folder_of_clips_gets_a_table_and_what_replay_changed(
    run: Run, model_folder: Path, labelled: Path, tmp_path: Path
) -> None:
    arguments = ("--checkpoint", model_folder, "--out", tmp_path, *JSON_ONLY)
    status, output, _ = run("explain", labelled, *arguments)
    assert status == 0
    with (tmp_path / "folder.csv").open(newline="", encoding="utf-8-sig") as lines:
        rows = list(csv.DictReader(lines))
    assert [(row["path"], row["label"]) for row in rows] == [
        (str(labelled / "three.wav"), ""),
        (str(labelled / "bell" / "one.wav"), "bell"),
        (str(labelled / "rain" / "two.wav"), "rain"),
    ]
    summary = json.loads((tmp_path / "folder.json").read_text(encoding="utf-8"))
    decisions = [[each["decision"] for each in explained(tmp_path, row)["hearings"]] for row in rows]
    assert [clip["decisions"] for clip in summary["clips"]] == decisions
    right = [decisions[1][index] == "bell" for index in range(4)], [decisions[2][index] == "rain" for index in range(4)]
    assert summary["accuracy"] == [(first + second) / 2 for first, second in zip(*right, strict=True)]
    table = output.splitlines()
    assert [line.split()[0] for line in table[:4]] == ["clip", "three.wav", "one.wav", "two.wav"]
    for line, clip, decided in zip(table[1:4], summary["clips"], decisions, strict=True):
        assert f"{decided[-1]} {100 * clip['probabilities'][-1]:.0f} %" in line
        assert f"{clip['replayed_seconds']:.2f} s" in line
        assert ("right" in line, "wrong" in line) == (
            clip["label"] == decided[-1],
            clip["label"] not in (None, decided[-1]),
        )
    assert "of 2 with a label" in table[-3]
    assert str(tmp_path / "folder.csv") in table[-1]


def test_a_folder_of_clips_gets_its_events_and_their_labels(
    run: Run, lively_folder: Path, labelled: Path, tmp_path: Path
) -> None:
    arguments = ("--checkpoint", lively_folder, "--playbacks", 0)
    status, output, _ = run("explain", labelled / "rain", labelled / "bell", *arguments, "--out", tmp_path)
    assert status == 0
    assert str(tmp_path / "events.csv") in output
    clips = json.loads((tmp_path / "folder.json").read_text(encoding="utf-8"))["clips"]
    with (tmp_path / "events.csv").open(newline="", encoding="utf-8-sig") as lines:
        rows = list(csv.DictReader(lines))
    told = [(clip["path"], event["class"], event["start_seconds"]) for clip in clips for event in clip["events"]]
    assert [(row["path"], row["class"], float(row["start"])) for row in rows] == told
    assert told
    for clip in clips:
        folder = tmp_path / Path(clip["path"]).stem
        lines = (folder / "audacity.txt").read_text(encoding="utf-8").splitlines()
        assert [line.split("\t")[2] for line in lines] == [event["class"] for event in clip["events"]]
        assert len((folder / "raven.txt").read_text(encoding="utf-8").splitlines()) == 1 + len(clip["events"])


def explained(out: Path, row: dict[str, str]) -> dict[str, Any]:
    return assert_explained(out / Path(row["path"]).stem, Path(row["path"]).name)


def test_labels_can_be_given_as_a_table(run: Run, model_folder: Path, labelled: Path, tmp_path: Path) -> None:
    (labelled / "truth.csv").write_text("path,label\nthree.wav,knock\nbell/one.wav,siren\n", encoding="utf-8")
    arguments = ("--checkpoint", model_folder, "--out", tmp_path, "--playbacks", 0, *JSON_ONLY, "--json")
    status, output, _ = run("explain", labelled, *arguments, "--labels", labelled / "truth.csv")
    assert status == 0
    summary = json.loads((tmp_path / "folder.json").read_text(encoding="utf-8"))
    assert [clip["label"] for clip in summary["clips"]] == ["knock", "siren", None]
    assert [entry["clip"]["name"] for entry in entries(output)] == ["three.wav", "one.wav", "two.wav"]


def test_a_wrong_table_of_labels_is_told_before_anything_is_written(
    run: Run, model_folder: Path, labelled: Path, tmp_path: Path
) -> None:
    (tmp_path / "truth.csv").write_text("path,label\nthree.wav,zebra\n", encoding="utf-8")
    arguments = ("--checkpoint", model_folder, "--out", tmp_path / "out", "--labels", tmp_path / "truth.csv")
    status, output, error = run("explain", labelled, *arguments)
    assert (status, output) == (2, "")
    assert_one_sentence(error, "zebra")
    assert not (tmp_path / "out").exists()


def test_clips_of_one_name_get_numbered_folders(run: Run, model_folder: Path, tmp_path: Path) -> None:
    clips = []
    for name, seconds in [("one/dog.wav", 0.5), ("two/dog.wav", 0.6), ("dog-2.wav", 0.7)]:
        clips.append(tmp_path / name)
        clips[-1].parent.mkdir(exist_ok=True)
        audio.write_wav(clips[-1], tone(seconds), RATE)
    out = tmp_path / "out"
    arguments = ("--checkpoint", model_folder, "--out", out, "--playbacks", 0, "--json", *JSON_ONLY)
    status, output, _ = run("explain", *clips, *arguments)
    assert status == 0
    written = [(each["path"], each["folder"], each["clip"]["seconds"]) for each in entries(output)]
    assert written == [
        (str(clips[0]), str(out / "dog"), 0.5),
        (str(clips[1]), str(out / "dog-2"), 0.6),
        (str(clips[2]), str(out / "dog-2-2"), 0.7),
    ]
    for _, folder, _ in written:
        assert (Path(folder) / "explanation.json").is_file()


def test_json_says_what_the_files_say(run: Run, model_folder: Path, sounds: Path, tmp_path: Path) -> None:
    arguments = ("--checkpoint", model_folder, "--out", tmp_path, "--json", *JSON_ONLY)
    status, output, _ = run("explain", sounds / "bell.wav", sounds / "knock.wav", *arguments)
    assert status == 0
    for entry, name in zip(entries(output), ("bell", "knock"), strict=True):
        written = assert_explained(tmp_path / name, f"{name}.wav")
        assert entry == {"path": str(sounds / f"{name}.wav"), "folder": str(tmp_path / name), **written}


def test_window_starts_where_it_is_asked_to(run: Run, model_folder: Path, tmp_path: Path) -> None:
    long = np.concatenate([np.zeros(48_000, np.float32), tone(2.0)])
    audio.write_wav(tmp_path / "long.wav", long, RATE)
    arguments = ("--checkpoint", model_folder, "--out", tmp_path, "--start", 3, "--playbacks", 0, *JSON_ONLY)
    status, output, _ = run("explain", tmp_path / "long.wav", *arguments)
    assert status == 0
    explanation = assert_explained(tmp_path / "long", "long.wav")
    assert explanation["clip"]["start_seconds"] == 3
    assert explanation["clip"]["explained_seconds"] == 2
    assert "long.wav is 5.00 s long" in output


def test_one_channel_is_explained_where_it_is_asked_for(
    run: Run, model_folder: Path, sounds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Recognizer, "batch", 1)  # so that answers are the same to the bit
    bell, rain = (soundfile.read(sounds / f"{name}.wav", dtype="int16")[0] for name in ("bell", "rain"))
    soundfile.write(tmp_path / "both.wav", np.stack([bell, rain], axis=1), RATE)
    arguments = ("--checkpoint", model_folder, "--out", tmp_path / "out", "--playbacks", 1, *JSON_ONLY)
    status, output, _ = run("explain", tmp_path / "both.wav", sounds / "rain.wav", *arguments, "--channel", 1)
    assert status == 0
    told = "both.wav: of its 2 channels only channel 1 was taken, as chosen."
    assert told in output
    first = assert_explained(tmp_path / "out" / "both", "both.wav")
    assert (first["clip"]["channels"], first["clip"]["channel"], first["notes"]) == (2, 1, [told])
    run("explain", tmp_path / "both.wav", sounds / "rain.wav", *arguments, "--channel", 2)
    second = assert_explained(tmp_path / "out" / "both", "both.wav")  # other settings: explained again
    run("explain", sounds / "bell.wav", sounds / "rain.wav", *arguments[:3], tmp_path / "alone", *arguments[4:])
    for explanation, name in ((first, "bell"), (second, "rain")):
        assert explanation["hearings"] == assert_explained(tmp_path / "alone" / name, f"{name}.wav")["hearings"]


def test_a_channel_that_is_not_there_is_told_in_one_sentence_and_the_others_are_written(
    run: Run, model_folder: Path, sounds: Path, tmp_path: Path
) -> None:
    soundfile.write(tmp_path / "both.wav", np.stack([tone(1.0), noise(1.0)], axis=1), RATE)
    arguments = ("--checkpoint", model_folder, "--out", tmp_path / "out", *JSON_ONLY, "--channel", 2)
    status, _, error = run("explain", sounds / "bell.wav", tmp_path / "both.wav", *arguments)
    assert status == 2
    assert_one_sentence(error, "channel 2 is asked for, but bell.wav has one channel; choose 1, or none, to mix them")
    assert_explained(tmp_path / "out" / "both", "both.wav")


def test_bad_file_is_told_in_one_sentence_and_the_others_are_written(
    run: Run, model_folder: Path, sounds: Path, tmp_path: Path
) -> None:
    arguments = ("--checkpoint", model_folder, "--out", tmp_path, "--playbacks", 0, *JSON_ONLY)
    status, _, error = run("explain", sounds / "broken.wav", sounds / "bell.wav", *arguments)
    assert status == 2
    assert_one_sentence(error, "broken.wav")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bell", "folder.csv", "folder.json"]
    assert_explained(tmp_path / "bell", "bell.wav")


def test_clip_too_short_for_the_start_spoils_no_other(
    run: Run, model_folder: Path, sounds: Path, tmp_path: Path
) -> None:
    arguments = ("--checkpoint", model_folder, "--out", tmp_path, "--playbacks", 0, "--start", 1, *JSON_ONLY)
    status, _, error = run("explain", sounds / "knock.wav", sounds / "bell.wav", *arguments)
    assert status == 2
    assert_one_sentence(error, "knock.wav", "choose an earlier start")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bell", "folder.csv", "folder.json"]


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


def test_a_class_can_be_asked_about(run: Run, model_folder: Path, sounds: Path, tmp_path: Path) -> None:
    arguments = ("--checkpoint", model_folder, "--out", tmp_path, "--playbacks", 1)
    run("explain", sounds / "bell.wav", *arguments, *JSON_ONLY)
    decided = assert_explained(tmp_path / "bell", "bell.wav")["hearings"]
    other = min(LABELS, key=lambda label: decided[-1]["probabilities"][label])
    status, output, _ = run("explain", sounds / "bell.wav", *arguments, "--class", other)
    assert status == 0
    asked = assert_explained(tmp_path / "bell", "bell.wav")["hearings"]
    assert [hearing["asked"] for hearing in asked] == [other] * 2
    assert [hearing["decision"] for hearing in asked] == [hearing["decision"] for hearing in decided]
    for hearing, line in zip(asked, output.splitlines()[-2:], strict=True):
        assert f"; {other} {100 * hearing['probabilities'][other]:.0f} %; chose" in line
    report = (tmp_path / "bell" / "report.html").read_text(encoding="utf-8")
    assert f"<dt>Class asked about</dt><dd>{other}</dd>" in report


def test_a_class_that_the_model_does_not_know_is_told_before_anything_is_written(
    run: Run, model_folder: Path, sounds: Path, tmp_path: Path
) -> None:
    arguments = ("--checkpoint", model_folder, "--out", tmp_path / "out", "--class", "zebra")
    status, output, error = run("explain", sounds / "bell.wav", *arguments)
    assert (status, output) == (2, "")
    assert_one_sentence(error, "tiny knows no class 'zebra'; choose one of its 4 classes")
    assert not (tmp_path / "out").exists()


def test_explain_tells_what_suffices_and_what_every_second_says_where_that_is_asked_for(
    run: Run, model_folder: Path, sounds: Path, tmp_path: Path
) -> None:
    asked = ("--passages", "--check", "--class", LABELS[1], "--playbacks", 1)
    status, output, _ = run("explain", sounds / "bell.wav", "--checkpoint", model_folder, "--out", tmp_path, *asked)
    assert status == 0
    explanation = assert_explained(tmp_path / "bell", "bell.wav")
    passages, alone = explanation["passages"], explanation["alone"]
    assert passages["label"] == alone["label"] == LABELS[1]
    assert passages["suffices"]["seconds"] > 0
    assert len(alone["seconds"]) == len(alone["stretches"]) == len(alone["probabilities"][LABELS[1]]) > 0
    assert "in the whole clip" in output
    assert "each heard alone" in output
    report = (tmp_path / "bell" / "report.html").read_text(encoding="utf-8")
    assert "The passage that suffices" in report
    assert "each heard alone" in report
    holding = {
        name
        for name, key in (("passage-that-suffices.wav", "suffices"), ("without-what-it-needs.wav", "needs"))
        if passages[key] is not None and passages[key]["holds"]
    }
    written = {path.name for path in (tmp_path / "bell" / "sounds").iterdir()}
    assert {name for name in written if not name.startswith("hearing-")} == holding


def test_explain_tells_neither_where_it_is_not_asked_for(
    run: Run, model_folder: Path, sounds: Path, tmp_path: Path
) -> None:
    run("explain", sounds / "bell.wav", "--checkpoint", model_folder, "--out", tmp_path, *JSON_ONLY, "--playbacks", 0)
    explanation = json.loads((tmp_path / "bell" / "explanation.json").read_text(encoding="utf-8"))
    assert (explanation["passages"], explanation["alone"]) == (None, None)
