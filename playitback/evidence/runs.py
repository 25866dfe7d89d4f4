"""Runs of a model over many clips: what every measurement of an explanation is made from.

waveforms (N, clip_samples) -> Ears.hear (batch by batch) -> Run: beliefs after every hearing, marked time, relevance
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from playitback.config import ModelConfig
from playitback.evidence.controls import CHOSEN, choice
from playitback.models.listener import Hearing, named_class, with_broader
from playitback.progress import Progress, Steps
from playitback.recognizer import Recognizer
from playitback.segments import TIME_BINS, equal_edges, merge_segments, resample, total_seconds

BATCH = 40  # clips heard at once
#: clips heard at once where somebody waits for each answer: more do not fit a CPU's caches, fewer are slower
CLIPS_A_STEP = 10


@dataclass(frozen=True)
class Run:
    """What a model said of N clips, on the CPU. H hearings, C classes of the first head."""

    probabilities: Tensor  # (N, H, C) float64, after every hearing
    #: (N, S, 2) seconds: what the model marked as its reason, padded with empty segments: the union of what was
    #: replayed or, where nothing is, what the first hearing chose
    marked: Tensor
    relevance: Tensor  # (N, TIME_BINS) mean over the hearings whose choice is marked
    named: Tensor  # (N, H) int64, the class that is named after every hearing; see ``named_class``

    @property
    def decision(self) -> Tensor:
        """(N,) int64: the class that is named after the last hearing."""
        return self.named[:, -1]

    @property
    def marked_seconds(self) -> Tensor:
        """(N,)"""
        return total_seconds(self.marked)

    def __getitem__(self, rows: Tensor) -> Run:
        return Run(self.probabilities[rows], self.marked[rows], self.relevance[rows], self.named[rows])

    @classmethod
    def join(cls, runs: Sequence[Run]) -> Run:
        """One run of all their clips."""
        return cls(
            torch.cat([each.probabilities for each in runs]),
            torch.cat([each.marked for each in runs]),
            torch.cat([each.relevance for each in runs]),
            torch.cat([each.named for each in runs]),
        )


class Tally:
    """Clips heard so far, out of all that will be."""

    def __init__(self, total: int) -> None:
        self.total, self.done = total, 0

    def count(self, clips: int) -> Progress:
        """So many more were heard or skipped."""
        self.done += clips
        return Progress(self.done, self.total)


class Ears:
    """What a measurement hears through: a recognizer, clips by the batch, and the count of them."""

    def __init__(
        self,
        recognizer: Recognizer,
        tally: Tally,
        batch: int = BATCH,
        playbacks: int | None = None,
        asked: str | None = None,
    ) -> None:
        """batch: clips heard at once; playbacks: of every run, default all; asked: the class to be explained."""
        recognizer.check(playbacks, asked)
        self.recognizer = recognizer.remembering()  # every measurement hears its clips several times
        self.tally = tally
        self.sample_rate = recognizer.sample_rate
        self.clip_seconds = recognizer.clip_seconds
        self._batch = batch
        self._playbacks = playbacks
        self._asked = asked

    def through(self, recognizer: Recognizer) -> Ears:
        """Another model, with the same count of clips."""
        return Ears(recognizer, self.tally, self._batch, self._playbacks, self._asked)

    @property
    def edges(self) -> Tensor:
        """(1, TIME_BINS + 1) seconds of the bins in which curves over a clip are compared."""
        return equal_edges(self.clip_seconds, TIME_BINS)

    @property
    def first(self) -> Ears:
        """The same, but for the first hearing alone."""
        first = copy.copy(self)
        first._playbacks = 0
        return first

    def hear(
        self,
        waveforms: Tensor,
        control: str = CHOSEN,
        generator: Generator | None = None,
        asked: Tensor | None = None,
    ) -> Steps[Run]:
        """All hearings over clips (N, clip_samples) under a control, batch by batch.

        The generator is for random segments; asked: (N,) the class to be explained of every clip, in place of the one
        that is asked of all. Raises SettingsError for clips of another length.
        """
        generator = generator or Generator().manual_seed(0)
        runs = []
        for batch, wanted in self._batches(waveforms, asked):
            choose = choice(control, batch, self.sample_rate, generator)
            runs.append(self._run(list(self.recognizer.listen(batch, self._playbacks, choose, wanted))))
            yield self.tally.count(len(batch))
        return Run.join(runs)

    def believe(self, waveforms: Tensor) -> Steps[Tensor]:
        """(N, H, C) ``Run.probabilities`` alone of clips (N, clip_samples), which some models tell much sooner."""
        believed = []
        for batch, wanted in self._batches(waveforms, None):
            believed.append(self._probabilities(list(self.recognizer.answer(batch, self._playbacks, asked=wanted))))
            yield self.tally.count(len(batch))
        return torch.cat(believed)

    def _batches(self, waveforms: Tensor, asked: Tensor | None) -> Iterator[tuple[Tensor, Tensor | None]]:
        """Clips (B, clip_samples) on the device, and the classes (B,) to be explained, or None."""
        if asked is None and self._asked is not None:
            asked = torch.full((len(waveforms),), self.recognizer.labels.index(self._asked))
        for rows in torch.arange(len(waveforms)).tensor_split(math.ceil(len(waveforms) / self._batch)):
            batch = waveforms[rows].to(self.recognizer.device)
            yield batch, None if asked is None else asked[rows].to(batch.device)

    def _probabilities(self, hearings: list[Hearing]) -> Tensor:
        logits = torch.stack([each.logits[0] for each in hearings], dim=1).double()
        return self.recognizer.probabilities(logits).cpu()

    def _run(self, hearings: list[Hearing]) -> Run:
        choosing = hearings[:-1] or hearings
        marked = torch.cat([each.replayed for each in hearings[1:]] or [hearings[0].segments], dim=1)
        relevance = [resample(each.relevance, each.edges, TIME_BINS) for each in choosing]
        probabilities = self._probabilities(hearings)
        return Run(
            probabilities=probabilities,
            marked=merge_segments(marked, self.clip_seconds).cpu(),
            relevance=torch.stack(relevance).mean(dim=0).cpu(),
            named=named_class(probabilities, self.recognizer.config),
        )


def true_classes(classes: Tensor, config: ModelConfig) -> Tensor:
    """(N, C) bool from class indices (N,) or from one-hot or multi-hot targets (N, C).

    Where it is known which classes are broader than others, those are true, too: a dog is an animal, labelled or not.
    """
    if classes.ndim == 2:
        return with_broader(classes > 0.5, config)
    return with_broader(torch.nn.functional.one_hot(classes, config.classes[0]).bool(), config)


def correct(named: Tensor, targets: Tensor) -> Tensor:
    """(N, P) float64, 1 where the class that is named (N, P) is one of the true ones (N, C)."""
    return targets.gather(1, named).double()


def true_class_to_ask(run: Run, targets: Tensor, config: ModelConfig) -> Tensor:
    """(N,) of the true classes (N, C) of a clip the one that a model would name if it knew no others; the only one."""
    return named_class(run.probabilities[:, -1].where(targets, -torch.inf), config)


def belief(probabilities: Tensor, targets: Tensor) -> Tensor:
    """(N, P): probability (N, P, C) of the true class; with several, their mean."""
    weights = targets.double() / targets.sum(dim=1, keepdim=True).clamp_min(1)
    return (probabilities @ weights.unsqueeze(2)).squeeze(2)
