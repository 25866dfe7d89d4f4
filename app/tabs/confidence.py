"""Confidence: the leading classes over the hearings, as lines and as numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import gradio as gr
import plotly.graph_objects as go
from gradio.blocks import Block

from app import figures, text
from app.events import Updates
from app.markup import Html, reading, safe, table
from app.service import ExplanationView
from app.tabs import hints
from playitback.report import words


@dataclass(frozen=True, kw_only=True)
class Confidence:
    """The components of this part."""

    hint: gr.HTML
    chart: gr.Plot
    table: gr.HTML

    @property
    def components(self) -> Sequence[Block]:
        """All that a run changes."""
        return self.hint, self.chart, self.table

    def nothing(self) -> Updates:
        """What is shown without a run."""
        return {
            self.hint: hints.said(text.CONFIDENCE_HINT),
            self.chart: gr.update(visible=False, value=None),
            self.table: "",
        }

    def updates(self, view: ExplanationView) -> Updates:
        """What is shown of a run so far; before the first hearing, empty axes."""
        return {
            self.hint: hints.said(None),
            self.chart: gr.update(visible=True, value=chart(view)),
            self.table: table_html(view),
        }


def build() -> Confidence:
    """Lays the part out."""
    gr.HTML(reading(text.CONFIDENCE_READING, text.definitions("confidence")))
    hint = hints.build(text.CONFIDENCE_HINT)
    chart = gr.Plot(label=text.CHART_LABEL, show_label=False, visible=False, elem_id="chart")
    return Confidence(hint=hint, chart=chart, table=gr.HTML(elem_id="numbers"))


def chart(view: ExplanationView) -> go.Figure:
    """The line chart of a run so far."""
    return figures.confidence_chart(view.leading, view.decisions, view.expected_hearings, view.asked_class)


def table_html(view: ExplanationView) -> str:
    """The chart's numbers as a table: one row a class, one column a hearing."""
    titles = map(words.hearing_title, range(view.hearings))
    rows = [
        (words.class_name(label), *(_cell(view, index, label) for index in range(view.hearings)))
        for label in view.leading
    ]
    return table(words.PROBABILITY_CAPTION, ["", *titles], rows)


def _cell(view: ExplanationView, index: int, label: str) -> str:
    probability = words.percent(view.explanation.probability(index, label))
    return Html(f"<strong>{safe(probability)}</strong>") if label == view.decisions[index] else probability
