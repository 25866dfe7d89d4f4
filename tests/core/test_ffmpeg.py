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
        ("clip.wav", ("-c:a", "libmp3lame"), 0.075),
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
        ("clip.mkv", (*PICTURES, "-c:a", "libvorbis")),
        ("clip.mka", ("-c:a", "flac")),
        ("clip.webm", ()),
        ("clip.avi", ("-c:a", "pcm_s16le")),
        ("clip.ogg", ("-c:a", "flac")),
        ("clip.wma", ()),
        ("clip.flv", ("-ar", "22050")),
        ("clip.tta", ()),
        ("clip.wv", ()),
        ("clip.wv", ("-ac", "6")),
        ("clip.caf", ("-c:a", "alac")),
        ("clip.wav", ("-c:a", "flac")),
        ("clip.wav", ("-c:a", "libmp3lame")),
        ("clip.voc", ("-c:a", "pcm_s16le")),
    ],
)
def test_joined_recordings_are_read_one_after_the_other(
    tmp_path: Path, ffmpeg: str, name: str, options: tuple[str, ...]
) -> None:
    path = encode(ffmpeg, tmp_path / name, *options)
    once = load(path)
    path.write_bytes(2 * path.read_bytes())
    twice = load(path)
    assert twice.notes[0] == f"{name} is 2 recordings joined into one file; they were read one after the other."
    assert twice.notes[1:] == once.notes
    np.testing.assert_allclose(twice.samples[: RATE * 5 // 2], once.samples[: RATE * 5 // 2], atol=1e-4)
    second = len(twice.samples) - len(once.samples)
    assert second == pytest.approx(len(once.samples), abs=2)
    later = load(path, start_seconds=second / RATE + 1, window_seconds=0.5)
    likeness = np.corrcoef(later.samples, once.samples[RATE : RATE * 3 // 2])[0, 1]
    assert likeness > 0.95


@pytest.mark.parametrize("second", ["other.webm", "other.m4a", "broken.m4a"])
def test_of_a_joined_recording_of_another_kind_that_is_told(tmp_path: Path, ffmpeg: str, second: str) -> None:
    path = encode(ffmpeg, tmp_path / "clip.m4a")
    other = encode(ffmpeg, tmp_path / second, "-ar", "48000")
    if second == "broken.m4a":
        cut(other, 0.5)
    path.write_bytes(path.read_bytes() + other.read_bytes())
    recording = load(path)
    assert recording.seconds == pytest.approx(3.0, abs=0.1)
    (note,) = recording.notes
    assert "holds another recording, of another kind, from 3.0" in note
    assert note.endswith("only what comes before was read.")


@pytest.mark.parametrize(
    ("name", "options", "told"),
    [
        ("clip.avi", ("-c:a", "pcm_s16le"), r"is cut short: \d+ % of the sound that its header promises is missing"),
        ("clip.ogg", ("-c:a", "flac"), "is cut short: it ends in the middle of a stretch of sound"),
        ("clip.voc", ("-c:a", "pcm_s16le"), "is cut short: it ends in the middle of a stretch of sound"),
        ("clip.ts", (), END_UNKNOWN),
        ("clip.mpg", ("-c:a", "mp2"), END_UNKNOWN),
        ("clip.ac3", ("-ar", "48000"), f"is damaged or cut short|{END_UNKNOWN}"),
        (
            "clip.asf",
            ("-c:a", "libmp3lame", "-ar", "44100"),
            "is cut short: 40 % of the sound that its header promises is missing",
        ),
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


# Films


FILMS = [
    ("film.mp4", ()),
    ("film.mov", ("-c:a", "pcm_s16le")),
    ("film.mkv", ()),
    ("film.webm", ()),
    ("film.flv", ("-ar", "22050")),
    ("film.ts", ("-c:v", "mpeg2video", "-r", "25")),
]


@pytest.mark.parametrize(("name", "options"), FILMS)
def test_seconds_of_a_film_are_those_of_its_pictures(
    tmp_path: Path, ffmpeg: str, name: str, options: tuple[str, ...]
) -> None:
    """A sound that begins a second later."""
    source = tmp_path / "late.wav"
    audio.write_wav(source, chirp(3.0), RATE)
    streams = ("-itsoffset", "1", "-i", str(source), "-map", "1:v", "-map", "2:a")
    pictures = (*PICTURES[:3], PICTURES[3].replace("duration=3", "duration=4"))
    recording = load(encode(ffmpeg, tmp_path / name, *pictures, *streams, *options))
    told = re.fullmatch(
        rf"{re.escape(name)} is silent for its first (0\.9\d|1\.0\d) s: its sound begins so much later than its "
        r"pictures or another track\.",
        recording.notes[-1],
    )
    assert told
    assert [note for note in recording.notes[:-1] if END_UNKNOWN not in note] == []
    late = round(float(told[1]) * RATE)
    assert not recording.samples[: late - 200].any()
    lags = range(RATE - 1100, RATE + 1100)
    meant = chirp(3.0)[RATE : 2 * RATE]
    likeness = [np.corrcoef(recording.samples[RATE + lag : 2 * RATE + lag], meant)[0, 1] for lag in lags]
    assert max(likeness) > 0.97
    middle = load(tmp_path / name, start_seconds=0.5, window_seconds=2.0)  # over the beginning of its sound
    np.testing.assert_allclose(middle.samples, recording.samples[RATE // 2 :][: 2 * RATE], atol=1e-4)


@pytest.mark.parametrize(("name", "options"), FILMS[:4])
def test_a_film_whose_sound_ends_first_is_not_called_damaged(
    tmp_path: Path, ffmpeg: str, name: str, options: tuple[str, ...]
) -> None:
    pictures = (*PICTURES[:3], PICTURES[3].replace("duration=3", "duration=5"))
    recording = load(encode(ffmpeg, tmp_path / name, *pictures, *options))
    (note,) = recording.notes
    assert re.search(r"has sound up to 3\.0\d s of 5\.0\d s: it ends before its pictures, or is cut short\.$", note)


def test_a_sound_with_a_clock_of_its_own_is_counted_from_its_beginning_and_that_is_told(
    tmp_path: Path, ffmpeg: str
) -> None:
    source = tmp_path / "late.wav"
    audio.write_wav(source, chirp(3.0), RATE)
    path = encode(ffmpeg, tmp_path / "clip.mka", "-itsoffset", "100", "-i", str(source), "-map", "1:a")
    recording = load(path)
    assert recording.seconds == pytest.approx(3.0, abs=0.05)
    assert recording.notes == ("clip.mka begins at 100.00 s by its own clock; seconds are counted from there.",)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        *FILMS[:3],
        ("film.avi", ("-c:a", "pcm_s16le")),
        *[("two.ogg", ("-c:a", codec)) for codec in ("flac", "libvorbis", "libopus")],
    ],
)
def test_that_a_file_has_several_tracks_of_sound_is_told(
    tmp_path: Path, ffmpeg: str, name: str, options: tuple[str, ...]
) -> None:
    path = encode(ffmpeg, tmp_path / name, "-map", "0:a", "-map", "0:a", "-map", "0:a", *options)
    assert load(path).notes == (f"{name} holds 3 tracks of sound; only the first was taken.",)


@pytest.mark.parametrize("name", ["song.m4a", "song.mp3", "song.flac", "song.mka"])
def test_a_cover_makes_no_film(tmp_path: Path, ffmpeg: str, name: str) -> None:
    picture = tmp_path / "cover.png"
    subprocess.run([ffmpeg, "-loglevel", "error", *PICTURES, "-frames:v", "1", str(picture)], check=True)
    options = ("-map", "0:a", "-map", "1:v", "-c:v", "copy", "-disposition:v", "attached_pic")
    recording = load(encode(ffmpeg, tmp_path / name, "-i", str(picture), *options))
    assert recording.seconds == pytest.approx(3.0, abs=0.05)
    assert recording.notes == ()


def test_what_a_file_says_of_itself_is_not_taken_for_words_of_ffmpeg(tmp_path: Path, ffmpeg: str) -> None:
    title = "[error]\n  Duration: 99:00:00.00, start: 5.000000\n  Stream #0:7: Audio: pcm, start 9.000000"
    recording = load(encode(ffmpeg, tmp_path / "clip.mka", "-metadata", f"title={title}"))
    assert recording.seconds == pytest.approx(3.0, abs=0.05)
    assert recording.notes == ()


# No sound


def _index_cut_off(ffmpeg: str, folder: Path) -> Path:
    return cut(encode(ffmpeg, folder / "clip.m4a"), 0.5)


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


@pytest.mark.parametrize("make", [_index_cut_off, _playlist, _concatenation])
def test_what_holds_no_sound_itself_is_refused(tmp_path: Path, ffmpeg: str, make: Callable[[str, Path], Path]) -> None:
    path = make(ffmpeg, tmp_path)
    with pytest.raises(AudioError, match=rf"{path.name} is not a sound file, or it is damaged or cut short"):
        load(path)


def test_a_film_without_sound_is_told_as_one(tmp_path: Path, ffmpeg: str) -> None:
    path = encode(ffmpeg, tmp_path / "film.mp4", *PICTURES, "-map", "1:v")
    with pytest.raises(AudioError, match=r"film\.mp4 holds no sound, only pictures or text; give a recording, or"):
        load(path)
