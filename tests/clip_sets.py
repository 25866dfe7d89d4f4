"""What tests of clips share: a front end of one second, files of noise, bursts in it, and the two places where
clips are kept.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from tiny import RATE, clicks, noise, tiny_front_end, tone
from torch import Tensor

from playitback.training.clips import ClipSet, ClipsInMemory
from playitback.training.entries import Entry, Manifest

SECOND = tiny_front_end(1.0)
ON_DISK = 0.0  # gigabytes
PLACES = pytest.mark.parametrize("gigabytes", [1.0, ON_DISK])
STEP = 1 / 32768  # of 16-bit samples
BURST_SECONDS = 0.2


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


def planted_bursts(count: int, seed: int) -> tuple[ClipSet, Tensor]:
    """Clips of 1 s of faint noise with a burst somewhere, whose kind is the class; and its start in seconds."""
    rng = np.random.default_rng(seed)
    samples, starts = np.empty((count, RATE)), rng.uniform(0.05, 0.75, count)
    for index, start in enumerate(starts):
        burst = (
            tone(BURST_SECONDS, hertz=rng.uniform(500, 700)),
            tone(BURST_SECONDS, hertz=rng.uniform(2500, 3200)),
            clicks(BURST_SECONDS, np.arange(0.005, BURST_SECONDS, 0.03)),
        )[index % 3]
        samples[index] = 0.1 * noise(1.0, seed=int(rng.integers(10**6)))
        samples[index, round(start * RATE) :][: len(burst)] += burst
    quantised = torch.from_numpy((samples.clip(-1, 1) * 32767).astype(np.int16))
    begins = RATE * torch.arange(count)
    clips = ClipsInMemory(
        names=tuple(map(str, range(count))),
        samples=quantised.flatten(),
        bounds=torch.stack([begins, begins + RATE], dim=1),
        targets=[((index % 3,),) for index in range(count)],
        labels=(("low", "high", "clicks"),),
        multi_label=False,
        clip_samples=RATE,
    )
    return clips, torch.from_numpy(starts)
