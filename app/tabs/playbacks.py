"""The playbacks: the synchronised player, one row a pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from app import text
from app.player import Player
from app.service import ExplanationView

#: what hint and player show without a run
NOTHING: tuple[Any, Any] = (gr.update(visible=True), None)


@dataclass(frozen=True)
class Playbacks:
    """The components of this part."""

    hint: gr.HTML
    player: Player


def build() -> Playbacks:
    """Lays the part out."""
    hint = gr.HTML(f'<p class="hint">{text.PLAYBACKS_HINT}</p>')
    return Playbacks(hint, Player(elem_id="player", label=text.PLAYER_LABEL))


def updates(view: ExplanationView) -> tuple[Any, Any]:
    """What hint and player show of a run so far."""
    return gr.update(visible=False), view.player
