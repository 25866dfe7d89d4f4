"""What is said of further lanes: what each is called with its cost, which there are, and why others are missing."""

from __future__ import annotations

from playitback.explain.lanes import FurtherLane, FurtherLanes
from playitback.report import words

TITLE = "Other ways to explain"


def lanes_title(found: FurtherLanes | None) -> str:
    """What stands above them in a figure."""
    return TITLE if found is None else f"{TITLE}: {words.class_name(found.label)}"


def lane_caption(lane: FurtherLane) -> str:
    """ "occlusion, 17 passes"."""
    return f"{lane.name}, {_passes(lane.passes)}"


def lanes_sentence(found: FurtherLanes) -> str:
    """What was asked of the first hearing for which class, and what it cost."""
    if not found.lanes:
        return f"None of these ways suits this model or this installation. {missing_sentence(found)}"
    named = ", ".join(f"{lane.name} ({_passes(lane.passes)})" for lane in found.lanes)
    return (
        f"What speaks for {words.class_name(found.label)} in the first hearing: {named}. Each lane is drawn as a share "
        f"of its own greatest value. {missing_sentence(found)}"
    ).rstrip()


def missing_sentence(found: FurtherLanes) -> str:
    """Why there are not more; empty where all are there."""
    names: dict[str, list[str]] = {}
    for name, reason in found.missing.items():
        names.setdefault(reason, []).append(name)
    told = (f"Without {' and '.join(each)}: {reason}." for reason, each in names.items())
    return " ".join(told)


def _passes(count: int) -> str:
    return "1 pass" if count == 1 else f"{count} passes"
