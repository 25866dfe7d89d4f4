"""Figures of many clips, drawn beside everything else: matplotlib needs thrice as long as all hearings of a clip.

    Painters.draw -> what gives the figures, once they are drawn

In processes, because Python runs one thread at a time. Starting one takes as long as drawing a few figures, so a few
clips are drawn where they are asked for.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import wait
from types import TracebackType

import numpy as np

from playitback import cores
from playitback.explain.explanation import Explanation
from playitback.report.figure import Figures, figures_of

WORTH_IT = 12  # figures, from which on processes are started for them
MOST = 4  # processes; then writing the other files is what takes longest


class Painters:
    """For so many figures; when it is left, nobody draws any more."""

    def __init__(self, figures: int) -> None:
        count = min(cores.available(), MOST)
        self._processes = None
        if figures >= WORTH_IT and count > 1:
            # a fork would take over the locks of threads that it has not
            context = multiprocessing.get_context("spawn")
            self._processes = ProcessPoolExecutor(count, context, initializer=_obey)

    def __enter__(self) -> Painters:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._processes is not None:
            # Where all were killed while one was being told what to draw, Python before 3.11.5 waits for ever until
            # somebody reads it (CPython issue 94777), unless nobody can.
            self._processes._call_queue._reader.close()  # type: ignore[attr-defined]
            self._processes.shutdown(cancel_futures=True)

    def draw(self, explanation: Explanation, mel_hertz: np.ndarray) -> Callable[[], Figures]:
        """Begins to draw ``figures_of`` an explanation; what is returned waits for them."""
        here = partial(figures_of, explanation, mel_hertz)
        if self._processes is None:
            return here
        try:
            with _ctrl_c_kept_back():
                drawn = self._processes.submit(figures_of, explanation, mel_hertz)
        except BrokenProcessPool:
            return here

        def figures() -> Figures:
            try:
                return drawn.result()
            except BrokenProcessPool:  # a process was killed, for want of memory perhaps
                return here()

        return figures


@contextmanager
def _ctrl_c_kept_back() -> Iterator[None]:
    """A process that is started within it does not notice Ctrl-C, which is for its parent, before ``_obey`` is called.

    Else it would end with a traceback, while it is importing. The parent is told at the end, at the latest.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _obey() -> None:
    """Whoever draws ends with the process that asked, even if that was killed, and leaves Ctrl-C to it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asked = multiprocessing.parent_process()
    assert asked is not None, "this runs in a process that another one has started"
    threading.Thread(target=lambda: (wait([asked.sentinel]), os._exit(1)), daemon=True).start()
