"""Claims about two explanations side by side: decisions, replayed time and probabilities, as far as both have them."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from tiny import LABELS, recognizer_of, sounding_clips

from playitback.audio import Recording, RecordingInfo
from playitback.explain.compare import compare
from playitback.explain.explanation import Explanation
from playitback.segments import Segment


@pytest.fixture(scope="module")
def original() -> Explanation:
    recognizer = recognizer_of()
    samples = sounding_clips(1)[0].numpy()
    recording = Recording(samples, RecordingInfo("clip.wav", 2.0, 16_000, 1, "WAV"), 0.0, 16_000)
    return Explanation.of(recording, recognizer, recognizer.explain(samples, 2))


def told(
    original: Explanation, *hearings: tuple[tuple[float, ...], tuple[tuple[float, float], ...]], **other: object
) -> Explanation:
    """An explanation that says what it is told to: (probabilities, replayed stretches) after every hearing."""
    told_hearings = tuple(
        replace(
            hearing,
            probabilities=np.array(probabilities, np.float32),
            decision=int(np.argmax(probabilities)),
            replayed=tuple(Segment(start, end) for start, end in replayed),
        )
        for hearing, (probabilities, replayed) in zip(original.hearings, hearings, strict=False)
    )
    return replace(original, hearings=told_hearings, **other)  # type: ignore[arg-type]


RAIN, BELL = (0.2, 0.6, 0.1, 0.1), (0.7, 0.1, 0.1, 0.1)


def test_decisions_are_compared_hearing_by_hearing(original: Explanation) -> None:
    first = told(original, (RAIN, ()), (RAIN, ()), (BELL, ()))
    second = told(original, (RAIN, ()), (BELL, ()), (BELL, ()))
    comparison = compare(first, second)
    assert [(each.index, each.agree) for each in comparison.hearings] == [(0, True), (1, False), (2, True)]
    middle = comparison.hearings[1]
    assert (middle.first_decision, middle.second_decision) == ("rain", "bell")
    assert (middle.first_probability, middle.second_probability) == (pytest.approx(0.6), pytest.approx(0.7))
    assert comparison.first_disagreement == 1
    assert compare(first, first).first_disagreement is None


def test_replayed_time_is_divided_into_shared_and_own(original: Explanation) -> None:
    first = told(original, (RAIN, ()), (RAIN, ((0.0, 0.5), (1.0, 1.5))))
    second = told(original, (RAIN, ()), (RAIN, ((0.25, 1.25),)))
    replayed = compare(first, second).hearings[1].replayed
    assert replayed is not None
    assert replayed.shared_seconds == pytest.approx(0.5)
    assert replayed.only_first_seconds == pytest.approx(0.5)
    assert replayed.only_second_seconds == pytest.approx(0.5)
    assert replayed.overlap == pytest.approx(1 / 3)


def test_where_nothing_is_replayed_there_is_no_overlap_to_speak_of(original: Explanation) -> None:
    one = told(original, (RAIN, ()), (RAIN, ((0.0, 0.5),)))
    other = told(original, (RAIN, ()), (RAIN, ()))
    first, second = (each.replayed for each in compare(one, other).hearings)
    assert first is not None
    assert second is not None
    assert (first.shared_seconds, first.overlap) == (0.0, None)
    assert (second.only_first_seconds, second.only_second_seconds, second.overlap) == (pytest.approx(0.5), 0.0, 0.0)


def test_an_explanation_shares_everything_with_itself(original: Explanation) -> None:
    comparison = compare(original, original)
    assert any(hearing.replayed for hearing in original.hearings)
    for hearing, each in zip(original.hearings, comparison.hearings, strict=True):
        assert each.replayed is not None
        assert each.replayed.shared_seconds == pytest.approx(sum(segment.seconds for segment in hearing.replayed))
        assert each.replayed.only_first_seconds == each.replayed.only_second_seconds == pytest.approx(0, abs=1e-9)
        assert each.replayed.overlap == (pytest.approx(1) if hearing.replayed else None)
    assert {each.difference for each in comparison.classes} == {0.0}


def test_replayed_time_of_clips_of_different_lengths_is_not_compared(original: Explanation) -> None:
    shorter = replace(original, seconds=1.5)
    assert [each.replayed for each in compare(original, shorter).hearings] == [None, None, None]
    nearly = replace(original, seconds=original.seconds - 1 / 44_100)
    assert None not in [each.replayed for each in compare(original, nearly).hearings]


def test_classes_are_ordered_by_how_much_their_probability_differs(original: Explanation) -> None:
    first = told(original, (BELL, ()), ((0.5, 0.25, 0.05, 0.2), ()))
    second = told(original, (BELL, ()), ((0.2, 0.25, 0.45, 0.1), ()))
    classes = compare(first, second).classes
    assert [each.label for each in classes] == ["siren", "bell", "knock", "rain"]
    assert [each.difference for each in classes] == [pytest.approx(value) for value in (0.4, -0.3, -0.1, 0.0)]
    assert (classes[0].first_probability, classes[0].second_probability) == (pytest.approx(0.05), pytest.approx(0.45))


def test_models_are_compared_as_far_as_they_have_hearings_and_classes_in_common(original: Explanation) -> None:
    """And each is judged by its own last hearing."""
    first = told(original, (BELL, ()), (BELL, ()), (RAIN, ()))
    second = told(original, (RAIN, ()), (BELL, ()), labels=("wind", "rain", "bell", "thunder"))
    comparison = compare(first, second)
    assert [each.index for each in comparison.hearings] == [0, 1]
    found = [(each.label, each.first_probability, each.second_probability) for each in comparison.classes]
    assert found == [
        ("rain", pytest.approx(0.6), pytest.approx(0.1)),
        ("bell", pytest.approx(0.2), pytest.approx(0.1)),
    ]


def test_runs_that_go_on_are_compared_as_far_as_they_are(original: Explanation) -> None:
    begun = replace(original, hearings=original.hearings[:1])
    assert len(compare(begun, original).hearings) == 1
    comparison = compare(replace(original, hearings=()), original)
    assert (comparison.hearings, comparison.classes) == ((), ())


def test_a_comparison_is_json(original: Explanation) -> None:
    first = told(original, (RAIN, ()), (RAIN, ((0.0, 0.5),)))
    second = told(original, (RAIN, ()), (BELL, ((0.0, 0.25),)))
    found = json.loads(json.dumps(compare(first, second).to_dict()))
    assert found["schema"] == "playitback.comparison/1"
    assert found["first_disagreement"] == 1
    assert found["hearings"][0]["replayed"]["overlap"] is None
    assert found["hearings"][1]["replayed"]["overlap"] == pytest.approx(0.5)
    assert (found["hearings"][1]["first_decision"], found["hearings"][1]["second_decision"]) == ("rain", "bell")
    assert {each["label"] for each in found["classes"]} == set(LABELS)
