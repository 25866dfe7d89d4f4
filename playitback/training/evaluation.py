"""What a model gets right after every hearing, on clips that it was not trained on.

    clips -> listen -> probabilities (N, classes) of every head, after every hearing and fused -> metrics -> Evaluation

Measured through the recognizer, in its precision. A model with two heads names a verb and a noun, and together they
are the action.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import torch
from torch import Tensor

from playitback.config import ModelConfig
from playitback.counts import counted
from playitback.errors import SettingsError
from playitback.models.listener import named_class, with_broader
from playitback.progress import Progress, Steps
from playitback.recognizer import Recognizer
from playitback.segments import total_seconds
from playitback.training import metrics
from playitback.training.clips import ClipSet

#: of a model with two heads
PAIR = ("verb", "noun")
_BATCH = 25
_TOP = 5  # means nothing for a model with no more classes than this


@dataclass(frozen=True)
class Figures:
    """How good one prediction is; 0 to 1, except for d'. None: the figure does not apply to such a prediction."""

    accuracy: float | None = None  # top-1; of a single label
    top_5_accuracy: float | None = None  # of a single label, where there are more than five classes
    true_class_probability: float | None = None  # mean over clips, and over the labels of each
    expected_calibration_error: float | None = None  # of a single label
    mean_average_precision: float | None = None  # of classes, not of actions, as are the next two
    mean_auc: float | None = None  # NaN unless some class is in some clips and not in others
    d_prime: float | None = None  # infinite at a mean AUC of 1
    precision_at_1: float | None = None  # how often the class that is named is one of those that a clip has, of several


#: figure -> what people read, and the factor to its unit
_WORDS = {
    "accuracy": ("accuracy, %", 100),
    "top_5_accuracy": ("top-5 accuracy, %", 100),
    "true_class_probability": ("probability of the true class, %", 100),
    "expected_calibration_error": ("expected calibration error, %", 100),
    "mean_average_precision": ("mean average precision, %", 100),
    "mean_auc": ("mean AUC, %", 100),
    "d_prime": ("d'", 1),
    "precision_at_1": ("the class named is one of the clip's, %", 100),
}


@dataclass(frozen=True)
class Course:
    """The figures of one head, or of the action, over the hearings."""

    per_hearing: tuple[Figures, ...]
    fused: Figures | None = None  # of the fused prediction, where the model makes one and all playbacks are heard

    def to_dict(self) -> dict[str, Any]:
        """For every figure that there is, a list with one number per hearing, and that of the fused prediction."""
        found: dict[str, Any] = {}
        for name in self.names():
            found[name] = [_json_number(getattr(each, name)) for each in self.per_hearing]
            if self.fused is not None:
                found[f"{name}_fused"] = _json_number(getattr(self.fused, name))
        return found

    def names(self) -> list[str]:
        """The figures that there are."""
        return [each.name for each in fields(Figures) if getattr(self.per_hearing[0], each.name) is not None]


@dataclass(frozen=True)
class Evaluation:
    """A model measured on a set of clips."""

    clips: int
    overall: Course  # of the one head; of the action where there are two
    replayed_seconds: tuple[float, ...]  # of a clip in every hearing, mean; nothing is replayed in hearing 0
    heads: Mapping[str, Course] = field(default_factory=dict)  # verb and noun, where there are two heads
    #: of every class that some clip has, after the last hearing; where a clip may have several labels
    average_precisions: Mapping[str, float] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """JSON: lists have one number per hearing; figures that are not defined, or infinite, are null."""
        found = {"clips": self.clips, **self.overall.to_dict(), "replayed_seconds": list(self.replayed_seconds)}
        if self.average_precisions:
            found["average_precisions"] = dict(self.average_precisions)
        if self.heads:
            found["heads"] = {name: course.to_dict() for name, course in self.heads.items()}
        return found

    def table(self) -> list[list[str]]:
        """Rows for people to read: a heading, then the figures: one number per hearing, then the fused prediction's."""
        fused = ["fused"] if self.overall.fused is not None else []
        rows = [["", *(f"hearing {index}" for index in range(len(self.replayed_seconds))), *fused]]
        courses = {"action ": self.overall, **{f"{name} ": course for name, course in self.heads.items()}}
        for prefix, course in courses.items() if self.heads else [("", self.overall)]:
            predictions = [*course.per_hearing, *([course.fused] if course.fused is not None else [])]
            for name in course.names():
                words, factor = _WORDS[name]
                rows.append([prefix + words, *(_text_number(getattr(each, name), factor) for each in predictions)])
        if len(self.replayed_seconds) == 1:
            return rows
        seconds = [_text_number(each, 1) for each in self.replayed_seconds]
        return [*rows, ["replayed, s", *seconds, *("" for _ in fused)]]

    def text(self) -> str:
        """The table for a terminal."""
        rows = self.table()
        first = max(len(row[0]) for row in rows)
        lines = [f"{row[0]:<{first}}" + "".join(f"{cell:>11}" for cell in row[1:]) for row in rows]
        return "\n".join([counted(self.clips, "clip"), *(line.rstrip() for line in lines)])


def measure(recognizer: Recognizer, clips: ClipSet, playbacks: int | None = None) -> Steps[Evaluation]:
    """Measures a recognizer after the first hearing and each of ``playbacks`` playbacks (default: all it has).

    Raises SettingsError for clips of other classes than the model's, or for too many playbacks, and CheckpointError
    where the model's answers are not finite.
    """
    config = recognizer.config
    if (clips.labels, clips.multi_label) != (config.labels, config.multi_label):
        raise SettingsError("the model names other classes than this data has; measure it on data of its own classes")
    if config.multi_label and len(config.labels) > 1:
        raise SettingsError("a model of several heads that also has several labels a clip cannot be measured")
    recognizer.check(playbacks)
    said: list[list[tuple[Tensor, ...]]] = []  # by batch, prediction (every hearing, then the fused one) and head
    true: list[tuple[Tensor, ...]] = []  # by batch and head
    replayed: list[Tensor] = []  # by batch: seconds (hearings, B)
    for indices in torch.arange(len(clips)).split(_BATCH):
        heard = list(recognizer.answer(clips.waveforms(indices), playbacks))
        fused = recognizer.fuse(heard)
        logits = [*(each.logits for each in heard), *([] if fused is None else [fused])]
        said.append([tuple(recognizer.probabilities(head).cpu() for head in each) for each in logits])
        true.append(clips.targets(indices))
        replayed.append(torch.stack([total_seconds(each.replayed).cpu() for each in heard]))
        yield Progress(int(indices[-1]) + 1, len(clips))
    seconds = tuple(torch.cat(replayed, dim=1).mean(dim=1).tolist())
    targets = _joined(true)
    predictions = [_joined(each) for each in zip(*said, strict=True)]
    fuses = len(predictions) > len(seconds)
    heads = [
        _course([_head_figures(prediction[head], targets[head], config) for prediction in predictions], fuses)
        for head in range(len(targets))
    ]
    if len(heads) == 1:
        return Evaluation(
            len(clips), heads[0], seconds, average_precisions=_average_precisions(predictions[-1][0], targets[0], clips)
        )
    action = _course([_action_figures(prediction, targets) for prediction in predictions], fuses)
    return Evaluation(len(clips), action, seconds, dict(zip(PAIR, heads, strict=True)))


def _joined(batches: Sequence[tuple[Tensor, ...]]) -> tuple[np.ndarray, ...]:
    """Batches of heads -> every head over all clips (N, classes)."""
    return tuple(torch.cat(head).numpy() for head in zip(*batches, strict=True))


def _head_figures(probabilities: np.ndarray, targets: np.ndarray, config: ModelConfig) -> Figures:
    """Of one head: probabilities (N, C), targets (N, C) of 0 and 1."""
    classes, multi_label = targets.argmax(axis=1), config.multi_label
    top_5 = not multi_label and targets.shape[1] > _TOP
    mean_auc = metrics.mean_area_under_curve(probabilities, targets)
    return Figures(
        accuracy=None if multi_label else metrics.top_k_accuracy(probabilities, classes, 1),
        top_5_accuracy=metrics.top_k_accuracy(probabilities, classes, _TOP) if top_5 else None,
        true_class_probability=float(probabilities[targets != 0].mean(dtype=np.float64)),
        expected_calibration_error=None if multi_label else metrics.expected_calibration_error(probabilities, classes),
        mean_average_precision=metrics.mean_average_precision(probabilities, targets),
        mean_auc=mean_auc,
        d_prime=metrics.d_prime(mean_auc),
        precision_at_1=_precision_at_1(probabilities, targets, config) if multi_label else None,
    )


def _precision_at_1(probabilities: np.ndarray, targets: np.ndarray, config: ModelConfig) -> float:
    """Of the clips that have a class: how often the one that is named is one of theirs; NaN where none has any.

    The broader ones hold, too, labelled or not: a dog is an animal.
    """
    has_one = targets.any(axis=1)
    named = named_class(torch.from_numpy(probabilities[has_one]), config).numpy()
    true = with_broader(torch.from_numpy(targets[has_one] > 0.5), config).numpy()
    right = np.take_along_axis(true, named[:, None], axis=1)
    return float(right.mean()) if len(right) else math.nan


def _average_precisions(probabilities: np.ndarray, targets: np.ndarray, clips: ClipSet) -> dict[str, float]:
    """Class -> average precision, of several labels."""
    if not clips.multi_label:
        return {}
    found = zip(clips.labels[0], metrics.average_precisions(probabilities, targets).tolist(), strict=True)
    return {label: value for label, value in found if not math.isnan(value)}


def _action_figures(probabilities: tuple[np.ndarray, ...], targets: tuple[np.ndarray, ...]) -> Figures:
    """Of verb and noun together: the true pair's probability is the product of the true verb's and noun's."""
    verbs, nouns = probabilities
    verb_classes, noun_classes = (each.argmax(axis=1) for each in targets)
    clip = np.arange(len(verbs))
    pairs = verbs.shape[1] * nouns.shape[1]
    together = verbs[clip, verb_classes].astype(np.float64) * nouns[clip, noun_classes]

    def accuracy(k: int) -> float:
        return metrics.top_k_action_accuracy(verbs, nouns, verb_classes, noun_classes, k)

    return Figures(accuracy(1), accuracy(_TOP) if pairs > _TOP else None, float(together.mean()))


def _course(figures: list[Figures], fuses: bool) -> Course:
    """The last of the figures are those of the fused prediction, if there is one."""
    return Course(tuple(figures[:-1]), figures[-1]) if fuses else Course(tuple(figures))


def _json_number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _text_number(value: float, factor: int) -> str:
    return "-" if math.isnan(value) else f"{factor * value:.2f}"
