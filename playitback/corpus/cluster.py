"""Has Ray Data spread the parts of a run over actors, each of which holds the model: the door to Ray.

    batches of recordings -> plan (tasks) -> a part a block -> PartHearer (actors) -> what became of each part

Blocks hold JSON: what is planned and what was heard. Rows do not travel; actors write them beside the data set. A part
whose actor dies is heard again by another one.
"""

from __future__ import annotations

import json
import logging
import os
import socket
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from playitback.corpus.dataset import Heard
from playitback.corpus.hearing import Order, PartHearer
from playitback.corpus.units import Missing, Part, plan
from playitback.errors import PlayItBackError, SettingsError

_WORKERS_PLANNED_FOR = 8  # by one task, which opens files and reads their headers
_ANSWER_SECONDS = 10
_OBJECT_BYTES = 128 * 2**20  # of shared memory, for JSON alone; Ray would take a third of the machine's
#: before Ray is imported: it tells nobody that it is used, and standard error only what is worth it
_QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_BACKEND_LOG_LEVEL": "fatal"}
#: of a cluster that is started here: it is reached from this machine alone
_ALONE = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}


def require_ray() -> None:
    """Raises SettingsError, which says what to install, where there is none."""
    if find_spec("ray") is None:
        raise SettingsError(
            "several workers need the package ray, which is not installed; run pip install -r requirements-corpus.txt, "
            "install playitback with its extra named corpus, or leave --workers and --address away"
        )


def hear_on_cluster(
    order: Order, batches: Sequence[Sequence[Missing]], workers: int, address: str | None
) -> Generator[Heard, None, None]:
    """The parts of all batches, in any order. address: of a cluster; None starts one on this machine, for this run.

    Raises SettingsError where there is no cluster, or too small a one, and for what a worker cannot read or write.
    """
    with _connected(address, workers):
        import ray
        import ray.data

        there, planners = ray.cluster_resources(), 1 + workers // _WORKERS_PLANNED_FOR
        _check_cores(workers, there.get("CPU", 0))
        ray.data.DataContext.get_current().enable_progress_bars = False
        given = ray.data.from_items([{"batch": _told(batch)} for batch in batches], override_num_blocks=len(batches))
        planned = given.map_batches(
            _Planner(order), batch_size=1, num_cpus=1 / planners, compute=ray.data.TaskPoolStrategy(size=planners)
        ).repartition(target_num_rows_per_block=1)
        heard = planned.map(
            _Actor,  # type: ignore[arg-type]  # Ray makes an actor of a class, as its documentation says
            fn_constructor_args=(order,),
            compute=ray.data.ActorPoolStrategy(size=workers, max_tasks_in_flight_per_actor=1),
            num_cpus=1,
            num_gpus=_gpus_each(order.device, workers, there.get("GPU", 0)),
        )
        for row in heard.iter_rows():
            if row["refusal"]:
                raise SettingsError(row["refusal"])
            yield Heard.from_json(row["heard"])


class _Planner:
    """A task for every batch: (1,) what is missing -> a row a part."""

    def __init__(self, order: Order) -> None:
        self._lengths, self._channel = order.lengths, order.channel

    def __call__(self, rows: dict[str, Any]) -> dict[str, list[str]]:
        (told,) = rows["batch"]
        batch = [Missing(recording, frozenset(heard)) for recording, heard in json.loads(told)]
        try:
            parts = [part.to_json() for part in plan(batch, self._lengths, self._channel)]
        except PlayItBackError as error:
            return {"part": [""], "refusal": [str(error)]}
        return {"part": parts, "refusal": [""] * len(parts)}


class _Actor:
    """A worker. What is wrong is told as data: an exception would be wrapped and, for an actor's start, tried again."""

    def __init__(self, order: Order) -> None:
        self._hearer: PartHearer | None = None
        self._refusal = ""
        try:
            self._hearer = PartHearer.elsewhere(order)
        except PlayItBackError as error:
            self._refusal = str(error)

    def __call__(self, row: dict[str, str]) -> dict[str, str]:
        refusal = row["refusal"] or self._refusal
        if refusal or self._hearer is None:
            return {"heard": "", "refusal": refusal}
        try:
            return {"heard": self._hearer.hear(Part.from_json(row["part"])).to_json(), "refusal": ""}
        except PlayItBackError as error:
            return {"heard": "", "refusal": str(error)}


@contextmanager
def _connected(address: str | None, workers: int) -> Iterator[None]:
    """Entered, there is a cluster. Raises SettingsError where there is none at the address."""
    if address is not None:
        _check_answer(address)
    os.environ.update({**_QUIET, **(_ALONE if address is None else {})})
    import ray
    import ray.data

    logging.getLogger("ray.data").setLevel(logging.ERROR)
    quiet: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False}
    try:
        if address is None:
            ray.init(num_cpus=workers + 1, object_store_memory=_OBJECT_BYTES, include_dashboard=False, **quiet)
        else:
            ray.init(address=address, **quiet)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise _no_cluster(address or "this machine", error) from error
    try:
        yield
    finally:
        ray.shutdown()


def _check_answer(address: str) -> None:
    """Raises SettingsError where nothing answers at HOST:PORT, which Ray would try for minutes."""
    host, colon, port = address.rpartition(":")
    try:
        if colon and "/" not in host:
            socket.create_connection((host, int(port)), _ANSWER_SECONDS).close()
    except (OSError, ValueError) as error:
        raise _no_cluster(address, error) from error


def _no_cluster(place: str, error: Exception) -> SettingsError:
    return SettingsError(f"there is no cluster of Ray at {place} ({error}); check --address")


def _check_cores(workers: int, cores: float) -> None:
    """Raises SettingsError where Ray would wait for cores for ever."""
    if workers + 1 > cores:
        raise SettingsError(
            f"--workers is {workers}, but the cluster has {cores:g} cores, one of which finds out what is to be heard; "
            f"give {max(1, int(cores) - 1)}, or start more machines"
        )


def _gpus_each(device: str, workers: int, gpus: float) -> float:
    """Of the cluster's GPUs, for each worker: one, or a share of one where there are fewer."""
    return 0.0 if device == "cpu" else min(1.0, gpus / workers)


def _told(batch: Sequence[Missing]) -> str:
    return json.dumps([[each.recording, sorted(each.heard)] for each in batch])
