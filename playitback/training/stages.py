"""Carries out a stage of training, which a family describes as a ``Stage`` (``models/recipe.py``).

    micro-batches -> Objective: the stage's terms -> gradients, shared among processes -> optimizer -> moving average

No stage is known by its name: what it trains, which clips it hears and what it minimises are values.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Generator, Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import AveragedModel

from playitback.errors import SettingsError
from playitback.models.listener import Listener
from playitback.models.recipe import Stage, Targets, Terms
from playitback.precision import fastest_dtype
from playitback.training.batches import MicroBatches
from playitback.training.processes import Processes
from playitback.training.state import StageProgress, State

_SETTLING_STEPS = 100  # running statistics are taken over at most this many steps


class Objective(nn.Module):
    """A stage's terms as one module, so that DistributedDataParallel finds its parameters behind a ``forward``."""

    def __init__(self, model: Listener, terms: Terms) -> None:
        super().__init__()
        self.model = model
        self.terms = terms

    def forward(self, waveforms: Tensor, targets: Targets, seed: int) -> dict[str, Tensor]:
        """waveforms (B, samples) -> weighted terms. ``seed`` decides everything that is random here."""
        generator = Generator().manual_seed(seed)
        torch.manual_seed(seed)  # of dropout, dropped paths and other noise inside the model
        return self.terms(self.model, waveforms, targets, generator)


class StageRun:
    """One stage as it runs: step by step, until it is ``done``; ``finish`` then leaves its result in the model."""

    def __init__(
        self,
        model: Listener,
        batches: MicroBatches,
        processes: Processes,
        *,
        workers: int = 0,
        saved: dict[str, Any] | None = None,
    ) -> None:
        """batches: those of the stage; saved: its state, if it was interrupted."""
        self.model, self.batches, self.processes = model, batches, processes
        self.recipe, self.stage = batches.recipe, batches.stage
        self.steps = self.stage.epochs * batches.steps
        self._shares = self.recipe.micro_batches // processes.count  # micro-batches of a step that this process hears
        device = processes.device
        dtype = fastest_dtype(model, device, self.recipe.micro_batch_size, stored=False)
        self._precision = torch.autocast(device.type, torch.bfloat16, enabled=dtype == torch.bfloat16)
        self._report_steps = 1 if device.type == "cpu" else 10  # a report waits for the device

        groups = _trained_groups(model, self.stage, self.recipe.weight_decay)
        self._parameters = [parameter for group in groups for parameter in group["params"]]
        self._optimizer = _optimizer(groups, self.recipe.optimizer, self.stage.learning_rate)
        self._average = AveragedModel(model, multi_avg_fn=_moving_average(self.recipe.average_decay))
        self._objective: nn.Module = Objective(model, self.stage.terms)
        if processes.count > 1:
            self._objective = DistributedDataParallel(
                self._objective,
                broadcast_buffers=False,  # running statistics are settled in the end
                find_unused_parameters=not self.stage.terms.reach_all_parameters,
            )
        self.state = State(model, self._average, self._optimizer)
        if saved is not None:
            self.state.load(saved)
        first = processes.rank * self._shares
        numbers = (
            step * self.recipe.micro_batches + first + share
            for step in range(self.state.step, self.steps)
            for share in range(self._shares)
        )
        self._micro_batches = batches.loader(numbers, workers, device)
        self._begin_epoch()

    @property
    def done(self) -> bool:
        return self.state.step >= self.steps

    @property
    def report_is_due(self) -> bool:
        step = self.state.step % self.batches.steps
        return step == 0 or step % self._report_steps == 0

    def step(self) -> None:
        """One step of the optimizer: the gradients of a batch, of which each process hears its share."""
        if self.state.step % self.batches.steps == 0:
            self.state.sums = {}
            self._begin_epoch()
        factor = warm_up_cosine(self.state.step / self.batches.steps, self.stage.epochs, self.recipe.warm_up_epochs)
        for group in self._optimizer.param_groups:
            group["lr"] = self.stage.learning_rate * factor * group["relative_rate"]
        self._optimizer.zero_grad()
        for share in range(self._shares):
            with self._gradients_shared(last=share == self._shares - 1):
                terms = self._hear_micro_batch()
                (torch.stack(list(terms.values())).sum() / self._shares).backward()
            self.state.add({name: term.detach() / self._shares for name, term in terms.items()})
        self.state.add({"gradient_norm": nn.utils.clip_grad_norm_(self._parameters, self.recipe.gradient_norm)})
        self._optimizer.step()
        self._average.update_parameters(self.model)
        self.state.step += 1
        self._steps_timed += 1

    def report(self) -> StageProgress:
        """Where the stage stands after a step; all processes must call this together: they average their losses.

        Raises SettingsError for a loss that is not finite.
        """
        epoch, step = divmod(self.state.step - 1, self.batches.steps)
        step += 1
        losses = {name: float(self.processes.mean(total / step)) for name, total in self.state.sums.items()}
        if not all(map(math.isfinite, losses.values())):
            raise SettingsError(f"the loss is not finite in epoch {epoch + 1}; lower the learning rate")
        seconds = max(time.monotonic() - self._epoch_began, 1e-9)
        return StageProgress(
            done=self.state.step,
            total=self.steps,
            stage=self.stage.name,
            epoch=epoch,
            epochs=self.stage.epochs,
            step=step,
            steps=self.batches.steps,
            losses=losses,
            clips_per_second=self._steps_timed * self.recipe.batch_size / seconds,
            waiting=self._seconds_waited / seconds,
        )

    def save(self, out: Path, run: dict[str, Any], log: list[dict[str, Any]]) -> None:
        """Writes the state from which this stage of ``run`` can go on; log: its entries so far."""
        self.state.save(out, run, self.stage.name, log)

    def finish(self) -> None:
        """Puts the moving average into the model, for the next stage and for everyone who uses the model."""
        average: Listener = self._average.module  # type: ignore[assignment]  # AveragedModel hides what it averages
        if self.stage.settles_statistics:
            _settle_statistics(average, self.batches, self.processes)
        self.model.load_state_dict(average.state_dict())

    def _begin_epoch(self) -> None:
        """Restarts the clock for the speed that is reported: that of this epoch, in this call."""
        self._epoch_began = time.monotonic()
        self._steps_timed, self._seconds_waited = 0, 0.0

    def _hear_micro_batch(self) -> dict[str, Tensor]:
        asked = time.monotonic()
        waveforms, targets, seed = next(self._micro_batches)
        self._seconds_waited += time.monotonic() - asked
        device = self.processes.device
        with self._precision:
            terms: dict[str, Tensor] = self._objective(
                waveforms.to(device), tuple(each.to(device) for each in targets), seed
            )
        return terms

    def _gradients_shared(self, last: bool) -> AbstractContextManager[object]:
        """Processes exchange gradients once a step, with its last micro-batch."""
        if isinstance(self._objective, DistributedDataParallel) and not last:
            waiting: AbstractContextManager[object] = self._objective.no_sync()
            return waiting
        return nullcontext()


def warm_up_cosine(epoch: float, epochs: int, warm_up_epochs: float) -> float:
    """Factor on the learning rate at a (fractional) epoch: linear from 0, then half a cosine down to 0."""
    warm_up_epochs = min(warm_up_epochs, epochs / 4)
    if epoch < warm_up_epochs:
        return max(epoch, 1e-3) / warm_up_epochs
    return 0.5 * (1 + math.cos(math.pi * (epoch - warm_up_epochs) / (epochs - warm_up_epochs)))


def _trained_groups(model: Listener, stage: Stage, weight_decay: float) -> list[dict[str, Any]]:
    """Sets training mode and gradients for a stage; returns its parameters in groups for the optimizer."""
    model.eval().requires_grad_(False)
    groups: list[dict[str, Any]] = []
    for name, relative_rate in stage.trains.items():
        part = model.parts()[name]
        part.train().requires_grad_(True)
        for decays in (True, False):  # matrices do, vectors do not
            parameters = [parameter for parameter in part.parameters() if (parameter.ndim > 1) == decays]
            decay = weight_decay if decays else 0.0
            groups.append({"params": parameters, "weight_decay": decay, "relative_rate": relative_rate})
    if not stage.settles_statistics:
        # settled statistics stay: with those of the batch, its clips would influence one another
        for normalisation in _batch_normalisations(model):
            normalisation.eval()
    return groups


def _optimizer(groups: list[dict[str, Any]], name: str, learning_rate: float) -> torch.optim.Optimizer:
    if name == "sgd":
        return torch.optim.SGD(groups, lr=learning_rate, momentum=0.9, nesterov=True)
    return torch.optim.AdamW(groups, lr=learning_rate)


def _moving_average(decay: float) -> Callable[[Sequence[Tensor], Sequence[Tensor], Tensor | int], None]:
    """Exponential moving average whose memory grows with the steps done, up to that of ``decay``."""

    @torch.no_grad()
    def update(averages: Sequence[Tensor], current: Sequence[Tensor], count: Tensor | int) -> None:
        share = 1 - min(decay, (1 + int(count)) / (10 + int(count)))
        torch._foreach_lerp_(list(averages), list(current), share)

    return update


@torch.no_grad()
def _settle_statistics(model: Listener, batches: MicroBatches, processes: Processes) -> None:
    """Running statistics of averaged weights: those of the same weights over the first micro-batches of the run.

    The statistics that were gathered while the weights moved fit none of them.
    """
    parts = model.parts()
    normalisations = [each for name in batches.stage.trains for each in _batch_normalisations(parts[name])]
    if not normalisations:
        return
    objective = Objective(model, batches.stage.terms).eval()
    for normalisation in normalisations:
        normalisation.reset_running_stats()
        normalisation.momentum = None  # a plain mean
        normalisation.train()
    steps = min(batches.steps, _SETTLING_STEPS)
    numbers = range(processes.rank, steps * batches.recipe.micro_batches, processes.count)
    for waveforms, targets, seed in batches.loader(iter(numbers), 0, processes.device):
        objective(waveforms.to(processes.device), tuple(each.to(processes.device) for each in targets), seed)
    for normalisation in normalisations:
        for statistic in (normalisation.running_mean, normalisation.running_var):
            assert statistic is not None
            processes.mean(statistic)
        normalisation.eval()


def _batch_normalisations(module: nn.Module) -> list[nn.BatchNorm1d | nn.BatchNorm2d]:
    return [each for each in module.modules() if isinstance(each, nn.BatchNorm1d | nn.BatchNorm2d)]
