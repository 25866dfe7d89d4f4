"""What a run leaves on disk: the state that it goes on from after an interruption, and its log."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel
from torch.utils.tensorboard import SummaryWriter

from playitback.errors import SettingsError
from playitback.models.listener import Listener
from playitback.progress import Progress

STATE_FILE, LOG_FILE = "state.pt", "log.jsonl"


@dataclass(frozen=True)
class StageProgress(Progress):
    """Where a run stands: steps done and all steps of its present stage, its losses and its speed."""

    stage: str
    epoch: int  # of this stage, counted from 0, that the last step belongs to
    epochs: int
    step: int  # steps done in this epoch
    steps: int
    losses: dict[str, float]  # means over the epoch so far
    clips_per_second: float  # over all processes, in this epoch, since this call began
    waiting: float  # share of that time in which the first process waited for clips


@dataclass
class State:
    """What must be restored after an interruption. Everything else follows from the recipe."""

    model: Listener
    average: AveragedModel
    optimizer: torch.optim.Optimizer
    step: int = 0  # steps done in this stage
    sums: dict[str, Tensor] = field(default_factory=dict)  # of the losses over this epoch's steps
    seconds_before: float = 0.0  # in earlier calls
    started: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """Spent in this stage, over all calls."""
        return self.seconds_before + time.monotonic() - self.started

    def add(self, losses: dict[str, Tensor]) -> None:
        for name, loss in losses.items():
            self.sums[name] = self.sums[name] + loss if name in self.sums else loss

    def save(self, out: Path, run: dict[str, Any], stage: str) -> None:
        saved = {
            "run": run,
            "stage": stage,
            "step": self.step,
            "sums": self.sums,
            "seconds": self.seconds,
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }
        # written to another file and then moved: if writing is interrupted, the state before is still there
        partial = out / f"{STATE_FILE}.partial"
        torch.save(saved, partial)
        partial.replace(out / STATE_FILE)

    def load(self, saved: dict[str, Any]) -> None:
        self.model.load_state_dict(saved["model"])
        self.average.load_state_dict(saved["average"])
        self.optimizer.load_state_dict(saved["optimizer"])
        self.step, self.seconds_before = saved["step"], saved["seconds"]
        self.sums = {name: total.to(self.model.device) for name, total in saved["sums"].items()}


def read_state(out: Path, run: dict[str, Any]) -> dict[str, Any] | None:
    """The state that was saved last, or None. Raises SettingsError if ``out`` holds a run other than ``run``."""
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


class Log:
    """One line of JSON per epoch, and the same numbers for TensorBoard."""

    def __init__(self, out: Path, stages_before: Sequence[str], stage: str, epochs: int) -> None:
        """Goes on after ``epochs`` epochs of a stage; drops the lines about later ones, which will be written again."""
        self.path = out / LOG_FILE
        self.board = SummaryWriter(out / "tensorboard")
        known = [
            entry
            for entry in read_log(out)
            if entry["stage"] in stages_before or (entry["stage"] == stage and entry["epoch"] <= epochs)
        ]
        self.path.write_text("".join(json.dumps(entry) + "\n" for entry in known), encoding="utf-8")

    def write(self, progress: StageProgress, seconds: float) -> None:
        epoch = progress.epoch + 1
        entry = {"stage": progress.stage, "epoch": epoch, "seconds": round(seconds), **progress.losses}
        with self.path.open("a", encoding="utf-8") as log:
            log.write(json.dumps(entry) + "\n")
        for name, value in progress.losses.items():
            self.board.add_scalar(f"{progress.stage}/{name}", value, epoch)
        self.board.add_scalar(f"{progress.stage}/clips_per_second", progress.clips_per_second, epoch)


def read_log(out: Path) -> list[dict[str, Any]]:
    """The entries of a run's log, in their order; empty if there is no log yet."""
    path = out / LOG_FILE
    if not path.is_file():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def seconds_spent(out: Path) -> float:
    """Seconds that the run in ``out`` has trained, over all its stages and calls."""
    return float(sum({entry["stage"]: entry["seconds"] for entry in read_log(out)}.values()))
