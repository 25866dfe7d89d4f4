"""How belief falls as time is removed and rises as it is restored, and how narrowly a model looks.

Deletion and insertion (Petsiuk et al. 2018, RISE): the clip's time in equal slices, the most important first; area
under p_c, the probability of the class the model names for the whole clip, against the share of time, 0 to 1. A good
order has a small area of deletion and a large one of insertion. Neither should be read without the other.

Sparseness is the Gini index of relevance over time (Hurley and Rickard 2009; Chalasani et al. 2020), 0 if all moments
get the same; complexity is the entropy of its shares (Bhatt et al. 2020), in nats.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from playitback.edits import SILENCE, remove
from playitback.evidence.intervals import Bootstrap, Interval
from playitback.evidence.runs import BATCH, Ears, Run
from playitback.progress import Steps
from playitback.segments import TIME_BINS, equal_edges, mean_power

#: orders of importance; ``ATTENTION`` is that of the relevance, which is what the model itself says
ATTENTION, RANDOM_ORDER, ENERGY = "attention", "random", "energy"
ORDERS = (ATTENTION, RANDOM_ORDER, ENERGY)
SLICES = 10


@dataclass(frozen=True)
class OrderCurves:
    """Curves of one order of importance, means over clips: (SLICES + 1,) each."""

    order: str
    deletion: tuple[float, ...]
    insertion: tuple[float, ...]
    deletion_area: Interval  # lower is better
    insertion_area: Interval  # higher is better
    deletion_lead: Interval | None  # area by relevance minus this one, below 0 is good; None for relevance itself
    insertion_lead: Interval | None  # area by relevance minus this one, above 0 is good


@dataclass(frozen=True)
class CurveComparison:
    """Deletion and insertion by relevance, beside a random order and that of energy."""

    clips: int
    fill: str
    shares: tuple[float, ...]  # of time removed or restored, 0 to 1
    orders: tuple[OrderCurves, ...]


@dataclass(frozen=True)
class Narrowness:
    """Sparseness and complexity of the relevance and, for comparison, of the sound's power, in ``bins`` of time."""

    bins: int
    attention_gini: Interval  # 0 to 1 - 1 / bins
    energy_gini: Interval
    attention_entropy: Interval  # nats, 0 to ln(bins)
    energy_entropy: Interval


def clips_to_measure_curves(clips: int) -> int:
    """Clips that ``measure_curves`` hears."""
    return clips * ((2 * len(ORDERS) - 1) * (SLICES - 1) + 1)


def measure_curves(
    ears: Ears,
    waveforms: Tensor,
    chosen: Run,
    bootstrap: Bootstrap,
    fill: str = SILENCE,
) -> Steps[CurveComparison]:
    """waveforms: (N, clip_samples); chosen: ``ears.hear(waveforms)``; fill: one of ``edits.FILLS``."""
    generator = Generator().manual_seed(bootstrap.seed)
    importance = slice_importance(waveforms, chosen, ears.sample_rate, generator)
    kept = torch.stack([kept_slices(each) for each in importance.values()], dim=1)  # (N, orders, 2, SLICES + 1, SLICES)
    heard = _distinct(kept)
    believed = []
    for rows in torch.arange(len(waveforms)).split(max(1, BATCH // heard.shape[1])):
        edited = keep_slices(waveforms[rows], heard[rows], fill, ears.sample_rate, generator)
        heard_now = yield from ears.believe(edited)
        named = chosen.decision[rows].repeat_interleave(heard.shape[1]).unsqueeze(1)
        believed.append(heard_now[:, -1].gather(1, named).view(len(rows), -1))
    whole = chosen.probabilities[:, -1].gather(1, chosen.decision.unsqueeze(1))
    curves = _curves(torch.cat(believed), whole)
    areas = area(curves)  # (N, orders, 2)
    return CurveComparison(
        clips=len(waveforms),
        fill=fill,
        shares=tuple((torch.arange(SLICES + 1) / SLICES).tolist()),
        orders=tuple(
            OrderCurves(
                order=order,
                deletion=tuple(curves[:, index, 0].mean(dim=0).tolist()),
                insertion=tuple(curves[:, index, 1].mean(dim=0).tolist()),
                deletion_area=bootstrap.interval(areas[:, index, 0]),
                insertion_area=bootstrap.interval(areas[:, index, 1]),
                deletion_lead=bootstrap.interval(areas[:, 0, 0] - areas[:, index, 0]) if index else None,
                insertion_lead=bootstrap.interval(areas[:, 0, 1] - areas[:, index, 1]) if index else None,
            )
            for index, order in enumerate(ORDERS)
        ),
    )


def slice_importance(waveforms: Tensor, chosen: Run, sample_rate: int, generator: Generator) -> dict[str, Tensor]:
    """Importance (N, SLICES) of every slice of clips (N, samples) in each of ``ORDERS``.

    chosen: ``ears.hear(waveforms)``; the generator is for the random order.
    """
    return {
        ATTENTION: chosen.relevance.unflatten(1, (SLICES, -1)).mean(dim=2),
        RANDOM_ORDER: torch.rand(len(waveforms), SLICES, generator=generator, dtype=torch.float64),
        ENERGY: _power(waveforms, SLICES, sample_rate),
    }


def kept_slices(importance: Tensor) -> Tensor:
    """Which slices (N, 2, K + 1, K) still sound at every step of deletion and of insertion, from importance (N, K)."""
    slices = importance.shape[1]
    order = importance.argsort(dim=1, descending=True, stable=True)
    rank = torch.empty_like(order).scatter_(1, order, torch.arange(slices).expand_as(order))
    step = torch.arange(slices + 1).view(1, -1, 1)
    inserted = rank.unsqueeze(1) < step
    return torch.stack([~inserted, inserted], dim=1)


def keep_slices(waveforms: Tensor, kept: Tensor, fill: str, sample_rate: int, generator: Generator) -> Tensor:
    """Clips (B, N) of which only the slices kept (B, V, K) are left, clip after clip in each variant: (B * V, N)."""
    variants = kept.flatten(0, 1)
    edges = equal_edges(waveforms.shape[1] / sample_rate, kept.shape[2]).expand(len(variants), -1)
    start = edges[:, :-1]
    removed = torch.stack([start, torch.where(variants, start, edges[:, 1:])], dim=2)
    return remove(waveforms.repeat_interleave(kept.shape[1], dim=0), removed, fill, sample_rate, generator)


def area(curves: Tensor) -> Tensor:
    """Area under curves (..., K + 1) with evenly spaced points from 0 to 1, by trapezoids: (...,)."""
    return torch.trapezoid(curves, dx=1 / (curves.shape[-1] - 1), dim=-1)


def _distinct(kept: Tensor) -> Tensor:
    """What must be heard, (N, V, K): nothing, then the steps between the ends that differ.

    A random insertion restores the reverse of what a random deletion removes, so its steps are those of the deletion.
    """
    nothing = kept[:, 0, 1, :1]
    inner = [kept[:, index, kind, 1:-1] for index, kind in _HEARD]
    return torch.cat([nothing, *inner], dim=1)


#: (order, deletion or insertion) of the curves whose inner steps are heard, in this order
_HEARD = ((0, 0), (0, 1), (1, 0), (2, 0), (2, 1))


def _curves(believed: Tensor, whole: Tensor) -> Tensor:
    """Beliefs (N, V) of ``_distinct``, and in the whole clip (N, 1) -> curves (N, orders, 2, SLICES + 1)."""
    nothing, inner = believed[:, :1], believed[:, 1:].unflatten(1, (len(_HEARD), SLICES - 1))
    steps = {which: inner[:, index] for index, which in enumerate(_HEARD)}
    steps[1, 1] = steps[1, 0].flip(1)
    ends = {0: (whole, nothing), 1: (nothing, whole)}
    return torch.stack(
        [
            torch.stack(
                [torch.cat([ends[kind][0], steps[index, kind], ends[kind][1]], dim=1) for kind in (0, 1)], dim=1
            )
            for index in range(len(ORDERS))
        ],
        dim=1,
    )


def measure_narrowness(waveforms: Tensor, chosen: Run, sample_rate: int, bootstrap: Bootstrap) -> Narrowness:
    """waveforms: (N, clip_samples); chosen: ``ears.hear(waveforms)``. No clip is heard again."""
    power = _power(waveforms, TIME_BINS, sample_rate)
    return Narrowness(
        bins=TIME_BINS,
        attention_gini=bootstrap.interval(gini(chosen.relevance)),
        energy_gini=bootstrap.interval(gini(power)),
        attention_entropy=bootstrap.interval(entropy(chosen.relevance)),
        energy_entropy=bootstrap.interval(entropy(power)),
    )


def gini(values: Tensor) -> Tensor:
    """Gini index (N,) of values (N, K) that are not negative; 0 for equal ones and for all zeros."""
    count = values.shape[1]
    rank = torch.arange(1, count + 1, dtype=torch.float64)
    ascending = values.double().sort(dim=1).values
    total = ascending.sum(dim=1)
    index = ((2 * rank - count - 1) * ascending).sum(dim=1) / (count * total.clamp_min(1e-30))
    return index.clamp_min(0)


def entropy(values: Tensor) -> Tensor:
    """Entropy (N,) in nats of the shares that values (N, K) have in their sum; all zeros count as even."""
    values = values.double()
    total = values.sum(dim=1, keepdim=True)
    shares = torch.where(total > 0, values / total.clamp_min(1e-30), 1 / values.shape[1])
    return torch.special.entr(shares).sum(dim=1).clamp(0, math.log(values.shape[1]))


def _power(waveforms: Tensor, bins: int, sample_rate: int) -> Tensor:
    return mean_power(
        waveforms, equal_edges(waveforms.shape[1] / sample_rate, bins).expand(len(waveforms), -1), sample_rate
    )
