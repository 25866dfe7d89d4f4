"""A run: the recording is played back, and what every hearing says appears in all parts of the page that show it.

Another class to explain, chosen in the list or in the map of classes under the first row, acts at once: the same clip
is explained for it, without loading anything again, and its rows take the places of those that there were. Where
nothing was explained yet, or the list is no longer that of the run's model, the choice waits for the next run.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import gradio as gr
from gradio.blocks import Block
from gradio.events import Dependency

from app import text
from app.events import DIRECT, ON_MODEL, PRIVATE, QUIET, Updates, ended, kept, may_run, on_stop, run_folder, sentence
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
    channel: gr.Dropdown  # 0: mixed down
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
    channel: int = 0  # of the recording; 0: mixed down


@dataclass(eq=False)
class Begun:
    """A run that was asked for: it waits, goes on, or has ended."""

    view: ExplanationView | None = None  # so far
    unwanted: bool = False  # stopped, asked for again, or another class is to be explained: it need not go on
    entered: bool = False

    def enter(self) -> bool:
        """Whether it may begin now: once, and only while somebody wants it."""
        may, self.entered = not (self.unwanted or self.entered), True
        return may


@dataclass(eq=False)  # every choice counts, also of the same class again
class Ask:
    """A class that a run is to be explained for."""

    view: ExplanationView  # of the run, which may have been broken off
    label: str | None  # None: the model's decision
    unwanted: bool = False  # nobody waits for it any more: it was stopped, failed, or gave way to another one

    def is_for(self, view: ExplanationView, label: str | None) -> bool:
        """Whether it asks for a class in a run, and somebody waits for that or has it already."""
        return not self.unwanted and self.label == label and self.view.run_id == view.run_id


def wire_run(
    models: Models,
    inputs: Inputs,
    parts: Sequence[ShowsRun],
    player: Player,
    wished: gr.State,
    prepared: Dependency,
    shown: gr.State,
    asking: gr.State,
) -> None:
    """Wires what starts and stops a run, and what explains another class in it.

    parts: what shows it; player: the one among them that has a row for every hearing. ``prepared``: the event after
    which a ``Wish`` in ``wished`` is to be played back. ``shown`` takes the ExplanationView of every finished run,
    ``asking`` the Ask of every class that is to be explained at once.
    """
    service = ExplainService(models)
    #: the last run that was asked for; at first one that is over
    begun: gr.State = gr.State(Begun(entered=True), time_to_live=shown.time_to_live)

    def nothing() -> Updates:
        emptied: Updates = {**inputs.may_run(running=False), shown: None}
        for part in parts:
            emptied |= part.nothing()
        return emptied

    def told(view: ExplanationView) -> Updates:
        return {inputs.status: status_html(view), **inputs.may_run(running=not view.finished)}

    def so_far(view: ExplanationView) -> Updates:
        found = told(view)
        for part in parts:
            found |= part.updates(view)
        return {**found, shown: view if view.finished else None}

    def ask(latest: Begun) -> Updates:
        """Before it waits for its turn: what begins only then could not be stopped while it waits."""
        latest.unwanted = True
        return {begun: Begun(), **inputs.may_run(running=True)}

    def run(
        path: str | None, checkpoint: str, count: int, asked: str, start_seconds: float, channel: int, this: Begun
    ) -> Iterator[Any]:
        if not this.enter():  # two presses before either's turn make one run
            yield gr.skip()  # to gradio, one that yields nothing has emptied all that it may change
            return
        if path is None:
            yield {**nothing(), inputs.status: error_html(text.NO_RECORDING)}
            return
        settings = Settings(checkpoint, int(count), start_seconds, asked or None, channel or None)
        try:
            with run_folder() as folder:
                for view in service.explain(Path(path), settings, folder):
                    if this.unwanted:
                        yield gr.skip()
                        return
                    this.view = view
                    yield so_far(view)
        except Exception as error:
            this.view = None
            if this.unwanted:
                yield gr.skip()
                return
            yield {**nothing(), inputs.status: error_html(sentence(error))}

    def fulfil(wanted: Wish | None, checkpoint: str, count: int, asked: str, this: Begun) -> Iterator[Any]:
        wish = kept(wanted)
        yield from run(wish.recording, checkpoint, count, asked, wish.start_seconds, wish.channel, this)

    def choose(
        label: str,
        checkpoint: str,
        path: str | None,
        last: Ask | None,
        finished: ExplanationView | None,
        latest: Begun,
    ) -> Any:
        view = _last_run(finished, latest)
        if view is None or view.settings.checkpoint != checkpoint or path not in (None, str(view.recording)):
            return gr.skip()
        if last is not None and last.is_for(view, label or None):  # gradio tells of one choice more than once
            return gr.skip()
        return {asking: _ask(view, label or None, last, latest)}

    def keep_up(
        label: str,
        checkpoint: str,
        path: str | None,
        last: Ask | None,
        finished: ExplanationView | None,
        latest: Begun,
    ) -> Any:
        """What was chosen while a run began, too late for it and too early to take its place."""
        if finished is None or label == (finished.settings.asked or ""):
            return gr.skip()
        return choose(label, checkpoint, path, last, finished, latest)

    def choose_in_rows(
        event: gr.EventData,
        checkpoint: str,
        last: Ask | None,
        finished: ExplanationView | None,
        latest: Begun,
    ) -> Any:
        view = _last_run(finished, latest)
        if view is None:
            return {inputs.status: error_html(text.NO_RUN_KEPT)}
        label = view.explanation.labels[int(event.place)]
        chosen: Updates = {asking: _ask(view, label, last, latest)}
        return {**chosen, inputs.asked: label} if view.settings.checkpoint == checkpoint else chosen

    def explain_anew(chosen: Ask | None) -> Iterator[Any]:
        """What is shown stays until all of the answer is there, and then gives way to it at once."""
        ask = kept(chosen)
        try:
            with run_folder() as folder:
                for view in service.ask(ask.view, ask.label, folder):
                    if ask.unwanted:
                        yield gr.skip()
                        return
                    if not view.finished:
                        yield told(view)
                        continue
                    answered = so_far(view)
                    for part in parts:
                        del answered[part.hint]  # which may say that the clip is an example: it still is
                    yield answered
        except Exception as error:
            ask.unwanted = True
            yield ended(inputs.run, inputs.stop, inputs.status, error_html(sentence(error)))

    def give_up(ask: Ask | None, latest: Begun) -> None:
        for each in (ask, latest):
            if each is not None:
                each.unwanted = True

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
    how_to_ask: dict[str, Any] = {"trigger_mode": "multiple", **DIRECT}
    pressed = [begun, inputs.run, inputs.stop]
    given = [inputs.recording, *asked, inputs.start, inputs.channel, begun]
    started = inputs.run.click(ask, begun, pressed, **how_to_ask).then(run, given, **how_to_run)
    fulfilled = prepared.success(ask, begun, pressed, **how_to_ask).then(fulfil, [wished, *asked, begun], **how_to_run)
    known = [asking, shown, begun]
    choice = [inputs.asked, inputs.checkpoint, inputs.recording, *known]
    inputs.asked.input(choose, choice, asking, **QUIET)
    shown.change(keep_up, choice, asking, **QUIET)
    player.explain(choose_in_rows, [inputs.checkpoint, *known], [asking, inputs.asked, inputs.status], **QUIET)
    # What goes on before it sees for itself that it is unwanted: an event that gradio cancels as it ends is an error,
    # and what it still sends is taken for something else.
    explained = asking.change(explain_anew, asking, **how_to_run)
    # Before anything is cancelled: what waits behind it begins as soon as that ends, and would take the place of what
    # is told of the stop, with nothing left to end it.
    inputs.stop.click(give_up, [asking, begun], None, queue=False, **QUIET)
    stopped = on_stop(
        inputs.stop,
        [started, fulfilled, explained],
        lambda: ended(inputs.run, inputs.stop, inputs.status, message_html(text.STOPPED)),
        [inputs.status, inputs.run, inputs.stop],
    )
    stopped.then(None, player, player, js=STOP_WAITING_FOR_ROWS, **PRIVATE)


def _last_run(finished: ExplanationView | None, latest: Begun) -> ExplanationView | None:
    """The one that is shown; while it goes on, as far as it got."""
    return finished or latest.view


def _ask(view: ExplanationView, label: str | None, last: Ask | None, latest: Begun) -> Ask:
    """The newest choice, in place of the last one and of a run that still goes on."""
    for before in (last, latest):
        if before is not None:
            before.unwanted = True
    return Ask(view, label)


def status_html(view: ExplanationView) -> str:
    """How far a run is; when it is finished, what it says."""
    if view.finished:
        explanation = view.explanation
        probability = explanation.probability(-1, explanation.decision(-1))
        conclusion = words.conclusion(view.decisions, probability, explanation.multi_label)
        return message_html(conclusion, *view.explanation.remarks)
    return progress_html(view.hearings, view.expected_hearings, text.progress(view.hearings, view.expected_hearings))
