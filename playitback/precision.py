"""The number format in which a model hears fastest on this machine: measured once, then remembered.

    Listener, clips at once -> a first hearing in float32, one in bfloat16 -> torch.float32 or torch.bfloat16

The name of an instruction set does not tell. Some CPUs multiply bfloat16 many times as fast as float32, some more
slowly, and what the conversions cost depends on the model and on how much it hears at once.
"""

from __future__ import annotations

import copy
import hashlib
import json
import os
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor

from playitback.config import ModelConfig
from playitback.cores import on_cores
from playitback.errors import SettingsError
from playitback.models.listener import Listener
from playitback.writing import write_whole_text

#: times as fast as float32 that bfloat16 must be, which is less exact
LEAST_GAIN = 1.5
#: of a model below which nothing is measured: such short times say nothing, and there is little to be gained
LEAST_PARAMETERS = 1_000_000

_RUNS = 3  # of each format in turn; the fastest counts, after one that does not
_measured: dict[str, float] = {}  # here, so that a folder that cannot be written costs one measurement a process


def fastest_dtype(model: Listener, device: torch.device, batch: int = 1, *, stored: bool = True) -> torch.dtype:
    """torch.bfloat16 where so many clips at once are heard faster in it by ``LEAST_GAIN``, else torch.float32.

    stored: whether the weights are, too (``Listener.in_format``), or stay as they are, as in training. A GPU is not
    measured: one that has bfloat16 is faster in it.
    """
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
    if model.weights < LEAST_PARAMETERS:
        return torch.float32
    told = f"{processor()}, {torch.get_num_threads()}, {torch.__version__}, {model.config}, {batch}, {stored}"
    gain = gain_of(told, lambda: _gain(model, batch, stored))
    return torch.bfloat16 if gain >= LEAST_GAIN else torch.float32


def gain_of(told: str, measure: Callable[[], float]) -> float:
    """How many times as fast one thing is as another: as it was measured before, or measured now, and remembered.

    told: all that it depends on.
    """
    key = hashlib.sha256(told.encode()).hexdigest()
    if key not in _measured:
        _measured.update(_remembered())
    if key not in _measured:
        _measured[key] = measure()
        _remember(_measured)
    return _measured[key]


@contextmanager
def hearing_in(dtype: torch.dtype, device: torch.device) -> Iterator[None]:
    """Products are computed in a number format, and nothing is kept for gradients."""
    with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=dtype == torch.bfloat16):
        yield


def noise(config: ModelConfig, batch: int) -> Tensor:
    """Clips (B, clip_samples) to time a model with, the same every time."""
    generator = torch.Generator().manual_seed(0)
    return 0.1 * torch.randn(batch, config.front_end.clip_samples, generator=generator)


def processor() -> str:
    """The CPU's name as its maker calls it, where the system knows it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _gain(model: Listener, batch: int, stored: bool) -> float:
    """How many times as fast a first hearing is in bfloat16."""
    exact = copy.deepcopy(model).eval()
    rounded = exact.in_format(torch.bfloat16) if stored else exact
    clips = noise(model.config, batch)
    with on_cores(1):  # whose time tells the same beside other work
        return times_as_fast(
            lambda: first_hearing_seconds(exact, clips, torch.float32, time.thread_time),
            lambda: first_hearing_seconds(rounded, clips, torch.bfloat16, time.thread_time),
        )


def times_as_fast(before: Callable[[], float], after: Callable[[], float]) -> float:
    """How many times as fast the second is. Each does one run and returns its seconds; they are done in turn."""
    runs = [(before(), after()) for _ in range(1 + _RUNS)]
    slower, faster = (min(seconds) for seconds in zip(*runs[1:], strict=True))
    return slower / faster


def first_hearing_seconds(model: Listener, clips: Tensor, dtype: torch.dtype, clock: Callable[[], float]) -> float:
    """How long a first hearing of clips (B, clip_samples) takes by a clock."""
    began = clock()
    with hearing_in(dtype, clips.device):
        next(iter(model.answer(clips, 0)))
    return clock() - began


def _file() -> Path:
    """Raises RuntimeError where a user has no home."""
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "playitback" / "number-formats.json"


def _remembered() -> dict[str, float]:
    """What was measured before; nothing where that cannot be read."""
    try:
        return {str(key): float(gain) for key, gain in json.loads(_file().read_text(encoding="utf-8")).items()}
    except (OSError, RuntimeError, ValueError, TypeError, AttributeError):
        return {}


def _remember(measured: dict[str, float]) -> None:
    """Where it can be written; elsewhere it is measured again."""
    try:
        _file().parent.mkdir(parents=True, exist_ok=True)
        write_whole_text(_file(), json.dumps(measured))
    except (OSError, RuntimeError, SettingsError):
        pass
