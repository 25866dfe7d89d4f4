"""Why this class and not that one: how two classes fared against each other, and which segment spoke for which.

The log-odds of two classes are ln(p_first / p_second), in nats: above 0 the first one is ahead; under a softmax they
are the difference of the two logits, and no third class has a part in them. Where every class has a probability of its
own, that difference is ln(odds_first / odds_second), which is taken then. What a segment says is what its removal
takes away: log-odds with it minus without it, after the last hearing (occlusion, Zeiler and Fergus 2014, on the odds of
two classes). Without it the model is free to replay other moments; only segments that were forced into the run stay
forced.

Any hole in a sound moves its log-odds, most often by some tenths of a nat. So stretches of about the same length that
sound but were not chosen are removed as well, and a segment spoke for a class only if it did more than all of those.

Where the model tells what it would say of every moment by itself (activity), the two classes are set against each other
moment by moment as well. Nothing is removed for that: it says what a moment holds, not what the decision rests on.

    segments of all hearings, stretches elsewhere -> remove each -> Recognizer.classify -> log-odds without each
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import Any

import numpy as np
import torch

from playitback.edits import SILENCE, remove
from playitback.errors import SettingsError
from playitback.evidence.runs import CLIPS_A_STEP
from playitback.explain.explanation import Explanation
from playitback.explain.odds import odds_between
from playitback.explain.what_if import Held, forced
from playitback.progress import Progress, Steps
from playitback.recognizer import Recognizer
from playitback.segments import Segment, audible_columns, equal_edges, pad_segments

SCHEMA = "playitback.contrast/2"

#: stretches elsewhere that a segment is compared with; by chance it does more than all of them once in 11 times
DRAWS = 10
#: change of the log-odds, in nats, below which a segment spoke for neither class: the odds move by about a tenth
LEAST_CHANGE = 0.1

_SEED = 0  # of the stretches elsewhere and of the fills that are noise
_STEP_SECONDS = 0.01  # between the places where a stretch may start


@dataclass(frozen=True)
class SegmentContrast:
    """What the removal of one segment did. Probabilities and log-odds are those after the last hearing."""

    segment: Segment
    hearing_index: int  # of the first hearing that chose it or, if it was forced into the run, that replayed it
    number: int  # its place among that hearing's segments, from 1
    forced: bool  # it was replayed although the model had not chosen it
    first_without: float  # probability of the first class once it is removed, 0 to 1
    second_without: float
    log_odds_without: float  # nats
    change: float  # nats: log-odds with it minus without it; above 0 it speaks for the first class
    elsewhere: tuple[float, float]  # nats: least and greatest change by DRAWS stretches of about its length elsewhere
    spoke_for: str | None  # a class; None where other stretches did as much, or less than LEAST_CHANGE came of it


@dataclass(frozen=True)
class ActivityContrast:
    """Two classes over the time columns of the first hearing: what the model would say of each moment by itself."""

    seconds: tuple[float, ...]  # centre of every column, seconds of the clip
    first: tuple[float, ...]  # activity of the first class, 0 to 1
    second: tuple[float, ...]
    log_odds: tuple[float, ...]  # nats; above 0 the moment is more of the first class

    @property
    def foremost(self) -> tuple[int, int]:
        """The columns in which the first class leads the second most, and the second the first; or trails it least."""
        return int(np.argmax(self.log_odds)), int(np.argmin(self.log_odds))


@dataclass(frozen=True)
class Contrast:
    """Two classes over the hearings of one explanation; tuples of numbers have one entry a hearing."""

    first_label: str
    second_label: str
    fill: str  # one of edits.FILLS: what stood where a segment was removed
    first: tuple[float, ...]  # probability of the first class, 0 to 1
    second: tuple[float, ...]
    log_odds: tuple[float, ...]  # nats; see ``odds_between``
    segments: tuple[SegmentContrast, ...]  # hearing by hearing; one that several hearings chose stands there once
    activity: ActivityContrast | None = None  # None where the model does not tell activity
    multi_label: bool = False  # whether every class has a probability of its own

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, strings, lists and dicts for JSON."""
        return {"schema": SCHEMA, **dataclasses.asdict(self)}


def contrast(
    recognizer: Recognizer,
    explanation: Explanation,
    samples: np.ndarray,
    first_label: str,
    second_label: str,
    fill: str = SILENCE,
) -> Steps[Contrast]:
    """Two classes after every hearing, and every distinct segment of the run for or against them.

    recognizer: the one that made the explanation; samples: the sound that was explained, (samples,). Raises
    SettingsError for a class that the model does not know, the same class twice or an unknown fill, and AudioError for
    a clip that the model cannot hear.
    """
    labels = (first_label, second_label)
    recognizer.check(None, *labels)
    if first_label == second_label:
        raise SettingsError(f"{first_label!r} was given twice; choose two classes")
    first, second = (
        tuple(explanation.probability(index, label) for index in range(len(explanation.hearings))) for label in labels
    )
    multi_label = recognizer.config.multi_label
    log_odds = tuple(odds_between(*pair, multi_label) for pair in zip(first, second, strict=True))

    found = _find_segments(explanation)
    segments = [each.segment for each in found]
    elsewhere = _draw_elsewhere(segments, recognizer, samples)
    removed = segments + list(chain.from_iterable(elsewhere.values()))
    believed = yield from _without_each(recognizer, explanation, samples, removed, fill)
    without = believed[:, [explanation.labels.index(label) for label in labels]].tolist()
    changes = [log_odds[-1] - odds_between(one, other, multi_label) for one, other in without]
    by_octave = np.reshape(changes[len(found) :], (len(elsewhere), DRAWS))
    ranges = {octave: (float(row.min()), float(row.max())) for octave, row in zip(elsewhere, by_octave, strict=True)}
    return Contrast(
        first_label=first_label,
        second_label=second_label,
        fill=fill,
        first=first,
        second=second,
        log_odds=log_odds,
        segments=tuple(
            SegmentContrast(
                segment=each.segment,
                hearing_index=each.hearing_index,
                number=each.number,
                forced=each.forced,
                first_without=without[row][0],
                second_without=without[row][1],
                log_odds_without=log_odds[-1] - changes[row],
                change=changes[row],
                elsewhere=ranges[_octave(each.segment)],
                spoke_for=_favoured(labels, changes[row], *ranges[_octave(each.segment)]),
            )
            for row, each in enumerate(found)
        ),
        activity=_contrast_activity(explanation, labels),
        multi_label=multi_label,
    )


def _contrast_activity(explanation: Explanation, labels: tuple[str, str]) -> ActivityContrast | None:
    heard = explanation.hearings[0]
    if heard.activity is None:
        return None
    first, second = (tuple(heard.activity[:, explanation.labels.index(label)].tolist()) for label in labels)
    odds = tuple(odds_between(*pair, explanation.multi_label) for pair in zip(first, second, strict=True))
    return ActivityContrast(tuple(heard.seconds.tolist()), first, second, odds)


@dataclass(frozen=True)
class _Found:
    """A segment and its name; see ``SegmentContrast``."""

    segment: Segment
    hearing_index: int
    number: int
    forced: bool


def _find_segments(explanation: Explanation) -> list[_Found]:
    """Every distinct segment of a run, in the order in which they came up."""
    found: dict[Segment, _Found] = {}
    forced_ones = _forced_segments(explanation)
    for hearing in explanation.hearings:
        for number, segment in enumerate(forced_ones.get(hearing.index - 1, ()), start=1):
            found.setdefault(segment, _Found(segment, hearing.index, number, forced=True))
        for number, segment in enumerate(hearing.segments, start=1):
            found.setdefault(segment, _Found(segment, hearing.index, number, forced=False))
    return list(found.values())


def _forced_segments(explanation: Explanation) -> Held:
    """What was replayed after a hearing, where that is not what the model had chosen."""
    return {
        before.index: after.replayed
        for before, after in pairwise(explanation.hearings)
        if after.replayed != before.segments
    }


def _octave(segment: Segment) -> int:
    """Segments of one octave are less than twice as long as one another."""
    return math.floor(math.log2(segment.seconds))


def _draw_elsewhere(
    segments: Sequence[Segment], recognizer: Recognizer, samples: np.ndarray
) -> dict[int, list[Segment]]:
    """For every octave of lengths DRAWS stretches as long as its longest segment.

    They are drawn from the places that hold least of the segments and of digital silence together.
    """
    longest: dict[int, float] = {}
    for segment in segments:
        longest[_octave(segment)] = max(longest.get(_octave(segment), 0.0), segment.seconds)
    steps = round(recognizer.clip_seconds / _STEP_SECONDS)
    edges = equal_edges(recognizer.clip_seconds, steps)
    clip = recognizer.clips(samples)
    free = audible_columns(clip, edges, recognizer.sample_rate)[0].numpy()
    centres = (edges[0, :-1].numpy() + edges[0, 1:].numpy()) / 2
    for segment in segments:
        free &= (centres < segment.start_seconds) | (centres > segment.end_seconds)
    free_before = np.append(0, free.cumsum())
    rng = np.random.default_rng(_SEED)
    drawn = {}
    for octave, seconds in longest.items():
        width = min(math.ceil(seconds / _STEP_SECONDS - 1e-6), steps)
        held = free_before[width:] - free_before[:-width]  # free steps of the stretch from each step on
        order = np.lexsort((rng.random(len(held)), -held))
        starts = np.resize(order, DRAWS) * _STEP_SECONDS  # repeats them where the clip has too few places
        drawn[octave] = [Segment(start, min(start + seconds, recognizer.clip_seconds)) for start in starts.tolist()]
    return drawn


def _without_each(
    recognizer: Recognizer,
    explanation: Explanation,
    samples: np.ndarray,
    segments: Sequence[Segment],
    fill: str,
) -> Steps[np.ndarray]:
    """Probabilities (segments, classes) after the last hearing over the clip without each of the segments."""
    clip = recognizer.clips(samples)
    choose = forced(_forced_segments(explanation))
    sample_rate = recognizer.sample_rate
    generator = torch.Generator().manual_seed(_SEED)
    believed = [np.zeros((0, len(explanation.labels)), np.float32)]
    for first in range(0, len(segments), CLIPS_A_STEP):
        alone = [[segment] for segment in segments[first : first + CLIPS_A_STEP]]
        batch = pad_segments(alone, recognizer.clip_seconds)
        waveforms = remove(clip.expand(len(batch), -1), batch, fill, sample_rate, generator)
        believed.append(recognizer.classify(waveforms.numpy(), len(explanation.hearings) - 1, choose)[-1])
        yield Progress(first + len(batch), len(segments))
    return np.concatenate(believed)


def _favoured(labels: tuple[str, str], change: float, least: float, greatest: float) -> str | None:
    if change > max(greatest, LEAST_CHANGE):
        return labels[0]
    if change < min(least, -LEAST_CHANGE):
        return labels[1]
    return None
