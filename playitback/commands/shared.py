"""What several commands share: arguments, loading of data, progress bars, JSON."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from tqdm import tqdm

from playitback import audio
from playitback.checkpoint import available_checkpoints
from playitback.commands.recordings import name_given, path_given
from playitback.config import FrontEndConfig
from playitback.errors import SettingsError, quoted
from playitback.explain.explanation import Explanation
from playitback.names import printable
from playitback.progress import Progress, Report
from playitback.recognizer import Recognizer
from playitback.training.clips import ClipSet, load_clips
from playitback.training.entries import Manifest
from playitback.training.manifest import DATA_SETS, read_manifest

DEFAULT_CHECKPOINT = "esc50-small"
MOST = 2**31 - 1  # of what options count: what is larger overflows somewhere below
_MOST_DRAWS = 10_000
_PATIENCE_SECONDS = 1.0
COLUMN = 28  # characters of a class with its confidence, in tables


def add_checkpoint(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--checkpoint", type=name_given, default=DEFAULT_CHECKPOINT, metavar="DIR", help=_checkpoint_help()
    )
    add_device(parser)


def add_checkpoints(parser: argparse.ArgumentParser, several: str) -> None:
    """One or more of them. several: what the help says of more."""
    parser.add_argument(
        "--checkpoint",
        type=name_given,
        nargs="+",
        default=[DEFAULT_CHECKPOINT],
        metavar="DIR",
        help=f"{_checkpoint_help()}; {several}",
    )
    add_device(parser)


def _checkpoint_help() -> str:
    there = ", ".join(available_checkpoints()) or "none"
    return f"a folder, a Hugging Face repo id, or one of: {there}; default: {DEFAULT_CHECKPOINT}"


def add_device(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--device",
        default="auto",
        help="auto, cpu, cuda, cuda:1, ..., or openvino: the CPU, by an engine installed separately",
    )


def add_windows(parser: argparse.ArgumentParser) -> None:
    """``--hop`` and ``--playbacks``: where windows begin, and how often each is heard again."""
    parser.add_argument(
        "--hop", type=float, metavar="SECONDS", help="from one window's start to the next; default: a window's length"
    )
    parser.add_argument(
        "--playbacks", type=int, metavar="K", help="how often to hear each window again; default: all the model has"
    )


def add_playbacks(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--playbacks", type=int, metavar="K", help="how often to hear again; default: all the model has"
    )


def add_clip(parser: argparse.ArgumentParser) -> None:
    """What commands take that ask something about one clip."""
    parser.add_argument("clip", type=path_given, metavar="CLIP", help="a recording")
    add_checkpoint(parser)
    add_playbacks(parser)
    add_start(parser)
    add_channel(parser)
    add_json(parser)


def add_start(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--start", type=float, default=0.0, metavar="SECONDS", help="where the clip begins in the recording"
    )


def add_channel(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--channel", type=channel_given, metavar="N",
        help="of recordings with several channels take this one, counted from 1; default: they are mixed",
    )  # fmt: skip


def whole_number(option: str, least: int, most: int) -> Callable[[str], int]:
    """A reader of an option that is a whole number within bounds; it raises SettingsError for anything else."""

    def read(text: str) -> int:
        with suppress(ValueError):
            if least <= (number := int(text)) <= most:
                return number
        raise SettingsError(f"{option} is {quoted(text)}; give a whole number from {least} to {most}")

    return read


def add_draws(parser: argparse.ArgumentParser, help: str) -> None:
    parser.add_argument("--draws", type=whole_number("--draws", 1, _MOST_DRAWS), default=20, metavar="N", help=help)


def add_seed(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--seed", type=whole_number("--seed", 0, MOST), default=0, metavar="N",
        help="of everything drawn; default: %(default)s",
    )  # fmt: skip


def channel_given(text: str) -> int:
    """A channel of the command line. Raises SettingsError for one that no recording can have."""
    try:
        channel = int(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no channel; write 1, 2, ...") from error
    if channel < 1:
        raise SettingsError(f"channel {channel} is asked for, but channels are counted from 1; give 1 or more")
    return channel


def add_class(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--class", dest="label", metavar="NAME", help="the class asked about; default: the decision")


def add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dataset", choices=tuple(DATA_SETS), default="esc50", help="default: %(default)s")
    parser.add_argument("--data", type=path_given, required=True, metavar="ROOT", help="the data set's folder")
    parser.add_argument(
        "--labels", type=path_given, metavar="FILE", help="the data set's own list of classes, if it has one"
    )
    parser.add_argument(
        "--tolerate", type=float, default=0.05, metavar="SHARE",
        help="of clips that may be missing or unreadable before it stops; default: %(default)s",
    )  # fmt: skip
    part = parser.add_mutually_exclusive_group()
    part.add_argument("--folds", type=folds, metavar="N,N", help="of a data set with folds")
    part.add_argument("--split", help="of a data set with splits: train, test, ...")


def add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")


def names(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


def numbers(what: str, example: str) -> Callable[[str], tuple[int, ...]]:
    """A reader of whole numbers; what they are called, and an example, are for its refusal."""

    def read(text: str) -> tuple[int, ...]:
        try:
            return tuple(int(part) for part in text.split(","))
        except ValueError as error:
            raise argparse.ArgumentTypeError(f"{text!r} is not a list of {what}; write {example}") from error

    return read


folds = numbers("folds", "1,2,3")


def joined(numbers: Iterable[int]) -> str:
    return ",".join(map(str, numbers))


def load_data(
    arguments: argparse.Namespace,
    front_end: FrontEndConfig,
    folds: tuple[int, ...] | None,
    split: str | None,
    channel: int | None = None,
) -> ClipSet:
    """The clips that ``--dataset``, ``--data`` and ``--labels`` name; those that had to be skipped are told.

    channel: as for ``load_clips``.
    """
    manifest = read_manifest(arguments.dataset, arguments.data, folds=folds, split=split, labels_file=arguments.labels)
    with bar("reading") as report:
        clips = load_clips(manifest, front_end, tolerated_missing=arguments.tolerate, channel=channel, report=report)
    if clips.skipped:
        shown = "; ".join(clips.skipped[:3]) + ("; ..." if len(clips.skipped) > 3 else "")
        are = "is" if len(clips.skipped) == 1 else "are"
        remark(f"{len(clips.skipped)} of the clips {are} left out: {shown}")
    return clips


def load_unlabelled_clips(
    recordings: Manifest, front_end: FrontEndConfig, tolerated_missing: float, channel: int | None = None
) -> ClipSet:
    """The clips of recordings without labels, as ``load_unlabelled`` names them; channel: as for ``load_clips``."""
    with bar("reading") as report:
        return load_clips(recordings, front_end, tolerated_missing=tolerated_missing, channel=channel, report=report)


def explain_clip(
    recognizer: Recognizer,
    clip: Path,
    start_seconds: float,
    playbacks: int | None,
    asked: str | None = None,
    channel: int | None = None,
) -> tuple[Explanation, np.ndarray]:
    """The explanation of a clip, and the samples (N,) that were explained.

    asked: as in ``Recognizer.explain``; channel: as in ``Recognizer.load``.
    """
    recognizer.check(playbacks, asked)
    recording = read_clip(recognizer, clip, start_seconds, channel)
    hearings = recognizer.explain(recording.samples, playbacks, asked=asked)
    return Explanation.of(recording, recognizer, hearings), recording.samples


def read_clip(recognizer: Recognizer, clip: Path, start_seconds: float, channel: int | None = None) -> audio.Recording:
    """``Recognizer.load``, with names and notes that command no terminal."""
    probe(clip)
    recording = recognizer.load(clip, start_seconds, channel)
    info = dataclasses.replace(recording.info, name=printable(recording.info.name))
    return dataclasses.replace(recording, info=info, notes=tuple(map(printable, recording.notes)))


def explain_given(
    recognizer: Recognizer, arguments: argparse.Namespace, asked: str | None = None
) -> tuple[Explanation, np.ndarray]:
    """``explain_clip`` of what ``add_clip`` takes."""
    return explain_clip(recognizer, arguments.clip, arguments.start, arguments.playbacks, asked, arguments.channel)


def belief(label: str, probability: float) -> str:
    """ "church_bells 86 %"."""
    return f"{label} {100 * probability:.0f} %"


def probe(clip: Path) -> audio.RecordingInfo:
    """``audio.probe``, with a bar where that takes a while, as of hours that must be decoded to learn how many."""
    with bar("reading", "s", _PATIENCE_SECONDS) as report:
        return audio.probe(clip, report)


@contextmanager
def bar(name: str, unit: str = "clip", delay_seconds: float = 0) -> Iterator[Report]:
    """A progress bar on standard error, and what moves it; delay_seconds: before it is shown."""
    with tqdm(desc=name, unit=unit, disable=None, leave=False, delay=delay_seconds) as shown:

        def report(progress: Progress) -> None:
            shown.total = progress.total or None
            shown.update(progress.done - shown.n)

        yield report


def say(text: str, file: TextIO | None = None) -> None:
    """Prints lines beside a progress bar, on standard output unless another file is given, whatever names hold."""
    tqdm.write("\n".join(map(printable, text.split("\n"))), file=file or sys.stdout)


def remark(sentence: str) -> None:
    """Prints one sentence on standard error, in one line whatever it names."""
    say(f"playitback: {printable(sentence)}", sys.stderr)


def print_json(value: Any) -> None:
    text = json.dumps(value, indent=1, ensure_ascii=False)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:  # what a console cannot print, JSON has codes for
        text = json.dumps(value, indent=1)
    print(text)
