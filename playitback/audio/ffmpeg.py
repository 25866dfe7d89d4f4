"""Decodes with an ffmpeg what libsndfile cannot read: through a pipe, so that hours take no room on the disk.

Nothing tells for sure how long such a sound is but decoding it: ``examine`` does once, and ``Pipe`` again to read it.
"""

from __future__ import annotations

import os
import re
import shutil
import struct
import subprocess
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

import numpy as np

from playitback.errors import AudioError

METADATA_BYTES = 2**16
_METADATA_SECONDS = 10
_SILENT_SECONDS = 120  # without a word from ffmpeg: it hangs
#: What ffmpeg may open: containers of sound, and no playlists, which could name other files.
_DEMUXERS = (
    "mov,matroska,webm,aac,asf,amr,ac3,eac3,dts,ape,wv,tta,tak,caf,voc,avi,flv,mpeg,mpegts,wav,mp3,ogg,flac,aiff"
)
_DURATION = re.compile(rb"Duration: (\d+):(\d\d):(\d\d\.\d+)")
_INPUT = re.compile(rb"Input #0, (\S+), from ")
_READ_BYTES = 2**20
_SAMPLE = np.dtype(">i2")
_AU = struct.Struct(">4s5I")  # how what ffmpeg writes begins: magic, where the sound begins, ..., rate, channels


@dataclass(frozen=True)
class Decoded:
    """What ffmpeg makes of a file."""

    frames: int
    sample_rate: int  # hertz
    channels: int
    promised_seconds: float | None  # by the header; None where it does not tell
    damaged: bool
    demuxer: str  # what ffmpeg calls the container: "mov,mp4,m4a,3gp,3g2,mj2"


def program() -> str | None:
    """The ffmpeg on the PATH."""
    return shutil.which("ffmpeg")


def examine(ffmpeg: str, path: Path, heard: Callable[[float, float | None], None]) -> Decoded:
    """Decodes a file to its end, and keeps nothing of it.

    heard: called now and then with the seconds that were decoded, and those that the file promises; what it raises ends
    the decoding. Raises AudioError where ffmpeg finds no sound, hangs or cannot be run.
    """
    with _Run(ffmpeg, path, "level+info") as run:
        rate, channels = run.head()
        frame_bytes, count = channels * _SAMPLE.itemsize, 0
        while block := run.read(_READ_BYTES):
            count += len(block)
            heard(count / frame_bytes / rate, run.promised_seconds)
        failed = run.ended()
    frames = count // frame_bytes
    if not frames:
        raise undecodable(path.name)
    return Decoded(frames, rate, channels, run.promised_seconds, failed or run.damaged, run.demuxer)


class Pipe:
    """What ffmpeg decodes, read from its start on; see ``Chain``, which reads what libsndfile can."""

    format = ""
    seeks_exactly = False

    def __init__(self, ffmpeg: str, path: Path, decoded: Decoded) -> None:
        self._ffmpeg, self._path, self._decoded = ffmpeg, path, decoded
        self._run: _Run | None = None
        self.frames = decoded.frames
        self.at = 0  # frame that is read next
        self.lost: list[tuple[int, int]] = []  # from one frame to before another

    def __enter__(self) -> Pipe:
        return self

    def __exit__(self, *_: object) -> None:
        if self._run is not None:
            self._run.close()
            self._run = None

    def seek(self, frame: int) -> None:
        """Makes ``frame`` the next that is read, by decoding what comes before it."""
        if self._run is None or frame < self.at:
            self.__exit__()
            self.at = 0
        while self.at < frame:
            self.read(min(frame - self.at, _READ_BYTES))

    def read(self, count: int) -> np.ndarray:
        """Up to ``count`` next frames, (frames, channels) float32; none only at the end of the sound."""
        channels, count = self._decoded.channels, min(count, self.frames - self.at)
        if self._run is None:
            self._run = _Run(self._ffmpeg, self._path, "quiet")
            self._run.head()
        samples = np.frombuffer(self._run.read(count * channels * _SAMPLE.itemsize), _SAMPLE)
        frames = np.zeros((count, channels), dtype=np.float32)
        there = len(samples) // channels
        frames[:there] = samples[: there * channels].reshape(-1, channels) / np.float32(2**15)
        if there < count:  # the file has changed, or ffmpeg was killed
            self.lost.append((self.at + there, self.at + count))
        self.at += count
        return frames


class _Run:
    """An ffmpeg that decodes a file from its start on, as 16-bit samples behind the head of an AU file."""

    def __init__(self, ffmpeg: str, path: Path, level: str) -> None:
        self.promised_seconds: float | None = None
        self.damaged = False
        self.demuxer = ""
        self._name = path.name
        told = subprocess.DEVNULL if level == "quiet" else subprocess.PIPE
        command = [
            *(ffmpeg, "-nostdin", "-nostats", "-hide_banner", "-loglevel", level),
            *("-err_detect", "crccheck"),  # else what TTA and WavPack know to be damaged is decoded without a word
            *(*_only(path), "-map", "0:a:0", "-c:a", "pcm_s16be", "-f", "au", "-"),
        ]
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=told,
                start_new_session=True,  # Ctrl-C is for whoever reads, who may still want to put things in order
            )
        except OSError as error:
            raise AudioError(
                f"{self._name} needs ffmpeg, but {ffmpeg} cannot be run; install ffmpeg anew or give WAV"
            ) from error
        assert self._process.stdout is not None
        self._sound: IO[bytes] = self._process.stdout
        self._hung = False
        self._listener = threading.Thread(target=self._listen, args=(self._process.stderr or (),), daemon=True)
        self._listener.start()

    def __enter__(self) -> _Run:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends it, wherever it stands."""
        self._process.kill()
        self._sound.close()
        self._process.wait()
        self._listener.join()
        if self._process.stderr is not None:
            self._process.stderr.close()

    def head(self) -> tuple[int, int]:
        """Rate in hertz, and channels. Raises AudioError where no sound follows."""
        head = self.read(_AU.size)
        if len(head) < _AU.size:
            raise undecodable(self._name)
        magic, begin, *_, rate, channels = _AU.unpack(head)
        if magic != b".snd" or not rate or not channels or begin < _AU.size:
            raise undecodable(self._name)
        self.read(begin - _AU.size)
        return rate, channels

    def read(self, count: int) -> bytes:
        """So many bytes of sound, fewer only at the end. Raises AudioError where ffmpeg hangs."""
        watch = threading.Timer(_SILENT_SECONDS, self._give_up)
        watch.start()
        try:
            block = self._sound.read(count)
        finally:
            watch.cancel()
        if self._hung:
            raise AudioError(
                f"{self._name}: ffmpeg has decoded nothing for {_SILENT_SECONDS} s; convert it to WAV or FLAC"
            )
        return block

    def ended(self) -> bool:
        """Waits for its end, when all was read; whether it failed."""
        failed = self._process.wait() != 0
        self._listener.join()
        return failed

    def _give_up(self) -> None:
        self._hung = True
        self._process.kill()

    def _listen(self, told: Iterable[bytes]) -> None:
        """What ffmpeg says is not kept: of a damaged file it may be more than its sound."""
        guessed = False
        for line in told:
            guessed = guessed or b"Estimating duration" in line  # of a stream without times of its own
            self.damaged = self.damaged or b"[error]" in line
            if (named := _INPUT.search(line)) and not self.demuxer:
                self.demuxer = named[1].decode("ascii", "replace")
            if found := _DURATION.search(line):
                hours, minutes, seconds = (float(number) for number in found.groups())
                self.promised_seconds = None if guessed else 3600 * hours + 60 * minutes + seconds


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
