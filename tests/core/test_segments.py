"""Claims about segments: proper stretches of what can be heard, with the algebra of sets of seconds."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from stretches import DRAWN_SECONDS, assert_sorted_and_disjoint, covered, lengths, segment_sets, steadily
from tiny import CLIP_SECONDS, RATE
from torch import Generator, Tensor

from playitback.config import SegmentRules
from playitback.segments import (
    Segment,
    audible_columns,
    find_segments,
    inside_segments,
    intersection_over_union,
    lies_inside,
    loudest_time,
    mean_power,
    merge_segments,
    pad_segments,
    peak_seconds,
    random_segments,
    resample,
    scatter_segments,
    share_inside,
    shared_seconds,
    top_time,
    total_seconds,
    unpad_segments,
)


@st.composite
def relevant_columns(draw: st.DrawFn) -> tuple[Tensor, Tensor, Tensor]:
    """Relevance (1, T), edges (1, T + 1) in seconds, audible (1, T). Some levels of relevance are equal."""
    count = draw(st.integers(1, 24))
    widths = draw(st.lists(st.floats(0.005, 0.3), min_size=count, max_size=count))
    levels = st.sampled_from([0.0, 0.2, 0.45, 0.5, 0.55, 0.7, 0.9, 1.0]) | st.floats(0, 1, width=32)
    relevance = draw(st.lists(levels, min_size=count, max_size=count))
    audible = draw(st.lists(st.sampled_from([True, True, True, False]), min_size=count, max_size=count))
    edges = torch.tensor([0.0, *widths], dtype=torch.float64).cumsum(0)
    return torch.tensor([relevance]), edges[None], torch.tensor([audible])


rules = st.builds(
    SegmentRules,
    threshold=st.sampled_from([0.0, 0.5, 0.8]),
    maximum_share=st.sampled_from([0.3, 0.5, 1.0]) | st.floats(0.05, 1),
    minimum_seconds=st.sampled_from([0.0, 0.1, 0.3]),
    merge_gap_seconds=st.sampled_from([0.0, 0.1, 0.3]),
)


@steadily
@given(st.lists(segment_sets(), max_size=4))
def test_padding_comes_off_again(batch: list[list[Segment]]) -> None:
    assert unpad_segments(pad_segments(batch, DRAWN_SECONDS)) == [tuple(segments) for segments in batch]


@steadily
@given(relevant_columns(), rules)
def test_segments_are_sorted_disjoint_in_bounds_and_long_enough(
    columns: tuple[Tensor, Tensor, Tensor], rules: SegmentRules
) -> None:
    relevance, edges, audible = columns
    found, _ = find_segments(relevance, edges, rules, audible)
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
@given(relevant_columns(), rules)
def test_segments_hold_what_is_relevant_and_only_that_or_short_gaps_and_no_silence(
    columns: tuple[Tensor, Tensor, Tensor], rules: SegmentRules
) -> None:
    relevance, edges, audible = columns
    found, threshold = find_segments(relevance, edges, rules, audible)
    (segments,) = unpad_segments(found)
    chosen, heard, width = inside(segments, edges), audible[0], edges[0].diff()
    relevant = (relevance[0].double() > threshold) & heard
    assert not (chosen & ~heard).any()
    # columns that are chosen although they matter little lie in gaps that are shorter than the rules allow
    for start, end in runs(~relevant):
        if chosen[start:end].any():
            assert 0 < start < end < len(chosen)
            assert float(edges[0, end] - edges[0, start]) < rules.merge_gap_seconds
    # runs that are long enough by themselves are chosen whole
    for start, end in runs(relevant):
        if float(edges[0, end] - edges[0, start]) >= rules.minimum_seconds:
            assert chosen[start:end].all()
    # what is relevant fits into the share that may be replayed; closed gaps come on top
    assert threshold >= rules.threshold
    assert float(width[relevant].sum()) <= rules.maximum_share * float(width.sum()) + 2e-9


@steadily
@given(relevant_columns(), rules)
def test_neighbouring_segments_are_a_gap_or_a_silence_apart(
    columns: tuple[Tensor, Tensor, Tensor], rules: SegmentRules
) -> None:
    relevance, edges, audible = columns
    (segments,) = unpad_segments(find_segments(relevance, edges, rules, audible)[0])
    for one, other in itertools.pairwise(segments):
        between = inside([Segment(one.end_seconds, other.start_seconds)], edges)
        assert other.start_seconds - one.end_seconds >= rules.merge_gap_seconds - 1e-6 or not audible[0][between].all()


def runs(on: Tensor) -> list[tuple[int, int]]:
    """First column and the one after the last of every run of (T,)."""
    padded = torch.cat([torch.tensor([False]), on, torch.tensor([False])]).int().diff()
    starts, ends = torch.nonzero(padded == 1).flatten(), torch.nonzero(padded == -1).flatten()
    return list(zip(starts.tolist(), ends.tolist(), strict=True))


@settings(steadily, max_examples=20)
@given(st.lists(relevant_columns(), min_size=2, max_size=3), rules)
def test_segments_of_a_batch_are_those_of_its_clips(
    clips: list[tuple[Tensor, Tensor, Tensor]], rules: SegmentRules
) -> None:
    columns = min(relevance.shape[1] for relevance, _, _ in clips)
    relevance = torch.cat([each[:, :columns] for each, _, _ in clips])
    edges = torch.cat([each[:, : columns + 1] for _, each, _ in clips])
    audible = torch.cat([each[:, :columns] for _, _, each in clips])
    together, thresholds = find_segments(relevance, edges, rules, audible)
    for index in range(len(clips)):
        row = slice(index, index + 1)
        alone, threshold = find_segments(relevance[row], edges[row], rules, audible[row])
        assert torch.equal(together[row], alone)
        assert torch.equal(thresholds[row], threshold)


def even_columns(levels: Sequence[float], column_seconds: float = 0.1) -> tuple[Tensor, Tensor]:
    edges = torch.arange(len(levels) + 1, dtype=torch.float64) * column_seconds
    return torch.tensor([levels]), edges[None]


def found_in(levels: Sequence[float], rules: SegmentRules, audible: Sequence[bool] | None = None) -> list[list[float]]:
    relevance, edges = even_columns(levels)
    mask = None if audible is None else torch.tensor([audible])
    (segments,) = unpad_segments(find_segments(relevance, edges, rules, mask)[0])
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
    relevance, edges = even_columns([0.6, 0.9, 0.7, 0.8])
    assert float(find_segments(relevance, edges, rules)[1]) == pytest.approx(0.7)
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


def test_segments_pass_no_gradient_to_the_relevance() -> None:
    relevance, edges = even_columns([0.9, 0.1, 0.8])
    segments, threshold = find_segments(relevance.requires_grad_(), edges, GENEROUS)
    assert not segments.requires_grad
    assert not threshold.requires_grad


@steadily
@given(st.lists(segment_sets(), min_size=1, max_size=3), st.integers(0, 10**6))
def test_scattered_segments_keep_number_and_lengths_and_are_disjoint(batch: list[list[Segment]], seed: int) -> None:
    segments = pad_segments(batch, DRAWN_SECONDS)
    scattered = scatter_segments(segments, DRAWN_SECONDS, Generator().manual_seed(seed))
    assert lengths(scattered) == lengths(segments)
    assert_sorted_and_disjoint(scattered, DRAWN_SECONDS)


def test_scattered_segments_hang_on_the_seed_alone() -> None:
    segments = pad_segments([[Segment(0.2, 0.5), Segment(1.0, 1.1)], [Segment(0.0, 0.4)]], CLIP_SECONDS)
    same, again, other = (scatter_segments(segments, CLIP_SECONDS, Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(same, again)
    assert not torch.equal(same, other)
    assert not torch.equal(same, segments)


def test_scattered_segments_are_uniformly_placed() -> None:
    one = torch.tensor([[[0.0, 0.5], [2.0, 2.0]]], dtype=torch.float64).expand(20_000, -1, -1)
    start = scatter_segments(one, CLIP_SECONDS, Generator().manual_seed(0))[:, 0, 0]
    deciles = torch.quantile(start, torch.linspace(0.1, 0.9, 9, dtype=torch.float64))
    torch.testing.assert_close(deciles, 1.5 * torch.linspace(0.1, 0.9, 9, dtype=torch.float64), atol=0.03, rtol=0)


def test_scattered_segments_come_in_any_order() -> None:
    two = torch.tensor([[[0.0, 0.1], [0.5, 1.2]]], dtype=torch.float64).expand(2000, -1, -1)
    drawn = scatter_segments(two, CLIP_SECONDS, Generator().manual_seed(0))
    long_first = (drawn.diff(dim=2)[:, 0, 0] > 0.5).double().mean()
    assert 0.45 < float(long_first) < 0.55


@pytest.mark.parametrize("seed", range(5))
def test_random_segments_are_one_to_three_and_a_tenth_to_a_half_of_the_clip(seed: int) -> None:
    segments = random_segments(200, 5.0, Generator().manual_seed(seed))
    assert segments.shape == (200, 3, 2)
    stops = segments.flatten(1)
    assert (stops.diff(dim=1) >= -1e-5).all()
    assert stops.min() >= 0
    assert stops.max() <= 5
    share = total_seconds(segments) / 5
    assert share.min() >= 0.1 - 1e-5
    assert share.max() <= 0.5 + 1e-5
    counts = (segments.diff(dim=2) > 1e-5).sum(dim=(1, 2))
    assert sorted(counts.unique().tolist()) == [1, 2, 3]


def test_last_column_is_cut_beside_one_that_is_taken() -> None:
    edges = torch.tensor([[0.0, 0.5, 1.0, 1.5, 2.0]], dtype=torch.float64)
    seconds = torch.tensor([0.7], dtype=torch.float64)
    left_of_best = top_time(torch.tensor([[0.0, 2.0, 3.0, 1.0]]), edges, seconds)
    assert left_of_best[0, 0].tolist() == pytest.approx([0.8, 1.5])
    right_of_best = top_time(torch.tensor([[0.0, 3.0, 2.0, 1.0]]), edges, seconds)
    assert right_of_best[0, 0].tolist() == pytest.approx([0.5, 1.2])


def test_no_time_is_no_segment() -> None:
    edges = torch.tensor([[0.0, 1.0, 2.0]], dtype=torch.float64)
    segments = top_time(torch.tensor([[1.0, 2.0]]), edges, torch.zeros(1, dtype=torch.float64))
    assert (segments == CLIP_SECONDS).all()


def test_loudest_time_is_where_the_power_is() -> None:
    samples = torch.zeros(1, round(CLIP_SECONDS * RATE))
    samples[:, RATE : RATE + RATE // 2] = 0.5
    segments = loudest_time(samples, torch.tensor([0.5], dtype=torch.float64), CLIP_SECONDS, RATE)
    assert segments[0, 0].tolist() == pytest.approx([1.0, 1.5])


def test_power_is_the_mean_square_between_the_edges() -> None:
    samples = torch.cat([torch.full((1, RATE), 0.5), torch.full((1, RATE), 0.1)], dim=1)
    edges = torch.tensor([[0.0, 1.0, 1.5, 2.0]], dtype=torch.float64)
    torch.testing.assert_close(
        mean_power(samples, edges, RATE), torch.tensor([[0.25, 0.01, 0.01]], dtype=torch.float64)
    )


def test_column_is_audible_if_half_of_it_is() -> None:
    waveform = torch.zeros(1, 16_000)
    waveform[:, 4000:8000] = 0.1  # 0.25 s to 0.5 s
    edges = torch.tensor([[0.0, 0.2, 0.29, 0.31, 0.48, 0.56, 1.0]], dtype=torch.float64)
    assert audible_columns(waveform, edges, RATE).tolist() == [[False, False, True, True, False, False]]
    # less than one step of 16 bits is silence, one step is not
    steps = torch.full((2, 16_000), 1 / 32768) * torch.tensor([[0.9], [1.0]])
    assert audible_columns(steps, edges.expand(2, -1), RATE).any(dim=1).tolist() == [False, True]


def test_resampled_curve_is_the_mean_over_equal_time() -> None:
    values = torch.tensor([[1.0, 3.0]])
    edges = torch.tensor([[0.0, 1.5, 2.0]], dtype=torch.float64)
    assert resample(values, edges, 2)[0].tolist() == pytest.approx([1.0, 2.0])
    assert resample(values, edges, 4)[0].tolist() == pytest.approx([1.0, 1.0, 1.0, 3.0])


@steadily
@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=1, max_size=8))
def test_union_covers_what_its_parts_cover_and_nothing_else(pairs: list[tuple[int, int]]) -> None:
    parts = torch.tensor([[sorted(pair) for pair in pairs]], dtype=torch.float64) / 10
    union = merge_segments(parts, CLIP_SECONDS)
    assert_sorted_and_disjoint(union, CLIP_SECONDS)
    points = torch.arange(0.05, CLIP_SECONDS, 0.1, dtype=torch.float64).unsqueeze(0)
    assert torch.equal(covered(union, points), covered(parts, points))
    real = union[union.diff(dim=2).squeeze(2) > 0]
    assert (real[1:, 0] > real[:-1, 1]).all()


def test_shared_time_and_intersection_over_union() -> None:
    one = torch.tensor([[[0.0, 1.0], [1.5, 2.0]], [[2.0, 2.0], [2.0, 2.0]]], dtype=torch.float64)
    other = torch.tensor([[[0.5, 1.75]], [[0.0, 1.0]]], dtype=torch.float64)
    assert shared_seconds(one, other).tolist() == pytest.approx([0.75, 0.0])
    assert intersection_over_union(one, other).tolist() == pytest.approx([0.75 / 2.0, 0.0])
    edges = torch.tensor([[0.0, 0.5, 2.0]], dtype=torch.float64)
    assert inside_segments(one, edges).tolist() == [pytest.approx([0.5, 1.0]), [0.0, 0.0]]


def test_share_inside_is_of_the_first_set_and_unknown_where_that_is_empty() -> None:
    marked = pad_segments([[Segment(0.0, 1.0), Segment(2.0, 3.0)], [], [Segment(1.0, 2.0)]], 5.0)
    events = pad_segments([[Segment(0.5, 2.5)], [Segment(0.0, 1.0)], [Segment(0.0, 5.0)]], 5.0)
    torch.testing.assert_close(
        share_inside(marked, events), torch.tensor([0.5, torch.nan, 1.0]).double(), equal_nan=True
    )


def test_a_peak_is_told_by_the_centre_of_its_bin_and_an_event_ends_before_its_end() -> None:
    values = torch.tensor([[0.0, 3.0, 1.0, 2.0], [1.0, 0.0, 0.0, 5.0]])
    peaks = peak_seconds(values, 2.0)
    assert peaks.tolist() == [0.75, 1.75]
    events = pad_segments([[Segment(0.75, 1.0)], [Segment(0.0, 0.5), Segment(1.0, 1.75)]], 2.0)
    assert lies_inside(peaks, events).tolist() == [1, 0]
