"""A run: the recording is played back, and what every hearing says appears in all parts of the page that show it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import gradio as gr
from gradio.blocks import Block
from gradio.events import Dependency

from app import text
from app.events import ON_MODEL, PRIVATE, Updates, ended, may_run, on_stop, run_folder, sentence
from app.markup import error_html, message_html, progress_html
from app.player import Player
from app.service import ExplainService, ExplanationView, Models, Settings
from playitback.report import words

PLAYBACKS_ID = "playbacks"  # of the tab that shows the rows

#: what a player is told when a run was stopped: the places kept for hearings that will not come are given up
STOP_WAITING_FOR_ROWS = "(view) => view && ({ ...view, finished: true, expected_rows: view.rows.length })"


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """What a run is asked for with."""

    recording: gr.Audio
    start: gr.Slider
    checkpoint: gr.Dropdown
    playbacks: gr.Slider
    asked: gr.Dropdown
    run: gr.Button
    stop: gr.Button
    status: gr.HTML

    def may_run(self, *, running: bool) -> Updates:
        return may_run(self.run, self.stop, running=running)


class ShowsRun(Protocol):
    """A part of the page that shows a run, hearing by hearing."""

    @property
    def hint(self) -> gr.HTML:
        """Where it says how to get something to see."""

    @property
    def components(self) -> Sequence[Block]:
        """All that it may change."""

    def nothing(self) -> Updates:
        """What it shows without a run."""

    def updates(self, view: ExplanationView) -> Updates:
        """What it shows of a run so far."""


@dataclass(frozen=True, eq=False)  # every wish counts, also for the same clip again
class Wish:
    """A clip that a part of the page wants to be played back."""

    recording: str  # path
    start_seconds: float = 0.0  # of the clip in it
    label: str | None = None  # the class to explain; None: as chosen on the page


def wire_run(
    models: Models,
    inputs: Inputs,
    parts: Sequence[ShowsRun],
    player: Player,
    wished: gr.State,
    prepared: Dependency,
    shown: gr.State,
) -> None:
    """Wires what starts and stops a run.

    parts: what shows it; player: the one among them that has a row for every hearing. ``prepared``: the event after
    which a ``Wish`` in ``wished`` is to be played back. ``shown`` takes the ExplanationView of every finished run.
    """
    service = ExplainService(models)

    def nothing() -> Updates:
        emptied: Updates = {**inputs.may_run(running=False), shown: None}
        for part in parts:
            emptied |= part.nothing()
        return emptied

    def so_far(view: ExplanationView) -> Updates:
        found: Updates = {inputs.status: status_html(view), **inputs.may_run(running=not view.finished)}
        for part in parts:
            found |= part.updates(view)
        return {**found, shown: view if view.finished else None}

    def run(path: str | None, checkpoint: str, count: int, asked: str, start_seconds: float) -> Iterator[Updates]:
        if path is None:
            yield {**nothing(), inputs.status: error_html(text.NO_RECORDING)}
            return
        settings = Settings(checkpoint, int(count), start_seconds, asked or None)
        try:
            with run_folder() as folder:
                for view in service.explain(Path(path), settings, folder):
                    yield so_far(view)
        except Exception as error:
            yield {**nothing(), inputs.status: error_html(sentence(error))}

    def fulfil(wish: Wish, checkpoint: str, count: int, asked: str) -> Iterator[Updates]:
        yield from run(wish.recording, checkpoint, count, asked, wish.start_seconds)

    asked = [inputs.checkpoint, inputs.playbacks, inputs.asked]
    changed = [inputs.status, inputs.run, inputs.stop, shown]
    how_to_run: dict[str, Any] = {
        "outputs": [*changed, *(component for part in parts for component in part.components)],
        "show_progress": "minimal",
        "show_progress_on": inputs.status,
        "trigger_mode": "multiple",  # a press right after the last hearing or a stop must not be lost
        **ON_MODEL,
        **PRIVATE,
    }
    started = inputs.run.click(run, [inputs.recording, *asked, inputs.start], **how_to_run)
    fulfilled = prepared.success(fulfil, [wished, *asked], **how_to_run)
    stopped = on_stop(
        inputs.stop,
        [started, fulfilled],
        lambda: ended(inputs.run, inputs.stop, inputs.status, message_html(text.STOPPED)),
        [inputs.status, inputs.run, inputs.stop],
    )
    stopped.then(None, player, player, js=STOP_WAITING_FOR_ROWS, **PRIVATE)


def status_html(view: ExplanationView) -> str:
    """How far a run is; when it is finished, what it says."""
    if view.finished:
        decision = view.explanation.decision(-1)
        conclusion = words.conclusion(view.decisions, view.explanation.probability(-1, decision))
        return message_html(conclusion, *view.explanation.notes)
    return progress_html(view.hearings, view.expected_hearings, text.progress(view.hearings, view.expected_hearings))
