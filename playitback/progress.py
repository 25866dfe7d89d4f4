"""The one way in which long work tells how far it has come.

Work that takes long is a generator: it yields a ``Progress`` after every batch and returns its answer. Whoever stops
listening cancels it. So the page can let others compute between two steps, and the core knows no user interface.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass
from typing import TypeVar

_Answer = TypeVar("_Answer")


@dataclass(frozen=True)
class Progress:
    """How far something has come."""

    done: int  # clips heard, or other steps
    total: int


#: the type of long work
Steps = Generator[Progress, None, _Answer]
#: called with how far something has come; raising in it cancels
Report = Callable[[Progress], None]


def finish(steps: Steps[_Answer], report: Report | None = None) -> _Answer:
    """The answer of long work; every step is reported."""
    with closing(steps):  # if a report raises, this ends the work, too, and closes what it holds open
        while True:
            try:
                progress = next(steps)
            except StopIteration as finished:
                answer: _Answer = finished.value
                return answer
            if report is not None:
                report(progress)
