"""Compare: the run shown beside another recording, another model or both, on one time axis."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from app import running, text
from app.events import (
    DIRECT,
    ON_MODEL,
    PRIVATE,
    QUIET,
    Updates,
    may_run,
    on_stop,
    refusal,
    run_folder,
    sentence,
    while_here,
)
from app.markup import error_html, message_html, reading, safe, section, table
from app.player import Player
from app.running import STOP_WAITING_FOR_ROWS
from app.service import (
    CompareService,
    ComparisonView,
    ExplainService,
    ExplanationView,
    Models,
    Other,
)
from app.tabs import hints, model_menu, recorder
from app.tabs.recorder import Recorder
from playitback.report import words

#: classes that the table of differences names
CLASSES_SHOWN = 8

_EXCHANGE = "(first, second) => [second, first]"


@dataclass(frozen=True, kw_only=True)
class Compare:
    """The components of this part."""

    hint: gr.HTML
    question: gr.Column  # hidden without a run
    recorder: Recorder  # of the other recording
    checkpoint: gr.Dropdown
    run: gr.Button
    stop: gr.Button
    swap: gr.Button
    status: gr.HTML
    answer: gr.Column  # hidden without an answer
    table: gr.HTML
    first_name: gr.HTML
    first: Player
    second_name: gr.HTML
    second: Player
    compared: gr.State  # the ComparisonView that is shown, or None


def build(models: Models, hours_kept: int) -> Compare:
    """Lays the part out."""
    compared: gr.State = gr.State(None, time_to_live=hours_kept * 3600)
    hint = hints.build(text.COMPARE_HINT)
    with gr.Column(visible=False, elem_id="compare") as question:
        gr.HTML(reading(text.COMPARE_READING, {}))
        with gr.Row():
            with gr.Column(scale=3, min_width=320):
                place = recorder.build(text.COMPARE_RECORDING, text.COMPARE_START, "compare-")
            with gr.Column(scale=2, min_width=320):
                checkpoint = model_menu.build(models, text.COMPARE_MODEL, "compare-model")
                with gr.Row():
                    run = gr.Button(text.COMPARE, variant="primary", elem_id="compare-run", scale=2, min_width=120)
                    stop = gr.Button(text.STOP, interactive=False, elem_id="compare-stop", scale=1, min_width=90)
                    swap = gr.Button(text.SWAP, interactive=False, elem_id="compare-swap", scale=1, min_width=120)
                status = gr.HTML(elem_id="compare-status")
        with gr.Column(visible=False, elem_id="compare-answer") as answer:
            differences = gr.HTML(elem_id="compare-table")
            first_name = gr.HTML(elem_id="compare-first-name")
            first = Player(elem_id="compare-first", label=text.FIRST_PLAYER_LABEL)
            second_name = gr.HTML(elem_id="compare-second-name")
            second = Player(elem_id="compare-second", label=text.SECOND_PLAYER_LABEL)
    return Compare(
        hint=hint,
        question=question,
        recorder=place,
        checkpoint=checkpoint,
        run=run,
        stop=stop,
        swap=swap,
        status=status,
        answer=answer,
        table=differences,
        first_name=first_name,
        first=first,
        second_name=second_name,
        second=second,
        compared=compared,
    )


def wire(models: Models, parts: Compare, shown: gr.State, run_wanted: Sequence[Any]) -> None:
    """Follows the run that is shown, and puts another beside it when asked; ``run_wanted``: events after which there is
    another run, for which a comparison that still goes on makes room.
    """
    explanations, comparisons = ExplainService(models), CompareService(models)
    pressed = [parts.status, parts.run, parts.stop, parts.swap]
    named = [parts.first_name, parts.second_name, parts.table]
    outputs = [*pressed, parts.answer, parts.first, parts.second, *named, parts.compared]

    def nothing(status: str) -> Updates:
        return {
            **buttons(parts, running=False),
            parts.status: status,
            parts.answer: gr.update(visible=False),
            parts.first: None,
            parts.second: None,
            parts.first_name: "",
            parts.second_name: "",
            parts.table: "",
            parts.compared: None,
        }

    def follow(view: ExplanationView | None) -> Updates:
        return {
            **nothing(""),
            parts.hint: hints.said(text.COMPARE_HINT if view is None else None),
            parts.question: gr.update(visible=view is not None),
        }

    def fetch(checkpoint: str) -> Iterator[Updates]:
        try:
            for told in model_menu.fetch(models, checkpoint):
                yield {parts.status: told}
        except Exception as error:
            yield {parts.status: error_html(sentence(error))}
            raise refusal(error) from error

    async def describe(path: str | None, checkpoint: str, request: gr.Request) -> Updates:
        work = partial(recorder.describe, explanations, place, parts.status, path, checkpoint)
        return await while_here(request, work)

    def compare(
        view: ExplanationView | None, path: str | None, checkpoint: str, start_seconds: float, channel: int
    ) -> Iterator[Updates]:
        if view is None:
            yield nothing(error_html(text.COMPARE_NO_RUN))
            return
        other = Other(checkpoint) if path is None else Other(checkpoint, Path(path), start_seconds, channel or None)
        try:
            with run_folder() as folder:
                for compared in comparisons.beside(view, other, folder):
                    yield updates(parts, compared)
        except Exception as error:
            yield nothing(error_html(sentence(error)))

    def swap(view: ComparisonView | None) -> Updates:
        return gr.skip() if view is None else {**headings(parts, view.swapped), parts.compared: view.swapped}

    def stopped() -> Updates:
        return {**buttons(parts, running=False), parts.status: message_html(text.COMPARE_STOPPED)}

    place = parts.recorder
    shown.change(follow, shown, [parts.hint, parts.question, *outputs], **QUIET)
    fetched = parts.checkpoint.change(fetch, parts.checkpoint, parts.status, **QUIET)
    for happened in (place.recording.change, fetched.success):
        happened(describe, [place.recording, parts.checkpoint], [*place.told, parts.status], **DIRECT)
    recorder.wire(place)
    started = parts.run.click(
        compare,
        [shown, place.recording, parts.checkpoint, place.start, place.channel],
        outputs,
        show_progress="minimal",
        show_progress_on=parts.status,
        **ON_MODEL,
        **PRIVATE,
    )
    on_stop(parts.stop, [started], stopped, pressed).then(
        None, parts.second, parts.second, js=STOP_WAITING_FOR_ROWS, **PRIVATE
    )
    gr.on(run_wanted, None, cancels=[started], queue=False, **QUIET)
    # The players exchange what they have: nothing is drawn or loaded anew.
    parts.swap.click(swap, parts.compared, [*named, parts.compared], **QUIET).then(
        None, [parts.first, parts.second], [parts.first, parts.second], js=_EXCHANGE, **PRIVATE
    )


def buttons(parts: Compare, *, running: bool, swappable: bool = False) -> Updates:
    """What may be pressed."""
    return {**may_run(parts.run, parts.stop, running=running), parts.swap: gr.update(interactive=swappable)}


def updates(parts: Compare, view: ComparisonView) -> Updates:
    """What is shown of a comparison so far."""
    first, second = view.players
    return {
        **buttons(parts, running=not view.finished, swappable=view.finished),
        parts.status: status_html(view),
        parts.answer: gr.update(visible=True),
        parts.first: first,
        parts.second: second,
        **headings(parts, view),
        parts.compared: view if view.finished else None,
    }


def headings(parts: Compare, view: ComparisonView) -> Updates:
    """What says which run is which, and where they differ."""
    return {
        parts.first_name: name_html(text.FIRST_RUN, view.first),
        parts.second_name: name_html(text.SECOND_RUN, view.second),
        parts.table: table_html(view),
    }


def status_html(view: ComparisonView) -> str:
    """How far the second run has come; when it is finished, where the two part."""
    second = view.second
    if not second.finished:
        return running.status_html(second)
    comparison = view.comparison
    last = comparison.hearings[-1]
    said = text.agreement(
        comparison.first_disagreement, len(comparison.hearings), last.first_decision, last.second_decision
    )
    return message_html(said, *second.explanation.remarks)


def name_html(which: str, run: ExplanationView) -> str:
    """The heading of a run."""
    explanation = run.explanation
    name = text.run_name(explanation.info.name, explanation.start_seconds, explanation.channel, explanation.model_name)
    return f'<h2 class="section">{which}: {safe(name)}</h2>'


def table_html(view: ComparisonView) -> str:
    """The differences as two tables, of the hearings and of the classes; rows that are still to come are empty."""
    definitions = text.COMPARE_DEFINITIONS if _both_replay(view) else {}
    heading = section(text.COMPARE_DIFFERENCES, text.COMPARE_DIFFERENCES_READING, definitions)
    return heading + hearings_html(view) + classes_html(view)


def hearings_html(view: ComparisonView) -> str:
    """What both decide for after every hearing that both have, and what they replayed."""
    hearings = view.comparison.hearings
    expected = min(view.first.expected_hearings, view.second.expected_hearings)
    equally_long = not hearings or hearings[0].replayed is not None
    columns = list(text.COMPARE_HEARING_COLUMNS[:2])
    if _both_replay(view) and equally_long:
        columns = [*text.COMPARE_HEARING_COLUMNS, *([text.OVERLAP_COLUMN] if view.same_clip else [])]
    rows: list[list[str]] = []
    for each in hearings:
        cells = [
            words.hearing_title(each.index),
            f"{words.class_name(each.first_decision)}, {words.percent(each.first_probability)}",
            f"{words.class_name(each.second_decision)}, {words.percent(each.second_probability)}",
        ]
        if each.replayed is not None:
            replayed = each.replayed
            shares = replayed.shared_seconds, replayed.only_first_seconds, replayed.only_second_seconds
            cells += [words.seconds(seconds) for seconds in shares]
            cells.append("–" if replayed.overlap is None else f"{replayed.overlap:.2f}")
        rows.append(cells[: len(columns) + 1])
    rows += [[words.hearing_title(index)] + [""] * len(columns) for index in range(len(hearings), expected)]
    disagreeing = [each.index for each in hearings if not each.agree]
    note = "" if equally_long or not _both_replay(view) else f'<p class="plain">{text.NO_COMMON_TIME}</p>'
    return table(text.HEARINGS_COMPARED, ["", *columns], rows, bold=disagreeing) + note


def _both_replay(view: ComparisonView) -> bool:
    return view.first.replays and view.second.replays


def classes_html(view: ComparisonView) -> str:
    """The classes whose probabilities differ most after the latest hearing of either run."""
    comparison = view.comparison
    if comparison.hearings and not comparison.classes:
        return f'<p class="plain">{text.NOTHING_COMMON}</p>'
    rows = [
        (
            words.class_name(each.label),
            words.percent(each.first_probability),
            words.percent(each.second_probability),
            words.points(each.difference),
        )
        for each in comparison.classes[:CLASSES_SHOWN]
    ]
    if not rows:
        named = set(view.first.explanation.labels) & set(view.second.explanation.labels)
        rows = [(words.NBSP, "", "", "")] * min(CLASSES_SHOWN, len(named))
    return table(text.CLASSES_COMPARED, text.COMPARE_CLASS_COLUMNS, rows)
