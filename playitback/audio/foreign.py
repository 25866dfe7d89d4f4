"""What ffmpeg keeps to itself of the containers that only it can read: that they are cut short, or have more behind."""

from __future__ import annotations

import mmap
import re
from pathlib import Path

from playitback.audio import containers
from playitback.audio.decoding import View

#: how containers begin of which ffmpeg reads the first, whatever follows
_BEGINNINGS = re.compile(
    rb"(?P<mpeg4>\0\0\0[\x10-\x40]ftyp[ -~]{4})"
    rb"|(?P<asf>\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\0\xaa\0\x62\xce\x6c)"
    rb"|(?P<flv>FLV\x01[\0-\x05]\0\0\0\x09\0\0\0\0)"
    rb"|(?P<tta>TTA1[\x01\x02]\0[\x01-\x20]\0[\x08\x10\x18\x20]\0)"
    rb"|(?P<caf>caff\0\x01\0[\0\x01]desc\0{7}\x20)"
)
#: as ffmpeg names them, containers of packets with a time each, and no word of how many there are
_OF_PACKETS = ("mpegts", "mpeg")
_RIFF = (b"RIFF", b"RF64")  # AVI, too, tells how long the whole file is
_BOX_BYTES = 8  # of the head of one of MPEG-4's boxes: its length and name


def cut_short(path: Path) -> str | None:
    """That a file which ffmpeg reads lacks its end, where ffmpeg is silent: a sentence without its subject."""
    with View(path) as file:
        first = containers.parts(file)[0]
        if first.told == containers.LONGER:  # of the rest ffmpeg reads more or less, and does not tell
            return "is longer than its header says; what lies behind that may not have been read"
        if first.told is not None:
            return first.told
        file.seek(0)
        return containers.cut_riff(file) or _broken_fragments(path)


def end_unknown(path: Path, demuxer: str, promised: bool) -> bool:
    """Whether it might not show that a file lacks its end. promised: whether ffmpeg knows how long it should be."""
    if promised and demuxer not in _OF_PACKETS:
        return False
    with View(path) as file:
        return file.read(4) not in _RIFF and not containers.parts(file)[0].tells_its_end


def _broken_fragments(path: Path) -> str | None:
    """Of MPEG-4 in fragments, each of which tells of itself alone: that no other can be found behind one of them."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        at, fragments = 0, content[4:8] == b"styp"
        while at < len(content):
            name, count = content[at + 4 : at + _BOX_BYTES], int.from_bytes(content[at : at + 4], "big")
            if count == 1:  # of a long box the length stands behind the name
                count = int.from_bytes(content[at + _BOX_BYTES : at + 2 * _BOX_BYTES], "big")
            if count < _BOX_BYTES or at + count > len(content):
                break
            fragments = fragments or name == b"moof"
            at += count
        if not fragments or not content[at : at + 2**16].strip(b"\0"):
            return None
        share = round(100 * at / len(content))
        return f"is damaged or cut short: what lies behind the first {share} % of the file cannot be read"


def joined(path: Path) -> str | None:
    """That another recording follows, which ffmpeg does not read: a sentence without its subject."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        begin, size = _second(path, content), len(content)
    if begin is None:
        return None
    share = round(100 * begin / size)
    return f"holds another recording behind the first {share} % of the file; only what comes before was read"


def _second(path: Path, content: mmap.mmap) -> int | None:
    """The byte at which another recording begins that ffmpeg does not read."""
    if content[:4] in (*_RIFF, b"Crea"):
        with View(path) as file:
            end = containers.parts(file)[0].end
        return end if end < len(content) else None
    own = _BEGINNINGS.match(content)
    if own is None:
        return None
    others = (each for each in _BEGINNINGS.finditer(content, own.end()) if each.lastgroup == own.lastgroup)
    return next((each.start() for each in others), None)
