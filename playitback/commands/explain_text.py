"""What ``explain`` prints of one clip, of each of several, and of all of them together."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from playitback.commands.shared import COLUMN, belief
from playitback.counts import counted
from playitback.explain.explanation import Explanation
from playitback.explain.folder import ClipSummary, FolderSummary
from playitback.report.lanes import lanes_sentence
from playitback.report.passages import alone_sentence, needs_sentence, suffices_sentence

_NAMES_SHOWN = 5


def summary_text(explanation: Explanation, folder: Path) -> str:
    """Of a clip alone: its hearings, and what else was asked for."""
    lines = [f"{explanation.info.name} -> {folder}", *(f"  {note}" for note in explanation.remarks)]
    for index, hearing in enumerate(explanation.hearings):
        name = explanation.decision(index)
        change = explanation.change(index, name)
        moved = "" if change is None else f" ({100 * change:+.0f} points)"
        asked = explanation.asked(index)
        beside = "" if asked == name else f"; {belief(asked, explanation.probability(index, asked))}"
        chosen = (
            ", ".join(f"{each.start_seconds:.2f}-{each.end_seconds:.2f} s" for each in hearing.segments) or "nothing"
        )
        hop = f", hop {1000 * hearing.hop_seconds:.1f} ms" if explanation.reads_log_mel else ""
        lines.append(
            f"  hearing {index}{hop}: "
            f"{belief(name, explanation.probability(index, name))}{moved}{beside}; chose {chosen}"
        )
    if explanation.passages is not None:
        lines += [f"  {say(explanation.passages)}" for say in (suffices_sentence, needs_sentence)]
    if explanation.alone is not None:
        lines.append(f"  {alone_sentence(explanation.alone)}")
    if explanation.further_lanes is not None:
        lines.append(f"  {lanes_sentence(explanation.further_lanes)}")
    return "\n".join(lines)


def heading(width: int, can_replay: bool) -> str:
    """Of the rows of several clips, whose names are so wide."""
    if not can_replay:
        return f"{'clip':<{width}}  {'decision':<{COLUMN}}  label"
    return f"{'clip':<{width}}  {'first hearing':<{COLUMN}}  {'last hearing':<{COLUMN}}  replayed  label, changed at"


def row_text(clip: ClipSummary, notes: Sequence[str], width: int, can_replay: bool) -> str:
    """Of one of several clips."""
    first, last = (belief(clip.decisions[index], clip.probabilities[index]) for index in (0, -1))
    label = "" if clip.label is None else f"{clip.label} ({'right' if clip.holds(clip.label, -1) else 'wrong'})"
    changed = f"hearing {', '.join(map(str, clip.changed_at))}" if clip.changed_at else ""
    remarks = "; ".join(filter(None, (label, changed)))
    replayed = f"  {last:<{COLUMN}}  {clip.replayed_seconds:6.2f} s" if can_replay else ""
    line = f"{clip.name:<{width}}  {first:<{COLUMN}}{replayed}  {remarks}"
    return "\n".join((line.rstrip(), *(f"  {note}" for note in notes)))


def totals_text(found: FolderSummary, out: Path, can_replay: bool) -> str:
    """Of all clips, whose tables lie in ``out``."""
    changed = sum(clip.differ(0, -1) for clip in found.clips)
    lines = [counted(len(found.clips), "clip")]
    if can_replay:
        lines[0] += f"; another class after the last hearing than at the first hearing: {changed}"
    if found.accuracy:
        labelled = sum(clip.label is not None for clip in found.clips)
        shares = ", ".join(f"{100 * share:.1f} %" for share in found.accuracy)
        lines.append(f"right after every hearing, of {labelled} with a label: {shares}")
        if can_replay:
            lines.append(f"rescued by replay: {_named(found.rescued)}; spoilt: {_named(found.spoilt)}")
    names = ("folder.csv", "folder.json", *(("events.csv",) if found.has_events else ()))
    lines.append(f"all clips: {', '.join(str(out / name) for name in names)}")
    return "\n".join(lines)


def _named(clips: Sequence[ClipSummary]) -> str:
    shown = ", ".join(clip.name for clip in clips[:_NAMES_SHOWN])
    return (shown + ", ..." if len(clips) > _NAMES_SHOWN else shown) or "none"
