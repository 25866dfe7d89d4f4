"""How the slots shared out the time of one hearing, what the uninformative ones gathered, and where the frames went.

Slots become what they are in a few iterations (Locatello et al. 2020, algorithm 1). Their attention (slots, columns) is
a softmax over the slots, so at every moment it says how much of it each slot holds. Columns are narrower where
something was replayed; so that iterations, slots and hearings compare, attention is taken on equal stretches of time:

    attention (iterations, slots, columns) -> (iterations, slots, TIME_BINS) -> share, entropy, overlap
    attention of the last iteration, samples -> uninformative segments
    time map, replayed segments -> frames a second, inside and outside
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from playitback.evidence.curves import entropy
from playitback.recognizer import ClipHearing
from playitback.segments import TIME_BINS, Segment, audible_columns, resample, segments_where, unpad_segments

#: name of the slots' attention, (iterations, slots, columns), among the details of a hearing
ATTENTION = "slot_attention"

_HALF = 0.5  # of a moment, which belongs to those who hold more of it
_SHORTEST_SECONDS = 0.1  # of an uninformative segment; a shorter one would be a click to the ear


@dataclass(frozen=True)
class SlotInspection:
    """One hearing from within. Slot 0 is the informative one."""

    index: int  # of the hearing
    share: np.ndarray  # (iterations, slots) of the clip's time that a slot holds, 0 to 1; sums to 1 over the slots
    entropy: np.ndarray  # (iterations, slots) nats, 0 to ln(TIME_BINS): how widely a slot looks
    overlap: np.ndarray  # (iterations, slots, slots) 0 to 1: of two slots' distributions over time; 1 if they are equal
    uninformative_segments: tuple[Segment, ...]  # audible stretches of which the other slots hold more together
    replayed_seconds: float
    replayed_frames: float  # of the model's frames, those spent on replayed time; fractional, as segments cut frames
    frames: int  # of the model in every hearing
    frames_per_second_inside: float | None  # frames a clip second gets inside replayed segments; None: there are none
    frames_per_second_outside: float | None  # None: all of the clip was replayed

    @property
    def replayed_share_of_frames(self) -> float:
        """0 to 1."""
        return self.replayed_frames / self.frames


def inspect_slots(hearing: ClipHearing, samples: np.ndarray, sample_rate: int) -> SlotInspection:
    """One hearing of a model with slots over the clip (samples,); it may be shorter than what the model hears.

    ``hearing.details`` must have ``ATTENTION``: a model without slots has nothing to inspect.
    """
    edges = torch.from_numpy(hearing.edges).unsqueeze(0)
    attention = torch.from_numpy(hearing.details[ATTENTION])
    iterations, slots, _ = attention.shape
    rows = attention.flatten(0, 1).double()
    even = resample(rows, edges.expand(len(rows), -1), TIME_BINS)
    clip_seconds = float(edges[0, -1])
    clip = np.pad(samples, (0, max(0, round(clip_seconds * sample_rate) - len(samples)))).astype(np.float32)
    replayed_frames = sum(
        float(np.diff(hearing.time_map.frames(np.array([segment.start_seconds, segment.end_seconds])))[0])
        for segment in hearing.replayed
    )
    frames = len(hearing.log_mel)
    return SlotInspection(
        index=hearing.index,
        share=even.mean(dim=1).unflatten(0, (iterations, slots)).numpy(),
        entropy=entropy(even).unflatten(0, (iterations, slots)).numpy(),
        overlap=overlap(even.unflatten(0, (iterations, slots))).numpy(),
        uninformative_segments=_uninformative(attention[-1], edges, torch.from_numpy(clip), sample_rate),
        replayed_seconds=hearing.replayed_seconds,
        replayed_frames=replayed_frames,
        frames=frames,
        frames_per_second_inside=_rate(replayed_frames, hearing.replayed_seconds),
        frames_per_second_outside=_rate(frames - replayed_frames, clip_seconds - hearing.replayed_seconds),
    )


def overlap(attention: Tensor) -> Tensor:
    """What the distributions over time of every two slots share: (..., slots, bins) -> (..., slots, slots).

    Histogram intersection (Swain and Ballard 1991): the sum over time of the smaller of the two, each summing to 1.
    """
    total = attention.sum(dim=-1, keepdim=True)
    shares = torch.where(total > 0, attention / total.clamp_min(1e-30), 1 / attention.shape[-1])
    return torch.minimum(shares.unsqueeze(-2), shares.unsqueeze(-3)).sum(dim=-1)


def _uninformative(attention: Tensor, edges: Tensor, clip: Tensor, sample_rate: int) -> tuple[Segment, ...]:
    """attention: (slots, columns); edges: (1, columns + 1); clip: (N,)."""
    theirs = (attention[1:].sum(dim=0) > _HALF) & audible_columns(clip.unsqueeze(0), edges, sample_rate)[0]
    runs = unpad_segments(segments_where(theirs.unsqueeze(0), edges))[0]
    return tuple(segment for segment in runs if segment.seconds >= _SHORTEST_SECONDS - 1e-9)


def _rate(frames: float, seconds: float) -> float | None:
    return frames / seconds if seconds > 1e-9 else None
