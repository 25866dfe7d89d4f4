"""Activity: what the model would say of every moment by itself, read off one hearing.

The encoder names a clip, and its columns, after global self-attention, speak of no moment of their own. But keep one
second of a clip alone, and the model's answer is that second's. This head learns those answers (``stages``), so that
one hearing tells what would otherwise take one per second. The word is that of sound event detection.

    local features (B, T, F, C), grid (B, T', F', W) -> columns (B, T, width) -> over time -> logits (B, T, classes)

B clips, T time columns, F frequency rows, C and W channels.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from playitback.config import ActivityConfig
from playitback.models.columns import ColumnFeatures, pooled_over_frequency


class Activity(nn.Module):
    """Local features say what sounds at a moment, the grid what it is a part of; a few convolutions join their times.

    rows, channels: F and C of the local features; grid_width: W; classes: number of classes of every head.
    """

    def __init__(
        self, config: ActivityConfig, rows: int, channels: int, grid_width: int, classes: tuple[int, ...]
    ) -> None:
        super().__init__()
        self.local = ColumnFeatures(rows, channels, config.width, config.squeezed_channels)
        self.grid = nn.Linear(2 * grid_width, config.width)
        self.over_time = nn.ModuleList(
            nn.Conv1d(config.width, config.width, config.kernel, padding=config.kernel // 2)
            for _ in range(config.convolutions)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(config.width) for _ in range(config.convolutions))
        self.heads = nn.ModuleList(nn.Linear(config.width, count) for count in classes)

    def forward(self, local: Tensor, grid: Tensor) -> tuple[Tensor, ...]:
        """Local features (B, T, F, C) and grid (B, T', F', W) -> logits (B, T, classes) of every head."""
        columns = self.local(local) + self.grid(pooled_over_frequency(grid, local.shape[1]))
        for norm, convolution in zip(self.norms, self.over_time, strict=True):
            columns = columns + F.gelu(convolution(norm(columns).transpose(1, 2))).transpose(1, 2)
        return tuple(head(columns) for head in self.heads)
