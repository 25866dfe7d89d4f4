"""The page: its parts, what happens when, the API, and how it is served."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

# Read by gradio when it is imported: nothing of what people do here is reported anywhere.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

import gradio as gr

from app import text
from app.service import ExplanationService, PlayItBackError, RecordingView, Settings
from app.tabs import about, confidence, listen, playbacks

log = logging.getLogger(__name__)

EXAMPLES = Path(__file__).parent.parent / "assets" / "examples"
EXAMPLE_FORMATS = (".wav", ".flac", ".ogg")
HOURS_KEPT = 4
SECONDS_BETWEEN_DELETIONS = 900
LARGEST_UPLOAD = "50mb"
LONGEST_QUEUE = 32
FOLDER_PREFIX = "playitback-"  # of a run's files, until gradio has copied them
#: all events that compute share it, so that one explanation is computed at a time
MODEL_QUEUE = "model"

_STYLE = Path(__file__).parent / "page.css"
_STOP_WAITING_FOR_ROWS = "(view) => view && ({ ...view, finished: true, expected_rows: view.rows.length })"


def build_page(service: ExplanationService, examples: Sequence[Path] | None = None) -> gr.Blocks:
    """The whole page. ``examples``: sounds to offer; those of assets/examples if None."""
    if examples is None:
        examples = sorted(path for path in EXAMPLES.glob("*") if path.suffix in EXAMPLE_FORMATS)
    model = service.model(service.checkpoints[0])
    with gr.Blocks(
        title=text.TITLE,
        analytics_enabled=False,
        delete_cache=(SECONDS_BETWEEN_DELETIONS, HOURS_KEPT * 3600),
    ) as page:
        gr.HTML(f"<h1>{text.TITLE}</h1><p>{text.TAGLINE}</p>", elem_id="masthead")
        inputs = listen.build(service.checkpoints, model, examples)
        with gr.Tabs(elem_id="results"):
            with gr.Tab(text.PLAYBACKS_TAB):
                rows = playbacks.build()
            with gr.Tab(text.CONFIDENCE_TAB):
                beliefs = confidence.build()
            with gr.Tab(text.ABOUT_TAB):
                card = about.build(model, HOURS_KEPT)
        _wire_inputs(service, inputs, card)
        _wire_run(service, inputs, rows, beliefs)
        _add_api(service, inputs, model.playbacks)
    return page.queue(max_size=LONGEST_QUEUE)


def launch_settings() -> dict[str, Any]:
    """How the page is served, wherever it is: arguments of ``launch``."""
    return {
        "run_history": False,  # these are recordings of people
        "max_file_size": LARGEST_UPLOAD,
        "footer_links": ["api", "settings"],
        "theme": _theme(),
        "css": _STYLE.read_text(encoding="utf-8"),
    }


def _theme() -> gr.themes.Base:
    """Calm, and with the fonts that the visitor's machine has."""
    theme = gr.themes.Default(
        primary_hue=gr.themes.colors.blue,
        neutral_hue=gr.themes.colors.slate,
        radius_size=gr.themes.sizes.radius_md,
        font=["ui-sans-serif", "Segoe UI", "Helvetica Neue", "Noto Sans", "Liberation Sans", "Arial", "sans-serif"],
        font_mono=["ui-monospace", "Consolas", "Liberation Mono", "monospace"],
    )
    # gradio's own subdued type is too pale to be read easily
    return theme.set(
        body_text_color_subdued="*neutral_500",
        body_text_color_subdued_dark="*neutral_400",
        block_info_text_color="*neutral_500",
        block_info_text_color_dark="*neutral_400",
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
    )


def _wire_inputs(service: ExplanationService, inputs: listen.Listen, card: gr.Markdown) -> None:
    described: gr.State = gr.State(None)

    def describe(path: str | None, checkpoint: str) -> tuple[Any, ...]:
        try:
            recording = None if path is None else service.describe(Path(path), checkpoint)
        except Exception as error:
            return None, *listen.recording_updates(None), listen.error_html(_sentence(error))
        return recording, *listen.recording_updates(recording), ""

    def move_window(recording: RecordingView | None, start_seconds: float) -> Any:
        if recording is None or recording.peaks is None:
            return gr.skip()
        return listen.overview_html(recording, start_seconds)

    def choose(checkpoint: str) -> tuple[Any, ...]:
        try:
            model = service.model(checkpoint)
        except Exception as error:
            raise gr.Error(_sentence(error), print_exception=False) from error
        return *listen.model_updates(model), about.card(model)

    quietly: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    chosen = inputs.checkpoint.change(
        choose, inputs.checkpoint, [inputs.playbacks, inputs.class_to_follow, card], **quietly
    )
    # another model may hear more or less at once, so the recording is described anew
    for happened in (inputs.recording.change, chosen.success):
        happened(
            describe,
            [inputs.recording, inputs.checkpoint],
            [described, inputs.facts, inputs.overview, inputs.start, inputs.status],
            **quietly,
        )
    inputs.start.change(move_window, [described, inputs.start], inputs.overview, trigger_mode="always_last", **quietly)


def _wire_run(
    service: ExplanationService, inputs: listen.Listen, rows: playbacks.Playbacks, beliefs: confidence.Confidence
) -> None:
    outputs = [
        inputs.status,
        inputs.run,
        inputs.stop,
        rows.hint,
        rows.player,
        beliefs.hint,
        beliefs.chart,
        beliefs.table,
    ]
    running = gr.update(interactive=False), gr.update(interactive=True)
    ready = gr.update(interactive=True), gr.update(interactive=False)
    nothing = *playbacks.NOTHING, *confidence.NOTHING

    def run(
        path: str | None, checkpoint: str, count: int, class_to_follow: str, start_seconds: float
    ) -> Iterator[tuple[Any, ...]]:
        if path is None:
            yield listen.error_html(text.NO_RECORDING), *ready, *nothing
            return
        settings = Settings(checkpoint, int(count), start_seconds, class_to_follow or None)
        try:
            # gradio copies the files at every yield; what it copied is deleted on its schedule, the folder at the end
            with TemporaryDirectory(prefix=FOLDER_PREFIX) as directory:
                for view in service.explain(Path(path), settings, Path(directory)):
                    buttons = ready if view.finished else running
                    yield listen.run_html(view), *buttons, *playbacks.updates(view), *confidence.updates(view)
        except Exception as error:
            yield listen.error_html(_sentence(error)), *ready, *nothing

    started = inputs.run.click(
        run,
        [inputs.recording, inputs.checkpoint, inputs.playbacks, inputs.class_to_follow, inputs.start],
        outputs,
        show_progress="minimal",
        show_progress_on=inputs.status,
        trigger_mode="multiple",  # a press right after the last pass or a stop must not be lost
        concurrency_id=MODEL_QUEUE,
        concurrency_limit=1,
        api_visibility="private",
    )
    stopped = inputs.stop.click(
        lambda: (listen.message_html(text.STOPPED), *ready),
        None,
        [inputs.status, inputs.run, inputs.stop],
        cancels=[started],
        show_progress="hidden",
        queue=False,
        api_visibility="private",
    )
    # The places kept for passes that will not come are given up.
    stopped.then(None, rows.player, rows.player, js=_STOP_WAITING_FOR_ROWS, api_visibility="private")


def _add_api(service: ExplanationService, inputs: listen.Listen, most_playbacks: int) -> None:
    model = gr.Textbox(label="model", value=service.checkpoints[0], visible=False)
    count = gr.Number(label="playbacks", value=most_playbacks, precision=0, visible=False)
    start = gr.Number(label="start_seconds", value=0.0, visible=False)
    explanation = gr.JSON(label=text.API_EXPLANATION, visible=False)
    explanation_file = gr.File(label=text.API_EXPLANATION_FILE, visible=False)
    segments = gr.File(label=text.API_SEGMENTS, file_count="multiple", visible=False)
    tapes = gr.File(label=text.API_TAPES, file_count="multiple", visible=False)
    model_list = gr.JSON(label=text.API_MODEL_LIST, visible=False)

    # A generator although it yields once: gradio copies the files at the yield, before the folder goes.
    def explain(
        recording: str | None, model: str, playbacks: int | None, start_seconds: float
    ) -> Iterator[tuple[Any, ...]]:
        if recording is None:
            raise gr.Error(text.NO_RECORDING, print_exception=False)
        try:
            with TemporaryDirectory(prefix=FOLDER_PREFIX) as name:
                directory = Path(name)
                *_, view = service.explain(Path(recording), Settings(model, playbacks, start_seconds), directory)
                files = service.write_files(view, directory)
                yield (
                    view.explanation.to_dict(),
                    str(files.explanation),
                    [str(path) for path in files.segments],
                    [str(path) for path in files.tapes],
                )
        except Exception as error:
            raise gr.Error(_sentence(error), print_exception=False) from error

    def models() -> list[dict[str, Any]]:
        views = [service.model(name) for name in service.checkpoints]
        return [
            {"name": name, "labels": view.labels, "playbacks": view.playbacks, "clip_seconds": view.clip_seconds}
            for name, view in zip(service.checkpoints, views, strict=True)
        ]

    gr.on(
        [],
        explain,
        [inputs.recording, model, count, start],
        [explanation, explanation_file, segments, tapes],
        api_name="explain",
        api_description=text.API_EXPLAIN,
        concurrency_id=MODEL_QUEUE,
        concurrency_limit=1,
    )
    gr.on([], models, None, model_list, api_name="models", api_description=text.API_MODELS)


def _sentence(error: Exception) -> str:
    """What the visitor is told; a defect of ours goes to the log with its traceback."""
    if isinstance(error, PlayItBackError):
        return str(error)
    log.error("unexpected error", exc_info=error)
    return text.UNEXPECTED
