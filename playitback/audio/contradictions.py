"""Headers that contradict themselves: then nobody can know how fast, or in which samples, the sound was recorded."""

from __future__ import annotations

import io
import struct

from playitback.audio import containers

_LINEAR, _OF_BYTES = (1, 3, 0xFFFE), (6, 7)  # numbers of formats in WAV: whole and float samples; A-law and mu-law
_WAV = struct.Struct("<HHIIHH")  # format, channels, rate, bytes a second, bytes a frame, bits
_CAF = struct.Struct(">d4sIIIII")  # rate, format, flags, bytes a packet, frames a packet, channels, bits


def in_head(file: io.FileIO) -> list[str]:
    """What a WAV or CAF says of itself that cannot all be true, as a sentence without its subject; none of others.

    What is left at 0 contradicts nothing.
    """
    told = _in_head(file)
    return [told] if told else []


def _in_head(file: io.FileIO) -> str | None:
    for _, chunk in containers.riff_chunks(file, (b"fmt ",)):
        if len(chunk) >= _WAV.size:
            form, channels, rate, in_second, in_frame, bits = _WAV.unpack_from(chunk)
            bits = 8 if form in _OF_BYTES else bits
            return _told(channels, bits, rate, in_frame, in_second) if form in _LINEAR + _OF_BYTES else None
    file.seek(0)
    head = file.read(20 + _CAF.size)
    if head[:4] == b"caff" and head[8:12] == b"desc" and len(head) == 20 + _CAF.size:
        rate, form, _, in_packet, in_one, channels, bits = _CAF.unpack_from(head, 20)
        if form == b"lpcm" and in_one == 1:
            return _told(channels, bits, round(min(rate, 2**31)) if rate > 0 else 0, in_packet, 0)
    return None


def _told(channels: int, bits: int, rate: int, in_frame: int, in_second: int) -> str | None:
    expected = channels * -(-bits // 8)
    if in_frame and in_frame != expected:
        said = f"{channels} x {bits} bits would be {expected} bytes at a time, and it says {in_frame}"
    elif in_second and in_second != rate * expected:
        said = f"{rate} Hz would be {rate * expected} bytes a second, and it says {in_second}"
    else:
        return None
    return f"contradicts itself in its header ({said}), so it may not sound as it was recorded"
