"""Figures of the evidence for a paper or a model card: one for every claim, means with their 95 % intervals.

The model's choice has the colour of relevance, as everywhere; what it must beat has others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from playitback.counts import counted
from playitback.edits import FILLS
from playitback.evidence.controls import CHOSEN, LOUDEST, RANDOM
from playitback.evidence.curves import ATTENTION, ENERGY, RANDOM_ORDER, CurveComparison
from playitback.evidence.faithfulness import SOURCES, ControlComparison, SegmentComparison
from playitback.evidence.gather import Evidence
from playitback.evidence.intervals import Interval
from playitback.evidence.localisation import Located
from playitback.evidence.removal import RemovalComparison
from playitback.evidence.rivals import (
    ACTIVITY,
    CLASS_MAP,
    GRAD_CAM,
    GRADIENT,
    INTEGRATED,
    KEPT_ALONE,
    LEAST_RELEVANT,
    OCCLUSION,
    PASSAGE,
    RELEVANCE,
)
from playitback.evidence.sanity import SanityCheck
from playitback.evidence.scenes import Scene
from playitback.report import words
from playitback.report.figure import LANES

_CHOSEN_COLOUR, _LOUDEST_COLOUR = LANES[:2]
_RANDOM_COLOUR = "#5F6B7A"
_COLOURS = {
    **{CHOSEN: _CHOSEN_COLOUR, ATTENTION: _CHOSEN_COLOUR},
    **{RANDOM: _RANDOM_COLOUR, RANDOM_ORDER: _RANDOM_COLOUR},
    **{LOUDEST: _LOUDEST_COLOUR, ENERGY: _LOUDEST_COLOUR},
}
_MARKERS = {CHOSEN: "o", ATTENTION: "o", RANDOM: "s", RANDOM_ORDER: "s", LOUDEST: "^", ENERGY: "^"}
#: of the ways to explain; those that controls have, too, look as they do there
_RIVALS = {
    RELEVANCE: (_CHOSEN_COLOUR, "o"),
    LOUDEST: (_LOUDEST_COLOUR, "^"),
    RANDOM: (_RANDOM_COLOUR, "s"),
    ACTIVITY: (LANES[2], "D"),
    PASSAGE: ("#332288", "p"),
    KEPT_ALONE: (LANES[3], "v"),
    OCCLUSION: (LANES[4], "P"),
    GRADIENT: ("#E69F00", "X"),
    INTEGRATED: ("#8C564B", "*"),
    GRAD_CAM: ("#882255", "<"),
    CLASS_MAP: ("#44AA99", ">"),
    LEAST_RELEVANT: ("#B5BCC6", "x"),
}
#: name of a score, the field that holds it, which way is better
_SCORES = (
    ("AI, %", "average_increase", "higher"),
    ("AD, %", "average_drop", "lower"),
    ("AG, %", "average_gain", "higher"),
    ("Fid-In", "input_fidelity", "higher"),
    ("FF", "faithfulness", "higher, but only beside Fid-In"),
)


def write_figures(evidence: Evidence, folder: Path) -> tuple[Path, ...]:
    """Writes a PNG for each of the parts drawn here that was measured: controls.png, segments.png, curves.png, ..."""
    marked, lane = words.marked(evidence.replays), words.lane(evidence.replays)
    parts: dict[str, Callable[[], Figure] | None] = {
        "controls": _given(evidence.controls, partial(draw_controls, models=evidence.models)),
        "scenes": _given(evidence.scenes or None, partial(draw_scenes, models=evidence.models)),
        "segments": _given(evidence.segments, partial(draw_segments, marked=marked)),
        "curves": _given(evidence.curves, partial(draw_curves, lane=lane)),
        "localisation": _given(evidence.localisation or None, partial(draw_localisation, marked=marked)),
        "removal": _given(evidence.removal, draw_removal),
        "sanity": _given(evidence.sanity, partial(draw_sanity, marked=marked)),
    }
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, draw in parts.items():
        if draw is not None:
            paths.append(folder / f"{name}.png")
            draw().savefig(paths[-1], dpi=150)
    return tuple(paths)


def draw_controls(found: ControlComparison, models: int) -> Figure:
    """By how much the chosen segments lead over every control after the last hearing."""
    title = f"Chosen segments beside what else could be replayed{_mean_of(models)}"
    figure, (accuracy, probability) = _figure(found.clips, title, 2, 3.6)
    others = found.results[1:]
    names = [each.name for each in others]
    _draw_rows(accuracy, names, [each.accuracy_lead[-1] for each in others], 100)
    _draw_rows(probability, names, [each.probability_lead[-1] for each in others], 1)
    accuracy.set_title("Accuracy, after the last hearing", loc="left", fontsize=9)
    probability.set_title("True-class probability, after the last hearing", loc="left", fontsize=9)
    accuracy.set_xlabel("chosen minus control, percentage points", fontsize=8)
    probability.set_xlabel("chosen minus control", fontsize=8)
    probability.tick_params(labelleft=False)
    return figure


def draw_scenes(found: Sequence[Scene], models: int) -> Figure:
    """In every background: accuracy over the hearings, and by how much the chosen segments lead in the end."""
    clips = max(each.comparison.clips for each in found)
    title = f"Events in a background: does the choice help?{_mean_of(models)}"
    figure, (hearings, lead) = _figure(clips, title, 2, 1.6 + 0.42 * len(found))
    for place, scene in enumerate(found):
        drawn = [each for each in scene.comparison.results if each.name in (CHOSEN, RANDOM, LOUDEST)]
        for offset, each in zip((-0.2, 0.0, 0.2), drawn, strict=True):
            first, last = 100 * each.accuracy[0], 100 * each.accuracy[-1]
            hearings.plot([first, last], [place + offset] * 2, color=_COLOURS[each.name], linewidth=1)
            label = each.name if place == 0 else None
            colour, marker = _COLOURS[each.name], _MARKERS[each.name]
            hearings.plot([last], [place + offset], marker, color=colour, markersize=4, label=label)
    for offset, name in ((-0.2, RANDOM), (0.2, LOUDEST)):
        rows = [next(each for each in scene.comparison.results if each.name == name) for scene in found]
        _draw_points(lead, [each.accuracy_lead[-1] for each in rows], offset, name, 100, upright=True)
    lead.axvline(0, color="#555555", linewidth=0.8, linestyle=":")
    for axes in (hearings, lead):
        axes.set_yticks(range(len(found)), [each.condition for each in found], fontsize=8)
        axes.set_ylim(len(found) - 0.5, -0.5)
    lead.tick_params(labelleft=False)
    _legend(figure, hearings)
    hearings.set_title("Accuracy from the first hearing to the last hearing (mark)", loc="left", fontsize=9)
    hearings.set_xlabel("percent", fontsize=8)
    lead.set_title("Accuracy, after the last hearing", loc="left", fontsize=9)
    lead.set_xlabel("chosen minus control, percentage points", fontsize=8)
    return figure


def draw_segments(found: SegmentComparison, marked: str) -> Figure:
    """The five scores with every fill, for chosen, random and loudest time. marked: as ``words.marked`` says it."""
    title = f"Keeping or removing the {marked} {100 * found.kept_share:.0f} % of the time"
    figure, rows = _figure(found.clips, title, len(_SCORES), 3.4)
    for axes, (name, field, better) in zip(rows, _SCORES, strict=True):
        for offset, source in enumerate(SOURCES):
            scores = {each.fill: getattr(each.scores, field) for each in found.scores if each.source == source}
            _draw_points(axes, [scores[fill] for fill in FILLS], 0.2 * (offset - 1), source, 1)
        axes.set_title(f"{name} ({better})" if axes is not rows[-1] else f"{name} (higher*)", loc="left", fontsize=9)
        axes.set_xticks(range(len(FILLS)), FILLS, rotation=35, ha="right", fontsize=8)
    _legend(figure, rows[0])
    figure.supxlabel("*only beside Fid-In: whatever breaks the model has a high FF", fontsize=8, x=0.99, ha="right")
    return figure


def draw_curves(found: CurveComparison, lane: str) -> Figure:
    """Deletion and insertion, mean curves. lane: as ``words.lane`` names it."""
    figure, (deletion, insertion) = _figure(
        found.clips, f"Belief as time is removed and restored (fill: {found.fill})", 2, 3.6
    )
    for each in found.orders:
        for axes, curve, area in (
            (deletion, each.deletion, each.deletion_area),
            (insertion, each.insertion, each.insertion_area),
        ):
            name = lane if each.order == ATTENTION else each.order
            label = f"{name}: area {area.mean:.3f} [{area.low:.3f}, {area.high:.3f}]"
            axes.plot(
                found.shares, curve, color=_COLOURS[each.order], marker=_MARKERS[each.order], markersize=4, label=label
            )
    for axes, title, what in (
        (deletion, "Deletion (lower is better)", "removed"),
        (insertion, "Insertion (higher is better)", "restored"),
    ):
        axes.set_title(title, loc="left", fontsize=9)
        axes.set_xlabel(f"share of time {what}, most important first", fontsize=8)
        axes.set(xlim=(0, 1), ylim=(0, 1))
        axes.legend(fontsize=7, frameon=False)
    deletion.set_ylabel("probability of the named class", fontsize=8)
    return figure


def draw_localisation(found: Sequence[Located], marked: str) -> Figure:
    """Share of marked time inside the event, IoU and pointing game for every kind of sound."""
    title = f"Is the {marked} time where the event is?"
    figure, rows = _figure(max(each.clips for each in found), title, 3, 1.6 + 0.32 * len(found))
    fields = (
        (f"{marked.capitalize()} time inside, %", "share"),
        ("Intersection over union, %", "overlap"),
        ("Peak inside, %", "pointing"),
    )
    for axes, (title, field) in zip(rows, fields, strict=True):
        for offset, (source, way) in enumerate(((CHOSEN, "chosen"), (RANDOM, "random"), (LOUDEST, "loudest"))):
            intervals = [getattr(getattr(each, way), field) for each in found]
            _draw_points(axes, intervals, 0.2 * (offset - 1), source, 100, upright=True)
        axes.set_title(title, loc="left", fontsize=9)
        axes.set_yticks(range(len(found)), [each.condition for each in found], fontsize=8)
        axes.tick_params(labelleft=axes is rows[0])
        axes.set_ylim(len(found) - 0.5, -0.5)
        axes.set_xlim(-2, 102)
    _legend(figure, rows[0])
    return figure


def draw_removal(found: RemovalComparison) -> Figure:
    """What is left of the named class with more and more of the time that every way marks, and without it."""
    title = f"The marked time kept alone, or removed (fill: {found.fill})"
    figure, (kept, fall) = _figure(found.clips, title, 2, 5.2)
    percent = [100 * share for share in found.shares]
    for each in found.curves:
        colour, marker = _RIVALS[each.way]
        for axes, curve, area in ((kept, each.kept, each.kept_area), (fall, each.fall, each.fall_area)):
            low, high = [point.low for point in curve], [point.high for point in curve]
            axes.fill_between(percent, low, high, color=colour, alpha=0.08, linewidth=0)
            label = f"{each.way}: {area.mean:.3f} [{area.low:.3f}, {area.high:.3f}]"
            means = [point.mean for point in curve]
            axes.plot(percent, means, color=colour, marker=marker, markersize=4, linewidth=1.2, label=label)
    kept.axhline(found.probability.mean, color="#555555", linewidth=0.8, linestyle=":")
    kept.set_title("Kept alone (higher is better; dotted: the whole clip)", loc="left", fontsize=9)
    fall.set_title("Removed (higher is better, but only beside the other)", loc="left", fontsize=9)
    kept.set_ylabel("probability of the named class", fontsize=8)
    fall.set_ylabel("its fall", fontsize=8)
    for axes in (kept, fall):
        axes.set_xlabel("percent of the clip that is marked; in the legend: mean height of the curve", fontsize=8)
        axes.set(xlim=(0, percent[-1]), ylim=(0, 1))
        axes.legend(fontsize=6.5, frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=2)
    return figure


def draw_sanity(found: SanityCheck, marked: str) -> Figure:
    """Planted events found, and likeness of the segments, with shuffled weights."""
    figure, (inside, overlap) = _figure(found.clips, "With shuffled weights segments must lose their meaning", 2, 2.8)
    names = ["as trained", *(f"{each.part} shuffled" for each in found.parts)]
    _draw_rows(inside, names, [found.inside, *(each.inside for each in found.parts)], 100)
    inside.axvline(100 * found.chance_inside, color=_RANDOM_COLOUR, linestyle="--", linewidth=1, label="chance")
    inside.set_title(f"{marked.capitalize()} time inside planted events, %", loc="left", fontsize=9)
    inside.legend(fontsize=7, frameon=False)
    parts = range(len(found.parts))
    _draw_points(overlap, [each.overlap for each in found.parts], -0.1, CHOSEN, 100, upright=True)
    _draw_points(overlap, [each.chance_overlap for each in found.parts], 0.1, RANDOM, 100, upright=True)
    overlap.set_yticks(parts, names[1:], fontsize=8)
    overlap.set_ylim(len(found.parts) - 0.5, -0.5)
    overlap.set_title("IoU with the trained model's segments, %", loc="left", fontsize=9)
    overlap.legend(fontsize=7, frameon=False)
    return figure


def _mean_of(models: int) -> str:
    return f" · mean of {models} models" if models > 1 else ""


def _given(found: object, draw: Callable[..., Figure]) -> Callable[[], Figure] | None:
    return None if found is None else lambda: draw(found)


def _figure(clips: int, title: str, panels: int, height: float) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(11, height), facecolor="white", layout="constrained")
    figure.suptitle(f"{title} · {counted(clips, 'clip')}, 95 % intervals", x=0.01, ha="left", fontsize=12)
    axes = [figure.add_subplot(1, panels, panel + 1) for panel in range(panels)]
    for each in axes:
        each.spines[["top", "right"]].set_visible(False)
        each.tick_params(labelsize=8)
    return figure, axes


def _legend(figure: Figure, axes: Axes) -> None:
    """One for all panels, beside the title, where it hides nothing."""
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="upper right", ncols=len(labels), fontsize=8, frameon=False)


def _draw_rows(axes: Axes, names: Sequence[str], intervals: Sequence[Interval], scale: float) -> None:
    _draw_points(axes, intervals, 0.0, CHOSEN, scale, upright=True)
    axes.axvline(0, color="#555555", linewidth=0.8, linestyle=":")
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.set_ylim(len(names) - 0.5, -0.5)


def _draw_points(
    axes: Axes, intervals: Sequence[Interval], offset: float, source: str, scale: float, *, upright: bool = False
) -> None:
    """Means with their intervals, one a category; ``upright``: categories go down, values across."""
    mean = scale * np.array([each.mean for each in intervals])
    reach = scale * np.array([[each.mean - each.low, each.high - each.mean] for each in intervals]).T.clip(0)
    place = np.arange(len(intervals)) + offset
    across, along = (mean, place) if upright else (place, mean)
    axes.errorbar(
        across,
        along,
        xerr=reach if upright else None,
        yerr=None if upright else reach,
        fmt=_MARKERS[source],
        color=_COLOURS[source],
        markersize=4,
        capsize=2,
        label=source,
    )
