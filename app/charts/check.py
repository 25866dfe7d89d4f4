"""What the model says of every second alone, as a plotly figure, and what activity says of the same."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from app import text
from app.figures import LINE_COLOURS, lay_out, percent_axis, seconds_axis
from app.service.findings import STEP_SECONDS, Alone
from playitback.report import words


def alone_chart(found: Alone, clip_seconds: float) -> go.Figure:
    """A colour a class: a line with dots of what was heard, a dotted one of activity; gaps where nothing sounds."""
    figure = go.Figure()
    for place, label in enumerate(found.told):
        colour, column = LINE_COLOURS[place % len(LINE_COLOURS)], found.labels.index(label)
        name, width = words.class_name(label), 3 if label == found.label else 1.5
        curves = [(name, found.probabilities, "lines+markers", "solid")]
        if found.activity is not None:
            curves.append((text.by_activity(name), found.activity, "lines", "dot"))
        for title, values, mode, dash in curves:
            seconds, percents = _with_gaps(found, 100 * values[:, column])
            figure.add_scatter(
                x=seconds,
                y=percents,
                name=title,
                legendgroup=label,
                showlegend=dash == "solid",  # what is dotted is told above the chart; a phone has no room for more
                mode=mode,
                line={"color": colour, "width": width, "dash": dash},
                marker={"size": 6},
                hovertemplate="%{y:.1f} %",
            )
    lay_out(figure, 340)
    figure.update_layout(hovermode="x unified")
    figure.update_xaxes(**seconds_axis(clip_seconds))
    figure.update_yaxes(**percent_axis())
    return figure


def _with_gaps(found: Alone, percents: np.ndarray) -> tuple[list[float | None], list[float | None]]:
    """Seconds and values, parted where stretches were left out: nothing sounds there."""
    seconds: list[float | None] = []
    values: list[float | None] = []
    for before, second, value in zip((0.0, *found.seconds), found.seconds, percents.tolist(), strict=False):
        if seconds and second - before > 1.5 * STEP_SECONDS:
            seconds.append(None)
            values.append(None)
        seconds.append(second)
        values.append(value)
    return seconds, values
