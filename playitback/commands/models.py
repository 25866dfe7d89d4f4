"""``models``: the checkpoints that are offered, and what each hears and names."""

from __future__ import annotations

import argparse

from playitback.checkpoint import available_checkpoints
from playitback.commands.recordings import name_given
from playitback.commands.shared import add_json, print_json
from playitback.counts import counted
from playitback.recognizer import Recognizer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "checkpoints",
        type=name_given,
        nargs="*",
        metavar="CHECKPOINT",
        help="folders or repo ids besides those that are bundled",
    )
    add_json(parser)


def main(arguments: argparse.Namespace) -> int:
    names = (*arguments.checkpoints, *available_checkpoints())
    recognizers = {name: Recognizer.from_checkpoint(name, "cpu") for name in names}
    if arguments.json:
        print_json([{**each.describe(), "name": name} for name, each in recognizers.items()])
        return 0
    for name, each in recognizers.items():
        playbacks = counted(each.playbacks, "playback") if each.playbacks else "no playbacks"
        print(
            f"{name}: {each.config.family}, {counted(len(each.labels), 'class', 'classes')}, {playbacks}, "
            f"hears {each.clip_seconds:g} s at {each.sample_rate / 1000:g} kHz"
        )
    return 0
