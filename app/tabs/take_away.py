"""Take away: a run as a report that opens offline, as figures, numbers and sounds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from app import text
from app.events import PRIVATE, refusal, run_folder
from app.service import ExplanationView, Models, TakeAwayService


@dataclass(frozen=True)
class TakeAwayParts:
    """The components of this part."""

    hint: gr.HTML
    prepare: gr.Button
    files: gr.File


def build() -> TakeAwayParts:
    """Lays the part out."""
    hint = gr.HTML(f'<p class="hint">{text.TAKE_AWAY_HINT}</p>')
    gr.Markdown(text.TAKE_AWAY_READING, elem_classes="prose-page")
    prepare = gr.Button(text.PREPARE_FILES, variant="primary", interactive=False, elem_id="prepare-files")
    files = gr.File(
        label=text.FILES, file_count="multiple", interactive=False, visible=False, height=420, elem_id="files"
    )
    return TakeAwayParts(hint, prepare, files)


def wire(models: Models, parts: TakeAwayParts, shown: gr.State) -> None:
    """The files are written when they are asked for; another run puts them away."""
    service = TakeAwayService(models)

    def follow(view: ExplanationView | None) -> tuple[Any, Any, Any]:
        ready = view is not None
        return gr.update(visible=not ready), gr.update(interactive=ready), gr.update(visible=False, value=None)

    def write(view: ExplanationView | None) -> Iterator[Any]:
        if view is None:
            return
        try:
            with run_folder() as folder:
                taken = service.write(view, folder)
                yield gr.update(visible=True, value=[str(path) for path in (taken.archive, *taken.files.all)])
        except Exception as error:
            raise refusal(error) from error

    shown.change(follow, shown, [parts.hint, parts.prepare, parts.files], show_progress="hidden", **PRIVATE)
    parts.prepare.click(write, shown, parts.files, show_progress_on=parts.prepare, **PRIVATE)
