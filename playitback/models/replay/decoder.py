"""The decoder: a Perceiver that listens to one hearing after the other (TemPr; "Play It Back", section 2).

A set of latents is carried from hearing to hearing. In every hearing it reads the encoder's grid by cross-attention and
thinks it over by self-attention; the mean of the latents is then the belief after this hearing. The prediction
after hearing i needs hearings 0..i only, so it can be shown while the next hearing is still being computed.

    (B, T, F, C) grid + Fourier features -> (B, T * F, C + 26) -> cross-attention -> (B, N, W) latents
        -> self-attention -> (B, N, W) -> mean -> (B, W) summary -> (B, classes) logits

B clips, T time columns, F frequency rows, C channels, N latents of width W. The weights differ from hearing to hearing,
except for the norm of the summary and the classification heads. Perceiver: Jaegle et al. 2021, arXiv 2103.03206.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from playitback.models.replay.config import DecoderConfig

_EXPANSION = 4  # of the feed-forward layers


@dataclass(frozen=True)
class DecoderOutput:
    """Logits of a whole run; one tensor per head."""

    per_hearing: tuple[Tensor, ...]  # each (hearings heard, B, classes of the head)
    fused: tuple[Tensor, ...] | None  # each (B, classes of the head); None without fusion or before the last hearing


def fourier_features(columns: int, rows: int, bands: int, maximum: float) -> Tensor:
    """Position of every cell of a grid as sines and cosines -> (columns, rows, 2 * (2 * bands + 1)) float32.

    Either axis runs from -1 to 1. For each axis come ``bands`` sines, as many cosines and the coordinate itself; the
    bands are spaced evenly from 1 to ``maximum / 2`` half turns per unit (Perceiver, section 3.2).
    """
    frequencies = torch.linspace(1.0, maximum / 2, bands) * math.pi
    axes = []
    for length in (columns, rows):
        position = torch.linspace(-1.0, 1.0, length).unsqueeze(1)
        angles = position * frequencies
        axes.append(torch.cat([angles.sin(), angles.cos(), position], dim=1))
    over_time = axes[0][:, None].expand(-1, rows, -1)
    over_frequency = axes[1][None].expand(columns, -1, -1)
    return torch.cat([over_time, over_frequency], dim=2)


class Attention(nn.Module):
    """Pre-norm multi-head attention, added to its input.

    With ``context_width`` it is cross-attention: the keys and values come from a context (B, M, context_width) with a
    norm of its own. Without, it is self-attention.
    """

    def __init__(self, width: int, heads: int, head_width: int, context_width: int | None = None) -> None:
        super().__init__()
        inner_width = heads * head_width
        self.heads = heads
        self.norm = nn.LayerNorm(width)
        self.norm_context = None if context_width is None else nn.LayerNorm(context_width)
        self.query = nn.Linear(width, inner_width, bias=False)
        self.key_value = nn.Linear(context_width or width, 2 * inner_width, bias=False)
        self.output = nn.Linear(inner_width, width)

    def forward(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """x (B, N, width) and, for cross-attention, context (B, M, context_width) -> (B, N, width)."""
        normed = self.norm(x)
        source = normed if self.norm_context is None else self.norm_context(context)
        queries = self._split(self.query(normed))
        keys, values = (self._split(half) for half in self.key_value(source).chunk(2, dim=-1))
        attended = functional.scaled_dot_product_attention(queries, keys, values)
        added: Tensor = x + self.output(attended.transpose(1, 2).flatten(2))
        return added

    def _split(self, x: Tensor) -> Tensor:
        """(B, N, heads * head_width) -> (B, heads, N, head_width)"""
        return x.view(*x.shape[:2], self.heads, -1).transpose(1, 2)


class FeedForward(nn.Module):
    """Pre-norm feed-forward layer with a GELU gate (GEGLU; Shazeer 2020, arXiv 2002.05202), added to its input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.expand = nn.Linear(width, 2 * _EXPANSION * width)
        self.contract = nn.Linear(_EXPANSION * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, width) -> (B, N, width)"""
        values, gates = self.expand(self.norm(x)).chunk(2, dim=-1)
        added: Tensor = x + self.contract(values * functional.gelu(gates))
        return added


class Listening(nn.Module):
    """The weights of one hearing: the latents read the grid once, then exchange what they read."""

    def __init__(self, config: DecoderConfig, context_width: int) -> None:
        super().__init__()
        self.cross_attention = Attention(config.width, config.cross_heads, config.head_width, context_width)
        self.cross_feed_forward = FeedForward(config.width)
        self.self_blocks = nn.ModuleList(
            nn.Sequential(Attention(config.width, config.self_heads, config.head_width), FeedForward(config.width))
            for _ in range(config.self_blocks)
        )

    def forward(self, latents: Tensor, context: Tensor) -> Tensor:
        """Latents (B, N, W) and context (B, M, context_width) -> latents (B, N, W)."""
        latents = self.cross_feed_forward(self.cross_attention(latents, context))
        for block in self.self_blocks:
            latents = block(latents)
        return latents


class Decoder(nn.Module):
    """Latents that listen to the hearings in turn, and what they believe after each.

    input_width: C of the encoder's grid; hearings: P + 1; classes: number of classes of each head (one, or verb and
    noun).
    ``config.dropout`` acts on the fused feature, in training only.
    """

    def __init__(self, config: DecoderConfig, input_width: int, hearings: int, classes: tuple[int, ...]) -> None:
        super().__init__()
        self.config = config
        context_width = input_width + 2 * (2 * config.fourier_bands + 1)
        self.latents = nn.Parameter(torch.empty(config.latents, config.width))
        self.hearings = nn.ModuleList(Listening(config, context_width) for _ in range(hearings))
        self.norm = nn.LayerNorm(config.width)
        self.fusion = nn.Conv1d(config.width, config.width, hearings, bias=False) if config.fusion else None
        self.dropout = nn.Dropout(config.dropout)
        self.heads = nn.ModuleList(nn.Linear(config.width, count) for count in classes)
        self._positions: dict[tuple[int, int, torch.device, torch.dtype], Tensor] = {}
        nn.init.trunc_normal_(self.latents, std=0.02)  # as in the Perceiver paper
        if config.encoder_votes:  # it begins by adding nothing to them
            for parameter in self.heads.parameters():
                nn.init.zeros_(parameter)

    def initial(self, batch_size: int) -> Tensor:
        """The latents before anything was heard (B, N, W): the same for every clip."""
        return self.latents.expand(batch_size, -1, -1)

    def listen(self, hearing_index: int, latents: Tensor, grid: Tensor) -> Tensor:
        """Latents (B, N, W) before a hearing and its grid (B, T, F, C) -> latents (B, N, W) after it."""
        positions = self._positions_of(grid).expand(grid.shape[0], -1, -1, -1)
        updated: Tensor = self.hearings[hearing_index](latents, torch.cat([grid, positions], dim=3).flatten(1, 2))
        return updated

    def summary(self, latents: Tensor) -> Tensor:
        """Latents (B, N, W) -> what they say together (B, W)."""
        summary: Tensor = self.norm(latents.mean(dim=1))
        return summary

    def logits(self, summary: Tensor) -> tuple[Tensor, ...]:
        """Summary of a hearing, or fused feature (..., W) -> logits (..., classes), one tensor per head."""
        return tuple(head(summary) for head in self.heads)

    def fuse(self, summaries: Sequence[Tensor]) -> Tensor:
        """The summaries (B, W) of all hearings, in order -> one fused feature (B, W). Only with ``config.fusion``."""
        if self.fusion is None:
            raise ValueError("this decoder was built without fusion")
        if len(summaries) != len(self.hearings):
            raise ValueError(f"fusion needs the summaries of all {len(self.hearings)} hearings, got {len(summaries)}")
        fused: Tensor = self.dropout(self.fusion(torch.stack(tuple(summaries), dim=2)).squeeze(2).relu())
        return fused

    def forward(self, grids: Sequence[Tensor]) -> DecoderOutput:
        """Grids (B, T, F, C) of hearings 0, 1, ... -> logits after each; after the last, the fused ones if any."""
        latents = self.initial(grids[0].shape[0])
        summaries = []
        for hearing_index, grid in enumerate(grids):
            latents = self.listen(hearing_index, latents, grid)
            summaries.append(self.summary(latents))
        complete = self.fusion is not None and len(summaries) == len(self.hearings)
        return DecoderOutput(
            per_hearing=self.logits(torch.stack(summaries)),
            fused=self.logits(self.fuse(summaries)) if complete else None,
        )

    def _positions_of(self, grid: Tensor) -> Tensor:
        """Fourier features of the grid's cells, computed once for each grid size, device and precision."""
        _, columns, rows, _ = grid.shape
        key = (columns, rows, grid.device, grid.dtype)
        if key not in self._positions:
            features = fourier_features(columns, rows, self.config.fourier_bands, self.config.fourier_maximum)
            self._positions[key] = features.to(grid.device, grid.dtype)
        return self._positions[key]
