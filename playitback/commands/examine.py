"""``examine``: is the explanation of one clip true? What was replayed beside what it must beat."""

from __future__ import annotations

import argparse

from playitback.commands.shared import add_class, add_clip, bar, explain_clip, print_json
from playitback.explain.examine import ENOUGH_DRAWS, examine
from playitback.recognizer import Recognizer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Replays random segments, the loudest time, the least attended and others in place of those that were chosen, "
        "removes and keeps them, and says what these figures support."
    )
    add_clip(parser)
    add_class(parser)
    parser.add_argument(
        "--draws", type=int, default=20, metavar="N",
        help=f"of random segments; {ENOUGH_DRAWS} or more can support a claim; default: %(default)s",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of everything drawn; default: %(default)s")


def main(arguments: argparse.Namespace) -> int:
    recognizer = Recognizer.from_checkpoint(arguments.checkpoint, arguments.device)
    explanation, samples = explain_clip(recognizer, arguments.clip, arguments.start, arguments.playbacks)
    with bar("hearing") as report:
        evidence = examine(
            recognizer,
            samples,
            arguments.label or explanation.decision(-1),
            playbacks=arguments.playbacks,
            draws=arguments.draws,
            seed=arguments.seed,
            report=report,
        )
    if arguments.json:
        print_json(evidence.to_dict())
    else:
        print(evidence.text())
    return 0
