"""``contrast``: why one class and not another, and which segment spoke for which."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from playitback.commands.shared import add_class, add_clip, bar, explain_given, print_json
from playitback.edits import FILLS, SILENCE
from playitback.explain.contrast import Contrast, contrast
from playitback.progress import finish
from playitback.recognizer import Recognizer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = "Removes each segment in turn, and as long stretches elsewhere to compare with."
    add_clip(parser)
    add_class(parser)
    parser.add_argument(
        "--against",
        metavar="NAME",
        help="the class to set against it; default: of those neither broader nor narrower, the most probable one",
    )
    parser.add_argument("--fill", choices=FILLS, default=SILENCE, help="what a segment becomes; default: %(default)s")


def main(arguments: argparse.Namespace) -> int:
    recognizer = Recognizer.from_checkpoint(arguments.checkpoint, arguments.device)
    asked = arguments.label
    explanation, samples = explain_given(recognizer, arguments, asked)
    first = asked or explanation.decision(-1)
    second = arguments.against or explanation.rival(first)
    with bar("hearing") as report:
        found = finish(contrast(recognizer, explanation, samples, first, second, arguments.fill), report)
    if arguments.json:
        print_json(found.to_dict())
    else:
        print(_text(found))
    return 0


def _text(found: Contrast) -> str:
    of = "odds" if found.multi_label else "p"
    lines = [f"ln({of}({found.first_label}) / {of}({found.second_label})), nats"]
    for index, (first, second, log_odds) in enumerate(zip(found.first, found.second, found.log_odds, strict=True)):
        lines.append(f"  hearing {index}: {log_odds:+.2f}   ({100 * first:.1f} % and {100 * second:.1f} %)")
    lines.append(f"{'seconds':>15}  {'lost by removal':>15}  {'elsewhere':>16}  spoke for")
    for each in sorted(found.segments, key=lambda segment: -abs(segment.change)):
        seconds = f"{each.segment.start_seconds:.2f}-{each.segment.end_seconds:.2f}"
        elsewhere = "{:+.2f} to {:+.2f}".format(*each.elsewhere)
        lines.append(f"{seconds:>15}  {each.change:+15.2f}  {elsewhere:>16}  {each.spoke_for or 'neither'}")
    return "\n".join((*lines, *_moments(found)))


def _moments(found: Contrast) -> Iterator[str]:
    """Where each class leads the other most, by what the model would say of that moment alone."""
    activity = found.activity
    if activity is None:
        yield "the model does not tell what each moment would be by itself"
        return
    yield "what each moment would be by itself"
    labels = (found.first_label, found.second_label)
    for label, sign, column in zip(labels, (1, -1), activity.foremost, strict=True):
        log_odds = activity.log_odds[column]
        most = f"most for {label}" if sign * log_odds > 0 else f"no moment is more of {label}; nearest"
        both = f"{100 * activity.first[column]:.1f} % and {100 * activity.second[column]:.1f} %"
        yield f"  {most}: at {activity.seconds[column]:.2f} s {log_odds:+.2f}   ({both})"
