"""Data sets, held in memory as 16-bit clips of one length: (N, samples).

A few thousand five-second clips are a few hundred megabytes, and decoding them once is what lets a small model train
on a CPU at all.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from playitback import audio
from playitback.config import FrontEndConfig
from playitback.errors import DataSetError


@dataclass(frozen=True)
class ClipSet:
    """Labelled clips of one length."""

    names: tuple[str, ...]
    samples: Tensor  # (N, clip_samples) int16
    targets: Tensor  # (N,) int64, index into labels
    labels: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.names)

    def waveforms(self, indices: Tensor) -> Tensor:
        """(B,) indices -> (B, clip_samples) float32 in -1..1."""
        return self.samples[indices].float() / 32768


def load_esc50(
    root: Path, folds: Sequence[int], front_end: FrontEndConfig, progress: Callable[[int, int], None] | None = None
) -> ClipSet:
    """ESC-50 (Piczak 2015) from a folder with meta/esc50.csv and audio/, at any sampling rate.

    progress is called with (clips done, clips in all). Raises DataSetError where the layout or the folds are missing.
    """
    rows = _esc50_rows(root)
    labels = {int(row["target"]): row["category"] for row in rows}
    index_of = {target: index for index, target in enumerate(sorted(labels))}  # a part of ESC-50 leaves targets out
    chosen = [row for row in rows if int(row["fold"]) in folds]
    absent = sorted(set(folds) - {int(row["fold"]) for row in rows})
    if absent or not chosen:
        there = sorted({int(row["fold"]) for row in rows})
        raise DataSetError(f"{root} has no fold {', '.join(map(str, absent))}; it has {', '.join(map(str, there))}")
    samples = np.zeros((len(chosen), front_end.clip_samples), np.int16)
    for index, row in enumerate(chosen):
        path = _esc50_audio(root, row["filename"])
        recording = audio.load(path, window_seconds=front_end.clip_seconds, sample_rate=front_end.sample_rate)
        clip = recording.samples[: front_end.clip_samples]
        samples[index, : len(clip)] = np.clip(np.rint(clip * 32768), -32768, 32767)
        if progress is not None:
            progress(index + 1, len(chosen))
    return ClipSet(
        names=tuple(row["filename"] for row in chosen),
        samples=torch.from_numpy(samples),
        targets=torch.tensor([index_of[int(row["target"])] for row in chosen]),
        labels=tuple(labels[target] for target in sorted(labels)),
    )


def _esc50_rows(root: Path) -> list[dict[str, str]]:
    listing = root / "meta" / "esc50.csv"
    if not listing.is_file():
        raise DataSetError(f"{root} has no meta/esc50.csv; give the folder of an ESC-50 checkout")
    with listing.open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    missing = {"filename", "fold", "target", "category"} - set(rows[0] if rows else ())
    if missing:
        raise DataSetError(f"{listing} lacks the columns {', '.join(sorted(missing))}; it is not ESC-50's listing")
    return rows


def _esc50_audio(root: Path, filename: str) -> Path:
    path = root / "audio" / filename
    if not path.is_file():
        raise DataSetError(f"{path} is listed in meta/esc50.csv but is not there; complete the download")
    return path
