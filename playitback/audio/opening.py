"""Opens recordings: which decoder reads a file, how long it really is, and what of it is missing or damaged."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import soundfile

from playitback.audio import containers, contradictions, ffmpeg, foreign
from playitback.audio.decoding import Chain, Decoder, View, counted, short_of
from playitback.errors import AudioError
from playitback.progress import Progress, Report

MINIMUM_SECONDS = 0.1
BLOCK_SAMPLES = 2**20  # decoded at a time, all channels together: 4 MiB

_LOWEST_RATE, _HIGHEST_RATE = 1_000, 1_000_000  # hertz
_LOUDEST_SAMPLE = 1e10  # full scale is 1; the power of anything louder overflows float32
_OGG_RUN_UP_FRAMES = 2**19  # more than one OGG page can hold (255 packets of 1,024 frames); decoded in about 0.05 s
_REMEMBERED = 1024  # files
_SHORTER_SECONDS = 0.15  # a film's pictures may go on so much longer than its sound
_WITH_A_CLOCK = ("mov", "matroska")  # players show it; that of what is broadcast begins anywhere
_FFMPEG_SUFFIXES = {
    *(".m4a", ".m4b", ".mp4", ".mov", ".3gp", ".webm", ".mka", ".mkv", ".aac", ".ac3", ".amr"),
    *(".wma", ".asf", ".ape", ".wv", ".tta", ".avi", ".flv", ".ts"),
}
#: First bytes -> name, of formats that libsndfile reads; a file that starts so and cannot be opened is damaged.
_SIGNATURES = {
    **{b"RIFF": "WAV", b"RF64": "WAV", b"fLaC": "FLAC", b"OggS": "OGG", b"FORM": "AIFF", b"caff": "CAF", b"ID3": "MP3"},
    **{b".snd": "AU", b"dns.": "AU", b"riff": "Wave64", b"NIST": "NIST", b"Creative Voice": "VOC", b"RIFX": "WAV"},
    **dict.fromkeys((b"\xff\xfb", b"\xff\xfa", b"\xff\xf3", b"\xff\xf2"), "MP3"),
}


_Found = TypeVar("_Found")
_memory: dict[tuple[str, Path, int, int], Any] = {}


@dataclass(frozen=True)
class RecordingInfo:
    """What a file says about itself, and what is wrong with it."""

    name: str  # of the file, without its folder
    seconds: float  # of the whole file
    sample_rate: int  # hertz, of the file
    channels: int
    format: str  # "WAV", "FLAC", "OGG", "MP3", ...; the suffix in capitals for what ffmpeg decoded
    notes: tuple[str, ...] = ()  # sentences for the user on what is missing, damaged or joined


@dataclass(frozen=True)
class _Examined:
    """A file that a decoder can read."""

    parts: tuple[containers.Part, ...]  # () where ffmpeg reads it, as one
    frames: tuple[int, ...]  # of each part, that can be read
    sample_rate: int
    channels: int
    format: str
    told: tuple[str, ...]  # what is wrong with it: sentences without their subject


class Sound:
    """An open recording that passed every check that needs no full decoding."""

    def __init__(self, chain: Chain | ffmpeg.Pipe, info: RecordingInfo) -> None:
        self.info = info
        self.frames = chain.frames
        self._chain = chain
        self._last = (0, np.zeros((0, info.channels), dtype=np.float32))  # what was read last, and its first frame
        self._block_frames = max(1, BLOCK_SAMPLES // info.channels)

    def read(self, begin: int, count: int, *, finite: bool = True, channel: int | None = None) -> np.ndarray:
        """``count`` frames from ``begin`` on, (count, channels) float32; silence where they cannot be decoded.

        Raises AudioError where the file is gone and, with ``finite``, at a sample that is not finite or far beyond full
        scale; without ``finite``, and in the other channels where one is named, such samples become 0.
        """
        with _told_as_unreadable(self.info.name):
            return self._read(begin, count, finite, channel)

    def _read(self, begin: int, count: int, finite: bool, channel: int | None) -> np.ndarray:
        frames = np.zeros((count, self.info.channels), dtype=np.float32)
        # Windows that follow one another overlap, by the resampling filter's length at least. What was read before is
        # not read again: where seeking is inexact, that would mean decoding the file from its start.
        last_begin, last = self._last
        known = last[begin - last_begin :][:count] if begin >= last_begin else last[:0]
        frames[: len(known)] = known
        filled = len(known)
        if filled < count:
            self._go_to(begin + filled)
        while filled < count and len(block := self._chain.read(min(self._block_frames, count - filled))):
            wrong = ~(np.abs(block) < _LOUDEST_SAMPLE)  # written so that NaN is wrong too
            if wrong.any():
                asked = wrong if channel is None else wrong & (np.arange(wrong.shape[1]) == channel - 1)
                if finite and asked.any():
                    raise self._not_finite(block, asked, begin + filled)
                block = np.where(wrong, np.float32(0), block)
            frames[filled : filled + len(block)] = block
            filled += len(block)
        self._last = (begin, frames)
        return frames

    def lost_seconds(self, begin: int, end: int) -> float:
        """How much between two frames, of what was read so far, cannot be decoded."""
        lost = sum(max(0, min(end, last) - max(begin, first)) for first, last in self._chain.lost)
        return lost / self.info.sample_rate

    def _go_to(self, frame: int) -> None:
        """Place the chain so that the next frame read is ``frame``, exactly."""
        run_up = 0  # frames before it that must be decoded too
        if not self._chain.seeks_exactly:  # MP3 seeks by a table of 100 entries; GSM and G.721 cannot seek at all
            run_up = frame
        elif self._chain.format == "OGG":  # a seek can spoil the first block; one into the last page shifts all
            run_up = _OGG_RUN_UP_FRAMES
        if not frame - run_up <= self._chain.at <= frame:
            self._chain.seek(max(0, frame - run_up))
        while self._chain.at < frame and len(self._chain.read(min(self._block_frames, frame - self._chain.at))):
            pass

    def _not_finite(self, block: np.ndarray, wrong: np.ndarray, begin: int) -> AudioError:
        frame, channel = (int(indices[0]) for indices in np.nonzero(wrong))
        value = float(block[frame, channel])
        what = "NaN" if math.isnan(value) else "infinite" if math.isinf(value) else f"{value:.3g}, far over full scale"
        where, other = "", ""
        if self.info.channels > 1:
            where, other = f" in channel {channel + 1}", ", choose another channel"
        return AudioError(
            f"{self.info.name} holds a sample that is not a finite amplitude: {what}, at "
            f"{(begin + frame) / self.info.sample_rate:.4f} s{where}; correct it there{other}, or export it again as "
            "16-bit WAV"
        )


@contextmanager
def opened(given: str | Path, report: Report | None = None) -> Iterator[Sound]:
    """Open a recording and check it. The sound stands at frame 0.

    report: called with seconds where the sound must be decoded to learn how long it is: those that were decoded, and
    those that are expected, 0 where nothing tells. What it raises ends the opening.
    """
    path = Path(given)
    name = path.name or str(path)
    tell = report or (lambda progress: None)
    with ExitStack() as cleanup:
        start = _start_of(path, name)
        chain: Chain | ffmpeg.Pipe
        with _told_as_unreadable(name):
            try:
                examined = _remembered(path, "libsndfile", lambda: _examine(path, tell))
                chain = cleanup.enter_context(Chain(path, examined.parts, examined.frames))
            # TypeError: soundfile asks for the rate of a .raw file
            except (soundfile.LibsndfileError, TypeError) as error:
                program = ffmpeg.program()
                if program is None:
                    raise _not_sound(start, path, name) from error
                decoded, examined = _remembered(path, program, lambda: _decode(program, path, tell))
                chain = cleanup.enter_context(ffmpeg.Pipe(program, path, decoded))
        frames, rate = sum(examined.frames), examined.sample_rate
        if frames == 0:
            raise AudioError(f"{name} is a sound file with zero samples; record or export it again")
        if not _LOWEST_RATE <= rate <= _HIGHEST_RATE:
            raise AudioError(
                f"{name} says that it was sampled at {rate} Hz, but only {_LOWEST_RATE} to {_HIGHEST_RATE} Hz can be "
                "read; export it again at 16000 Hz or more"
            )
        if frames < MINIMUM_SECONDS * rate:
            held = math.floor(1000 * frames / rate) / 1000  # rounded up, it might read as long enough
            short, give = f"is {held:.3f} s long", "give a longer recording"
            if examined.told:  # what is wrong with it, without what became of the rest
                short = f"{examined.told[0].partition(';')[0]}; only {held:.3f} s of it can be heard"
                give = "copy or export it again"
            raise AudioError(f"{name} {short}; at least {MINIMUM_SECONDS} s are needed; {give}")
        notes = tuple(f"{name} {told}." for told in examined.told)
        info = RecordingInfo(name, frames / rate, rate, examined.channels, examined.format, notes)
        yield Sound(chain, info)


@contextmanager
def _told_as_unreadable(name: str) -> Iterator[None]:
    """Raises AudioError for what the system says against reading a file that it has opened before."""
    try:
        yield
    except OSError as error:
        raise AudioError(
            f"{name} cannot be read ({error.strerror or error}); check that it is there, and its disk whole"
        ) from error


def _start_of(path: Path, name: str) -> bytes:
    """The first bytes of a file. Raises AudioError for what is wrong before any decoding."""
    try:
        if path.is_dir():
            raise AudioError(f"{name} is a folder, not a recording; give a sound file that lies in it")
        if path.is_symlink() and not path.exists():
            raise AudioError(f"{name} is a link that leads to no file; link it anew, or give the recording itself")
        if not path.exists():
            raise AudioError(f"{name} does not exist (looked for {path}); check the name and the folder")
        if not path.is_file():  # a pipe would make us wait, a device would never end
            raise AudioError(f"{name} is not a file that can be read from start to end; copy the recording into a file")
        with path.open("rb") as file:
            start = file.read(12)
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        reason = getattr(error, "strerror", None) or error
        raise AudioError(f"{name} cannot be opened ({reason}); check its name and your right to read it") from error
    if not start:
        raise AudioError(f"{name} is empty (0 bytes); record, export or copy it again")
    return start


def _remembered(path: Path, decoder: str, find: Callable[[], _Found]) -> _Found:
    """What was found by a decoder in a file that has not changed since.

    A page asks for one file many times, and the pages of an OGG, or frames of an MP3, are many.
    """
    status = path.stat()
    key = (decoder, path.absolute(), status.st_size, status.st_mtime_ns)
    if key not in _memory:
        found = find()
        while len(_memory) >= _REMEMBERED:
            _memory.pop(next(iter(_memory)), None)
        _memory[key] = found
    remembered: _Found = _memory[key]
    return remembered


def _examine(path: Path, report: Report) -> _Examined:
    """Raises LibsndfileError where libsndfile cannot read the file, or would stop long before its end."""
    with View(path) as file:
        found, told = containers.parts(file), contradictions.in_head(file)
    if found[0].in_blocks:
        raise soundfile.LibsndfileError(0, prefix="only the first block would be read: ")
    parts: list[containers.Part] = []
    counts: list[int] = []
    first = (0, 0, "")
    for part in found:
        try:
            with Decoder(path, part) as decoder:
                kind = (decoder.samplerate, decoder.channels, decoder.format)
            if parts and kind != first:
                told.append(_second_is_left(sum(counts) / first[0]))
                break
            count, wrong = counted(path, part, report)
        except soundfile.LibsndfileError:
            if not parts:
                raise
            told.append(_second_is_left(sum(counts) / first[0]))
            break
        if not parts:
            first = kind
        parts.append(part)
        counts.append(count)
        told += [each for each in (part.told or wrong or _end_unknown(part),) if each]
        if part.tracks > 1:
            told.append(_first_of_tracks(part.tracks))
    if len(parts) > 1:
        told.append(_joined(len(parts)))
    rate, channels, container = first
    return _Examined(
        tuple(parts), tuple(counts), rate, channels, "WAV" if container == "WAVEX" else container, _once(told)
    )


def _end_unknown(part: containers.Part) -> str | None:
    return None if part.tells_its_end else containers.END_UNKNOWN


def _second_is_left(seconds: float) -> str:
    return f"holds another recording, of another kind, from {seconds:.2f} s on; only what comes before was read"


def _decode(program: str, path: Path, report: Report) -> tuple[tuple[ffmpeg.Decoded, ...], _Examined]:
    """Raises AudioError where ffmpeg cannot read the file either."""
    found = foreign.parts(path)
    decoded: list[ffmpeg.Decoded] = []
    with View(path) as file:
        told = contradictions.in_head(file)
    for part in found:
        before = sum(each.seconds for each in decoded)

        def heard(seconds: float, promised: float | None, before: float = before) -> None:
            report(Progress(int(before + seconds), int(before + max(seconds, promised)) if promised else 0))

        try:
            another = ffmpeg.examine(program, path, part if len(found) > 1 else None, heard)
        except ffmpeg.Undecodable:
            if not decoded:
                raise
            told.append(_second_is_left(before))
            break
        if decoded and (another.sample_rate, another.channels) != (decoded[0].sample_rate, decoded[0].channels):
            told.append(_second_is_left(before))
            break
        decoded.append(another)
        told += _told_of(another, part)
    if len(decoded) > 1:
        told.append(_joined(len(decoded)))
    frames, kind = tuple(each.frames for each in decoded), path.suffix[1:].upper()
    return tuple(decoded), _Examined((), frames, decoded[0].sample_rate, decoded[0].channels, kind, _once(told))


def _told_of(decoded: ffmpeg.Decoded, part: containers.Part) -> Iterator[str]:
    """What was not found as it should be in a part that ffmpeg decodes."""
    seconds, promised, late = decoded.seconds, decoded.promised_seconds, decoded.late_frames / decoded.sample_rate
    if promised is not None and seconds < promised - _SHORTER_SECONDS:
        if decoded.pictures and not decoded.damaged and part.told is None:
            yield f"has sound up to {seconds:.2f} s of {promised:.2f} s: it ends before its pictures, or is cut short"
        else:
            yield short_of(promised, seconds)
    elif part.told is not None:
        yield part.told
    elif decoded.damaged:
        yield "is damaged or cut short: parts of it cannot be decoded; what is there was read"
    elif foreign.end_unknown(part, decoded.demuxer, promised is not None):
        yield containers.END_UNKNOWN
    if decoded.tracks > 1:
        yield _first_of_tracks(decoded.tracks)
    if late > _SHORTER_SECONDS:
        yield f"is silent for its first {late:.2f} s: its sound begins so much later than its pictures or another track"
    if decoded.start_seconds > _SHORTER_SECONDS and decoded.demuxer.startswith(_WITH_A_CLOCK):
        yield f"begins at {decoded.start_seconds:.2f} s by its own clock; seconds are counted from there"


def _once(told: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(told))


def _joined(count: int) -> str:
    return f"is {count} recordings joined into one file; they were read one after the other"


def _first_of_tracks(count: int) -> str:
    return f"holds {count} tracks of sound; only the first was taken"


def _not_sound(start: bytes, path: Path, name: str) -> AudioError:
    """The error for a file that libsndfile cannot open, by what the file starts with."""
    for signature, kind in _SIGNATURES.items():
        if start.startswith(signature):
            return AudioError(
                f"{name} begins like {kind} but cannot be decoded: it is damaged, cut short or of a rare kind; "
                "copy or export it again, as WAV or FLAC"
            )
    container = "MPEG-4" if start[4:8] == b"ftyp" else "WebM or Matroska" if start[:4] == b"\x1aE\xdf\xa3" else ""
    if container or path.suffix.lower() in _FFMPEG_SUFFIXES:
        kind = container or path.suffix[1:].upper()
        return AudioError(
            f"{name} is in the {kind} format, which only ffmpeg can decode, and there is no ffmpeg here; "
            "install ffmpeg, or convert the recording to WAV, FLAC, OGG or MP3"
        )
    return AudioError(
        f"{name} is not a sound file; give WAV, FLAC, OGG, MP3 or AIFF (M4A and WebM where ffmpeg is installed)"
    )
