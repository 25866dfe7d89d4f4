"""``windows``: classify a long recording window by window, and write what sounds when, for other programs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from playitback import audio
from playitback.commands.shared import add_checkpoint, add_json, bar, print_json
from playitback.errors import SettingsError
from playitback.explain.events import Event
from playitback.explain.windows import (
    Stretch,
    Window,
    classify_windows,
    count_windows,
    recording_events,
    recording_to_dict,
    stretches,
)
from playitback.progress import Progress
from playitback.recognizer import Recognizer
from playitback.report.labels import write_recording


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Writes windows.csv, a row a window, and, for a model with activity, events.csv: one row for as long as one "
        "class sounds, several at once where they do. The labels for Audacity (audacity.txt) and Raven (raven.txt) are "
        "the events; for a model without activity they are the stretches, neighbouring windows of one class joined."
    )
    parser.add_argument("recording", type=Path, metavar="RECORDING", help="of any length")
    add_checkpoint(parser)
    parser.add_argument(
        "--hop", type=float, metavar="SECONDS", help="from one window's start to the next; default: a window's length"
    )
    parser.add_argument(
        "--playbacks", type=int, metavar="K", help="how often to hear each window again; default: all the model has"
    )
    parser.add_argument("--out", type=Path, default=Path("windows"), metavar="DIR", help="default: %(default)s")
    add_json(parser)


def main(arguments: argparse.Namespace) -> int:
    recognizer = Recognizer.from_checkpoint(arguments.checkpoint, arguments.device)
    recognizer.check(arguments.playbacks)
    info = audio.probe(arguments.recording)
    expected = count_windows(recognizer, info, arguments.hop)  # which refuses a bad hop before a folder is made
    try:  # an hour's work must not end in a folder that cannot be made
        arguments.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(
            f"{arguments.out} cannot be made a folder ({error.strerror}); choose another --out"
        ) from error
    windows: list[Window] = []
    try:
        with bar("listening") as report:
            for window in classify_windows(recognizer, arguments.recording, arguments.hop, arguments.playbacks):
                windows.append(window)
                report(Progress(len(windows), expected))
    finally:  # what was heard so far is written even if the file is damaged further on, or someone interrupts
        events = recording_events(windows)
        if windows:
            highest_hertz = min(info.sample_rate, recognizer.sample_rate) / 2
            for path in write_recording(windows, events, highest_hertz, arguments.out, arguments.recording).all:
                print(f"playitback: {path}", file=sys.stderr)
    if events is None:
        print(
            f"playitback: {recognizer.name} has no activity, so the labels are stretches of windows of one class",
            file=sys.stderr,
        )
    if arguments.json:
        told = recording_to_dict(recognizer, info, windows)
        print_json({**told, "recording": {"path": str(arguments.recording), **told["recording"]}})
    elif events == ():
        print("no event: no class is sure enough of any moment")
    else:
        print(_table(tuple(stretches(windows)) if events is None else events))
    return 0


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
