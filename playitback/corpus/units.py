"""Which windows are heard in one go: units of long recordings, parts of several units.

A *unit* is some minutes of the windows of one recording. It begins where a batch does, so that its windows are heard in
the same company, and are the same to the last bit, as if the recording was heard at once. A *part* is a file of the
data set: one unit of a long recording, or as many short recordings as have the windows of one unit.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from playitback import audio
from playitback.audio import RecordingInfo
from playitback.cores import BATCH
from playitback.errors import AudioError, SettingsError

UNIT_WINDOWS = 30 * BATCH  # 20 minutes of a model that hears 5 s; no kill can cost more than their work
PLANNED_RECORDINGS = 64  # whose lengths are looked up in one go
#: what one can begin to read anywhere; others are decoded from their start, and so are one unit however long they are
_SEEKABLE = frozenset({"WAV", "RF64", "W64", "AIFF", "AU", "CAF", "FLAC", "OGG"})
_SHARD_DIGITS, _NAME_DIGITS = 1, 32  # hexadecimal


@dataclass(frozen=True)
class Unit:
    """Windows of one recording that follow one another."""

    recording: str  # whole path
    stamp: tuple[int, ...]  # of the recording when the unit was planned
    number: int  # among the units of its recording
    units: int  # of its recording
    first_window: int
    windows: int


@dataclass(frozen=True)
class Failure:
    """What could not be heard of a recording."""

    recording: str  # whole path
    start_seconds: float  # what comes before was heard
    reason: str  # a sentence
    lasting: bool  # whether it would be the same again: the recording is there, and has not changed


@dataclass(frozen=True)
class Part:
    """What is heard in one go, and becomes one file."""

    units: tuple[Unit, ...] = ()
    failures: tuple[Failure, ...] = ()  # recordings of which nothing can be heard

    @property
    def name(self) -> str:
        """Of its file without the suffix: of the same windows of the same recordings always the same."""
        keys = [(each.recording, each.stamp, each.first_window, each.windows) for each in self.units]
        return sha256(json.dumps(keys).encode()).hexdigest()[:_NAME_DIGITS]

    @property
    def shard(self) -> str:
        """Of its recordings, which all have the same one."""
        return shard_of(self.units[0].recording)

    def to_json(self) -> str:
        return json.dumps([[_values(each) for each in of_kind] for of_kind in (self.units, self.failures)])

    @classmethod
    def from_json(cls, text: str) -> Part:
        units, failures = json.loads(text)
        return cls(tuple(map(unit_of, units)), tuple(Failure(*each) for each in failures))


@dataclass(frozen=True)
class Missing:
    """A recording that is not heard, or not wholly."""

    recording: str  # whole path
    heard: frozenset[int] = field(default_factory=frozenset)  # numbers of the units that are


@dataclass(frozen=True)
class Lengths:
    """What the number of a recording's windows depends on. Raises SettingsError for an impossible hop."""

    clip_seconds: float  # of a window
    sample_rate: int  # hertz
    hop_seconds: float | None  # from one window's start to the next; None: windows touch
    unit_windows: int = UNIT_WINDOWS

    def __post_init__(self) -> None:
        if self.unit_windows < 1 or self.unit_windows % BATCH:
            raise SettingsError(f"a unit has {self.unit_windows} windows; give a multiple of {BATCH}")
        self.count(RecordingInfo("", self.clip_seconds, self.sample_rate, 1, ""))  # refuses an impossible hop

    def count(self, info: RecordingInfo) -> int:
        """Windows of a recording."""
        return audio.window_count(
            info, window_seconds=self.clip_seconds, hop_seconds=self.hop_seconds, sample_rate=self.sample_rate
        )


def shard_of(recording: str) -> str:
    """One of 16 folders of the data set, by the recording's whole path alone: filled evenly, whatever it is told of
    the time of recording, and known without opening it."""
    return sha256(recording.encode("utf-8", "surrogateescape")).hexdigest()[:_SHARD_DIGITS]


def batches(missing: Iterable[Missing]) -> list[list[Missing]]:
    """Recordings of one shard at a time, at most PLANNED_RECORDINGS, in a fixed order."""
    shards: dict[str, list[Missing]] = {}
    for each in missing:
        shards.setdefault(shard_of(each.recording), []).append(each)
    return [
        shard[begin : begin + PLANNED_RECORDINGS]
        for _, shard in sorted(shards.items())
        for begin in range(0, len(shard), PLANNED_RECORDINGS)
    ]


def plan(batch: Sequence[Missing], lengths: Lengths, channel: int | None = None) -> Iterator[Part]:
    """The parts of what is missing of a batch of recordings, which are opened to learn their lengths.

    Those that cannot be opened, or lack the channel that is to be heard, are told with the last part. Raises
    SettingsError where there is no room to decode one.
    """
    waiting: list[Unit] = []
    failures: list[Failure] = []
    for missing in batch:
        stamp = audio.stamp_of(missing.recording)
        try:
            info = audio.probe(missing.recording)
            audio.channel_notes(info, channel)
        except (AudioError, OSError) as error:
            failures.append(Failure(missing.recording, 0.0, str(error), lasting=False))
            continue
        for unit in _units(missing, stamp, lengths.count(info), info.format, lengths.unit_windows):
            if sum(each.windows for each in waiting) + unit.windows > lengths.unit_windows and waiting:
                yield Part(tuple(waiting))
                waiting = []
            waiting.append(unit)
    if waiting or failures:
        yield Part(tuple(waiting), tuple(failures))


def unit_of(values: Sequence[object]) -> Unit:
    """Inverse of ``_values``, as JSON keeps them."""
    recording, stamp, *numbers = values
    return Unit(str(recording), tuple(stamp), *numbers)  # type: ignore[arg-type]


def _values(each: Unit | Failure) -> list[object]:
    return [getattr(each, name) for name in each.__dataclass_fields__]


def _units(missing: Missing, stamp: tuple[int, ...], windows: int, container: str, unit_windows: int) -> Iterator[Unit]:
    size = unit_windows if container in _SEEKABLE else max(windows, 1)
    firsts = range(0, max(windows, 1), size)
    for number, first in enumerate(firsts):
        if number not in missing.heard:
            yield Unit(missing.recording, stamp, number, len(firsts), first, min(size, windows - first))
