"""Attention of the slots, iteration by iteration, and the time maps of all hearings, as plotly figures."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from app import text
from app.figures import LINE_COLOURS, RULE, axis, lay_out, seconds_axis, share_axis
from app.service.slots import InspectionView, TimeMapView
from playitback.report import words

#: the slots' colours in the player, in shades that are readable on light and on dark
SLOT_COLOURS = ("#2E8BCB", "#C9700E", *LINE_COLOURS[2:])

_ITERATION_HEIGHT = 130
_CHOSEN = "rgba(46, 139, 203, 0.18)"  # the first slot's colour, faint


def attention_chart(view: InspectionView) -> go.Figure:
    """One small chart an iteration: what every slot holds of every moment; the last one also shows what was chosen."""
    iterations, slots, _ = view.attention.shape
    figure = make_subplots(
        rows=iterations,
        shared_xaxes=True,
        vertical_spacing=0.28 / iterations,
        subplot_titles=[text.iteration_name(index) for index in range(iterations)],
    )
    # a column is a step between its edges, narrower where something was replayed
    for iteration in range(iterations):
        for slot in range(slots):
            values = view.attention[iteration, slot]
            figure.add_scatter(
                x=view.edges,
                y=np.append(values, values[-1:]),
                row=iteration + 1,
                col=1,
                name=text.slot_name(slot, slots),
                legendgroup=str(slot),
                showlegend=iteration == 0,
                mode="lines",
                line={
                    "shape": "hv",
                    "color": SLOT_COLOURS[slot % len(SLOT_COLOURS)],
                    "width": 2,
                    "dash": "solid" if slot == 0 else "dot",
                },
                hovertemplate="%{y:.2f}",
            )
    for start, end in view.chosen:
        figure.add_vrect(x0=start, x1=end, row=iterations, col=1, fillcolor=_CHOSEN, line_width=0, layer="below")
    figure.add_scatter(
        x=[0, view.clip_seconds],
        y=[view.threshold] * 2,
        row=iterations,
        col=1,
        name=text.THRESHOLD_LINE,
        mode="lines",
        line={"color": RULE, "width": 1.5, "dash": "dash"},
        hoverinfo="skip",
    )
    lay_out(figure, _ITERATION_HEIGHT * iterations + 130)
    figure.update_layout(hovermode="x unified")
    figure.update_annotations(font_size=13)
    figure.update_xaxes(**seconds_axis(view.clip_seconds))
    figure.update_yaxes(**share_axis())
    return figure


def time_map_chart(view: InspectionView) -> go.Figure:
    """Frame against clip second for all hearings, the inspected one in front; replayed stretches are thick."""
    figure = go.Figure()
    latest_first = sorted(view.time_maps, key=lambda each: (each.index == view.slots.index, each.index))
    for time_map in latest_first:
        inspected = time_map.index == view.slots.index
        colour = LINE_COLOURS[time_map.index % len(LINE_COLOURS)]
        name = words.hearing_title(time_map.index)
        shared = {"legendgroup": str(time_map.index), "opacity": 1.0 if inspected else 0.55}
        figure.add_scatter(
            x=time_map.knots_seconds,
            y=time_map.knots_frame,
            name=name,
            legendrank=time_map.index,
            mode="lines",
            line={"color": colour, "width": 2.5 if inspected else 1.5},
            hovertemplate=text.TIME_MAP_HOVER,
            **shared,
        )
        seconds, frames = _replayed_line(time_map)
        if seconds:
            figure.add_scatter(
                x=seconds,
                y=frames,
                name=text.replayed_in(name),
                showlegend=False,
                mode="lines",
                line={"color": colour, "width": 7 if inspected else 4},
                hoverinfo="skip",
                **shared,
            )
    lay_out(figure, 420)
    figure.update_layout(hovermode="closest")
    figure.update_xaxes(**seconds_axis(view.clip_seconds, text.CLIP_AXIS))
    figure.update_yaxes(range=[0, view.slots.frames], **axis(text.FRAME_AXIS))
    return figure


def _replayed_line(time_map: TimeMapView) -> tuple[list[float | None], list[float | None]]:
    """The replayed stretches of a time map as one line with gaps."""
    seconds: list[float | None] = []
    frames: list[float | None] = []
    for stretch in time_map.replayed:
        at = np.interp(stretch, time_map.knots_seconds, time_map.knots_frame)
        seconds += [*stretch, None]
        frames += [*at.tolist(), None]
    return seconds, frames
