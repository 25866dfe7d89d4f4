"""A hearing as a row: its lanes, by their names, and its sound at the model's own rate."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import soundfile
from tiny import recognizer_of, sounding_clips, tiny_model
from toy import toy_model

from playitback.audio import Recording, RecordingInfo
from playitback.explain.explanation import Explanation
from playitback.models.listener import Listener
from playitback.report.rows import RowView, draw_row

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


def test_the_tape_is_written_at_the_rate_that_the_model_hears(tmp_path: Path) -> None:
    explanation = explained(toy_model())
    row = first_row(replace(explanation, sample_rate=2 * explanation.sample_rate), tmp_path)
    written = soundfile.info(row.tape_audio)
    assert written.samplerate == 2 * explanation.sample_rate
    assert row.tape_map[-1] == (written.duration, explanation.clip_seconds)
