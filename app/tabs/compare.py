"""Compare: the run shown beside another recording, another model or both, on one time axis."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from app import text
from app.events import ON_MODEL, PRIVATE, QUIET, on_stop, run_folder, sentence
from app.markup import reading, safe, section
from app.player import Player
from app.running import STOP_WAITING_FOR_ROWS
from app.service import (
    ComparisonService,
    ComparisonView,
    ExplanationService,
    ExplanationView,
    Models,
    Other,
)
from app.tabs.listen import description, error_html, message_html, move_window, progress_html
from playitback.report import words

#: classes that the table of differences names
CLASSES_SHOWN = 8

#: of a table: head, cells, whether the two differ there
Row = tuple[str, Sequence[str], bool]

_EXCHANGE = "(first, second) => [second, first]"


@dataclass(frozen=True)
class Compare:
    """The components of this part."""

    hint: gr.HTML
    question: gr.Column  # hidden without a run
    recording: gr.Audio
    described: gr.State  # RecordingView of the other recording, or None
    facts: gr.HTML
    overview: gr.HTML
    start: gr.Slider
    checkpoint: gr.Dropdown
    run: gr.Button
    stop: gr.Button
    swap: gr.Button
    status: gr.HTML
    answer: gr.Column  # hidden without an answer
    first_name: gr.HTML
    first: Player
    second_name: gr.HTML
    second: Player
    table: gr.HTML
    compared: gr.State  # the ComparisonView that is shown, or None


def build(checkpoints: Sequence[str], hours_kept: int) -> Compare:
    """Lays the part out."""
    compared: gr.State = gr.State(None, time_to_live=hours_kept * 3600)
    described: gr.State = gr.State(None)
    hint = gr.HTML(f'<p class="hint">{text.COMPARE_HINT}</p>')
    with gr.Column(visible=False, elem_id="compare") as question:
        gr.HTML(reading(text.COMPARE_READING, {}))
        with gr.Row():
            with gr.Column(scale=3, min_width=320):
                recording = gr.Audio(
                    label=text.COMPARE_RECORDING,
                    sources=["upload", "microphone"],
                    type="filepath",
                    editable=False,
                    buttons=[],
                    waveform_options=gr.WaveformOptions(show_recording_waveform=False),  # as in the first part
                    elem_id="compare-recording",
                )
                facts = gr.HTML(elem_id="compare-facts")
                overview = gr.HTML(visible=False, elem_id="compare-overview")
                start = gr.Slider(
                    0,
                    1,
                    value=0,
                    step=0.1,
                    label=text.COMPARE_START,
                    visible=False,
                    buttons=[],
                    elem_id="compare-start",
                )
            with gr.Column(scale=2, min_width=320):
                checkpoint = gr.Dropdown(
                    list(checkpoints),
                    value=checkpoints[0],
                    label=text.COMPARE_MODEL,
                    filterable=False,
                    elem_id="compare-model",
                )
                with gr.Row():
                    run = gr.Button(text.COMPARE, variant="primary", elem_id="compare-run", scale=2, min_width=120)
                    stop = gr.Button(text.STOP, interactive=False, elem_id="compare-stop", scale=1, min_width=90)
                    swap = gr.Button(text.SWAP, interactive=False, elem_id="compare-swap", scale=1, min_width=120)
                status = gr.HTML(elem_id="compare-status")
        with gr.Column(visible=False, elem_id="compare-answer") as answer:
            table = gr.HTML(elem_id="compare-table")
            first_name = gr.HTML(elem_id="compare-first-name")
            first = Player(elem_id="compare-first", label=text.FIRST_PLAYER_LABEL)
            second_name = gr.HTML(elem_id="compare-second-name")
            second = Player(elem_id="compare-second", label=text.SECOND_PLAYER_LABEL)
    return Compare(
        hint,
        question,
        recording,
        described,
        facts,
        overview,
        start,
        checkpoint,
        run,
        stop,
        swap,
        status,
        answer,
        first_name,
        first,
        second_name,
        second,
        table,
        compared,
    )


def wire(models: Models, parts: Compare, shown: gr.State, run_wanted: Sequence[Any]) -> None:
    """Follows the run that is shown, and puts another beside it when asked; ``run_wanted``: events after which there is
    another run, for which a comparison that still goes on makes room.
    """
    explanations, comparisons = ExplanationService(models), ComparisonService(models)
    buttons = [parts.run, parts.stop, parts.swap]
    names = [parts.first_name, parts.second_name, parts.table]
    outputs = [parts.status, *buttons, parts.answer, parts.first, parts.second, *names, parts.compared]
    nothing = gr.update(visible=False), None, None, "", "", "", None

    def follow(view: ExplanationView | None) -> tuple[Any, ...]:
        there = view is not None
        return gr.update(visible=not there), gr.update(visible=there), "", *states(ready=True), *nothing

    def describe(path: str | None, checkpoint: str) -> tuple[Any, ...]:
        return description(explanations, path, checkpoint)

    def compare(
        view: ExplanationView | None, path: str | None, checkpoint: str, start_seconds: float
    ) -> Iterator[tuple[Any, ...]]:
        if view is None:
            yield error_html(text.COMPARE_NO_RUN), *states(ready=True), *nothing
            return
        other = Other(checkpoint, None if path is None else Path(path), 0.0 if path is None else start_seconds)
        try:
            with run_folder() as folder:
                for compared in comparisons.beside(view, other, folder):
                    yield updates(compared)
        except Exception as error:
            yield error_html(sentence(error)), *states(ready=True), *nothing

    def swap(view: ComparisonView | None) -> tuple[Any, ...]:
        if view is None:
            return gr.skip(), gr.skip(), gr.skip(), gr.skip()
        return *named(view.swapped), view.swapped

    shown.change(follow, shown, [parts.hint, parts.question, *outputs], **QUIET)
    described = [parts.described, parts.facts, parts.overview, parts.start, parts.status]
    for happened in (parts.recording.change, parts.checkpoint.change):
        happened(describe, [parts.recording, parts.checkpoint], described, **QUIET)
    parts.start.change(move_window, [parts.described, parts.start], parts.overview, trigger_mode="always_last", **QUIET)
    started = parts.run.click(
        compare,
        [shown, parts.recording, parts.checkpoint, parts.start],
        outputs,
        show_progress="minimal",
        show_progress_on=parts.status,
        **ON_MODEL,
        **PRIVATE,
    )
    stopped = on_stop(
        parts.stop,
        [started],
        lambda: (message_html(text.COMPARE_STOPPED), *states(ready=True, swappable=False)),
        [parts.status, *buttons],
    )
    stopped.then(None, parts.second, parts.second, js=STOP_WAITING_FOR_ROWS, **PRIVATE)
    gr.on(run_wanted, None, cancels=[started], queue=False, **QUIET)
    # The players exchange what they have: nothing is drawn or loaded anew.
    swapped = parts.swap.click(swap, parts.compared, [*names, parts.compared], **QUIET)
    swapped.then(None, [parts.first, parts.second], [parts.first, parts.second], js=_EXCHANGE, **PRIVATE)


def states(*, ready: bool, swappable: bool = False) -> tuple[Any, Any, Any]:
    """What the buttons to compare, to stop and to swap allow."""
    return gr.update(interactive=ready), gr.update(interactive=not ready), gr.update(interactive=swappable)


def updates(view: ComparisonView) -> tuple[Any, ...]:
    """What status, buttons, players, names and table show of a comparison so far, and the comparison itself."""
    return (
        status_html(view),
        *states(ready=view.finished, swappable=view.finished),
        gr.update(visible=True),
        *view.players,
        *named(view),
        view if view.finished else None,
    )


def status_html(view: ComparisonView) -> str:
    """How far the second run is; when it is finished, where the two part."""
    second = view.second
    if not second.finished:
        return progress_html(
            second.hearings, second.expected_hearings, text.progress(second.hearings, second.expected_hearings)
        )
    comparison = view.comparison
    last = comparison.hearings[-1]
    said = text.agreement(
        comparison.first_disagreement, len(comparison.hearings), last.first_decision, last.second_decision
    )
    return message_html(said, *second.explanation.notes)


def named(view: ComparisonView) -> tuple[str, str, str]:
    """What the names of both runs and the table show."""
    return name_html(text.FIRST_RUN, view.first), name_html(text.SECOND_RUN, view.second), table_html(view)


def name_html(which: str, run: ExplanationView) -> str:
    """The heading of a run."""
    explanation = run.explanation
    name = text.run_name(explanation.info.name, explanation.start_seconds, explanation.model_name)
    return f'<h2 class="section">{which}: {safe(name)}</h2>'


def table_html(view: ComparisonView) -> str:
    """The differences as two tables, of the hearings and of the classes; rows that are still to come are empty."""
    parts = section(text.COMPARE_DIFFERENCES, text.COMPARE_DIFFERENCES_READING, text.COMPARE_DEFINITIONS)
    return parts + hearings_html(view) + classes_html(view)


def hearings_html(view: ComparisonView) -> str:
    """What both decide for after every hearing that both have, and what they replayed."""
    hearings = view.comparison.hearings
    timed = not hearings or hearings[0].replayed is not None
    columns = list(text.COMPARE_HEARING_COLUMNS if timed else text.COMPARE_HEARING_COLUMNS[:2])
    if timed and view.same_clip:
        columns.append(text.OVERLAP_COLUMN)
    rows: list[Row] = []
    for each in hearings:
        cells = [
            f"{words.class_name(each.first_decision)}, {words.percent(each.first_probability)}",
            f"{words.class_name(each.second_decision)}, {words.percent(each.second_probability)}",
        ]
        if each.replayed is not None:
            replayed = each.replayed
            parted = replayed.shared_seconds, replayed.only_first_seconds, replayed.only_second_seconds
            cells += [words.seconds(seconds) for seconds in parted]
            if view.same_clip:
                cells.append("–" if replayed.overlap is None else f"{replayed.overlap:.2f}")
        rows.append((words.hearing_title(each.index), cells, not each.agree))
    expected = min(view.first.expected_hearings, view.second.expected_hearings)
    rows += [(words.hearing_title(index), [""] * len(columns), False) for index in range(len(hearings), expected)]
    note = "" if timed else f'<p class="plain">{text.NO_COMMON_TIME}</p>'
    return _table(text.HEARINGS_COMPARED, ["", *columns], rows) + note


def classes_html(view: ComparisonView) -> str:
    """The classes whose probabilities differ most after the latest hearing of either run."""
    comparison = view.comparison
    if comparison.hearings and not comparison.classes:
        return f'<p class="plain">{text.NOTHING_COMMON}</p>'
    rows: list[Row] = [
        (
            words.class_name(each.label),
            [
                words.percent(each.first_probability),
                words.percent(each.second_probability),
                words.points(each.difference),
            ],
            False,
        )
        for each in comparison.classes[:CLASSES_SHOWN]
    ]
    if not rows:
        named = set(view.first.explanation.labels) & set(view.second.explanation.labels)
        rows = [(words.NBSP, [""] * 3, False)] * min(CLASSES_SHOWN, len(named))
    return _table(text.CLASSES_COMPARED, text.COMPARE_CLASS_COLUMNS, rows)


def _table(caption: str, columns: Sequence[str], rows: Sequence[Row]) -> str:
    head = "".join(f'<th scope="col">{safe(column)}</th>' if column else "<td></td>" for column in columns)
    body = "".join(
        f'<tr{" class=differs" if differs else ""}><th scope="row">{safe(title)}</th>'
        + "".join(f"<td>{safe(cell)}</td>" for cell in cells)
        + "</tr>"
        for title, cells, differs in rows
    )
    return (
        f'<div class="numbers"><table class="figures"><caption>{safe(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )
