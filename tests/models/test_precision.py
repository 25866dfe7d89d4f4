"""Claims about the number format: the faster one is chosen, by measuring, once for a model on a machine."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from tiny import sounding_clips, tiny_model

from playitback import precision
from playitback.models.listener import Listener
from playitback.precision import LEAST_GAIN, fastest_dtype

CPU = torch.device("cpu")
Measured = Callable[[float], list[int]]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine on which nothing was measured yet, and where small models are measured, too."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(precision, "_measured", {})
    monkeypatch.setattr(precision, "LEAST_PARAMETERS", 0)
    return tmp_path / "playitback" / "number-formats.json"


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> Measured:
    """Sets what is measured from now on; the list that it returns has an entry for every measurement: the batch."""

    def gain(value: float) -> list[int]:
        batches: list[int] = []

        def measure(model: Listener, batch: int, stored: bool) -> float:
            del model, stored
            batches.append(batch)
            return value

        monkeypatch.setattr(precision, "_gain", measure)
        return batches

    return gain


@pytest.mark.parametrize(
    ("gain", "dtype"), [(0.5, torch.float32), (LEAST_GAIN - 0.01, torch.float32), (LEAST_GAIN, torch.bfloat16)]
)
def test_bfloat16_is_chosen_where_it_is_faster_by_enough(measured: Measured, gain: float, dtype: torch.dtype) -> None:
    measured(gain)
    assert fastest_dtype(tiny_model(), CPU) == dtype


def test_a_model_is_measured_once_for_so_many_clips_at_once(measured: Measured) -> None:
    batches = measured(2.0)
    for model in (tiny_model(seed=0), tiny_model(seed=1)):  # which differ in their weights alone
        for batch in (1, 4):
            fastest_dtype(model, CPU, batch)
    assert batches == [1, 4]
    fastest_dtype(tiny_model(playbacks=1), CPU)
    fastest_dtype(tiny_model(), CPU, stored=False)
    assert batches == [1, 4, 1, 1]


def test_the_next_process_remembers_it(measured: Measured, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measured(2.0)
    fastest_dtype(tiny_model(), CPU)
    assert list(json.loads(cache.read_text()).values()) == [2.0]
    monkeypatch.setattr(precision, "_measured", {})
    batches = measured(0.5)
    assert fastest_dtype(tiny_model(), CPU) == torch.bfloat16
    assert not batches


@pytest.mark.parametrize("text", ["", "[]", '{"a": "fast"}', "\ud800".encode("utf-8", "surrogatepass")])
def test_what_cannot_be_read_or_written_is_measured_again(measured: Measured, cache: Path, text: str | bytes) -> None:
    cache.parent.mkdir()
    cache.write_bytes(text if isinstance(text, bytes) else text.encode())
    assert len(measured(2.0)) == 0
    assert fastest_dtype(tiny_model(), CPU) == torch.bfloat16
    assert json.loads(cache.read_text())


def test_a_folder_that_is_a_file_is_in_nobodys_way(measured: Measured, cache: Path) -> None:
    cache.parent.write_text("not a folder")
    batches = measured(2.0)
    for _ in range(2):
        assert fastest_dtype(tiny_model(), CPU) == torch.bfloat16
    assert batches == [1]


def test_measuring_leaves_the_model_as_it_is() -> None:
    model = tiny_model()
    model.train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    clips = sounding_clips(2)
    for stored in (True, False):
        fastest_dtype(model, CPU, 2, stored=stored)
    assert all(gain > 0 for gain in precision._measured.values())
    assert model.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert next(iter(model.eval().listen(clips, 0))).logits[0].dtype == torch.float32


def test_models_too_small_to_tell_stay_in_float32(measured: Measured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "LEAST_PARAMETERS", 1_000_000)
    batches = measured(9.0)
    assert fastest_dtype(tiny_model(), CPU) == torch.float32
    assert not batches
