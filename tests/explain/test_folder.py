"""Claims about a folder of clips: what is kept of every clip, whose label it bears, what all of them say together."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest
from tiny import CLIP_SECONDS, LABELS, lively_model, recognizer_of, sounding_clips

from playitback.audio import Recording, RecordingInfo
from playitback.errors import DataSetError, SettingsError
from playitback.explain.events import Event
from playitback.explain.explanation import Explanation
from playitback.explain.folder import (
    BY_DECISION,
    BY_LABEL,
    TIME_BINS,
    ClipSummary,
    FolderSummary,
    label_of,
    read_labels,
    summarise,
    summary_of,
)
from playitback.report.labels import write_folder_events
from playitback.segments import Segment

BIN_SECONDS = CLIP_SECONDS / TIME_BINS


@pytest.fixture(scope="module")
def explanation() -> Explanation:
    recognizer = recognizer_of()
    samples = sounding_clips(1)[0].numpy()
    recording = Recording(samples, RecordingInfo("clip.wav", CLIP_SECONDS, 16_000, 1, "WAV"), 0.0, 16_000)
    return Explanation.of(recording, recognizer, recognizer.explain(samples))


def clip(name: str, label: str | None, *decisions: str, replayed: tuple[Segment, ...] = ()) -> ClipSummary:
    return ClipSummary(Path("clips", name), name, label, decisions, (0.5,) * len(decisions), replayed, CLIP_SECONDS)


# One clip


def test_a_summary_says_what_its_explanation_says(explanation: Explanation) -> None:
    summary = summarise(explanation, Path("bell/clip.wav"), "bell")
    assert (summary.path, summary.name, summary.label) == (Path("bell/clip.wav"), "clip.wav", "bell")
    assert summary.decisions == tuple(explanation.decision(index) for index in range(4))
    assert summary.probabilities == tuple(
        explanation.probability(index, decision) for index, decision in enumerate(summary.decisions)
    )


def test_time_replayed_twice_counts_once(explanation: Explanation) -> None:
    replayed = [(), (Segment(0.2, 0.6), Segment(1.0, 1.25)), (Segment(0.5, 0.75),), (Segment(1.0, 1.1),)]
    hearings = tuple(
        replace(hearing, replayed=each) for hearing, each in zip(explanation.hearings, replayed, strict=True)
    )
    summary = summarise(replace(explanation, hearings=hearings), Path("clip.wav"))
    assert summary.replayed == (Segment(0.2, 0.75), Segment(1.0, 1.25))
    assert summary.replayed_seconds == pytest.approx(0.8)


def test_a_clip_that_is_heard_once_replays_nothing(explanation: Explanation) -> None:
    once = summarise(replace(explanation, hearings=explanation.hearings[:1]), Path("clip.wav"))
    assert (once.replayed, once.replayed_seconds, once.changed_at) == ((), 0, ())


@pytest.mark.parametrize(
    ("decisions", "changed_at", "rescued", "spoilt"),
    [
        (("rain", "rain", "rain"), (), False, False),
        (("bell", "bell", "rain"), (2,), True, False),
        (("rain", "bell", "siren"), (1, 2), False, True),
        (("rain", "bell", "rain"), (1, 2), False, False),  # right, wrong, right
        (("bell", "siren", "siren"), (1,), False, False),  # wrong in two ways
    ],
)
def test_replay_rescues_what_was_wrong_and_spoils_what_was_right(
    decisions: tuple[str, ...], changed_at: tuple[int, ...], rescued: bool, spoilt: bool
) -> None:
    summary = clip("a.wav", "rain", *decisions)
    assert (summary.changed_at, summary.rescued, summary.spoilt) == (changed_at, rescued, spoilt)
    unlabelled = replace(summary, label=None)
    assert (unlabelled.changed_at, unlabelled.rescued, unlabelled.spoilt) == (changed_at, False, False)


# Labels


def test_a_clip_is_labelled_by_its_folder_if_that_is_a_class(tmp_path: Path) -> None:
    assert label_of(tmp_path / "rain" / "a.wav", LABELS) == "rain"
    assert label_of(tmp_path / "field trip" / "a.wav", LABELS) is None
    assert label_of(tmp_path / "rain" / "deep" / "a.wav", LABELS) is None


def test_a_folder_is_known_by_its_name_from_inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "rain").mkdir()
    monkeypatch.chdir(tmp_path / "rain")
    assert label_of(Path("a.wav"), LABELS) == "rain"


def test_a_table_labels_clips_and_overrules_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = tmp_path / "labels.csv"
    elsewhere = tmp_path / "elsewhere" / "c.wav"
    table.write_text(
        f'\N{ZERO WIDTH NO-BREAK SPACE}path,note,label\nrain/a.wav,x,bell\n"b, again.wav",,knock\n{elsewhere},,siren\n',
        encoding="utf-8",
    )
    labels = read_labels(table, LABELS)
    monkeypatch.chdir(tmp_path)
    assert label_of(Path("rain/a.wav"), LABELS, labels) == "bell"
    assert label_of(tmp_path / "rain" / ".." / "b, again.wav", LABELS, labels) == "knock"
    assert label_of(elsewhere, LABELS, labels) == "siren"
    assert label_of(Path("rain/not listed.wav"), LABELS, labels) is None


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("file,label\na.wav,rain\n", "lacks the column path; give a CSV file whose first line is path,label"),
        ("", "lacks the column path"),
        ("path,label,label\na.wav,rain,bell\n", "has the column label twice; keep one"),
        ("path,label\na.wav,rain\nb.wav,\n", "line 3: a path or a label is missing"),
        ("path,label\na.wav\n", "line 2: a path or a label is missing"),
        ("path,label\na.wav,hail\n", "line 2: the model knows no class 'hail'; write it as the model does"),
        ("path,label\na.wav,rain\n./a.wav,bell\n", "line 3: ./a.wav is 'bell' here and 'rain' above; keep one"),
        ("path,label\n\xff.wav,rain\n", "cannot be read as a table .*; save it as CSV in UTF-8"),
    ],
)
def test_a_table_that_is_no_good_is_told(tmp_path: Path, content: str, told: str) -> None:
    (tmp_path / "labels.csv").write_text(content, encoding="latin-1")
    with pytest.raises(DataSetError, match=rf"labels\.csv.*{told}"):
        read_labels(tmp_path / "labels.csv", LABELS)


def test_a_table_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(
        DataSetError, match=r"nowhere\.csv cannot be read \(No such file or directory\); check its name"
    ):
        read_labels(tmp_path / "nowhere.csv", LABELS)


# The folder

CLIPS = (
    clip("right.wav", "rain", "rain", "rain"),
    clip("rescued.wav", "rain", "bell", "rain"),
    clip("spoilt.wav", "bell", "bell", "siren"),
    clip("wrong.wav", "bell", "knock", "knock"),
    clip("unknown.wav", None, "siren", "bell"),
)


def test_confusion_is_counted_before_and_after_replay() -> None:
    summary = FolderSummary.of(iter(CLIPS), LABELS)
    bell, rain, siren, knock = range(4)
    first, last = np.zeros((4, 4), int), np.zeros((4, 4), int)
    first[rain, rain] = first[rain, bell] = first[bell, bell] = first[bell, knock] = 1
    last[rain, rain] = 2
    last[bell, siren] = last[bell, knock] = 1
    np.testing.assert_array_equal(summary.confusion_first, first)
    np.testing.assert_array_equal(summary.confusion_last, last)
    assert summary.accuracy == (0.5, 0.5)
    assert [each.name for each in summary.rescued] == ["rescued.wav"]
    assert [each.name for each in summary.spoilt] == ["spoilt.wav"]
    assert summary.clips == CLIPS


def test_replayed_time_is_counted_where_in_the_clip_it_lies() -> None:
    half = Segment(0.0, CLIP_SECONDS / 2)
    clips = [
        clip("a.wav", "rain", "rain", replayed=(half,)),
        # the first two bins are mostly inside, the third is mostly not
        clip("b.wav", "rain", "bell", replayed=(Segment(0.4 * BIN_SECONDS, 2.4 * BIN_SECONDS),)),
        clip("c.wav", "siren", "siren", replayed=(Segment(CLIP_SECONDS - BIN_SECONDS, CLIP_SECONDS),)),
        clip("d.wav", None, "knock", replayed=(half,)),
    ]
    summary = FolderSummary.of(clips, LABELS)
    assert summary.grouped_by == BY_LABEL
    bell, rain, siren, knock = summary.replayed_share
    np.testing.assert_array_equal(rain, [1, 1] + [0.5] * 8 + [0] * 10)
    np.testing.assert_array_equal(siren, [0] * 19 + [1])
    assert np.isnan(bell).all()  # a decision, but the label of no clip
    assert np.isnan(knock).all()


def test_without_labels_clips_are_grouped_by_what_was_decided_last() -> None:
    clips = [replace(each, label=None, replayed=(Segment(0, CLIP_SECONDS),)) for each in CLIPS]
    summary = FolderSummary.of(clips, LABELS)
    assert (summary.grouped_by, summary.accuracy, summary.rescued, summary.spoilt) == (BY_DECISION, (), (), ())
    np.testing.assert_array_equal(summary.replayed_share, np.ones((4, TIME_BINS)))
    found = json.loads(json.dumps(summary.to_dict()))
    assert [found[name] for name in ("accuracy", "confusion_first", "confusion_last", "rescued", "spoilt")] == [
        None
    ] * 5


def test_a_folder_is_json() -> None:
    found = json.loads(json.dumps(FolderSummary.of(CLIPS, LABELS).to_dict()))
    assert found["schema"] == "playitback.folder/1"
    assert found["labels"] == list(LABELS)
    assert found["confusion_last"][1] == [0, 2, 0, 0]
    assert found["rescued"] == [str(Path("clips/rescued.wav"))]
    assert found["replayed_share"] == {"bell": [0.0] * 20, "rain": [0.0] * 20, "siren": None, "knock": None}
    assert found["clips"][1] == {
        "path": str(Path("clips/rescued.wav")),
        "name": "rescued.wav",
        "label": "rain",
        "recorded_at": None,
        "decisions": ["bell", "rain"],
        "broader": [],
        "probabilities": [0.5, 0.5],
        "replayed": [],
        "replayed_seconds": 0,
        "changed_at": [1],
        "known": None,
        "events": None,
    }


def test_a_folder_is_a_table(tmp_path: Path) -> None:
    changing = replace(clip("a, b.wav", None, "bell", "rain", "bell", replayed=(Segment(0.25, 1.0),)), known=0.125)
    FolderSummary.of([changing], LABELS).write_csv(tmp_path / "clips.csv")
    with (tmp_path / "clips.csv").open(newline="", encoding="utf-8-sig") as file:
        (row,) = csv.DictReader(file)
    assert row == {
        "path": str(Path("clips/a, b.wav")),
        "label": "",
        **{"class_0": "bell", "confidence_0": "0.5000", "class_1": "rain", "confidence_1": "0.5000"},
        **{"class_2": "bell", "confidence_2": "0.5000", "replayed_seconds": "0.750", "changed_at": "1;2"},
        "known": "0.1250",
        "events": "",
    }


def test_events_of_a_clip_are_in_its_row_and_in_a_table_of_their_own(tmp_path: Path) -> None:
    events = (Event("rain", 0.5, 1.25, 0.75, 1.0), Event("bell", 0.8, 1.0, 0.5, 0.9))
    began = datetime(2024, 1, 31, 23, 59, 59, 500_000)
    clips = [
        replace(clip("a.wav", None, "bell"), events=events, began=began),
        replace(clip("b.wav", None, "bell"), events=events[:1]),
    ]
    summary = FolderSummary.of(clips, LABELS)
    assert summary.has_events
    assert not FolderSummary.of(CLIPS, LABELS).has_events
    assert [each["events"] for each in summary.to_dict()["clips"]] == [
        [event.to_dict() for event in each.events or ()] for each in clips
    ]
    summary.write_csv(tmp_path / "clips.csv")
    with (tmp_path / "clips.csv").open(newline="", encoding="utf-8-sig") as file:
        assert [row["events"] for row in csv.DictReader(file)] == ["rain 0.50-1.25; bell 0.80-1.00", "rain 0.50-1.25"]
    write_folder_events(clips, tmp_path / "events.csv")
    with (tmp_path / "events.csv").open(newline="", encoding="utf-8-sig") as file:
        first, second, third = csv.DictReader(file)
    rain = {"start": "0.5", "stop": "1.25", "class": "rain", "confidence": "0.7500"}
    bell = {"start": "0.8", "stop": "1.0", "class": "bell", "confidence": "0.5000"}
    assert first == {"path": str(Path("clips/a.wav")), **rain, "clock": "2024-02-01T00:00:00.000"}
    assert second == {"path": str(Path("clips/a.wav")), **bell, "clock": "2024-02-01T00:00:00.300"}
    assert third == {"path": str(Path("clips/b.wav")), **rain, "clock": ""}


def test_a_summary_has_the_events_of_models_with_activity(explanation: Explanation) -> None:
    assert summarise(explanation, Path("clip.wav")).events is None
    recognizer = recognizer_of(lively_model(always=2))
    heard = recognizer.explain(sounding_clips(1)[0].numpy())
    (event,) = summarise(replace(explanation, hearings=tuple(heard)), Path("clip.wav")).events or ()
    assert (event.label, event.start_seconds, event.end_seconds) == ("siren", 0.0, CLIP_SECONDS)


def test_no_clips_and_clips_of_different_runs_are_told() -> None:
    with pytest.raises(SettingsError, match="no clip was explained; give a folder"):
        FolderSummary.of([], LABELS)
    with pytest.raises(SettingsError, match="some clips were heard 1 times and some 2 times; explain all"):
        FolderSummary.of([CLIPS[0], clip("once.wav", None, "rain")], LABELS)


def test_a_summary_is_read_back_as_it_was_told() -> None:
    whole = replace(
        clip("a.wav", "rain", "bell", "rain", replayed=(Segment(0.25, 1.0),)),
        events=(Event("rain", 0.5, 1.25, 0.75, 1.0),),
        known=0.125,
        began=datetime(2024, 1, 31, 23, 59, 59, 500_001, timezone(timedelta(hours=2))),
    )
    for each in (whole, *CLIPS):
        assert summary_of(json.loads(json.dumps(each.to_dict())), CLIP_SECONDS) == each


def test_a_class_that_begins_like_a_formula_is_read_back_from_our_own_table(tmp_path: Path) -> None:
    classes = ("-wind", "=rain")
    clips = [ClipSummary(Path("+a.wav"), "+a.wav", "-wind", ("=rain",), (0.5,), (), CLIP_SECONDS)]
    FolderSummary.of(clips, classes).write_csv(tmp_path / "folder.csv")
    assert read_labels(tmp_path / "folder.csv", classes) == {(tmp_path / "+a.wav").resolve(): "-wind"}
