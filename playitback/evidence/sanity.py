"""Do the segments depend on what the model has learned? (Adebayo et al. 2018, Sanity Checks for Saliency Maps)

The weights of each part that the choice comes from are shuffled within each tensor: their sizes stay, what they know is
gone. Segments that come from learning must then change, and find a planted event no more often than chance; segments
that stay where they were come from the sound's level or from the rules alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from playitback.evidence.beds import NOISE_BED, KnownClips, bed, plant
from playitback.evidence.intervals import Bootstrap, Interval
from playitback.evidence.runs import Ears, Run, correct, true_classes
from playitback.progress import Steps
from playitback.segments import intersection_over_union, scatter_segments, share_inside

_SHUFFLES = 3  # of each part, each with other random numbers
_LEVEL_DECIBELS = 6.0


@dataclass(frozen=True)
class ShuffledPart:
    """One part of the model with its weights shuffled, beside the model as it is. Means over the shuffles."""

    part: str
    overlap: Interval  # IoU of its segments with those of the model, 0 to 1
    chance_overlap: Interval  # IoU of random segments, as many and as long as its own, with those of the model
    inside: Interval  # share of marked time inside planted events, 0 to 1; nothing marked counts as 0
    inside_lost: Interval  # how much more of it the model's own segments have
    accuracy: float  # after the last hearing, 0 to 1


@dataclass(frozen=True)
class SanityCheck:
    """The model as it is, and with each part shuffled."""

    clips: int
    shuffles: int
    inside: Interval  # share of marked time inside planted events, of the model as it is
    chance_inside: float  # the events' share of the clip
    accuracy: float  # of the model as it is
    chance_accuracy: float  # of naming a class at random
    parts: tuple[ShuffledPart, ...]


def clips_to_check_sanity(clips: int, parts: Sequence[str]) -> int:
    """Clips that ``check_sanity`` hears or skips."""
    return clips * (1 + 2 * _SHUFFLES * len(parts))


def check_sanity(
    ears: Ears, waveforms: Tensor, classes: Tensor, chosen: Run, bootstrap: Bootstrap
) -> Steps[SanityCheck]:
    """waveforms: (N, clip_samples); classes: (N,) or (N, C); chosen: ``ears.hear(waveforms)``.

    Events are planted in white noise, 6 dB below them. The model itself is left as it is.
    """
    generator = Generator().manual_seed(bootstrap.seed)
    background = bed(NOISE_BED, len(waveforms), waveforms.shape[1], ears.sample_rate, generator)
    known = plant(waveforms, background, _LEVEL_DECIBELS, ears.sample_rate, generator)
    left_out = len(waveforms) - len(known.rows)
    planted_run = yield from ears.hear(known.waveforms)
    inside = _share_inside(planted_run, known)
    yield ears.tally.count(left_out)
    targets = true_classes(classes, ears.recognizer.config)
    parts = []
    for part in ears.recognizer.model.choosing_parts:
        runs, planted = [], []
        for _ in range(_SHUFFLES):
            shuffled = ears.through(ears.recognizer.shuffled(part, generator))
            runs.append((yield from shuffled.hear(waveforms)))
            planted.append((yield from shuffled.hear(known.waveforms)))
            yield ears.tally.count(left_out)
        parts.append(_compare(part, chosen, runs, planted, known, inside, targets, ears.clip_seconds, bootstrap))
    return SanityCheck(
        clips=len(waveforms),
        shuffles=_SHUFFLES,
        inside=bootstrap.interval(inside),
        chance_inside=float(known.events.diff(dim=2).mean()) / ears.clip_seconds,
        accuracy=_accuracy(chosen, targets),
        chance_accuracy=float(targets.double().mean()),
        parts=tuple(parts),
    )


def _compare(
    part: str,
    chosen: Run,
    runs: Sequence[Run],
    planted: Sequence[Run],
    known: KnownClips,
    inside: Tensor,
    targets: Tensor,
    clip_seconds: float,
    bootstrap: Bootstrap,
) -> ShuffledPart:
    generator = Generator().manual_seed(bootstrap.seed)
    chance = [scatter_segments(run.marked, clip_seconds, generator) for run in runs]
    shuffled_inside = _mean([_share_inside(run, known) for run in planted])
    return ShuffledPart(
        part=part,
        overlap=bootstrap.interval(_mean([intersection_over_union(run.marked, chosen.marked) for run in runs])),
        chance_overlap=bootstrap.interval(_mean([intersection_over_union(each, chosen.marked) for each in chance])),
        inside=bootstrap.interval(shuffled_inside),
        inside_lost=bootstrap.interval(inside - shuffled_inside),
        accuracy=sum(_accuracy(run, targets) for run in runs) / len(runs),
    )


def _share_inside(run: Run, known: KnownClips) -> Tensor:
    """Nothing marked counts as 0."""
    return share_inside(run.marked, known.events).nan_to_num()


def _accuracy(run: Run, targets: Tensor) -> float:
    return float(correct(run.named, targets)[:, -1].mean())


def _mean(values: Sequence[Tensor]) -> Tensor:
    return torch.stack(list(values)).mean(dim=0)
