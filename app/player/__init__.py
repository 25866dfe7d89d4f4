"""The synchronised player: a Gradio component of its own, WebAudio without a library."""

from app.player.component import Player

__all__ = ["Player"]
