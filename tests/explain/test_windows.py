"""Claims about long recordings: every window is classified as a clip of its own, as it comes; neighbours are joined."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from stretches import steadily, window_of
from tiny import CLIP_SECONDS, LABELS, RATE, lively_model, recognizer_of, sounding_clips

from playitback import audio, cores
from playitback.errors import AudioError, SettingsError
from playitback.explain.windows import (
    RANKED,
    Stretch,
    Window,
    classify_windows,
    count_windows,
    hear_windows,
    recording_to_dict,
    stretches,
    window_events,
)
from playitback.recognizer import Recognizer

BATCH = 8
LONG_SECONDS = 2 * BATCH * CLIP_SECONDS + 5.5  # two batches and a third that ends in a window of 1.5 s


@pytest.fixture(scope="module")
def recognizer() -> Recognizer:
    return recognizer_of()


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sound that swells and fades, with a stretch of digital silence."""
    samples = sounding_clips(20, seed=3).numpy().ravel()[: round(LONG_SECONDS * RATE)]
    samples[10 * RATE : 14 * RATE] = 0
    path = tmp_path_factory.mktemp("sounds") / "long.wav"
    audio.write_wav(path, samples, RATE)
    return path


@pytest.fixture
def reading(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """How many windows were read, and how many readings were closed; batches are heard one at a time."""
    monkeypatch.setattr(cores, "_cores", 1)
    counted = {"read": 0, "closed": 0}
    stream = audio.stream

    def counting(*given: object, **named: object) -> Iterator[audio.Recording]:
        try:
            for each in stream(*given, **named):  # type: ignore[arg-type]
                counted["read"] += 1
                yield each
        finally:
            counted["closed"] += 1

    monkeypatch.setattr(audio, "stream", counting)
    return counted


# Windows


@pytest.mark.parametrize(("hop", "playbacks"), [(None, None), (1.5, 0)])
def test_every_window_is_classified_as_a_clip_of_its_own(
    recognizer: Recognizer, recording: Path, hop: float | None, playbacks: int | None
) -> None:
    windows = list(classify_windows(recognizer, recording, hop, playbacks))
    assert [each.index for each in windows] == list(range(len(windows)))
    assert np.ptp([each.probabilities for each in windows], axis=0).max() > 0.01  # so that none passes for another
    for each in windows:
        clip = recognizer.load(recording, each.index * (hop or CLIP_SECONDS))
        *_, last = recognizer.explain(clip.samples, playbacks)
        np.testing.assert_allclose(each.probabilities, last.probabilities, atol=1e-5)
        assert each.start_seconds == clip.start_seconds
        assert each.label == LABELS[np.argmax(each.probabilities)]
        assert each.probability == each.probabilities.max()
        assert each.ranking == tuple(sorted(LABELS, key=lambda label: -each.probabilities[LABELS.index(label)]))


def test_windows_from_a_later_one_on_are_those_of_the_whole(recognizer: Recognizer, recording: Path) -> None:
    whole = [window for window, _ in hear_windows(recognizer, recording)]
    later = [window for window, _ in hear_windows(recognizer, recording, first_window=BATCH)]
    assert [each.index for each in later] == [*range(BATCH, 2 * BATCH + 3)]
    for one, other in zip(later, whole[BATCH:], strict=True):
        np.testing.assert_array_equal(one.probabilities, other.probabilities)
        assert (one.to_dict(), one.replayed) == (other.to_dict(), other.replayed)


def test_what_was_replayed_lies_in_its_window(recognizer: Recognizer, recording: Path) -> None:
    clips = [window.start_seconds for window, _ in hear_windows(recognizer, recording)]
    for start, (window, _) in zip(clips, hear_windows(recognizer, recording, playbacks=1), strict=True):
        waveform = recognizer.load(recording, start).samples
        *_, last = recognizer.explain(waveform, playbacks=1)
        assert [(each.start_seconds - start, each.end_seconds - start) for each in window.replayed] == [
            pytest.approx((each.start_seconds, each.end_seconds), abs=1e-6) for each in last.replayed
        ]
    assert not any(window.replayed for window, _ in hear_windows(recognizer, recording, playbacks=0))


def test_events_of_a_window_end_at_its_edges(recording: Path) -> None:
    recognizer = recognizer_of(lively_model(always=2))
    for window, activity in hear_windows(recognizer, recording, playbacks=0):
        assert activity is not None
        for event in window_events(recognizer.labels, activity):
            assert window.start_seconds <= event.start_seconds < event.end_seconds <= window.end_seconds
            assert event.label == LABELS[2]
    assert event.end_seconds == LONG_SECONDS


def test_the_last_window_ends_with_the_recording(recognizer: Recognizer, recording: Path) -> None:
    windows = list(classify_windows(recognizer, recording, None, 0))
    edges = [CLIP_SECONDS * index for index in range(len(windows))] + [LONG_SECONDS]
    assert [(each.start_seconds, each.end_seconds) for each in windows] == list(itertools.pairwise(edges))
    assert windows[-1].end_seconds - windows[-1].start_seconds == 1.5


def test_a_recording_shorter_than_a_clip_is_one_window(recognizer: Recognizer, tmp_path: Path) -> None:
    audio.write_wav(tmp_path / "short.wav", sounding_clips(1)[0].numpy()[: RATE // 2], RATE)
    (only,) = classify_windows(recognizer, tmp_path / "short.wav", 0.1)
    assert (only.start_seconds, only.end_seconds) == (0.0, 0.5)


def test_windows_come_batch_by_batch(recognizer: Recognizer, recording: Path, reading: dict[str, int]) -> None:
    windows = classify_windows(recognizer, recording, None, 0)
    read = []
    for index, each in enumerate(windows):
        assert each.index == index
        read.append(reading["read"])
    assert read == [8] * 8 + [16] * 8 + [19] * 3
    assert reading == {"read": 19, "closed": 1}


@pytest.mark.parametrize("hop", [None, 0.7, CLIP_SECONDS, 3.3])
def test_it_is_known_beforehand_how_many_windows_there_will_be(
    recognizer: Recognizer, recording: Path, hop: float | None
) -> None:
    windows = list(classify_windows(recognizer, recording, hop, 0))
    assert count_windows(recognizer, audio.probe(recording), hop) == len(windows) > 10


def test_batches_heard_beside_each_other_are_those_heard_one_at_a_time(
    recognizer: Recognizer, recording: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for count in (1, 3):
        monkeypatch.setattr(cores, "_cores", count)
        found.append(list(classify_windows(recognizer, recording)))
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one.probabilities, other.probabilities)
        assert one.to_dict() == other.to_dict()
        assert (one.replayed, one.over, one.ongoing) == (other.replayed, other.over, other.ongoing)


def test_batches_that_are_heard_ahead_are_given_up_with_the_rest(
    recognizer: Recognizer, recording: Path, reading: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cores, "_cores", 2)
    windows = classify_windows(recognizer, recording, None, 0)
    next(windows)
    windows.close()
    assert reading["closed"] == 1


def test_closing_the_generator_cancels(recognizer: Recognizer, recording: Path, reading: dict[str, int]) -> None:
    windows = classify_windows(recognizer, recording, None, 0)
    next(windows)
    windows.close()
    assert reading == {"read": BATCH, "closed": 1}


def test_raising_inside_cancels(recognizer: Recognizer, recording: Path, reading: dict[str, int]) -> None:
    windows = classify_windows(recognizer, recording, None, 0)
    next(windows)
    with pytest.raises(InterruptedError) as raised:
        windows.throw(InterruptedError())
    assert raised.traceback  # which still holds the frames, so that nothing was closed only by being forgotten
    assert reading == {"read": BATCH, "closed": 1}


def test_a_model_that_cannot_hear_leaves_no_file_open(
    recognizer: Recognizer, recording: Path, reading: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise InterruptedError

    monkeypatch.setattr(recognizer, "listen", fail)
    with pytest.raises(InterruptedError) as raised:
        next(classify_windows(recognizer, recording, None, 0))
    assert raised.traceback
    assert reading == {"read": BATCH, "closed": 1}


def test_impossible_settings_and_files_are_told(recognizer: Recognizer, recording: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"hop_seconds is 0\.0; give 0\.1 or more"):
        next(classify_windows(recognizer, recording, 0.0))
    with pytest.raises(SettingsError, match="plays back 0 to 3 times, not 4"):
        next(classify_windows(recognizer, recording, None, 4))
    with pytest.raises(SettingsError, match=r"hop_seconds is 0\.0; give 0\.1 or more"):
        count_windows(recognizer, audio.probe(recording), 0.0)
    with pytest.raises(AudioError, match=r"nowhere\.wav does not exist"):
        next(classify_windows(recognizer, tmp_path / "nowhere.wav"))


def test_a_window_as_json_names_the_most_probable_classes() -> None:
    labels = [f"class {number}" for number in range(8)]
    probabilities = np.array([0.01, 0.3, 0.02, 0.2, 0.15, 0.12, 0.1, 0.1], np.float32)
    ranking = tuple(labels[index] for index in np.argsort(-probabilities)[:RANKED])
    found = Window(3, 1.25, 3.25, "class 1", 0.3, ranking, probabilities).to_dict()
    assert found == {
        "start_seconds": 1.25,
        "end_seconds": 3.25,
        "decision": "class 1",
        "probability": 0.3,
        "known": None,
        "ranking": {"class 1": 0.3, "class 3": 0.2, "class 4": 0.15, "class 5": 0.12, "class 6": 0.1},
        "notes": [],
    }


def test_what_the_model_was_given_otherwise_is_told_of_windows_and_recording(
    recognizer: Recognizer, tmp_path: Path
) -> None:
    sound = sounding_clips(3, seed=4).numpy().ravel()[: round(3 * CLIP_SECONDS * RATE)]
    other = sound.copy()
    other[round(CLIP_SECONDS * RATE) : round(2 * CLIP_SECONDS * RATE)] *= -1  # wired the wrong way in the second window
    path = tmp_path / "long.wav"
    soundfile.write(path, np.stack([sound, other], axis=1), RATE)
    path.write_bytes(path.read_bytes()[:-4_000])
    windows = list(classify_windows(recognizer, path, playbacks=0))
    assert [len(each.notes) for each in windows] == [0, 1, 0]
    told = recording_to_dict(recognizer, audio.probe(path), windows)
    cut, cancelled = told["notes"]
    assert cut.startswith("long.wav is cut short: 1 % ")
    assert cancelled.startswith("1 of 3 windows have notes, the first of them: long.wav: its 2 channels cancel")
    assert [each["notes"] for each in told["windows"]] == [[], list(windows[1].notes), []]


def test_of_a_chosen_channel_every_window_is_heard_and_the_recording_tells_it(
    recognizer: Recognizer, tmp_path: Path
) -> None:
    sound, other = (sounding_clips(2, seed=seed).numpy().ravel() for seed in (4, 5))
    soundfile.write(tmp_path / "both.wav", np.stack([sound, other], axis=1), RATE, subtype="FLOAT")
    soundfile.write(tmp_path / "other.wav", other, RATE, subtype="FLOAT")
    windows = list(classify_windows(recognizer, tmp_path / "both.wav", playbacks=0, channel=2))
    alone = list(classify_windows(recognizer, tmp_path / "other.wav", playbacks=0))
    assert [each.to_dict() for each in windows] == [each.to_dict() for each in alone]
    told = recording_to_dict(recognizer, audio.probe(tmp_path / "both.wav"), windows, channel=2)
    assert told["recording"]["channel"] == 2
    assert told["notes"] == ["both.wav: of its 2 channels only channel 2 was taken, as chosen."]


def test_json_tells_the_clock_time_of_all_that_begins(tmp_path: Path) -> None:
    recognizer = recognizer_of(lively_model(always=0))
    path = tmp_path / "20240131_235959.wav"
    audio.write_wav(path, sounding_clips(2, seed=4).numpy().ravel(), RATE)
    windows = list(classify_windows(recognizer, path, playbacks=0))
    told = recording_to_dict(recognizer, audio.probe(path), windows, audio.recorded_at(path))
    assert told["recording"]["recorded_at"] == "2024-01-31T23:59:59.000"
    assert [each["clock"] for each in told["windows"]] == ["2024-01-31T23:59:59.000", "2024-02-01T00:00:01.000"]
    for each in (*told["stretches"], *told["events"]):
        assert each["clock"] == audio.clock_text(audio.recorded_at(path), each["start_seconds"])
    assert told["events"]
    unknown = recording_to_dict(recognizer, audio.probe(path), windows)
    assert unknown["recording"]["recorded_at"] is None
    assert {each["clock"] for name in ("windows", "stretches", "events") for each in unknown[name]} == {None}


# Stretches


def test_windows_of_one_class_that_touch_are_joined() -> None:
    windows = [
        window_of(0, 2, "rain", 0.5),
        window_of(2, 4, "rain", 0.6),
        window_of(4, 6, "rain", 1.0),
        window_of(6, 7, "bell"),
    ]
    rain, bell = stretches(windows)
    assert rain == Stretch(0, 6, "rain", pytest.approx(0.7), 3)
    assert bell == Stretch(6, 7, "bell", 0.5, 1)


def test_where_overlapping_windows_differ_the_border_lies_in_the_middle() -> None:
    windows = [window_of(0, 4, "rain"), window_of(1, 5, "rain"), window_of(2, 6, "bell"), window_of(3, 7, "rain")]
    found = [(each.start_seconds, each.end_seconds, each.label) for each in stretches(windows)]
    assert found == [(0, 3.5, "rain"), (3.5, 4.5, "bell"), (4.5, 7, "rain")]


def test_what_was_not_heard_belongs_to_no_stretch() -> None:
    first, second = stretches([window_of(0, 2, "rain"), window_of(3, 5, "rain")])
    assert (first.end_seconds, second.start_seconds) == (2, 3)


def test_a_stretch_comes_as_soon_as_it_is_over() -> None:
    windows = iter([window_of(0, 2, "rain"), window_of(2, 4, "bell"), window_of(4, 6, "siren")])
    joined = stretches(windows)
    assert next(joined).label == "rain"
    assert next(windows).label == "siren"  # the third was not needed


def test_no_windows_make_no_stretches() -> None:
    assert list(stretches([])) == []


@steadily
@given(
    labels=st.lists(st.sampled_from(LABELS), min_size=1, max_size=30),
    hop=st.floats(0.1, 2 * CLIP_SECONDS),
    last_seconds=st.floats(0.1, CLIP_SECONDS),
)
def test_stretches_are_sorted_disjoint_and_hold_every_window(
    labels: list[str], hop: float, last_seconds: float
) -> None:
    windows = [window_of(index * hop, index * hop + CLIP_SECONDS, label) for index, label in enumerate(labels)]
    before_last = windows[-2].end_seconds if len(windows) > 1 else 0.0
    end = max(before_last, windows[-1].start_seconds) + min(last_seconds, hop)
    windows[-1] = replace(windows[-1], end_seconds=end)
    found = list(stretches(windows))
    assert sum(each.windows for each in found) == len(windows)
    assert (found[0].start_seconds, found[-1].end_seconds) == (0, end)
    assert all(each.start_seconds < each.end_seconds for each in found)
    for one, other in itertools.pairwise(found):
        assert one.end_seconds <= other.start_seconds
        assert one.label != other.label or one.end_seconds < other.start_seconds
