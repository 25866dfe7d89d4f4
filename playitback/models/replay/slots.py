"""Slot attention over time: slots compete for every moment of a clip, and the winner's moments are heard again.

The attention is that of Locatello et al., "Object-Centric Learning with Slot Attention" (2020, arXiv 2006.15055,
algorithm 1). "Play It Back" (section 2) lets it choose what to replay. Two differences from the code of that paper's
authors: the inputs are time columns of features that are still local, because after global self-attention a column no
longer speaks of its own moment; and all hearings share one slot attention, while theirs have one of 1.8 million
parameters each, whose inputs are channels and whose slots are as wide as the hearing has frames.

    (B, T, F, C) local features -> ColumnFeatures -> (B, T, width) -> SlotAttention -> (B, S, width), (B, S, T)
    grid, activity, class asked -> Aim -> added to the columns, to the start and to the bids of slot 0

By itself slot 0 learns that something sounds, the same whatever class one asks about. With an ``Aim`` it is asked for
a class: every column tells how much it speaks for that class, by the model's own activity.

B clips, T time columns, F frequency rows, C channels, S slots.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from playitback.models.columns import pooled_over_frequency
from playitback.models.listener import class_log_probabilities
from playitback.models.replay.config import SlotConfig

#: added to the attention before it is divided by its sum over time, so that no slot divides by zero if it wins nothing
_ATTENTION_FLOOR = 1e-8

#: nats in which evidence is counted, and how far below certainty it is told apart
_NATS, _LEAST_LOG_PROBABILITY = 5.0, -10.0
_EVIDENCE_WIDTH = 32
_BELOW_BEST = 1  # of the evidence, which number it is

#: nats above or below the mean of the slots that an offer comes close to and never reaches
_MOST_OFFERED = 12.0

#: initial size of the noise on the slots' starts, relative to the starts themselves
_FIRST_NOISE = 0.1


@dataclass(frozen=True)
class SlotOutput:
    """What the slots hold and where they looked."""

    slots: Tensor  # (B, S, width) after the last iteration
    attention_per_iteration: tuple[Tensor, ...]  # each (B, S, T) float64 in 0..1, summing to 1 over the slots

    @property
    def attention(self) -> Tensor:
        """Attention (B, S, T) of the last iteration, in 0..1, summing to 1 over the slots."""
        return self.attention_per_iteration[-1]


@dataclass(frozen=True)
class Aimed:
    """What the slots are told of the class that is asked for."""

    columns: Tensor  # (B, T, width) added to the columns
    start: Tensor  # (B, width) added to the start of slot 0
    bids: Tensor  # (B, T) added to what slot 0 bids for every column, before the softmax over the slots


class Aim(nn.Module):
    """Asks slot 0 for a class: by the class itself, and by how much the activity says for it at every moment.

    grid_width: of the encoder's grid; width: of the columns; classes: of the first head. graded: what a moment says
    for the class, in nats below the best moment, is part of its bid: else learned bids saturate, and of an attention
    that is 0.99 everywhere the peak lies anywhere.
    """

    def __init__(self, grid_width: int, width: int, classes: int, graded: bool) -> None:
        super().__init__()
        self.graded = graded
        self.grid = nn.Linear(2 * grid_width, width)
        self.classes = nn.Embedding(classes, width)
        self.evidence = nn.Sequential(nn.Linear(4, _EVIDENCE_WIDTH), nn.GELU(), nn.Linear(_EVIDENCE_WIDTH, width + 1))
        nn.init.zeros_(self.classes.weight)  # at first all classes are asked for alike

    def forward(self, grid: Tensor, activity: Tensor, asked: Tensor, multi_label: bool) -> Aimed:
        """Grid (B, T', F', W), activity logits (B, T, classes), classes asked for (B,) -> what the slots are told.

        The activity is taken as it is: what the slots learn must not move what the model says of a moment.
        """
        with torch.autocast(grid.device.type, enabled=False):
            evidence = evidence_for(activity.detach().float(), asked, multi_label)
            told = self.evidence(evidence)
            columns = told[..., :-1] + self.grid(pooled_over_frequency(grid.float(), activity.shape[1]))
            bids = told[..., -1] + _NATS * evidence[..., _BELOW_BEST] if self.graded else told[..., -1]
            return Aimed(columns, self.classes(asked), bids)


def evidence_for(activity: Tensor, asked: Tensor, multi_label: bool) -> Tensor:
    """(B, T, 4) what logits (B, T, classes) say for the classes asked for (B,).

    Log-probability, probability, log-probability below that of the best moment, and lead over the best other class.
    """
    log_probability = class_log_probabilities(activity, multi_label)
    index = asked.view(-1, 1, 1).expand(-1, activity.shape[1], 1)
    own = log_probability.gather(2, index).squeeze(2)
    others = log_probability.scatter(2, index, -torch.inf).amax(dim=2)
    below_best = own - own.amax(dim=1, keepdim=True)
    nats = [
        each.clamp(_LEAST_LOG_PROBABILITY, -_LEAST_LOG_PROBABILITY) / _NATS for each in (own, below_best, own - others)
    ]
    return torch.stack([*nats, own.exp()], dim=2)


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

    def forward(self, columns: Tensor, noise: Tensor | None = None, aimed: Aimed | None = None) -> SlotOutput:
        """Columns (B, T, width) -> slots and their attention over the T columns.

        aimed: asks slot 0 for a class. noise: (B, S, width), multiplied by the learned scale and added to the starts.
        Where none is given, it is drawn from a standard normal distribution in training, and there is none in
        evaluation.
        """
        # In full precision also under autocast: it costs little, and which moments lie above a threshold must not
        # depend on the eight bits of a bfloat16.
        with torch.autocast(columns.device.type, enabled=False):
            return self._attend(columns.to(self.start.dtype), noise, aimed)

    def _attend(self, columns: Tensor, noise: Tensor | None, aimed: Aimed | None) -> SlotOutput:
        batch_size, _, width = columns.shape
        slots = self.start.expand(batch_size, -1, -1)
        bids: Tensor | float = 0.0
        if aimed is not None:
            columns = columns + aimed.columns
            slots = torch.cat([slots[:, :1] + aimed.start.unsqueeze(1), slots[:, 1:]], dim=1)
            bids = F.pad(aimed.bids.unsqueeze(1), (0, 0, 0, slots.shape[1] - 1))
        columns = self.norm_input(columns)
        keys, values = self.key(columns), self.value(columns)
        if noise is None and self.training:
            noise = torch.randn_like(slots)
        if noise is not None:
            slots = slots + self.noise_scale * noise

        attention_per_iteration = []
        for _ in range(self.iterations):
            queries = self.query(self.norm_slots(slots)) * width**-0.5
            offers = (queries @ keys.transpose(1, 2) + bids).double()
            attention = (offers if aimed is None else _bounded(offers)).softmax(dim=1)
            attention_per_iteration.append(attention)
            weights = attention.to(values.dtype) + _ATTENTION_FLOOR
            gathered = (weights / weights.sum(dim=2, keepdim=True)) @ values
            slots = self.update(gathered.flatten(0, 1), slots.flatten(0, 1)).view_as(slots)
            slots = slots + self.contract(self.expand(self.norm_residual(slots)).relu())
        return SlotOutput(slots, tuple(attention_per_iteration))


def _bounded(offers: Tensor) -> Tensor:
    """Offers (B, S, T) of the slots, between bounds and in the same order.

    Learned bids may outdo one another by a hundred nats, of which an attention in 0..1 keeps nothing: all moments would
    be 1, and no threshold could choose among them.
    """
    offers = offers - offers.mean(dim=1, keepdim=True)
    return _MOST_OFFERED * (offers / _MOST_OFFERED).tanh()
