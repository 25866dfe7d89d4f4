"""``train``: train a checkpoint, in one process or, under ``torchrun``, in several.

A second call goes on where the first one stopped.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import shlex
from pathlib import Path

import torch
from tqdm import tqdm

from playitback.checkpoint import load_checkpoint, save_checkpoint
from playitback.commands.recordings import name_given, path_given
from playitback.commands.shared import (
    add_data,
    add_device,
    add_json,
    bar,
    folds,
    joined,
    load_data,
    load_unlabelled_clips,
    print_json,
    remark,
)
from playitback.config import FrontEndConfig, TaughtConfig
from playitback.errors import SettingsError
from playitback.models import families
from playitback.models.recipe import Recipe
from playitback.progress import finish
from playitback.recognizer import Recognizer
from playitback.training import card
from playitback.training.answers import Answers, read_answers
from playitback.training.beginning import begin
from playitback.training.clips import ClipSet
from playitback.training.entries import Manifest
from playitback.training.evaluation import measure
from playitback.training.loop import train
from playitback.training.manifest import DATA_SETS, read_manifest
from playitback.training.mixtures import Mixtures, load_unlabelled
from playitback.training.ontology import read_broader
from playitback.training.ownership import owned
from playitback.training.processes import join_processes
from playitback.training.state import StageProgress, seconds_spent

#: arguments that change a field of the recipe of the same name
_RECIPE_NUMBERS = ("batch_size", "micro_batch_size", "seed")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    terms = _terms_of_stages()
    parser.add_argument("--preset", choices=families.presets(), default="small", help="default: %(default)s")
    add_data(parser)
    parser.add_argument("--out", type=path_given, required=True, metavar="DIR", help="the checkpoint's folder")
    parser.add_argument(
        "--start-from", type=name_given, metavar="DIR",
        help="a checkpoint of the same preset to start from; what tells other classes than these apart begins anew, "
        "and what a stage with 0 epochs would train stays as it is there",
    )  # fmt: skip
    parser.add_argument(
        "--targets", type=path_given, metavar="DIR", help="a teacher's answers to learn from (see playitback teach)"
    )
    parser.add_argument(
        "--unlabelled", type=path_given, metavar="PATH",
        help="a folder of recordings without labels that the teacher answered, too, or a list of them",
    )  # fmt: skip
    parser.add_argument(
        "--ontology", type=path_given, metavar="FILE",
        help="which classes are broader than others, like AudioSet's ontology.json: a dog is not called an animal",
    )  # fmt: skip
    for name in (*map(_epochs_of, terms), *_RECIPE_NUMBERS):
        flag = f"--{name.replace('_', '-')}"
        parser.add_argument(flag, dest=name, type=int, metavar="N", help="default: the preset's")
    parser.add_argument(
        "--losses", type=lambda text: text.split(","), metavar="NAME,NAME",
        help="the terms that are switched on, all others being off; "
        + "; ".join(f"of the {stage} stage: {', '.join(names)}" for stage, names in terms.items() if names),
    )  # fmt: skip
    tested = parser.add_mutually_exclusive_group()
    tested.add_argument("--test-folds", type=folds, metavar="N,N", help="measure on these in the end, for the card")
    tested.add_argument("--test-split", metavar="SPLIT", help="measure on it in the end, for the card")
    parser.add_argument(
        "--workers", type=int, metavar="N", help="processes that read clips; default: none on a CPU, the cores on a GPU"
    )
    add_device(parser)
    add_json(parser)


def main(arguments: argparse.Namespace) -> int:
    known = DATA_SETS[arguments.dataset]
    folds, split = arguments.folds, arguments.split
    if folds is None and split is None:
        folds, split = known.train_folds, known.train_split
    recipe = _recipe(arguments)
    description = families.preset(arguments.preset, (("any",),), clip_seconds=known.clip_seconds)
    with join_processes(arguments.device) as processes, owned(arguments.out, processes):
        answers = _answers(arguments)
        channel = None if answers is None else answers.teacher.channel
        if channel is not None:
            remark(f"the teacher heard channel {channel} of every recording, so the model hears it, too")
        clips = load_data(arguments, description.front_end, folds, split, channel)
        config = dataclasses.replace(description, labels=clips.labels, multi_label=clips.multi_label)
        if arguments.ontology is not None:
            config = dataclasses.replace(config, broader=read_broader(arguments.ontology, clips.labels[0]))
        mixtures = None if answers is None else _mixtures(arguments, answers, config.front_end, clips)
        if mixtures is not None:
            taught = TaughtConfig(mixtures.answers.classes, mixtures.answers.features)
            config = dataclasses.replace(config, taught=taught)
        before = None if arguments.start_from is None else load_checkpoint(arguments.start_from)
        if before is not None and mixtures is None:
            config = dataclasses.replace(config, taught=before.model.config.taught)  # what was learned stays
        torch.manual_seed(recipe.seed)  # of the weights at the start; what is random later is seeded in the loop
        model = begin(config, recipe, before).to(processes.device)
        workers = arguments.workers
        if workers is None:
            workers = 0 if processes.device.type == "cpu" else max((os.cpu_count() or 1) // processes.count, 1)
        with _Bar() as shown:
            train(
                model,
                clips,
                recipe,
                arguments.out,
                shown.show,
                mixtures=mixtures,
                processes=processes,
                workers=workers,
                tell=remark,
            )
        if not processes.first:
            return 0
        about = card.training_record(
            preset=arguments.preset,
            data_set=arguments.dataset,
            folds=folds,
            split=split,
            clips=len(clips),
            skipped=len(clips.skipped),
            recipe=recipe,
            seconds=seconds_spent(arguments.out),
            command=_command(arguments, recipe, folds, split),
            device=str(processes.device),
            processes=processes.count,
            mixtures=mixtures,
            before=before,
        )
        name = arguments.out.resolve().name  # which is also what it is called when it is loaded
        save_checkpoint(
            arguments.out, model, about=about, card=card.model_card(name, config, about), dtype=torch.float16
        )
        evaluation = None
        if arguments.test_folds is not None or arguments.test_split is not None:
            test = load_data(arguments, config.front_end, arguments.test_folds, arguments.test_split, channel)
            # rounded, as everyone will use it
            stored = Recognizer.from_checkpoint(arguments.out, str(processes.device))
            with bar("listening") as report:
                evaluation = finish(measure(stored, test), report)
            about["results"] = evaluation.to_dict()
            measured_on = card.part_name(arguments.test_folds, arguments.test_split)
            text = card.model_card(name, config, about, evaluation, measured_on)
            save_checkpoint(arguments.out, model, about=about, card=text, dtype=torch.float16)
    if arguments.json:
        print_json({"checkpoint": str(arguments.out), **about})
    else:
        if evaluation is not None:
            print(evaluation.text())
        print(
            f"The checkpoint is in {arguments.out}. "
            f"Open it: python app.py --checkpoint {shlex.quote(str(arguments.out))}"
        )
    return 0


def _terms_of_stages() -> dict[str, list[str]]:
    """The stages of all presets, each with the names of its terms that can be switched."""
    found: dict[str, list[str]] = {}
    for name in families.presets():
        for stage in families.recipe(name).stages:
            there = found.setdefault(stage.name, [])
            there += [term for term in stage.terms.switches if term not in there]
    return found


def _epochs_of(stage: str) -> str:
    """Name of the argument that changes a stage's epochs."""
    return f"{stage}_epochs"


def _recipe(arguments: argparse.Namespace) -> Recipe:
    epochs = {stage: getattr(arguments, _epochs_of(stage)) for stage in _terms_of_stages()}
    numbers = {name: getattr(arguments, name) for name in _RECIPE_NUMBERS}
    recipe = families.recipe(arguments.preset)
    recipe = recipe.with_epochs({stage: number for stage, number in epochs.items() if number is not None})
    if arguments.targets is None:
        recipe = recipe.without_teacher()
    if arguments.losses is not None:
        recipe = recipe.with_losses(arguments.losses)
    return dataclasses.replace(recipe, **{name: number for name, number in numbers.items() if number is not None})


def _answers(arguments: argparse.Namespace) -> Answers | None:
    """What ``--targets`` names."""
    if arguments.targets is not None:
        return read_answers(arguments.targets)
    if arguments.unlabelled is not None:
        raise SettingsError("recordings without labels need a teacher's answers; give --targets, too")
    return None


def _mixtures(arguments: argparse.Namespace, answers: Answers, front_end: FrontEndConfig, clips: ClipSet) -> Mixtures:
    """The mixtures that were answered, as far as they are made of clips that may be heard."""
    unlabelled = None
    if arguments.unlabelled is not None:
        recordings = load_unlabelled(arguments.unlabelled)
        _refuse_tested(arguments, recordings)
        unlabelled = load_unlabelled_clips(recordings, front_end, arguments.tolerate, answers.teacher.channel)
    return Mixtures(answers, front_end, clips, unlabelled)


def _refuse_tested(arguments: argparse.Namespace, unlabelled: Manifest) -> None:
    """Raises SettingsError where clips that will be measured are among those without labels."""
    if arguments.test_folds is None and arguments.test_split is None:
        return
    tested = read_manifest(
        arguments.dataset,
        arguments.data,
        folds=arguments.test_folds,
        split=arguments.test_split,
        labels_file=arguments.labels,
    )
    both = {Path(entry.name).name for entry in tested.entries} & {entry.path.name for entry in unlabelled.entries}
    if both:
        raise SettingsError(
            f"{min(both)} is kept for measuring, and is among the recordings without labels, too; leave it out of them"
        )


class _Bar:
    """One progress bar per stage, with losses and speed."""

    def __init__(self) -> None:
        self._bar: tqdm | None = None
        self._stage = ""

    def __enter__(self) -> _Bar:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def show(self, progress: StageProgress) -> None:
        if self._bar is None or progress.stage != self._stage:
            self.__exit__()
            self._stage = progress.stage
            self._bar = tqdm(
                total=progress.total, initial=progress.done - 1, desc=progress.stage, unit="step", disable=None
            )
        losses = {name: f"{value:.3f}" for name, value in progress.losses.items()}
        speed = {"clips/s": f"{progress.clips_per_second:.1f}", "waiting": f"{progress.waiting:.0%}"}
        self._bar.set_postfix(epoch=progress.epoch + 1, **losses, **speed, refresh=False)
        self._bar.update(progress.done - self._bar.n)


def _command(arguments: argparse.Namespace, recipe: Recipe, folds: tuple[int, ...] | None, split: str | None) -> str:
    """The command that trains this checkpoint anew, without this machine's folders."""
    parts = [
        "python -m playitback train",
        f"--preset {arguments.preset}",
        f"--dataset {arguments.dataset}",
        "--data ROOT",
    ]
    if arguments.labels is not None:
        parts.append("--labels FILE")
    if folds is not None:
        parts.append(f"--folds {joined(folds)}")
    if split is not None:
        parts.append(f"--split {split}")
    if arguments.start_from is not None:
        parts.append("--start-from CHECKPOINT")
    if arguments.targets is not None:
        parts.append("--targets ANSWERS")
    if arguments.unlabelled is not None:
        parts.append("--unlabelled RECORDINGS")
    if arguments.ontology is not None:
        parts.append("--ontology FILE")
    if arguments.losses is not None:
        parts.append(f"--losses {','.join(arguments.losses)}")
    numbers = {_epochs_of(stage.name): stage.epochs for stage in recipe.stages}
    numbers |= {name: getattr(recipe, name) for name in _RECIPE_NUMBERS}
    parts += [f"--{name.replace('_', '-')} {number}" for name, number in numbers.items()]
    return " ".join([*parts, "--out DIR"])
