"""A run: the recording is played back, and what every hearing says appears in all parts of the page that show it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from app import text
from app.events import ON_MODEL, PRIVATE, QUIET, on_stop, refusal, run_folder, sentence
from app.service import ExplanationService, Models, RecordingView, Settings
from app.tabs import confidence, listen, playbacks

PLAYBACKS_ID = "playbacks"  # of the tab that shows the rows

#: what a player is told when a run was stopped: the places kept for hearings that will not come are given up
STOP_WAITING_FOR_ROWS = "(view) => view && ({ ...view, finished: true, expected_rows: view.rows.length })"

_TO_THE_ROWS = "() => document.getElementById('results').scrollIntoView({ block: 'start' })"


@dataclass(frozen=True, eq=False)  # every wish counts, also for the same clip again
class Wish:
    """A clip that a part of the page wants to be played back."""

    recording: str  # path
    start_seconds: float = 0.0  # of the clip in it


def wire_run(
    models: Models,
    inputs: listen.Listen,
    rows: playbacks.Playbacks,
    beliefs: confidence.Confidence,
    tabs: gr.Tabs,
    wished: gr.State,
    shown: gr.State,
) -> None:
    """Wires what starts and stops a run.

    ``wished``: a ``Wish`` put there becomes the recording of the page and is played back in the tab of the rows.
    ``shown`` takes the ExplanationView of every finished run.
    """
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

    def nothing() -> tuple[Any, ...]:
        return *playbacks.nothing(), *confidence.nothing(), None  # anew each time: gradio takes an update apart

    def run(
        path: str | None, checkpoint: str, count: int, class_to_follow: str, start_seconds: float
    ) -> Iterator[tuple[Any, ...]]:
        if path is None:
            yield listen.error_html(text.NO_RECORDING), *ready, *nothing()
            return
        settings = Settings(checkpoint, int(count), start_seconds, class_to_follow or None)
        try:
            with run_folder() as folder:
                for view in explanations.explain(Path(path), settings, folder):
                    buttons = ready if view.finished else running
                    parts = *playbacks.updates(view), *confidence.updates(view)
                    yield listen.run_html(view), *buttons, *parts, view if view.finished else None
        except Exception as error:
            yield listen.error_html(sentence(error)), *ready, *nothing()

    def fulfil(wish: Wish, checkpoint: str, count: int, class_to_follow: str) -> Iterator[tuple[Any, ...]]:
        yield from run(wish.recording, checkpoint, count, class_to_follow, wish.start_seconds)

    def prepare(wish: Wish, checkpoint: str, path: str | None, recording: RecordingView | None) -> tuple[Any, ...]:
        if recording is None or recording.path != Path(wish.recording):
            try:
                recording = explanations.describe(Path(wish.recording), checkpoint)
            except Exception as error:
                raise refusal(error) from error
        chosen = gr.skip() if path == wish.recording else wish.recording  # loading hours of sound again takes a while
        return (
            recording,
            chosen,
            *listen.recording_updates(recording, wish.start_seconds),
            gr.update(selected=PLAYBACKS_ID),
        )

    how_to_run: dict[str, Any] = {
        "outputs": outputs,
        "show_progress": "minimal",
        "show_progress_on": inputs.status,
        "trigger_mode": "multiple",  # a press right after the last hearing or a stop must not be lost
        **ON_MODEL,
        **PRIVATE,
    }
    started = inputs.run.click(
        run,
        [inputs.recording, inputs.checkpoint, inputs.playbacks, inputs.class_to_follow, inputs.start],
        **how_to_run,
    )
    prepared = wished.change(
        prepare,
        [wished, inputs.checkpoint, inputs.recording, inputs.described],
        [inputs.described, inputs.recording, inputs.facts, inputs.overview, inputs.start, tabs],
        **QUIET,
    )
    prepared.success(None, js=_TO_THE_ROWS, **PRIVATE)
    fulfilled = prepared.success(
        fulfil, [wished, inputs.checkpoint, inputs.playbacks, inputs.class_to_follow], **how_to_run
    )
    stopped = on_stop(
        inputs.stop,
        [started, fulfilled],
        lambda: (listen.message_html(text.STOPPED), *ready),
        [inputs.status, inputs.run, inputs.stop],
    )
    stopped.then(None, rows.player, rows.player, js=STOP_WAITING_FOR_ROWS, **PRIVATE)
