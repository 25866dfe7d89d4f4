"""Losses that families share, on logits of any number of heads.

Targets are one tensor per head, (B, classes): distributions over the classes or, in multi-label models, a number from 0
to 1 for each class.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from playitback.models.listener import class_probabilities


def classification(
    logits: Sequence[Tensor], targets: Sequence[Tensor], multi_label: bool, label_smoothing: float = 0.0
) -> Tensor:
    """Cross-entropy, or binary cross-entropy for several labels; mean over the batch, summed over the heads.

    Binary cross-entropy is the mean over the classes, too, and is never smoothed.
    """
    if multi_label:
        losses = [
            F.binary_cross_entropy_with_logits(each.float(), target)
            for each, target in zip(logits, targets, strict=True)
        ]
    else:
        losses = [
            F.cross_entropy(each.float(), target, label_smoothing=label_smoothing)
            for each, target in zip(logits, targets, strict=True)
        ]
    return torch.stack(losses).sum()


def nothing_said(logits: Sequence[Tensor], multi_label: bool) -> Tensor:
    """0 where no class is preferred: the Kullback-Leibler divergence from the uniform distribution.

    With several labels, to say nothing is to name no class: binary cross-entropy towards 0. Mean over the batch, summed
    over the heads.
    """
    if multi_label:
        return torch.stack([F.softplus(each.float()).mean() for each in logits]).sum()
    return torch.stack([-each.float().log_softmax(dim=1).mean() - math.log(each.shape[1]) for each in logits]).sum()


def belief(logits: Sequence[Tensor], targets: Sequence[Tensor], multi_label: bool) -> Tensor:
    """(B,): probability of the true class; with several, their mean weighted by the targets; mean over the heads."""
    beliefs = []
    for each, target in zip(logits, targets, strict=True):
        probabilities = class_probabilities(each, multi_label)
        beliefs.append((probabilities * target).sum(dim=1) / target.sum(dim=1).clamp_min(1e-6))
    return torch.stack(beliefs).mean(dim=0)
