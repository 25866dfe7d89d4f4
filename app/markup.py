"""Pieces of HTML that several parts of the page share; names from outside as HTML text."""

from __future__ import annotations

import html
from collections.abc import Mapping


def safe(value: str) -> str:
    """Text as HTML, also for gr.HTML's templates, to which ``${``, ``{{`` and backticks would be code."""
    return html.escape(value).replace("$", "&#36;").replace("{", "&#123;").replace("`", "&#96;")


def info(title: str, definition: str) -> str:
    """A button that unfolds what a figure means: its definition, formula and source."""
    return (
        f'<details class="info"><summary><span class="info-sign" aria-hidden="true">i</span>{safe(title)}</summary>'
        f"<p>{safe(definition)}</p></details>"
    )


def reading(how: str, definitions: Mapping[str, str]) -> str:
    """One line that says how to read a view, and a button for each of its figures: title -> definition."""
    buttons = "".join(info(title, definition) for title, definition in definitions.items())
    return f'<div class="reading"><p>{safe(how)}</p><div class="infos">{buttons}</div></div>'


def section(title: str, how: str, definitions: Mapping[str, str]) -> str:
    """The heading of one view of a part of the page, and how to read it."""
    return f'<h2 class="section">{safe(title)}</h2>{reading(how, definitions)}'
