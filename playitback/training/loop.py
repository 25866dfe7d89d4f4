"""The training loop: the stages of a recipe, one after the other, read from top to bottom.

A step is made of micro-batches. Everything random belongs to one of them: the clips, the augmentation and the dropout
of a micro-batch follow from the seed, the stage and its number alone. So it does not matter which process hears which
micro-batch, or whether the run was interrupted between two of them: a run that was killed goes on from its last saved
state and ends where it would have ended, and two processes find the same losses as one, up to rounding.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor

from playitback.counts import counted
from playitback.errors import SettingsError
from playitback.models.listener import Listener
from playitback.models.recipe import TAUGHT, Recipe
from playitback.training.batches import MicroBatches
from playitback.training.clips import ClipSet
from playitback.training.mixtures import Mixtures
from playitback.training.ownership import owned
from playitback.training.processes import Processes
from playitback.training.signals import Signals
from playitback.training.stages import StageRun
from playitback.training.state import Log, StageProgress, logged, read_state

_OVERVIEW_CLIPS = 4096  # a model is prepared with at most this many
_OVERVIEW_BATCH = 64
_GOES_ON = "give the same command again to go on from there"


def train(
    model: Listener,
    clips: ClipSet,
    recipe: Recipe,
    out: Path,
    report: Callable[[StageProgress], None] = lambda progress: None,
    *,
    mixtures: Mixtures | None = None,
    processes: Processes | None = None,
    workers: int = 0,
    save_seconds: float = 60.0,
    tell: Callable[[str], None] = warnings.warn,
) -> None:
    """Trains ``model`` in place; in the end its weights are their moving average.

    Goes on where the run in ``out`` stopped, if there is one. mixtures: what a teacher answered, for the stages that
    hear it. report, tell: called by the first process; tell with a sentence, when something happened to the run.
    workers: how many helpers of each process read and augment clips. save_seconds: time between two saved states.

    Ctrl-C and SIGTERM wait for the step that is being done, whose state is saved; then they end the training, with
    KeyboardInterrupt and SystemExit. Raises SettingsError if the run in ``out`` is another one or another process is at
    it, if the clips do not fill a batch, if the processes cannot share one, or if ``out`` cannot be written.
    """
    processes = processes or Processes(model.device)
    _check(clips, mixtures, recipe, processes)
    run = {"recipe": asdict(recipe), "model": model.config.to_dict(), "clips": list(clips.names)}
    if mixtures is not None:
        run["mixtures"] = {**mixtures.answers.teacher.to_dict(), "count": len(mixtures)}
    with owned(out, processes), Signals(processes, tell) as signals:
        saved = read_state(out, run, processes, tell)
        if saved is None and not model.prepared:
            model.prepare(_overview(clips, signals))
        log = Log(out, logged(out, saved, tell)) if processes.first else None

        names = [stage.name for stage in recipe.stages]
        for index, stage in enumerate(recipe.stages):
            if not stage.epochs or (saved is not None and index < names.index(saved["stage"])):
                continue  # nothing to do, or done before the interruption
            batches = MicroBatches(clips, recipe, stage, model.config.front_end.sample_rate, mixtures)
            interrupted = saved if saved is not None and saved["stage"] == stage.name else None
            stage_run = StageRun(model, batches, processes, workers=workers, saved=interrupted)
            saved_at = time.monotonic()

            while not stage_run.done:
                stage_run.step()
                if stage_run.report_is_due:
                    progress = stage_run.report()
                    if log is not None:
                        if progress.step == progress.steps:
                            log.write(progress, stage_run.state.seconds)
                        report(progress)
                # several processes have to agree, which they wait for; so they do it where they wait anyway
                ends = (processes.count == 1 or stage_run.report_is_due) and signals.asked_to_end()
                if log is not None and (stage_run.done or ends or time.monotonic() - saved_at >= save_seconds):
                    stage_run.save(out, run, log.entries)
                    saved_at = time.monotonic()
                if ends:
                    done = f"step {stage_run.state.step} of {stage_run.steps} of the stage {stage.name}"
                    signals.end(f"training stops after {done}, which is saved in {out}; {_GOES_ON}")

            stage_run.finish()
        if signals.asked_to_end():
            signals.end(f"training stops with all its stages done and saved in {out}; {_GOES_ON}")
    model.requires_grad_(True)
    model.eval()


def _check(clips: ClipSet, mixtures: Mixtures | None, recipe: Recipe, processes: Processes) -> None:
    if mixtures is None and any(TAUGHT in stage.trains and stage.epochs for stage in recipe.stages):
        raise SettingsError("a stage of this recipe learns what a teacher answered; give its answers, or leave it out")
    if not clips.multi_label and min(map(len, clips.labels)) < 2:
        raise SettingsError(f"{clips.labels[0][0]!r} is the only class; a model needs two to tell them apart")
    fewest = min(len(each) for each in (clips, mixtures) if each is not None)
    if fewest < recipe.batch_size:
        raise SettingsError(
            f"{counted(fewest, 'clip')} {'does' if fewest == 1 else 'do'} not fill a batch of {recipe.batch_size}; "
            "choose a smaller batch or more clips"
        )
    if recipe.micro_batches % processes.count:
        raise SettingsError(
            f"{processes.count} processes cannot share a batch of {recipe.micro_batches} x {recipe.micro_batch_size} "
            "clips evenly; choose another batch_size or micro_batch_size"
        )


def _overview(clips: ClipSet, signals: Signals) -> Iterator[Tensor]:
    """Batches of waveforms (B, clip_samples) of all clips or, if there are too many, of every n-th."""
    every = -(-len(clips) // _OVERVIEW_CLIPS)
    for indices in torch.arange(0, len(clips), every).split(_OVERVIEW_BATCH):
        if signals.noted is not None:
            signals.end("training stops before its first step, and nothing is saved; give the same command again")
        yield clips.waveforms(indices)
