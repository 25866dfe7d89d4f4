"""Below the rows: the passage that suffices for the class, and all that it needs, each verified by hearing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from app import text
from app.events import ON_MODEL, PRIVATE, QUIET, Updates, sentence
from app.markup import error_html, progress_html, section
from app.player import stretches
from app.service import ExplanationView, FindingsService, PassagesView
from app.service.findings import Progress
from playitback.report import passages as drawn


@dataclass(frozen=True, kw_only=True)
class PassagesParts:
    """The components of this part."""

    body: gr.Column  # everything below, hidden without a run
    found: gr.HTML


def build() -> PassagesParts:
    """Lays the part out."""
    with gr.Column(visible=False, elem_id="passages") as body:
        gr.HTML(section(text.PASSAGES_TITLE, text.PASSAGES_READING, text.PASSAGES_DEFINITIONS))
        found = stretches.build("passages-found")
    return PassagesParts(body=body, found=found)


def wire(service: FindingsService, parts: PassagesParts, shown: gr.State, run_wanted: Sequence[Any]) -> None:
    """Looks for them as soon as a run is finished, after its rows are there; ``run_wanted``: events after which there
    is another run, for which a search that goes on makes room.
    """

    # At once, whatever computes: what was found of the run before goes.
    def clear(view: ExplanationView | None) -> Updates:
        return {parts.body: gr.update(visible=view is not None), parts.found: ""}

    def find(view: ExplanationView | None) -> Iterator[Updates]:
        if view is None:
            yield {parts.found: ""}
            return
        try:
            for each in service.find_passages(view):
                yield {parts.found: found_html(each) if isinstance(each, PassagesView) else looking_html(each)}
        except Exception as error:
            yield {parts.found: error_html(sentence(error))}

    cleared = shown.change(clear, shown, [parts.body, parts.found], **QUIET)
    searching = cleared.success(find, shown, parts.found, show_progress="hidden", **ON_MODEL, **PRIVATE)
    gr.on(run_wanted, None, cancels=[searching], queue=False, **QUIET)


def found_html(view: PassagesView) -> str:
    """Both, with their bars, their figures in a sentence, and their sounds."""
    suffices, needs = drawn.both_html(view.found)
    return _one(drawn.SUFFICES_TITLE, suffices, view.kept, text.HEAR_KEPT, text.HEAR_KEPT_NAME) + _one(
        drawn.NEEDS_TITLE, needs, view.left, text.HEAR_LEFT, text.HEAR_LEFT_NAME
    )


def _one(title: str, body: str, wav: bytes | None, caption: str, name: str) -> str:
    button = "" if wav is None else stretches.sound_button(caption, name, wav)
    return f'<h3 class="chart-title">{title}</h3>{body}{button}'


def looking_html(progress: Progress) -> str:
    """How far the search is."""
    return progress_html(progress.done, progress.total, text.LOOKING_FOR_PASSAGES)
