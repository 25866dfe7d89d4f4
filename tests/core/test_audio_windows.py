"""Windows of recordings: one alone, and one after the other, hold what the whole file has there."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sound_files import chirp, load, stream, window_count, write

from playitback import audio
from playitback.audio.decoding import Decoder
from playitback.errors import AudioError, SettingsError


def hum(frames: int, peak: float) -> np.ndarray:
    """(frames,) float32: a tone of 50 Hz at 8 kHz, whole periods of it."""
    return (peak * np.sin(2 * np.pi * np.arange(frames) / 160)).astype(np.float32)


# One window


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 44_100, 48_000])
@pytest.mark.parametrize("start", [0.0, 0.001, 1.2345, 2.5])
def test_a_window_is_what_the_whole_file_has_there(tmp_path: Path, rate: int, start: float) -> None:
    path = write(tmp_path / "clip.wav", chirp(3.0, rate), rate, subtype="FLOAT")
    whole = load(path).samples
    window = load(path, start_seconds=start, window_seconds=1.0)
    first = round(start * 16_000)
    assert window.start_seconds == first / 16_000
    assert window.samples.shape == (min(16_000, 48_000 - first),)
    np.testing.assert_allclose(window.samples, whole[first : first + 16_000], atol=2e-6)


@pytest.mark.parametrize(
    ("suffix", "how"),
    [
        ("ogg", {"format": "OGG", "subtype": "VORBIS"}),
        ("ogg", {"format": "OGG", "subtype": "VORBIS", "compression_level": 0.9}),
        ("opus", {"format": "OGG", "subtype": "OPUS"}),
        ("mp3", {"format": "MP3", "bitrate_mode": "VARIABLE"}),
        ("mp3", {"format": "MP3", "bitrate_mode": "CONSTANT"}),
        ("flac", {"format": "FLAC"}),
        ("wav", {"subtype": "MS_ADPCM"}),
        ("wav", {"subtype": "GSM610"}),
    ],
)
def test_windows_of_compressed_files_start_at_their_sample(tmp_path: Path, suffix: str, how: dict[str, object]) -> None:
    """Seeking alone is inexact in MP3 of varying bit rate and near the end of Ogg Vorbis."""
    samples = chirp(40.0, 16_000)
    samples[np.sin(np.arange(len(samples)) / 9_000) < 0] *= 0.01  # loud and soft stretches make the bit rate vary
    path = write(tmp_path / f"clip.{suffix}", samples, 16_000, **how)
    whole = load(path).samples
    seconds = [3.0, 38.9, 39.85]
    for start in seconds:
        first = round(start * 16_000)
        window = load(path, start_seconds=start, window_seconds=0.5).samples
        np.testing.assert_allclose(window, whole[first : first + len(window)], atol=1e-4, err_msg=f"from {start} s")


@pytest.mark.parametrize("second", ["GSM610", "PCM_16"])
def test_a_window_in_a_joined_recording_that_seeks_otherwise_is_found(tmp_path: Path, second: str) -> None:
    path = write(tmp_path / "clip.aiff", chirp(2.0, 16_000), format="AIFF", subtype="ULAW")
    joined = write(tmp_path / "other.aiff", chirp(2.0, 16_000), format="AIFF", subtype=second)
    path.write_bytes(path.read_bytes() + joined.read_bytes())
    *_, last = stream(path, window_seconds=1.0)
    np.testing.assert_array_equal(load(path, start_seconds=3.0, window_seconds=1.0).samples, last.samples)
    assert not any("damaged" in note for note in last.notes)


def test_a_window_at_the_end_is_shorter(tmp_path: Path) -> None:
    path = write(tmp_path / "clip.wav", chirp(3.0, 16_000))
    assert load(path, start_seconds=2.75, window_seconds=5.0).seconds == 0.25


def test_thirty_minutes_are_read_by_the_window(tmp_path: Path) -> None:
    rate, path = 8_000, tmp_path / "long.wav"
    with soundfile.SoundFile(path, "w", rate, 1) as file:
        for minute in range(30):
            file.write(hum(60 * rate, minute / 100))
    tracemalloc.start()
    recording = load(path, start_seconds=1_000.0, window_seconds=5.0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4e6  # the file holds 14.4 million samples
    np.testing.assert_allclose(np.abs(recording.samples).max(), 0.16, atol=1e-3)
    assert recording.start_seconds == 1_000.0
    assert recording.info.seconds == 1_800.0
    assert recording.notes[0] == "long.wav is 1800.00 s long; only 1000.00 s to 1005.00 s of it were taken."


def test_a_whole_recording_gets_no_note(tmp_path: Path) -> None:
    path = write(tmp_path / "clip.wav", chirp(2.0, 16_000))
    assert load(path).notes == ()
    assert load(path, window_seconds=5.0).notes == ()


def test_a_low_rate_is_noted(tmp_path: Path) -> None:
    (note,) = load(write(tmp_path / "phone.wav", chirp(2.0, 8_000), 8_000)).notes
    assert "8000 Hz" in note
    assert "nothing above 4 kHz" in note


def test_digital_silence_is_read_and_noted(tmp_path: Path) -> None:
    path = write(tmp_path / "silent.wav", np.zeros((88_200, 2), dtype=np.float32), 44_100)
    recording = load(path)
    assert recording.samples.shape == (32_000,)
    assert not recording.samples.any()
    (note,) = recording.notes
    assert note.startswith("silent.wav is silent from 0.00 s to 2.00 s")


@pytest.mark.parametrize("start", [-1.0, float("nan"), float("inf"), 1.95, 7.0])
def test_a_start_outside_the_file_is_refused(tmp_path: Path, start: float) -> None:
    path = write(tmp_path / "clip.wav", chirp(2.0, 16_000))
    with pytest.raises(SettingsError, match=r"start"):
        load(path, start_seconds=start)


@pytest.mark.parametrize("window", [0.0, -1.0, 0.05, float("nan")])
def test_a_window_of_no_length_is_refused(tmp_path: Path, window: float) -> None:
    path = write(tmp_path / "clip.wav", chirp(2.0, 16_000))
    with pytest.raises(SettingsError, match=r"window_seconds is .*give 0.1 or more"):
        load(path, window_seconds=window)


# One window after the other


@pytest.mark.parametrize(
    ("suffix", "rate", "how"),
    [
        ("wav", 16_000, {"subtype": "FLOAT"}),
        ("wav", 44_100, {"subtype": "FLOAT"}),
        ("wav", 48_000, {"subtype": "GSM610"}),
        ("flac", 22_050, {"format": "FLAC"}),
        ("ogg", 44_100, {"format": "OGG", "subtype": "VORBIS"}),
        ("opus", 48_000, {"format": "OGG", "subtype": "OPUS"}),
        ("mp3", 44_100, {"format": "MP3", "bitrate_mode": "VARIABLE"}),
    ],
)
@pytest.mark.parametrize("hop", [None, 0.7, 3.3])
def test_a_stream_yields_the_windows_that_load_reads(
    tmp_path: Path, suffix: str, rate: int, how: dict[str, object], hop: float | None
) -> None:
    path = write(tmp_path / f"clip.{suffix}", chirp(5.0, rate, 2 if rate == 44_100 else 1), rate, **how)
    windows = list(stream(path, window_seconds=2.0, hop_seconds=hop))
    assert len(windows) == window_count(audio.probe(path), window_seconds=2.0, hop_seconds=hop)
    for index, window in enumerate(windows):
        loaded = load(path, start_seconds=index * (hop or 2.0), window_seconds=2.0)
        np.testing.assert_allclose(window.samples, loaded.samples, atol=2e-5, err_msg=f"window {index}")
        assert (window.start_seconds, window.info, window.notes) == (loaded.start_seconds, loaded.info, loaded.notes)


@pytest.mark.parametrize(
    ("seconds", "hop", "lengths"),
    [
        (4.0, None, [2.0, 2.0]),
        (4.5, None, [2.0, 2.0, 0.5]),
        (4.05, None, [2.0, 2.0]),  # what is left is too short to be heard
        (4.05, 1.0, [2.0, 2.0, 2.0, 1.05]),
        (4.0, 1.0, [2.0, 2.0, 2.0]),  # one more would bring nothing new
        (4.5, 4.0, [2.0, 0.5]),
        (4.5, 3.0, [2.0, 1.5]),
        (1.0, None, [1.0]),
    ],
)
def test_a_stream_ends_with_the_first_window_that_reaches_the_end(
    tmp_path: Path, seconds: float, hop: float | None, lengths: list[float]
) -> None:
    path = write(tmp_path / "clip.wav", chirp(seconds, 16_000))
    windows = list(stream(path, window_seconds=2.0, hop_seconds=hop))
    assert [window.seconds for window in windows] == lengths
    assert [window.start_seconds for window in windows] == [index * (hop or 2.0) for index in range(len(lengths))]


@pytest.mark.parametrize(
    ("suffix", "how"),
    [("wav", {}), ("flac", {}), ("ogg", {"format": "OGG", "subtype": "VORBIS"}), ("mp3", {"format": "MP3"})],
)
def test_a_stream_that_begins_later_yields_the_same_windows(
    tmp_path: Path, suffix: str, how: dict[str, object]
) -> None:
    path = write(tmp_path / f"clip.{suffix}", chirp(20.0, 44_100), 44_100, **how)
    whole = list(stream(path, window_seconds=2.0, hop_seconds=1.7))
    for first in (1, 7, len(whole) - 1):
        later = list(stream(path, window_seconds=2.0, hop_seconds=1.7, first_window=first))
        assert [each.start_seconds for each in later] == [each.start_seconds for each in whole[first:]]
        for one, other in zip(later, whole[first:], strict=True):
            np.testing.assert_array_equal(one.samples, other.samples)
    assert list(stream(path, window_seconds=2.0, hop_seconds=1.7, first_window=len(whole))) == []


def test_a_stream_decodes_every_frame_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In MP3 every step back means to decode the file from its start."""
    path = write(tmp_path / "clip.mp3", chirp(8.0, 44_100), 44_100)
    decoded = 0
    read_frames = Decoder.read_frames

    def counted(reader: Decoder, count: int) -> np.ndarray:
        nonlocal decoded
        frames = read_frames(reader, count)
        decoded += len(frames)
        return frames

    monkeypatch.setattr(Decoder, "read_frames", counted)
    assert len(list(stream(path, window_seconds=2.0, hop_seconds=0.5))) == 13
    assert decoded <= 8 * 44_100 + 10  # the few are read to see whether the file is whole


def test_a_long_stream_keeps_no_more_than_a_window(tmp_path: Path) -> None:
    rate, path = 8_000, tmp_path / "long.wav"
    with soundfile.SoundFile(path, "w", rate, 1) as file:
        for minute in range(10):
            file.write(hum(60 * rate, minute / 100))
    tracemalloc.start()
    levels = [float(np.abs(window.samples).max()) for window in stream(path, window_seconds=5.0, hop_seconds=10.0)]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4e6  # resampled, the file holds 9.6 million samples of 4 bytes
    np.testing.assert_allclose(levels, np.repeat(np.arange(10) / 100, 6), atol=2e-3)


def test_windows_of_a_stream_may_be_written_into(tmp_path: Path) -> None:
    path = write(tmp_path / "clip.wav", chirp(4.0, 16_000))
    untouched = [window.samples for window in stream(path, window_seconds=2.0, hop_seconds=1.0)]
    for window, expected in zip(stream(path, window_seconds=2.0, hop_seconds=1.0), untouched, strict=True):
        np.testing.assert_array_equal(window.samples, expected)
        window.samples[:] = 0


def test_a_stream_yields_what_lies_before_damage(tmp_path: Path) -> None:
    samples = chirp(6.0, 16_000)
    samples[round(4.5 * 16_000)] = np.nan
    windows = stream(write(tmp_path / "clip.wav", samples, subtype="FLOAT"), window_seconds=2.0)
    assert [next(windows).start_seconds for _ in range(2)] == [0.0, 2.0]
    with pytest.raises(AudioError, match=r"NaN, at 4\.5000 s"):
        next(windows)


@pytest.mark.parametrize("wrong", [{"window_seconds": 0.05}, {"window_seconds": 1.0, "hop_seconds": 0.0}])
def test_a_stream_of_windows_of_no_length_is_refused(tmp_path: Path, wrong: dict[str, float]) -> None:
    with pytest.raises(SettingsError, match=r"(window|hop)_seconds is 0\.\d+; give 0\.1 or more"):
        stream(tmp_path / "clip.wav", **wrong)
    with pytest.raises(SettingsError, match=r"(window|hop)_seconds is 0\.\d+; give 0\.1 or more"):
        window_count(audio.RecordingInfo("clip.wav", 3.0, 16_000, 1, "WAV"), **wrong)
