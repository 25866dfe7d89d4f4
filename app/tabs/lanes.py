"""Below the rows: what other ways to explain say of the class, lane under lane beside the model's own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from app import text
from app.charts.lanes import lanes_chart
from app.events import ON_MODEL, PRIVATE, QUIET, Updates, sentence
from app.markup import error_html, message_html, progress_html, section
from app.service import ExplanationView, FindingsService
from app.service.findings import Progress
from playitback.report import lanes as told


@dataclass(frozen=True, kw_only=True)
class LanesParts:
    """The components of this part."""

    body: gr.Column  # everything below, hidden without a run
    ask: gr.Button
    status: gr.HTML
    chart: gr.Plot


def build() -> LanesParts:
    """Lays the part out."""
    with gr.Column(visible=False, elem_id="lanes") as body:
        gr.HTML(section(told.TITLE, text.LANES_READING, text.LANES_DEFINITIONS))
        ask = gr.Button(text.LANES, size="sm", elem_id="lanes-run", scale=0, min_width=150)
        status = gr.HTML(elem_id="lanes-status")
        chart = gr.Plot(label=text.LANES_CHART_LABEL, show_label=False, visible=False, elem_id="lanes-chart")
    return LanesParts(body=body, ask=ask, status=status, chart=chart)


def wire(service: FindingsService, parts: LanesParts, shown: gr.State, run_wanted: Sequence[Any]) -> None:
    """Asks the run that is shown, when it is wished; ``run_wanted``: events after which there is another run, for which
    what goes on makes room.
    """

    def follow(view: ExplanationView | None) -> Updates:
        return {
            parts.body: gr.update(visible=view is not None),
            parts.status: "",
            parts.chart: gr.update(visible=False, value=None),
        }

    def find(view: ExplanationView | None) -> Iterator[Updates]:
        if view is None:
            return
        try:
            for each in service.find_lanes(view):
                if isinstance(each, Progress):
                    yield {
                        parts.status: progress_html(each.done, each.total, text.finding_lanes(each.done, each.total))
                    }
                else:
                    yield {
                        parts.status: message_html(told.lanes_sentence(each)),
                        parts.chart: gr.update(visible=bool(each.lanes), value=lanes_chart(each, view)),
                    }
        except Exception as error:
            yield {parts.status: error_html(sentence(error))}

    shown.change(follow, shown, [parts.body, parts.status, parts.chart], **QUIET)
    finding = parts.ask.click(find, shown, [parts.status, parts.chart], show_progress="hidden", **ON_MODEL, **PRIVATE)
    gr.on(run_wanted, None, cancels=[finding], queue=False, **QUIET)
