"""Is it true? The explanation that is shown beside what it must beat, on its own clip."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from app import text
from app.charts.examine import deletion_chart, draws_chart, insertion_chart, kept_chart, removed_chart
from app.events import ON_MODEL, PRIVATE, QUIET, Updates, ended, may_run, on_stop, sentence
from app.markup import error_html, message_html, progress_html, safe, section, table
from app.service import ExaminationView, ExamineService, ExplanationView, Models
from app.service.examine import CHOSEN, Examination
from app.tabs import hints
from playitback.report import examine_text, words


@dataclass(frozen=True, kw_only=True)
class Examine:
    """The components of this part."""

    hint: gr.HTML
    question: gr.Column  # everything below, hidden without a run
    ask: gr.Button
    stop: gr.Button
    status: gr.HTML
    answer: gr.Column  # everything below, hidden until an examination is done
    verdict: gr.HTML
    not_replayed: gr.HTML  # says why there are no draws
    replayed: gr.Column  # the draws, hidden where nothing was replayed
    draws: gr.Plot
    draws_table: gr.HTML
    kept: gr.Plot
    removed: gr.Plot
    edits_table: gr.HTML
    deletion: gr.Plot
    insertion: gr.Plot
    curves_table: gr.HTML


def build() -> Examine:
    """Lays the part out."""
    hint = hints.build(text.EXAMINE_HINT)
    with gr.Column(visible=False, elem_id="examine") as question:
        gr.HTML(section(text.EXAMINE_TITLE, text.EXAMINE_READING, {}))
        with gr.Row(elem_id="examine-actions"):
            ask = gr.Button(text.EXAMINE, variant="primary", elem_id="examine-ask", scale=0, min_width=240)
            stop = gr.Button(text.STOP_EXAMINING, interactive=False, elem_id="examine-stop", scale=0, min_width=220)
        status = gr.HTML(elem_id="examine-status")
        with gr.Column(visible=False, elem_id="examine-answer") as answer:
            verdict = gr.HTML(elem_id="examine-verdict")
            not_replayed = gr.HTML(visible=False, elem_id="examine-not-replayed")
            with gr.Column() as replayed:
                _title(text.DRAWS_TITLE, text.DRAWS_READING, "random draws", "percentile", "log-odds")
                draws = gr.Plot(label=text.DRAWS_CHART_LABEL, show_label=False, elem_id="examine-draws")
                draws_table = gr.HTML(elem_id="examine-draws-table")
            _title(
                text.EDITS_TITLE, text.EDITS_READING, "keep-only", "removal", "fills", "Fid-In", "FF", "AI", "AD", "AG"
            )
            with gr.Row():
                kept = _chart(text.KEPT_TITLE, text.KEPT_CHART_LABEL, "examine-kept")
                removed = _chart(text.REMOVED_TITLE, text.REMOVED_CHART_LABEL, "examine-removed")
            edits_table = gr.HTML(elem_id="examine-edits-table")
            _title(text.CURVES_TITLE, text.CURVES_READING, "deletion area", "insertion area")
            with gr.Row():
                deletion = _chart(text.DELETION_TITLE, text.DELETION_CHART_LABEL, "examine-deletion")
                insertion = _chart(text.INSERTION_TITLE, text.INSERTION_CHART_LABEL, "examine-insertion")
            curves_table = gr.HTML(elem_id="examine-curves-table")
    return Examine(
        hint=hint,
        question=question,
        ask=ask,
        stop=stop,
        status=status,
        answer=answer,
        verdict=verdict,
        not_replayed=not_replayed,
        replayed=replayed,
        draws=draws,
        draws_table=draws_table,
        kept=kept,
        removed=removed,
        edits_table=edits_table,
        deletion=deletion,
        insertion=insertion,
        curves_table=curves_table,
    )


def _title(title: str, how: str, *figures: str) -> None:
    gr.HTML(section(title, how, {figure: examine_text.DEFINITIONS[figure] for figure in figures}))


def _chart(title: str, label: str, elem_id: str) -> gr.Plot:
    """One of two charts that stand side by side where there is room."""
    with gr.Column(min_width=320):
        gr.HTML(f'<h3 class="chart-title">{safe(title)}</h3>')
        return gr.Plot(label=label, show_label=False, elem_id=elem_id)


def wire(models: Models, parts: Examine, shown: gr.State, run_wanted: Sequence[Any]) -> None:
    """Follows the run that is shown, and examines it when asked; ``run_wanted``: events after which there is another
    run, for which an examination that still goes on makes room.
    """
    service = ExamineService(models)
    asked = [parts.ask, parts.stop, parts.status, parts.answer]
    answered = [
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

    def ready(status: str = "") -> Updates:
        return ended(parts.ask, parts.stop, parts.status, status)

    def nothing(status: str = "") -> Updates:
        return {**ready(status), parts.answer: gr.update(visible=False)}

    def follow(view: ExplanationView | None) -> Updates:
        changed = {
            **nothing(),
            parts.hint: hints.said(text.EXAMINE_HINT if view is None else None),
            parts.question: gr.update(visible=view is not None),
        }
        if view is None:
            return changed
        lacking = unsuited(view)
        return {
            **changed,
            parts.not_replayed: hints.said(lacking, "plain"),
            parts.replayed: gr.update(visible=lacking is None),
        }

    def examine(view: ExplanationView | None) -> Iterator[Updates]:
        if view is None:
            yield nothing(error_html(text.NO_RUN_KEPT))
            return
        try:
            for each in service.examine(view):
                if each.found is not None:
                    yield {**ready(), parts.answer: gr.update(visible=True), **updates(parts, view, each.found)}
                else:
                    yield {
                        **may_run(parts.ask, parts.stop, running=True),
                        parts.status: so_far_html(view, each),
                        parts.answer: gr.update(visible=False),
                    }
        except Exception as error:
            yield nothing(error_html(sentence(error)))

    shown.change(follow, shown, [parts.hint, parts.question, *asked, parts.not_replayed, parts.replayed], **QUIET)
    started = parts.ask.click(
        examine, shown, [*asked, *answered], show_progress="hidden", trigger_mode="multiple", **ON_MODEL, **PRIVATE
    )
    on_stop(
        parts.stop,
        [started],
        lambda: ready(message_html(text.EXAMINE_STOPPED)),
        [parts.ask, parts.stop, parts.status],
    )
    gr.on(run_wanted, None, cancels=[started], queue=False, **QUIET)


def unsuited(view: ExplanationView) -> str | None:
    """Why a run cannot be compared with others that replay other segments; None: it can. The rest suits every run."""
    return None if view.replays else text.NOTHING_REPLAYED


def so_far_html(view: ExplanationView, progress: ExaminationView) -> str:
    """How far an examination has come."""
    caption = text.examining(view.asked_class or "", progress.done, progress.total)
    return progress_html(progress.done, progress.total or 1, caption)


def updates(parts: Examine, view: ExplanationView, found: Examination) -> Updates:
    """What is shown of an examination."""
    return {
        parts.verdict: verdict_html(view, found),
        parts.draws: draws_chart(found) if found.replays else None,
        parts.draws_table: draws_html(found) if found.replays else "",
        parts.kept: kept_chart(found),
        parts.removed: removed_chart(found),
        parts.edits_table: edits_html(found),
        parts.deletion: deletion_chart(found),
        parts.insertion: insertion_chart(found),
        parts.curves_table: curves_html(found),
    }


def verdict_html(view: ExplanationView, found: Examination) -> str:
    """The one sentence, and what to keep in mind."""
    about = text.examined(
        found.label,
        view.explanation.info.name,
        found.probability,
        found.marked_seconds,
        found.clip_seconds,
        found.replays,
    )
    reservations = "".join(f"<li>{safe(each)}</li>" for each in examine_text.reservations(found))
    return (
        f'<div class="verdict" role="status"><h2 class="section">{text.VERDICT_TITLE}</h2>'
        f"<p>{safe(examine_text.sentence(found))}</p>{f'<ul>{reservations}</ul>' if reservations else ''}"
        f'<p class="about">{safe(about)}</p></div>'
    )


def draws_html(found: Examination) -> str:
    """What was replayed instead as a table, and where the run stands among the random draws."""
    assert found.percentile is not None, "there are draws where something was replayed"
    draws = len(found.drawn)
    rows = [
        (
            text.control_name(each.name, draws),
            words.percent(each.probability),
            "" if each.name == CHOSEN else words.points(each.lead),
        )
        for each in found.controls
    ]
    percentile = text.percentile(found.percentile, draws)
    return f'<p class="plain">{safe(percentile)}</p>{table(text.DRAWS_CAPTION, text.DRAWS_COLUMNS, rows)}'


def edits_html(found: Examination) -> str:
    """What is left of the class, for every fill, as a table."""
    fills = list(dict.fromkeys(each.fill for each in found.edits))
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
        for each in sorted(found.edits, key=lambda edit: fills.index(edit.fill))
    ]
    return table(text.EDITS_CAPTION, text.EDITS_COLUMNS, rows)


def curves_html(found: Examination) -> str:
    """The areas as a table."""
    rows = [
        (text.order_name(each.order, found.replays), text.score(each.deletion_area), text.score(each.insertion_area))
        for each in found.orders
    ]
    fill = text.curves_fill(found.curve_fill)
    return f'{table(text.CURVES_CAPTION, text.CURVES_COLUMNS, rows)}<p class="plain">{safe(fill)}</p>'
