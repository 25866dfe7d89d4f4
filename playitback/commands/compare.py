"""``compare``: two clips, or two models on one clip."""

from __future__ import annotations

import argparse

from playitback.commands.recordings import name_given, path_given
from playitback.commands.shared import (
    COLUMN,
    add_clip,
    belief,
    channel_given,
    explain_clip,
    explain_given,
    print_json,
)
from playitback.errors import SettingsError
from playitback.explain.compare import Comparison, compare
from playitback.explain.explanation import Explanation
from playitback.recognizer import Recognizer

_CLASSES_SHOWN = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = "Give a second clip, a second checkpoint, or both."
    add_clip(parser)
    parser.add_argument("second", nargs="?", type=path_given, metavar="SECOND", help="default: the same clip")
    parser.add_argument("--second-checkpoint", type=name_given, metavar="DIR", help="default: the same")
    parser.add_argument(
        "--second-start", type=float, metavar="SECONDS",
        help="where the second clip begins; default: the recording's start, of the same clip the same",
    )  # fmt: skip
    parser.add_argument(
        "--second-channel",
        type=channel_given,
        metavar="N",
        help="of the second clip; default: all mixed, of the same clip the same",
    )


def main(arguments: argparse.Namespace) -> int:
    others = (arguments.second, arguments.second_checkpoint, arguments.second_start, arguments.second_channel)
    if all(each is None for each in others):
        raise SettingsError(
            "that is the same run twice; give a second clip, --second-checkpoint, --second-start or --second-channel"
        )
    first_model = Recognizer.from_checkpoint(arguments.checkpoint, arguments.device)
    second_model = first_model
    if arguments.second_checkpoint is not None:
        second_model = Recognizer.from_checkpoint(arguments.second_checkpoint, arguments.device)
    start, channel = arguments.second_start, arguments.second_channel
    if start is None:
        start = arguments.start if arguments.second is None else 0.0
    if channel is None and arguments.second is None:
        channel = arguments.channel
    first, _ = explain_given(first_model, arguments)
    clip = arguments.second or arguments.clip
    second, _ = explain_clip(second_model, clip, start, arguments.playbacks, channel=channel)
    comparison = compare(first, second)
    if arguments.json:
        print_json({"first": first.to_dict(), "second": second.to_dict(), "comparison": comparison.to_dict()})
    else:
        print(_text(first, second, comparison))
    return 0


def _text(first_run: Explanation, second_run: Explanation, comparison: Comparison) -> str:
    replaying = len(comparison.hearings) > 1  # nothing is replayed in the first hearing
    heading = "replayed by both, by the first, by the second alone" if replaying else ""
    lines = [f"{'hearing':<9}{'first':<{COLUMN}}{'second':<{COLUMN}}{heading}".rstrip()]
    for each in comparison.hearings:
        first = belief(each.first_decision, each.first_probability)
        second = belief(each.second_decision, each.second_probability)
        replayed = each.replayed
        seconds = (
            "the clips differ in length"
            if replayed is None
            else f"{replayed.shared_seconds:.2f}, {replayed.only_first_seconds:.2f}, "
            f"{replayed.only_second_seconds:.2f} s"
        )
        lines.append(f"{each.index:<9}{first:<{COLUMN}}{second:<{COLUMN}}{seconds if replaying else ''}".rstrip())
    if len(first_run.hearings) != len(second_run.hearings):  # then what one of them says in the end is not there yet
        first, second = (
            belief(each.decision(-1), each.probability(-1, each.decision(-1))) for each in (first_run, second_run)
        )
        lines.append(f"{'last':<9}{first:<{COLUMN}}{second:<{COLUMN}}".rstrip())
    if not comparison.classes:
        lines.append("the two models name no class in common")
    for klass in comparison.classes[:_CLASSES_SHOWN]:
        lines.append(
            f"{klass.label}: {100 * klass.first_probability:.0f} % and {100 * klass.second_probability:.0f} % "
            f"({100 * klass.difference:+.0f} points)"
        )
    return "\n".join(lines)
