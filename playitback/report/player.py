"""The synchronised player's script and style, as text: the page and the offline report use the same.

The files of the folder ``player`` share one scope; what the page sees of them is ``mountPlayer``, described on top of
``player/player.js``, which knows nothing of whoever shows it.
"""

from __future__ import annotations

from pathlib import Path

_FOLDER = Path(__file__).parent / "player"
#: each uses what stands before it
_SCRIPTS = (
    "time.js",
    "elements.js",
    "sound.js",
    "requests.js",
    "drawing.js",
    "lanes.js",
    "activity.js",
    "row.js",
    "frame.js",
    "shortcuts.js",
    "segments.js",
    "row_editor.js",
    "editor.js",
    "player.js",
)
_STYLES = ("player.css", "activity.css", "editor.css")


def script() -> str:
    """JavaScript that defines ``mountPlayer(element, { resolve, editable, onReplay, onEdit })``."""
    return f'const mountPlayer = (() => {{\n"use strict";\n\n{_joined(_SCRIPTS)}\nreturn mountPlayer;\n}})();\n'


def style() -> str:
    """Its CSS."""
    return _joined(_STYLES)


def _joined(names: tuple[str, ...]) -> str:
    return "\n".join((_FOLDER / name).read_text(encoding="utf-8") for name in names)
