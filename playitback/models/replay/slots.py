"""Slot attention over time: slots compete for every moment of a clip, and the winner's moments are heard again.

The attention is that of Locatello et al., "Object-Centric Learning with Slot Attention" (2020, arXiv 2006.15055,
algorithm 1). "Play It Back" (section 2) lets it choose what to replay. Two differences from the code of that paper's
authors: the inputs are time columns of features that are still local, because after global self-attention a column no
longer speaks of its own moment; and all hearings share one slot attention, while theirs have one of 1.8 million
parameters each, whose inputs are channels and whose slots are as wide as the hearing has frames.

    (B, T, F, C) local features -> ColumnFeatures -> (B, T, width) -> SlotAttention -> (B, S, width), (B, S, T)

B clips, T time columns, F frequency rows, C channels, S slots.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from playitback.models.replay.config import SlotConfig

#: added to the attention before it is divided by its sum over time, so that no slot divides by zero if it wins nothing
_ATTENTION_FLOOR = 1e-8

#: initial size of the noise on the slots' starts, relative to the starts themselves
_FIRST_NOISE = 0.1


@dataclass(frozen=True)
class SlotOutput:
    """What the slots hold and where they looked."""

    slots: Tensor  # (B, S, width) after the last iteration
    attention_per_iteration: tuple[Tensor, ...]  # each (B, S, T) in 0..1, summing to 1 over the slots

    @property
    def attention(self) -> Tensor:
        """Attention (B, S, T) of the last iteration, in 0..1, summing to 1 over the slots."""
        return self.attention_per_iteration[-1]


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


class SlotAttention(nn.Module):
    """Slots that share out the time columns among themselves, in a few rounds with the same weights.

    In every round each slot asks for columns; the softmax over the slots makes them compete for each column; a slot's
    update is the mean of the columns, weighted by how much of each it won; a recurrent unit and a small residual
    network take the update in.

    Every slot has a learned start of its own, so slot 0 is the same slot in every clip. In training the starts are
    disturbed by noise with a learned scale; in evaluation they are not, and the same clip gives the same attention.
    """

    def __init__(self, config: SlotConfig) -> None:
        super().__init__()
        width = config.width
        self.iterations = config.iterations
        self.start = nn.Parameter(torch.empty(config.slots, width))
        self.noise_scale = nn.Parameter(torch.empty(width))
        self.norm_input = nn.LayerNorm(width)
        self.norm_slots = nn.LayerNorm(width)
        self.norm_residual = nn.LayerNorm(width)
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.update = nn.GRUCell(width, width)
        self.expand = nn.Linear(width, config.hidden)
        self.contract = nn.Linear(config.hidden, width)
        # Slots that start alike stay alike: orthogonal starts ask different questions from the first round on.
        nn.init.orthogonal_(self.start)
        nn.init.constant_(self.noise_scale, _FIRST_NOISE * width**-0.5)

    def forward(self, columns: Tensor, noise: Tensor | None = None) -> SlotOutput:
        """Columns (B, T, width) -> slots and their attention over the T columns.

        noise: (B, S, width), multiplied by the learned scale and added to the starts. Where none is given, it is drawn
        from a standard normal distribution in training, and there is none in evaluation.
        """
        # In full precision also under autocast: it costs little, and which moments lie above a threshold must not
        # depend on the eight bits of a bfloat16.
        with torch.autocast(columns.device.type, enabled=False):
            return self._attend(columns.to(self.start.dtype), noise)

    def _attend(self, columns: Tensor, noise: Tensor | None) -> SlotOutput:
        batch_size, _, width = columns.shape
        columns = self.norm_input(columns)
        keys, values = self.key(columns), self.value(columns)
        slots = self.start.expand(batch_size, -1, -1)
        if noise is None and self.training:
            noise = torch.randn_like(slots)
        if noise is not None:
            slots = slots + self.noise_scale * noise

        attention_per_iteration = []
        for _ in range(self.iterations):
            queries = self.query(self.norm_slots(slots)) * width**-0.5
            attention = (queries @ keys.transpose(1, 2)).softmax(dim=1)
            attention_per_iteration.append(attention)
            weights = attention + _ATTENTION_FLOOR
            gathered = (weights / weights.sum(dim=2, keepdim=True)) @ values
            slots = self.update(gathered.flatten(0, 1), slots.flatten(0, 1)).view_as(slots)
            slots = slots + self.contract(self.expand(self.norm_residual(slots)).relu())
        return SlotOutput(slots, tuple(attention_per_iteration))
