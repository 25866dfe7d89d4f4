"""When a recording began, by the clock of what recorded it: as its recorder wrote it into the file or its name.

The first of these that tells a time that can be is taken, the most trusted first:

    1. GUANO metadata (the RIFF chunk "guan"): Timestamp
    2. the metadata of Wildlife Acoustics (the RIFF chunk "wamd")
    3. the comment of an AudioMoth, in a container of any kind: "Recorded at 19:17:30 24/04/2022 (UTC+2) by AudioMoth"
    4. Broadcast Wave (the RIFF chunk "bext"): OriginationDate and OriginationTime
    5. the file's name: 20240131_235959, 20240131T235959Z, 2024-01-31T23-59-59, SM001_20240131$235959 of Song Meters,
       2024-01-31-birdnet-23:59:59, and the eight digits of early AudioMoths, 5E3B2A10.WAV
    6. dates of other tags, if they tell the time of day: many programs and phones write there when a file was finished

The zone of a time is told by 1 to 3, by names that have one (Z, +0200), by AudioMoth's digits, and by films, whose tags
are in UTC. The others are local to the recorder.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path

import soundfile

from playitback.audio import containers, ffmpeg

_FIRST_YEAR, _LAST_YEAR = 1900, 2099
_UNSET = {(1904, 1, 1), (1970, 1, 1), (1980, 1, 1), (2000, 1, 1)}  # where clocks begin that nobody has set
_FIRST_AUDIOMOTH = datetime(2017, 1, 1, tzinfo=timezone.utc)  # before, eight digits are a number of something else
_AUDIOMOTH_DIGITS = re.compile(r"[0-9A-F]{8}")

_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):?(\d\d):?(\d\d)(?:[.,](\d{1,9}))? ?(Z|[+-]\d\d(?::?\d\d)?)?(?![\d:])"
)
_BROADCAST = re.compile(r"(\d{4})[-_: ./](\d\d)[-_: ./](\d\d) (\d\d)[-_: ./](\d\d)[-_: ./](\d\d)")
_AUDIOMOTH = re.compile(
    r"Recorded at (\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))? (\d\d)/(\d\d)/(\d{4})(?: \(UTC([+-]\d{1,2}(?::\d\d)?)?\))?"
)
#: Times in names; the zone only behind a T, for behind "_" +0200 may be a number.
_IN_NAMES = (
    re.compile(
        r"(?<!\d)(\d{4})-?(\d\d)-?(\d\d)T(\d\d)[-:.]?(\d\d)[-:.]?(\d\d)(?:[.,](\d{1,9}))?"
        r"(Z|[+-]\d\d:?(?:00|15|30|45))?(?!\d)"
    ),
    re.compile(
        r"(?<!\d)(\d{4})-(\d\d)-(\d\d)(?:[_ ]|-(?:birdnet-)?(?:RTSP_\d+-)?)(\d\d)[-:.]?(\d\d)[-:.]?(\d\d)()(Z)?(?!\d)"
    ),
    re.compile(r"(?<!\d)(\d{4})(\d\d)(\d\d)[-_ $.]?(\d\d)(\d\d)(\d\d)()(Z)?(?!\d)"),
    re.compile(r"(?<!\d)(\d{4})_(\d\d)_(\d\d)_(\d\d)_(\d\d)_(\d\d)()(Z)?(?!\d)"),
)
_TAGS = ("com.apple.quicktime.creationdate", "creation_time", "date", "ICRD")  # the first knows the zone

_BEXT_DATE = slice(320, 330)  # behind description, originator and its reference (EBU Tech 3285)
_BEXT_TIME = slice(330, 338)
_WAMD_TIME = 5


def recorded_at(path: Path) -> datetime | None:
    """When a recording began; None where nothing tells it, or only what cannot be (a 13th month, the year 1601).

    With a zone where that is told, else without one, in the recorder's local time. Never raises for what a file holds.
    """
    for told in _told(path):
        if told is not None:
            return told
    return None


def clock_text(start: datetime | None, seconds: float) -> str:
    """ "2024-01-31T23:59:59.500+02:00" (ISO 8601) of a moment so many seconds after a start; "" where that is unknown,
    and behind the year 9999."""
    moment = moment_after(start, round(1000 * seconds) / 1000)
    return "" if moment is None else moment.isoformat(timespec="milliseconds")


def moment_after(start: datetime | None, seconds: float) -> datetime | None:
    """So many seconds after a start; None where that is unknown, and behind the year 9999."""
    try:
        return None if start is None else start + timedelta(seconds=seconds)
    except OverflowError:
        return None


def _told(path: Path) -> Iterator[datetime | None]:
    if path.is_file():  # a pipe would make us wait
        chunks = _chunks(path)
        tags = _tags_of_riff(chunks.get(b"LIST", b"")) if chunks else _tags(path)
        yield _by_guano(chunks.get(b"guan", b""))
        yield _by_wamd(chunks.get(b"wamd", b""))
        yield _by_audiomoth(tags)
        yield _by_bext(chunks.get(b"bext", b""))
        yield _by_name(path.name)
        for name in _TAGS:
            yield _by_iso(tags.get(name, ""))
    else:
        yield _by_name(path.name)


def _chunks(path: Path) -> dict[bytes, bytes]:
    """What a RIFF or RF64 file tells about its sound, the first chunk of a name; {} of other files, and of what cannot
    be read."""
    found: dict[bytes, bytes] = {}
    with suppress(OSError), path.open("rb", buffering=0) as file:
        for name, content in containers.riff_chunks(file, (b"guan", b"wamd", b"bext", b"LIST")):
            if name != b"LIST" or content.startswith(b"INFO"):
                found.setdefault(name, content)
    return found


def _tags(path: Path) -> dict[str, str]:
    """Of a container of another kind: by libsndfile, or by ffmpeg for what it cannot read, and for MP3, whose tags it
    leaves unread."""
    with (
        suppress(soundfile.LibsndfileError, OSError, TypeError),
        path.open("rb") as content,  # a name that is no text can be opened, though not by libsndfile
        soundfile.SoundFile(content) as file,
    ):
        if file.format != "MP3":
            return {name: str(value) for name, value in file.copy_metadata().items()}
    program = ffmpeg.program()
    return {} if program is None else _tags_of_ffmpeg(ffmpeg.metadata(program, path))


def _by_guano(chunk: bytes) -> datetime | None:
    for line in _text(chunk).splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "Timestamp":
            return _by_iso(value.strip())
    return None


def _by_wamd(chunk: bytes) -> datetime | None:
    """Fields of a number, a length and a content."""
    at = 0
    while at + 6 <= len(chunk):
        number, count = struct.unpack_from("<HI", chunk, at)
        if number == _WAMD_TIME:
            return _by_iso(_text(chunk[at + 6 : at + 6 + count]))
        at += 6 + count
    return None


def _by_audiomoth(tags: dict[str, str]) -> datetime | None:
    for value in tags.values():
        if found := _AUDIOMOTH.search(value):
            hour, minute, second, fraction, day, month, year, zone = found.groups()
            return _moment((year, month, day, hour, minute, second), fraction, zone or "Z")
    return None


def _by_bext(chunk: bytes) -> datetime | None:
    found = _BROADCAST.fullmatch(f"{_text(chunk[_BEXT_DATE])} {_text(chunk[_BEXT_TIME])}")
    return _moment(found.groups(), None, None) if found else None


def _by_name(name: str) -> datetime | None:
    stem = Path(name).stem
    found = (match for pattern in _IN_NAMES for match in pattern.finditer(stem))
    for match in sorted(found, key=re.Match.start):  # where a name has two, the first is the start
        if (moment := _moment(match.groups()[:6], *match.groups()[6:])) is not None:
            return moment
    if name.upper().endswith(".WAV") and _AUDIOMOTH_DIGITS.fullmatch(stem):
        moment = datetime.fromtimestamp(int(stem, 16), timezone.utc)
        if _FIRST_AUDIOMOTH <= moment <= datetime.now(timezone.utc):
            return moment
    return None


def _by_iso(text: str) -> datetime | None:
    found = _ISO.match(text)
    return _moment(found.groups()[:6], *found.groups()[6:]) if found else None


def _moment(numbers: Iterable[str], fraction: str | None, zone: str | None) -> datetime | None:
    """numbers: year, month, day, hour, minute, second. None where they make no time, or one that a clock is set to."""
    year, month, day, hour, minute, second = map(int, numbers)
    if not _FIRST_YEAR <= year <= _LAST_YEAR or (year, month, day) in _UNSET:
        return None
    with suppress(ValueError):
        return datetime(year, month, day, hour, minute, second, int((fraction or "0").ljust(6, "0")[:6]), _zone(zone))
    return None


def _zone(text: str | None) -> timezone | None:
    """ "+02:00", "-0330", "+2", "Z"; raises ValueError for what no zone can be."""
    if not text:
        return None
    if text == "Z":
        return timezone.utc
    hours, minutes = text[1:].split(":") if ":" in text else (text[1:3], text[3:])
    offset = timedelta(hours=int(hours), minutes=int(minutes or 0))
    if offset > timedelta(hours=14):
        raise ValueError(text)
    return timezone(-offset if text[0] == "-" else offset)


def _tags_of_riff(chunk: bytes) -> dict[str, str]:
    """Of a LIST of INFO: names of four letters, each with a length and a text."""
    tags: dict[str, str] = {}
    at = 4
    while at + 8 <= len(chunk):
        name, count = struct.unpack_from("<4sI", chunk, at)
        tags.setdefault(name.decode("latin-1"), _text(chunk[at + 8 : at + 8 + count]))
        at += 8 + count + count % 2
    return tags


def _tags_of_ffmpeg(told: str) -> dict[str, str]:
    """Lines of a name, "=" and a text; those of the file itself come before the first stream's."""
    lines = (line.partition("=") for line in told.partition("\n[")[0].splitlines())
    return {name: value.replace("\\", "") for name, equals, value in lines if equals}


def _text(content: bytes) -> str:
    return content.partition(b"\0")[0].decode("utf-8", errors="replace").strip()
