"""Claims about log-mel frames: masks, levels. That they are those of the paper is tested with the golden files."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny import RATE, noise
from torch import Generator

from playitback.config import FrontEndConfig
from playitback.spectrogram import LOG_FLOOR, LogMel, levelled, mask_frames


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


@pytest.mark.parametrize("decibels", [-60.0, -30.0, 10.0])
def test_a_levelled_clip_sounds_the_same_however_loud_it_is(decibels: float) -> None:
    front_end = replace(FrontEndConfig(), levelled=True)
    clips = torch.from_numpy(np.stack([noise(5.0, seed=seed) for seed in range(2)]))
    clips[1, 8000:] = 0  # a short event is brought to the same level as a long one
    hear, hop = LogMel(front_end), front_end.hop_samples(0)
    torch.testing.assert_close(hear(clips * 10 ** (decibels / 20), hop), hear(clips, hop), atol=1e-4, rtol=0)
    loudest = hear(clips, hop).exp().amax(dim=(1, 2))
    assert 0.5 < float(loudest[0] / loudest[1]) < 2


def test_each_clip_has_a_level_of_its_own_and_silence_none() -> None:
    clips = torch.zeros(3, 80_000)
    clips[0], clips[1] = torch.from_numpy(noise(5.0)), 1e-3 * torch.from_numpy(noise(5.0))
    found = levelled(clips, RATE)
    torch.testing.assert_close(found[0], found[1], atol=1e-5, rtol=1e-4)
    assert not found[2].any()
    # what is far below anything that was recorded is not brought up to the level of a sound
    assert float(levelled(1e-7 * clips, RATE).abs().max()) < 1e-3


def test_a_clip_is_not_levelled_unless_its_model_says_so() -> None:
    front_end = FrontEndConfig()
    clip = torch.from_numpy(noise(5.0))[None]
    hear, hop = LogMel(front_end), front_end.hop_samples(0)
    assert not front_end.levelled
    assert float((hear(clip, hop) - hear(clip / 10, hop)).mean()) == pytest.approx(np.log(10), rel=0.01)


def test_magnitudes_are_those_of_the_spectrum_and_silence_has_a_gradient() -> None:
    front_end = FrontEndConfig()
    clip = torch.from_numpy(noise(5.0))[None]
    clip[:, 40_000:] = 0
    clip.requires_grad_()
    hop, window = front_end.hop_samples(0), front_end.window_samples
    heard = LogMel(front_end)
    found = heard(clip, hop)
    spectrum = torch.stft(
        clip,
        front_end.fft_samples,
        hop,
        window,
        torch.hann_window(window),
        pad_mode="constant",
        return_complex=True,
    )
    expected = torch.log(spectrum.abs().transpose(1, 2) @ heard.mel_basis + LOG_FLOOR)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)
    (gradient,) = torch.autograd.grad(found.sum(), clip)
    assert gradient.isfinite().all()
    assert gradient[:, :30_000].any()
    assert not gradient[:, 50_000:].any()
