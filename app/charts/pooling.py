"""How a model that pools by attention weighed moments and features, as a plotly figure."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from app import text
from app.figures import LINE_COLOURS, axis, lay_out, seconds_axis
from app.service import PoolingView

_HEIGHT = 420


def pooling_chart(view: PoolingView) -> go.Figure:
    """The weight of every moment as a line, and below it that of every feature at every moment as a picture."""
    figure = make_subplots(rows=2, shared_xaxes=True, vertical_spacing=0.08, row_heights=[0.3, 0.7])
    over_time = view.weights.mean(axis=0) / view.weights.mean()
    figure.add_scatter(
        x=view.edges,
        y=np.append(over_time, over_time[-1:]),
        row=1,
        col=1,
        mode="lines",
        line={"shape": "hv", "color": LINE_COLOURS[1], "width": 2},
        hovertemplate=text.POOLING_TIME_HOVER,
        showlegend=False,
    )
    figure.add_heatmap(
        x=view.edges,
        y=np.arange(len(view.weights) + 1) + 0.5,
        z=view.weights,
        row=2,
        col=1,
        colorscale="Cividis",
        colorbar={"title": {"text": text.POOLING_SCALE, "side": "right"}, "len": 0.7, "y": 0.0, "yanchor": "bottom"},
        hovertemplate=text.POOLING_HOVER,
        name="",
    )
    lay_out(figure, _HEIGHT)
    figure.update_xaxes(**seconds_axis(view.clip_seconds))
    figure.update_yaxes(row=1, col=1, rangemode="tozero", **axis(text.POOLING_TIME_AXIS))
    figure.update_yaxes(row=2, col=1, autorange="reversed", **axis(text.POOLING_AXIS))
    return figure
