"""What a model says of every second kept alone, and how far its activity is from that.

Activity is learned: what a model would say of each moment by itself, read off one hearing (``models/listener``). Here
the model is asked in earnest:

    clip -> stretches of 1 s, one every 0.25 s -> keep_only each -> first hearing -> (stretches, classes)
    activity (columns, classes) -> mean over each stretch -> (stretches, classes) -> divergence, difference, correlation

Stretches that are digital silence for the greater part are left out: nothing sounds there that could be named. Of a
model whose activity is not learned, but asked for in this very way, there is nothing to compare.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from playitback.edits import each_alone, stretches_of
from playitback.evidence.runs import CLIPS_A_STEP
from playitback.evidence.truth import divergence
from playitback.progress import Progress, Steps
from playitback.recognizer import ClipHearing, Recognizer
from playitback.segments import TIME_BINS, Segment, audible_columns, equal_edges, inside_segments, pad_segments

CLASSES_TOLD = 3  # whose curves are told, beside the class asked about

_LEAST_HEARD = 0.5  # of a stretch that is not digital silence
_TINY = 1e-7  # float32 has almost no numbers closer to 1
_ENOUGH = 3  # stretches that a correlation needs


@dataclass(frozen=True)
class Distance:
    """How far the activity is from what the model says of the same stretches kept alone."""

    #: nats: mean over the stretches of the Kullback-Leibler divergence of the activity from the answers; where every
    #: class has a probability of its own, the sum over the classes of the divergence of its two outcomes
    divergence: float
    difference: float  # mean absolute difference of the probabilities of the class asked about, 0 to 1
    correlation: float | None  # Pearson's, of the same; None for fewer than three stretches, or a curve that is flat


@dataclass(frozen=True, eq=False)  # holds arrays
class Alone:
    """Every stretch kept alone, S of them, those of digital silence left out. C classes."""

    label: str  # the class asked about
    labels: tuple[str, ...]  # (C,)
    stretches: tuple[Segment, ...]  # (S,) cut at the clip's ends
    probabilities: np.ndarray  # (S, C) after the first hearing of nothing but the stretch
    #: (S, C) of the whole clip's first hearing, mean over each stretch; None: there is none, or none that is learned
    activity: np.ndarray | None
    distance: Distance | None  # None without activity, or without stretches
    multi_label: bool = False  # whether every class has a probability of its own
    learns_activity: bool = True  # False: it is asked for in this very way, and there is nothing to measure

    @property
    def seconds(self) -> tuple[float, ...]:
        """(S,) the middle of every stretch, which it speaks of."""
        return tuple((each.start_seconds + each.end_seconds) / 2 for each in self.stretches)

    @property
    def told(self) -> tuple[str, ...]:
        """The class asked about and those that are most probable somewhere, at most ``CLASSES_TOLD`` of them."""
        peaks = self.probabilities.max(axis=0, initial=0.0)
        highest = [self.labels[position] for position in np.argsort(-peaks, kind="stable")[:CLASSES_TOLD]]
        return tuple(dict.fromkeys((self.label, *highest)))

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, strings, lists and dicts for JSON."""
        distance = self.distance
        return {
            "label": self.label,
            "stretches": [
                {"start_seconds": each.start_seconds, "end_seconds": each.end_seconds} for each in self.stretches
            ],
            "seconds": list(self.seconds),
            "probabilities": self._curves(self.probabilities),
            "activity": None if self.activity is None else self._curves(self.activity),
            "divergence": None if distance is None else distance.divergence,
            "difference": None if distance is None else distance.difference,
            "correlation": None if distance is None else distance.correlation,
        }

    def _curves(self, values: np.ndarray) -> dict[str, list[float]]:
        """Class -> (S,) of values (S, C), to the sixth decimal."""
        return {label: values[:, self.labels.index(label)].astype(float).round(6).tolist() for label in self.told}


def hear_alone(
    recognizer: Recognizer, first: ClipHearing, samples: np.ndarray, label: str | None = None
) -> Steps[Alone]:
    """Hears every stretch of a clip alone, and sets the activity of its first hearing beside that.

    first: of ``recognizer.explain``; samples: the sound that it heard, (samples,); label: the class to measure the
    activity by, by default the one that the hearing's relevance is for. Raises SettingsError for a class that the model
    does not know, and AudioError for a clip that it cannot hear.
    """
    recognizer.check(None, label)
    label = label or recognizer.labels[first.asked]
    clip = recognizer.clips(samples)
    clip_seconds, sample_rate = recognizer.clip_seconds, recognizer.sample_rate
    edges = equal_edges(clip_seconds, TIME_BINS)
    audible = audible_columns(clip, edges, sample_rate)[0].double()
    stretches = [each for each in stretches_of(clip_seconds) if _share(each, edges, audible) >= _LEAST_HEARD]

    answers = [np.zeros((0, len(recognizer.labels)))]
    for begin in range(0, len(stretches), CLIPS_A_STEP):
        sounds = each_alone(clip[0], stretches[begin : begin + CLIPS_A_STEP], sample_rate)
        answers.append(recognizer.classify(sounds.numpy(), playbacks=0)[-1])
        yield Progress(begin + len(sounds), len(stretches))
    probabilities = np.concatenate(answers)

    activity, learned = None, recognizer.model.learns_activity
    if learned and first.activity is not None:
        activity = _mean_over(stretches, first, clip, sample_rate)
    column = recognizer.labels.index(label)
    measured = None
    if activity is not None and stretches:
        measured = distance(probabilities, activity, column, recognizer.config.multi_label)
    return Alone(
        label=label,
        labels=recognizer.labels,
        stretches=tuple(stretches),
        probabilities=probabilities,
        activity=activity,
        distance=measured,
        multi_label=recognizer.config.multi_label,
        learns_activity=learned,
    )


def distance(answers: np.ndarray, activity: np.ndarray, column: int, multi_label: bool) -> Distance:
    """Of activity from answers, both probabilities (S, C), S > 0. column: of the class asked about."""
    clipped = (np.clip(each.astype(np.float64), _TINY, 1 - _TINY) for each in (answers, activity))
    truth, learned = map(torch.from_numpy, clipped)
    one, other = answers[:, column], activity[:, column]
    varies = len(one) >= _ENOUGH and min(np.ptp(one), np.ptp(other)) > _TINY
    return Distance(
        divergence=max(0.0, float(divergence(truth, learned, multi_label).mean())),  # rounding may leave it below
        difference=float(np.abs(one - other).mean()),
        correlation=float(np.corrcoef(one, other)[0, 1]) if varies else None,
    )


def _share(stretch: Segment, edges: Tensor, audible: Tensor) -> float:
    """Of a stretch that is not digital silence."""
    inside = inside_segments(pad_segments([[stretch]], float(edges[0, -1])), edges)[0]
    return float((inside * audible).sum()) / stretch.seconds


def _mean_over(stretches: Sequence[Segment], first: ClipHearing, clip: Tensor, sample_rate: int) -> np.ndarray:
    """Activity (S, C): its mean over what is not digital silence of each stretch."""
    assert first.activity is not None
    edges = torch.from_numpy(first.edges).double().unsqueeze(0)
    audible = audible_columns(clip, edges, sample_rate)
    padded = torch.tensor([[[each.start_seconds, each.end_seconds]] for each in stretches]).double()
    weights = inside_segments(padded.view(-1, 1, 2), edges) * audible
    means = (weights @ torch.from_numpy(first.activity).double()) / weights.sum(dim=1, keepdim=True).clamp_min(1e-9)
    return means.numpy()
