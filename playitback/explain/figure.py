"""The figure of an explanation for a paper or a folder of results: one row a pass, all rows on the clip's seconds.

Left: the log-mel spectrogram with the replayed segments framed, and below it the two slot-attention maps with the
threshold and the segments chosen for the next pass. Right: the leading classes and how the pass moved them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FuncFormatter

from playitback.explain.explanation import Explanation
from playitback.explain.timeline import clip_log_mel, colour_range, frequency_marks, second_marks

COLOUR_MAP = "magma"
#: told apart by colour-blind people (Okabe and Ito, 2008)
INFORMATIVE, UNINFORMATIVE, REPLAYED = "#D55E00", "#0072B2", "#FFFFFF"
BAR, BAR_OF_DECISION = "#A9B4C2", "#D55E00"
COLUMNS = 1600
CLASSES_SHOWN = 5


def draw(explanation: Explanation, mel_hertz: np.ndarray) -> Figure:
    """The figure of all passes. ``mel_hertz``: (mels,) centre frequencies of the model's mel bins."""
    passes = len(explanation.playbacks)
    figure = Figure(figsize=(11, 0.8 + 2.5 * passes), facecolor="white")
    figure.set_layout_engine(ConstrainedLayoutEngine(h_pad=0.02, hspace=0.02))
    title = f"{explanation.info.name}, heard by {explanation.model_name}"
    figure.suptitle(title, x=0.01, ha="left", fontsize=12, parse_math=False)
    # of every pass: spectrogram above attention on the left, confidences beside both
    grid = figure.add_gridspec(2 * passes, 2, width_ratios=(4, 1), height_ratios=(3, 1) * passes)
    colours = colour_range(explanation.playbacks[0])
    for index in range(passes):
        spectrogram = figure.add_subplot(grid[2 * index, 0])
        _draw_spectrogram(spectrogram, explanation, index, mel_hertz, colours)
        attention = figure.add_subplot(grid[2 * index + 1, 0], sharex=spectrogram)
        _draw_attention(attention, explanation, index, last=index == passes - 1)
        _draw_confidences(figure.add_subplot(grid[2 * index : 2 * index + 2, 1]), explanation, index)
    return figure


def write_figure(explanation: Explanation, mel_hertz: np.ndarray, path: Path) -> None:
    """Writes the figure; the name's ending (.png, .svg, .pdf) chooses the format."""
    draw(explanation, mel_hertz).savefig(path, dpi=150)


def _draw_spectrogram(
    axes: Axes, explanation: Explanation, index: int, mel_hertz: np.ndarray, colours: tuple[float, float]
) -> None:
    playback = explanation.playbacks[index]
    clip_seconds = explanation.clip_seconds
    picture = clip_log_mel(explanation.playbacks[0], playback, clip_seconds, COLUMNS)
    axes.imshow(
        picture.T,
        origin="lower",
        aspect="auto",
        extent=(0.0, clip_seconds, 0.0, 1.0),
        cmap=COLOUR_MAP,
        vmin=colours[0],
        vmax=colours[1],
        interpolation="nearest",
    )
    for segment in playback.replayed:
        axes.axvspan(segment.start_seconds, segment.end_seconds, fill=False, edgecolor=REPLAYED, linewidth=1.2)
    marks = frequency_marks(mel_hertz)
    axes.set_yticks([fraction for fraction, _ in marks], [hertz_label(hertz) for _, hertz in marks], fontsize=8)
    axes.tick_params(labelbottom=False)
    axes.set_title(_title(explanation, index), loc="left", fontsize=9)


def _draw_attention(axes: Axes, explanation: Explanation, index: int, *, last: bool) -> None:
    playback = explanation.playbacks[index]
    for segment in playback.segments:
        axes.axvspan(segment.start_seconds, segment.end_seconds, color=INFORMATIVE, alpha=0.18, linewidth=0)
    axes.plot(playback.seconds, playback.slot_attention[0], color=INFORMATIVE, linewidth=1.2, label="informative")
    for slot in playback.slot_attention[1:]:
        axes.plot(playback.seconds, slot, color=UNINFORMATIVE, linewidth=1.0, linestyle=(0, (4, 1.5)))
    axes.lines[1].set_label("uninformative")
    axes.axhline(playback.threshold, color="#555555", linewidth=0.8, linestyle=":", label="threshold")
    axes.set(xlim=(0.0, explanation.clip_seconds), ylim=(0.0, 1.02), yticks=(0, 1))
    axes.tick_params(labelsize=8, labelbottom=last)
    axes.set_xticks(second_marks(explanation.clip_seconds))
    if last:
        axes.set_xlabel("seconds in the clip; shaded: the segments that this pass chose", fontsize=8)
    if index == 0:
        axes.legend(loc="lower right", ncols=3, fontsize=7, frameon=False, bbox_to_anchor=(1.0, 0.95), borderaxespad=0)


def _draw_confidences(axes: Axes, explanation: Explanation, index: int) -> None:
    names = explanation.ranking(index)[:CLASSES_SHOWN]
    for row, name in enumerate(names):
        probability = explanation.probability(index, name)
        axes.barh(row, probability, color=BAR_OF_DECISION if row == 0 else BAR, height=0.28)
        change = explanation.change(index, name)
        moved = "" if change is None else f"  {_signed(round(100 * change))}"
        caption = f"{name.replace('_', ' ')}  {100 * probability:.0f} %{moved}"
        axes.text(0.0, row - 0.26, caption, fontsize=8, va="bottom", parse_math=False)
    axes.set(xlim=(0.0, 1.0), ylim=(CLASSES_SHOWN - 0.4, -0.7))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.0f} %"))
    axes.tick_params(labelsize=7, left=False, labelleft=False, labelbottom=index == len(explanation.playbacks) - 1)
    axes.set_xticks((0.0, 0.5, 1.0))
    axes.spines[["top", "right", "left"]].set_visible(False)


def _title(explanation: Explanation, index: int) -> str:
    playback = explanation.playbacks[index]
    hop = f"hop {1000 * playback.hop_seconds:.3g} ms"
    if index == 0:
        return f"First hearing · {hop}"
    replayed = sum(segment.seconds for segment in playback.replayed)
    return f"Playback {index} · {hop} · replays {replayed:.2f} s of {explanation.clip_seconds:.3g} s"


def _signed(points: int) -> str:
    return "±0" if points == 0 else f"{points:+d}".replace("-", "\N{MINUS SIGN}")


def hertz_label(hertz: float) -> str:
    """250.0 -> "250 Hz", 4000.0 -> "4 kHz"."""
    return f"{hertz:g} Hz" if hertz < 1000 else f"{hertz / 1000:g} kHz"
