"""A long recording as the timeline shows it: the classes heard most in colours of their own, the rest in one.

Of its events the classes that sound longest have a lane each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.service import WindowsView
from app.timeline.component import TimelineView
from playitback.report import words

#: told apart by most eyes, readable on light and on dark (after Okabe and Ito, 2008, and Tol's muted scheme, 2021)
CLASS_COLOURS = (
    "#2E8BCB", "#D55E00", "#009E73", "#CC79A7", "#C28B00", "#8A6FD1", "#56C5D0", "#999933", "#B23A5A", "#6B8E23",
)  # fmt: skip
LANE_COLOUR = "#7C8794"  # of a lane whose class has no colour of its own


#: classes with a lane of their own
LANES = 8


def timeline_view(view: WindowsView, run_id: str, colours: Mapping[str, str]) -> TimelineView:
    """What the timeline shows of a recording so far. ``colours``: what ``class_colours`` gave."""
    numbers = {label: number for number, label in enumerate(view.leading)}
    lanes = {label: number for number, label in enumerate(laned(view))}
    return TimelineView(
        run_id=run_id,
        seconds=view.seconds,
        clip_seconds=view.clip_seconds,
        hop_seconds=view.hop_seconds,
        expected_windows=view.expected_windows,
        classes=tuple((words.class_name(label), colours.get(label), share) for label, share in view.leading.items()),
        windows=tuple((numbers[window.label], window.probability) for window in view.windows),
        lanes=tuple((words.class_name(label), colours.get(label, LANE_COLOUR)) for label in lanes),
        events=tuple(
            (lanes[event.label], event.start_seconds, event.end_seconds, event.probability, event.peak_seconds)
            for event in view.events or ()
            if event.label in lanes
        ),
    )


def laned(view: WindowsView) -> tuple[str, ...]:
    """The classes that have a lane: those that sound longest."""
    return tuple(view.sounding)[:LANES]


def class_colours(leading: Sequence[str], before: Mapping[str, str]) -> dict[str, str]:
    """Colours of the first classes of ``leading``, those that have lanes and then those heard most.

    A class keeps the colour that it had before as long as it is among them, so that colours change as little as they
    can while more is heard.
    """
    first = leading[: len(CLASS_COLOURS)]
    kept = {label: before[label] for label in first if label in before}
    free = iter([colour for colour in CLASS_COLOURS if colour not in kept.values()])
    return {label: kept[label] if label in kept else next(free) for label in first}
