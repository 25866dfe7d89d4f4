"""How fast the models listen on this machine, next to how fast the machine multiplies matrices.

For every preset, number format and batch size, and for every checkpoint in the format that it hears in: the time until
the first hearing is there, the time for all hearings, and the floating-point operations that PyTorch counts on the way
(matrix products, convolutions and attention; a multiply-add is two). Operations over time is the model's rate; the
machine's own rate is that of a product of two large square matrices in the same format. The ratio says how much of the
machine is used.

    random weights + noise (batch, samples) -> Listener.listen -> seconds, operations -> BenchRow -> table, JSON
"""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode, sdpa_flop_count

from playitback.config import ModelConfig
from playitback.cores import on_cores
from playitback.devices import find_device
from playitback.errors import SettingsError
from playitback.models import families
from playitback.models.listener import Listener
from playitback.precision import hearing_in, noise, processor
from playitback.recognizer import Recognizer

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
BATCHES = (1, 4)

#: classes of the benchmarked models: as many as VGG-Sound has, like the sizes and operations that the paper gives
_LABELS = (tuple(f"class {index}" for index in range(309)),)
_MOST_CLIPS = 4096  # of a batch
_LEAST_RUNS = 3  # of a model, after one that does not count
_LEAST_SECONDS = 1.0  # spent on those runs
_MATRIX_SIZE = 2048
_MATRIX_SECONDS = 0.2  # a timed series of products takes at least this long
_MATRIX_SERIES = 3  # the fastest counts


@dataclass(frozen=True)
class BenchRow:
    """A model in one number format at one batch size. Operations and seconds are those of the whole batch."""

    preset: str  # its name, or that of the checkpoint
    dtype: str
    batch: int  # clips heard at once
    hearings: int
    parameters: int
    first_hearing_seconds: float  # median
    all_hearings_seconds: float  # median
    first_hearing_operations: int
    all_hearings_operations: int
    matrix_operations_per_second: float  # of this machine in this number format

    @property
    def multiply_adds(self) -> int:
        """Of the whole run, two operations each; of a model that is asked for every second alone, of all that."""
        return self.all_hearings_operations // 2

    @property
    def operations_per_second(self) -> float:
        """Rate of the whole run."""
        return self.all_hearings_operations / self.all_hearings_seconds

    @property
    def share_of_matrix_rate(self) -> float:
        """Rate of the whole run, as a share of the machine's matrix rate."""
        return self.operations_per_second / self.matrix_operations_per_second

    def to_dict(self) -> dict[str, Any]:
        """All fields, multiply-adds and both rates, ready for JSON."""
        return {
            **dataclasses.asdict(self),
            "multiply_adds": self.multiply_adds,
            "operations_per_second": self.operations_per_second,
            "share_of_matrix_rate": self.share_of_matrix_rate,
        }


def run(
    presets: Sequence[str] | None = None,
    dtypes: Sequence[str] = tuple(DTYPES),
    batches: Sequence[int] = BATCHES,
    device: str = "auto",
    threads: int | None = None,
    report: Callable[[BenchRow], None] | None = None,
) -> list[BenchRow]:
    """Times every combination, preset by preset.

    device: "auto" is a GPU where there is one; threads: of the CPU (default: PyTorch's own choice); report: is given
    every row as soon as it is there. Raises SettingsError for a preset, a number format or a device that does not
    exist, and for a batch size or a number of threads below 1.
    """
    configs = {name: families.preset(name, _LABELS) for name in presets or families.presets()}
    for dtype in dtypes:
        if dtype not in DTYPES:
            raise SettingsError(f"there is no number format {dtype!r}; choose from {', '.join(DTYPES)}")
    _check(batches, threads)
    place = find_device(device)
    rows: list[BenchRow] = []
    with on_cores(threads or torch.get_num_threads()):
        matrix_rates = {dtype: matrix_operations_per_second(place, dtype) for dtype in dtypes}
        for name, config in configs.items():
            for dtype in dtypes:
                model = _untrained(config, dtype, place)
                for batch in batches:
                    row = _row(name, model, dtype, batch, matrix_rates[dtype])
                    rows.append(row)
                    if report is not None:
                        report(row)
    return rows


def run_checkpoint(
    recognizer: Recognizer, batches: Sequence[int] = BATCHES, threads: int | None = None
) -> Iterator[BenchRow]:
    """Times a trained model in the number format that it hears in, batch size by batch size.

    Raises SettingsError for a batch size or a number of threads below 1.
    """
    _check(batches, threads)
    dtype = str(recognizer.dtype).removeprefix("torch.")
    # what counts operations stumbles over weights that want a gradient
    model = recognizer.model.in_format(recognizer.dtype).requires_grad_(False)
    with on_cores(threads or torch.get_num_threads()):
        matrix_rate = matrix_operations_per_second(model.device, dtype)
        for batch in batches:
            yield _row(recognizer.name, model, dtype, batch, matrix_rate)


def count_operations(model: Listener, waveforms: Tensor, dtype: str) -> list[int]:
    """Floating-point operations until the end of every hearing, from the start, for clips (B, clip_samples).

    The Fourier transforms of the log-mel spectrogram, normalisations and activations are not counted; together they
    are below a hundredth of the rest.
    """
    counts = []
    with (
        hearing_in(DTYPES[dtype], waveforms.device),
        FlopCounterMode(display=False, custom_mapping=_CPU_ATTENTION) as counter,
    ):
        for _ in model.listen(waveforms):
            counts.append(counter.get_total_flops())
    return counts


def time_hearings(model: Listener, waveforms: Tensor, dtype: str) -> list[float]:
    """Seconds until the end of every hearing, from the start, for clips (B, clip_samples)."""
    seconds = []
    with hearing_in(DTYPES[dtype], waveforms.device):
        _wait(waveforms.device)
        start = time.perf_counter()
        for _ in model.listen(waveforms):
            _wait(waveforms.device)
            seconds.append(time.perf_counter() - start)
    return seconds


def matrix_operations_per_second(device: torch.device, dtype: str) -> float:
    """The machine's rate: products of two square matrices of ``_MATRIX_SIZE``, the best of a few series."""
    generator = torch.Generator().manual_seed(0)
    left, right = torch.randn(2, _MATRIX_SIZE, _MATRIX_SIZE, generator=generator).to(device, DTYPES[dtype])
    products, best, series = 1, 0.0, 0
    while series < _MATRIX_SERIES:
        _wait(device)
        start = time.perf_counter()
        for _ in range(products):
            left @ right
        _wait(device)
        seconds = time.perf_counter() - start
        if seconds < _MATRIX_SECONDS:  # too short to be timed well
            products *= 2
            continue
        best = max(best, products * 2 * _MATRIX_SIZE**3 / seconds)
        series += 1
    return best


def machine(device: str = "auto", threads: int | None = None) -> dict[str, Any]:
    """What the figures were measured on, ready for JSON."""
    place = find_device(device)
    return {
        "device": torch.cuda.get_device_name(place) if place.type == "cuda" else processor(),
        "threads": torch.get_num_threads() if threads is None else threads,
        "torch": torch.__version__,
    }


def against(seconds: float, before: float | None) -> str:
    """The last column of a table: the ratio to what it was, where that is known."""
    return " " * 9 if before is None else f"{seconds / before:9.2f}"


def key(row: BenchRow) -> str:
    """Names a row in a saved run."""
    return f"{row.preset}, {row.dtype}, {row.batch}"


def table(rows: Sequence[BenchRow], before: Mapping[str, float]) -> str:
    """The rows as aligned text: milliseconds, and 10^9 operations (per second).

    before: seconds for all hearings of ``key`` of some of them, to be set beside.
    """
    lines = [
        f"{'model':16}{'dtype':10}{'batch':>5}{'params':>9}{'mult-adds':>11}{'first hearing':>14}{'all hearings':>14}"
        f"{'operations':>12}{'rate':>10}{'machine':>10}{'share':>8}{'against':>9}",
        f"{'':31}{'10^6':>9}{'10^9':>11}{'ms':>14}{'ms':>14}{'10^9':>12}{'10^9/s':>10}{'10^9/s':>10}{'%':>8}{'':9}",
    ]
    for row in rows:
        ratio = against(row.all_hearings_seconds, before.get(key(row)))
        lines.append(
            f"{row.preset:16}{row.dtype:10}{row.batch:5}{row.parameters / 1e6:9.1f}{row.multiply_adds / 1e9:11.3f}"
            f"{row.first_hearing_seconds * 1e3:14.1f}{row.all_hearings_seconds * 1e3:14.1f}"
            f"{row.all_hearings_operations / 1e9:12.2f}"
            f"{row.operations_per_second / 1e9:10.1f}{row.matrix_operations_per_second / 1e9:10.1f}"
            f"{row.share_of_matrix_rate * 100:8.1f}{ratio}"
        )
    return "\n".join(lines)


def _check(batches: Sequence[int], threads: int | None) -> None:
    for batch in batches:
        if batch < 1:
            raise SettingsError(f"a batch must hold 1 clip or more, got {batch}; give a larger one")
        if batch > _MOST_CLIPS:
            raise SettingsError(f"a batch must hold {_MOST_CLIPS} clips or fewer, got {batch}; give a smaller one")
    if threads is not None and threads < 1:
        raise SettingsError(f"threads must be 1 or more, got {threads}; give more")


def _row(name: str, model: Listener, dtype: str, batch: int, matrix_rate: float) -> BenchRow:
    waveforms = noise(model.config, batch).to(model.device)
    operations = count_operations(model, waveforms, dtype)  # which is also the run that does not count
    runs: list[list[float]] = []
    while len(runs) < _LEAST_RUNS or sum(seconds[-1] for seconds in runs) < _LEAST_SECONDS:
        # other clips every time: a model may remember what it heard of those before
        runs.append(time_hearings(model, waveforms.roll(len(runs) + 1, dims=1), dtype))
    return BenchRow(
        preset=name,
        dtype=dtype,
        batch=batch,
        hearings=model.config.hearings,
        parameters=model.weights,
        first_hearing_seconds=statistics.median(seconds[0] for seconds in runs),
        all_hearings_seconds=statistics.median(seconds[-1] for seconds in runs),
        first_hearing_operations=operations[0],
        all_hearings_operations=operations[-1],
        matrix_operations_per_second=matrix_rate,
    )


def _untrained(config: ModelConfig, dtype: str, device: torch.device) -> Listener:
    """A model with random weights, the same every time: what a model has learned does not change its speed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = families.build(config)
    model.cast_weights(DTYPES[dtype])  # weights stored in the format of the products need no conversion every time
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # the overload is missing in PyTorch
    return model.to(device).eval().requires_grad_(False)


def _wait(device: torch.device) -> None:
    """Returns when the GPU has done all its work; a CPU has always done it by now."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _attention_operations(query: torch.Size, key: torch.Size, value: torch.Size, *_: Any, **__: Any) -> int:
    operations: int = sdpa_flop_count(query, key, value)
    return operations


#: PyTorch counts the fused attention of GPUs, but not yet that of CPUs
_CPU_ATTENTION = {torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _attention_operations}
