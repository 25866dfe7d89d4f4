"""Ctrl-C and SIGTERM, which wait until a step of a training is done and its state saved."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any, NoReturn

import torch

from playitback.training.processes import Processes

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Signals:
    """While it is entered, the signals are noted; whoever trains asks whether it is to end, and ends.

    A second signal of the same kind is not waited for, unless there are several processes: who ends these sends each of
    them more than one. Only a program's main thread is sent signals; in another one nothing is noted.
    """

    def __init__(self, processes: Processes, tell: Callable[[str], None]) -> None:
        """tell: called by the first process with the sentence that it ends with."""
        self.processes, self.tell = processes, tell
        self.noted: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Signals:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._note) for number in _SIGNALS}
        return self

    def __exit__(self, kind: object, error: BaseException | None, _: object) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)
        if self.noted is not None and isinstance(error, RuntimeError):
            # a signal to all processes at once has ended some that this one cannot finish its step without
            self.end(
                "training stops in the middle of a step; give the same command again to go on from what was saved last"
            )

    def asked_to_end(self) -> bool:
        """Whether any of the processes is; all of them must call this together."""
        noted = self.noted is not None
        if self.processes.count == 1:
            return noted
        return bool(self.processes.mean(torch.tensor(float(noted), device=self.processes.device)) > 0)

    def end(self, sentence: str) -> NoReturn:
        """Ends as the signal would have: KeyboardInterrupt for Ctrl-C, else SystemExit with the status of shells."""
        if self.processes.first:
            self.tell(sentence)
        if self.noted == signal.SIGINT:
            raise KeyboardInterrupt
        raise SystemExit(128 + signal.SIGTERM)

    def _note(self, number: int, _: FrameType | None) -> None:
        self.noted = number
        if self.processes.count == 1:
            signal.signal(number, self._before[number])
