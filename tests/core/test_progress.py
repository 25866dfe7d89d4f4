"""Claims about long work: it tells every step, gives its answer, and stops when nobody listens any more."""

from __future__ import annotations

import pytest

from playitback.progress import Progress, Steps, finish


def counting(done: list[int]) -> Steps[str]:
    """Three steps, each noted when it is taken."""
    for step in range(1, 4):
        done.append(step)
        yield Progress(step, 3)
    return "counted"


def counting_twice(done: list[int]) -> Steps[str]:
    first = yield from counting(done)
    second = yield from counting(done)
    return f"{first} and {second}"


def test_every_step_is_reported_and_the_answer_returned() -> None:
    told: list[Progress] = []
    assert finish(counting([]), told.append) == "counted"
    assert told == [Progress(1, 3), Progress(2, 3), Progress(3, 3)]


def test_nobody_needs_to_watch() -> None:
    assert finish(counting([])) == "counted"


def test_long_work_is_made_of_long_work() -> None:
    told: list[Progress] = []
    assert finish(counting_twice([]), told.append) == "counted and counted"
    assert [each.done for each in told] == [1, 2, 3, 1, 2, 3]


def test_raising_in_the_report_cancels_what_is_left() -> None:
    done: list[int] = []

    def cancel(progress: Progress) -> None:
        if progress.done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        finish(counting(done), cancel)
    assert done == [1, 2]


def test_what_work_holds_open_is_let_go_when_the_report_raises() -> None:
    let_go: list[str] = []

    def holding() -> Steps[None]:
        try:
            yield Progress(1, 2)
        finally:
            let_go.append("file")

    def cancel(progress: Progress) -> None:
        raise KeyboardInterrupt

    steps = holding()
    with pytest.raises(KeyboardInterrupt):
        finish(steps, cancel)
    assert let_go == ["file"]


def test_nothing_is_done_before_the_first_step_is_asked_for() -> None:
    done: list[int] = []
    steps = counting(done)
    assert done == []
    assert next(steps) == Progress(1, 3)
    steps.close()
    assert done == [1]
