"""What an explanation says of a run, its JSON and how it is read, and that its pictures keep to the clip's seconds."""

from __future__ import annotations

import dataclasses
import json
from io import BytesIO
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.lines import Line2D
from matplotlib.patches import PathPatch
from matplotlib.text import Text
from PIL import Image

from playitback.audio import RecordingInfo
from playitback.errors import DataSetError
from playitback.explain import explanation as explanation_module
from playitback.explain.explanation import LEADING_CLASSES, SCHEMA, Explanation, read_json
from playitback.recognizer import ClipHearing, ClipLane
from playitback.replay import TimeMap
from playitback.report import words
from playitback.report.figure import BAR_OF_DECISION, draw, figures_of
from playitback.report.sheet import Panel
from playitback.report.timeline import clip_log_mel, colour_range, frame_marks, frequency_marks, second_marks
from playitback.segments import Segment

NBSP = words.NBSP
LABELS = ("rain", "church_bells", "cost$and$worth")
CLIP_SECONDS = 2.0
FRAMES = 20
COLUMNS = 5
MELS = 8
MEL_HERTZ = np.geomspace(100, 7500, MELS)
CHOSEN = Segment(0.5, 1.0)
SCHEMA_OF_JSON = json.loads(
    Path(explanation_module.__file__).with_name("explanation.schema.json").read_text(encoding="utf-8")
)


def texts_of(panel: Panel) -> list[Text]:
    return [each for each in panel.artists if isinstance(each, Text)]


def hearing(
    index: int, probabilities: tuple[float, ...], replayed: tuple[Segment, ...], asked: int | None = None
) -> ClipHearing:
    hop_seconds = CLIP_SECONDS / FRAMES / (index + 1)
    fine_frames = FRAMES * (index + 1) + 1
    # every frame says which hearing it belongs to and which one it is
    fine_log_mel = np.tile(1000 * index + np.arange(fine_frames, dtype=np.float32)[:, None], (1, MELS))
    attention = np.linspace(0.1, 0.9, COLUMNS, dtype=np.float32)
    return ClipHearing(
        index=index,
        hop_seconds=hop_seconds,
        probabilities=np.array(probabilities, dtype=np.float32),
        decision=int(np.argmax(probabilities)),
        asked=int(np.argmax(probabilities)) if asked is None else asked,
        relevance=attention,
        edges=np.linspace(0, CLIP_SECONDS, COLUMNS + 1),
        segments=(CHOSEN,),
        replayed=replayed,
        lanes=(ClipLane("informative", attention), ClipLane("uninformative", 1 - attention)),
        details={"slot_attention": np.stack([attention, 1 - attention])[None]},
        seconds=np.linspace(0.2, 1.8, COLUMNS),
        audible=np.ones(COLUMNS, dtype=bool),
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
        family="listening",
        labels=LABELS,
        clip_seconds=CLIP_SECONDS,
        sample_rate=16_000,
        hearings=(
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


def test_a_decision_for_a_narrower_class_is_among_the_first_however_improbable(explanation: Explanation) -> None:
    narrower = dataclasses.replace(explanation.hearings[0], decision=2)
    decided = dataclasses.replace(explanation, hearings=(narrower,))
    assert decided.decision(0) == "cost$and$worth"
    assert decided.foremost(0, 3) == decided.ranking(0) == ("rain", "church_bells", "cost$and$worth")
    assert decided.foremost(0, 2) == ("rain", "cost$and$worth")
    assert explanation.foremost(0, 2) == ("rain", "church_bells")


def test_the_bar_of_the_decision_stands_out_in_the_figure_though_another_class_is_more_probable(
    explanation: Explanation,
) -> None:
    first, *later = explanation.hearings
    decided = dataclasses.replace(explanation, hearings=(dataclasses.replace(first, decision=1), *later))
    for figure, place in ((draw(explanation, MEL_HERTZ), 0), (draw(decided, MEL_HERTZ), 1)):
        bars = [each for each in figure.panels["confidences-0"].artists if isinstance(each, PathPatch)]
        colours = [to_hex(bar.get_facecolor()).upper() for bar in bars]
        assert [colour == BAR_OF_DECISION for colour in colours] == [row == place for row in range(len(LABELS))]


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
        "channel": None,
        "format": "WAV",
        "start_seconds": 1.25,
        "explained_seconds": 2.0,
    }
    assert read["model"] == {
        "name": "tiny",
        "family": "listening",
        "can_aim": False,
        "clip_seconds": 2.0,
        "sample_rate": 16_000,
        "labels": list(LABELS),
    }
    assert read["notes"] == ["It is long."]
    assert [entry["index"] for entry in read["hearings"]] == [0, 1, 2]
    last = read["hearings"][2]
    assert last["probabilities"] == {"rain": 0.1, "church_bells": 0.7, "cost$and$worth": 0.2}
    assert last["decision"] == "church_bells"
    assert last["hop_seconds"] == pytest.approx(1 / 30)
    assert last["segments"] == last["replayed"] == [{"start_seconds": 0.5, "end_seconds": 1.0}]
    assert read["hearings"][0]["replayed"] == []
    assert last["threshold"] == 0.5
    assert last["seconds"] == [0.2, 0.6, 1.0, 1.4, 1.8]
    assert [lane["name"] for lane in last["lanes"]] == ["informative", "uninformative"]
    assert last["lanes"][0]["values"] == last["relevance"] == pytest.approx([0.1, 0.3, 0.5, 0.7, 0.9])
    np.testing.assert_allclose(np.sum([lane["values"] for lane in last["lanes"]], axis=0), 1.0, atol=1e-6)
    assert [entry["asked"] for entry in read["hearings"]] == ["rain", "rain", "church_bells"]
    assert last["activity"] is None


def test_json_tells_which_class_was_asked_about(explanation: Explanation) -> None:
    asked = dataclasses.replace(explanation, hearings=(hearing(0, (0.5, 0.3, 0.2), (), asked=2),))
    (only,) = asked.to_dict()["hearings"]
    assert (only["decision"], only["asked"], asked.asked(0)) == ("rain", "cost$and$worth", "cost$and$worth")


def test_activity_is_told_of_the_likeliest_classes_and_the_one_asked_about() -> None:
    labels = tuple(f"class {number}" for number in range(6))
    activity = np.random.default_rng(0).random((COLUMNS, 6)).astype(np.float32)
    heard = dataclasses.replace(hearing(0, (0.05, 0.2, 0.1, 0.3, 0.25, 0.1), (), asked=0), activity=activity)
    info = RecordingInfo("a.wav", CLIP_SECONDS, 16_000, 1, "WAV")
    run = Explanation(info, 0.0, CLIP_SECONDS, (), "tiny", "listening", labels, CLIP_SECONDS, 16_000, (heard,))
    told = run.to_dict()["hearings"][0]["activity"]
    assert list(told) == ["class 3", "class 4", "class 1", "class 0"]
    assert len(told) == LEADING_CLASSES + 1
    for label, values in told.items():
        np.testing.assert_array_equal(np.float32(values), activity[:, labels.index(label)])
    jsonschema.Draft202012Validator(SCHEMA_OF_JSON).validate(run.to_dict())


def test_a_clip_that_is_none_of_the_classes_is_said_to_be_and_what_it_sounds_like(explanation: Explanation) -> None:
    first, *later = explanation.hearings
    shares = np.array([0.1, 0.86, 0.3, 0.19], np.float32)

    def told(known: float | None) -> Explanation:
        taught = None if known is None else shares
        heard = dataclasses.replace(first, known=known, taught=taught)
        names = ("Bell", "Speech", "Male speech, man speaking", "Rain")
        return dataclasses.replace(explanation, taught=names, hearings=(heard, *later))

    (*notes, remark) = told(0.2).remarks
    assert tuple(notes) == explanation.notes
    assert remark == (
        "This is probably none of the 3 classes that the model names. "
        "It sounds more like: Speech (86 %), Male speech, man speaking (30 %)."
    )
    assert told(0.9).remarks == told(None).remarks == explanation.notes
    content = told(0.2).to_dict()
    assert content["notes"][-1] == remark
    assert content["hearings"][0]["known"] == 0.2
    assert content["hearings"][0]["taught"] == {"Speech": 0.86, "Male speech, man speaking": 0.3, "Rain": 0.19}
    assert told(None).to_dict()["hearings"][0]["taught"] is None
    jsonschema.Draft202012Validator(SCHEMA_OF_JSON).validate(content)


def test_json_keeps_every_float32_exactly(explanation: Explanation) -> None:
    values = np.random.default_rng(0).dirichlet(np.ones(3)).astype(np.float32)
    one = dataclasses.replace(explanation, hearings=(hearing(0, tuple(values.tolist()), ()),))
    written = np.array(list(one.to_dict()["hearings"][0]["probabilities"].values()), dtype=np.float32)
    assert (written == values).all()


def test_what_was_written_is_read_back(explanation: Explanation, tmp_path: Path) -> None:
    explanation.write_json(tmp_path / "explanation.json")
    assert read_json(tmp_path / "explanation.json") == explanation.to_dict()


#: explanation.json as it was written before there were families
VERSION_1: dict[str, Any] = {
    "schema": "playitback.explanation/1",
    "clip": {
        "name": "rain.flac",
        "seconds": 5.0,
        "sample_rate": 44100,
        "channels": 1,
        "format": "FLAC",
        "start_seconds": 0.0,
        "explained_seconds": 5.0,
    },
    "model": {"name": "small", "clip_seconds": 5.0, "labels": ["rain", "bell"]},
    "notes": [],
    "playbacks": [
        {
            "index": 0,
            "hop_seconds": 0.025,
            "decision": "rain",
            "probabilities": {"rain": 0.75, "bell": 0.25},
            "segments": [{"start_seconds": 2.5, "end_seconds": 5.0}],
            "replayed": [],
            "threshold": 0.5,
            "seconds": [1.25, 3.75],
            "slot_attention": [[0.25, 0.625], [0.5, 0.25], [0.25, 0.125]],
        },
        {
            "index": 1,
            "hop_seconds": 0.0125,
            "decision": "bell",
            "probabilities": {"rain": 0.375, "bell": 0.625},
            "segments": [],
            "replayed": [{"start_seconds": 2.5, "end_seconds": 5.0}],
            "threshold": 0.5,
            "seconds": [2.0, 4.5],
            "slot_attention": [[0.25, 0.375], [0.5, 0.5], [0.25, 0.125]],
        },
    ],
}


def test_what_version_1_wrote_is_read_as_what_is_written_today(tmp_path: Path) -> None:
    path = tmp_path / "explanation.json"
    path.write_text(json.dumps(VERSION_1), encoding="utf-8")
    read = read_json(path)
    jsonschema.Draft202012Validator(SCHEMA_OF_JSON).validate(read)
    assert read["schema"] == SCHEMA
    assert "playbacks" not in read
    for key in ("clip", "model", "notes"):
        assert read[key] == VERSION_1[key]
    for old, new in zip(VERSION_1["playbacks"], read["hearings"], strict=True):
        for key in old.keys() - {"slot_attention"}:
            assert new[key] == old[key], key
        assert (new["asked"], new["activity"]) == (old["decision"], None)
        assert new["relevance"] == old["slot_attention"][0]
        assert [lane["values"] for lane in new["lanes"]] == old["slot_attention"]
        assert [lane["name"] for lane in new["lanes"]] == ["informative", "uninformative", "uninformative"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, r"is not an explanation\.json"),
        ("{", r"is not an explanation\.json"),
        ("[]", r"is not an explanation\.json"),
        ("{}", r"is not an explanation\.json"),
        ('{"schema": "playitback.explanation/1"}', r"is not an explanation\.json"),
        ('{"schema": "playitback.explanation/1", "playbacks": [{}]}', r"is not an explanation\.json"),
        ('{"schema": "playitback.explanation/3"}', r"/3', and playitback\.explanation/1 to playitback\.explanation/2"),
        ('{"schema": "playitback.folder/1"}', r"'playitback\.folder/1'"),
    ],
)
def test_what_is_no_explanation_is_refused(tmp_path: Path, content: str | None, told: str) -> None:
    path = tmp_path / "x.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(DataSetError, match=rf"x\.json .*{told}.*explain the clip anew"):
        read_json(path)


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
    assert [words.hertz(hertz) for hertz in (250.0, 4000.0)] == [f"250{NBSP}Hz", f"4{NBSP}kHz"]
    assert second_marks(2.0) == (0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2, 1.4, 1.6, 1.8, 2.0)
    assert second_marks(5.0)[-1] == 5.0
    assert second_marks(5.0)[1] == 0.5


def test_the_figure_has_a_lane_for_every_class_of_the_map(explanation: Explanation) -> None:
    activity = np.array([[0.1, 0.8, 0.3]] * COLUMNS, np.float32)
    first, *later = explanation.hearings
    mapped = dataclasses.replace(explanation, hearings=(dataclasses.replace(first, activity=activity, asked=2), *later))
    figure = draw(mapped, MEL_HERTZ)
    lanes = figure.panels["activity"]
    *texts, title = texts_of(lanes)
    assert [text.get_text() for text in texts] == [
        f"church bells  up to 80{NBSP}%",
        f"cost$and$worth  up to 30{NBSP}%, asked about",
        f"rain  up to 10{NBSP}%",
    ]
    assert [text.get_weight() for text in texts] == ["normal", "normal", "bold"]  # it decides for rain
    heights = [text.get_position()[1] for text in texts]
    assert heights == sorted(heights, reverse=True)
    lines = [each for each in lanes.artists if isinstance(each, Line2D)]
    curves = [np.asarray(line.get_ydata()) for line in lines[:3]]  # each in its own third, highest first
    assert np.allclose([curve[0] for curve in curves], [2 + 0.8 / 1.02, 1 + 0.3 / 1.02, 0.1 / 1.02])
    assert title.get_text() == words.ACTIVITY_TITLE
    assert figure.panels["lanes-0"].place.y0 > lanes.place.y1
    assert lanes.place.y0 > figure.panels["spectrogram-1"].place.y1


def test_marks_among_the_models_frames_follow_the_time_map(explanation: Explanation) -> None:
    marks = frame_marks(explanation.hearings[1], (0.0, 0.5, 1.0, 2.0))
    # half a second at twice the share: 0.5 : 1.0 : 1.0 of 2.5
    assert [fraction for fraction, _ in marks] == pytest.approx([0.0, 0.2, 0.6, 1.0])
    assert [second for _, second in marks] == [0.0, 0.5, 1.0, 2.0]


def test_the_figure_has_a_row_for_every_hearing(explanation: Explanation) -> None:
    figure = draw(explanation, MEL_HERTZ)
    parts = ("spectrogram", "lanes", "confidences")
    assert [*figure.panels] == [f"{part}-{index}" for index in range(len(explanation.hearings)) for part in parts]
    spectrograms = [figure.panels[f"spectrogram-{index}"] for index in range(len(explanation.hearings))]
    assert [texts_of(panel)[-1].get_text() for panel in spectrograms] == [
        f"First hearing · hop 100{NBSP}ms",
        f"Playback 1 · hop 50{NBSP}ms · replays 0.5{NBSP}s of 2{NBSP}s",
        f"Playback 2 · hop 33.3{NBSP}ms · replays 0.5{NBSP}s of 2{NBSP}s",
    ]
    others = draw(dataclasses.replace(explanation, reads_log_mel=False), MEL_HERTZ)  # whose hop is only the picture's
    assert texts_of(others.panels["spectrogram-0"])[-1].get_text() == "First hearing"
    assert [each.get_text() for each in texts_of(spectrograms[0])[:-1]] == [
        words.hertz(hertz) for _, hertz in frequency_marks(MEL_HERTZ)
    ]
    confidences = [each.get_text() for each in texts_of(figure.panels["confidences-2"])]
    assert confidences[:3] == [
        f"church bells  70{NBSP}%  +35",
        f"cost$and$worth  20{NBSP}%  −5",
        f"rain  10{NBSP}%  −30",
    ]
    figures = figures_of(explanation, MEL_HERTZ)
    with Image.open(BytesIO(figures.png)) as picture:
        assert picture.width > 1000
    assert "<svg" in figures.svg
