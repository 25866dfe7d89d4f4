"""What to replay instead of what the slots chose, so that a claim about the choice has something to beat.

Every control is a ``Choice``: after each pass it sees what the model heard and says which segments come next. All of
them run the same passes, and so cost the same. Random, loudest and least attended replay exactly as much time as the
slots would after the same pass.

    segments (B, S, 2), scores (B, T) of columns between edges (B, T + 1) -> segments (B, S', 2), sorted and disjoint
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from playitback.models.playitback import Choice, Pass

CHOSEN, RANDOM, LOUDEST, LEAST_ATTENDED = "chosen", "random", "loudest", "least attended"
WHOLE_CLIP, NOT_FINER, NO_REPLAY = "whole clip again", "chosen at the first hop", "no replay"
#: chosen is the claim, the others are what it must beat; all but ``NOT_FINER`` differ in the segments alone
CONTROLS = (CHOSEN, RANDOM, LOUDEST, LEAST_ATTENDED, WHOLE_CLIP, NOT_FINER, NO_REPLAY)

_LEAST_SHARE = 1e-9  # of a column; below it lies only what rounding leaves


def choice(control: str, waveforms: Tensor, sample_rate: int, generator: Generator) -> Choice | None:
    """The ``Choice`` of a control for a batch (B, clip_samples); None for ``CHOSEN`` and ``NOT_FINER``.

    ``NOT_FINER`` is the slots' own choice, read at the hop of the first hearing: ``listen(..., finer=False)``.
    """
    choices: dict[str, Choice | None] = {
        CHOSEN: None,
        NOT_FINER: None,
        RANDOM: random(generator),
        LOUDEST: loudest(waveforms, sample_rate),
        LEAST_ATTENDED: least_attended,
        WHOLE_CLIP: whole_clip,
        NO_REPLAY: nothing,
    }
    return choices[control]


def random(generator: Generator) -> Choice:
    """As many segments, as long as those that the slots chose, anywhere."""

    def choose(heard: Pass) -> Tensor:
        return scatter_segments(heard.segments, _clip_seconds(heard), generator)

    return choose


def loudest(waveforms: Tensor, sample_rate: int) -> Choice:
    """The columns of most power, as much time as the slots chose."""

    def choose(heard: Pass) -> Tensor:
        power = mean_power(waveforms, heard.column_edges, sample_rate)
        return top_time(power, heard.column_edges, _seconds_chosen(heard))

    return choose


def least_attended(heard: Pass) -> Tensor:
    """The columns that the informative slot attends to least, as much time as the slots chose.

    Digital silence comes last, since the slots never choose it: this control is not to win or lose by that rule.
    """
    score = (-heard.slots.attention[:, 0]).masked_fill(~heard.audible, -torch.inf)
    return top_time(score, heard.column_edges, _seconds_chosen(heard))


def whole_clip(heard: Pass) -> Tensor:
    """All of the clip at the finer hop: no choice."""
    return heard.column_edges[:, None, [0, -1]]


def nothing(heard: Pass) -> Tensor:
    """The first hearing's frames again in every pass."""
    return heard.segments[:, :0]


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


def top_time(score: Tensor, edges: Tensor, seconds: Tensor) -> Tensor:
    """Segments of the columns that score highest, exactly ``seconds`` (B,) long together.

    score: (B, T), edges: (B, T + 1). The last column that fits only in part is cut, on the side of a neighbour that is
    taken where there is one.
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


def mean_power(waveforms: Tensor, edges: Tensor, sample_rate: int) -> Tensor:
    """Mean square (B, T) of the samples (B, N) between edges (B, T + 1) in seconds: what an energy detector sees."""
    summed = F.pad(waveforms.double().square().cumsum(dim=1), (1, 0))
    at = (edges * sample_rate).round().long().clamp(0, waveforms.shape[1])
    return summed.gather(1, at).diff(dim=1) / at.diff(dim=1).clamp_min(1)


def _seconds_chosen(heard: Pass) -> Tensor:
    return heard.segments.diff(dim=2).sum(dim=(1, 2))


def _clip_seconds(heard: Pass) -> float:
    return float(heard.column_edges[0, -1])
