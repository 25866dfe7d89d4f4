"""``teach``: what a checkpoint answers to mixtures of recordings, for another one to learn from.

The student is trained by ``train --targets``.
"""

from __future__ import annotations

import argparse
import os

from playitback.commands.outputs import MAKE_ROOM, own_result_folder
from playitback.commands.recordings import path_given
from playitback.commands.shared import (
    add_channel,
    add_checkpoint,
    add_data,
    add_seed,
    bar,
    load_data,
    load_unlabelled_clips,
    whole_number,
)
from playitback.config import FrontEndConfig
from playitback.errors import SettingsError
from playitback.progress import finish
from playitback.recognizer import Recognizer
from playitback.training.answers import CLASSES_FILE, MIXES_FILE, TEACHER_FILE, Teacher, write_answers
from playitback.training.manifest import DATA_SETS
from playitback.training.mixtures import load_unlabelled
from playitback.training.teaching import ask_teacher, plan_mixtures
from playitback.writing import told_in_a_sentence

_MOST_MIXTURES = 10_000_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_checkpoint(parser)
    add_data(parser)
    add_channel(parser)
    parser.add_argument("--out", type=path_given, required=True, metavar="DIR", help="the folder of answers")
    parser.add_argument(
        "--unlabelled", type=path_given, metavar="PATH", help="a folder of recordings without labels, or a list of them"
    )
    parser.add_argument(
        "--clip-seconds", type=float, metavar="SECONDS", help="of a mixture, which the student will hear; "
        "default: as long as the teacher's clips, which is the longest",
    )  # fmt: skip
    parser.add_argument(
        "--sample-rate", type=int, metavar="HERTZ", help="of a mixture, which the student will hear; default: the "
        "teacher's",
    )  # fmt: skip
    parser.add_argument(
        "--mixtures",
        type=whole_number("--mixtures", 1, _MOST_MIXTURES),
        default=10_000,
        metavar="N",
        help="default: %(default)s",
    )
    add_seed(parser)


def main(arguments: argparse.Namespace) -> int:
    for name in (CLASSES_FILE, MIXES_FILE):
        if os.path.exists(arguments.out / name) and not os.path.exists(arguments.out / TEACHER_FILE):
            raise SettingsError(f"{arguments.out / name} was not written by teach; choose another --out, or rename it")
    with own_result_folder(arguments.out):
        return _teach(arguments)


def _teach(arguments: argparse.Namespace) -> int:
    teacher = Recognizer.from_checkpoint(arguments.checkpoint, arguments.device)
    front_end = _front_end(teacher, arguments.clip_seconds, arguments.sample_rate)
    known = DATA_SETS[arguments.dataset]
    folds, channel = arguments.folds, arguments.channel
    if folds is None and arguments.split is None:
        folds = known.train_folds
    # every fold is a part of its own, so that any of them can be kept for measuring
    if folds is not None:
        sets = [load_data(arguments, front_end, (fold,), None, channel) for fold in folds]
    else:
        sets = [load_data(arguments, front_end, None, arguments.split or known.train_split, channel)]
    shared = arguments.unlabelled is not None
    if shared:
        unlabelled = load_unlabelled(arguments.unlabelled)
        sets.append(load_unlabelled_clips(unlabelled, front_end, arguments.tolerate, channel))
    plan = plan_mixtures(sets, shared, arguments.mixtures, front_end.sample_rate, arguments.seed)
    with bar("teaching") as report:
        probabilities, features = finish(ask_teacher(teacher, sets, plan, front_end.sample_rate), report)
    about = Teacher(
        teacher=teacher.name,
        credit=f"the Play It Back checkpoint {teacher.name}, and what its card credits",
        licence=str(teacher.about.get("licence", "other")),
        sample_rate=front_end.sample_rate,
        clip_seconds=front_end.clip_seconds,
        channel=channel,
    )
    names = tuple(name for clips in sets for name in clips.names)
    with told_in_a_sentence(arguments.out, MAKE_ROOM):
        write_answers(arguments.out, about, teacher.labels, names, plan, probabilities, features)
    print(
        f"{arguments.mixtures} {'answer is' if arguments.mixtures == 1 else 'answers are'} in {arguments.out}. "
        "Learn from them: python -m playitback train --targets, with the same recordings"
    )
    return 0


def _front_end(teacher: Recognizer, clip_seconds: float | None, sample_rate: int | None) -> FrontEndConfig:
    """Of clips as the student hears them, but for its frames, on which nothing depends here."""
    heard = teacher.config.front_end
    seconds = heard.clip_seconds if clip_seconds is None else clip_seconds
    if not 0 < seconds <= heard.clip_seconds:
        most = f"{teacher.name} hears {heard.clip_seconds:g} s, so give more than 0, up to that"
        raise SettingsError(f"--clip-seconds is {seconds:g}; {most}")
    return FrontEndConfig(heard.sample_rate if sample_rate is None else sample_rate, seconds, frames=1)
