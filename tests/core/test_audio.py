"""Recordings of every kind, whole and broken: what is read, and the one sentence that a broken one gets."""

from __future__ import annotations

import os
import stat
import struct
import sys
import tracemalloc
from collections.abc import Callable
from functools import partial
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tiny import RATE, cut

from playitback import audio
from playitback.errors import AudioError, SettingsError

ENCODINGS = [
    ("wav", "WAV", "PCM_U8"),
    ("wav", "WAV", "PCM_16"),
    ("wav", "WAV", "PCM_24"),
    ("wav", "WAV", "PCM_32"),
    ("wav", "WAV", "FLOAT"),
    ("wav", "WAV", "DOUBLE"),
    ("wav", "WAV", "ALAW"),
    ("wav", "WAV", "ULAW"),
    ("wav", "WAV", "IMA_ADPCM"),
    ("wav", "WAV", "MS_ADPCM"),
    ("wav", "WAV", "GSM610"),
    ("wav", "WAVEX", "PCM_16"),
    ("wav", "RF64", "PCM_16"),
    ("flac", "FLAC", "PCM_16"),
    ("flac", "FLAC", "PCM_24"),
    ("ogg", "OGG", "VORBIS"),
    ("opus", "OGG", "OPUS"),
    ("mp3", "MP3", "MPEG_LAYER_III"),
    ("aiff", "AIFF", "PCM_16"),
]
LOSSLESS = [("wav", "PCM_16"), ("wav", "PCM_24"), ("wav", "FLOAT"), ("flac", "PCM_24"), ("aiff", "PCM_16")]

load, stream, window_count = (
    partial(read, sample_rate=RATE) for read in (audio.load, audio.stream, audio.window_count)
)

Read = Callable[[Path], object]


def chirp(seconds: float, rate: int, channels: int = 1) -> np.ndarray:
    """(frames, channels): a tone that rises from 200 Hz, so that every moment sounds different, with a little noise."""
    t = np.arange(round(seconds * rate)) / rate
    tone = 0.4 * np.sin(2 * np.pi * (200 + 40 * t) * t) + np.random.default_rng(7).normal(0, 0.01, len(t))
    return np.repeat(tone[:, None], channels, axis=1).astype(np.float32)


def write(path: Path, samples: np.ndarray, rate: int = 16_000, **how: object) -> Path:
    """Write in steps: libsndfile's Vorbis encoder overflows its stack on one long call."""
    channels = 1 if samples.ndim == 1 else samples.shape[1]
    with soundfile.SoundFile(path, "w", rate, channels, **how) as file:
        for at in range(0, len(samples), 16_384):
            file.write(samples[at : at + 16_384])
    return path


def without_ffmpeg(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))


def fake_ffmpeg(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, body: str) -> None:
    """An executable called ffmpeg: a Python script that knows ``given``, the input, and ``target``, the WAV."""
    without_ffmpeg(monkeypatch, tmp_path)
    program = tmp_path / "bin" / "ffmpeg"
    program.write_text(
        f"#!{sys.executable}\nimport shutil, sys, time\n"
        "given = sys.argv[sys.argv.index('-i') + 1].removeprefix('file:')\ntarget = sys.argv[-1]\n" + body
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)


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


# Windows


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


def test_a_window_at_the_end_is_shorter(tmp_path: Path) -> None:
    path = write(tmp_path / "clip.wav", chirp(3.0, 16_000))
    assert load(path, start_seconds=2.75, window_seconds=5.0).seconds == 0.25


def test_thirty_minutes_are_read_by_the_window(tmp_path: Path) -> None:
    rate, path = 8_000, tmp_path / "long.wav"
    with soundfile.SoundFile(path, "w", rate, 1) as file:
        for minute in range(30):
            file.write(np.full(60 * rate, minute / 100, dtype=np.float32))
    tracemalloc.start()
    recording = load(path, start_seconds=1_000.0, window_seconds=5.0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4e6  # the file holds 14.4 million samples
    np.testing.assert_allclose(recording.samples, 0.16, atol=1e-3)
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


# Bad input


@pytest.fixture(params=[audio.probe, load, audio.overview], ids=["probe", "load", "overview"])
def read(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Read:
    """Every function that reads, on a machine without ffmpeg."""
    without_ffmpeg(monkeypatch, tmp_path)
    return request.param


def test_a_missing_file_is_named(tmp_path: Path, read: Read) -> None:
    with pytest.raises(AudioError, match=r"nowhere\.wav does not exist .*check"):
        read(tmp_path / "nowhere.wav")


def test_a_folder_is_refused(tmp_path: Path, read: Read) -> None:
    (tmp_path / "clips.wav").mkdir()
    with pytest.raises(AudioError, match=r"clips\.wav is a folder, not a recording; give"):
        read(tmp_path / "clips.wav")


@pytest.mark.parametrize("name", ["a\0b.wav", "a" * 5000 + ".wav"])
def test_an_impossible_name_is_refused(tmp_path: Path, name: str, read: Read) -> None:
    with pytest.raises(AudioError, match=r"cannot be opened|does not exist"):
        read(tmp_path / name)


def test_a_pipe_is_refused_without_waiting(tmp_path: Path, read: Read) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    with pytest.raises(AudioError, match=r"pipe\.wav is not a file that can be read"):
        read(tmp_path / "pipe.wav")


def test_an_empty_file_is_refused(tmp_path: Path, read: Read) -> None:
    (tmp_path / "clip.mp3").touch()
    with pytest.raises(AudioError, match=r"clip\.mp3 is empty \(0 bytes\); record"):
        read(tmp_path / "clip.mp3")


@pytest.mark.parametrize("name", ["notes.wav", "notes.mp3", "notes.txt", "notes.raw", "notes"])
def test_what_is_no_sound_is_refused(tmp_path: Path, name: str, read: Read) -> None:
    (tmp_path / name).write_text("Dear diary, nothing to hear here.\n" * 100)
    with pytest.raises(AudioError, match=rf"{name} is not a sound file; give WAV"):
        read(tmp_path / name)


@pytest.mark.parametrize(("suffix", "subtype"), [("wav", "PCM_16"), ("ogg", "VORBIS"), ("aiff", "PCM_16")])
def test_zero_samples_are_refused(tmp_path: Path, suffix: str, subtype: str, read: Read) -> None:
    path = write(tmp_path / f"clip.{suffix}", np.zeros(0, dtype=np.float32), subtype=subtype)
    with pytest.raises(AudioError, match=r"clip\.\w+ is a sound file with zero samples; record"):
        read(path)


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3"])
def test_a_very_short_sound_is_refused(tmp_path: Path, suffix: str, read: Read) -> None:
    path = write(tmp_path / f"clip.{suffix}", chirp(0.03, 16_000))
    with pytest.raises(AudioError, match=r"clip\.\w+ is 0\.030 s long; at least 0\.1 s are needed; give"):
        read(path)


def test_a_tenth_of_a_second_is_enough(tmp_path: Path) -> None:
    path = write(tmp_path / "clip.wav", chirp(0.1, 44_100), 44_100)
    assert load(path).samples.shape == (1_600,)


@pytest.mark.parametrize(("suffix", "container", "subtype"), ENCODINGS)
@pytest.mark.parametrize("share", [0.98, 0.5])
def test_a_truncated_file_is_refused(tmp_path: Path, suffix: str, container: str, subtype: str, share: float) -> None:
    path = write(tmp_path / f"clip.{suffix}", chirp(10.0, 16_000), format=container, subtype=subtype)
    with pytest.raises(AudioError, match=r"clip\.\w+ is cut short.*; copy or record it again"):
        load(cut(path, share), window_seconds=1.0)


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "aiff"])
def test_a_file_cut_within_its_header_is_refused(tmp_path: Path, suffix: str, read: Read) -> None:
    path = write(tmp_path / f"clip.{suffix}", chirp(1.0, 16_000))
    path.write_bytes(path.read_bytes()[:30])
    with pytest.raises(AudioError, match=r"clip\.\w+ (begins like .* but cannot be decoded|is cut short)"):
        read(path)


def test_a_truncated_wav_says_how_much_is_missing(tmp_path: Path, read: Read) -> None:
    path = cut(write(tmp_path / "clip.wav", chirp(2.0, 16_000)), 0.25)
    with pytest.raises(AudioError, match=r"75 % of the sound that its header promises is missing"):
        read(path)


@pytest.mark.parametrize("length", [0x7FFFFFFF, 0xFFFFFFFF, 0x7FFFF024])
def test_a_wav_written_to_a_pipe_is_whole(tmp_path: Path, length: int) -> None:
    """Such a header cannot know its length and holds the largest number, or nearly."""
    path = write(tmp_path / "clip.wav", chirp(2.0, 16_000))
    content = bytearray(path.read_bytes())
    at = content.index(b"data") + 4
    content[at : at + 4] = struct.pack("<I", length)
    path.write_bytes(content)
    assert load(path).seconds == 2.0


def test_a_wav_whose_header_counts_itself_is_whole(tmp_path: Path) -> None:
    path = write(tmp_path / "clip.wav", chirp(2.0, 16_000))
    content = bytearray(path.read_bytes())
    at = content.index(b"data") + 4
    content[at : at + 4] = struct.pack("<I", len(content))
    path.write_bytes(content)
    assert load(path).seconds == 2.0


def test_a_flac_stream_of_open_length_is_counted(tmp_path: Path) -> None:
    path = write(tmp_path / "clip.flac", chirp(100.0, 16_000))
    content = bytearray(path.read_bytes())
    content[21] &= 0xF0  # the 36 bits of the number of samples
    content[22:26] = bytes(4)
    path.write_bytes(content)
    assert audio.probe(path).seconds == 100.0
    assert load(path, start_seconds=99.0).seconds == 1.0
    with pytest.raises(AudioError, match=r"clip\.flac is damaged or cut short: it cannot be decoded beyond"):
        audio.probe(cut(path, 0.5))


@pytest.mark.parametrize("suffix", ["flac", "ogg"])
def test_damage_inside_the_window_is_refused(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"clip.{suffix}", chirp(10.0, 16_000))
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 400] = bytes(400)
    path.write_bytes(content)
    with pytest.raises(
        AudioError, match=r"clip\.\w+ is damaged or cut short: it cannot be decoded beyond \d+\.\d\d s; copy"
    ):
        load(path)


@pytest.mark.parametrize(
    ("value", "named"), [(np.nan, "NaN"), (np.inf, "infinite"), (-np.inf, "infinite"), (1e30, r"1e\+30, far over")]
)
@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE"])
def test_a_sample_that_is_no_amplitude_is_named_with_its_second(
    tmp_path: Path, value: float, named: str, subtype: str
) -> None:
    samples = chirp(4.0, 44_100, 2)
    samples[round(2.5 * 44_100), 1] = value
    path = write(tmp_path / "clip.wav", samples, 44_100, subtype=subtype)
    with pytest.raises(AudioError, match=rf"clip\.wav holds a sample .*finite.*{named}.*2\.5000 s; mend"):
        load(path)
    assert np.isfinite(load(path, window_seconds=2.0).samples).all()
    assert np.isfinite(audio.overview(path)).all()


def test_an_absurd_rate_is_refused(tmp_path: Path, read: Read) -> None:
    path = write(tmp_path / "clip.wav", chirp(1.0, 16_000), 2_000_000_000)
    with pytest.raises(AudioError, match=r"clip\.wav says that it was sampled at 2000000000 Hz"):
        read(path)


# MP3 without the tag that says its length


def untagged_mp3(path: Path, samples: np.ndarray, mode: str) -> Path:
    write(path, samples, 44_100, format="MP3", bitrate_mode=mode, compression_level=0.5)
    content = path.read_bytes()
    kilobits = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)[content[2] >> 4]
    tag_bytes = 144_000 * kilobits // 44_100 + (content[2] >> 1 & 1)
    assert b"Xing" in content[:tag_bytes] or b"Info" in content[:tag_bytes]
    path.write_bytes(content[tag_bytes:])
    return path


def test_an_mp3_without_a_length_is_counted(tmp_path: Path) -> None:
    path = untagged_mp3(tmp_path / "clip.mp3", chirp(5.0, 44_100), "CONSTANT")
    info = audio.probe(path)
    assert info.seconds == pytest.approx(5.0, abs=0.08)  # the encoder's own delay counts in
    assert load(path, start_seconds=4.0).seconds == pytest.approx(info.seconds - 4.0, abs=1e-3)


def test_an_mp3_that_hides_most_of_its_length_is_not_half_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The length guessed from the first frame's bit rate (a loud burst) is far too short for what follows (silence)."""
    without_ffmpeg(monkeypatch, tmp_path)
    samples = np.zeros(30 * 44_100, dtype=np.float32)
    samples[: 2 * 44_100] = np.random.default_rng(3).uniform(-0.9, 0.9, 2 * 44_100)
    path = untagged_mp3(tmp_path / "clip.mp3", samples, "VARIABLE")
    with pytest.raises(AudioError, match=r"clip\.mp3 begins like MP3 but cannot be decoded"):
        audio.probe(path)


# ffmpeg


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("clip.m4a", b"\0\0\0\x20ftypM4A \0\0\0\0" + bytes(100), "MPEG-4"),
        ("voice.wav", b"\x1aE\xdf\xa3" + bytes(100), "WebM or Matroska"),
        ("clip.wma", bytes(100), "WMA"),
    ],
)
def test_without_ffmpeg_its_formats_are_refused(
    tmp_path: Path, name: str, content: bytes, kind: str, read: Read
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(AudioError, match=rf"{name} is in the {kind} format, which only ffmpeg .* install ffmpeg, or"):
        read(tmp_path / name)


@pytest.mark.parametrize("name", ["clip.m4a", "-y.webm", "concat:clip.m4a"])
def test_what_libsndfile_cannot_read_goes_through_ffmpeg(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    samples = chirp(3.0, 44_100, 2)
    write(tmp_path / "decoded.wav", samples, 44_100)
    (tmp_path / name).write_bytes(b"\0\0\0\x20ftypM4A \0\0\0\0")
    source, seen = tmp_path / "decoded.wav", tmp_path / "seen"
    fake_ffmpeg(monkeypatch, tmp_path, f"shutil.copy({str(source)!r}, target)\nopen({str(seen)!r}, 'w').write(given)\n")
    monkeypatch.chdir(tmp_path)
    recording = load(name, start_seconds=1.0, window_seconds=1.0)
    assert recording.info == audio.RecordingInfo(name, 3.0, 44_100, 2, Path(name).suffix[1:].upper())
    np.testing.assert_array_equal(recording.samples, load(source, start_seconds=1.0, window_seconds=1.0).samples)
    assert seen.read_text() == str(tmp_path / name)


@pytest.mark.parametrize("body", ["sys.exit('moov atom not found')", "hearing", "open(target, 'w').write('no sound')"])
def test_where_ffmpeg_fails_its_words_are_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], body: str
) -> None:
    fake_ffmpeg(monkeypatch, tmp_path, body)
    (tmp_path / "clip.m4a").write_bytes(b"\0\0\0\x20ftypM4A \0\0\0\0")
    with pytest.raises(AudioError, match=r"clip\.m4a is not a sound file, or it is damaged or cut short.*; give WAV"):
        load(tmp_path / "clip.m4a")
    assert "moov" not in "".join(capfd.readouterr())


def test_an_ffmpeg_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_ffmpeg(monkeypatch, tmp_path, "time.sleep(60)")
    monkeypatch.setattr(audio, "_FFMPEG_LIMIT_SECONDS", 0.2)
    (tmp_path / "clip.m4a").write_bytes(b"\0\0\0\x20ftypM4A \0\0\0\0")
    with pytest.raises(AudioError, match=r"clip\.m4a took more than 0\.2 s to decode; cut it"):
        load(tmp_path / "clip.m4a")


def test_an_ffmpeg_that_fills_its_limit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_ffmpeg(monkeypatch, tmp_path, "open(target, 'wb').write(bytes(1000))")
    monkeypatch.setattr(audio, "_FFMPEG_LIMIT_BYTES", 1000)
    (tmp_path / "clip.m4a").write_bytes(b"\0\0\0\x20ftypM4A \0\0\0\0")
    with pytest.raises(AudioError, match=r"clip\.m4a is too long to decode at once; cut it"):
        load(tmp_path / "clip.m4a")


def test_decoding_through_ffmpeg_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "decoded.wav", chirp(1.0, 16_000))
    fake_ffmpeg(monkeypatch, tmp_path, f"shutil.copy({str(tmp_path / 'decoded.wav')!r}, target)")
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "clip.webm").write_bytes(b"\x1aE\xdf\xa3")
    assert load(tmp_path / "clip.webm").seconds == 1.0
    assert list((tmp_path / "temporary").iterdir()) == []


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
    monkeypatch.setattr(audio, "_BLOCK_SAMPLES", 1_000)
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


def test_a_stream_decodes_every_frame_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In MP3 every step back means to decode the file from its start."""
    path = write(tmp_path / "clip.mp3", chirp(8.0, 44_100), 44_100)
    decoded = 0
    read_frames = audio._SoundFile.read_frames

    def counted(reader: audio._SoundFile, count: int) -> np.ndarray:
        nonlocal decoded
        frames = read_frames(reader, count)
        decoded += len(frames)
        return frames

    monkeypatch.setattr(audio._SoundFile, "read_frames", counted)
    assert len(list(stream(path, window_seconds=2.0, hop_seconds=0.5))) == 13
    assert decoded <= 8 * 44_100 + 10  # the few are read to see whether the file is whole


def test_a_long_stream_keeps_no_more_than_a_window(tmp_path: Path) -> None:
    rate, path = 8_000, tmp_path / "long.wav"
    with soundfile.SoundFile(path, "w", rate, 1) as file:
        for minute in range(10):
            file.write(np.full(60 * rate, minute / 100, dtype=np.float32))
    tracemalloc.start()
    levels = [float(window.samples.mean()) for window in stream(path, window_seconds=5.0, hop_seconds=10.0)]
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


def test_a_stream_through_ffmpeg_decodes_once_and_closing_it_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, calls = write(tmp_path / "decoded.wav", chirp(5.0, 44_100, 2), 44_100), tmp_path / "calls"
    fake_ffmpeg(monkeypatch, tmp_path, f"shutil.copy({str(source)!r}, target)\nopen({str(calls)!r}, 'a').write('x')\n")
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "clip.webm").write_bytes(b"\x1aE\xdf\xa3")
    windows = stream(tmp_path / "clip.webm", window_seconds=1.0)
    heard = [next(windows).samples for _ in range(3)]
    assert calls.read_text() == "x"
    np.testing.assert_allclose(heard[2], load(source, start_seconds=2.0, window_seconds=1.0).samples, atol=2e-6)
    assert len(list((tmp_path / "temporary").iterdir())) == 1
    windows.close()
    assert list((tmp_path / "temporary").iterdir()) == []


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
