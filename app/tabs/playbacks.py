"""The playbacks: the synchronised player, one row a hearing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import gradio as gr
from gradio.blocks import Block

from app import text
from app.events import Updates
from app.markup import reading
from app.player import Player
from app.service import ExplanationView
from app.tabs import hints


@dataclass(frozen=True, kw_only=True)
class Playbacks:
    """The components of this part."""

    hint: gr.HTML
    player: Player

    @property
    def components(self) -> Sequence[Block]:
        """All that a run changes."""
        return self.hint, self.player

    def nothing(self) -> Updates:
        """What is shown without a run."""
        return {self.hint: hints.said(text.PLAYBACKS_HINT), self.player: None}

    def updates(self, view: ExplanationView) -> Updates:
        """What is shown of a run so far."""
        return {self.hint: hints.said(None), self.player: view.player}


def build() -> Playbacks:
    """Lays the part out."""
    figures = text.definitions("attention", "activity", "threshold", "hop", "replayed seconds", "change in points")
    gr.HTML(reading(text.PLAYBACKS_READING, figures))
    hint = hints.build(text.PLAYBACKS_HINT)
    return Playbacks(hint=hint, player=Player(explains=True, elem_id="player", label=text.PLAYER_LABEL))
