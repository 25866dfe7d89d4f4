"""Headers that say too little, or what cannot all be true: all is read, and it is told."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from sound_files import ENCODINGS, chirp, load, without_ffmpeg, write

from playitback.audio import ogg

LONGER = "is longer than its header says; it was read to the end of the file."


@pytest.fixture(autouse=True)
def no_ffmpeg(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    without_ffmpeg(monkeypatch, tmp_path)


def flac_of(path: Path, samples: np.ndarray, promised: int) -> Path:
    """A FLAC with another number of samples in its STREAMINFO."""
    write(path, samples, format="FLAC", subtype="PCM_16")
    content = bytearray(path.read_bytes())
    described = int.from_bytes(content[18:26], "big") >> 36 << 36 | promised
    content[18:26] = described.to_bytes(8, "big")
    path.write_bytes(content)
    return path


def with_frames_counted(path: Path, count: int) -> Path:
    """An MP3 with another number of frames in its first one."""
    content = bytearray(path.read_bytes())
    at = next(content.find(mark) for mark in (b"Xing", b"Info") if mark in content) + 8
    content[at : at + 4] = count.to_bytes(4, "big")
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("promised", [1, 16_000, 63_000])
def test_a_flac_of_more_samples_than_it_promises_is_read_whole(tmp_path: Path, promised: int) -> None:
    samples = chirp(4.0, 16_000)
    whole = load(write(tmp_path / "whole.flac", samples)).samples
    path = flac_of(tmp_path / "clip.flac", samples, promised)
    recording = load(path)
    assert recording.notes == (f"clip.flac {LONGER}",)
    np.testing.assert_array_equal(recording.samples, whole)
    np.testing.assert_array_equal(load(path, start_seconds=3.0).samples, whole[48_000:])


@pytest.mark.parametrize("seconds", [0.25, 0.256, 1.0, 30.0])
@pytest.mark.parametrize("rate", [8_000, 11_025, 44_100, 96_000, 384_000])
def test_a_flac_that_keeps_its_promise_gets_no_note(tmp_path: Path, seconds: float, rate: int) -> None:
    recording = load(write(tmp_path / "clip.flac", chirp(min(seconds, 2e6 / rate), rate, 2), rate))
    assert [note for note in recording.notes if "sampled at" not in note] == []


def test_how_little_a_flac_lacks_is_told_in_figures_that_differ(tmp_path: Path) -> None:
    (note,) = load(flac_of(tmp_path / "clip.flac", chirp(2.0, 16_000), 32_001)).notes
    assert "its header promises 2.00006 s, of which 2.00000 s can be decoded" in note


@pytest.mark.parametrize("counted", [0, 1, 20])
def test_an_mp3_of_more_frames_than_it_counts_is_read_whole(tmp_path: Path, counted: int) -> None:
    path = write(tmp_path / "clip.mp3", chirp(4.0, 16_000), format="MP3", subtype="MPEG_LAYER_III")
    whole = load(path).samples
    recording = load(with_frames_counted(path, counted))
    assert recording.notes == (f"clip.mp3 {LONGER}",)
    assert len(recording.samples) >= len(whole)
    np.testing.assert_allclose(recording.samples[:60_000], whole[:60_000], atol=1e-4)


def test_an_mp3_with_all_of_its_frames_is_whole_whatever_bytes_it_counts(tmp_path: Path) -> None:
    path = write(tmp_path / "clip.mp3", chirp(4.0, 16_000), format="MP3", subtype="MPEG_LAYER_III")
    content = bytearray(path.read_bytes())
    at = next(content.find(mark) for mark in (b"Xing", b"Info") if mark in content) + 12
    content[at : at + 4] = (9 * len(content)).to_bytes(4, "big")
    path.write_bytes(content)
    assert load(path).notes == ()


def test_of_a_wav_with_two_stretches_of_sound_the_first_is_read_and_that_is_told(tmp_path: Path) -> None:
    samples = chirp(2.0, 16_000)
    content = write(tmp_path / "whole.wav", samples).read_bytes()
    whole = load(tmp_path / "whole.wav").samples
    head, sound = content[:36], content[44:]
    stretches = [b"data" + len(part).to_bytes(4, "little") + part for part in (sound[:20_000], sound[20_000:])]
    path = tmp_path / "clip.wav"
    path.write_bytes(head + b"".join(stretches))
    recording = load(path)
    np.testing.assert_array_equal(recording.samples, whole[:10_000])
    (note,) = recording.notes
    assert note.startswith("clip.wav holds another recording, of another kind, from 0.62 s on; only what comes before")


CONTRADICTIONS = {  # byte of the header, form, number, what is told
    "channels": (22, "<H", 2, r"2 x 16 bits would be 4 bytes at a time, and it says 2"),
    "bits": (34, "<H", 8, r"1 x 8 bits would be 1 bytes at a time, and it says 2"),
    "more bits": (34, "<H", 24, r"1 x 24 bits would be 3 bytes at a time, and it says 2"),
    "bytes": (32, "<H", 4, r"1 x 16 bits would be 2 bytes at a time, and it says 4"),
    "rate": (24, "<I", 8_000, r"8000 Hz would be 16000 bytes a second, and it says 32000"),
    "a-law": (20, "<H", 6, r"1 x 8 bits would be 1 bytes at a time, and it says 2"),
}


@pytest.mark.parametrize("case", CONTRADICTIONS)
def test_a_wav_that_contradicts_itself_is_told(tmp_path: Path, case: str) -> None:
    at, form, number, told = CONTRADICTIONS[case]
    path = write(tmp_path / "clip.wav", chirp(2.0, 16_000))
    content = bytearray(path.read_bytes())
    struct.pack_into(form, content, at, number)
    path.write_bytes(content)
    note = load(path).notes[0]
    assert note == f"clip.wav contradicts itself in its header ({told}), so it may not sound as it was recorded."


@pytest.mark.parametrize(("suffix", "container", "subtype"), ENCODINGS)
@pytest.mark.parametrize("channels", [1, 2])
def test_what_does_not_contradict_itself_gets_no_such_note(
    tmp_path: Path, suffix: str, container: str, subtype: str, channels: int
) -> None:
    if subtype == "GSM610" and channels == 2:
        channels = 1  # it knows no more
    path = write(tmp_path / f"clip.{suffix}", chirp(1.0, 16_000, channels), format=container, subtype=subtype)
    assert load(path).notes == ()


def test_what_a_wav_leaves_at_nothing_contradicts_nothing(tmp_path: Path) -> None:
    path = write(tmp_path / "clip.wav", chirp(2.0, 16_000))
    content = bytearray(path.read_bytes())
    content[28:34] = bytes(6)  # bytes a second, and bytes a frame
    path.write_bytes(content)
    assert load(path).notes == ()


# The last page of an OGG tells how long it is


def pages_of(content: bytes) -> list[bytes]:
    found, at = [], 0
    with io.BytesIO(content) as file:
        while at < len(content):
            page, count = ogg.page_at(file, at)  # type: ignore[arg-type]
            found.append(page)
            at += count
    return found


@pytest.mark.parametrize(
    ("granule", "told"),
    [
        (-1, "is longer than its header says; it was read to the end of the file"),
        (8_000, "is longer than its header says; it was read to the end of the file"),
        (10**9, "is cut short or damaged: it promises more at its end than there is; what is there was read"),
        (2**62, "is cut short or damaged: it promises more at its end than there is; what is there was read"),
    ],
)
@pytest.mark.parametrize(("suffix", "subtype"), [("ogg", "VORBIS"), ("opus", "OPUS")])
@pytest.mark.parametrize("seconds", [0.5, 6.0])
def test_an_ogg_is_as_long_as_what_it_holds_whatever_its_last_page_tells(
    tmp_path: Path, granule: int, told: str, suffix: str, subtype: str, seconds: float
) -> None:
    path = write(tmp_path / f"clip.{suffix}", chirp(seconds, 16_000), format="OGG", subtype=subtype)
    whole = load(path).samples
    *before, last = pages_of(path.read_bytes())
    path.write_bytes(b"".join((*before, ogg.that_ends_at(last, granule))))
    recording = load(path)
    if granule == 8_000 and seconds == 0.5:  # nearly its whole length, in Vorbis
        assert recording.seconds > 0.1
        return
    assert recording.notes == (f"clip.{suffix} {told}.",)
    assert recording.seconds == pytest.approx(seconds, abs=0.15)
    compared = len(whole) - 1_000
    np.testing.assert_allclose(recording.samples[:compared], whole[:compared], atol=1e-4)


@pytest.mark.parametrize(("suffix", "subtype"), [("ogg", "VORBIS"), ("opus", "OPUS")])
@pytest.mark.parametrize("seconds", [0.1, 0.3, 1.0, 5.0, 60.0])
@pytest.mark.parametrize("rate", [8_000, 48_000])
def test_an_ogg_that_tells_its_length_gets_no_note(
    tmp_path: Path, suffix: str, subtype: str, seconds: float, rate: int
) -> None:
    path = write(tmp_path / f"clip.{suffix}", chirp(seconds, rate, 2), rate, format="OGG", subtype=subtype)
    assert [note for note in load(path).notes if "was sampled at" not in note] == []


def test_an_ogg_that_nobody_ended_is_whole(tmp_path: Path) -> None:
    path = write(tmp_path / "clip.opus", chirp(6.0, 16_000), format="OGG", subtype="OPUS")
    *before, last = pages_of(path.read_bytes())
    (granule,) = struct.unpack_from("<q", last, 6)
    not_the_last = last[:5] + bytes([last[5] & ~4]) + last[6:]
    path.write_bytes(b"".join((*before, ogg.that_ends_at(not_the_last, granule))))
    assert load(path).notes == ()
