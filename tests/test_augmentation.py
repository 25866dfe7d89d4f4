"""Claims about augmentation: sums keep their energy and shares, masks are whole bands, removal spares what it says."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from tiny import RATE, sounding_clips
from torch import Generator

from playitback.training import augmentation
from playitback.training.recipe import Augmentation

PLAIN = Augmentation(between_class=0.0)


def seeded(seed: int = 0) -> Generator:
    return Generator().manual_seed(seed)


def test_mixture_of_equally_loud_clips_keeps_their_energy_and_their_shares() -> None:
    first, second = torch.randn(2, 5, 16_000, generator=Generator().manual_seed(0)).unbind(0)
    ratio, level = torch.tensor([0.0, 0.25, 0.5, 0.9, 1.0]), torch.zeros(5)
    mixed = augmentation.mix_between_classes(first, second, ratio, level, level)
    torch.testing.assert_close(mixed.square().mean(dim=1), torch.ones(5), rtol=0, atol=0.05)
    # at the ends of the ratio there is one clip alone
    torch.testing.assert_close(mixed[0], second[0], rtol=0, atol=2e-3)
    torch.testing.assert_close(mixed[4], first[4], rtol=0, atol=2e-3)
    share = (mixed * first).mean(dim=1) / ((mixed * first).mean(dim=1) + (mixed * second).mean(dim=1))
    torch.testing.assert_close(share, ratio, rtol=0, atol=0.03)


def test_mixture_compensates_for_levels() -> None:
    """Of a clip and a copy of another one that is 20 dB louder, half and half sound equally loud."""
    first, second = torch.randn(2, 1, 16_000, generator=Generator().manual_seed(0)).unbind(0)
    loud = 10 * second
    levels = [augmentation.loudness_decibels(each, RATE) for each in (first, loud)]
    assert float(levels[1] - levels[0]) == pytest.approx(20, abs=1)
    mixed = augmentation.mix_between_classes(first, loud, torch.tensor([0.5]), *levels)
    assert float((mixed * first).mean() / (mixed * second).mean()) == pytest.approx(1, abs=0.2)


def test_loudness_follows_the_ear_and_survives_silence() -> None:
    time = torch.arange(16_000) / RATE
    low, high = (torch.sin(2 * math.pi * hertz * time) for hertz in (100.0, 1000.0))
    levels = augmentation.loudness_decibels(torch.stack([low, high, torch.zeros(16_000)]), RATE)
    assert float(levels[1] - levels[0]) == pytest.approx(19.1, abs=1)  # A-weighting at 100 Hz
    assert levels.isfinite().all()


@pytest.mark.parametrize("seed", range(5))
def test_random_segments_are_sorted_disjoint_and_bounded(seed: int) -> None:
    segments = augmentation.random_segments(200, 5.0, Generator().manual_seed(seed))
    assert segments.shape == (200, 3, 2)
    stops = segments.flatten(1)
    assert (stops.diff(dim=1) >= -1e-5).all()
    assert stops.min() >= 0
    assert stops.max() <= 5
    share = segments.diff(dim=2).sum(dim=(1, 2)) / 5
    assert share.min() >= 0.1 - 1e-5
    assert share.max() <= 0.5 + 1e-5
    counts = (segments.diff(dim=2) > 1e-5).sum(dim=(1, 2))
    assert sorted(counts.unique().tolist()) == [1, 2, 3]


def test_random_removal_spares_the_share_that_it_should_and_half_of_the_others() -> None:
    kept = augmentation.random_columns(400, 40, 0.5, seeded())
    assert sorted(kept.unique().tolist()) == [0, 1]
    whole = (kept == 1).all(dim=1)
    assert 0.4 < whole.float().mean() < 0.6
    assert kept.mean(dim=1).min() >= 0.45


def test_masks_are_whole_bands_and_whole_stretches_of_the_mean() -> None:
    settings = Augmentation(frequency_mask=0.2, time_mask=0.1)
    masked = augmentation.mask_frames(torch.ones(50, 40, 32), settings, seeded()) == 0
    bands, stretches = masked.all(dim=1), masked.all(dim=2)
    assert torch.equal(masked, bands[:, None] | stretches[:, :, None])
    assert bands.any()
    assert bands.sum(dim=1).max() <= 2 * 7
    assert stretches.any()
    assert stretches.sum(dim=1).max() <= 2 * 4
    nothing = augmentation.mask_frames(torch.ones(50, 40, 32), Augmentation(frequency_mask=0.0), seeded())
    assert (nothing == 1).all()


def test_varied_clips_keep_their_length_and_differ_from_one_another() -> None:
    waveforms = sounding_clips(1).expand(6, -1)
    varied = augmentation.vary_waveforms(waveforms, PLAIN, seeded())
    assert varied.shape == waveforms.shape
    assert torch.equal(varied, augmentation.vary_waveforms(waveforms, PLAIN, seeded()))
    assert (varied[:-1] - varied[1:]).abs().amax(dim=1).min() > 0.01
    gain_decibels = 10 * torch.log10(varied.square().mean(dim=1) / waveforms.square().mean(dim=1))
    assert gain_decibels.abs().max() < 9  # 6 dB, and what time scaling cuts off or repeats


def test_unscaled_clips_hold_the_same_samples_from_another_one_on() -> None:
    waveforms = sounding_clips(4)
    settings = replace(PLAIN, unscaled=1.0, gain_decibels=0.0)
    varied = augmentation.vary_waveforms(waveforms, settings, seeded())
    assert torch.equal(varied.sort(dim=1).values, waveforms.sort(dim=1).values)
    assert not torch.equal(varied, waveforms)


@pytest.mark.parametrize(("kind", "share"), [("between_class", 1.0), ("mixup", 1.0), ("cutmix", 1.0)])
def test_mixing_gives_every_clip_and_its_neighbour_their_share_of_the_target(kind: str, share: float) -> None:
    waveforms = torch.randn(8, RATE, generator=seeded())
    targets = torch.eye(8)
    settings = replace(PLAIN, **{kind: share})
    mixed, (mixed_targets,) = augmentation.mix_pairs(waveforms, (targets,), settings, RATE, seeded(1))
    torch.testing.assert_close(mixed_targets.sum(dim=1), torch.ones(8))
    partners = torch.arange(8) ^ 1
    own = mixed_targets.diagonal()
    torch.testing.assert_close(mixed_targets[torch.arange(8), partners], 1 - own)
    assert own.unique().numel() > 4
    # the target says how much of the sound is whose: white noise is correlated with itself alone
    heard = (mixed * waveforms).mean(dim=1) / (
        (mixed * waveforms).mean(dim=1) + (mixed * waveforms[partners]).mean(dim=1)
    )
    torch.testing.assert_close(heard, own, rtol=0, atol=0.06)


def test_cut_clip_is_one_clip_outside_a_stretch_and_the_other_inside() -> None:
    first, second = torch.zeros(50, 1000), torch.ones(50, 1000)
    mixed, share = augmentation.cut_and_mix(first, second, seeded())
    torch.testing.assert_close(1 - mixed.mean(dim=1), share)
    assert (mixed.diff(dim=1) != 0).sum(dim=1).max() <= 2
    assert 0.3 < float(share.mean()) < 0.7


def test_what_is_not_mixed_stays_as_it_was() -> None:
    waveforms, targets = sounding_clips(4), torch.eye(4)
    mixed, (mixed_targets,) = augmentation.mix_pairs(waveforms, (targets,), PLAIN, RATE, seeded())
    assert torch.equal(mixed, waveforms)
    assert torch.equal(mixed_targets, targets)
