"""The figure of an explanation for a paper or a folder of results: one row a hearing, all rows on the clip's seconds.

Left: the log-mel spectrogram with the replayed segments framed, and below it the hearing's lanes with the threshold and
the segments chosen for the next hearing; under the first hearing also the map of classes over time, where the model
tells what each moment would be by itself, and what other ways to explain say, where that was asked for. Right: the
leading classes and how the hearing moved them.

It is as wide as a page of two columns, with type of 7 and 8 points at that size. In an SVG all text is text, to be
searched and edited. The same explanation gives the same file, byte for byte.
"""

from __future__ import annotations

import base64
import re
import threading
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO, StringIO
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from matplotlib.patheffects import AbstractPathEffect, withStroke
from PIL import Image

from playitback.explain.explanation import Explanation
from playitback.explain.lanes import FurtherLane
from playitback.report import words
from playitback.report.activity import shown_classes
from playitback.report.lanes import lane_caption, lanes_title
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
_SETTINGS = {
    "font.size": _TYPE,
    "axes.linewidth": 0.6,
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "playitback",  # otherwise the names of the file's parts are random
}
_NO_DATE = {"Date": None}  # it would differ from one second to the next
_EMBEDDED_PNG = re.compile(r"data:image/png;base64,([A-Za-z0-9+/=\s]+)")
_drawing = threading.Lock()  # matplotlib's settings are global


def draw(explanation: Explanation, mel_hertz: np.ndarray) -> Figure:
    """The figure of all hearings. ``mel_hertz``: (mels,) centre frequencies of the model's mel bins."""
    hearings = len(explanation.hearings)
    first = explanation.hearings[0]
    shown = () if first.activity is None else shown_classes(explanation)
    further = () if explanation.further_lanes is None else explanation.further_lanes.lanes
    strips = {
        words.ACTIVITY_TITLE: [_class_strip(explanation, position) for position in shown],
        lanes_title(explanation.further_lanes): [_further_strip(lane, explanation) for lane in further],
    }
    strips_height = sum(_ABOVE_STRIPS + _STRIP * len(each) for each in strips.values() if each)
    height = _TOP + _ROW * hearings + strips_height + _BOTTOM
    figure = Figure(figsize=(_WIDTH, height), facecolor="white")

    def place(left: float, top: float, width: float, tall: float) -> Axes:
        return figure.add_axes((left / _WIDTH, 1 - (top + tall) / height, width / _WIDTH, tall / height))

    figure.text(
        0.08 / _WIDTH, 1 - 0.06 / height, _heading(explanation), fontsize=_LARGE_TYPE, va="top", parse_math=False
    )
    colours = colour_range(explanation.hearings[0])
    for index in range(hearings):
        top = _TOP + _ROW * index + _TITLE + (strips_height if index else 0.0)
        spectrogram = place(_LEFT, top, _MAPS, _SPECTROGRAM)
        _draw_spectrogram(spectrogram, explanation, index, mel_hertz, colours)
        lanes = place(_LEFT, top + _SPECTROGRAM + _BETWEEN, _MAPS, _CURVES)
        _draw_lanes(lanes, explanation, index, last=index == hearings - 1 and not (strips_height and index == 0))
        beside = _LEFT + _MAPS + _GAP
        confidences = place(beside, top, _WIDTH - beside - _RIGHT, _SPECTROGRAM + _BETWEEN + _CURVES)
        _draw_confidences(confidences, explanation, index)
    top = _TOP + _ROW - _ROW_GAP
    drawn = [title for title, each in strips.items() if each]
    for title in drawn:
        top += _ABOVE_STRIPS
        tall = _STRIP * len(strips[title])
        axes = place(_LEFT, top, _MAPS, tall)
        _draw_strips(axes, strips[title])
        axes.set_xlim(0.0, explanation.clip_seconds)
        axes.set_title(title, loc="left", fontsize=_TYPE, pad=2, parse_math=False)
        _mark_seconds(axes, explanation, numbered=hearings == 1 and title == drawn[-1])
        top += tall
    handles, names = figure.axes[1].get_legend_handles_labels()
    if hearings > 1:
        handles.insert(0, Patch(facecolor=matplotlib.colormaps[COLOUR_MAP](0.3), edgecolor=REPLAYED, linewidth=0.9))
        handles[0].set_path_effects(_DARK_EDGE)
        names.insert(0, "replayed in this hearing")
    right = 1 - _RIGHT / _WIDTH
    figure.legend(
        handles, names, loc="upper right", bbox_to_anchor=(right, 1 - 0.24 / height), borderaxespad=0,
        ncols=len(names), fontsize=_TYPE, frameon=False, handlelength=1.8, columnspacing=1.4, borderpad=0,
    )  # fmt: skip
    return figure


@dataclass(frozen=True)
class Figures:
    """The figure as files hold it."""

    png: bytes
    svg: str


def figures_of(explanation: Explanation, mel_hertz: np.ndarray) -> Figures:
    """The figure in both formats. ``mel_hertz``: as for ``draw``."""
    with _drawing, matplotlib.rc_context(_SETTINGS):  # type: ignore[arg-type]
        figure = draw(explanation, mel_hertz)
        svg = StringIO()
        figure.savefig(svg, format="svg", dpi=DOTS_PER_INCH, metadata=_NO_DATE)
        return Figures(_png(figure), _EMBEDDED_PNG.sub(_with_palette, svg.getvalue()))


def _png(figure: Figure) -> bytes:
    """Without what ``savefig`` writes beside the colours: nothing shines through, so no share of it is stored."""
    figure.set_dpi(DOTS_PER_INCH)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    pixels = np.ascontiguousarray(np.asarray(canvas.buffer_rgba())[..., :3])
    written = BytesIO()
    # runs of one colour are most of it
    Image.fromarray(pixels).save(written, "png", dpi=(DOTS_PER_INCH, DOTS_PER_INCH), compress_type=zlib.Z_RLE)
    return written.getvalue()


def _with_palette(embedded: re.Match[str]) -> str:
    """The same pixels at a third of the size: a colour map has no more colours than a palette."""
    with Image.open(BytesIO(base64.b64decode(embedded[1]))) as picture:
        red, green, blue = np.moveaxis(np.asarray(picture.convert("RGB"), dtype=np.uint32), 2, 0)
    colours, index = np.unique(red << 16 | green << 8 | blue, return_inverse=True)
    small = Image.fromarray(index.reshape(red.shape).astype(np.uint8))
    small.putpalette([int(colour) >> shift & 255 for colour in colours for shift in (16, 8, 0)])
    written = BytesIO()
    small.save(written, "png")
    return f"data:image/png;base64,{base64.b64encode(written.getvalue()).decode('ascii')}"


def _draw_spectrogram(
    axes: Axes, explanation: Explanation, index: int, mel_hertz: np.ndarray, colours: tuple[float, float]
) -> None:
    hearing = explanation.hearings[index]
    clip_seconds = explanation.clip_seconds
    picture = clip_log_mel(explanation.hearings[0], hearing, clip_seconds, COLUMNS)
    axes.imshow(
        picture.T,
        origin="lower",
        aspect="auto",
        extent=(0.0, clip_seconds, 0.0, 1.0),
        cmap=COLOUR_MAP,
        vmin=colours[0],
        vmax=colours[1],
        interpolation="none",  # an SVG then holds these very pixels, not more of them
    )
    for segment in hearing.replayed:
        _span(axes, segment, fill=False, edgecolor=REPLAYED, linewidth=0.9, path_effects=_DARK_EDGE)
    marks = frequency_marks(mel_hertz)
    axes.set_yticks([fraction for fraction, _ in marks], [words.hertz(hertz) for _, hertz in marks])
    axes.tick_params(labelsize=_TYPE, length=2, width=0.6)
    _mark_seconds(axes, explanation, numbered=False)
    axes.set_title(_title(explanation, index), loc="left", fontsize=_LARGE_TYPE, pad=3)


def _draw_lanes(axes: Axes, explanation: Explanation, index: int, *, last: bool) -> None:
    hearing = explanation.hearings[index]
    for number, segment in enumerate(hearing.segments):
        label = None if number else "chosen for the next hearing" if explanation.replays else "chosen"
        _span(axes, segment, color=LANES[0], alpha=0.22, linewidth=0, label=label)
    for number, lane in enumerate(hearing.lanes):
        style: dict[str, Any] = {"linewidth": 1.0} if number == 0 else {"linewidth": 0.8, "linestyle": (0, (4, 1.5))}
        axes.plot(hearing.seconds, lane.values, color=LANES[number % len(LANES)], label=lane.name, **style)
    axes.axhline(hearing.threshold, color="#555555", linewidth=0.7, linestyle=":", label="threshold")
    axes.set(xlim=(0.0, explanation.clip_seconds), ylim=(0.0, 1.02), yticks=(0, 1))
    axes.tick_params(labelsize=_TYPE, length=2, width=0.6)
    _mark_seconds(axes, explanation, numbered=last)


def _span(axes: Axes, segment: Segment, **style: Any) -> None:
    """Of a segment, from the bottom to the top; ``axvspan`` takes thrice as long, to know limits that are set here."""
    corner, seconds = (segment.start_seconds, 0.0), segment.end_seconds - segment.start_seconds
    axes.add_artist(Rectangle(corner, seconds, 1.0, transform=axes.get_xaxis_transform(), **style))


def _mark_seconds(axes: Axes, explanation: Explanation, *, numbered: bool) -> None:
    """The time axis, with numbers under the last row alone: a mark of matplotlib costs more than a curve."""
    axes.set_xticks(second_marks(explanation.clip_seconds) if numbered else ())
    if numbered:
        axes.set_xlabel("seconds of the clip", fontsize=_TYPE, labelpad=2)


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


def _draw_strips(axes: Axes, strips: Sequence[_Strip]) -> None:
    """One below the other, each from its lowest value, or 0, to 1: one pair of axes costs less than one each."""
    for above, strip in enumerate(strips):
        floor = len(strips) - 1 - above
        lowest = min(0.0, 1.02 * float(strip.values.min()))
        zero, *heights = floor + (np.array([0.0, *strip.values]) - lowest) / (1.02 - lowest)
        axes.fill_between(strip.seconds, heights, zero, color=strip.colour, alpha=0.3, linewidth=0)
        axes.plot(strip.seconds, heights, color=strip.colour, linewidth=0.8)
        name = axes.text(
            0.006, (floor + 0.92) / len(strips), strip.caption, transform=axes.transAxes, fontsize=_TYPE, va="top",
            parse_math=False, weight="bold" if strip.bold else "normal",
        )  # fmt: skip
        name.set_path_effects([withStroke(linewidth=1.5, foreground="white")])
    axes.hlines(range(1, len(strips)), 0, 1, transform=axes.get_yaxis_transform(), color="black", linewidth=0.6)
    axes.set(ylim=(0.0, len(strips)), yticks=())
    axes.tick_params(labelsize=_TYPE, length=2, width=0.6)


def _draw_confidences(axes: Axes, explanation: Explanation, index: int) -> None:
    for row, name in enumerate(explanation.foremost(index, CLASSES_SHOWN)):
        probability, decided = explanation.probability(index, name), name == explanation.decision(index)
        axes.barh(row, probability, color=BAR_OF_DECISION if decided else BAR, height=0.28)
        change = explanation.change(index, name)
        moved = "" if change is None else f"  {words.signed_points(change)}"
        caption = f"{words.class_name(name)}  {words.percent(probability)}{moved}"
        axes.text(0.0, row - 0.24, caption, fontsize=_TYPE, va="bottom", parse_math=False)
    axes.set(xlim=(0.0, 1.0), ylim=(CLASSES_SHOWN - 0.6, -0.75))
    axes.set(xticks=(), yticks=())
    if index == len(explanation.hearings) - 1:
        shares = (0.0, 0.5, 1.0)
        axes.set_xticks(shares, [words.percent(share) for share in shares])
        axes.tick_params(labelsize=_TYPE, length=2, width=0.6)
        first, _, most = axes.get_xticklabels()
        first.set_horizontalalignment("left")
        most.set_horizontalalignment("right")
    axes.spines[["top", "right", "left"]].set_visible(False)
    if explanation.decision_changed(index):
        axes.set_title("decision changed", loc="left", fontsize=_TYPE, pad=3)


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
