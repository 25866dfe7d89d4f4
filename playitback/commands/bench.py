"""``bench``: how fast the models listen here, beside what the machine can do."""

from __future__ import annotations

import argparse
import sys

from playitback.bench import BATCHES, DTYPES, BenchRow, machine, run, table
from playitback.commands.shared import add_device, add_json, names, numbers, print_json
from playitback.models.families import presets


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--presets", type=names, default=presets(), metavar="NAMES", help=f"default: {','.join(presets())}"
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
    add_device(parser)
    parser.add_argument("--threads", type=int, help="of the CPU; default: PyTorch's own choice")
    add_json(parser)


def main(arguments: argparse.Namespace) -> int:
    """Prints the table or the JSON, and meanwhile on standard error what is done. Returns the exit status."""
    what = machine(arguments.device, arguments.threads)
    rows = run(
        arguments.presets, arguments.dtypes, arguments.batches, arguments.device, arguments.threads, report=_tell
    )
    if arguments.json:
        print_json({"machine": what, "rows": [row.to_dict() for row in rows]})
    else:
        print(f"{what['device']}, threads: {what['threads']}, PyTorch {what['torch']}", table(rows), sep="\n")
    return 0


def _tell(row: BenchRow) -> None:
    print(f"{row.preset}, {row.dtype}, batch {row.batch}: {row.all_hearings_seconds:.2f} s", file=sys.stderr)
