"""Claims about checkpoints from strangers: whatever they ask for is refused in a sentence, before memory is given."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny import tiny_checkpoint, tiny_model

from playitback.checkpoint import load_checkpoint
from playitback.errors import CheckpointError
from playitback.models import families

MEGABYTES = 300  # that may be taken before a checkpoint is refused


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tiny_checkpoint(tmp_path / "tiny", tiny_model(aimed=True))


def described(folder: Path, *path: str, value: object) -> None:
    """Writes another value into the description of the model."""
    description = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    part: dict[str, Any] = description["model"]
    for name in path[:-1]:
        part = part[name]
    part[path[-1]] = value
    (folder / "config.json").write_text(json.dumps(description), encoding="utf-8")


def refusal(folder: Path) -> str:
    """The sentence with which a folder is refused, which says that it is this one."""
    with pytest.raises(CheckpointError) as refused:
        load_checkpoint(folder)
    text = str(refused.value)
    assert len(text) < 1000
    assert "\n" not in text
    assert text.startswith(str(folder))
    return text


#: entry of a description -> what strangers may write there
STRANGE: list[tuple[tuple[str, ...], object]] = [
    (("front_end", "mels"), 10**9),
    (("front_end", "mels"), "64"),
    (("front_end", "mels"), 64.5),
    (("front_end", "mels"), True),
    (("front_end", "frames"), 10**15),
    (("front_end", "clip_seconds"), 1e9),
    (("front_end", "clip_seconds"), 1e-9),
    (("front_end", "sample_rate"), 10**12),
    (("front_end", "fft_samples"), 2**30),
    (("front_end", "window_samples"), -1),
    (("front_end", "levelled"), 1),
    (("encoder", "depth"), 10**6),
    (("encoder", "width"), 2**16),
    (("encoder", "heads"), 0),
    (("encoder", "key_value_stride"), 0),
    (("encoder", "stages_at"), [0] * 100_000),
    (("encoder", "stem_widths"), [8] * 100_000),
    (("encoder", "stem"), "x" * 1_000_000),
    (("encoder", "dropout"), 2.0),
    (("slots", "slots"), 10**9),
    (("slots", "iterations"), 10**9),
    (("decoder", "latents"), 2**16),
    (("decoder", "self_blocks"), 10**6),
    (("decoder", "head_width"), 2**16),
    (("decoder", "fourier_bands"), 10**9),
    (("activity", "convolutions"), 10**6),
    (("activity", "kernel"), 10**9 + 1),
    (("activity",), 3),
    (("playbacks",), 10**6),
    (("playbacks",), [3]),
    (("temperature",), 0),
    (("temperature",), "warm"),
    (("temperature",), None),
    (("labels",), [[str(number) for number in range(100_000)]]),
    (("labels",), [["a"]] * 100_000),
    (("labels",), ["bell", "rain"]),
    (("labels",), [["bell", "rain", "siren", 4]]),
    (("labels",), [["bell", "rain", "siren", "k" * 1_000_000]]),
    (("labels",), "bell"),
    (("labels",), [["bell", "rain", "siren", " "]]),
    (("labels",), [["bell", "rain", "siren", "\u200b"]]),
    (("labels",), [["bell", "rain", "siren", "\x1b[2J"]]),
    (("labels",), [["bell", "rain", "siren", "knock\n"]]),
    (("labels",), [["bell", "rain", "siren", "\u202eknock"]]),
    (("labels",), [["bell", "rain", "siren", "\ud800"]]),
    (("labels",), [["bell", "rain", "siren", "siren "]]),
    (("labels",), [["bell", "rain", "caf\u00e9", "cafe\u0301"]]),
    (("broader",), [[1], [], [], [7]]),
    (("broader",), [[0], [], [], []]),
    (("broader",), [["rain"], [], [], []]),
    (("broader",), [[1.0], [], [], []]),
    (("broader",), [[[1]], [], [], []]),
    (("broader",), [1, 2, 3, 0]),
    (("broader",), "all"),
    (("broader",), [[1]]),
    (("taught",), {"classes": "bell"}),
    (("taught",), {"classes": ["bell"], "features": 10**9}),
    (("taught",), {"classes": ["bell"], "features": 0}),
    (("multi_label",), "no"),
    (("x" * 1_000_000,), 1),
]


@pytest.mark.parametrize(
    ("path", "value"), STRANGE, ids=[f"{path[-1][:20]}-{n}" for n, (path, _) in enumerate(STRANGE)]
)
def test_strange_descriptions_are_refused(folder: Path, path: tuple[str, ...], value: object) -> None:
    described(folder, *path, value=value)
    refusal(folder)


@pytest.mark.parametrize(
    ("number", "part"),
    [
        ("NaN", "nan is no finite number"),
        ("-Infinity", "no finite number"),
        ("1e999", "1e999 is no finite number"),
        ("7" * 5000, "a number has 5000 digits"),
        ("0." + "3" * 5000, "a number has 5002 digits"),
    ],
)
@pytest.mark.parametrize("where", ['"temperature": ', '"about": {"accuracy": '])
def test_numbers_that_json_does_not_know_or_nobody_needs_are_refused(
    folder: Path, number: str, part: str, where: str
) -> None:
    path = folder / "config.json"
    text = path.read_text(encoding="utf-8").replace('"about": {', '"about": {"accuracy": 1, ')
    before, mark, after = text.partition(where)
    assert mark
    path.write_text(before + mark + number + after[after.index(",") :], encoding="utf-8")
    assert part.lower() in refusal(folder).lower()


@pytest.mark.parametrize("levels", [110, 900, 100_000])
@pytest.mark.parametrize("around", [("[", "]"), ('{"a": ', "}")])
def test_lists_within_lists_within_lists_are_refused(folder: Path, levels: int, around: tuple[str, str]) -> None:
    nested = around[0] * levels + "1" + around[1] * levels
    path = folder / "config.json"
    text = path.read_text(encoding="utf-8").replace('"about": {', f'"about": {{"deep": {nested}, ')
    path.write_text(text, encoding="utf-8")
    assert "config.json" in refusal(folder)


@pytest.mark.parametrize("name", ["config.json", "README.md"])
def test_texts_without_end_are_not_read(folder: Path, name: str) -> None:
    os.truncate(folder / name, 100_000_000)
    assert f"{name} has 100000000 bytes, and more than 4000000 are not read" in refusal(folder)


def test_card_that_is_no_text_is_refused(folder: Path) -> None:
    (folder / "README.md").write_bytes(b"# K\xe4fer\n")
    assert "README.md is no text in UTF-8; save it as that" in refusal(folder)


def test_about_that_tells_nothing_is_refused(folder: Path) -> None:
    description = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps({**description, "about": ["me"]}), encoding="utf-8")
    assert "does not describe a model of ours" in refusal(folder)


def test_a_name_that_stands_twice_is_refused(folder: Path) -> None:
    path = folder / "config.json"
    text = path.read_text(encoding="utf-8")
    for name, twice in (("temperature", '"temperature": 7.0, '), ("format", '"format": 1, ')):
        before, mark, after = text.partition(f'"{name}": ')
        path.write_text(before + twice + mark + after, encoding="utf-8")
        assert f"'{name}' stands twice in one object" in refusal(folder)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "latin-1"])
def test_a_description_in_another_encoding_is_refused(folder: Path, encoding: str) -> None:
    path = folder / "config.json"
    path.write_bytes(path.read_text(encoding="utf-8").replace("bell", "Türglocke").encode(encoding))
    assert "is no text in UTF-8; save it as that" in refusal(folder)


def test_the_mark_that_some_editors_put_before_a_text_is_no_part_of_it(folder: Path) -> None:
    before = load_checkpoint(folder)
    for name in ("config.json", "README.md"):
        (folder / name).write_bytes(b"\xef\xbb\xbf" + (folder / name).read_bytes())
    after = load_checkpoint(folder)
    assert (after.model.config, after.about, after.card) == (before.model.config, before.about, before.card)


def test_each_of_a_list_is_named_where_one_is_of_another_kind(folder: Path) -> None:
    described(folder, "labels", value=[["bell", "rain", "siren", "k" * 100_000]])
    assert "each of labels must be a text of up to 1000 characters, not 'kkk" in refusal(folder)
    described(folder, "labels", value=["bell", "rain"])
    assert "each of labels must be a list, not 'bell'" in refusal(folder)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("name", ["encoder.heads.0.bias", "mel_mean", "decoder.latents"])
def test_weights_that_are_not_finite_are_refused(folder: Path, name: str, value: float) -> None:
    weights = load_file(folder / "model.safetensors")
    weights[name].view(-1)[-1] = value
    save_file(weights, folder / "model.safetensors")
    assert f"model.safetensors has numbers in {name} that are not finite" in refusal(folder)


def test_weights_that_are_finite_only_in_twice_the_precision_are_refused(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    save_file({**weights, "mel_mean": weights["mel_mean"].double() - 1e300}, folder / "model.safetensors")
    assert "in mel_mean that are not finite" in refusal(folder)


def test_large_weights_are_not_taken_for_infinite_ones(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    save_file({**weights, "mel_mean": torch.full_like(weights["mel_mean"], 3e38)}, folder / "model.safetensors")
    assert load_checkpoint(folder).model.mel_mean[0] == torch.tensor(3e38)


@pytest.mark.parametrize(
    "kind", [torch.int64, torch.int8, torch.uint8, torch.bool, torch.float8_e4m3fn, torch.complex64]
)
def test_weights_of_another_kind_of_numbers_are_refused(folder: Path, kind: torch.dtype) -> None:
    weights = load_file(folder / "model.safetensors")
    save_file({**weights, "mel_mean": weights["mel_mean"].to(kind)}, folder / "model.safetensors")
    assert "has another kind of numbers for mel_mean; it does not belong" in refusal(folder)


def test_counts_that_are_no_whole_numbers_are_refused(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    name = next(name for name, tensor in weights.items() if not tensor.is_floating_point())
    save_file({**weights, name: torch.tensor(float("nan"))}, folder / "model.safetensors")
    assert f"has another kind of numbers for {name}" in refusal(folder)


def test_list_of_tensors_without_end_is_not_read(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes((90_000_000).to_bytes(8, "little") + b"{")
    os.truncate(path, 90_000_100)
    assert "not a whole safetensors file (its list of tensors is too long)" in refusal(folder)


def test_scalar_in_place_of_a_head_is_refused(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    save_file({**weights, "encoder.heads.0.weight": torch.tensor(1.0)}, folder / "model.safetensors")
    assert "has another shape for encoder.heads.0.weight" in refusal(folder)


def test_model_is_built_for_real_only_once_its_weights_are_known_to_fit(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[str] = []
    build = families.build

    def watch(config: Any) -> Any:
        model = build(config)
        built.append(model.device.type)
        return model

    monkeypatch.setattr(families, "build", watch)
    loaded = load_checkpoint(folder).model
    assert built == ["meta", "cpu"]
    assert {each.device.type for each in (*loaded.parameters(), *loaded.buffers())} == {"cpu"}
    fresh = build(loaded.config)
    assert torch.equal(loaded.log_mel.window, fresh.log_mel.window)
    assert torch.equal(loaded.log_mel.mel_basis, fresh.log_mel.mel_basis)
    described(folder, "decoder", "latents", value=5)
    built.clear()
    assert "has another shape for decoder.latents" in refusal(folder)
    assert built == ["meta"]


@pytest.mark.parametrize("preset", families.presets())
def test_outline_has_the_names_shapes_and_formats_of_the_model(preset: str) -> None:
    def told(model: torch.nn.Module) -> dict[str, object]:
        return {name: (each.shape, each.dtype) for name, each in model.state_dict().items()}

    config = families.preset(preset, (("a", "b"),), multi_label=True)
    outline = families.outline(config)
    assert {each.device.type for each in (*outline.parameters(), *outline.buffers())} == {"meta"}
    if preset == "small":  # the others take seconds to fill
        assert told(outline) == told(families.build(config))


MEASURE = """
import resource, sys
from pathlib import Path
from playitback.checkpoint import load_checkpoint
from playitback.errors import CheckpointError
folders = [Path(each) for each in sys.argv[1:]]
load_checkpoint(folders.pop(0))
taken = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "linux" else 1024**2)
before = taken()
for folder in folders:
    try:
        load_checkpoint(folder)
    except CheckpointError:
        print(taken() - before)
"""


def test_refusals_take_little_memory(tmp_path: Path, folder: Path) -> None:
    hostile: list[Callable[[Path], None]] = [
        lambda each, path=path, value=value: described(each, *path, value=value)  # type: ignore[misc]
        for path, value in [
            (("front_end", "mels"), 512),
            (("encoder", "width"), 2**16),
            (("encoder", "depth"), 256),
            (("decoder", "self_blocks"), 32),
            (("labels",), [[str(number) for number in range(20_000)]]),
            (("about",), [[] for _ in range(900_000)]),
        ]
    ]
    hostile.append(lambda each: os.truncate(each / "config.json", 100_000_000))
    folders = []
    for number, spoil in enumerate(hostile):
        folders.append(tiny_checkpoint(tmp_path / str(number), tiny_model(aimed=True)))
        spoil(folders[-1])
    command = [sys.executable, "-c", MEASURE, str(folder), *map(str, folders)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    megabytes = [float(line) for line in done.stdout.splitlines()]
    assert len(megabytes) == len(hostile)
    assert max(megabytes) < MEGABYTES


def write_large(folder: Path, latents: int, width: int) -> int:
    """Describes a far larger model, with a file of weights that has its length, is 0 and takes no room on the disk.

    Returns how many bytes that is. The last number of one tensor is none.
    """
    described(folder, "decoder", "latents", value=latents)
    described(folder, "decoder", "width", value=width)
    description = json.loads((folder / "config.json").read_text(encoding="utf-8"))["model"]
    told: dict[str, Any] = {}
    at = 0
    for name, each in families.outline(families.read_config(description)).state_dict().items():
        size = each.numel() * each.element_size()
        kind = "F32" if each.is_floating_point() else "I64"
        told[name] = {"dtype": kind, "shape": list(each.shape), "data_offsets": [at, at + size]}
        at += size
    header = json.dumps(told).encode()
    begin = 8 + len(header)
    with (folder / "model.safetensors").open("wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        file.truncate(begin + at)
        file.seek(begin + told["decoder.latents"]["data_offsets"][1] - 4)
        file.write(torch.tensor([float("nan")]).numpy().tobytes())
    return at


def test_weights_that_are_no_numbers_take_little_memory_before_they_are_found(tmp_path: Path, folder: Path) -> None:
    large = tiny_checkpoint(tmp_path / "large", tiny_model(aimed=True))
    assert write_large(large, latents=65_536, width=1024) > 2 * MEGABYTES * 1_000_000
    command = [sys.executable, "-c", MEASURE, str(folder), str(large)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    (megabytes,) = map(float, done.stdout.splitlines())
    assert megabytes < MEGABYTES


def test_more_weights_than_there_is_memory_are_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sysconf", lambda name: {"SC_PHYS_PAGES": 10, "SC_PAGE_SIZE": 4096}[name])
    assert "model.safetensors holds weights that need 0 GB of memory, and this machine has 0" in refusal(folder)


def test_memory_that_ends_while_a_model_is_made_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def lacking(config: Any) -> Any:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes")

    outline = families.outline(load_checkpoint(folder).model.config)
    monkeypatch.setattr(families, "outline", lambda config: outline)
    monkeypatch.setattr(families, "build", lacking)
    assert "holds more weights than there is room for in the memory; choose a smaller model" in refusal(folder)
