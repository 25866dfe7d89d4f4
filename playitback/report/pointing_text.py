"""The evidence that choices point at the reason, as text: the model's own relevance beside other ways to explain it."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from playitback.counts import counted
from playitback.evidence.brief_events import BriefEventComparison
from playitback.evidence.pointing import PointingComparison
from playitback.evidence.removal import RemovalComparison
from playitback.evidence.truth import ActivityTruth
from playitback.report.claims import WIDTH, few, span, summary

_WAY = 22  # characters of a way's name


def pointing(found: PointingComparison) -> str:
    """Which half of a splice every way marks, asked for the class that the model names and for the other one."""
    lines = [
        f"Spliced clips of which the model names one of the two classes: {found.counted} of {found.splices}; "
        "marked time in the half of the class asked about"
    ]
    if not found.counted:
        return lines[0] + "\nThere is none to count."
    lines.append(
        f"{'':<{_WAY}}{'passes':>7}{'marked, %':>11}{'asked for the named, %':>26}{'asked for the other, %':>26}"
    )
    for each in found.pointers:
        lines.append(
            f"{each.way:<{_WAY}}{each.passes:>7}{100 * each.marked_share:>11.1f}{span(each.named, 100, 1):>26}"
            f"{span(each.other, 100, 1):>26}"
        )
    lines.append(
        "passes: through the encoder, for one question (a gradient counts as three). What hears no question is right\n"
        "about one of the two classes only."
    )
    if not found.aims:
        lines.append("This model's own choice is not aimed at the class that is asked about.")
    lines.append(
        summary(
            "Asked for the named class, relevance marks more of its half than",
            "less than",
            {each.way: each.named_lead for each in found.pointers},
        )
    )
    lines.append(
        summary(
            "Asked for the other class, it marks more of the other half than",
            "less than",
            {each.way: each.other_lead for each in found.pointers},
            few(found.counted),
        )
    )
    return "\n".join(lines)


def brief_events(found: Sequence[BriefEventComparison]) -> str:
    """How much of a brief event every way finds, in every condition."""
    lines = [
        "Brief events beside a louder burst of another class, or in a background; the event's class is asked about",
        f"{'sound':<24}{'':<{_WAY}}{'event found, %':>24}{'marked inside, %':>24}{'peak inside, %':>24}",
    ]
    for each in found:
        told = (
            f"({counted(each.clips, 'clip')}, {100 * each.named:.0f} % named; "
            f"event: {100 * each.event_share:.0f} % of the clip)"
        )
        lines.append(f"{each.condition:<24}{told}")
        for way in each.finders:
            lines.append(
                f"{'':<24}{way.way:<{_WAY}}{span(way.found, 100, 1):>24}{span(way.inside, 100, 1):>24}"
                f"{span(way.peak, 100, 1):>24}"
            )
    lines.append("All but the model's own choice mark as much time as the event lasts.")
    for number, rival in enumerate((way.way for way in found[0].finders[1:]), start=1):
        leads = {each.condition: each.finders[number].found_lead for each in found}
        known = {name: lead for name, lead in leads.items() if lead is not None}
        lines.append(summary(f"Relevance finds more of the event than {rival} in", "less in", known))
    hint = few(min(each.clips for each in found)).strip()
    return "\n".join([*lines, *([hint] if hint else [])])


def removal(found: RemovalComparison) -> str:
    """What is left of the class with the marked time alone, and without it, for every share and way."""
    shares = "".join(f"{f'{100 * share:g} %':>8}" for share in found.shares)
    lines = [
        f"The marked time kept alone, or removed (fill: {found.fill}), as more and more is marked; the named class has "
        f"probability {found.probability.mean:.3f}",
        f"{'kept: probability':<{_WAY}}{shares}{'area':>24}",
    ]
    for each in found.curves:
        points = "".join(f"{point.mean:8.3f}" for point in each.kept)
        lines.append(f"{each.way:<{_WAY}}{points}{span(each.kept_area, 1, 3):>24}")
    lines.append(f"{'removed: it falls by':<{_WAY}}{shares}{'area':>24}")
    for each in found.curves:
        points = "".join(f"{point.mean:8.3f}" for point in each.fall)
        lines.append(f"{each.way:<{_WAY}}{points}{span(each.fall_area, 1, 3):>24}")
    at = f"at {100 * found.scored_share:g} %"
    lines.append(f"{at:<{_WAY}}{'passes':>8}{'AI, %':>8}{'AD, %':>8}{'AG, %':>8}{'Fid-In':>24}{'FF':>24}")
    for each in found.curves:
        scores = each.scores
        fidelity, faithfulness = span(scores.input_fidelity, 1, 3), span(scores.faithfulness, 1, 3)
        lines.append(
            f"{each.way:<{_WAY}}{each.passes:>8}{scores.average_increase.mean:8.1f}{scores.average_drop.mean:8.1f}"
            f"{scores.average_gain.mean:8.1f}{fidelity:>24}{faithfulness:>24}"
        )
    lines.append("Higher is better, except in AD. A fall alone says nothing: what breaks the model has one; read both.")
    lines.append(
        summary(
            "Kept alone, what relevance marks leaves more of the class than",
            "less than",
            {each.way: each.kept_lead for each in found.curves},
        )
    )
    lines.append(
        summary(
            "Removed, it takes more of it away than",
            "less than",
            {each.way: each.fall_lead for each in found.curves},
            few(found.clips),
        )
    )
    return "\n".join(lines)


def activity(found: ActivityTruth) -> str:
    """How far activity is from the model's answers, and what it says where nothing sounds."""
    lines = [
        f"Activity beside the model's own answers to stretches of {found.window_seconds:g} s kept alone "
        f"({found.windows} a clip)",
        f"{'':<{_WAY}}{'divergence, nats':>24}{'same class, %':>24}{'correlation':>24}",
        f"{'activity':<{_WAY}}{span(found.divergence, 1, 3):>24}{span(found.agreement, 100, 1):>24}"
        f"{span(found.correlation, 1, 3):>24}",
        f"{'the clip as a whole':<{_WAY}}{span(found.whole_divergence, 1, 3):>24}"
        f"{span(found.whole_agreement, 100, 1):>24}",
        f"{'where nothing sounds':<{_WAY}}{'largest probability':>24}{'entropy, nats':>24}{'of the decision':>24}",
    ]
    for each in found.emptiness:
        lines.append(
            f"{each.sound:<{_WAY}}{span(each.largest, 1, 3):>24}{span(each.entropy, 1, 3):>24}"
            f"{span(each.decided, 1, 3):>24}"
        )
    if found.multi_label:
        sentence = "Each class has a probability of its own, so the model can say none: the largest should be small."
    else:
        sentence = (
            'The probabilities sum to 1, so this model cannot say "none" of a moment; the most it can do is to doubt.'
        )
    lines.append(textwrap.fill(sentence + few(found.clips), WIDTH))
    return "\n".join(lines)
