"""Does a way of explaining find a brief event, where something louder sounds besides, or a background?

An event of ``beds.BRIEF_SECONDS`` lies in a clip with a burst of another class that is louder than it, or in a
background. Its class is asked about. Every rival marks as much time as the event lasts, so the share of the event that
it finds is also the share of its marks that lie inside; the model's own segments and replay have lengths of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from playitback.evidence.beds import KnownClips, all_beds, plant_beside_burst, plant_brief_in
from playitback.evidence.intervals import Bootstrap, Interval, mean_over_models
from playitback.evidence.marking import clips_to_mark, mark_by, passes_of
from playitback.evidence.rivals import RELEVANCE, Rival
from playitback.evidence.runs import Ears, correct, true_class_to_ask, true_classes
from playitback.progress import Steps
from playitback.recognizer import Recognizer
from playitback.segments import lies_inside, share_inside, shared_seconds, total_seconds

BURST_DECIBELS = (6.0, 12.0)  # of the burst over the event
BED_DECIBELS = 6.0  # of the event over the background
#: of all, because there are many conditions; the first ones
MOST_CLIPS = 200


@dataclass(frozen=True)
class Finder:
    """How well one way finds the event, 0 to 1; leads are those of the model's relevance over it."""

    way: str  # a rival, or the model's own
    passes: int  # through the encoder, for one question about one clip
    found: Interval  # share of the event that is marked
    inside: Interval  # share of what is marked that lies in the event; of clips in which something is
    peak: Interval  # how often the most relevant moment lies in the event
    found_lead: Interval | None  # None for the relevance itself
    peak_lead: Interval | None


@dataclass(frozen=True)
class BriefEventComparison:
    """All ways on events beside one kind of other sound."""

    condition: str
    clips: int
    event_share: float  # of the clip, mean
    named: float  # share of clips of which the model names the event's class
    finders: tuple[Finder, ...]  # the model's relevance first


def clips_to_find_brief_events(
    clips: int, rivals: Sequence[Rival], recognizer: Recognizer, recorded_beds: Mapping[str, Tensor] | None = None
) -> int:
    """Clips that ``find_brief_events`` hears or skips for each model."""
    conditions = len(BURST_DECIBELS) + len(all_beds(recorded_beds))
    return min(clips, MOST_CLIPS) * conditions * (1 + clips_to_mark(rivals, recognizer, 1))


def find_brief_events(
    all_ears: Sequence[Ears],
    waveforms: Tensor,
    classes: Tensor,
    rivals: Sequence[Rival],
    bootstrap: Bootstrap,
    recorded_beds: Mapping[str, Tensor] | None = None,
) -> Steps[tuple[BriefEventComparison, ...]]:
    """Events beside louder bursts, and in every bed; every clip counts with its mean over the models.

    waveforms: (N, clip_samples); classes: (N,) or multi-hot (N, C); recorded_beds: name -> (M, clip_samples), besides
    the synthesised. Raises SettingsError if all clips are silent or share a class.
    """
    ears = all_ears[0]
    waveforms = waveforms[:MOST_CLIPS]
    targets = true_classes(classes, ears.recognizer.config)[:MOST_CLIPS]
    sample_rate, seed = ears.sample_rate, bootstrap.seed
    conditions: Mapping[str, Callable[[], KnownClips]] = {
        f"burst +{level:g} dB": partial(plant_beside_burst, waveforms, targets, level, sample_rate, seed)
        for level in BURST_DECIBELS
    } | {
        f"{name} {BED_DECIBELS:g} dB": partial(
            plant_brief_in, waveforms, name, BED_DECIBELS, sample_rate, seed, recorded
        )
        for name, recorded in all_beds(recorded_beds)
    }
    compared = []
    for condition, make in conditions.items():
        known = make()
        left_out = (len(waveforms) - len(known.rows)) * (1 + clips_to_mark(rivals, ears.recognizer, 1))
        outcomes = []
        for each in all_ears:
            yield each.tally.count(left_out)
            outcomes.append((yield from _find(each, known, targets[known.rows], rivals, seed)))
        compared.append(
            _compare(condition, known, mean_over_models(outcomes), passes_of(rivals, ears.recognizer), ears, bootstrap)
        )
    return tuple(compared)


_NAMED = "named"  # beside the ways


def _find(
    ears: Ears, known: KnownClips, targets: Tensor, rivals: Sequence[Rival], seed: int
) -> Steps[dict[str, Tensor]]:
    """(N, 3) of every way: found, inside, peak; and (N,) whether the event's class is named."""
    run = yield from ears.hear(known.waveforms)
    asked = true_class_to_ask(run, targets, ears.recognizer.config).unsqueeze(1)
    marked = yield from mark_by(rivals, ears, known.waveforms, asked, total_seconds(known.events), seed)
    found = {_NAMED: correct(run.named, targets)[:, -1]}
    for way, (marks,) in marked.items():
        found[way] = torch.stack(
            [
                shared_seconds(marks.segments, known.events) / total_seconds(known.events),
                share_inside(marks.segments, known.events),
                lies_inside(marks.peak, known.events),
            ],
            dim=1,
        )
    return found


def _compare(
    condition: str,
    known: KnownClips,
    found: dict[str, Tensor],
    passes: dict[str, int],
    ears: Ears,
    bootstrap: Bootstrap,
) -> BriefEventComparison:
    own = found[RELEVANCE]
    return BriefEventComparison(
        condition=condition,
        clips=len(known.rows),
        event_share=float(total_seconds(known.events).mean()) / ears.clip_seconds,
        named=float(found[_NAMED].mean()),
        finders=tuple(
            Finder(
                way=way,
                passes=cost,
                found=bootstrap.interval(found[way][:, 0]),
                inside=bootstrap.interval(found[way][:, 1]),
                peak=bootstrap.interval(found[way][:, 2]),
                found_lead=None if way == RELEVANCE else bootstrap.interval(own[:, 0] - found[way][:, 0]),
                peak_lead=None if way == RELEVANCE else bootstrap.interval(own[:, 2] - found[way][:, 2]),
            )
            for way, cost in passes.items()
        ),
    )
