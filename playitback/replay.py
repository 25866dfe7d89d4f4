"""Time maps: which second of the clip every frame of a hearing speaks of.

A hearing reads ``frames`` frames. Its time map is a monotone, piecewise-linear function from output frame to second in
the clip: with hop ratio r, a second inside a segment gets r times as many frames as one outside (paper section 2.3,
made exact). Everything that is shown or compared between hearings goes through it.

    segments (B, S, 2) in seconds -> TimeMaps -> frame_seconds (B, frames)
    coarse, fine log-mels, TimeMaps -> read_frames -> (B, frames, mels)
    TimeMaps, columns of a stem -> column_edges -> (B, T) centres, (B, T + 1) edges in seconds

Nothing here loops over clips (see segments.py for how batches are padded). All functions are pure; times are seconds
outside and frames inside.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from playitback.config import FrontEndConfig
from playitback.segments import Segment, pad_segments


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
        """The map of a hearing that replays ``segments`` (sorted, disjoint) with ``ratio`` times the frames."""
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
        segments = segments.double()  # so that seconds -> frames -> seconds gives the same seconds
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


def read_frames(
    coarse: Tensor,
    fine: Tensor,
    maps: TimeMaps,
    config: FrontEndConfig,
    fine_hop_samples: int,
) -> Tensor:
    """What the model is given in a hearing: (B, frames, mels).

    coarse: (B, N, mels) log-mel at the hop of the first hearing; fine: (B, M, mels) at ``fine_hop_samples``. Frames
    inside segments are read from ``fine``, the others from ``coarse``, each at its own second by linear interpolation.
    """
    batch = coarse.shape[0]
    frame = torch.arange(config.frames, device=coarse.device, dtype=torch.float64).expand(batch, -1)
    seconds = maps.seconds(frame)
    outside = sample_at(coarse, seconds * (config.sample_rate / config.hop_samples(0)))
    inside = sample_at(fine, seconds * (config.sample_rate / fine_hop_samples))
    return torch.where(maps.replayed(seconds).unsqueeze(2), inside, outside)


def sample_at(log_mel: Tensor, position: Tensor) -> Tensor:
    """Rows of (B, N, mels) at fractional positions (B, P), linearly interpolated -> (B, P, mels)."""
    last = log_mel.shape[1] - 1
    position = position.clamp(0, last)
    left = position.floor().clamp(max=max(last - 1, 0))
    share = (position - left).to(log_mel.dtype).unsqueeze(2)
    left_index = left.long().unsqueeze(2).expand(-1, -1, log_mel.shape[2])
    right_index = (left_index + 1).clamp(max=last)
    return torch.lerp(log_mel.gather(1, left_index), log_mel.gather(1, right_index), share)


def column_edges(maps: TimeMaps, columns: int, stride: float, first_centre: float) -> tuple[Tensor, Tensor]:
    """Clip seconds of the time columns of a stem: centres (B, T) and edges (B, T + 1).

    Column j is centred on frame ``first_centre + j * stride`` and reaches half a stride to either side; the first and
    the last one reach to the clip's ends.
    """
    batch = maps.knots_frame.shape[0]
    centre = first_centre + stride * torch.arange(columns, device=maps.knots_frame.device, dtype=torch.float64)
    inner = maps.seconds((centre[1:] - stride / 2).expand(batch, -1))
    edges = torch.cat([maps.knots_seconds[:, :1], inner, maps.knots_seconds[:, -1:]], dim=1)
    return maps.seconds(centre.expand(batch, -1)), edges
