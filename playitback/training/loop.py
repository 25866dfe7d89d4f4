"""The training loop: two stages, one loop, read from top to bottom.

Stage 1 trains the encoder alone, stage 2 the slots and the decoder over the frozen encoder ("Play It Back", section
3.1). The state is saved after every epoch, random numbers included: a run that was killed goes on from the last
complete epoch and ends where it would have ended.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn
from torch.optim.swa_utils import AveragedModel
from torch.utils.tensorboard import SummaryWriter

from playitback.errors import SettingsError
from playitback.models.playitback import ReplayModel
from playitback.training import augmentation, objectives
from playitback.training.datasets import ClipSet

STATE_FILE, LOG_FILE = "state.pt", "log.jsonl"
_STAGES = ("encoder", "replay")


@dataclass(frozen=True)
class Recipe:
    """How to train. The defaults are the bundled model's."""

    encoder_epochs: int = 80
    replay_epochs: int = 6
    batch_size: int = 32
    encoder_learning_rate: float = 1.5e-3
    replay_learning_rate: float = 1e-3
    weight_decay: float = 0.05  # none on vectors: biases, norms, starts
    warm_up_epochs: float = 2.5
    gradient_norm: float = 1.0
    average_decay: float = 0.998  # of the moving average of the weights, which is what is kept
    mixed_share: float = 0.6  # of batches in which every clip is mixed with one of another class
    seed: int = 0

    def __post_init__(self) -> None:
        if self.batch_size < 2:
            raise SettingsError(f"batch_size must be at least 2, got {self.batch_size}")
        if self.encoder_epochs < 1 or self.replay_epochs < 1:
            raise SettingsError("each stage needs at least one epoch")

    def epochs(self, stage: str) -> int:
        return self.encoder_epochs if stage == "encoder" else self.replay_epochs

    def learning_rate(self, stage: str) -> float:
        return self.encoder_learning_rate if stage == "encoder" else self.replay_learning_rate


@dataclass(frozen=True)
class Progress:
    """Where a run stands, reported after every step."""

    stage: str
    epoch: int  # complete epochs of this stage
    epochs: int
    step: int  # steps done in this epoch
    steps: int
    losses: dict[str, float]  # means over the epoch so far
    clips_per_second: float


def train(
    model: ReplayModel,
    clips: ClipSet,
    recipe: Recipe,
    out: Path,
    report: Callable[[Progress], None] = lambda progress: None,
) -> None:
    """Trains ``model`` in place; its weights are the moving average in the end.

    Goes on where ``out`` says that a run stopped. Raises SettingsError where that run was another one, and where the
    clips do not fill a batch.
    """
    steps = len(clips) // recipe.batch_size
    if steps == 0:
        raise SettingsError(
            f"{len(clips)} clips do not fill a batch of {recipe.batch_size}; choose a smaller batch or more folds"
        )
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(recipe.seed)
    generator = Generator().manual_seed(recipe.seed)
    device = model.mel_mean.device
    model.mel_mean, model.mel_deviation = log_mel_statistics(model, clips)
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's annotations do not know it
    levels = clip_levels(clips, model.config.front_end.sample_rate)
    run = {"recipe": asdict(recipe), "model": model.config.to_dict(), "clips": list(clips.names)}
    saved = _read_state(out, run)

    with SummaryWriter(out / "tensorboard") as board:
        for stage in _STAGES:
            if saved is not None and _STAGES.index(saved["stage"]) > _STAGES.index(stage):
                continue  # the run was interrupted in a later stage
            terms = objectives.encoder_terms if stage == "encoder" else objectives.replay_terms
            parameters = _prepare_stage(model, stage)
            optimizer = torch.optim.AdamW(_parameter_groups(parameters, recipe), lr=recipe.learning_rate(stage))
            average = AveragedModel(model, multi_avg_fn=_moving_average(recipe.average_decay), use_buffers=True)
            state = _State(model, average, optimizer, generator)
            first_epoch, seconds_before = 0, 0.0
            if saved is not None and saved["stage"] == stage:
                first_epoch, seconds_before = state.load(saved)
            started = time.monotonic()

            for epoch in range(first_epoch, recipe.epochs(stage)):
                epoch_started = time.monotonic()
                sums: dict[str, float] = {}
                order = torch.randperm(len(clips), generator=generator)
                for step, indices in enumerate(order[: steps * recipe.batch_size].split(recipe.batch_size), start=1):
                    factor = warm_up_cosine((epoch + (step - 1) / steps), recipe.epochs(stage), recipe.warm_up_epochs)
                    for group in optimizer.param_groups:
                        group["lr"] = recipe.learning_rate(stage) * factor
                    waveforms, targets = draw_batch(clips, indices, levels, recipe.mixed_share, generator)
                    losses = terms(model, waveforms.to(device), targets.to(device), generator)
                    optimizer.zero_grad()
                    torch.stack(list(losses.values())).sum().backward()
                    norm = nn.utils.clip_grad_norm_(parameters, recipe.gradient_norm)
                    optimizer.step()
                    average.update_parameters(model)

                    for name, loss in {**losses, "gradient_norm": norm}.items():
                        sums[name] = sums.get(name, 0.0) + float(loss.detach())
                    if not math.isfinite(sums["classify"]):
                        raise SettingsError(f"the loss is not finite in epoch {epoch + 1}; lower the learning rate")
                    means = {name: value / step for name, value in sums.items()}
                    rate = step * recipe.batch_size / (time.monotonic() - epoch_started)
                    report(Progress(stage, epoch, recipe.epochs(stage), step, steps, means, rate))
                for name, value in means.items():
                    board.add_scalar(f"{stage}/{name}", value, epoch + 1)
                seconds = seconds_before + time.monotonic() - started
                state.save(out, run, stage, epoch + 1, seconds)
                _append_log(out, {"stage": stage, "epoch": epoch + 1, "seconds": round(seconds), **means})

            # the next stage builds on the average, and so does whoever uses the model
            model.load_state_dict(average.module.state_dict())
    model.requires_grad_(True)
    model.eval()


def seconds_spent(out: Path) -> float:
    """Seconds that the run in ``out`` has trained, over all its stages and calls."""
    entries = [json.loads(line) for line in (out / LOG_FILE).read_text(encoding="utf-8").splitlines()]
    return float(sum({entry["stage"]: entry["seconds"] for entry in entries}.values()))


def warm_up_cosine(epoch: float, epochs: int, warm_up_epochs: float) -> float:
    """Factor on the learning rate at a (fractional) epoch: linear from 0, then half a cosine down to 0."""
    warm_up_epochs = min(warm_up_epochs, epochs / 4)
    if epoch < warm_up_epochs:
        return max(epoch, 1e-3) / warm_up_epochs
    return 0.5 * (1 + math.cos(math.pi * (epoch - warm_up_epochs) / (epochs - warm_up_epochs)))


def draw_batch(
    clips: ClipSet, indices: Tensor, levels: Tensor, mixed_share: float, generator: Generator
) -> tuple[Tensor, Tensor]:
    """Augmented waveforms (B, samples) and target distributions (B, classes) for clips (B,)."""
    targets = F.one_hot(clips.targets[indices], len(clips.labels)).float()
    waveforms = augmentation.vary_waveforms(clips.waveforms(indices), generator)
    if torch.rand((), generator=generator) >= mixed_share:
        return waveforms, targets
    partners = torch.randint(len(clips), indices.shape, generator=generator)
    partner_waveforms = augmentation.vary_waveforms(clips.waveforms(partners), generator)
    ratio = torch.rand(len(indices), generator=generator)
    mixed = augmentation.mix_between_classes(waveforms, partner_waveforms, ratio, levels[indices], levels[partners])
    partner_targets = F.one_hot(clips.targets[partners], len(clips.labels)).float()
    return mixed, torch.lerp(partner_targets, targets, ratio.unsqueeze(1))


def clip_levels(clips: ClipSet, sample_rate: int) -> Tensor:
    """(N,) loudness of every clip in decibels."""
    blocks = torch.arange(len(clips)).split(64)
    return torch.cat([augmentation.loudness_decibels(clips.waveforms(block), sample_rate) for block in blocks])


def log_mel_statistics(model: ReplayModel, clips: ClipSet) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation (mels,) of the first hearing's log-mel over all clips."""
    device = model.mel_mean.device
    total, squares, count = torch.zeros(()), torch.zeros(()), 0
    for block in torch.arange(len(clips)).split(64):
        hop_samples = model.config.front_end.hop_samples(0)
        log_mel = model.log_mel(clips.waveforms(block).to(device), hop_samples).flatten(0, 1).double().cpu()
        total, squares, count = total + log_mel.sum(dim=0), squares + log_mel.square().sum(dim=0), count + len(log_mel)
    mean = total / count
    deviation = (squares / count - mean.square()).sqrt().clamp_min(1e-3)
    return mean.float().to(device), deviation.float().to(device)


def _prepare_stage(model: ReplayModel, stage: str) -> list[nn.Parameter]:
    """Sets training mode and gradients for a stage; returns the parameters it trains. Frozen means eval mode, too."""
    model.eval().requires_grad_(False)
    trained = [model.encoder] if stage == "encoder" else [model.columns, model.slots, model.decoder]
    for module in trained:
        module.train().requires_grad_(True)
    return [parameter for module in trained for parameter in module.parameters()]


def _moving_average(decay: float) -> Callable[[Sequence[Tensor], Sequence[Tensor], Tensor | int], None]:
    """Exponential moving average whose memory grows with the steps done, up to that of ``decay``."""

    @torch.no_grad()
    def update(averages: Sequence[Tensor], current: Sequence[Tensor], count: Tensor | int) -> None:
        share = 1 - min(decay, (1 + int(count)) / (10 + int(count)))
        for average, value in zip(averages, current, strict=True):
            if average.is_floating_point():
                average.lerp_(value, share)
            else:
                average.copy_(value)

    return update


def _parameter_groups(parameters: list[nn.Parameter], recipe: Recipe) -> list[dict[str, Any]]:
    matrices = [parameter for parameter in parameters if parameter.ndim > 1]
    vectors = [parameter for parameter in parameters if parameter.ndim <= 1]
    return [{"params": matrices, "weight_decay": recipe.weight_decay}, {"params": vectors, "weight_decay": 0.0}]


@dataclass(frozen=True)
class _State:
    """What must come back after an interruption."""

    model: ReplayModel
    average: AveragedModel
    optimizer: torch.optim.Optimizer
    generator: Generator

    def save(self, out: Path, run: dict[str, Any], stage: str, epoch: int, seconds: float) -> None:
        saved = {
            "run": run,
            "stage": stage,
            "epoch": epoch,
            "seconds": seconds,
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "generator": self.generator.get_state(),
            "random": torch.get_rng_state(),
        }
        # written beside and moved: a kill while writing leaves the state of the epoch before
        partial = out / f"{STATE_FILE}.partial"
        torch.save(saved, partial)
        partial.replace(out / STATE_FILE)

    def load(self, saved: dict[str, Any]) -> tuple[int, float]:
        """Puts everything back; returns the complete epochs of the stage and the seconds they took."""
        self.model.load_state_dict(saved["model"])
        self.average.load_state_dict(saved["average"])
        self.optimizer.load_state_dict(saved["optimizer"])
        self.generator.set_state(saved["generator"])
        torch.set_rng_state(saved["random"])
        return saved["epoch"], saved["seconds"]


def _read_state(out: Path, run: dict[str, Any]) -> dict[str, Any] | None:
    path = out / STATE_FILE
    if not path.is_file():
        return None
    saved: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    if saved.get("run") != run:
        raise SettingsError(
            f"{out} holds a run with other settings, another model or other clips; "
            "give the same ones to go on, or another folder"
        )
    return saved


def _append_log(out: Path, entry: dict[str, Any]) -> None:
    with (out / LOG_FILE).open("a", encoding="utf-8") as log:
        log.write(json.dumps(entry) + "\n")
