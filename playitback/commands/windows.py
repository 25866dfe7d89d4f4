"""``windows``: classify a long recording window by window, and write what sounds when, for other programs."""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from playitback import audio
from playitback.commands.journal import GROWING, SUMMARY
from playitback.commands.outputs import (
    MAKE_ROOM,
    ResultFolders,
    ended_in_order,
    result_folder,
    whole_path,
)
from playitback.commands.recordings import EXPLANATION, find_recordings, path_given
from playitback.commands.shared import add_checkpoint, add_json, bar, print_json, say
from playitback.errors import AudioError
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
from playitback.progress import Progress
from playitback.recognizer import Recognizer
from playitback.report.labels import write_recording
from playitback.tables import ENCODING, cell_text
from playitback.writing import told_in_a_sentence

_FILES = ("windows.csv", "events.csv", "audacity.txt", "raven.txt")
_LISTENING = ".listening"  # in the folder of a recording until its files are whole


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Writes windows.csv, a row a window, and, for a model with activity, events.csv: one row for as long as one "
        "class sounds, several at once where they do. The labels for Audacity (audacity.txt) and Raven (raven.txt) are "
        "the events; for a model without activity they are the stretches, neighbouring windows of one class joined. "
        "Of several recordings, or where --out holds those of another one, each has a folder there, named after it."
    )
    parser.add_argument(
        "recordings", nargs="+", type=path_given, metavar="RECORDING", help="of any length, or a folder of them"
    )
    add_checkpoint(parser)
    parser.add_argument(
        "--hop", type=float, metavar="SECONDS", help="from one window's start to the next; default: a window's length"
    )
    parser.add_argument(
        "--playbacks", type=int, metavar="K", help="how often to hear each window again; default: all the model has"
    )
    parser.add_argument("--out", type=path_given, default=Path("windows"), metavar="DIR", help="default: %(default)s")
    add_json(parser)


def main(arguments: argparse.Namespace) -> int:
    recognizer = Recognizer.from_checkpoint(arguments.checkpoint, arguments.device)
    recognizer.check(arguments.playbacks)
    recordings, left_out = find_recordings(arguments.recordings, arguments.out)
    alone = len(recordings) == 1 and not arguments.recordings[0].is_dir()
    if alone:  # a bad file or hop is refused before a folder is made
        count_windows(recognizer, audio.probe(recordings[0]), arguments.hop)
    for remark in left_out:
        say(f"playitback: {remark}", sys.stderr)
    folders, told, failed = ResultFolders(arguments.out, _recording_in, _LISTENING), [], 0
    with result_folder(arguments.out), ended_in_order():
        for recording in recordings:
            try:
                told.append(_listen(recognizer, recording, folders, alone, arguments))
            except AudioError as error:  # the other recordings are heard all the same
                if alone:
                    raise
                say(f"playitback: {error}", sys.stderr)
                failed += 1
    if not recognizer.model.has_activity:
        say(
            f"playitback: {recognizer.name} has no activity, so the labels are stretches of windows of one class",
            sys.stderr,
        )
    if arguments.json:
        print_json(told[0] if alone else told)
    return 2 if failed else 0


def _listen(
    recognizer: Recognizer, recording: Path, folders: ResultFolders, alone: bool, arguments: argparse.Namespace
) -> dict[str, Any]:
    """Writes what is heard in a recording, prints it unless JSON is wanted, and tells it as JSON does."""
    info = audio.probe(recording)
    expected = count_windows(recognizer, info, arguments.hop)
    windows: list[Window] = []
    with folders.claimed(recording, directly=alone) as folder:
        try:
            with bar("listening") as report:
                for window in classify_windows(recognizer, recording, arguments.hop, arguments.playbacks):
                    windows.append(window)
                    report(Progress(len(windows), expected))
        finally:  # what was heard so far is written even if the file is damaged further on, or someone interrupts
            events = recording_events(windows)
            if windows:
                highest_hertz = min(info.sample_rate, recognizer.sample_rate) / 2
                with told_in_a_sentence(folder, MAKE_ROOM):
                    written = write_recording(windows, events, highest_hertz, folder, whole_path(recording))
                for path in written.all:
                    say(f"playitback: {path}", sys.stderr)
    for note in recording_notes(info, windows):
        say(f"playitback: {note}", sys.stderr)
    if not arguments.json:
        if not alone:
            say(str(recording))
        rows = tuple(stretches(windows)) if events is None else events
        say(_table(rows) if rows else "no event: no class is sure enough of any moment")
    told = recording_to_dict(recognizer, info, windows)
    return {**told, "recording": {"path": str(recording), **told["recording"]}}


def _recording_in(folder: Path) -> str | None:
    """Of which recording a folder holds the windows, by its whole path; "" where that is not told or explain wrote."""
    try:
        with (folder / _FILES[0]).open(newline="", encoding=ENCODING) as file:
            return cell_text(next(csv.DictReader(file)).get("path") or "")
    except (FileNotFoundError, NotADirectoryError):
        return "" if any((folder / name).exists() for name in (*_FILES, SUMMARY, GROWING, EXPLANATION)) else None
    except (OSError, ValueError, StopIteration, csv.Error):
        return ""


def _table(rows: Sequence[Stretch | Event]) -> str:
    width = max(len("class"), *(len(row.label) for row in rows))
    lines = [f"{'start':>11} {'stop':>11}  {'class':{width}}  confidence  {_last_head(rows[0])}"]
    for each in rows:
        times = f"{_clock(each.start_seconds):>11} {_clock(each.end_seconds):>11}"
        last = f"{each.windows:7}" if isinstance(each, Stretch) else f"{_clock(each.peak_seconds):>11}"
        lines.append(f"{times}  {each.label:{width}}  {100 * each.probability:8.0f} %  {last}")
    return "\n".join(lines)


def _last_head(row: Stretch | Event) -> str:
    return "windows" if isinstance(row, Stretch) else f"{'peak':>11}"


def _clock(seconds: float) -> str:
    """3725.25 -> "1:02:05.2"."""
    tenths = round(10 * seconds)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest / 10:04.1f}"
