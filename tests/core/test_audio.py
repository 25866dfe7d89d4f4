"""Recordings of every kind: what is read of them, shown at a glance, written and found in folders."""

from __future__ import annotations

import os
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sound_files import ENCODINGS, chirp, load, write
from tiny import RATE

from playitback import audio
from playitback.audio import recordings
from playitback.errors import SettingsError

LOSSLESS = [("wav", "PCM_16"), ("wav", "PCM_24"), ("wav", "FLOAT"), ("flac", "PCM_24"), ("aiff", "PCM_16")]


# What is read


@pytest.mark.parametrize(("suffix", "container", "subtype"), ENCODINGS)
def test_every_encoding_is_read(tmp_path: Path, suffix: str, container: str, subtype: str) -> None:
    rate = 8_000 if subtype == "GSM610" else 16_000
    samples = chirp(2.0, rate)
    path = write(tmp_path / f"clip.{suffix}", samples, rate, format=container, subtype=subtype)
    recording = load(path)
    assert recording.info.name == path.name
    assert recording.info.format == ("WAV" if container == "WAVEX" else container)
    assert recording.info.channels == 1
    assert recording.seconds == pytest.approx(2.0, abs=0.07)  # ADPCM and GSM fill their last block
    assert recording.samples.dtype == np.float32
    if rate == RATE:
        heard, meant = recording.samples[:30_000], samples[:30_000, 0]
        assert np.corrcoef(heard, meant)[0, 1] > 0.98


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000, 88_200, 96_000, 192_000])
def test_every_rate_is_resampled_to_the_same_tone(tmp_path: Path, rate: int) -> None:
    t = np.arange(rate) / rate
    path = write(tmp_path / "tone.wav", 0.5 * np.sin(2 * np.pi * 1000 * t), rate, subtype="FLOAT")
    samples = load(path).samples
    assert samples.shape == (16_000,)
    expected = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(16_000) / 16_000)
    np.testing.assert_allclose(samples[200:-200], expected[200:-200], atol=2e-3)


@pytest.mark.parametrize("rate", [8_000, 16_000, 32_000])
def test_recording_is_read_at_the_rate_that_a_model_hears(tmp_path: Path, rate: int) -> None:
    t = np.arange(44_100) / 44_100
    path = write(tmp_path / "tone.wav", 0.5 * np.sin(2 * np.pi * 1000 * t), 44_100, subtype="FLOAT")
    recording = audio.load(path, start_seconds=0.25, window_seconds=0.5, sample_rate=rate)
    assert recording.sample_rate == rate
    assert (recording.start_seconds, recording.seconds) == (0.25, 0.5)
    expected = 0.5 * np.sin(2 * np.pi * 1000 * (0.25 + np.arange(rate // 2) / rate))
    np.testing.assert_allclose(recording.samples, expected, atol=2e-3)
    _, window, _ = audio.stream(path, window_seconds=0.5, hop_seconds=0.25, sample_rate=rate)
    assert window.start_seconds == 0.25
    np.testing.assert_allclose(window.samples, recording.samples, atol=2e-6)


def test_what_lies_above_half_the_rate_does_not_fold_down(tmp_path: Path) -> None:
    t = np.arange(44_100) / 44_100
    path = write(
        tmp_path / "high.wav", (0.5 * np.sin(2 * np.pi * 9_000 * t)).astype(np.float32), 44_100, subtype="FLOAT"
    )
    assert np.abs(load(path).samples[500:-500]).max() < 5e-4


@pytest.mark.parametrize("rate", [11_127, 44_101])
def test_odd_rates_keep_time(tmp_path: Path, rate: int) -> None:
    samples = np.zeros(20 * rate, dtype=np.float32)
    samples[18 * rate - 20 : 18 * rate + 21] = np.hanning(41)
    recording = load(write(tmp_path / "odd.wav", samples, rate), start_seconds=17.0, window_seconds=2.0)
    assert abs(int(np.argmax(recording.samples)) - 16_000) <= 1


@pytest.mark.parametrize("channels", range(1, 9))
def test_channels_are_averaged(tmp_path: Path, channels: int) -> None:
    samples = np.random.default_rng(channels).uniform(-0.5, 0.5, (8_000, channels)).astype(np.float32)
    recording = load(write(tmp_path / "clip.wav", samples, subtype="FLOAT"))
    assert recording.info.channels == channels
    np.testing.assert_allclose(recording.samples, samples.mean(axis=1), atol=1e-6)


def test_probe_describes_the_file(tmp_path: Path) -> None:
    path = write(tmp_path / "über clip.flac", chirp(1.5, 44_100, 2), 44_100)
    assert audio.probe(path) == audio.RecordingInfo("über clip.flac", 1.5, 44_100, 2, "FLAC")
    assert load(str(path)).info == audio.probe(path)


def test_a_sound_named_raw_or_otherwise_wrongly_is_known_by_its_content(tmp_path: Path) -> None:
    write(tmp_path / "clip.wav", chirp(1.0, 16_000)).rename(tmp_path / "clip.mp3")
    assert audio.probe(tmp_path / "clip.mp3").format == "WAV"


def test_a_name_that_is_not_unicode_is_read(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/br\xfcllen.wav"))
    write(tmp_path / "clip.wav", chirp(1.0, 16_000)).rename(path)
    assert audio.probe(path).seconds == 1.0


# Overview and writing


@pytest.mark.parametrize(("seconds", "columns"), [(0.2, 1000), (0.2, 5000), (3.0, 7), (90.0, 1000), (90.0, 1)])
@pytest.mark.parametrize("suffix", ["wav", "mp3"])
def test_the_overview_shows_the_peaks(tmp_path: Path, seconds: float, columns: int, suffix: str) -> None:
    samples = chirp(seconds, 16_000) * np.linspace(0.1, 1, round(seconds * 16_000), dtype=np.float32)[:, None]
    path = write(tmp_path / f"clip.{suffix}", samples)
    peaks = audio.overview(path, columns)
    assert peaks.dtype == np.float32
    edges = [column * len(samples) // columns for column in range(columns + 1)]
    whole = np.abs(load(path).samples)
    expected = [whole[begin : max(end, begin + 1)].max() for begin, end in pairwise(edges)]
    np.testing.assert_allclose(peaks, expected, atol=1e-6)


def test_the_overview_reads_in_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "clip.wav", chirp(5.0, 16_000, 2))
    at_once = audio.overview(path, 100)
    monkeypatch.setattr(recordings, "BLOCK_SAMPLES", 1_000)
    np.testing.assert_array_equal(audio.overview(path, 100), at_once)


def test_an_overview_of_no_columns_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="columns must be positive, got 0"):
        audio.overview(write(tmp_path / "clip.wav", chirp(1.0, 16_000)), 0)


@pytest.mark.parametrize(("suffix", "subtype"), LOSSLESS)
def test_quiet_sounds_stay_quiet_when_written(tmp_path: Path, suffix: str, subtype: str) -> None:
    path = write(tmp_path / f"clip.{suffix}", 0.05 * chirp(1.0, 16_000), subtype=subtype)
    samples = load(path).samples
    audio.write_wav(tmp_path / "again.wav", samples, RATE)
    np.testing.assert_allclose(load(tmp_path / "again.wav").samples, samples, atol=0.51 / 32768)
    assert soundfile.info(tmp_path / "again.wav").subtype == "PCM_16"


def test_sixteen_bits_come_back_bit_for_bit(tmp_path: Path) -> None:
    steps = np.arange(-32768, 32768, dtype=np.int16)
    soundfile.write(tmp_path / "clip.wav", steps, 16_000)
    audio.write_wav(tmp_path / "again.wav", load(tmp_path / "clip.wav").samples, RATE)
    np.testing.assert_array_equal(soundfile.read(tmp_path / "again.wav", dtype="int16")[0], steps)


def test_what_is_too_loud_is_clipped_and_not_scaled(tmp_path: Path) -> None:
    audio.write_wav(tmp_path / "clip.wav", np.array([0.5, 2.0, -3.0] * 1000, dtype=np.float32), 22_050)
    samples, rate = soundfile.read(tmp_path / "clip.wav")
    assert rate == 22_050
    np.testing.assert_allclose(samples[:3], [0.5, 1.0, -1.0], atol=1e-4)


# Folders


def test_sound_files_are_found_below_a_folder_in_a_fixed_order(tmp_path: Path) -> None:
    names = ("b.wav", "a.FLAC", "z/c.mp3", "m/deep/d.webm", "m/e.ogg")
    others = ("notes.txt", ".hidden.wav", ".cache/f.wav", "m/.g.wav", "wav", "h.wav.bak")
    for name in names + others:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "folder.wav").mkdir()
    found = [path.relative_to(tmp_path).as_posix() for path in audio.sound_files(tmp_path)]
    assert found == ["a.FLAC", "b.wav", "m/e.ogg", "m/deep/d.webm", "z/c.mp3"]


def test_links_between_folders_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    for name in ("one", "two", "elsewhere"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.wav").touch()
    (tmp_path / "one" / "elsewhere").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "one" / "to-two").symlink_to(tmp_path / "two")
    (tmp_path / "two" / "to-one").symlink_to(tmp_path / "one")
    (tmp_path / "two" / "up").symlink_to(tmp_path)
    walk = islice(audio.sound_files(tmp_path / "one"), 10)
    found = [path.relative_to(tmp_path / "one").as_posix() for path in walk]
    assert "elsewhere/elsewhere.wav" in found
    assert "to-two/two.wav" in found
    assert len(found) == len(set(found)) < 10
    assert max(name.count("/") for name in found) <= 3


def test_no_folder_holds_no_sound_files(tmp_path: Path) -> None:
    assert list(audio.sound_files(tmp_path / "nowhere")) == []


def test_suffixes_are_those_of_lower_case_names() -> None:
    assert all(suffix.startswith(".") and suffix == suffix.lower() for suffix in audio.SOUND_SUFFIXES)
