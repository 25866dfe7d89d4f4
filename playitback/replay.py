"""Time maps and segments: which second of the clip every frame of a pass speaks of, and which seconds to hear again.

A pass reads ``frames`` frames. Its time map is a monotone, piecewise-linear function from output frame to second in
the clip: with hop ratio r, a second inside a segment gets r times as many frames as one outside (paper section 2.3,
made exact). Everything that is shown or compared between passes goes through it.

    segments (B, S, 2) in seconds -> TimeMaps -> frame_seconds (B, frames)
    coarse, fine log-mels, TimeMaps -> read_frames -> (B, frames, mels)
    attention (B, T) of the informative slot, its column seconds (B, T) -> find_segments -> segments (B, S, 2)

Batches of segments are padded with empty ones (start = end = clip_seconds), so nothing here loops over clips. All
functions are pure; times are seconds outside and frames inside.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from playitback.config import FrontEndConfig, SegmentRules


@dataclass(frozen=True)
class Segment:
    """A stretch of the clip."""

    start_seconds: float
    end_seconds: float

    @property
    def seconds(self) -> float:
        return self.end_seconds - self.start_seconds


@dataclass(frozen=True)
class TimeMap:
    """Output frame <-> clip second of one clip: piecewise linear through the knots, both (K,) and increasing."""

    knots_frame: np.ndarray
    knots_seconds: np.ndarray

    def seconds(self, frame: np.ndarray) -> np.ndarray:
        """Clip second of (fractional) output frames."""
        return np.interp(frame, self.knots_frame, self.knots_seconds)

    def frames(self, seconds: np.ndarray) -> np.ndarray:
        """(Fractional) output frame at which a clip second is heard; inverse of ``seconds``."""
        return np.interp(seconds, self.knots_seconds, self.knots_frame)

    @classmethod
    def of(cls, segments: Sequence[Segment], ratio: float, clip_seconds: float, frames: int) -> TimeMap:
        """The map of a pass that replays ``segments`` (sorted, disjoint) with ``ratio`` times the frames."""
        padded = pad_segments([segments], clip_seconds)
        return TimeMaps.of(padded, ratio, clip_seconds, frames)[0]


@dataclass(frozen=True)
class TimeMaps:
    """The time maps of a batch. ``knots_*``: (B, K), not decreasing; ``inside``: (B, K - 1), interval is a segment."""

    knots_frame: Tensor
    knots_seconds: Tensor
    inside: Tensor

    @classmethod
    def of(cls, segments: Tensor, ratio: float, clip_seconds: float, frames: int) -> TimeMaps:
        """Maps for padded segments (B, S, 2), sorted and disjoint, in seconds."""
        batch = segments.shape[0]
        segments = segments.double()  # so that seconds -> frames -> seconds comes back
        first, last = segments.new_zeros(batch, 1), segments.new_full((batch, 1), clip_seconds)
        knots_seconds = torch.cat([first, segments.flatten(1), last], dim=1)
        intervals = knots_seconds.shape[1] - 1
        inside = (torch.arange(intervals, device=segments.device) % 2 == 1).expand(batch, intervals)
        length = knots_seconds.diff(dim=1)
        weight = torch.where(inside, length * ratio, length)
        cumulative = torch.cat([first, weight.cumsum(dim=1)], dim=1)
        return cls(cumulative / cumulative[:, -1:] * frames, knots_seconds, inside)  # in this order the ends are exact

    def seconds(self, frame: Tensor) -> Tensor:
        """(Fractional) frames (B, N) -> clip seconds (B, N)."""
        return _interpolate(frame.double(), self.knots_frame, self.knots_seconds)

    def frames(self, seconds: Tensor) -> Tensor:
        """Clip seconds (B, N) -> (fractional) frames (B, N)."""
        return _interpolate(seconds.double(), self.knots_seconds, self.knots_frame)

    def replayed(self, seconds: Tensor) -> Tensor:
        """Clip seconds (B, N) -> whether each lies inside a segment (B, N)."""
        return self.inside.gather(1, _interval(seconds.double(), self.knots_seconds))

    def __getitem__(self, index: int) -> TimeMap:
        frame = self.knots_frame[index].cpu().numpy()
        seconds = self.knots_seconds[index].cpu().numpy()
        proper = np.append(True, np.diff(seconds) > 0)  # empty segments leave knots that coincide
        return TimeMap(frame[proper], seconds[proper])


def _interval(x: Tensor, knots: Tensor) -> Tensor:
    """Index (B, N) of the interval of ``knots`` (B, K) that holds each x (B, N); empty intervals hold nothing."""
    return (torch.searchsorted(knots.contiguous(), x.contiguous(), right=True) - 1).clamp(0, knots.shape[1] - 2)


def _interpolate(x: Tensor, knots_x: Tensor, knots_y: Tensor) -> Tensor:
    left = _interval(x, knots_x)
    x0, x1 = knots_x.gather(1, left), knots_x.gather(1, left + 1)
    y0, y1 = knots_y.gather(1, left), knots_y.gather(1, left + 1)
    width = x1 - x0
    share = torch.where(width > 0, (x - x0) / width.clamp_min(1e-12), torch.zeros_like(x)).clamp(0, 1)
    return torch.lerp(y0, y1, share)


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


def read_frames(
    coarse: Tensor,
    fine: Tensor,
    maps: TimeMaps,
    config: FrontEndConfig,
    fine_hop_samples: int,
    gradient_seconds: Tensor | None = None,
) -> Tensor:
    """What the model is given in a pass: (B, frames, mels).

    coarse: (B, N, mels) log-mel at the hop of the first hearing; fine: (B, M, mels) at ``fine_hop_samples``. Frames
    inside segments are read from ``fine``, the others from ``coarse``, each at its own second by linear interpolation.
    gradient_seconds: (B, frames), where given, takes the gradient of the frames' seconds, and changes no value.
    """
    batch = coarse.shape[0]
    frame = torch.arange(config.frames, device=coarse.device, dtype=torch.float64).expand(batch, -1)
    seconds = maps.seconds(frame)
    if gradient_seconds is not None:
        seconds = seconds + (gradient_seconds - gradient_seconds.detach())
    outside = sample_at(coarse, seconds * (config.sample_rate / config.hop_samples(0)))
    inside = sample_at(fine, seconds * (config.sample_rate / fine_hop_samples))
    return torch.where(maps.replayed(seconds).unsqueeze(2), inside, outside)


def attended_seconds(attention: Tensor, edges: Tensor, ratio: float, frames: int) -> Tensor:
    """The soft form of a time map: clip seconds (B, frames) if attention itself were what is replayed.

    attention: (B, T) of the informative slot in 0..1; edges: (B, T + 1) seconds of the columns' edges. A second that is
    attended to by a gets 1 + (ratio - 1) a times as many frames as one that is not; where attention is 0 or 1 this is
    the map of the segments. Differentiable in the attention.
    """
    density = 1 + (ratio - 1) * attention.double()
    knots = torch.cat([edges.new_zeros(edges.shape[0], 1), (density * edges.diff(dim=1)).cumsum(dim=1)], dim=1)
    frame = torch.arange(frames, device=edges.device, dtype=torch.float64).expand(edges.shape[0], -1)
    return _interpolate(frame, knots / knots[:, -1:] * frames, edges)


def sample_at(log_mel: Tensor, position: Tensor) -> Tensor:
    """Rows of (B, N, mels) at fractional positions (B, P), linearly interpolated -> (B, P, mels)."""
    last = log_mel.shape[1] - 1
    position = position.clamp(0, last)
    left = position.floor().clamp(max=max(last - 1, 0))
    share = (position - left).to(log_mel.dtype).unsqueeze(2)
    left_index = left.long().unsqueeze(2).expand(-1, -1, log_mel.shape[2])
    right_index = (left_index + 1).clamp(max=last)
    return torch.lerp(log_mel.gather(1, left_index), log_mel.gather(1, right_index), share)


def column_edges(maps: TimeMaps, columns: int, stride: int, first_centre: float) -> tuple[Tensor, Tensor]:
    """Clip seconds of the time columns of a stem: centres (B, T) and edges (B, T + 1).

    Column j is centred on frame ``first_centre + j * stride`` and reaches half a stride to either side; the first and
    the last one reach to the clip's ends.
    """
    batch = maps.knots_frame.shape[0]
    centre = first_centre + stride * torch.arange(columns, device=maps.knots_frame.device, dtype=torch.float64)
    inner = maps.seconds((centre[1:] - stride / 2).expand(batch, -1))
    edges = torch.cat([maps.knots_seconds[:, :1], inner, maps.knots_seconds[:, -1:]], dim=1)
    return maps.seconds(centre.expand(batch, -1)), edges


def find_segments(
    attention: Tensor, edges: Tensor, rules: SegmentRules, audible: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Thresholded attention -> segments (B, S, 2) in seconds, sorted, disjoint, padded; and thresholds (B,).

    attention: (B, T) of the informative slot; edges: (B, T + 1) seconds of the columns' edges; audible: (B, T), False
    where a column holds digital silence, which is never replayed. Columns above the threshold are "on"; the threshold
    rises above ``rules.threshold`` when more than ``rules.maximum_share`` of the clip would be on. Runs closer than
    ``merge_gap_seconds`` are joined, runs shorter than ``minimum_seconds`` dropped.
    """
    width = edges.diff(dim=1)
    attention = attention.detach().double()
    if audible is not None:
        # below any threshold, and so without a part in the share that may be replayed
        attention = attention.masked_fill(~audible, -1.0)
    threshold = _threshold(attention, width, rules)
    on = attention > threshold.unsqueeze(1)
    on = _close_gaps(on, edges, rules.merge_gap_seconds, audible)
    starts, ends, run = _runs(on, edges)
    long_enough = run & (ends - starts >= rules.minimum_seconds - 1e-9)
    return _compact(starts, ends, long_enough, edges[:, -1:]), threshold


def _threshold(attention: Tensor, width: Tensor, rules: SegmentRules) -> Tensor:
    """(B,): at least ``rules.threshold``, and so high that what lies above fits into ``rules.maximum_share``."""
    order = attention.argsort(dim=1, descending=True)
    taken = width.gather(1, order).cumsum(dim=1)
    allowed = taken <= rules.maximum_share * width.sum(dim=1, keepdim=True)
    # the first column that no longer fits is not above the threshold, nor is any column that attends as little
    ranked = attention.gather(1, order)
    too_much = torch.where(allowed, torch.full_like(ranked, -1.0), ranked).amax(dim=1)
    return too_much.clamp_min(rules.threshold)


def _close_gaps(on: Tensor, edges: Tensor, merge_gap_seconds: float, audible: Tensor | None) -> Tensor:
    starts, ends, run = _runs(~on, edges)
    inner = (starts > edges[:, :1]) & (ends < edges[:, -1:])
    short = run & inner & (ends - starts < merge_gap_seconds - 1e-9)
    # every column of a run knows its run's verdict through the run's number
    number = _run_number(~on)
    closed = short.gather(1, _first_column(~on).gather(1, number)) & ~on
    if audible is not None:
        closed = closed & audible
    return on | closed


def _run_number(on: Tensor) -> Tensor:
    """(B, T): number of the run that a column belongs to (0-based; columns before the first run say 0)."""
    before = torch.cat([torch.zeros_like(on[:, :1]), on[:, :-1]], dim=1)
    return ((on & ~before).cumsum(dim=1) - 1).clamp_min(0)


def _first_column(on: Tensor) -> Tensor:
    """(B, T): entry n is the first column of run n."""
    before = torch.cat([torch.zeros_like(on[:, :1]), on[:, :-1]], dim=1)
    begins = on & ~before
    columns = torch.arange(on.shape[1], device=on.device).expand_as(on)
    first = torch.zeros_like(columns)
    # columns that begin no run write to a spare place behind the last one
    spare = torch.where(begins, _run_number(on), on.shape[1])
    return torch.cat([first, first[:, :1]], dim=1).scatter(1, spare, columns)[:, :-1]


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
