"""Segment algebra: stretches of a clip as batches of tensors, and how a curve over time becomes stretches.

    segments (B, S, 2) in seconds, sorted and disjoint, padded with empty ones (start = end = clip_seconds)
    relevance (B, T) of columns between edges (B, T + 1) -> find_segments, top_time -> segments
    segments -> merge_segments, scatter_segments -> segments; -> shared_seconds, intersection_over_union -> (B,)

Because batches are padded, nothing here loops over clips. All functions are pure; times are seconds of the clip.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from playitback.config import SegmentRules

#: equal stretches of time that a curve is measured in, the same for all models and hearings
TIME_BINS = 100

#: peaks below one step of 16-bit audio are digital silence
DIGITAL_SILENCE = 1 / 32768
_LEAST_SHARE = 1e-9  # of a column; smaller shares are rounding errors
_LEAST_SECONDS = 1e-9  # shorter times are rounding errors


@dataclass(frozen=True)
class Segment:
    """A stretch of the clip."""

    start_seconds: float
    end_seconds: float

    @property
    def seconds(self) -> float:
        return self.end_seconds - self.start_seconds


def pad_segments(segments: Sequence[Sequence[Segment]], clip_seconds: float) -> Tensor:
    """Segments of every clip -> (B, S, 2) seconds, padded with empty segments at the clip's end."""
    most = max((len(each) for each in segments), default=0)
    padded = torch.full((len(segments), most, 2), clip_seconds, dtype=torch.float64)
    for row, each in enumerate(segments):
        for column, segment in enumerate(each):
            padded[row, column, 0], padded[row, column, 1] = segment.start_seconds, segment.end_seconds
    return padded


def unpad_segments(segments: Tensor) -> list[tuple[Segment, ...]]:
    """Inverse of ``pad_segments``: empty segments are dropped."""
    return [tuple(Segment(start, end) for start, end in clip if end > start) for clip in segments.tolist()]


def merge_segments(segments: Tensor, clip_seconds: float) -> Tensor:
    """Union of segments (B, S, 2) that may overlap, in any order: sorted, disjoint, padded with empty ones."""
    segments = torch.where((segments[..., 1:] > segments[..., :1]), segments, clip_seconds).double()
    if segments.shape[1] == 0:
        return segments
    segments = segments.gather(1, segments[..., :1].argsort(dim=1, stable=True).expand(-1, -1, 2))
    start, reach = segments[..., 0], segments[..., 1].cummax(dim=1).values
    begins = F.pad(start[:, 1:] > reach[:, :-1], (1, 0), value=True)
    number = begins.cumsum(dim=1) - 1  # of the run that a segment belongs to
    padding = torch.full_like(start, clip_seconds)
    starts = padding.scatter_reduce(1, number, start, "amin", include_self=False)
    ends = padding.scatter_reduce(1, number, reach, "amax", include_self=False)
    return torch.stack([starts, ends], dim=2)


def segments_where(on: Tensor, edges: Tensor) -> Tensor:
    """Runs of the columns (B, T) between ``edges`` (B, T + 1) that are on, as ``merge_segments`` gives them."""
    start = edges[:, :-1]
    return merge_segments(torch.stack([start, torch.where(on, edges[:, 1:], start)], dim=2), float(edges[0, -1]))


def inside_segments(segments: Tensor, edges: Tensor) -> Tensor:
    """Seconds of every bin between ``edges`` (1 or B, N + 1) inside disjoint segments (B, S, 2): (B, N)."""
    start, end = segments[:, :, :1], segments[:, :, 1:]
    overlap = torch.minimum(end, edges[:, None, 1:]) - torch.maximum(start, edges[:, None, :-1])
    return overlap.clamp_min(0).sum(dim=1)


def total_seconds(segments: Tensor) -> Tensor:
    """Seconds (B,) of disjoint segments (B, S, 2), together."""
    return segments.diff(dim=2).sum(dim=(1, 2))


def shared_seconds(one: Tensor, other: Tensor) -> Tensor:
    """Seconds (B,) that lie in both of two sets of disjoint segments, (B, S, 2) and (B, S', 2)."""
    start = torch.maximum(one[:, :, None, 0], other[:, None, :, 0])
    end = torch.minimum(one[:, :, None, 1], other[:, None, :, 1])
    return (end - start).clamp_min(0).sum(dim=(1, 2))


def share_inside(segments: Tensor, others: Tensor) -> Tensor:
    """Share (N,) of the time of disjoint segments (N, S, 2) that lies in others (N, S', 2); NaN where there is none."""
    seconds = total_seconds(segments)
    return torch.where(seconds > 0, shared_seconds(segments, others) / seconds.clamp_min(1e-9), torch.nan)


def peak_seconds(values: Tensor, clip_seconds: float) -> Tensor:
    """Centre (N,) of the highest of equal bins of a clip, of values (N, bins)."""
    return (values.argmax(dim=1) + 0.5) * (clip_seconds / values.shape[1])


def lies_inside(moments: Tensor, segments: Tensor) -> Tensor:
    """(N,): 1 where a moment (N,) lies in one of the segments (N, S, 2), else 0."""
    at = moments.unsqueeze(1)
    return ((at >= segments[..., 0]) & (at < segments[..., 1])).any(dim=1).double()


def intersection_over_union(one: Tensor, other: Tensor) -> Tensor:
    """(B,) in 0 to 1 for sets of disjoint segments (B, S, 2) and (B, S', 2); 0 where both are empty."""
    both = shared_seconds(one, other)
    either = total_seconds(one) + total_seconds(other) - both
    return both / either.clamp_min(1e-9)


def equal_edges(clip_seconds: float, bins: int) -> Tensor:
    """(1, bins + 1) seconds."""
    return torch.linspace(0, clip_seconds, bins + 1, dtype=torch.float64).unsqueeze(0)


def resample(values: Tensor, edges: Tensor, bins: int) -> Tensor:
    """Mean over each of ``bins`` equal stretches of time, (B, bins), of values (B, T) between edges (B, T + 1)."""
    wanted = equal_edges(float(edges[0, -1]), bins).to(edges.device)
    overlap = torch.minimum(edges[:, None, 1:], wanted[:, 1:, None]) - torch.maximum(
        edges[:, None, :-1], wanted[:, :-1, None]
    )
    weights = overlap.clamp_min(0)
    return (weights @ values.to(weights.dtype).unsqueeze(2)).squeeze(2) / weights.sum(dim=2)


def find_segments(
    relevance: Tensor, edges: Tensor, rules: SegmentRules, audible: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Thresholded relevance -> segments (B, S, 2) in seconds, sorted, disjoint, padded; and thresholds (B,).

    relevance: (B, T) in 0..1; edges: (B, T + 1) seconds of the columns' edges; audible: (B, T), False where a column
    holds digital silence, which is never chosen. Columns above the threshold are "on"; the threshold rises above
    ``rules.threshold`` when more than ``rules.maximum_share`` of the clip would be on. Runs closer than
    ``merge_gap_seconds`` are joined, runs shorter than ``minimum_seconds`` dropped.
    """
    width = edges.diff(dim=1)
    relevance = relevance.detach().double()
    if audible is not None:
        # below any threshold, so it takes nothing of the share that may be chosen
        relevance = relevance.masked_fill(~audible, -1.0)
    threshold = _threshold(relevance, width, rules)
    on = relevance > threshold.unsqueeze(1)
    on = _close_gaps(on, edges, rules.merge_gap_seconds, audible)
    starts, ends, run = _runs(on, edges)
    long_enough = run & (ends - starts >= rules.minimum_seconds - _LEAST_SECONDS)
    return _compact(starts, ends, long_enough, edges[:, -1:]), threshold


def top_time(score: Tensor, edges: Tensor, seconds: Tensor) -> Tensor:
    """Segments of the columns that score highest, exactly ``seconds`` (B,) long together.

    score: (B, T), edges: (B, T + 1). The last column, which fits only in part, is cut so that what stays of it lies
    beside a chosen neighbour, if there is one.
    """
    width = edges.diff(dim=1)
    order = score.argsort(dim=1, descending=True, stable=True)
    ranked_width = width.gather(1, order)
    left_over = seconds.unsqueeze(1) - (ranked_width.cumsum(dim=1) - ranked_width)
    ranked_share = (left_over / ranked_width.clamp_min(1e-12)).clamp(0, 1)
    share = torch.zeros_like(width).scatter(1, order, ranked_share)
    share = torch.where(share > _LEAST_SHARE, share, 0.0)
    whole = share >= 1 - _LEAST_SHARE
    from_right = F.pad(whole[:, 1:], (0, 1)) & ~F.pad(whole[:, :-1], (1, 0))
    start, end = edges[:, :-1], edges[:, 1:]
    cut_start = torch.where(from_right & ~whole, end - share * width, start)
    cut_end = torch.where(from_right | whole, end, start + share * width)
    segments = torch.stack([cut_start, torch.where(share > 0, cut_end, cut_start)], dim=2)
    return merge_segments(segments, float(edges[0, -1]))


def loudest_time(waveforms: Tensor, seconds: Tensor, clip_seconds: float, sample_rate: int) -> Tensor:
    """What an energy detector chooses: segments (N, S, 2) of most power, ``seconds`` (N,) long together."""
    edges = equal_edges(clip_seconds, TIME_BINS).expand(len(waveforms), -1)
    return top_time(mean_power(waveforms, edges, sample_rate), edges, seconds)


def scatter_segments(segments: Tensor, clip_seconds: float, generator: Generator) -> Tensor:
    """Segments of the same number and lengths (B, S, 2), disjoint, in any order, at uniformly random places.

    Every placement is equally likely: the gaps are exponential numbers over their sum, which is uniform on a simplex.
    """
    batch, count = segments.shape[:2]
    length = segments.diff(dim=2).squeeze(2).cpu()
    # empty ones go last, so that they end up as padding
    order = torch.rand(batch, count, generator=generator).masked_fill(length <= 0, 2.0).argsort(dim=1)
    length = length.gather(1, order)
    used = length > 0
    gap = torch.empty(batch, count + 1, dtype=length.dtype).exponential_(generator=generator)
    gap = gap * F.pad(used, (1, 0), value=True)
    gap = gap / gap.sum(dim=1, keepdim=True) * (clip_seconds - length.sum(dim=1, keepdim=True)).clamp_min(0)
    # gap, segment, gap, segment, ...: one running sum, so that rounding cannot make two overlap
    knots = torch.stack([gap[:, :-1], length], dim=2).flatten(1).cumsum(dim=1).clamp(max=clip_seconds)
    placed = knots.reshape(batch, count, 2)
    return torch.where(used.unsqueeze(2), placed, clip_seconds).to(segments.device)


def random_segments(batch: int, clip_seconds: float, generator: Generator) -> Tensor:
    """One to three random disjoint stretches a clip, (B, 3, 2) in seconds, together a tenth to a half of it."""
    count = torch.randint(1, 4, (batch, 1), generator=generator)
    used = torch.arange(3) < count
    length = torch.where(used, 0.2 + 0.8 * torch.rand((batch, 3), generator=generator), 0.0)
    length = length / length.sum(dim=1, keepdim=True) * (0.1 + 0.4 * torch.rand((batch, 1), generator=generator))
    gap = torch.where(torch.cat([used, used[:, :1]], dim=1), torch.rand((batch, 4), generator=generator), 0.0)
    gap = gap / gap.sum(dim=1, keepdim=True) * (1 - length.sum(dim=1, keepdim=True))
    end = (gap[:, :3] + length).cumsum(dim=1)
    return torch.stack([end - length, end], dim=2).clamp(0, 1) * clip_seconds


def mean_power(waveforms: Tensor, edges: Tensor, sample_rate: int) -> Tensor:
    """Mean square (B, T) of the samples (B, N) between edges (B, T + 1) in seconds: what an energy detector sees."""
    summed = F.pad(waveforms.double().square().cumsum(dim=1), (1, 0))
    at = (edges * sample_rate).round().long().clamp(0, waveforms.shape[1])
    return summed.gather(1, at).diff(dim=1) / at.diff(dim=1).clamp_min(1)


def audible_columns(waveforms: Tensor, edges: Tensor, sample_rate: int) -> Tensor:
    """(B, T): whether at least half of a column, between its edges (B, T + 1) in seconds, is not digital silence.

    Looked at in stretches of 10 ms, each silent if all its samples are.
    """
    stretch = sample_rate // 100
    sounding = waveforms.abs().unfold(1, stretch, stretch).amax(dim=2) >= DIGITAL_SILENCE
    heard = F.pad(sounding.double().cumsum(dim=1), (1, 0))
    position = (edges.double() * (sample_rate / stretch)).clamp(0, sounding.shape[1])
    left = position.floor().long().clamp(max=sounding.shape[1] - 1)
    at_edges = torch.lerp(heard.gather(1, left), heard.gather(1, left + 1), position - left)
    return at_edges.diff(dim=1) >= 0.5 * position.diff(dim=1) - _LEAST_SHARE


def _threshold(relevance: Tensor, width: Tensor, rules: SegmentRules) -> Tensor:
    """(B,): at least ``rules.threshold``, and so high that what lies above fits into ``rules.maximum_share``."""
    order = relevance.argsort(dim=1, descending=True)
    taken = width.gather(1, order).cumsum(dim=1)
    allowed = taken <= rules.maximum_share * width.sum(dim=1, keepdim=True) + _LEAST_SECONDS
    # the first column that no longer fits is not above the threshold, nor is any other of the same relevance
    ranked = relevance.gather(1, order)
    too_much = torch.where(allowed, torch.full_like(ranked, -1.0), ranked).amax(dim=1)
    return too_much.clamp_min(rules.threshold)


def _close_gaps(on: Tensor, edges: Tensor, merge_gap_seconds: float, audible: Tensor | None) -> Tensor:
    starts, ends, run = _runs(~on, edges)
    inner = (starts > edges[:, :1]) & (ends < edges[:, -1:])
    short = run & inner & (ends - starts < merge_gap_seconds - _LEAST_SECONDS)
    # every column of a run gets the verdict on its run, which stands where the run begins
    columns = torch.arange(on.shape[1], device=on.device)
    first = torch.where(run, columns, 0).cummax(dim=1).values
    closed = short.gather(1, first) & ~on
    if audible is not None:
        closed = closed & audible
    return on | closed


def _runs(on: Tensor, edges: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Start and end seconds (B, T) of the run that begins at each column, and where one begins (B, T)."""
    off = torch.zeros_like(on[:, :1])
    begins = on & ~torch.cat([off, on[:, :-1]], dim=1)
    finishes = on & ~torch.cat([on[:, 1:], off], dim=1)
    columns = torch.arange(on.shape[1], device=on.device).expand_as(on)
    # the next finishing column at or after each column: a running minimum from the right
    nothing = torch.full_like(columns, on.shape[1] - 1)
    finish = torch.where(finishes, columns, nothing).flip(1).cummin(dim=1).values.flip(1)
    return edges[:, :-1], edges.gather(1, finish + 1), begins


def _compact(starts: Tensor, ends: Tensor, valid: Tensor, padding: Tensor) -> Tensor:
    """Moves the valid runs to the front of (B, S, 2), S = ceil(T / 2), and pads the rest with empty segments.

    S is the most runs that T columns can hold, not the most there are: asking for that would wait for the device.
    """
    most = (valid.shape[1] + 1) // 2
    order = valid.int().argsort(dim=1, descending=True, stable=True)
    segments = torch.stack([starts, ends], dim=2).gather(1, order.unsqueeze(2).expand(-1, -1, 2))
    kept = valid.gather(1, order).unsqueeze(2)
    return torch.where(kept, segments, padding.unsqueeze(2))[:, :most]
