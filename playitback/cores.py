"""On how many cores one hearing computes, and how much is heard beside it.

    a clip, a small model  -> one core: dividing a small product costs more than it saves, and where another program
                              wants a core, each division waits for it (hearing a clip took fifty times as long)
    a batch, a large model -> all cores
    batch after batch      -> ``ahead``: several at once, each on one core

Two cores hear twice as many clips so, and an answer does not depend on what else is heard.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

import torch

Given = TypeVar("Given")
Found = TypeVar("Found")

#: weights times clips, from which on a hearing is divided between cores
LARGE = 30_000_000
BATCH = 8  # clips heard at once, where there are many: larger ones are hardly faster, and whoever cancels waits for one

_cores = torch.get_num_threads()  # that this process may use, as torch counts them
_most: ContextVar[int] = ContextVar("most", default=_cores)  # that a hearing may compute on, where it runs now


def available(device: torch.device | None = None) -> int:
    """How many hearings may run beside each other on a device (default: the CPU); a GPU divides its work by itself."""
    return _cores if device is None or device.type == "cpu" else 1


def batch(weights: int, device: torch.device) -> int:
    """How many of many clips a model hears at once. On a CPU a large one gains nothing by it, and whoever cancels waits
    for a batch.
    """
    return BATCH if weights < LARGE or device.type != "cpu" else 1


def wanted(weights: int, clips: int = 1) -> int:
    """On how many cores a model of so many weights hears so many clips at once."""
    return _most.get() if weights * clips >= LARGE else 1


@contextmanager
def on_cores(count: int) -> Iterator[None]:
    """What torch computes in this thread, it computes on so many cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def ahead(work: Callable[[Given], Found], given: Iterable[Given], at_once: int) -> Generator[Found, None, None]:
    """What ``work`` makes of each that is given, in their order, at most ``at_once`` of them at a time.

    Each is worked on in a thread of its own, on one core; with one at a time, here, on all. What is given is taken in
    a little before it is needed; if that fails, what was taken in before comes first. Closing it ends it, after what is
    being worked on.
    """
    if at_once < 2:
        yield from map(work, given)
        return
    waiting: deque[Future[Found]] = deque()
    source = iter(given)
    failed: Exception | None = None
    with ThreadPoolExecutor(at_once, "hearing") as threads:
        try:
            while True:
                try:
                    each = next(source)
                except StopIteration:
                    break
                except Exception as error:
                    failed = error
                    break
                waiting.append(threads.submit(_on_one_core, work, each))
                if len(waiting) > at_once:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            threads.shutdown(wait=False, cancel_futures=True)
    if failed is not None:
        raise failed


class Cores:
    """Those of a machine, which several share: whoever computes takes as many as it needs, in the order of asking."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._free = threading.Semaphore(count)
        self._asking = threading.Lock()

    @contextmanager
    def take(self, count: int) -> Iterator[None]:
        """Waits until so many are free, or all where there are fewer, and gives them back in the end."""
        count = min(count, self._count)
        with self._asking:
            for _ in range(count):
                self._free.acquire()
        try:
            yield
        finally:
            self._free.release(count)


def _on_one_core(work: Callable[[Given], Found], each: Given) -> Found:
    _most.set(1)
    with on_cores(1):
        return work(each)
