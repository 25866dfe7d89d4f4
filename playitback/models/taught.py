"""What a student learns of a teacher beside its own classes: the teacher's classes and features.

Hinton et al., "Distilling the Knowledge in a Neural Network", 2015 (arXiv 1503.02531); features by regression as in
FitNets (Romero et al. 2015, arXiv 1412.6550), from what the student pools before its classifier.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from playitback.config import TaughtConfig


class Taught(nn.Module):
    """What a teacher says, read off a student's own features by linear maps: its classes, its features.

    One more tells whether what is heard is of the model's own classes at all, which it learns beside sounds that are
    not (outlier exposure; Hendrycks et al. 2019, arXiv 1812.04606). width: of the student's features.
    """

    def __init__(self, config: TaughtConfig, width: int) -> None:
        super().__init__()
        self.classes = nn.Linear(width, len(config.classes))
        self.features = nn.Linear(width, config.features) if config.features else None
        self.known = nn.Linear(width, 1)

    def forward(self, pooled: Tensor) -> tuple[Tensor, Tensor]:
        """Features (B, width) -> probabilities (B, K) of the teacher's classes, and (B,) of any of the model's own."""
        return self.classes(pooled).float().sigmoid(), self.known(pooled).float().sigmoid().squeeze(1)

    def terms(self, pooled: Tensor, probabilities: Tensor, features: Tensor, known: Tensor) -> dict[str, Tensor]:
        """Losses for the student's features (B, width), not weighted yet.

        probabilities (B, K) of the teacher's classes: binary cross-entropy, mean over classes, less what the teacher's
        own doubt makes of it, so that 0 is agreement. features (B, D), standardised: mean squared error, so that 1 is
        knowing nothing. known (B,): 1, 0, or NaN where nobody knows; binary cross-entropy.
        """
        there = known.isfinite()
        strange = F.binary_cross_entropy_with_logits(
            self.known(pooled).float().squeeze(1), known.nan_to_num(), reduction="none"
        )
        doubt = (torch.special.entr(probabilities) + torch.special.entr(1 - probabilities)).mean()
        said = F.binary_cross_entropy_with_logits(self.classes(pooled).float(), probabilities)
        terms = {"classes": said - doubt, "known": (strange * there).sum() / there.sum().clamp_min(1)}
        if self.features is not None:
            terms["features"] = F.mse_loss(self.features(pooled).float(), features)
        return terms
