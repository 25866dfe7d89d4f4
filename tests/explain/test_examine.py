"""That an examination is what its definitions say."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from examined import CLIP, DRAWS, RELIED_ON, decision, replaced, replaying
from tiny import CLIP_SECONDS, LABELS, RATE, recognizer_of
from torch import Generator
from toy import toy_model

from playitback.edits import FILLS, SILENCE, keep_only, remove
from playitback.errors import AudioError, SettingsError
from playitback.evidence.controls import CHOSEN, CONTROLS, NO_REPLAY, RANDOM, nothing
from playitback.evidence.curves import ORDERS, SLICES, measure_curves
from playitback.evidence.faithfulness import SOURCES
from playitback.evidence.intervals import Bootstrap
from playitback.evidence.runs import Ears, Tally
from playitback.explain.examine import EDIT_DRAWS, NOT_SUPPORTED, SUPPORTED, Examination, Standing, examine
from playitback.progress import Progress, finish
from playitback.recognizer import Recognizer
from playitback.segments import pad_segments


@pytest.fixture(scope="module")
def recognizer() -> Recognizer:
    return replaying()


@pytest.fixture(scope="module")
def label(recognizer: Recognizer) -> str:
    """What the model decides."""
    return decision(recognizer)


@pytest.fixture(scope="module")
def told() -> list[Progress]:
    return []


@pytest.fixture(scope="module")
def found(recognizer: Recognizer, label: str, told: list[Progress]) -> Examination:
    return finish(examine(recognizer, CLIP, label, draws=DRAWS), told.append)


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


# verdicts


def test_one_draw_that_does_as_well_takes_the_support_away(found: Examination) -> None:
    for name in ("replay", "reliance"):
        all_but_one = replaced(found, **{name: Standing.of([0.5] * (DRAWS - 1) + [0.0])})
        assert getattr(all_but_one, f"{name}_verdict") == NOT_SUPPORTED


@pytest.mark.parametrize("name", ["keeping_lead", "removal_lead"])
def test_removal_alone_and_keeping_alone_are_no_evidence(name: str, found: Examination) -> None:
    assert replaced(found, **RELIED_ON).reliance_verdict == SUPPORTED
    assert replaced(found, **RELIED_ON, **{name: 0.0}).reliance_verdict == NOT_SUPPORTED


# where nothing is replayed


@pytest.fixture(scope="module")
def toy() -> Recognizer:
    """Of a family that cannot replay."""
    return recognizer_of(toy_model())


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


def test_a_model_that_replays_is_examined_without_a_playback_like_one_that_cannot(recognizer: Recognizer) -> None:
    found = finish(examine(recognizer, CLIP, "rain", playbacks=0, draws=DRAWS))
    assert_nothing_replayed(found)
    (hearing,) = recognizer.explain(CLIP, 0)
    assert found.marked == hearing.segments


# progress, cancelling, errors


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
    with pytest.raises(AudioError, match="one channel of 1 to 32000 floats"):
        finish(examine(recognizer, np.tile(CLIP, 2), LABELS[0]))
