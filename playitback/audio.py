"""Reads recordings: any file -> a window of mono samples at the model's rate, and nothing more than that in memory.

    file -> _opened (checked: sound, complete, long enough) -> _Sound.read_mono (frames of the file, channels averaged)
         -> _resampled_window (samples,) float32 at that rate -> load: one window; stream: one after the other

libsndfile (through soundfile) reads WAV, FLAC, OGG, MP3, AIFF and others. What it cannot read goes through an ffmpeg
found on the PATH. Where libsndfile is silent about damage (a WAV shorter than its header says) or inexact (seeking in
MP3 and OGG), this module checks by itself. Seconds count from the start of the file.
"""

from __future__ import annotations

import io
import itertools
import math
import os
import shutil
import struct
import subprocess
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

import numpy as np
import soundfile
import torch
from torchaudio.functional import resample

from playitback.errors import AudioError, SettingsError

MINIMUM_SECONDS = 0.1
#: Suffixes of files that are taken for sound, the plainest format first.
SOUND_SUFFIXES = (
    ".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".au", ".caf", ".w64", ".rf64",
    ".m4a", ".aac", ".wma", ".mp4", ".webm", ".mp1", ".mp2", ".mpga", ".mpa", ".m4b", ".m4r", ".3gp", ".3g2", ".amr",
    ".awb", ".mka", ".wv", ".ac3", ".eac3", ".dts", ".tta", ".tak", ".ape", ".asf", ".spx", ".aifc", ".snd", ".voc",
    ".sph", ".nist", ".ircam", ".sf", ".paf", ".svx", ".avr", ".pvf", ".sds", ".wve", ".bwf", ".mov", ".mkv", ".avi",
    ".flv", ".mpg", ".mpeg", ".m4v", ".wmv",
)  # fmt: skip

_LOWEST_RATE, _HIGHEST_RATE = 1_000, 1_000_000  # hertz
_LOUDEST_SAMPLE = 1e10  # full scale is 1; the power of anything louder overflows float32
_BLOCK_SAMPLES = 2**20  # decoded at a time, all channels together: 4 MiB
_OGG_RUN_UP_FRAMES = 2**19  # more than one OGG page can hold (255 packets of 1,024 frames); decoded in about 0.05 s
_UNKNOWN_FRAMES = 2**62  # libsndfile's count is higher for a FLAC stream whose header does not tell the length
_UNKNOWN_BYTES = 0x7FFF0000  # programs that write to a pipe put this length or a larger one into a WAV header
_FILTER_CROSSINGS = 64  # zero crossings on either side of the resampling filter
_LARGEST_RATIO_TERM = 2000  # bounds the resampling filter bank for odd rates (44,101 Hz); the rate error is below 1e-6
_FFMPEG_LIMIT_SECONDS = 120
_FFMPEG_LIMIT_BYTES = 2 * 1024**3
#: What ffmpeg may open: containers of sound, and no playlists, which could name other files.
_FFMPEG_DEMUXERS = (
    "mov,matroska,webm,aac,asf,amr,ac3,eac3,dts,ape,wv,tta,tak,caf,avi,flv,mpeg,mpegts,wav,mp3,ogg,flac,aiff"
)
_FFMPEG_SUFFIXES = {
    *(".m4a", ".m4b", ".mp4", ".mov", ".3gp", ".webm", ".mka", ".mkv", ".aac", ".ac3", ".amr"),
    *(".wma", ".asf", ".ape", ".wv", ".tta", ".avi", ".flv", ".ts"),
}
#: First bytes -> name, of formats that libsndfile reads; a file that starts so and cannot be opened is damaged.
_SIGNATURES = {
    **{b"RIFF": "WAV", b"RF64": "WAV", b"fLaC": "FLAC", b"OggS": "OGG", b"FORM": "AIFF", b"caff": "CAF", b"ID3": "MP3"},
    **dict.fromkeys((b"\xff\xfb", b"\xff\xfa", b"\xff\xf3", b"\xff\xf2"), "MP3"),
}


@dataclass(frozen=True)
class RecordingInfo:
    """What a file says about itself."""

    name: str  # of the file, without its folder
    seconds: float  # of the whole file
    sample_rate: int  # hertz, of the file
    channels: int
    format: str  # "WAV", "FLAC", "OGG", "MP3", ...; the suffix in capitals for what ffmpeg decoded


@dataclass(frozen=True)
class Recording:
    """A window of a recording, ready for a model."""

    samples: np.ndarray  # (samples,) float32, mono, the window only
    info: RecordingInfo
    start_seconds: float  # where the window starts in the file
    sample_rate: int  # hertz, of ``samples``
    notes: tuple[str, ...] = ()  # sentences for the user

    @property
    def seconds(self) -> float:
        """Length of the window."""
        return len(self.samples) / self.sample_rate


def probe(path: str | Path) -> RecordingInfo:
    """Describe a recording without decoding all of it.

    Raises AudioError where there is nothing that can be classified: no such file, a folder, not a sound, empty, cut
    short, shorter than MINIMUM_SECONDS.
    """
    with _opened(path) as sound:
        return sound.info


def load(
    path: str | Path,
    *,
    start_seconds: float = 0.0,
    window_seconds: float | None = None,
    sample_rate: int,
) -> Recording:
    """Read ``window_seconds`` (or all there is) from ``start_seconds`` on, average the channels and resample.

    The samples are those that the whole file, resampled, would have there: the filter reads beyond the window's
    edges. ``Recording.samples`` is shorter than the window where the file ends first. Raises AudioError as ``probe``
    does, and for samples that are not finite; SettingsError for a window that the file does not hold.
    """
    if not (math.isfinite(start_seconds) and start_seconds >= 0):
        raise SettingsError(f"start_seconds is {start_seconds}, but a recording starts at 0; give 0 or more")
    if window_seconds is not None:
        _check_duration("window_seconds", window_seconds)
    with _opened(path) as sound:
        info = sound.info
        length = _resampled_length(info, sample_rate)
        first = round(start_seconds * sample_rate)
        count = length - first
        if window_seconds is not None:
            count = min(count, round(window_seconds * sample_rate))
        if count < MINIMUM_SECONDS * sample_rate:
            raise SettingsError(
                f"the window starts at {start_seconds:.2f} s, but {info.name} ends at {info.seconds:.2f} s, and at "
                f"least {MINIMUM_SECONDS} s must be left; choose an earlier start"
            )
        samples = _resampled_window(sound, first, count, sample_rate)
    notes = _notes(samples, info, first, length, sample_rate)
    return Recording(samples, info, first / sample_rate, sample_rate, notes)


def stream(
    path: str | Path,
    *,
    window_seconds: float,
    hop_seconds: float | None = None,
    sample_rate: int,
) -> Generator[Recording, None, None]:
    """Yields the windows of a recording from its start to its end, ``hop_seconds`` (default: a window) apart.

    Each is what ``load`` gives for that start, but the file is decoded only once, even if one cannot seek in it (MP3,
    what ffmpeg decodes), and no more than a window is kept: hours take little memory. The last window is the first
    one that reaches the end, and as long as what is left; less than MINIMUM_SECONDS does not count as a window.
    Closing the generator closes the file. Raises SettingsError at once, AudioError as ``load`` does at the window
    where something is wrong.
    """
    _check_windows(window_seconds, hop_seconds)
    return _stream(path, window_seconds, hop_seconds, sample_rate)


def window_count(
    info: RecordingInfo, *, window_seconds: float, hop_seconds: float | None = None, sample_rate: int
) -> int:
    """How many windows ``stream`` yields of a recording. Raises the same SettingsError."""
    _check_windows(window_seconds, hop_seconds)
    return sum(1 for _ in _windows(_resampled_length(info, sample_rate), window_seconds, hop_seconds, sample_rate))


def _stream(
    path: str | Path, window_seconds: float, hop_seconds: float | None, sample_rate: int
) -> Generator[Recording, None, None]:
    with _opened(path) as sound:
        length = _resampled_length(sound.info, sample_rate)
        samples, end = np.zeros(0, dtype=np.float32), 0  # those of the window before, and where it ended
        for first, count in _windows(length, window_seconds, hop_seconds, sample_rate):
            kept = max(0, end - first)
            end = first + count
            new = _resampled_window(sound, first + kept, count - kept, sample_rate)
            samples = np.concatenate([samples[len(samples) - kept :], new])
            notes = _notes(samples, sound.info, first, length, sample_rate)
            # a copy: whoever gets it may write into it, and the next window begins with some of these samples
            yield Recording(samples.copy(), sound.info, first / sample_rate, sample_rate, notes)


def _windows(
    length: int, window_seconds: float, hop_seconds: float | None, sample_rate: int
) -> Iterator[tuple[int, int]]:
    """First sample and number of samples of every window of a sound with ``length`` samples."""
    window = round(window_seconds * sample_rate)
    hop = window if hop_seconds is None else hop_seconds * sample_rate
    for index in itertools.count():
        first = round(index * hop)
        count = min(window, length - first)
        if count < MINIMUM_SECONDS * sample_rate:
            return
        yield first, count
        if first + window >= length:
            return


def _check_windows(window_seconds: float, hop_seconds: float | None) -> None:
    _check_duration("window_seconds", window_seconds)
    if hop_seconds is not None:
        _check_duration("hop_seconds", hop_seconds)


def _check_duration(name: str, seconds: float) -> None:
    if not (math.isfinite(seconds) and seconds >= MINIMUM_SECONDS):
        raise SettingsError(f"{name} is {seconds}; give {MINIMUM_SECONDS} or more")


def _resampled_length(info: RecordingInfo, sample_rate: int) -> int:
    """Samples of the whole sound at ``sample_rate``."""
    frames = round(info.seconds * info.sample_rate)
    return math.ceil(Fraction(frames * sample_rate, info.sample_rate))


def overview(path: str | Path, columns: int = 1000) -> np.ndarray:
    """Peak amplitude over the whole file, to draw it: (columns,) float32, of the channels' mean, read in blocks.

    A file with fewer frames than columns repeats them. Samples that are not finite count as 0: a drawing shows the
    rest, and ``load`` says where they are. Raises AudioError as ``probe`` does.
    """
    if columns < 1:
        raise SettingsError(f"columns must be positive, got {columns}")
    with _opened(path) as sound:
        edges = [column * sound.frames // columns for column in range(columns + 1)]
        peaks = np.zeros(columns, dtype=np.float32)
        first = 0
        while first < columns:
            last = first + 1
            while last < columns and edges[last + 1] - edges[first] <= _BLOCK_SAMPLES:
                last += 1
            begin = edges[first]
            amplitude = np.abs(sound.read_mono(begin, edges[last] - begin, finite=False))
            peaks[first:last] = np.maximum.reduceat(amplitude, np.array(edges[first:last]) - begin)
            first = last
        return peaks


def sound_files(folder: str | Path) -> Iterator[Path]:
    """All sound files below a folder, known by their suffixes; hidden files and folders are left out.

    The order is fixed: the files of a folder by name, then those of its sub-folders by name. Links are followed, but
    not back into a folder that they lie in. A folder that cannot be listed counts as empty.
    """
    return _sound_files(Path(folder), frozenset())


def _sound_files(folder: Path, above: frozenset[Path]) -> Iterator[Path]:
    """above: the folders that this one lies in, with links resolved."""
    here = folder.resolve()
    if here in above:
        return
    try:
        with os.scandir(folder) as entries:
            shown = sorted((entry.name, entry.is_dir()) for entry in entries if not entry.name.startswith("."))
    except OSError:
        return
    for name, is_folder in shown:
        if not is_folder and os.path.splitext(name)[1].lower() in SOUND_SUFFIXES:
            yield folder / name
    for name, is_folder in shown:
        if is_folder:
            yield from _sound_files(folder / name, above | {here})


def write_wav(file: str | Path | IO[bytes], samples: np.ndarray, sample_rate: int) -> None:
    """Write (samples,) mono as 16-bit PCM. Beyond full scale it is clipped; the level is never changed."""
    steps = np.clip(np.rint(np.asarray(samples, dtype=np.float64) * 32768), -32768, 32767)
    soundfile.write(file, steps.astype(np.int16), sample_rate, format="WAV", subtype="PCM_16")


def _notes(samples: np.ndarray, info: RecordingInfo, first: int, length: int, sample_rate: int) -> tuple[str, ...]:
    start, end = first / sample_rate, (first + len(samples)) / sample_rate
    notes = []
    if len(samples) < length:
        notes.append(f"{info.name} is {info.seconds:.2f} s long; only {start:.2f} s to {end:.2f} s of it were taken.")
    if not samples.any():
        averaged = f", once its {info.channels} channels are averaged" if info.channels > 1 else ""
        notes.append(
            f"{info.name} is silent from {start:.2f} s to {end:.2f} s (every sample is zero{averaged}): "
            "the result says what the model makes of silence."
        )
    if info.sample_rate < sample_rate:
        notes.append(
            f"{info.name} was sampled at {info.sample_rate} Hz, so it holds nothing above "
            f"{info.sample_rate / 2000:g} kHz; the model listens up to {sample_rate / 2000:g} kHz."
        )
    return tuple(notes)


class _File(io.FileIO):
    """A file for libsndfile, which a broken header may tell to seek to a place that does not exist."""

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        try:
            return super().seek(offset, whence)
        except OSError:
            return self.tell()


class _SoundFile(soundfile.SoundFile):
    """libsndfile's reader that reads straight on from where it stands.

    After every read soundfile seeks to the place where the reader already is, if ``seekable`` is true. In MP3 of
    varying bit rate that seek lands elsewhere, and at the end of a FLAC stream of unknown length it fails.
    """

    def __init__(self, file: _File) -> None:
        file.seek(0)
        super().__init__(file)

    def seekable(self) -> bool:
        return False

    @property
    def seeks_exactly(self) -> bool:
        return super().seekable() and not self.subtype.startswith("MPEG")

    def read_frames(self, count: int) -> np.ndarray:
        """Up to ``count`` next frames, (frames, channels) float32; fewer only at the end of the sound."""
        return np.asarray(self.read(count, dtype="float32", always_2d=True))


class _Sound:
    """An open recording that passed every check that needs no full decoding."""

    def __init__(self, reader: _SoundFile, info: RecordingInfo, frames: int) -> None:
        self.info = info
        self.frames = frames
        self._reader = reader
        self._at = 0  # frame that is read next
        self._last = (0, np.zeros(0, dtype=np.float32))  # what was read last, and its first frame
        self._block_frames = max(1, _BLOCK_SAMPLES // info.channels)

    def read_mono(self, begin: int, count: int, *, finite: bool = True) -> np.ndarray:
        """Mean of the channels over ``count`` frames from ``begin`` on, (count,) float32.

        Raises AudioError where decoding fails or ends early, and, with ``finite``, at a sample that is not finite or
        far beyond full scale; without ``finite``, such samples become 0.
        """
        mono = np.zeros(count, dtype=np.float32)
        # Windows that follow one another overlap by the resampling filter's length. What was read before is not
        # read again: where seeking is inexact, that would mean decoding the file from its start.
        last_begin, last = self._last
        known = last[begin - last_begin :][:count] if begin >= last_begin else last[:0]
        mono[: len(known)] = known
        filled = len(known)
        try:
            self._go_to(begin + filled)
            while filled < count and len(block := self._next_block(count - filled)):
                wrong = ~(np.abs(block) < _LOUDEST_SAMPLE)  # written so that NaN is wrong too
                if wrong.any():
                    if finite:
                        raise self._not_finite(block, wrong, begin + filled)
                    block = np.where(wrong, np.float32(0), block)
                block.mean(axis=1, out=mono[filled : filled + len(block)])
                filled += len(block)
        except soundfile.LibsndfileError as error:
            raise _damaged(self.info.name, self._at / self.info.sample_rate) from error
        if count - filled > MINIMUM_SECONDS * self.info.sample_rate:
            raise _damaged(self.info.name, self._at / self.info.sample_rate)
        self._last = (begin, mono)
        return mono  # the length in an MP3's header may be a few frames too long; then zeros are left at its end

    def _next_block(self, limit: int) -> np.ndarray:
        block = self._reader.read_frames(min(self._block_frames, limit))
        self._at += len(block)
        return block

    def _go_to(self, frame: int) -> None:
        """Place the reader so that the next frame read is ``frame``, exactly."""
        run_up = 0  # frames before it that must be decoded too
        if not self._reader.seeks_exactly:  # MP3 seeks by a table of 100 entries; GSM and G.721 cannot seek at all
            run_up = frame
        elif self._reader.format == "OGG":  # a seek can spoil the first block; one into the last page shifts all
            run_up = _OGG_RUN_UP_FRAMES
        if not frame - run_up <= self._at <= frame:
            self._at = self._reader.seek(max(0, frame - run_up))
        while self._at < frame and len(self._next_block(frame - self._at)):
            pass

    def _not_finite(self, block: np.ndarray, wrong: np.ndarray, begin: int) -> AudioError:
        frame, channel = (int(indices[0]) for indices in np.nonzero(wrong))
        value = float(block[frame, channel])
        what = "NaN" if math.isnan(value) else "infinite" if math.isinf(value) else f"{value:.3g}, far over full scale"
        return AudioError(
            f"{self.info.name} holds a sample that is not a finite amplitude: {what}, at "
            f"{(begin + frame) / self.info.sample_rate:.4f} s; correct it there, or export it again as 16-bit WAV"
        )


def _resampled_window(sound: _Sound, first: int, count: int, sample_rate: int) -> np.ndarray:
    """Samples ``first`` to ``first + count`` of the whole sound resampled to ``sample_rate``, (count,) float32."""
    rate = sound.info.sample_rate
    if rate == sample_rate:
        return sound.read_mono(first, count)
    larger, smaller = max(rate, sample_rate), min(rate, sample_rate)
    ratio = Fraction(smaller, larger).limit_denominator(_LARGEST_RATIO_TERM)
    ratio = ratio if sample_rate < rate else 1 / ratio
    new, old = ratio.numerator, ratio.denominator
    margin = math.ceil(1.05 * _FILTER_CROSSINGS * old / min(old, new))  # frames; torchaudio rolls off at 0.99
    position = Fraction(first * rate, sample_rate)  # of the window's start, in frames of the file
    begin = max(0, math.floor((position - margin) / old) * old)  # on a frame that both rates share
    end = min(sound.frames, math.ceil(position + Fraction(count * rate, sample_rate)) + margin)
    mono = torch.from_numpy(sound.read_mono(begin, end - begin))
    resampled = resample(mono, old, new, lowpass_filter_width=_FILTER_CROSSINGS)
    skipped = round((position - begin) * ratio)
    window: np.ndarray = resampled[skipped : skipped + count].numpy().copy()
    return window


@contextmanager
def _opened(given: str | Path) -> Iterator[_Sound]:
    """Open a recording and check it. The reader stands at frame 0."""
    path = Path(given)
    name = path.name or str(path)
    with ExitStack() as cleanup:
        file = cleanup.enter_context(_open_file(path, name))
        kind = ""
        try:
            frames = _count_frames(file, name)
        except (soundfile.LibsndfileError, TypeError) as error:  # TypeError: soundfile asks for the rate of a .raw file
            folder = cleanup.enter_context(TemporaryDirectory(prefix="playitback-"))
            decoded = Path(folder) / "decoded.wav"
            _decode_with_ffmpeg(path, name, decoded, _not_sound(file, path, name))
            file = cleanup.enter_context(_File(decoded))
            kind = path.suffix[1:].upper()
            try:
                frames = _count_frames(file, name)
            except soundfile.LibsndfileError:
                raise _undecodable(name) from error
        reader = cleanup.enter_context(_SoundFile(file))
        seconds = frames / reader.samplerate
        if frames == 0:
            raise AudioError(f"{name} is a sound file with zero samples; record or export it again")
        if not _LOWEST_RATE <= reader.samplerate <= _HIGHEST_RATE:
            raise AudioError(
                f"{name} says that it was sampled at {reader.samplerate} Hz, but only {_LOWEST_RATE} to "
                f"{_HIGHEST_RATE} Hz can be read; export it again at 16000 Hz or more"
            )
        if seconds < MINIMUM_SECONDS:
            raise AudioError(
                f"{name} is {seconds:.3f} s long; at least {MINIMUM_SECONDS} s are needed; give a longer recording"
            )
        kind = kind or ("WAV" if reader.format == "WAVEX" else reader.format)
        yield _Sound(reader, RecordingInfo(name, seconds, reader.samplerate, reader.channels, kind), frames)


def _open_file(path: Path, name: str) -> _File:
    """Open for reading. Raises AudioError for what is wrong before any decoding."""
    try:
        if path.is_dir():
            raise AudioError(f"{name} is a folder, not a recording; give a sound file that lies in it")
        if not path.exists():
            raise AudioError(f"{name} does not exist (looked for {path}); check the name and the folder")
        if not path.is_file():  # a pipe would make us wait, a device would never end
            raise AudioError(f"{name} is not a file that can be read from start to end; copy the recording into a file")
        file = _File(path)
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        reason = getattr(error, "strerror", None) or error
        raise AudioError(f"{name} cannot be opened ({reason}); check its name and your right to read it") from error
    return file


def _missing_share(file: _File) -> float:
    """Share of the promised sound that lies beyond the end of a WAV or AIFF file; 0 for whole files and other formats.

    libsndfile reads what there is of such a file and does not say that the rest is missing.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    form = file.read(4)
    if form not in (b"RIFF", b"RIFX", b"RF64", b"FORM"):
        return 0.0
    header = ">4sI" if form in (b"RIFX", b"FORM") else "<4sI"
    at, long_length = 12, 0
    for _ in range(1000):  # chunks before the sound; nobody writes so many
        file.seek(at)
        head = file.read(8)
        if len(head) < 8:
            break
        chunk, length = struct.unpack(header, head)
        if chunk == b"ds64":  # RF64 keeps lengths beyond 32 bits here: of the file, then of the sound
            _, long_length = struct.unpack("<QQ", file.read(16).ljust(16, b"\0"))
        if chunk in (b"data", b"SSND"):
            if form == b"RF64" and length == 0xFFFFFFFF:
                length = long_length
            elif length >= _UNKNOWN_BYTES:
                return 0.0
            missing = at + 8 + length - size
            # Some programs include the header in the length: a few bytes too many do not mean that sound is missing.
            return missing / length if missing > max(64, length / 1000) else 0.0
        at += 8 + length + length % 2
    return 0.0


def _ends_within_a_page(file: _File) -> bool:
    """Whether an OGG file ends before its last page does, which libsndfile does not report either.

    A page is a head of 27 bytes, a table of up to 255 packet sizes, and the packets (RFC 3533, section 6).
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    if file.read(4) != b"OggS":
        return False
    file.seek(max(0, size - 2**17))  # a page has 65,307 bytes at most
    tail = file.read()
    page = tail[tail.rfind(b"OggS") :]
    if len(page) < 27:
        return True
    sizes = page[27 : 27 + page[26]]
    return len(sizes) < page[26] or len(page) < 27 + len(sizes) + sum(sizes)


def _count_frames(file: _File, name: str) -> int:
    """Frames that can really be decoded. Raises AudioError for a file that is empty or cut short.

    Raises LibsndfileError where libsndfile cannot decode the file, or would stop long before its end.
    """
    if not file.seek(0, os.SEEK_END):
        raise AudioError(f"{name} is empty (0 bytes); record, export or copy it again")
    missing_share = _missing_share(file)
    if missing_share > 0:
        raise AudioError(
            f"{name} is cut short: {max(1, round(100 * missing_share))} % of the sound that its header promises is "
            "missing; copy or record it again"
        )
    if _ends_within_a_page(file):
        raise AudioError(f"{name} is cut short: it ends in the middle of a stretch of sound; copy or record it again")
    tagged = _has_length_tag(file)
    with _SoundFile(file) as reader:
        frames: int = reader.frames
        if frames >= _UNKNOWN_FRAMES or (reader.format == "MP3" and not tagged):
            return _count_by_decoding(file, name)
        if frames and reader.format in ("FLAC", "MP3"):
            try:
                reader.seek(max(0, frames - round(MINIMUM_SECONDS * reader.samplerate)))
                complete = len(reader.read_frames(1)) == 1
            except soundfile.LibsndfileError:
                complete = False
            if not complete:
                raise AudioError(
                    f"{name} is cut short or damaged: its header promises {frames / reader.samplerate:.2f} s, but the "
                    "end cannot be decoded; copy or record it again"
                )
    return frames


def _has_length_tag(file: _File) -> bool:
    """Whether an MP3 begins with a frame that counts the others (Xing, Info or VBRI); else its length is a guess."""
    file.seek(0)
    head = file.read(10)
    start = 0
    if head[:3] == b"ID3" and len(head) == 10:
        # ID3v2: the tag's length in four bytes of seven bits, most significant first.
        start = 10 + sum((byte & 0x7F) << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True))
    file.seek(start)
    first_frame = file.read(4096)
    return any(mark in first_frame for mark in (b"Xing", b"Info", b"VBRI"))


def _count_by_decoding(file: _File, name: str) -> int:
    frames = 0
    with _SoundFile(file) as reader:
        block_frames = max(1, _BLOCK_SAMPLES // reader.channels)
        try:
            # Not a frame more than libsndfile expects: it would decode more, but not return it.
            while block := len(reader.read_frames(min(block_frames, reader.frames - frames))):
                frames += block
        except soundfile.LibsndfileError as error:
            raise _damaged(name, frames / reader.samplerate) from error
        consumed = file.tell()
    # libsndfile guesses the length of an MP3 from its first frame's bit rate and reads no further than its guess.
    if consumed < 0.9 * file.seek(0, os.SEEK_END):
        raise soundfile.LibsndfileError(0, prefix="the MP3 goes on after its supposed end: ")
    return frames


def _decode_with_ffmpeg(path: Path, name: str, target: Path, otherwise: AudioError) -> None:
    """Decode what libsndfile cannot read into a WAV. Raises AudioError if that fails, ``otherwise`` without ffmpeg."""
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None:
        raise otherwise
    command = [
        *(ffmpeg, "-nostdin", "-hide_banner", "-loglevel", "quiet", "-xerror"),
        *("-protocol_whitelist", "file", "-format_whitelist", _FFMPEG_DEMUXERS),
        *("-i", f"file:{os.path.abspath(path)}", "-map", "0:a:0", "-c:a", "pcm_s16le"),
        *("-fs", str(_FFMPEG_LIMIT_BYTES), "-f", "wav", "-y", str(target)),
    ]
    try:
        finished = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_FFMPEG_LIMIT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise AudioError(
            f"{name} took more than {_FFMPEG_LIMIT_SECONDS} s to decode; cut it, or convert it to WAV or FLAC"
        ) from error
    except OSError as error:
        raise AudioError(f"{name} needs ffmpeg, but {ffmpeg} cannot be run; install ffmpeg anew or give WAV") from error
    written = target.stat().st_size if target.exists() else 0
    if written > 0.99 * _FFMPEG_LIMIT_BYTES:
        raise AudioError(f"{name} is too long to decode at once; cut it, or convert it to WAV or FLAC")
    if finished.returncode != 0 or not written:
        raise _undecodable(name)


def _not_sound(file: _File, path: Path, name: str) -> AudioError:
    """The error for a file that libsndfile cannot open, by what the file starts with."""
    file.seek(0)
    start = file.read(12)
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


def _damaged(name: str, seconds: float) -> AudioError:
    return AudioError(
        f"{name} is damaged or cut short: it cannot be decoded beyond {seconds:.2f} s; copy or record it again"
    )


def _undecodable(name: str) -> AudioError:
    return AudioError(
        f"{name} is not a sound file, or it is damaged or cut short: neither libsndfile nor ffmpeg can decode it; "
        "give WAV, FLAC, OGG, MP3, AIFF or M4A"
    )
