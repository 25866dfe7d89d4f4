"""A published model that is chosen is fetched with its megabytes told, or refused in a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hub_server import Served, point_at, serve_repo
from tiny import tiny_checkpoint

from app.service import Models
from app.tabs import model_menu
from playitback.errors import CheckpointError

REPO = "somebody/bells"


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    with serve_repo(REPO, tiny_checkpoint(tmp_path / "repo")) as server:
        point_at(server.address, tmp_path / "cache", monkeypatch)
        yield server


@pytest.fixture
def models(tmp_path: Path) -> Models:
    return Models([str(tiny_checkpoint(tmp_path / "tiny"))], "cpu", by_hand=True)


def test_its_megabytes_are_told_until_it_is_there(served: Served, models: Models) -> None:
    first, *told = model_menu.fetch(models, REPO)
    size = sum(each.stat().st_size for each in served.folder.iterdir())
    assert f"Getting {REPO} ready" in first
    assert told
    assert all(f"Fetching {REPO}: " in each and f" of {size / 1e6:.1f} MB" in each for each in told)
    assert f'max="{size}" value="{size}"' in told[-1]
    assert models.model(REPO).name == "bells"
    assert len(list(model_menu.fetch(models, REPO))) == 1  # it is in use, and the Hub is not asked again


def test_of_one_that_is_bundled_nothing_is_told(models: Models) -> None:
    assert list(model_menu.fetch(models, "tiny")) == []


def test_where_it_cannot_be_had_there_is_one_sentence(
    models: Models, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    point_at("http://127.0.0.1:9", tmp_path / "cache", monkeypatch)
    with pytest.raises(CheckpointError, match=f"'{REPO}' is not a folder here and could not be fetched from Hugging"):
        list(model_menu.fetch(models, REPO))


def test_what_is_not_offered_is_not_fetched(tmp_path: Path, served: Served) -> None:
    models = Models([str(tiny_checkpoint(tmp_path / "tiny"))], "cpu")
    with pytest.raises(CheckpointError, match="there is no model"):
        list(model_menu.fetch(models, REPO))
    assert served.fetched == []
