"""Decodes with libsndfile: the parts of a file as one sound, and on behind what is damaged."""

from __future__ import annotations

import io
import itertools
import os
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import soundfile

from playitback.audio.containers import Part
from playitback.audio.mp3 import has_length_tag
from playitback.progress import Progress, Report

_UNKNOWN_FRAMES = 2**62  # libsndfile's count is higher for a FLAC stream whose header does not tell the length
_COUNTED_SAMPLES = 2**20  # decoded at a time to count them, all channels together
_END_SECONDS = 0.1  # before the end that an MP3's header promises, where there must be sound
_STEP_FRAMES = 1024  # in which damage is looked for; a block of FLAC has 4096 as a rule
_MAY_END_SOON = ("MP3", "OGG")  # what an encoder puts before a sound may be missing at the end of what is promised
_TOO_LONG_FRAMES = 500  # by which that may be too long


class View(io.FileIO):
    """A part of a file as libsndfile is to see it. A broken header may tell to seek to a place that does not exist."""

    def __init__(self, path: Path, part: Part | None = None) -> None:
        super().__init__(path)
        size = super().seek(0, os.SEEK_END)
        self._part = part or Part(0, size)
        self.seek(0)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self.tell(), os.SEEK_END: self._part.end - self._part.begin}[whence]
        try:
            return super().seek(max(0, base + offset) + self._part.begin) - self._part.begin
        except (OSError, OverflowError):
            return self.tell()

    def tell(self) -> int:
        return super().tell() - self._part.begin

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        begin = super().tell()
        view = memoryview(buffer).cast("B")[: max(0, self._part.end - begin)]
        try:
            count = super().readinto(view) or 0
        except OSError:  # what a disk cannot read is missing, as what was cut off; libsndfile takes no errors
            return 0
        for at, correction in self._part.corrections.items():
            for byte, value in enumerate(correction, at - begin):
                if 0 <= byte < count:
                    view[byte] = value
        return count


class Decoder(soundfile.SoundFile):
    """libsndfile's reader that reads straight on from where it stands.

    After every read soundfile seeks to the place where the reader already is, if ``seekable`` is true. In MP3 of
    varying bit rate that seek lands elsewhere, and at the end of a FLAC stream of unknown length it fails.
    """

    def __init__(self, path: Path, part: Part) -> None:
        self._view = View(path, part)
        try:
            super().__init__(self._view)
        except BaseException:
            self._view.close()
            raise

    def close(self) -> None:
        super().close()
        if "_view" in self.__dict__:  # else there was no file to open
            self._view.close()

    def seekable(self) -> bool:
        return False

    @property
    def of_mpeg(self) -> bool:
        """Whether it decodes frames of MP3 and its kin, which stand in files of their own, and in WAV."""
        return self.subtype.startswith("MPEG")

    @property
    def seeks_exactly(self) -> bool:
        return super().seekable() and not self.of_mpeg

    @property
    def bytes_read(self) -> int:
        return self._view.tell()

    def read_frames(self, count: int) -> np.ndarray:
        """Up to ``count`` next frames, (frames, channels) float32; fewer only at the end of the sound."""
        return np.asarray(self.read(count, dtype="float32", always_2d=True))


class Chain:
    """The parts of a file, read as one sound. What cannot be decoded is silent, and told by ``lost``."""

    def __init__(self, path: Path, parts: Sequence[Part], frames: Sequence[int]) -> None:
        self._path = path
        self._parts = parts
        self._ends = tuple(itertools.accumulate(frames))
        self._begins = (0, *self._ends)
        self._index = 0  # of the part that is open
        self._decoder = Decoder(path, parts[0])
        self._adrift = False  # whether the decoder stands elsewhere than at ``at``, or is broken
        self.frames = self._ends[-1]
        self.at = 0  # frame that is read next
        self.lost: list[tuple[int, int]] = []  # from one frame to before another
        self.ended = False  # whether nothing more can be decoded of the part that was read last, whatever is promised
        self.format: str = self._decoder.format
        self.seeks_exactly = self._decoder.seeks_exactly

    def __enter__(self) -> Chain:
        return self

    def __exit__(self, *_: object) -> None:
        self._decoder.close()

    def seek(self, frame: int) -> None:
        """Makes ``frame`` the next that is read, as exactly as the format can."""
        self._open(min(bisect_right(self._ends, frame), len(self._parts) - 1))
        self.at = frame
        inside = frame - self._begins[self._index]
        self._adrift = not (self._sought(inside) or self._reached(inside))

    def read(self, count: int) -> np.ndarray:
        """Up to ``count`` next frames, (frames, channels) float32; none only at the end of the sound."""
        if self.at < self.frames and self.at == self._ends[self._index]:
            self._open(bisect_right(self._ends, self.at))
        count = min(count, self._ends[self._index] - self.at)
        try:
            block = self._around_damage(count) if self._adrift else self._decoder.read_frames(count)
        except soundfile.LibsndfileError:
            block = self._around_damage(count)
        if count and not len(block):
            self.ended = True
            block = self._silence(count)
        self.at += len(block)
        return block

    def _around_damage(self, count: int) -> np.ndarray:
        """Up to ``count`` frames: those before the damage or, where there are none, silence as long as the damage."""
        inside = self.at - self._begins[self._index]
        step = _STEP_FRAMES if self.seeks_exactly else 0
        while step:  # ever shorter, up to the very frame
            self._open(self._index)
            if self._sought(inside) and (before := list(_until_damage(self._decoder, count, step))):
                frames = np.concatenate(before)
                self._adrift = len(frames) < count
                return frames
            step //= 2
        skipped = self._damaged_frames(inside) if self.seeks_exactly else None
        self._open(self._index)
        self.ended = skipped is None
        self._adrift = skipped is None or skipped > count or not self._sought(inside + skipped)
        return self._silence(count if skipped is None else min(skipped, count))

    def _damaged_frames(self, inside: int) -> int | None:
        """How many frames from one of this part on cannot be decoded; None where none behind them can."""
        damaged = 0
        for skipped in _growing_steps():
            if inside + skipped >= self._ends[self._index] - self._begins[self._index]:
                return None
            if self._decodes(inside + skipped):
                return bisect_left(range(skipped), True, lo=damaged, key=lambda less: self._decodes(inside + less))
            damaged = skipped
        return None

    def _decodes(self, inside: int) -> bool:
        self._open(self._index)
        return self._sought(inside) and any(len(block) for block in _until_damage(self._decoder, 1, 1))

    def _silence(self, count: int) -> np.ndarray:
        if self.format not in _MAY_END_SOON or count > _TOO_LONG_FRAMES:
            self.lost.append((self.at, self.at + count))
        return np.zeros((count, self._decoder.channels), dtype=np.float32)

    def _sought(self, inside: int) -> bool:
        try:
            return int(self._decoder.seek(inside)) == inside
        except soundfile.LibsndfileError:
            return False

    def _reached(self, inside: int) -> bool:
        """Whether reading on from the beginning of its part leads to a frame that cannot be sought, though it is there:
        a header may contradict what follows, and one part of a file may seek where another does not.
        """
        self._open(self._index)
        block_frames = max(1, _COUNTED_SAMPLES // self._decoder.channels)
        return sum(len(block) for block in _until_damage(self._decoder, inside, block_frames)) == inside

    def _open(self, index: int) -> None:
        """Anew, at its beginning: after an error libsndfile does not decode on."""
        self._decoder.close()
        self._decoder, self._index, self._adrift = Decoder(self._path, self._parts[index]), index, False


def _until_damage(decoder: Decoder, count: int, step: int) -> Iterator[np.ndarray]:
    """The next ``count`` frames, (step, channels) at a time, as far as they can be decoded."""
    while count > 0:
        try:
            block = decoder.read_frames(min(step, count))
        except soundfile.LibsndfileError:
            return
        if not len(block):
            return
        count -= len(block)
        yield block


def _growing_steps() -> Iterator[int]:
    """Frames to skip: first step by step, as little is damaged as a rule, then ever further."""
    yield from range(_STEP_FRAMES, 32 * _STEP_FRAMES, _STEP_FRAMES)
    for power in range(5, 32):
        yield _STEP_FRAMES << power


def counted(path: Path, part: Part, report: Report) -> tuple[int, str | None]:
    """Frames that can be read up to the end, and what is wrong with the length that the header tells.

    report: called with seconds, those decoded and those expected, where they must be decoded to be counted.
    Raises LibsndfileError where libsndfile cannot decode any, or would stop long before the end.
    """
    with View(path, part) as file:
        tagged = has_length_tag(file)
    with Decoder(path, part) as decoder:
        frames, rate = int(decoder.frames), int(decoder.samplerate)
        if frames >= _UNKNOWN_FRAMES or (decoder.of_mpeg and not (decoder.format == "MP3" and tagged)):
            return _count_by_decoding(path, part, report)
        cut_mp3 = decoder.format == "MP3" and part.told is not None
        to_be_checked = part.guessed or decoder.format in ("FLAC", "MP3")
        if not frames or not to_be_checked or not (part.guessed or cut_mp3 or not _reaches(decoder, frames, rate)):
            return frames, None
    with Chain(path, [part], [frames]) as chain:
        while len(chain.read(_COUNTED_SAMPLES)) and not chain.ended:  # a header may promise centuries
            report(Progress(chain.at // rate, frames // rate))
        readable = chain.at
    for first, last in reversed(chain.lost):
        if last == readable:
            readable = first
    if not readable:
        raise soundfile.LibsndfileError(0, prefix="nothing can be decoded: ")
    return readable, short_of(frames / rate, readable / rate) if readable < frames else None


def short_of(promised: float, readable: float) -> str:
    """That fewer seconds can be decoded than a header promises, in as many digits as show it."""
    digits = 2 if promised - readable > 0.01 else 5
    return (
        f"is cut short or damaged: its header promises {promised:.{digits}f} s, of which {readable:.{digits}f} s can "
        "be decoded; what is there was read"
    )


def _reaches(decoder: Decoder, frames: int, rate: int) -> bool:
    """Whether the end that the header promises can be decoded."""
    try:
        decoder.seek(max(0, frames - (1 if decoder.format == "FLAC" else round(_END_SECONDS * rate))))
        return len(decoder.read_frames(1)) == 1
    except soundfile.LibsndfileError:
        return False


def _count_by_decoding(path: Path, part: Part, report: Report) -> tuple[int, str | None]:
    frames, told = 0, None
    with Decoder(path, part) as decoder:
        block_frames = max(1, _COUNTED_SAMPLES // decoder.channels)
        try:
            # Not a frame more than libsndfile expects: it would decode more, but not return it.
            while block := len(decoder.read_frames(min(block_frames, decoder.frames - frames))):
                frames += block
                report(Progress(frames // decoder.samplerate, 0))
            consumed = decoder.bytes_read
        except soundfile.LibsndfileError:
            consumed = None
    if consumed is None:
        with Decoder(path, part) as decoder:
            decoder.seek(frames)
            frames += sum(len(block) for block in _until_damage(decoder, block_frames, _STEP_FRAMES))
        if not frames:
            raise soundfile.LibsndfileError(0, prefix="nothing can be decoded: ")
        beyond = f"{frames / decoder.samplerate:.2f} s"
        told = f"is cut short or damaged: it cannot be decoded beyond {beyond}; what is there was read"
    # libsndfile guesses the length of an MP3 from its first frame's bit rate and reads no further than its guess.
    elif consumed < 0.9 * (part.end - part.begin):
        raise soundfile.LibsndfileError(0, prefix="the MP3 goes on after its supposed end: ")
    return frames, told
