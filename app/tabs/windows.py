"""Long recordings: windows and events on a timeline, the events in a table, and files to take away.

Models without activity have no events: the table then holds the stretches of windows of one class.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from app import text
from app.charts.windows import LANES, class_colours, laned, timeline_view
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
from app.markup import error_html, message_html, progress_html, reading, safe
from app.running import Inputs, Wish
from app.service import Models, WindowsService, WindowsView
from app.service.windows import Event, Stretch, write_tables
from app.timeline import Timeline
from playitback.report import words


@dataclass(frozen=True, kw_only=True)
class Windows:
    """The components of this part."""

    hop: gr.Radio
    listen: gr.Button
    stop: gr.Button
    status: gr.HTML
    timeline: Timeline
    found: gr.Dataframe  # a row an event or, without activity, a stretch
    table: gr.DownloadButton  # a row a window
    events: gr.DownloadButton  # a row an event
    audacity: gr.DownloadButton
    raven: gr.DownloadButton
    heard: gr.State  # the WindowsView that is shown, or None


def build(hours_kept: int) -> Windows:
    """Lays the part out."""
    heard: gr.State = gr.State(None, time_to_live=hours_kept * 3600)
    gr.HTML(
        reading(text.WINDOWS_READING, text.WINDOWS_DEFINITIONS) + f'<p class="plain">{safe(text.WINDOWS_UPLOADS)}</p>'
    )
    with gr.Row():
        with gr.Column(scale=3, min_width=300):
            hop = gr.Radio(
                [(name, share) for share, name in text.WINDOWS_HOPS.items()],
                value=1.0,
                label=text.WINDOWS_HOP,
                elem_id="windows-hop",
            )
        with gr.Column(scale=2, min_width=300):
            with gr.Row():
                listen = gr.Button(
                    text.WINDOWS_LISTEN, variant="primary", elem_id="windows-listen", scale=2, min_width=160
                )
                stop = gr.Button(text.STOP, interactive=False, elem_id="windows-stop", scale=1, min_width=90)
            status = gr.HTML(elem_id="windows-status")
    timeline = Timeline(elem_id="timeline", label=text.TIMELINE_LABEL)
    found = gr.Dataframe(
        headers=list(text.STRETCH_COLUMNS),
        type="array",
        label=text.STRETCHES_LABEL,
        show_search="filter",
        interactive=False,
        visible=False,
        max_height=420,
        buttons=[],
        elem_id="found",
    )
    with gr.Row(elem_id="windows-downloads"):
        events, audacity, raven, table = (
            gr.DownloadButton(name, interactive=False, size="sm", scale=0, min_width=180)
            for name in (text.TAKE_EVENTS, text.TAKE_AUDACITY, text.TAKE_RAVEN, text.TAKE_WINDOWS)
        )
    return Windows(
        hop=hop,
        listen=listen,
        stop=stop,
        status=status,
        timeline=timeline,
        found=found,
        table=table,
        events=events,
        audacity=audacity,
        raven=raven,
        heard=heard,
    )


def wire(models: Models, parts: Windows, inputs: Inputs, wished: gr.State) -> None:
    """Listens to the recording of the page when asked; what is opened of it becomes a ``Wish``."""
    service = WindowsService(models)
    pressed = [parts.listen, parts.stop, parts.status]
    downloads = [parts.table, parts.events, parts.audacity, parts.raven]

    def no_files() -> Updates:
        return {each: gr.update(value=None, interactive=False) for each in downloads}

    def over(status: str) -> Updates:
        return ended(parts.listen, parts.stop, parts.status, status)

    def listen(path: str | None, checkpoint: str, count: int, channel: int, hop_share: float) -> Iterator[Updates]:
        if path is None:
            yield over(error_html(text.WINDOWS_NO_RECORDING))
            return
        run_id, colours, drawn = uuid.uuid4().hex, dict[str, str](), 0
        try:
            for view in service.listen(Path(path), checkpoint, hop_share, int(count), channel or None):
                changed: Updates = {
                    **may_run(parts.listen, parts.stop, running=not view.finished),
                    parts.status: status_html(view),
                    parts.heard: view,
                }
                done = len(view.windows)
                if is_due(done, drawn, view.expected_windows):
                    drawn = done
                    colours = class_colours(tuple(dict.fromkeys((*laned(view), *view.leading))), colours)
                    changed[parts.timeline] = timeline_view(view, run_id, colours)
                    changed[parts.found] = stretches_update(view) if view.events is None else events_update(view)
                yield changed
        except Exception as error:
            yield over(error_html(sentence(error)))

    def write(view: WindowsView | None) -> Iterator[Updates]:
        if view is None or not view.windows:
            yield no_files()
            return
        with run_folder() as folder:
            files = write_tables(view, folder)
            written = {parts.table: files.table, parts.audacity: files.audacity, parts.raven: files.raven}
            if files.events is not None:
                written[parts.events] = files.events
            yield {each: gr.update(value=str(path), interactive=True) for each, path in written.items()}

    def wish(view: WindowsView, start_seconds: float, label: str | None = None) -> Wish:
        return Wish(str(view.recording), start_seconds, label, view.channel or 0)

    def open_place(view: WindowsView | None, event: gr.EventData) -> Any:
        asked = event._data if isinstance(event._data, dict) else {}
        index, name, second = (asked.get(key) for key in ("index", "class", "second"))
        if view is not None and isinstance(second, (int, float)):
            # by name: while more is heard, events and lanes change their places
            label = next((each for each in view.sounding if words.class_name(each) == name), None)
            return wish(view, view.clip_around(second), label)
        if view is not None and isinstance(index, int) and 0 <= index < len(view.windows):
            return wish(view, view.windows[index].start_seconds)
        return gr.skip()

    def open_row(view: WindowsView | None, event: gr.EventData) -> Any:
        row = selected_row(event)
        if view is None or not 0 <= row < len(view.stretches if view.events is None else view.events):
            return gr.skip()
        if view.events is not None:
            return wish(view, view.clip_around(view.events[row].peak_seconds), view.events[row].label)
        return wish(view, view.surest(row).start_seconds)

    started = parts.listen.click(no_files, None, downloads, **QUIET).then(
        listen,
        [inputs.recording, inputs.checkpoint, inputs.playbacks, inputs.channel, parts.hop],
        [*pressed, parts.timeline, parts.found, parts.heard],
        show_progress="hidden",
        **ON_MODEL_LONG,
        **PRIVATE,
    )
    stopped = on_stop(parts.stop, [started], lambda: over(message_html(text.WINDOWS_STOPPED)), pressed)
    for event in (started, stopped):
        event.then(write, parts.heard, downloads, **QUIET)
    parts.timeline.open(open_place, parts.heard, wished, **QUIET)
    parts.found.select(open_row, parts.heard, wished, **QUIET)


def status_html(view: WindowsView) -> str:
    """How far it has come; when all is heard, what the recording holds."""
    if view.finished:
        said = text.windows_conclusion(view.name, view.seconds, len(view.windows), view.leading)
        if view.events is None:
            return message_html(said, text.no_events(view.model_name), *view.notes)
        return message_html(said, text.events_conclusion(len(view.events), len(view.sounding), LANES), *view.notes)
    done = len(view.windows)
    caption = text.windows_progress(done, view.expected_windows, view.seconds_left)
    return progress_html(done, view.expected_windows, caption)


def stretches_update(view: WindowsView) -> Any:
    """What the table shows of a recording so far: a row a stretch."""
    rows = [[*cells(each), each.windows] for each in view.stretches]
    return table_update(text.STRETCHES_LABEL, text.STRETCH_COLUMNS, ["str", "str", "str", "number", "number"], rows)


def events_update(view: WindowsView) -> Any:
    """What the table shows of a recording so far: a row an event."""
    rows = [[*cells(each), text.recording_clock(each.peak_seconds)] for each in view.events or ()]
    return table_update(text.EVENTS_LABEL, text.EVENT_COLUMNS, ["str", "str", "str", "number", "str"], rows)


def cells(found: Stretch | Event) -> list[Any]:
    """What the table says of either: start, end, class and percent."""
    start, end = text.recording_clock(found.start_seconds), text.recording_clock(found.end_seconds)
    return [start, end, words.class_name(found.label), round(100 * found.probability)]


def table_update(label: str, heads: Sequence[str], kinds: list[str], rows: list[list[Any]]) -> Any:
    """The table with other rows, and perhaps about something else."""
    return gr.update(
        value={"headers": list(heads), "data": rows},
        headers=list(heads),
        datatype=kinds,
        label=label,
        visible=bool(rows),
    )
