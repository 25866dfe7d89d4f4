"""What each way of explaining marks for a class: the rivals as much time as they are given, the model its own.

clips (N, samples), asked (N, Q), seconds (N,) -> mark_by -> {way: Marks of each question}
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from playitback.evidence.rivals import (
    ACTIVITY,
    LEAST_RELEVANT,
    PASSAGE,
    RELEVANCE,
    Rival,
    explain_by,
    passes_to_explain,
)
from playitback.evidence.runs import Ears
from playitback.progress import Steps
from playitback.recognizer import Recognizer
from playitback.segments import peak_seconds

#: the model's own, as long as it likes: what the first hearing chose, and all that was replayed
OWN_SEGMENTS, OWN_REPLAY = "own segments", "own replay"


@dataclass(frozen=True)
class Marks:
    """What one way marks of N clips for one question."""

    segments: Tensor  # (N, S, 2) seconds
    peak: Tensor  # (N,) seconds of the most relevant moment


def mark_by(
    rivals: Sequence[Rival], ears: Ears, waveforms: Tensor, asked: Tensor, seconds: Tensor, seed: int
) -> Steps[dict[str, tuple[Marks, ...]]]:
    """Of every way its marks for each of Q questions. waveforms: (N, samples); asked: (N, Q); seconds: (N,) to mark."""
    relevance = yield from explain_by(rivals, ears, waveforms, asked, seed)
    found = {
        rival.name: tuple(
            Marks(rival.mark(waveforms, each, seconds, ears.sample_rate), peak_seconds(each, ears.clip_seconds))
            for each in relevance[rival.name].unbind(dim=1)
        )
        for rival in rivals
    }
    own = {OWN_SEGMENTS: ears.first} | ({OWN_REPLAY: ears} if ears.recognizer.model.can_replay else {})
    for name, through in own.items():
        marks = []
        for each in asked.T:
            run = yield from through.hear(waveforms, asked=each)
            marks.append(Marks(run.marked, peak_seconds(run.relevance, ears.clip_seconds)))
        found[name] = tuple(marks)
    return found


def passes_of(rivals: Sequence[Rival], recognizer: Recognizer) -> dict[str, int]:
    """Passes through the encoder that every way needs to explain one class of one clip."""
    passes = {rival.name: rival.passes(recognizer.clip_seconds) for rival in rivals} | {OWN_SEGMENTS: 1}
    own = (RELEVANCE, LEAST_RELEVANT, ACTIVITY, PASSAGE, OWN_SEGMENTS)
    passes |= {name: passes[name] * recognizer.model.passes for name in own if name in passes}
    return passes | ({OWN_REPLAY: recognizer.config.hearings} if recognizer.model.can_replay else {})


def clips_to_mark(rivals: Sequence[Rival], recognizer: Recognizer, questions: int) -> int:
    """Clips that ``mark_by`` hears for one of its own; a gradient counts as several."""
    own = 2 if recognizer.model.can_replay else 1
    return passes_to_explain(rivals, recognizer.clip_seconds, questions) + own * questions
