"""Two classes over the hearings, and the relevance of every hearing with its segments in their colours, as figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from app import text
from app.figures import (
    LINE_COLOURS,
    MARKERS,
    RULE,
    TYPE,
    axis,
    hearings_axis,
    lay_out,
    percent_axis,
    seconds_axis,
    share_axis,
)
from app.service.contrast import ContrastView
from playitback.report import words

#: of the first class and of the second
CLASS_COLOURS = LINE_COLOURS[:2]
NEITHER_COLOUR = LINE_COLOURS[6]

_ROW_HEIGHT = 110


def trajectories_chart(view: ContrastView) -> go.Figure:
    """Above: the probability of both classes after every hearing; below: their log-odds."""
    contrast = view.contrast
    hearings = list(range(len(contrast.log_odds)))
    figure = make_subplots(rows=2, shared_xaxes=True, vertical_spacing=0.09, row_heights=[0.6, 0.4])
    for place, (label, values) in enumerate(
        ((contrast.first_label, contrast.first), (contrast.second_label, contrast.second))
    ):
        figure.add_scatter(
            x=hearings,
            y=[100 * value for value in values],
            row=1,
            col=1,
            name=words.class_name(label),
            mode="lines+markers",
            line={"color": CLASS_COLOURS[place], "width": 3},
            marker={"symbol": MARKERS[place], "size": 9},
            hovertemplate="%{y:.1f} %",
        )
    figure.add_bar(
        x=hearings,
        y=list(contrast.log_odds),
        row=2,
        col=1,
        width=0.3 if len(hearings) > 1 else 0.1,  # a single hearing has the whole axis to itself
        showlegend=False,
        marker={"color": [CLASS_COLOURS[0 if value >= 0 else 1] for value in contrast.log_odds]},
        name=text.LOG_ODDS_AXIS,
        hovertemplate="%{y:+.2f}",
    )
    lay_out(figure, 460)
    figure.update_layout(hovermode="x unified")
    figure.update_xaxes(row=1, col=1, **axis(grid=False))
    figure.update_xaxes(row=2, col=1, **hearings_axis(len(hearings), 0.4))
    figure.update_yaxes(row=1, col=1, **percent_axis(text.PROBABILITY_AXIS))
    figure.update_yaxes(row=2, col=1, **_odds_axis(contrast.log_odds))
    return figure


def activity_chart(view: ContrastView) -> go.Figure | None:
    """Above: what the model would say of each moment, both classes; below: their log-odds. None if unknown."""
    contrast, activity = view.contrast, view.contrast.activity
    if activity is None:
        return None
    figure = make_subplots(rows=2, shared_xaxes=True, vertical_spacing=0.09, row_heights=[0.6, 0.4])
    for place, (label, values) in enumerate(
        ((contrast.first_label, activity.first), (contrast.second_label, activity.second))
    ):
        figure.add_scatter(
            x=activity.seconds,
            y=[100 * value for value in values],
            row=1,
            col=1,
            name=words.class_name(label),
            mode="lines",
            line={"color": CLASS_COLOURS[place], "width": 2, "dash": ("solid", "dash")[place]},
            fill="tozeroy",
            hovertemplate="%{y:.1f} %",
        )
    for place, ahead in enumerate((np.maximum, np.minimum)):
        figure.add_scatter(
            x=activity.seconds,
            y=ahead(activity.log_odds, 0),
            row=2,
            col=1,
            mode="lines",
            line={"width": 0},
            fill="tozeroy",
            fillcolor=CLASS_COLOURS[place],
            opacity=0.6,
            showlegend=False,
            hoverinfo="skip",
        )
    figure.add_scatter(
        x=activity.seconds,
        y=activity.log_odds,
        row=2,
        col=1,
        mode="lines",
        name=text.LOG_ODDS_AXIS,
        line={"color": TYPE, "width": 2},
        showlegend=False,
        hovertemplate="%{y:+.2f}",
    )
    lay_out(figure, 420)
    figure.update_layout(hovermode="x unified")
    figure.update_xaxes(**seconds_axis(view.clip_seconds))
    figure.update_yaxes(row=1, col=1, **percent_axis(text.PROBABILITY_AXIS))
    figure.update_yaxes(row=2, col=1, **_odds_axis(activity.log_odds))
    return figure


def _odds_axis(values: Sequence[float]) -> dict[str, Any]:
    """Of log-odds, with 0 in the middle."""
    reach = 1.1 * max(1.0, *(abs(value) for value in values))
    zero = {"zeroline": True, "zerolinecolor": RULE}
    return {**axis(text.LOG_ODDS_AXIS, line=False), **zero, "range": [-reach, reach], "fixedrange": True}


def attention_chart(view: ContrastView) -> go.Figure:
    """The relevance, one small chart a hearing; its segments in the colour of the class that they spoke for."""
    contrast, count = view.contrast, len(view.hearings)
    figure = make_subplots(
        rows=count,
        shared_xaxes=True,
        vertical_spacing=0.3 / count,
        subplot_titles=[words.hearing_title(hearing.index) for hearing in view.hearings],
    )
    spoke_for = {each.segment: each.spoke_for for each in contrast.segments}
    colours = {contrast.first_label: CLASS_COLOURS[0], contrast.second_label: CLASS_COLOURS[1], None: NEITHER_COLOUR}
    for place, hearing in enumerate(view.hearings, start=1):
        at: dict[str, Any] = {"row": place, "col": 1}
        figure.add_scatter(
            x=hearing.seconds,
            y=hearing.relevance,
            **at,
            mode="lines",
            showlegend=False,
            line={"color": TYPE, "width": 2},
            hovertemplate="%{x:.2f} s: %{y:.2f}<extra></extra>",
        )
        figure.add_scatter(
            x=[0, view.clip_seconds],
            y=[hearing.threshold] * 2,
            **at,
            mode="lines",
            showlegend=False,
            line={"color": RULE, "width": 1.5, "dash": "dash"},
            hoverinfo="skip",
        )
        # plotly frames nothing where no line is drawn yet
        for segment in hearing.segments:
            figure.add_vrect(
                x0=segment.start_seconds,
                x1=segment.end_seconds,
                **at,
                fillcolor=colours[spoke_for[segment]],
                opacity=0.35,
                line_width=0,
                layer="below",
            )
    for label, colour in colours.items():
        name = text.NEITHER if label is None else words.class_name(label)
        figure.add_scatter(
            x=[None],
            y=[None],
            name=text.spoke_for(name),
            mode="markers",
            marker={"symbol": "square", "size": 12, "color": colour, "opacity": 0.5},
        )
    lay_out(figure, _ROW_HEIGHT * count + 130)
    figure.update_xaxes(**seconds_axis(view.clip_seconds))
    figure.update_yaxes(**share_axis())
    return figure
