"""The classes of all windows of a recording, and its events, on its time axis, as a Gradio component.

A timeline of thousands of windows stays quick: they are sent as two numbers each, events as five, and drawn on
canvases. The template is constant: Gradio would wipe what the script has drawn if the template used the value.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from app import text

_FOLDER = Path(__file__).parent
_TEMPLATE = '<div class="playitback-timeline"></div>'
# Gradio finds an event by its quoted name in the script.
_ADAPTER = """
const timeline = mountTimeline(element.querySelector(".playitback-timeline"), {
  words: WORDS,
  onOpen: (asked) => trigger("open", asked),
});
const draw = () => timeline.update(props.value || null);
watch("value", draw);
draw();
"""


@dataclass(frozen=True)
class TimelineView:
    """What the timeline shows."""

    run_id: str
    seconds: float  # of the recording
    clip_seconds: float  # of a window
    hop_seconds: float  # from one window's start to the next
    expected_windows: int
    classes: tuple[tuple[str, str | None, float], ...]  # (name, colour or None, share of the windows), largest first
    windows: tuple[tuple[int, float], ...]  # (number in ``classes``, confidence 0 to 1), one after the other
    lanes: tuple[tuple[str, str], ...] = ()  # (name, colour) of a class, from above
    #: (number in ``lanes``, start, end, confidence 0 to 1, peak) by their starts, seconds of the recording
    events: tuple[tuple[int, float, float, float, float], ...] = ()


class Timeline(gr.HTML):
    """Shows a TimelineView; an output only. ``timeline.open(fn)`` tells in gr.EventData of a window, its ``index``,
    or of an event, its ``class`` and the ``second`` of its peak.
    """

    # render: Gradio makes the component anew, unrendered, where an event skips it
    def __init__(self, *, elem_id: str | None = None, label: str | None = None, render: bool = True):
        script = "".join((_FOLDER / name).read_text(encoding="utf-8") for name in ("lanes.js", "timeline.js"))
        super().__init__(
            label=label,
            html_template=_TEMPLATE,
            css_template=(_FOLDER / "timeline.css").read_text(encoding="utf-8"),
            js_on_load=script
            + _ADAPTER.replace("WORDS", json.dumps({**text.TIMELINE_WORDS, "label": label}, ensure_ascii=False)),
            apply_default_css=False,
            elem_id=elem_id,
            render=render,
        )

    def preprocess(self, payload: Any) -> Any:
        return payload

    def postprocess(self, value: TimelineView | None) -> Any:  # type: ignore[override]
        if value is None:
            return None
        return {
            "run_id": value.run_id,
            "seconds": value.seconds,
            "clip_seconds": value.clip_seconds,
            "hop_seconds": value.hop_seconds,
            "expected_windows": value.expected_windows,
            "classes": [[name, colour, round(share, 6)] for name, colour, share in value.classes],
            "windows": [[number, round(confidence, 3)] for number, confidence in value.windows],
            "lanes": [list(lane) for lane in value.lanes],
            "events": [[number, *(round(each, 3) for each in rest)] for number, *rest in value.events],
        }

    def api_info(self) -> dict[str, Any]:
        return {"type": "object", "description": "the windows and events of a recording"}

    def example_payload(self) -> Any:
        return None

    def example_value(self) -> Any:
        return None


# Gradio writes a stub beside the file of every component. A type checker would read that instead of this file, and it
# would soon be wrong: so it is deleted.
with contextlib.suppress(OSError):
    Path(__file__).with_suffix(".pyi").unlink()
