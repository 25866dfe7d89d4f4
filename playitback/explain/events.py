"""Sound events: when each class sounds in a recording, several at once, by what a model would say of every moment.

    activity (T, classes) of window after window -> one even axis of time, overlapping windows averaged -> median
        -> two thresholds -> short gaps closed, short runs dropped -> Event after Event

The rule is that of sound event detection: double thresholds after a median (Dinkel and Yu, 2020). It is the same
whether the classes share one probability or have one each. No more is held than a window's activity and what goes on,
so a recording's length costs no memory. Seconds are those of the recording.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from playitback.errors import SettingsError
from playitback.explain.explanation import Explanation

STEP_SECONDS = 0.05  # of the even axis: finer than a column of the models at hand, so that none of their edges is lost
MEDIAN_STEPS = 5  # that a median is of: it drops what lasts less than half of them, and leaves edges where they are
# Of thresholds from 0.1 to 0.6 these two name most steps right: F1 of 0.52 with esc50-small on 40 recordings of 30 s,
# each mixed from eight clips of ESC-50 (fold 4, which it was trained on) and a little noise; 0.4 and 0.25 have 0.50.
ON_ABOVE = 0.3  # an event's activity reaches it: below a half, so that two classes that share one probability can
OFF_BELOW = 0.2  # an event begins and ends where its activity crosses it: sounds swell and fade
GAP_STEPS = 4  # the longest gap between two events of a class that is closed: one knock after the other is knocking
MINIMUM_STEPS = 4  # the shortest event

_TOUCHING_SECONDS = 1e-3  # windows start on whole samples, and so may be a sample apart
_ROUNDING = 1e-6  # of a step


@dataclass(frozen=True)
class Event:
    """One class for as long as it sounds."""

    label: str
    start_seconds: float
    end_seconds: float
    probability: float  # of ``label``: mean activity from start to end
    peak_seconds: float  # where its activity is largest

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and strings for JSON."""
        return {
            "class": self.label,
            "start_seconds": self.start_seconds,
            "end_seconds": self.end_seconds,
            "probability": round(self.probability, 6),
            "peak_seconds": self.peak_seconds,
        }


@dataclass(frozen=True)
class WindowActivity:
    """What a model would say of each moment of one window of a recording."""

    start_seconds: float  # of the window
    end_seconds: float  # of the window, or of the recording within it
    edges: np.ndarray  # (T + 1,) of the columns: seconds of the window
    values: np.ndarray  # (T, classes) 0 to 1
    audible: np.ndarray  # (T,) False where a column holds digital silence, in which there are no events


class EventFinder:
    """Finds the events of a recording while its windows come, in the order of their starts; ``labels``: (classes,)."""

    def __init__(self, labels: Sequence[str]) -> None:
        self._labels = tuple(labels)
        self._part: _Part | None = None

    def hear(self, window: WindowActivity) -> tuple[Event, ...]:
        """The events that are known to be over now. What lies between windows that do not touch ends every event."""
        ended: list[Event] = []
        if self._part is None or window.start_seconds > self._part.end_seconds + _TOUCHING_SECONDS:
            ended += self.ongoing()
            self._part = _Part(self._labels, window.start_seconds)
        return (*ended, *self._part.hear(window))

    def ongoing(self) -> tuple[Event, ...]:
        """The events that are not over yet, as they are if the recording ends here."""
        return () if self._part is None else copy.deepcopy(self._part).finish()


def in_order(events: Sequence[Event]) -> tuple[Event, ...]:
    """By their starts; they come by their ends."""
    return tuple(sorted(events, key=lambda event: (event.start_seconds, event.end_seconds, event.label)))


def clip_events(explanation: Explanation) -> tuple[Event, ...]:
    """The events of a clip, from its first hearing, in the order of their starts; seconds of the recording.

    Raises SettingsError for a model without activity.
    """
    first = explanation.hearings[0]
    if first.activity is None:
        raise SettingsError(no_activity(explanation.model_name))
    finder = EventFinder(explanation.labels)
    end_seconds = explanation.start_seconds + explanation.seconds
    window = WindowActivity(explanation.start_seconds, end_seconds, first.edges, first.activity, first.audible)
    return in_order((*finder.hear(window), *finder.ongoing()))


def no_activity(model_name: str) -> str:
    """The error for a model that cannot say when a class sounds."""
    return (
        f"{model_name} has no activity, so it cannot say when each class sounds; choose a model with activity, or take "
        "the classes of its windows"
    )


@dataclass(frozen=True)
class _Run:
    """Steps of the axis, one after the other, in which a class is not off."""

    start: int
    stop: int  # exclusive
    before: float  # activity of all steps before ``start``, summed
    within: float  # the same before ``stop``
    peak: float
    peak_at: int

    def joined(self, later: _Run) -> _Run:
        higher = max(self, later, key=lambda run: run.peak)
        return _Run(self.start, later.stop, self.before, later.within, higher.peak, higher.peak_at)


@dataclass
class _Track:
    """One class: the run that may go on, and the event before it, which may be joined with it."""

    run: _Run | None = None
    event: _Run | None = None

    def hear(self, run: _Run) -> list[_Run]:
        """Takes the next run; returns the event that is over by then, if any."""
        if self.run is not None and self.run.stop == run.start:
            self.run = self.run.joined(run)
            return []
        over = self.settle()
        self.run = run
        return over

    def settle(self) -> list[_Run]:
        """The run does not go on: it is an event, a part of one, or nothing."""
        run, self.run = self.run, None
        if run is None or run.peak < ON_ABOVE:
            return []
        if self.event is not None and run.start - self.event.stop <= GAP_STEPS:
            self.event = self.event.joined(run)
            return []
        over = [] if self.event is None else [self.event]
        self.event = run
        return over

    def wait(self, step: int) -> list[_Run]:
        """All is known up to ``step``: returns the events that are over by then."""
        over = self.settle() if self.run is not None and self.run.stop < step else []
        next_start = step if self.run is None else self.run.start
        if self.event is not None and next_start - self.event.stop > GAP_STEPS:
            over.append(self.event)
            self.event = None
        return over


@dataclass
class _Part:
    """A part of a recording that was heard without a gap."""

    labels: tuple[str, ...]
    start_seconds: float
    end_seconds: float = field(init=False)

    def __post_init__(self) -> None:
        classes = len(self.labels)
        self.end_seconds = self.start_seconds
        self._first = _step_at(self.start_seconds)  # step of the first row of ``_sums``
        self._sums = np.zeros((0, classes))  # activity times the seconds for which it held
        self._seconds = np.zeros((0, 1))  # for which each step was heard, in all windows together
        self._next = self._first  # step that is smoothed next
        self._context: np.ndarray | None = None  # what the median needs of the steps before
        self._total = np.zeros(classes)  # of all smoothed steps
        self._tracks: dict[int, _Track] = {}

    def hear(self, window: WindowActivity) -> tuple[Event, ...]:
        over = self._follow(self._smoothed(self._known(_step_at(window.start_seconds))))  # no later window says more
        self._add(window)
        return over

    def finish(self) -> tuple[Event, ...]:
        over = self._follow(self._smoothed(self._known(self._first + len(self._sums)), last=True))
        left = [(position, run) for position, track in self._tracks.items() for run in (*track.settle(), track.event)]
        return (*over, *self._events((position, run) for position, run in left if run is not None))

    def _add(self, window: WindowActivity) -> None:
        """Lays a window's columns on the even axis."""
        edges = np.minimum(window.start_seconds + window.edges.astype(np.float64), window.end_seconds)
        low = _step_at(window.start_seconds)
        high = max(low + 1, math.ceil(window.end_seconds / STEP_SECONDS - _ROUNDING))
        borders = np.arange(low, high + 1) * STEP_SECONDS
        overlap = np.minimum(edges[1:], borders[1:, None]) - np.maximum(edges[:-1], borders[:-1, None])
        overlap = overlap.clip(min=0)  # (steps, T) seconds
        lacking = max(0, high - self._first - len(self._sums))
        self._sums = np.pad(self._sums, ((0, lacking), (0, 0)))
        self._seconds = np.pad(self._seconds, ((0, lacking), (0, 0)))
        rows = slice(low - self._first, high - self._first)
        self._sums[rows] += overlap @ np.where(window.audible[:, None], window.values, 0.0)
        self._seconds[rows] += overlap.sum(axis=1, keepdims=True)
        self.end_seconds = max(self.end_seconds, window.end_seconds)

    def _known(self, stop: int) -> np.ndarray:
        """Activity (steps, classes) of the steps before ``stop``, which are forgotten."""
        count = stop - self._first
        known = self._sums[:count] / np.maximum(self._seconds[:count], STEP_SECONDS * _ROUNDING)
        self._sums, self._seconds = self._sums[count:], self._seconds[count:]
        self._first += len(known)
        return known

    def _smoothed(self, steps: np.ndarray, last: bool = False) -> np.ndarray:
        """(steps, classes): medians of as many as can be told yet; beyond the ends lies what is at the ends."""
        half = MEDIAN_STEPS // 2
        if self._context is None:
            self._context = steps[:1].repeat(half, axis=0)
        steps = np.concatenate([self._context, steps])
        self._context = steps[-2 * half :] if len(steps) else None
        if last:
            steps = np.concatenate([steps, steps[-1:].repeat(half, axis=0)])
        if len(steps) < MEDIAN_STEPS:
            return steps[:0]
        return np.median(np.lib.stride_tricks.sliding_window_view(steps, MEDIAN_STEPS, axis=0), axis=-1)

    def _follow(self, smoothed: np.ndarray) -> tuple[Event, ...]:
        """Takes the next steps (steps, classes); returns the events that are over by then."""
        sums = np.concatenate([self._total[None], self._total + smoothed.cumsum(axis=0)])
        on = smoothed >= OFF_BELOW
        over: list[tuple[int, _Run]] = []
        for position in sorted({*np.flatnonzero(on.any(axis=0)).tolist(), *self._tracks}):
            track = self._tracks.setdefault(position, _Track())
            for start, stop in _runs(on[:, position]):
                peak_at = start + int(smoothed[start:stop, position].argmax())
                run = _Run(
                    self._next + start,
                    self._next + stop,
                    float(sums[start, position]),
                    float(sums[stop, position]),
                    float(smoothed[peak_at, position]),
                    self._next + peak_at,
                )
                over += ((position, each) for each in track.hear(run))
            over += ((position, each) for each in track.wait(self._next + len(smoothed)))
            if track.run is None and track.event is None:
                del self._tracks[position]
        self._next += len(smoothed)
        self._total = sums[-1]
        return tuple(self._events(over))

    def _events(self, runs: Iterable[tuple[int, _Run]]) -> Iterator[Event]:
        for position, run in runs:
            if run.stop - run.start < MINIMUM_STEPS:
                continue
            start = max(run.start * STEP_SECONDS, self.start_seconds)
            end = min(run.stop * STEP_SECONDS, self.end_seconds)
            yield Event(
                label=self.labels[position],
                start_seconds=round(start, 6),
                end_seconds=round(end, 6),
                probability=(run.within - run.before) / (run.stop - run.start),
                peak_seconds=round(min((run.peak_at + 0.5) * STEP_SECONDS, end), 6),
            )


def _step_at(second: float) -> int:
    return math.floor(second / STEP_SECONDS + _ROUNDING)


def _runs(on: np.ndarray) -> list[tuple[int, int]]:
    """(start, stop) of the runs of True in (N,)."""
    borders = np.flatnonzero(np.diff(np.concatenate([[False], on, [False]]).astype(np.int8)))
    return [(int(start), int(stop)) for start, stop in borders.reshape(-1, 2)]
