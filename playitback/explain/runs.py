"""Runs of a model over many clips: what every measurement of an explanation is made from.

waveforms (N, clip_samples) -> hear (batch by batch) -> Run: beliefs after every pass, replayed time, attention
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from playitback.errors import SettingsError
from playitback.explain.controls import CHOSEN, NOT_FINER, choice, merge_segments
from playitback.models.playitback import Pass, ReplayModel, class_probabilities

#: called with (clips heard so far, clips in all); raising in it cancels
Report = Callable[[int, int], None]
#: called with the number of clips heard since the last call; raising in it cancels
Advance = Callable[[int], None]
Answer = TypeVar("Answer")

BATCH = 40  # clips heard at once
#: of those, where somebody waits for each answer: a CPU hears them fastest; more do not fit its caches
CLIPS_A_STEP = 10
#: equal stretches of time that attention is measured in, whatever the columns of a model and a pass
TIME_BINS = 100


@dataclass(frozen=True)
class Run:
    """What came of N clips, on the CPU. P passes, C classes of the first head."""

    probabilities: Tensor  # (N, P, C) float64, after every pass
    replayed: Tensor  # (N, S, 2) seconds: union of what was replayed in the passes, padded with empty segments
    attention: Tensor  # (N, TIME_BINS) of the informative slot, mean over the passes whose choice was replayed

    @property
    def decision(self) -> Tensor:
        """(N,) int64: the most probable class after the last pass."""
        return self.probabilities[:, -1].argmax(dim=1)

    @property
    def replayed_seconds(self) -> Tensor:
        """(N,)"""
        return self.replayed.diff(dim=2).sum(dim=(1, 2))

    def __getitem__(self, rows: Tensor) -> Run:
        return Run(self.probabilities[rows], self.replayed[rows], self.attention[rows])

    @classmethod
    def join(cls, runs: Sequence[Run]) -> Run:
        """One run of all their clips."""
        return cls(
            torch.cat([each.probabilities for each in runs]),
            torch.cat([each.replayed for each in runs]),
            torch.cat([each.attention for each in runs]),
        )


@dataclass(frozen=True)
class Heard:
    """How far something has come that hears many clips and tells of it by yielding."""

    done: int  # clips heard so far
    total: int  # clips in all


def finish(steps: Generator[Heard, None, Answer], report: Report) -> Answer:
    """The answer of something that tells by yielding how far it has come; each step is reported."""
    while True:
        try:
            heard = next(steps)
        except StopIteration as finished:
            answer: Answer = finished.value
            return answer
        report(heard.done, heard.total)


class Progress:
    """Counts clips up to a known total."""

    def __init__(self, report: Report, total: int) -> None:
        self._report, self._total, self._done = report, total, 0

    def advance(self, clips: int) -> None:
        self._done += clips
        self._report(self._done, self._total)


def hear(
    model: ReplayModel,
    waveforms: Tensor,
    advance: Advance,
    control: str = CHOSEN,
    generator: torch.Generator | None = None,
    playbacks: int | None = None,
) -> Run:
    """All passes over clips (N, clip_samples), or those of 1 to ``playbacks``, under a control.

    The generator is for random segments. Raises SettingsError for a model without playbacks, for none or too many of
    them, and for clips of another length.
    """
    if model.config.playbacks == 0:
        raise SettingsError(
            "this model hears a clip only once, so there is no choice to examine; train one that replays"
        )
    if playbacks == 0:
        raise SettingsError(
            "without a playback nothing is replayed, so there is no choice to examine; ask for at least 1"
        )
    generator = generator or torch.Generator().manual_seed(0)
    sample_rate = model.config.front_end.sample_rate
    runs = []
    for batch in waveforms.split(BATCH):
        with torch.inference_mode():
            batch = batch.to(model.mel_mean.device)
            replay = choice(control, batch, sample_rate, generator)
            runs.append(_run(model, list(model.listen(batch, playbacks, replay, finer=control != NOT_FINER))))
        advance(len(batch))
    return Run.join(runs)


def _run(model: ReplayModel, passes: list[Pass]) -> Run:
    logits = torch.stack([each.logits[0] for each in passes], dim=1).double()
    replayed = torch.cat([each.replayed for each in passes[1:]], dim=1)
    attention = [resample(each.slots.attention[:, 0], each.column_edges, TIME_BINS) for each in passes[:-1]]
    return Run(
        probabilities=class_probabilities(logits, model.config.multi_label).cpu(),
        replayed=merge_segments(replayed, model.config.front_end.clip_seconds).cpu(),
        attention=torch.stack(attention).mean(dim=0).cpu(),
    )


def resample(values: Tensor, edges: Tensor, bins: int) -> Tensor:
    """Mean over each of ``bins`` equal stretches of time, (B, bins), of values (B, T) between edges (B, T + 1)."""
    wanted = equal_edges(float(edges[0, -1]), bins).to(edges.device)
    overlap = torch.minimum(edges[:, None, 1:], wanted[:, 1:, None]) - torch.maximum(
        edges[:, None, :-1], wanted[:, :-1, None]
    )
    weights = overlap.clamp_min(0)
    return (weights @ values.to(weights.dtype).unsqueeze(2)).squeeze(2) / weights.sum(dim=2)


def equal_edges(clip_seconds: float, bins: int) -> Tensor:
    """(1, bins + 1) seconds."""
    return torch.linspace(0, clip_seconds, bins + 1, dtype=torch.float64).unsqueeze(0)


def true_classes(classes: Tensor, count: int) -> Tensor:
    """(N, count) bool from class indices (N,) or from one-hot or multi-hot targets (N, count)."""
    if classes.ndim == 2:
        return classes > 0.5
    return torch.nn.functional.one_hot(classes, count).bool()


def correct(probabilities: Tensor, targets: Tensor) -> Tensor:
    """(N, P) float64, 1 where the most probable of (N, P, C) classes is one of the true ones (N, C)."""
    return targets.gather(1, probabilities.argmax(dim=2)).double()


def belief(probabilities: Tensor, targets: Tensor) -> Tensor:
    """(N, P): probability (N, P, C) of the true class; with several, their mean."""
    weights = targets.double() / targets.sum(dim=1, keepdim=True).clamp_min(1)
    return (probabilities @ weights.unsqueeze(2)).squeeze(2)
