"""The menu of models: what is offered with its family, and, where the owner of the machine allows it, any other."""

from __future__ import annotations

from collections.abc import Iterator

import gradio as gr

from app import text
from app.markup import message_html, progress_html
from app.service import Models


def build(models: Models, label: str, elem_id: str) -> gr.Dropdown:
    """The first model is chosen."""
    return gr.Dropdown(
        [(text.model_choice(each), each.name) for each in models.choices()],
        value=models.checkpoints[0],
        label=label,
        info=text.MODEL_BY_HAND if models.by_hand else None,
        filterable=models.by_hand,
        allow_custom_value=models.by_hand,
        elem_id=elem_id,
    )


def fetch(models: Models, checkpoint: str) -> Iterator[str]:
    """HTML that tells how far a model is fetched, as long as that takes; nothing of one that is here and checked.

    Raises CheckpointError.
    """
    if not models.is_bundled(checkpoint):
        yield message_html(text.fetching(checkpoint))
    for each in models.fetch(checkpoint):
        yield progress_html(each.done, each.total, text.fetched(checkpoint, each.done, each.total))
