"""What tests of training by command share: presets that take seconds, and their stages at an epoch each."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tiny import tiny_config

from playitback.config import ModelConfig
from playitback.models.families import FAMILIES

STAGES = ("encoder", "events", "activity", "replay")
ONE_EPOCH = [part for stage in STAGES for part in (f"--{stage}-epochs", "1")]
QUICK = [*ONE_EPOCH, "--batch-size", "4", "--micro-batch-size", "2", "--device", "cpu"]


def tiny_preset(
    name: str, labels: tuple[tuple[str, ...], ...], *, multi_label: bool, clip_seconds: float
) -> ModelConfig:
    """In place of the presets, which take minutes: the same structure with clips of a second."""
    return replace(tiny_config(clip_seconds=1.0, playbacks=1, aimed=True), labels=labels, multi_label=multi_label)


def make_presets_tiny(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(FAMILIES, "replay", replace(FAMILIES["replay"], preset=tiny_preset))
