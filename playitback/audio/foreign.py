"""What ffmpeg keeps to itself of the containers that only it can read: that they are cut short, or have more behind.

Of recordings that were joined byte by byte ffmpeg reads the first, or stumbles over the heads of the others: so each is
found here, to be read alone.
"""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from playitback.audio import containers
from playitback.audio.containers import Part
from playitback.audio.decoding import View

#: how recordings begin, in containers whose parts are not told apart in ``containers``
_BEGINNINGS = re.compile(
    rb"\0\0\0[\x10-\x40]ftyp[ -~]{4}"
    rb"|\x1a\x45\xdf\xa3[\0-\xff]{1,72}?\x42\x82[\0-\xff]{1,8}?(?:webm|matroska)"
    rb"|(?P<asf>\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\0\xaa\0\x62\xce\x6c)"
    rb"|FLV\x01[\0-\x05]\0\0\0\x09\0\0\0\0"
    rb"|TTA1[\x01\x02]\0[\x01-\x20]\0[\x08\x10\x18\x20]\0"
    rb"|caff\0\x01\0[\0\x01]desc\0{7}\x20"
    rb"|RIFF[\0-\xff]{4}AVI LIST"
    rb"|#!AMR(?:-WB)?\n"
    # of WavPack: a block with samples, the first of all and the first of its channels
    rb"|wvpk[\0-\xff]{4}[\x02-\x10]\x04[\0-\xff]{6}\0{4}(?!\0{4})[\0-\xff]{5}[\x08-\x0f\x18-\x1f\x28-\x2f\x38-\x3f"
    rb"\x48-\x4f\x58-\x5f\x68-\x6f\x78-\x7f\x88-\x8f\x98-\x9f\xa8-\xaf\xb8-\xbf\xc8-\xcf\xd8-\xdf\xe8-\xef\xf8-\xff]"
)
_MOST_PARTS = 100  # each takes an ffmpeg of its own
#: as ffmpeg names them, containers of packets with a time each, and no word of how many there are
_OF_PACKETS = ("mpegts", "mpeg")
_RIFF = (b"RIFF", b"RF64")  # AVI, too, tells how long the whole file is
_BOX_BYTES = 8  # of the head of one of MPEG-4's boxes: its length and name
_ASF_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")  # the object that has the length of the file
_LONGER = "is longer than its header says; what lies behind that may not have been read"


def parts(path: Path) -> tuple[Part, ...]:
    """The recordings in a file that ffmpeg is to read, in order, with what it does not tell of them; most are one."""
    with View(path) as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        found = containers.parts(file)
        if len(found) == 1:
            begins = [0, *_later_beginnings(content)]
            ends = [*begins[1:], len(content)]
            found = tuple(replace(found[0], begin=begin, end=end) for begin, end in zip(begins, ends, strict=True))
        return tuple(_checked(part, content) for part in found)


def end_unknown(part: Part, demuxer: str, promised: bool) -> bool:
    """Whether it might not show that a part lacks its end. promised: whether ffmpeg knows how long it should be."""
    return not part.tells_its_end and (not promised or demuxer in _OF_PACKETS)


def _later_beginnings(content: mmap.mmap) -> Iterator[int]:
    first = _BEGINNINGS.match(content)
    if first is not None:
        found = (each.start() for each in _BEGINNINGS.finditer(content, first.end()))
        yield from (begin for begin, _ in zip(found, range(_MOST_PARTS), strict=False))


def _checked(part: Part, content: mmap.mmap) -> Part:
    """The same part, with what ffmpeg does not tell of its end."""
    if part.told == containers.LONGER:  # of the rest ffmpeg reads more or less
        return replace(part, told=_LONGER)
    if part.told is not None:
        return part
    told = _cut_riff(content, part) or _cut_asf(content, part) or _broken_fragments(content, part)
    of_riff = content[part.begin : part.begin + 4] in _RIFF
    return replace(part, told=told, tells_its_end=part.tells_its_end or of_riff)


def _cut_riff(content: mmap.mmap, part: Part) -> str | None:
    """Of a RIFF file of any kind, such as AVI: that it is shorter than it says."""
    if content[part.begin : part.begin + 4] != b"RIFF":
        return None
    promised = int.from_bytes(content[part.begin + 4 : part.begin + 8], "little")
    return None if promised >= containers.UNKNOWN_BYTES else containers.cut_short(8 + promised, part.end - part.begin)


def _cut_asf(content: mmap.mmap, part: Part) -> str | None:
    """Of ASF, as WMA is, that it is shorter than it says; what is broadcast does not say it."""
    begin = _BEGINNINGS.match(content, part.begin)
    at = content.find(_ASF_PROPERTIES, part.begin, part.end) if begin and begin.lastgroup == "asf" else -1
    if at < 0 or content[at + 88 : at + 89] != b"\x02":  # can be sought, and is no broadcast
        return None
    return containers.cut_short(int.from_bytes(content[at + 40 : at + 48], "little"), part.end - part.begin)


def _broken_fragments(content: mmap.mmap, part: Part) -> str | None:
    """Of MPEG-4 in fragments, each of which tells of itself alone: that no other can be found behind one of them."""
    at, fragments = part.begin, content[part.begin + 4 : part.begin + 8] == b"styp"
    while at < part.end:
        name, count = content[at + 4 : at + _BOX_BYTES], int.from_bytes(content[at : at + 4], "big")
        if count == 1:  # of a long box the length stands behind the name
            count = int.from_bytes(content[at + _BOX_BYTES : at + 2 * _BOX_BYTES], "big")
        if count < _BOX_BYTES or at + count > part.end:
            break
        fragments = fragments or name == b"moof"
        at += count
    if not fragments or not content[at : min(part.end, at + 2**16)].strip(b"\0"):
        return None
    share = round(100 * (at - part.begin) / (part.end - part.begin))
    return f"is damaged or cut short: what lies behind the first {share} % of the file cannot be read"
