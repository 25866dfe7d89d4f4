"""Is what was replayed the reason? The choice beside its controls, and the sound with and without what was replayed.

``hear_controls`` and ``compare_controls``: the same clips and hearings, with other segments replayed ("Play It Back",
the claim of section 2), by one model or by several that differ in their seed.

``score_segments``: p are class probabilities after the last hearing, c is the class the model names, x the clip, x_in
the clip of which only the segments are left, x_out the clip without them, [z]+ = max(0, z); means over clips:

- average increase, AI = 100 * 1[p_c(x_in) > p_c(x)], and average drop, AD = 100 * [p_c(x) - p_c(x_in)]+ / p_c(x)
  (Chattopadhay et al. 2018, Grad-CAM++); average gain, AG = 100 * [p_c(x_in) - p_c(x)]+ / (1 - p_c(x)) (Zhang et al.
  2024, Opti-CAM);
- input fidelity, Fid-In = 1[argmax p(x_in) = argmax p(x)], and faithfulness, FF = p_c(x) - p_c(x_out), both as in
  Paissan et al. 2024, L-MAC. FF is high for anything that breaks the model: read it only together with Fid-In.

Where every class has a probability of its own, a model decides on each by itself, and that another class overtakes c is
nothing to c. Fid-In is 1[p_c(x_in) >= 0.5] then, over the clips with p_c(x) >= 0.5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import product

import torch
from torch import Generator, Tensor

from playitback.config import ModelConfig
from playitback.edits import FILLS, keep_only, remove
from playitback.evidence.controls import AIMED, CHOSEN, CONTROLS, FOR_TRUE_CLASS, LOUDEST, RANDOM
from playitback.evidence.intervals import Bootstrap, Interval
from playitback.evidence.runs import BATCH, Ears, Run, belief, correct, true_classes
from playitback.models.listener import LIKELY, named_class
from playitback.progress import Steps
from playitback.segments import loudest_time, scatter_segments

#: whose segments are scored: the model's, as many of the same lengths anywhere, as much of the loudest time
SOURCES = (CHOSEN, RANDOM, LOUDEST)
#: closer probabilities count as equal: a clip's neighbours in a batch change them by as much in float32
ROUNDING = 1e-5


@dataclass(frozen=True)
class ControlOutcomes:
    """What one model answered under every control, clip by clip. (N, P) float64, for random segments (N, draws, P)."""

    right: dict[str, Tensor]  # 1 where the model names a true class, else 0
    sure: dict[str, Tensor]  # its probability of the true class


@dataclass(frozen=True)
class ControlResult:
    """What the model believes under one control; tuples have one entry a hearing."""

    name: str
    accuracy: tuple[float, ...]  # 0 to 1; random: mean over the draws
    true_class_probability: tuple[float, ...]
    accuracy_lead: tuple[Interval, ...]  # of the chosen segments over this control; empty for the chosen ones
    probability_lead: tuple[Interval, ...]


@dataclass(frozen=True)
class ControlComparison:
    """Chosen segments and all controls on the same clips; every clip counts with its mean over the models."""

    clips: int
    results: tuple[ControlResult, ...]  # the chosen segments first
    drawn_accuracy: tuple[float, ...]  # of each random draw, after the last hearing
    drawn_probability: tuple[float, ...]

    @property
    def percentile(self) -> float:
        """``percentile_rank`` of the chosen segments' true-class probability in the end among the random draws."""
        return percentile_rank(self.results[0].true_class_probability[-1], self.drawn_probability)


@dataclass(frozen=True)
class Scores:
    """See the docstring of the module."""

    average_increase: Interval  # percent, higher is better
    average_drop: Interval  # percent, lower is better
    average_gain: Interval  # percent, higher is better
    input_fidelity: Interval  # 0 to 1, higher is better
    faithfulness: Interval  # -1 to 1, higher is better, but only beside input_fidelity


@dataclass(frozen=True)
class SegmentScores:
    """Scores of one source of segments with one fill."""

    source: str
    fill: str
    scores: Scores
    lead: Scores | None  # of the chosen segments over these, clip by clip; None for the chosen ones


@dataclass(frozen=True)
class SegmentComparison:
    """Keep-only beside removal, for all sources and fills."""

    clips: int
    kept_share: float  # of the clip's time, mean over clips; the same for all sources
    scores: tuple[SegmentScores, ...]


def clips_to_hear_controls(clips: int, draws: int, aims: bool) -> int:
    """Clips that ``hear_controls`` hears; aims: ``Listener.can_aim``."""
    return clips * (len(CONTROLS) - 2 + draws + (len(AIMED) if aims else 0))


def hear_controls(
    ears: Ears, waveforms: Tensor, classes: Tensor, chosen: Run, draws: int, seed: int
) -> Steps[ControlOutcomes]:
    """The same clips under every control; of a model that can aim, also with its choice for other classes (``AIMED``).

    waveforms: (N, clip_samples); classes: (N,) or multi-hot (N, C); chosen: ``ears.hear(waveforms)``; draws: random
    choices per clip; seed: of those.
    """
    generator = Generator().manual_seed(seed)
    runs = {CHOSEN: chosen, RANDOM: (yield from _hear_draws(ears, waveforms, draws, generator))}
    for control in CONTROLS:
        if control not in runs:
            runs[control] = yield from ears.hear(waveforms, control)
    true = true_classes(classes, ears.recognizer.config)
    if ears.recognizer.model.can_aim:
        for control in AIMED:
            asked = (true if control == FOR_TRUE_CLASS else ~true).double().clamp_min(1e-9)  # a clip may have none
            runs[control] = yield from ears.hear(waveforms, asked=asked.multinomial(1, generator=generator).squeeze(1))
    targets = dict.fromkeys(runs, true)
    targets[RANDOM] = targets[RANDOM].repeat_interleave(draws, dim=0)
    right = {control: correct(run.named, targets[control]) for control, run in runs.items()}
    sure = {control: belief(run.probabilities, targets[control]) for control, run in runs.items()}
    for outcome in (right, sure):
        outcome[RANDOM] = outcome[RANDOM].unflatten(0, (len(waveforms), draws))
    return ControlOutcomes(right, sure)


def compare_controls(outcomes: Sequence[ControlOutcomes], bootstrap: Bootstrap) -> ControlComparison:
    """Accuracy and true-class probability after every hearing, and by how much the chosen segments lead.

    outcomes: of each model on the same clips, with as many draws.
    """
    controls = [control for control in (*CONTROLS, *AIMED) if control in outcomes[0].right]
    right = {control: torch.stack([each.right[control] for each in outcomes]).mean(dim=0) for control in controls}
    sure = {control: torch.stack([each.sure[control] for each in outcomes]).mean(dim=0) for control in controls}
    drawn_right, drawn_sure = right[RANDOM], sure[RANDOM]
    right[RANDOM], sure[RANDOM] = drawn_right.mean(dim=1), drawn_sure.mean(dim=1)
    return ControlComparison(
        clips=len(drawn_right),
        results=tuple(
            ControlResult(
                name=control,
                accuracy=tuple(right[control].mean(dim=0).tolist()),
                true_class_probability=tuple(sure[control].mean(dim=0).tolist()),
                accuracy_lead=_leads(right, control, bootstrap),
                probability_lead=_leads(sure, control, bootstrap),
            )
            for control in controls
        ),
        drawn_accuracy=tuple(drawn_right[:, :, -1].mean(dim=0).tolist()),
        drawn_probability=tuple(drawn_sure[:, :, -1].mean(dim=0).tolist()),
    )


def _hear_draws(ears: Ears, waveforms: Tensor, draws: int, generator: Generator) -> Steps[Run]:
    """Rows are clip after clip, each ``draws`` times."""
    blocks = waveforms.split(max(1, BATCH // draws))  # the copies of 400 clips at once would fill the memory
    runs = []
    for block in blocks:
        runs.append((yield from ears.hear(block.repeat_interleave(draws, dim=0), RANDOM, generator)))
    return Run.join(runs)


def _leads(values: dict[str, Tensor], control: str, bootstrap: Bootstrap) -> tuple[Interval, ...]:
    if control == CHOSEN:
        return ()
    return tuple(bootstrap.interval(each) for each in (values[CHOSEN] - values[control]).T)


def clips_to_score_segments(clips: int) -> int:
    """Clips that ``score_segments`` hears."""
    return clips * len(SOURCES) * len(FILLS) * 2


def score_segments(ears: Ears, waveforms: Tensor, chosen: Run, bootstrap: Bootstrap) -> Steps[SegmentComparison]:
    """AI, AD, AG, Fid-In and FF of the marked segments, of random ones and of the loudest time, with four fills.

    waveforms: (N, clip_samples); chosen: ``ears.hear(waveforms)``. The class explained is the one named in the end.
    """
    generator = Generator().manual_seed(bootstrap.seed)
    sample_rate, clip_seconds = ears.sample_rate, ears.clip_seconds
    variants = tuple(product(SOURCES, FILLS, (keep_only, remove)))
    believed = []
    for rows in torch.arange(len(waveforms)).split(max(1, BATCH // len(variants))):
        clips = waveforms[rows]
        segments = {
            CHOSEN: chosen.marked[rows],
            RANDOM: scatter_segments(chosen.marked[rows], clip_seconds, generator),
            LOUDEST: loudest_time(clips, chosen.marked_seconds[rows], clip_seconds, sample_rate),
        }
        edited = [edit(clips, segments[source], fill, sample_rate, generator) for source, fill, edit in variants]
        heard = yield from ears.believe(torch.cat(edited))
        believed.append(heard[:, -1].unflatten(0, (len(variants), len(rows))))
    after = dict(zip(variants, torch.cat(believed, dim=1), strict=True))  # variant -> (N, C)
    values = {
        (source, fill): segment_scores(
            chosen.probabilities[:, -1],
            after[source, fill, keep_only],
            after[source, fill, remove],
            chosen.decision,
            ears.recognizer.config,
        )
        for source, fill in product(SOURCES, FILLS)
    }
    return SegmentComparison(
        clips=len(waveforms),
        kept_share=float(chosen.marked_seconds.mean()) / clip_seconds,
        scores=tuple(
            SegmentScores(
                source=source,
                fill=fill,
                scores=_intervals(values[source, fill], bootstrap),
                lead=None
                if source == CHOSEN
                else _intervals({name: values[CHOSEN, fill][name] - each for name, each in scores.items()}, bootstrap),
            )
            for (source, fill), scores in values.items()
        ),
    )


def percentile_rank(value: float, draws: Sequence[float]) -> float:
    """Share of draws, 0 to 100, that lie below a value; those that equal it up to rounding count half (mid-rank)."""
    tied = sum(abs(drawn - value) <= ROUNDING for drawn in draws)
    below = sum(drawn < value - ROUNDING for drawn in draws)
    return 100 * (below + tied / 2) / len(draws)


def segment_scores(
    whole: Tensor, kept: Tensor, removed: Tensor, explained: Tensor, config: ModelConfig
) -> dict[str, Tensor]:
    """The scores of every clip, (N,) each, named like the fields of ``Scores``.

    whole, kept, removed: (N, C) probabilities of x, x_in and x_out; explained: (N,) index of c; config: the model's.
    """
    before, inside, outside = (each.gather(1, explained.unsqueeze(1)).squeeze(1) for each in (whole, kept, removed))
    tiny = torch.finfo(whole.dtype).tiny  # where p is 1 there is no room to gain, and 0 / tiny is 0
    return {
        "average_increase": 100 * (inside > before).double(),
        "average_drop": 100 * (before - inside).clamp_min(0) / before.clamp_min(tiny),
        "average_gain": 100 * (inside - before).clamp_min(0) / (1 - before).clamp_min(tiny),
        "input_fidelity": decision_stays(whole, kept, explained, config),
        "faithfulness": before - outside,
    }


def decision_stays(whole: Tensor, edited: Tensor, explained: Tensor, config: ModelConfig) -> Tensor:
    """(N,) float64: 1 where the decision for a clip is the one for the edited clip, too, else 0.

    whole, edited: (N, C) probabilities; explained: (N,) the class that it is about where every class has a probability
    of its own. NaN where that class is not more probable than not to begin with: there is no decision for it to stay.
    """
    if not config.multi_label:
        return (named_class(edited, config) == named_class(whole, config)).double()
    before, after = (each.gather(1, explained.unsqueeze(1)).squeeze(1) >= LIKELY for each in (whole, edited))
    return torch.where(before, after.double(), torch.nan)


def _intervals(values: dict[str, Tensor], bootstrap: Bootstrap) -> Scores:
    return Scores(**{field.name: bootstrap.interval(values[field.name]) for field in fields(Scores)})
