"""That kept sound stays as it is, removed sound is gone, and every fill is what its name says."""

from __future__ import annotations

import pytest
import torch
from tiny import CLIP_SECONDS, RATE, sounding_clips
from torch import Generator, Tensor

from playitback.edits import (
    FADE_SECONDS,
    FILLS,
    MEAN_SPECTRUM,
    NEIGHBOUR,
    NOISE,
    SILENCE,
    keep_only,
    remove,
)
from playitback.errors import SettingsError

SAMPLES = round(CLIP_SECONDS * RATE)
FADE = round(FADE_SECONDS * RATE)
#: of two clips; the first has two segments, the second one and padding
SEGMENTS = torch.tensor([[[0.25, 0.5], [1.0, 1.75]], [[0.0, 0.75], [2.0, 2.0]]], dtype=torch.float64)


@pytest.fixture
def clips() -> Tensor:
    return sounding_clips(2, seed=3) + 0.01


def stretch(start_seconds: float, end_seconds: float) -> slice:
    """Samples of a stretch without the fades at its edges."""
    return slice(round(start_seconds * RATE) + FADE, round(end_seconds * RATE) - FADE)


def generator(seed: int = 0) -> Generator:
    return Generator().manual_seed(seed)


@pytest.mark.parametrize("fill", FILLS)
def test_kept_samples_are_bit_identical_away_from_the_fades(fill: str, clips: Tensor) -> None:
    kept = keep_only(clips, SEGMENTS, fill, RATE, generator())
    removed = remove(clips, SEGMENTS, fill, RATE, generator())
    for row, start, end in ((0, 0.25, 0.5), (0, 1.0, 1.75), (1, 0.0, 0.75)):
        assert torch.equal(kept[row, stretch(start, end)], clips[row, stretch(start, end)])
        assert not torch.equal(removed[row, stretch(start, end)], clips[row, stretch(start, end)])
    for row, start, end in ((0, 0.5, 1.0), (0, 1.75, 2.0), (1, 0.75, 2.0)):
        assert torch.equal(removed[row, stretch(start, end)], clips[row, stretch(start, end)])
        assert not torch.equal(kept[row, stretch(start, end)], clips[row, stretch(start, end)])


def test_clip_ends_are_not_faded(clips: Tensor) -> None:
    kept = keep_only(clips, SEGMENTS, SILENCE, RATE, generator())
    assert torch.equal(kept[1, :FADE], clips[1, :FADE])


def test_silence_is_silent_and_both_edits_share_out_the_clip(clips: Tensor) -> None:
    kept = keep_only(clips, SEGMENTS, SILENCE, RATE, generator())
    removed = remove(clips, SEGMENTS, SILENCE, RATE, generator())
    assert not removed[0, stretch(1.0, 1.75)].any()
    torch.testing.assert_close(kept + removed, clips)


def test_edges_are_cross_faded_over_ten_milliseconds() -> None:
    kept = keep_only(torch.ones(2, SAMPLES), SEGMENTS, SILENCE, RATE, generator())
    ramp = kept[0, RATE - FADE : RATE + FADE]
    assert ((ramp > 0) & (ramp < 1)).sum() == FADE
    assert (ramp.diff() >= 0).all()
    assert ramp[FADE - 1 : FADE + 1].mean() == pytest.approx(0.5, abs=0.01)


def test_noise_is_as_loud_as_the_clip(clips: Tensor) -> None:
    everything_removed = torch.tensor([[[0.0, CLIP_SECONDS]]] * 2, dtype=torch.float64)
    noise = remove(clips, everything_removed, NOISE, RATE, generator())
    torch.testing.assert_close(noise.square().mean(dim=1), clips.square().mean(dim=1))


def test_mean_spectrum_noise_has_the_mean_spectrum_of_the_clip(clips: Tensor) -> None:
    time = torch.arange(SAMPLES) / RATE
    clips = clips + 0.2 * torch.sin(2 * torch.pi * 1000 * time)
    everything_removed = torch.tensor([[[0.0, CLIP_SECONDS]]] * 2, dtype=torch.float64)
    noise = remove(clips, everything_removed, MEAN_SPECTRUM, RATE, generator())

    def magnitudes(waveforms: Tensor) -> Tensor:
        spectra = torch.stft(waveforms, 1024, window=torch.hann_window(1024), return_complex=True)
        return spectra.abs().mean(dim=2)

    wanted, found = magnitudes(clips), magnitudes(noise)
    bands = (slice(20, 60), slice(60, 68), slice(70, 200), slice(200, 500))  # the tone's is the second: 1 kHz is bin 64
    for band in bands:
        torch.testing.assert_close(found[:, band].mean(dim=1), wanted[:, band].mean(dim=1), rtol=0.25, atol=0)
    # stationary: its first half is as loud as its second
    first, second = noise.square().unflatten(1, (2, -1)).mean(dim=2).unbind(dim=1)
    torch.testing.assert_close(first, second, rtol=0.25, atol=0)


def test_neighbour_repeats_the_longer_kept_stretch_beside_the_gap() -> None:
    clips = torch.arange(SAMPLES, dtype=torch.float32).unsqueeze(0) / SAMPLES
    gap = torch.tensor([[[0.5, 1.0]]], dtype=torch.float64)
    filled = remove(clips, gap, NEIGHBOUR, RATE, generator())[0]
    # what follows is longer: read backwards from the end of the gap on
    position = round(0.75 * RATE)
    mirrored = clips[0, RATE : RATE + RATE // 2].flip(0)
    assert filled[position] in clips[0, RATE:]
    torch.testing.assert_close(filled[stretch(0.5, 1.0)], mirrored[FADE:-FADE], atol=2 * FADE / SAMPLES, rtol=0)
    # the gap reaches the end: what is before it goes back and forth
    gap = torch.tensor([[[0.5, CLIP_SECONDS]]], dtype=torch.float64)
    filled = remove(clips, gap, NEIGHBOUR, RATE, generator())[0]
    assert filled[RATE // 2 + FADE :].max() <= clips[0, RATE // 2]
    assert filled.diff().abs().max() <= 1.01 / SAMPLES + 1 / FADE * 0.02


@pytest.mark.parametrize("fill", [MEAN_SPECTRUM, NOISE])
def test_fills_hang_on_the_seed_alone(fill: str, clips: Tensor) -> None:
    same, again, other = (remove(clips, SEGMENTS, fill, RATE, generator(seed)) for seed in (1, 1, 2))
    assert torch.equal(same, again)
    assert not torch.equal(same, other)


@pytest.mark.parametrize("fill", FILLS)
def test_silent_clips_and_empty_choices_give_finite_sound(fill: str) -> None:
    silent = torch.zeros(2, SAMPLES)
    none = SEGMENTS[:, :0]
    for edited in (
        keep_only(silent, SEGMENTS, fill, RATE, generator()),
        keep_only(silent, none, fill, RATE, generator()),
    ):
        assert edited.shape == silent.shape
        assert not edited.any()


def test_unknown_fill_is_refused(clips: Tensor) -> None:
    with pytest.raises(SettingsError, match="no fill 'music'; choose one of silence"):
        remove(clips, SEGMENTS, "music", RATE, generator())
