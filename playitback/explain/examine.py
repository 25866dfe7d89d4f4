"""Is it true of this clip? What was replayed beside what it must beat, for one clip and one class.

    samples (N,) -> hear: the slots' choice -> replay other segments, edit the sound -> hear each -> ClipEvidence

p is the probability of the class explained after the last hearing, x the clip, x_in the clip of which only the replayed
segments are left, x_out the clip without them. Two claims are put to the test, each against random segments of the same
number and lengths:

- replay: hearing the chosen segments again leaves a higher p than hearing random ones again;
- reliance: p(x_in) - p(x_out) is greater for the chosen segments than for random ones; both halves must have a part in
  it, because what breaks the model takes every class away, and what is loud keeps it.

A claim is supported if the chosen segments beat every random draw. Were they no better than one more draw, that would
happen once in draws + 1 times (Barnard 1963, the Monte Carlo test); in ``reliance`` every draw has the fill of the
sound it is compared with, and once in draws + 1 times is the most. Deletion and insertion curves and the other controls
stand beside it. All the rest is as in ``faithfulness`` and ``curves``, which measure many clips.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import torch
from torch import Tensor

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
from playitback.evidence.faithfulness import ROUNDING, SOURCES, percentile_rank, segment_scores
from playitback.evidence.runs import CLIPS_A_STEP, TIME_BINS, Heard, Report, Run, hear
from playitback.explain import clip_evidence_text
from playitback.progress import finish
from playitback.recognizer import Recognizer
from playitback.report.examine_text import (
    ALL_REPLAYED,
    ALL_SILENT,
    CONTRADICTED,
    NOT_BELIEVED,
    NOT_SUPPORTED,
    NOTHING_REPLAYED,
    SUPPORTED,
)
from playitback.segments import Segment, audible_columns, equal_edges, loudest_time, scatter_segments, unpad_segments

SCHEMA = "playitback.clip_evidence/1"

#: random segments edited with each fill; with four fills that is 12, whom chance beats all at once in 13 clips
EDIT_DRAWS = 3
#: with fewer draws chance alone would beat them all in more than one clip of ten
ENOUGH_DRAWS = 9
#: of p, by which the chosen segments must lead on average: what is less shows as no change of a whole percent
LEAST_LEAD = 0.01
#: of p(x_in) - p(x_out), -1 to 1: with less, as for a class that survives any hole, a lead is one of trifles
LEAST_RELIANCE_LEAD = 0.1
#: of p: with less there is hardly a belief whose reason could be sought, and removal has nothing to take away
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
    """What the model believes of the class if a control's segments are replayed; random: means over the draws."""

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
    """What the model believes once the sound is edited; random: means over ``EDIT_DRAWS`` draws.

    Scores are those of ``faithfulness`` for the class explained.
    """

    source: str  # one of faithfulness.SOURCES: whose segments
    fill: str  # one of edits.FILLS
    kept: float  # p(x_in), 0 to 1
    removed: float  # p(x_out), 0 to 1
    decision_removed: float  # share of draws, 0 to 1, in which the decision stays without the segments
    average_increase: float  # AI, percent
    average_drop: float  # AD, percent
    average_gain: float  # AG, percent
    input_fidelity: float  # Fid-In: share of draws, 0 to 1, in which the decision stays with nothing but the segments
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
class ClipEvidence:
    """What one clip says for and against the explanation of one class."""

    label: str  # the class explained
    decision: str  # the most probable class after the last hearing
    probability: float  # of ``label`` after the last hearing, 0 to 1
    clip_seconds: float
    replayed: tuple[Segment, ...]  # in one hearing or another, sorted and disjoint
    silent_share: float  # of the clip that is digital silence, 0 to 1
    seed: int
    controls: tuple[ControlBelief, ...]  # the chosen segments first; one for each of controls.CONTROLS
    drawn: tuple[float, ...]  # (draws,) p for every random draw
    replay: Standing  # of p among ``drawn``
    edits: tuple[EditBelief, ...]  # sources x fills
    reliance: Standing  # of p(x_in) - p(x_out) among EDIT_DRAWS draws with each fill
    keeping_lead: float  # of the chosen segments over random ones in p(x_in), mean over fills
    removal_lead: float  # and in FF
    curve_fill: str  # one of edits.FILLS
    shares: tuple[float, ...]  # (SLICES + 1,) of time removed or restored, 0 to 1
    orders: tuple[OrderBelief, ...]  # attention first

    @property
    def percentile(self) -> float:
        """Of the chosen segments' p among the random draws, 0 to 100.

        100 * (draws below it + half of the draws that equal it up to 1e-5) / draws: the mid-rank percentile. 50 is what
        a choice at random has on average, and 100 says that all draws lie below.
        """
        return self.replay.percentile

    @property
    def replayed_seconds(self) -> float:
        return sum(segment.seconds for segment in self.replayed)

    @property
    def replayed_share(self) -> float:
        """Of the clip, 0 to 1."""
        return self.replayed_seconds / self.clip_seconds

    @property
    def obstacle(self) -> str | None:
        """Why nothing can be compared, one of ``clip_evidence_text.OBSTACLES``; None: it can."""
        obstacles = {
            ALL_SILENT: self.silent_share == 1,
            NOTHING_REPLAYED: not self.replayed,
            ALL_REPLAYED: self.replayed_share >= NEARLY_ALL,
            NOT_BELIEVED: self.probability < LEAST_PROBABILITY,
        }
        return next((name for name, there in obstacles.items() if there), None)

    @property
    def replay_verdict(self) -> str:
        """On the claim that hearing the chosen segments again speaks for the class: one of the text's ``VERDICTS``."""
        return self._verdict(self.replay, LEAST_LEAD)

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
        """Orders whose areas of deletion and of insertion are both worse than those of attention."""
        attention, *others = self.orders
        return tuple(
            each.order
            for each in others
            if each.deletion_area - attention.deletion_area >= LEAST_LEAD
            and attention.insertion_area - each.insertion_area >= LEAST_LEAD
        )

    @property
    def sentence(self) -> str:
        """One plain sentence that says what these figures support, or that they support nothing."""
        return clip_evidence_text.sentence(self)

    @property
    def reservations(self) -> tuple[str, ...]:
        """What to keep in mind when reading ``sentence``: further plain sentences, or none."""
        return clip_evidence_text.reservations(self)

    def control(self, name: str) -> ControlBelief:
        """One of ``controls`` by its name."""
        return next(each for each in self.controls if each.name == name)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, strings, lists and dicts for JSON."""
        return {
            "schema": SCHEMA,
            "sentence": self.sentence,
            "reservations": list(self.reservations),
            "percentile": self.percentile,
            "draws": self.replay.draws,
            "replayed_seconds": self.replayed_seconds,
            "obstacle": self.obstacle,
            "replay_verdict": self.replay_verdict,
            "reliance_verdict": self.reliance_verdict,
            "orders_beaten": list(self.orders_beaten),
            **json.loads(json.dumps(dataclasses.asdict(self))),  # its tuples become lists
        }

    def text(self) -> str:
        """Tables for a terminal, then the sentence and what to keep in mind."""
        return clip_evidence_text.text(self)

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
    report: Report,
) -> ClipEvidence:
    """``examination`` in one go; report: called between batches with (hearings done, in all), cancels by raising."""
    return finish(examination(recognizer, samples, label, playbacks=playbacks, draws=draws, seed=seed), report)


def examination(
    recognizer: Recognizer,
    samples: np.ndarray,
    label: str,
    *,
    playbacks: int | None = None,
    draws: int = 20,
    seed: int = 0,
) -> Generator[Heard, None, ClipEvidence]:
    """Puts the explanation of one class of one clip to the test, in about a hundred hearings.

    Yields after every batch how many of them are done; whoever stops listening cancels. Returns the evidence.

    samples: (N,) as for ``Recognizer.explain``; label: any class of the first head; playbacks: those of the explanation
    that is examined, default all; draws: of random segments to replay; seed: of everything that is drawn.

    Raises SettingsError for a class that the model does not know, for no draws and for no playbacks, and AudioError for
    a clip that the model cannot hear.
    """
    if label not in recognizer.labels:
        raise SettingsError(
            f"{recognizer.name} knows no class {label!r}; choose one of its {len(recognizer.labels)} classes"
        )
    if draws < 1:
        raise SettingsError(f"draws must be positive, got {draws}; {ENOUGH_DRAWS} or more can support a claim")
    clip = torch.from_numpy(recognizer.padded(samples)).unsqueeze(0)
    explained = recognizer.labels.index(label)
    listener = _Listener(recognizer, playbacks, _hearings(draws))

    chosen = yield from listener.hear(clip)
    whole = chosen.probabilities[:, -1]
    probability = float(whole[0, explained])
    of_label = {}  # control -> (clips, hearings)
    for name in CONTROLS:
        copies, generator = clip.expand(draws if name == RANDOM else 1, -1), torch.Generator().manual_seed(seed)
        run = chosen if name == CHOSEN else (yield from listener.hear(copies, name, generator))
        of_label[name] = run.probabilities[..., explained]
    controls = {name: values.mean(dim=0).tolist() for name, values in of_label.items()}
    drawn = of_label[RANDOM][:, -1].tolist()
    orders = yield from _hear_orders(listener, clip, chosen, explained, seed)
    after = yield from _hear_edits(listener, clip, chosen, seed)
    # (fill, draw) of p(x_in) and of p(x_out), by which the chosen segments are above a random draw
    kept_leads, removed_leads = (
        torch.stack([after[CHOSEN, fill][edit] - after[RANDOM, fill][edit] for fill in FILLS])[..., explained]
        for edit in (0, 1)
    )
    audible = audible_columns(clip, equal_edges(recognizer.clip_seconds, TIME_BINS), listener.sample_rate)
    return ClipEvidence(
        label=label,
        decision=recognizer.labels[int(chosen.decision)],
        probability=probability,
        clip_seconds=recognizer.clip_seconds,
        replayed=unpad_segments(chosen.replayed)[0],
        silent_share=float((~audible).double().mean()),
        seed=seed,
        controls=tuple(
            ControlBelief(name, tuple(values), probability - values[-1]) for name, values in controls.items()
        ),
        drawn=tuple(drawn),
        replay=Standing.of([probability - each for each in drawn]),
        edits=tuple(
            _edit_belief(source, fill, whole, kept, removed, explained)
            for (source, fill), (kept, removed) in after.items()
        ),
        reliance=Standing.of((kept_leads - removed_leads).flatten().tolist()),
        keeping_lead=float(kept_leads.mean()),
        removal_lead=-float(removed_leads.mean()),
        curve_fill=_CURVE_FILL,
        shares=tuple((torch.arange(SLICES + 1) / SLICES).tolist()),
        orders=orders,
    )


def _hearings(draws: int) -> int:
    """Hearings of ``examine``, with those of curves that turn out to be the same."""
    edits = 2 * len(FILLS) * (len(SOURCES) - 1 + EDIT_DRAWS)
    return len(CONTROLS) - 1 + draws + clips_to_measure_curves(1) + edits


class _Listener:
    """Hears clips as the recognizer explains them, batch by batch, and counts them."""

    def __init__(self, recognizer: Recognizer, playbacks: int | None, total: int) -> None:
        self._recognizer, self._playbacks, self._done, self._total = recognizer, playbacks, 0, total
        self.sample_rate = recognizer.config.front_end.sample_rate
        self.clip_seconds = recognizer.clip_seconds

    def count(self, clips: int) -> None:
        """Clips that were heard, or that need not be."""
        self._done += clips

    def hear(
        self, clips: Tensor, control: str = CHOSEN, generator: torch.Generator | None = None
    ) -> Generator[Heard, None, Run]:
        """Yields after every batch of clips (N, clip_samples)."""
        runs = []
        for batch in clips.tensor_split(math.ceil(len(clips) / CLIPS_A_STEP)):
            # the precision belongs to the thread, which may be another one after the yield
            with self._recognizer.precision():
                model = self._recognizer.model
                runs.append(hear(model, batch, self.count, control, generator, self._playbacks))
            yield Heard(self._done, self._total)
        return Run.join(runs)


def _hear_orders(
    listener: _Listener, clip: Tensor, chosen: Run, explained: int, seed: int
) -> Generator[Heard, None, tuple[OrderBelief, ...]]:
    """Deletion and insertion in all orders; what several steps leave of the clip (1, N) is heard once."""
    generator = torch.Generator().manual_seed(seed)
    importance = slice_importance(clip, chosen, listener.sample_rate, generator)
    kept = torch.cat([kept_slices(importance[order]) for order in ORDERS])  # (orders, 2, SLICES + 1, SLICES)
    # time is removed in a random order and restored in its reverse, which is as random: the same sounds
    random = ORDERS.index(RANDOM_ORDER)
    kept[random, 1] = kept[random, 0].flip(0)
    variants, step = kept.flatten(0, 2).unique(dim=0, return_inverse=True)
    partial = variants[:-1]  # the whole clip is the last one in order, and was heard
    edited = keep_slices(clip, partial.unsqueeze(0), _CURVE_FILL, listener.sample_rate, generator)
    listener.count(clips_to_measure_curves(1) - len(partial))
    heard = yield from listener.hear(edited)
    believed = torch.cat([heard.probabilities[:, -1], chosen.probabilities[:, -1]])[:, explained]
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
    listener: _Listener, clip: Tensor, chosen: Run, seed: int
) -> Generator[Heard, None, dict[tuple[str, str], tuple[Tensor, Tensor]]]:
    """(source, fill) -> probabilities (draws, C) after the last hearing, with the segments only and without them."""
    generator = torch.Generator().manual_seed(seed)
    loudest = loudest_time(clip, chosen.replayed_seconds, listener.clip_seconds, listener.sample_rate)
    edited = {}
    for source, fill in product(SOURCES, FILLS):
        segments = {CHOSEN: chosen.replayed, LOUDEST: loudest}.get(source)
        if segments is None:
            segments = scatter_segments(chosen.replayed.expand(EDIT_DRAWS, -1, -1), listener.clip_seconds, generator)
        copies = clip.expand(len(segments), -1)
        edited[source, fill] = torch.cat(
            [edit(copies, segments, fill, listener.sample_rate, generator) for edit in (keep_only, remove)]
        )
    heard = yield from listener.hear(torch.cat(list(edited.values())))
    parts = heard.probabilities[:, -1].split([len(each) for each in edited.values()])
    return {key: (part[: len(part) // 2], part[len(part) // 2 :]) for key, part in zip(edited, parts, strict=True)}


def _edit_belief(source: str, fill: str, whole: Tensor, kept: Tensor, removed: Tensor, explained: int) -> EditBelief:
    """whole: (1, C); kept, removed: (draws, C)."""
    whole = whole.expand(len(kept), -1)
    scores = segment_scores(whole, kept, removed, torch.full((len(kept),), explained))
    stays = removed.argmax(dim=1) == whole.argmax(dim=1)
    return EditBelief(
        source=source,
        fill=fill,
        kept=float(kept[:, explained].mean()),
        removed=float(removed[:, explained].mean()),
        decision_removed=float(stays.double().mean()),
        **{name: float(each.mean()) for name, each in scores.items()},
    )
