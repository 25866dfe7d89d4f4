"""Arrays to pictures: the overview of a recording as SVG, the confidence chart, and what all charts share."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from app import text
from playitback.report import words

#: colours that colour-blind people tell apart, readable on light and on dark (after Okabe and Ito, 2008)
LINE_COLOURS = ("#D55E00", "#2E8BCB", "#009E73", "#CC79A7", "#C28B00", "#8A6FD1", "#8C8C8C")
MARKERS = ("circle", "square", "diamond", "triangle-up", "cross", "x", "star")
#: between light and dark: readable on either background
GRID, RULE, TYPE = "rgba(128, 136, 150, 0.25)", "rgba(128, 136, 150, 0.9)", "#7A828E"

_NO_COLOUR = "rgba(0,0,0,0)"


def overview_svg(peaks: np.ndarray, window: tuple[float, float], description: str) -> str:
    """Outline of a recording's loudness as an SVG element, the window marked.

    peaks: (columns,) in 0..1; window: start and end as fractions of the recording; description: for screen readers.
    """
    columns = len(peaks)
    scaled = peaks / max(float(peaks.max(initial=0.0)), 1e-6)
    half = np.maximum(48 * scaled, 0.6)  # silence is a thin line, not nothing
    x = 1000 * (np.arange(columns) + 0.5) / columns
    above = " ".join(f"{at:.1f},{50 - height:.1f}" for at, height in zip(x, half, strict=True))
    below = " ".join(f"{at:.1f},{50 + height:.1f}" for at, height in zip(x[::-1], half[::-1], strict=True))
    start, end = 1000 * window[0], 1000 * min(window[1], 1.0)
    return (
        '<svg class="overview" viewBox="0 0 1000 100" preserveAspectRatio="none" role="img" '
        f'aria-label="{html.escape(description)}"><polygon class="overview-sound" points="{above} {below}"/>'
        f'<rect class="overview-window" x="{start:.1f}" y="0" width="{max(end - start, 3):.1f}" height="100"/></svg>'
    )


def confidence_chart(
    probabilities: Mapping[str, Sequence[float]],
    decisions: Sequence[str],
    expected_hearings: int,
    asked: str | None,
) -> go.Figure:
    """Lines of the leading classes over the hearings; dotted rules mark the hearings where the decision changed.

    probabilities: class label -> probability after every hearing so far, the leading class first; decisions: label
    after every hearing; asked: the class that the visitor asked about, drawn thicker. One hearing makes no lines: it
    has a bar for every class.
    """
    if expected_hearings == 1:
        return _one_hearing_chart(probabilities)
    figure = go.Figure()
    for index, (label, values) in enumerate(probabilities.items()):
        strong = label == asked
        figure.add_scatter(
            x=list(range(len(values))),
            y=[100 * float(value) for value in values],
            name=words.class_name(label),
            mode="lines+markers",
            line={"color": LINE_COLOURS[index % len(LINE_COLOURS)], "width": 4 if strong else 2},
            marker={"symbol": MARKERS[index % len(MARKERS)], "size": 11 if strong else 8},
            hovertemplate="%{y:.1f} %",
        )
    for index in range(1, len(decisions)):
        if decisions[index] != decisions[index - 1]:
            _mark_change(
                figure, index, words.decision_change(decisions[index - 1], decisions[index]), expected_hearings
            )
    lay_out(figure, 400)
    figure.update_layout(
        margin={"l": 52, "r": 16, "t": 40, "b": 56},
        hovermode="x unified",
        legend={"orientation": "h", "yref": "paper", "y": -0.2, "yanchor": "top", "x": 0},
    )
    figure.update_xaxes(**hearings_axis(expected_hearings, 0.15))
    figure.update_yaxes(**percent_axis())
    return figure


def _one_hearing_chart(probabilities: Mapping[str, Sequence[float]]) -> go.Figure:
    figure = go.Figure()
    names = [words.class_name(label) for label in probabilities]
    figure.add_bar(
        x=names,
        y=[100 * float(value) for values in probabilities.values() for value in values],
        width=0.4,
        marker={"color": [LINE_COLOURS[index % len(LINE_COLOURS)] for index in range(len(names))]},
        hovertemplate="%{x}: %{y:.1f} %<extra></extra>",
    )
    lay_out(figure, 400)
    figure.update_layout(margin={"l": 52, "r": 16, "t": 40, "b": 56}, showlegend=False)
    figure.update_xaxes(type="category", **axis(grid=False))
    figure.update_yaxes(**percent_axis())
    return figure


def _mark_change(figure: go.Figure, index: int, caption: str, expected_hearings: int) -> None:
    # beside the rule, and towards the middle of the chart, so that the caption is never cut off
    left_half = index < (expected_hearings - 1) / 2
    figure.add_shape(
        type="line", x0=index, x1=index, y0=0, y1=1, yref="paper", line={"color": RULE, "width": 1.5, "dash": "dot"}
    )
    figure.add_annotation(
        x=index,
        y=1.02,
        yref="paper",
        text=html.escape(caption),
        showarrow=False,
        yanchor="bottom",
        xanchor="left" if left_half else "right",
    )


# What all charts share: arguments of plotly's update_layout, update_xaxes and update_yaxes.


def lay_out(figure: go.Figure, height: int) -> None:
    """Size, margins and legend of a chart that is one among several of its part."""
    figure.update_layout(
        template="none",
        height=height,
        margin={"l": 64, "r": 16, "t": 34, "b": 96},  # below: the axis and the legend
        paper_bgcolor=_NO_COLOUR,
        plot_bgcolor=_NO_COLOUR,
        font={"family": "system-ui, sans-serif", "size": 13, "color": TYPE},
        showlegend=True,
        # counted from the figure's lower edge, so that the legend stays below the axis whatever the height
        legend={"orientation": "h", "yref": "container", "y": 0, "yanchor": "bottom", "x": 0},
        dragmode=False,
    )


def axis(title: str | None = None, *, line: bool = True, grid: bool = True) -> dict[str, Any]:
    """An axis in the page's colours. line: along the axis itself; grid: across the chart."""
    drawn: dict[str, Any] = {"gridcolor": GRID if grid else _NO_COLOUR, "zeroline": False}
    if line:
        drawn["linecolor"] = RULE
    if title is not None:
        drawn["title"] = {"text": title, "standoff": 6, "font": {"size": 13}}
    return drawn


def percent_axis(title: str | None = None) -> dict[str, Any]:
    """Of probabilities, 0 to 100."""
    return {**axis(title, line=False), "range": [0, 103], "dtick": 25, "ticksuffix": " %", "fixedrange": True}


def share_axis() -> dict[str, Any]:
    """Of relevance or attention, 0 to 1."""
    return {**axis(line=False), "range": [0, 1.03], "tickvals": [0, 0.5, 1], "fixedrange": True}


def seconds_axis(clip_seconds: float, title: str | None = None) -> dict[str, Any]:
    """Of the clip's own seconds."""
    return {**axis(title), "range": [0, clip_seconds], "ticksuffix": " s"}


def hearings_axis(hearings: int, margin: float) -> dict[str, Any]:
    """Of the hearings of a run. margin: beside the first and the last of them; a single one stands in the middle."""
    beside = margin if hearings > 1 else 0.5
    return {
        **axis(text.HEARING_AXIS if hearings > 1 else None, grid=False),
        "tickvals": list(range(hearings)),
        "ticktext": [text.hearing_tick(index) for index in range(hearings)],
        "range": [-beside, hearings - 1 + beside],
    }
