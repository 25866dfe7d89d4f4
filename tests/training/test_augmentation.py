"""Claims about augmentation: sums keep their energy and shares, and what is not chosen stays as it was."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from tiny import RATE, sounding_clips
from torch import Generator

from playitback.models.recipe import Augmentation
from playitback.training import augmentation

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


def test_of_a_shortened_clip_a_stretch_around_its_loudest_moment_is_left() -> None:
    clips = 0.1 * torch.randn(40, 5 * RATE, generator=seeded())
    clips[:, 3 * RATE] = 1.0
    shortened = augmentation.shorten(clips, replace(PLAIN, shortened=1.0), RATE, seeded())
    left = shortened != 0
    seconds = left.sum(dim=1) / RATE
    assert left[:, 3 * RATE].all()
    assert 0.49 < seconds.min() < 0.8
    assert 2.2 < seconds.max() < 2.51
    assert ((left.int().diff(dim=1) != 0).sum(dim=1) <= 2).all()  # one stretch
    torch.testing.assert_close(shortened[left], clips[left], rtol=0, atol=0)
    begins = left.int().argmax(dim=1) / RATE
    assert begins.std() > 0.3  # the moment does not always lie at the same place of what is left


def test_shares_of_clips_are_shortened_and_get_a_background() -> None:
    clips = sounding_clips(200)
    settings = replace(PLAIN, shortened=0.25, background=0.4)
    for change, share in ((augmentation.shorten, 0.25), (augmentation.add_background, 0.4)):
        changed = (change(clips, settings, RATE, seeded()) != clips).any(dim=1)
        assert float(changed.float().mean()) == pytest.approx(share, abs=0.1)
        untouched = change(clips, replace(PLAIN, shortened=0.0, background=0.0), RATE, seeded())
        torch.testing.assert_close(untouched, clips, rtol=0, atol=0)


def test_backgrounds_are_as_loud_as_the_clips_loudest_second_or_up_to_30_decibels_less() -> None:
    clips = torch.zeros(300, 4 * RATE)
    clips[:, RATE : 2 * RATE] = 0.1 * torch.randn(300, RATE, generator=seeded())  # a second of sound, three of silence
    noisy = augmentation.add_background(clips, replace(PLAIN, background=1.0), RATE, seeded())
    background = noisy - clips
    decibels = 20 * torch.log10(background.square().mean(dim=1).sqrt() / 0.1)
    assert -31 < decibels.min() < -28
    assert -2 < decibels.max() < 1
    assert float((background != 0).float().mean()) > 0.999  # all of the clip lies in it
    # from white to brown: the share of power above 2 kHz
    power = torch.fft.rfft(background).abs().square()
    hertz = torch.fft.rfftfreq(4 * RATE, 1 / RATE)
    high = power[:, hertz > 2000].sum(dim=1) / power.sum(dim=1)
    assert high.min() < 0.1
    assert high.max() > 0.6


def test_backgrounds_of_silence_are_silent() -> None:
    noisy = augmentation.add_background(torch.zeros(5, RATE), replace(PLAIN, background=1.0), RATE, seeded())
    assert not noisy.any()
