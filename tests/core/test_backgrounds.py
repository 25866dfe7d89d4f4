"""Claims about backgrounds: their level, and that they are of different kinds."""

from __future__ import annotations

import torch
from torch import Generator

from playitback.backgrounds import backgrounds

RATE = 16_000


def test_backgrounds_are_of_one_level_and_of_all_kinds() -> None:
    generator = Generator().manual_seed(0)
    sounds = backgrounds(12, RATE, RATE, generator)
    assert sounds.isfinite().all()
    torch.testing.assert_close(sounds.square().mean(dim=1).sqrt(), torch.ones(12), rtol=1e-4, atol=0)
    flatness = torch.fft.rfft(sounds).abs().clamp_min(1e-9).log().mean(dim=1)
    assert flatness.max() - flatness.min() > 2  # hum has lines, noise has none
    assert backgrounds(0, RATE, RATE, generator).shape == (0, RATE)
