"""What to replay instead of what the model chose, so that a claim about the choice has something to beat.

Every control is a ``Choice``: after each hearing it sees what the model heard and says which segments come next. All of
them run the same hearings, and so cost the same. Random, loudest and least attended replay exactly as much time as the
model would after the same hearing.

    segments (B, S, 2), scores (B, T) of columns between edges (B, T + 1) -> segments (B, S', 2), sorted and disjoint
"""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from playitback.models.listener import Choice, Hearing, Replay
from playitback.segments import mean_power, scatter_segments, top_time, total_seconds

CHOSEN, RANDOM, LOUDEST, LEAST_ATTENDED = "chosen", "random", "loudest", "least attended"
WHOLE_CLIP, NOT_FINER, NO_REPLAY = "whole clip again", "chosen at the first hop", "no replay"
#: chosen is the claim, the others are what it must beat; all but ``NOT_FINER`` differ only in the segments
CONTROLS = (CHOSEN, RANDOM, LOUDEST, LEAST_ATTENDED, WHOLE_CLIP, NOT_FINER, NO_REPLAY)
#: the model's own choice, where it follows the class that is asked about, for another class than the one it believes in
FOR_TRUE_CLASS, FOR_ANOTHER_CLASS = "chosen for the true class", "chosen for another class"
AIMED = (FOR_TRUE_CLASS, FOR_ANOTHER_CLASS)


def choice(control: str, waveforms: Tensor, sample_rate: int, generator: Generator) -> Choice | None:
    """The ``Choice`` of one of ``CONTROLS`` for a batch (B, clip_samples); None for ``CHOSEN``."""
    choices: dict[str, Choice | None] = {
        CHOSEN: None,
        NOT_FINER: at_first_hop,
        RANDOM: random(generator),
        LOUDEST: loudest(waveforms, sample_rate),
        LEAST_ATTENDED: least_attended,
        WHOLE_CLIP: whole_clip,
        NO_REPLAY: nothing,
    }
    return choices[control]


def random(generator: Generator) -> Choice:
    """As many segments, as long as those that the model chose, anywhere."""

    def choose(heard: Hearing) -> Tensor:
        return scatter_segments(heard.segments, _clip_seconds(heard), generator)

    return choose


def loudest(waveforms: Tensor, sample_rate: int) -> Choice:
    """The columns of most power, as much time as the model chose."""

    def choose(heard: Hearing) -> Tensor:
        power = mean_power(waveforms, heard.edges, sample_rate)
        return top_time(power, heard.edges, _seconds_chosen(heard))

    return choose


def least_attended(heard: Hearing) -> Tensor:
    """The columns of least relevance, as much time as the model chose.

    Digital silence comes last, since it is never chosen: this control must not win or lose by that rule.
    """
    score = (-heard.relevance).masked_fill(~heard.audible, -torch.inf)
    return top_time(score, heard.edges, _seconds_chosen(heard))


def whole_clip(heard: Hearing) -> Tensor:
    """All of the clip at the finer hop: no choice."""
    return heard.edges[:, None, [0, -1]]


def at_first_hop(heard: Hearing) -> Replay:
    """The model's own choice, read at the hop of the first hearing."""
    return Replay(heard.segments, finer=False)


def nothing(heard: Hearing) -> Tensor:
    """The first hearing's frames again in every hearing."""
    return heard.segments[:, :0]


def _seconds_chosen(heard: Hearing) -> Tensor:
    return total_seconds(heard.segments)


def _clip_seconds(heard: Hearing) -> float:
    return float(heard.edges[0, -1])
