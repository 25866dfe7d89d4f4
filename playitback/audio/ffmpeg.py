"""Decodes with an ffmpeg what libsndfile cannot read: through a pipe, so that hours take no room on the disk.

Nothing tells for sure how long such a sound is but decoding it: ``examine`` does once, and ``Pipe`` again to read it.
"""

from __future__ import annotations

import itertools
import os
import re
import shutil
import struct
import subprocess
import threading
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

import numpy as np

from playitback.audio.containers import Part
from playitback.errors import AudioError

METADATA_BYTES = 2**16
_METADATA_SECONDS = 10
_SILENT_SECONDS = 120  # without a word from ffmpeg: it hangs
#: What ffmpeg may open: containers of sound, and no playlists, which could name other files.
_DEMUXERS = (
    "mov,matroska,webm,aac,asf,amr,ac3,eac3,dts,ape,wv,tta,tak,caf,voc,avi,flv,mpeg,mpegts,wav,mp3,ogg,flac,aiff"
)
_LATEST_SECONDS = 3600  # a sound that begins later than this behind its pictures has a clock that went wrong
#: What ffmpeg says of its input, line by line. What a file says of itself, its title, stands further to the right.
_INPUT = re.compile(rb"\[info\] Input #0, (\S+), from ")
_DURATION = re.compile(rb"\[info\]   Duration: (?:N/A|(\d+):(\d\d):(\d\d\.\d+))(?:, start: (-?\d+(?:\.\d+)?))?")
_TRACK = re.compile(rb"\[info\]   Stream #0:\d+(?:[\[(][^:]*)?: (\w+): ")
_TRACK_START = re.compile(rb", start (-?\d+\.\d+)")
_OUTPUT = b"[info] Output #0"
_TROUBLE = re.compile(rb"(?:\[[^\]]*\] )*\[error\] ")  # behind who has it: "[aac @ 0x5581] [error] "
_READ_BYTES = 2**20
_SAMPLE = np.dtype(">i2")
_AU = struct.Struct(">4s5I")  # how what ffmpeg writes begins: magic, where the sound begins, ..., rate, channels


class Undecodable(AudioError):
    """ffmpeg finds no sound in a file."""


@dataclass(frozen=True)
class Decoded:
    """What ffmpeg makes of a file, or of a part of it."""

    part: Part | None  # None: the whole file
    frames: int  # those of the silence before its sound, too
    late_frames: int  # of that silence: so much later than its pictures begins the sound of a film
    sample_rate: int  # hertz
    channels: int
    promised_seconds: float | None  # by the header; None where it does not tell
    damaged: bool
    demuxer: str  # what ffmpeg calls the container: "mov,mp4,m4a,3gp,3g2,mj2"
    start_seconds: float  # where the container's own clock stands when the first of its tracks begins
    tracks: int  # of sound; the first one is decoded
    pictures: bool  # whether it is a film; a cover is none

    @property
    def seconds(self) -> float:
        return self.frames / self.sample_rate


def program() -> str | None:
    """The ffmpeg on the PATH."""
    return shutil.which("ffmpeg")


def examine(ffmpeg: str, path: Path, part: Part | None, heard: Callable[[float, float | None], None]) -> Decoded:
    """Decodes a file, or a part of it, to its end, and keeps nothing of it.

    heard: called now and then with the seconds that were decoded, and those that the file promises; what it raises ends
    the decoding. Raises Undecodable where ffmpeg finds no sound, AudioError where it hangs or cannot be run.
    """
    with _Run(ffmpeg, path, part, "level+info") as run:
        rate, channels = run.head()
        frame_bytes, count = channels * _SAMPLE.itemsize, 0
        while block := run.read(_READ_BYTES):
            count += len(block)
            heard(count / frame_bytes / rate, run.told.promised_seconds)
        failed = run.ended()
    if count < frame_bytes:
        raise undecodable(path.name)
    late = round(run.told.late_seconds * rate)
    return Decoded(
        part=part,
        frames=late + count // frame_bytes,
        late_frames=late,
        sample_rate=rate,
        channels=channels,
        promised_seconds=run.told.promised_seconds,
        damaged=failed or run.told.damaged,
        demuxer=run.told.demuxer,
        start_seconds=run.told.start_seconds,
        tracks=run.told.kinds.count("Audio"),
        pictures="Video" in run.told.kinds,
    )


class Pipe:
    """What ffmpeg decodes of a file, one part after the other; see ``Chain``, which reads what libsndfile can."""

    format = ""
    seeks_exactly = False

    def __init__(self, ffmpeg: str, path: Path, decoded: Sequence[Decoded]) -> None:
        self._ffmpeg, self._path, self._decoded = ffmpeg, path, decoded
        self._ends = tuple(itertools.accumulate(each.frames for each in decoded))
        self._index = 0  # of the part that is read
        self._run: _Run | None = None
        self.frames = self._ends[-1]
        self.at = 0  # frame that is read next
        self.lost: list[tuple[int, int]] = []  # from one frame to before another

    def __enter__(self) -> Pipe:
        return self

    def __exit__(self, *_: object) -> None:
        if self._run is not None:
            self._run.close()
            self._run = None

    def seek(self, frame: int) -> None:
        """Makes ``frame`` the next that is read, by decoding what comes before it in its part."""
        index = min(bisect_right(self._ends, frame), len(self._ends) - 1)
        if index != self._index or frame < self.at:
            self.__exit__()
            self._index, self.at = index, (0, *self._ends)[index]
        while self.at < frame:
            self.read(min(frame - self.at, _READ_BYTES))

    def read(self, count: int) -> np.ndarray:
        """Up to ``count`` next frames, (frames, channels) float32; none only at the end of the sound."""
        if self._ends[self._index] == self.at < self.frames:
            self.__exit__()
            self._index += 1
        part, end = self._decoded[self._index], self._ends[self._index]
        late = part.late_frames - (self.at - (end - part.frames))  # of the silence before the sound
        count = min(count, late if late > 0 else end - self.at)
        frames = np.zeros((count, part.channels), dtype=np.float32)
        if late <= 0:
            if self._run is None:
                self._run = _Run(self._ffmpeg, self._path, part.part, "quiet")
                self._run.head()
            samples = np.frombuffer(self._run.read(count * part.channels * _SAMPLE.itemsize), _SAMPLE)
            there = len(samples) // part.channels
            frames[:there] = samples[: there * part.channels].reshape(-1, part.channels) / np.float32(2**15)
            if there < count:  # the file has changed, or ffmpeg was killed
                self.lost.append((self.at + there, self.at + count))
        self.at += count
        return frames


class _Told:
    """What ffmpeg says of its input, and of trouble."""

    def __init__(self) -> None:
        self.damaged = False
        self.demuxer = ""
        self.kinds: list[str] = []  # of the tracks: "Audio", "Video"
        self.start_seconds = 0.0
        self._guessed = False
        self._duration: float | None = None
        self._sound_start: float | None = None
        self._described = False

    @property
    def promised_seconds(self) -> float | None:
        """From the beginning of the first track to the end of the last; None where that is not known."""
        if self._guessed or self._duration is None:
            return None
        # Matroska tells when the last track ends by its own clock
        return self._duration - (self.start_seconds if self.demuxer.startswith("matroska") else 0)

    @property
    def only_other_tracks(self) -> bool:
        return bool(self.kinds) and "Audio" not in self.kinds

    @property
    def late_seconds(self) -> float:
        """How much later than the first track the sound begins."""
        late = 0.0 if self._sound_start is None else self._sound_start - self.start_seconds
        return late if 0 < late <= _LATEST_SECONDS else 0.0

    def hear(self, line: bytes) -> None:
        self.damaged = self.damaged or _TROUBLE.match(line) is not None
        self._described = self._described or line.startswith(_OUTPUT)
        if self._described:  # what follows is on what ffmpeg writes
            return
        self._guessed = self._guessed or b"Estimating duration" in line  # of a stream without times of its own
        if named := _INPUT.match(line):
            self.demuxer = named[1].decode("ascii", "replace")
        elif found := _DURATION.match(line):
            *duration, start = found.groups()
            self.start_seconds = float(start or 0)
            if duration[0] is not None:
                hours, minutes, seconds = (float(number) for number in duration)
                self._duration = 3600 * hours + 60 * minutes + seconds
        elif (track := _TRACK.match(line)) and b"(attached pic)" not in line:
            self.kinds.append(track[1].decode("ascii"))
            if track[1] == b"Audio" and self.kinds.count("Audio") == 1 and (begin := _TRACK_START.search(line)):
                self._sound_start = float(begin[1])


class _Run:
    """An ffmpeg that decodes a file from its start on, as 16-bit samples behind the head of an AU file."""

    def __init__(self, ffmpeg: str, path: Path, part: Part | None, level: str) -> None:
        self.told = _Told()
        self._name = path.name
        told = subprocess.DEVNULL if level == "quiet" else subprocess.PIPE
        command = [
            *(ffmpeg, "-nostdin", "-nostats", "-hide_banner", "-loglevel", level),
            *("-err_detect", "crccheck"),  # else what TTA and WavPack know to be damaged is decoded without a word
            *(*_only(path, part), "-map", "0:a:0", "-c:a", "pcm_s16be", "-f", "au", "-"),
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
        """Rate in hertz, and channels. Raises Undecodable where no sound follows."""
        head = self.read(_AU.size)
        if len(head) < _AU.size:
            self.ended()
            raise _without_sound(self._name) if self.told.only_other_tracks else undecodable(self._name)
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
        for line in told:
            self.told.hear(line)


def metadata(ffmpeg: str, path: Path) -> str:
    """What a file tells beside its sound, in ffmpeg's own text format, at most METADATA_BYTES of it; "" for nothing."""
    # without -map_metadata ffmpeg leaves out when a file was made
    command = [
        ffmpeg,
        "-nostdin",
        "-loglevel",
        "quiet",
        *_only(path, None),
        "-map_metadata",
        "0",
        "-f",
        "ffmetadata",
        "-",
    ]
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


def _only(path: Path, part: Part | None) -> tuple[str, ...]:
    """The input: one file of sound, or a part of it, and nothing that it names."""
    of_the_file = f"subfile,,start,{part.begin},end,{part.end},,:" if part else ""
    return (
        *("-protocol_whitelist", "file,subfile", "-format_whitelist", _DEMUXERS),
        *("-i", f"{of_the_file}file:{os.path.abspath(path)}"),
    )


def undecodable(name: str) -> Undecodable:
    """The error for what neither decoder can read."""
    return Undecodable(
        f"{name} is not a sound file, or it is damaged or cut short: neither libsndfile nor ffmpeg can decode it; "
        "give WAV, FLAC, OGG, MP3, AIFF or M4A"
    )


def _without_sound(name: str) -> Undecodable:
    return Undecodable(f"{name} holds no sound, only pictures or text; give a recording, or a film with sound")
