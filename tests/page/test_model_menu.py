"""The menu of models: what stands in it, what may be named by hand, and by whom."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny import LABELS, tiny_checkpoint, tiny_model
from toy import add_toy, toy_model

from app import server, text
from app.service import ModelChoice, Models, offered_checkpoints
from app.tabs import model_menu
from playitback import checkpoint
from playitback.errors import CheckpointError
from playitback.models import families

PUBLISHED = "someone/tagger"


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    add_toy(monkeypatch)
    replaying = tiny_checkpoint(tmp_path / "tiny", tiny_model(playbacks=2))
    return [str(replaying), str(tiny_checkpoint(tmp_path / "toy", toy_model()))]


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(families, "PUBLISHED", {PUBLISHED: "a tagger, fetched: 3 MB"})
    monkeypatch.setattr(families, "find_spec", lambda name: name == "transformers")


def test_every_model_stands_there_with_its_family_and_a_line(folders: list[str]) -> None:
    models = Models(folders, "cpu")
    family = families.FAMILIES["replay"].title
    assert models.choices() == (
        ModelChoice("tiny", family, len(LABELS), 2),
        ModelChoice("toy", "toy", len(LABELS), 0),
    )
    assert model_menu.build(models, "Model", "model").choices == [
        ("tiny · replay attention, 4 classes, hears up to 3 times", "tiny"),
        ("toy · toy, 4 classes, hears once", "toy"),
    ]


@pytest.mark.usefixtures("published")
def test_a_published_model_is_offered_last_and_not_fetched_before_it_is_chosen(
    folders: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetch(source: object) -> Path:
        raise AssertionError(f"{source} was fetched")

    assert offered_checkpoints(folders[0])[-1] == PUBLISHED
    models = Models([*folders, PUBLISHED], "cpu")
    monkeypatch.setattr(checkpoint, "_download", fetch)
    assert text.model_choice(models.choices()[-1]) == f"{PUBLISHED} · a tagger, fetched: 3 MB"
    assert [each["name"] for each in models.describe()] == ["tiny", "toy"]
    assert models.is_bundled("tiny")
    assert not models.is_bundled(PUBLISHED)
    with pytest.raises(AssertionError, match="was fetched"):
        models.model(PUBLISHED)


def test_without_transformers_none_of_its_models_is_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(families, "find_spec", lambda name: None)
    assert not any("/" in name for name in offered_checkpoints())


def test_only_where_it_is_allowed_a_model_is_named_by_hand(folders: list[str]) -> None:
    tiny, toy = folders
    with pytest.raises(CheckpointError, match="there is no model"):
        Models([tiny], "cpu").model(toy)
    allowed = Models([tiny], "cpu", by_hand=True)
    assert allowed.model(toy).name == "toy"
    assert model_menu.build(allowed, "Model", "model").allow_custom_value
    assert not model_menu.build(Models([tiny], "cpu"), "Model", "model").allow_custom_value
    with pytest.raises(CheckpointError, match="there is no checkpoint"):
        allowed.model("nowhere")


@pytest.mark.parametrize(
    ("host", "environment", "own"),
    [
        (None, {}, True),
        ("127.0.0.1", {}, True),
        ("localhost", {}, True),
        ("::1", {}, True),
        ("0.0.0.0", {}, False),
        ("192.168.1.5", {}, False),
        ("my-machine", {}, False),
        (None, {"GRADIO_SERVER_NAME": "0.0.0.0"}, False),
        (None, {"SPACE_ID": "someone/space"}, False),
    ],
)
def test_a_page_for_this_machine_alone_is_known_by_its_address(
    host: str | None, environment: dict[str, str], own: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GRADIO_SERVER_NAME", "SPACE_ID"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert server.serves_itself(host) is own
