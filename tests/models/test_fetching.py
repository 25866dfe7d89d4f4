"""A repo of Hugging Face is fetched once with its bytes told: by huggingface_hub, from a server on this machine."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import huggingface_hub
import pytest
import transformers
from hub_folders import write_hub_folder
from hub_server import Served, point_at, serve_repo
from tiny import tiny_checkpoint

from playitback import checkpoint
from playitback.checkpoint import fetch_checkpoint, load_checkpoint
from playitback.errors import CheckpointError
from playitback.progress import Progress, finish

REPO = "somebody/bells"
NOBODY = "http://127.0.0.1:9"  # where nothing answers


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    with serve_repo(REPO, tiny_checkpoint(tmp_path / "repo")) as server:
        point_at(server.address, tmp_path / "cache", monkeypatch)
        yield server


def size(folder: Path) -> int:
    return sum(each.stat().st_size for each in folder.iterdir())


def test_bytes_are_told_as_they_come_and_the_rest_when_it_is_there(served: Served) -> None:
    served.gate.clear()  # the weights stop halfway
    steps = fetch_checkpoint(REPO)
    first = next(steps)
    while not first.done:
        first = next(steps)
    assert first.total == size(served.folder)
    assert 0 < first.done < first.total
    served.gate.set()
    *_, last = steps
    assert last == Progress(first.total, first.total)
    assert sorted(served.fetched) == ["README.md", "config.json", "model.safetensors"]
    assert load_checkpoint(REPO).name == "bells"
    assert len(served.fetched) == 3  # from the cache


def test_what_is_cached_is_opened_without_a_network(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    finish(fetch_checkpoint(REPO))
    assert list(fetch_checkpoint(REPO)) == []
    point_at(NOBODY, Path(huggingface_hub.constants.HF_HUB_CACHE), monkeypatch)
    assert list(fetch_checkpoint(REPO)) == []
    assert load_checkpoint(REPO).name == "bells"


def test_without_a_network_there_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    point_at(NOBODY, tmp_path, monkeypatch)
    monkeypatch.setattr(checkpoint, "BUNDLED", tmp_path / "nowhere")
    for ask in (lambda: finish(fetch_checkpoint(REPO)), lambda: load_checkpoint(REPO)):
        with pytest.raises(CheckpointError) as refused:
            ask()
        assert str(refused.value) == (
            "'somebody/bells' is not a folder here and could not be fetched from Hugging Face "
            "(LocalEntryNotFoundError); none is bundled; train one with python -m playitback train"
        )


def test_a_repo_that_is_not_there_is_one_sentence(served: Served) -> None:
    with pytest.raises(CheckpointError, match=r"'somebody/else' is not a folder here and could not be fetched"):
        finish(fetch_checkpoint("somebody/else"))


def test_a_server_that_hangs_up_is_one_sentence(served: Served) -> None:
    served.hangs_up = True
    for ask in (lambda: finish(fetch_checkpoint(REPO)), lambda: load_checkpoint(REPO)):
        with pytest.raises(CheckpointError, match=r"'somebody/bells' is not a folder here and could not be fetched"):
            ask()
    served.hangs_up = False
    assert load_checkpoint(REPO).name == "bells"


def test_whoever_stops_listening_ends_the_fetch_and_the_next_one_completes_it(served: Served) -> None:
    served.gate.clear()
    steps = fetch_checkpoint(REPO)
    next(steps)
    steps.close()
    served.gate.set()
    finish(fetch_checkpoint(REPO))
    assert load_checkpoint(REPO).name == "bells"


def test_of_what_is_here_nothing_is_fetched(tmp_path: Path) -> None:
    assert list(fetch_checkpoint(tiny_checkpoint(tmp_path / "tiny"))) == []
    assert list(fetch_checkpoint("esc50-small")) == []


def test_weights_in_several_files_are_fetched_with_their_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = write_hub_folder(tmp_path / "whole", "ast")
    parts = tmp_path / "parts"
    shutil.copytree(whole, parts)
    (parts / "model.safetensors").unlink()
    network = transformers.AutoModelForAudioClassification.from_pretrained(whole)
    network.save_pretrained(parts, max_shard_size="10KB")
    (parts / "other.txt").write_text("of no use", encoding="utf-8")
    with serve_repo(REPO, parts) as server:
        point_at(server.address, tmp_path / "cache", monkeypatch)
        steps = list(fetch_checkpoint(REPO))
        assert steps[-1].done == steps[-1].total == size(parts) - len("of no use")
        assert "other.txt" not in server.fetched
        assert sum(name.startswith("model-") for name in server.fetched) > 1
        loaded = load_checkpoint(REPO)
    for name, weights in load_checkpoint(whole).model.state_dict().items():
        assert (loaded.model.state_dict()[name] == weights).all(), name
