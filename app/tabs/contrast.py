"""Why this class and not that one: two classes over the hearings, and which segment spoke for which."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from app import text
from app.charts.contrast import activity_chart, attention_chart, trajectories_chart
from app.events import ON_MODEL, PRIVATE, QUIET, Updates, ended, may_run, on_stop, sentence
from app.markup import Html, error_html, message_html, progress_html, safe, section, table
from app.player import stretches
from app.service import ExplanationView, Models
from app.service.contrast import ContrastService, ContrastView, SegmentView
from app.tabs import hints
from playitback.report import words

_SILENCE = "silence"


@dataclass(frozen=True, kw_only=True)
class Contrast:
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
    activity: gr.Plot
    no_activity: gr.HTML  # says that there is none
    attention: gr.Plot
    table: gr.HTML


def build() -> Contrast:
    """Lays the part out."""
    hint = hints.build(text.CONTRAST_HINT)
    with gr.Column(visible=False, elem_id="contrast") as question:
        gr.HTML(section(text.CONTRAST_TITLE, text.CONTRAST_READING, text.CONTRAST_DEFINITIONS))
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
            stop = gr.Button(text.STOP, interactive=False, elem_id="contrast-stop", scale=0, min_width=110)
        status = gr.HTML(elem_id="contrast-status")
        with gr.Column(visible=False, elem_id="contrast-answer") as answer:
            gr.HTML(section(text.TRAJECTORIES_TITLE, text.TRAJECTORIES_READING, {}))
            trajectories = gr.Plot(label=text.TRAJECTORIES_LABEL, show_label=False, elem_id="contrast-trajectories")
            gr.HTML(section(text.CONTRAST_ACTIVITY_TITLE, text.CONTRAST_ACTIVITY_READING, text.definitions("activity")))
            activity = gr.Plot(label=text.CONTRAST_ACTIVITY_LABEL, show_label=False, elem_id="contrast-activity")
            no_activity = gr.HTML(visible=False, elem_id="contrast-no-activity")
            gr.HTML(section(text.CONTRAST_RELEVANCE_TITLE, text.CONTRAST_RELEVANCE_READING, {}))
            attention = gr.Plot(label=text.CONTRAST_RELEVANCE_LABEL, show_label=False, elem_id="contrast-attention")
            gr.HTML(section(text.CONTRAST_TABLE_TITLE, text.CONTRAST_TABLE_READING, {}))
            segments = stretches.build("contrast-table")
    return Contrast(
        hint=hint,
        question=question,
        first=first,
        second=second,
        fill=fill,
        ask=ask,
        stop=stop,
        status=status,
        answer=answer,
        trajectories=trajectories,
        activity=activity,
        no_activity=no_activity,
        attention=attention,
        table=segments,
    )


def wire(models: Models, parts: Contrast, shown: gr.State, run_wanted: Sequence[Any]) -> None:
    """Follows the run that is shown, and contrasts two classes in it when asked; ``run_wanted``: events after which
    there is another run, for which a question that is still open makes room.
    """
    service = ContrastService(models)
    drawn = [parts.trajectories, parts.activity, parts.no_activity, parts.attention, parts.table]
    answer = [parts.ask, parts.stop, parts.status, parts.answer, *drawn]

    def nothing(status: str) -> Updates:
        return {
            **ended(parts.ask, parts.stop, parts.status, status),
            parts.answer: gr.update(visible=False),
            parts.trajectories: None,
            parts.activity: None,
            parts.attention: None,
            parts.table: "",
        }

    def follow(view: ExplanationView | None) -> Updates:
        lacking = text.CONTRAST_HINT if view is None else unsuited(view)
        if view is None or lacking is not None:
            return {parts.hint: hints.said(lacking), parts.question: gr.update(visible=False), **nothing("")}
        first, second = question(view)
        return {
            parts.hint: hints.said(None),
            parts.question: gr.update(visible=True),
            parts.first: first,
            parts.second: second,
            **nothing(""),
        }

    def contrast(view: ExplanationView | None, first_label: str, second_label: str, fill: str) -> Iterator[Updates]:
        if view is None:
            yield nothing(error_html(text.NO_RUN_KEPT))
            return
        yield {**may_run(parts.ask, parts.stop, running=True), parts.status: message_html(text.CONTRASTING)}
        try:
            for each in service.contrast(view, first_label, second_label, fill):
                if isinstance(each, ContrastView):
                    yield {**may_run(parts.ask, parts.stop, running=False), **updates(parts, each)}
                else:
                    yield {parts.status: progress_html(each.done, each.total, text.CONTRASTING)}
        except Exception as error:
            yield nothing(error_html(sentence(error)))

    def stopped() -> Updates:
        return ended(parts.ask, parts.stop, parts.status, message_html(text.CONTRAST_STOPPED))

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
    on_stop(parts.stop, [started], stopped, [parts.ask, parts.stop, parts.status])
    gr.on(run_wanted, None, cancels=[started], queue=False, **QUIET)


def unsuited(view: ExplanationView) -> str | None:
    """Why no two classes can be contrasted in a run; None: they can."""
    explanation = view.explanation
    return None if len(explanation.labels) > 1 else text.one_class(explanation.model_name)


def question(view: ExplanationView) -> tuple[Any, Any]:
    """What the two dropdowns offer for a run: the asked class, and the one that came closest to it."""
    label = view.asked_class
    assert label is not None, "a finished run has decided"
    named = sorted((words.class_name(each), each) for each in view.explanation.labels)
    return gr.update(choices=named, value=label), gr.update(choices=named, value=view.explanation.rival(label))


def updates(parts: Contrast, view: ContrastView) -> Updates:
    """What is shown of an answer."""
    lacking = None if view.contrast.activity else text.NO_ACTIVITY_TO_CONTRAST
    return {
        parts.status: message_html(conclusion(view)),
        parts.answer: gr.update(visible=True),
        parts.trajectories: trajectories_chart(view),
        parts.activity: gr.update(value=activity_chart(view), visible=lacking is None),
        parts.no_activity: hints.said(lacking, "plain"),
        parts.attention: attention_chart(view),
        parts.table: table_html(view),
    }


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
    colours = {contrast.first_label: "first-class", contrast.second_label: "second-class", None: "neither-class"}
    caption = text.removal_caption(contrast.fill, contrast.first_label, contrast.second_label, contrast.multi_label)
    rows = [_cells(each, colours[each.said.spoke_for]) for each in view.segments]
    return table(caption, text.CONTRAST_COLUMNS, rows)


def _cells(segment: SegmentView, colour: str) -> tuple[str, ...]:
    said = segment.said
    spoke_for = text.NEITHER if said.spoke_for is None else words.class_name(said.spoke_for)
    return (
        text.segment_number(said.hearing_index, said.number, said.forced),
        Html(stretches.button(said.segment.start_seconds, said.segment.end_seconds, segment.wav)),
        text.log_odds(said.change),
        text.log_odds_range(*said.elsewhere),
        Html(f'<span class="class-sign {colour}" aria-hidden="true"></span>{safe(spoke_for)}'),
    )
