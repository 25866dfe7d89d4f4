"""``windows``: classify a long recording window by window, and write what sounds when, for other programs."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

from playitback import audio
from playitback.commands.journal import settings_of
from playitback.commands.outputs import ResultFolders, ended_in_order, owned_tables, result_folder
from playitback.commands.recordings import find_recordings, path_given
from playitback.commands.shared import (
    add_channel,
    add_checkpoint,
    add_json,
    add_windows,
    bar,
    print_json,
    probe,
    remark,
    say,
)
from playitback.commands.window_files import ALL_WINDOWS, AllTables, GrowingFiles, owner_of, told_of
from playitback.errors import AudioError
from playitback.explain.windows import RecordingSummary, classify_windows, count_windows
from playitback.names import printable
from playitback.progress import Progress
from playitback.recognizer import Recognizer

_LISTENING = ".listening"  # in the folder of a recording until its files are whole


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Writes windows.csv, a row a window, and, for a model with activity, events.csv: one row for as long as one "
        "class sounds, several at once where they do. The labels for Audacity (audacity.txt) and Raven (raven.txt) are "
        "the events; for a model without activity they are the stretches, neighbouring windows of one class joined. "
        "windows.json has all of it. The column clock is the time of day, where the file or its name tells when it was "
        "recorded. Of several recordings, or where --out holds those of another one, each has a folder there, named "
        "after it; the rows of several stand in all-windows.csv and all-events.csv as well. The tables grow while it "
        "listens; whatever stops it, the same command goes on with the recordings that are missing."
    )
    parser.add_argument(
        "recordings", nargs="+", type=path_given, metavar="RECORDING", help="of any length, or a folder of them"
    )
    add_checkpoint(parser)
    add_windows(parser)
    add_channel(parser)
    parser.add_argument("--out", type=path_given, default=Path("windows"), metavar="DIR", help="default: %(default)s")
    add_json(parser)


def main(arguments: argparse.Namespace) -> int:
    recognizer = Recognizer.from_checkpoint(arguments.checkpoint, arguments.device)
    recognizer.check(arguments.playbacks)
    audio.check_windows(recognizer.clip_seconds, arguments.hop)
    recordings, left_out = find_recordings(arguments.recordings, arguments.out)
    alone = len(recordings) == 1 and not os.path.isdir(arguments.recordings[0])
    if alone:  # a bad file is refused before a folder is made
        audio.channel_notes(probe(recordings[0]), arguments.channel)
    for told in left_out:
        remark(told)
    with ExitStack() as entered:
        entered.enter_context(result_folder(arguments.out))
        entered.enter_context(ended_in_order())
        together = not alone or (arguments.out / ALL_WINDOWS).exists()
        if together:
            entered.enter_context(owned_tables(arguments.out))
        return _Run(arguments, recognizer, recordings, alone, together).hear_all()


class _Run:
    """Recording after recording is heard and written; the tables of several grow with them.

    alone: whether one recording was given, and no folder. together: whether its rows belong into those tables.
    """

    def __init__(
        self,
        arguments: argparse.Namespace,
        recognizer: Recognizer,
        recordings: Sequence[Path],
        alone: bool,
        together: bool,
    ) -> None:
        self._arguments, self._recognizer, self._recordings, self._alone = arguments, recognizer, recordings, alone
        self._settings = settings_of(
            arguments.checkpoint,
            playbacks=recognizer.playbacks if arguments.playbacks is None else arguments.playbacks,
            hop_seconds=recognizer.clip_seconds if arguments.hop is None else arguments.hop,
            channel=arguments.channel,
        )
        self._folders = ResultFolders(arguments.out, owner_of, _LISTENING)
        self._together = None
        if together:
            self._together = AllTables(arguments.out, self._settings, recordings, self._folder_of)
        self._entries: list[dict[str, Any]] = []

    def hear_all(self) -> int:
        """Returns the exit status."""
        kept, failed = 0, 0
        if self._together is not None:
            self._together.begin()
        try:
            for recording in self._recordings:
                if self._was_heard(recording):
                    kept += 1
                    continue
                try:
                    self._listen(recording)
                except AudioError as error:  # the other recordings are heard all the same
                    if self._alone:
                        raise
                    remark(str(error))
                    failed += 1
        except (KeyboardInterrupt, SystemExit):
            missing = "" if self._alone else " with the recordings that are missing"
            remark(f"stopped; the same command goes on{missing}, and hears the one that was stopped from its start")
            raise
        if kept:
            were = (
                "1 recording was"
                if len(self._recordings) == 1
                else f"{kept} of {len(self._recordings)} recordings were"
            )
            remark(f"{were} heard before, with the same result")
        if not self._recognizer.model.has_activity:
            remark(f"{self._recognizer.name} has no activity, so the labels are stretches of windows of one class")
        if self._arguments.json:
            print_json(self._entries[0] if self._alone else self._entries)
        return 2 if failed else 0

    def _folder_of(self, recording: Path) -> Path | None:
        return self._folders.finished(recording, directly=True)

    def _was_heard(self, recording: Path) -> bool:
        """Whether an earlier run left all of a recording that has not changed since; then that is told again."""
        folder = self._folder_of(recording)
        told = None if folder is None else told_of(folder)
        if folder is None or told is None:
            return False
        run = told["run"]
        if not run["finished"] or run["settings"] != self._settings or run["stamp"] != [*audio.stamp_of(recording)]:
            return False
        self._tell(recording, folder, told)
        return True

    def _listen(self, recording: Path) -> None:
        """Writes what is heard of a recording, also where that is damaged further on, or someone interrupts."""
        given, recognizer, stamp = self._arguments, self._recognizer, audio.stamp_of(recording)
        info = probe(recording)
        summary = RecordingSummary(info, audio.recorded_at(recording), given.channel)
        expected = count_windows(recognizer, info, given.hop)
        high_hertz = min(info.sample_rate, recognizer.sample_rate) / 2
        directly = self._together is None or self._folders.is_top(recording)
        with self._folders.claimed(recording, directly) as folder:
            files = GrowingFiles(folder, recording, recognizer, summary, high_hertz)
            finished = False
            try:
                windows = classify_windows(recognizer, recording, given.hop, given.playbacks, given.channel)
                with bar("listening") as report, closing(windows):
                    for window in windows:
                        files.add(window)
                        report(Progress(summary.windows, expected))
                finished = True
            finally:
                written = files.finish({"settings": self._settings, "stamp": stamp, "finished": finished})
                for path in written:
                    remark(str(path))
                if written and not finished and self._together is not None:
                    self._together.add(folder)
            told = told_of(folder)
        assert told is not None
        self._tell(recording, folder, told)

    def _tell(self, recording: Path, folder: Path, told: dict[str, Any]) -> None:
        """What is known of a recording that was heard to its end."""
        if self._together is not None:
            self._together.add(folder)
        for note in told["notes"]:
            remark(note)
        if self._arguments.json:
            del told["run"]
            self._entries.append({**told, "recording": {**told["recording"], "path": str(recording)}})
            return
        if not self._alone:
            say(printable(str(recording)))
        rows = told["stretches"] if told["events"] is None else told["events"]
        say(_table(rows) if rows else "no event: no class is sure enough of any moment")


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Of events or stretches, as JSON tells them."""
    label, last = ("class", f"{'peak':>11}") if "class" in rows[0] else ("decision", "windows")
    width = max(len("class"), *(len(row[label]) for row in rows))
    lines = [f"{'start':>11} {'stop':>11}  {'class':{width}}  confidence  {last}"]
    for row in rows:
        times = f"{_clock(row['start_seconds']):>11} {_clock(row['end_seconds']):>11}"
        end = f"{row['windows']:7}" if "windows" in row else f"{_clock(row['peak_seconds']):>11}"
        lines.append(f"{times}  {row[label]:{width}}  {100 * row['probability']:8.0f} %  {end}")
    return "\n".join(lines)


def _clock(seconds: float) -> str:
    """3725.25 -> "1:02:05.2"."""
    tenths = round(10 * seconds)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest / 10:04.1f}"
