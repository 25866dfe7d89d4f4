"""What is said of what suffices, what is needed, and every second alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from playitback.explain.alone import Alone, Distance
from playitback.explain.passages import Passages, Trial
from playitback.report.passages import (
    NOTHING_SOUNDS,
    alone_sentence,
    both_html,
    needs_sentence,
    suffices_sentence,
)
from playitback.report.words import NBSP
from playitback.segments import Segment

SUFFICES = Trial((Segment(0.5, 1.0),), 0.1, 0.81, "church_bells", True, 0.81)
NEEDS = Trial((Segment(0.25, 1.0), Segment(3, 3.5)), 0.25, 0.12, "cow", True, 0.6)
FOUND = Passages("church_bells", "church_bells", 0.9, 5.0, 5.0, SUFFICES, NEEDS)
NOWHERE = Passages("dog", "rain", 0.001, 5.0, 5.0, replace(SUFFICES, decision="rain", holds=False), None)


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (
            FOUND,
            "0.50–1.00 s (0.5 s, 10 % of what sounds), kept alone, suffices: church bells has 81 %, against 90 % in "
            "the whole clip.",
        ),
        (
            replace(FOUND, suffices=replace(SUFFICES, decision="rain")),  # of several classes at once
            "0.50–1.00 s (0.5 s, 10 % of what sounds), kept alone, suffices: church bells has 81 %, against 90 % in "
            "the whole clip (most probable: rain).",
        ),
        (
            replace(FOUND, suffices=replace(SUFFICES, decision="rain"), multi_label=True),  # perhaps not the likeliest
            "0.50–1.00 s (0.5 s, 10 % of what sounds), kept alone, suffices: church bells has 81 %, against 90 % in "
            "the whole clip (the model hears rain).",
        ),
        (
            NOWHERE,
            "No passage of up to 0.5 s was found to suffice: the longest, 0.50–1.00 s, kept alone, leaves dog at 81 %, "
            "against <1 % in the whole clip; the model still hears rain.",
        ),
        (replace(FOUND, suffices=None, needs=None), NOTHING_SOUNDS),
    ],
)
def test_what_suffices_is_said_with_its_figures(found: Passages, sentence: str) -> None:
    assert suffices_sentence(found).replace(NBSP, " ") == sentence


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (
            FOUND,
            "Without 0.25–1.00, 3.00–3.50 s (1.25 s, 25 % of what sounds), church bells falls from 90 % to 12 %; the "
            "model hears cow.",
        ),
        (  # of several labels one is named however unsure the model is
            replace(FOUND, needs=replace(NEEDS, decision_probability=0.3), multi_label=True),
            "Without 0.25–1.00, 3.00–3.50 s (1.25 s, 25 % of what sounds), church bells falls from 90 % to 12 %; the "
            "model names cow, at 30 %.",
        ),
        (
            replace(FOUND, needs=replace(NEEDS, decision="church_bells", decision_probability=0.12), multi_label=True),
            "Without 0.25–1.00, 3.00–3.50 s (1.25 s, 25 % of what sounds), church bells falls from 90 % to 12 %; no "
            "other class takes its place.",
        ),
        (
            replace(FOUND, needs=replace(NEEDS, probability=0.7, decision="church_bells", holds=False)),
            "Even without 0.25–1.00, 3.00–3.50 s (1.25 s, 25 % of what sounds), church bells is not gone: it goes from "
            "90 % to 70 %; the model still hears church bells. So nothing up to half of the sound was found to be "
            "needed; with more of it gone, it would be no wonder that the class is, too.",
        ),
        (NOWHERE, "The model gives dog <1 % in the whole clip, so there is nothing to take away."),
        (replace(FOUND, suffices=None, needs=None), NOTHING_SOUNDS),
    ],
)
def test_what_is_needed_is_said_with_its_figures(found: Passages, sentence: str) -> None:
    assert needs_sentence(found).replace(NBSP, " ") == sentence


def test_only_what_holds_has_a_bar() -> None:
    suffices, needs = both_html(FOUND)
    assert (suffices.count("<rect x="), needs.count("<rect x=")) == (1, 2)
    assert "<svg" not in "".join(both_html(NOWHERE))


def test_the_distance_is_said_in_a_sentence() -> None:
    stretches, values = (Segment(0, 1), Segment(0.25, 1.25)), np.full((2, 2), 0.5)
    found = Alone("sea_waves", ("sea_waves", "rain"), stretches, values, values, Distance(0.614, 0.18, 0.73))
    assert alone_sentence(found).replace(NBSP, " ") == (
        "2 stretches of a second, each heard alone: activity is 0.61 nats from what the model says of them, on average "
        "over all classes; for sea waves the two differ by 18 points, with a correlation of 0.73."
    )
    flat = replace(found, distance=Distance(0.6, 0.2, None))
    assert alone_sentence(flat).endswith("differ by 20 points.")
    assert "no activity" in alone_sentence(replace(found, activity=None, distance=None))
    assert alone_sentence(replace(found, stretches=(), distance=None)) == NOTHING_SOUNDS
