"""Other ways to say which moments speak for a class: what the model's own relevance must beat.

    clips (N, samples), asked (N, Q) -> explain -> {rival: (N, Q, TIME_BINS)}, higher matters more -> mark -> segments

N clips, Q questions about each: the classes asked about. All of them explain the first hearing, and all are given as
much time to mark. Digital silence comes last, whoever marks: no way may win or lose by it.

- relevance: the model's own; least relevant: its reverse; activity: the log-probability of the class at each moment;
- passage: the stretch in one piece, as long as all that is marked, in which the activity of the class is highest;
- loudest: power; random: a stretch around a random moment;
- occlusion (Zeiler and Fergus 2014): a stretch is silenced, and the log-probability of the class falls; kept alone:
  nothing else sounds, and it stays; of a moment, the mean over the stretches that hold it;
- gradient x input, integrated gradients, Grad-CAM and the class activation map: what the inside of the network says,
  where the model lets it be asked; see ``attribution``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from playitback.edits import SILENCE, keep_only, remove
from playitback.errors import SettingsError
from playitback.evidence.attribution import (
    GRADIENT_PASSES,
    GRID_PASSES,
    INTEGRATION_STEPS,
    class_map,
    grad_cam,
    gradient,
    integrated_gradients,
)
from playitback.evidence.runs import BATCH, Ears
from playitback.progress import Steps
from playitback.recognizer import Recognizer, no_gradients
from playitback.segments import (
    TIME_BINS,
    audible_columns,
    equal_edges,
    inside_segments,
    mean_power,
    resample,
    top_time,
)

RELEVANCE, LEAST_RELEVANT, ACTIVITY, PASSAGE = "relevance", "least relevant", "activity", "passage"
LOUDEST, RANDOM = "loudest", "random"
OCCLUSION, KEPT_ALONE = "occlusion", "kept alone"
GRADIENT, INTEGRATED = "gradient x input", "integrated gradients"
GRAD_CAM, CLASS_MAP = "grad-cam", "class activation map"

WINDOW_SECONDS = 1.0  # silenced, or kept alone, at a time; at most a quarter of the clip
WINDOW_STEPS = 4  # per window, from one to the next

#: clips (N, samples), classes asked (N, Q), for random numbers -> relevance (N, Q, TIME_BINS)
Explain = Callable[[Ears, Tensor, Tensor, Generator], Steps[Tensor]]


@dataclass(frozen=True)
class Rival:
    """One way, and its cost in passes through the encoder."""

    name: str
    explain: Explain
    a_clip: int = 0
    a_question: int = 0
    a_window: int = 0
    in_one_piece: bool = False  # what it marks

    def passes(self, clip_seconds: float, questions: int = 1) -> int:
        """Forward passes for so many questions about one clip."""
        return self.a_clip + self.a_question * questions + self.a_window * len(windows(clip_seconds))

    def mark(self, waveforms: Tensor, relevance: Tensor, seconds: Tensor, sample_rate: int) -> Tensor:
        """The most relevant time: segments (N, S, 2), ``seconds`` (N,) long together.

        waveforms: (N, samples); relevance: (N, TIME_BINS). Digital silence comes last.
        """
        edges = equal_edges(waveforms.shape[1] / sample_rate, TIME_BINS).expand(len(waveforms), -1)
        audible = audible_columns(waveforms, edges, sample_rate)
        if self.in_one_piece:
            return _best_passage(relevance.double(), audible, edges, seconds.double())
        return top_time(relevance.double().masked_fill(~audible, -torch.inf), edges, seconds.double())


def own_relevance(ears: Ears, waveforms: Tensor, asked: Tensor, generator: Generator) -> Steps[Tensor]:
    """Of the first hearing, for each class asked about."""
    relevance = []
    for each in asked.T:
        relevance.append((yield from ears.first.hear(waveforms, asked=each)).relevance)
    return torch.stack(relevance, dim=1)


def least_relevant(ears: Ears, waveforms: Tensor, asked: Tensor, generator: Generator) -> Steps[Tensor]:
    """The reverse of ``own_relevance``."""
    return -(yield from own_relevance(ears, waveforms, asked, generator))


def activity(ears: Ears, waveforms: Tensor, asked: Tensor, generator: Generator) -> Steps[Tensor]:
    """Its log-probability of the class. For models that tell activity."""
    told = log_probabilities((yield from hear_activity(ears, waveforms)))
    return told.gather(2, asked.unsqueeze(1).expand(-1, TIME_BINS, -1)).transpose(1, 2)


def loudest(ears: Ears, waveforms: Tensor, asked: Tensor, generator: Generator) -> Steps[Tensor]:
    """The sound's power."""
    yield ears.tally.count(0)
    edges = ears.edges.expand(len(waveforms), -1)
    return mean_power(waveforms, edges, ears.sample_rate).unsqueeze(1).expand(-1, asked.shape[1], -1)


def random(ears: Ears, waveforms: Tensor, asked: Tensor, generator: Generator) -> Steps[Tensor]:
    """Nearness to a random moment; the clip's end is near its beginning, so that no moment is favoured."""
    yield ears.tally.count(0)
    moment = torch.rand(*asked.shape, 1, generator=generator, dtype=torch.float64)
    distance = ((torch.arange(TIME_BINS) + 0.5) / TIME_BINS - moment).abs()
    return -torch.minimum(distance, 1 - distance)


def occlusion(ears: Ears, waveforms: Tensor, asked: Tensor, generator: Generator) -> Steps[Tensor]:
    """How little the class is believed without a stretch of time."""
    return -(yield from _windowed(ears, waveforms, asked, remove))


def kept_alone(ears: Ears, waveforms: Tensor, asked: Tensor, generator: Generator) -> Steps[Tensor]:
    """How much the class is believed of a stretch of time alone."""
    return (yield from _windowed(ears, waveforms, asked, keep_only))


RIVALS = (
    Rival(RELEVANCE, own_relevance, a_question=1),
    Rival(ACTIVITY, activity, a_clip=1),
    Rival(PASSAGE, activity, a_clip=1, in_one_piece=True),
    Rival(LOUDEST, loudest),
    Rival(RANDOM, random),
    Rival(LEAST_RELEVANT, least_relevant, a_question=1),
    Rival(OCCLUSION, occlusion, a_window=1),
    Rival(KEPT_ALONE, kept_alone, a_window=1),
    Rival(GRADIENT, gradient, a_question=GRADIENT_PASSES),
    Rival(INTEGRATED, integrated_gradients, a_question=GRADIENT_PASSES * INTEGRATION_STEPS),
    Rival(GRAD_CAM, grad_cam, a_question=GRID_PASSES),
    Rival(CLASS_MAP, class_map, a_clip=1),
)


def find_rivals(recognizer: Recognizer, names: Sequence[str] | None = None) -> tuple[Rival, ...]:
    """Those of the names that suit a model, the model's own relevance first; by default all that can be measured.

    Raises SettingsError for a name that is not known, or one that this model or this installation cannot explain by.
    """
    known = [rival.name for rival in RIVALS]
    missing = missing_rivals(recognizer)
    for name in names or ():
        if name not in known:
            raise SettingsError(f"there is no rival {name!r}; choose from {', '.join(known)}")
        if name in missing:
            raise SettingsError(f"{name} cannot be measured: {missing[name]}")
    wanted = {RELEVANCE, *(names if names is not None else set(known) - set(missing))}
    return tuple(rival for rival in RIVALS if rival.name in wanted)


def missing_rivals(recognizer: Recognizer) -> dict[str, str]:
    """Why some of the rivals cannot explain this model, or not in this installation, and what to do about it."""
    missing: dict[str, str] = {}
    if not recognizer.model.has_activity:
        missing |= dict.fromkeys((ACTIVITY, PASSAGE), f"{recognizer.name} tells no activity; choose a model that does")
    if not recognizer.model.has_grid:
        no_grid = f"{recognizer.name} shows no grid that its classes are read from; choose a model that does"
        missing |= dict.fromkeys((GRAD_CAM, CLASS_MAP), no_grid)
    elif recognizer.model.mean_head is None:
        missing[CLASS_MAP] = (
            f"{recognizer.name} does not read its classes from the mean of its grid; ask for {GRAD_CAM}"
        )
    if find_spec("captum") is None:
        no_captum = "the package captum is not installed; pip install -r requirements-rivals.txt"
        missing = dict.fromkeys((INTEGRATED, GRAD_CAM), no_captum) | missing
    if not recognizer.model.has_gradients:
        missing |= dict.fromkeys((GRADIENT, INTEGRATED), no_gradients(recognizer.name))
    return missing


def explain_by(
    rivals: Sequence[Rival], ears: Ears, waveforms: Tensor, asked: Tensor, seed: int
) -> Steps[dict[str, Tensor]]:
    """Relevance (N, Q, TIME_BINS) by each rival; waveforms: (N, clip_samples), asked: (N, Q) class indices."""
    found = {}
    for rival in rivals:
        found[rival.name] = yield from rival.explain(ears, waveforms, asked, Generator().manual_seed(seed))
    return found


def passes_to_explain(rivals: Sequence[Rival], clip_seconds: float, questions: int = 1) -> int:
    """Forward passes of ``explain_by`` for one clip."""
    return sum(rival.passes(clip_seconds, questions) for rival in rivals)


def windows(clip_seconds: float) -> Tensor:
    """(W, 2) seconds: stretches that are silenced or kept alone, from the clip's beginning to its end."""
    length = min(WINDOW_SECONDS, clip_seconds / 4)
    steps = round((clip_seconds - length) / length * WINDOW_STEPS)
    start = torch.linspace(0, clip_seconds - length, steps + 1, dtype=torch.float64)
    return torch.stack([start, start + length], dim=1)


def hear_windows(
    ears: Ears, waveforms: Tensor, edit: Callable[[Tensor, Tensor, str, int, Generator], Tensor]
) -> Steps[Tensor]:
    """Probabilities (N, W, C) after the first hearing of clips (N, samples), each window kept alone or removed."""
    segments = windows(ears.clip_seconds).unsqueeze(1)
    heard = []
    for clips in waveforms.split(max(1, BATCH // len(segments))):
        copies = clips.repeat_interleave(len(segments), dim=0)
        edited = edit(copies, segments.repeat(len(clips), 1, 1), SILENCE, ears.sample_rate, Generator())
        believed = yield from ears.first.believe(edited)
        heard.append(believed[:, -1].unflatten(0, (len(clips), len(segments))))
    return torch.cat(heard)


def hear_activity(ears: Ears, waveforms: Tensor) -> Steps[Tensor]:
    """Probabilities (N, TIME_BINS, C) of activity in the first hearing."""
    told = []
    for clips in waveforms.split(BATCH):
        (heard,) = ears.recognizer.listen(clips, 0)
        assert heard.activity is not None
        # every class is a curve over the same columns
        curves = heard.activity.double().transpose(1, 2).flatten(0, 1)
        edges = heard.edges.repeat_interleave(heard.activity.shape[2], dim=0)
        told.append(resample(curves, edges, TIME_BINS).unflatten(0, (len(clips), -1)).transpose(1, 2).cpu())
        yield ears.tally.count(len(clips))
    return torch.cat(told)


def log_probabilities(probabilities: Tensor) -> Tensor:
    """Of float64; 0 gives what the smallest number of float32 does."""
    return probabilities.clamp_min(torch.finfo(torch.float32).tiny).log()


def _best_passage(score: Tensor, audible: Tensor, edges: Tensor, seconds: Tensor) -> Tensor:
    """(N, 1, 2): the stretch of ``seconds`` (N,) that holds most of a score (N, TIME_BINS). Silence has none."""
    above = torch.where(audible, score - score.masked_fill(~audible, torch.inf).amin(dim=1, keepdim=True), 0.0)
    held = F.pad(above.nan_to_num().cumsum(dim=1), (1, 0))
    length = (seconds / edges.diff(dim=1)[:, 0]).round().long().clamp(1, TIME_BINS).unsqueeze(1)
    begins = torch.arange(TIME_BINS + 1).expand_as(held)
    ends = begins + length
    inside = held.gather(1, ends.clamp(max=TIME_BINS)) - held
    start = edges.gather(1, inside.masked_fill(ends > TIME_BINS, -1.0).argmax(dim=1, keepdim=True))
    return torch.stack([start, torch.minimum(start + seconds.unsqueeze(1), edges[:, -1:])], dim=2)


def _windowed(
    ears: Ears, waveforms: Tensor, asked: Tensor, edit: Callable[[Tensor, Tensor, str, int, Generator], Tensor]
) -> Steps[Tensor]:
    """Log-probability of the class at each moment: the mean over the windows that hold it."""
    heard = log_probabilities((yield from hear_windows(ears, waveforms, edit)))
    of_asked = heard.gather(2, asked.unsqueeze(1).expand(-1, heard.shape[1], -1))  # (N, W, Q)
    holds = inside_segments(windows(ears.clip_seconds).unsqueeze(1), ears.edges)  # (W, TIME_BINS) seconds
    return of_asked.transpose(1, 2) @ (holds / holds.sum(dim=0))
