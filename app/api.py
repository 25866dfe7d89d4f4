"""The API: what programs can ask of the page's server, one named endpoint each.

Every answer is JSON, with files beside it where there is something to hear or to keep. What is wrong with a question
is said as it is on the page.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import gradio as gr

from app import text
from app.events import FOR_PROGRAMS_LONG, LARGEST_NUMBER, ON_MODEL_FOR_PROGRAMS, run_folder
from app.service import (
    ClipRun,
    CompareService,
    ContrastService,
    ContrastView,
    ExamineService,
    ExplainService,
    FindingsService,
    Models,
    Other,
    Settings,
    TakeAwayService,
    WhatIfService,
    WindowsService,
    begin_variants,
)
from app.service.what_if import MOST_VARIANTS
from app.uploads import RecordingUpload
from playitback.report import examine_text

Answers = Iterator[Any]
Kind = TypeVar("Kind")
#: (start, end) in seconds of the clip
Pair = tuple[float, float]


def add_api(models: Models) -> None:
    """Adds the endpoints to the page under construction."""
    recording = RecordingUpload(label="recording", type="filepath", visible=False)
    model = gr.Textbox(label="model", value=models.checkpoints[0], visible=False)
    playbacks = gr.Number(label="playbacks", value=None, precision=0, visible=False)
    start = gr.Number(label="start_seconds", value=0.0, visible=False)
    label = gr.Textbox(label="class_name", value="", visible=False)
    channel = gr.Number(label="channel", value=0, precision=0, visible=False)
    clip = [recording, model, playbacks, start, label]
    asked = Asked(models)
    passages, files, check = (
        gr.Checkbox(label=name, value=False, visible=False) for name in ("passages", "files", "check")
    )
    _add(
        asked.explain,
        [*clip, passages, files, channel, gr.Textbox(label="lanes", value="", visible=False), check],
        [_json("explanation"), _file("explanation_file"), _files("segments"), _files("tapes")],
    )
    _add(asked.take_away, [*clip, channel], [_file("report"), _file("archive")])
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
            channel,
        ],
        [_json("answer"), _file("sound")],
    )
    _add(asked.examine, [*clip, channel], [_json("examination")])
    _add(
        asked.contrast,
        [
            recording,
            label,
            gr.Textbox(label="second_class", value="", visible=False),
            gr.Textbox(label="fill", value="silence", visible=False),
            model,
            playbacks,
            start,
            channel,
        ],
        [_json("contrast")],
    )
    _add(
        asked.compare,
        [
            recording,
            RecordingUpload(label="second_recording", type="filepath", visible=False),
            model,
            gr.Textbox(label="second_model", value="", visible=False),
            playbacks,
            start,
            gr.Number(label="second_start_seconds", value=0.0, visible=False),
            channel,
            gr.Number(label="second_channel", value=0, precision=0, visible=False),
        ],
        [_json("comparison")],
    )
    _add(
        asked.windows,
        [recording, model, gr.Number(label="hop_seconds", value=None, visible=False), playbacks, channel],
        [_json("windows")],
        queue=FOR_PROGRAMS_LONG,
    )
    # it must not wait for those who compute
    gr.on([], asked.models, [], [_json("models")], queue=False, **_told_as("models"))


def _json(label: str) -> gr.JSON:
    return gr.JSON(label=label, visible=False)


def _file(label: str) -> gr.File:
    return gr.File(label=label, visible=False)


def _files(label: str) -> gr.File:
    return gr.File(label=label, file_count="multiple", visible=False)


class Asked:
    """The endpoints' functions. Generators although they yield once: see ``run_folder``.

    A default of None is what makes a parameter optional to gradio where its component has no value.
    """

    def __init__(self, models: Models) -> None:
        self._models = models
        self._explain = ExplainService(models)
        self._what_if = WhatIfService(models)
        self._examine = ExamineService(models)
        self._contrast = ContrastService(models)
        self._compare = CompareService(models)
        self._take_away = TakeAwayService(models)
        self._windows = WindowsService(models)
        self._findings = FindingsService(models)

    def explain(
        self,
        recording: str | None,
        model: str,
        playbacks: int | None = None,
        start_seconds: float = 0.0,
        class_name: str = "",
        passages: bool = False,
        files: bool = False,
        channel: int = 0,
        lanes: str = "",
        check: bool = False,
    ) -> Answers:
        run = self._run(recording, model, playbacks, start_seconds, class_name, channel)
        if passages:
            for _ in self._findings.find_passages(run):
                pass
        if lanes:
            for _ in self._findings.find_lanes(run, [name.strip() for name in lanes.split(",")]):
                pass
        if check:
            for _ in self._findings.hear_alone(run):
                pass
        run = dataclasses.replace(run, explanation=self._findings.explanation(run))
        told = run.explanation.to_dict()
        if not files:
            yield told, None, [], []
            return
        with run_folder() as folder:
            file = folder / "explanation.json"
            run.explanation.write_json(file)
            sounds = self._take_away.write_sounds(run, folder)
            yield told, str(file), [str(path) for path in sounds.segments], [str(path) for path in sounds.tapes]

    def take_away(
        self,
        recording: str | None,
        model: str,
        playbacks: int | None = None,
        start_seconds: float = 0.0,
        class_name: str = "",
        channel: int = 0,
    ) -> Answers:
        with run_folder() as folder:
            run = self._run(recording, model, playbacks, start_seconds, class_name, channel)
            taken = self._take_away.write(run, folder)
            yield str(taken.files.report), str(taken.archive)

    def what_if(
        self,
        recording: str | None,
        held: Mapping[str, Sequence[Any]] | None,
        edits: Sequence[Mapping[str, Any]] | None,
        model: str,
        playbacks: int | None = None,
        start_seconds: float = 0.0,
        class_name: str = "",
        channel: int = 0,
    ) -> Answers:
        changes, hearings = _question(edits, held)
        variants = begin_variants(self._run(recording, model, playbacks, start_seconds, class_name, channel))
        for change in changes:
            variants = self._what_if.edit(variants, *change)
        if hearings:
            variants = self._what_if.replay(variants, hearings)
        original, variant = variants.all[0], variants.current
        answer = {
            "original": original.explanation.to_dict(),
            "variant": variant.explanation.to_dict(),
            "difference": dataclasses.asdict(variant.difference),
        }
        with run_folder() as folder:
            yield answer, str(self._what_if.write_sounds(variants, folder)[-1])

    def examine(
        self,
        recording: str | None,
        model: str,
        playbacks: int | None = None,
        start_seconds: float = 0.0,
        class_name: str = "",
        channel: int = 0,
    ) -> Answers:
        run = self._run(recording, model, playbacks, start_seconds, class_name, channel)
        *_, examined = self._examine.examine(run)
        assert examined.found is not None, "the last one has it"
        yield examine_text.to_dict(examined.found)

    def contrast(
        self,
        recording: str | None,
        class_name: str,
        second_class: str,
        fill: str,
        model: str,
        playbacks: int | None = None,
        start_seconds: float = 0.0,
        channel: int = 0,
    ) -> Answers:
        run = self._run(recording, model, playbacks, start_seconds, channel=channel)
        first = class_name or run.decisions[-1]
        *_, answer = self._contrast.contrast(run, first, second_class or run.explanation.rival(first), fill)
        assert isinstance(answer, ContrastView), "the last one is it"
        yield answer.contrast.to_dict()

    def compare(
        self,
        recording: str | None,
        second_recording: str | None = None,
        model: str = "",
        second_model: str = "",
        playbacks: int | None = None,
        start_seconds: float = 0.0,
        second_start_seconds: float = 0.0,
        channel: int = 0,
        second_channel: int = 0,
    ) -> Answers:
        first = self._run(recording, model, playbacks, start_seconds, channel=channel)
        path = None if second_recording is None else Path(second_recording)
        other = Other(second_model or model, path, second_start_seconds, second_channel or None)
        second, comparison = self._compare.compare(first, other)
        yield {
            "first": first.explanation.to_dict(),
            "second": second.explanation.to_dict(),
            "comparison": comparison.to_dict(),
        }

    def windows(
        self,
        recording: str | None,
        model: str,
        hop_seconds: float | None = None,
        playbacks: int | None = None,
        channel: int = 0,
    ) -> Answers:
        if recording is None:
            raise gr.Error(text.NO_RECORDING, print_exception=False)
        yield self._windows.describe(Path(recording), model, hop_seconds, playbacks, channel or None)

    def models(self) -> list[dict[str, Any]]:
        return self._models.describe()

    def _run(
        self,
        recording: str | None,
        model: str,
        playbacks: int | None,
        start_seconds: float,
        class_name: str = "",
        channel: int = 0,
    ) -> ClipRun:
        if recording is None:
            raise gr.Error(text.NO_RECORDING, print_exception=False)
        settings = Settings(model, playbacks, start_seconds, class_name or None, channel or None)
        *_, run = self._explain.hear(Path(recording), settings)
        return run


def _add(
    ask: Callable[..., Answers],
    inputs: Sequence[Any],
    outputs: Sequence[Any],
    queue: Mapping[str, Any] = ON_MODEL_FOR_PROGRAMS,
) -> None:
    """An endpoint that is named as its function, and its parameters as the function's."""
    gr.on([], ask, inputs, outputs, **_told_as(ask.__name__), **queue)


def _told_as(name: str) -> dict[str, Any]:
    return {"api_name": name, "api_description": text.API_ENDPOINTS[name]}


def _question(
    edits: Sequence[Mapping[str, Any]] | None, held: Mapping[str, Sequence[Any]] | None
) -> tuple[list[tuple[str, list[Pair], str]], dict[int, list[Pair]]]:
    """The (action, segments, fill) that are asked for, and what the hearing after each replays.

    Raises gr.Error for what says nothing of the kind.
    """
    try:
        changes = [_change(each) for each in _of(list, [] if edits is None else edits)]
        kept = _of(dict, {} if held is None else held)
        held_segments = {_index(index): _pairs(segments) for index, segments in kept.items()}
    except (KeyError, TypeError, ValueError):
        raise gr.Error(text.API_BAD_QUESTION, print_exception=False) from None
    if len(changes) + bool(held_segments) > MOST_VARIANTS:  # before any of them is heard
        raise gr.Error(text.too_many_changes(MOST_VARIANTS), print_exception=False)
    return changes, held_segments


def _change(edit: Any) -> tuple[str, list[Pair], str]:
    """The (action, segments, fill) of an edit. Raises KeyError or ValueError for what is none."""
    told = _of(dict, edit)
    if not told.keys() <= {"action", "segments", "fill"}:  # one that is misspelt would be left out without a word
        raise ValueError(told)
    return told["action"], _pairs(told["segments"]), told.get("fill", "silence")


def _index(name: str) -> int:
    """Of a hearing, by which JSON names it. Raises ValueError."""
    if not re.fullmatch("0|[1-9][0-9]{0,3}", name):  # "1" and " 01" would be two names of one hearing
        raise ValueError(name)
    return int(name)


def _pairs(segments: Any) -> list[Pair]:
    """(start, end) in seconds, of pairs or of what explanation.json calls a segment. Raises KeyError or ValueError."""
    return [
        (_second(each["start_seconds"]), _second(each["end_seconds"]))
        if isinstance(each, dict)
        else _pair(*map(_second, _of(list, each)))
        for each in _of(list, segments)
    ]


def _pair(start: float, end: float) -> Pair:
    """Raises TypeError for more or fewer numbers."""
    return start, end


def _second(value: Any) -> float:
    """Raises ValueError for what is no number of seconds."""
    if type(value) not in (int, float) or not abs(value) <= LARGEST_NUMBER:  # written so that NaN is wrong too
        raise ValueError(value)
    return float(value)


def _of(kind: type[Kind], value: Any) -> Kind:
    """Raises ValueError for a value of another kind."""
    if not isinstance(value, kind):
        raise ValueError(value)
    return value
