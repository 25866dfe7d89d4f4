"""A listener whose reasons are known: its classes are four bands of frequency, and what sounds in one speaks for it.

It aims, replays and tells activity, all by the same four sums. Hearing 1 decides by what is replayed alone.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping

import torch
from tiny import CLIP_SECONDS, LABELS, RATE, tiny_front_end
from torch import Generator, Tensor, nn

from playitback.config import ModelConfig, SegmentRules
from playitback.models.listener import Choice, Hearing, LogMelListener, Replay
from playitback.segments import equal_edges, inside_segments

_QUIET = 1e-6  # power that is nothing


class BandListener(LogMelListener):
    """Probability: the share of the power that lies in a class's band."""

    can_aim = has_activity = has_grid = True

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        self.bands = nn.Linear(config.front_end.mels, len(LABELS), bias=False)
        with torch.no_grad():
            self.bands.weight.copy_(torch.eye(len(LABELS)).repeat_interleave(config.front_end.mels // len(LABELS), 1))

    def parts(self) -> Mapping[str, nn.Module]:
        return {"activity": self.bands}

    @property
    def mean_head(self) -> nn.Linear:
        return self.bands

    def grid(self, waveforms: Tensor) -> Tensor:
        front_end = self.config.front_end
        return self.log_mel(waveforms, front_end.hop_samples(0))[:, : front_end.frames].exp().unsqueeze(2)

    def read_grid(self, grid: Tensor) -> tuple[Tensor, ...]:
        return (self._power(grid.squeeze(2)).mean(dim=1).log(),)

    def grid_edges(self, columns: int) -> Tensor:
        return equal_edges(self.config.front_end.clip_seconds, columns)

    def _power(self, of_mels: Tensor) -> Tensor:
        power: Tensor = self.bands(of_mels).clamp_min(0) + _QUIET
        return power

    def listen(
        self,
        waveforms: Tensor,
        playbacks: int | None = None,
        choose: Choice | None = None,
        asked: Tensor | None = None,
    ) -> Iterator[Hearing]:
        return self._listen(waveforms, self.check(waveforms, playbacks), choose, asked)

    def _listen(
        self, waveforms: Tensor, playbacks: int, choose: Choice | None, asked: Tensor | None
    ) -> Iterator[Hearing]:
        power = self._power(self.grid(waveforms).squeeze(2))  # (B, T, classes)
        logits = power.mean(dim=1).log()
        activity = power / power.sum(dim=2, keepdim=True)
        wanted = logits.argmax(dim=1) if asked is None else asked
        relevance = activity.detach().gather(2, wanted.view(-1, 1, 1).expand(-1, power.shape[1], 1)).squeeze(2)
        heard = dataclasses.replace(self.only_hearing(waveforms, (logits,), relevance), activity=activity)
        yield heard
        for index in range(1, playbacks + 1):
            chosen = heard.segments if choose is None else choose(heard)
            segments = chosen.segments if isinstance(chosen, Replay) else chosen
            inside = inside_segments(segments, heard.edges).to(power.dtype).unsqueeze(2)
            replayed = (power * inside).sum(dim=1) + _QUIET
            yield dataclasses.replace(heard, index=index, logits=(replayed.log(),), replayed=segments)


def band_model(*, playbacks: int = 1, clip_seconds: float = CLIP_SECONDS) -> BandListener:
    config = ModelConfig(
        family="bands",
        labels=(LABELS,),
        playbacks=playbacks,
        front_end=tiny_front_end(clip_seconds),
        segments=SegmentRules(),
    )
    return BandListener(config).eval()


def band_clips(classes: Tensor, clip_seconds: float = CLIP_SECONDS, seed: int = 0) -> Tensor:
    """(N, samples): in each clip a trembling tone in the middle of its class's band, from beginning to end."""
    mels = 2595 * math.log10(1 + RATE / 2 / 700)
    hertz = 700 * (10 ** ((classes + 0.5) * mels / len(LABELS) / 2595) - 1)
    time = torch.arange(round(clip_seconds * RATE)) / RATE
    phase = torch.rand(len(classes), 1, generator=Generator().manual_seed(seed))
    tremble = 1 + 0.3 * torch.sin(2 * math.pi * (5 * time + phase))
    return 0.2 * tremble * torch.sin(2 * math.pi * hertz.unsqueeze(1) * time)
