"""Is it true of this clip? What the model marked beside what it must beat, for one clip and one class.

    samples (N,) -> hear: the model's choice -> replay other segments, edit the sound -> hear each -> Examination

p is the probability of the class explained after the last hearing, x the clip, x_in the clip of which only the marked
segments are left, x_out the clip without them. Two claims are put to the test, each against random segments of the same
number and lengths:

- replay: hearing the chosen segments again leaves a higher p than hearing random ones again; only where the model can
  replay;
- reliance: p(x_in) - p(x_out) is greater for the chosen segments than for random ones; both halves must have a part in
  it, because removal alone may only have broken the model, and keeping alone may only have kept what is loud.

A claim is supported if the chosen segments beat every random draw. Were they no better than one more draw, that would
happen once in draws + 1 times (Barnard 1963, the Monte Carlo test). In ``reliance``, where every draw is compared with
the chosen segments under the same fill, it would happen so often at most. Deletion and insertion curves and the other
controls stand beside it. All the rest is as in ``evidence``, which measures many clips. ``report/examine_text.py`` says
it in words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import torch
from torch import Tensor

from playitback.config import ModelConfig
from playitback.edits import FILLS, SILENCE, keep_only, remove
from playitback.errors import SettingsError
from playitback.evidence.controls import CHOSEN, CONTROLS, LOUDEST, RANDOM
from playitback.evidence.curves import (
    ORDERS,
    RANDOM_ORDER,
    SLICES,
    area,
    clips_to_measure_curves,
    keep_slices,
    kept_slices,
    slice_importance,
)
from playitback.evidence.faithfulness import ROUNDING, SOURCES, decision_stays, percentile_rank, segment_scores
from playitback.evidence.runs import CLIPS_A_STEP, Ears, Run, Tally
from playitback.progress import Steps
from playitback.recognizer import Recognizer
from playitback.segments import (
    Segment,
    audible_columns,
    loudest_time,
    scatter_segments,
    unpad_segments,
)

SUPPORTED, NOT_SUPPORTED, CONTRADICTED = "supported", "not supported", "contradicted"
VERDICTS = (SUPPORTED, NOT_SUPPORTED, CONTRADICTED)

#: why nothing can be compared
ALL_SILENT, NOTHING_MARKED, ALL_MARKED, NOT_BELIEVED = "digital silence", "nothing chosen", "all chosen", "not believed"
OBSTACLES = (ALL_SILENT, NOTHING_MARKED, ALL_MARKED, NOT_BELIEVED)

#: random segments edited with each fill; with four fills that is 12, and chance beats all of 12 in one clip of 13
EDIT_DRAWS = 3
#: with fewer draws chance alone would beat them all in more than one clip of ten
ENOUGH_DRAWS = 9
#: of p, by which the chosen segments must lead on average: less would not show in whole percent
LEAST_LEAD = 0.01
#: of p(x_in) - p(x_out), -1 to 1: a smaller lead is a trifle, as for a class that survives any hole
LEAST_RELIANCE_LEAD = 0.1
#: of p: below it the model hardly believes in the class, and removal has nothing to take away
LEAST_PROBABILITY = 0.1
#: of the clip: random segments that cover so much of it are nearly the same segments
NEARLY_ALL = 0.95

_CURVE_FILL = SILENCE  # as in ``curves``


@dataclass(frozen=True)
class Standing:
    """Where the chosen segments stand among random draws."""

    draws: int
    beaten: int  # draws that they exceed by more than rounding
    percentile: float  # 0 to 100: of draws they exceed, those that equal them up to rounding counting half
    lead: float  # theirs minus the mean of the draws

    @classmethod
    def of(cls, leads: Sequence[float]) -> Standing:
        """leads: what the chosen segments have minus what each draw has."""
        return cls(
            draws=len(leads),
            beaten=sum(lead > ROUNDING for lead in leads),
            percentile=percentile_rank(0.0, [-lead for lead in leads]),
            lead=float(np.mean(leads)),
        )

    @property
    def enough(self) -> bool:
        """Whether there are draws enough to support a claim."""
        return self.draws >= ENOUGH_DRAWS

    def ahead(self, least_lead: float) -> bool:
        """Whether all of enough draws are beaten, and by ``least_lead`` on average."""
        return self.enough and self.beaten == self.draws and self.lead >= least_lead

    def behind(self, least_lead: float) -> bool:
        """Whether all of enough draws do better, and by ``least_lead`` on average."""
        return self.enough and self.percentile == 0 and self.lead <= -least_lead


@dataclass(frozen=True)
class ControlBelief:
    """What the model believes of the class if a control's segments are replayed; of the random ones the mean."""

    name: str  # one of controls.CONTROLS
    probabilities: tuple[float, ...]  # after every hearing, 0 to 1
    lead: float  # of the chosen segments over this control after the last hearing; 0 for the chosen ones

    @property
    def probability(self) -> float:
        """After the last hearing."""
        return self.probabilities[-1]

    @property
    def beaten(self) -> bool:
        """Whether the chosen segments lead by what is worth naming."""
        return self.lead >= LEAST_LEAD


@dataclass(frozen=True)
class EditBelief:
    """What the model believes once the sound is edited; of random segments the mean over ``EDIT_DRAWS`` draws.

    Scores are those of ``faithfulness`` for the class explained.
    """

    source: str  # one of faithfulness.SOURCES: whose segments
    fill: str  # one of edits.FILLS
    kept: float  # p(x_in), 0 to 1
    removed: float  # p(x_out), 0 to 1
    #: share of draws, 0 to 1, in which the decision stays without the segments; None: see ``decision_stays``
    decision_removed: float | None
    average_increase: float  # AI, percent
    average_drop: float  # AD, percent
    average_gain: float  # AG, percent
    input_fidelity: float | None  # Fid-In: the same share, with nothing but the segments
    faithfulness: float  # FF = p - removed, -1 to 1


@dataclass(frozen=True)
class OrderBelief:
    """Deletion and insertion in one order of importance, (SLICES + 1,) each."""

    order: str  # one of curves.ORDERS
    deletion: tuple[float, ...]  # p as time is removed, the most important first
    insertion: tuple[float, ...]  # p as time is restored
    deletion_area: float  # 0 to 1, lower is better
    insertion_area: float  # 0 to 1, higher is better


@dataclass(frozen=True)
class Examination:
    """What one clip says for and against the explanation of one class."""

    label: str  # the class explained
    decision: str  # the class that is named after the last hearing
    multi_label: bool  # whether every class has a probability of its own
    probability: float  # of ``label`` after the last hearing, 0 to 1
    clip_seconds: float
    replays: bool  # whether segments were replayed in it, so that other ones could be
    marked: tuple[Segment, ...]  # what was replayed or, where nothing is, what the first hearing chose; disjoint
    silent_share: float  # of the clip that is digital silence, 0 to 1
    seed: int
    controls: tuple[ControlBelief, ...]  # one for each of controls.CONTROLS, the chosen first; none without replay
    drawn: tuple[float, ...]  # (draws,) p for every random draw
    replay: Standing | None  # of p among ``drawn``; None where nothing is replayed
    edits: tuple[EditBelief, ...]  # sources x fills
    reliance: Standing  # of p(x_in) - p(x_out) among EDIT_DRAWS draws with each fill
    keeping_lead: float  # of the chosen segments over random ones in p(x_in), mean over fills
    removal_lead: float  # and in FF
    curve_fill: str  # one of edits.FILLS
    shares: tuple[float, ...]  # (SLICES + 1,) of time removed or restored, 0 to 1
    orders: tuple[OrderBelief, ...]  # attention first

    @property
    def percentile(self) -> float | None:
        """Of the chosen segments' p among the random draws, 0 to 100.

        100 * (draws below it + half of the draws that equal it up to 1e-5) / draws: the mid-rank percentile. 50 is what
        a choice at random has on average, and 100 says that all draws lie below.
        """
        return None if self.replay is None else self.replay.percentile

    @property
    def marked_seconds(self) -> float:
        return sum(segment.seconds for segment in self.marked)

    @property
    def marked_share(self) -> float:
        """Of the clip, 0 to 1."""
        return self.marked_seconds / self.clip_seconds

    @property
    def obstacle(self) -> str | None:
        """Why nothing can be compared, one of ``OBSTACLES``; None: it can."""
        obstacles = {
            ALL_SILENT: self.silent_share == 1,
            NOTHING_MARKED: not self.marked,
            ALL_MARKED: self.marked_share >= NEARLY_ALL,
            NOT_BELIEVED: self.probability < LEAST_PROBABILITY,
        }
        return next((name for name, there in obstacles.items() if there), None)

    @property
    def replay_verdict(self) -> str | None:
        """On the claim that hearing the chosen segments again speaks for the class: one of ``VERDICTS``.

        None where nothing is replayed, and so nothing is claimed.
        """
        return None if self.replay is None else self._verdict(self.replay, LEAST_LEAD)

    @property
    def reliance_verdict(self) -> str:
        """On the claim that the class rests on the chosen segments, which must lead both kept and removed."""
        both = self.keeping_lead >= LEAST_LEAD and self.removal_lead >= LEAST_LEAD
        verdict = self._verdict(self.reliance, LEAST_RELIANCE_LEAD)
        return NOT_SUPPORTED if verdict == SUPPORTED and not both else verdict

    @property
    def loudest_matters_as_much(self) -> bool:
        """Whether the loudest time, kept and removed, moves p by as much as the chosen segments do."""
        chosen, loudest = (
            np.mean([each.kept - each.removed for each in self.edits if each.source == source])
            for source in (CHOSEN, LOUDEST)
        )
        return bool(chosen - loudest < LEAST_LEAD)

    @property
    def orders_beaten(self) -> tuple[str, ...]:
        """Orders whose areas of deletion and of insertion are both worse than those of the model's own order."""
        attention, *others = self.orders
        return tuple(
            each.order
            for each in others
            if each.deletion_area - attention.deletion_area >= LEAST_LEAD
            and attention.insertion_area - each.insertion_area >= LEAST_LEAD
        )

    def control(self, name: str) -> ControlBelief:
        """One of ``controls`` by its name."""
        return next(each for each in self.controls if each.name == name)

    def _verdict(self, standing: Standing, least_lead: float) -> str:
        if self.obstacle is None and standing.ahead(least_lead):
            return SUPPORTED
        if self.obstacle is None and standing.behind(least_lead):
            return CONTRADICTED
        return NOT_SUPPORTED


def examine(
    recognizer: Recognizer,
    samples: np.ndarray,
    label: str,
    *,
    playbacks: int | None = None,
    draws: int = 20,
    seed: int = 0,
) -> Steps[Examination]:
    """Puts the explanation of one class of one clip to the test, in about a hundred runs of the model.

    samples: (N,) as for ``Recognizer.explain``; label: any class of the first head, for which the segments are chosen;
    playbacks: those of the explanation that is examined, default all; draws: of random segments to replay; seed: of
    everything that is drawn.

    Raises SettingsError for a class that the model does not know and for no draws, and AudioError for a clip that the
    model cannot hear.
    """
    recognizer.check(playbacks, label)
    if draws < 1:
        raise SettingsError(f"draws must be positive, got {draws}; {ENOUGH_DRAWS} or more can support a claim")
    replays = (recognizer.playbacks if playbacks is None else playbacks) > 0
    clip = recognizer.clips(samples)
    explained = recognizer.labels.index(label)
    ears = Ears(recognizer, Tally(_runs(draws if replays else None)), CLIPS_A_STEP, playbacks, label)

    chosen = yield from ears.hear(clip)
    whole = chosen.probabilities[:, -1]
    probability = float(whole[0, explained])
    of_label = {}  # control -> (clips, hearings)
    for name in CONTROLS if replays else ():
        copies, generator = clip.expand(draws if name == RANDOM else 1, -1), torch.Generator().manual_seed(seed)
        run = chosen if name == CHOSEN else (yield from ears.hear(copies, name, generator))
        of_label[name] = run.probabilities[..., explained]
    controls = {name: values.mean(dim=0).tolist() for name, values in of_label.items()}
    drawn = of_label[RANDOM][:, -1].tolist() if replays else []
    orders = yield from _hear_orders(ears, clip, chosen, explained, seed)
    after = yield from _hear_edits(ears, clip, chosen, seed)
    # (fill, draw) of p(x_in) and of p(x_out), by which the chosen segments are above a random draw
    kept_leads, removed_leads = (
        torch.stack([after[CHOSEN, fill][edit] - after[RANDOM, fill][edit] for fill in FILLS])[..., explained]
        for edit in (0, 1)
    )
    audible = audible_columns(clip, ears.edges, ears.sample_rate)
    return Examination(
        label=label,
        decision=recognizer.labels[int(chosen.decision)],
        multi_label=recognizer.config.multi_label,
        probability=probability,
        clip_seconds=recognizer.clip_seconds,
        replays=replays,
        marked=unpad_segments(chosen.marked)[0],
        silent_share=float((~audible).double().mean()),
        seed=seed,
        controls=tuple(
            ControlBelief(name, tuple(values), probability - values[-1]) for name, values in controls.items()
        ),
        drawn=tuple(drawn),
        replay=Standing.of([probability - each for each in drawn]) if replays else None,
        edits=tuple(
            _edit_belief(source, fill, whole, kept, removed, explained, recognizer.config)
            for (source, fill), (kept, removed) in after.items()
        ),
        reliance=Standing.of((kept_leads - removed_leads).flatten().tolist()),
        keeping_lead=float(kept_leads.mean()),
        removal_lead=-float(removed_leads.mean()),
        curve_fill=_CURVE_FILL,
        shares=tuple((torch.arange(SLICES + 1) / SLICES).tolist()),
        orders=orders,
    )


def _runs(draws: int | None) -> int:
    """Runs of the model in ``examine``; sounds of curves that turn out to be the same count each. None: no replay."""
    edits = 2 * len(FILLS) * (len(SOURCES) - 1 + EDIT_DRAWS)
    replays = 1 if draws is None else len(CONTROLS) - 1 + draws
    return replays + clips_to_measure_curves(1) + edits


def _hear_orders(ears: Ears, clip: Tensor, chosen: Run, explained: int, seed: int) -> Steps[tuple[OrderBelief, ...]]:
    """Deletion and insertion in all orders; what several steps leave of the clip (1, N) is heard once."""
    generator = torch.Generator().manual_seed(seed)
    importance = slice_importance(clip, chosen, ears.sample_rate, generator)
    kept = torch.cat([kept_slices(importance[order]) for order in ORDERS])  # (orders, 2, SLICES + 1, SLICES)
    # time is removed in a random order and restored in its reverse, which is as random: the same sounds
    random = ORDERS.index(RANDOM_ORDER)
    kept[random, 1] = kept[random, 0].flip(0)
    variants, step = kept.flatten(0, 2).unique(dim=0, return_inverse=True)
    partial = variants[:-1]  # the whole clip is the last one in order, and was heard
    edited = keep_slices(clip, partial.unsqueeze(0), _CURVE_FILL, ears.sample_rate, generator)
    yield ears.tally.count(clips_to_measure_curves(1) - len(partial))
    heard = yield from ears.believe(edited)
    believed = torch.cat([heard[:, -1], chosen.probabilities[:, -1]])[:, explained]
    curves = believed[step].view(kept.shape[:3])
    return tuple(
        OrderBelief(
            order=order,
            deletion=tuple(deletion.tolist()),
            insertion=tuple(insertion.tolist()),
            deletion_area=float(area(deletion)),
            insertion_area=float(area(insertion)),
        )
        for order, (deletion, insertion) in zip(ORDERS, curves, strict=True)
    )


def _hear_edits(
    ears: Ears, clip: Tensor, chosen: Run, seed: int
) -> Steps[dict[tuple[str, str], tuple[Tensor, Tensor]]]:
    """(source, fill) -> probabilities (draws, C) after the last hearing, with the segments only and without them."""
    generator = torch.Generator().manual_seed(seed)
    loudest = loudest_time(clip, chosen.marked_seconds, ears.clip_seconds, ears.sample_rate)
    edited = {}
    for source, fill in product(SOURCES, FILLS):
        segments = {CHOSEN: chosen.marked, LOUDEST: loudest}.get(source)
        if segments is None:
            segments = scatter_segments(chosen.marked.expand(EDIT_DRAWS, -1, -1), ears.clip_seconds, generator)
        copies = clip.expand(len(segments), -1)
        edited[source, fill] = torch.cat(
            [edit(copies, segments, fill, ears.sample_rate, generator) for edit in (keep_only, remove)]
        )
    heard = yield from ears.believe(torch.cat(list(edited.values())))
    parts = heard[:, -1].split([len(each) for each in edited.values()])
    return {key: (part[: len(part) // 2], part[len(part) // 2 :]) for key, part in zip(edited, parts, strict=True)}


def _edit_belief(
    source: str, fill: str, whole: Tensor, kept: Tensor, removed: Tensor, explained: int, config: ModelConfig
) -> EditBelief:
    """whole: (1, C); kept, removed: (draws, C)."""
    whole, column = whole.expand(len(kept), -1), torch.full((len(kept),), explained)
    scores = segment_scores(whole, kept, removed, column, config)
    scores["decision_removed"] = decision_stays(whole, removed, column, config)
    means = {name: None if each.isnan().any() else float(each.mean()) for name, each in scores.items()}
    return EditBelief(
        source, fill, float(kept[:, explained].mean()), float(removed[:, explained].mean()),
        **means,  # type: ignore[arg-type]
    )  # fmt: skip
