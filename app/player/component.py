"""The synchronised player as a Gradio component: PlayerView in, rows of spectrogram, attention and confidence out.

``player.js`` draws and plays and knows nothing of Gradio; this file turns the frozen dataclasses into JSON with files
that have an address, and joins the two with a few lines of JavaScript. The template is constant: Gradio would wipe
what the script has drawn if the template used the value.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.data_classes import FileData, GradioRootModel

_FOLDER = Path(__file__).parent
_TEMPLATE = '<div class="playitback-player" data-row-count="0"></div>'
_ADAPTER = """
const player = mountPlayer(element.querySelector(".playitback-player"), { resolve: (file) => file.url });
const draw = () => player.update(props.value || null);
watch("value", draw);
draw();
"""


@dataclass(frozen=True)
class RowView:
    """One pass as a row. Seconds are the clip's own unless a name says otherwise; fractions run from 0 to 1."""

    index: int  # 0 is the first hearing
    title: str  # "First hearing", "Playback 2"
    hop_ms: float  # of the replayed stretches
    replayed_seconds: float  # of the clip, together
    spectrogram: str  # path of a PNG without axes: x from 0 to clip_seconds, low frequency at the bottom
    frames_spectrogram: str  # path of a PNG: the model's frames as they were
    frame_ticks: tuple[tuple[float, str], ...]  # (fraction from the left of frames_spectrogram, "1.5" seconds)
    frequency_ticks: tuple[tuple[float, str], ...]  # (fraction from the bottom, "4 kHz"); the axis is HTK mel
    attention_seconds: tuple[float, ...]  # centre of every attention column, increasing
    informative: tuple[float, ...]  # attention 0 to 1, one number a column
    uninformative: tuple[float, ...]
    threshold: float
    segments: tuple[tuple[float, float], ...]  # (start, end) chosen in this pass, replayed in the next one
    replayed: tuple[tuple[float, float], ...]  # (start, end) replayed in this pass
    tape_audio: str  # path of a WAV: the pass as the model heard it
    tape_map: tuple[tuple[float, float], ...]  # knots (second of the tape, second of the clip), both increasing
    classes: tuple[tuple[str, float, float | None], ...]  # (name, probability, change since the last pass), best first
    sentence: str  # describes the row in plain words
    decision_changed: bool


@dataclass(frozen=True)
class PlayerView:
    """All that the player shows. A new ``run_id`` stops the sound and clears the rows."""

    run_id: str
    clip_name: str
    clip_seconds: float
    clip_audio: str  # path of a WAV of exactly the clip
    rows: tuple[RowView, ...]
    finished: bool
    expected_rows: int  # passes in all; quiet placeholders keep their place until they come
    start_seconds_in_file: float = 0.0


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
            css_template=(_FOLDER / "player.css").read_text(encoding="utf-8"),
            js_on_load=(_FOLDER / "player.js").read_text(encoding="utf-8") + _ADAPTER,
            apply_default_css=False,
            elem_id=elem_id,
        )

    def preprocess(self, payload: Any) -> Any:
        return payload

    def postprocess(self, value: PlayerView | None) -> PlayerData | None:  # type: ignore[override]
        return None if value is None else PlayerData(root=_view_data(value))

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


def _drawn(values: Iterable[float]) -> list[float]:
    """Numbers that are only drawn: four decimals keep the JSON small, and numpy's numbers are welcome."""
    return [round(float(value), 4) for value in values]


def _seconds(pairs: Iterable[tuple[float, float]]) -> list[list[float]]:
    """Pairs of seconds that are played: to the microsecond, finer than any sample."""
    return [[round(float(first), 6), round(float(second), 6)] for first, second in pairs]


def _ticks(ticks: Iterable[tuple[float, str]]) -> list[list[Any]]:
    return [[round(float(fraction), 5), str(text)] for fraction, text in ticks]


def _row_data(row: RowView) -> dict[str, Any]:
    return {
        "index": int(row.index),
        "title": row.title,
        "hop_ms": float(row.hop_ms),
        "replayed_seconds": float(row.replayed_seconds),
        "spectrogram": _file(row.spectrogram),
        "frames_spectrogram": _file(row.frames_spectrogram),
        "frame_ticks": _ticks(row.frame_ticks),
        "frequency_ticks": _ticks(row.frequency_ticks),
        "attention_seconds": _drawn(row.attention_seconds),
        "informative": _drawn(row.informative),
        "uninformative": _drawn(row.uninformative),
        "threshold": float(row.threshold),
        "segments": _seconds(row.segments),
        "replayed": _seconds(row.replayed),
        "tape_audio": _file(row.tape_audio),
        "tape_map": _seconds(row.tape_map),
        "classes": [
            [str(name), float(probability), None if change is None else float(change)]
            for name, probability, change in row.classes
        ],
        "sentence": row.sentence,
        "decision_changed": bool(row.decision_changed),
    }


def _view_data(view: PlayerView) -> dict[str, Any]:
    return {
        "run_id": view.run_id,
        "clip_name": view.clip_name,
        "clip_seconds": float(view.clip_seconds),
        "clip_audio": _file(view.clip_audio),
        "rows": [_row_data(row) for row in view.rows],
        "finished": bool(view.finished),
        "expected_rows": int(view.expected_rows),
        "start_seconds_in_file": float(view.start_seconds_in_file),
    }
