"""That the evidence as text has a table for every part, and claims nothing that its figures do not support."""

from __future__ import annotations

import pytest
import torch
from tiny import LABELS, recognizer_of, sounding_clips, tiny_model
from toy import toy_model

from playitback.evidence.faithfulness import ControlComparison, ControlResult
from playitback.evidence.gather import CONTROLS, SCENES, Evidence, gather
from playitback.evidence.intervals import Interval
from playitback.evidence.rivals import LOUDEST, RANDOM
from playitback.progress import finish
from playitback.report.evidence_text import controls, text

CLIPS = 3
CLASSES = torch.arange(CLIPS)
RIVALS = (LOUDEST, RANDOM)


@pytest.fixture(scope="module")
def evidence() -> Evidence:
    clips = sounding_clips(CLIPS)
    clips[0, 12_000:] = 0
    recognizer = recognizer_of(tiny_model(playbacks=1, activity=True))
    return finish(gather([recognizer], clips, CLASSES, LABELS, draws=2, bootstrap=100, rival_names=RIVALS))


def unwrapped(text: str) -> str:
    return " ".join(text.split())


def comparison(*leads: tuple[str, Interval]) -> ControlComparison:
    """After a single hearing."""
    chosen = ControlResult("chosen", (0.5,), (0.5,), (), ())
    others = (ControlResult(name, (0.5,), (0.5,), (lead,), (lead,)) for name, lead in leads)
    return ControlComparison(100, (chosen, *others), (0.4,), (0.4,))


def test_text_has_a_table_for_every_part(evidence: Evidence) -> None:
    said = text(evidence)
    for words in (
        "least attended",
        "Fid-In",
        "mean spectrum",
        "insertion area",
        "Gini",
        "noise 6 dB",
        "splices",
        "zero-padded",
        "Events planted in a background",
        "slots shuffled",
        "Spliced clips",
        "burst +12 dB",
        "removed: it falls by",
        'this model cannot say "none" of a moment',
    ):
        assert words in said
    assert "nan" not in said
    assert max(map(len, said.splitlines())) <= 150


def test_text_of_a_model_that_cannot_replay_claims_no_replay() -> None:
    steps = gather([recognizer_of(toy_model())], sounding_clips(CLIPS), CLASSES, LABELS, draws=2, rival_names=RIVALS)
    said = text(finish(steps))
    for words in ("Fid-In", "insertion area", "Gini", "noise 6 dB", "splices", "heads shuffled"):
        assert words in said
    assert "replay" not in said
    assert "slot" not in said
    assert "1 hearing;" in said


def test_one_clip_has_no_interval_and_supports_nothing() -> None:
    recognizer, clip = recognizer_of(tiny_model(playbacks=1)), sounding_clips(1)
    one = finish(gather([recognizer], clip, CLASSES[:1], LABELS, draws=2, bootstrap=50, parts=(CONTROLS,)))
    assert "[no interval]" in text(one)
    assert "Measured on as few as 1:" in unwrapped(text(one))
    assert "support neither this nor its contrary" in unwrapped(text(one))


def test_text_on_several_models_says_that_clips_count_with_their_mean() -> None:
    recognizers = [recognizer_of(tiny_model(playbacks=1, seed=seed)) for seed in (0, 1)]
    parts = (CONTROLS, SCENES)
    both = finish(gather(recognizers, sounding_clips(CLIPS), CLASSES, LABELS, draws=2, bootstrap=50, parts=parts))
    assert "Every clip counts with its mean over 2 models" in text(both)
    assert "Gini" not in text(both)


def test_intervals_that_hold_zero_are_said_to_support_nothing() -> None:
    said = unwrapped(controls(comparison(("random", Interval(0.1, -0.1, 0.3)), ("loudest", Interval(-0.1, -0.3, 0.1)))))
    assert "These figures support neither this nor its contrary: Replaying the chosen segments" in said


def test_what_rounds_to_zero_has_no_sign() -> None:
    said = controls(comparison(("random", Interval(-1e-7, -0.0101, 0.02))))
    assert "0.00 [-1.01, 2.00]" in said
    assert "-0.00 " not in said


def test_leads_are_said_as_they_are() -> None:
    found = comparison(
        ("random", Interval(0.2, 0.1, 0.3)),
        ("loudest", Interval(-0.2, -0.3, -0.1)),
        ("no replay", Interval(0.0, -0.1, 0.1)),
    )
    said = unwrapped(controls(found))
    assert (
        "Replaying the chosen segments gives a higher true-class probability than random; a lower one than loudest; "
        "no difference is shown for no replay." in said
    )
