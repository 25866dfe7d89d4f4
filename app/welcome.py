"""An example that is explained already when a visitor comes.

It is played back for real by the model that the page offers first, once in the life of the server, when the first
visitor comes; its pictures and sounds stay as long. Whoever has wanted a run of their own by then gets that alone.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import gradio as gr

from app import text
from app.events import FOLDER_PREFIX, QUIET, Updates, sentence
from app.markup import safe
from app.running import ShowsRun
from app.service import ExplainService, ExplanationView, Models, Settings


class Example:
    """A sound and its explanation, once somebody has asked for it."""

    def __init__(self, models: Models, path: Path) -> None:
        self._models, self._path = models, path
        self._view: ExplanationView | None = None
        self._folder: TemporaryDirectory[str] | None = None  # of the view's files
        self._explaining = threading.Lock()

    def explained(self) -> ExplanationView:
        """The finished run; the first call takes as long as a run does. Raises what a run raises."""
        with self._explaining:
            if self._view is None:
                folder = TemporaryDirectory(prefix=FOLDER_PREFIX)
                settings = Settings(self._models.checkpoints[0])
                *_, self._view = ExplainService(self._models).explain(self._path, settings, Path(folder.name))
                self._folder = folder
            return self._view


def wire(
    page: gr.Blocks,
    example: Example,
    parts: Sequence[ShowsRun],
    shown: gr.State,
    run_wanted: Sequence[Any],
) -> None:
    """Shows the example to whoever opens the page. ``run_wanted``: events by which a visitor asks for a run."""
    began: gr.State = gr.State(False)
    prepared: gr.State = gr.State(None)
    outputs = [shown, *(component for part in parts for component in part.components)]

    # In two steps: the first may take a while, in which a visitor may begin; the second looks whether one has.
    def prepare() -> ExplanationView | None:
        try:
            return example.explained()
        except Exception as error:
            sentence(error)  # logs a defect of ours; a visitor who asked for nothing is told nothing
            return None

    def show(view: ExplanationView | None, began: bool) -> Any:
        return gr.skip() if view is None or began else {shown: view, **updates(parts, view)}

    gr.on(run_wanted, lambda: True, None, began, queue=False, **QUIET)
    page.load(prepare, None, prepared, **QUIET).success(show, [prepared, began], outputs, **QUIET)


def updates(parts: Sequence[ShowsRun], view: ExplanationView) -> Updates:
    """What the parts show of the example, a note in place of their hints."""
    note, changed = note_html(view), Updates()
    for part in parts:
        # gradio takes an update apart, so each hint gets one of its own
        changed |= {**part.updates(view), part.hint: gr.update(value=note, visible=True)}
    return changed


def note_html(view: ExplanationView) -> str:
    """Says that it is an example, and which one."""
    name = text.example_name(Path(view.explanation.info.name).stem)
    return (
        f'<div class="example-note" role="note"><strong>{text.EXAMPLE_TITLE}</strong>: '
        f"{safe(text.example_note(name, view.explanation.model_name))}</div>"
    )
