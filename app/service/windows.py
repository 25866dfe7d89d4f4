"""Recordings of minutes to hours: what the model makes of window after window, what sounds when, where to look closer.

    file -> listen -> WindowsView, some windows more a time -> write_tables -> files for other programs

Nothing but what was made of the windows is kept, so a recording may last as long as it likes.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from app.service.models import Models
from app.service.reading import probe_whole
from playitback import audio
from playitback.explain.events import Event
from playitback.explain.windows import (
    Stretch,
    Window,
    classify_windows,
    count_windows,
    recording_events,
    recording_notes,
    recording_to_dict,
    stretches,
)
from playitback.report.labels import RecordingFiles, write_recording

__all__ = ["Event", "Stretch", "WindowsService", "WindowsView", "write_tables"]

#: windows from one view to the next; so many are classified at once
WINDOWS_A_VIEW = 8


@dataclass(frozen=True, eq=False)
class WindowsView:
    """A recording, window by window, so far."""

    recording: Path
    model_name: str
    name: str
    seconds: float  # of the recording
    highest_hertz: float  # that the model hears of it
    clip_seconds: float  # of a window; the last one may be shorter
    hop_seconds: float  # from one window's start to the next
    windows: tuple[Window, ...]
    expected_windows: int
    seconds_left: float | None = None  # until the last window; None before the first
    file_notes: tuple[str, ...] = ()  # on the file and the channel, for the visitor
    began: datetime | None = None  # when the recording did; None where that is not told
    channel: int | None = None  # of the recording that is heard, counted from 1; None: they are mixed

    @property
    def finished(self) -> bool:
        return len(self.windows) == self.expected_windows

    @property
    def stretches(self) -> tuple[Stretch, ...]:
        """Neighbouring windows of one class, joined."""
        return tuple(stretches(self.windows))

    def surest(self, stretch: int) -> Window:
        """Of the windows of a stretch the one with the largest confidence: where to look first."""
        # every window belongs to one stretch, in their order
        first = sum(each.windows for each in self.stretches[:stretch])
        return max(self.windows[first : first + self.stretches[stretch].windows], key=lambda each: each.probability)

    @cached_property
    def events(self) -> tuple[Event, ...] | None:
        """When each class sounds, in the order of the starts; None for a model without activity, or no window yet."""
        return recording_events(self.windows)

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences for the visitor: what is wrong with the file, and in how many windows something is."""
        return recording_notes(self.file_notes, self.windows)

    @property
    def sounding(self) -> dict[str, float]:
        """The classes of the events and their seconds, the longest first."""
        seconds = Counter[str]()
        for event in self.events or ():
            seconds[event.label] += event.end_seconds - event.start_seconds  # type: ignore[assignment]
        return dict(seconds.most_common())

    def clip_around(self, second: float) -> float:
        """Where the clip starts that has a moment of the recording in its middle, as far as the recording reaches."""
        latest = max(0.0, self.seconds - self.clip_seconds)
        return round(min(max(0.0, second - self.clip_seconds / 2), latest), 2)

    @property
    def leading(self) -> dict[str, float]:
        """The classes heard and their shares of the windows so far, the largest first."""
        counts = Counter(window.label for window in self.windows)
        return {label: count / len(self.windows) for label, count in counts.most_common()}


class WindowsService:
    """Listens to whole recordings."""

    def __init__(self, models: Models) -> None:
        self.models = models

    def listen(
        self,
        path: Path,
        checkpoint: str,
        hop_share: float = 1.0,
        playbacks: int | None = None,
        channel: int | None = None,
    ) -> Generator[WindowsView, None, None]:
        """Yields the recording before the first window, and again with some windows more, until there are all.

        hop_share: from one window's start to the next, of a clip. playbacks: None for all that the model has. channel:
        counted from 1; None: they are mixed. Closing the generator stops it. Raises AudioError, CheckpointError and
        SettingsError, for what is wrong with the file or the settings before the first view, for damage later in the
        file where it lies.
        """
        recognizer = self.models.recognizer(checkpoint)
        recognizer.check(playbacks)
        info = probe_whole(path)
        file_notes = (*info.notes, *audio.channel_notes(info, channel))
        hop_seconds = hop_share * recognizer.clip_seconds
        view = WindowsView(
            recording=path,
            model_name=recognizer.name,
            name=info.name,
            seconds=info.seconds,
            highest_hertz=min(info.sample_rate, recognizer.sample_rate) / 2,
            clip_seconds=recognizer.clip_seconds,
            hop_seconds=hop_seconds,
            windows=(),
            expected_windows=count_windows(recognizer, info, hop_seconds),
            file_notes=file_notes,
            began=audio.recorded_at(path),
            channel=channel,
        )
        windows = self.models.compute(checkpoint, classify_windows, path, hop_seconds, playbacks, channel)
        yield view
        began, heard = time.monotonic(), []
        for window in windows:
            heard.append(window)
            done = len(heard)
            if done % WINDOWS_A_VIEW == 0 or done == view.expected_windows:
                left = (time.monotonic() - began) / done * (view.expected_windows - done)
                view = replace(view, windows=tuple(heard), seconds_left=left)
                yield view

    def describe(
        self,
        path: Path,
        checkpoint: str,
        hop_seconds: float | None = None,
        playbacks: int | None = None,
        channel: int | None = None,
    ) -> dict[str, Any]:
        """The whole recording as plain data, as the shell's ``windows --json`` tells it. Raises as ``listen`` does."""
        recognizer = self.models.recognizer(checkpoint)
        share = 1.0 if hop_seconds is None else hop_seconds / recognizer.clip_seconds
        *_, view = self.listen(path, checkpoint, share, playbacks, channel)
        return recording_to_dict(recognizer, probe_whole(path), view.windows, view.began, channel)


def write_tables(view: WindowsView, directory: Path) -> RecordingFiles:
    """Writes what was heard so far for a spreadsheet, for Audacity and for Raven, named after the recording."""
    prefix = f"{Path(view.name).stem}-"
    heard = view.windows, view.events, view.highest_hertz
    return write_recording(*heard, directory, view.name, prefix, view.began, view.channel)
