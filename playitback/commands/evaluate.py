"""``evaluate``: what a checkpoint gets right after every hearing."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from playitback.checkpoint import Checkpoint, load_checkpoint
from playitback.commands.shared import add_checkpoint, add_data, add_json, bar, check_playbacks, load_data, print_json
from playitback.errors import SettingsError
from playitback.recognizer import find_device
from playitback.training.clips import ClipSet
from playitback.training.evaluation import measure
from playitback.training.manifest import DATA_SETS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_checkpoint(parser)
    add_data(parser)
    parser.add_argument("--playbacks", type=int, metavar="K", help="default: all the model has")
    add_json(parser)


def main(arguments: argparse.Namespace) -> int:
    (checkpoint,), clips = load_unheard(arguments, [arguments.checkpoint])
    check_playbacks(checkpoint.name, checkpoint.model.config.playbacks, arguments.playbacks)
    playbacks = checkpoint.model.config.playbacks if arguments.playbacks is None else arguments.playbacks
    with bar("listening") as report:
        evaluation = measure(checkpoint.model, clips, playbacks, report)
    if arguments.json:
        print_json(evaluation.to_dict())
    else:
        print(evaluation.text())
    return 0


def load_unheard(arguments: argparse.Namespace, names: Sequence[str]) -> tuple[list[Checkpoint], ClipSet]:
    """Checkpoints on their device, and clips of their classes to measure them on; tells which was trained on those.

    The clips are read as the first one hears them.
    """
    checkpoints = [load_checkpoint(name) for name in names]
    for checkpoint in checkpoints:
        checkpoint.model.to(find_device(arguments.device))
    known = DATA_SETS[arguments.dataset]
    folds, split = arguments.folds, arguments.split
    if folds is None and split is None:
        folds, split = known.test_folds, known.test_split
    clips = load_data(arguments, checkpoints[0].model.config.front_end, folds, split)
    for checkpoint in checkpoints:
        if clips.labels != checkpoint.model.config.labels:
            raise SettingsError(
                f"{checkpoint.name} names other classes than {arguments.dataset}; "
                "evaluate it on the data of its own classes"
            )
        if _was_trained_on(checkpoint, arguments.dataset, folds, split):
            print(
                f"playitback: {checkpoint.name} was trained on some of these clips; this is no measure of accuracy",
                file=sys.stderr,
            )
    return checkpoints, clips


def _was_trained_on(checkpoint: Checkpoint, dataset: str, folds: tuple[int, ...] | None, split: str | None) -> bool:
    data = checkpoint.about.get("data", {})
    if data.get("name") != dataset:
        return False
    return bool(set(data.get("folds") or ()) & set(folds or ())) or (split is not None and split == data.get("split"))
