"""The API: what programs can ask of the page's server, one named endpoint each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from app import text
from app.events import ON_MODEL, refusal, run_folder
from app.service import ExplanationService, Models, Settings
from playitback.report.files import write_files


def add_api(models: Models, recording: gr.Audio) -> None:
    """Adds the endpoints to the page under construction; ``recording`` is the page's own input of a sound."""
    explanations = ExplanationService(models)
    default = models.model(models.checkpoints[0])
    model = gr.Textbox(label="model", value=default.name, visible=False)
    count = gr.Number(label="playbacks", value=default.playbacks, precision=0, visible=False)
    start = gr.Number(label="start_seconds", value=0.0, visible=False)
    explanation = gr.JSON(label=text.API_EXPLANATION, visible=False)
    explanation_file = gr.File(label=text.API_EXPLANATION_FILE, visible=False)
    segments = gr.File(label=text.API_SEGMENTS, file_count="multiple", visible=False)
    tapes = gr.File(label=text.API_TAPES, file_count="multiple", visible=False)
    model_list = gr.JSON(label=text.API_MODEL_LIST, visible=False)

    # A generator although it yields once: see run_folder.
    def explain(
        recording: str | None, model: str, playbacks: int | None, start_seconds: float
    ) -> Iterator[tuple[Any, ...]]:
        if recording is None:
            raise gr.Error(text.NO_RECORDING, print_exception=False)
        try:
            with run_folder() as folder:
                *_, view = explanations.explain(Path(recording), Settings(model, playbacks, start_seconds), folder)
                files = write_files(view.explanation, view.samples, folder)
                yield (
                    view.explanation.to_dict(),
                    str(files.explanation),
                    [str(path) for path in files.segments],
                    [row.tape_audio for row in view.player.rows],
                )
        except Exception as error:
            raise refusal(error) from error

    def list_models() -> list[dict[str, Any]]:
        views = [models.model(name) for name in models.checkpoints]
        return [
            {"name": name, "labels": view.labels, "playbacks": view.playbacks, "clip_seconds": view.clip_seconds}
            for name, view in zip(models.checkpoints, views, strict=True)
        ]

    gr.on(
        [],
        explain,
        [recording, model, count, start],
        [explanation, explanation_file, segments, tapes],
        api_name="explain",
        api_description=text.API_EXPLAIN,
        **ON_MODEL,
    )
    gr.on([], list_models, None, model_list, api_name="models", api_description=text.API_MODELS)
