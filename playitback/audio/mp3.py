"""The frames of an MP3: where they begin, how many bytes the first one counts, and whether the last one is whole."""

from __future__ import annotations

import io
import mmap
import re

_MARKS = re.compile(rb"Xing|Info|VBRI")
_WHERE_MARKS_STAND = 200  # bytes of the first frame
_FRAMES_IN_A_ROW = 3  # are no accident
#: by the index in a frame's head; of MPEG 1, and of its halves MPEG 2 and 2.5 (ISO 11172-3, 13818-3; layer III)
_KILOBITS = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0)
_KILOBITS_OF_HALVES = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0)
_RATES = (44_100, 48_000, 32_000, 0)  # hertz
_MPEG_1 = 3
_RATE_DIVISORS = {_MPEG_1: 1, 2: 2, 0: 4}  # by the version's two bits, of which 1 is none


def begins_frame(start: bytes) -> bool:
    return len(start) >= 2 and start[0] == 0xFF and start[1] & 0xE6 == 0xE2


def first_frame(file: io.FileIO, begin: int) -> tuple[int, bytes]:
    """Byte of the first frame of an MP3, behind its tag, and what begins there."""
    file.seek(begin)
    at = begin + _tag_bytes(file.read(10))
    file.seek(at)
    return at, file.read(4096)


def has_length_tag(file: io.FileIO, begin: int = 0) -> bool:
    """Whether an MP3 begins with a frame that counts the others (Xing, Info or VBRI); else its length is a guess."""
    return _MARKS.search(first_frame(file, begin)[1]) is not None


def counted_bytes(frame: bytes) -> int | None:
    """How many bytes all frames have, as the first one says; None where it does not."""
    mark = _MARKS.search(frame, 0, _WHERE_MARKS_STAND)
    if mark is None:
        return None
    at = mark.start() + 10
    if mark[0] != b"VBRI":
        flags = frame[mark.start() + 7 : mark.start() + 8]
        if not flags or not flags[0] & 2:
            return None
        at = mark.start() + (12 if flags[0] & 1 else 8)
    return int.from_bytes(frame[at : at + 4], "big")


def promised_frames(frame: bytes) -> tuple[int, int] | None:
    """How many frames follow, as the first one says, and at which of its bytes it says so; None where it does not."""
    mark = _MARKS.search(frame, 0, _WHERE_MARKS_STAND)
    if mark is None or (mark[0] != b"VBRI" and not frame[mark.start() + 7] & 1):
        return None
    at = mark.start() + (14 if mark[0] == b"VBRI" else 8)
    return int.from_bytes(frame[at : at + 4], "big"), at


def end_of_frames(file: io.FileIO, at: int, size: int) -> tuple[int, int]:
    """The byte behind frames, and tags, that follow one another from a byte on, and how many frames these are; the byte
    is beyond ``size``, the end of the file, where that cuts the last one off."""
    frames = 0
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        while at < size and (
            count := (frame := _frame_bytes(content[at : at + 3])) or _tag_bytes(content[at : at + 10])
        ):
            at += count
            frames += frame > 0
    return at, frames


def goes_on(file: io.FileIO, at: int, head: bytes) -> bool:
    """Whether frames of one kind, which begin like ``head``, follow somewhere behind a byte where none does."""
    sync, rate = head[:2], head[2:3]
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        while (at := content.find(sync, at + 1)) >= 0:
            behind = at
            for _ in range(_FRAMES_IN_A_ROW):
                found = content[behind : behind + 3]
                count = _frame_bytes(found) if found[:2] == sync and (found[2] ^ rate[0]) & 0x0C == 0 else 0
                behind += count
                if not count:
                    break
            else:
                return True
    return False


def _tag_bytes(head: bytes) -> int:
    """Of an ID3 tag that begins so; 0 for what is none."""
    if head[:3] == b"TAG":
        return 128
    if head[:3] != b"ID3" or len(head) < 10:
        return 0
    # ID3v2: the tag's length in four bytes of seven bits, most significant first.
    return 10 + sum((byte & 0x7F) << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True))


def _frame_bytes(head: bytes) -> int:
    """Of a frame whose head begins so; 0 for what is no frame, or does not tell its length."""
    if len(head) < 3 or not begins_frame(head):
        return 0
    version, index, padding = head[1] >> 3 & 3, head[2] >> 4, head[2] >> 1 & 1
    rate, kilobits = _RATES[head[2] >> 2 & 3], (_KILOBITS if version == _MPEG_1 else _KILOBITS_OF_HALVES)[index]
    if version not in _RATE_DIVISORS or not rate or not kilobits:
        return 0
    bytes_a_kilobit = 144_000 if version == _MPEG_1 else 72_000
    return bytes_a_kilobit * kilobits * _RATE_DIVISORS[version] // rate + padding
