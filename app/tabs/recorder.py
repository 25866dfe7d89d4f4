"""A place for a recording, and what is told of it before anything is asked: its facts, and where the clip starts."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.blocks import Block

from app import figures, text
from app.events import QUIET, Updates, sentence
from app.markup import error_html, message_html, safe
from app.service import ExplainService, RecordingView
from app.uploads import RecordingUpload
from playitback.report import words

#: Browsers give a microphone to nobody over plain http, and gradio takes that for a machine without one.
_NO_HTTPS = """() => {
  if (window.isSecureContext) return;
  const tell = () => {
    for (const none of document.querySelectorAll('.mic-select option[value=""]'))
      if (none.textContent !== SENTENCE) none.textContent = SENTENCE;
  };
  new MutationObserver(tell).observe(document.body, { childList: true, subtree: true });
}"""


@dataclass(frozen=True, kw_only=True)
class Recorder:
    """The components."""

    recording: gr.Audio
    described: gr.State  # RecordingView of the recording, or None
    facts: gr.HTML
    overview: gr.HTML
    start: gr.Slider
    channel: gr.Dropdown  # 0: mixed down

    @property
    def told(self) -> Sequence[Block]:
        """What ``updates`` may change."""
        return self.described, self.facts, self.overview, self.start, self.channel

    def updates(self, recording: RecordingView | None, start_seconds: float = 0.0, channel: int | None = 0) -> Updates:
        """What is told of a recording, or of none.

        start_seconds: of the clip in it; channel: that is heard, 0 for a mix of all, None for what was chosen before.
        """
        if recording is None:
            return {self.described: None, self.facts: "", **self._no_choice(), self.channel: _channels(1, 0)}
        told: Updates = {
            self.described: recording,
            self.facts: facts_html(recording),
            self.channel: _channels(recording.channels, channel),
        }
        if not recording.has_choice:
            return {**told, **self._no_choice()}
        latest = recording.latest_start_seconds
        start = gr.update(
            visible=True,
            value=start_seconds,
            # whoever asks for the last seconds of a recording gets them, with silence behind
            maximum=round(max(latest, start_seconds), 2),
            step=0.1 if latest < 600 else 1,
        )
        drawn = recording.peaks is not None
        overview = gr.update(visible=drawn, value=overview_html(recording, start_seconds) if drawn else "")
        return {**told, self.overview: overview, self.start: start}

    def _no_choice(self) -> Updates:
        """Of a recording that is no longer than the clip."""
        return {self.overview: gr.update(visible=False), self.start: gr.update(visible=False, value=0)}


def build(label: str, start_label: str, prefix: str = "", examples: Sequence[Path] = ()) -> Recorder:
    """Lays it out. ``prefix``: of the elements' ids; ``examples``: sounds to choose from."""
    recording = RecordingUpload(
        label=label,
        sources=["upload", "microphone"],
        type="filepath",
        editable=False,
        buttons=[],
        # gradio's own waveform would decode all of it in the browser: an hour takes gigabytes there
        waveform_options=gr.WaveformOptions(show_recording_waveform=False),
        elem_id=f"{prefix}recording",
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
            elem_id=f"{prefix}examples",
        )
    described: gr.State = gr.State(None)
    facts = gr.HTML(elem_id=f"{prefix}facts")
    overview = gr.HTML(visible=False, elem_id=f"{prefix}overview")
    with gr.Row():
        start = gr.Slider(
            *(0, 1), value=0, step=0.1, label=start_label, visible=False, buttons=[], scale=3, min_width=240,
            elem_id=f"{prefix}start",
        )  # fmt: skip
        channel = gr.Dropdown(
            [(text.MIXED, 0)], value=0, label=text.CHANNEL, visible=False, scale=2, min_width=260,
            elem_id=f"{prefix}channel",
        )  # fmt: skip
    return Recorder(
        recording=recording, described=described, facts=facts, overview=overview, start=start, channel=channel
    )


def channel_choices(count: int) -> list[tuple[str, int]]:
    """What a menu offers of recordings with up to so many channels: name and number, 0 for a mix of all."""
    return [(text.MIXED, 0), *((text.channel_name(channel), channel) for channel in range(1, count + 1))]


def _channels(count: int, chosen: int | None) -> Any:
    """What can be chosen of a recording with so many channels; nothing of one. chosen: None for what was before."""
    kept: dict[str, Any] = {} if chosen is None else {"value": chosen}
    return gr.update(choices=channel_choices(count), visible=count > 1, **kept)


def wire_microphones(page: gr.Blocks) -> None:
    """A page that is not served over https says that this is why there is no microphone."""
    page.load(None, js=_NO_HTTPS.replace("SENTENCE", json.dumps(text.MICROPHONE_NEEDS_HTTPS)), **QUIET)


def wire(recorder: Recorder) -> None:
    """The overview shows where the clip starts."""

    def move(recording: RecordingView | None, start_seconds: float) -> Any:
        if recording is None or recording.peaks is None:
            return gr.skip()
        return overview_html(recording, start_seconds)

    recorder.start.change(
        move, [recorder.described, recorder.start], recorder.overview, trigger_mode="always_last", **QUIET
    )


def describe(
    service: ExplainService,
    recorder: Recorder,
    status: gr.HTML,
    path: str | None,
    checkpoint: str,
    wanted: Callable[[], bool] = lambda: True,
    channel: int | None = 0,
) -> Updates:
    """What is told of a recording for a model, or of none (None); ``status`` says whether it is any good.

    wanted: whether the visitor is still there. channel: as for ``Recorder.updates``.
    """
    try:
        recording = None if path is None else service.describe(Path(path), checkpoint, wanted)
    except Exception as error:
        return {**recorder.updates(None), status: error_html(sentence(error))}
    told = recorder.updates(recording, channel=channel)
    return {**told, status: message_html(text.BEGIN if recording is None else text.READY)}


def facts_html(recording: RecordingView) -> str:
    """Name, duration, rate and channels; for a long recording also what to do about it."""
    known = words.recording_facts(recording.seconds, recording.sample_rate, recording.channels, recording.format)
    lines = [f'<p class="facts"><strong>{safe(recording.name)}</strong> <span>{safe(known)}</span></p>']
    if recording.has_choice:
        longer = text.longer_than_clip(recording.seconds, recording.clip_seconds)
        lines.append(f"<p>{safe(longer if recording.peaks is not None else f'{longer} {text.NOT_DRAWN}')}</p>")
    return "".join(lines)


def overview_html(recording: RecordingView, start_seconds: float) -> str:
    """The whole recording with the clip that starts at ``start_seconds`` marked."""
    assert recording.peaks is not None
    end_seconds = min(start_seconds + recording.clip_seconds, recording.seconds)
    window = (start_seconds / recording.seconds, end_seconds / recording.seconds)
    description = text.overview_description(recording.seconds, start_seconds, end_seconds)
    return figures.overview_svg(recording.peaks, window, description)
