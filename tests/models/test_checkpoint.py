"""Claims about checkpoints: what is saved comes back, and whatever is no checkpoint of ours is refused with reason."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub.errors import LocalEntryNotFoundError
from safetensors.torch import load_file, save_file
from tiny import LABELS, STEMS, sounding_clips, tiny_checkpoint, tiny_model
from torch import Tensor
from toy import add_toy, toy_model

from playitback import checkpoint
from playitback.checkpoint import available_checkpoints, find_checkpoint, load_checkpoint, save_checkpoint
from playitback.errors import CheckpointError
from playitback.models.listener import Listener


@pytest.fixture(autouse=True)
def bundled(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of bundled checkpoints with two names; and nothing is fetched from anywhere."""
    folder = tmp_path_factory.mktemp("checkpoints")
    for name in ("thunder-small", "birds-large"):
        (folder / name).mkdir()
        (folder / name / "config.json").write_text("{}", encoding="utf-8")

    def refuse(*_: object, **__: object) -> str:
        raise AssertionError("a test asked for the network")

    monkeypatch.setattr(checkpoint, "BUNDLED", folder)
    monkeypatch.setattr(checkpoint, "snapshot_download", refuse)
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tiny_checkpoint(tmp_path / "tiny")


@torch.inference_mode()
def predictions(model: Listener) -> Tensor:
    """(hearings, B, classes)"""
    return torch.stack([heard.logits[0].softmax(dim=1) for heard in model.listen(sounding_clips(3))])


def rewrite(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    description = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    change(description)
    (folder / "config.json").write_text(json.dumps(description), encoding="utf-8")


@pytest.mark.parametrize("fusion", [False, True])
@pytest.mark.parametrize("stem", STEMS)
def test_saved_model_comes_back_the_same(tmp_path: Path, stem: str, fusion: bool) -> None:
    model = tiny_model(stem, fusion=fusion)
    loaded = load_checkpoint(tiny_checkpoint(tmp_path / "one", model))
    assert loaded.model.config == model.config
    assert not loaded.model.training
    assert torch.equal(predictions(loaded.model), predictions(model))


def test_model_of_any_family_comes_back_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_toy(monkeypatch)
    model = toy_model()
    folder = tiny_checkpoint(tmp_path / "toy", model)
    description = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    assert (description["format"], description["model"]["family"]) == (2, "toy")
    loaded = load_checkpoint(folder)
    assert type(loaded.model) is type(model)
    assert loaded.model.config == model.config
    assert torch.equal(predictions(loaded.model), predictions(model))


def test_family_that_is_not_here_is_refused_and_those_that_are_here_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tiny_checkpoint(tmp_path / "toy", toy_model())
    with pytest.raises(CheckpointError, match="there is no model family 'toy' here; there are: replay"):
        load_checkpoint(folder)
    add_toy(monkeypatch)
    assert load_checkpoint(folder).model.config.family == "toy"


@pytest.mark.parametrize("family", [None, 3, ["replay"], {}])
def test_family_that_is_no_name_is_refused(folder: Path, family: object) -> None:
    rewrite(folder, lambda description: description["model"].update(family=family))
    with pytest.raises(CheckpointError, match="there is no model family"):
        load_checkpoint(folder)


def test_description_without_a_family_is_refused(folder: Path) -> None:
    rewrite(folder, lambda description: description["model"].pop("family"))
    with pytest.raises(CheckpointError, match="there is no model family None here"):
        load_checkpoint(folder)


@pytest.mark.parametrize("fusion", [False, True])
def test_checkpoint_of_format_1_is_still_read(tmp_path: Path, fusion: bool) -> None:
    """As it was written before there were families, when the decoder's hearings were called passes."""
    model = tiny_model(fusion=fusion)
    folder = tiny_checkpoint(tmp_path / "before", model)
    rewrite(folder, lambda description: (description.update(format=1), description["model"].pop("family")))
    weights = load_file(folder / "model.safetensors")
    renamed = {name.replace("decoder.hearings.", "decoder.passes."): tensor for name, tensor in weights.items()}
    assert renamed.keys() != weights.keys()
    save_file(renamed, folder / "model.safetensors")
    loaded = load_checkpoint(folder)
    assert loaded.model.config == model.config
    assert torch.equal(predictions(loaded.model), predictions(model))
    # written anew it is of today's format
    again = tiny_checkpoint(tmp_path / "now", loaded.model)
    assert json.loads((again / "config.json").read_text(encoding="utf-8"))["format"] == 2
    assert torch.equal(predictions(load_checkpoint(again).model), predictions(model))


def test_weights_of_format_1_belong_to_a_description_of_format_1(folder: Path) -> None:
    path = folder / "model.safetensors"
    weights = load_file(path)
    save_file({name.replace("decoder.hearings.", "decoder.passes."): each for name, each in weights.items()}, path)
    with pytest.raises(CheckpointError, match=r"lacks decoder\.hearings\.\S+ and \d+ more; it does not belong"):
        load_checkpoint(folder)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_weights_of_half_the_size_predict_nearly_the_same(tmp_path: Path, dtype: torch.dtype) -> None:
    model = tiny_model()
    loaded = load_checkpoint(tiny_checkpoint(tmp_path / "half", model, dtype))
    full = tiny_checkpoint(tmp_path / "full", model)
    sizes = [(folder / "model.safetensors").stat().st_size for folder in (tmp_path / "half", full)]
    assert sizes[0] < 0.7 * sizes[1]
    assert {parameter.dtype for parameter in loaded.model.parameters()} == {torch.float32}
    # the first hearing's, as later ones hang on which columns lie above the threshold
    tolerance = 1e-3 if dtype == torch.float16 else 1e-2
    torch.testing.assert_close(predictions(loaded.model)[0], predictions(model)[0], rtol=0, atol=tolerance)


def test_checkpoint_says_what_it_is(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "käfer", tiny_model(), about={"licence": "CC0-1.0 ©"}, card="# Käfer\n")
    loaded = load_checkpoint(tmp_path / "käfer")
    assert loaded.name == "käfer"
    assert loaded.about == {"licence": "CC0-1.0 ©"}
    assert loaded.card == "# Käfer\n"
    assert loaded.model.config.labels == (LABELS,)


def test_normalisation_travels_with_the_weights(tmp_path: Path) -> None:
    model = tiny_model()
    model.mel_mean.copy_(torch.arange(32.0))
    assert torch.equal(load_checkpoint(tiny_checkpoint(tmp_path / "one", model)).model.mel_mean, torch.arange(32.0))


def test_checkpoint_without_a_card_is_loaded(folder: Path) -> None:
    (folder / "README.md").unlink()
    assert load_checkpoint(folder).card == ""


def test_bundled_checkpoint_is_found_by_its_name(bundled: Path) -> None:
    tiny_checkpoint(bundled / "tiny")
    assert available_checkpoints() == ("birds-large", "thunder-small", "tiny")
    assert find_checkpoint("tiny") == bundled / "tiny"
    assert load_checkpoint("tiny").name == "tiny"


def test_folder_is_named_however_it_is_reached(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert load_checkpoint(".").name == "tiny"


@pytest.mark.parametrize("source", ["nowhere", "/nowhere/at/all", "./nowhere", "../nowhere"])
def test_missing_checkpoint_lists_those_there_are(source: str) -> None:
    with pytest.raises(CheckpointError, match=r"no checkpoint .*nowhere.*there are: birds-large, thunder-small"):
        load_checkpoint(source)


def test_missing_checkpoint_says_if_there_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "BUNDLED", tmp_path / "none")
    with pytest.raises(CheckpointError, match="none is bundled; train one with"):
        load_checkpoint("nowhere")


def test_folder_that_is_no_checkpoint_lists_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"no config.json and no model.safetensors.*there are: birds-large"):
        load_checkpoint(tmp_path)


def test_folder_without_weights_says_so(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"has no model\.safetensors, so it is not a checkpoint"):
        load_checkpoint(folder)


class Explosive:
    """Runs code when it is unpickled."""

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
        return (pytest.fail, ("a pickle was opened",))


@pytest.mark.parametrize("name", ["model.pt", "model.pth", "MODEL.CKPT", "weights.pkl", "pytorch_model.bin"])
def test_pickle_is_refused_unopened(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(pickle.dumps(Explosive()))
    with pytest.raises(CheckpointError, match=r"is a pickled file, which can run code .*convert it"):
        load_checkpoint(path)


def test_folder_with_pickled_weights_is_refused_unopened(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Explosive()))
    with pytest.raises(CheckpointError, match=r"pickled weights \(pytorch_model\.bin\).*convert them"):
        load_checkpoint(folder)


def test_pickle_that_is_called_safetensors_is_refused_unopened(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(pickle.dumps(Explosive()))
    with pytest.raises(CheckpointError, match="not a whole safetensors file"):
        load_checkpoint(folder)


def test_file_is_refused_where_a_folder_is_needed(folder: Path) -> None:
    with pytest.raises(CheckpointError, match=r"model\.safetensors is a file; give the folder"):
        load_checkpoint(folder / "model.safetensors")


@pytest.mark.parametrize("labels", [[*LABELS, "thunder"], LABELS[:-1]])
def test_labels_that_do_not_fit_the_head_are_refused(folder: Path, labels: list[str]) -> None:
    rewrite(folder, lambda description: description["model"].update(labels=[labels]))
    with pytest.raises(CheckpointError, match=f"names {len(labels)} classes, but the weights' head has 4"):
        load_checkpoint(folder)


@pytest.mark.parametrize("kept", [0.0, 0.001, 0.5, 0.99])
def test_cut_off_weights_are_refused(folder: Path, kept: float) -> None:
    path = folder / "model.safetensors"
    whole = path.read_bytes()
    path.write_bytes(whole[: int(kept * len(whole))])
    with pytest.raises(CheckpointError, match=r"not a whole safetensors file.*fetch or save it again"):
        load_checkpoint(folder)


def test_weights_of_another_architecture_are_refused(folder: Path) -> None:
    path = folder / "model.safetensors"
    weights = load_file(path)
    save_file({**weights, "encoder.extra": torch.zeros(1)}, path)
    with pytest.raises(CheckpointError, match=r"has the unknown encoder\.extra;"):
        load_checkpoint(folder)
    save_file({name: tensor for name, tensor in weights.items() if not name.startswith("slots.")}, path)
    with pytest.raises(CheckpointError, match=r"lacks slots\.\S+ and \d+ more"):
        load_checkpoint(folder)
    save_file({**weights, "decoder.latents": torch.zeros(5, 16)}, path)
    with pytest.raises(CheckpointError, match=r"another shape for decoder\.latents;"):
        load_checkpoint(folder)


@pytest.mark.parametrize("text", ["", "{", "\x00", '{"format": 1,}'])
def test_description_that_is_no_json_is_refused(folder: Path, text: str) -> None:
    (folder / "config.json").write_text(text, encoding="utf-8")
    with pytest.raises(CheckpointError, match=r"config\.json is not JSON .*restore the file"):
        load_checkpoint(folder)


def test_description_that_is_no_text_is_refused(folder: Path) -> None:
    (folder / "config.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CheckpointError, match="is no text in UTF-8; save it as that"):
        load_checkpoint(folder)


@pytest.mark.parametrize("text", ["[]", "3", "{}", '{"format": 1, "model": []}', '{"architectures": ["Whisper"]}'])
def test_description_of_something_else_is_refused(folder: Path, text: str) -> None:
    (folder / "config.json").write_text(text, encoding="utf-8")
    with pytest.raises(CheckpointError, match="does not describe a model of ours"):
        load_checkpoint(folder)


@pytest.mark.parametrize("number", [0, 3, None, "1"])
def test_other_format_is_refused(folder: Path, number: object) -> None:
    rewrite(folder, lambda description: description.update(format=number))
    with pytest.raises(CheckpointError, match=r"is of format .*this version reads 1 to 2; update"):
        load_checkpoint(folder)


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("playbacks", -1),
        ("playbacks", "three"),
        ("playbacks", None),
        ("labels", []),
        ("labels", [["bell", "bell"]]),
        ("labels", 5),
        ("encoder", None),
        ("encoder", {"width": 8, "wings": 2}),
        ("encoder", {"width": 8, "heads": 0}),
        ("encoder", {"width": -8}),
        ("encoder", {"depth": 1.5, "stages_at": []}),
        ("front_end", {"frames": 0}),
        ("front_end", []),
        ("slots", {"slots": 1}),
        ("decoder", None),
    ],
)
def test_invalid_model_description_is_refused(folder: Path, part: str, value: object) -> None:
    rewrite(folder, lambda description: description["model"].update({part: value}))
    with pytest.raises(CheckpointError, match=r"no valid model|not one of ours"):
        load_checkpoint(folder)


def test_incomplete_model_description_is_refused(folder: Path) -> None:
    rewrite(folder, lambda description: description["model"].pop("slots"))
    with pytest.raises(CheckpointError, match="not one of ours"):
        load_checkpoint(folder)


def test_repo_id_is_fetched_from_hugging_face(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, list[str]]] = []

    def download(repo_id: str, *, allow_patterns: list[str]) -> str:
        asked.append((repo_id, allow_patterns))
        return str(folder)

    monkeypatch.setattr(checkpoint, "snapshot_download", download)
    loaded = load_checkpoint("somebody/bells")
    described = ["config.json", "README.md", "preprocessor_config.json", "processor_config.json"]
    weights = ["model.safetensors", "model.safetensors.index.json", "model-*-of-*.safetensors"]
    assert asked == [("somebody/bells", [*weights, *described])]
    assert loaded.name == "bells"  # and not what the cache calls its folder
    assert torch.equal(predictions(loaded.model), predictions(load_checkpoint(folder).model))


@pytest.mark.parametrize("error", [LocalEntryNotFoundError("not cached"), OSError("no route to host")])
def test_repo_id_that_cannot_be_fetched_says_so(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> str:
        raise error

    monkeypatch.setattr(checkpoint, "snapshot_download", fail)
    with pytest.raises(
        CheckpointError, match=r"'somebody/bells' is not a folder here and could not be fetched.*there are"
    ):
        load_checkpoint("somebody/bells")


def test_repo_without_our_files_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "snapshot_download", lambda *_, **__: str(tmp_path))
    with pytest.raises(CheckpointError, match=r"no config\.json and no model\.safetensors"):
        load_checkpoint("somebody/bells")
