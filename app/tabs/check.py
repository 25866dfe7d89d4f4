"""Below the rows: every second heard alone, the true curves beside those that activity learned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr
from plotly.graph_objects import Figure

from app import text
from app.charts.check import alone_chart
from app.service import ExplanationView, FindingsService
from app.service.findings import Alone
from app.tabs import on_wish
from app.tabs.on_wish import OnWish
from playitback.report import passages as drawn


def build() -> OnWish:
    """Lays the part out."""
    return on_wish.build(
        "check",
        title=drawn.ALONE_TITLE,
        reading=text.CHECK_READING,
        definitions=text.CHECK_DEFINITIONS,
        button=text.CHECK,
        chart_label=text.CHECK_CHART_LABEL,
    )


def wire(service: FindingsService, parts: OnWish, shown: gr.State, run_wanted: Sequence[Any]) -> None:
    """See ``on_wish.wire``."""

    def draw(found: Alone, view: ExplanationView) -> Figure | None:
        return alone_chart(found, view.explanation.clip_seconds) if found.stretches else None

    on_wish.wire(
        parts, shown, run_wanted, ask=service.hear_alone, asking=text.checking, say=drawn.alone_sentence, draw=draw
    )
