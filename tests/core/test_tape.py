"""Claims about the tape: it is as long as the clip, keeps pitch, and plays every moment where the map says."""

from __future__ import annotations

import numpy as np
import pytest
from tiny import RATE, clicks, noise, tone

from playitback.replay import TimeMap
from playitback.segments import Segment
from playitback.tape import tape

CLIP_SECONDS = 2.0
FRAMES = 160
SEGMENTS = (Segment(0.4, 0.7), Segment(1.3, 1.6))
#: silence splits segments: a piece of the tape may be as short as one column
WITH_SHORT_GAP = (Segment(0.4, 0.7), Segment(0.74, 0.9))


def tape_seconds(time_map: TimeMap, seconds: float) -> float:
    """Where on the tape a second of the clip is heard."""
    return float(time_map.frames(np.array(seconds))) * CLIP_SECONDS / FRAMES


def peak_hertz(samples: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(spectrum.argmax() * RATE / len(samples))


@pytest.mark.parametrize("ratio", [1.0, 2.0, 3.0, 4.0])
@pytest.mark.parametrize("segments", [(), SEGMENTS, (Segment(0.0, 0.5),), (Segment(1.5, 2.0),), WITH_SHORT_GAP])
def test_tape_is_as_long_as_the_clip(segments: tuple[Segment, ...], ratio: float) -> None:
    time_map = TimeMap.of(segments, ratio, CLIP_SECONDS, FRAMES)
    recorded = tape(noise(CLIP_SECONDS), time_map, RATE)
    assert recorded.shape == (32_000,)
    assert recorded.dtype == np.float32
    assert np.isfinite(recorded).all()


@pytest.mark.parametrize("time_map", [TimeMap.of((), 3.0, 2.0, 160), TimeMap.of(SEGMENTS, 1.0, 2.0, 160)])
def test_first_hearing_is_the_clip_itself(time_map: TimeMap) -> None:
    samples = noise(CLIP_SECONDS)
    np.testing.assert_array_equal(tape(samples, time_map, RATE), samples)


@pytest.mark.parametrize("ratio", [2.0, 3.0, 4.0])
@pytest.mark.parametrize("second", [0.45, 0.55, 0.65, 1.35, 1.55, 0.2, 1.0, 1.8])
def test_click_lies_on_the_tape_where_the_map_says(second: float, ratio: float) -> None:
    time_map = TimeMap.of(SEGMENTS, ratio, CLIP_SECONDS, FRAMES)
    recorded = tape(clicks(CLIP_SECONDS, [second]), time_map, RATE)
    assert np.abs(recorded).argmax() / RATE == pytest.approx(tape_seconds(time_map, second), abs=0.015)


@pytest.mark.parametrize("ratio", [2.0, 3.0, 4.0])
def test_tone_keeps_its_pitch_stretched_and_squeezed(ratio: float) -> None:
    time_map = TimeMap.of(SEGMENTS, ratio, CLIP_SECONDS, FRAMES)
    recorded = tape(tone(CLIP_SECONDS, hertz=600.0), time_map, RATE)
    for start, end in [(0.45, 0.65), (0.8, 1.2)]:
        stretch = recorded[round(tape_seconds(time_map, start) * RATE) : round(tape_seconds(time_map, end) * RATE)]
        assert peak_hertz(stretch) == pytest.approx(600, abs=RATE / len(stretch))


def test_pieces_join_without_a_gap_or_a_bump() -> None:
    time_map = TimeMap.of(SEGMENTS, 3.0, CLIP_SECONDS, FRAMES)
    recorded = tape(tone(CLIP_SECONDS), time_map, RATE)
    loudness = np.sqrt(np.square(recorded[1600:-1600]).reshape(-1, 320).mean(axis=1))
    assert loudness.min() > 0.3 * np.median(loudness)
    assert loudness.max() < 1.5 * np.median(loudness)
