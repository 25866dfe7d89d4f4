"""Micro-batches: clips drawn, cropped, varied and mixed, each a function of the seed, the stage and its number."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Generator, Tensor
from torch.utils.data import DataLoader, Dataset

from playitback.models.recipe import Recipe, Stage
from playitback.training import augmentation
from playitback.training.clips import ClipSet
from playitback.training.mixtures import Mixtures

#: waveforms (B, samples), targets of every head (B, classes), and the seed of all that is random from here on
MicroBatch = tuple[Tensor, tuple[Tensor, ...], int]


class MicroBatches(Dataset[MicroBatch]):
    """Item n is the n-th micro-batch of a stage; an epoch hears all clips once, except a rest too small for a batch.

    A stage of mixtures hears as many of them in an epoch, and every one before it hears one again; of what is
    changed about clips only a background is added, which the teacher did not hear and the student learns to ignore.
    """

    def __init__(
        self, clips: ClipSet, recipe: Recipe, stage: Stage, sample_rate: int, mixtures: Mixtures | None = None
    ) -> None:
        """stage: one of the recipe's; mixtures: what a teacher answered, if there is one."""
        self.clips = clips
        self.mixtures = mixtures if stage.mixtures else None
        self.recipe = recipe
        self.stage = stage
        self._stage_index = recipe.stages.index(stage)
        self._sample_rate = sample_rate
        self._order = (-1, torch.empty(0))  # of the epoch drawn last

    @property
    def steps(self) -> int:
        """Steps in an epoch."""
        return len(self.clips) // self.recipe.batch_size

    def __getitem__(self, number: int) -> MicroBatch:
        seed = self._seed(0, number)
        generator = Generator().manual_seed(seed)
        settings, mixtures = self.stage.augmentation, self.mixtures
        waveforms, targets = self._clips(number, generator) if mixtures is None else self._mixtures(number, mixtures)
        if settings.background:
            waveforms = augmentation.add_background(waveforms, settings, self._sample_rate, generator)
        return waveforms, targets, seed + 1

    def _mixtures(self, number: int, mixtures: Mixtures) -> tuple[Tensor, tuple[Tensor, ...]]:
        """As the teacher heard them, and what it answered."""
        size = self.recipe.micro_batch_size
        cycle, place = divmod(number, len(mixtures) // size)
        indices = self._order_of(cycle, len(mixtures))[place * size : (place + 1) * size]
        return mixtures.waveforms(indices), mixtures.targets(indices)

    def _clips(self, number: int, generator: Generator) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Drawn, varied and mixed, and their targets."""
        recipe, settings, rate = self.recipe, self.stage.augmentation, self._sample_rate
        step, share = divmod(number, recipe.micro_batches)
        epoch, step = divmod(step, self.steps)
        first = step * recipe.batch_size + share * recipe.micro_batch_size
        indices = self._order_of(epoch, len(self.clips))[first : first + recipe.micro_batch_size]
        waveforms = self.clips.waveforms(indices, generator)
        waveforms = augmentation.vary_waveforms(waveforms, settings, generator)
        if settings.shortened:
            waveforms = augmentation.shorten(waveforms, settings, rate, generator)
        return augmentation.mix_pairs(waveforms, self.clips.targets(indices), settings, rate, generator)

    def loader(self, numbers: Iterator[int], workers: int, device: torch.device) -> Iterator[MicroBatch]:
        """The numbered micro-batches, in order, made ahead of time by ``workers`` processes if there are any."""
        return iter(
            DataLoader(
                self,
                batch_size=None,
                sampler=numbers,
                num_workers=workers,
                pin_memory=device.type == "cuda",
            )
        )

    def _order_of(self, epoch: int, count: int) -> Tensor:
        if self._order[0] != epoch:
            generator = Generator().manual_seed(self._seed(1, epoch))
            self._order = epoch, torch.randperm(count, generator=generator)
        return self._order[1]

    def _seed(self, kind: int, number: int) -> int:
        sequence = np.random.SeedSequence([self.recipe.seed, self._stage_index, kind, number])
        return int(sequence.generate_state(1, np.uint64)[0] >> np.uint64(2))
