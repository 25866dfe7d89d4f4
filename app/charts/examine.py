"""An examination as plotly figures: other segments replayed, the sound edited, time removed and restored."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import plotly.graph_objects as go

from app import text
from app.figures import LINE_COLOURS, MARKERS, RULE, axis, lay_out, percent_axis
from app.service.examine import ATTENTION, CHOSEN, RANDOM, EditBelief, Examination, OrderBelief, odds_of

#: what the explanation claims is blue, chance grey, loudness vermilion; the other controls share a colour
CLAIM_COLOUR, CHANCE_COLOUR, LOUDNESS_COLOUR, CONTROL_COLOUR = (LINE_COLOURS[index] for index in (1, 6, 0, 2))

_LEAST_DOUBT = 1e-4  # probabilities that are closer to 0 or 1 are drawn there
_LEAST_SPAN = 2.0  # nats: so that tiny differences do not fill the chart
_MOST_TICKS = 6
#: probabilities that may be marked on the axis, the most wanted first
_MARKS = (
    *(0.5, 0.1, 0.9, 0.01, 0.99, 0.001, 0.999, 0.0001, 0.9999),
    *(0.25, 0.75, 0.05, 0.95, 0.02, 0.98, 0.005, 0.995, 0.002, 0.998, 0.0005, 0.9995),
    *(0.4, 0.6, 0.3, 0.7, 0.15, 0.85, 0.2, 0.8, 0.07, 0.93, 0.03, 0.97, 0.0002, 0.9998),
)
_ROW_HEIGHT = 40


def draws_chart(found: Examination) -> go.Figure:
    """Probability of the class by what was replayed, a row each: one dot a random draw, one mark any other control.

    The axis is that of log-odds, so that differences near 0 and 100 percent stay visible.
    """
    names = [each.name for each in found.controls]
    heights = {name: len(names) - 1 - place for place, name in enumerate(names)}  # the chosen ones on top
    figure = go.Figure()
    chosen = _odds(found.probability)
    figure.add_shape(
        type="line", x0=chosen, x1=chosen, y0=0, y1=1, yref="paper", line={"color": CLAIM_COLOUR, "dash": "dot"}
    )
    for place, each in enumerate(found.controls):
        values = found.drawn if each.name == RANDOM else (each.probability,)
        is_random, is_chosen = each.name == RANDOM, each.name == CHOSEN
        colour = CLAIM_COLOUR if is_chosen else CHANCE_COLOUR if is_random else CONTROL_COLOUR
        figure.add_scatter(
            x=[_odds(value) for value in values],
            y=[heights[each.name] + offset for offset in _spread(len(values))],
            customdata=[100 * value for value in values],
            name=text.control_name(each.name, len(found.drawn)),
            mode="markers",
            marker={
                "color": colour,
                "symbol": "circle" if is_random else MARKERS[place % len(MARKERS)],
                "size": 9 if is_random else 13,
                "opacity": 0.7 if is_random else 1.0,
                "line": {"color": RULE, "width": 1},
            },
            hovertemplate="%{customdata:.2f} %",
        )
    drawn = [_odds(value) for value in (*found.drawn, *(each.probability for each in found.controls))]
    middle, half = (max(drawn) + min(drawn)) / 2, max(max(drawn) - min(drawn), _LEAST_SPAN) / 2
    low, high = middle - 1.12 * half, middle + 1.12 * half
    marks = _marks(low, high)
    lay_out(figure, _ROW_HEIGHT * len(names) + 90)
    figure.update_layout(showlegend=False, hovermode="closest", margin={"l": 8, "r": 16, "t": 16, "b": 56})
    figure.update_xaxes(
        range=[low, high],
        tickvals=[_odds(mark) for mark in marks],
        ticktext=[f"{100 * mark:g} %" for mark in marks],
        **axis(text.DRAWS_AXIS),
    )
    figure.update_yaxes(
        range=[-0.6, len(names) - 0.4],
        tickvals=list(heights.values()),
        ticktext=[text.control_name(name, len(found.drawn)) for name in heights],
        automargin=True,
        fixedrange=True,
        **axis(line=False),
    )
    return figure


def kept_chart(found: Examination) -> go.Figure:
    """Probability of the class with nothing but the segments, by fill and by whose segments."""
    return _edits_chart(found, lambda each: each.kept)


def removed_chart(found: Examination) -> go.Figure:
    """Probability of the class without the segments."""
    return _edits_chart(found, lambda each: each.removed)


def deletion_chart(found: Examination) -> go.Figure:
    """Probability of the class as time is removed, one line an order."""
    return _curves_chart(found, lambda each: (each.deletion, each.deletion_area))


def insertion_chart(found: Examination) -> go.Figure:
    """Probability of the class as time is restored."""
    return _curves_chart(found, lambda each: (each.insertion, each.insertion_area))


def _edits_chart(found: Examination, probability: Callable[[EditBelief], float]) -> go.Figure:
    figure = go.Figure()
    sources = dict.fromkeys(each.source for each in found.edits)
    for source, colour in zip(sources, (CLAIM_COLOUR, CHANCE_COLOUR, LOUDNESS_COLOUR), strict=True):
        own = [each for each in found.edits if each.source == source]
        figure.add_bar(
            x=[each.fill.replace(" ", "<br>") for each in own],  # so that it fits below its bars on a phone
            y=[100 * probability(each) for each in own],
            name=source,
            marker={"color": colour},
            hovertemplate="%{y:.1f} %",
        )
    whole = 100 * found.probability
    figure.add_shape(type="line", x0=0, x1=1, xref="paper", y0=whole, y1=whole, line={"color": RULE, "dash": "dash"})
    lay_out(figure, 320)
    figure.update_layout(barmode="group", hovermode="x unified")
    figure.update_xaxes(linecolor=RULE, tickangle=0, tickfont={"size": 12})
    figure.update_yaxes(**percent_axis())
    return figure


def _curves_chart(found: Examination, curve: Callable[[OrderBelief], tuple[Sequence[float], float]]) -> go.Figure:
    """curve: of an order -> (probability at every share of time, area)."""
    figure = go.Figure()
    colours = (CLAIM_COLOUR, CHANCE_COLOUR, LOUDNESS_COLOUR)
    for place, each in enumerate(found.orders):
        values, area = curve(each)
        figure.add_scatter(
            x=[100 * share for share in found.shares],
            y=[100 * value for value in values],
            name=text.order_with_area(text.order_name(each.order, found.replays), area),
            mode="lines+markers",
            line={"color": colours[place], "width": 3 if each.order == ATTENTION else 2},
            marker={"symbol": MARKERS[place], "size": 7},
            hovertemplate="%{y:.1f} %",
        )
    lay_out(figure, 340)
    figure.update_layout(hovermode="x unified")
    figure.update_xaxes(range=[-2, 102], dtick=25, ticksuffix=" %", **axis(grid=False))
    figure.update_yaxes(**percent_axis())
    return figure


def _odds(probability: float) -> float:
    return odds_of(probability, _LEAST_DOUBT)


def _marks(low: float, high: float) -> list[float]:
    """Probabilities to mark between two log-odds: no more than there is room for."""
    taken: list[float] = []
    for mark in _MARKS:
        at = _odds(mark)
        if low <= at <= high and all(abs(at - _odds(each)) >= (high - low) / _MOST_TICKS for each in taken):
            taken.append(mark)
    return sorted(taken)


def _spread(count: int) -> list[float]:
    """Heights within a row that keep equal dots apart, the same every time."""
    return [0.0] if count == 1 else [0.5 * ((index * 0.618) % 1 - 0.5) for index in range(count)]
