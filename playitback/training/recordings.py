"""Stretches of long recordings, read by seeking: sound files, and arrays in HDF5 files.

HDF5 is how the sound of EPIC-KITCHENS-100 is prepared for the auditory SlowFast networks (Kazakos et al., "Slow-Fast
Auditory Streams for Audio Recognition", ICASSP 2021): one array (samples,) per video, mono at 24 kHz. The rate
itself is not stored.
"""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torchaudio.functional import resample

from playitback import audio
from playitback.errors import AudioError, DataSetError

_RATE_ATTRIBUTES = ("sampling_rate", "sample_rate", "rate", "sr", "fs")  # of the array, or of the whole file
_DEFAULT_RATE = 24_000  # hertz
_FILTER_CROSSINGS = 64  # zero crossings on either side of the resampling filter, as for files


class Recordings:
    """Reads stretches. HDF5 files stay open, separately in each process, so a copy may go to another process.

    channel: of every recording, counted from 1; None: they are mixed.
    """

    def __init__(self, channel: int | None = None) -> None:
        self._channel = channel
        self._archives: dict[Path, Any] = {}  # open HDF5 files
        self._process = os.getpid()  # that opened them

    def __getstate__(self) -> dict[str, Any]:
        return {"_channel": self._channel, "_archives": {}, "_process": 0}

    def seconds(self, path: Path, recording: str | None = None) -> float:
        """Length of a file, or of an array in it. Raises AudioError where it cannot be read, or lacks the channel."""
        if recording is None:
            info = audio.probe(path)
            audio.channel_notes(info, self._channel)
            return info.seconds
        array, rate = self._array(path, recording)
        return len(array) / rate

    def samples(
        self, path: Path, recording: str | None, start_seconds: float, seconds: float, sample_rate: int
    ) -> np.ndarray:
        """(samples,) float32, mono; shorter where the recording ends first. Raises as ``playitback.audio.load``."""
        if recording is None:
            found = audio.load(
                path,
                start_seconds=start_seconds,
                window_seconds=seconds,
                sample_rate=sample_rate,
                channel=self._channel,
            )
            return found.samples
        array, rate = self._array(path, recording)
        try:
            samples = _resampled_window(array, rate, start_seconds, seconds, sample_rate)
        except OSError as error:
            raise AudioError(f"{recording} in {path.name} cannot be read ({error}); copy the file again") from error
        if not np.isfinite(samples).all():
            raise AudioError(f"{recording} in {path.name} holds samples that are not finite; prepare the file again")
        return samples

    def _array(self, path: Path, recording: str) -> tuple[Any, int]:
        """The array in HDF5 and its sampling rate in hertz."""
        if self._process != os.getpid():  # after a fork: files that the parent opened cannot be shared with it
            for archive in self._archives.values():
                archive.close()
            self._archives, self._process = {}, os.getpid()
        if path not in self._archives:
            self._archives[path] = open_archive(path)
        archive = self._archives[path]
        array = archive.get(recording)
        if getattr(array, "ndim", None) != 1 or array.dtype.kind not in "fi":
            raise AudioError(f"{path.name} has no array {recording} of one row of samples; prepare the file again")
        if self._channel not in (None, 1):
            raise AudioError(f"channel {self._channel} is asked for, but {recording} in {path.name} has one channel")
        attributes = {**archive.attrs, **array.attrs}
        rate = next((attributes[name] for name in _RATE_ATTRIBUTES if name in attributes), _DEFAULT_RATE)
        return array, int(rate)


def array_names(path: Path) -> frozenset[str]:
    """Names of an HDF5 file's arrays. Raises DataSetError where the file cannot be read."""
    try:
        with open_archive(path) as archive:
            return frozenset(archive)
    except AudioError as error:
        raise DataSetError(str(error)) from error


def open_archive(path: Path) -> Any:
    """An HDF5 file, to read. Raises DataSetError without h5py, AudioError where the file cannot be read."""
    try:
        import h5py  # only this data set needs it
    except ImportError as error:
        raise DataSetError(f"{path.name} needs h5py; install it: pip install -r requirements-train.txt") from error
    try:
        return h5py.File(path, "r")
    except OSError as error:
        raise AudioError(f"{path} cannot be read as HDF5 ({error}); copy or prepare it again") from error


def _resampled_window(array: Any, rate: int, start_seconds: float, seconds: float, sample_rate: int) -> np.ndarray:
    """The window that the whole array, resampled, would have there: only it and the filter's margins are read."""
    common = math.gcd(rate, sample_rate)
    old, new = rate // common, sample_rate // common
    first, count = round(start_seconds * sample_rate), round(seconds * sample_rate)
    margin = 0 if old == new else math.ceil(1.05 * _FILTER_CROSSINGS * old / min(old, new))
    begin = max(0, (first * old // new - margin) // old * old)  # on a sample that both rates share
    end = min(len(array), math.ceil((first + count) * old / new) + margin)
    part = array[begin : max(begin, end)]
    scale = np.float32(1 if part.dtype.kind == "f" else 1 / (np.iinfo(part.dtype).max + 1))
    mono = torch.from_numpy(part.astype(np.float32) * scale)
    if not len(mono):
        return mono.numpy()
    skipped = first - begin * new // old
    window: np.ndarray = resample(mono, old, new, lowpass_filter_width=_FILTER_CROSSINGS)[skipped:][:count].numpy()
    return window
