"""That an examination is what its definitions say, and that its sentence claims no more than the figures support."""

from __future__ import annotations

import dataclasses
import json
import pickle

import numpy as np
import pytest
import torch
from tiny import CLIP_SECONDS, LABELS, RATE, sounding_clips, tiny_model, tiny_recognizer
from torch import Generator
from toy import toy_model

from playitback.edits import FILLS, SILENCE, keep_only, remove
from playitback.errors import AudioError, SettingsError
from playitback.evidence.controls import CHOSEN, CONTROLS, LOUDEST, NO_REPLAY, NOT_FINER, RANDOM, nothing
from playitback.evidence.curves import ATTENTION, ENERGY, ORDERS, SLICES, measure_curves
from playitback.evidence.faithfulness import SOURCES
from playitback.evidence.intervals import Bootstrap
from playitback.evidence.runs import Ears, Tally
from playitback.explain.examine import (
    ALL_MARKED,
    ALL_SILENT,
    CONTRADICTED,
    EDIT_DRAWS,
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
from playitback.progress import Progress, finish
from playitback.recognizer import Recognizer
from playitback.report.examine_text import DEFINITIONS, SCHEMA, reservations, sentence, text, to_dict
from playitback.report.words import NBSP
from playitback.segments import Segment, pad_segments

SOUND_SECONDS = 0.8 * CLIP_SECONDS
#: shorter than what the model hears: silence follows
CLIP = sounding_clips(1)[0, : round(SOUND_SECONDS * RATE)].numpy()
DRAWS = 12


@pytest.fixture(scope="module")
def recognizer() -> Recognizer:
    return tiny_recognizer(tiny_model(playbacks=2))


@pytest.fixture(scope="module")
def label(recognizer: Recognizer) -> str:
    """What the model decides."""
    return LABELS[int(list(recognizer.explain(CLIP))[-1].probabilities.argmax())]


@pytest.fixture(scope="module")
def told() -> list[Progress]:
    return []


@pytest.fixture(scope="module")
def found(recognizer: Recognizer, label: str, told: list[Progress]) -> Examination:
    return finish(examine(recognizer, CLIP, label, draws=DRAWS), told.append)


def replaced(found: Examination, **changes: object) -> Examination:
    """The examination with other figures: of a class that is believed and of a choice that leads nowhere."""
    undecided = {
        "probability": 0.8,
        "marked": (Segment(0.2, 0.7),),
        "silent_share": 0.0,
        "drawn": (0.7, *[0.9] * (DRAWS - 1)),
        "replay": Standing.of([0.1, *[-0.1] * (DRAWS - 1)]),
        "reliance": Standing.of([0.1, *[-0.1] * (DRAWS - 1)]),
        "keeping_lead": 0.2,
        "removal_lead": 0.2,
    }
    return dataclasses.replace(found, **{**undecided, **changes})  # type: ignore[arg-type]


def said_of(found: Examination) -> str:
    """Its sentence, with spaces between numbers and units that are easy to type."""
    return sentence(found).replace(NBSP, " ")


AHEAD, BEHIND = ({"replay": Standing.of([lead] * DRAWS), "drawn": (0.8 - lead,) * DRAWS} for lead in (0.2, -0.15))
RELIED_ON = {"reliance": Standing.of([0.4] * DRAWS)}


# the figures


def test_chosen_segments_are_those_of_the_explanation(found: Examination, recognizer: Recognizer, label: str) -> None:
    hearings = list(recognizer.explain(CLIP))
    believed = [float(each.probabilities[LABELS.index(label)]) for each in hearings]
    assert found.controls[0].name == CHOSEN
    assert found.controls[0].probabilities == pytest.approx(believed, abs=1e-6)
    assert found.probability == pytest.approx(believed[-1], abs=1e-6)
    assert (found.label, found.decision) == (label, label)
    points = np.arange(0.005, CLIP_SECONDS, 0.01)
    inside, wanted = (
        np.any([(points >= each.start_seconds) & (points < each.end_seconds) for each in segments], axis=0)
        for segments in (found.marked, [segment for each in hearings for segment in each.replayed])
    )
    assert 0 < wanted.mean() < 1
    np.testing.assert_array_equal(inside, wanted)
    assert found.marked_share == pytest.approx(wanted.mean(), abs=0.02)


def test_every_control_stands_beside_the_chosen_segments(
    found: Examination, recognizer: Recognizer, label: str
) -> None:
    assert tuple(each.name for each in found.controls) == CONTROLS
    for each in found.controls:
        assert each.probabilities[0] == pytest.approx(found.controls[0].probabilities[0], abs=1e-5)
        assert each.lead == pytest.approx(found.probability - each.probability)
    assert len({round(each.probability, 7) for each in found.controls}) == len(CONTROLS)
    without = recognizer.classify(recognizer.padded(CLIP)[None], choose=nothing)[-1, 0, LABELS.index(label)]
    assert found.control(NO_REPLAY).probability == pytest.approx(float(without), abs=1e-6)


def test_draws_differ_and_their_mean_is_the_random_control(found: Examination) -> None:
    assert len(set(found.drawn)) == len(found.drawn) == found.replay.draws == DRAWS
    assert found.control(RANDOM).probability == pytest.approx(np.mean(found.drawn))
    assert found.replay.lead == pytest.approx(found.control(RANDOM).lead)
    assert found.percentile == pytest.approx(100 * np.mean([each < found.probability for each in found.drawn]))


@pytest.mark.parametrize(
    ("leads", "beaten", "percentile"),
    [
        ([0.1, 0.2, 0.3, 0.4], 4, 100.0),
        ([-0.1, -0.2, -0.3, -0.4], 0, 0.0),
        ([0.1, 0.2, -0.3, -0.4], 2, 50.0),
        ([0.0, 0.0, 0.0, 0.0], 0, 50.0),
        ([0.1, 0.0, 0.0, -0.1], 1, 50.0),
        ([0.1, 0.1, 0.1, 1e-7], 3, 87.5),
    ],
)
def test_percentile_counts_ties_half(leads: list[float], beaten: int, percentile: float) -> None:
    standing = Standing.of(leads)
    assert (standing.beaten, standing.percentile) == (beaten, percentile)
    assert standing.lead == pytest.approx(np.mean(leads))


def test_edits_are_heard_as_they_are_defined(found: Examination, recognizer: Recognizer, label: str) -> None:
    assert [(each.source, each.fill) for each in found.edits] == [(one, fill) for one in SOURCES for fill in FILLS]
    chosen = next(each for each in found.edits if (each.source, each.fill) == (CHOSEN, SILENCE))
    clip = torch.from_numpy(recognizer.padded(CLIP)).unsqueeze(0)
    segments = pad_segments([found.marked], CLIP_SECONDS)
    after = [
        recognizer.classify(edit(clip, segments, SILENCE, RATE, Generator()).numpy())[-1, 0]
        for edit in (keep_only, remove)
    ]
    kept, removed = (float(each[LABELS.index(label)]) for each in after)
    assert (chosen.kept, chosen.removed) == pytest.approx((kept, removed), abs=1e-5)
    stays = [float(LABELS[int(each.argmax())] == label) for each in after]
    assert [chosen.input_fidelity, chosen.decision_removed] == stays
    assert chosen.faithfulness == pytest.approx(found.probability - removed, abs=1e-5)
    drop = 100 * max(0.0, found.probability - kept) / found.probability
    gain = 100 * max(0.0, kept - found.probability) / (1 - found.probability)
    assert (chosen.average_drop, chosen.average_gain) == pytest.approx((drop, gain), abs=1e-2)
    assert chosen.average_increase == (100.0 if kept > found.probability else 0.0)


def test_leads_of_the_edits_are_those_over_random_segments(found: Examination) -> None:
    kept, removed = (
        {source: np.mean([getattr(each, name) for each in found.edits if each.source == source]) for source in SOURCES}
        for name in ("kept", "removed")
    )
    assert found.keeping_lead == pytest.approx(kept[CHOSEN] - kept[RANDOM])
    assert found.removal_lead == pytest.approx(removed[RANDOM] - removed[CHOSEN])
    assert found.reliance.draws == EDIT_DRAWS * len(FILLS)
    assert found.reliance.lead == pytest.approx(found.keeping_lead + found.removal_lead)


def test_curves_are_those_that_many_clips_would_have(found: Examination, recognizer: Recognizer) -> None:
    clip = torch.from_numpy(recognizer.padded(CLIP)).unsqueeze(0)
    ears = Ears(recognizer, Tally(0))
    chosen = finish(ears.hear(clip))
    expected = finish(measure_curves(ears, clip, chosen, Bootstrap(10, 0)))
    assert tuple(each.order for each in found.orders) == ORDERS
    for mine, theirs in zip(found.orders, expected.orders, strict=True):
        assert len(mine.deletion) == len(found.shares) == SLICES + 1
        # batches of another size round otherwise
        assert mine.deletion == pytest.approx(theirs.deletion, abs=1e-4)
        assert mine.insertion == pytest.approx(theirs.insertion, abs=1e-4)
        assert mine.deletion_area == pytest.approx(theirs.deletion_area.mean, abs=1e-4)
        assert mine.insertion_area == pytest.approx(theirs.insertion_area.mean, abs=1e-4)
        assert mine.deletion[0] == mine.insertion[-1] == pytest.approx(found.probability)
    assert np.ptp(found.orders[0].deletion) > 0.01


def test_same_seed_gives_the_same_evidence_step_by_step_or_in_one_go(
    found: Examination, told: list[Progress], recognizer: Recognizer, label: str
) -> None:
    steps = examine(recognizer, CLIP, label, draws=DRAWS)
    reported = [next(steps) for _ in range(len(told))]
    with pytest.raises(StopIteration) as finished:
        next(steps)
    assert finished.value.value == found
    assert reported == told
    other = finish(examine(recognizer, CLIP, label, draws=DRAWS, seed=1))
    assert (other.probability, other.marked) == (found.probability, found.marked)
    for each in ("drawn", "reliance"):
        assert getattr(other, each) != getattr(found, each)
    assert other.orders[1].deletion != found.orders[1].deletion


def test_another_class_and_fewer_playbacks_are_examined_as_asked(recognizer: Recognizer, label: str) -> None:
    other = next(each for each in LABELS if each != label)
    of_other = finish(examine(recognizer, CLIP, other, playbacks=1, draws=1))
    probabilities = list(recognizer.explain(CLIP, 1))[-1].probabilities
    assert of_other.probability == pytest.approx(float(probabilities[LABELS.index(other)]), abs=1e-6)
    assert (of_other.label, of_other.decision) == (other, LABELS[int(probabilities.argmax())])
    assert all(len(each.probabilities) == 2 for each in of_other.controls)
    assert of_other.orders[0].deletion[0] == of_other.probability
    for each in of_other.edits:
        assert each.faithfulness == pytest.approx(of_other.probability - each.removed, abs=1e-6)


# where nothing is replayed


@pytest.fixture(scope="module")
def toy() -> Recognizer:
    """Of a family that cannot replay."""
    return tiny_recognizer(toy_model())


@pytest.fixture(scope="module")
def of_toy(toy: Recognizer) -> Examination:
    return finish(examine(toy, CLIP, "siren", draws=DRAWS))


def assert_nothing_replayed(found: Examination) -> None:
    assert (found.replays, found.controls, found.drawn, found.replay) == (False, (), (), None)
    assert (found.percentile, found.replay_verdict) == (None, None)


def test_without_replay_what_was_chosen_is_examined_by_edits_and_curves_alone(
    of_toy: Examination, toy: Recognizer
) -> None:
    assert_nothing_replayed(of_toy)
    (hearing,) = toy.explain(CLIP, asked="siren")
    assert [(each.start_seconds, each.end_seconds) for each in of_toy.marked] == [
        pytest.approx((each.start_seconds, each.end_seconds)) for each in hearing.segments
    ]
    assert 0 < of_toy.marked_share < 1
    assert of_toy.probability == pytest.approx(float(hearing.probabilities[LABELS.index("siren")]), abs=1e-6)
    assert [(each.source, each.fill) for each in of_toy.edits] == [(one, fill) for one in SOURCES for fill in FILLS]
    assert of_toy.reliance.draws == EDIT_DRAWS * len(FILLS)
    assert tuple(each.order for each in of_toy.orders) == ORDERS
    assert np.ptp(of_toy.orders[0].deletion) > 1e-3
    clip = torch.from_numpy(toy.padded(CLIP)).unsqueeze(0)
    segments = pad_segments([of_toy.marked], CLIP_SECONDS)
    chosen = next(each for each in of_toy.edits if (each.source, each.fill) == (CHOSEN, SILENCE))
    removed = toy.classify(remove(clip, segments, SILENCE, RATE, Generator()).numpy())[-1, 0, LABELS.index("siren")]
    assert chosen.removed == pytest.approx(float(removed), abs=1e-6)


def test_each_class_is_examined_by_what_was_chosen_for_it(toy: Recognizer) -> None:
    marked = set()
    for label in LABELS:
        (hearing,) = toy.explain(CLIP, asked=label)
        found = finish(examine(toy, CLIP, label, draws=1))
        assert found.marked == hearing.segments
        marked.add(found.marked)
    assert len(marked) > 1


def test_without_replay_progress_rises_to_the_total_as_well(toy: Recognizer) -> None:
    told: list[Progress] = []
    finish(examine(toy, CLIP, "rain", draws=DRAWS), told.append)
    done = [each.done for each in told]
    assert done == sorted(done)
    assert {each.total for each in told} == {done[-1]}


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


def test_a_model_that_replays_is_examined_without_a_playback_like_one_that_cannot(recognizer: Recognizer) -> None:
    found = finish(examine(recognizer, CLIP, "rain", playbacks=0, draws=DRAWS))
    assert_nothing_replayed(found)
    (hearing,) = recognizer.explain(CLIP, 0)
    assert found.marked == hearing.segments


# progress, cancelling, JSON, errors


def test_progress_rises_to_the_total(found: Examination, told: list[Progress]) -> None:
    done = [each.done for each in told]
    assert done[0] == 1
    assert done == sorted(done)
    assert {each.total for each in told} == {done[-1]}
    assert np.diff(done).max() <= 20
    assert len(done) > 10


def test_raising_in_the_report_cancels(recognizer: Recognizer, label: str) -> None:
    class CancelledError(Exception):
        pass

    told = []

    def cancel(progress: Progress) -> None:
        told.append(progress.done)
        if progress.done > 5:
            raise CancelledError

    with pytest.raises(CancelledError):
        finish(examine(recognizer, CLIP, label), cancel)
    assert told[-1] < 30


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


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"label": "cow"}, "knows no class 'cow'; choose one of its 4 classes"),
        ({"draws": 0}, "draws must be positive, got 0"),
        ({"playbacks": -1}, "plays back 0 to 2 times, not -1"),
        ({"playbacks": 3}, "plays back 0 to 2 times, not 3"),
    ],
)
def test_what_cannot_be_examined_is_refused(settings: dict[str, object], message: str, recognizer: Recognizer) -> None:
    with pytest.raises(SettingsError, match=message):
        finish(examine(recognizer, CLIP, **{"label": LABELS[0], **settings}))  # type: ignore[arg-type]


def test_too_long_a_clip_is_refused(recognizer: Recognizer) -> None:
    with pytest.raises(AudioError, match="crop it"):
        finish(examine(recognizer, np.tile(CLIP, 2), LABELS[0]))


# what is said of them


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


def test_one_draw_that_does_as_well_takes_the_support_away(found: Examination) -> None:
    for name in ("replay", "reliance"):
        all_but_one = replaced(found, **{name: Standing.of([0.5] * (DRAWS - 1) + [0.0])})
        assert getattr(all_but_one, f"{name}_verdict") == NOT_SUPPORTED


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


@pytest.mark.parametrize("name", ["keeping_lead", "removal_lead"])
def test_removal_alone_and_keeping_alone_are_no_evidence(name: str, found: Examination) -> None:
    assert replaced(found, **RELIED_ON).reliance_verdict == SUPPORTED
    assert replaced(found, **RELIED_ON, **{name: 0.0}).reliance_verdict == NOT_SUPPORTED


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
    recognizer = tiny_recognizer(tiny_model(playbacks=1, threshold=1.0, clip_seconds=1.0))
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
