"""A folder of clips: a row of a table each, and what all of them say together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from app import text
from app.charts.folder import confusion_chart, moments_chart
from app.events import (
    ON_MODEL_LONG,
    PRIVATE,
    QUIET,
    Updates,
    ended,
    is_due,
    may_run,
    on_stop,
    run_folder,
    selected_row,
    sentence,
)
from app.markup import error_html, message_html, progress_html, reading, safe, section, table
from app.running import Inputs, Wish
from app.service import ClipSummary, FolderFile, FolderService, FolderView, Models
from app.service.folder import SOUND_SUFFIXES, write_events, write_table
from app.tabs.recorder import channel_choices
from app.uploads import FolderUpload, UploadedFile
from playitback.report import words

_MOST_CHANNELS = 16  # that can be chosen: how many the clips have is not known before they are opened


@dataclass(frozen=True, kw_only=True)
class Folder:
    """The components of this part."""

    files: FolderUpload
    labels: gr.File
    channel: gr.Dropdown  # 0: mixed down
    run: gr.Button
    stop: gr.Button
    status: gr.HTML
    table: gr.Dataframe
    download: gr.DownloadButton  # a row a clip
    events: gr.DownloadButton  # a row an event
    judged: gr.Column  # accuracy and confusion, hidden where no class is known
    accuracy: gr.HTML
    confusion_hearing: gr.Radio
    confusion: gr.Plot
    moved: gr.Column  # hidden where nothing was replayed
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
            channel = gr.Dropdown(
                channel_choices(_MOST_CHANNELS), value=0, label=text.FOLDER_CHANNEL, elem_id="folder-channel"
            )
            with gr.Row():
                run = gr.Button(text.FOLDER_RUN, variant="primary", elem_id="folder-run", scale=2, min_width=160)
                stop = gr.Button(text.STOP, interactive=False, elem_id="folder-stop", scale=1, min_width=90)
            status = gr.HTML(elem_id="folder-status")
    clips = gr.Dataframe(
        headers=list(columns(1, labelled=False, events=False)),
        type="array",
        label=text.FOLDER_TABLE_LABEL,
        show_search="filter",
        interactive=False,
        visible=False,
        max_height=480,
        buttons=["fullscreen"],
        elem_id="clips",
    )
    with gr.Row():
        download = gr.DownloadButton(
            text.TAKE_FOLDER, interactive=False, size="sm", scale=0, min_width=180, elem_id="folder-download"
        )
        events = gr.DownloadButton(text.TAKE_EVENTS, interactive=False, size="sm", scale=0, min_width=180)
    with gr.Column(visible=False, elem_id="folder-judged") as judged:
        accuracy = gr.HTML(elem_id="folder-accuracy")
        gr.HTML(section(text.CONFUSION_TITLE, text.CONFUSION_READING, {}))
        confusion_hearing = gr.Radio([], label=text.CONFUSION_HEARING, elem_id="folder-confusion-hearing")
        confusion = gr.Plot(label=text.CONFUSION_LABEL, show_label=False, elem_id="folder-confusion")
    with gr.Column(visible=False, elem_id="folder-moments") as moved:
        gr.HTML(section(text.MOMENTS_TITLE, text.MOMENTS_READING, text.MOMENTS_DEFINITION))
        moments_note = gr.HTML()
        moments = gr.Plot(label=text.MOMENTS_LABEL, show_label=False, elem_id="folder-moments-chart")
    return Folder(
        files=files,
        labels=labels,
        channel=channel,
        run=run,
        stop=stop,
        status=status,
        table=clips,
        download=download,
        events=events,
        judged=judged,
        accuracy=accuracy,
        confusion_hearing=confusion_hearing,
        confusion=confusion,
        moved=moved,
        moments_note=moments_note,
        moments=moments,
        explained=explained,
    )


def wire(models: Models, parts: Folder, inputs: Inputs, wished: gr.State) -> None:
    """Plays a folder back when asked; a clip that is opened becomes a ``Wish``."""
    service = FolderService(models)
    pressed = [parts.run, parts.stop, parts.status]
    summary = [
        parts.download,
        parts.events,
        parts.judged,
        parts.accuracy,
        parts.confusion_hearing,
        parts.confusion,
        parts.moved,
        parts.moments_note,
        parts.moments,
    ]

    def over(status: str) -> Updates:
        return ended(parts.run, parts.stop, parts.status, status)

    def explain(
        files: Sequence[UploadedFile] | None, labels: str | None, checkpoint: str, count: int, channel: int
    ) -> Iterator[Updates]:
        if not files:
            yield over(error_html(text.FOLDER_NO_FILES))
            return
        given, drawn = [FolderFile(each.path, each.place) for each in files], 0
        table_given = None if labels is None else Path(labels)
        try:
            for view in service.explain(given, table_given, checkpoint, int(count), channel or None):
                changed: Updates = {
                    **may_run(parts.run, parts.stop, running=not view.finished),
                    parts.status: status_html(view),
                    parts.explained: view,
                }
                if is_due(view.done, drawn, view.expected_clips):
                    drawn = view.done
                    changed[parts.table] = table_update(view)
                yield changed
        except Exception as error:
            yield over(error_html(sentence(error)))

    def summarise(view: FolderView | None) -> Iterator[Updates]:
        if view is None or not view.clips:
            yield no_summary(parts)
            return
        with run_folder() as folder:
            taken = gr.update(value=str(write_table(view, folder)), interactive=True)
            events = write_events(view, folder)
            of_events = gr.update(value=None if events is None else str(events), interactive=events is not None)
            yield {parts.download: taken, parts.events: of_events, **summary_updates(parts, view)}

    def choose_hearing(view: FolderView | None, index: int) -> Any:
        return gr.skip() if view is None or not view.labelled else confusion_chart(view, last=index > 0)

    def open_clip(view: FolderView | None, event: gr.EventData) -> Any:
        row = selected_row(event)
        if view is None or not 0 <= row < len(view.files):
            return gr.skip()
        return Wish(str(view.files[row]), channel=view.channel or 0)

    # a summary of earlier clips would not belong to the new ones
    started = parts.run.click(lambda: no_summary(parts), None, summary, **QUIET).then(
        explain,
        [parts.files, parts.labels, inputs.checkpoint, inputs.playbacks, parts.channel],
        [*pressed, parts.table, parts.explained],
        show_progress="hidden",
        **ON_MODEL_LONG,
        **PRIVATE,
    )
    stopped = on_stop(parts.stop, [started], lambda: over(message_html(text.FOLDER_STOPPED)), pressed)
    for event in (started, stopped):
        event.then(summarise, parts.explained, summary, **QUIET)
    parts.confusion_hearing.input(choose_hearing, [parts.explained, parts.confusion_hearing], parts.confusion, **QUIET)
    parts.table.select(open_clip, parts.explained, wished, **QUIET)


def columns(hearings: int, *, labelled: bool, events: bool) -> tuple[str, ...]:
    """Heads of the table. Where there was a single hearing, none of them is about replay."""
    return (
        text.FOLDER_CLIP,
        *((text.FOLDER_CLASS,) if labelled else ()),
        text.FOLDER_DECISION,
        *((text.FOLDER_OUTCOME,) if labelled else ()),
        *map(text.confidence_column, range(hearings)),
        *((text.FOLDER_REPLAYED, text.FOLDER_CHANGED) if hearings > 1 else ()),
        *((text.FOLDER_EVENTS,) if events else ()),
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
            cells.append(outcome(clip))
        cells += [round(100 * probability) for probability in clip.probabilities]
        if view.hearings > 1:
            cells += [round(clip.replayed_seconds, 2), ", ".join(map(str, clip.changed_at))]
        if view.has_events:
            events = [(event.label, event.start_seconds, event.end_seconds) for event in clip.events or ()]
            cells.append(text.folder_events(events))
        rows.append(cells)
    heads = columns(view.hearings, labelled=labelled, events=view.has_events)
    numbers = {*map(text.confidence_column, range(view.hearings)), text.FOLDER_REPLAYED}
    return gr.update(
        value={"headers": list(heads), "data": rows},
        headers=list(heads),
        datatype=["number" if head in numbers else "str" for head in heads],
        visible=bool(rows),
    )


def outcome(clip: ClipSummary) -> str:
    """What replay did to the decision on a clip whose class is known; empty where it is not."""
    if clip.label is None:
        return ""
    first, last = (clip.holds(clip.label, index) for index in (0, -1))
    return {
        (True, True): text.RIGHT,
        (False, False): text.WRONG,
        (False, True): text.RESCUED,
        (True, False): text.SPOILT,
    }[first, last]


def status_html(view: FolderView) -> str:
    """How far it has come; when all are explained, what the folder says, and what was left out."""
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


def no_summary(parts: Folder) -> Updates:
    """What accuracy, confusion and moments show without clips, and that there is no table to take."""
    return {
        parts.download: gr.update(value=None, interactive=False),
        parts.events: gr.update(value=None, interactive=False),
        parts.judged: gr.update(visible=False),
        parts.accuracy: "",
        parts.confusion: None,
        parts.moved: gr.update(visible=False),
        parts.moments_note: "",
        parts.moments: None,
    }


def summary_updates(parts: Folder, view: FolderView) -> Updates:
    """What accuracy, confusion and moments show of a folder, as far as they suit it."""
    changed: Updates = {}
    if view.labelled:
        ends = dict.fromkeys((0, view.hearings - 1))
        changed |= {
            parts.judged: gr.update(visible=True),
            parts.accuracy: accuracy_html(view),
            parts.confusion_hearing: gr.update(
                choices=[(words.hearing_title(index), index) for index in ends], value=view.hearings - 1
            ),
            parts.confusion: confusion_chart(view, last=True),
        }
    if view.hearings > 1:
        changed |= {
            parts.moved: gr.update(visible=True),
            parts.moments_note: "" if view.labelled else f'<p class="plain">{text.MOMENTS_OF_DECISIONS}</p>',
            parts.moments: moments_chart(view),
        }
    return changed


def accuracy_html(view: FolderView) -> str:
    """Accuracy after every hearing and, where there are several, which clips replay mended and spoilt."""
    summary = view.summary
    within = text.NARROWER_IS_RIGHT if any(any(clip.broader) for clip in view.clips) else ""
    reading = text.ACCURACY_READING + within
    titles = map(words.hearing_title, range(view.hearings))
    shares = table(
        text.ACCURACY_CAPTION, ["", *titles], [(text.RIGHT, *(words.percent(share) for share in summary.accuracy))]
    )
    if view.hearings == 1:
        return section(text.ACCURACY_OF_ONE_TITLE, reading, {}) + shares
    lists = "".join(
        f"<dt>{name}: {len(clips)}</dt><dd>{safe(', '.join(str(clip.path) for clip in clips)) or '–'}</dd>"
        for name, clips in ((text.RESCUED, summary.rescued), (text.SPOILT, summary.spoilt))
    )
    return section(text.ACCURACY_TITLE, reading, {}) + f'{shares}<dl class="mended">{lists}</dl>'
