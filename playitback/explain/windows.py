"""Recordings of minutes to hours: one window after the other is classified, and neighbours of one class are joined.

    file -> audio.stream -> windows (B, clip_samples) -> Recognizer.listen -> Window after Window -> stretches
         -> activity of the first hearing -> events.py: Event after Event
         -> report/labels.py: CSV, label track of Audacity, selection table of Raven

No more than a batch of windows is held, so a recording's length costs time and no memory. Seconds are those of the
recording.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from playitback import audio
from playitback.cores import BATCH, ahead
from playitback.errors import SettingsError
from playitback.explain.events import Event, EventFinder, WindowActivity, in_order, no_activity
from playitback.models.listener import Hearing
from playitback.recognizer import Recognizer
from playitback.segments import Segment, merge_segments, unpad_segments

SCHEMA = "playitback.windows/1"
RANKED = 5  # classes that a window names

_TOUCHING_SECONDS = 1e-3  # windows start on whole samples, and so may be a sample apart


@dataclass(frozen=True)
class Window:
    """What the model made of one window of a recording."""

    index: int
    start_seconds: float
    end_seconds: float  # that of the last window is the recording's, though the model heard silence behind it
    label: str  # the class that is named after the last hearing
    probability: float  # of ``label``
    ranking: tuple[str, ...]  # the RANKED most probable classes, the most probable first
    probabilities: np.ndarray  # (classes,) float32, after the last hearing
    known: float | None = None  # probability that any of the model's own classes is heard; None: it never learned that
    over: tuple[Event, ...] | None = None  # events known to be over since the window before; None without activity
    ongoing: tuple[Event, ...] = ()  # events that are not over, as they are if the recording ends with this window
    replayed: tuple[Segment, ...] = ()  # in all playbacks together: seconds of the recording
    notes: tuple[str, ...] = ()  # what of its sound was missing, changed, or too faint to hear

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and strings for JSON; of the probabilities those of ``ranking``."""
        ranked = np.sort(self.probabilities)[::-1][: len(self.ranking)]
        return {
            "start_seconds": _rounded(self.start_seconds),
            "end_seconds": _rounded(self.end_seconds),
            "decision": self.label,
            "probability": _rounded(self.probability),
            "known": None if self.known is None else _rounded(self.known),
            "ranking": {label: _rounded(float(each)) for label, each in zip(self.ranking, ranked, strict=True)},
            "notes": list(self.notes),
        }


@dataclass(frozen=True)
class Stretch:
    """Neighbouring windows of one class, joined."""

    start_seconds: float
    end_seconds: float
    label: str
    probability: float  # of ``label``, mean over the windows
    windows: int

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and strings for JSON."""
        return {
            "start_seconds": _rounded(self.start_seconds),
            "end_seconds": _rounded(self.end_seconds),
            "decision": self.label,
            "probability": _rounded(self.probability),
            "windows": self.windows,
        }


def classify_windows(
    recognizer: Recognizer,
    path: str | Path,
    hop_seconds: float | None = None,
    playbacks: int | None = None,
    channel: int | None = None,
) -> Generator[Window, None, None]:
    """Yields the windows of a recording, each as long as a clip, as soon as their batch is classified.

    Of models with activity each brings the events that are over by then (``recording_events`` gathers them).

    hop_seconds: from one window's start to the next; default: a clip, so that they touch. playbacks: default all.
    channel: the one to hear, counted from 1; default: they are mixed. Closing the generator cancels; ``count_windows``
    tells how many windows there will be. Raises AudioError and SettingsError, as ``audio.stream`` and
    ``Recognizer.check`` do: before the first window if the file or a setting is wrong, later if the recording is
    damaged further on.
    """
    finder = EventFinder(recognizer.labels)
    with closing(hear_windows(recognizer, path, hop_seconds, playbacks, channel=channel)) as heard:
        for window, activity in heard:
            if activity is None:
                yield window
            else:
                over = finder.hear(activity)
                yield replace(window, over=over, ongoing=finder.ongoing())


def hear_windows(
    recognizer: Recognizer,
    path: str | Path,
    hop_seconds: float | None = None,
    playbacks: int | None = None,
    first_window: int = 0,
    channel: int | None = None,
) -> Generator[tuple[Window, WindowActivity | None], None, None]:
    """As ``classify_windows``, each with its activity in place of events; None for models without.

    first_window: the index of the first one that is heard. From a multiple of BATCH on, every window is the same, bit
    for bit, as if all had been heard. Raises as ``classify_windows`` does.
    """
    windows = audio.stream(
        path,
        window_seconds=recognizer.clip_seconds,
        hop_seconds=hop_seconds,
        sample_rate=recognizer.sample_rate,
        first_window=first_window,
        channel=channel,
    )
    recognizer.check(playbacks)

    def heard(batch: tuple[int, list[audio.Recording]]) -> list[tuple[Window, WindowActivity | None]]:
        return _hear_batch(recognizer, *batch, playbacks)

    with closing(windows), closing(ahead(heard, _batches(windows, first_window), recognizer.at_once)) as each:
        for batch in each:
            yield from batch


def _batches(windows: Iterator[audio.Recording], index: int) -> Iterator[tuple[int, list[audio.Recording]]]:
    """BATCH windows at a time, the last ones perhaps fewer, and the index of their first one."""
    while batch := list(islice(windows, BATCH)):
        yield index, batch
        index += len(batch)


def _hear_batch(
    recognizer: Recognizer, index: int, batch: Sequence[audio.Recording], playbacks: int | None
) -> list[tuple[Window, WindowActivity | None]]:
    """Of the windows of a recording those from ``index`` on."""
    clips = recognizer.clips(*(recording.samples for recording in batch))
    first, *later = recognizer.listen(clips, playbacks)
    last = later[-1] if later else first
    probabilities = recognizer.probabilities(last.logits[0]).cpu().numpy()
    replayed = _replayed(later, recognizer.clip_seconds)
    activity = None if first.activity is None else _activity(first, recognizer, batch)
    found = []
    for position, recording in enumerate(batch):
        window = _window(recognizer, index + position, recording, probabilities[position])
        if first.known is not None:
            window = replace(window, known=float(first.known[position]))
        if replayed:
            window = replace(window, replayed=_moved(replayed[position], recording.start_seconds))
        found.append((window, None if activity is None else activity[position]))
    return found


def window_events(labels: Sequence[str], activity: WindowActivity) -> tuple[Event, ...]:
    """The events of one window by itself, in the order of their starts: what goes on beyond it ends at its edges."""
    finder = EventFinder(labels)
    return in_order((*finder.hear(activity), *finder.ongoing()))


def count_windows(recognizer: Recognizer, info: audio.RecordingInfo, hop_seconds: float | None = None) -> int:
    """How many windows ``classify_windows`` yields. Raises SettingsError for a bad hop."""
    return audio.window_count(
        info, window_seconds=recognizer.clip_seconds, hop_seconds=hop_seconds, sample_rate=recognizer.sample_rate
    )


def recording_events(windows: Sequence[Window]) -> tuple[Event, ...] | None:
    """The events of all windows so far, in the order of their starts; None for a model without activity."""
    if not windows or windows[-1].over is None:
        return None
    return in_order([event for window in windows for event in window.over or ()] + [*windows[-1].ongoing])


def recording_notes(file_notes: Sequence[str], windows: Sequence[Window]) -> tuple[str, ...]:
    """Those on the file, and one that tells in how many windows something is."""
    noted = [window.notes[0] for window in windows if window.notes]
    return (*file_notes, *_noted(len(noted), len(windows), noted[0] if noted else ""))


def _noted(noted: int, windows: int, first: str) -> tuple[str, ...]:
    return (f"{noted} of {windows} windows have notes, the first of them: {first}",) if noted else ()


def find_events(
    recognizer: Recognizer, path: str | Path, hop_seconds: float | None = None, channel: int | None = None
) -> Generator[Event, None, None]:
    """Yields the events of a recording as soon as they are known to be over, from the first hearing of every window.

    hop_seconds, channel: as for ``classify_windows``; where windows overlap, they are averaged. Raises as it does, and
    SettingsError for a model without activity.
    """
    with closing(classify_windows(recognizer, path, hop_seconds, 0, channel)) as windows:
        ongoing: tuple[Event, ...] = ()
        for window in windows:
            if window.over is None:
                raise SettingsError(no_activity(recognizer.name))
            yield from window.over
            ongoing = window.ongoing
        yield from ongoing


class RecordingSummary:
    """What is said of a recording as a whole, while its windows come. No window is kept, so hours take little memory.

    began: when the recording did, as ``audio.recorded_at`` tells; channel: as for ``classify_windows``.
    Raises AudioError for a channel that is not there.
    """

    def __init__(self, info: audio.RecordingInfo, began: datetime | None = None, channel: int | None = None) -> None:
        self.windows = 0
        self.began = began
        self.channel = channel
        self._info = info
        self._file_notes = (*info.notes, *audio.channel_notes(info, channel))
        self._noted, self._first_note = 0, ""
        self._stretches: list[Stretch] = []
        self._finder = StretchFinder()
        self._over: list[Event] | None = None
        self._ongoing: tuple[Event, ...] = ()

    def hear(self, window: Window) -> None:
        """Takes the next window."""
        self.windows += 1
        if window.notes:
            self._noted, self._first_note = self._noted + 1, self._first_note or window.notes[0]
        if (stretch := self._finder.hear(window)) is not None:
            self._stretches.append(stretch)
        if window.over is not None:
            self._over = self._over or []
            self._over += window.over
            self._ongoing = window.ongoing

    @property
    def stretches(self) -> tuple[Stretch, ...]:
        """Of the windows so far."""
        return (*self._stretches, *(() if self._finder.current is None else (self._finder.current,)))

    @property
    def events(self) -> tuple[Event, ...] | None:
        """Of the windows so far, in the order of their starts; None for a model without activity, or no window yet."""
        return None if self._over is None else in_order((*self._over, *self._ongoing))

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences for the user: what is wrong with the file, and in how many windows something is."""
        return (*self._file_notes, *_noted(self._noted, self.windows, self._first_note))

    def head(self, recognizer: Recognizer) -> dict[str, Any]:
        """What JSON says of a recording before its windows."""
        return {
            "schema": SCHEMA,
            "recording": {
                "name": self._info.name,
                "seconds": self._info.seconds,
                "recorded_at": audio.clock_text(self.began, 0) or None,
                "channel": self.channel,
            },
            "model": {"name": recognizer.name, "clip_seconds": recognizer.clip_seconds},
        }

    def told(self, what: Window | Stretch | Event) -> dict[str, Any]:
        """It as plain data for JSON, with the clock time of its start, null where that is not known."""
        return {**what.to_dict(), "clock": audio.clock_text(self.began, what.start_seconds) or None}

    def tail(self) -> dict[str, Any]:
        """What JSON says behind the windows; ``events`` is null for a model without activity."""
        return {
            "stretches": [self.told(stretch) for stretch in self.stretches],
            "events": None if self.events is None else [self.told(event) for event in self.events],
            "notes": list(self.notes),
        }


def recording_to_dict(
    recognizer: Recognizer,
    info: audio.RecordingInfo,
    windows: Iterable[Window],
    began: datetime | None = None,
    channel: int | None = None,
) -> dict[str, Any]:
    """All that is known of a recording so far, for JSON; began, channel: as for ``RecordingSummary``."""
    summary, told = RecordingSummary(info, began, channel), []
    for window in windows:
        summary.hear(window)
        told.append(summary.told(window))
    return {**summary.head(recognizer), "windows": told, **summary.tail()}


def _activity(first: Hearing, recognizer: Recognizer, batch: Sequence[audio.Recording]) -> list[WindowActivity]:
    """Of every window of a batch."""
    assert first.activity is not None
    columns = (first.edges.cpu().numpy(), first.activity.float().cpu().numpy(), first.audible.cpu().numpy())
    return [
        WindowActivity(recording.start_seconds, _end(recording, recognizer), *of_window)
        for recording, *of_window in zip(batch, *columns, strict=True)
    ]


def _replayed(playbacks: Sequence[Hearing], clip_seconds: float) -> list[tuple[Segment, ...]]:
    """What was replayed of every clip in any of the playbacks; [] without one."""
    if not playbacks:
        return []
    return unpad_segments(merge_segments(torch.cat([each.replayed.cpu() for each in playbacks], dim=1), clip_seconds))


def _moved(segments: Sequence[Segment], seconds: float) -> tuple[Segment, ...]:
    return tuple(Segment(seconds + each.start_seconds, seconds + each.end_seconds) for each in segments)


def _end(recording: audio.Recording, recognizer: Recognizer) -> float:
    return min(recording.start_seconds + recognizer.clip_seconds, recording.info.seconds)


def _window(recognizer: Recognizer, index: int, recording: audio.Recording, probabilities: np.ndarray) -> Window:
    order = np.argsort(-probabilities, kind="stable")[:RANKED]
    named = recognizer.named(probabilities)
    return Window(
        index=index,
        start_seconds=recording.start_seconds,
        end_seconds=_end(recording, recognizer),
        label=recognizer.labels[named],
        probability=float(probabilities[named]),
        ranking=tuple(recognizer.labels[position] for position in order),
        probabilities=probabilities,
        notes=recording.window_notes,
    )


class StretchFinder:
    """Joins windows, in the order of their starts, while they come: see ``stretches``."""

    def __init__(self) -> None:
        self.current: Stretch | None = None  # as it is if no window follows

    def hear(self, window: Window) -> Stretch | None:
        """The stretch that is over now, if one is."""
        start, over = window.start_seconds, self.current
        if over is not None:
            touching = start <= over.end_seconds + _TOUCHING_SECONDS
            if touching and window.label == over.label:
                count = over.windows + 1
                probability = over.probability + (window.probability - over.probability) / count
                self.current = replace(over, end_seconds=window.end_seconds, probability=probability, windows=count)
                return None
            if start < over.end_seconds:
                start = (start + over.end_seconds) / 2
                over = replace(over, end_seconds=start)
        self.current = Stretch(start, window.end_seconds, window.label, window.probability, 1)
        return over


def stretches(windows: Iterable[Window]) -> Iterator[Stretch]:
    """Joins windows, in the order of their starts, that touch or overlap and are of one class; disjoint, as they end.

    Where overlapping windows are of different classes, the border lies in the middle of what they share. What lies
    between windows that do not touch belongs to no stretch.
    """
    finder = StretchFinder()
    for window in windows:
        if (over := finder.hear(window)) is not None:
            yield over
    if finder.current is not None:
        yield finder.current


def _rounded(number: float) -> float:
    """Seconds or a probability, to a millionth."""
    return round(number, 6)
