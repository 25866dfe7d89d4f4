"""Does the choice point at the reason, and does it follow the question?

Clips are spliced of two classes, both sounding all the time, and the model names one of them. Asked for that class, a
way of explaining should mark that class's half; asked for the other class, the other half. Chance, and whatever does
not know the class, gets a half each time, or wins one question and loses the other. Every way marks as much time (see
``rivals``); beside them stand the model's own segments and its own replay, at their own length.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from playitback.evidence.beds import splice
from playitback.evidence.intervals import Bootstrap, Interval, mean_over_models
from playitback.evidence.marking import clips_to_mark, mark_by, passes_of
from playitback.evidence.rivals import RELEVANCE, Rival
from playitback.evidence.runs import Ears, correct, true_class_to_ask, true_classes
from playitback.progress import Steps
from playitback.recognizer import Recognizer
from playitback.segments import share_inside, total_seconds

MARKED_SHARE = 0.24  # of the clip


@dataclass(frozen=True)
class Pointer:
    """Shares of the time that one way marks, 0 to 1; leads are those of the model's relevance over it."""

    way: str  # a rival, or the model's own
    passes: int  # through the encoder, for one question about one clip
    marked_share: float  # of the clip, mean
    named: Interval  # asked for the class that the model names: in that class's half
    other: Interval  # asked for the other one: in the other half
    named_lead: Interval | None  # None for the relevance itself
    other_lead: Interval | None


@dataclass(frozen=True)
class PointingComparison:
    """All ways on the same splices."""

    splices: int
    counted: int  # of which a model names one of the two classes
    aims: bool  # whether the model's relevance follows the class that is asked about
    pointers: tuple[Pointer, ...]  # the model's relevance first


def clips_to_point(clips: int, rivals: Sequence[Rival], recognizer: Recognizer) -> int:
    """Clips that ``measure_pointing`` hears or skips for each model."""
    return clips * (1 + clips_to_mark(rivals, recognizer, 2))


def measure_pointing(
    all_ears: Sequence[Ears], waveforms: Tensor, classes: Tensor, rivals: Sequence[Rival], bootstrap: Bootstrap
) -> Steps[PointingComparison]:
    """As many splices as there are clips; every splice counts with its mean over the models that name a half.

    waveforms: (N, clip_samples); classes: (N,) or multi-hot (N, C). Raises SettingsError where no two clips differ.
    """
    ears = all_ears[0]
    targets = true_classes(classes, ears.recognizer.config)
    spliced, first, second = splice(waveforms, targets, len(waveforms), Generator().manual_seed(bootstrap.seed))
    outcomes = []
    for each in all_ears:
        outcomes.append((yield from _point(each, spliced, first, second, rivals, bootstrap.seed)))
    shares = mean_over_models(outcomes)
    passes = passes_of(rivals, ears.recognizer)
    own = shares[RELEVANCE]
    return PointingComparison(
        splices=len(spliced),
        counted=int((~own[:, 0].isnan()).sum()),
        aims=ears.recognizer.model.can_aim,
        pointers=tuple(
            Pointer(
                way=way,
                passes=passes[way],
                marked_share=float(found[:, 2].nanmean()),
                named=bootstrap.interval(found[:, 0]),
                other=bootstrap.interval(found[:, 1]),
                named_lead=None if way == RELEVANCE else bootstrap.interval(own[:, 0] - found[:, 0]),
                other_lead=None if way == RELEVANCE else bootstrap.interval(own[:, 1] - found[:, 1]),
            )
            for way, found in shares.items()
        ),
    )


def _point(
    ears: Ears, spliced: Tensor, first: Tensor, second: Tensor, rivals: Sequence[Rival], seed: int
) -> Steps[dict[str, Tensor]]:
    """(N, 3) of every way: the share of marked time in the right half for both questions, and that of the clip.

    first, second: (N, C) targets of the halves. NaN for splices of which the model does not name exactly one half, and
    where nothing is marked.
    """
    run = yield from ears.hear(spliced)
    is_first, is_second = (correct(run.named, each)[:, -1].bool() for each in (first, second))
    rows = torch.nonzero(is_first | is_second).squeeze(1)
    passes = clips_to_mark(rivals, ears.recognizer, 2)
    yield ears.tally.count((len(spliced) - len(rows)) * passes)
    found = {
        way: torch.full((len(spliced), 3), torch.nan, dtype=torch.float64) for way in passes_of(rivals, ears.recognizer)
    }
    if not len(rows):
        return found
    other = true_class_to_ask(run, torch.where(is_first.unsqueeze(1), second, first), ears.recognizer.config)
    asked = torch.stack([run.decision, other], dim=1)[rows]
    middle, end = ears.clip_seconds / 2, ears.clip_seconds
    halves = torch.tensor([[[0.0, middle]], [[middle, end]]], dtype=torch.float64)
    named_half = is_second[rows].long()
    seconds = torch.full((len(rows),), MARKED_SHARE * end, dtype=torch.float64)
    marked = yield from mark_by(rivals, ears, spliced[rows], asked, seconds, seed)
    for way, (of_named, of_other) in marked.items():
        found[way][rows] = torch.stack(
            [
                share_inside(of_named.segments, halves[named_half]),
                share_inside(of_other.segments, halves[1 - named_half]),
                (total_seconds(of_named.segments) + total_seconds(of_other.segments)) / 2 / end,
            ],
            dim=1,
        )
    return found
