"""Confidence: the leading classes over the hearings, as lines and as numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr
import plotly.graph_objects as go

from app import figures, text
from app.markup import reading, safe
from app.service import ExplanationView
from playitback.report import words

_HINT = f'<p class="hint">{text.CONFIDENCE_HINT}</p>'


@dataclass(frozen=True)
class Confidence:
    """The components of this part."""

    hint: gr.HTML
    chart: gr.Plot
    table: gr.HTML


def build() -> Confidence:
    """Lays the part out."""
    gr.HTML(reading(text.CONFIDENCE_READING, text.definitions("confidence")), elem_classes="how-to-read")
    hint = gr.HTML(_HINT, elem_classes="how-to-read")
    chart = gr.Plot(label=text.CHART_LABEL, show_label=False, visible=False, elem_id="chart")
    return Confidence(hint, chart, gr.HTML(elem_id="numbers"))


def nothing() -> tuple[Any, Any, Any]:
    """What hint, chart and table show without a run."""
    return gr.update(visible=True, value=_HINT), gr.update(visible=False, value=None), ""


def updates(view: ExplanationView) -> tuple[Any, Any, Any]:
    """What hint, chart and table show of a run so far; before the first hearing, empty axes."""
    return gr.update(visible=False), gr.update(visible=True, value=chart(view)), table_html(view)


def chart(view: ExplanationView) -> go.Figure:
    """The line chart of a run so far."""
    return figures.confidence_chart(view.leading, view.decisions, view.expected_hearings, view.class_followed)


def table_html(view: ExplanationView) -> str:
    """The chart's numbers as a table: one row a class, one column a hearing."""
    titles = "".join(f'<th scope="col">{words.hearing_title(index)}</th>' for index in range(view.hearings))
    rows = "".join(
        f'<tr><th scope="row">{safe(words.class_name(label))}</th>'
        + "".join(f"<td>{safe(words.percent(probability))}</td>" for probability in probabilities)
        + "</tr>"
        for label, probabilities in view.leading.items()
    )
    return (
        f'<div class="numbers"><table><caption>{text.TABLE_CAPTION}</caption>'
        f"<thead><tr><td></td>{titles}</tr></thead><tbody>{rows}</tbody></table></div>"
    )
