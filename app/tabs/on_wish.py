"""A part below the rows that is asked only when it is wished: a button, what was found in a sentence, and a chart."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import gradio as gr
from plotly.graph_objects import Figure

from app.events import ON_MODEL, PRIVATE, QUIET, Updates, sentence
from app.markup import error_html, message_html, progress_html, section
from app.service import ExplanationView
from app.service.findings import Progress

Found = TypeVar("Found")


@dataclass(frozen=True, kw_only=True)
class OnWish:
    """The components of such a part."""

    body: gr.Column  # everything below, hidden without a run
    ask: gr.Button
    status: gr.HTML
    chart: gr.Plot


def build(
    name: str, *, title: str, reading: str, definitions: Mapping[str, str], button: str, chart_label: str
) -> OnWish:
    """Lays the part out. name: its id on the page, with which those of its components begin."""
    with gr.Column(visible=False, elem_id=name) as body:
        gr.HTML(section(title, reading, definitions))
        ask = gr.Button(button, size="sm", elem_id=f"{name}-run", scale=0, min_width=150)
        status = gr.HTML(elem_id=f"{name}-status")
        chart = gr.Plot(label=chart_label, show_label=False, visible=False, elem_id=f"{name}-chart")
    return OnWish(body=body, ask=ask, status=status, chart=chart)


def wire(
    parts: OnWish,
    shown: gr.State,
    run_wanted: Sequence[Any],
    *,
    ask: Callable[[ExplanationView], Iterator[Progress | Found]],
    asking: Callable[[int, int], str],
    say: Callable[[Found], str],
    draw: Callable[[Found, ExplanationView], Figure | None],
) -> None:
    """Asks the run that is shown, when it is wished; ``run_wanted``: events after which there is another run, for which
    what goes on makes room.

    ask: tells how far it is, and then what it found; asking: what is said meanwhile, of steps done and in all; draw:
    None where there is nothing to be drawn.
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
            for each in ask(view):
                if isinstance(each, Progress):
                    yield {parts.status: progress_html(each.done, each.total, asking(each.done, each.total))}
                else:
                    chart = draw(each, view)
                    yield {
                        parts.status: message_html(say(each)),
                        parts.chart: gr.update(visible=chart is not None, value=chart),
                    }
        except Exception as error:
            yield {parts.status: error_html(sentence(error))}

    shown.change(follow, shown, [parts.body, parts.status, parts.chart], **QUIET)
    finding = parts.ask.click(find, shown, [parts.status, parts.chart], show_progress="hidden", **ON_MODEL, **PRIVATE)
    gr.on(run_wanted, None, cancels=[finding], queue=False, **QUIET)
