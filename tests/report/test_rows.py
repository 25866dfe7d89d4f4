"""A hearing as a row: its lanes, by their names, the map of classes, and its sound at the model's own rate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import soundfile
from tiny import recognizer_of, sounding_clips, tiny_model
from toy import toy_model

from playitback.audio import Recording, RecordingInfo
from playitback.explain.explanation import Explanation
from playitback.models.listener import Listener
from playitback.report.rows import PlayerView, RowView, draw_row, player_data

CLASSES = ("bell", "rain", "siren", "knock", "dog_bark", "cat", "wind", "horn")
SAMPLES = sounding_clips(1)[0].numpy()


def explained(model: Listener) -> Explanation:
    recognizer = recognizer_of(model)
    rate = recognizer.sample_rate
    info = RecordingInfo("bell.wav", len(SAMPLES) / rate, rate, 1, "WAV")
    recording = Recording(samples=SAMPLES, start_seconds=0.0, sample_rate=rate, notes=(), info=info)
    return Explanation.of(recording, recognizer, recognizer.explain(SAMPLES))


def first_row(explanation: Explanation, folder: Path) -> RowView:
    return draw_row(explanation, 0, SAMPLES, ((0.5, 1000.0),), folder)


def test_the_lanes_of_slots_are_their_attention(tmp_path: Path) -> None:
    explanation = explained(tiny_model())
    row = first_row(explanation, tmp_path)
    assert [lane.name for lane in row.lanes] == ["informative attention", "uninformative attention"]
    np.testing.assert_array_equal(row.lanes[0].values, explanation.hearings[0].relevance)
    np.testing.assert_array_equal(row.lane_seconds, explanation.hearings[0].seconds)


def test_a_family_without_slots_names_its_lanes_itself(tmp_path: Path) -> None:
    explanation = explained(toy_model())
    (hearing,) = explanation.hearings
    row = first_row(explanation, tmp_path)
    assert [lane.name for lane in row.lanes] == [lane.name for lane in hearing.lanes]
    np.testing.assert_array_equal(row.lanes[0].values, hearing.relevance)


def told(levels: Mapping[str, Sequence[float]], decided: str) -> Explanation:
    """Two hearings of a model of eight classes, which decides for one and says this of every moment by itself.

    levels: class -> activity in four quarters of the clip; of the other classes it says nothing.
    """
    explanation = explained(tiny_model(activity=True, labels=CLASSES, playbacks=1))
    chosen = CLASSES.index(decided)
    hearings = []
    for hearing in explanation.hearings:
        activity = np.zeros((len(hearing.seconds), len(CLASSES)), np.float32)
        for label, quarters in levels.items():
            activity[:, CLASSES.index(label)] = np.repeat(quarters, len(activity) // 4)
        probabilities = np.eye(len(CLASSES), dtype=np.float32)[chosen]
        hearings.append(replace(hearing, activity=activity, probabilities=probabilities, asked=chosen))
    return replace(explanation, hearings=tuple(hearings))


def mapped(explanation: Explanation, folder: Path, asked: str | None = None, index: int = 0) -> list[str]:
    row = draw_row(explanation, index, SAMPLES, ((0.5, 1000.0),), folder, asked)
    return [lane.name for lane in row.activity]


PEAKS = {
    "rain": (0.4, 0.4, 0.4, 0.4),
    "dog_bark": (0.0, 0.9, 0.0, 0.0),
    "cat": (0.0, 0.0, 0.3, 0.3),
    "bell": (0.2, 0.1, 0.1, 0.1),
    "knock": (0.1, 0.0, 0.0, 0.0),
    "siren": (0.05, 0.05, 0.05, 0.05),
    "wind": (0.02, 0.0, 0.0, 0.0),
}


def test_the_map_shows_the_classes_with_the_highest_peaks_and_those_that_fill_the_clip_first(tmp_path: Path) -> None:
    explanation = told(PEAKS, decided="rain")
    assert mapped(explanation, tmp_path) == ["rain", "dog bark", "cat", "bell", "knock"]
    lane = first_row(explanation, tmp_path).activity[1]
    np.testing.assert_array_equal(lane.values, explanation.hearings[0].activity[:, CLASSES.index("dog_bark")])


def test_the_map_shows_the_class_that_is_decided_for_or_asked_about_in_any_case(tmp_path: Path) -> None:
    explanation = told(PEAKS, decided="wind")
    assert mapped(explanation, tmp_path) == ["rain", "dog bark", "cat", "bell", "knock", "wind"]
    first, *later = explanation.hearings
    asked = replace(explanation, hearings=(replace(first, asked=CLASSES.index("siren")), *later))
    assert mapped(asked, tmp_path, "horn") == ["rain", "dog bark", "cat", "bell", "siren", "knock", "wind", "horn"]


def test_the_map_leaves_out_classes_that_never_stand_out(tmp_path: Path) -> None:
    faint = {"rain": (0.9, 0.9, 0.9, 0.9), "cat": (0.0, 0.0, 0.03, 0.0), "wind": (0.029,) * 4}
    assert mapped(told(faint, decided="rain"), tmp_path) == ["rain", "cat"]


def test_classes_alike_keep_the_order_of_the_labels(tmp_path: Path) -> None:
    level = dict.fromkeys(CLASSES, (0.1,) * 4)
    assert mapped(told(level, decided="horn"), tmp_path) == ["bell", "rain", "siren", "knock", "dog bark", "horn"]


def test_the_map_belongs_to_the_first_hearing_and_to_models_that_know_of_moments(tmp_path: Path) -> None:
    assert mapped(told(PEAKS, decided="rain"), tmp_path, index=1) == []
    assert mapped(explained(tiny_model()), tmp_path, "bell") == []
    assert mapped(explained(toy_model()), tmp_path) == []


def test_the_map_is_sent_with_the_names_and_numbers_of_its_classes(tmp_path: Path) -> None:
    row = first_row(told(PEAKS, decided="rain"), tmp_path)
    sent = player_data(PlayerView("run", "bell.wav", 2.0, "clip.wav", (row,), True, 2), str)["rows"][0]
    assert [lane["name"] for lane in sent["activity"]] == ["rain", "dog bark", "cat", "bell", "knock"]
    assert len(sent["activity"][0]["values"]) == len(sent["lane_seconds"])
    assert set(sent["activity"][1]["values"]) == {0.0, 0.9}


def test_the_tape_is_written_at_the_rate_that_the_model_hears(tmp_path: Path) -> None:
    explanation = explained(toy_model())
    row = first_row(replace(explanation, sample_rate=2 * explanation.sample_rate), tmp_path)
    written = soundfile.info(row.tape_audio)
    assert written.samplerate == 2 * explanation.sample_rate
    assert row.tape_map[-1] == (written.duration, explanation.clip_seconds)
