"""What a run leaves on disk: the state that it goes on from after an interruption, the one before it, and its log."""

from __future__ import annotations

import json
import time
import zipfile
from collections.abc import Callable, Iterable
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
from playitback.training.processes import Processes
from playitback.writing import told_in_a_sentence, write_whole, write_whole_text

STATE_FILE, PREVIOUS_FILE, LOG_FILE = "state.pt", "state.previous.pt", "log.jsonl"
#: of every entry of the log
_ENTRY = {"stage", "epoch", "seconds"}


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

    def save(self, out: Path, run: dict[str, Any], stage: str, log: list[dict[str, Any]]) -> None:
        """log: the entries so far. The state before stays beside the new one, should that be damaged later."""
        saved = {
            "run": run,
            "stage": stage,
            "step": self.step,
            "sums": self.sums,
            "seconds": self.seconds,
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "log": log,
        }
        write_whole(out / STATE_FILE, lambda path: _write(saved, path), keep=out / PREVIOUS_FILE)

    def load(self, saved: dict[str, Any]) -> None:
        self.model.load_state_dict(saved["model"])
        self.average.load_state_dict(saved["average"])
        self.optimizer.load_state_dict(saved["optimizer"])
        self.step, self.seconds_before = saved["step"], saved["seconds"]
        self.sums = {name: total.to(self.model.device) for name, total in saved["sums"].items()}


def read_state(
    out: Path, run: dict[str, Any], processes: Processes, tell: Callable[[str], None]
) -> dict[str, Any] | None:
    """The state that was saved last and is whole, or None.

    One that is damaged is set aside by the first process, and told. Raises SettingsError if ``out`` holds a run other
    than ``run``, or a state that may not be read.
    """
    saved, damaged = None, []
    for path in (out / STATE_FILE, out / PREVIOUS_FILE):
        if saved is None and path.is_file():
            saved = _read(path)
            if saved is None:
                damaged.append(path)
    if saved is not None and saved["run"] != run:
        raise SettingsError(
            f"{out} holds a run with other settings, another model or other clips; "
            "give the same ones to go on, or another folder"
        )
    if damaged and processes.first:
        for path in damaged:
            path.replace(path.with_name(f"{path.name}.damaged"))
        onward = "training begins anew" if saved is None else "training goes on from the state before it"
        tell(f"{damaged[0]} is damaged and is now called {damaged[0].name}.damaged; {onward}")
    return saved


def _write(saved: dict[str, Any], path: Path) -> None:
    with path.open("wb") as file:
        try:
            torch.save(saved, file)
        except RuntimeError as error:  # which torch makes of a full disk
            if isinstance(error.__context__, OSError):
                raise error.__context__ from error
            raise


def _read(path: Path) -> dict[str, Any] | None:
    """A saved state; None if it is damaged."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise SettingsError(f"{path} cannot be read ({error.strerror}); check its permissions") from error
    with file:
        try:
            if zipfile.ZipFile(file).testzip() is not None:  # torch writes checksums, and does not compare them
                return None
            file.seek(0)
            saved: dict[str, Any] = torch.load(file, map_location="cpu", weights_only=True)
        except Exception:  # of many kinds: it hangs on where the damage is
            return None
    return saved


class Log:
    """One line of JSON per epoch, and the same numbers for TensorBoard."""

    def __init__(self, out: Path, entries: Iterable[dict[str, Any]]) -> None:
        """Goes on after ``entries``; lines about later epochs, which will be written again, are dropped."""
        self.path = out / LOG_FILE
        self._entries = {(entry["stage"], entry["epoch"]): entry for entry in entries}
        self._write()
        with told_in_a_sentence(out / "tensorboard"):
            self.board = SummaryWriter(out / "tensorboard")

    @property
    def entries(self) -> list[dict[str, Any]]:
        return list(self._entries.values())

    def write(self, progress: StageProgress, seconds: float) -> None:
        epoch = progress.epoch + 1
        self._entries[progress.stage, epoch] = {
            "stage": progress.stage,
            "epoch": epoch,
            "seconds": round(seconds),
            **progress.losses,
        }
        self._write()
        with told_in_a_sentence(self.path.parent / "tensorboard"):
            for name, value in progress.losses.items():
                self.board.add_scalar(f"{progress.stage}/{name}", value, epoch)
            self.board.add_scalar(f"{progress.stage}/clips_per_second", progress.clips_per_second, epoch)

    def _write(self) -> None:
        write_whole_text(self.path, "".join(json.dumps(entry) + "\n" for entry in self.entries))


def logged(out: Path, saved: dict[str, Any] | None, tell: Callable[[str], None]) -> list[dict[str, Any]]:
    """The entries that the log had when ``saved`` was; whether the log itself is damaged is told."""
    if saved is None:
        return []
    if None in _lines(out):
        tell(f"{out / LOG_FILE} has damaged lines, and is written anew as it was when the state was saved")
    found: list[dict[str, Any]] = saved.get("log", read_log(out))  # states from before they held it
    return found


def read_log(out: Path) -> list[dict[str, Any]]:
    """The entries of a run's log, in their order, without damaged ones; empty if there is no log yet."""
    return [entry for entry in _lines(out) if entry is not None]


def _lines(out: Path) -> list[dict[str, Any] | None]:
    """The entries of a run's log; None for every line that is none."""
    path = out / LOG_FILE
    if not path.is_file():
        return []
    entries: list[dict[str, Any] | None] = []
    for line in path.read_bytes().splitlines():
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            entry = None
        entries.append(entry if isinstance(entry, dict) and entry.keys() >= _ENTRY else None)
    return entries


def seconds_spent(out: Path) -> float:
    """Seconds that the run in ``out`` has trained, over all its stages and calls."""
    return float(sum({entry["stage"]: entry["seconds"] for entry in read_log(out)}.values()))
