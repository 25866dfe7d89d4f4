"""Sets of segments that several test files draw with hypothesis, what can be said of any set, and windows."""

from __future__ import annotations

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from torch import Tensor

from playitback.explain.windows import Window
from playitback.segments import Segment

#: of the segments that are drawn
DRAWN_SECONDS = 5.0

#: a busy machine is no failure, and a test says the same every time
steadily = settings(deadline=None, derandomize=True, max_examples=60)


@st.composite
def segment_sets(draw: st.DrawFn) -> list[Segment]:
    """Up to six sorted, disjoint segments of whole milliseconds, some of which touch the clip's ends."""
    points = draw(st.sets(st.integers(0, 5000) | st.sampled_from([0, 5000]), max_size=12))
    ordered = sorted(points)[: len(points) // 2 * 2]
    return [Segment(a / 1000, b / 1000) for a, b in zip(ordered[::2], ordered[1::2], strict=True)]


def lengths(segments: Tensor) -> list[list[float]]:
    """Seconds of the segments (B, S, 2) of every clip that are not empty, the shortest first."""
    return [sorted(round(float(end - start), 9) for start, end in clip if end > start) for clip in segments]


def covered(segments: Tensor, points: Tensor) -> Tensor:
    """(B, points) whether each second (B or 1, points) lies in a segment."""
    return ((points[:, None] >= segments[..., :1]) & (points[:, None] < segments[..., 1:])).any(dim=1)


def assert_sorted_and_disjoint(segments: Tensor, clip_seconds: float) -> None:
    knots = segments.flatten(1)
    assert (knots.diff(dim=1) >= 0).all()
    assert (knots >= 0).all()
    assert (knots <= clip_seconds).all()


def window_of(start: float, end: float, label: str, probability: float = 0.5) -> Window:
    """Of a recording, in which one class is named."""
    return Window(0, start, end, label, probability, (label,), np.array([probability], np.float32))
