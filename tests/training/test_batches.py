"""Which micro-batches hear what: short events and backgrounds belong to the replay stage."""

from __future__ import annotations

import pytest
import torch
from tiny import RATE, write_esc50

from playitback.config import FrontEndConfig
from playitback.models.recipe import Augmentation, Recipe
from playitback.training.batches import MicroBatches
from playitback.training.clips import ClipSet, load_clips
from playitback.training.manifest import read_manifest

SECOND = FrontEndConfig(clip_seconds=1.0, frames=80, mels=32, fft_samples=512, window_samples=400)
RECIPE = Recipe(
    batch_size=8, micro_batch_size=8, augmentation=Augmentation(between_class=0.0, time_scale=1.0, background=1.0)
)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> ClipSet:
    """A quarter of a second of sound, then silence."""
    folder = write_esc50(tmp_path_factory.mktemp("data") / "esc50", folds=(1,), seconds=0.25)
    return load_clips(read_manifest("esc50", folder, folds=(1,)), SECOND)


def test_backgrounds_are_heard_in_the_replay_stage_alone(clips: ClipSet) -> None:
    silent = {}
    for stage in ("encoder", "replay"):
        waveforms, _, _ = MicroBatches(clips, RECIPE, stage, RATE)[0]
        silent[stage] = float((waveforms == 0).float().mean())
    assert silent["encoder"] > 0.6
    assert silent["replay"] < 0.01


def test_a_micro_batch_follows_from_its_number(clips: ClipSet) -> None:
    first, again, other = (MicroBatches(clips, RECIPE, "replay", RATE)[number] for number in (3, 3, 4))
    torch.testing.assert_close(first[0], again[0], rtol=0, atol=0)
    assert first[2] == again[2] != other[2]
    assert not torch.equal(first[0], other[0])
