"""Decodes with an ffmpeg what libsndfile cannot read."""

from __future__ import annotations

import errno
import os
import re
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile

from playitback.errors import AudioError
from playitback.writing import TEMPORARY_FILES

LIMIT_SECONDS = 120
LIMIT_BYTES = 2 * 1024**3
METADATA_BYTES = 2**16
_METADATA_SECONDS = 10
#: What ffmpeg may open: containers of sound, and no playlists, which could name other files.
_DEMUXERS = "mov,matroska,webm,aac,asf,amr,ac3,eac3,dts,ape,wv,tta,tak,caf,avi,flv,mpeg,mpegts,wav,mp3,ogg,flac,aiff"
_NO_ROOM = tuple(os.strerror(number).encode() for number in (errno.ENOSPC, errno.EDQUOT))
_DURATION = re.compile(rb"Duration: (\d+):(\d\d):(\d\d\.\d+)")


def program() -> str | None:
    """The ffmpeg on the PATH."""
    return shutil.which("ffmpeg")


def decode(ffmpeg: str, path: Path, target: Path) -> tuple[float | None, bool]:
    """Decode what can be decoded into a WAV -> the seconds that the file promises, if it does; whether it is damaged.

    Raises AudioError where ffmpeg finds no sound, takes too long, writes too much or finds no room for it.
    """
    name = path.name
    command = [
        *(ffmpeg, "-nostdin", "-nostats", "-hide_banner", "-loglevel", "level+info"),
        *(*_only(path), "-map", "0:a:0", "-c:a", "pcm_s16le"),
        *("-fs", str(LIMIT_BYTES), "-f", "wav", "-y", str(target)),
    ]
    try:
        finished = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=LIMIT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise AudioError(
            f"{name} took more than {LIMIT_SECONDS} s to decode; cut it, or convert it to WAV or FLAC"
        ) from error
    except OSError as error:
        raise AudioError(f"{name} needs ffmpeg, but {ffmpeg} cannot be run; install ffmpeg anew or give WAV") from error
    if any(reason in finished.stderr for reason in _NO_ROOM):  # else the recording would pass for cut short
        place, instead = TEMPORARY_FILES
        raise AudioError(f"{name} cannot be decoded: there is no room left in {place}; {instead}")
    written = target.stat().st_size if target.exists() else 0
    if written > 0.99 * LIMIT_BYTES:
        raise AudioError(f"{name} is too long to decode at once; cut it, or convert it to WAV or FLAC")
    if not written:
        raise undecodable(name)
    said = finished.stderr
    found = _DURATION.search(said)
    promised = None
    if found and b"Estimating duration" not in said:  # of a stream without times of its own, it is a guess
        hours, minutes, seconds = (float(number) for number in found.groups())
        promised = 3600 * hours + 60 * minutes + seconds
    return promised, finished.returncode != 0 or b"[error]" in said


def metadata(ffmpeg: str, path: Path) -> str:
    """What a file tells beside its sound, in ffmpeg's own text format, at most METADATA_BYTES of it; "" for nothing."""
    # without -map_metadata ffmpeg leaves out when a file was made
    command = [ffmpeg, "-nostdin", "-loglevel", "quiet", *_only(path), "-map_metadata", "0", "-f", "ffmetadata", "-"]
    with suppress(OSError, subprocess.TimeoutExpired), TemporaryFile() as told:
        subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=told,
            stderr=subprocess.DEVNULL,
            timeout=_METADATA_SECONDS,
            check=False,
        )
        told.seek(0)
        return told.read(METADATA_BYTES).decode("utf-8", errors="replace")
    return ""


def _only(path: Path) -> tuple[str, ...]:
    """The input: one file of sound, and nothing that it names."""
    return (
        *("-protocol_whitelist", "file", "-format_whitelist", _DEMUXERS),
        *("-i", f"file:{os.path.abspath(path)}"),
    )


def undecodable(name: str) -> AudioError:
    """The error for what neither decoder can read."""
    return AudioError(
        f"{name} is not a sound file, or it is damaged or cut short: neither libsndfile nor ffmpeg can decode it; "
        "give WAV, FLAC, OGG, MP3, AIFF or M4A"
    )
