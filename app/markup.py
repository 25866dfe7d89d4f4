"""Names from outside as HTML text."""

from __future__ import annotations

import html


def safe(value: str) -> str:
    """Text as HTML, also for gr.HTML's templates, to which ``${``, ``{{`` and backticks would be code."""
    return html.escape(value).replace("$", "&#36;").replace("{", "&#123;").replace("`", "&#96;")
