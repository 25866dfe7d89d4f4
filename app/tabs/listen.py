"""Listen: a recording or an example, the model, the number of playbacks, the class, and where the clip starts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from app import figures, text
from app.events import QUIET, refusal, sentence
from app.markup import safe
from app.service import ExplanationService, ExplanationView, Models, ModelView, RecordingView
from app.tabs import about
from playitback.report import words


@dataclass(frozen=True)
class Listen:
    """The components of this part."""

    recording: gr.Audio
    described: gr.State  # RecordingView of the recording, or None
    facts: gr.HTML
    overview: gr.HTML
    start: gr.Slider
    checkpoint: gr.Dropdown
    playbacks: gr.Slider
    class_to_follow: gr.Dropdown
    run: gr.Button
    stop: gr.Button
    status: gr.HTML


def build(checkpoints: Sequence[str], model: ModelView, examples: Sequence[Path]) -> Listen:
    """Lays the part out. ``model``: of the first checkpoint."""
    with gr.Row(elem_id="listen"):
        with gr.Column(scale=3, min_width=320):
            recording = gr.Audio(
                label=text.RECORDING,
                sources=["upload", "microphone"],
                type="filepath",
                editable=False,
                buttons=[],
                # gradio's own waveform would decode all of it in the browser: an hour takes gigabytes there
                waveform_options=gr.WaveformOptions(show_recording_waveform=False),
                elem_id="recording",
            )
            if examples:
                gr.Examples(
                    examples=[[str(path)] for path in examples],
                    inputs=recording,
                    label=text.EXAMPLES,
                    example_labels=[text.example_name(path.stem) for path in examples],
                    examples_per_page=len(examples),
                    cache_examples=False,
                    api_visibility="private",
                    elem_id="examples",
                )
            described: gr.State = gr.State(None)
            facts = gr.HTML(elem_id="facts")
            overview = gr.HTML(visible=False, elem_id="overview")
            start = gr.Slider(0, 1, value=0, step=0.1, label=text.START, visible=False, buttons=[], elem_id="start")
        with gr.Column(scale=2, min_width=320):
            checkpoint = gr.Dropdown(
                list(checkpoints),
                value=checkpoints[0],
                label=text.MODEL,
                filterable=False,
                elem_id="model",
            )
            playbacks = gr.Slider(
                label=text.PLAYBACKS, info=text.PLAYBACKS_INFO, step=1, buttons=[], elem_id="count", **_count(model)
            )
            class_to_follow = gr.Dropdown(label=text.CLASS, info=text.CLASS_INFO, elem_id="class", **_classes(model))
            with gr.Row(elem_id="actions"):
                run = gr.Button(text.RUN, variant="primary", size="lg", elem_id="run", scale=3, min_width=160)
                stop = gr.Button(text.STOP, size="lg", elem_id="stop", interactive=False, scale=1, min_width=90)
            status = gr.HTML(message_html(text.BEGIN), elem_id="status")
    return Listen(
        recording, described, facts, overview, start, checkpoint, playbacks, class_to_follow, run, stop, status
    )


def wire(models: Models, inputs: Listen, card: gr.Markdown) -> None:
    """What a new recording, another model or another window changes before anything is explained."""
    explanations = ExplanationService(models)

    def describe_new(path: str | None, checkpoint: str, described: RecordingView | None) -> Any:
        # Whoever puts a recording here for the visitor has described it already, and chosen its clip.
        if path is not None and described is not None and described.path == Path(path):
            return (gr.skip(),) * len(descriptions)
        return describe(path, checkpoint)

    def describe(path: str | None, checkpoint: str) -> tuple[Any, ...]:
        return description(explanations, path, checkpoint)

    def choose(checkpoint: str) -> tuple[Any, ...]:
        try:
            model = models.model(checkpoint)
        except Exception as error:
            raise refusal(error) from error
        return *model_updates(model), about.card(model)

    chosen = inputs.checkpoint.change(
        choose, inputs.checkpoint, [inputs.playbacks, inputs.class_to_follow, card], **QUIET
    )
    descriptions = [inputs.described, inputs.facts, inputs.overview, inputs.start, inputs.status]
    inputs.recording.change(
        describe_new, [inputs.recording, inputs.checkpoint, inputs.described], descriptions, **QUIET
    )
    # another model may hear more or less at once, so the recording is described anew
    chosen.success(describe, [inputs.recording, inputs.checkpoint], descriptions, **QUIET)
    inputs.start.change(
        move_window, [inputs.described, inputs.start], inputs.overview, trigger_mode="always_last", **QUIET
    )


def description(explanations: ExplanationService, path: str | None, checkpoint: str) -> tuple[Any, ...]:
    """What is known of a recording (None without one), and what facts, overview, start and status show of it."""
    try:
        recording = None if path is None else explanations.describe(Path(path), checkpoint)
    except Exception as error:
        return None, *recording_updates(None), error_html(sentence(error))
    return recording, *recording_updates(recording), message_html(text.BEGIN if recording is None else text.READY)


def move_window(recording: RecordingView | None, start_seconds: float) -> Any:
    """What the overview shows when the clip starts elsewhere."""
    if recording is None or recording.peaks is None:
        return gr.skip()
    return overview_html(recording, start_seconds)


def recording_updates(recording: RecordingView | None, start_seconds: float = 0.0) -> tuple[Any, Any, Any]:
    """What facts, overview and start show for a recording, or for none. ``start_seconds``: of the clip in it."""
    if recording is None:
        return "", gr.update(visible=False), gr.update(visible=False, value=0)
    latest = recording.latest_start_seconds
    if recording.peaks is None:
        return facts_html(recording), gr.update(visible=False), gr.update(visible=False, value=0)
    return (
        facts_html(recording),
        gr.update(visible=True, value=overview_html(recording, start_seconds)),
        gr.update(
            visible=True,
            value=start_seconds,
            # whoever asks for the last seconds of a recording gets them, with silence behind
            maximum=round(max(latest, start_seconds), 2),
            step=0.1 if latest < 600 else 1,
        ),
    )


def facts_html(recording: RecordingView) -> str:
    """Name, duration, rate and channels; for a long recording also what to do about it."""
    known = words.recording_facts(recording.seconds, recording.sample_rate, recording.channels, recording.format)
    lines = [f'<p class="facts"><strong>{safe(recording.name)}</strong> <span>{safe(known)}</span></p>']
    if recording.peaks is not None:
        lines.append(f"<p>{safe(text.longer_than_clip(recording.seconds, recording.clip_seconds))}</p>")
    return "".join(lines)


def overview_html(recording: RecordingView, start_seconds: float) -> str:
    """The whole recording with the clip that starts at ``start_seconds`` marked."""
    assert recording.peaks is not None
    end_seconds = min(start_seconds + recording.clip_seconds, recording.seconds)
    window = (start_seconds / recording.seconds, end_seconds / recording.seconds)
    description = text.overview_description(recording.seconds, start_seconds, end_seconds)
    return figures.overview_svg(recording.peaks, window, description)


def model_updates(model: ModelView) -> tuple[Any, Any]:
    """What playbacks and class_to_follow offer for a model."""
    return gr.update(**_count(model)), gr.update(**_classes(model))


def _count(model: ModelView) -> dict[str, Any]:
    return {"minimum": 0, "maximum": model.playbacks, "value": model.playbacks}


def _classes(model: ModelView) -> dict[str, Any]:
    named = sorted((words.class_name(label), label) for label in model.labels)
    return {"choices": [(text.CLASS_OF_PREDICTION, ""), *named], "value": ""}


def run_html(view: ExplanationView) -> str:
    """How far a run is; when it is finished, what it says."""
    if view.finished:
        decision = view.explanation.decision(-1)
        conclusion = words.conclusion(view.decisions, view.explanation.probability(-1, decision))
        return message_html(conclusion, *view.explanation.notes)
    return progress_html(view.hearings, view.expected_hearings, text.progress(view.hearings, view.expected_hearings))


def progress_html(done: int, total: int, caption: str) -> str:
    """How far something is that computes for a while."""
    return (
        f'<div class="run-status" role="status"><progress aria-label="{safe(caption)}" max="{total}" value="{done}">'
        f"</progress><p>{safe(caption)}</p></div>"
    )


def message_html(*sentences: str) -> str:
    """What a run says, or that it was stopped."""
    return '<div class="run-status" role="status">' + "".join(f"<p>{safe(each)}</p>" for each in sentences) + "</div>"


def error_html(sentence: str) -> str:
    """Why there is no result."""
    return f'<div class="run-status error" role="alert"><p>{safe(sentence)}</p></div>'
