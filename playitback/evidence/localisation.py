"""Does the model mark the moments that matter, where we know which ones do?

- planted events: the loudest second of a clip at a known second of a background (``beds``), at several levels;
- splices: the loudest halves of two clips of different classes; where the model names one of them, its half matters;
- zero-padded clips: those with a second or more of digital zeros; what is not zero matters. Digital silence is
  never chosen, so the share of marked time only shows that this rule works; the peak of the relevance is free of it.

Marked time is what was replayed in any hearing or, where a model cannot replay, what it chose. Measured are the share
of it inside the event, its intersection over union with the event, the pointing game (Zhang et al. 2018: is the peak of
the relevance inside?), and how often most of it is inside. Each stands beside random segments of the same lengths and
an energy detector: the loudest time, as much of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from itertools import product

import torch
from torch import Generator, Tensor

from playitback.evidence.beds import all_beds, plant_in, splice
from playitback.evidence.intervals import Bootstrap, Interval
from playitback.evidence.runs import Ears, Run, correct, true_classes
from playitback.progress import Steps
from playitback.segments import (
    TIME_BINS,
    audible_columns,
    equal_edges,
    intersection_over_union,
    lies_inside,
    loudest_time,
    mean_power,
    peak_seconds,
    scatter_segments,
    segments_where,
    share_inside,
    total_seconds,
)

LEVELS_DECIBELS = (0.0, 6.0, 12.0)
SPLICES = "splices"  # name of their condition

_RANDOM_DRAWS = 20
_SILENCE_STEP_SECONDS = 0.01
_LEAST_SILENCE_SECONDS = 1.0


@dataclass(frozen=True)
class Location:
    """How well one way of choosing finds the event, 0 to 1; or by how much one way leads over another."""

    share: Interval  # of the marked time that lies inside; over the clips in which something is marked
    overlap: Interval  # intersection over union
    pointing: Interval  # peak inside
    majority: Interval  # more than half of the marked time inside; over the same clips as share


@dataclass(frozen=True)
class Located:
    """One kind of sound with known truth."""

    condition: str
    clips: int
    event_share: float  # of the clip's time that lies inside the event, mean
    replayed_share: float  # of the clip's time that is marked, mean
    named: float  # share of clips of which the model names the event's class; of splices, one of the two
    chosen: Location
    random: Location
    loudest: Location
    lead_over_random: Location
    lead_over_loudest: Location


def locate(
    condition: str,
    waveforms: Tensor,
    events: Tensor,
    run: Run,
    named: Tensor,
    sample_rate: int,
    bootstrap: Bootstrap,
) -> Located:
    """What a run marked, against events (N, S, 2) in seconds.

    waveforms: (N, clip_samples), what was heard; named: (N,) whether the event's class was named.
    """
    clip_seconds = waveforms.shape[1] / sample_rate
    edges = equal_edges(clip_seconds, TIME_BINS).expand(len(waveforms), -1)
    power = mean_power(waveforms, edges, sample_rate)
    chosen = _found(run.marked, events) | {"pointing": lies_inside(peak_seconds(run.relevance, clip_seconds), events)}
    loud = loudest_time(waveforms, run.marked_seconds, clip_seconds, sample_rate)
    loudest = _found(loud, events) | {"pointing": lies_inside(peak_seconds(power, clip_seconds), events)}
    generator = Generator().manual_seed(bootstrap.seed)
    draws = [_found(scatter_segments(run.marked, clip_seconds, generator), events) for _ in range(_RANDOM_DRAWS)]
    random = {name: torch.stack([draw[name] for draw in draws]).mean(dim=0) for name in draws[0]}
    random["pointing"] = total_seconds(events) / clip_seconds  # of a moment that is drawn at random
    return Located(
        condition=condition,
        clips=len(waveforms),
        event_share=float(total_seconds(events).mean()) / clip_seconds,
        replayed_share=float(run.marked_seconds.mean()) / clip_seconds,
        named=float(named.double().mean()),
        chosen=_location(chosen, bootstrap),
        random=_location(random, bootstrap),
        loudest=_location(loudest, bootstrap),
        lead_over_random=_location({name: chosen[name] - random[name] for name in chosen}, bootstrap),
        lead_over_loudest=_location({name: chosen[name] - loudest[name] for name in chosen}, bootstrap),
    )


def measure_planted(
    ears: Ears,
    waveforms: Tensor,
    classes: Tensor,
    bootstrap: Bootstrap,
    recorded_beds: Mapping[str, Tensor] | None = None,
) -> Steps[tuple[Located, ...]]:
    """Events in every bed at every level. recorded_beds: name -> (M, clip_samples), besides the synthesised.

    waveforms: (N, clip_samples); classes: (N,) or (N, C). The same clips are planted at the same seconds every time.
    """
    located = []
    for (name, recorded), decibels in product(all_beds(recorded_beds), LEVELS_DECIBELS):
        located.append((yield from measure_planted_in(ears, waveforms, classes, name, decibels, bootstrap, recorded)))
    return tuple(located)


def measure_planted_in(
    ears: Ears,
    waveforms: Tensor,
    classes: Tensor,
    name: str,
    decibels: float,
    bootstrap: Bootstrap,
    recorded: Tensor | None = None,
) -> Steps[Located]:
    """Events in one bed at one level; recorded: (M, clip_samples), or else ``name`` is one of ``beds.BEDS``."""
    sample_rate = ears.sample_rate
    known = plant_in(waveforms, name, decibels, sample_rate, bootstrap.seed, recorded)
    run = yield from ears.hear(known.waveforms)
    yield ears.tally.count(len(waveforms) - len(known.rows))
    targets = true_classes(classes, ears.recognizer.config)[known.rows]
    named = correct(run.named, targets)[:, -1]
    return locate(f"{name} {decibels:g} dB", known.waveforms, known.events, run, named, sample_rate, bootstrap)


def measure_splices(ears: Ears, waveforms: Tensor, classes: Tensor, bootstrap: Bootstrap) -> Steps[Located | None]:
    """As many splices as there are clips; counted are those of which the model names exactly one of the two halves.

    None where there is no such splice.
    """
    clip_seconds = ears.clip_seconds
    targets = true_classes(classes, ears.recognizer.config)
    spliced, first, second = splice(waveforms, targets, len(waveforms), Generator().manual_seed(bootstrap.seed))
    run = yield from ears.hear(spliced)
    is_first, is_second = (correct(run.named, each)[:, -1].bool() for each in (first, second))
    rows = torch.nonzero(is_first | is_second).squeeze(1)
    if not len(rows):
        return None
    halves = torch.tensor([[0.0, clip_seconds / 2], [clip_seconds / 2, clip_seconds]], dtype=torch.float64)
    named = torch.ones(len(rows), dtype=torch.bool)
    sample_rate = ears.sample_rate
    events = halves[is_second[rows].long()].unsqueeze(1)
    located = locate(SPLICES, spliced[rows], events, run[rows], named, sample_rate, bootstrap)
    return replace(located, named=len(rows) / len(waveforms))


def measure_silence(ears: Ears, waveforms: Tensor, classes: Tensor, bootstrap: Bootstrap) -> Steps[Located | None]:
    """Of the clips that hold a second or more of digital zeros; the event is all that is not zero.

    None where there is no such clip.
    """
    bins = round(ears.clip_seconds / _SILENCE_STEP_SECONDS)
    edges = equal_edges(ears.clip_seconds, bins).expand(len(waveforms), -1)
    audible = audible_columns(waveforms, edges, ears.sample_rate)
    silent_seconds = (~audible).sum(dim=1) * _SILENCE_STEP_SECONDS
    rows = torch.nonzero(silent_seconds >= _LEAST_SILENCE_SECONDS - 1e-9).squeeze(1)
    yield ears.tally.count(len(waveforms) - len(rows))
    if not len(rows):
        return None
    events = segments_where(audible[rows], edges[rows])
    run = yield from ears.hear(waveforms[rows])
    targets = true_classes(classes, ears.recognizer.config)[rows]
    named = correct(run.named, targets)[:, -1]
    return locate("zero-padded", waveforms[rows], events, run, named, ears.sample_rate, bootstrap)


def clips_to_localise(clips: int, recorded_beds: Mapping[str, Tensor] | None = None) -> int:
    """Clips that ``localise`` hears or skips."""
    return clips * (len(all_beds(recorded_beds)) * len(LEVELS_DECIBELS) + 2)


def localise(
    ears: Ears,
    waveforms: Tensor,
    classes: Tensor,
    bootstrap: Bootstrap,
    recorded_beds: Mapping[str, Tensor] | None = None,
) -> Steps[tuple[Located, ...]]:
    """Planted events, splices and zero-padded clips, where there are such. Raises SettingsError as they do."""
    planted = yield from measure_planted(ears, waveforms, classes, bootstrap, recorded_beds)
    splices = yield from measure_splices(ears, waveforms, classes, bootstrap)
    silence = yield from measure_silence(ears, waveforms, classes, bootstrap)
    return (*planted, *(each for each in (splices, silence) if each is not None))


def _found(segments: Tensor, events: Tensor) -> dict[str, Tensor]:
    """The fields of ``Location`` that need segments, for every clip: (N,) each."""
    share = share_inside(segments, events)
    return {
        "share": share,
        "overlap": intersection_over_union(segments, events),
        "majority": torch.where(share.isnan(), torch.nan, (share > 0.5).double()),
    }


def _location(values: dict[str, Tensor], bootstrap: Bootstrap) -> Location:
    return Location(**{field.name: bootstrap.interval(values[field.name]) for field in fields(Location)})
