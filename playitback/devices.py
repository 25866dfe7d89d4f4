"""What computes, by the name that people give: "auto", "cpu", "cuda", "cuda:1", or "openvino"."""

from __future__ import annotations

import torch

from playitback.errors import SettingsError

#: the CPU, by the engine of ``engine``
OPENVINO = "openvino"


def find_device(name: str) -> torch.device:
    """ "auto" is a GPU where there is one, "openvino" is the CPU. Raises SettingsError for one that is not there."""
    if name == OPENVINO:
        return torch.device("cpu")
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        device = torch.device("meta")
    if device.type == "cpu" or (device.type == "cuda" and (device.index or 0) < torch.cuda.device_count()):
        return device
    raise SettingsError(f"there is no device {name!r} here; choose auto, cpu, openvino or, with a GPU, cuda")
