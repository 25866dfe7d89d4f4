"""A hearing as a row: its lanes, by their names, the map of classes, and its sound at the model's own rate."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tiny import recognizer_of, sounding_clips, tiny_model
from toy import toy_model

from playitback.audio import Recording, RecordingInfo
from playitback.explain.explanation import Explanation
from playitback.models.listener import Listener
from playitback.report import words
from playitback.report.activity import ActivityView
from playitback.report.rows import CLASSES_SHOWN, PlayerView, RowView, draw_row, player_data

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


def test_the_decision_is_marked_among_the_classes_of_a_row_whatever_is_more_probable(tmp_path: Path) -> None:
    explanation = explained(tiny_model(labels=CLASSES))
    least, unlikely = explanation.ranking(0)[-1], explanation.ranking(0)[-2]
    narrower = replace(explanation.hearings[0], decision=CLASSES.index(least))
    explanation = replace(explanation, hearings=(narrower, *explanation.hearings[1:]))
    for asked in (None, least, unlikely):
        row = draw_row(explanation, 0, SAMPLES, ((0.5, 1000.0),), tmp_path, asked)
        names = [name for name, *_ in row.classes]
        assert names[row.decided] == words.class_name(least)
        assert asked is None or words.class_name(asked) in names
        assert names[0] == words.class_name(explanation.ranking(0)[0])
        assert len(names) == len(set(names)) == CLASSES_SHOWN


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
        hearings.append(replace(hearing, activity=activity, probabilities=probabilities, decision=chosen, asked=chosen))
    return replace(explanation, hearings=tuple(hearings))


def mapped(explanation: Explanation, folder: Path, asked: str | None = None, index: int = 0) -> list[str] | None:
    """Names of the classes that have a lane; None where there is no map."""
    activity = draw_row(explanation, index, SAMPLES, ((0.5, 1000.0),), folder, asked).activity
    return None if activity is None else [activity.names[position] for position in activity.shown]


def levels(activity: ActivityView) -> np.ndarray:
    """(classes, columns) of what is sent: shares of each class's peak, 0 to 255."""
    sent = np.frombuffer(base64.b64decode(activity.levels), np.uint8)
    return sent.reshape(len(activity.names), -1)


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


def test_decided_and_asked_classes_have_a_lane_in_any_case_and_the_map_stays_as_high(tmp_path: Path) -> None:
    explanation = told(PEAKS, decided="wind")
    assert mapped(explanation, tmp_path) == ["rain", "dog bark", "cat", "bell", "wind"]
    first, *later = explanation.hearings
    asked = replace(explanation, hearings=(replace(first, asked=CLASSES.index("siren")), *later))
    assert mapped(asked, tmp_path) == ["rain", "dog bark", "cat", "siren", "wind"]
    assert mapped(explanation, tmp_path, "horn") == ["rain", "dog bark", "cat", "wind", "horn"]
    view = draw_row(explanation, 0, SAMPLES, (), tmp_path, "horn").activity
    assert view is not None
    assert (view.names[view.decided], view.names[view.asked]) == ("wind", "horn")


def test_classes_alike_keep_the_order_of_the_labels(tmp_path: Path) -> None:
    level = dict.fromkeys(CLASSES, (0.1,) * 4)
    assert mapped(told(level, decided="horn"), tmp_path) == ["bell", "rain", "siren", "knock", "horn"]


def test_a_model_of_few_classes_has_a_lane_for_each(tmp_path: Path) -> None:
    explanation = explained(tiny_model(activity=True, labels=CLASSES[:3]))
    assert sorted(mapped(explanation, tmp_path) or ()) == sorted(CLASSES[:3])


def test_the_map_belongs_to_the_first_hearing_and_to_models_that_know_of_moments(tmp_path: Path) -> None:
    assert mapped(told(PEAKS, decided="rain"), tmp_path, index=1) is None
    assert mapped(explained(tiny_model()), tmp_path, "bell") is None
    assert mapped(explained(toy_model()), tmp_path) is None


def test_all_classes_are_sent_each_as_shares_of_its_own_peak(tmp_path: Path) -> None:
    explanation = told(PEAKS, decided="rain")
    activity = first_row(explanation, tmp_path).activity
    assert activity is not None
    assert activity.names == tuple(words.class_name(label) for label in CLASSES)
    sent = levels(activity) / 255 * np.array(activity.peaks)[:, None]
    heard = explanation.hearings[0].activity
    assert heard is not None
    np.testing.assert_allclose(sent.T, heard, atol=0.5 / 255 * heard.max())
    for k, label in enumerate(CLASSES):  # where a class is clearest is found again, however faint it is
        assert activity.peaks[k] == pytest.approx(max(PEAKS.get(label, (0,))))
        assert levels(activity)[k].argmax() == heard[:, k].argmax()


def test_the_map_is_small_and_so_is_its_json(tmp_path: Path) -> None:
    row = first_row(told(PEAKS, decided="rain"), tmp_path)
    sent = player_data(PlayerView("run", "bell.wav", 2.0, "clip.wav", (row,), True, 2), str)["rows"][0]["activity"]
    assert set(sent) == {"names", "peaks", "levels", "shown", "decided", "asked"}
    assert len(sent["levels"]) <= 4 / 3 * len(CLASSES) * len(row.lane_seconds) + 4
    assert sent["peaks"][CLASSES.index("dog_bark")] == 0.9


def test_rows_tell_for_which_class_they_are_only_where_the_model_can_aim(tmp_path: Path) -> None:
    aimed = explained(toy_model())
    assert first_row(aimed, tmp_path).asked == words.class_name(aimed.asked(0))
    assert first_row(explained(tiny_model()), tmp_path).asked is None


def test_the_tape_is_written_at_the_rate_that_the_model_hears(tmp_path: Path) -> None:
    explanation = explained(toy_model())
    row = first_row(replace(explanation, sample_rate=2 * explanation.sample_rate), tmp_path)
    written = soundfile.info(row.tape_audio)
    assert written.samplerate == 2 * explanation.sample_rate
    assert row.tape_map[-1] == (written.duration, explanation.clip_seconds)
