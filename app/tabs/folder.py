"""A folder of clips: a row of a table each, and what all of them say together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from app import text
from app.charts.folder import confusion_chart, moments_chart
from app.events import ON_MODEL_LONG, PRIVATE, QUIET, on_stop, refusal, run_folder, sentence
from app.markup import reading, safe, section
from app.running import Wish
from app.service import FolderFile, FolderService, FolderView, Models
from app.service.folder import SOUND_SUFFIXES, write_table
from app.tabs.listen import Listen, error_html, message_html, progress_html
from app.uploads import FolderUpload, UploadedFile
from playitback.report import words

#: updates of the table while clips are explained: the whole of it is sent each time
_UPDATES = 50


@dataclass(frozen=True)
class Folder:
    """The components of this part."""

    files: FolderUpload
    labels: gr.File
    run: gr.Button
    stop: gr.Button
    status: gr.HTML
    table: gr.Dataframe
    download: gr.DownloadButton
    judged: gr.Column  # accuracy and confusion, hidden where no class is known
    accuracy: gr.HTML
    confusion_hearing: gr.Radio
    confusion: gr.Plot
    moved: gr.Column  # hidden without clips
    moments_note: gr.HTML
    moments: gr.Plot
    explained: gr.State  # the FolderView that is shown, or None


def build(hours_kept: int) -> Folder:
    """Lays the part out."""
    explained: gr.State = gr.State(None, time_to_live=hours_kept * 3600)
    gr.HTML(reading(text.FOLDER_READING, text.FOLDER_DEFINITIONS))
    with gr.Row(elem_id="folder-question"):
        with gr.Column(scale=3, min_width=320):
            files = FolderUpload(SOUND_SUFFIXES, text.FOLDER_WORDS, label=text.FOLDER_LABEL, elem_id="folder-files")
            labels = gr.File(
                label=text.FOLDER_TABLE, file_count="single", file_types=[".csv"], height=150, elem_id="folder-labels"
            )
        with gr.Column(scale=2, min_width=320):
            with gr.Row():
                run = gr.Button(text.FOLDER_RUN, variant="primary", elem_id="folder-run", scale=2, min_width=160)
                stop = gr.Button(text.STOP, interactive=False, elem_id="folder-stop", scale=1, min_width=90)
            status = gr.HTML(elem_id="folder-status")
    table = gr.Dataframe(
        headers=list(columns(1, labelled=False)),
        type="array",
        label=text.FOLDER_TABLE_LABEL,
        show_search="filter",
        interactive=False,
        visible=False,
        max_height=480,
        buttons=["fullscreen"],
        elem_id="clips",
    )
    download = gr.DownloadButton(
        text.TAKE_FOLDER, interactive=False, size="sm", scale=0, min_width=180, elem_id="folder-download"
    )
    with gr.Column(visible=False, elem_id="folder-judged") as judged:
        gr.HTML(section(text.ACCURACY_TITLE, text.ACCURACY_READING, {}))
        accuracy = gr.HTML(elem_id="folder-accuracy")
        gr.HTML(section(text.CONFUSION_TITLE, text.CONFUSION_READING, {}))
        confusion_hearing = gr.Radio([], label=text.CONFUSION_HEARING, elem_id="folder-confusion-hearing")
        confusion = gr.Plot(label=text.CONFUSION_LABEL, show_label=False, elem_id="folder-confusion")
    with gr.Column(visible=False, elem_id="folder-moments") as moved:
        gr.HTML(section(text.MOMENTS_TITLE, text.MOMENTS_READING, text.MOMENTS_DEFINITION))
        moments_note = gr.HTML()
        moments = gr.Plot(label=text.MOMENTS_LABEL, show_label=False, elem_id="folder-moments-chart")
    return Folder(
        files,
        labels,
        run,
        stop,
        status,
        table,
        download,
        judged,
        accuracy,
        confusion_hearing,
        confusion,
        moved,
        moments_note,
        moments,
        explained,
    )


def wire(models: Models, parts: Folder, inputs: Listen, wished: gr.State) -> None:
    """Plays a folder back when asked; a clip that is opened becomes a ``Wish``."""
    service = FolderService(models)
    ready = gr.update(interactive=True), gr.update(interactive=False)
    running = gr.update(interactive=False), gr.update(interactive=True)
    summary = [
        parts.download,
        parts.judged,
        parts.accuracy,
        parts.confusion_hearing,
        parts.confusion,
        parts.moved,
        parts.moments_note,
        parts.moments,
    ]

    def explain(
        files: Sequence[UploadedFile] | None, table: str | None, checkpoint: str, count: int
    ) -> Iterator[tuple[Any, ...]]:
        if not files:
            yield error_html(text.FOLDER_NO_FILES), *ready, gr.skip(), gr.skip()
            return
        given, drawn = [FolderFile(each.path, each.place) for each in files], 0
        try:
            for view in service.explain(given, None if table is None else Path(table), checkpoint, int(count)):
                status, buttons = status_html(view), ready if view.finished else running
                if 0 < view.done - drawn < view.expected_clips / _UPDATES and not view.finished:
                    yield status, *buttons, gr.skip(), view
                    continue
                drawn = view.done
                yield status, *buttons, table_update(view), view
        except Exception as error:  # the clips before stay
            yield error_html(sentence(error)), *ready, gr.skip(), gr.skip()

    def summarise(view: FolderView | None) -> Iterator[tuple[Any, ...]]:
        if view is None or not view.clips:
            yield gr.update(value=None, interactive=False), *hidden_summary()
            return
        try:
            with run_folder() as folder:
                yield gr.update(value=str(write_table(view, folder)), interactive=True), *summary_updates(view)
        except Exception as error:
            raise refusal(error) from error

    def choose_hearing(view: FolderView | None, index: int) -> Any:
        return gr.skip() if view is None or not view.labelled else confusion_chart(view, last=index > 0)

    def open_clip(view: FolderView | None, event: gr.SelectData) -> Any:
        if view is None or not 0 <= event.index[0] < len(view.files):
            return gr.skip()
        return Wish(str(view.files[event.index[0]]))

    # what the clips before said together is no longer of what is shown
    started = parts.run.click(
        lambda: (gr.update(value=None, interactive=False), *hidden_summary()), None, summary, **QUIET
    ).then(
        explain,
        [parts.files, parts.labels, inputs.checkpoint, inputs.playbacks],
        [parts.status, parts.run, parts.stop, parts.table, parts.explained],
        show_progress="hidden",
        **ON_MODEL_LONG,
        **PRIVATE,
    )
    stopped = on_stop(
        parts.stop,
        [started],
        lambda: (message_html(text.FOLDER_STOPPED), *ready),
        [parts.status, parts.run, parts.stop],
    )
    for ended in (started, stopped):
        ended.then(summarise, parts.explained, summary, **QUIET)
    parts.confusion_hearing.input(choose_hearing, [parts.explained, parts.confusion_hearing], parts.confusion, **QUIET)
    parts.table.select(open_clip, parts.explained, wished, **QUIET)


def columns(hearings: int, *, labelled: bool) -> tuple[str, ...]:
    """Heads of the table."""
    return (
        text.FOLDER_CLIP,
        *((text.FOLDER_CLASS,) if labelled else ()),
        text.FOLDER_DECISION,
        *((text.FOLDER_OUTCOME,) if labelled else ()),
        *map(text.confidence_column, range(hearings)),
        text.FOLDER_REPLAYED,
        text.FOLDER_CHANGED,
    )


def table_update(view: FolderView) -> Any:
    """What the table shows of a folder so far: a row a clip."""
    labelled = view.labelled
    rows = []
    for clip in view.clips:
        cells: list[Any] = [str(clip.path)]
        if labelled:
            cells.append("" if clip.label is None else words.class_name(clip.label))
        cells.append(words.class_name(clip.decisions[-1]))
        if labelled:
            cells.append(outcome(clip.label, clip.decisions))
        cells += [round(100 * probability) for probability in clip.probabilities]
        cells += [round(clip.replayed_seconds, 2), ", ".join(map(str, clip.changed_at))]
        rows.append(cells)
    heads = columns(view.hearings, labelled=labelled)
    numbers = {*map(text.confidence_column, range(view.hearings)), text.FOLDER_REPLAYED}
    return gr.update(
        value={"headers": list(heads), "data": rows},
        headers=list(heads),
        datatype=["number" if head in numbers else "str" for head in heads],
        visible=bool(rows),
    )


def outcome(label: str | None, decisions: Sequence[str]) -> str:
    """What replay did to the decision on a clip whose class is known; empty where it is not."""
    if label is None:
        return ""
    first, last = decisions[0] == label, decisions[-1] == label
    return {
        (True, True): text.RIGHT,
        (False, False): text.WRONG,
        (False, True): text.RESCUED,
        (True, False): text.SPOILT,
    }[first, last]


def status_html(view: FolderView) -> str:
    """How far it is; when all are explained, what the folder says, and what was left out."""
    if not view.finished:
        caption = text.clips_progress(view.done, view.expected_clips, view.seconds_left)
        return progress_html(view.done, view.expected_clips, caption) + left_out_html(view.left_out)
    if not view.clips:
        return error_html(text.FOLDER_NOTHING_READ) + left_out_html(view.left_out)
    summary = view.summary
    labelled = sum(clip.label is not None for clip in view.clips)
    said = text.folder_conclusion(
        len(view.clips), labelled, summary.accuracy, len(summary.rescued), len(summary.spoilt)
    )
    return message_html(said) + left_out_html(view.left_out)


def left_out_html(sentences: Sequence[str]) -> str:
    """The files that could not be explained, and why, folded away."""
    if not sentences:
        return ""
    listed = "".join(f"<li>{safe(each)}</li>" for each in sentences)
    return f'<details class="left-out"><summary>{text.LEFT_OUT}: {len(sentences)}</summary><ul>{listed}</ul></details>'


def hidden_summary() -> tuple[Any, ...]:
    """What accuracy, confusion and moments show without clips."""
    hidden = gr.update(visible=False)
    return hidden, "", gr.skip(), None, hidden, "", None


def summary_updates(view: FolderView) -> tuple[Any, ...]:
    """What accuracy, confusion and moments show of a folder."""
    note = "" if view.labelled else f'<p class="plain">{text.MOMENTS_OF_DECISIONS}</p>'
    moments = gr.update(visible=True), note, moments_chart(view)
    if not view.labelled:
        return gr.update(visible=False), "", gr.skip(), None, *moments
    choices = [(words.hearing_title(0), 0), (words.hearing_title(view.hearings - 1), view.hearings - 1)][
        : view.hearings
    ]
    return (
        gr.update(visible=True),
        accuracy_html(view),
        gr.update(choices=choices, value=view.hearings - 1),
        confusion_chart(view, last=True),
        *moments,
    )


def accuracy_html(view: FolderView) -> str:
    """Accuracy after every hearing, and how many clips replay mended and spoilt."""
    summary = view.summary
    titles = "".join(f'<th scope="col">{words.hearing_title(index)}</th>' for index in range(view.hearings))
    shares = "".join(f"<td>{safe(words.percent(share))}</td>" for share in summary.accuracy)
    lists = "".join(
        f"<dt>{name}: {len(clips)}</dt><dd>{safe(', '.join(str(clip.path) for clip in clips)) or '–'}</dd>"
        for name, clips in ((text.RESCUED, summary.rescued), (text.SPOILT, summary.spoilt))
    )
    return (
        f'<div class="numbers"><table class="figures"><caption>{text.ACCURACY_CAPTION}</caption>'
        f'<thead><tr><td></td>{titles}</tr></thead><tbody><tr><th scope="row">{text.RIGHT}</th>{shares}</tr></tbody>'
        f'</table></div><dl class="mended">{lists}</dl>'
    )
