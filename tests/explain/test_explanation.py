"""What an explanation says of a run, how its JSON reads, and that its pictures keep to the clip's seconds."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from playitback.audio import RecordingInfo
from playitback.explain.explanation import SCHEMA, Explanation
from playitback.recognizer import ClipHearing
from playitback.replay import TimeMap
from playitback.report.figure import draw, hertz_label, write_figure
from playitback.report.timeline import clip_log_mel, colour_range, frame_marks, frequency_marks, second_marks
from playitback.segments import Segment

LABELS = ("rain", "church_bells", "cost$and$worth")
CLIP_SECONDS = 2.0
FRAMES = 20
MELS = 8
MEL_HERTZ = np.geomspace(100, 7500, MELS)
CHOSEN = Segment(0.5, 1.0)


def hearing(index: int, probabilities: tuple[float, ...], replayed: tuple[Segment, ...]) -> ClipHearing:
    hop_seconds = CLIP_SECONDS / FRAMES / (index + 1)
    fine_frames = FRAMES * (index + 1) + 1
    # every frame says which hearing it belongs to and which one it is
    fine_log_mel = np.tile(1000 * index + np.arange(fine_frames, dtype=np.float32)[:, None], (1, MELS))
    attention = np.linspace(0.1, 0.9, 5, dtype=np.float32)
    return ClipHearing(
        index=index,
        hop_seconds=hop_seconds,
        probabilities=np.array(probabilities, dtype=np.float32),
        segments=(CHOSEN,),
        replayed=replayed,
        slot_attention=np.stack([attention, 1 - attention]),
        attention_per_iteration=np.stack([attention, 1 - attention])[None],
        seconds=np.linspace(0.2, 1.8, 5),
        threshold=0.5,
        log_mel=fine_log_mel[:FRAMES],
        fine_log_mel=fine_log_mel,
        time_map=TimeMap.of(replayed, index + 1, CLIP_SECONDS, FRAMES),
    )


@pytest.fixture
def explanation() -> Explanation:
    return Explanation(
        info=RecordingInfo("a$b$c.wav", 7.5, 44_100, 2, "WAV"),
        start_seconds=1.25,
        seconds=CLIP_SECONDS,
        notes=("It is long.",),
        model_name="tiny",
        labels=LABELS,
        clip_seconds=CLIP_SECONDS,
        playbacks=(
            hearing(0, (0.5, 0.3, 0.2), ()),
            hearing(1, (0.4, 0.35, 0.25), (CHOSEN,)),
            hearing(2, (0.1, 0.7, 0.2), (CHOSEN,)),
        ),
    )


def test_decisions_rankings_and_changes_follow_the_probabilities(explanation: Explanation) -> None:
    assert [explanation.decision(index) for index in range(3)] == ["rain", "rain", "church_bells"]
    assert explanation.ranking(2) == ("church_bells", "cost$and$worth", "rain")
    assert explanation.change(0, "rain") is None
    assert explanation.change(2, "church_bells") == pytest.approx(0.35)
    assert [explanation.decision_changed(index) for index in range(3)] == [False, False, True]


def test_equal_probabilities_rank_in_the_order_of_the_labels(explanation: Explanation) -> None:
    even = dataclasses.replace(explanation, hearings=(hearing(0, (0.25, 0.5, 0.25), ()),))
    assert even.ranking(0) == ("church_bells", "rain", "cost$and$worth")


def test_json_tells_the_whole_run(explanation: Explanation, tmp_path: Path) -> None:
    path = tmp_path / "explanation.json"
    explanation.write_json(path)
    read = json.loads(path.read_text(encoding="utf-8"))
    assert read == explanation.to_dict()
    assert read["schema"] == SCHEMA
    assert read["clip"] == {
        "name": "a$b$c.wav",
        "seconds": 7.5,
        "sample_rate": 44_100,
        "channels": 2,
        "format": "WAV",
        "start_seconds": 1.25,
        "explained_seconds": 2.0,
    }
    assert read["model"] == {"name": "tiny", "clip_seconds": 2.0, "labels": list(LABELS)}
    assert read["notes"] == ["It is long."]
    assert [entry["index"] for entry in read["playbacks"]] == [0, 1, 2]
    last = read["playbacks"][2]
    assert last["probabilities"] == {"rain": 0.1, "church_bells": 0.7, "cost$and$worth": 0.2}
    assert last["decision"] == "church_bells"
    assert last["hop_seconds"] == pytest.approx(1 / 30)
    assert last["segments"] == last["replayed"] == [{"start_seconds": 0.5, "end_seconds": 1.0}]
    assert read["playbacks"][0]["replayed"] == []
    assert last["threshold"] == 0.5
    assert last["seconds"] == [0.2, 0.6, 1.0, 1.4, 1.8]
    assert len(last["slot_attention"]) == 2
    np.testing.assert_allclose(np.sum(last["slot_attention"], axis=0), 1.0, atol=1e-6)


def test_json_keeps_every_float32_exactly(explanation: Explanation) -> None:
    values = np.random.default_rng(0).dirichlet(np.ones(3)).astype(np.float32)
    one = dataclasses.replace(explanation, hearings=(hearing(0, tuple(values.tolist()), ()),))
    written = np.array(list(one.to_dict()["playbacks"][0]["probabilities"].values()), dtype=np.float32)
    assert (written == values).all()


def test_replayed_stretches_are_drawn_from_the_finer_hop_and_the_rest_is_not(explanation: Explanation) -> None:
    columns = 400
    picture = clip_log_mel(explanation.hearings[0], explanation.hearings[2], CLIP_SECONDS, columns)
    seconds = (np.arange(columns) + 0.5) * CLIP_SECONDS / columns
    inside = (seconds >= CHOSEN.start_seconds) & (seconds < CHOSEN.end_seconds)
    assert picture.shape == (columns, MELS)
    assert (picture[inside] >= 2000).all()
    assert (picture[~inside] < 1000).all()
    # each at its own second: frame k of hop h stands where k * h is nearest
    np.testing.assert_array_equal(picture[inside, 0], 2000 + np.rint(seconds[inside] * 30))
    np.testing.assert_array_equal(picture[~inside, 0], np.rint(seconds[~inside] * 10))
    assert len(np.unique(picture[inside, 0])) > 2 * len(np.unique(picture[:100, 0]))


def test_all_hearings_share_the_colours_of_the_first_hearing_even_in_silence(explanation: Explanation) -> None:
    low, high = colour_range(explanation.hearings[0])
    assert 0 <= low < high <= FRAMES
    silent = dataclasses.replace(explanation.hearings[0], fine_log_mel=np.full((5, MELS), -13.8, np.float32))
    low, high = colour_range(silent)
    assert high > low


def test_marks_stand_where_frequencies_and_seconds_lie(explanation: Explanation) -> None:
    marks = frequency_marks(MEL_HERTZ)
    assert [hertz for _, hertz in marks] == [250.0, 1000.0, 4000.0]
    fractions = [fraction for fraction, _ in marks]
    assert fractions == sorted(fractions)
    assert all(0 < fraction < 1 for fraction in fractions)
    exact = frequency_marks(np.array([100.0, 250.0, 600.0, 1000.0]))
    assert exact == ((0.375, 250.0), (0.875, 1000.0))  # the middle of the second and the fourth of four bins
    assert [hertz_label(hertz) for hertz in (250.0, 4000.0)] == ["250 Hz", "4 kHz"]
    assert second_marks(2.0) == (0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2, 1.4, 1.6, 1.8, 2.0)
    assert second_marks(5.0)[-1] == 5.0
    assert second_marks(5.0)[1] == 0.5


def test_marks_among_the_models_frames_follow_the_time_map(explanation: Explanation) -> None:
    marks = frame_marks(explanation.hearings[1], (0.0, 0.5, 1.0, 2.0))
    # half a second at twice the share: 0.5 : 1.0 : 1.0 of 2.5
    assert [fraction for fraction, _ in marks] == pytest.approx([0.0, 0.2, 0.6, 1.0])
    assert [second for _, second in marks] == [0.0, 0.5, 1.0, 2.0]


def test_the_figure_has_a_row_for_every_hearing(explanation: Explanation, tmp_path: Path) -> None:
    figure = draw(explanation, MEL_HERTZ)
    assert len(figure.axes) == 3 * len(explanation.hearings)
    titles = [axes.get_title(loc="left") for axes in figure.axes[::3]]
    assert titles == [
        "First hearing · hop 100 ms",
        "Playback 1 · hop 50 ms · replays 0.50 s of 2 s",
        "Playback 2 · hop 33.3 ms · replays 0.50 s of 2 s",
    ]
    confidences = [each.get_text() for each in figure.axes[-1].texts]
    assert confidences == ["church bells  70 %  +35", "cost$and$worth  20 %  −5", "rain  10 %  −30"]
    write_figure(explanation, MEL_HERTZ, tmp_path / "figure.png")
    write_figure(explanation, MEL_HERTZ, tmp_path / "figure.svg")
    with Image.open(tmp_path / "figure.png") as picture:
        assert picture.width > 1000
    assert "<svg" in (tmp_path / "figure.svg").read_text(encoding="utf-8")
