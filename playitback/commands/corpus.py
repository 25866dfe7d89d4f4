"""``corpus``: the windows of thousands of hours, on one machine or on many, as a data set of parquet files."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from playitback import __version__
from playitback.checkpoint import checkpoint_digest
from playitback.commands.outputs import ended_in_order, result_folder, whole_path
from playitback.commands.recordings import find_recordings, path_given
from playitback.commands.shared import add_channel, add_checkpoint, add_json, add_windows, bar, print_json, remark, say
from playitback.corpus.cluster import hear_on_cluster, require_ray
from playitback.corpus.dataset import FAILURES, SCHEMA, WINDOWS, listed_paths, require_pyarrow
from playitback.corpus.hearing import Order, hear_here
from playitback.corpus.run import Engine, Summary, hear_corpus
from playitback.corpus.units import Lengths
from playitback.counts import counted
from playitback.errors import SettingsError
from playitback.progress import finish
from playitback.recognizer import Recognizer

_LINES, _COLUMN = ".txt", ".parquet"  # suffixes of lists of recordings
_SHOWN = 5  # failures; the table has all


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        f"Writes a data set of parquet files, {WINDOWS}/ in --out, one row a window, and {FAILURES}, what could not be "
        "heard. The same command goes on where it was stopped or killed, and hears what has been added or changed. "
        "docs/corpus.md tells the columns, and how to ask them."
    )
    parser.add_argument(
        "sources", nargs="+", type=path_given, metavar="SOURCE",
        help="a recording, a folder of them, or a list: a .txt file with a path a line, a .parquet file with a column "
        "path; a path that is not whole begins where the list lies",
    )  # fmt: skip
    add_checkpoint(parser)
    add_windows(parser)
    add_channel(parser)
    parser.add_argument("--out", type=path_given, required=True, metavar="DIR", help="the data set's folder")
    parser.add_argument(
        "--workers", type=int, default=1, metavar="N",
        help="processes that hear at once, by Ray; 1 needs no Ray; default: %(default)s",
    )  # fmt: skip
    parser.add_argument(
        "--address", metavar="HOST:PORT",
        help='of a Ray cluster whose machines all see the recordings and --out under the same paths; "auto" finds the '
        "one that this machine is part of",
    )  # fmt: skip
    add_json(parser)


def main(arguments: argparse.Namespace) -> int:
    require_pyarrow()
    spread = arguments.address is not None or arguments.workers > 1
    if arguments.workers < 1:
        raise SettingsError(f"--workers is {arguments.workers}; give 1 or more")
    if spread:
        require_ray()
    recognizer = Recognizer.from_checkpoint(arguments.checkpoint, "cpu" if spread else arguments.device)
    recognizer.check(arguments.playbacks)
    order = _order(arguments, recognizer)
    recordings = _recordings(arguments.sources, arguments.out)
    engine: Engine = partial(hear_here, recognizer=recognizer)
    if spread:
        engine = partial(hear_on_cluster, workers=arguments.workers, address=arguments.address)
    with result_folder(arguments.out), ended_in_order(), bar("hearing") as report:
        summary = finish(hear_corpus(order, recordings, engine), report)
    _tell(summary, arguments.out, arguments.json)
    return 2 if summary.failures else 0


def _order(arguments: argparse.Namespace, recognizer: Recognizer) -> Order:
    """Raises SettingsError for an impossible hop."""
    playbacks = recognizer.playbacks if arguments.playbacks is None else arguments.playbacks
    lengths = Lengths(recognizer.clip_seconds, recognizer.sample_rate, arguments.hop)
    checkpoint = Path(arguments.checkpoint)
    return Order(
        out=Path(whole_path(arguments.out)),
        checkpoint=whole_path(checkpoint) if os.path.isdir(checkpoint) else arguments.checkpoint,
        device=arguments.device,
        lengths=lengths,
        playbacks=playbacks,
        channel=arguments.channel,
        settings={
            "schema": SCHEMA,
            "version": __version__,
            "model": recognizer.name,
            "digest": checkpoint_digest(arguments.checkpoint),
            "playbacks": playbacks,
            "hop_seconds": lengths.hop_seconds,
            "channel": arguments.channel,
            "unit_windows": lengths.unit_windows,
        },
    )


def _recordings(sources: Sequence[Path], out: Path) -> list[str]:
    """Whole paths of all recordings, each once. What is left out of folders is told."""
    lists = [each for each in sources if each.suffix.lower() in (_LINES, _COLUMN) and not os.path.isdir(each)]
    found, left_out = find_recordings([each for each in sources if each not in lists], out)
    for told in left_out:
        remark(told)
    given = dict.fromkeys(map(whole_path, found))
    for each in lists:
        given |= dict.fromkeys(whole_path(each.parent / path) for path in _listed(each))
    if not given:
        raise SettingsError(f"{lists[0]} lists no recording; write a path a line, or a column path")
    return list(given)


def _listed(table: Path) -> Iterator[str]:
    if table.suffix.lower() == _COLUMN:
        yield from listed_paths(table)
        return
    try:
        lines = table.read_text(encoding="utf-8-sig", errors="surrogateescape").split("\n")
    except OSError as error:
        raise SettingsError(
            f"{table} cannot be read ({error.strerror}); check its name and your right to read it"
        ) from error
    yield from filter(None, lines)


def _tell(summary: Summary, out: Path, as_json: bool) -> None:
    for failure in summary.failures[:_SHOWN]:
        remark(f"from {failure.start_seconds:g} s on: {failure.recording}: {failure.reason}")
    if (more := len(summary.failures) - _SHOWN) > 0:
        remark(f"and {more} more; {out / FAILURES} has all")
    if as_json:
        print_json(
            {
                "schema": SCHEMA,
                "out": str(out),
                "recordings": summary.recordings,
                "kept": summary.kept,
                "windows": summary.windows,
                "failures": len(summary.failures),
            }
        )
    else:
        say(
            f"{out / WINDOWS}: {counted(summary.windows, 'window')} of {counted(summary.recordings, 'recording')}, "
            f"{summary.kept} of them heard before; {len(summary.failures)} could not be heard, or not wholly"
        )
