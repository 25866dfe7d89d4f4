"""What only ffmpeg can decode, with a real ffmpeg: every format named, on time, and only the file itself."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
from tiny import RATE, chirp, cut

from playitback import audio
from playitback.audio.containers import END_UNKNOWN
from playitback.errors import AudioError

load = partial(audio.load, sample_rate=RATE)

PICTURES = ("-f", "lavfi", "-i", "testsrc=duration=3:size=64x64:rate=10")


@pytest.fixture
def ffmpeg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The only program on PATH."""
    program = tmp_path / "bin" / "ffmpeg"
    program.parent.mkdir()
    program.symlink_to(imageio_ffmpeg.get_ffmpeg_exe())
    monkeypatch.setenv("PATH", str(program.parent))
    return str(program)


def encode(ffmpeg: str, target: Path, *options: str) -> Path:
    """Three seconds of a chirp, as ffmpeg writes them."""
    source = target.with_name("source.wav")
    audio.write_wav(source, chirp(3.0), RATE)
    command = [ffmpeg, "-nostdin", "-loglevel", "error", "-i", str(source), *options, "-y", str(target)]
    subprocess.run(command, check=True)
    return target


@pytest.mark.parametrize(
    ("name", "options", "late_seconds"),
    [
        ("clip.m4a", (), 0),
        ("clip.mp4", (*PICTURES, "-shortest"), 0),
        ("clip.mov", (), 0),
        ("clip.3gp", ("-c:a", "aac"), 0),
        ("clip.webm", (), 0),
        ("clip.mka", (), 0),
        ("clip.mkv", ("-ac", "6", "-ar", "48000"), 0),
        ("clip.avi", ("-c:a", "pcm_s16le"), 0),
        ("clip.tta", (), 0),
        ("clip.wv", (), 0),
        # without times of their own: what the encoder put before the first sample cannot be told from sound
        ("clip.aac", (), 0.065),
        ("clip.ac3", (), 0.065),
        ("clip.ts", (), 0.065),
        ("clip.flv", ("-ar", "22050"), 0.065),
        ("clip.wma", (), 0.065),
    ],
)
def test_every_format_is_read_and_on_time(
    tmp_path: Path, ffmpeg: str, name: str, options: tuple[str, ...], late_seconds: float
) -> None:
    recording = load(encode(ffmpeg, tmp_path / name, *options))
    assert recording.info.format == name.rpartition(".")[2].upper()
    told = {
        "clip.mkv": ("clip.mkv: of its 6 channels only channel 3 sounds, so it was taken alone.",),  # where mono is put
        **{each: (f"{each} {END_UNKNOWN}.",) for each in ("clip.aac", "clip.ac3", "clip.ts")},
    }
    assert recording.notes == told.get(name, ())
    assert recording.seconds == pytest.approx(3.0, abs=0.15)
    meant = chirp(3.0)[RATE : 2 * RATE]
    most = round(late_seconds * RATE) + 2
    likeness = [
        np.corrcoef(recording.samples[RATE + late : 2 * RATE + late], meant)[0, 1] for late in range(-most, most + 1)
    ]
    assert max(likeness) > 0.97


def test_a_telephone_recording_is_read_and_its_band_told(tmp_path: Path, ffmpeg: str) -> None:
    recording = load(encode(ffmpeg, tmp_path / "call.amr", "-ar", "8000", "-ac", "1"))
    assert recording.seconds == pytest.approx(3.0, abs=0.05)
    assert recording.notes == (
        f"call.amr {END_UNKNOWN}.",
        "call.amr was sampled at 8000 Hz, so it holds nothing above 4 kHz; the model listens up to 8 kHz.",
    )


def test_of_a_webm_cut_short_its_beginning_is_read(tmp_path: Path, ffmpeg: str) -> None:
    """What a browser that was closed leaves behind."""
    path = cut(encode(ffmpeg, tmp_path / "clip.webm"), 0.5)
    recording = load(path)
    assert 0.5 < recording.seconds < 2.5
    (note,) = recording.notes
    assert note.startswith("clip.webm is cut short or damaged: its header promises 3.0")


@pytest.mark.parametrize(
    ("name", "options"),
    [("clip.mka", ()), ("clip.mp4", ("-movflags", "faststart")), ("clip.aac", ()), ("clip.tta", ())],
)
def test_of_any_file_cut_short_its_beginning_is_read_and_the_rest_told(
    tmp_path: Path, ffmpeg: str, name: str, options: tuple[str, ...]
) -> None:
    recording = load(cut(encode(ffmpeg, tmp_path / name, *options), 0.7))
    assert 0.5 < recording.seconds < 2.5
    (note,) = recording.notes
    assert "cut short" in note
    assert note.endswith("what is there was read.")


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("clip.m4a", ()),
        ("clip.mp4", ("-movflags", "frag_keyframe+empty_moov")),
        ("clip.mov", ("-c:a", "pcm_s16le")),
        ("clip.wma", ()),
        ("clip.flv", ("-ar", "22050")),
        ("clip.tta", ()),
        ("clip.caf", ("-c:a", "alac")),
        ("clip.wav", ("-c:a", "flac")),
        ("clip.voc", ("-c:a", "pcm_s16le")),
    ],
)
def test_that_another_recording_follows_is_told_where_only_the_first_is_read(
    tmp_path: Path, ffmpeg: str, name: str, options: tuple[str, ...]
) -> None:
    path = encode(ffmpeg, tmp_path / name, *options)
    path.write_bytes(2 * path.read_bytes())
    recording = load(path)
    assert recording.seconds == pytest.approx(3.0, abs=0.15)
    told = f"{name} holds another recording behind the first 50 % of the file; only what comes before was read."
    assert recording.notes == (told,)


@pytest.mark.parametrize(
    ("name", "options", "told"),
    [
        ("clip.avi", ("-c:a", "pcm_s16le"), r"is cut short: \d+ % of the sound that its header promises is missing"),
        ("clip.ogg", ("-c:a", "flac"), "is cut short: it ends in the middle of a stretch of sound"),
        ("clip.voc", ("-c:a", "pcm_s16le"), "is cut short: it ends in the middle of a stretch of sound"),
        ("clip.ts", (), END_UNKNOWN),
        ("clip.mpg", ("-c:a", "mp2"), END_UNKNOWN),
        ("clip.ac3", ("-ar", "48000"), f"is damaged or cut short|{END_UNKNOWN}"),
        ("clip.asf", ("-c:a", "libmp3lame", "-ar", "44100"), f"is damaged or cut short|{END_UNKNOWN}"),
    ],
)
def test_what_ffmpeg_does_not_tell_of_a_file_cut_short_is_told(
    tmp_path: Path, ffmpeg: str, name: str, options: tuple[str, ...], told: str
) -> None:
    recording = load(cut(encode(ffmpeg, tmp_path / name, *options), 0.6))
    assert 0.5 < recording.seconds < 2.5
    assert re.match(f"{re.escape(name)} ({told})", recording.notes[0])


def test_a_stream_cut_short_between_two_frames_is_told(tmp_path: Path, ffmpeg: str) -> None:
    path = encode(ffmpeg, tmp_path / "clip.ac3", "-ar", "48000", "-b:a", "192k")
    path.write_bytes(path.read_bytes()[: 768 * 40])  # whole frames
    recording = load(path)
    assert recording.seconds == pytest.approx(40 * 1536 / 48_000)
    assert recording.notes == (f"clip.ac3 {END_UNKNOWN}.",)


def test_of_fragments_what_can_no_longer_be_found_is_told(tmp_path: Path, ffmpeg: str) -> None:
    options = ("-movflags", "frag_keyframe+empty_moov", "-frag_duration", "500000")
    path = encode(ffmpeg, tmp_path / "clip.mp4", *options)
    assert load(path).notes == ()
    content = path.read_bytes()
    half = len(content) // 2
    path.write_bytes(content[:half] + content[half + 3_000 :])
    assert re.match(r"clip\.mp4 is (damaged or cut short|cut short or damaged)", load(path).notes[0])


def test_a_voice_file_in_several_blocks_is_read_whole(tmp_path: Path, ffmpeg: str) -> None:
    recording = load(encode(ffmpeg, tmp_path / "clip.voc", "-c:a", "pcm_s16le"))
    assert recording.seconds == pytest.approx(3.0, abs=0.01)
    assert np.corrcoef(recording.samples[: 2 * RATE], chirp(3.0)[: 2 * RATE])[0, 1] > 0.97
    assert recording.notes == ()


@pytest.mark.parametrize("name", ["clip.tta", "clip.wv"])
def test_what_a_container_knows_to_be_damaged_is_told(tmp_path: Path, ffmpeg: str, name: str) -> None:
    path = encode(ffmpeg, tmp_path / name)
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 6] = bytes(6)
    path.write_bytes(content)
    assert load(path).notes == (
        f"{name} is damaged or cut short: parts of it cannot be decoded; what is there was read.",
    )


def test_beside_a_damaged_frame_of_aac_the_rest_is_read(tmp_path: Path, ffmpeg: str) -> None:
    path = encode(ffmpeg, tmp_path / "clip.m4a")
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 60] = b"\x55" * 60
    path.write_bytes(content)
    recording = load(path)
    assert recording.seconds == pytest.approx(3.0, abs=0.3)
    assert recording.notes == (
        "clip.m4a is damaged or cut short: parts of it cannot be decoded; what is there was read.",
    )


def _index_cut_off(ffmpeg: str, folder: Path) -> Path:
    return cut(encode(ffmpeg, folder / "clip.m4a"), 0.5)


def _film_without_sound(ffmpeg: str, folder: Path) -> Path:
    return encode(ffmpeg, folder / "film.mp4", *PICTURES, "-map", "1:v")


def _playlist(ffmpeg: str, folder: Path) -> Path:
    """Names another file, which is sound."""
    encode(ffmpeg, folder / "other.aac")
    path = folder / "list.m3u8"
    path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\nother.aac\n#EXT-X-ENDLIST\n")
    return path


def _concatenation(ffmpeg: str, folder: Path) -> Path:
    encode(ffmpeg, folder / "other.m4a")
    path = folder / "list.mka"
    path.write_text("ffconcat version 1.0\nfile other.m4a\n")
    return path


@pytest.mark.parametrize("make", [_index_cut_off, _film_without_sound, _playlist, _concatenation])
def test_what_holds_no_sound_itself_is_refused(tmp_path: Path, ffmpeg: str, make: Callable[[str, Path], Path]) -> None:
    path = make(ffmpeg, tmp_path)
    with pytest.raises(AudioError, match=rf"{path.name} is not a sound file, or it is damaged or cut short"):
        load(path)
