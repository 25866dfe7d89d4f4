"""One process or many: ``torchrun`` starts them, each trains its share of every batch, and gradients are averaged.

Without ``torchrun`` there is one process, and nothing here communicates.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, distributed

from playitback.devices import find_device


@dataclass(frozen=True)
class Processes:
    """This process among those that train one model together."""

    device: torch.device
    rank: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the process that writes files and reports."""
        return self.rank == 0

    def mean(self, value: Tensor) -> Tensor:
        """The mean of ``value`` over the processes, in each of them."""
        if self.count > 1:
            distributed.all_reduce(value)
            value /= self.count
        return value

    def wait(self) -> None:
        """Returns when all processes have come here."""
        if self.count > 1:
            distributed.barrier()


@contextmanager
def join_processes(device: str) -> Iterator[Processes]:
    """The processes that ``torchrun`` started, or this one alone; device: "auto", "cpu", "cuda" as in find_device.

    With several processes and "auto" or "cuda" each takes the GPU of its local rank. Raises SettingsError for a device
    that is not there.
    """
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        yield Processes(find_device(device))
        return
    chosen = find_device(device)
    if chosen.type == "cuda":
        chosen = find_device(f"cuda:{os.environ['LOCAL_RANK']}")
        torch.cuda.set_device(chosen)
    distributed.init_process_group("nccl" if chosen.type == "cuda" else "gloo")
    try:
        yield Processes(chosen, distributed.get_rank(), count)
    finally:
        distributed.destroy_process_group()
