"""What a model hears is what was recorded, or it is told: channels, ranges, offsets, clips with nothing to hear."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sound_files import load, stream, write
from tiny import RATE, chirp, clicks, noise, tone

from playitback import audio
from playitback.errors import AudioError

SOUND = chirp(2.0)
OTHER = noise(2.0, seed=5)
SILENCE = np.zeros_like(SOUND)


def hiss(dbfs: float, seed: int = 1, seconds: float = 2.0, rate: int = RATE) -> np.ndarray:
    """(samples,) float32: noise of this root mean square."""
    samples = np.random.default_rng(seed).standard_normal(round(seconds * rate))
    return (samples * 10 ** (dbfs / 20)).astype(np.float32)


def rumble(rms: float, seed: int) -> np.ndarray:
    """(samples,) float32: wind, all of it below some 50 Hz."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(len(SOUND)))
    spectrum[100:] = 0
    samples = np.fft.irfft(spectrum, len(SOUND))
    return (samples * rms / samples.std()).astype(np.float32)


def stereo(*channels: np.ndarray) -> np.ndarray:
    """(samples, channels)."""
    return np.stack(channels, axis=1).astype(np.float32)


def written(folder: Path, samples: np.ndarray, rate: int = RATE) -> audio.Recording:
    """What is heard of samples in a file of floats."""
    return load(write(folder / "clip.wav", samples, rate, subtype="FLOAT"))


# Channels


@pytest.mark.parametrize(
    "channels",
    [
        (SOUND,),
        (SOUND, SOUND),
        (SOUND, OTHER),
        (SOUND, 0.1 * SOUND),
        (SOUND, SILENCE),
        (SOUND, hiss(-60)),
        (SOUND + 0.3 * OTHER, SOUND - 0.3 * OTHER),
        (SOUND, OTHER, SOUND),
        (SOUND, OTHER, SILENCE, SILENCE),
        tuple(noise(2.0, seed=seed) for seed in range(8)),
    ],
)
@pytest.mark.parametrize("rate", [RATE, 44_100])
def test_channels_that_lose_nothing_are_averaged_without_a_word(
    tmp_path: Path, channels: tuple[np.ndarray, ...], rate: int
) -> None:
    recording = written(tmp_path, stereo(*channels), rate)
    assert recording.notes == ()
    np.testing.assert_array_equal(recording.samples, written(tmp_path, stereo(*channels).mean(axis=1), rate).samples)


@pytest.mark.parametrize(
    ("channels", "strongest"),
    [
        ((SOUND, -SOUND), 1),
        ((SOUND, -0.98 * SOUND), 1),
        ((-0.98 * SOUND, SOUND), 2),
        ((SOUND, 3e-4 * OTHER - SOUND), None),
        ((SOUND + 0.4, 0.4 - 0.98 * SOUND), 1),  # the offset, which they share, does not cancel
        ((SOUND + rumble(0.5, 1), rumble(0.45, 2) - SOUND), 1),  # and wind, which they do not share, does neither
        ((SOUND, -SOUND, SILENCE), 1),
        ((0.9 * SOUND, -SOUND, 0.9 * SOUND, -SOUND), 2),
        ((SOUND, -SOUND, *[hiss(-50, seed) for seed in range(6)]), None),
    ],
)
def test_of_channels_that_cancel_the_strongest_is_taken(
    tmp_path: Path, channels: tuple[np.ndarray, ...], strongest: int | None
) -> None:
    recording = written(tmp_path, stereo(*channels))
    notes = [note for note in recording.notes if "offset" not in note]
    (note,) = notes
    assert note.startswith(
        f"clip.wav: its {len(channels)} channels cancel one another when they are averaged, so channel"
    )
    if strongest is not None:
        assert f"channel {strongest}, the strongest, was taken" in note
        taken = channels[strongest - 1] - channels[strongest - 1].mean()
        np.testing.assert_allclose(recording.samples - recording.samples.mean(), taken, atol=1e-5)


@pytest.mark.parametrize("quiet", [-100.0, -60.0, -30.0])
@pytest.mark.parametrize("channels", [3, 4, 6, 8])
def test_one_channel_that_sounds_is_not_drowned_by_the_others(tmp_path: Path, channels: int, quiet: float) -> None:
    frames = stereo(*[hiss(quiet, seed) for seed in range(channels)])
    frames[:, 1] = SOUND
    recording = written(tmp_path, frames)
    assert recording.notes == (f"clip.wav: of its {channels} channels only channel 2 sounds, so it was taken alone.",)
    np.testing.assert_array_equal(recording.samples, SOUND)


def test_few_channels_that_sound_are_averaged_alone(tmp_path: Path) -> None:
    frames = stereo(*[hiss(-40, seed) for seed in range(8)])
    frames[:, 2], frames[:, 5] = SOUND, OTHER
    recording = written(tmp_path, frames)
    assert recording.notes == ("clip.wav: of its 8 channels only 3, 6 sound, so these alone were averaged.",)
    np.testing.assert_allclose(recording.samples, (SOUND + OTHER) / 2, atol=1e-7)


@pytest.mark.parametrize("rate", [RATE, 44_100])
@pytest.mark.parametrize("begin", [0.0, 1.1, 1.75])
def test_channels_that_cancel_for_a_moment_lose_nothing_then(tmp_path: Path, begin: float, rate: int) -> None:
    """A call that reaches two microphones the opposite way, before and after a sound that does not."""
    event = OTHER.copy()
    event[: round(begin * RATE)] = 0
    event[round(begin * RATE) + RATE // 2 :] = 0
    recording = written(tmp_path, stereo(0.15 * SOUND + event, 0.1 * SOUND - event), rate)
    (note,) = recording.notes
    assert "its 2 channels cancel one another when they are averaged, so channel 1, the strongest, was taken" in note


@pytest.mark.parametrize("seed", range(5))
def test_channels_that_are_far_apart_are_averaged_whatever_they_do_by_chance(tmp_path: Path, seed: int) -> None:
    """Low and narrow bands, whose phases wander, and pauses in which only hiss is left."""
    left, right = (rumble(0.2, 2 * seed + side) for side in (0, 1))
    pause = np.where(np.arange(len(SOUND)) < RATE, 1, 1e-4)
    recording = written(tmp_path, stereo(pause * (left + 0.5 * SOUND), pause * (right + 0.5 * SOUND)))
    assert recording.notes == ()


def test_the_overview_shows_what_channels_hold_that_cancel(tmp_path: Path) -> None:
    path = write(tmp_path / "clip.wav", stereo(SOUND, -SOUND), subtype="FLOAT")
    assert audio.overview(path, 10).min() > 0.3


def test_windows_of_a_stream_are_mixed_each_by_itself(tmp_path: Path) -> None:
    frames = np.concatenate([stereo(SOUND, OTHER), stereo(SOUND, -SOUND), stereo(SOUND, OTHER)])
    path = write(tmp_path / "clip.wav", frames, 44_100, subtype="FLOAT")
    windows = list(stream(path, window_seconds=0.5, hop_seconds=0.2))
    assert 0 < sum(any("cancel" in note for note in window.notes) for window in windows) < len(windows)
    for window in windows:
        loaded = load(path, start_seconds=window.start_seconds, window_seconds=0.5)
        np.testing.assert_allclose(window.samples, loaded.samples, atol=2e-6)
        assert window.notes == loaded.notes


@pytest.mark.parametrize("rate", [RATE, 44_100])
def test_a_chosen_channel_is_heard_alone_and_that_is_told(tmp_path: Path, rate: int) -> None:
    path = write(tmp_path / "clip.wav", stereo(SOUND, -SOUND, OTHER), rate, subtype="FLOAT")
    for channel, samples in enumerate((SOUND, -SOUND, OTHER), 1):
        alone = write(tmp_path / "alone.wav", samples, rate, subtype="FLOAT")
        recording = load(path, channel=channel, start_seconds=0.25)
        np.testing.assert_array_equal(recording.samples, load(alone, start_seconds=0.25).samples)
        assert recording.channel == channel
        assert f"clip.wav: of its 3 channels only channel {channel} was taken, as chosen." in recording.notes
        assert recording.window_notes == ()
        windows = list(stream(path, window_seconds=0.5, channel=channel))
        of_the_alone = list(stream(alone, window_seconds=0.5))
        for window, other in zip(windows, of_the_alone, strict=True):
            np.testing.assert_array_equal(window.samples, other.samples)


def test_what_is_wrong_in_one_channel_spoils_no_other(tmp_path: Path) -> None:
    broken = OTHER.copy()
    broken[len(broken) // 2] = np.nan
    path = write(tmp_path / "clip.wav", stereo(SOUND, broken), RATE, subtype="FLOAT")
    np.testing.assert_array_equal(load(path, channel=1).samples, SOUND)
    for channel in (None, 2):
        with pytest.raises(
            AudioError, match=r"NaN, at .* s in channel 2; correct it there, choose another channel, or"
        ):
            load(path, channel=channel)
    alone = write(tmp_path / "alone.wav", broken, RATE, subtype="FLOAT")
    with pytest.raises(AudioError, match=r"NaN, at [\d.]+ s; correct it there, or export"):
        load(alone)


def test_the_one_channel_of_a_recording_may_be_chosen_without_a_word(tmp_path: Path) -> None:
    path = write(tmp_path / "clip.wav", SOUND, RATE, subtype="FLOAT")
    recording = load(path, channel=1)
    assert recording.notes == ()
    np.testing.assert_array_equal(recording.samples, SOUND)


@pytest.mark.parametrize(
    ("channels", "channel", "told"),
    [
        (1, 2, "channel 2 is asked for, but clip.wav has one channel; choose 1, or none, to mix them"),
        (2, 3, "channel 3 is asked for, but clip.wav has 2 channels; choose 1 to 2, or none, to mix them"),
        (2, 0, "channel 0 is asked for"),
        (2, -1, "channel -1 is asked for"),
    ],
)
def test_a_channel_that_is_not_there_is_refused(tmp_path: Path, channels: int, channel: int, told: str) -> None:
    path = write(tmp_path / "clip.wav", stereo(*[SOUND] * channels))
    with pytest.raises(AudioError, match=told):
        load(path, channel=channel)
    with pytest.raises(AudioError, match=told):
        next(stream(path, window_seconds=0.5, channel=channel))


# Range and offset


@pytest.mark.parametrize(
    ("factor", "divisor"),
    [(32_767.0, "32768"), (300.0 * 2.5, "32768"), (8_388_607.0, "8.38861e+06"), (2.0**31, "2.1475e+09")],
)
def test_a_clip_of_whole_numbers_is_scaled_down(tmp_path: Path, factor: float, divisor: str) -> None:
    recording = written(tmp_path, factor * SOUND)
    assert recording.notes[0].startswith("clip.wav: its samples reach ")
    assert float(recording.notes[0].rpartition(" ")[2][:-1]) == pytest.approx(float(divisor), rel=1e-4)
    np.testing.assert_allclose(recording.samples, factor * SOUND / float(divisor), rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("factor", [20.0, 600.0])
def test_a_clip_far_over_full_scale_is_brought_to_it(tmp_path: Path, factor: float) -> None:
    recording = written(tmp_path, factor * SOUND) if factor < 600 else written(tmp_path, 20 * stereo(SOUND, SOUND))
    (note,) = recording.notes
    assert "times full scale, so they were divided by" in note
    assert np.abs(recording.samples).max() == pytest.approx(1.0)


@pytest.mark.parametrize("factor", [1.0, 3.0, 9.0])
def test_a_loud_clip_is_left_as_it_is(tmp_path: Path, factor: float) -> None:
    recording = written(tmp_path, factor * SOUND)
    assert recording.notes == ()
    np.testing.assert_array_equal(recording.samples, np.float32(factor) * SOUND)


def test_a_few_samples_far_over_full_scale_are_cut_to_it(tmp_path: Path) -> None:
    samples = SOUND.copy()
    samples[[100, 2_000]] = 3e5, -50
    recording = written(tmp_path, samples)
    (note,) = recording.notes
    assert "keep to full scale but for 2, which reach 3e+05 times as far" in note
    samples[[100, 2_000]] = 1, -1
    np.testing.assert_array_equal(recording.samples, samples)


@pytest.mark.parametrize(("middle", "divisor"), [(2.0**15, 2.0**15), (2.0**23, 2.0**23), (9.0, 1.0)])
def test_whole_numbers_without_a_sign_are_brought_to_their_middle(
    tmp_path: Path, middle: float, divisor: float
) -> None:
    recording = written(tmp_path, divisor * SOUND + np.float32(middle))
    np.testing.assert_allclose(recording.samples, SOUND - SOUND.mean(), atol=2e-3)
    assert [note.partition(" full scale")[0] for note in recording.notes[:-1]] == [
        f"clip.wav: its samples reach {np.abs(divisor * SOUND + middle).max():.6g} times"
    ] * (divisor > 1)
    assert "constant offset was taken off" in recording.notes[-1]


@pytest.mark.parametrize(("level", "offset"), [(1.0, 0.3), (1.0, -0.06), (0.01, 0.01), (0.1, 0.5)])
@pytest.mark.parametrize("rate", [RATE, 44_100])
def test_a_large_offset_is_taken_off(tmp_path: Path, level: float, offset: float, rate: int) -> None:
    sound = (level * chirp(2.0, rate)).astype(np.float32)
    recording = written(tmp_path, sound + np.float32(offset), rate)
    assert any("constant offset was taken off" in note for note in recording.notes)
    np.testing.assert_allclose(recording.samples, written(tmp_path, sound, rate).samples, atol=1e-3 * level + 1e-5)


def test_a_small_offset_is_left(tmp_path: Path) -> None:
    recording = written(tmp_path, SOUND + np.float32(0.01))
    assert recording.notes == ()
    np.testing.assert_array_equal(recording.samples, SOUND + np.float32(0.01))


# Whether there is anything to hear


def _ultrasound() -> tuple[np.ndarray, int]:
    """A bat that calls at 45 kHz, over the noise of the microphone."""
    seconds = np.arange(384_000) / 384_000
    calls = 0.5 * np.sin(2 * np.pi * 45_000 * seconds) * (np.sin(2 * np.pi * 8 * seconds) > 0.9)
    return (calls + hiss(-70, seconds=1.0, rate=384_000)).astype(np.float32), 384_000


def _one_bit() -> tuple[np.ndarray, int]:
    return np.random.default_rng(0).integers(0, 2, 2 * RATE).astype(np.float32) / 32_768, RATE


@pytest.mark.parametrize(
    ("samples", "rate", "told"),
    [
        (*_ultrasound(), "that the model can hear from 0.00 s to 1.00 s: 99."),
        (tone(2.0, 44_100, 12_000.0), 44_100, "that the model can hear from 0.00 s to 2.00 s: 9"),
        (hiss(-50), RATE, "hear from 0.00 s to 2.00 s: it is very quiet, with a peak of -3"),
        (hiss(-60), RATE, "hear from 0.00 s to 2.00 s: it is very quiet, with a peak of -4"),
        (hiss(-85, rate=44_100), 44_100, "hear from 0.00 s to 2.00 s: it is very quiet"),
        (*_one_bit(), "hear from 0.00 s to 2.00 s: it is very quiet, with a peak of -90 dBFS"),
        (0.02 * tone(2.0), RATE, "hear from 0.00 s to 2.00 s: it is very quiet, with a peak of -42 dBFS"),
        (np.full(2 * RATE, 0.25, np.float32), RATE, "is silent from 0.00 s to 2.00 s (every sample is the same)"),
        (stereo(SILENCE, SILENCE), RATE, "is silent from 0.00 s to 2.00 s (every sample is the same)"),
    ],
)
def test_a_clip_without_anything_to_hear_is_told(tmp_path: Path, samples: np.ndarray, rate: int, told: str) -> None:
    assert told in written(tmp_path, samples, rate).notes[-1]


@pytest.mark.parametrize(
    "samples",
    [
        SOUND,
        0.03 * SOUND,
        clicks(2.0, [0.5, 1.0]),
        0.1 * clicks(2.0, [0.5]) + hiss(-60),
        hiss(-40),
        tone(2.0, hertz=40.0),
    ],
)
def test_a_clip_with_something_to_hear_gets_no_note(tmp_path: Path, samples: np.ndarray) -> None:
    recording = written(tmp_path, samples)
    assert recording.notes == ()
    np.testing.assert_array_equal(recording.samples, samples)  # never made louder: pictures show true levels


def test_loudness_just_beyond_a_window_says_nothing_of_it(tmp_path: Path) -> None:
    samples = np.concatenate([0.01 * noise(1.0, 44_100), tone(1.0, 44_100, 15_000.0)])
    path = write(tmp_path / "clip.wav", samples, 44_100, subtype="FLOAT")
    notes = load(path, window_seconds=1.0).notes
    assert not any("model can hear" in note for note in notes)
