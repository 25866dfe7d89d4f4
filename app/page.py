"""The page: its parts in their places, what happens between them, and how it is served."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

# Read by gradio when it is imported: nothing of what people do here is reported anywhere.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

import gradio as gr
from starlette.middleware import Middleware

from app import text, welcome
from app.api import add_api
from app.events import PRIVATE, is_awaited
from app.guard import Guard, Page
from app.running import PLAYBACKS_ID, wire_run
from app.service import FindingsService, Models
from app.tabs import (
    about,
    check,
    compare,
    confidence,
    contrast,
    examine,
    folder,
    lanes,
    listen,
    passages,
    playbacks,
    recorder,
    slots,
    take_away,
    what_if,
    windows,
)
from playitback.report import passages as passage_bars

EXAMPLES = Path(__file__).parent.parent / "assets" / "examples"
EXPLAINED = "glass_breaking.flac"  # what one finds explained: short, and one sees at once where
EXAMPLE_FORMATS = (".wav", ".flac", ".ogg")
HOURS_KEPT = 4
SECONDS_BETWEEN_DELETIONS = 900
LARGEST_UPLOAD = "700mb"  # an hour of stereo WAV; text.WINDOWS_UPLOADS says so
LONGEST_QUEUE = 32
SESSIONS_KEPT = 1000  # of half a megabyte and more each; gradio would keep ten thousand

_STYLE = Path(__file__).parent / "page.css"


def build_page(models: Models, examples: Sequence[Path] | None = None, explained: Path | None = None) -> gr.Blocks:
    """The whole page.

    examples: sounds to offer; those of assets/examples if None. explained: the sound that whoever opens the page finds
    explained; of assets/examples ``EXPLAINED``, else none if None.
    """
    if examples is None:
        examples = sorted(path for path in EXAMPLES.glob("*") if path.suffix in EXAMPLE_FORMATS)
        explained = explained or EXAMPLES / EXPLAINED
    model = models.model(models.checkpoints[0])
    models.is_awaited = is_awaited
    with Page(
        title=text.TITLE,
        analytics_enabled=False,
        delete_cache=(SECONDS_BETWEEN_DELETIONS, HOURS_KEPT * 3600),
    ) as page:
        gr.HTML(f"<h1>{text.TITLE}</h1><p>{text.TAGLINE}</p>", elem_id="masthead")
        #: the ExplanationView of the last run that was finished
        shown: gr.State = gr.State(None, time_to_live=HOURS_KEPT * 3600)
        #: a Wish of another part: a clip that is to be played back
        wished: gr.State = gr.State(None)
        #: an Ask: a class that the run is to be explained for at once
        asking: gr.State = gr.State(None, time_to_live=HOURS_KEPT * 3600)
        listening = listen.build(models, model, examples)
        inputs = listening.inputs
        with gr.Tabs(elem_id="results") as tabs:
            with gr.Tab(text.PLAYBACKS_TAB, id=PLAYBACKS_ID):
                rows = playbacks.build()
                rests = passages.build()
                checked = check.build()
                further = lanes.build()
            with gr.Tab(text.CONFIDENCE_TAB):
                beliefs = confidence.build()
            with gr.Tab(text.WHAT_IF_TAB):
                questions = what_if.build(HOURS_KEPT)
            with gr.Tab(text.CONTRAST_TAB):
                classes = contrast.build()
            with gr.Tab(text.EXAMINE_TAB):
                examined = examine.build()
            with gr.Tab(text.SLOTS_TAB):
                within = slots.build()
            with gr.Tab(text.COMPARE_TAB):
                compared = compare.build(models, HOURS_KEPT)
            with gr.Tab(text.WINDOWS_TAB):
                long = windows.build(HOURS_KEPT)
            with gr.Tab(text.FOLDER_TAB):
                clips = folder.build(HOURS_KEPT)
            with gr.Tab(text.TAKE_AWAY_TAB):
                away = take_away.build()
            with gr.Tab(text.ABOUT_TAB):
                card = about.build(model, HOURS_KEPT)
        add_api(models)  # before the page's own events, which would take the endpoints' names
        listen.wire(models, listening, card)
        page.load(None, js=listen.TYPED_OVER, **PRIVATE)
        recorder.wire_microphones(page)
        # The listeners of an event are served in turn, each to its end: what makes room for a run comes before the run.
        run_wanted = (inputs.run.click, wished.change, asking.change)
        examine.wire(models, examined, shown, run_wanted)
        contrast.wire(models, classes, shown, run_wanted)
        compare.wire(models, compared, shown, run_wanted)
        findings = FindingsService(models)
        passages.wire(findings, rests, shown, run_wanted)
        check.wire(findings, checked, shown, run_wanted)
        lanes.wire(findings, further, shown, run_wanted)
        if explained is not None:
            welcome.wire(page, welcome.Example(models, explained), (rows, beliefs), shown, run_wanted)
        prepared = listen.wire_wishes(models, listening, tabs, wished)
        wire_run(models, inputs, (rows, beliefs), rows.player, wished, prepared, shown, asking)
        what_if.wire(models, questions, shown, rows.player)
        slots.wire(within, shown)
        windows.wire(models, long, inputs, wished)
        folder.wire(models, clips, inputs, wished)
        take_away.wire(models, findings, away, shown)
    # api_open: what computes takes its turn, however it is asked
    return page.queue(max_size=LONGEST_QUEUE, api_open=False)


def launch_settings() -> dict[str, Any]:
    """How the page is served, wherever it is: arguments of ``launch``."""
    return {
        "run_history": False,  # these are recordings of people
        "max_file_size": LARGEST_UPLOAD,
        "state_session_capacity": SESSIONS_KEPT,
        "app_kwargs": {"middleware": [Middleware(Guard)]},
        "footer_links": ["api", "settings"],
        "theme": _theme(),
        "css": f"{_STYLE.read_text(encoding='utf-8')}\n{passage_bars.style()}",
    }


def _theme() -> gr.themes.Base:
    """Calm, and with the fonts that the visitor's machine has."""
    theme = gr.themes.Default(
        primary_hue=gr.themes.colors.blue,
        neutral_hue=gr.themes.colors.slate,
        radius_size=gr.themes.sizes.radius_md,
        font=["ui-sans-serif", "Segoe UI", "Helvetica Neue", "Noto Sans", "Liberation Sans", "Arial", "sans-serif"],
        font_mono=["ui-monospace", "Consolas", "Liberation Mono", "monospace"],
    )
    # gradio's own subdued type is too pale to be read easily
    return theme.set(
        body_text_color_subdued="*neutral_500",
        body_text_color_subdued_dark="*neutral_400",
        block_info_text_color="*neutral_500",
        block_info_text_color_dark="*neutral_400",
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
    )
