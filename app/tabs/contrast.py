"""Why this class and not that one: two classes over the hearings, and which segment spoke for which."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from app import text
from app.charts.contrast import attention_chart, trajectories_chart
from app.events import ON_MODEL, PRIVATE, QUIET, on_stop, sentence
from app.markup import reading, safe, section
from app.player import stretches
from app.service import ExplanationView, Models
from app.service.contrast import ContrastService, ContrastView, SegmentView, rival
from app.tabs.listen import error_html, message_html, progress_html
from playitback.report import words

READY: tuple[Any, Any] = gr.update(interactive=True), gr.update(interactive=False)  # to ask, nothing to stop

_SILENCE = "silence"


@dataclass(frozen=True)
class ContrastTab:
    """The components of this part."""

    hint: gr.HTML
    question: gr.Column  # hidden without a run
    first: gr.Dropdown
    second: gr.Dropdown
    fill: gr.Dropdown
    ask: gr.Button
    stop: gr.Button
    status: gr.HTML
    answer: gr.Column  # hidden without an answer
    trajectories: gr.Plot
    attention: gr.Plot
    table: gr.HTML


def build() -> ContrastTab:
    """Lays the part out."""
    hint = gr.HTML(f'<p class="hint">{text.CONTRAST_HINT}</p>')
    with gr.Column(visible=False, elem_id="contrast") as question:
        gr.HTML(reading(text.CONTRAST_READING, text.CONTRAST_DEFINITIONS))
        with gr.Row(elem_id="contrast-question"):
            first = gr.Dropdown([], label=text.FIRST_CLASS, elem_id="contrast-first", min_width=180)
            second = gr.Dropdown([], label=text.SECOND_CLASS, elem_id="contrast-second", min_width=180)
            fill = gr.Dropdown(
                list(text.FILLS.items()),
                value=_SILENCE,
                label=text.CONTRAST_FILL,
                filterable=False,
                elem_id="contrast-fill",
                min_width=180,
            )
            ask = gr.Button(text.CONTRAST, variant="primary", elem_id="contrast-ask", scale=0, min_width=150)
            stop = gr.Button(text.STOP, interactive=False, elem_id="stop-contrast", scale=0, min_width=110)
        status = gr.HTML(elem_id="contrast-status")
        with gr.Column(visible=False, elem_id="contrast-answer") as answer:
            gr.HTML(section(text.TRAJECTORIES_TITLE, text.TRAJECTORIES_READING, {}))
            trajectories = gr.Plot(label=text.TRAJECTORIES_LABEL, show_label=False, elem_id="contrast-trajectories")
            gr.HTML(section(text.CONTRAST_ATTENTION_TITLE, text.CONTRAST_ATTENTION_READING, {}))
            attention = gr.Plot(label=text.CONTRAST_ATTENTION_LABEL, show_label=False, elem_id="contrast-attention")
            gr.HTML(section(text.CONTRAST_TABLE_TITLE, text.CONTRAST_TABLE_READING, {}))
            table = stretches.build("contrast-table")
    return ContrastTab(hint, question, first, second, fill, ask, stop, status, answer, trajectories, attention, table)


def wire(models: Models, parts: ContrastTab, shown: gr.State, run_wanted: Sequence[Any]) -> None:
    """Follows the run that is shown, and contrasts two classes in it when asked; ``run_wanted``: events after which
    there is another run, for which a question that is still open makes room.
    """
    service = ContrastService(models)
    answer = [parts.status, parts.ask, parts.stop, parts.answer, parts.trajectories, parts.table, parts.attention]
    running = gr.update(interactive=False), gr.update(interactive=True)
    nothing = *READY, gr.update(visible=False), None, "", None

    def follow(view: ExplanationView | None) -> tuple[Any, ...]:
        if view is None:
            return gr.update(visible=True), gr.update(visible=False), gr.skip(), gr.skip(), "", *nothing
        first, second = question(view)
        return gr.update(visible=False), gr.update(visible=True), first, second, "", *nothing

    def contrast(
        view: ExplanationView | None, first_label: str, second_label: str, fill: str
    ) -> Iterator[tuple[Any, ...]]:
        if view is None:
            yield error_html(text.NO_RUN_KEPT), *nothing
            return
        yield message_html(text.CONTRASTING), *running, *(gr.skip(),) * 4
        try:
            for each in service.contrast(view, first_label, second_label, fill):
                if isinstance(each, ContrastView):
                    yield updates(each)
                else:
                    yield progress_html(each.done, each.total, text.CONTRASTING), *running, *(gr.skip(),) * 4
        except Exception as error:
            yield error_html(sentence(error)), *nothing

    shown.change(follow, shown, [parts.hint, parts.question, parts.first, parts.second, *answer], **QUIET)
    started = parts.ask.click(
        contrast,
        [shown, parts.first, parts.second, parts.fill],
        answer,
        show_progress="hidden",
        trigger_mode="multiple",
        **ON_MODEL,
        **PRIVATE,
    )
    on_stop(
        parts.stop,
        [started],
        lambda: (message_html(text.CONTRAST_STOPPED), *READY),
        [parts.status, parts.ask, parts.stop],
    )
    gr.on(run_wanted, None, cancels=[started], queue=False, **QUIET)


def question(view: ExplanationView) -> tuple[Any, Any]:
    """What the two dropdowns offer for a run: the class that is followed, and the one that came closest to it."""
    label = view.class_followed
    assert label is not None, "a finished run has decided"
    named = sorted((words.class_name(each), each) for each in view.explanation.labels)
    return gr.update(choices=named, value=label), gr.update(choices=named, value=rival(view, label))


def updates(view: ContrastView) -> tuple[Any, ...]:
    """What status, button, answer, charts and table show of a contrast."""
    return (
        message_html(conclusion(view)),
        *READY,
        gr.update(visible=True),
        trajectories_chart(view),
        table_html(view),
        attention_chart(view),
    )


def conclusion(view: ContrastView) -> str:
    """What a contrast says, in one sentence."""
    contrast, strongest = view.contrast, view.strongest
    named = None
    if strongest is not None and strongest.spoke_for is not None:
        segment = strongest.segment
        named = text.strongest_segment(
            strongest.spoke_for, strongest.hearing_index, segment.start_seconds, segment.end_seconds, strongest.change
        )
    said = [each.said.spoke_for for each in view.segments]
    return text.contrast_conclusion(contrast.first_label, contrast.second_label, contrast.log_odds[-1], said, named)


def table_html(view: ContrastView) -> str:
    """Every segment of the run, what its removal took away, and what other stretches took."""
    contrast = view.contrast
    if not view.segments:
        return f'<p class="plain">{text.NO_SEGMENTS}</p>'
    titles = (text.CHOSEN_IN, text.SECONDS_COLUMN, text.CARRIED, text.ELSEWHERE, text.SPOKE_FOR)
    head = "".join(f'<th scope="col">{safe(title)}</th>' for title in titles)
    caption = safe(text.removal_caption(contrast.fill, contrast.first_label, contrast.second_label))
    classes = {contrast.first_label: "first-class", contrast.second_label: "second-class", None: "neither-class"}
    rows = "".join(_row_html(each, classes[each.said.spoke_for]) for each in view.segments)
    return (
        f'<div class="numbers" tabindex="0" role="region" aria-label="{safe(text.CONTRAST_TABLE_TITLE)}">'
        f'<table class="figures"><caption>{caption}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _row_html(segment: SegmentView, colour: str) -> str:
    said = segment.said
    spoke_for = text.NEITHER if said.spoke_for is None else words.class_name(said.spoke_for)
    name = text.segment_number(said.hearing_index, said.number, said.forced)
    play = stretches.button(said.segment.start_seconds, said.segment.end_seconds, segment.wav)
    return (
        f'<tr><th scope="row">{safe(name)}</th><td>{play}</td>'
        f"<td>{safe(text.log_odds(said.change))}</td><td>{safe(text.log_odds_range(*said.elsewhere))}</td>"
        f'<td><span class="class-sign {colour}" aria-hidden="true"></span>{safe(spoke_for)}</td></tr>'
    )
