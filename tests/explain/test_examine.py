"""That the evidence of one clip is what its definitions say, and that its sentence claims no more than it supports."""

from __future__ import annotations

import dataclasses
import json
import pickle
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import CLIP_SECONDS, LABELS, RATE, sounding_clips, tiny_checkpoint, tiny_model
from torch import Generator

from playitback.edits import FILLS, SILENCE, keep_only, remove
from playitback.errors import AudioError, SettingsError
from playitback.evidence.controls import CHOSEN, CONTROLS, LOUDEST, NO_REPLAY, NOT_FINER, RANDOM, nothing
from playitback.evidence.curves import ATTENTION, ENERGY, ORDERS, SLICES, measure_curves
from playitback.evidence.faithfulness import SOURCES
from playitback.evidence.intervals import Bootstrap
from playitback.evidence.runs import Heard, hear
from playitback.explain.examine import (
    EDIT_DRAWS,
    ENOUGH_DRAWS,
    LEAST_LEAD,
    SCHEMA,
    ClipEvidence,
    Standing,
    examination,
    examine,
)
from playitback.models.replay.model import ReplayModel
from playitback.recognizer import Recognizer
from playitback.report.examine_text import ALL_REPLAYED, DEFINITIONS, NOTHING_REPLAYED
from playitback.explain.examine import ALL_SILENT, CONTRADICTED, NOT_BELIEVED, NOT_SUPPORTED, OBSTACLES, SUPPORTED
from playitback.segments import Segment, pad_segments

SOUND_SECONDS = 0.8 * CLIP_SECONDS
#: shorter than what the model hears: silence follows
CLIP = sounding_clips(1)[0, : round(SOUND_SECONDS * RATE)].numpy()
DRAWS = 12


def ignore(done: int, total: int) -> None:
    """Progress that nobody watches."""


def recognizer_of(model: ReplayModel, folder: Path) -> Recognizer:
    return Recognizer.from_checkpoint(tiny_checkpoint(folder / "tiny", model), "cpu")


@pytest.fixture(scope="module")
def recognizer(tmp_path_factory: pytest.TempPathFactory) -> Recognizer:
    return recognizer_of(tiny_model(playbacks=2), tmp_path_factory.mktemp("clip-evidence"))


@pytest.fixture(scope="module")
def label(recognizer: Recognizer) -> str:
    """What the model decides."""
    return LABELS[int(list(recognizer.explain(CLIP))[-1].probabilities.argmax())]


@pytest.fixture(scope="module")
def told() -> list[tuple[int, int]]:
    return []


@pytest.fixture(scope="module")
def found(recognizer: Recognizer, label: str, told: list[tuple[int, int]]) -> ClipEvidence:
    def work() -> Iterator[Heard | ClipEvidence]:
        yield (yield from examination(recognizer, CLIP, label, draws=DRAWS))

    *heard, evidence = work()
    told.extend((each.done, each.total) for each in heard)
    return evidence


def replaced(found: ClipEvidence, **changes: object) -> ClipEvidence:
    """The evidence with other figures: of a class that is believed and of a choice that leads nowhere."""
    undecided = {
        "probability": 0.8,
        "replayed": (Segment(0.2, 0.7),),
        "silent_share": 0.0,
        "drawn": (0.7, *[0.9] * (DRAWS - 1)),
        "replay": Standing.of([0.1, *[-0.1] * (DRAWS - 1)]),
        "reliance": Standing.of([0.1, *[-0.1] * (DRAWS - 1)]),
        "keeping_lead": 0.2,
        "removal_lead": 0.2,
    }
    return dataclasses.replace(found, **{**undecided, **changes})  # type: ignore[arg-type]


AHEAD, BEHIND = ({"replay": Standing.of([lead] * DRAWS), "drawn": (0.8 - lead,) * DRAWS} for lead in (0.2, -0.15))
RELIED_ON = {"reliance": Standing.of([0.4] * DRAWS)}


# the figures


def test_chosen_segments_are_those_of_the_explanation(found: ClipEvidence, recognizer: Recognizer, label: str) -> None:
    playbacks = list(recognizer.explain(CLIP))
    believed = [float(each.probabilities[LABELS.index(label)]) for each in playbacks]
    assert found.controls[0].name == CHOSEN
    assert found.controls[0].probabilities == pytest.approx(believed, abs=1e-6)
    assert found.probability == pytest.approx(believed[-1], abs=1e-6)
    assert (found.label, found.decision) == (label, label)
    points = np.arange(0.005, CLIP_SECONDS, 0.01)
    inside, wanted = (
        np.any([(points >= each.start_seconds) & (points < each.end_seconds) for each in segments], axis=0)
        for segments in (found.replayed, [segment for each in playbacks for segment in each.replayed])
    )
    assert 0 < wanted.mean() < 1
    np.testing.assert_array_equal(inside, wanted)
    assert found.replayed_share == pytest.approx(wanted.mean(), abs=0.02)


def test_every_control_stands_beside_the_chosen_segments(
    found: ClipEvidence, recognizer: Recognizer, label: str
) -> None:
    assert tuple(each.name for each in found.controls) == CONTROLS
    for each in found.controls:
        assert each.probabilities[0] == pytest.approx(found.controls[0].probabilities[0], abs=1e-5)
        assert each.lead == pytest.approx(found.probability - each.probability)
    assert len({round(each.probability, 7) for each in found.controls}) == len(CONTROLS)
    without = recognizer.classify(recognizer.padded(CLIP)[None], choose=nothing)[-1, 0, LABELS.index(label)]
    assert found.control(NO_REPLAY).probability == pytest.approx(float(without), abs=1e-6)


def test_draws_differ_and_their_mean_is_the_random_control(found: ClipEvidence) -> None:
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


def test_edits_are_heard_as_they_are_defined(found: ClipEvidence, recognizer: Recognizer, label: str) -> None:
    assert [(each.source, each.fill) for each in found.edits] == [(one, fill) for one in SOURCES for fill in FILLS]
    chosen = next(each for each in found.edits if (each.source, each.fill) == (CHOSEN, SILENCE))
    clip = torch.from_numpy(recognizer.padded(CLIP)).unsqueeze(0)
    segments = pad_segments([found.replayed], CLIP_SECONDS)
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


def test_leads_of_the_edits_are_those_over_random_segments(found: ClipEvidence) -> None:
    kept, removed = (
        {source: np.mean([getattr(each, name) for each in found.edits if each.source == source]) for source in SOURCES}
        for name in ("kept", "removed")
    )
    assert found.keeping_lead == pytest.approx(kept[CHOSEN] - kept[RANDOM])
    assert found.removal_lead == pytest.approx(removed[RANDOM] - removed[CHOSEN])
    assert found.reliance.draws == EDIT_DRAWS * len(FILLS)
    assert found.reliance.lead == pytest.approx(found.keeping_lead + found.removal_lead)


def test_curves_are_those_that_many_clips_would_have(found: ClipEvidence, recognizer: Recognizer) -> None:
    clip = torch.from_numpy(recognizer.padded(CLIP)).unsqueeze(0)
    model = tiny_model(playbacks=2)
    chosen = hear(model, clip, lambda clips: None)
    expected = measure_curves(model, clip, chosen, Bootstrap(10, 0), lambda clips: None)
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
    found: ClipEvidence, told: list[tuple[int, int]], recognizer: Recognizer, label: str
) -> None:
    reported: list[tuple[int, int]] = []
    again = examine(recognizer, CLIP, label, draws=DRAWS, report=lambda done, total: reported.append((done, total)))
    assert again == found
    assert reported == told
    other = examine(recognizer, CLIP, label, draws=DRAWS, seed=1, report=ignore)
    assert (other.probability, other.replayed) == (found.probability, found.replayed)
    for each in ("drawn", "reliance"):
        assert getattr(other, each) != getattr(found, each)
    assert other.orders[1].deletion != found.orders[1].deletion


def test_another_class_and_fewer_playbacks_are_examined_as_asked(recognizer: Recognizer, label: str) -> None:
    other = next(each for each in LABELS if each != label)
    of_other = examine(recognizer, CLIP, other, playbacks=1, draws=1, report=ignore)
    probabilities = list(recognizer.explain(CLIP, 1))[-1].probabilities
    assert of_other.probability == pytest.approx(float(probabilities[LABELS.index(other)]), abs=1e-6)
    assert (of_other.label, of_other.decision) == (other, LABELS[int(probabilities.argmax())])
    assert all(len(each.probabilities) == 2 for each in of_other.controls)
    assert of_other.orders[0].deletion[0] == of_other.probability
    for each in of_other.edits:
        assert each.faithfulness == pytest.approx(of_other.probability - each.removed, abs=1e-6)


# progress, cancelling, JSON, errors


def test_progress_rises_to_the_total(found: ClipEvidence, told: list[tuple[int, int]]) -> None:
    done = [each for each, _ in told]
    assert done[0] == 1
    assert done == sorted(done)
    assert {total for _, total in told} == {done[-1]}
    assert np.diff(done).max() <= 20
    assert len(done) > 10


def test_raising_in_the_report_cancels(recognizer: Recognizer, label: str) -> None:
    class CancelledError(Exception):
        pass

    told = []

    def cancel(done: int, total: int) -> None:
        told.append(done)
        if done > 5:
            raise CancelledError

    with pytest.raises(CancelledError):
        examine(recognizer, CLIP, label, report=cancel)
    assert told[-1] < 30


def test_json_and_pickle_come_back_as_they_went(found: ClipEvidence) -> None:
    written = found.to_dict()
    assert json.loads(json.dumps(written, allow_nan=False)) == written
    assert pickle.loads(pickle.dumps(found)) == found
    assert written["schema"] == SCHEMA
    assert written["sentence"] == found.sentence
    assert written["reservations"] == list(found.reservations)
    assert written["percentile"] == found.percentile
    assert written["drawn"] == list(found.drawn)
    assert written["replayed"][0]["start_seconds"] == found.replayed[0].start_seconds
    assert written["edits"][0]["input_fidelity"] == found.edits[0].input_fidelity


def test_terminal_text_has_every_figure(found: ClipEvidence) -> None:
    text = found.text()
    for words in (*CONTROLS, *FILLS, *SOURCES, *ORDERS, "percentile", "Fid-In", "insertion area"):
        assert words in text
    assert max(map(len, text.splitlines())) <= 120
    assert " ".join(found.sentence.split()) in " ".join(text.split())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"label": "cow"}, "knows no class 'cow'; choose one of its 4 classes"),
        ({"draws": 0}, "draws must be positive, got 0"),
        ({"playbacks": 0}, "without a playback nothing is replayed"),
        ({"playbacks": 3}, "plays back 0 to 2 times, not 3"),
    ],
)
def test_what_cannot_be_examined_is_refused(settings: dict[str, object], message: str, recognizer: Recognizer) -> None:
    with pytest.raises(SettingsError, match=message):
        examine(recognizer, CLIP, **{"label": LABELS[0], "report": ignore, **settings})  # type: ignore[arg-type]


def test_too_long_a_clip_is_refused(recognizer: Recognizer) -> None:
    with pytest.raises(AudioError, match="crop it"):
        examine(recognizer, np.tile(CLIP, 2), LABELS[0], report=ignore)


# what is said of them


def test_nothing_is_claimed_inside_the_range_of_the_draws(found: ClipEvidence) -> None:
    undecided = replaced(found)
    assert (undecided.replay_verdict, undecided.reliance_verdict) == (NOT_SUPPORTED, NOT_SUPPORTED)
    assert undecided.sentence.startswith(
        "On this one clip the figures support nothing: not that hearing the chosen moments again speaks for "
    )
    assert "80 % after them, 70 % to 90 % after 12 random draws" in undecided.sentence
    assert "for random moments, means over 4 fills; ahead of 1 of 12 random draws)." in undecided.sentence
    assert undecided.sentence.count("support") == 1


def test_leading_all_draws_is_supported(found: ClipEvidence) -> None:
    ahead = replaced(found, **AHEAD)
    assert (ahead.replay_verdict, ahead.reliance_verdict) == (SUPPORTED, NOT_SUPPORTED)
    assert "figures support that hearing the chosen moments again speaks for" in ahead.sentence
    assert ", but not that" in ahead.sentence
    both = replaced(found, **AHEAD, **RELIED_ON)
    assert both.reliance_verdict == SUPPORTED
    assert both.sentence.count(" that ") == 2
    assert "but not" not in both.sentence


def test_one_draw_that_does_as_well_takes_the_support_away(found: ClipEvidence) -> None:
    for name in ("replay", "reliance"):
        all_but_one = replaced(found, **{name: Standing.of([0.5] * (DRAWS - 1) + [0.0])})
        assert getattr(all_but_one, f"{name}_verdict") == NOT_SUPPORTED


def test_trifling_leads_support_nothing(found: ClipEvidence) -> None:
    trifle = replaced(found, replay=Standing.of([LEAST_LEAD / 2] * DRAWS), reliance=Standing.of([0.05] * DRAWS))
    assert (trifle.replay_verdict, trifle.reliance_verdict) == (NOT_SUPPORTED, NOT_SUPPORTED)
    assert "less than a point apart on average" in trifle.sentence


def test_few_draws_support_nothing_and_are_said_to_be_too_few(found: ClipEvidence) -> None:
    few, enough = (
        replaced(found, replay=Standing.of([0.2] * draws), drawn=(0.6,) * draws)
        for draws in (ENOUGH_DRAWS - 1, ENOUGH_DRAWS)
    )
    assert few.replay_verdict == NOT_SUPPORTED
    assert "which are too few" in few.sentence
    assert enough.replay_verdict == SUPPORTED


def test_trailing_all_draws_is_said_as_a_contradiction(found: ClipEvidence) -> None:
    behind = replaced(found, **BEHIND)
    assert behind.replay_verdict == CONTRADICTED
    assert "support nothing: not that" in behind.sentence
    assert ", and they contradict that hearing the chosen moments again" in behind.sentence
    relied_on = replaced(found, **BEHIND, **RELIED_ON)
    assert "figures support that" in relied_on.sentence
    assert "contradict" in relied_on.sentence


@pytest.mark.parametrize("name", ["keeping_lead", "removal_lead"])
def test_removal_alone_and_keeping_alone_are_no_evidence(name: str, found: ClipEvidence) -> None:
    assert replaced(found, **RELIED_ON).reliance_verdict == SUPPORTED
    assert replaced(found, **RELIED_ON, **{name: 0.0}).reliance_verdict == NOT_SUPPORTED


@pytest.mark.parametrize(
    ("changes", "obstacle", "words"),
    [
        ({"silent_share": 1.0}, ALL_SILENT, "digital silence"),
        ({"replayed": ()}, NOTHING_REPLAYED, "chose no moment to hear again"),
        ({"replayed": (Segment(0.0, 0.99 * CLIP_SECONDS),)}, ALL_REPLAYED, "99 % of it was heard again"),
        ({"probability": 0.04}, NOT_BELIEVED, "only 4 %"),
    ],
)
def test_where_nothing_can_be_compared_nothing_is_supported(
    changes: dict[str, object], obstacle: str, words: str, found: ClipEvidence
) -> None:
    hindered = replaced(found, **{**AHEAD, **RELIED_ON, **changes})
    assert hindered.obstacle == obstacle
    assert obstacle in OBSTACLES
    assert (hindered.replay_verdict, hindered.reliance_verdict) == (NOT_SUPPORTED, NOT_SUPPORTED)
    assert hindered.sentence.startswith("On this one clip the figures support nothing: ")
    assert words in hindered.sentence
    assert hindered.reservations == ()


def test_a_model_that_chooses_nothing_leaves_nothing_to_compare(tmp_path: Path) -> None:
    recognizer = recognizer_of(tiny_model(playbacks=1, threshold=1.0, clip_seconds=1.0), tmp_path)
    found = examine(recognizer, CLIP[:RATE], "rain", draws=2, report=ignore)
    assert found.obstacle == NOTHING_REPLAYED
    assert found.percentile == 50.0
    assert json.dumps(found.to_dict(), allow_nan=False)


def test_silence_is_said_to_be_silence(recognizer: Recognizer) -> None:
    found = examine(recognizer, np.zeros_like(CLIP), "rain", draws=2, report=ignore)
    assert found.obstacle == ALL_SILENT
    assert json.dumps(found.to_dict(), allow_nan=False)


def test_silence_after_a_short_clip_is_counted(found: ClipEvidence) -> None:
    assert found.silent_share == pytest.approx(1 - SOUND_SECONDS / CLIP_SECONDS, abs=0.011)
    said = replaced(found, silent_share=found.silent_share).reservations
    assert any("20 % of the clip is digital silence" in each for each in said)


def test_reservations_are_made_where_they_are_due(found: ClipEvidence) -> None:
    def beaten_by(name: str) -> ClipEvidence:
        controls = tuple(dataclasses.replace(each, lead=0.0 if each.name == name else 0.3) for each in found.controls)
        return replaced(found, **AHEAD, controls=controls)

    for name, words in (
        (LOUDEST, "loudness alone would have chosen as well"),
        (NO_REPLAY, "replaying did not raise it"),
        (NOT_FINER, "the finer hop has no part in it"),
    ):
        said = " ".join(beaten_by(name).reservations)
        assert words in said
        assert sum(each in said for each in ("loudness alone", "did not raise", "finer hop has")) == 1
    unsure = replaced(found, probability=0.3, decision="another_class")
    assert "The model decides for another class, not for " in unsure.reservations[0]
    assert "unsure" in unsure.reservations[1]
    assert not any("unsure" in each or "decides" in each for each in replaced(found).reservations)


def test_loudness_that_matters_as_much_is_said(found: ClipEvidence) -> None:
    def with_loudest(kept: float) -> ClipEvidence:
        levels = {CHOSEN: 0.8, LOUDEST: kept, RANDOM: 0.3}
        edits = tuple(dataclasses.replace(each, kept=levels[each.source], removed=0.1) for each in found.edits)
        return replaced(found, **RELIED_ON, edits=edits)

    assert any("loudness alone would have found it" in each for each in with_loudest(0.8).reservations)
    assert not any("loudness" in each for each in with_loudest(0.5).reservations)
    assert "80 % with nothing else left and 10 % without them, 30 % and 10 %" in with_loudest(0.5).sentence


def test_curves_that_do_not_side_with_attention_are_named(found: ClipEvidence) -> None:
    def with_areas(*areas: tuple[float, float]) -> ClipEvidence:
        orders = tuple(
            dataclasses.replace(each, deletion_area=deletion, insertion_area=insertion)
            for each, (deletion, insertion) in zip(found.orders, areas, strict=True)
        )
        return replaced(found, orders=orders)

    assert found.orders[0].order == ATTENTION
    best = with_areas((0.2, 0.7), (0.4, 0.4), (0.3, 0.6))
    assert set(best.orders_beaten) == set(ORDERS) - {ATTENTION}
    assert best.reservations == ()
    # energy restores the class sooner
    mixed = with_areas((0.2, 0.7), (0.4, 0.4), (0.3, 0.8))
    assert ENERGY not in mixed.orders_beaten
    assert mixed.reservations == (
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
