"""How much of the class is left with what each way marks, and without it, as it marks more and more.

The class explained is the one that the model names, p its probability after the last hearing. Of every way, and for
shares of the clip's time from 5 to 50 %: p of the sound with nothing but the marked time (higher is better), and by how
much p falls without it (higher is better, but whatever breaks the model does that: read it only beside the other).
What is missing is silence. Areas are those under the curves from 0 to the largest share, divided by it: mean heights.
At ``SCORED_SHARE`` the scores of ``faithfulness`` stand beside them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import torch
from torch import Generator, Tensor

from playitback.edits import SILENCE, keep_only, remove
from playitback.evidence.faithfulness import Scores, segment_scores
from playitback.evidence.intervals import Bootstrap, Interval, mean_over_models
from playitback.evidence.marking import passes_of
from playitback.evidence.rivals import RELEVANCE, Rival, explain_by, passes_to_explain
from playitback.evidence.runs import Ears, Run
from playitback.progress import Steps
from playitback.recognizer import Recognizer

#: of the clip's time that is marked; nothing is marked at 0
SHARES = (0.0, 0.05, 0.1, 0.2, 0.24, 0.3, 0.5)
SCORED_SHARE = 0.24


@dataclass(frozen=True)
class RivalCurves:
    """One way: (SHARES,) each, and their areas; leads are those of the model's relevance over it."""

    way: str
    passes: int  # through the encoder, to explain one clip
    kept: tuple[Interval, ...]  # probability of the named class, 0 to 1, with only that share of the time kept
    fall: tuple[Interval, ...]  # of that probability, -1 to 1, once it is removed
    kept_area: Interval
    fall_area: Interval
    scores: Scores  # at ``SCORED_SHARE``
    kept_lead: Interval | None  # of the areas; None for the relevance itself
    fall_lead: Interval | None


@dataclass(frozen=True)
class RemovalComparison:
    """All ways on the same clips."""

    clips: int
    fill: str
    shares: tuple[float, ...]
    scored_share: float
    probability: Interval  # of the named class in the whole clip
    curves: tuple[RivalCurves, ...]  # the model's relevance first


def clips_to_remove(clips: int, rivals: Sequence[Rival], recognizer: Recognizer) -> int:
    """Clips that ``measure_removal`` hears for each model."""
    edited = 2 * (len(SHARES) - 1) * len(rivals)
    return clips * (passes_to_explain(rivals, recognizer.clip_seconds) + edited) + 1


def measure_removal(
    all_ears: Sequence[Ears], waveforms: Tensor, choices: Sequence[Run], rivals: Sequence[Rival], bootstrap: Bootstrap
) -> Steps[RemovalComparison]:
    """waveforms: (N, clip_samples); choices: ``ears.hear(waveforms)`` of each model.

    Every clip counts with its mean over the models, each asked about the class that it names.
    """
    outcomes = []
    for ears, choice in zip(all_ears, choices, strict=True):
        outcomes.append((yield from _measure(ears, waveforms, choice, rivals, bootstrap.seed)))
    found = mean_over_models(outcomes)
    passes = passes_of(rivals, all_ears[0].recognizer)
    return RemovalComparison(
        clips=len(waveforms),
        fill=SILENCE,
        shares=SHARES,
        scored_share=SCORED_SHARE,
        probability=bootstrap.interval(
            torch.stack([_of([each.probabilities[:, -1]], each.decision) for each in choices]).mean(dim=0)
        ),
        curves=tuple(_curves(rival.name, passes[rival.name], found, bootstrap) for rival in rivals),
    )


def area(curves: Tensor) -> Tensor:
    """Mean height (N,) of curves (N, SHARES)."""
    return torch.trapezoid(curves, torch.tensor(SHARES, dtype=curves.dtype), dim=1) / SHARES[-1]


_KEPT, _FALL = "kept", "fall"


def _measure(
    ears: Ears, waveforms: Tensor, chosen: Run, rivals: Sequence[Rival], seed: int
) -> Steps[dict[tuple[str, str], Tensor]]:
    """(way, kept or fall) -> (N, SHARES); (way, name of a score) -> (N,)."""
    explained, whole = chosen.decision, chosen.probabilities[:, -1]
    relevance = yield from explain_by(rivals, ears, waveforms, explained.unsqueeze(1), seed)
    silence = (yield from ears.believe(torch.zeros_like(waveforms[:1])))[:, -1].expand_as(whole)
    found = {}
    for rival in rivals:
        way, curves = rival.name, relevance[rival.name]
        # by share: what is believed of nothing but the marked time, and of all the rest
        kept, rest = [silence], [whole]
        for share in SHARES[1:]:
            seconds = torch.full((len(waveforms),), share * ears.clip_seconds)
            segments = rival.mark(waveforms, curves[:, 0], seconds, ears.sample_rate)
            for edit, beliefs in ((keep_only, kept), (remove, rest)):
                edited = edit(waveforms, segments, SILENCE, ears.sample_rate, Generator())
                beliefs.append((yield from ears.believe(edited))[:, -1])
        found[way, _KEPT] = _of(kept, explained)
        found[way, _FALL] = _of([whole], explained) - _of(rest, explained)
        at = SHARES.index(SCORED_SHARE)
        scores = segment_scores(whole, kept[at], rest[at], explained, ears.recognizer.config)
        found |= {(way, name): score for name, score in scores.items()}
    return found


def _of(beliefs: Sequence[Tensor], explained: Tensor) -> Tensor:
    """Beliefs (N, C), one a share -> (N, shares) in the class explained."""
    return torch.stack(list(beliefs), dim=1).gather(2, explained.view(-1, 1, 1).expand(-1, len(beliefs), 1)).squeeze(2)


def _curves(way: str, passes: int, found: Mapping[tuple[str, str], Tensor], bootstrap: Bootstrap) -> RivalCurves:
    own, areas = ({name: area(found[each, name]) for name in (_KEPT, _FALL)} for each in (RELEVANCE, way))
    leads = {name: None if way == RELEVANCE else bootstrap.interval(own[name] - areas[name]) for name in areas}
    return RivalCurves(
        way=way,
        passes=passes,
        kept=tuple(bootstrap.interval(each) for each in found[way, _KEPT].T),
        fall=tuple(bootstrap.interval(each) for each in found[way, _FALL].T),
        kept_area=bootstrap.interval(areas[_KEPT]),
        fall_area=bootstrap.interval(areas[_FALL]),
        scores=Scores(**{each.name: bootstrap.interval(found[way, each.name]) for each in fields(Scores)}),
        kept_lead=leads[_KEPT],
        fall_lead=leads[_FALL],
    )
