"""Is it true? The explanation that is shown beside what it must beat, on its own clip."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from app import text
from app.charts.examine import deletion_chart, draws_chart, insertion_chart, kept_chart, removed_chart
from app.events import ON_MODEL, PRIVATE, QUIET, on_stop, sentence
from app.markup import reading, safe, section
from app.service import ExplanationView, Models
from app.service.examine import CHOSEN, DEFINITIONS, ClipEvidence, ExaminationService, ExaminationView
from app.tabs import listen
from playitback.report import words

_SCORES = ("Fid-In", "FF", "AI", "AD", "AG")


@dataclass(frozen=True)
class Evidence:
    """The components of this part."""

    hint: gr.HTML
    question: gr.Column  # everything below, hidden without a run
    examine: gr.Button
    stop: gr.Button
    status: gr.HTML
    answer: gr.Column  # everything below, hidden until a test is done
    verdict: gr.HTML
    draws: gr.Plot
    draws_table: gr.HTML
    kept: gr.Plot
    removed: gr.Plot
    edits_table: gr.HTML
    deletion: gr.Plot
    insertion: gr.Plot
    curves_table: gr.HTML


def build() -> Evidence:
    """Lays the part out."""
    hint = gr.HTML(f'<p class="hint">{text.EVIDENCE_HINT}</p>')
    with gr.Column(visible=False, elem_id="evidence") as question:
        gr.HTML(reading(text.EVIDENCE_READING, {}))
        with gr.Row(elem_id="evidence-actions"):
            examine = gr.Button(text.EXAMINE, variant="primary", elem_id="examine", scale=0, min_width=240)
            stop = gr.Button(text.STOP_EXAMINING, interactive=False, elem_id="stop-examining", scale=0, min_width=160)
        status = gr.HTML(elem_id="evidence-status")
        with gr.Column(visible=False, elem_id="evidence-answer") as answer:
            verdict = gr.HTML(elem_id="evidence-verdict")
            _title(text.DRAWS_TITLE, text.DRAWS_READING, "random draws", "percentile", "log-odds")
            draws = gr.Plot(label=text.DRAWS_CHART_LABEL, show_label=False, elem_id="evidence-draws")
            draws_table = gr.HTML(elem_id="evidence-draws-table")
            _title(
                text.EDITS_TITLE, text.EDITS_READING, "keep-only", "removal", "fills", "Fid-In", "FF", "AI", "AD", "AG"
            )
            with gr.Row():
                kept = _chart(text.KEPT_TITLE, text.KEPT_CHART_LABEL, "evidence-kept")
                removed = _chart(text.REMOVED_TITLE, text.REMOVED_CHART_LABEL, "evidence-removed")
            edits_table = gr.HTML(elem_id="evidence-edits-table")
            _title(text.CURVES_TITLE, text.CURVES_READING, "deletion area", "insertion area")
            with gr.Row():
                deletion = _chart(text.DELETION_TITLE, text.DELETION_CHART_LABEL, "evidence-deletion")
                insertion = _chart(text.INSERTION_TITLE, text.INSERTION_CHART_LABEL, "evidence-insertion")
            curves_table = gr.HTML(elem_id="evidence-curves-table")
    return Evidence(
        hint,
        question,
        examine,
        stop,
        status,
        answer,
        verdict,
        draws,
        draws_table,
        kept,
        removed,
        edits_table,
        deletion,
        insertion,
        curves_table,
    )


def _title(title: str, how: str, *figures: str) -> None:
    gr.HTML(section(title, how, {figure: DEFINITIONS[figure] for figure in figures}))


def _chart(title: str, label: str, elem_id: str) -> gr.Plot:
    """One of two charts that stand side by side where there is room."""
    with gr.Column(min_width=320):
        gr.HTML(f'<h3 class="chart-title">{safe(title)}</h3>')
        return gr.Plot(label=label, show_label=False, elem_id=elem_id)


def wire(models: Models, parts: Evidence, shown: gr.State, run_wanted: Sequence[Any]) -> None:
    """Follows the run that is shown, and tests it when asked; ``run_wanted``: events after which there is another run,
    for which a test that still goes on makes room.
    """
    service = ExaminationService(models)
    answers = [
        parts.verdict,
        parts.draws,
        parts.draws_table,
        parts.kept,
        parts.removed,
        parts.edits_table,
        parts.deletion,
        parts.insertion,
        parts.curves_table,
    ]
    examined = [parts.examine, parts.stop, parts.status, parts.answer, *answers]
    running = gr.update(interactive=False), gr.update(interactive=True)
    ready = gr.update(interactive=True), gr.update(interactive=False)
    no_answer = gr.update(visible=False), *(gr.skip(),) * len(answers)

    def follow(view: ExplanationView | None) -> tuple[Any, ...]:
        return (
            gr.update(visible=view is None),
            gr.update(visible=view is not None),
            *ready,
            "",
            gr.update(visible=False),
        )

    def examine(view: ExplanationView | None) -> Iterator[tuple[Any, ...]]:
        if view is None:
            yield *ready, listen.error_html(text.NO_RUN_KEPT), *no_answer
            return
        try:
            for each in service.examine(view):
                if each.evidence is None:
                    yield *running, progress_html(view, each), *no_answer
                else:
                    yield *ready, "", gr.update(visible=True), *updates(view, each.evidence)
        except Exception as error:
            yield *ready, listen.error_html(sentence(error)), *no_answer

    shown.change(
        follow, shown, [parts.hint, parts.question, parts.examine, parts.stop, parts.status, parts.answer], **QUIET
    )
    started = parts.examine.click(
        examine, shown, examined, show_progress="hidden", trigger_mode="multiple", **ON_MODEL, **PRIVATE
    )
    on_stop(
        parts.stop,
        [started],
        lambda: (*ready, listen.message_html(text.EXAMINATION_STOPPED)),
        [parts.examine, parts.stop, parts.status],
    )
    gr.on(run_wanted, None, cancels=[started], queue=False, **QUIET)


def progress_html(view: ExplanationView, progress: ExaminationView) -> str:
    """How far a test has come."""
    caption = text.examining(view.class_followed or "", progress.heard, progress.hearings)
    return listen.progress_html(progress.heard, progress.hearings or 1, caption)


def updates(view: ExplanationView, evidence: ClipEvidence) -> tuple[Any, ...]:
    """What verdict, charts and tables show of the evidence."""
    return (
        verdict_html(view, evidence),
        draws_chart(evidence),
        draws_html(evidence),
        kept_chart(evidence),
        removed_chart(evidence),
        edits_html(evidence),
        deletion_chart(evidence),
        insertion_chart(evidence),
        curves_html(evidence),
    )


def verdict_html(view: ExplanationView, evidence: ClipEvidence) -> str:
    """The one sentence, and what to keep in mind."""
    about = text.examined(
        evidence.label,
        view.explanation.info.name,
        evidence.probability,
        evidence.replayed_seconds,
        evidence.clip_seconds,
    )
    reservations = "".join(f"<li>{safe(each)}</li>" for each in evidence.reservations)
    return (
        f'<div class="verdict" role="status"><h2 class="section">{text.VERDICT_TITLE}</h2>'
        f"<p>{safe(evidence.sentence)}</p>{f'<ul>{reservations}</ul>' if reservations else ''}"
        f'<p class="about">{safe(about)}</p></div>'
    )


def draws_html(evidence: ClipEvidence) -> str:
    """The controls as a table, and the percentile."""
    rows = [
        (
            text.control_name(each.name, evidence.replay.draws),
            words.percent(each.probability),
            "" if each.name == CHOSEN else words.points(each.lead),
        )
        for each in evidence.controls
    ]
    percentile = text.percentile(evidence.percentile, evidence.replay.draws)
    return f'<p class="plain">{safe(percentile)}</p>{_table(text.DRAWS_CAPTION, text.DRAWS_COLUMNS, rows)}'


def edits_html(evidence: ClipEvidence) -> str:
    """What is left of the class, for every fill, as a table."""
    fills = list(dict.fromkeys(each.fill for each in evidence.edits))
    rows = [
        (
            each.fill,
            each.source,
            words.percent(each.kept),
            text.score(each.input_fidelity),
            words.percent(each.removed),
            text.score(each.faithfulness),
            words.percent(each.average_increase / 100),
            words.percent(each.average_drop / 100),
            words.percent(each.average_gain / 100),
        )
        for each in sorted(evidence.edits, key=lambda edit: fills.index(edit.fill))
    ]
    return _table(text.EDITS_CAPTION, text.EDITS_COLUMNS, rows)


def curves_html(evidence: ClipEvidence) -> str:
    """The areas as a table."""
    rows = [(each.order, text.score(each.deletion_area), text.score(each.insertion_area)) for each in evidence.orders]
    fill = text.curves_fill(evidence.curve_fill)
    return f'{_table(text.CURVES_CAPTION, text.CURVES_COLUMNS, rows)}<p class="plain">{safe(fill)}</p>'


def _table(caption: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col">{safe(column)}</th>' for column in columns)
    body = "".join(
        f'<tr><th scope="row">{safe(first)}</th>{"".join(f"<td>{safe(cell)}</td>" for cell in cells)}</tr>'
        for first, *cells in rows
    )
    return (
        f'<div class="numbers" tabindex="0" role="region" aria-label="{safe(caption)}"><table class="figures">'
        f"<caption>{safe(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )
