"""The playbacks: the synchronised player, one row a hearing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from app import text
from app.markup import reading
from app.player import Player
from app.service import ExplanationView

_HINT = f'<p class="hint">{text.PLAYBACKS_HINT}</p>'


@dataclass(frozen=True)
class Playbacks:
    """The components of this part."""

    hint: gr.HTML
    player: Player


def build() -> Playbacks:
    """Lays the part out."""
    figures = text.definitions("attention", "threshold", "hop", "replayed seconds", "change in points")
    gr.HTML(reading(text.PLAYBACKS_READING, figures), elem_classes="how-to-read")
    hint = gr.HTML(_HINT, elem_classes="how-to-read")
    return Playbacks(hint, Player(elem_id="player", label=text.PLAYER_LABEL))


def nothing() -> tuple[Any, Any]:
    """What hint and player show without a run."""
    return gr.update(visible=True, value=_HINT), None


def updates(view: ExplanationView) -> tuple[Any, Any]:
    """What hint and player show of a run so far."""
    return gr.update(visible=False), view.player
