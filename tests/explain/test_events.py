"""Claims about sound events: known answers for activity made by hand, on one axis whatever windows it came in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stretches import steadily
from tiny import RATE, lively_model, recognizer_of, sounding_clips

from playitback import audio
from playitback.errors import SettingsError
from playitback.explain.events import (
    GAP_STEPS,
    MINIMUM_STEPS,
    OFF_BELOW,
    ON_ABOVE,
    STEP_SECONDS,
    Event,
    EventFinder,
    WindowActivity,
    clip_events,
    in_order,
)
from playitback.explain.explanation import Explanation
from playitback.explain.windows import classify_windows, find_events, recording_events

LABELS = ("rain", "bell", "siren")
SECONDS = 2.0  # of a window
COLUMNS = 40  # of a window: as wide as a step

#: a stretch in which a class has some activity: (class, start, end, activity), in seconds of the recording
Sound = tuple[str, float, float, float]


def window(
    start: float,
    sounds: Sequence[Sound],
    *,
    seconds: float = SECONDS,
    columns: int = COLUMNS,
    silent: tuple[float, float] = (0.0, 0.0),
) -> WindowActivity:
    """A window in which classes are active; its columns are silent where their centres lie in ``silent``."""
    edges = np.linspace(0, SECONDS, columns + 1)
    centres = start + (edges[1:] + edges[:-1]) / 2
    values = np.zeros((columns, len(LABELS)), np.float32)
    for label, begin, end, activity in sounds:
        values[(centres > begin) & (centres < end), LABELS.index(label)] = activity
    audible = (centres < silent[0]) | (centres >= silent[1])
    return WindowActivity(start, start + seconds, edges, values, audible)


def found(*windows: WindowActivity) -> tuple[Event, ...]:
    finder = EventFinder(LABELS)
    over = [event for each in windows for event in finder.hear(each)]
    return in_order((*over, *finder.ongoing()))


def times(events: Sequence[Event]) -> list[tuple[str, float, float]]:
    return [(event.label, event.start_seconds, event.end_seconds) for event in events]


# One window


def test_an_event_has_its_class_its_edges_its_mean_and_its_peak() -> None:
    (event,) = found(window(0, [("bell", 0.5, 1.5, 0.6), ("bell", 0.8, 1.1, 0.9)]))
    assert (event.label, event.start_seconds, event.end_seconds) == ("bell", 0.5, 1.5)
    assert event.probability == pytest.approx((0.7 * 0.6 + 0.3 * 0.9) / 1.0)
    assert 0.8 <= event.peak_seconds <= 1.1


def test_classes_that_sound_at_once_are_events_of_their_own() -> None:
    events = found(window(0, [("rain", 0.0, 2.0, 0.45), ("bell", 0.5, 1.0, 0.45), ("siren", 0.7, 1.4, 0.9)]))
    assert times(events) == [("rain", 0.0, 2.0), ("bell", 0.5, 1.0), ("siren", 0.7, 1.4)]


def test_an_event_must_reach_the_upper_threshold_and_lasts_while_it_is_above_the_lower() -> None:
    between = (ON_ABOVE + OFF_BELOW) / 2
    ramp = [("bell", 0.2, 1.8, between), ("bell", 0.8, 1.2, ON_ABOVE + 0.1), ("rain", 0.2, 1.8, between)]
    assert times(found(window(0, ramp))) == [("bell", 0.2, 1.8)]


def test_short_gaps_are_closed_and_longer_ones_are_not() -> None:
    gap = GAP_STEPS * STEP_SECONDS
    closed = [("bell", 0.2, 0.6, 0.9), ("bell", 0.6 + gap, 1.4, 0.9)]
    assert times(found(window(0, closed))) == [("bell", 0.2, 1.4)]
    (event,) = found(window(0, closed))
    assert event.probability == pytest.approx(0.9 * (1.2 - gap) / 1.2)  # the gap counts
    left = [("bell", 0.2, 0.6, 0.9), ("bell", 0.6 + gap + STEP_SECONDS, 1.4, 0.9)]
    assert times(found(window(0, left))) == [("bell", 0.2, 0.6), ("bell", 0.85, 1.4)]


def test_what_is_too_short_is_no_event() -> None:
    shortest = MINIMUM_STEPS * STEP_SECONDS
    assert times(found(window(0, [("bell", 0.5, 0.5 + shortest, 0.9)]))) == [("bell", 0.5, 0.5 + shortest)]
    assert found(window(0, [("bell", 0.5, 0.5 + shortest - STEP_SECONDS, 0.9)])) == ()


def test_one_column_out_of_line_neither_parts_an_event_nor_makes_one() -> None:
    sounds = [("bell", 0.2, 1.8, 0.9), ("bell", 1.0, 1.05, 0.0), ("rain", 0.5, 0.55, 0.9)]
    (event,) = found(window(0, sounds))
    assert times([event]) == [("bell", 0.2, 1.8)]
    assert event.probability == pytest.approx(0.9)


def test_digital_silence_holds_no_event() -> None:
    assert found(window(0, [("bell", 0.0, 2.0, 0.9)], silent=(0.0, 2.0))) == ()
    assert times(found(window(0, [("bell", 0.0, 2.0, 0.9)], silent=(0.8, 2.0)))) == [("bell", 0.0, 0.8)]


def test_columns_need_not_be_even() -> None:
    edges = np.array([0.0, 0.075, 0.4, 1.0, 1.1, 2.0])
    values = np.array([0, 0, 0.8, 0.8, 0])[:, None] * np.array([0, 1, 0])
    (event,) = found(WindowActivity(0.0, 2.0, edges, values, np.ones(5, bool)))
    assert times([event]) == [("bell", 0.4, 1.1)]
    assert event.probability == pytest.approx(0.8)


def test_nothing_makes_no_events() -> None:
    assert EventFinder(LABELS).ongoing() == ()
    assert found(window(0, [])) == ()


# Several windows


def test_an_event_across_the_border_of_two_windows_is_one_event() -> None:
    sounds = [("bell", 1.5, 2.6, 0.9), ("rain", 2.0, 4.0, 0.9), ("siren", 0.5, 2.0, 0.9)]
    events = found(window(0, sounds), window(2, sounds))
    assert times(events) == [("siren", 0.5, 2.0), ("bell", 1.5, 2.6), ("rain", 2.0, 4.0)]
    assert [event.probability for event in events] == pytest.approx([0.9, 0.9, 0.9])


def test_a_gap_across_the_border_of_two_windows_is_closed() -> None:
    sounds = [("bell", 1.5, 1.9, 0.9), ("bell", 2.05, 2.6, 0.9)]
    assert times(found(window(0, sounds), window(2, sounds))) == [("bell", 1.5, 2.6)]


def test_windows_that_overlap_are_averaged() -> None:
    (bell,) = found(window(0, [("bell", 1.0, 2.0, 0.9)]), window(1, [("bell", 1.0, 2.0, 0.5)]))
    assert times([bell]) == [("bell", 1.0, 2.0)]
    assert bell.probability == pytest.approx(0.7)


def test_what_only_one_of_two_windows_hears_counts_half() -> None:
    heard = ("rain", 1.2, 1.8, 0.5)  # half of it is below the upper threshold
    assert found(window(0, [heard]), window(1, [])) == ()
    assert times(found(window(0, [heard]), window(1, [heard]))) == [("rain", 1.2, 1.8)]


def test_what_was_not_heard_ends_every_event() -> None:
    sounds = [("bell", 1.0, 4.0, 0.9)]
    events = found(window(0, sounds), window(2.1, sounds))
    assert times(events) == [("bell", 1.0, 2.0), ("bell", 2.1, 4.0)]


def test_windows_may_be_a_sample_apart() -> None:
    sounds = [("bell", 1.0, 3.0, 0.9)]
    assert times(found(window(0, sounds), window(2 + 1 / RATE, sounds))) == [("bell", 1.0, 3.0)]


def test_the_last_event_ends_with_the_recording() -> None:
    sounds = [("bell", 1.0, 4.0, 0.9)]
    events = found(window(0, sounds), window(2, sounds, seconds=0.73))
    assert times(events) == [("bell", 1.0, 2.73)]


def test_an_event_is_told_as_soon_as_it_is_known_to_be_over() -> None:
    finder = EventFinder(LABELS)
    sounds = [("bell", 0.5, 1.0, 0.9), ("rain", 1.0, 5.0, 0.9)]
    assert finder.hear(window(0, sounds)) == ()  # a window that overlaps it may come
    assert times(finder.ongoing()) == [("bell", 0.5, 1.0), ("rain", 1.0, 2.0)]
    assert finder.ongoing() == finder.ongoing()
    assert times(finder.hear(window(2, sounds))) == [("bell", 0.5, 1.0)]
    assert times(finder.ongoing()) == [("rain", 1.0, 4.0)]


def test_a_long_recording_holds_no_more_than_a_short_one() -> None:
    finder = EventFinder(LABELS)
    sizes = []
    for index in range(40):
        finder.hear(window(2 * index, [("rain", 0.0, 100.0, 0.9), ("bell", 2 * index + 0.5, 2 * index + 1.0, 0.9)]))
        part = finder._part
        assert part is not None
        sizes.append((len(part._sums), len(part._tracks)))
    assert set(sizes[1:]) == {(COLUMNS, 1)}


@steadily
@given(
    activity=st.lists(st.sampled_from([0.0, 0.25, 0.6]), min_size=40, max_size=160),
    hop_steps=st.integers(5, COLUMNS),
)
def test_events_do_not_depend_on_the_windows_they_are_heard_in(activity: list[float], hop_steps: int) -> None:
    """Windows that agree where they overlap say together what a single one as long as the recording says."""
    steps = np.array(activity)[:, None] * np.array([1, 0, 0])
    seconds = len(steps) * STEP_SECONDS
    edges = np.arange(len(steps) + 1) * STEP_SECONDS
    whole = found(WindowActivity(0.0, seconds, edges, steps, np.ones(len(steps), bool)))
    windows = []
    for first in range(0, len(steps), hop_steps):
        part = steps[first : first + COLUMNS]
        end = (first + len(part)) * STEP_SECONDS
        windows.append(
            WindowActivity(first * STEP_SECONDS, end, edges[: len(part) + 1], part, np.ones(len(part), bool))
        )
    events = found(*windows)
    assert times(events) == times(whole)
    assert [each.probability for each in events] == pytest.approx([each.probability for each in whole])
    for event in events:
        assert 0 <= event.start_seconds <= event.peak_seconds <= event.end_seconds <= seconds + 1e-9
        assert OFF_BELOW * 0.5 < event.probability <= 0.6 + 1e-9


def test_an_event_as_json() -> None:
    assert Event("bell", 0.5, 1.25, 0.7, 0.9).to_dict() == {
        "class": "bell",
        "start_seconds": 0.5,
        "end_seconds": 1.25,
        "probability": 0.7,
        "peak_seconds": 0.9,
    }


# Recordings and clips


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    samples = sounding_clips(20, seed=3).numpy().ravel()[: round(37.5 * RATE)]
    samples[10 * RATE : 14 * RATE] = 0
    path = tmp_path_factory.mktemp("sounds") / "long.wav"
    audio.write_wav(path, samples, RATE)
    return path


@pytest.mark.parametrize("hop", [None, 0.75])
@pytest.mark.parametrize("multi_label", [False, True])
def test_events_of_a_recording_come_from_the_first_hearing(
    recording: Path, multi_label: bool, hop: float | None
) -> None:
    model = lively_model()
    model.config = replace(model.config, multi_label=multi_label)
    recognizer = recognizer_of(model)
    windows = list(classify_windows(recognizer, recording, hop, playbacks=1))
    events = recording_events(windows)
    assert events is not None
    assert len({event.label for event in events}) > 1
    assert in_order(list(find_events(recognizer, recording, hop))) == events
    for event in events:
        assert 0 <= event.start_seconds < event.end_seconds <= 37.5
        assert not 10.0 < event.peak_seconds < 14.0
    if hop is None:
        clip = recognizer.load(recording, 2.0)
        explanation = Explanation.of(clip, recognizer, recognizer.explain(clip.samples))
        of_clip = {times([event])[0] for event in clip_events(explanation)}
        inside = {each for each in times(events) if each[1] > 2.3 and each[2] < 3.7}
        assert inside <= of_clip
        assert all(2.0 <= start < end <= 4.0 for _, start, end in of_clip)


def test_events_so_far_include_those_that_go_on(recording: Path) -> None:
    windows = list(classify_windows(recognizer_of(lively_model(always=0)), recording, None, 0))
    so_far = recording_events(windows[:3])
    assert so_far is not None
    assert times(so_far) == [("bell", 0.0, 6.0)]
    assert times(recording_events(windows) or ()) == [("bell", 0.0, 10.0), ("bell", 14.0, 37.5)]


def test_a_model_without_activity_has_no_events(recording: Path) -> None:
    recognizer = recognizer_of()
    assert recording_events(list(classify_windows(recognizer, recording, None, 0))) is None
    assert recording_events([]) is None
    with pytest.raises(SettingsError, match=r"tiny has no activity, .* choose a model with activity"):
        next(find_events(recognizer, recording))
    clip = recognizer.load(recording)
    explanation = Explanation.of(clip, recognizer, recognizer.explain(clip.samples, 0))
    with pytest.raises(SettingsError, match="tiny has no activity"):
        clip_events(explanation)


def test_events_of_a_short_clip_end_with_it() -> None:
    recognizer = recognizer_of(lively_model(always=1))
    samples = sounding_clips(1)[0].numpy()[: round(0.9 * RATE)]
    info = audio.RecordingInfo("clip.wav", 0.9, RATE, 1, "WAV")
    clip = audio.Recording(samples, info, 0.0, RATE)
    explanation = Explanation.of(clip, recognizer, recognizer.explain(samples, 0))
    assert times(clip_events(explanation)) == [("rain", 0.0, 0.9)]
    later = replace(explanation, start_seconds=100.0)
    assert times(clip_events(later)) == [("rain", 100.0, 100.9)]
