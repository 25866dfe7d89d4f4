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
#: as ffmpeg names them -> containers of packets: nothing tells that some are missing at the end
_WITHOUT_END = {"mpegts": "MPEG transport stream", "mpeg": "MPEG program stream"}


def cut_short(path: Path, demuxer: str) -> str | None:
    """That a file which ffmpeg reads as ``demuxer`` lacks its end, or that this would not show: a sentence without its
    subject; None where it is whole, or the file tells ffmpeg how long it is."""
    if demuxer in _WITHOUT_END:
        kind = _WITHOUT_END[demuxer]
        return f"is an {kind}, which does not say how long it is: were some of it missing, nothing would show it"
    with View(path) as file:
        first = containers.parts(file)[0]
        if first.told is not None:
            return first.told
        file.seek(0)
        return containers.cut_riff(file)


def joined(path: Path) -> str | None:
    """That another recording follows, which ffmpeg does not read: a sentence without its subject."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        own = _BEGINNINGS.match(content)
        if own is None:
            return None
        for found in _BEGINNINGS.finditer(content, own.end()):
            if found.lastgroup == own.lastgroup:
                share = round(100 * found.start() / len(content))
                return (
                    f"holds another recording behind the first {share} % of the file; only what comes before was read"
                )
    return None
