"""Calibration: one temperature, so that a model is right as often as it is sure.

Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, section 4.2: all logits are divided by one number,
which changes no decision. It is fitted to clips that the model was not trained on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from playitback.config import require
from playitback.counts import counted
from playitback.errors import SettingsError
from playitback.progress import Progress, Steps
from playitback.recognizer import KNOWN, Recognizer
from playitback.training.clips import ClipSet
from playitback.training.metrics import areas_under_curve, expected_calibration_error

_TEMPERATURES = torch.logspace(-2, 3, 501, base=2.0)  # a quarter to eight, in steps of 0.7 %
_BATCH = 25
_DRAWS = 200  # of the true classes from the model's own probabilities


@dataclass(frozen=True)
class Calibration:
    """How sure a model was, and is. Errors are expected calibration errors, 0 to 1."""

    temperature: float  # to divide the logits by, fitted to all clips
    before: float  # the error without it
    after: float  # with it: on each half of the clips, with the temperature fitted to the other half
    by_chance: float  # what a model that is exactly as sure as it is right would show on so many clips, on average
    clips: int


@dataclass(frozen=True)
class Strangeness:
    """How well a model tells that recordings hold none of its classes. Shares are 0 to 1."""

    auroc: float  # how often it finds a clip of its classes more familiar than such a recording
    refused: float  # share of these recordings that it says to be none of its classes
    refused_clips: float  # share of the clips of its classes that it says so of, too
    recordings: int


def tell_strange(recognizer: Recognizer, clips: ClipSet, strange: ClipSet) -> Steps[Strangeness]:
    """Measures it by the first hearing of clips of the model's classes, and of recordings that hold none of them.

    Raises SettingsError for a model that has not learned it.
    """
    known: list[np.ndarray] = []
    done, count = 0, len(clips) + len(strange)
    for each in (clips, strange):
        told = []
        for indices in torch.arange(len(each)).split(_BATCH):
            (heard,) = recognizer.answer(each.waveforms(indices), 0)
            if heard.known is None:
                raise SettingsError(f"{recognizer.name} has not learned to tell what is none of its classes")
            told.append(heard.known.float().cpu())
            done += len(indices)
            yield Progress(done, count)
        known.append(torch.cat(told).numpy())
    scores, own = np.concatenate(known), np.repeat([1, 0], [len(each) for each in known])
    auroc = float(areas_under_curve(scores[:, None], own[:, None])[0])
    refused_clips, refused = (float((each < KNOWN).mean()) for each in known)
    return Strangeness(auroc, refused, refused_clips, len(strange))


def calibrate(recognizer: Recognizer, clips: ClipSet, seed: int = 0) -> Steps[Calibration]:
    """Fits the temperature of a model's last decision.

    Raises SettingsError for several labels or heads, and for clips that would make the model as sure as can be: one
    alone, or such as are all answered right.
    """
    require(
        not clips.multi_label and len(clips.labels) == 1, "what is calibrated is the confidence in one class of many"
    )
    heard = []
    for indices in torch.arange(len(clips)).split(_BATCH):
        (logits,) = recognizer.decide(list(recognizer.answer(clips.waveforms(indices))))
        heard.append(logits.float().cpu())
        yield Progress(int(indices[-1]) + 1, len(clips))
    logits, classes = torch.cat(heard), clips.classes()
    generator = Generator().manual_seed(seed)
    temperature = fit_temperature(logits, classes)
    require(
        len(classes) > 1 and temperature > float(_TEMPERATURES[0]),
        f"{counted(len(classes), 'clip')} cannot tell how sure {recognizer.name} may be, which takes wrong answers and "
        "right ones; give more clips that it was not trained on",
    )
    halves = torch.randperm(len(classes), generator=generator).tensor_split(2)
    crossed = torch.empty_like(logits)
    for here, there in (halves, halves[::-1]):
        crossed[here] = logits[here] / fit_temperature(logits[there], classes[there])
    return Calibration(
        temperature,
        before=_error(logits, classes),
        after=_error(crossed, classes),
        by_chance=error_by_chance(logits / temperature, generator),
        clips=len(classes),
    )


def fit_temperature(logits: Tensor, classes: Tensor) -> float:
    """The temperature at which logits (N, C) are most likely to have meant the true classes (N,)."""
    losses = torch.stack([F.cross_entropy(logits / each, classes) for each in _TEMPERATURES])
    return float(_TEMPERATURES[losses.argmin()])


def error_by_chance(logits: Tensor, generator: Generator) -> float:
    """The calibration error of logits (N, C) on average, were every class as likely to be true as they say."""
    drawn = logits.softmax(dim=1).multinomial(_DRAWS, replacement=True, generator=generator)
    return float(np.mean([_error(logits, classes) for classes in drawn.T]))


def _error(logits: Tensor, classes: Tensor) -> float:
    probabilities = logits.softmax(dim=1).numpy()
    return expected_calibration_error(probabilities, np.asarray(classes))
