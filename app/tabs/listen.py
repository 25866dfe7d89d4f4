"""Listen: a recording or an example, the model, the number of playbacks, the class, and where the clip starts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.events import Dependency

from app import text
from app.events import DIRECT, PRIVATE, QUIET, Updates, kept, refusal, sentence, while_here
from app.markup import error_html, message_html
from app.running import PLAYBACKS_ID, Inputs, Wish
from app.service import ExplainService, Models, ModelView, RecordingView
from app.tabs import about, model_menu, recorder
from app.tabs.recorder import Recorder
from playitback.report import words

_TO_THE_ROWS = "() => document.getElementById('results').scrollIntoView({ block: 'start' })"
#: else what is typed to search for a class would stand behind the name of the one that is chosen
TYPED_OVER = (
    "() => document.getElementById('class').addEventListener('click', "
    "(event) => event.target.tagName === 'INPUT' && event.target.select())"
)


@dataclass(frozen=True, kw_only=True)
class Listen:
    """The components of this part."""

    recorder: Recorder
    inputs: Inputs


def build(models: Models, model: ModelView, examples: Sequence[Path]) -> Listen:
    """Lays the part out. ``model``: of the first checkpoint."""
    with gr.Row(elem_id="listen"):
        with gr.Column(scale=3, min_width=320):
            place = recorder.build(text.RECORDING, text.START, examples=examples)
        with gr.Column(scale=2, min_width=320):
            checkpoint = model_menu.build(models, text.MODEL, "model")
            playbacks = gr.Slider(label=text.PLAYBACKS, step=1, buttons=[], elem_id="count", **_count(model))
            asked = gr.Dropdown(label=text.CLASS, info=text.CLASS_INFO, elem_id="class", **_classes(model))
            with gr.Row(elem_id="actions"):
                run = gr.Button(text.RUN, variant="primary", size="lg", elem_id="run", scale=3, min_width=160)
                stop = gr.Button(text.STOP, size="lg", elem_id="stop", interactive=False, scale=1, min_width=90)
            status = gr.HTML(message_html(text.BEGIN), elem_id="status")
    inputs = Inputs(
        recording=place.recording,
        start=place.start,
        channel=place.channel,
        checkpoint=checkpoint,
        playbacks=playbacks,
        asked=asked,
        run=run,
        stop=stop,
        status=status,
    )
    return Listen(recorder=place, inputs=inputs)


def wire(models: Models, parts: Listen, card: gr.Markdown) -> None:
    """What a new recording, another model or another window changes before anything is explained."""
    service = ExplainService(models)
    place, inputs = parts.recorder, parts.inputs

    async def told_of(path: str | None, checkpoint: str, request: gr.Request, channel: int | None) -> Updates:
        work = partial(recorder.describe, service, place, inputs.status, path, checkpoint, channel=channel)
        return await while_here(request, work)

    async def describe(path: str | None, checkpoint: str, request: gr.Request) -> Updates:
        return await told_of(path, checkpoint, request, None)

    async def describe_new(
        path: str | None, checkpoint: str, described: RecordingView | None, request: gr.Request
    ) -> Any:
        # Whoever puts a recording here for the visitor has described it already, and chosen its clip.
        if path is not None and described is not None and described.path == Path(path):
            return gr.skip()
        return await told_of(path, checkpoint, request, 0)

    def choose(checkpoint: str) -> Iterator[Updates]:
        try:
            for told in model_menu.fetch(models, checkpoint):
                yield {inputs.status: told}
            model = models.model(checkpoint)
        except Exception as error:
            yield {inputs.status: error_html(sentence(error))}
            raise refusal(error) from error
        yield {**model_updates(inputs, model), card: about.card(model), inputs.status: message_html(text.BEGIN)}

    changed = [inputs.playbacks, inputs.asked, card, inputs.status]
    chosen = inputs.checkpoint.change(choose, inputs.checkpoint, changed, **QUIET)
    told = [*place.told, inputs.status]
    place.recording.change(describe_new, [place.recording, inputs.checkpoint, place.described], told, **DIRECT)
    # another model may hear more or less at once, so the recording is described anew
    chosen.success(describe, [place.recording, inputs.checkpoint], told, **DIRECT)
    recorder.wire(place)


def wire_wishes(models: Models, parts: Listen, tabs: gr.Tabs, wished: gr.State) -> Dependency:
    """A ``Wish`` in ``wished`` becomes the recording of the page, and the tab of the rows is opened.

    Returns the event after which it is to be played back.
    """
    service = ExplainService(models)
    place = parts.recorder

    def prepare(wanted: Wish | None, checkpoint: str, path: str | None, recording: RecordingView | None) -> Updates:
        wish = kept(wanted)
        if recording is None or recording.path != Path(wish.recording):
            recording = service.describe(Path(wish.recording), checkpoint)
        changed: Updates = {
            **place.updates(recording, wish.start_seconds, wish.channel),
            tabs: gr.update(selected=PLAYBACKS_ID),
        }
        if wish.label in models.model(checkpoint).labels:  # another model may have been chosen meanwhile
            changed[parts.inputs.asked] = wish.label
        # loading hours of sound again takes a while
        return changed if path == wish.recording else {**changed, place.recording: wish.recording}

    prepared = wished.change(
        prepare,
        [wished, parts.inputs.checkpoint, place.recording, place.described],
        [*place.told, place.recording, parts.inputs.asked, tabs],
        concurrency_limit=None,  # nobody waits for another's recording to be read
        **QUIET,
    )
    prepared.success(None, js=_TO_THE_ROWS, **PRIVATE)
    return prepared


def model_updates(inputs: Inputs, model: ModelView) -> Updates:
    """What a run can be asked for with a model."""
    return {
        inputs.playbacks: gr.update(**_count(model)),
        inputs.asked: gr.update(**_classes(model)),
    }


def _count(model: ModelView) -> dict[str, Any]:
    replays = model.playbacks > 0
    return {
        "minimum": 0,
        "maximum": max(model.playbacks, 1),  # of a slider that can be moved
        "value": model.playbacks,
        "interactive": replays,
        "info": text.PLAYBACKS_INFO if replays else text.no_playbacks(model.name),
    }


def _classes(model: ModelView) -> dict[str, Any]:
    # what is searched for by typing may be a broader class
    named = sorted((words.class_within(label, model.broader.get(label, ())), label) for label in model.labels)
    return {"choices": [(text.CLASS_OF_PREDICTION, ""), *named], "value": ""}
