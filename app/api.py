"""The API: what programs can ask of the page's server, one named endpoint each.

Every answer is JSON, with files beside it where there is something to hear or to keep. What is wrong with a question
is said as it is on the page.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from app import text
from app.events import ON_MODEL, refusal, run_folder
from app.service import (
    ComparisonService,
    ExaminationService,
    ExplanationService,
    ExplanationView,
    Models,
    Other,
    Settings,
    TakeAwayService,
    VariantService,
    begin_variants,
)

Answers = Iterator[Any]


def add_api(models: Models) -> None:
    """Adds the endpoints to the page under construction."""
    default = models.model(models.checkpoints[0])
    recording = gr.Audio(label="recording", type="filepath", visible=False)
    model = gr.Textbox(label="model", value=default.name, visible=False)
    playbacks = gr.Number(label="playbacks", value=default.playbacks, precision=0, visible=False)
    start = gr.Number(label="start_seconds", value=0.0, visible=False)
    label = gr.Textbox(label="class_to_explain", value="", visible=False)
    asked = Asked(models)
    listed: dict[str, Any] = {"file_count": "multiple", "visible": False}
    _add(
        asked.explain,
        [recording, model, playbacks, start],
        [
            gr.JSON(label="explanation", visible=False),
            gr.File(label="explanation_file", visible=False),
            gr.File(label="segments", **listed),
            gr.File(label="tapes", **listed),
        ],
        text.API_EXPLAIN,
    )
    _add(
        asked.take_away,
        [recording, model, playbacks, start, label],
        [gr.File(label="report", visible=False), gr.File(label="archive", visible=False)],
        text.API_TAKE_AWAY,
    )
    _add(
        asked.what_if,
        [
            recording,
            gr.JSON(label="held", value={}, visible=False),
            gr.JSON(label="edits", value=[], visible=False),
            model,
            playbacks,
            start,
            label,
        ],
        [gr.JSON(label="answer", visible=False), gr.File(label="sound", visible=False)],
        text.API_WHAT_IF,
    )
    _add(
        asked.faithfulness,
        [recording, model, playbacks, start, label],
        [gr.JSON(label="evidence", visible=False)],
        text.API_FAITHFULNESS,
    )
    _add(
        asked.compare,
        [
            recording,
            gr.Audio(label="second_recording", type="filepath", visible=False),
            model,
            gr.Textbox(label="second_model", value="", visible=False),
            playbacks,
            start,
            gr.Number(label="second_start_seconds", value=0.0, visible=False),
        ],
        [gr.JSON(label="comparison", visible=False)],
        text.API_COMPARE,
    )
    gr.on(
        [],
        asked.models,
        None,
        gr.JSON(label="models", visible=False),
        api_name="models",
        api_description=text.API_MODELS,
    )


class Asked:
    """The endpoints' functions. Generators although they yield once: see ``run_folder``."""

    def __init__(self, models: Models) -> None:
        self._models = models
        self._explanations = ExplanationService(models)
        self._take_away = TakeAwayService(models)
        self._variants = VariantService(models)
        self._examinations = ExaminationService(models)
        self._comparisons = ComparisonService(models)

    def explain(self, recording: str | None, model: str, playbacks: int | None, start_seconds: float) -> Answers:
        with run_folder() as folder:
            view = self._run(recording, Settings(model, playbacks, start_seconds), folder)
            taken = self._take_away.write(view, folder)
            yield (
                view.explanation.to_dict(),
                str(taken.files.explanation),
                [str(path) for path in taken.files.segments],
                [str(path) for path in taken.files.tapes],
            )

    def take_away(
        self, recording: str | None, model: str, playbacks: int | None, start_seconds: float, class_to_explain: str
    ) -> Answers:
        with run_folder() as folder:
            settings = Settings(model, playbacks, start_seconds, class_to_explain or None)
            taken = self._take_away.write(self._run(recording, settings, folder), folder)
            yield str(taken.files.report), str(taken.archive)

    def what_if(
        self,
        recording: str | None,
        held: Mapping[str, Sequence[Any]] | None,
        edits: Sequence[Mapping[str, Any]] | None,
        model: str,
        playbacks: int | None,
        start_seconds: float,
        class_to_explain: str,
    ) -> Answers:
        with run_folder() as folder:
            settings = Settings(model, playbacks, start_seconds, class_to_explain or None)
            variants = begin_variants(self._run(recording, settings, folder))
            try:
                changes = [
                    (each["action"], _pairs(each["segments"]), each.get("fill", "silence")) for each in edits or ()
                ]
                hearings = {int(index): _pairs(segments) for index, segments in (held or {}).items()}
            except (AttributeError, KeyError, TypeError, ValueError):
                raise gr.Error(text.API_BAD_QUESTION, print_exception=False) from None
            for change in changes:
                variants = self._variants.edit(variants, *change)
            if hearings:
                variants = self._variants.replay(variants, hearings)
            original, variant = variants.all[0], variants.current
            answer = {
                "original": original.explanation.to_dict(),
                "variant": variant.explanation.to_dict(),
                "difference": dataclasses.asdict(variant.difference),
            }
            yield answer, str(self._variants.write_sounds(variants, folder)[-1])

    def faithfulness(
        self, recording: str | None, model: str, playbacks: int | None, start_seconds: float, class_to_explain: str
    ) -> Answers:
        with run_folder() as folder:
            settings = Settings(model, playbacks, start_seconds, class_to_explain or None)
            *_, examined = self._examinations.examine(self._run(recording, settings, folder))
            assert examined.evidence is not None, "the last one has it"
            yield examined.evidence.to_dict()

    def compare(
        self,
        recording: str | None,
        second_recording: str | None,
        model: str,
        second_model: str,
        playbacks: int | None,
        start_seconds: float,
        second_start_seconds: float,
    ) -> Answers:
        with run_folder() as folder:
            first = self._run(recording, Settings(model, playbacks, start_seconds), folder)
            second = None if second_recording is None else Path(second_recording)
            other = Other(second_model or model, second, second_start_seconds)
            *_, view = self._comparisons.beside(first, other, folder)
            yield {
                "first": view.first.explanation.to_dict(),
                "second": view.second.explanation.to_dict(),
                "comparison": view.comparison.to_dict(),
            }

    def models(self) -> list[dict[str, Any]]:
        views = [self._models.model(name) for name in self._models.checkpoints]
        return [
            {"name": name, "labels": view.labels, "playbacks": view.playbacks, "clip_seconds": view.clip_seconds}
            for name, view in zip(self._models.checkpoints, views, strict=True)
        ]

    def _run(self, recording: str | None, settings: Settings, folder: Path) -> ExplanationView:
        if recording is None:
            raise gr.Error(text.NO_RECORDING, print_exception=False)
        drawn = folder / "run"
        drawn.mkdir()
        *_, view = self._explanations.explain(Path(recording), settings, drawn)
        return view


def _add(ask: Callable[..., Answers], inputs: Sequence[Any], outputs: Sequence[Any], description: str) -> None:
    """An endpoint that is named as its function, and refuses in one sentence what cannot be answered."""

    @functools.wraps(ask)  # gradio names the parameters after the function's
    def answer(*given: Any) -> Answers:
        try:
            yield from ask(*given)
        except gr.Error:
            raise
        except Exception as error:
            raise refusal(error) from error

    gr.on([], answer, inputs, outputs, api_name=ask.__name__, api_description=description, **ON_MODEL)


def _pairs(segments: Sequence[Any]) -> list[tuple[float, float]]:
    """(start, end) in seconds, of pairs or of what explanation.json calls a segment."""
    return [
        (float(each["start_seconds"]), float(each["end_seconds"]))
        if isinstance(each, Mapping)
        else (float(each[0]), float(each[1]))
        for each in segments
    ]
