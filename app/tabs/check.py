"""Below the rows: every second heard alone, the true curves beside those that activity learned."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from app import text
from app.charts.check import alone_chart
from app.events import ON_MODEL, PRIVATE, QUIET, Updates, sentence
from app.markup import error_html, message_html, progress_html, section
from app.service import ExplanationView, FindingsService
from app.service.findings import Progress
from playitback.report import passages as drawn


@dataclass(frozen=True, kw_only=True)
class Check:
    """The components of this part."""

    body: gr.Column  # everything below, hidden without a run
    check: gr.Button
    status: gr.HTML
    chart: gr.Plot


def build() -> Check:
    """Lays the part out."""
    with gr.Column(visible=False, elem_id="check") as body:
        gr.HTML(section(drawn.ALONE_TITLE, text.CHECK_READING, text.CHECK_DEFINITIONS))
        check = gr.Button(text.CHECK, size="sm", elem_id="check-run", scale=0, min_width=150)
        status = gr.HTML(elem_id="check-status")
        chart = gr.Plot(label=text.CHECK_CHART_LABEL, show_label=False, visible=False, elem_id="check-chart")
    return Check(body=body, check=check, status=status, chart=chart)


def wire(service: FindingsService, parts: Check, shown: gr.State, run_wanted: Sequence[Any]) -> None:
    """Hears what is asked for of the run that is shown; ``run_wanted``: events after which there is another run, for
    which a check that goes on makes room.
    """

    def follow(view: ExplanationView | None) -> Updates:
        return {
            parts.body: gr.update(visible=view is not None),
            parts.status: "",
            parts.chart: gr.update(visible=False, value=None),
        }

    def hear(view: ExplanationView | None) -> Iterator[Updates]:
        if view is None:
            return
        try:
            for each in service.hear_alone(view):
                if isinstance(each, Progress):
                    yield {parts.status: progress_html(each.done, each.total, text.checking(each.done, each.total))}
                else:
                    yield {
                        parts.status: message_html(drawn.alone_sentence(each)),
                        parts.chart: gr.update(
                            visible=bool(each.stretches), value=alone_chart(each, view.explanation.clip_seconds)
                        ),
                    }
        except Exception as error:
            yield {parts.status: error_html(sentence(error))}

    shown.change(follow, shown, [parts.body, parts.status, parts.chart], **QUIET)
    hearing = parts.check.click(hear, shown, [parts.status, parts.chart], show_progress="hidden", **ON_MODEL, **PRIVATE)
    gr.on(run_wanted, None, cancels=[hearing], queue=False, **QUIET)
