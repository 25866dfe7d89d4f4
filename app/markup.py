"""Pieces of HTML that several parts of the page share; names from outside as HTML text."""

from __future__ import annotations

import html
from collections.abc import Collection, Iterable, Mapping, Sequence


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


class Html(str):
    """What is HTML already: a table takes it as it is."""


def table(caption: str, columns: Sequence[str], rows: Iterable[Sequence[str]], bold: Collection[int] = ()) -> str:
    """A table of figures, which scrolls sideways by itself where there is no room for it.

    columns: titles, "" for none. The first cell of every row is its heading. bold: numbers of the rows that stand out.
    """
    head = "".join(f'<th scope="col">{safe(title)}</th>' if title else "<td></td>" for title in columns)
    body = "".join(_row(cells, number in bold) for number, cells in enumerate(rows))
    return (
        f'<div class="numbers" tabindex="0" role="region" aria-label="{safe(caption)}"><table class="figures">'
        f"<caption>{safe(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _row(cells: Sequence[str], bold: bool) -> str:
    first, *rest = (cell if isinstance(cell, Html) else safe(cell) for cell in cells)
    figures = "".join(f"<td>{cell}</td>" for cell in rest)
    return f'<tr{" class=bold" if bold else ""}><th scope="row">{first}</th>{figures}</tr>'


def progress_html(done: int, total: int, caption: str) -> str:
    """How far something is that computes for a while."""
    return (
        f'<div class="run-status" role="status"><progress aria-label="{safe(caption)}" max="{total}" value="{done}">'
        f"</progress><p>{safe(caption)}</p></div>"
    )


def message_html(*sentences: str) -> str:
    """What was found, or that it was stopped."""
    return '<div class="run-status" role="status">' + "".join(f"<p>{safe(each)}</p>" for each in sentences) + "</div>"


def error_html(sentence: str) -> str:
    """Why there is no result."""
    return f'<div class="run-status error" role="alert"><p>{safe(sentence)}</p></div>'
