"""What is said and drawn of what suffices for a choice and what it needs, and of every second kept alone."""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path

from playitback.explain.alone import Alone
from playitback.explain.passages import Passages, Trial
from playitback.models.listener import LIKELY
from playitback.report import words
from playitback.segments import Segment

SUFFICES_TITLE = "The passage that suffices"
NEEDS_TITLE = "All that it needs"
NOTHING_SOUNDS = "Nothing sounds in this clip, so there is nothing to keep and nothing to take away."
ALONE_TITLE = "Every second alone"
#: of the bars: what is kept green, what is taken out vermilion (after Okabe and Ito, 2008)
KEPT_COLOUR, REMOVED_COLOUR = "#009E73", "#D55E00"


def suffices_sentence(found: Passages) -> str:
    """What keeping a passage alone showed, with its figures."""
    trial, name = found.suffices, words.class_name(found.label)
    if trial is None:
        return NOTHING_SOUNDS
    whole = f"against {words.percent(found.probability)} in the whole clip"
    if trial.holds:
        beside = "" if trial.decision == found.label else f" (most probable: {words.class_name(trial.decision)})"
        if beside and found.multi_label:
            beside = f" ({_named(found, trial)})"
        return (
            f"{_extent(trial)}, kept alone, suffices: {name} has {words.percent(trial.probability)}, {whole}{beside}."
        )
    return (
        f"No passage of up to {words.seconds(trial.seconds)} was found to suffice: the longest, "
        f"{spans(trial.segments)}, kept alone, leaves {name} at {words.percent(trial.probability)}, {whole}; "
        f"{_named(found, trial)}."
    )


def needs_sentence(found: Passages) -> str:
    """What taking time out showed, with its figures."""
    trial, name = found.needs, words.class_name(found.label)
    if trial is None:
        if found.suffices is None:
            return NOTHING_SOUNDS
        return (
            f"The model gives {name} {words.percent(found.probability)} in the whole clip, so there is nothing to "
            "take away."
        )
    fell = f"from {words.percent(found.probability)} to {words.percent(trial.probability)}"
    if trial.holds:
        return f"Without {_extent(trial)}, {name} falls {fell}; {_named(found, trial)}."
    return (
        f"Even without {_extent(trial)}, {name} is not gone: it goes {fell}; {_named(found, trial)}. So nothing up to "
        "half of the sound was found to be needed; with more of it gone, it would be no wonder that the class is, too."
    )


def spans(segments: Sequence[Segment]) -> str:
    """ "0.50–1.25 s, 3.00–3.40 s"."""
    told = ", ".join(f"{each.start_seconds:.2f}–{each.end_seconds:.2f}" for each in segments)
    return f"{told}{words.NBSP}s"


def style() -> str:
    """CSS of the bars, wherever they are shown."""
    return (Path(__file__).parent / "passages.css").read_text(encoding="utf-8")


def clip_bar(segments: Sequence[Segment], clip_seconds: float, colour: str) -> str:
    """Segments on the clip's axis as HTML, with the axis's ends; on light and on dark."""
    bars = "".join(
        f'<rect x="{1000 * each.start_seconds / clip_seconds:.1f}" width="{1000 * each.seconds / clip_seconds:.1f}" '
        f'y="0" height="10" fill="{colour}"/>'
        for each in segments
    )
    label = html.escape(f"On the clip's seconds: {spans(segments)}")
    return (
        f'<div class="clip-bar"><svg viewBox="0 0 1000 10" preserveAspectRatio="none" role="img" aria-label="{label}">'
        f'<rect width="1000" height="10" fill="currentColor" opacity="0.15"/>{bars}</svg>'
        f"<div><span>{words.seconds(0)}</span><span>{words.seconds(clip_seconds)}</span></div></div>"
    )


def both_html(found: Passages) -> tuple[str, str]:
    """What suffices and what is needed, each with its bar on the clip's axis where it holds."""
    told = (
        (found.suffices, suffices_sentence(found), KEPT_COLOUR),
        (found.needs, needs_sentence(found), REMOVED_COLOUR),
    )
    suffices, needs = (
        (clip_bar(trial.segments, found.clip_seconds, colour) if trial is not None and trial.holds else "")
        + f'<p class="plain">{html.escape(sentence)}</p>'
        for trial, sentence, colour in told
    )
    return suffices, needs


def alone_sentence(found: Alone) -> str:
    """How far the activity is from what the model says of every second alone."""
    if not found.stretches:
        return NOTHING_SOUNDS
    heard = f"{len(found.stretches)} stretches of a second, each heard alone"
    if not found.learns_activity:
        return f"{heard}. This model is asked for its activity in the same way, so there is nothing to set beside them."
    if found.distance is None:
        return f"{heard}. This model has no activity to set beside them."
    distance, name = found.distance, words.class_name(found.label)
    together = "" if distance.correlation is None else f", with a correlation of {distance.correlation:.2f}"
    averaged = "summed" if found.multi_label else "on average"
    return (
        f"{heard}: activity is {distance.divergence:.2f}{words.NBSP}nats from what the model says of them, {averaged} "
        f"over all classes; for {name} the two differ by {100 * distance.difference:.0f} points{together}."
    )


def _extent(trial: Trial) -> str:
    """ "0.50–1.25 s (0.75 s, 15 % of what sounds)"."""
    return f"{spans(trial.segments)} ({words.seconds(trial.seconds)}, {words.percent(trial.share)} of what sounds)"


def _named(found: Passages, trial: Trial) -> str:
    """What the model says then.

    Where every class has a probability of its own, one is named even if the model is sure of none.
    """
    if found.multi_label and trial.decision_probability < LIKELY:
        if trial.decision == found.label:
            return "no other class takes its place"
        return f"the model names {words.class_name(trial.decision)}, at {words.percent(trial.decision_probability)}"
    still = "still " if trial.decision == found.decision else ""
    return f"the model {still}hears {words.class_name(trial.decision)}"
