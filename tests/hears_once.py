"""Small untrained models of the families that hear a clip once."""

from __future__ import annotations

import torch
from tiny import LABELS, tiny_front_end

from playitback.config import ActivityConfig
from playitback.models.encoded import OneHearing
from playitback.models.mast import BOTH, TIME, MastConfig, MastEncoderConfig, MastModel
from playitback.models.pooling import PoolingConfig, PoolingEncoderConfig, PoolingModel

ACTIVITY = ActivityConfig(squeezed_channels=4, width=16)
FAMILIES = ("pooling", "mast")


def model_of(family: str, seed: int = 0, **changed: object) -> OneHearing:
    """An untrained model of a few thousand weights."""
    torch.manual_seed(seed)
    about = {"labels": (LABELS,), "front_end": tiny_front_end(), "activity": ACTIVITY, **changed}
    if family == "pooling":
        pooling = PoolingEncoderConfig(channels=(8, 8, 16), kernels=(5, 3, 2), width=8, layers=1, attention_width=8)
        model: OneHearing = PoolingModel(PoolingConfig(encoder=pooling, **about))  # type: ignore[arg-type]
    else:
        mast = MastEncoderConfig(stem_widths=(8, 16), width=16, heads=1, depths=(1, 1, 1), pools=(TIME, BOTH))
        model = MastModel(MastConfig(encoder=mast, **about))  # type: ignore[arg-type]
    model.mel_mean.fill_(-6.0)
    model.mel_deviation.fill_(3.0)
    return model.eval()
