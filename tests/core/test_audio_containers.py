"""One rule for every container: what is there is read, and what is missing, damaged or joined is told."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from mutants import refusal
from sound_files import ENCODINGS, chirp, load, stream, without_ffmpeg, write
from tiny import cut

from playitback import audio
from playitback.errors import AudioError

OTHERS = [
    ("caf", "CAF", "PCM_16"),
    ("au", "AU", "PCM_16"),
    ("w64", "W64", "PCM_16"),
    ("nist", "NIST", "PCM_16"),
    ("nist", "NIST", "ULAW"),
    ("voc", "VOC", "PCM_16"),
    ("svx", "SVX", "PCM_16"),
]
#: container -> where the length of the sound is written: behind these bytes, how many bytes behind, and how
LENGTHS = {
    "WAV": (b"data", 4, "<I"),
    "RF64": (b"ds64", 16, "<Q"),
    "AIFF": (b"SSND", 4, ">I"),
    "CAF": (b"data", 4, ">q"),
    "AU": (b".snd", 8, ">I"),
    "W64": (b"data\xf3\xac", 16, "<q"),
    "SVX": (b"BODY", 4, ">I"),
}


@pytest.fixture(autouse=True)
def no_ffmpeg(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    without_ffmpeg(monkeypatch, tmp_path)


def sound_in(folder: Path, container: str, samples: np.ndarray, subtype: str = "PCM_16", rate: int = 16_000) -> Path:
    suffix = next(suffix for suffix, each, _ in ENCODINGS + OTHERS if each == container)
    return write(folder / f"clip.{suffix}", samples, rate, format=container, subtype=subtype)


def with_length(path: Path, container: str, length: int) -> Path:
    """The same file with another number in its header."""
    mark, behind, form = LENGTHS[container]
    content = bytearray(path.read_bytes())
    struct.pack_into(form, content, content.index(mark) + behind, length)
    path.write_bytes(content)
    return path


def with_a_hole(path: Path, share: float = 0.5, count: int = 400) -> Path:
    """The same file with zeros where other bytes were."""
    content = bytearray(path.read_bytes())
    at = round(share * len(content))
    content[at : at + count] = bytes(count)
    path.write_bytes(content)
    return path


# Cut short


@pytest.mark.parametrize(("suffix", "container", "subtype"), ENCODINGS + OTHERS)
@pytest.mark.parametrize("share", [0.98, 0.5])
def test_of_a_file_cut_short_is_read_what_is_there(
    tmp_path: Path, suffix: str, container: str, subtype: str, share: float
) -> None:
    path = write(tmp_path / f"clip.{suffix}", chirp(6.0, 16_000), format=container, subtype=subtype)
    whole = load(path)
    recording = load(cut(path, share))
    assert (share - 0.25) * whole.seconds < recording.seconds < whole.seconds
    (note,) = (note for note in recording.notes if "Hz" not in note)
    assert note.startswith(f"{path.name} is cut short")
    assert note.endswith("what is there was read.")
    assert audio.probe(path).notes == recording.info.notes == (note,)
    compared = len(recording.samples) - 4_000  # a decoder fades out at its end
    np.testing.assert_allclose(recording.samples[:compared], whole.samples[:compared], atol=1e-4)


def test_how_much_is_missing_is_told(tmp_path: Path) -> None:
    path = cut(sound_in(tmp_path, "WAV", chirp(2.0, 16_000)), 0.25)
    assert "75 % of the sound that its header promises is missing" in load(path, window_seconds=0.2).notes[0]


def test_of_a_file_of_which_next_to_nothing_is_left_that_is_told(tmp_path: Path) -> None:
    path = cut(sound_in(tmp_path, "WAV", chirp(5.0, 16_000)), 0.01)
    with pytest.raises(
        AudioError, match=r"is cut short: 99 % of .*; only 0\.048 s of it can be heard; at least 0\.1 s"
    ):
        load(path)


@pytest.mark.parametrize(("suffix", "container", "subtype"), ENCODINGS + OTHERS)
def test_a_whole_file_gets_no_note(tmp_path: Path, suffix: str, container: str, subtype: str) -> None:
    path = write(tmp_path / f"clip.{suffix}", chirp(1.0, 16_000), format=container, subtype=subtype)
    assert load(path).notes == ()


@pytest.mark.parametrize(
    ("suffix", "container"), [("sf", "IRCAM"), ("paf", "PAF"), ("pvf", "PVF"), ("mat", "MAT5"), ("avr", "AVR")]
)
def test_of_a_container_whose_end_is_not_known_that_is_told(tmp_path: Path, suffix: str, container: str) -> None:
    path = write(tmp_path / f"clip.{suffix}", chirp(2.0, 16_000), format=container, subtype="PCM_16")
    for _ in ("whole", "cut short"):
        (note,) = load(path).notes
        assert note == (
            f"clip.{suffix} tells no length that can be checked here: were its end missing, that might not show."
        )
        cut(path, 0.5)


def test_a_flac_that_lacks_no_more_than_its_last_block_is_told(tmp_path: Path) -> None:
    path = sound_in(tmp_path, "FLAC", chirp(8 * 4_096 / 16_000 + 0.02, 16_000))  # a last block of 0.02 s
    content = path.read_bytes()
    path.write_bytes(content[:-200])
    assert "is cut short or damaged" in load(path, window_seconds=1.0).notes[0]


# Lengths that contradict the file


@pytest.mark.parametrize("length", [0, 1_000, 20_000])
@pytest.mark.parametrize("container", LENGTHS)
def test_a_file_longer_than_its_header_says_is_read_to_its_end(tmp_path: Path, container: str, length: int) -> None:
    path = sound_in(tmp_path, container, chirp(2.0, 16_000))
    whole = load(path)
    recording = load(with_length(path, container, length))
    (note,) = recording.notes
    assert "read to the end of the file" in note
    np.testing.assert_array_equal(recording.samples, whole.samples)


@pytest.mark.parametrize(
    ("container", "length"),
    [
        *[("WAV", length) for length in (0x7FFFFFFF, 0xFFFFFFFF, 0x7FFFF024)],
        ("RF64", 2**64 - 1),
        ("AIFF", 0x7FFFFFFF),
        ("AU", 0xFFFFFFFF),
        ("CAF", -1),
        ("W64", -1),
    ],
)
def test_a_file_written_to_a_pipe_is_read_to_its_end(tmp_path: Path, container: str, length: int) -> None:
    """Such a header cannot know its length and holds the largest number, or nearly."""
    path = sound_in(tmp_path, container, chirp(2.0, 16_000))
    whole = load(path)
    recording = load(with_length(path, container, length))
    assert recording.notes == (f"{path.name} does not say how long it is; it was read to the end of the file.",)
    np.testing.assert_array_equal(recording.samples, whole.samples)


@pytest.mark.parametrize(
    ("container", "mark", "behind", "number"),
    [
        ("AU", b".snd", 4, 0xF0000018.to_bytes(4, "big")),  # the sound begins far behind the end of the file
        ("AU", b".snd", 4, 0xF000001800000000.to_bytes(8, "big")),  # and has no length
        ("CAF", b"desc", 4, (2**63 - 1).to_bytes(8, "big")),
        ("CAF", b"data", 4, (2**63 - 1).to_bytes(8, "big")),
        ("W64", b"fmt \xf3\xac", 16, (2**63 - 1).to_bytes(8, "little")),
        ("RF64", b"ds64", 16, (2**63 - 1).to_bytes(8, "little")),
    ],
)
def test_lengths_beyond_any_file_are_refused_or_told(
    tmp_path: Path, container: str, mark: bytes, behind: int, number: bytes
) -> None:
    path = sound_in(tmp_path, container, chirp(2.0, 16_000))
    content = bytearray(path.read_bytes())
    at = content.index(mark) + behind
    content[at : at + len(number)] = number
    path.write_bytes(content)
    refused = refusal(lambda: load(path), AudioError)
    assert (refused is not None and path.name in refused) or load(path).notes


def test_an_mp3_that_promises_years_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    path = sound_in(tmp_path, "MP3", chirp(2.0, 16_000), "MPEG_LAYER_III")
    content = bytearray(path.read_bytes())
    at = next(content.find(mark) for mark in (b"Xing", b"Info") if mark in content) + 8
    content[at : at + 4] = b"\xff" * 4  # frames
    path.write_bytes(content)
    recording = load(path)
    assert recording.seconds == pytest.approx(2.0, abs=0.2)
    assert "can be decoded; what is there was read" in recording.notes[0]


def test_a_nist_file_of_more_samples_than_it_says_is_read_to_its_end(tmp_path: Path) -> None:
    path = sound_in(tmp_path, "NIST", chirp(2.0, 16_000))
    path.write_bytes(path.read_bytes().replace(b"sample_count -i 32000", b"sample_count -i 12000"))
    recording = load(path)
    assert recording.seconds == 2.0
    assert "read to the end of the file" in recording.notes[0]


def test_a_wav_whose_header_counts_itself_is_whole(tmp_path: Path) -> None:
    path = sound_in(tmp_path, "WAV", chirp(2.0, 16_000))
    recording = load(with_length(path, "WAV", path.stat().st_size))
    assert (recording.seconds, recording.notes) == (2.0, ())


@pytest.mark.parametrize(
    "behind",
    [
        b"LIST\x0a\0\0\0INFOabcdef",
        b"TAG" + bytes(range(1, 126)),
        b"ID3\x04" + bytes(range(256)) * 20,
        bytes(30_000),
        b"bext\x00\x10\0\0" + bytes(range(256)) * 16,
    ],
)
def test_what_programs_write_behind_the_sound_is_no_sound(tmp_path: Path, behind: bytes) -> None:
    path = sound_in(tmp_path, "WAV", chirp(2.0, 16_000))
    path.write_bytes(path.read_bytes() + behind)
    recording = load(path)
    assert (recording.seconds, recording.notes) == (2.0, ())


# Joined


@pytest.mark.parametrize(
    "container", ["WAV", "RF64", "AIFF", "CAF", "AU", "W64", "NIST", "VOC", "SVX", "FLAC", "OGG", "MP3"]
)
def test_joined_recordings_are_read_one_after_the_other(tmp_path: Path, container: str) -> None:
    subtype = {"OGG": "VORBIS", "MP3": "MPEG_LAYER_III"}.get(container, "PCM_16")
    path = sound_in(tmp_path, container, chirp(2.0, 16_000), subtype)
    first = load(path).samples
    content = path.read_bytes()
    path = sound_in(tmp_path, container, chirp(3.0, 16_000)[::-1].copy(), subtype)
    second = load(path).samples
    path.write_bytes(content + path.read_bytes())
    recording = load(path)
    assert recording.notes == (
        f"{path.name} is 2 recordings joined into one file; they were read one after the other.",
    )
    np.testing.assert_allclose(recording.samples, np.concatenate([first, second]), atol=1e-4)
    later = load(path, start_seconds=1.5, window_seconds=1.0)  # over the border
    np.testing.assert_allclose(later.samples, recording.samples[24_000:40_000], atol=1e-4)
    *_, last = stream(path, window_seconds=1.0)
    np.testing.assert_allclose(last.samples, recording.samples[-len(last.samples) :], atol=1e-4)


def test_a_file_joined_with_itself_is_read_twice(tmp_path: Path) -> None:
    """Both links of the OGG chain bear the same number then."""
    path = write(tmp_path / "clip.opus", chirp(2.0, 16_000), format="OGG", subtype="OPUS")
    path.write_bytes(2 * path.read_bytes())
    assert load(path).seconds == pytest.approx(4.0)


@pytest.mark.parametrize("container", ["WAV", "FLAC", "OGG", "MP3"])
def test_of_joined_recordings_of_two_kinds_the_first_is_read(tmp_path: Path, container: str) -> None:
    subtype = {"OGG": "VORBIS", "MP3": "MPEG_LAYER_III"}.get(container, "PCM_16")
    content = sound_in(tmp_path, container, chirp(2.0, 16_000), subtype).read_bytes()
    path = sound_in(tmp_path, container, chirp(2.0, 44_100, 2), subtype, 44_100)
    path.write_bytes(content + path.read_bytes())
    recording = load(path)
    assert recording.seconds == 2.0
    (note,) = recording.notes
    assert "holds another recording, of another kind, from 2.00 s on; only what comes before was read" in note


# Damage


def test_around_a_damaged_block_of_flac_everything_is_read(tmp_path: Path) -> None:
    path = sound_in(tmp_path, "FLAC", chirp(10.0, 16_000))
    whole = load(path).samples
    recording = load(with_a_hole(path))
    (note,) = recording.notes
    assert note.startswith("clip.flac is damaged: of 0.00 s to 10.00 s, 0.26 s cannot be decoded")
    lost = np.flatnonzero(recording.samples != whole)
    assert lost[-1] - lost[0] < 4_096  # a block
    assert not recording.samples[lost].any()
    beside = load(path, start_seconds=8.0, window_seconds=1.0)
    np.testing.assert_array_equal(beside.samples, whole[8 * 16_000 : 9 * 16_000])
    assert not any("damaged" in note for note in beside.notes)
    middle = lost[0] / 16_000 + 0.05  # a window that begins in the damage
    np.testing.assert_array_equal(
        load(path, start_seconds=middle, window_seconds=1.0).samples,
        recording.samples[round(middle * 16_000) :][:16_000],
    )
    for window in stream(path, window_seconds=1.5, hop_seconds=0.7):
        first = round(window.start_seconds * 16_000)
        np.testing.assert_array_equal(window.samples, recording.samples[first : first + len(window.samples)])


@pytest.mark.parametrize("holes", [(0.2, 0.7), (0.3, 0.32, 0.34), (0.001,)])
def test_a_flac_damaged_in_several_places_is_read_around_them(tmp_path: Path, holes: tuple[float, ...]) -> None:
    path = sound_in(tmp_path, "FLAC", chirp(10.0, 16_000))
    whole = load(path).samples
    for share in holes:
        with_a_hole(path, share, 40)
    recording = load(path)
    assert "cannot be decoded and are silent instead" in recording.notes[0]
    different = recording.samples != whole
    assert 0 < different.sum() <= 2 * 4_096 * len(holes)
    assert not recording.samples[different].any()


@pytest.mark.parametrize(("suffix", "subtype"), [("ogg", "VORBIS"), ("opus", "OPUS")])
@pytest.mark.parametrize("count", [1, 400, 6_000])
def test_a_damaged_page_of_ogg_is_told_of_every_window(tmp_path: Path, suffix: str, subtype: str, count: int) -> None:
    path = write(tmp_path / f"clip.{suffix}", chirp(20.0, 16_000), format="OGG", subtype=subtype)
    content = bytearray(path.read_bytes())
    at = len(content) // 2
    content[at : at + count] = bytes(byte ^ 0xFF for byte in content[at : at + count])
    path.write_bytes(content)
    for start in (0.0, 15.0):
        notes = load(path, start_seconds=start, window_seconds=1.0).notes
        assert "is damaged near " in notes[0]
        assert 7 < float(notes[0].partition("near ")[2].split()[0]) < 12


@pytest.mark.parametrize(("container", "subtype"), [("OGG", "VORBIS"), ("MP3", "MPEG_LAYER_III")])
def test_what_damage_takes_of_other_encodings_is_told(tmp_path: Path, container: str, subtype: str) -> None:
    recording = load(with_a_hole(sound_in(tmp_path, container, chirp(10.0, 16_000), subtype)))
    assert recording.seconds == pytest.approx(10.0, abs=0.1)
    assert "is damaged: of 0.00 s to 10.00 s," in recording.notes[-1]


def test_a_flac_stream_of_open_length_is_counted(tmp_path: Path) -> None:
    path = sound_in(tmp_path, "FLAC", chirp(30.0, 16_000))
    content = bytearray(path.read_bytes())
    content[21] &= 0xF0  # the 36 bits of the number of samples
    content[22:26] = bytes(4)
    path.write_bytes(content)
    assert audio.probe(path).seconds == 30.0
    assert load(path, start_seconds=29.0).seconds == 1.0
    cut(path, 0.5)
    assert load(path).seconds == pytest.approx(15.0, abs=1.0)
    assert "is cut short or damaged: it cannot be decoded beyond 1" in load(path).notes[0]
