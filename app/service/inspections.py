"""The slots of a run from within: how they shared out the clip in a pass, and where the frames of all passes went.

    ExplanationView, pass -> inspect -> InspectionView

Nothing is computed with the model: all of it is in the run already.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np

from app.service.explanations import ExplanationView
from playitback import audio
from playitback.audio import SAMPLE_RATE
from playitback.explain.inspection import SlotInspection, column_edges, inspect_slots
from playitback.replay import Segment
from playitback.report.rows import pairs


@dataclass(frozen=True, eq=False)
class SoundView:
    """A stretch of the clip as sound."""

    start_seconds: float
    end_seconds: float
    wav: bytes  # 16-bit PCM, mono, 16 kHz: exactly these seconds


@dataclass(frozen=True, eq=False)
class TimeMapView:
    """Where the frames of one pass went: straight lines through the knots, both (K,) and increasing."""

    index: int  # of the pass
    knots_seconds: np.ndarray
    knots_frame: np.ndarray
    replayed: tuple[tuple[float, float], ...]  # (start, end) in seconds


@dataclass(frozen=True, eq=False)
class InspectionView:
    """One pass of a run from within, and the time maps of all passes. Slot 0 is the informative one."""

    slots: SlotInspection
    clip_seconds: float
    attention: np.ndarray  # (iterations, slots, columns) 0 to 1, summing to 1 over the slots
    edges: np.ndarray  # (columns + 1,) seconds between the columns
    threshold: float  # attention of slot 0 above it makes a segment
    chosen: tuple[tuple[float, float], ...]  # (start, end) in seconds: segments that this pass chose
    gathered: tuple[SoundView, ...]  # what the uninformative slots hold and can be heard
    time_maps: tuple[TimeMapView, ...]  # of all passes


def inspect(view: ExplanationView, index: int) -> InspectionView:
    """Pass ``index`` of a run that has heard it."""
    playbacks = view.explanation.playbacks
    playback = playbacks[index]
    slots = inspect_slots(playback, view.samples, SAMPLE_RATE)
    return InspectionView(
        slots=slots,
        clip_seconds=view.explanation.clip_seconds,
        attention=playback.attention_per_iteration,
        edges=column_edges(playback),
        threshold=playback.threshold,
        chosen=pairs(playback.segments),
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
