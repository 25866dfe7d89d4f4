"""``windows``: classify a long recording window by window, and write the classes for Audacity, Raven and a table."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from playitback import audio
from playitback.commands.shared import add_checkpoint, add_json, bar, print_json
from playitback.errors import SettingsError
from playitback.explain.windows import Stretch, Window, classify_windows, count_windows, stretches
from playitback.progress import Progress
from playitback.recognizer import Recognizer
from playitback.report.labels import write_audacity, write_csv, write_raven

SCHEMA = "playitback.windows/1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
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
        joined = tuple(stretches(windows))
        if windows:
            highest_hertz = min(info.sample_rate, recognizer.sample_rate) / 2
            _write(windows, joined, highest_hertz, arguments.out)
    if arguments.json:
        print_json(
            {
                "schema": SCHEMA,
                "recording": {"path": str(arguments.recording), "name": info.name, "seconds": info.seconds},
                "model": {"name": recognizer.name, "clip_seconds": recognizer.clip_seconds},
                "windows": [window.to_dict() for window in windows],
                "stretches": [stretch.to_dict() for stretch in joined],
            }
        )
    else:
        print(_table(joined))
    return 0


def _write(windows: Sequence[Window], joined: Sequence[Stretch], highest_hertz: float, folder: Path) -> None:
    write_csv(windows, folder / "windows.csv")
    write_audacity(joined, folder / "audacity.txt")
    write_raven(joined, folder / "raven.txt", highest_hertz)
    for name in ("windows.csv", "audacity.txt", "raven.txt"):
        print(f"playitback: {folder / name}", file=sys.stderr)


def _table(joined: Sequence[Stretch]) -> str:
    width = max(len("class"), *(len(stretch.label) for stretch in joined))
    lines = [f"{'start':>11} {'stop':>11}  {'class':{width}}  confidence  windows"]
    for each in joined:
        times = f"{_clock(each.start_seconds):>11} {_clock(each.end_seconds):>11}"
        lines.append(f"{times}  {each.label:{width}}  {100 * each.probability:8.0f} %  {each.windows:7}")
    return "\n".join(lines)


def _clock(seconds: float) -> str:
    """3725.25 -> "1:02:05.2"."""
    tenths = round(10 * seconds)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest / 10:04.1f}"
