"""Models of several families side by side: one table of what was measured of each on the same clips."""

from __future__ import annotations

from collections.abc import Mapping

from playitback.counts import counted
from playitback.evidence.curves import ATTENTION, ENERGY, RANDOM_ORDER
from playitback.evidence.gather import Evidence
from playitback.evidence.removal import SCORED_SHARE, SHARES
from playitback.evidence.rivals import LOUDEST, RANDOM, RELEVANCE
from playitback.report.claims import plain_number, several_labels, span

#: orders of importance and the ways to explain that they are of
_ORDERS = {ATTENTION: RELEVANCE, RANDOM_ORDER: RANDOM, ENERGY: LOUDEST}
_COLUMNS = (
    *("passes", "named half, %", "other half, %", "kept alone", "removed: fall"),
    *("AI, %", "AD, %", "AG, %", "Fid-In", "FF", "deletion", "insertion"),
)
_READING = (
    "passes: through the model, for one class of one clip.",
    "named half, other half: of clips spliced of two classes, how much of the marked time lies in that of the class",
    "asked about, the named one and the other.",
    f"kept alone, removed: the named class's probability with nothing but {100 * SCORED_SHARE:.0f} % of the time, and",
    "how far it falls without it; AI, AD, AG, Fid-In and FF are of the same.",
    "deletion (lower is better), insertion (higher): area under the probability as slices of time go, or come, in the",
    "order of importance.",
)


def families_table(found: Mapping[str, Evidence]) -> str:
    """A Markdown table with a row for every way to explain each model, and what its columns mean.

    found: name of a model -> what was measured of it.
    """
    one = next(iter(found.values()))
    lines = [
        f"{counted(one.clips, 'clip')}, in brackets 95 % intervals of the mean over them. "
        "Accuracy after the last hearing: "
        + "; ".join(f"{name} {span(each.accuracy, 100, 1)} %" for name, each in found.items())
        + ".",
        *([several_labels(one.labelled)] if one.multi_label else []),
        "",
        f"| {' | '.join(('model', 'way', *_COLUMNS))} |",
        f"|{'---|' * (2 + len(_COLUMNS))}",
    ]
    for name, evidence in found.items():
        for way, cells in _ways(evidence).items():
            row = [name, way, *(cells.get(column, "") for column in _COLUMNS)]
            lines.append(f"| {' | '.join(row)} |")
    lines += ["", *_READING]
    return "\n".join(lines)


def _ways(evidence: Evidence) -> dict[str, dict[str, str]]:
    """Way to explain -> column -> what stands there."""
    ways: dict[str, dict[str, str]] = {}
    for each in () if evidence.pointing is None else evidence.pointing.pointers:
        ways.setdefault(each.way, {}).update(
            {
                "passes": str(each.passes),
                "named half, %": span(each.named, 100, 1),
                "other half, %": span(each.other, 100, 1),
            }
        )
    at = SHARES.index(SCORED_SHARE)
    for curves in () if evidence.removal is None else evidence.removal.curves:
        scores = curves.scores
        ways.setdefault(curves.way, {}).update(
            {
                "passes": str(curves.passes),
                "kept alone": span(curves.kept[at], 1, 3),
                "removed: fall": span(curves.fall[at], 1, 3),
                "AI, %": f"{scores.average_increase.mean:.1f}",
                "AD, %": f"{scores.average_drop.mean:.1f}",
                "AG, %": f"{scores.average_gain.mean:.1f}",
                "Fid-In": plain_number(scores.input_fidelity.mean, 2),
                "FF": f"{scores.faithfulness.mean:.2f}",
            }
        )
    for order in () if evidence.curves is None else evidence.curves.orders:
        ways.setdefault(_ORDERS[order.order], {}).update(
            {"deletion": span(order.deletion_area, 1, 3), "insertion": span(order.insertion_area, 1, 3)}
        )
    return ways
