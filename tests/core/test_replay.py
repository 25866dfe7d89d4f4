"""Claims about time: maps are monotone, exact and invertible, and frames are read at their own second."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from stretches import DRAWN_SECONDS as CLIP_SECONDS
from stretches import segment_sets, steadily

from playitback.config import FrontEndConfig
from playitback.replay import TimeMap, TimeMaps, column_edges, read_frames
from playitback.segments import Segment, pad_segments

FRAMES = 200
FRONT_END = FrontEndConfig(frames=FRAMES, mels=2, fft_samples=512, window_samples=400)

ratios = st.floats(1, 4)


def frames_between(time_map: TimeMap, segment: Segment) -> float:
    start, end = time_map.frames(np.array([segment.start_seconds, segment.end_seconds]))
    return float(end - start)


@steadily
@given(segment_sets(), ratios)
def test_map_leads_from_the_first_frame_to_the_clips_end_and_never_back(segments: list[Segment], ratio: float) -> None:
    time_map = TimeMap.of(segments, ratio, CLIP_SECONDS, FRAMES)
    seconds = time_map.seconds(np.linspace(0, FRAMES, 1001))
    assert seconds[0] == 0
    assert seconds[-1] == CLIP_SECONDS
    assert (np.diff(seconds) > 0).all()
    assert (np.diff(time_map.knots_frame) > 0).all()
    assert (np.diff(time_map.knots_seconds) > 0).all()


@steadily
@given(segment_sets(), ratios)
def test_seconds_to_frames_to_seconds_comes_back(segments: list[Segment], ratio: float) -> None:
    time_map = TimeMap.of(segments, ratio, CLIP_SECONDS, FRAMES)
    seconds, frames = np.linspace(0, CLIP_SECONDS, 777), np.linspace(0, FRAMES, 777)
    np.testing.assert_allclose(time_map.seconds(time_map.frames(seconds)), seconds, rtol=0, atol=1e-9)
    np.testing.assert_allclose(time_map.frames(time_map.seconds(frames)), frames, rtol=0, atol=1e-9)


@steadily
@given(segment_sets(), ratios)
def test_second_inside_a_segment_gets_exactly_ratio_times_the_frames_of_one_outside(
    segments: list[Segment], ratio: float
) -> None:
    time_map = TimeMap.of(segments, ratio, CLIP_SECONDS, FRAMES)
    replayed = sum(segment.seconds for segment in segments)
    frames_per_second = FRAMES / (CLIP_SECONDS + (ratio - 1) * replayed)  # outside
    stops = [0.0, *(second for each in segments for second in (each.start_seconds, each.end_seconds)), CLIP_SECONDS]
    for index, (start, end) in enumerate(itertools.pairwise(stops)):
        expected = frames_per_second * (end - start) * (ratio if index % 2 == 1 else 1)
        assert frames_between(time_map, Segment(start, end)) == pytest.approx(expected, abs=1e-8)


def test_without_segments_frames_are_evenly_spaced() -> None:
    time_map = TimeMap.of([], 3.0, CLIP_SECONDS, FRAMES)
    np.testing.assert_allclose(time_map.seconds(np.arange(FRAMES)), np.arange(FRAMES) * CLIP_SECONDS / FRAMES)


def test_map_of_a_worked_example() -> None:
    """1 s of 5 s, heard at a third of the hop: 3 of 7 parts of the frames."""
    time_map = TimeMap.of([Segment(2.0, 3.0)], 3.0, 5.0, 140)
    np.testing.assert_allclose(time_map.knots_seconds, [0, 2, 3, 5])
    np.testing.assert_allclose(time_map.knots_frame, [0, 40, 100, 140])
    np.testing.assert_allclose(time_map.seconds(np.array([20, 70, 120])), [1, 2.5, 4])


@steadily
@given(st.lists(segment_sets(), min_size=1, max_size=4), ratios)
def test_maps_of_a_batch_are_those_of_its_clips(batch: list[list[Segment]], ratio: float) -> None:
    maps = TimeMaps.of(pad_segments(batch, CLIP_SECONDS), ratio, CLIP_SECONDS, FRAMES)
    frames, seconds = np.linspace(0, FRAMES, 301), np.linspace(0, CLIP_SECONDS, 301)
    batched_seconds = maps.seconds(torch.from_numpy(frames).expand(len(batch), -1))
    batched_frames = maps.frames(torch.from_numpy(seconds).expand(len(batch), -1))
    for index, segments in enumerate(batch):
        alone = TimeMap.of(segments, ratio, CLIP_SECONDS, FRAMES)
        np.testing.assert_allclose(batched_seconds[index], alone.seconds(frames), rtol=0, atol=1e-9)
        np.testing.assert_allclose(batched_frames[index], alone.frames(seconds), rtol=0, atol=1e-9)
        np.testing.assert_allclose(maps[index].seconds(frames), alone.seconds(frames), rtol=0, atol=1e-9)


@steadily
@given(segment_sets(), ratios, st.integers(1, 5))
def test_padding_changes_no_map(segments: list[Segment], ratio: float, padding: int) -> None:
    plain = pad_segments([segments], CLIP_SECONDS)
    padded = torch.cat([plain, torch.full((1, padding, 2), CLIP_SECONDS, dtype=torch.float64)], dim=1)
    frames = torch.linspace(0, FRAMES, 301, dtype=torch.float64)[None]
    one, other = (TimeMaps.of(each, ratio, CLIP_SECONDS, FRAMES) for each in (plain, padded))
    torch.testing.assert_close(one.seconds(frames), other.seconds(frames), rtol=0, atol=1e-12)
    seconds = one.seconds(frames)
    torch.testing.assert_close(one.frames(seconds), other.frames(seconds), rtol=0, atol=1e-9)
    assert torch.equal(one.replayed(seconds)[:, :-1], other.replayed(seconds)[:, :-1])


@steadily
@given(segment_sets(), ratios)
def test_map_knows_which_seconds_are_replayed(segments: list[Segment], ratio: float) -> None:
    maps = TimeMaps.of(pad_segments([segments], CLIP_SECONDS), ratio, CLIP_SECONDS, FRAMES)
    seconds = np.arange(5000) / 1000 + 0.0005  # segments start and end on whole milliseconds
    expected = [any(each.start_seconds <= second < each.end_seconds for each in segments) for second in seconds]
    assert maps.replayed(torch.from_numpy(seconds)[None])[0].tolist() == expected


@steadily
@given(segment_sets(), ratios, st.sampled_from([(4, 0.0), (4, 1.0)]))
def test_columns_are_centred_on_their_frames_and_fill_the_clip(
    segments: list[Segment], ratio: float, stem: tuple[int, float]
) -> None:
    stride, first_centre = stem
    maps = TimeMaps.of(pad_segments([segments], CLIP_SECONDS), ratio, CLIP_SECONDS, FRAMES)
    centres, edges = (each[0].numpy() for each in column_edges(maps, FRAMES // stride, stride, first_centre))
    expected = maps[0].seconds(first_centre + stride * np.arange(FRAMES // stride))
    np.testing.assert_allclose(centres, expected, rtol=0, atol=1e-9)
    assert (edges[0], edges[-1]) == (0, CLIP_SECONDS)
    assert (edges[:-1] <= centres).all()
    assert (centres < edges[1:]).all()


@steadily
@given(st.lists(segment_sets(), min_size=1, max_size=3), st.sampled_from([1, 2, 3]))
def test_frames_are_read_at_their_own_second_from_the_finer_hop_inside_segments(
    batch: list[list[Segment]], hearing_index: int
) -> None:
    """The first of two mel bins says the second of its frame, the other one which of the two log-mels it is from."""
    hops = FRONT_END.hop_samples(0), FRONT_END.hop_samples(hearing_index)
    log_mels = []
    for marker, hop_samples in enumerate(hops):
        seconds = torch.arange(FRONT_END.clip_samples // hop_samples + 1) * hop_samples / FRONT_END.sample_rate
        log_mels.append(torch.stack([seconds, torch.full_like(seconds, marker)], dim=1).expand(len(batch), -1, -1))
    maps = TimeMaps.of(pad_segments(batch, CLIP_SECONDS), hops[0] / hops[1], CLIP_SECONDS, FRAMES)
    frames = read_frames(log_mels[0], log_mels[1], maps, FRONT_END, hops[1]).numpy()
    assert frames.shape == (len(batch), FRAMES, 2)
    for index, segments in enumerate(batch):
        seconds = maps[index].seconds(np.arange(FRAMES))
        # the last frame of the finer log-mel lies up to a hop before the clip's end
        np.testing.assert_allclose(frames[index, :, 0], seconds, rtol=0, atol=1e-5 + hops[1] / FRONT_END.sample_rate)
        early = seconds < CLIP_SECONDS - hops[1] / FRONT_END.sample_rate
        np.testing.assert_allclose(frames[index, early, 0], seconds[early], rtol=0, atol=1e-5)
        stops = np.array([stop for each in segments for stop in (each.start_seconds, each.end_seconds)])
        clear = np.array([not np.isclose(stops, second, rtol=0, atol=1e-9).any() for second in seconds])
        fine = np.array(
            [any(each.start_seconds < second < each.end_seconds for each in segments) for second in seconds]
        )
        np.testing.assert_array_equal(frames[index, clear, 1], fine[clear])
