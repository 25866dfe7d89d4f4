"""Broken recordings of which nothing can be heard: each gets one sentence. What has a part is read elsewhere."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sound_files import Read, chirp, load, without_ffmpeg, write

from playitback import audio
from playitback.audio import opening
from playitback.audio.containers import END_UNKNOWN
from playitback.errors import AudioError, SettingsError

# Whole or not


def test_a_missing_file_is_named(tmp_path: Path, read: Read) -> None:
    with pytest.raises(AudioError, match=r"nowhere\.wav does not exist .*check"):
        read(tmp_path / "nowhere.wav")


def test_a_link_to_nothing_is_told_as_one(tmp_path: Path, read: Read) -> None:
    for name, target in (("gone.wav", "nowhere.wav"), ("circle.wav", "circle.wav")):
        (tmp_path / name).symlink_to(target)
        with pytest.raises(AudioError, match=f"{name} is a link that leads to no file; .*give"):
            read(tmp_path / name)


@pytest.mark.parametrize("number", [errno.ENOENT, errno.EIO])
def test_what_the_system_says_against_reading_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: Read, number: int
) -> None:
    """A file that is taken away once it is known to be there, and one on a disk with a fault."""

    def failed(path: Path, *_: object) -> None:
        raise OSError(number, os.strerror(number), str(path))

    path = write(tmp_path / "a.wav", chirp(1.0, 16_000))
    monkeypatch.setattr(opening, "View", failed)
    with pytest.raises(AudioError, match=rf"a\.wav cannot be read \({os.strerror(number)}\); check"):
        read(path)


def test_a_file_that_is_gone_while_it_is_read_is_told(tmp_path: Path) -> None:
    path = tmp_path / "joined.wav"
    path.write_bytes(2 * write(tmp_path / "a.wav", chirp(1.0, 16_000)).read_bytes())
    with opening.opened(path) as sound:
        sound.read(0, 100)
        path.unlink()
        with pytest.raises(AudioError, match=r"joined\.wav cannot be read \(No such file"):
            sound.read(16_000, 100)


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


def test_a_sound_nearly_long_enough_is_not_told_as_long_enough(tmp_path: Path, read: Read) -> None:
    path = write(tmp_path / "clip.wav", chirp(1_599 / 16_000, 16_000))
    with pytest.raises(AudioError, match=r"clip\.wav is 0\.099 s long; at least 0\.1 s are needed"):
        read(path)


def test_a_start_too_near_the_end_is_told_to_the_digit(tmp_path: Path) -> None:
    path = write(tmp_path / "clip.wav", chirp(2.0, 16_000))
    with pytest.raises(SettingsError, match=r"starts at 1\.9001 s, but clip\.wav ends at 2 s, and at least 0\.1 s"):
        load(path, start_seconds=1.9001)


@pytest.mark.parametrize("suffix", ["flac", "mp3"])
def test_what_is_damaged_from_its_first_sample_on_is_refused(tmp_path: Path, suffix: str, read: Read) -> None:
    path = write(tmp_path / f"clip.{suffix}", chirp(5.0, 16_000))
    content = path.read_bytes()
    begin = 86 if suffix == "flac" else 500
    path.write_bytes(content[:begin] + bytes(len(content) - begin))
    with pytest.raises(
        AudioError, match=r"clip\.\w+ (begins like \w+ but cannot be decoded|is a sound file with zero)"
    ):
        read(path)


def test_a_tenth_of_a_second_is_enough(tmp_path: Path) -> None:
    path = write(tmp_path / "clip.wav", chirp(0.1, 44_100), 44_100)
    assert load(path).samples.shape == (1_600,)


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "aiff"])
def test_a_file_cut_within_its_header_is_refused(tmp_path: Path, suffix: str, read: Read) -> None:
    path = write(tmp_path / f"clip.{suffix}", chirp(1.0, 16_000))
    path.write_bytes(path.read_bytes()[:30])
    with pytest.raises(AudioError, match=r"clip\.\w+ (begins like .* but cannot be decoded|is cut short)"):
        read(path)


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
    with pytest.raises(AudioError, match=rf"clip\.wav holds a sample .*finite.*{named}.*2\.5000 s"):
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


def test_an_mp3_without_a_length_that_ends_within_a_frame_is_told(tmp_path: Path) -> None:
    path = untagged_mp3(tmp_path / "clip.mp3", chirp(5.0, 44_100), "CONSTANT")
    assert load(path).notes == (f"clip.mp3 {END_UNKNOWN}.",)
    path.write_bytes(path.read_bytes()[:-100])
    assert (
        "clip.mp3 is cut short: it ends in the middle of a stretch of sound; what is there was read."
        in load(path, window_seconds=1.0).notes
    )


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (lambda content: content[:9_000] + bytes(600) + content[9_600:], "is damaged: a stretch cannot be decoded"),
        (lambda content: content[:9_000] + content[10_000:], "is damaged: a stretch cannot be decoded"),
        (lambda content: content + b"TAG" + bytes(125), END_UNKNOWN),
        (lambda content: content + b"ID3\x04\0\0\0\0\0\x05" + bytes(5) + content, END_UNKNOWN),
    ],
)
def test_a_hole_in_an_mp3_without_a_length_is_told(tmp_path: Path, fault: Callable[[bytes], bytes], told: str) -> None:
    path = untagged_mp3(tmp_path / "clip.mp3", chirp(5.0, 44_100), "CONSTANT")
    path.write_bytes(fault(path.read_bytes()))
    (note,) = load(path, window_seconds=1.0).info.notes
    assert note.startswith(f"clip.mp3 {told}")


def test_an_mp3_that_hides_most_of_its_length_is_not_half_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The length guessed from the first frame's bit rate (a loud burst) is far too short for what follows (silence)."""
    without_ffmpeg(monkeypatch, tmp_path)
    samples = np.zeros(30 * 44_100, dtype=np.float32)
    samples[: 2 * 44_100] = np.random.default_rng(3).uniform(-0.9, 0.9, 2 * 44_100)
    path = untagged_mp3(tmp_path / "clip.mp3", samples, "VARIABLE")
    with pytest.raises(AudioError, match=r"clip\.mp3 begins like MP3 but cannot be decoded"):
        audio.probe(path)
