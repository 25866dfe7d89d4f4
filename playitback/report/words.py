"""What is said of an explanation, and how numbers are written: the same on the page, in a report and in a figure.

Texts are plain; whoever puts one into HTML escapes it there.
"""

from __future__ import annotations

from collections.abc import Sequence

#: between a number and its unit, so that no line ends between them
NBSP = "\N{NO-BREAK SPACE}"
FIRST_HEARING = "First hearing"


def class_name(label: str) -> str:
    """ "door_wood_knock" -> "door wood knock"."""
    return label.replace("_", " ")


def percent(share: float) -> str:
    """0.624 -> "62 %"; a share that is neither 0 nor 1 is never shown as 0 % or 100 %."""
    if 0 < share < 0.005:
        return f"<1{NBSP}%"
    if 0.995 <= share < 1:
        return f">99{NBSP}%"
    return f"{100 * share:.0f}{NBSP}%"


def points(change: float) -> str:
    """0.21 -> "+21 points", -0.01 -> "−1 point"; no movement is "no change"."""
    rounded = round(100 * change)
    if rounded == 0:
        return "no change"
    sign = "+" if rounded > 0 else "\N{MINUS SIGN}"
    return f"{sign}{abs(rounded)}{NBSP}point{'' if abs(rounded) == 1 else 's'}"


def seconds(duration: float) -> str:
    """1.2345 -> "1.23 s", 5.0 -> "5 s", 1800 -> "30 min", 95.5 -> "1 min 36 s"."""
    if duration < 60:
        return f"{duration:.2f}".rstrip("0").rstrip(".") + f"{NBSP}s"
    minutes, rest = divmod(round(duration), 60)
    return f"{minutes}{NBSP}min {rest}{NBSP}s" if rest else f"{minutes}{NBSP}min"


def milliseconds(duration: float) -> str:
    """0.0067 seconds -> "6.7 ms"."""
    return f"{1000 * duration:.3g}{NBSP}ms"


def hertz(frequency: float) -> str:
    """250.0 -> "250 Hz", 4000.0 -> "4 kHz"."""
    return f"{frequency:g}{NBSP}Hz" if frequency < 1000 else f"{frequency / 1000:g}{NBSP}kHz"


def clock(second: float) -> str:
    """A tick of a time axis: 1.5 -> "1.5", 2.0 -> "2"."""
    return f"{second:g}"


def pass_title(index: int) -> str:
    return FIRST_HEARING if index == 0 else f"Playback {index}"


def pass_sentence(
    index: int,
    decision: str,
    probability: float,
    change: float | None,
    previous_decision: str | None,
    replayed_seconds: float,
    hop_seconds: float,
) -> str:
    """What happened in one pass, in one or two sentences."""
    if index == 0:
        return (
            f"At the first hearing, at a hop of {milliseconds(hop_seconds)}, the model says "
            f"{class_name(decision)} ({percent(probability)})."
        )
    heard = (
        f"Playback {index} heard {seconds(replayed_seconds)} again at a hop of {milliseconds(hop_seconds)}."
        if replayed_seconds > 0
        else f"Nothing was chosen to be heard again before playback {index}."
    )
    moved = f"{percent(probability)}, {points(change or 0.0)}"
    if previous_decision == decision:
        return f"{heard} The model still says {class_name(decision)} ({moved})."
    before = class_name(previous_decision or "")
    return f"{heard} The model now says {class_name(decision)} ({moved}), no longer {before}."


def conclusion(decisions: Sequence[str], probability: float) -> str:
    """What the whole run says. ``decisions``: after every pass; ``probability``: of the last decision."""
    last = f"{class_name(decisions[-1])}, {percent(probability)}"
    changes = [index for index in range(1, len(decisions)) if decisions[index] != decisions[index - 1]]
    if len(decisions) == 1:
        return f"The model hears {last}."
    if not changes:
        return f"The model hears {last}; it was of that mind from the first hearing."
    at = " and ".join(filter(None, (", ".join(str(index) for index in changes[:-1]), str(changes[-1]))))
    playback = "playback" if len(changes) == 1 else "playbacks"
    return f"The model hears {last}. It changed its mind at {playback} {at}; first it heard {class_name(decisions[0])}."


def decision_change(before: str, after: str) -> str:
    """Mark on the chart where the decision changed."""
    return f"{class_name(before)} → {class_name(after)}"
