"""``bench``: how fast the models listen here, beside what the machine can do, and how long one waits for an answer."""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path
from typing import Any

from playitback.bench import BATCHES, DTYPES, BenchRow, key, machine, run, run_checkpoint, table
from playitback.checkpoint import available_checkpoints, find_checkpoint
from playitback.commands import bench_tasks
from playitback.commands.bench_tasks import TaskRow
from playitback.commands.recordings import path_given
from playitback.commands.shared import add_device, add_json, names, numbers, print_json, whole_number
from playitback.errors import SettingsError, quoted
from playitback.models.families import presets
from playitback.reading import read_result_text, result_of
from playitback.recognizer import Recognizer

_MOST_THREADS = 1024
ALL = "all"  # in place of the names of checkpoints


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--presets", type=names, metavar="NAMES", help=f"default, without --checkpoints: {','.join(presets())}"
    )
    parser.add_argument(
        "--dtypes", type=names, default=tuple(DTYPES), metavar="NAMES", help=f"default: {','.join(DTYPES)}"
    )
    parser.add_argument(
        "--batches",
        type=numbers("whole numbers", "1,4"),
        default=BATCHES,
        metavar="NUMBERS",
        help="clips heard at once; default: 1,4",
    )
    parser.add_argument(
        "--checkpoints", type=names, default=(), metavar="NAMES",
        help=f"trained models, or {ALL} that are bundled: parameters, multiply-adds, milliseconds, and the time from "
        "a file to its explanation, to all of its files, and to labels",
    )  # fmt: skip
    parser.add_argument(
        "--against", type=path_given, metavar="FILE",
        help="what --json printed before: each time beside it, as a ratio; below 1 is faster",
    )  # fmt: skip
    add_device(parser)
    parser.add_argument(
        "--threads", type=whole_number("--threads", 1, _MOST_THREADS),
        help="of the CPU, for a model by itself; default: PyTorch's own choice",
    )  # fmt: skip
    add_json(parser)


def main(arguments: argparse.Namespace) -> int:
    """Prints the tables or the JSON, and meanwhile on standard error what is done. Returns the exit status."""
    bundled = available_checkpoints() if ALL in arguments.checkpoints else ()
    sources = dict.fromkeys((*bundled, *(each for each in arguments.checkpoints if each != ALL)))
    for source in sources:
        find_checkpoint(source)  # one that is missing is told before others are timed
    before = {} if arguments.against is None else _saved(arguments.against)
    what = machine(arguments.device, arguments.threads)
    wanted = arguments.presets or (() if arguments.checkpoints else presets())
    rows: list[BenchRow] = []
    if wanted:
        given = arguments.dtypes, arguments.batches, arguments.device, arguments.threads
        rows = run(wanted, *given, report=_tell)
    tasks: list[TaskRow] = []
    for source in sources:
        recognizer = Recognizer.from_checkpoint(source, arguments.device)
        for row in run_checkpoint(recognizer, arguments.batches, arguments.threads):
            _tell(row)
            rows.append(row)
        for task in bench_tasks.run(recognizer):
            print(f"{task.checkpoint}, {task.task}: {task.seconds:.3f} s", file=sys.stderr)
            tasks.append(task)
    if arguments.json:
        told = {"rows": [row.to_dict() for row in rows], "tasks": [task.to_dict() for task in tasks]}
        print_json({"machine": what, **told})
        return 0
    print(f"{what['device']}, threads: {what['threads']}, PyTorch {what['torch']}")
    if rows:
        print(table(rows, before))
    if tasks:
        print(bench_tasks.table(tasks, before))
    return 0


def _saved(path: Path) -> dict[str, float]:
    """Seconds of every row of a run that ``--json`` printed. Raises SettingsError for another file."""
    try:
        told = result_of(read_result_text(path))
        seconds = {key(_row(BenchRow, each)): each["all_hearings_seconds"] for each in told["rows"]}
        seconds |= {bench_tasks.key(_row(TaskRow, each)): each["seconds"] for each in told["tasks"]}
        if not all(0 < each < math.inf for each in seconds.values()):
            raise ValueError("a time is not positive")
        return seconds
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise SettingsError(
            f"{quoted(str(path))} is not what bench --json prints ({error}); save that to a file, and give it"
        ) from error


def _row(kind: Any, told: dict[str, Any]) -> Any:
    return kind(**{name: told[name] for name in kind.__dataclass_fields__})


def _tell(row: BenchRow) -> None:
    print(f"{row.preset}, {row.dtype}, batch {row.batch}: {row.all_hearings_seconds:.2f} s", file=sys.stderr)
