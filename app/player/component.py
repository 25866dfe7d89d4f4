"""The synchronised player as a Gradio component: PlayerView in, rows of spectrogram, attention and confidence out.

``player.js`` of playitback.report draws and plays and knows nothing of Gradio; this file gives the view's files an
address and joins the two with a few lines of JavaScript. The template is constant: Gradio would wipe
what the script has drawn if the template used the value.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.data_classes import FileData, GradioRootModel

from playitback.report import player
from playitback.report.rows import PlayerView, player_data

_TEMPLATE = '<div class="playitback-player" data-row-count="0"></div>'
_ADAPTER = """
const player = mountPlayer(element.querySelector(".playitback-player"), { resolve: (file) => file.url });
const draw = () => player.update(props.value || null);
watch("value", draw);
draw();
"""


class PlayerData(GradioRootModel):
    """The view as JSON; Gradio gives every file inside it an address."""

    root: dict[str, Any]


class Player(gr.HTML):
    """Shows a PlayerView; an output only. Labels and names from outside are shown as text, never as HTML."""

    data_model = PlayerData

    def __init__(self, value: PlayerView | None = None, *, elem_id: str | None = None, label: str | None = "Playbacks"):
        super().__init__(
            value,
            label=label,
            html_template=_TEMPLATE,
            css_template=player.style(),
            js_on_load=player.script() + _ADAPTER,
            apply_default_css=False,
            elem_id=elem_id,
        )

    def preprocess(self, payload: Any) -> Any:
        return payload

    def postprocess(self, value: PlayerView | None) -> PlayerData | None:  # type: ignore[override]
        return None if value is None else PlayerData(root=player_data(value, _file))

    def api_info(self) -> dict[str, Any]:
        return {"type": "object", "description": "what the player shows, with the addresses of its sounds and pictures"}

    def example_payload(self) -> Any:
        return None

    def example_value(self) -> Any:
        return None


# Gradio writes a stub beside the file of every component. A checker would read that instead of this file, and it goes
# stale: away with it.
with contextlib.suppress(OSError):
    Path(__file__).with_suffix(".pyi").unlink()


def _file(path: str) -> dict[str, Any]:
    return FileData(path=str(path)).model_dump()
