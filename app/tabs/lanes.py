"""Below the rows: what other ways to explain say of the class, lane under lane beside the model's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr
from plotly.graph_objects import Figure

from app import text
from app.charts.lanes import lanes_chart
from app.service import ExplanationView, FindingsService
from app.service.findings import FurtherLanes
from app.tabs import on_wish
from app.tabs.on_wish import OnWish
from playitback.report import lanes as told


def build() -> OnWish:
    """Lays the part out."""
    return on_wish.build(
        "lanes",
        title=told.TITLE,
        reading=text.LANES_READING,
        definitions=text.LANES_DEFINITIONS,
        button=text.LANES,
        chart_label=text.LANES_CHART_LABEL,
    )


def wire(service: FindingsService, parts: OnWish, shown: gr.State, run_wanted: Sequence[Any]) -> None:
    """See ``on_wish.wire``."""

    def draw(found: FurtherLanes, view: ExplanationView) -> Figure | None:
        return lanes_chart(found, view) if found.lanes else None

    on_wish.wire(
        parts,
        shown,
        run_wanted,
        ask=service.find_lanes,
        asking=text.finding_lanes,
        say=told.lanes_sentence,
        draw=draw,
    )
