"""Claims about workers of a cluster, without one: what they are given and tell, and what is refused before."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from corpora import order_of, windows
from tiny import RATE, noise, tiny_checkpoint

from playitback import audio
from playitback.corpus import cluster
from playitback.corpus.dataset import Dataset, Heard
from playitback.corpus.hearing import Order
from playitback.corpus.units import Missing
from playitback.errors import SettingsError


@pytest.fixture
def order(tmp_path: Path) -> Order:
    audio.write_wav(tmp_path / "a.wav", noise(4.0), RATE)
    return order_of(tiny_checkpoint(tmp_path / "tiny"), tmp_path / "out")


def planned(order: Order, *recordings: Path) -> list[dict[str, str]]:
    """What a task makes of a batch, a row a part."""
    told = cluster._told([Missing(str(each)) for each in recordings])
    found = cluster._Planner(order)({"batch": [told]})
    return [{"part": part, "refusal": refusal} for part, refusal in zip(found["part"], found["refusal"], strict=True)]


def test_what_a_worker_heard_is_taken_in_elsewhere(order: Order, tmp_path: Path) -> None:
    with Dataset.owned(order.out, order.settings) as dataset:
        (row,) = planned(order, tmp_path / "a.wav", tmp_path / "nowhere.wav")
        answer = cluster._Actor(order)(row)
        assert answer["refusal"] == ""
        assert windows(order.out) == []  # until the process that owns the folder takes it in
        dataset.add(Heard.from_json(answer["heard"]))
        assert windows(order.out) == [("a.wav", 0), ("a.wav", 1)]
        assert dataset.failures([str(tmp_path / "nowhere.wav")])


def test_another_checkpoint_of_that_name_on_a_worker_is_refused(order: Order, tmp_path: Path) -> None:
    other = dataclasses.replace(order, settings={**order.settings, "digest": "0" * 64})
    answer = cluster._Actor(other)(planned(order, tmp_path / "a.wav")[0])
    assert "is another checkpoint on" in answer["refusal"]
    assert answer["heard"] == ""


def test_a_worker_that_cannot_write_says_so(order: Order, tmp_path: Path) -> None:
    order.out.write_text("a file", encoding="utf-8")
    answer = cluster._Actor(order)(planned(order, tmp_path / "a.wav")[0])
    assert "cannot be written (Not a directory); make room there or choose another --out" in answer["refusal"]


def test_a_task_that_has_no_room_says_so_by_way_of_a_worker(
    order: Order, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(_: str) -> None:
        raise SettingsError("there is no room")

    monkeypatch.setattr(audio, "probe", no_room)
    (row,) = planned(order, tmp_path / "a.wav")
    assert cluster._Actor(order)(row) == {"heard": "", "refusal": "there is no room"}


@pytest.mark.parametrize(
    ("device", "workers", "gpus", "each"), [("auto", 4, 8, 1), ("auto", 4, 2, 0.5), ("auto", 2, 0, 0), ("cpu", 2, 2, 0)]
)
def test_gpus_are_shared_where_there_are_fewer_than_workers(device: str, workers: int, gpus: int, each: float) -> None:
    assert cluster._gpus_each(device, workers, gpus) == each


def test_more_workers_than_the_cluster_has_cores_for_are_refused() -> None:
    cluster._check_cores(7, 8.0)
    with pytest.raises(SettingsError, match=r"--workers is 8, but the cluster has 8 cores, .*; give 7, or start more"):
        cluster._check_cores(8, 8.0)
