"""The synchronised player as a Gradio component: PlayerView in, rows of spectrogram, lanes and confidence out.

The script of playitback.report draws and plays and knows nothing of Gradio; this file gives the view's files an
address and joins the two with a few lines of JavaScript. The template is constant: Gradio would wipe
what the script has drawn if the template used the value.
"""

from __future__ import annotations

import contextlib
from itertools import count
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.data_classes import FileData, GradioRootModel
from gradio.events import Dependency

from playitback.report import player
from playitback.report.rows import PlayerView, player_data

_TEMPLATE = '<div class="playitback-player" data-row-count="0"></div>'
# Gradio finds an event by its quoted name in the script.
_ADAPTER = """
const player = mountPlayer(element.querySelector(".playitback-player"), {
  resolve: (file) => file.url,
  editable: EDITABLE,
  onReplay: (question) => trigger("replay", question),
  onEdit: (question) => trigger("edit", question),
  onExplain: EXPLAINS ? (question) => trigger("explain", question) : null,
});
const draw = () => player.update(props.value || null);
watch("value", draw);
draw();
"""
# Gradio passes a value on only where it differs from the one before. A number makes every answer differ, so that each
# arrives, also one that shows the same as before.
_updates = count(1)
_AGAIN = "(view) => view && ({ ...view, update: `${view.update} again` })"


class PlayerData(GradioRootModel):
    """The view as JSON; Gradio gives every file inside it an address."""

    root: dict[str, Any]


class Player(gr.HTML):
    """Shows a PlayerView; an output only. Labels and names from outside are shown as text, never as HTML.

    With ``editable`` the segments of a finished run can be changed, and two events ask for another run. They carry
    plain data as attributes of ``gr.EventData``; seconds are the clip's own, segments sorted, [start, end]:

    - ``player.replay(fn, ...)``: ``held``, {"0": [[start, end], ...], ...}: what the hearing after each of these
      replays;
    - ``player.edit(fn, ...)``: ``action`` ("remove" or "keep"), ``segments`` [[start, end], ...] and ``fill``, one of
      ``playitback.edits.FILLS``.

    With ``explains``, a class of the map can be chosen to be explained: ``player.explain(fn, ...)`` carries ``place``,
    the number of the class in the model's order.

    The buttons that ask wait until this player is updated; ``wake_after`` does it for events whose outputs are others.
    """

    data_model = PlayerData

    def __init__(
        self,
        value: PlayerView | None = None,
        *,
        editable: bool = False,
        explains: bool = False,
        elem_id: str | None = None,
        label: str | None = "Playbacks",
        render: bool = True,  # False where Gradio makes it anew to change or to skip it
    ):
        self.editable = editable
        self.explains = explains
        adapter = _ADAPTER.replace("EDITABLE", _boolean(editable)).replace("EXPLAINS", _boolean(explains))
        super().__init__(
            value,
            label=label,
            html_template=_TEMPLATE,
            css_template=player.style(),
            js_on_load=player.script() + adapter,
            apply_default_css=False,
            elem_id=elem_id,
            render=render,
        )

    def wake_after(self, event: Dependency) -> None:
        """Lets this player's buttons be pressed again when ``event`` has ended, whether or not it failed."""
        event.then(None, self, self, js=_AGAIN, api_visibility="private")

    def preprocess(self, payload: Any) -> Any:
        return payload

    def postprocess(self, value: PlayerView | None) -> PlayerData | None:  # type: ignore[override]
        return None if value is None else PlayerData(root={**player_data(value, _file), "update": next(_updates)})

    def api_info(self) -> dict[str, Any]:
        return {"type": "object", "description": "what the player shows, with the addresses of its sounds and pictures"}

    def example_payload(self) -> Any:
        return None

    def example_value(self) -> Any:
        return None


# Gradio writes a stub beside the file of every component. A type checker would read that instead of this file, and it
# would soon be wrong: so it is deleted.
with contextlib.suppress(OSError):
    Path(__file__).with_suffix(".pyi").unlink()


def _boolean(value: bool) -> str:
    return "true" if value else "false"


def _file(path: str) -> dict[str, Any]:
    return FileData(path=str(path)).model_dump()
