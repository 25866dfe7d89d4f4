"""Claims about cores: order, how many at once, what fails and what is closed, and that nobody else's are touched."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
import torch

from playitback import cores
from playitback.cores import BATCH, LARGE, Cores, ahead, available, batch, on_cores, wanted


class Work:
    """Squares numbers, and tells how many were worked on at once and on how many cores."""

    def __init__(self) -> None:
        self.running, self.most, self.threads = 0, 0, set[int]()
        self._lock, self._together = threading.Lock(), threading.Barrier(2, timeout=10)

    def __call__(self, number: int) -> int:
        with self._lock:
            self.running += 1
            self.most = max(self.most, self.running)
            self.threads.add(torch.get_num_threads())
        if number < 2:
            self._together.wait()  # the first two meet, or both fail
        with self._lock:
            self.running -= 1
        return number * number


def test_what_is_worked_on_beside_each_other_comes_in_order_each_on_one_core() -> None:
    work = Work()
    with on_cores(3):
        assert list(ahead(work, range(20), at_once=2)) == [number**2 for number in range(20)]
        assert torch.get_num_threads() == 3
    assert (work.most, work.threads) == (2, {1})


def test_one_at_a_time_is_worked_on_where_it_is_asked_for() -> None:
    here = threading.get_ident()
    assert set(ahead(lambda _: threading.get_ident(), range(3), at_once=1)) == {here}
    assert here not in set(ahead(lambda _: threading.get_ident(), range(3), at_once=2))


def test_no_more_is_taken_in_than_is_worked_on_soon() -> None:
    taken: list[int] = []

    def given() -> Iterator[int]:
        for number in range(100):
            taken.append(number)
            yield number

    found = ahead(lambda number: number, given(), at_once=2)
    assert next(found) == 0
    assert len(taken) <= 3
    found.close()
    assert len(taken) <= 3


@pytest.mark.parametrize("at_once", [1, 2])
def test_what_was_taken_in_before_a_failure_comes_first(at_once: int) -> None:
    def given() -> Iterator[int]:
        yield from range(2)
        raise ValueError("the file ends here")

    found = ahead(lambda number: number + 1, given(), at_once)
    assert [next(found), next(found)] == [1, 2]
    with pytest.raises(ValueError, match="ends here"):
        next(found)


@pytest.mark.parametrize("at_once", [1, 2])
def test_work_that_fails_is_told_in_its_place(at_once: int) -> None:
    found = ahead(lambda number: 6 // number, [3, 0, 2], at_once)
    assert next(found) == 2
    with pytest.raises(ZeroDivisionError):
        next(found)
    assert list(found) == []


def test_a_clip_is_heard_on_one_core_and_what_is_large_on_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cores, "_most", cores.ContextVar("most", default=8))
    assert (wanted(LARGE - 1), wanted(LARGE), wanted(LARGE // 4, 4), wanted(LARGE // 8, 4)) == (1, 8, 8, 1)
    assert set(ahead(lambda _: wanted(LARGE), range(3), at_once=2)) == {1}
    assert wanted(LARGE) == 8


def test_a_gpu_divides_its_work_by_itself() -> None:
    assert available(torch.device("cuda")) == 1
    assert available() == available(torch.device("cpu")) >= 1


def test_as_many_compute_at_once_as_there_are_cores_and_a_large_one_alone() -> None:
    machine, inside, most = Cores(2), list[int](), list[int]()

    def compute(count: int) -> None:
        for _ in range(50):
            with machine.take(count):
                inside.append(count)
                most.append(sum(min(each, 2) for each in inside))
                inside.remove(count)

    threads = [threading.Thread(target=compute, args=(count,)) for count in (1, 1, 2, 8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(most) == 200
    assert max(most) <= 2


@pytest.mark.parametrize(
    ("given", "found"), [({}, "10000"), ({"GOMP_SPINCOUNT": "7"}, "7"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "None")]
)
def test_threads_soon_sleep_while_they_wait_unless_somebody_wants_it_otherwise(
    given: dict[str, str], found: str
) -> None:
    told = {name: value for name, value in os.environ.items() if name not in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")}
    told |= given
    program = (
        "import sys, os, playitback; assert 'torch' not in sys.modules; "
        "import playitback.cores; print(os.environ.get('GOMP_SPINCOUNT'))"
    )
    ended = subprocess.run([sys.executable, "-c", program], env=told, capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == found


def test_a_large_model_hears_one_clip_after_the_other_unless_a_gpu_does() -> None:
    assert [batch(LARGE - 1, torch.device("cpu")), batch(LARGE, torch.device("cpu"))] == [BATCH, 1]
    assert batch(LARGE, torch.device("cuda")) == BATCH
