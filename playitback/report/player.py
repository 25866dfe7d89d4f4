"""The synchronised player's script and style, as text: the page and the offline report use the same.

``player.js`` defines ``mountPlayer`` and knows nothing of whoever shows it.
"""

from __future__ import annotations

from pathlib import Path

_FOLDER = Path(__file__).parent


def script() -> str:
    """JavaScript that defines ``mountPlayer(element, { resolve })``."""
    return (_FOLDER / "player.js").read_text(encoding="utf-8")


def style() -> str:
    """Its CSS."""
    return (_FOLDER / "player.css").read_text(encoding="utf-8")
