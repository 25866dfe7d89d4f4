"""An examination in words: one sentence, what to keep in mind, tables for a terminal, and every definition; its JSON.

The sentence says "support" only of what the verdicts of ``Examination`` allow, and says plainly when the figures
support nothing.
"""

from __future__ import annotations

import dataclasses
import json
import textwrap
from typing import Any

from playitback.edits import FILLS
from playitback.evidence.controls import CHOSEN, LOUDEST, NO_REPLAY, NOT_FINER, RANDOM
from playitback.evidence.curves import ATTENTION
from playitback.explain.examine import (
    ALL_MARKED,
    ALL_SILENT,
    NOT_BELIEVED,
    NOT_SUPPORTED,
    NOTHING_MARKED,
    SUPPORTED,
    VERDICTS,
    Examination,
    Standing,
)
from playitback.report import words
from playitback.report.words import class_name, percent

SCHEMA = "playitback.examination/2"

#: of p: below it the model holds that the class is absent rather than present
UNSURE_BELOW = 0.5
#: of the clip: with more digital silence, which is never chosen, random segments lose for that reason too
MUCH_SILENCE = 0.05

_WIDTH = 120  # of sentences

#: figure -> definition, formula and source, in one to three sentences
DEFINITIONS: dict[str, str] = {
    "percentile": (
        "Where p, the probability of the class explained after the last hearing, stands among the p of the random "
        "draws: 100 × (draws below it + half of those that equal it) / draws, the mid-rank percentile; 50 is what a "
        "random choice has on average. Were the choice no better than one more of n draws, it would lie above all of "
        "them once in n + 1 times (Monte Carlo test; Barnard 1963)."
    ),
    "random draws": (
        "Segments of the same number and lengths as the chosen ones, anywhere in the clip, every placement equally "
        "likely, replayed at the same finer hop and so at the same cost. What the choice itself is worth is its lead "
        "over them: everything else is the same."
    ),
    "deletion area": (
        "The clip's time is removed slice by slice, the most important slice first; the area under p against the share "
        "of time removed, both 0 to 1, by trapezoids. Lower is better, read beside the insertion area and other orders "
        "(RISE; Petsiuk et al. 2018)."
    ),
    "insertion area": (
        "The clip's time is restored slice by slice from nothing, the most important slice first; the area under p "
        "against the share of time restored, both 0 to 1, by trapezoids. Higher is better (RISE; Petsiuk et al. 2018)."
    ),
    "keep-only": (
        "p(x_in): the probability of the class if nothing but the chosen segments is left of the clip and the rest "
        "is filled. Higher means that the segments suffice (sufficiency; DeYoung et al. 2020, ERASER)."
    ),
    "removal": (
        "p(x_out): the probability of the class if the chosen segments are removed from the clip and filled. Lower "
        "means that the segments are needed (comprehensiveness; DeYoung et al. 2020, ERASER); never to be read alone, "
        "as holes anywhere break a model."
    ),
    "Fid-In": (
        "Input fidelity: 1 if the model decides for the same class once nothing but the segments is left, "
        "argmax p(x_in) = argmax p(x), else 0; of several draws the mean. Where several classes may sound at once, 1 "
        "if the class stays more probable than not, and left out where it is not. Higher is better (L-MAC; Paissan et "
        "al. 2024)."
    ),
    "FF": (
        "Faithfulness: p(x) − p(x_out), what removing the segments takes from the probability of the class, −1 to 1. "
        "Higher is better, but only beside Fid-In: whatever breaks the model scores high (L-MAC; Paissan et al. 2024)."
    ),
    "AI": (
        "Average increase: 100 if the class is more probable with nothing but the segments, p(x_in) > p(x), else 0; "
        "over several clips or draws the mean, in percent. Higher is better (Grad-CAM++; Chattopadhay et al. 2018)."
    ),
    "AD": (
        "Average drop: 100 × max(0, p(x) − p(x_in)) / p(x), the share of the probability in percent that is lost with "
        "nothing but the segments. Lower is better (Grad-CAM++; Chattopadhay et al. 2018)."
    ),
    "AG": (
        "Average gain: 100 × max(0, p(x_in) − p(x)) / (1 − p(x)), the share of the missing probability in percent that "
        "is won with nothing but the segments. Higher is better (Opti-CAM; Zhang et al. 2024)."
    ),
    "fills": (
        "What stands where sound was removed: silence (zeros), mean spectrum (steady noise with the clip's mean "
        "short-time spectrum), noise (white, with the clip's root mean square), or neighbour (the longer kept stretch "
        "beside the gap, back and forth). Edges are cross-faded over 10 ms; a model may react to the fill as well as "
        "to the loss, so a claim should hold with all of them."
    ),
    "log-odds": (
        "ln(p / (1 − p)) of one class, or ln(p_first / p_second) of two, in nats: 0 is undecided, and one step of the "
        "same size multiplies the odds by the same factor wherever it is taken, so changes near 0 % and 100 % stay "
        "visible. What a segment says is the log-odds with it minus without it (occlusion; Zeiler and Fergus 2014)."
    ),
}


def sentence(found: Examination) -> str:
    """What the figures support, or why they support nothing."""
    opening = "On this one clip the figures"
    if found.obstacle is not None:
        return f"{opening} support nothing: {_obstacle(found, found.obstacle)}."
    name = class_name(found.label)
    claims: dict[str, str | None] = {}
    if found.replay is not None:
        claim = f"that hearing the chosen moments again speaks for {name} ({_replay(found, found.replay)})"
        claims[claim] = found.replay_verdict
    claims[f"that {name} rests on the chosen moments ({_reliance(found)})"] = found.reliance_verdict
    supported, open_, contradicted = (
        [claim for claim, verdict in claims.items() if verdict == wanted] for wanted in VERDICTS
    )
    parts = []
    if supported:
        parts.append(f"support {' and '.join(supported)}")
    elif open_:
        parts.append(f"support nothing: not {', nor '.join(open_)}")
    else:
        parts.append("support nothing")
    if supported and open_:
        parts.append(f"but not {open_[0]}")
    if contradicted:
        parts.append(f"and they contradict {' and '.join(contradicted)}")
    return f"{opening} {', '.join(parts)}."


def to_dict(found: Examination) -> dict[str, Any]:
    """Plain numbers, strings, lists and dicts for JSON: all fields, what follows from them, and the sentences."""
    return {
        "schema": SCHEMA,
        "sentence": sentence(found),
        "reservations": list(reservations(found)),
        "percentile": found.percentile,
        "draws": len(found.drawn),
        "marked_seconds": found.marked_seconds,
        "obstacle": found.obstacle,
        "replay_verdict": found.replay_verdict,
        "reliance_verdict": found.reliance_verdict,
        "orders_beaten": list(found.orders_beaten),
        **json.loads(json.dumps(dataclasses.asdict(found))),  # its tuples become lists
    }


def reservations(found: Examination) -> tuple[str, ...]:
    """What else must be known before the sentence is believed."""
    if found.obstacle is not None:
        return ()
    name, said = class_name(found.label), []
    # of several labels that another is named says nothing against this one
    if found.decision != found.label and not found.multi_label:
        said.append(f"The model decides for {class_name(found.decision)}, not for {name}.")
    if found.probability < UNSURE_BELOW:
        said.append(f"The model is unsure of {name} itself ({percent(found.probability)}).")
    if found.silent_share >= MUCH_SILENCE:
        said.append(
            f"{percent(found.silent_share)} of the clip is digital silence, which is never chosen: random segments "
            "that fall into it are easily beaten."
        )
    if found.replay_verdict == SUPPORTED:
        said += _other_controls(found)
    if found.reliance_verdict == SUPPORTED and found.loudest_matters_as_much:
        said.append("Kept and removed, the loudest time matters as much: loudness alone would have found it.")
    unbeaten = [each.order for each in found.orders if each.order not in (ATTENTION, *found.orders_beaten)]
    if unbeaten:
        said.append(
            f"Deletion and insertion do not both put {words.lane(found.replays)}'s order ahead of the order of "
            f"{' and '.join(unbeaten)}."
        )
    return tuple(said)


def text(found: Examination) -> str:
    """Aligned tables, the sentence, the reservations."""
    marked = f"{found.marked_seconds:.2f} s of {found.clip_seconds:g} s {words.marked(found.replays)}"
    blocks = [
        f"{class_name(found.label)}: {percent(found.probability)} after the last hearing; {marked}",
        *([_controls(found, found.replay)] if found.replay is not None else []),
        _edits(found),
        _curves(found),
        "\n".join(textwrap.fill(each, _WIDTH) for each in (sentence(found), *reservations(found))),
    ]
    return "\n\n".join(blocks)


def _obstacle(found: Examination, obstacle: str) -> str:
    name = class_name(found.label)
    again, heard = (" to hear again", "heard again") if found.replays else ("", "chosen")
    sentences = {
        ALL_SILENT: "it is digital silence",
        NOTHING_MARKED: f"the model chose no moment{again}, so there is nothing to compare",
        ALL_MARKED: (
            f"{percent(found.marked_share)} of it was {heard}, so random moments are the same moments and there "
            "is nothing to compare"
        ),
        NOT_BELIEVED: (
            f"the model gives {name} only {percent(found.probability)}, so it hardly believes in it and there is no "
            "reason to look for"
        ),
    }
    return sentences[obstacle]


def _replay(found: Examination, replay: Standing) -> str:
    low, high = percent(min(found.drawn)), percent(max(found.drawn))
    drawn = low if low == high else f"{low} to {high}"
    figures = f"{percent(found.probability)} after them, {drawn} after {replay.draws} random draws"
    if not replay.enough:
        return f"{figures}, which are too few"
    if found.replay_verdict == NOT_SUPPORTED and replay.percentile in (0, 100):
        return f"{figures}, less than a point apart on average"
    return figures


def _reliance(found: Examination) -> str:
    chosen, random = ([each for each in found.edits if each.source == source] for source in (CHOSEN, RANDOM))
    kept, removed, random_kept, random_removed = (
        percent(sum(values) / len(values))
        for values in (
            [each.kept for each in chosen],
            [each.removed for each in chosen],
            [each.kept for each in random],
            [each.removed for each in random],
        )
    )
    return (
        f"{kept} with nothing else left and {removed} without them, {random_kept} and {random_removed} for random "
        f"moments, means over {len(FILLS)} fills; ahead of {found.reliance.beaten} of {found.reliance.draws} "
        "random draws"
    )


def _other_controls(found: Examination) -> list[str]:
    """What else does as well as the chosen segments, though these beat the random ones."""
    said = {
        LOUDEST: "Replaying the loudest time gives as much ({}): loudness alone would have chosen as well.",
        NO_REPLAY: "Without any replay the class has as much ({}): replaying did not raise it.",
        NOT_FINER: "Read at the first hop, the chosen moments give as much ({}): the finer hop has no part in it.",
    }
    controls = {name: found.control(name) for name in said}
    return [said[name].format(percent(each.probability)) for name, each in controls.items() if not each.beaten]


def _controls(found: Examination, replay: Standing) -> str:
    hearings = "".join(f"{f'hearing {index}':>11}" for index in range(len(found.controls[0].probabilities)))
    lines = [f"{'replayed instead, p in %':<26}{hearings}   chosen leads by, points"]
    for each in found.controls:
        values = "".join(f"{100 * value:11.1f}" for value in each.probabilities)
        lead = "" if each.name == CHOSEN else f"   {100 * each.lead:+.1f}"
        lines.append(f"{each.name:<26}{values}{lead}")
    lines.append(
        f"Among {replay.draws} random draws, {percent(min(found.drawn))} to {percent(max(found.drawn))}, the "
        f"chosen segments stand at percentile {found.percentile:g}."
    )
    return "\n".join(lines)


def _edits(found: Examination) -> str:
    lines = [
        f"{'fill':<15}{'segments':<10}{'kept, %':>9}{'Fid-In':>8}{'removed, %':>12}{'FF':>8}"
        f"{'AI, %':>8}{'AD, %':>8}{'AG, %':>8}"
    ]
    for each in sorted(found.edits, key=lambda edited: FILLS.index(edited.fill)):
        fidelity = "-" if each.input_fidelity is None else f"{each.input_fidelity:.2f}"
        kept = f"{100 * each.kept:9.1f}{fidelity:>8}"
        removed = f"{100 * each.removed:12.1f}{each.faithfulness:8.3f}"
        scores = f"{each.average_increase:8.1f}{each.average_drop:8.1f}{each.average_gain:8.1f}"
        lines.append(f"{each.fill:<15}{each.source:<10}{kept}{removed}{scores}")
    lines.append(
        f"Kept and removed, the chosen segments matter more than {found.reliance.beaten} of {found.reliance.draws} "
        "random ones."
    )
    return "\n".join(lines)


def _curves(found: Examination) -> str:
    lines = [f"{f'order (fill: {found.curve_fill})':<26}{'deletion area':>15}{'insertion area':>16}"]
    for each in found.orders:
        name = words.lane(found.replays) if each.order == ATTENTION else each.order
        lines.append(f"{name:<26}{each.deletion_area:15.3f}{each.insertion_area:16.3f}")
    return "\n".join(lines)
