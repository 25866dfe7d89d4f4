"""What other ways to explain say of a clip, as a plotly figure: lane under lane, the model's own first."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from app import text
from app.figures import LINE_COLOURS, lay_out, seconds_axis
from app.service import ExplanationView
from app.service.findings import FurtherLanes
from playitback.report.lanes import lane_caption

_LANE_PIXELS, _AXIS_PIXELS = 74, 70
_BETWEEN = 0.28  # of the height of a lane, for the name of the next


def lanes_chart(found: FurtherLanes, view: ExplanationView) -> go.Figure:
    """On the clip's seconds each as a share of its greatest value; below the middle what speaks against the class."""
    lanes = list(_lanes(found, view))
    titles = [name for name, *_ in lanes]
    figure = make_subplots(
        rows=len(lanes), shared_xaxes=True, vertical_spacing=_BETWEEN / len(lanes), subplot_titles=titles
    )
    for row, (name, seconds, values) in enumerate(lanes, start=1):
        own = row <= len(lanes) - len(found.lanes)
        figure.add_scatter(
            x=seconds.tolist(),
            y=values.tolist(),
            name=name,
            mode="lines",
            fill="tozeroy",
            line={"color": LINE_COLOURS[0 if own else 1], "width": 1.5},
            hovertemplate="%{y:.2f}",
            row=row,
            col=1,
        )
        least = min(0.0, 1.05 * float(values.min(initial=0.0)))
        figure.update_yaxes(range=[least, 1.05], showticklabels=False, fixedrange=True, row=row, col=1)
    lay_out(figure, _LANE_PIXELS * len(lanes) + _AXIS_PIXELS)
    # nothing stands beside the lanes, and no legend below
    figure.update_layout(hovermode="x unified", showlegend=False, margin={"l": 20, "b": 36})
    figure.update_annotations(x=0, xanchor="left", font={"size": 12})
    axis = seconds_axis(view.explanation.clip_seconds)
    figure.update_xaxes(range=axis["range"], fixedrange=True)
    figure.update_xaxes(**axis, row=len(lanes), col=1)
    return figure


def _lanes(found: FurtherLanes, view: ExplanationView) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Name, seconds (columns,) and values (columns,) of each."""
    first = view.explanation.hearings[0]
    yield text.OWN_RELEVANCE, first.seconds, first.relevance
    if first.activity is not None:
        yield text.OWN_ACTIVITY, first.seconds, first.activity[:, view.explanation.labels.index(found.label)]
    for lane in found.lanes:
        yield lane_caption(lane), found.seconds, lane.shares
