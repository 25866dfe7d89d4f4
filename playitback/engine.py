"""OpenVINO in place of PyTorch for what a hearing spends most time on: the two large parts of an encoder.

    encoder.local_features, encoder.grid -> traced -> compiled for this CPU -> the listener with these in their place

In float32 an answer is the same but for rounding; bfloat16 is taken by the rule of ``precision``. This is the only door
to the package, which is installed separately, and nothing here asks it to tell anybody that it is used.
"""

from __future__ import annotations

import threading
import time
import warnings
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from playitback import cores
from playitback.devices import OPENVINO
from playitback.errors import SettingsError
from playitback.models.listener import Listener, Part
from playitback.precision import (
    LEAST_GAIN,
    LEAST_PARAMETERS,
    first_hearing_seconds,
    gain_of,
    noise,
    processor,
    times_as_fast,
)

_FLOAT32, _BFLOAT16 = "f32", "bf16"


def by_openvino(model: Listener) -> Listener:
    """A listener that hears as ``model`` does, on the CPU. No gradient goes through it.

    Raises SettingsError without the package, and for a model without an encoder of ours.
    """
    openvino = _package()
    exact = _compiled(openvino, model, _FLOAT32)
    if model.weights < LEAST_PARAMETERS:
        return exact
    rounded = cache(lambda: _compiled(openvino, model, _BFLOAT16))
    gain = gain_of(f"OpenVINO {openvino.__version__}, {processor()}, {model.config}", lambda: _gain(exact, rounded()))
    return exact if gain < LEAST_GAIN else rounded()


def _package() -> Any:
    try:
        import openvino
        import openvino.frontend.pytorch.ts_decoder
    except ImportError as error:
        raise SettingsError(
            f"the device {OPENVINO} needs a package that is not installed ({error}); "
            "pip install -r requirements-openvino.txt"
        ) from error
    return openvino


def _compiled(openvino: Any, model: Listener, precision: str) -> Listener:
    count = cores.available()
    settings = {
        "INFERENCE_PRECISION_HINT": precision,
        "INFERENCE_NUM_THREADS": count,
        "NUM_STREAMS": count // cores.wanted(model.weights),  # hearings beside each other
    }

    def compiled(encoder: nn.Module, part: str, example: Tensor) -> Part:
        frontend = openvino.frontend.FrontEndManager().load_by_framework("pytorch")
        decoders = openvino.frontend.pytorch.ts_decoder
        # the frontend does not keep what it reads from
        decoder = decoders.TorchScriptPythonDecoder(_Part(encoder, part).eval(), example_input=example)
        read = frontend.load(decoder)
        graph = frontend.convert(read)
        graph.reshape([-1, *example.shape[1:]])
        return _calls(openvino.Core().compile_model(graph, "CPU", settings))

    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # sizes other than the number of clips are the same ever after
        return model.with_compiled_encoder(compiled)


class _Part(nn.Module):
    """One function of a module as a module, which is what can be traced."""

    def __init__(self, whole: nn.Module, part: str) -> None:
        super().__init__()
        self.whole, self.part = whole, part

    def forward(self, given: Tensor) -> Tensor:
        found: Tensor = getattr(self.whole, self.part)(given)
        return found


def _calls(compiled: Any) -> Part:
    """What computes by a compiled graph. Threads may share it: each has a request of its own."""
    requests = threading.local()

    def compute(given: Tensor) -> Tensor:
        if not hasattr(requests, "own"):
            requests.own = compiled.create_infer_request()
        found = requests.own.infer([given.float().contiguous().numpy()], share_inputs=True)
        return torch.from_numpy(found[0])

    return compute


def _gain(exact: Listener, rounded: Listener) -> float:
    """How many times as fast a first hearing is in bfloat16."""
    clips = noise(exact.config, 1)
    # by the clock on the wall: the engine computes in threads of its own
    one, other = (
        lambda model=each: first_hearing_seconds(model, clips, torch.float32, time.perf_counter)
        for each in (exact, rounded)
    )
    return times_as_fast(one, other)
