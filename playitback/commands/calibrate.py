"""``calibrate``: make a checkpoint as sure as it is right, on clips that it was not trained on."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from playitback.checkpoint import amend_checkpoint, find_own_checkpoint
from playitback.commands.evaluate import load_unheard
from playitback.commands.recordings import path_given
from playitback.commands.shared import (
    add_channel,
    add_checkpoint,
    add_data,
    add_json,
    bar,
    load_unlabelled_clips,
    print_json,
)
from playitback.counts import counted
from playitback.progress import finish
from playitback.training import card
from playitback.training.calibration import calibrate, tell_strange
from playitback.training.mixtures import load_unlabelled


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_checkpoint(parser)
    add_data(parser)
    add_channel(parser)
    parser.add_argument(
        "--strange", type=path_given, metavar="PATH",
        help="recordings that hold none of the classes, a folder or a list: measures whether it tells them",
    )  # fmt: skip
    add_json(parser)


def main(arguments: argparse.Namespace) -> int:
    folder = find_own_checkpoint(arguments.checkpoint)
    (recognizer,), clips = load_unheard(arguments, [arguments.checkpoint])
    with bar("listening") as report:
        found = finish(calibrate(recognizer, clips), report)
    strangeness = None
    if arguments.strange is not None:
        strange = load_unlabelled_clips(
            load_unlabelled(arguments.strange), recognizer.config.front_end, arguments.tolerate, arguments.channel
        )
        with bar("listening") as report:
            strangeness = finish(tell_strange(recognizer, clips, strange), report)
    told = {} if strangeness is None else {"strangeness": asdict(strangeness)}
    # of the logits as they are told now, which may have a temperature already
    temperature = recognizer.config.temperature * found.temperature
    amend_checkpoint(
        folder,
        temperature=temperature,
        about={"calibration": {**asdict(found), "temperature": temperature, "data": arguments.dataset}, **told},
        section=card.calibration_section(found, temperature, strangeness),
    )
    if arguments.json:
        print_json({**asdict(found), "temperature": temperature, **told})
    else:
        print(
            f"{counted(found.clips, 'clip')}: temperature {temperature:.3f}; expected calibration error "
            f"{100 * found.before:.1f} % before, {100 * found.after:.1f} % with the temperature of the other half, "
            f"{100 * found.by_chance:.1f} % on average by chance alone. It is stored in {folder}."
        )
        if strangeness is not None:
            print(card.strangeness_sentence(strangeness))
    return 0
