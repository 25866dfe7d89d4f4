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
    """What a teacher says, read off a student's own features: one linear map for its classes, one for its features.

    width: of the student's features. The maps are the student's, and what they miss is what it has not learned.
    """

    def __init__(self, config: TaughtConfig, width: int) -> None:
        super().__init__()
        self.classes = nn.Linear(width, len(config.classes))
        self.features = nn.Linear(width, config.features) if config.features else None

    def terms(self, pooled: Tensor, probabilities: Tensor, features: Tensor) -> dict[str, Tensor]:
        """Losses for the student's features (B, width), not weighted yet.

        probabilities (B, K) of the teacher's classes: binary cross-entropy, mean over classes, less what the teacher's
        own doubt makes of it, so that 0 is agreement. features (B, D), standardised: mean squared error, so that 1 is
        knowing nothing.
        """
        doubt = (torch.special.entr(probabilities) + torch.special.entr(1 - probabilities)).mean()
        said = F.binary_cross_entropy_with_logits(self.classes(pooled).float(), probabilities)
        terms = {"classes": said - doubt}
        if self.features is not None:
            terms["features"] = F.mse_loss(self.features(pooled).float(), features)
        return terms
