"""``examine``: is the explanation of one clip true? What was replayed beside what it must beat."""

from __future__ import annotations

import argparse

from playitback.commands.shared import add_class, add_clip, add_draws, add_seed, bar, explain_given, print_json
from playitback.explain.examine import ENOUGH_DRAWS, examine
from playitback.progress import finish
from playitback.recognizer import Recognizer
from playitback.report import examine_text


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Replays random segments, the loudest time, the least attended and others in place of those that were chosen, "
        "removes and keeps them, and says what these figures support. For a model that cannot replay, it only removes "
        "and keeps them."
    )
    add_clip(parser)
    add_class(parser)
    add_draws(parser, f"of random segments; {ENOUGH_DRAWS} or more can support a claim; default: %(default)s")
    add_seed(parser)


def main(arguments: argparse.Namespace) -> int:
    recognizer = Recognizer.from_checkpoint(arguments.checkpoint, arguments.device)
    explanation, samples = explain_given(recognizer, arguments)
    label = arguments.label or explanation.decision(-1)
    steps = examine(
        recognizer, samples, label, playbacks=arguments.playbacks, draws=arguments.draws, seed=arguments.seed
    )
    with bar("hearing") as report:
        found = finish(steps, report)
    if arguments.json:
        print_json(examine_text.to_dict(found))
    else:
        print(examine_text.text(found))
    return 0
