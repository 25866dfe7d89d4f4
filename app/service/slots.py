"""The slots of a run from within: how they shared out the clip in a hearing, and where the frames of all hearings went.

    ExplanationView, hearing -> inspect -> InspectionView

Nothing is computed with the model: all of it is in the run already.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np

from app.service.explain import ExplanationView
from playitback import audio
from playitback.audio import SAMPLE_RATE
from playitback.explain.slots import SlotInspection, inspect_slots
from playitback.replay import column_edges
from playitback.report.rows import pairs
from playitback.segments import Segment


@dataclass(frozen=True, eq=False)
class SoundView:
    """A stretch of the clip as sound."""

    start_seconds: float
    end_seconds: float
    wav: bytes  # 16-bit PCM, mono, 16 kHz: exactly these seconds


@dataclass(frozen=True, eq=False)
class TimeMapView:
    """Where the frames of one hearing went: straight lines through the knots, both (K,) and increasing."""

    index: int  # of the hearing
    knots_seconds: np.ndarray
    knots_frame: np.ndarray
    replayed: tuple[tuple[float, float], ...]  # (start, end) in seconds


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


def inspect(view: ExplanationView, index: int) -> InspectionView:
    """Hearing ``index`` of a run that has heard it."""
    playbacks = view.explanation.hearings
    hearing = playbacks[index]
    slots = inspect_slots(hearing, view.samples, SAMPLE_RATE)
    return InspectionView(
        slots=slots,
        clip_seconds=view.explanation.clip_seconds,
        attention=hearing.attention_per_iteration,
        edges=column_edges(hearing),
        threshold=hearing.threshold,
        chosen=pairs(hearing.segments),
        gathered=tuple(_sound(segment, view.samples) for segment in slots.uninformative_segments),
        time_maps=tuple(
            TimeMapView(
                index=each.index,
                knots_seconds=each.time_map.knots_seconds,
                knots_frame=each.time_map.knots_frame,
                replayed=pairs(each.replayed),
            )
            for each in playbacks
        ),
    )


def _sound(segment: Segment, samples: np.ndarray) -> SoundView:
    first, last = round(segment.start_seconds * SAMPLE_RATE), round(segment.end_seconds * SAMPLE_RATE)
    with io.BytesIO() as file:
        audio.write_wav(file, samples[first:last])
        return SoundView(segment.start_seconds, segment.end_seconds, file.getvalue())
