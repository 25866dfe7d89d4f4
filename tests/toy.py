"""A toy family: what it takes to add one, a class and a row. A model that hears once, and cannot replay.

(B, clip_samples) -> log-mel -> mean over mels -> (B, T, COLUMN_FRAMES) levels -> scores (B, T, classes) of every
column -> logits: their mean over the columns; relevance: how clearly a column speaks for the class asked about
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pytest
import torch
from tiny import CLIP_SECONDS, LABELS, tiny_front_end
from torch import Generator, Tensor, nn

from playitback.config import ModelConfig, SegmentRules
from playitback.models import families
from playitback.models.families import Family
from playitback.models.listener import Choice, Hearing, LogMelListener
from playitback.models.losses import classification
from playitback.models.recipe import Recipe, Stage, Targets, Terms

COLUMN_FRAMES = 4


class ToyListener(LogMelListener):
    """One linear map of the loudness of a column."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        self.heads = nn.ModuleList(nn.Linear(COLUMN_FRAMES, count) for count in config.classes)

    @property
    def can_aim(self) -> bool:
        return True

    def parts(self) -> Mapping[str, nn.Module]:
        return {"heads": self.heads}

    def listen(
        self,
        waveforms: Tensor,
        playbacks: int | None = None,
        choose: Choice | None = None,
        asked: Tensor | None = None,
    ) -> Iterator[Hearing]:
        self.check(waveforms, playbacks)
        return self._listen(waveforms, asked)

    def _listen(self, waveforms: Tensor, asked: Tensor | None) -> Iterator[Hearing]:
        front_end = self.config.front_end
        log_mel = self.normalise(self.log_mel(waveforms, front_end.hop_samples(0))[:, : front_end.frames])
        columns = log_mel.mean(dim=2).unflatten(1, (-1, COLUMN_FRAMES))
        scores = [head(columns) for head in self.heads]
        logits = tuple(each.mean(dim=1) for each in scores)
        asked = logits[0].argmax(dim=1) if asked is None else asked
        relevance = scores[0].take_along_dim(asked[:, None, None], dim=2).squeeze(2).sigmoid()
        yield self.only_hearing(waveforms, logits, relevance)


@dataclass(frozen=True, kw_only=True)
class ToyTerms(Terms):
    """Classification, and nothing else."""

    def __call__(
        self, model: ToyListener, waveforms: Tensor, targets: Targets, generator: Generator
    ) -> dict[str, Tensor]:
        logits = model(waveforms)
        return {"classify": classification(logits, targets, model.config.multi_label, self.label_smoothing)}


def toy_config(
    name: str = "toy",
    labels: tuple[tuple[str, ...], ...] = (LABELS,),
    *,
    multi_label: bool = False,
    clip_seconds: float = CLIP_SECONDS,
) -> ModelConfig:
    """The description of a toy; ``name`` is that of the preset. It always marks something: the threshold is 0."""
    return ModelConfig(
        family="toy",
        labels=labels,
        multi_label=multi_label,
        front_end=tiny_front_end(clip_seconds),
        segments=SegmentRules(threshold=0.0),
    )


def toy_recipe(preset: str) -> Recipe:
    stage = Stage(name="toy", epochs=2, learning_rate=0.1, trains={"heads": 1.0}, terms=ToyTerms())
    return Recipe(stages=(stage,), batch_size=4, micro_batch_size=4)


def add_toy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The row of the toy family, until the monkeypatch is undone."""
    monkeypatch.setitem(families.FAMILIES, "toy", Family("toy", ToyListener, ("toy",), toy_config, toy_recipe))


def toy_model(seed: int = 0, labels: tuple[str, ...] = LABELS, *, multi_label: bool = False) -> ToyListener:
    """An untrained toy in evaluation mode; its row need not stand in the families for it to be heard."""
    torch.manual_seed(seed)
    model = ToyListener(toy_config(labels=(labels,), multi_label=multi_label)).eval()
    model.mel_mean.fill_(0.7)  # of ``sounding_clips``, so that it does not name the same class in all of them
    return model
