"""Claims about time: maps are monotone, exact and invertible, segments are proper stretches of what can be heard."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from playitback.config import FrontEndConfig, SegmentRules
from playitback.replay import TimeMap, TimeMaps, attended_seconds, column_edges, read_frames
from playitback.segments import Segment, find_segments, pad_segments, unpad_segments

CLIP_SECONDS = 5.0
FRAMES = 200
FRONT_END = FrontEndConfig(frames=FRAMES, mels=2, fft_samples=512, window_samples=400)

#: a busy machine is no failure, and a test says the same every time
steadily = settings(deadline=None, derandomize=True, max_examples=60)


@st.composite
def segment_sets(draw: st.DrawFn) -> list[Segment]:
    """Up to six sorted, disjoint segments of whole milliseconds, some of which touch the clip's ends."""
    points = draw(st.sets(st.integers(0, 5000) | st.sampled_from([0, 5000]), max_size=12))
    ordered = sorted(points)[: len(points) // 2 * 2]
    return [Segment(a / 1000, b / 1000) for a, b in zip(ordered[::2], ordered[1::2], strict=True)]


@st.composite
def attended_columns(draw: st.DrawFn) -> tuple[Tensor, Tensor, Tensor]:
    """Attention (1, T), edges (1, T + 1) in seconds, audible (1, T). Some levels of attention are equal."""
    count = draw(st.integers(1, 24))
    widths = draw(st.lists(st.floats(0.005, 0.3), min_size=count, max_size=count))
    levels = st.sampled_from([0.0, 0.2, 0.45, 0.5, 0.55, 0.7, 0.9, 1.0]) | st.floats(0, 1, width=32)
    attention = draw(st.lists(levels, min_size=count, max_size=count))
    audible = draw(st.lists(st.sampled_from([True, True, True, False]), min_size=count, max_size=count))
    edges = torch.tensor([0.0, *widths], dtype=torch.float64).cumsum(0)
    return torch.tensor([attention]), edges[None], torch.tensor([audible])


rules = st.builds(
    SegmentRules,
    threshold=st.sampled_from([0.0, 0.5, 0.8]),
    maximum_share=st.sampled_from([0.3, 0.5, 1.0]) | st.floats(0.05, 1),
    minimum_seconds=st.sampled_from([0.0, 0.1, 0.3]),
    merge_gap_seconds=st.sampled_from([0.0, 0.1, 0.3]),
)
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
@given(st.lists(segment_sets(), max_size=4))
def test_padding_comes_off_again(batch: list[list[Segment]]) -> None:
    assert unpad_segments(pad_segments(batch, CLIP_SECONDS)) == [tuple(segments) for segments in batch]


@steadily
@given(attended_columns(), rules)
def test_segments_are_sorted_disjoint_in_bounds_and_long_enough(
    columns: tuple[Tensor, Tensor, Tensor], rules: SegmentRules
) -> None:
    attention, edges, audible = columns
    found, _ = find_segments(attention, edges, rules, audible)
    (segments,) = unpad_segments(found)
    stops = [second for each in segments for second in (each.start_seconds, each.end_seconds)]
    assert all(earlier < later for earlier, later in itertools.pairwise(stops))
    assert all(0 <= stop <= float(edges[0, -1]) for stop in stops)
    assert all(stop in edges[0].tolist() for stop in stops)
    assert all(each.seconds >= rules.minimum_seconds - 1e-6 for each in segments)
    # what is left of the padded result is empty segments at the clip's end
    assert (found[0, len(segments) :] == edges[0, -1]).all()


def inside(segments: Sequence[Segment], edges: Tensor) -> Tensor:
    """(T,): whether each column lies inside a segment."""
    centres = (edges[0, 1:] + edges[0, :-1]) / 2
    return torch.tensor(
        [any(each.start_seconds < centre < each.end_seconds for each in segments) for centre in centres.tolist()]
    )


@steadily
@given(attended_columns(), rules)
def test_segments_hold_what_is_attended_and_only_that_or_short_gaps_and_no_silence(
    columns: tuple[Tensor, Tensor, Tensor], rules: SegmentRules
) -> None:
    attention, edges, audible = columns
    found, threshold = find_segments(attention, edges, rules, audible)
    (segments,) = unpad_segments(found)
    chosen, heard, width = inside(segments, edges), audible[0], edges[0].diff()
    attended = (attention[0].double() > threshold) & heard
    assert not (chosen & ~heard).any()
    # columns that are chosen although nobody attends to them lie in gaps that are shorter than the rules allow
    for start, end in runs(~attended):
        if chosen[start:end].any():
            assert 0 < start < end < len(chosen)
            assert float(edges[0, end] - edges[0, start]) < rules.merge_gap_seconds
    # runs that are long enough by themselves are chosen whole
    for start, end in runs(attended):
        if float(edges[0, end] - edges[0, start]) >= rules.minimum_seconds:
            assert chosen[start:end].all()
    # what is attended fits into the share that may be replayed; closed gaps come on top
    assert threshold >= rules.threshold
    assert float(width[attended].sum()) <= rules.maximum_share * float(width.sum()) + 1e-9


@steadily
@given(attended_columns(), rules)
def test_neighbouring_segments_are_a_gap_or_a_silence_apart(
    columns: tuple[Tensor, Tensor, Tensor], rules: SegmentRules
) -> None:
    attention, edges, audible = columns
    (segments,) = unpad_segments(find_segments(attention, edges, rules, audible)[0])
    for one, other in itertools.pairwise(segments):
        between = inside([Segment(one.end_seconds, other.start_seconds)], edges)
        assert other.start_seconds - one.end_seconds >= rules.merge_gap_seconds - 1e-6 or not audible[0][between].all()


def runs(on: Tensor) -> list[tuple[int, int]]:
    """First column and the one after the last of every run of (T,)."""
    padded = torch.cat([torch.tensor([False]), on, torch.tensor([False])]).int().diff()
    starts, ends = torch.nonzero(padded == 1).flatten(), torch.nonzero(padded == -1).flatten()
    return list(zip(starts.tolist(), ends.tolist(), strict=True))


@settings(steadily, max_examples=20)
@given(st.lists(attended_columns(), min_size=2, max_size=3), rules)
def test_segments_of_a_batch_are_those_of_its_clips(
    clips: list[tuple[Tensor, Tensor, Tensor]], rules: SegmentRules
) -> None:
    columns = min(attention.shape[1] for attention, _, _ in clips)
    attention = torch.cat([each[:, :columns] for each, _, _ in clips])
    edges = torch.cat([each[:, : columns + 1] for _, each, _ in clips])
    audible = torch.cat([each[:, :columns] for _, _, each in clips])
    together, thresholds = find_segments(attention, edges, rules, audible)
    for index in range(len(clips)):
        row = slice(index, index + 1)
        alone, threshold = find_segments(attention[row], edges[row], rules, audible[row])
        assert torch.equal(together[row], alone)
        assert torch.equal(thresholds[row], threshold)


def even_columns(levels: Sequence[float], column_seconds: float = 0.1) -> tuple[Tensor, Tensor]:
    edges = torch.arange(len(levels) + 1, dtype=torch.float64) * column_seconds
    return torch.tensor([levels]), edges[None]


def found_in(levels: Sequence[float], rules: SegmentRules, audible: Sequence[bool] | None = None) -> list[list[float]]:
    attention, edges = even_columns(levels)
    mask = None if audible is None else torch.tensor([audible])
    (segments,) = unpad_segments(find_segments(attention, edges, rules, mask)[0])
    return [[round(each.start_seconds, 6), round(each.end_seconds, 6)] for each in segments]


GENEROUS = SegmentRules(maximum_share=1.0, minimum_seconds=0.0, merge_gap_seconds=0.0)


def test_runs_above_the_threshold_become_segments_and_gaps_do_not() -> None:
    assert found_in([0.1, 0.9, 0.8, 0.2, 0.7, 0.1], GENEROUS) == [[0.1, 0.3], [0.4, 0.5]]
    assert found_in([0.9, 0.1, 0.9], GENEROUS) == [[0.0, 0.1], [0.2, 0.3]]
    assert found_in([0.9, 0.9], GENEROUS) == [[0.0, 0.2]]
    assert found_in([0.5, 0.4], GENEROUS) == []


def test_short_gaps_are_closed_but_not_those_at_the_ends() -> None:
    rules = SegmentRules(maximum_share=1.0, minimum_seconds=0.0, merge_gap_seconds=0.15)
    assert found_in([0.1, 0.9, 0.2, 0.9, 0.1], rules) == [[0.1, 0.4]]
    assert found_in([0.9, 0.2, 0.2, 0.9], rules) == [[0.0, 0.1], [0.3, 0.4]]


def test_short_segments_are_dropped_after_gaps_were_closed() -> None:
    rules = SegmentRules(maximum_share=1.0, minimum_seconds=0.25, merge_gap_seconds=0.15)
    assert found_in([0.9, 0.1, 0.9, 0.1, 0.1, 0.9, 0.9], rules) == [[0.0, 0.3]]


def test_threshold_rises_until_the_rest_fits() -> None:
    rules = SegmentRules(maximum_share=0.5, minimum_seconds=0.0, merge_gap_seconds=0.0)
    assert found_in([0.6, 0.9, 0.7, 0.8], rules) == [[0.1, 0.2], [0.3, 0.4]]
    attention, edges = even_columns([0.6, 0.9, 0.7, 0.8])
    assert float(find_segments(attention, edges, rules)[1]) == pytest.approx(0.7)
    # equals stand or fall together
    assert found_in([0.8, 0.9, 0.8, 0.8], rules) == [[0.1, 0.2]]


def test_silence_splits_a_segment_however_short_it_is() -> None:
    closing = SegmentRules(maximum_share=1.0, minimum_seconds=0.0, merge_gap_seconds=0.25)
    for rules in (GENEROUS, closing):
        assert found_in([0.9] * 5, rules, [True, True, False, True, True]) == [[0.0, 0.2], [0.3, 0.5]]
        assert found_in([0.9] * 3, rules, [False] * 3) == []
    assert found_in([0.9, 0.2, 0.9, 0.9], closing, [True, True, False, True]) == [[0.0, 0.2], [0.3, 0.4]]


def test_silence_uses_up_nothing_of_the_share_that_may_be_replayed() -> None:
    rules = SegmentRules(maximum_share=0.5, minimum_seconds=0.0, merge_gap_seconds=0.0)
    assert found_in([0.9, 0.9, 0.9, 0.8, 0.1], rules, [False, False, False, True, True]) == [[0.3, 0.4]]


def test_segments_pass_no_gradient_to_the_attention() -> None:
    attention, edges = even_columns([0.9, 0.1, 0.8])
    segments, threshold = find_segments(attention.requires_grad_(), edges, GENEROUS)
    assert not segments.requires_grad
    assert not threshold.requires_grad


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


@given(st.integers(0, 10**6))
def test_attention_of_0_and_1_follows_the_map_of_its_segments(seed: int) -> None:
    """So the gradient of the soft form is that of what is done."""
    generator = torch.Generator().manual_seed(seed)
    edges = torch.cat([torch.zeros(1, dtype=torch.float64), torch.rand(20, generator=generator).double().cumsum(0)])
    edges = (edges / edges[-1] * 5.0)[None]
    attention = torch.zeros(1, 20)
    attention[0, 4:7] = attention[0, 15:18] = 1.0
    segments = torch.stack([edges[0, [4, 7]], edges[0, [15, 18]]])[None]
    frame = torch.arange(200.0)[None]
    hard = TimeMaps.of(segments, 3.0, 5.0, 200).seconds(frame)
    torch.testing.assert_close(attended_seconds(attention, edges, 3.0, 200), hard)


def test_frames_move_towards_what_is_attended_to_more() -> None:
    edges = torch.linspace(0, 5, 11, dtype=torch.float64)[None]
    attention = torch.full((1, 10), 0.5, requires_grad=True)
    seconds = attended_seconds(attention, edges, 3.0, 200)
    torch.testing.assert_close(seconds[0], torch.arange(200, dtype=torch.float64) * 5 / 200)
    # the frame in the middle of the clip falls back when the first half is given more frames
    (gradient,) = torch.autograd.grad(seconds[0, 100], [attention])
    assert (gradient[0, :5] < 0).all()
    assert (gradient[0, 5:] > 0).all()
