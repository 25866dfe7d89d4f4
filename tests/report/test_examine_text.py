"""That an examination's sentence claims no more than the figures support, and that text and JSON have them all."""

from __future__ import annotations

import dataclasses
import json
import pickle

import numpy as np
import pytest
from examined import AHEAD, BEHIND, CLIP, DRAWS, RELIED_ON, SOUND_SECONDS, decision, replaced, replaying
from tiny import CLIP_SECONDS, RATE, recognizer_of, tiny_model
from toy import toy_model

from playitback.edits import FILLS
from playitback.evidence.controls import CHOSEN, CONTROLS, LOUDEST, NO_REPLAY, NOT_FINER, RANDOM
from playitback.evidence.curves import ATTENTION, ENERGY, ORDERS
from playitback.evidence.faithfulness import SOURCES
from playitback.explain.examine import (
    ALL_MARKED,
    ALL_SILENT,
    CONTRADICTED,
    ENOUGH_DRAWS,
    LEAST_LEAD,
    NOT_BELIEVED,
    NOT_SUPPORTED,
    NOTHING_MARKED,
    OBSTACLES,
    SUPPORTED,
    Examination,
    Standing,
    examine,
)
from playitback.progress import finish
from playitback.recognizer import Recognizer
from playitback.report.examine_text import DEFINITIONS, SCHEMA, reservations, sentence, text, to_dict
from playitback.report.words import NBSP
from playitback.segments import Segment


@pytest.fixture(scope="module")
def recognizer() -> Recognizer:
    return replaying()


@pytest.fixture(scope="module")
def found(recognizer: Recognizer) -> Examination:
    return finish(examine(recognizer, CLIP, decision(recognizer), draws=DRAWS))


@pytest.fixture(scope="module")
def of_toy() -> Examination:
    """Of a model that cannot replay."""
    return finish(examine(recognizer_of(toy_model()), CLIP, "siren", draws=DRAWS))


def said_of(found: Examination) -> str:
    """Its sentence, with spaces between numbers and units that are easy to type."""
    return sentence(found).replace(NBSP, " ")


# the sentence


def test_nothing_is_claimed_inside_the_range_of_the_draws(found: Examination) -> None:
    undecided = replaced(found)
    assert (undecided.replay_verdict, undecided.reliance_verdict) == (NOT_SUPPORTED, NOT_SUPPORTED)
    assert sentence(undecided).startswith(
        "On this one clip the figures support nothing: not that hearing the chosen moments again speaks for "
    )
    assert "80 % after them, 70 % to 90 % after 12 random draws" in said_of(undecided)
    assert "for random moments, means over 4 fills; ahead of 1 of 12 random draws)." in sentence(undecided)
    assert sentence(undecided).count("support") == 1


def test_leading_all_draws_is_supported(found: Examination) -> None:
    ahead = replaced(found, **AHEAD)
    assert (ahead.replay_verdict, ahead.reliance_verdict) == (SUPPORTED, NOT_SUPPORTED)
    assert "figures support that hearing the chosen moments again speaks for" in sentence(ahead)
    assert ", but not that" in sentence(ahead)
    both = replaced(found, **AHEAD, **RELIED_ON)
    assert both.reliance_verdict == SUPPORTED
    assert sentence(both).count(" that ") == 2
    assert "but not" not in sentence(both)


def test_trifling_leads_support_nothing(found: Examination) -> None:
    trifle = replaced(found, replay=Standing.of([LEAST_LEAD / 2] * DRAWS), reliance=Standing.of([0.05] * DRAWS))
    assert (trifle.replay_verdict, trifle.reliance_verdict) == (NOT_SUPPORTED, NOT_SUPPORTED)
    assert "less than a point apart on average" in sentence(trifle)


def test_few_draws_support_nothing_and_are_said_to_be_too_few(found: Examination) -> None:
    few, enough = (
        replaced(found, replay=Standing.of([0.2] * draws), drawn=(0.6,) * draws)
        for draws in (ENOUGH_DRAWS - 1, ENOUGH_DRAWS)
    )
    assert few.replay_verdict == NOT_SUPPORTED
    assert "which are too few" in sentence(few)
    assert enough.replay_verdict == SUPPORTED


def test_trailing_all_draws_is_said_as_a_contradiction(found: Examination) -> None:
    behind = replaced(found, **BEHIND)
    assert behind.replay_verdict == CONTRADICTED
    assert "support nothing: not that" in sentence(behind)
    assert ", and they contradict that hearing the chosen moments again" in sentence(behind)
    relied_on = replaced(found, **BEHIND, **RELIED_ON)
    assert "figures support that" in sentence(relied_on)
    assert "contradict" in sentence(relied_on)


@pytest.mark.parametrize(
    ("changes", "obstacle", "reason"),
    [
        ({"silent_share": 1.0}, ALL_SILENT, "digital silence"),
        ({"marked": ()}, NOTHING_MARKED, "chose no moment to hear again"),
        ({"marked": (Segment(0.0, 0.99 * CLIP_SECONDS),)}, ALL_MARKED, f"99{NBSP}% of it was heard again"),
        ({"probability": 0.04}, NOT_BELIEVED, f"only 4{NBSP}%"),
    ],
)
def test_where_nothing_can_be_compared_nothing_is_supported(
    changes: dict[str, object], obstacle: str, reason: str, found: Examination
) -> None:
    hindered = replaced(found, **{**AHEAD, **RELIED_ON, **changes})
    assert hindered.obstacle == obstacle
    assert obstacle in OBSTACLES
    assert (hindered.replay_verdict, hindered.reliance_verdict) == (NOT_SUPPORTED, NOT_SUPPORTED)
    assert sentence(hindered).startswith("On this one clip the figures support nothing: ")
    assert reason in sentence(hindered)
    assert reservations(hindered) == ()


def test_a_model_that_chooses_nothing_leaves_nothing_to_compare() -> None:
    recognizer = recognizer_of(tiny_model(playbacks=1, threshold=1.0, clip_seconds=1.0))
    found = finish(examine(recognizer, CLIP[:RATE], "rain", draws=2))
    assert found.obstacle == NOTHING_MARKED
    assert found.percentile == 50.0
    assert json.dumps(to_dict(found), allow_nan=False)


def test_silence_is_said_to_be_silence(recognizer: Recognizer) -> None:
    found = finish(examine(recognizer, np.zeros_like(CLIP), "rain", draws=2))
    assert found.obstacle == ALL_SILENT
    assert json.dumps(to_dict(found), allow_nan=False)


def test_silence_after_a_short_clip_is_counted(found: Examination) -> None:
    assert found.silent_share == pytest.approx(1 - SOUND_SECONDS / CLIP_SECONDS, abs=0.011)
    said = reservations(replaced(found, silent_share=found.silent_share))
    assert any(f"20{NBSP}% of the clip is digital silence" in each for each in said)


def test_reservations_are_made_where_they_are_due(found: Examination) -> None:
    def beaten_by(name: str) -> Examination:
        controls = tuple(dataclasses.replace(each, lead=0.0 if each.name == name else 0.3) for each in found.controls)
        return replaced(found, **AHEAD, controls=controls)

    for name, reason in (
        (LOUDEST, "loudness alone would have chosen as well"),
        (NO_REPLAY, "replaying did not raise it"),
        (NOT_FINER, "the finer hop has no part in it"),
    ):
        said = " ".join(reservations(beaten_by(name)))
        assert reason in said
        assert sum(each in said for each in ("loudness alone", "did not raise", "finer hop has")) == 1
    unsure = replaced(found, probability=0.3, decision="another_class")
    assert "The model decides for another class, not for " in reservations(unsure)[0]
    assert "unsure" in reservations(unsure)[1]
    assert not any("unsure" in each or "decides" in each for each in reservations(replaced(found)))


def test_loudness_that_matters_as_much_is_said(found: Examination) -> None:
    def with_loudest(kept: float) -> Examination:
        levels = {CHOSEN: 0.8, LOUDEST: kept, RANDOM: 0.3}
        edits = tuple(dataclasses.replace(each, kept=levels[each.source], removed=0.1) for each in found.edits)
        return replaced(found, **RELIED_ON, edits=edits)

    assert any("loudness alone would have found it" in each for each in reservations(with_loudest(0.8)))
    assert not any("loudness" in each for each in reservations(with_loudest(0.5)))
    assert "80 % with nothing else left and 10 % without them, 30 % and 10 %" in said_of(with_loudest(0.5))


def test_curves_that_do_not_side_with_attention_are_named(found: Examination) -> None:
    def with_areas(*areas: tuple[float, float]) -> Examination:
        orders = tuple(
            dataclasses.replace(each, deletion_area=deletion, insertion_area=insertion)
            for each, (deletion, insertion) in zip(found.orders, areas, strict=True)
        )
        return replaced(found, orders=orders)

    assert found.orders[0].order == ATTENTION
    best = with_areas((0.2, 0.7), (0.4, 0.4), (0.3, 0.6))
    assert set(best.orders_beaten) == set(ORDERS) - {ATTENTION}
    assert reservations(best) == ()
    # energy restores the class sooner
    mixed = with_areas((0.2, 0.7), (0.4, 0.4), (0.3, 0.8))
    assert ENERGY not in mixed.orders_beaten
    assert reservations(mixed) == (
        "Deletion and insertion do not both put attention's order ahead of the order of energy.",
    )


def test_every_figure_has_its_definition() -> None:
    assert {
        *("percentile", "random draws", "deletion area", "insertion area", "keep-only", "removal"),
        *("Fid-In", "FF", "AI", "AD", "AG", "fills", "log-odds"),
    } == set(DEFINITIONS)
    for figure in ("percentile", "Fid-In", "FF", "AI", "AD", "AG", "log-odds"):
        assert any(sign in DEFINITIONS[figure] for sign in "=−×/>"), figure
    assert all(fill in DEFINITIONS["fills"] for fill in FILLS)


# where nothing is replayed


def test_without_replay_the_sentence_claims_nothing_of_it(of_toy: Examination) -> None:
    open_ = replaced(of_toy, replay=None, drawn=())
    assert sentence(open_).startswith(
        "On this one clip the figures support nothing: not that siren rests on the chosen"
    )
    relied_on = replaced(of_toy, replay=None, drawn=(), **RELIED_ON)
    assert sentence(relied_on).startswith(
        "On this one clip the figures support that siren rests on the chosen moments ("
    )
    contradicted = replaced(of_toy, replay=None, drawn=(), reliance=Standing.of([-0.4] * DRAWS))
    assert sentence(contradicted).startswith(
        "On this one clip the figures support nothing, and they contradict that siren rests on the chosen moments ("
    )
    nothing_chosen = replaced(of_toy, replay=None, drawn=(), marked=())
    assert "the model chose no moment, so there is nothing to compare" in sentence(nothing_chosen)
    everything = replaced(of_toy, replay=None, drawn=(), marked=(Segment(0.0, CLIP_SECONDS),))
    assert f"100{NBSP}% of it was chosen, so random moments are the same moments" in sentence(everything)
    worse = tuple(dataclasses.replace(each, deletion_area=0.5, insertion_area=0.5) for each in of_toy.orders)
    told = [
        sentence(each) + " ".join(reservations(each)) + text(each)
        for each in (of_toy, open_, relied_on, contradicted, replaced(of_toy, replay=None, drawn=(), orders=worse))
    ]
    assert "do not both put relevance's order ahead" in told[-1]
    for each in told:
        assert not any(word in each for word in ("replay", "again", "attention", "slot", "percentile"))


# text and JSON


def test_json_and_pickle_come_back_as_they_went(found: Examination) -> None:
    written = to_dict(found)
    assert json.loads(json.dumps(written, allow_nan=False)) == written
    assert pickle.loads(pickle.dumps(found)) == found
    assert written["schema"] == SCHEMA
    assert written["sentence"] == sentence(found)
    assert written["reservations"] == list(reservations(found))
    assert written["percentile"] == found.percentile
    assert written["drawn"] == list(found.drawn)
    assert written["draws"] == DRAWS
    assert written["replays"] is True
    assert written["marked"][0]["start_seconds"] == found.marked[0].start_seconds
    assert written["edits"][0]["input_fidelity"] == found.edits[0].input_fidelity


def test_terminal_text_has_every_figure(found: Examination) -> None:
    told = text(found)
    for name in (*CONTROLS, *FILLS, *SOURCES, *ORDERS, "percentile", "Fid-In", "insertion area"):
        assert name in told
    assert f"{found.marked_seconds:.2f} s of 2 s replayed" in told
    assert max(map(len, told.splitlines())) <= 120
    assert " ".join(sentence(found).split()) in " ".join(told.split())


def test_without_replay_text_and_json_are_whole(of_toy: Examination) -> None:
    told = text(of_toy)
    for name in (*FILLS, *SOURCES, *set(ORDERS) - {ATTENTION}, "relevance", "Fid-In", "insertion area"):
        assert name in told
    assert f"{of_toy.marked_seconds:.2f} s of 2 s chosen" in told
    written = to_dict(of_toy)
    assert json.loads(json.dumps(written, allow_nan=False)) == written
    assert (written["controls"], written["drawn"], written["draws"]) == ([], [], 0)
    assert written["replay"] is written["percentile"] is written["replay_verdict"] is None
    assert (written["replays"], written["marked_seconds"]) == (False, of_toy.marked_seconds)
