"""What tests of clips share: a front end of one second, files of noise, and the two places where clips are kept."""

from __future__ import annotations

from pathlib import Path

import pytest
import soundfile
import torch
from tiny import RATE, noise, tiny_front_end
from torch import Tensor

from playitback.training.clips import ClipSet
from playitback.training.entries import Entry, Manifest

SECOND = tiny_front_end(1.0)
ON_DISK = 0.0  # gigabytes
PLACES = pytest.mark.parametrize("gigabytes", [1.0, ON_DISK])
STEP = 1 / 32768  # of 16-bit samples


def manifest_of(
    *entries: Entry, labels: tuple[tuple[str, ...], ...] = (("a", "b", "c"),), multi: bool = False
) -> Manifest:
    return Manifest("csv", labels, multi, entries, ())


def entries_of(folder: Path, count: int, seconds: float = 0.5) -> list[Entry]:
    """Files of noise, each another one."""
    entries = []
    for index in range(count):
        path = folder / f"{index}.wav"
        soundfile.write(path, noise(seconds, seed=index), RATE, subtype="FLOAT")
        entries.append(Entry(path.name, path, ((index % 3,),)))
    return entries


def all_of(clips: ClipSet) -> Tensor:
    return clips.waveforms(torch.arange(len(clips)))
