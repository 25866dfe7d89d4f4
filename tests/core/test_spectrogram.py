"""Claims about what is done to log-mel frames. That they are those of the paper is tested with the golden files."""

from __future__ import annotations

import torch
from torch import Generator

from playitback.spectrogram import mask_frames


def test_masks_are_whole_bands_and_whole_stretches_of_the_mean() -> None:
    masked = mask_frames(torch.ones(50, 40, 32), 0.2, 0.1, Generator().manual_seed(0)) == 0
    bands, stretches = masked.all(dim=1), masked.all(dim=2)
    assert torch.equal(masked, bands[:, None] | stretches[:, :, None])
    assert bands.any()
    assert bands.sum(dim=1).max() <= 2 * 7
    assert stretches.any()
    assert stretches.sum(dim=1).max() <= 2 * 4
    nothing = mask_frames(torch.ones(50, 40, 32), 0.0, 0.0, Generator().manual_seed(0))
    assert (nothing == 1).all()
