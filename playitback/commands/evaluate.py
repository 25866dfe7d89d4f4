"""``evaluate``: what a checkpoint gets right after every hearing."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

from playitback.commands.shared import (
    add_channel,
    add_checkpoint,
    add_data,
    add_json,
    bar,
    load_data,
    print_json,
    remark,
)
from playitback.errors import SettingsError
from playitback.progress import finish
from playitback.recognizer import Recognizer
from playitback.training.clips import ClipSet
from playitback.training.evaluation import measure
from playitback.training.manifest import DATA_SETS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_checkpoint(parser)
    add_data(parser)
    add_channel(parser)
    parser.add_argument("--playbacks", type=int, metavar="K", help="default: all the model has")
    add_json(parser)


def main(arguments: argparse.Namespace) -> int:
    (recognizer,), clips = load_unheard(arguments, [arguments.checkpoint])
    with bar("listening") as report:
        evaluation = finish(measure(recognizer, clips, arguments.playbacks), report)
    if arguments.json:
        print_json(evaluation.to_dict())
    else:
        print(evaluation.text())
    return 0


def load_unheard(arguments: argparse.Namespace, names: Sequence[str]) -> tuple[list[Recognizer], ClipSet]:
    """Recognizers, and clips of their classes to measure them on; tells which of them was trained on those.

    The clips are read as the first one hears them.
    """
    recognizers = [Recognizer.from_checkpoint(name, arguments.device) for name in names]
    known = DATA_SETS[arguments.dataset]
    folds, split = arguments.folds, arguments.split
    if folds is None and split is None:
        folds, split = known.test_folds, known.test_split
    clips = load_data(arguments, recognizers[0].config.front_end, folds, split, arguments.channel)
    for recognizer in recognizers:
        if clips.labels != recognizer.config.labels:
            raise SettingsError(
                f"{recognizer.name} names other classes than {arguments.dataset}; "
                "evaluate it on the data of its own classes"
            )
        if _was_trained_on(recognizer.about, arguments.dataset, folds, split):
            remark(f"{recognizer.name} was trained on some of these clips; this is no measure of accuracy")
    return recognizers, clips


def _was_trained_on(about: Mapping[str, Any], dataset: str, folds: tuple[int, ...] | None, split: str | None) -> bool:
    data = about.get("data", {})
    if data.get("name") != dataset:
        return False
    return bool(set(data.get("folds") or ()) & set(folds or ())) or (split is not None and split == data.get("split"))
