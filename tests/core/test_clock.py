"""When a recording began, by what recorders write: the most trusted first, and never a time that cannot be."""

from __future__ import annotations

import os
import struct
import subprocess
from datetime import datetime, timedelta, timezone
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
import soundfile
from mutants import MUTATIONS, Mutation, mutant
from sound_files import chirp, without_ffmpeg, write

from playitback import audio
from playitback.audio import containers

UTC = timezone.utc
SILENCE = np.zeros(1600, dtype=np.float32)


def zone(hours: float) -> timezone:
    return timezone(timedelta(hours=hours))


def chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)


def guano(timestamp: str) -> bytes:
    return chunk(b"guan", f"GUANO|Version: 1.0\nMake: Somebody\nTimestamp: {timestamp}\nNote: é\n".encode())


def wamd(timestamp: str) -> bytes:
    field = timestamp.encode()
    return chunk(b"wamd", struct.pack("<HIH", 0, 2, 1) + struct.pack("<HI", 5, len(field)) + field)


def bext(date: str, time: str) -> bytes:
    return chunk(b"bext", bytes(320) + date.encode().ljust(10, b"\0") + time.encode().ljust(8, b"\0") + bytes(264))


def info(**tags: str) -> bytes:
    return chunk(b"LIST", b"INFO" + b"".join(chunk(name.encode(), text.encode()) for name, text in tags.items()))


def wav(path: Path, *chunks: bytes) -> Path:
    """The first chunk stands before the sound, the others behind it."""
    content = write(path, SILENCE).read_bytes()
    head, sound = content[12:36], content[36:]
    inside = b"WAVE" + head + b"".join(chunks[:1]) + sound + b"".join(chunks[1:])
    path.write_bytes(b"RIFF" + struct.pack("<I", len(inside)) + inside)
    return path


AUDIOMOTH = "Recorded at 19:17:30 24/04/2022 (UTC) by AudioMoth 24F319055FDF2902 at medium gain while battery was 4.2V."


@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        ([guano("2017-04-29T23:05:41-05:00")], datetime(2017, 4, 29, 23, 5, 41, tzinfo=zone(-5))),
        ([info(), guano("2017-04-29T23:05:41Z")], datetime(2017, 4, 29, 23, 5, 41, tzinfo=UTC)),
        ([guano("2017-04-29 23:05:41.25")], datetime(2017, 4, 29, 23, 5, 41, 250_000)),
        ([guano("2017-04-29")], None),
        ([guano("2017-13-29T23:05:41")], None),
        ([guano("1601-01-01T00:00:00")], None),
        ([guano("0000-00-00T00:00:00")], None),
        ([guano("2017-04-29T24:00:00")], None),
        ([guano("2017-04-29T23:05:41+99:00")], None),
        ([chunk(b"guan", b"\xff\xfe" * 40_000)], None),
        ([chunk(b"guan", b"Timestamp:" * 20_000)], None),
        ([wamd("2014-04-02 22:59:14-05:00")], datetime(2014, 4, 2, 22, 59, 14, tzinfo=zone(-5))),
        ([wamd("2014-04-02 22:59:14")], datetime(2014, 4, 2, 22, 59, 14)),
        ([chunk(b"wamd", struct.pack("<HI", 5, 0xFFFFFFFF))], None),
        ([info(ICMT=AUDIOMOTH)], datetime(2022, 4, 24, 19, 17, 30, tzinfo=UTC)),
        ([chunk(b"LIST", b"adtl"), info(IART="x", ICMT=AUDIOMOTH)], datetime(2022, 4, 24, 19, 17, 30, tzinfo=UTC)),
        ([info(ICMT=AUDIOMOTH.replace("(UTC)", "(UTC+2)"))], datetime(2022, 4, 24, 19, 17, 30, tzinfo=zone(2))),
        ([info(ICMT=AUDIOMOTH.replace("(UTC)", "(UTC-3:30)"))], datetime(2022, 4, 24, 19, 17, 30, tzinfo=zone(-3.5))),
        ([info(ICMT=AUDIOMOTH.replace(" (UTC)", ""))], datetime(2022, 4, 24, 19, 17, 30, tzinfo=UTC)),
        ([info(ICMT=AUDIOMOTH.replace("24/04/2022", "01/01/1970"))], None),
        ([info(ICMT="Recorded at home")], None),
        ([bext("2024-01-31", "23:59:59")], datetime(2024, 1, 31, 23, 59, 59)),
        ([bext("2024:01:31", "23-59-59")], datetime(2024, 1, 31, 23, 59, 59)),
        ([bext("", "")], None),
        ([bext("0000-00-00", "00:00:00")], None),
        ([chunk(b"bext", bytes(325))], None),
        ([info(ICRD="2024-01-31T23:59:59Z")], datetime(2024, 1, 31, 23, 59, 59, tzinfo=UTC)),
        ([info(ICRD="2024-01-31")], None),
        ([], None),
    ],
)  # fmt: skip
def test_a_recorders_own_words_in_a_wav_are_read(
    tmp_path: Path, chunks: list[bytes], expected: datetime | None
) -> None:
    found = audio.recorded_at(wav(tmp_path / "clip.wav", *chunks))
    assert found == expected
    assert found is None or expected is None or found.utcoffset() == expected.utcoffset()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("20240131_235959.wav", datetime(2024, 1, 31, 23, 59, 59)),
        ("S4A00001_20240131_235959.wav", datetime(2024, 1, 31, 23, 59, 59)),
        ("SM304472_0+1_20240131$235959.wav", datetime(2024, 1, 31, 23, 59, 59)),
        ("20240131-235959_west.flac", datetime(2024, 1, 31, 23, 59, 59)),
        ("rec20240131235959.mp3", datetime(2024, 1, 31, 23, 59, 59)),
        ("2024-01-31T23-59-59.wav", datetime(2024, 1, 31, 23, 59, 59)),
        ("2024-01-31 23.59.59.wav", datetime(2024, 1, 31, 23, 59, 59)),
        ("2024-01-31_235959.wav", datetime(2024, 1, 31, 23, 59, 59)),
        ("2024-01-31_23-59-59-0200.wav", datetime(2024, 1, 31, 23, 59, 59)),
        ("2024-01-31T23:59:59+02:00.wav", datetime(2024, 1, 31, 23, 59, 59, tzinfo=zone(2))),
        ("2024_01_31_23_59_59.wav", datetime(2024, 1, 31, 23, 59, 59)),
        ("Turdus-91-2024-01-31-birdnet-RTSP_1-23:59:59.mp3", datetime(2024, 1, 31, 23, 59, 59)),
        ("20240131T235959Z.wav", datetime(2024, 1, 31, 23, 59, 59, tzinfo=UTC)),
        ("20240131T235959+1000_REC.wav", datetime(2024, 1, 31, 23, 59, 59, tzinfo=zone(10))),
        ("S20240131T235959.250-0330_E20240201T005957.wav", datetime(2024, 1, 31, 23, 59, 59, 250_000, zone(-3.5))),
        ("20240131_235959-0002.wav", datetime(2024, 1, 31, 23, 59, 59)),
        ("20240131T235959-0002.wav", datetime(2024, 1, 31, 23, 59, 59)),
        ("20241331_235959.wav", None),
        ("20241331_235959_20240131_235959.wav", datetime(2024, 1, 31, 23, 59, 59)),
        ("20240131_246000.wav", None),
        ("16010101_000000.wav", None),
        ("00000000_000000.wav", None),
        ("20000101_000013.wav", None),
        ("20240131_0001.wav", None),
        ("120240131_2359590.wav", None),
        ("5E3B2A10.WAV", datetime(2020, 2, 5, 20, 48, 16, tzinfo=UTC)),
        ("20240131.WAV", None),
        ("FFFFFFFF.WAV", None),
        ("00000000.WAV", None),
        ("5E3B2A10.flac", None),
        ("5e3b2a10.wav", None),
        ("clip.wav", None),
    ],
)  # fmt: skip
def test_names_that_recorders_give_are_read(tmp_path: Path, name: str, expected: datetime | None) -> None:
    (tmp_path / name).write_bytes(b"no sound")
    found = audio.recorded_at(tmp_path / name)
    assert found == expected
    assert found is None or expected is None or found.utcoffset() == expected.utcoffset()


def test_the_most_trusted_of_several_times_is_taken(tmp_path: Path) -> None:
    ordered = [
        guano("2001-01-01T10:00:00"),
        wamd("2002-01-01 10:00:00"),
        info(ICMT=AUDIOMOTH.replace("2022", "2003"), ICRD="2006-01-01T10:00:00"),
        bext("2004-01-01", "10:00:00"),
    ]
    years = []
    for count in range(len(ordered), -1, -1):
        kept = ordered[len(ordered) - count :]
        years.append(audio.recorded_at(wav(tmp_path / "20050101_100000.wav", *kept)))
    assert [each and each.year for each in years] == [2001, 2002, 2003, 2004, 2005]
    tagged = wav(tmp_path / "20050101_100000.wav", info(ICRD="2006-01-01T10:00:00"))
    assert audio.recorded_at(tagged) == datetime(2005, 1, 1, 10)


def test_a_time_that_cannot_be_gives_way_to_the_next_one(tmp_path: Path) -> None:
    path = wav(tmp_path / "20240131_235959.wav", guano("1970-01-01T00:00:03Z"), bext("2024-02-30", "10:00:00"))
    assert audio.recorded_at(path) == datetime(2024, 1, 31, 23, 59, 59)


@pytest.mark.parametrize("name", ["clip.flac", "clip.ogg", "clip.aiff", "clip.caf"])
def test_comments_and_dates_of_other_containers_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    without_ffmpeg(monkeypatch, tmp_path)
    assert audio.recorded_at(tagged(tmp_path / name, comment=AUDIOMOTH)) == datetime(
        2022, 4, 24, 19, 17, 30, tzinfo=UTC
    )
    if name != "clip.aiff":  # in which libsndfile writes no date
        assert audio.recorded_at(tagged(tmp_path / name, date="2024-01-31T23:59:59")) == datetime(
            2024, 1, 31, 23, 59, 59
        )
    assert audio.recorded_at(tagged(tmp_path / name, date="2024")) is None


def tagged(path: Path, **tags: str) -> Path:
    with soundfile.SoundFile(path, "w", 16_000, 1) as file:
        for name, text in tags.items():
            setattr(file, name, text)
        file.write(SILENCE)
    return path


@pytest.mark.parametrize("name", ["clip.m4a", "clip.mka", "clip.mp3"])
def test_what_only_ffmpeg_reads_is_asked_for_its_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    source, ffmpeg = write(tmp_path / "source.wav", chirp(1.0, 16_000)), imageio_ffmpeg.get_ffmpeg_exe()
    tags = ("-metadata", "creation_time=2024-01-31T23:59:59Z", "-metadata", "title=a=b")
    subprocess.run([ffmpeg, "-loglevel", "error", "-i", source, *tags, tmp_path / name], check=True)
    without_ffmpeg(monkeypatch, tmp_path)
    assert audio.recorded_at(tmp_path / name) is None
    (tmp_path / "bin" / "ffmpeg").symlink_to(ffmpeg)
    assert audio.recorded_at(tmp_path / name) == datetime(2024, 1, 31, 23, 59, 59, tzinfo=UTC)


@pytest.mark.parametrize("suffix", [b".wav", b".flac", b".ogg"])
def test_a_name_that_is_no_text_is_in_nobodys_way(tmp_path: Path, suffix: bytes) -> None:
    plain = tmp_path / f"plain{suffix.decode()}"
    soundfile.write(plain, np.zeros(800, np.float32), 8000)
    strange = Path(os.fsdecode(os.fsencode(tmp_path) + b"/20240229_010203\xff" + suffix))
    plain.rename(strange)
    assert audio.recorded_at(strange) == datetime(2024, 2, 29, 1, 2, 3)
    unnamed = strange.rename(Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff" + suffix)))
    assert audio.recorded_at(unnamed) is None


def test_what_cannot_be_opened_is_known_by_its_name_alone(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "20240131_235959.wav")
    for path in (tmp_path / "20240131_235959.wav", tmp_path / "missing" / "20240131_235959.wav"):
        assert audio.recorded_at(path) == datetime(2024, 1, 31, 23, 59, 59)
    assert audio.recorded_at(tmp_path) is None
    assert audio.recorded_at(tmp_path / "a\0b.wav") is None


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda each: each.__name__)
def test_a_damaged_file_tells_a_time_that_can_be_or_none(tmp_path: Path, mutation: Mutation, seed: int) -> None:
    chunks = (info(ICMT=AUDIOMOTH), guano("2017-04-29T23:05:41Z"), wamd("2014-04-02 22:59:14"))
    content = wav(tmp_path / "clip.wav", *chunks).read_bytes()
    others = [content, tagged(tmp_path / "clip.flac", comment=AUDIOMOTH).read_bytes()]
    for each in others:
        (tmp_path / "clip.wav").write_bytes(mutant(each, mutation, str(seed), others))
        found = audio.recorded_at(tmp_path / "clip.wav")
        assert found is None or 1900 <= found.year <= 2099


def test_no_more_of_a_chunk_is_read_than_a_recorder_writes(tmp_path: Path) -> None:
    huge = wav(tmp_path / "clip.wav", chunk(b"guan", b"x" * 200_000), guano("2017-04-29T23:05:41Z"))
    with huge.open("rb", buffering=0) as file:
        lengths = [len(content) for _, content in containers.riff_chunks(file, (b"guan",))]
    assert lengths == [containers.CHUNK_BYTES, 75]


def test_the_chunks_behind_a_long_recording_are_found(tmp_path: Path) -> None:
    """RF64 keeps the length of its sound elsewhere."""
    samples = write(tmp_path / "clip.rf64", SILENCE, format="RF64", subtype="PCM_16")
    samples.write_bytes(samples.read_bytes() + guano("2017-04-29T23:05:41Z"))
    assert audio.recorded_at(samples) == datetime(2017, 4, 29, 23, 5, 41, tzinfo=UTC)


@pytest.mark.parametrize(
    ("start", "seconds", "expected"),
    [
        (datetime(2024, 1, 31, 23, 59, 59), 0.0, "2024-01-31T23:59:59.000"),
        (datetime(2024, 1, 31, 23, 59, 59), 1.2345, "2024-02-01T00:00:00.234"),
        (datetime(2024, 1, 31, 23, 59, 59, tzinfo=zone(-3.5)), 3600, "2024-02-01T00:59:59.000-03:30"),
        (datetime(2024, 1, 31, tzinfo=UTC), 0.5, "2024-01-31T00:00:00.500+00:00"),
        (datetime(2024, 1, 31), 1e12, ""),
        (None, 1.0, ""),
    ],
)
def test_a_moment_of_a_recording_is_told_as_clock_time(start: datetime | None, seconds: float, expected: str) -> None:
    assert audio.clock_text(start, seconds) == expected
