"""A run: the recording is played back, and what every pass says appears in all parts of the page that show it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from app import text
from app.events import ON_MODEL, PRIVATE, run_folder, sentence
from app.service import ExplanationService, Models, Settings
from app.tabs import confidence, listen, playbacks

_STOP_WAITING_FOR_ROWS = "(view) => view && ({ ...view, finished: true, expected_rows: view.rows.length })"


def wire_run(
    models: Models,
    inputs: listen.Listen,
    rows: playbacks.Playbacks,
    beliefs: confidence.Confidence,
    shown: gr.State,
) -> None:
    """Wires the buttons that start and stop a run. ``shown`` takes the ExplanationView of every finished run."""
    explanations = ExplanationService(models)
    outputs = [
        inputs.status,
        inputs.run,
        inputs.stop,
        rows.hint,
        rows.player,
        beliefs.hint,
        beliefs.chart,
        beliefs.table,
        shown,
    ]
    running = gr.update(interactive=False), gr.update(interactive=True)
    ready = gr.update(interactive=True), gr.update(interactive=False)
    nothing = *playbacks.NOTHING, *confidence.NOTHING, None

    def run(
        path: str | None, checkpoint: str, count: int, class_to_follow: str, start_seconds: float
    ) -> Iterator[tuple[Any, ...]]:
        if path is None:
            yield listen.error_html(text.NO_RECORDING), *ready, *nothing
            return
        settings = Settings(checkpoint, int(count), start_seconds, class_to_follow or None)
        try:
            with run_folder() as folder:
                for view in explanations.explain(Path(path), settings, folder):
                    buttons = ready if view.finished else running
                    parts = *playbacks.updates(view), *confidence.updates(view)
                    yield listen.run_html(view), *buttons, *parts, view if view.finished else None
        except Exception as error:
            yield listen.error_html(sentence(error)), *ready, *nothing

    started = inputs.run.click(
        run,
        [inputs.recording, inputs.checkpoint, inputs.playbacks, inputs.class_to_follow, inputs.start],
        outputs,
        show_progress="minimal",
        show_progress_on=inputs.status,
        trigger_mode="multiple",  # a press right after the last pass or a stop must not be lost
        **ON_MODEL,
        **PRIVATE,
    )
    stopped = inputs.stop.click(
        lambda: (listen.message_html(text.STOPPED), *ready),
        None,
        [inputs.status, inputs.run, inputs.stop],
        cancels=[started],
        show_progress="hidden",
        queue=False,
        **PRIVATE,
    )
    # The places kept for passes that will not come are given up.
    stopped.then(None, rows.player, rows.player, js=_STOP_WAITING_FOR_ROWS, **PRIVATE)
