"""Two classes over the hearings, and the attention of every hearing with its segments in their colours, as figures."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from app import text
from app.figures import GRID, LINE_COLOURS, MARKERS, RULE, TYPE
from app.service.contrast import ContrastView
from playitback.report import words

#: of the first class and of the second
CLASS_COLOURS = LINE_COLOURS[:2]
NEITHER_COLOUR = LINE_COLOURS[6]

_ROW_HEIGHT = 110
_MARGIN = {"l": 64, "r": 24, "t": 28, "b": 88}  # below: the axis and the legend


def trajectories_chart(view: ContrastView) -> go.Figure:
    """Above the probability of both classes after every hearing, below their log-odds."""
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
        width=0.3,
        showlegend=False,
        marker={"color": [CLASS_COLOURS[0 if value >= 0 else 1] for value in contrast.log_odds]},
        name=text.LOG_ODDS_AXIS,
        hovertemplate="%{y:+.2f}",
    )
    _lay_out(figure, 460)
    figure.update_layout(hovermode="x unified")
    figure.update_xaxes(linecolor=RULE, gridcolor="rgba(0,0,0,0)", zeroline=False)
    figure.update_xaxes(
        row=2,
        col=1,
        tickvals=hearings,
        ticktext=[text.hearing_tick(index) for index in hearings],
        title={"text": text.HEARING_AXIS, "standoff": 6, "font": {"size": 13}},
        range=[-0.4, max(len(hearings) - 1, 1) + 0.4],
    )
    title = {"standoff": 6, "font": {"size": 13}}
    figure.update_yaxes(gridcolor=GRID, zeroline=False, fixedrange=True)
    figure.update_yaxes(
        row=1, col=1, range=[0, 103], dtick=25, ticksuffix=" %", title={"text": text.PROBABILITY_AXIS, **title}
    )
    reach = 1.1 * max(1.0, *(abs(value) for value in contrast.log_odds))
    figure.update_yaxes(
        row=2,
        col=1,
        range=[-reach, reach],
        zeroline=True,
        zerolinecolor=RULE,
        title={"text": text.LOG_ODDS_AXIS, **title},
    )
    return figure


def attention_chart(view: ContrastView) -> go.Figure:
    """The informative slot's attention, one small chart a hearing; its segments in the colour of whom they spoke for."""
    contrast, hearings = view.contrast, len(view.rows)
    figure = make_subplots(
        rows=hearings,
        shared_xaxes=True,
        vertical_spacing=0.3 / hearings,
        subplot_titles=[row.title for row in view.rows],
    )
    segments = {(each.segment.start_seconds, each.segment.end_seconds): each for each in contrast.segments}
    colours = {contrast.first_label: CLASS_COLOURS[0], contrast.second_label: CLASS_COLOURS[1], None: NEITHER_COLOUR}
    for place, row in enumerate(view.rows, start=1):
        at: dict[str, Any] = {"row": place, "col": 1}
        figure.add_scatter(
            x=row.attention_seconds,
            y=row.informative,
            **at,
            mode="lines",
            showlegend=False,
            line={"color": TYPE, "width": 2},
            hovertemplate="%{x:.2f} s: %{y:.2f}<extra></extra>",
        )
        figure.add_scatter(
            x=[0, view.clip_seconds],
            y=[row.threshold] * 2,
            **at,
            mode="lines",
            showlegend=False,
            line={"color": RULE, "width": 1.5, "dash": "dash"},
            hoverinfo="skip",
        )
        # plotly frames nothing where no line is drawn yet
        for start, end in row.segments:
            figure.add_vrect(
                x0=start,
                x1=end,
                **at,
                fillcolor=colours[segments[start, end].spoke_for],
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
    _lay_out(figure, _ROW_HEIGHT * hearings + _MARGIN["t"] + _MARGIN["b"])
    figure.update_xaxes(range=[0, view.clip_seconds], ticksuffix=" s", linecolor=RULE, gridcolor=GRID, zeroline=False)
    figure.update_yaxes(range=[0, 1.03], tickvals=[0, 0.5, 1], gridcolor=GRID, zeroline=False, fixedrange=True)
    return figure


def _lay_out(figure: go.Figure, height: int) -> None:
    figure.update_layout(
        template="none",
        height=height,
        margin=_MARGIN,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": "system-ui, sans-serif", "size": 13, "color": TYPE},
        showlegend=True,
        # counted from the figure's lower edge, so that the legend stays below the axis whatever the height
        legend={"orientation": "h", "yref": "container", "y": 0, "yanchor": "bottom", "x": 0},
        dragmode=False,
    )
