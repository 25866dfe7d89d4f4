"""The training loop: two stages, one loop, read from top to bottom.

Stage 1 trains the encoder alone, stage 2 the slots and the decoder over it ("Play It Back", section 3.1).

A step is made of micro-batches, and a micro-batch is what everything random hangs on: its clips, its augmentation and
its dropout follow from the seed, the stage and its number alone. So it does not matter which process hears which
micro-batch, or whether the run was interrupted between two of them: a run that was killed goes on from its last saved
state and ends where it would have ended, and two processes find the losses that one finds, but for rounding.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import AveragedModel

from playitback.errors import SettingsError
from playitback.models.recipe import STAGES, Recipe
from playitback.models.replay.model import ReplayModel
from playitback.progress import Progress
from playitback.recognizer import fastest_dtype
from playitback.training.batches import MicroBatches
from playitback.training.clips import ClipSet
from playitback.training.objectives import Objective
from playitback.training.processes import Processes
from playitback.training.state import Log, State, read_state

_STATISTICS_CLIPS = 4096  # that mean and deviation of the log-mel are taken over, at most
_SETTLING_STEPS = 100  # whose micro-batches the running statistics are taken over, at most


def train(
    model: ReplayModel,
    clips: ClipSet,
    recipe: Recipe,
    out: Path,
    report: Callable[[Progress], None] = lambda progress: None,
    *,
    processes: Processes | None = None,
    workers: int = 0,
    save_seconds: float = 60.0,
) -> None:
    """Trains ``model`` in place; its weights are the moving average in the end.

    Goes on where ``out`` says that a run stopped. report: called by the first process. workers: how many helpers of
    each process read and augment clips. save_seconds: between two saved states. Raises SettingsError where the run in
    ``out`` was another one, where the clips do not fill a batch and where the processes cannot share one.
    """
    processes = processes or Processes(model.mel_mean.device)
    steps = _steps(clips, recipe, processes)
    shares = recipe.micro_batches // processes.count  # micro-batches of a step that this process hears
    device = processes.device
    dtype = fastest_dtype(device, sum(each.numel() for each in model.parameters()))
    report_steps = 1 if device.type == "cpu" else 10  # a report waits for the device
    out.mkdir(parents=True, exist_ok=True)
    run = {"recipe": asdict(recipe), "model": model.config.to_dict(), "clips": list(clips.names)}
    saved = read_state(out, run)
    if saved is None and recipe.encoder_epochs:  # else the encoder is a trained one, and knows its own
        model.mel_mean, model.mel_deviation = log_mel_statistics(model, clips)
    # torch's annotations do not know this argument
    model.encoder.stem.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    for stage in STAGES:
        if saved is not None and STAGES.index(saved["stage"]) > STAGES.index(stage):
            continue  # the run was interrupted in a later stage
        if not recipe.epochs(stage):
            continue
        groups = _prepare_stage(model, recipe, stage)
        parameters = [parameter for group in groups for parameter in group["params"]]
        optimizer = _optimizer(groups, recipe, stage)
        average = AveragedModel(model, multi_avg_fn=_moving_average(recipe.average_decay))
        objective: nn.Module = Objective(model, recipe, stage)
        if processes.count > 1:
            objective = DistributedDataParallel(
                objective,
                broadcast_buffers=False,  # running statistics are settled in the end
                find_unused_parameters=stage == "replay" and not recipe.losses.reach_all_parameters,
            )
        state = State(model, average, optimizer)
        if saved is not None and saved["stage"] == stage:
            state.load(saved)
        log = Log(out, stage, state.step // steps) if processes.first else None
        batches = MicroBatches(clips, recipe, stage, model.config.front_end.sample_rate)
        numbers = (
            step * recipe.micro_batches + processes.rank * shares + share
            for step in range(state.step, recipe.epochs(stage) * steps)
            for share in range(shares)
        )
        micro_batches = batches.loader(numbers, workers, device)
        clock = saved_at = time.monotonic()
        done, waited = 0, 0.0

        while state.step < recipe.epochs(stage) * steps:
            epoch, step = divmod(state.step, steps)
            if step == 0:
                state.sums = {}
                clock, done, waited = time.monotonic(), 0, 0.0
            for group in optimizer.param_groups:
                factor = warm_up_cosine(state.step / steps, recipe.epochs(stage), recipe.warm_up_epochs)
                group["lr"] = recipe.learning_rate(stage) * factor * group["relative_rate"]
            optimizer.zero_grad()
            for share in range(shares):
                asked = time.monotonic()
                waveforms, targets, seed = next(micro_batches)
                waited += time.monotonic() - asked
                with _gradients_shared(objective, last=share == shares - 1):
                    with torch.autocast(device.type, torch.bfloat16, enabled=dtype == torch.bfloat16):
                        terms = objective(waveforms.to(device), tuple(each.to(device) for each in targets), seed)
                    (torch.stack(list(terms.values())).sum() / shares).backward()
                state.add({name: term.detach() / shares for name, term in terms.items()})
            state.add({"gradient_norm": nn.utils.clip_grad_norm_(parameters, recipe.gradient_norm)})
            optimizer.step()
            average.update_parameters(model)
            state.step, step, done = state.step + 1, step + 1, done + 1

            if step % report_steps == 0 or step == steps:
                losses = {name: float(processes.mean(total / step)) for name, total in state.sums.items()}
                if not all(map(math.isfinite, losses.values())):
                    raise SettingsError(f"the loss is not finite in epoch {epoch + 1}; lower the learning rate")
                passed = max(time.monotonic() - clock, 1e-9)
                progress = Progress(
                    stage, epoch, recipe.epochs(stage), step, steps, losses,
                    clips_per_second=done * recipe.batch_size / passed, waiting=waited / passed,
                )  # fmt: skip
                if log is not None:
                    if step == steps:
                        log.write(progress, state.seconds)
                    report(progress)
            if log is not None and (
                time.monotonic() - saved_at >= save_seconds or state.step == recipe.epochs(stage) * steps
            ):
                state.save(out, run, stage)
                saved_at = time.monotonic()

        if stage == "encoder":
            _settle_statistics(average.module, batches, min(steps, _SETTLING_STEPS), processes)
        # the next stage builds on the average, and so does whoever uses the model
        model.load_state_dict(average.module.state_dict())
    model.requires_grad_(True)
    model.eval()


def warm_up_cosine(epoch: float, epochs: int, warm_up_epochs: float) -> float:
    """Factor on the learning rate at a (fractional) epoch: linear from 0, then half a cosine down to 0."""
    warm_up_epochs = min(warm_up_epochs, epochs / 4)
    if epoch < warm_up_epochs:
        return max(epoch, 1e-3) / warm_up_epochs
    return 0.5 * (1 + math.cos(math.pi * (epoch - warm_up_epochs) / (epochs - warm_up_epochs)))


def log_mel_statistics(model: ReplayModel, clips: ClipSet) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation (mels,) of the first hearing's log-mel over the clips, or evenly many of them."""
    device = model.mel_mean.device
    hop_samples = model.config.front_end.hop_samples(0)
    total, squares, count = torch.zeros(()), torch.zeros(()), 0
    for indices in torch.arange(0, len(clips), -(-len(clips) // _STATISTICS_CLIPS)).split(64):
        log_mel = model.log_mel(clips.waveforms(indices).to(device), hop_samples).flatten(0, 1).double().cpu()
        total, squares, count = total + log_mel.sum(dim=0), squares + log_mel.square().sum(dim=0), count + len(log_mel)
    mean = total / count
    deviation = (squares / count - mean.square()).sqrt().clamp_min(1e-3)
    return mean.float().to(device), deviation.float().to(device)


def _steps(clips: ClipSet, recipe: Recipe, processes: Processes) -> int:
    """Steps of an epoch."""
    if len(clips) < recipe.batch_size:
        raise SettingsError(
            f"{len(clips)} clips do not fill a batch of {recipe.batch_size}; choose a smaller batch or more clips"
        )
    if recipe.micro_batches % processes.count:
        raise SettingsError(
            f"{processes.count} processes cannot share a batch of {recipe.micro_batches} x {recipe.micro_batch_size} "
            "clips evenly; choose another batch_size or micro_batch_size"
        )
    return len(clips) // recipe.batch_size


def _prepare_stage(model: ReplayModel, recipe: Recipe, stage: str) -> list[dict[str, Any]]:
    """Sets training mode and gradients for a stage; returns its parameters in groups for the optimizer."""
    model.eval().requires_grad_(False)
    if stage == "encoder":
        trained: dict[nn.Module, float] = {model.encoder: 1.0}
    else:
        trained = {model.columns: 1.0, model.slots: 1.0, model.decoder: 1.0}
        if recipe.encoder_in_replay:
            trained[model.encoder] = recipe.encoder_in_replay
    groups: list[dict[str, Any]] = []
    for module, relative_rate in trained.items():
        module.train().requires_grad_(True)
        for decays in (True, False):  # matrices do, vectors do not
            parameters = [parameter for parameter in module.parameters() if (parameter.ndim > 1) == decays]
            weight_decay = recipe.weight_decay if decays else 0.0
            groups.append({"params": parameters, "weight_decay": weight_decay, "relative_rate": relative_rate})
    if stage != "encoder":
        # statistics that were settled stay: clips of a batch must not see one another through them
        for normalisation in _batch_normalisations(model):
            normalisation.eval()
    return groups


def _optimizer(groups: list[dict[str, Any]], recipe: Recipe, stage: str) -> torch.optim.Optimizer:
    rate = recipe.learning_rate(stage)
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=rate, momentum=0.9, nesterov=True)
    return torch.optim.AdamW(groups, lr=rate)


def _gradients_shared(objective: nn.Module, last: bool) -> AbstractContextManager[object]:
    """Processes exchange gradients once a step, with its last micro-batch."""
    if isinstance(objective, DistributedDataParallel) and not last:
        waiting: AbstractContextManager[object] = objective.no_sync()
        return waiting
    return nullcontext()


def _moving_average(decay: float) -> Callable[[Sequence[Tensor], Sequence[Tensor], Tensor | int], None]:
    """Exponential moving average whose memory grows with the steps done, up to that of ``decay``."""

    @torch.no_grad()
    def update(averages: Sequence[Tensor], current: Sequence[Tensor], count: Tensor | int) -> None:
        share = 1 - min(decay, (1 + int(count)) / (10 + int(count)))
        torch._foreach_lerp_(list(averages), list(current), share)

    return update


@torch.no_grad()
def _settle_statistics(model: nn.Module, batches: MicroBatches, steps: int, processes: Processes) -> None:
    """Running statistics of averaged weights: those of the same weights over the first micro-batches of the run.

    What was gathered while the weights moved belongs to none of them.
    """
    normalisations = _batch_normalisations(model)
    if not normalisations:
        return
    objective = Objective(model, batches.recipe, batches.stage).eval()  # type: ignore[arg-type]  # AveragedModel hides it
    for normalisation in normalisations:
        normalisation.reset_running_stats()
        normalisation.momentum = None  # a plain mean
        normalisation.train()
    numbers = range(processes.rank, steps * batches.recipe.micro_batches, processes.count)
    for waveforms, targets, seed in batches.loader(iter(numbers), 0, processes.device):
        objective(waveforms.to(processes.device), tuple(each.to(processes.device) for each in targets), seed)
    for normalisation in normalisations:
        for statistic in (normalisation.running_mean, normalisation.running_var):
            assert statistic is not None
            processes.mean(statistic)
        normalisation.eval()


def _batch_normalisations(model: nn.Module) -> list[nn.BatchNorm2d]:
    return [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
