"""Long recordings: the classes of all windows on a timeline, the stretches in a table, and files to take away."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from app import text
from app.charts.windows import class_colours, timeline_view
from app.events import (
    ON_MODEL_LONG,
    PRIVATE,
    QUIET,
    Updates,
    ended,
    is_due,
    may_run,
    on_stop,
    refusal,
    run_folder,
    sentence,
)
from app.markup import error_html, message_html, progress_html, reading, safe
from app.running import Inputs, Wish
from app.service import Models, WindowsService, WindowsView
from app.service.windows import write_tables
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
    stretches: gr.Dataframe
    table: gr.DownloadButton  # a row a window
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
    stretches = gr.Dataframe(
        headers=list(text.STRETCH_COLUMNS),
        datatype=["str", "str", "str", "number", "number"],
        type="array",
        label=text.STRETCHES_LABEL,
        show_search="filter",
        interactive=False,
        visible=False,
        max_height=420,
        buttons=[],
        elem_id="stretches",
    )
    with gr.Row(elem_id="windows-downloads"):
        table, audacity, raven = (
            gr.DownloadButton(name, interactive=False, size="sm", scale=0, min_width=180)
            for name in (text.TAKE_WINDOWS, text.TAKE_AUDACITY, text.TAKE_RAVEN)
        )
    return Windows(
        hop=hop,
        listen=listen,
        stop=stop,
        status=status,
        timeline=timeline,
        stretches=stretches,
        table=table,
        audacity=audacity,
        raven=raven,
        heard=heard,
    )


def wire(models: Models, parts: Windows, inputs: Inputs, wished: gr.State) -> None:
    """Listens to the recording of the page when asked; a window or a stretch that is opened becomes a ``Wish``."""
    service = WindowsService(models)
    pressed = [parts.listen, parts.stop, parts.status]
    downloads = [parts.table, parts.audacity, parts.raven]

    def no_files() -> Updates:
        return {each: gr.update(value=None, interactive=False) for each in downloads}

    def over(status: str) -> Updates:
        return ended(parts.listen, parts.stop, parts.status, status)

    def listen(path: str | None, checkpoint: str, count: int, hop_share: float) -> Iterator[Updates]:
        if path is None:
            yield over(error_html(text.WINDOWS_NO_RECORDING))
            return
        run_id, colours, drawn = uuid.uuid4().hex, dict[str, str](), 0
        try:
            for view in service.listen(Path(path), checkpoint, hop_share, int(count)):
                changed: Updates = {
                    **may_run(parts.listen, parts.stop, running=not view.finished),
                    parts.status: status_html(view),
                    parts.heard: view,
                }
                done = len(view.windows)
                if is_due(done, drawn, view.expected_windows):
                    drawn = done
                    colours = class_colours(tuple(view.leading), colours)
                    changed[parts.timeline] = timeline_view(view, run_id, colours)
                    changed[parts.stretches] = stretches_update(view)
                yield changed
        except Exception as error:
            yield over(error_html(sentence(error)))

    def write(view: WindowsView | None) -> Iterator[Updates]:
        if view is None or not view.windows:
            yield no_files()
            return
        try:
            with run_folder() as folder:
                files = write_tables(view, folder)
                written = {parts.table: files.table, parts.audacity: files.audacity, parts.raven: files.raven}
                yield {each: gr.update(value=str(path), interactive=True) for each, path in written.items()}
        except Exception as error:
            raise refusal(error) from error

    def open_window(view: WindowsView | None, event: gr.EventData) -> Any:
        index = event._data.get("index") if isinstance(event._data, dict) else None
        if view is None or not isinstance(index, int) or not 0 <= index < len(view.windows):
            return gr.skip()
        return Wish(str(view.recording), view.windows[index].start_seconds)

    def open_stretch(view: WindowsView | None, event: gr.SelectData) -> Any:
        if view is None or not 0 <= event.index[0] < len(view.stretches):
            return gr.skip()
        return Wish(str(view.recording), view.surest(event.index[0]).start_seconds)

    started = parts.listen.click(no_files, None, downloads, **QUIET).then(
        listen,
        [inputs.recording, inputs.checkpoint, inputs.playbacks, parts.hop],
        [*pressed, parts.timeline, parts.stretches, parts.heard],
        show_progress="hidden",
        **ON_MODEL_LONG,
        **PRIVATE,
    )
    stopped = on_stop(parts.stop, [started], lambda: over(message_html(text.WINDOWS_STOPPED)), pressed)
    for event in (started, stopped):
        event.then(write, parts.heard, downloads, **QUIET)
    parts.timeline.open(open_window, parts.heard, wished, **QUIET)
    parts.stretches.select(open_stretch, parts.heard, wished, **QUIET)


def status_html(view: WindowsView) -> str:
    """How far it has come; when all is heard, what the recording holds."""
    if view.finished:
        return message_html(text.windows_conclusion(view.name, view.seconds, len(view.windows), view.leading))
    done = len(view.windows)
    caption = text.windows_progress(done, view.expected_windows, view.seconds_left)
    return progress_html(done, view.expected_windows, caption)


def stretches_update(view: WindowsView) -> Any:
    """What the table shows of a recording so far: a row a stretch."""
    rows = [
        [
            text.recording_clock(each.start_seconds),
            text.recording_clock(each.end_seconds),
            words.class_name(each.label),
            round(100 * each.probability),
            each.windows,
        ]
        for each in view.stretches
    ]
    return gr.update(value={"headers": list(text.STRETCH_COLUMNS), "data": rows}, visible=bool(rows))
