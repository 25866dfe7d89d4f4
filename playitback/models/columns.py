"""From grids over time and frequency to one vector for every time column.

B clips, T time columns, F frequency rows, C and W channels.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ColumnFeatures(nn.Module):
    """One vector for every time column of a grid of local features.

    The mean over frequency would say that something sounded but not in which band: a high whistle and a low hum of one
    loudness would look alike to the slots. So every cell is squeezed to a few channels, and the cells of a column stand
    side by side, each band at a place of its own, before one linear map reads the whole column.

    rows: F, the frequency rows of the grid; channels: C, its width; width: of the columns that are returned.
    """

    def __init__(self, rows: int, channels: int, width: int, squeezed_channels: int = 8) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.squeeze = nn.Linear(channels, squeezed_channels)
        self.projection = nn.Linear(rows * squeezed_channels, width)

    def forward(self, local: Tensor) -> Tensor:
        """Local features (B, T, F, C) -> columns (B, T, width). Column t depends on the cells of time t alone."""
        columns: Tensor = self.projection(self.squeeze(self.norm(local)).flatten(2))
        return columns


def pooled_over_frequency(grid: Tensor, columns: int) -> Tensor:
    """Mean and maximum over frequency of a grid (B, T', F', W), stretched to so many columns: (B, columns, 2 W)."""
    pooled = torch.cat([grid.mean(dim=2), grid.amax(dim=2)], dim=2).transpose(1, 2)
    return F.interpolate(pooled, size=columns, mode="linear", align_corners=False).transpose(1, 2)
