"""The frames of a FLAC stream: where its last one ends, by its own word, whatever the head of the stream tells.

RFC 9639, sections 8.2 and 9.1.
"""

from __future__ import annotations

import re

_SYNC = re.compile(rb"\xff[\xf8\xf9]")  # of frames that count frames, and of those that count samples
_COUNTS_SAMPLES = 0xF9
TAIL_BYTES = 2**18  # in which a frame begins
_LARGEST_HEAD_BYTES = 16
_TOTAL_AT = 21  # byte of the stream whose lower half begins the 36 bits of the number of samples
_CRC_8 = 0x07


def promised_samples(start: bytes) -> int:
    """Of a stream that begins so; 0 where it does not tell."""
    return int.from_bytes(start[_TOTAL_AT : _TOTAL_AT + 5], "big") & (2**36 - 1)


def without_promise(start: bytes) -> dict[int, bytes]:
    """At which byte of a stream that begins so what must stand, for its number of samples not to be told."""
    return {_TOTAL_AT: bytes([start[_TOTAL_AT] & 0xF0]) + bytes(4)}


def last_sample(start: bytes, content: bytes) -> int:
    """The sample behind the last frame that begins in the tail of a stream; 0 where none is found there.

    start: how the stream begins, with its STREAMINFO; content: it, or its tail.
    """
    block_samples = int.from_bytes(start[8:10], "big")  # of all frames but the last, where these are counted
    tail = content[-TAIL_BYTES:]
    ends = (_end_of(tail[found.start() :][:_LARGEST_HEAD_BYTES], block_samples) for found in _SYNC.finditer(tail))
    return next((end for end in reversed(list(ends)) if end), 0)


def _end_of(head: bytes, block_samples: int) -> int:
    """The sample behind a frame that begins so; 0 for what is no frame."""
    if len(head) < _LARGEST_HEAD_BYTES or head[3] & 1:
        return 0
    size, rate = head[2] >> 4, head[2] & 15
    counted, at = _number(head, 4)
    if counted is None or size == 0 or rate == 15:
        return 0
    if size in (6, 7):
        samples = int.from_bytes(head[at : at + size - 5], "big") + 1
        at += size - 5
    else:
        samples = 192 if size == 1 else 576 << size - 2 if size < 6 else 256 << size - 8
    at += {12: 1, 13: 2, 14: 2}.get(rate, 0)
    if _crc_8(head[:at]) != head[at]:
        return 0
    return (counted if head[1] == _COUNTS_SAMPLES else counted * block_samples) + samples


def _number(head: bytes, at: int) -> tuple[int | None, int]:
    """A number that is written as UTF-8 writes letters, of up to seven bytes, and the byte behind it; None for none."""
    first = head[at]
    ones = 8 - (first ^ 0xFF).bit_length()  # leading ones tell how many bytes there are
    following = head[at + 1 : at + max(1, ones)]
    if ones in (1, 8) or any(byte & 0xC0 != 0x80 for byte in following):
        return None, at
    number = first & (0x7F >> ones)
    for byte in following:
        number = number << 6 | byte & 0x3F
    return number, at + 1 + len(following)


def _crc_8(content: bytes) -> int:
    crc = 0
    for byte in content:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ _CRC_8) & 0xFF if crc & 0x80 else crc << 1
    return crc
