"""Checkpoints of format 1, written when replay attention was the only family, as they would be written today."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

_Weights = TypeVar("_Weights")


def upgrade_description(description: Mapping[str, Any]) -> dict[str, Any]:
    """The ``model`` entry of config.json: format 1 named no family."""
    return {"family": "replay", **description}


def upgrade_weights(weights: Mapping[str, _Weights]) -> dict[str, _Weights]:
    """Weights, or what is known of them, under today's names: the decoder's hearings were called passes."""
    return {name.replace("decoder.passes.", "decoder.hearings.", 1): each for name, each in weights.items()}
