"""Labelled clips of one length, cut from the recordings of a Manifest.

    Manifest -> every recording's length, by its header -> stretches that exist -> ClipsInMemory or ClipsOnDisk
             -> waveforms (B, clip_samples) of any indices

A few thousand five-second clips are a few hundred megabytes as 16-bit samples, and decoding them once is what lets a
small model train on a CPU at all. What does not fit is read from disk, only the samples of the clip each time.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from torch import Generator, Tensor

from playitback.audio import MINIMUM_SECONDS
from playitback.config import FrontEndConfig
from playitback.counts import counted
from playitback.errors import DataSetError, PlayItBackError, SettingsError
from playitback.progress import Progress, Report
from playitback.training.entries import Entry, Manifest
from playitback.training.recordings import Recordings

_Given = TypeVar("_Given")
_Made = TypeVar("_Made")

_FULL_SCALE = 32768  # of 16-bit samples
_NAMED = 5  # recordings that an error names
_READ_AHEAD = 1024  # recordings that wait for the threads


class Skipped:
    """Counts the clips that are missing or unreadable, and raises DataSetError once they are too many."""

    def __init__(self, data_set: str, clips: int, tolerated_share: float) -> None:
        if not 0 <= tolerated_share < 1:
            raise SettingsError(f"tolerated_missing must be 0 or more and below 1, got {tolerated_share}")
        self.found: list[str] = []  # name and reason of each
        self._data_set = data_set
        self._clips = clips
        self._tolerated_share = tolerated_share

    def add(self, *found: str) -> None:
        self.found += found
        if len(self.found) > self._tolerated_share * self._clips:
            more = "; ..." if len(self.found) > _NAMED else ""
            raise DataSetError(
                f"{len(self.found)} of the {counted(self._clips, 'clip')} of {self._data_set} "
                f"{'is' if len(self.found) == 1 else 'are'} missing or unreadable, and "
                f"{100 * self._tolerated_share:g} % are tolerated; complete the download: "
                f"{'; '.join(self.found[:_NAMED])}{more}"
            )


class ClipSet(ABC):
    """Labelled clips. A copy may go to another process, such as a worker of a ``DataLoader``."""

    def __init__(
        self,
        names: Sequence[str],
        counts: Tensor,
        targets: Sequence[tuple[tuple[int, ...], ...]],
        labels: tuple[tuple[str, ...], ...],
        multi_label: bool,
        clip_samples: int,
        skipped: Skipped | None = None,
    ) -> None:
        """counts (N,): samples of each stretch; targets: of each clip, for every head, the indices of its classes."""
        self.names = tuple(names)
        self.labels = labels
        self.multi_label = multi_label
        self.clip_samples = clip_samples
        self._skipped = skipped
        self._counts = counts
        # of every head: the classes of all clips in a row, and where each clip's begin
        self._classes, self._begins = [], []
        for head in range(len(labels)):
            of_clips = [of_clip[head] for of_clip in targets]
            self._classes.append(torch.tensor([each for of_clip in of_clips for each in of_clip], dtype=torch.int64))
            self._begins.append(torch.tensor([0, *map(len, of_clips)]).cumsum(0))

    def __len__(self) -> int:
        return len(self.names)

    @property
    def skipped(self) -> tuple[str, ...]:
        """Names of the clips that are missing or unreadable, each with the reason."""
        return () if self._skipped is None else tuple(self._skipped.found)

    def waveforms(self, indices: Tensor, generator: Generator | None = None) -> Tensor:
        """(B,) indices -> (B, clip_samples) float32 in -1..1.

        A stretch that is longer than a clip is cropped, at random with a generator and in its middle without; a shorter
        one is filled up with zeros.
        """
        waveforms = torch.zeros(len(indices), self.clip_samples)
        shares = (
            torch.full((len(indices),), 0.5) if generator is None else torch.rand(len(indices), generator=generator)
        )
        for waveform, index, share in zip(waveforms, indices.tolist(), shares.tolist(), strict=True):
            samples = self._read(index, share)
            waveform[: len(samples)] = samples
        return waveforms

    def targets(self, indices: Tensor) -> tuple[Tensor, ...]:
        """(B,) indices -> for every head (B, classes) float32, 1 for the classes of the clip and 0 for the others.

        Ask for the waveforms first: a clip that turns out unreadable has the targets of the one that replaced it.
        """
        found = []
        for classes, begins, names in zip(self._classes, self._begins, self.labels, strict=True):
            targets = torch.zeros(len(indices), len(names))
            for target, index in zip(targets, indices.tolist(), strict=True):
                target[classes[begins[index] : begins[index + 1]]] = 1
            found.append(targets)
        return tuple(found)

    def classes(self, head: int = 0) -> Tensor:
        """(N,) int64, index into the head's labels. Raises DataSetError for clips with several labels."""
        if self.multi_label:
            raise DataSetError("these clips have several labels each, and what is asked for needs one; take other data")
        return self._classes[head]

    @abstractmethod
    def _read(self, index: int, share: float) -> Tensor:
        """Up to clip_samples of a stretch (samples,) float32; share (0 to 1) says where a longer one is cropped."""

    def _crop(self, index: int, share: float) -> tuple[int, int]:
        """First sample, and number of samples, of a clip in its stretch."""
        count = int(self._counts[index])
        spare = max(count - self.clip_samples, 0)
        return min(int(share * (spare + 1)), spare), min(count, self.clip_samples)


class ClipsInMemory(ClipSet):
    """Whole stretches as 16-bit samples, one after the other."""

    def __init__(
        self,
        names: Sequence[str],
        samples: Tensor,
        bounds: Tensor,
        targets: Sequence[tuple[tuple[int, ...], ...]],
        labels: tuple[tuple[str, ...], ...],
        multi_label: bool,
        clip_samples: int,
        skipped: Skipped | None = None,
    ) -> None:
        """samples: int16; bounds (N, 2): where each clip's samples begin and end in them."""
        super().__init__(names, bounds[:, 1] - bounds[:, 0], targets, labels, multi_label, clip_samples, skipped)
        self._samples = samples
        self._starts = bounds[:, 0]

    def _read(self, index: int, share: float) -> Tensor:
        first, count = self._crop(index, share)
        first += int(self._starts[index])
        return self._samples[first : first + count].float() / _FULL_SCALE


class ClipsOnDisk(ClipSet):
    """Reads what is asked for. A clip that turns out unreadable is replaced by the next one that can be read."""

    def __init__(
        self,
        entries: Sequence[Entry],
        firsts: Tensor,
        counts: Tensor,
        labels: tuple[tuple[str, ...], ...],
        multi_label: bool,
        front_end: FrontEndConfig,
        skipped: Skipped,
        channel: int | None = None,
    ) -> None:
        """firsts, counts (N,): where each stretch begins, and how long it is, in samples of the front end's rate.

        channel: as for ``load_clips``.
        """
        targets = [entry.targets for entry in entries]
        super().__init__(
            [entry.name for entry in entries], counts, targets, labels, multi_label, front_end.clip_samples, skipped
        )
        self._firsts = firsts
        self._sample_rate = front_end.sample_rate
        # Arrays of bytes, which workers share; of millions of Python objects each worker would soon have a copy.
        self._paths = np.array([os.fsencode(entry.path) for entry in entries])
        self._recordings = np.array([(entry.recording or "").encode() for entry in entries])
        self._reader = Recordings(channel)
        self._stand_ins = torch.arange(len(entries))

    def targets(self, indices: Tensor) -> tuple[Tensor, ...]:
        return super().targets(self._stand_ins[indices])

    def _read(self, index: int, share: float) -> Tensor:
        while True:
            index = int(self._stand_ins[index])
            first, count = self._crop(index, share)
            try:
                samples = self._reader.samples(
                    Path(os.fsdecode(self._paths[index])),
                    self._recordings[index].decode() or None,
                    (int(self._firsts[index]) + first) / self._sample_rate,
                    count / self._sample_rate,
                    self._sample_rate,
                )
            except PlayItBackError as error:
                self._replace(index, str(error))
            else:
                return torch.from_numpy(samples).clamp(-1, 1)

    def _replace(self, index: int, why: str) -> None:
        """From here on the next clip stands in for it, and for those that it stood in for."""
        assert self._skipped is not None
        self._skipped.add(f"{self.names[index]}: {why}")
        self._stand_ins[self._stand_ins == index] = self._stand_ins[(index + 1) % len(self)].clone()


def load_clips(
    manifest: Manifest,
    front_end: FrontEndConfig,
    *,
    tolerated_missing: float = 0.05,
    memory_gigabytes: float = 4.0,
    channel: int | None = None,
    report: Report | None = None,
) -> ClipSet:
    """The clips of a manifest, in memory if their whole stretches fit into ``memory_gigabytes``, else on disk.

    Clips that are missing or unreadable are left out, up to a share of ``tolerated_missing`` of all that are listed;
    ``ClipSet.skipped`` names them. channel: of every recording, counted from 1; None: they are mixed. report: called
    first for the recordings that are looked at, then for the clips that are decoded. Raises DataSetError where more
    clips are missing.
    """
    skipped = Skipped(manifest.data_set, len(manifest.entries) + len(manifest.missing), tolerated_missing)
    skipped.add(*(f"{name}: not there" for name in manifest.missing))
    reader = Recordings(channel)
    entries, firsts, counts = _stretches(manifest.entries, reader, front_end.sample_rate, skipped, report)
    if 2 * int(counts.sum()) > memory_gigabytes * 1e9:
        return ClipsOnDisk(entries, firsts, counts, manifest.labels, manifest.multi_label, front_end, skipped, channel)

    ends = counts.cumsum(0)
    bounds = torch.stack([ends - counts, ends], dim=1)
    samples = torch.zeros(int(counts.sum()), dtype=torch.int16)

    def decode(index: int) -> str | None:
        """Puts a stretch in its place; if that fails, returns the reason."""
        entry, begin = entries[index], int(bounds[index, 0])
        first, count = int(firsts[index]), int(counts[index])
        try:
            sound = reader.samples(
                entry.path,
                entry.recording,
                first / front_end.sample_rate,
                count / front_end.sample_rate,
                front_end.sample_rate,
            )
        except PlayItBackError as error:
            return str(error)
        steps = np.clip(np.rint(sound * _FULL_SCALE), -_FULL_SCALE, _FULL_SCALE - 1).astype(np.int16)
        samples[begin : begin + len(steps)] = torch.from_numpy(steps)
        return None

    readable = []
    for index, why in enumerate(_in_threads(decode, range(len(entries)), report)):
        if why is None:
            readable.append(index)
        else:
            skipped.add(f"{entries[index].name}: {why}")
    return ClipsInMemory(
        [entries[index].name for index in readable],
        samples,
        bounds[readable],
        [entries[index].targets for index in readable],
        manifest.labels,
        manifest.multi_label,
        front_end.clip_samples,
        skipped,
    )


def _stretches(
    entries: Sequence[Entry], reader: Recordings, sample_rate: int, skipped: Skipped, report: Report | None
) -> tuple[list[Entry], Tensor, Tensor]:
    """The entries whose stretches exist, their first samples and their numbers of samples (N,)."""
    recordings = list(dict.fromkeys((entry.path, entry.recording) for entry in entries))

    def seconds(recording: tuple[Path, str | None]) -> float | str:
        """Length of a recording, or the reason why it cannot be read."""
        try:
            return reader.seconds(*recording)
        except PlayItBackError as error:
            return str(error)

    lengths = dict(zip(recordings, _in_threads(seconds, recordings, report), strict=True))
    there, firsts, counts = [], [], []
    for entry in entries:
        length = lengths[entry.path, entry.recording]
        if isinstance(length, str):
            skipped.add(f"{entry.name}: {length}")
            continue
        stop = length if entry.stop_seconds is None else min(entry.stop_seconds, length)
        stop = max(stop, entry.start_seconds + MINIMUM_SECONDS)  # no shorter window is ever read
        if stop > length:
            skipped.add(f"{entry.name}: it starts at {entry.start_seconds:g} s of a recording of {length:.2f} s")
            continue
        there.append(entry)
        firsts.append(round(entry.start_seconds * sample_rate))
        counts.append(round(stop * sample_rate) - firsts[-1])
    return there, torch.tensor(firsts, dtype=torch.int64), torch.tensor(counts, dtype=torch.int64)


def _in_threads(function: Callable[[_Given], _Made], given: Sequence[_Given], report: Report | None) -> Iterator[_Made]:
    """Like ``map``, in threads: decoding releases the interpreter, so every core reads."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for begin in range(0, len(given), _READ_AHEAD):
            for number, made in enumerate(pool.map(function, given[begin : begin + _READ_AHEAD]), begin + 1):
                yield made
                if report is not None:
                    report(Progress(number, len(given)))
