"""The slots of a run from within: how they shared out the clip in a hearing, and where the frames of all hearings went.

    ClipRun, hearing -> inspect -> InspectionView

Nothing is computed with the model: all of it is in the run already.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from app.service.explain import ClipRun
from playitback.explain.pooling import pooling_weights
from playitback.explain.slots import ATTENTION, SlotInspection, inspect_slots
from playitback.report.rows import pairs


@dataclass(frozen=True, eq=False)
class SoundView:
    """A stretch of the clip as sound."""

    start_seconds: float
    end_seconds: float
    wav: bytes  # exactly these seconds


@dataclass(frozen=True, eq=False)
class TimeMapView:
    """Where the frames of one hearing went: straight lines through the knots, both (K,) and increasing."""

    index: int  # of the hearing
    knots_seconds: np.ndarray
    knots_frame: np.ndarray
    replayed: tuple[tuple[float, float], ...]  # (start, end) in seconds


@dataclass(frozen=True, eq=False)
class PoolingView:
    """How a model that pools by attention weighed a clip."""

    clip_seconds: float
    edges: np.ndarray  # (columns + 1,) seconds between the columns
    weights: np.ndarray  # (features, columns) times the even share


@dataclass(frozen=True, eq=False)
class InspectionView:
    """One hearing of a run from within, and the time maps of all hearings. Slot 0 is the informative one."""

    slots: SlotInspection
    clip_seconds: float
    attention: np.ndarray  # (iterations, slots, columns) 0 to 1, summing to 1 over the slots
    edges: np.ndarray  # (columns + 1,) seconds between the columns
    threshold: float  # attention of slot 0 above it makes a segment
    chosen: tuple[tuple[float, float], ...]  # (start, end) in seconds: segments that this hearing chose
    gathered: tuple[SoundView, ...]  # what the uninformative slots hold and can be heard
    time_maps: tuple[TimeMapView, ...]  # of all hearings


def inspect(view: ClipRun, index: int) -> InspectionView:
    """Hearing ``index`` of a run that has heard it, and in which there are slots."""
    hearings = view.explanation.hearings
    hearing = hearings[index]
    slots = inspect_slots(hearing, view.samples, view.explanation.sample_rate)
    return InspectionView(
        slots=slots,
        clip_seconds=view.explanation.clip_seconds,
        attention=hearing.details[ATTENTION],
        edges=hearing.edges,
        threshold=hearing.threshold,
        chosen=pairs(hearing.segments),
        gathered=tuple(
            SoundView(segment.start_seconds, segment.end_seconds, view.sound(segment))
            for segment in slots.uninformative_segments
        ),
        time_maps=tuple(
            TimeMapView(
                index=each.index,
                knots_seconds=each.time_map.knots_seconds,
                knots_frame=each.time_map.knots_frame,
                replayed=pairs(each.replayed),
            )
            for each in hearings
        ),
    )


def pooling_of(view: ClipRun) -> PoolingView | None:
    """How the model of a run weighed the clip; None where it does not pool by attention."""
    if not view.pools_by_attention:
        return None
    hearing = view.explanation.hearings[-1]
    return PoolingView(view.explanation.clip_seconds, hearing.edges, pooling_weights(hearing))
