"""Places that say why a part of the page shows nothing: no sound was played back yet, or it does not suit the run.

A tab that does not suit every run says so itself: its ``unsuited(view)`` is the sentence, or None where all is well.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from app.markup import safe


def build(sentence: str) -> gr.HTML:
    """A place in which ``sentence`` stands until ``said`` changes it."""
    return gr.HTML(_html(sentence, "hint"))


def said(sentence: str | None, kind: str = "hint") -> Any:
    """What such a place shows; for None nothing, and it takes no room.

    kind: a "hint" stands alone in its part of the page, a "plain" sentence among other things.
    """
    return gr.update(visible=sentence is not None, value="" if sentence is None else _html(sentence, kind))


def _html(sentence: str, kind: str) -> str:
    return f'<p class="{kind}">{safe(sentence)}</p>'
