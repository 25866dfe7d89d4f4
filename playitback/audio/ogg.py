"""Pages and packets of OGG: whether a page is whole, and what a stream's first packet says (RFC 3533, section 6)."""

from __future__ import annotations

import io
import struct
import zlib

_LARGEST_PAGE_BYTES = 65_307
_HEAD_BYTES = 27  # then come, in as many bytes as the last of them tells, the lengths that packets have in the page
_OF_SOUND = (b"\x01vorbis", b"OpusHead", b"\x7fFLAC", b"Speex   ")
_REVERSED_BITS = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def page_at(file: io.FileIO, at: int) -> tuple[bytes, int]:
    """The page that begins at a byte, and how many bytes it has; it is shorter where the file ends within it.

    Where none begins, 0 bytes, and what stands there, in which the next one may begin.
    """
    file.seek(at)
    page = file.read(_HEAD_BYTES + 255)
    if page[:4] != b"OggS":
        return page + file.read(_LARGEST_PAGE_BYTES), 0
    if len(page) < _HEAD_BYTES or len(page) < _HEAD_BYTES + page[26]:
        return page, len(page) + 1
    count = _HEAD_BYTES + page[26] + sum(_lengths(page))
    return (page + file.read(max(0, count - len(page))))[:count], count


def packet_in(page: bytes) -> bytes:
    """The first packet that stands in a page, and what follows."""
    return page[_HEAD_BYTES + page[26] :]


def granules_in(page: bytes, first: bytes) -> int:
    """How far, at most, the packets reach that end in a page of a stream with that first packet; 0 where none does, and
    as for ``granules_per_second``."""
    if first.startswith(b"OpusHead"):
        return sum(map(_granules_of_opus, _packets_in(page)))
    if first.startswith(b"\x01vorbis") and len(first) > 28:
        return len(_packets_in(page)) * (1 << (first[28] >> 4)) // 2
    return 0


def _packets_in(page: bytes) -> list[bytes]:
    """Those that end in a page; what they have in the page before is not there."""
    packets, begin, end = [], _HEAD_BYTES + page[26], _HEAD_BYTES + page[26]
    for length in _lengths(page):
        end += length
        if length < 255:  # one that goes on has a full one
            packets.append(page[begin:end])
            begin = end
    return packets


def _granules_of_opus(packet: bytes) -> int:
    """RFC 6716, section 3.1."""
    if not packet:
        return 0
    config, frames = packet[0] >> 3, (1, 2, 2, packet[1] & 63 if len(packet) > 1 else 0)[packet[0] & 3]
    if config < 12:
        return frames * (480, 960, 1920, 2880)[config & 3]
    return frames * ((480, 960)[config & 1] if config < 16 else (120, 240, 480, 960)[config & 3])


def _lengths(page: bytes) -> bytes:
    return page[_HEAD_BYTES : _HEAD_BYTES + page[26]]


def begins_sound(packet: bytes) -> bool:
    """Whether the first packet of a stream is one of a codec for sound."""
    return packet.startswith(_OF_SOUND)


def granules_per_second(packet: bytes) -> int:
    """By the first packet of a stream; 0 where the codec is none of those that libsndfile's OGG files have."""
    if packet.startswith(b"OpusHead"):
        return 48_000
    return int.from_bytes(packet[12:16], "little") if packet.startswith(b"\x01vorbis") else 0


def has_its_checksum(page: bytes) -> bool:
    """Whether a page is as it was written."""
    return _checksum(page) == page[22:26]


def that_ends_at(page: bytes, granule: int) -> bytes:
    """The page, as if it had been written for another end."""
    changed = page[:6] + struct.pack("<q", granule) + page[14:]
    return changed[:22] + _checksum(changed) + changed[26:]


def _checksum(page: bytes) -> bytes:
    """CRC-32 of a page: zlib's with the bits the other way round, and not inverted."""
    without = page[:22] + bytes(4) + page[26:]
    crc = zlib.crc32(without.translate(_REVERSED_BITS), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return crc.to_bytes(4, "big").translate(_REVERSED_BITS)
