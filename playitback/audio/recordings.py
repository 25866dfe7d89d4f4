"""Windows of recordings at a model's rate: one alone, or one after the other."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from torchaudio.functional import resample

from playitback.audio import mixing
from playitback.audio.audibility import doubt
from playitback.audio.opening import BLOCK_SAMPLES, MINIMUM_SECONDS, RecordingInfo, Sound, opened
from playitback.errors import AudioError, SettingsError
from playitback.progress import Report

_LONGEST_SECONDS = 1e9  # thirty years: of a longer one, samples cannot be counted
_FILTER_CROSSINGS = 64  # zero crossings on either side of the resampling filter
_LARGEST_RATIO_TERM = 2000  # bounds the resampling filter bank for odd rates (44,101 Hz); the rate error is below 1e-6


@dataclass(frozen=True)
class Recording:
    """A window of a recording, ready for a model."""

    samples: np.ndarray  # (samples,) float32, mono, the window only
    info: RecordingInfo
    start_seconds: float  # where the window starts in the file
    sample_rate: int  # hertz, of ``samples``
    notes: tuple[str, ...] = ()  # sentences for the user: all that the model was given otherwise than it was recorded
    window_notes: tuple[str, ...] = ()  # those of them that are on this window's own sound, and not on the file
    channel: int | None = None  # that was taken alone, as somebody chose, counted from 1; None: they were mixed

    @property
    def seconds(self) -> float:
        """Length of the window."""
        return len(self.samples) / self.sample_rate


def probe(path: str | Path, report: Report | None = None) -> RecordingInfo:
    """Describe a recording; only where nothing else tells how long it is, it is decoded for that, once.

    report: called with how many seconds were decoded then, and how many are expected, 0 where nothing tells; what it
    raises ends it. Raises AudioError where there is nothing that can be classified: no such file, a folder, not a
    sound, empty, shorter than MINIMUM_SECONDS.
    """
    with opened(path, report) as sound:
        return sound.info


def load(
    path: str | Path,
    *,
    start_seconds: float = 0.0,
    window_seconds: float | None = None,
    sample_rate: int,
    channel: int | None = None,
) -> Recording:
    """Read ``window_seconds`` (or all there is) from ``start_seconds`` on, mix the channels and resample.

    channel: the one to take in place of the mix, counted from 1. The samples are those that the whole file, resampled,
    would have there: the filter reads beyond the window's edges. ``Recording.samples`` is shorter than the window where
    the file ends first. Raises AudioError as ``probe`` does, for samples that are not finite in what is
    taken, and for a channel that the file does not hold; SettingsError for a window that it does not hold.
    """
    if not (math.isfinite(start_seconds) and start_seconds >= 0):
        raise SettingsError(f"start_seconds is {start_seconds}, but a recording starts at 0; give a number from 0 on")
    if window_seconds is not None:
        _check_duration("window_seconds", window_seconds)
    with opened(path) as sound:
        info = sound.info
        channel_notes(info, channel)
        length = _resampled_length(info, sample_rate)
        first = round(min(start_seconds, info.seconds) * sample_rate)
        count = length - first
        if window_seconds is not None:
            count = min(count, round(window_seconds * sample_rate))
        if count < MINIMUM_SECONDS * sample_rate:
            raise SettingsError(
                f"the window starts at {start_seconds:g} s, but {info.name} ends at {info.seconds:g} s, and at "
                f"least {MINIMUM_SECONDS} s must be left; choose an earlier start"
            )
        return _window(sound, first, count, length, sample_rate, channel)


def stream(
    path: str | Path,
    *,
    window_seconds: float,
    hop_seconds: float | None = None,
    sample_rate: int,
    first_window: int = 0,
    channel: int | None = None,
) -> Generator[Recording, None, None]:
    """Yields the windows of a recording from its start to its end, ``hop_seconds`` (default: a window) apart.

    Each is what ``load`` gives for that start, but the file is decoded only once, even if one cannot seek in it (MP3,
    what ffmpeg decodes), and no more than a window is kept: hours take little memory. The last window is the first
    one that reaches the end, and as long as what is left; less than MINIMUM_SECONDS does not count as a window.
    first_window: index of the first one that is yielded; those before it are not read. channel: as for ``load``.
    Closing the generator closes the file. Raises SettingsError at once, AudioError as ``load`` does at the window where
    something is wrong.
    """
    check_windows(window_seconds, hop_seconds)
    return _stream(path, window_seconds, hop_seconds, sample_rate, first_window, channel)


def window_count(
    info: RecordingInfo, *, window_seconds: float, hop_seconds: float | None = None, sample_rate: int
) -> int:
    """How many windows ``stream`` yields of a recording. Raises the same SettingsError."""
    check_windows(window_seconds, hop_seconds)
    return sum(1 for _ in _windows(_resampled_length(info, sample_rate), window_seconds, hop_seconds, sample_rate))


def _stream(
    path: str | Path,
    window_seconds: float,
    hop_seconds: float | None,
    sample_rate: int,
    first_window: int,
    channel: int | None,
) -> Generator[Recording, None, None]:
    with opened(path) as sound:
        channel_notes(sound.info, channel)
        length = _resampled_length(sound.info, sample_rate)
        windows = _windows(length, window_seconds, hop_seconds, sample_rate)
        for first, count in itertools.islice(windows, first_window, None):
            yield _window(sound, first, count, length, sample_rate, channel)


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


def check_windows(window_seconds: float, hop_seconds: float | None) -> None:
    """Raises SettingsError for windows that cannot be taken of any recording."""
    _check_duration("window_seconds", window_seconds)
    if hop_seconds is not None:
        _check_duration("hop_seconds", hop_seconds)


def _check_duration(name: str, seconds: float) -> None:
    if not seconds >= MINIMUM_SECONDS:  # written so that NaN is refused, too
        raise SettingsError(f"{name} is {seconds}; give {MINIMUM_SECONDS} or more")
    if seconds > _LONGEST_SECONDS:
        raise SettingsError(f"{name} is {seconds:g}; give {_LONGEST_SECONDS:g} or less")


def _resampled_length(info: RecordingInfo, sample_rate: int) -> int:
    """Samples of the whole sound at ``sample_rate``."""
    frames = round(info.seconds * info.sample_rate)
    return math.ceil(Fraction(frames * sample_rate, info.sample_rate))


def overview(path: str | Path, columns: int = 1000, go_on: Callable[[], bool] = lambda: True) -> np.ndarray | None:
    """Peak amplitude over the whole file, to draw it: (columns,) float32, of its loudest channel, read in blocks.

    A file with fewer frames than columns repeats them. Samples that are not finite count as 0: a drawing shows the
    rest, and ``load`` says where they are. go_on: asked before each block; None where it says no. Raises AudioError as
    ``probe`` does.
    """
    if columns < 1:
        raise SettingsError(f"columns must be positive, got {columns}")
    peaks = np.zeros(columns, dtype=np.float32)
    with opened(path) as sound:
        edges = np.array([column * sound.frames // columns for column in range(columns)])
        block_frames = max(1, BLOCK_SAMPLES // sound.info.channels)
        for begin in range(0, sound.frames, block_frames):
            if not go_on():
                return None
            end = min(begin + block_frames, sound.frames)
            amplitude = np.abs(sound.read(begin, end - begin, finite=False)).max(axis=1)
            starts = np.unique(np.concatenate([[begin], edges[(edges > begin) & (edges < end)]]))
            held = np.searchsorted(edges, starts, side="right") - 1
            peaks[held] = np.maximum(peaks[held], np.maximum.reduceat(amplitude, starts - begin))
    # of columns that begin at one frame only the last one has been given it
    repeated: np.ndarray = peaks[np.searchsorted(edges, edges, side="right") - 1]
    return repeated


def channel_notes(info: RecordingInfo, channel: int | None) -> tuple[str, ...]:
    """A sentence on the channel that was chosen of several, counted from 1; none where they are mixed.

    Raises AudioError for a recording without that channel: others may have it.
    """
    if channel is not None and not 1 <= channel <= info.channels:
        has, there = (
            ("one channel", "1") if info.channels == 1 else (f"{info.channels} channels", f"1 to {info.channels}")
        )
        raise AudioError(
            f"channel {channel} is asked for, but {info.name} has {has}; choose {there}, or none, to mix them"
        )
    if channel is None or info.channels == 1:
        return ()
    return (f"{info.name}: of its {info.channels} channels only channel {channel} was taken, as chosen.",)


def _window(sound: Sound, first: int, count: int, length: int, sample_rate: int, channel: int | None) -> Recording:
    """Samples ``first`` to ``first + count`` of the whole sound, which has ``length`` at ``sample_rate``."""
    info = sound.info
    begin, end, ratio, skipped = _frames_of(sound, first, count, sample_rate)
    frames = sound.read(begin, end - begin, channel=channel)
    mono, mixed = mixing.mix(frames, info.sample_rate) if channel is None else (frames[:, channel - 1].copy(), None)
    mono, changed = mixing.in_range(mono)
    samples = mono[skipped : skipped + count].copy() if ratio == 1 else _resampled(mono, ratio, skipped, count)
    start_seconds, end_seconds = first / sample_rate, (first + count) / sample_rate
    span = f"{start_seconds:.2f} s to {end_seconds:.2f} s"
    taken = (f"{info.name} is {info.seconds:.2f} s long; only {span} of it were taken.",) if count < length else ()
    notes = []
    if lost := sound.lost_seconds(begin, end):
        notes.append(f"{info.name} is damaged: of {span}, {lost:.2f} s cannot be decoded and are silent instead.")
    notes += [f"{info.name}: {told}." for told in (mixed, *changed) if told]
    inside = mono[round(skipped / ratio) : round((skipped + count) / ratio)]  # without what only the filter needs
    if (doubtful := doubt(inside, samples, sample_rate, span)) is not None:
        notes.append(f"{info.name} {doubtful}.")
    lower: tuple[str, ...] = ()
    if info.sample_rate < sample_rate:
        lower = (
            f"{info.name} was sampled at {info.sample_rate} Hz, so it holds nothing above "
            f"{info.sample_rate / 2000:g} kHz; the model listens up to {sample_rate / 2000:g} kHz.",
        )
    return Recording(
        samples=samples,
        info=info,
        start_seconds=start_seconds,
        sample_rate=sample_rate,
        notes=(*info.notes, *taken, *channel_notes(info, channel), *notes, *lower),
        window_notes=tuple(notes),
        channel=channel,
    )


def _frames_of(sound: Sound, first: int, count: int, sample_rate: int) -> tuple[int, int, Fraction, int]:
    """Which frames of the file a window needs, from one to before another; the ratio of the rates; and how many
    resampled samples come before the window's first."""
    rate = sound.info.sample_rate
    if rate == sample_rate:
        return first, first + count, Fraction(1), 0
    larger, smaller = max(rate, sample_rate), min(rate, sample_rate)
    ratio = Fraction(smaller, larger).limit_denominator(_LARGEST_RATIO_TERM)
    ratio = ratio if sample_rate < rate else 1 / ratio
    new, old = ratio.numerator, ratio.denominator
    margin = math.ceil(1.05 * _FILTER_CROSSINGS * old / min(old, new))  # frames; torchaudio rolls off at 0.99
    position = Fraction(first * rate, sample_rate)  # of the window's start, in frames of the file
    begin = max(0, math.floor((position - margin) / old) * old)  # on a frame that both rates share
    end = min(sound.frames, math.ceil(position + Fraction(count * rate, sample_rate)) + margin)
    return begin, end, ratio, round((position - begin) * ratio)


def _resampled(mono: np.ndarray, ratio: Fraction, skipped: int, count: int) -> np.ndarray:
    resampled = resample(
        torch.from_numpy(mono), ratio.denominator, ratio.numerator, lowpass_filter_width=_FILTER_CROSSINGS
    )
    window: np.ndarray = resampled[skipped : skipped + count].numpy().copy()
    return window
