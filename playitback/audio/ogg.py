"""Pages and packets of OGG: whether a page is whole, and what a stream's first packet says (RFC 3533, section 6)."""

from __future__ import annotations

import zlib

LARGEST_PAGE_BYTES = 65_307
_OF_SOUND = (b"\x01vorbis", b"OpusHead", b"\x7fFLAC", b"Speex   ")
_REVERSED_BITS = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def begins_sound(packet: bytes) -> bool:
    """Whether the first packet of a stream is one of a codec for sound."""
    return packet.startswith(_OF_SOUND)


def granules_per_second(packet: bytes) -> int:
    """By the first packet of a stream; 0 where the codec is none of those that libsndfile's OGG files have."""
    if packet.startswith(b"OpusHead"):
        return 48_000
    return int.from_bytes(packet[12:16], "little") if packet.startswith(b"\x01vorbis") else 0


def has_its_checksum(page: bytes) -> bool:
    """Whether a page is as it was written. Its CRC-32 is zlib's with the bits the other way round, and not inverted."""
    without = page[:22] + bytes(4) + page[26:]
    crc = zlib.crc32(without.translate(_REVERSED_BITS), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return crc.to_bytes(4, "big").translate(_REVERSED_BITS) == page[22:26]
