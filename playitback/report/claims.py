"""What figures of the evidence support, in sentences, and how a mean with its interval is written.

A difference is said to be there only if its whole 95 % interval lies on one side of 0.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence

from playitback.evidence.intervals import Interval

#: with fewer clips an interval over clips says little
_FEW_CLIPS = 30
WIDTH = 120  # of sentences


def summary(more: str, less: str, leads: Mapping[str, Interval | None], after: str = "") -> str:
    """What leads support: those above 0, those below it, those that support nothing. after: what else is to be said.

    What has no lead is what leads.
    """
    signs = {name: lead.sign for name, lead in leads.items() if lead is not None}
    better, worse, open_ = ([name for name, sign in signs.items() if sign == wanted] for wanted in (1, -1, 0))
    if not better and not worse:
        sentence = f"These figures support neither this nor its contrary: {more} {listed(open_)}."
        return textwrap.fill(sentence + after, WIDTH)
    sentence = f"{more} {listed(better) if better else 'none'}"
    if worse:
        sentence += f"; {less} {listed(worse)}"
    if open_:
        sentence += f"; no difference is shown for {listed(open_)}"
    return textwrap.fill(f"{sentence}.{after}", WIDTH)


def listed(names: Sequence[str]) -> str:
    return ", ".join(names)


def span(interval: Interval, scale: float, digits: int) -> str:
    """ "0.123 [0.100, 0.150]"; where no clip could be counted, "not measured"."""
    if math.isnan(interval.mean):
        return "not measured"
    values = (interval.mean, interval.low, interval.high)
    # adding 0 turns a negative zero into a zero
    mean, low, high = (f"{round(scale * value, digits) + 0.0:.{digits}f}" for value in values)
    return f"{mean} [{low}, {high}]" if not math.isnan(interval.low) else f"{mean} [no interval]"


def plain_number(mean: float, digits: int) -> str:
    """ "0.123"; where no clip could be counted, "-"."""
    return "-" if math.isnan(mean) else f"{mean:.{digits}f}"


def several_labels(labelled: int) -> str:
    """What figures mean where every class has a probability of its own. labelled: clips that have a class."""
    return (
        "Every class has a probability of its own. Accuracy: how often the class named is one of the clip's, over the "
        f"{labelled} that have any. Fid-In: how often it stays more probable than not, over the clips in which it is."
    )


def few(clips: int) -> str:
    return f" Measured on as few as {clips}: take it as a hint." if clips < _FEW_CLIPS else ""
