"""Buttons that play stretches of the clip, each exactly its seconds. The sounds travel in the page: they are short."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path

import gradio as gr

from app import text
from app.markup import safe

_SCRIPT = Path(__file__).with_name("stretches.js")


def build(elem_id: str) -> gr.HTML:
    """A place for ``stretches_html``."""
    return gr.HTML(js_on_load=_SCRIPT.read_text(encoding="utf-8"), elem_id=elem_id)


def stretches_html(stretches: Sequence[tuple[float, float, bytes]]) -> str:
    """A button for every stretch, (start seconds, end seconds, WAV), and one for all of them if there are several."""
    buttons = [button(*stretch) for stretch in stretches]
    if len(buttons) > 1:
        buttons.append(_button(text.ALL_STRETCHES, text.PLAY_ALL_STRETCHES, "data-all"))
    return f'<ul class="stretches">{"".join(f"<li>{button}</li>" for button in buttons)}</ul>'


def button(start: float, end: float, wav: bytes) -> str:
    """A button for one stretch, its sound as WAV."""
    return sound_button(text.stretch(start, end), text.play_stretch(start, end), wav)


def sound_button(caption: str, name: str, wav: bytes) -> str:
    """A button that plays a WAV. name: what it does, for a screen reader."""
    sound = f'data-sound="data:audio/wav;base64,{base64.b64encode(wav).decode("ascii")}"'
    return _button(caption, name, sound)


def _button(caption: str, name: str, sound: str) -> str:
    return (
        f'<button type="button" class="stretch" aria-pressed="false" aria-label="{safe(name)}" {sound}>'
        f'<span class="stretch-sign" aria-hidden="true"></span>{safe(caption)}</button>'
    )
