"""What holds a model's results back until a test asks for them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any


class Gate:
    """Lets results be computed one at a time, or freely."""

    def __init__(self) -> None:
        self._allowed = threading.Semaphore(0)
        self._open = threading.Event()
        self._open.set()
        self._held = threading.Event()

    def close(self) -> None:
        self._held.clear()
        self._open.clear()

    def wait_until_it_holds(self) -> None:
        """Returns once a run has come to the closed gate: before that there is nothing that could be stopped."""
        assert self._held.wait(timeout=30)

    def let_through(self, results: int = 1) -> None:
        self._allowed.release(results)

    def open(self) -> None:
        self._open.set()

    def before_each_result(self, work: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
        def gated(*arguments: Any) -> Iterator[Any]:
            results = work(*arguments)
            while True:
                while not self._open.is_set() and not self._allowed.acquire(timeout=0.05):
                    self._held.set()
                following = next(results, None)
                if following is None:
                    return
                yield following

        return gated
