"""That what is said of a model of several labels, with classes within classes, is true of such a model."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import CLIP_SECONDS, explanation_of, recognizer_of, sounding_clips
from toy import toy_model

from playitback.errors import SettingsError
from playitback.explain.compare import compare
from playitback.explain.contrast import contrast
from playitback.explain.examine import examine
from playitback.explain.explanation import Explanation
from playitback.explain.folder import ClipSummary, FolderSummary, summarise, summary_of
from playitback.explain.odds import odds_between
from playitback.explain.what_if import difference
from playitback.progress import finish
from playitback.recognizer import ClipHearing
from playitback.report import words
from playitback.report.examine_text import reservations
from playitback.report.rows import _sentence
from playitback.report.words import NBSP

LABELS = ("animal", "dog", "bark", "rain")
BROADER = {"dog": ("animal",), "bark": ("animal", "dog")}
HEARING = next(recognizer_of(toy_model()).explain(sounding_clips(1)[0].numpy()))


def named(label: str, *probabilities: float, index: int = 0) -> ClipHearing:
    """A hearing after which a class is named."""
    column = LABELS.index(label)
    return replace(HEARING, index=index, probabilities=np.array(probabilities), decision=column, asked=column)


def explained(*hearings: ClipHearing) -> Explanation:
    return replace(explanation_of(hearings), labels=LABELS, multi_label=True, broader=BROADER)


DOG, BARK = named("dog", 0.9, 0.8, 0.3, 0.1), named("bark", 0.9, 0.8, 0.7, 0.1, index=1)
RAIN = named("rain", 0.7, 0.6, 0.2, 0.9, index=2)


def test_a_narrower_name_is_no_other_decision() -> None:
    run = explained(DOG, BARK, RAIN)
    assert [run.decision_changed(index) for index in range(3)] == [False, False, True]
    narrower = explained(BARK)
    assert difference(explained(DOG), narrower, "dog").first_other_decision is None
    assert difference(explained(DOG), explained(RAIN), "dog").first_other_decision == 0
    assert compare(explained(DOG), narrower).first_disagreement is None
    assert compare(explained(DOG), explained(RAIN)).first_disagreement == 0


def test_the_rival_of_a_class_is_neither_broader_nor_narrower() -> None:
    assert explained(DOG).rival("dog") == "rain"
    assert replace(explained(DOG), broader={}).rival("dog") == "animal"
    everything = {"dog": ("animal", "rain"), "bark": ("dog",)}
    assert replace(explained(DOG), broader=everything).rival("dog") == "animal"
    with pytest.raises(SettingsError, match="tiny knows one class alone"):
        replace(explained(replace(DOG, probabilities=np.array([0.9]))), labels=("dog",)).rival("dog")


def test_the_log_odds_of_two_of_several_labels_move_near_certainty_too() -> None:
    model = toy_model(multi_label=True)
    samples = sounding_clips(1)[0].numpy()
    run = replace(explanation_of(recognizer_of(model).explain(samples)), multi_label=True)
    logits = next(model.listen(torch.from_numpy(samples[None]))).logits[0][0].detach()
    found = finish(contrast(recognizer_of(model), run, samples, "bell", "rain"))
    assert found.log_odds[-1] == pytest.approx(float(logits[0] - logits[1]), abs=1e-4)
    assert odds_between(0.99, 0.5, True) - odds_between(0.9, 0.5, True) == pytest.approx(math.log(11))
    assert odds_between(0.99, 0.5) - odds_between(0.9, 0.5) == pytest.approx(math.log(1.1))


def test_what_was_named_before_is_not_said_to_be_gone() -> None:
    run = explained(DOG, BARK, RAIN)
    assert (
        _sentence(run, 2)
        .replace(NBSP, " ")
        .endswith("The model now says rain (90 %, +80 points); bark, named before, has 20 %.")
    )
    said = words.conclusion(["dog", "bark", "rain", "bark"], 0.7, multi_label=True)
    assert said.replace(NBSP, " ") == "The model hears bark, 70 %. In earlier hearings it named dog and rain, too."


def test_a_clip_is_right_where_its_class_holds() -> None:
    clips = [
        summarise(explained(*hearings), Path(name), "dog")
        for name, hearings in {"right": (DOG, BARK), "rescued": (RAIN, BARK), "spoilt": (BARK, RAIN)}.items()
    ]
    found = FolderSummary.of(clips, LABELS)
    assert found.accuracy == pytest.approx((2 / 3, 2 / 3))
    assert [str(each.path) for each in (*found.rescued, *found.spoilt)] == ["rescued", "spoilt"]
    dog, rain = LABELS.index("dog"), LABELS.index("rain")
    for counted in (found.confusion_first, found.confusion_last):
        assert (counted[dog, dog], counted[dog, rain], counted.sum()) == (2, 1, 3)
    assert [each.changed_at for each in clips] == [(), (1,), (1,)]
    assert [summary_of(each.to_dict(), CLIP_SECONDS) for each in clips] == clips
    broader_only = ClipSummary(Path("a"), "a", "bark", ("dog",), (0.8,), (), CLIP_SECONDS, broader=(("animal",),))
    assert not broader_only.holds("bark", 0)


def test_of_several_labels_that_another_is_named_is_no_reservation() -> None:
    model = toy_model(multi_label=True)
    model.config = replace(model.config, broader=((), (0,), (), ()))
    with torch.no_grad():
        model.heads[0].weight.zero_()
        model.heads[0].bias.copy_(torch.tensor([2.0, 1.0, -1.0, -9.0]))
    found, unsure = (
        finish(examine(recognizer_of(model), sounding_clips(1)[0].numpy(), label, draws=2))
        for label in ("bell", "siren")
    )
    assert (found.decision, found.multi_label) == ("rain", True)  # which is a bell
    assert not any("decides for" in each for each in (*reservations(found), *reservations(unsure)))
    # nothing takes a class away that hears no sound; of one that is not there, there is nothing to stay
    assert {(each.input_fidelity, each.decision_removed) for each in found.edits} == {(1.0, 1.0)}
    assert {(each.input_fidelity, each.decision_removed) for each in unsure.edits} == {(None, None)}
