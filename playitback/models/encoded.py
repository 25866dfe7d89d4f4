"""Listeners that read log-mels by an encoder, and what they have in common: frames, activity, a teacher's lessons.

    log-mel frames -> ClipEncoder: local features (B, T, F, C) -> grid (B, T', F', W) -> pooled (B, W) -> logits
                                   both -> Activity (B, T, classes)                      pooled -> Taught

"Local" means that a time column still speaks of its own fraction of a second; the grid may hold anything anywhere. What
such families are trained for is written once, for all of them (``terms``).

B clips, T time columns, F frequency rows, C and W channels.
"""

from __future__ import annotations

import copy
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping

import torch
from torch import Tensor, nn

from playitback.config import ModelConfig
from playitback.models.activity import Activity
from playitback.models.listener import Choice, Hearing, Listener, LogMelListener, Part
from playitback.models.memory import Memory, keys_of
from playitback.models.taught import Taught
from playitback.replay import TimeMaps, column_edges, read_frames

#: of first hearings that a listener remembers: 2,000 of ``small``
_MOST_BYTES = 512 << 20


class ClipEncoder(nn.Module, ABC):
    """Names a clip by its log-mel."""

    dropout: nn.Module  # before the heads
    heads: nn.ModuleList  # linear, one per label set
    time_stride: float  # frames per column
    first_centre: float  # frame at the centre of column 0
    pools_by_mean = True  # whether ``pooled`` is the plain mean over the grid

    @abstractmethod
    def local_shape(self, frames: int, mels: int) -> tuple[int, int, int]:
        """(T, F, C) of the local features of so many frames and mels."""

    @abstractmethod
    def local_features(self, log_mel: Tensor) -> Tensor:
        """(B, frames, mels), normalised -> (B, T, F, C)."""

    @abstractmethod
    def grid(self, local: Tensor) -> Tensor:
        """Local features (B, T, F, C) -> (B, T', F', W)."""

    def pooled(self, grid: Tensor) -> Tensor:
        """Grid (B, T', F', W) -> the features (B, W) that the classes are read from."""
        return grid.mean(dim=(1, 2))

    def classify(self, pooled: Tensor) -> tuple[Tensor, ...]:
        """Features (B, W) -> logits (B, classes) of every head."""
        pooled = self.dropout(pooled)
        return tuple(head(pooled) for head in self.heads)

    def head(self, grid: Tensor) -> tuple[Tensor, ...]:
        """Grid (B, T', F', W) -> logits (B, classes) of every head."""
        return self.classify(self.pooled(grid))

    def forward(self, log_mel: Tensor) -> tuple[Tensor, ...]:
        """(B, frames, mels), normalised -> logits (B, classes) of every head."""
        return self.head(self.grid(self.local_features(log_mel)))


class EncodedListener(LogMelListener):
    """A Listener with an encoder. grid_width: W."""

    head_name = "encoder.heads.{}.weight"

    def __init__(self, config: ModelConfig, encoder: ClipEncoder, grid_width: int) -> None:
        super().__init__(config)
        self.encoder = encoder
        _, rows, channels = self.local_shape
        self.activity = None
        if config.activity is not None:
            self.activity = Activity(config.activity, rows, channels, grid_width, config.classes)
        self.taught = None if config.taught is None else Taught(config.taught, grid_width)
        self._memory: Memory | None = None

    @property
    def local_shape(self) -> tuple[int, int, int]:
        """(T, F, C) of the local features."""
        return self.encoder.local_shape(self.config.front_end.frames, self.config.front_end.mels)

    def remembering(self) -> Listener:
        """A copy with the same weights that encodes the first hearing of every clip once.

        A hearing that is given the frames of a first one is that one. No gradient goes through what is remembered.
        """
        other = copy.copy(self)
        other._memory = Memory(_MOST_BYTES)
        return other

    def encode(self, frames: Tensor, index: int = 0) -> tuple[Tensor, Tensor]:
        """Frames (B, frames, M) of hearing ``index`` -> local features (B, T, F, C) and grid (B, T', F', W)."""
        if self._memory is None:
            return self._encode(frames)
        keys = keys_of(frames)
        known = {key: kept for key in keys if (kept := self._memory.get(key)) is not None}
        new = {key: row for row, key in enumerate(keys) if key not in known}
        if new:
            encoded = self._encode(frames[list(new.values())])
            for key, local, grid in zip(new, *encoded, strict=True):
                known[key] = local, grid
                if index == 0:
                    self._memory.put(key, local.clone(), grid.clone())
        local, grid = (torch.stack(part) for part in zip(*(known[key] for key in keys), strict=True))
        return local, grid

    def _encode(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        local = self.encoder.local_features(self.normalise(frames))
        return local, self.encoder.grid(local)

    def with_compiled_encoder(self, compiled: Callable[[nn.Module, str, Tensor], Part]) -> Listener:
        other, front_end = copy.deepcopy(self).eval(), self.config.front_end
        encoder = other.encoder
        frames = self.mel_mean.new_zeros(1, front_end.frames, front_end.mels)
        taken = {"local_features": frames, "grid": encoder.local_features(frames).contiguous()}
        for name, part in {name: compiled(encoder, name, example) for name, example in taken.items()}.items():
            setattr(encoder, name, part)
        return other

    def parts(self) -> Mapping[str, nn.Module]:
        there = {"encoder": self.encoder, "activity": self.activity, "taught": self.taught}
        return {name: part for name, part in there.items() if part is not None}

    @property
    def has_activity(self) -> bool:
        return self.activity is not None

    @property
    def has_grid(self) -> bool:
        return True

    def grid(self, waveforms: Tensor) -> Tensor:
        front_end = self.config.front_end
        log_mel = self.log_mel(waveforms, front_end.hop_samples(0))[:, : front_end.frames]
        return self.encode(log_mel)[1]

    def grid_edges(self, columns: int) -> Tensor:
        front_end, (local_columns, _, _) = self.config.front_end, self.local_shape
        maps = TimeMaps.of(torch.zeros(1, 0, 2), 1.0, front_end.clip_seconds, front_end.frames)
        # whatever pools time in an encoder makes one column of two, around the first, the third, the fifth
        stride = self.encoder.time_stride * 2 ** math.ceil(math.log2(local_columns / columns))
        return column_edges(maps, columns, stride, self.encoder.first_centre)[1]

    def frames_of(
        self, waveforms: Tensor, segments: Tensor, index: int, coarse: Tensor, *, finer: bool = True
    ) -> tuple[Tensor, Tensor, TimeMaps]:
        """What hearing ``index`` is given: frames (B, frames, mels), the whole clip at its hop, and the time maps.

        coarse: the whole clip at the first hop; finer: see ``Replay``.
        """
        front_end = self.config.front_end
        hop_samples = front_end.hop_samples(index)
        ratio = front_end.hop_samples(0) / hop_samples
        maps = TimeMaps.of(segments, ratio, front_end.clip_seconds, front_end.frames)
        fine = coarse if index == 0 else self.log_mel(waveforms, hop_samples)
        read, read_hop = (fine, hop_samples) if finer else (coarse, front_end.hop_samples(0))
        return read_frames(coarse, read, maps, front_end, read_hop), fine, maps

    def lessons(self, pooled: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """What a teacher taught to hear in features (B, W): ``Hearing.taught`` and ``Hearing.known``."""
        if self.taught is None:
            return None, None
        taught, known = self.taught(pooled)
        return taught, None if self.config.multi_label else known  # several labels teach no such thing


class OneHearing(EncodedListener):
    """A listener that hears a clip once and replays nothing; a family says what its relevance is."""

    @property
    def mean_head(self) -> nn.Linear | None:
        head = self.encoder.heads[0]
        assert isinstance(head, nn.Linear), "the heads of an encoder are linear"
        return head if self.encoder.pools_by_mean else None

    def read_grid(self, grid: Tensor) -> tuple[Tensor, ...]:
        return self.encoder.head(grid)

    @abstractmethod
    def relevance(
        self, local: Tensor, grid: Tensor, activity: Tensor | None, asked: Tensor
    ) -> tuple[str, Tensor, Mapping[str, Tensor]]:
        """Name of the lane, relevance (B, T) in 0..1, and ``Hearing.details``.

        activity: probabilities (B, T, classes) of the first head; asked: the classes (B,) to be explained.
        """

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
        coarse = self.log_mel(waveforms, self.config.front_end.hop_samples(0))
        local, grid = self.encode(coarse[:, : self.config.front_end.frames])
        pooled = self.encoder.pooled(grid)
        logits = self.encoder.classify(pooled)
        activity = None
        if self.activity is not None:
            activity = self.calibrated(self.activity(local, grid)[0])
        name, relevance, details = self.relevance(local, grid, activity, self.asked_or_named(logits[0], asked))
        taught, known = self.lessons(pooled)
        yield self.only_hearing(
            waveforms,
            logits,
            relevance,
            name=name,
            log_mel=coarse,
            details=details,
            activity=activity,
            pooled=pooled,
            taught=taught,
            known=known,
        )
