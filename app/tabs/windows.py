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
from app.events import ON_MODEL_LONG, PRIVATE, QUIET, on_stop, refusal, run_folder, sentence
from app.markup import reading, safe
from app.running import Wish
from app.service import Models, RecordingService, WindowsView
from app.service.windows import write_tables
from app.tabs.listen import Listen, error_html, message_html, progress_html
from app.timeline import Timeline
from playitback.report import words

#: updates of timeline and table while a recording is heard: the whole of them is sent each time
_UPDATES = 50


@dataclass(frozen=True)
class LongRecording:
    """The components of this part."""

    hop: gr.Radio
    listen: gr.Button
    stop: gr.Button
    status: gr.HTML
    timeline: Timeline
    stretches: gr.Dataframe
    downloads: tuple[gr.DownloadButton, gr.DownloadButton, gr.DownloadButton]
    heard: gr.State  # the WindowsView that is shown, or None


def build(hours_kept: int) -> LongRecording:
    """Lays the part out."""
    heard: gr.State = gr.State(None, time_to_live=hours_kept * 3600)
    gr.HTML(reading(text.LONG_READING, text.LONG_DEFINITIONS) + f'<p class="plain">{safe(text.LONG_UPLOADS)}</p>')
    with gr.Row():
        with gr.Column(scale=3, min_width=300):
            hop = gr.Radio(
                [(name, share) for share, name in text.LONG_HOPS.items()],
                value=1.0,
                label=text.LONG_HOP,
                elem_id="long-hop",
            )
        with gr.Column(scale=2, min_width=300):
            with gr.Row():
                listen = gr.Button(text.LONG_LISTEN, variant="primary", elem_id="long-listen", scale=2, min_width=160)
                stop = gr.Button(text.STOP, interactive=False, elem_id="long-stop", scale=1, min_width=90)
            status = gr.HTML(elem_id="long-status")
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
    with gr.Row(elem_id="long-downloads"):
        table, audacity, raven = (
            gr.DownloadButton(name, interactive=False, size="sm", scale=0, min_width=180)
            for name in (text.TAKE_WINDOWS, text.TAKE_AUDACITY, text.TAKE_RAVEN)
        )
    return LongRecording(hop, listen, stop, status, timeline, stretches, (table, audacity, raven), heard)


def wire(models: Models, parts: LongRecording, inputs: Listen, wished: gr.State) -> None:
    """Listens to the recording of the page when asked; a window or a stretch that is opened becomes a ``Wish``."""
    service = RecordingService(models)
    ready = gr.update(interactive=True), gr.update(interactive=False)
    running = gr.update(interactive=False), gr.update(interactive=True)
    no_files = tuple(gr.update(value=None, interactive=False) for _ in parts.downloads)

    def listen(path: str | None, checkpoint: str, count: int, hop_share: float) -> Iterator[tuple[Any, ...]]:
        if path is None:
            yield error_html(text.LONG_NO_RECORDING), *ready, gr.skip(), gr.skip(), gr.skip()
            return
        run_id, colours, drawn = uuid.uuid4().hex, dict[str, str](), 0
        try:
            for view in service.listen(Path(path), checkpoint, hop_share, int(count)):
                status, buttons = status_html(view), ready if view.finished else running
                done = len(view.windows)
                if 0 < done - drawn < view.expected_windows / _UPDATES and not view.finished:
                    yield status, *buttons, gr.skip(), gr.skip(), view
                    continue
                drawn = done
                colours = class_colours(tuple(view.leading), colours)
                yield status, *buttons, timeline_view(view, run_id, colours), stretches_update(view), view
        except Exception as error:  # what was heard before stays
            yield error_html(sentence(error)), *ready, gr.skip(), gr.skip(), gr.skip()

    def write(view: WindowsView | None) -> Iterator[tuple[Any, ...]]:
        if view is None or not view.windows:
            yield no_files
            return
        try:
            with run_folder() as folder:
                files = write_tables(view, folder)
                yield tuple(
                    gr.update(value=str(path), interactive=True) for path in (files.table, files.audacity, files.raven)
                )
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

    started = parts.listen.click(lambda: no_files, None, list(parts.downloads), **QUIET).then(
        listen,
        [inputs.recording, inputs.checkpoint, inputs.playbacks, parts.hop],
        [parts.status, parts.listen, parts.stop, parts.timeline, parts.stretches, parts.heard],
        show_progress="hidden",
        **ON_MODEL_LONG,
        **PRIVATE,
    )
    stopped = on_stop(
        parts.stop,
        [started],
        lambda: (message_html(text.LONG_STOPPED), *ready),
        [parts.status, parts.listen, parts.stop],
    )
    for ended in (started, stopped):
        ended.then(write, parts.heard, list(parts.downloads), **QUIET)
    parts.timeline.open(open_window, parts.heard, wished, **QUIET)
    parts.stretches.select(open_stretch, parts.heard, wished, **QUIET)


def status_html(view: WindowsView) -> str:
    """How far it is; when all is heard, what the recording holds."""
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
