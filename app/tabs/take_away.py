"""Take away: a run as a report that opens offline, as figures, numbers and sounds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import gradio as gr

from app import text
from app.events import PRIVATE, QUIET, Updates, run_folder
from app.service import ExplanationView, FindingsService, Models, TakeAwayService
from app.tabs import hints


@dataclass(frozen=True, kw_only=True)
class TakeAwayParts:
    """The components of this part."""

    hint: gr.HTML
    prepare: gr.Button
    files: gr.File


def build() -> TakeAwayParts:
    """Lays the part out."""
    hint = hints.build(text.TAKE_AWAY_HINT)
    gr.Markdown(text.TAKE_AWAY_READING, elem_classes="prose-page")
    prepare = gr.Button(text.PREPARE_FILES, variant="primary", interactive=False, elem_id="prepare-files")
    files = gr.File(
        label=text.FILES, file_count="multiple", interactive=False, visible=False, height=420, elem_id="files"
    )
    return TakeAwayParts(hint=hint, prepare=prepare, files=files)


def wire(models: Models, findings: FindingsService, parts: TakeAwayParts, shown: gr.State) -> None:
    """The files are written when they are asked for, with all that was found by then; another run puts them away."""
    service = TakeAwayService(models)

    def follow(view: ExplanationView | None) -> Updates:
        lacking = text.TAKE_AWAY_HINT if view is None else unsuited(view)
        return {
            parts.hint: hints.said(lacking, "hint" if view is None else "plain"),
            parts.prepare: gr.update(interactive=view is not None),
            parts.files: gr.update(visible=False, value=None),
        }

    def write(view: ExplanationView | None) -> Iterator[Updates]:
        if view is None:
            return
        with run_folder() as folder:
            taken = service.write(replace(view, explanation=findings.explanation(view)), folder)
            written = [str(path) for path in (taken.archive, *taken.files.all)]
            yield {parts.files: gr.update(visible=True, value=written)}

    shown.change(follow, shown, [parts.hint, parts.prepare, parts.files], **QUIET)
    parts.prepare.click(write, shown, parts.files, show_progress_on=parts.prepare, **PRIVATE)


def unsuited(view: ExplanationView) -> str | None:
    """Which file a run does not leave; None: it leaves all."""
    return None if view.explanation.has_activity else text.NO_ACTIVITY_FILE
