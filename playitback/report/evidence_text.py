"""The evidence as text: aligned tables with units, each followed by plain sentences that say what it supports.

A difference is said to be there only if its whole 95 % interval lies on one side of 0.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence

from playitback.counts import counted
from playitback.edits import FILLS
from playitback.evidence.controls import RANDOM
from playitback.evidence.curves import ATTENTION, CurveComparison, Narrowness
from playitback.evidence.faithfulness import ControlComparison, SegmentComparison
from playitback.evidence.gather import Evidence
from playitback.evidence.intervals import Interval
from playitback.evidence.localisation import SPLICES, Located
from playitback.evidence.sanity import SanityCheck
from playitback.evidence.scenes import Scene
from playitback.report import pointing_text, words
from playitback.report.claims import WIDTH, few, listed, plain_number, several_labels, span, summary


def text(found: Evidence) -> str:
    """Tables for a terminal, each with a sentence that says what its figures support."""
    marked, lane = words.marked(found.replays), words.lane(found.replays)
    replayed = f"{marked} in one hearing or another" if found.replays else marked
    clips, classes = counted(found.clips, "clip"), counted(found.classes, "class", "classes")
    blocks = [
        f"{clips} of {found.clip_seconds:g} s, {classes}, {counted(found.hearings, 'hearing')}; "
        f"{found.marked_seconds:.2f} s of a clip are {replayed}.\n"
        f"Accuracy after the last hearing: {span(found.accuracy, 100, 1)} %.\n"
        f"In brackets: 95 % interval of the mean over clips ({found.resamples} bootstrap samples)."
    ]
    if found.multi_label:
        blocks[0] += "\n" + textwrap.fill(several_labels(found.labelled), WIDTH)
    if found.models > 1:
        blocks[0] += (
            f"\nEvery clip counts with its mean over {found.models} models; "
            "the intervals do not include how models differ."
        )
    if found.controls is not None:
        blocks.append(controls(found.controls))
    if found.scenes:
        blocks.append(scenes(found.scenes))
    if found.segments is not None:
        blocks.append(segments(found.segments, marked))
    if found.curves is not None:
        blocks.append(curves(found.curves, lane))
    if found.narrowness is not None:
        blocks.append(narrowness(found.narrowness, lane))
    if found.localisation:
        blocks.append(localisation(found.localisation, marked))
    if found.pointing is not None:
        blocks.append(pointing_text.pointing(found.pointing))
    if found.brief_events:
        blocks.append(pointing_text.brief_events(found.brief_events))
    if found.removal is not None:
        blocks.append(pointing_text.removal(found.removal))
    if found.activity is not None:
        blocks.append(pointing_text.activity(found.activity))
    if found.sanity is not None:
        blocks.append(sanity(found.sanity))
    return "\n\n".join(blocks)


def controls(found: ControlComparison) -> str:
    """Accuracy and true-class probability after every hearing, and the lead of the chosen segments after the last."""
    hearings = range(len(found.results[0].accuracy))
    numbers = "".join(f"{f'hearing {index}':>11}" for index in hearings)
    lines = [
        "What is replayed: the model's choice and its controls, at equal compute",
        f"{'accuracy, %':<24}{numbers}   chosen leads by, points",
    ]
    for each in found.results:
        lead = span(each.accuracy_lead[-1], 100, 2) if each.accuracy_lead else ""
        lines.append(f"{each.name:<24}" + "".join(f"{100 * value:11.2f}" for value in each.accuracy) + f"   {lead}")
    lines.append(f"{'true-class probability':<24}{numbers}   chosen leads by")
    for each in found.results:
        lead = span(each.probability_lead[-1], 1, 4) if each.probability_lead else ""
        lines.append(
            f"{each.name:<24}" + "".join(f"{value:11.4f}" for value in each.true_class_probability) + f"   {lead}"
        )
    others = found.results[1:]
    lines.append(
        summary(
            "Replaying the chosen segments gives a higher true-class probability than",
            "a lower one than",
            {each.name: each.probability_lead[-1] for each in others},
        )
    )
    lines.append(
        summary(
            "Replaying the chosen segments gives more right answers than",
            "fewer than",
            {each.name: each.accuracy_lead[-1] for each in others},
        )
    )
    percentile = (
        f"The chosen segments' true-class probability exceeds that of {found.percentile:.0f} % of the "
        f"{len(found.drawn_probability)} random draws."
    )
    lines.append(textwrap.fill(percentile + few(found.clips), WIDTH))
    return "\n".join(lines)


def scenes(found: Sequence[Scene]) -> str:
    """Accuracy in every background under every control, and the lead of the chosen segments after the last hearing."""
    lines = [
        "Events planted in a background: the model's choice and its controls, at equal compute, after the last hearing",
        f"{'background':<24}{'replayed':<26}{'accuracy, %':>11}   {'chosen leads by, points':<28}"
        f"{'true-class prob.':>16}   chosen leads by",
    ]
    for scene in found:
        chosen = scene.comparison.results[0]
        first = f"{scene.condition:<24}{'(first hearing)':<26}{100 * chosen.accuracy[0]:>11.2f}   {'':<28}"
        lines.append(f"{first}{chosen.true_class_probability[0]:>16.4f}")
        for each in scene.comparison.results:
            right, sure = "", ""
            if each.accuracy_lead:
                right, sure = span(each.accuracy_lead[-1], 100, 2), span(each.probability_lead[-1], 1, 4)
            lines.append(
                f"{'':<24}{each.name:<26}{100 * each.accuracy[-1]:>11.2f}   {right:<28}"
                f"{each.true_class_probability[-1]:>16.4f}   {sure}".rstrip()
            )
    for number, name in enumerate((each.name for each in found[0].comparison.results[1:]), start=1):
        leads = {scene.condition: scene.comparison.results[number].accuracy_lead[-1] for scene in found}
        lines.append(
            summary(f"Replaying the chosen segments gives more right answers than {name} in", "fewer in", leads)
        )
    hint = few(min(scene.comparison.clips for scene in found))
    return "\n".join([*lines, *([hint.strip()] if hint else [])])


def segments(found: SegmentComparison, marked: str) -> str:
    """AI, AD, AG, Fid-In and FF of all sources and fills. marked: as ``words.marked`` says it."""
    lines = [
        f"Only the {marked} segments kept ({100 * found.kept_share:.0f} % of the time), or removed: what the model "
        "then believes of the class it named",
        f"{'fill':<15}{'segments':<10}{'AI, %':>8}{'AD, %':>8}{'AG, %':>8}{'Fid-In':>9}{'FF':>9}"
        "   chosen leads by: Fid-In, FF",
    ]
    for each in sorted(found.scores, key=lambda scored: FILLS.index(scored.fill)):
        scores = each.scores
        lead = ""
        if each.lead is not None:
            lead = f"{span(each.lead.input_fidelity, 1, 3)}, {span(each.lead.faithfulness, 1, 3)}"
        lines.append(
            f"{each.fill:<15}{each.source:<10}{scores.average_increase.mean:8.1f}{scores.average_drop.mean:8.1f}"
            f"{scores.average_gain.mean:8.1f}{plain_number(scores.input_fidelity.mean, 3):>9}"
            f"{scores.faithfulness.mean:9.3f}   {lead}"
        )
    lines.append("Higher is better, except in AD. FF alone says nothing: what breaks the model scores high; read both.")
    random = [each for each in found.scores if each.source == RANDOM and each.lead is not None]
    lines.append(
        summary(
            "Chosen segments keep the decision better than random ones of the same lengths with the fills",
            "worse with",
            {each.fill: each.lead.input_fidelity for each in random if each.lead is not None},
        )
    )
    lines.append(
        summary(
            "Without them the named class loses more than without random ones with the fills",
            "less with",
            {each.fill: each.lead.faithfulness for each in random if each.lead is not None},
            few(found.clips),
        )
    )
    return "\n".join(lines)


def curves(found: CurveComparison, lane: str) -> str:
    """Areas of deletion and insertion. lane: as ``words.lane`` names it."""
    lines = [
        f"Deletion and insertion in {len(found.shares) - 1} slices of equal time, fill: {found.fill}",
        f"{'order':<12}{'deletion area':>26}{'insertion area':>26}",
    ]
    for each in found.orders:
        name = lane if each.order == ATTENTION else each.order
        lines.append(f"{name:<12}{span(each.deletion_area, 1, 3):>26}{span(each.insertion_area, 1, 3):>26}")
    others = [each for each in found.orders if each.order != ATTENTION]
    lines.append(
        summary(
            f"Restoring time in {lane}'s order brings the named class back sooner than in the order of",
            "later than in that of",
            {each.order: each.insertion_lead for each in others if each.insertion_lead is not None},
        )
    )
    lines.append(
        summary(
            f"Removing it in {lane}'s order takes the class away sooner than in the order of",
            "later than in that of",
            {each.order: _negative(each.deletion_lead) for each in others if each.deletion_lead is not None},
            few(found.clips),
        )
    )
    return "\n".join(lines)


def narrowness(found: Narrowness, lane: str) -> str:
    """Gini index and entropy. lane: as for ``curves``."""
    return "\n".join(
        [
            f"How narrow {lane} is, in {found.bins} equal stretches of time (even: Gini 0, entropy "
            f"{math.log(found.bins):.2f} nats)",
            f"{'':<12}{'Gini index':>26}{'entropy, nats':>26}",
            f"{lane:<12}{span(found.attention_gini, 1, 3):>26}{span(found.attention_entropy, 1, 3):>26}",
            f"{'power':<12}{span(found.energy_gini, 1, 3):>26}{span(found.energy_entropy, 1, 3):>26}",
            f"This describes {lane} and supports no claim: narrow is not the same as right.",
        ]
    )


def localisation(found: Sequence[Located], marked: str) -> str:
    """Share of marked time inside the event, IoU and pointing game, each beside chance and the energy detector.

    marked: as ``words.marked`` says it.
    """
    width = max(16, *(len(each.condition) + 1 for each in found))
    lines = [
        "Where the event is known; each as: chosen / random segments / energy detector, in %",
        f"{'sound':<{width}}{'clips':>6}{'named':>7}{'event':>7}{marked:>10}{'time inside event':>22}"
        f"{'IoU':>22}{'peak inside':>22}{'most inside':>22}",
    ]
    for each in found:
        three = (each.chosen, each.random, each.loudest)
        columns = (
            [way.share for way in three],
            [way.overlap for way in three],
            [way.pointing for way in three],
            [way.majority for way in three],
        )
        cells = "".join(f"{' / '.join(f'{100 * one.mean:.1f}' for one in column):>22}" for column in columns)
        lines.append(
            f"{each.condition:<{width}}{each.clips:>6}{100 * each.named:>7.1f}{100 * each.event_share:>7.1f}"
            f"{100 * each.replayed_share:>10.1f}{cells}"
        )
    if all(each.condition != SPLICES for each in found):
        lines.append("Of no splice of two clips does the model name one of the halves; there is none to count.")
    lines.append(
        f"named: clips of which the model names the event, or one of the halves; event, {marked}: shares of the clip"
    )
    lines.append(
        summary(
            f"More of the {marked} time lies inside the event than random segments would have there:",
            "less:",
            {each.condition: each.lead_over_random.share for each in found},
        )
    )
    lines.append(
        summary(
            "More than the loudest time has there:",
            "less:",
            {each.condition: each.lead_over_loudest.share for each in found},
            few(min(each.clips for each in found)),
        )
    )
    return "\n".join(lines)


def sanity(found: SanityCheck) -> str:
    """The model as it is beside the model with shuffled weights."""
    width = max(18, *(len(f"{each.part} shuffled ") for each in found.parts))
    lines = [
        f"Weights shuffled ({found.shuffles} times each): segments must lose their meaning",
        f"{'weights':<{width}}{'accuracy, %':>12}{'time inside event, %':>26}{'IoU with own, %':>24}"
        f"{'by chance, %':>24}",
        f"{'as trained':<{width}}{100 * found.accuracy:>12.2f}{span(found.inside, 100, 1):>26}",
    ]
    for each in found.parts:
        lines.append(
            f"{f'{each.part} shuffled':<{width}}{100 * each.accuracy:>12.2f}{span(each.inside, 100, 1):>26}"
            f"{span(each.overlap, 100, 1):>24}{span(each.chance_overlap, 100, 1):>24}"
        )
    lines.append(f"{'chance':<{width}}{100 * found.chance_accuracy:>12.2f}{100 * found.chance_inside:>10.1f}")
    lines.append(
        summary(
            "Segments find planted events less often once these are shuffled:",
            "more often:",
            {each.part: each.inside_lost for each in found.parts},
        )
    )
    resembling = [each.part for each in found.parts if each.overlap.low > each.chance_overlap.high]
    likeness = "Nothing shows that shuffled weights choose segments that resemble the model's own beyond chance."
    if resembling:
        likeness = (
            f"With shuffled {listed(resembling)} they still resemble the model's own more than chance would make "
            "them: part of the choice does not come from learning."
        )
    lines.append(textwrap.fill(likeness + few(found.clips), WIDTH))
    return "\n".join(lines)


def _negative(interval: Interval) -> Interval:
    return Interval(-interval.mean, -interval.high, -interval.low)
