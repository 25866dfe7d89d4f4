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
from playitback.progress import Progress, Steps
from playitback.recognizer import Recognizer
from playitback.training.clips import ClipSet
from playitback.training.metrics import expected_calibration_error

_TEMPERATURES = torch.logspace(-2, 3, 501, base=2.0)  # a quarter to eight, in steps of 0.7 %
_BATCH = 25


@dataclass(frozen=True)
class Calibration:
    """How sure a model was, and is. Errors are expected calibration errors, 0 to 1."""

    temperature: float  # to divide the logits by, fitted to all clips
    before: float  # the error without it
    after: float  # with it: on each half of the clips, with the temperature fitted to the other half
    clips: int


def calibrate(recognizer: Recognizer, clips: ClipSet, seed: int = 0) -> Steps[Calibration]:
    """Fits the temperature of a model's last decision. Raises SettingsError for several labels or heads."""
    require(
        not clips.multi_label and len(clips.labels) == 1, "what is calibrated is the confidence in one class of many"
    )
    heard = []
    for indices in torch.arange(len(clips)).split(_BATCH):
        hearings = list(recognizer.listen(clips.waveforms(indices)))
        (logits,) = recognizer.fuse(hearings) or hearings[-1].logits
        heard.append(logits.float().cpu())
        yield Progress(int(indices[-1]) + 1, len(clips))
    logits, classes = torch.cat(heard), clips.classes()
    halves = torch.randperm(len(classes), generator=Generator().manual_seed(seed)).tensor_split(2)
    crossed = torch.empty_like(logits)
    for here, there in (halves, halves[::-1]):
        crossed[here] = logits[here] / fit_temperature(logits[there], classes[there])
    return Calibration(
        fit_temperature(logits, classes), _error(logits, classes), _error(crossed, classes), len(classes)
    )


def fit_temperature(logits: Tensor, classes: Tensor) -> float:
    """The temperature at which logits (N, C) are most likely to have meant the true classes (N,)."""
    losses = torch.stack([F.cross_entropy(logits / each, classes) for each in _TEMPERATURES])
    return float(_TEMPERATURES[losses.argmin()])


def _error(logits: Tensor, classes: Tensor) -> float:
    probabilities = logits.softmax(dim=1).numpy()
    return expected_calibration_error(probabilities, np.asarray(classes))
