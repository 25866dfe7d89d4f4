"""About: how to read the page, what becomes of a recording, and the model card of the loaded checkpoint."""

from __future__ import annotations

import re

import gradio as gr

from app import text
from app.service import ModelView

_FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)
_TITLE = re.compile(r"\A# .*\n")
#: after "<" it makes what would begin a tag plain text, wherever Markdown takes it to stand; it has no width
_WORD_JOINER = "\N{WORD JOINER}"


def build(model: ModelView, hours_kept: int) -> gr.Markdown:
    """Lays the part out; returns the model card, which changes with the model."""
    gr.Markdown(text.ABOUT_PAGE.format(hours=hours_kept), elem_classes="prose-page")
    # no formulas: one can be larger than the page, and lie over it
    return gr.Markdown(card(model), elem_id="card", elem_classes="prose-page", latex_delimiters=[])


def card(model: ModelView) -> str:
    """The model card without its front matter and title, its headings below the page's own; text and links alone."""
    lines = _TITLE.sub("", _FRONT_MATTER.sub("", model.card).lstrip()).strip().splitlines()
    fenced = False
    for number, line in enumerate(lines):
        fenced ^= line.startswith("```")
        if not fenced and re.match(r"#{2,5} ", line):
            lines[number] = "#" + line
    return _inert("\n".join((f"## {text.MODEL_CARD}: {model.name}", "", *lines)))


def _inert(markdown: str) -> str:
    """Markdown that shows no form and fetches nothing: a card may come from anybody, with any checkpoint.

    HTML is shown as it is written, a picture is a link to it, and a diagram, which can hold both, its source.
    """
    no_tags = re.sub(r"<(?=[a-z/!?])", f"<{_WORD_JOINER}", markdown, flags=re.IGNORECASE)
    no_pictures = re.sub(r"!+(?=\[)", "", no_tags)
    return re.sub(r"(`{3,}|~{3,})[^\S\n]*mermaid", r"\1text", no_pictures, flags=re.IGNORECASE)
