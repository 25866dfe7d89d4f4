"""The figure of an explanation for a paper or a folder of results: one row a hearing, all rows on the clip's seconds.

Left: the log-mel spectrogram with the replayed segments framed, and below it the hearing's lanes with the threshold and
the segments chosen for the next hearing; under the first hearing also the map of classes over time, where the model
tells what each moment would be by itself, and what other ways to explain say, where that was asked for. Right: the
leading classes and how the hearing moved them.

It is as wide as a page of two columns, with type of 7 and 8 points at that size. In an SVG all text is text, to be
searched and edited. The same explanation gives the same file, byte for byte.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
from matplotlib.artist import Artist
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.patheffects import AbstractPathEffect, withStroke

from playitback.explain.explanation import Explanation
from playitback.explain.lanes import FurtherLane
from playitback.report import words
from playitback.report.activity import shown_classes
from playitback.report.lanes import lane_caption, lanes_title
from playitback.report.sheet import POINT, SETTINGS, Panel, Sheet
from playitback.report.timeline import clip_log_mel, colour_range, frequency_marks, second_marks
from playitback.segments import Segment

COLOUR_MAP = "magma"
#: the page's colours, which colour-blind people can tell apart (after Okabe and Ito, 2008)
LANES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9")  # of lanes; the first is the relevance
REPLAYED = "#FFFFFF"
ACTIVITY = "#009E73"
BAR, BAR_OF_DECISION = "#A9B4C2", "#0072B2"
COLUMNS = 1600
CLASSES_SHOWN = 5
DOTS_PER_INCH = 300

# Inches. The layout is known beforehand, so nothing has to be measured and moved.
_WIDTH, _LEFT, _MAPS, _GAP, _RIGHT = 7.0, 0.52, 4.78, 0.22, 0.08
_TOP, _TITLE, _SPECTROGRAM, _BETWEEN, _CURVES, _BOTTOM = 0.38, 0.2, 0.95, 0.05, 0.33, 0.34
_ROW_GAP = 0.1
_ROW = _TITLE + _SPECTROGRAM + _BETWEEN + _CURVES + _ROW_GAP
_STRIP, _ABOVE_STRIPS = 0.19, 0.16  # a lane of the map of classes, or a further one; what is above the first of them
_LARGE_TYPE, _TYPE = 8.0, 7.0  # points

#: around white frames, to be seen on bright sounds, too
_DARK_EDGE: list[AbstractPathEffect] = [withStroke(linewidth=2.0, foreground="black")]
_CHOSEN = 0.22  # how much of the colour covers what is below
_THRESHOLD: dict[str, Any] = {"color": "#555555", "linewidth": 0.7, "linestyle": ":"}
#: behind a caption on a curve
_HALO = {"facecolor": "white", "alpha": 0.7, "linewidth": 0, "pad": 0.6}
_drawing = threading.Lock()  # matplotlib's settings are global


def draw(explanation: Explanation, mel_hertz: np.ndarray) -> Sheet:
    """The figure of all hearings. ``mel_hertz``: (mels,) centre frequencies of the model's mel bins."""
    hearings = len(explanation.hearings)
    first = explanation.hearings[0]
    shown = () if first.activity is None else shown_classes(explanation)
    further = () if explanation.further_lanes is None else explanation.further_lanes.lanes
    strips = {
        "activity": (words.ACTIVITY_TITLE, [_class_strip(explanation, position) for position in shown]),
        "further": (lanes_title(explanation.further_lanes), [_further_strip(lane, explanation) for lane in further]),
    }
    strips_height = sum(_ABOVE_STRIPS + _STRIP * len(each) for _, each in strips.values() if each)
    sheet = Sheet(_WIDTH, _TOP + _ROW * hearings + strips_height + _BOTTOM)
    seconds = (0.0, explanation.clip_seconds)

    sheet.write(0.08, 0.06, _heading(explanation), _LARGE_TYPE)
    colours = colour_range(explanation.hearings[0])
    for index in range(hearings):
        top = _TOP + _ROW * index + _TITLE + (strips_height if index else 0.0)
        spectrogram = sheet.panel(f"spectrogram-{index}", _LEFT, top, _MAPS, _SPECTROGRAM, seconds)
        _draw_spectrogram(spectrogram, explanation, index, mel_hertz, colours)
        below = top + _SPECTROGRAM + _BETWEEN
        lowest = sheet.panel(f"lanes-{index}", _LEFT, below, _MAPS, _CURVES, seconds, (0.0, 1.02))
        _draw_lanes(lowest, explanation, index)
        beside = _LEFT + _MAPS + _GAP
        confidences = sheet.panel(
            f"confidences-{index}", beside, top, _WIDTH - beside - _RIGHT, _SPECTROGRAM + _BETWEEN + _CURVES,
            up=(CLASSES_SHOWN - 0.6, -0.75),
        )  # fmt: skip
        _draw_confidences(confidences, explanation, index)
    top = _TOP + _ROW - _ROW_GAP
    for name, (title, each) in strips.items():
        if each:
            top += _ABOVE_STRIPS
            tall = _STRIP * len(each)
            panel = sheet.panel(name, _LEFT, top, _MAPS, tall, seconds, (0.0, len(each)))
            _draw_strips(panel, title, each)
            lowest = panel if hearings == 1 else lowest
            top += tall
    marks = second_marks(explanation.clip_seconds)
    digits = 0 if all(second.is_integer() for second in marks) else 1
    lowest.mark_width([(second, f"{second:.{digits}f}") for second in marks], _TYPE)
    lowest.name_width("seconds of the clip", _TYPE, 0.21)
    _draw_legend(sheet, explanation)
    return sheet


def _draw_legend(sheet: Sheet, explanation: Explanation) -> None:
    """Of what the first hearing shows, and of the frames in later ones."""
    first = explanation.hearings[0]
    handles: list[Artist] = []
    if len(explanation.hearings) > 1:
        framed = matplotlib.colormaps[COLOUR_MAP](0.3)
        handles += [Patch(facecolor=framed, edgecolor=REPLAYED, linewidth=0.9, label="replayed in this hearing")]
        handles[0].set_path_effects(_DARK_EDGE)
    if first.segments:
        label = "chosen for the next hearing" if explanation.replays else "chosen"
        handles += [Patch(color=LANES[0], alpha=_CHOSEN, linewidth=0, label=label)]
    handles += [Line2D((), (), label=lane.name, **_lane(number)) for number, lane in enumerate(first.lanes)]
    handles += [Line2D((), (), label="threshold", **_THRESHOLD)]
    place = (1 - _RIGHT / sheet.width, 1 - 0.24 / sheet.height)
    sheet.figure.legend(
        handles=handles, loc="upper right", bbox_to_anchor=place, borderaxespad=0, ncols=len(handles),
        fontsize=_TYPE, frameon=False, handlelength=1.8, columnspacing=1.4, borderpad=0,
    )  # fmt: skip


@dataclass(frozen=True)
class Figures:
    """The figure as files hold it."""

    png: bytes
    svg: str


def figures_of(explanation: Explanation, mel_hertz: np.ndarray) -> Figures:
    """The figure in both formats. ``mel_hertz``: as for ``draw``."""
    with _drawing, matplotlib.rc_context(SETTINGS):  # type: ignore[arg-type]
        sheet = draw(explanation, mel_hertz)
        return Figures(sheet.png(DOTS_PER_INCH), sheet.svg())


def _draw_spectrogram(
    panel: Panel, explanation: Explanation, index: int, mel_hertz: np.ndarray, colours: tuple[float, float]
) -> None:
    hearing = explanation.hearings[index]
    picture = clip_log_mel(explanation.hearings[0], hearing, explanation.clip_seconds, COLUMNS)
    panel.picture(picture.T, COLOUR_MAP, colours)
    panel.boxes(
        _from_bottom_to_top(hearing.replayed, panel),
        **{"fill": False, "edgecolor": REPLAYED, "linewidth": 0.9, "path_effects": _DARK_EDGE},
    )
    panel.frame()
    panel.mark_height([(share, words.hertz(hertz)) for share, hertz in frequency_marks(mel_hertz)], _TYPE)
    panel.title(_title(explanation, index), _LARGE_TYPE)


def _draw_lanes(panel: Panel, explanation: Explanation, index: int) -> None:
    hearing = explanation.hearings[index]
    panel.boxes(_from_bottom_to_top(hearing.segments, panel), color=LANES[0], alpha=_CHOSEN, linewidth=0)
    for number, lane in enumerate(hearing.lanes):
        panel.curve(hearing.seconds, lane.values, **_lane(number))
    panel.curve(panel.across, (hearing.threshold, hearing.threshold), **_THRESHOLD)
    panel.frame()
    panel.mark_height(((0, "0"), (1, "1")), _TYPE)


def _lane(number: int) -> dict[str, Any]:
    dashes = {"linewidth": 1.0} if number == 0 else {"linewidth": 0.8, "linestyle": (0, (4, 1.5))}
    return {"color": LANES[number % len(LANES)], **dashes}


def _from_bottom_to_top(segments: Iterable[Segment], panel: Panel) -> list[tuple[float, float, float, float]]:
    return [(each.start_seconds, each.end_seconds, *panel.up) for each in segments]


@dataclass(frozen=True)
class _Strip:
    """A curve of values up to 1, which is filled to 0."""

    caption: str
    seconds: np.ndarray
    values: np.ndarray
    colour: str
    bold: bool = False


def _class_strip(explanation: Explanation, position: int) -> _Strip:
    """What the first hearing's moments would be by themselves: one class of them."""
    first = explanation.hearings[0]
    assert first.activity is not None, "whoever asks has looked"
    label, values = explanation.labels[position], first.activity[:, position]
    caption = f"{words.class_name(label)}  {words.up_to(float(values.max()))}"
    if label == explanation.asked(0) != explanation.decision(0):
        caption += f", {words.ASKED_ABOUT}"
    return _Strip(caption, first.seconds, values, ACTIVITY, bold=label == explanation.decision(0))


def _further_strip(lane: FurtherLane, explanation: Explanation) -> _Strip:
    """What another way to explain says of the first hearing; below 0 what speaks against the class."""
    assert explanation.further_lanes is not None, "whoever asks has looked"
    return _Strip(lane_caption(lane), explanation.further_lanes.seconds, lane.shares, LANES[0])


def _draw_strips(panel: Panel, title: str, strips: Sequence[_Strip]) -> None:
    """One below the other, each from its lowest value, or 0, to 1."""
    for above, strip in enumerate(strips):
        floor = len(strips) - 1 - above
        lowest = min(0.0, 1.02 * float(strip.values.min()))
        zero, *heights = floor + (np.array([0.0, *strip.values]) - lowest) / (1.02 - lowest)
        panel.filled(strip.seconds, np.array(heights), zero, color=strip.colour, alpha=0.3)
        panel.curve(strip.seconds, heights, color=strip.colour, linewidth=0.8)
        panel.write(
            0.006 * panel.across[1], floor + 0.92, strip.caption, _TYPE, va="top",
            weight="bold" if strip.bold else "normal", bbox=_HALO,
        )  # fmt: skip
    panel.frame(lines=range(1, len(strips)))
    panel.title(title, _TYPE, 2 * POINT)


def _draw_confidences(panel: Panel, explanation: Explanation, index: int) -> None:
    for row, name in enumerate(explanation.foremost(index, CLASSES_SHOWN)):
        probability, decided = explanation.probability(index, name), name == explanation.decision(index)
        bar = (0.0, probability, row + 0.14, row - 0.14)
        panel.boxes([bar], facecolor=BAR_OF_DECISION if decided else BAR, linewidth=0)
        change = explanation.change(index, name)
        moved = "" if change is None else f"  {words.signed_points(change)}"
        panel.write(
            0.0, row - 0.24, f"{words.class_name(name)}  {words.percent(probability)}{moved}", _TYPE, va="bottom"
        )
    panel.frame(floor_only=True)
    if index == len(explanation.hearings) - 1:
        panel.mark_width([(share, words.percent(share)) for share in (0.0, 0.5, 1.0)], _TYPE, within=True)
    if explanation.decision_changed(index):
        panel.title("decision changed", _TYPE)


def _heading(explanation: Explanation) -> str:
    start = explanation.start_seconds
    window = f", {start:.2f} to {start + explanation.seconds:.2f} s" if start else ""
    return f"{explanation.info.name}{window}, heard by {explanation.model_name}"


def _title(explanation: Explanation, index: int) -> str:
    hearing = explanation.hearings[index]
    title = words.hearing_title(index)
    if explanation.reads_log_mel:
        title += f" · hop {words.milliseconds(hearing.hop_seconds)}"
    if index == 0:
        return title
    return f"{title} · replays {words.seconds(hearing.replayed_seconds)} of {words.seconds(explanation.clip_seconds)}"
