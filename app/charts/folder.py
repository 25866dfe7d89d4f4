"""What the clips of a folder say together, as plotly figures: what is taken for what, and when classes are replayed."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from app import text
from app.figures import axis, lay_out
from app.service import FolderView
from playitback.report import words

#: from nothing to full colour: readable on light and on dark alike
RIGHT_COLOURS = [[0.0, "rgba(46, 139, 203, 0.12)"], [1.0, "rgba(46, 139, 203, 1)"]]
WRONG_COLOURS = [[0.0, "rgba(213, 94, 0, 0.25)"], [1.0, "rgba(213, 94, 0, 1)"]]

_CELL_PIXELS = 22  # height of a class
_MOST_COUNTED_CLASSES = 16  # beyond them the numbers would not fit into the cells


def confusion_chart(view: FolderView, last: bool) -> go.Figure:
    """True classes down, decisions across, after the last hearing or the first; only classes that occur."""
    summary = view.summary
    counts = summary.confusion_last if last else summary.confusion_first
    both = summary.confusion_first + summary.confusion_last  # so that both figures have the same axes
    occur = np.flatnonzero(both.sum(axis=0) + both.sum(axis=1))
    shown = counts[np.ix_(occur, occur)]
    names = [words.class_name(summary.labels[position]) for position in occur]
    right = np.eye(len(occur), dtype=bool)
    figure = go.Figure()
    for cells, colours, hover in (
        (right, RIGHT_COLOURS, text.RIGHT_HOVER),
        (~right, WRONG_COLOURS, text.WRONG_HOVER),
    ):
        values = np.where(cells & (shown > 0), shown, np.nan)
        figure.add_heatmap(
            z=values,
            x=names,
            y=names,
            zmin=0,
            zmax=max(1, int(shown.max(initial=0))),
            colorscale=colours,
            showscale=False,
            xgap=1,
            ygap=1,
            hovertemplate=hover,
            texttemplate="%{z}" if len(occur) <= _MOST_COUNTED_CLASSES else None,
        )
    _lay_out(figure, len(names))
    figure.update_xaxes(title={"text": text.DECISION_AXIS, "standoff": 8}, tickangle=-60)
    figure.update_yaxes(title={"text": text.TRUE_CLASS_AXIS, "standoff": 8})
    return figure


def moments_chart(view: FolderView) -> go.Figure:
    """Classes down, the clip's seconds across: the share of a class's clips that replay a part of the clip."""
    summary = view.summary
    share = summary.replayed_share
    occur = np.flatnonzero(~np.isnan(share).any(axis=1))
    bins = share.shape[1]
    clip_seconds = summary.clips[0].clip_seconds
    figure = go.Figure()
    figure.add_heatmap(
        z=share[occur],
        x=(np.arange(bins) + 0.5) * (clip_seconds / bins),
        y=[words.class_name(summary.labels[position]) for position in occur],
        zmin=0,
        zmax=1,
        colorscale=RIGHT_COLOURS,
        ygap=1,
        colorbar={"thickness": 12, "tickformat": ".0%", "outlinewidth": 0},
        hovertemplate=text.MOMENTS_HOVER,
    )
    _lay_out(figure, len(occur))
    figure.update_xaxes(
        range=[0, clip_seconds], title={"text": text.CLIP_AXIS, "standoff": 8}, ticksuffix=" s", tickangle=0
    )
    return figure


def _lay_out(figure: go.Figure, classes: int) -> None:
    lay_out(figure, 150 + _CELL_PIXELS * max(classes, 3))
    figure.update_layout(margin={"l": 8, "r": 8, "t": 8, "b": 8})
    figure.update_xaxes(automargin=True, ticks="", **axis())
    figure.update_yaxes(automargin=True, ticks="", autorange="reversed", dtick=1, **axis())
