"""What other segments and other sounds do to a run, and that what was asked for is what was done."""

from __future__ import annotations

import dataclasses
import itertools
import pickle
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import CLIP_SECONDS, LABELS, RATE, explanation_of, noise, recognizer_of, sounding_clips
from torch import Generator
from toy import toy_model

from playitback.checkpoint import BUNDLED
from playitback.edits import FADE_SECONDS, FILLS, NOISE, SILENCE, keep_only, remove
from playitback.errors import AudioError, SettingsError
from playitback.explain.explanation import Explanation
from playitback.explain.what_if import KEEP, REMOVE, Edit, check_segments, difference, edited, forced, what_if
from playitback.recognizer import ClipHearing, Recognizer
from playitback.segments import Segment

CLIP = sounding_clips(1)[0].numpy()
FIRST, SECOND = Segment(0.1, 0.45), Segment(1.2, 1.7)


@pytest.fixture(scope="module")
def recognizer() -> Recognizer:
    return recognizer_of()


@pytest.fixture(scope="module")
def original(recognizer: Recognizer) -> Explanation:
    return explanation_of(recognizer.explain(CLIP))


def with_probabilities(run: Explanation, *rows: tuple[float, ...]) -> Explanation:
    """The first hearings of a run, believing otherwise."""
    hearings = tuple(
        dataclasses.replace(hearing, probabilities=np.array(row, np.float32), decision=int(np.argmax(row)))
        for hearing, row in zip(run.hearings, rows, strict=False)
    )
    return dataclasses.replace(run, hearings=hearings)


def assert_same_hearing(one: ClipHearing, other: ClipHearing) -> None:
    assert (one.segments, one.replayed) == (other.segments, other.replayed)
    np.testing.assert_array_equal(one.probabilities, other.probabilities)
    np.testing.assert_array_equal(one.log_mel, other.log_mel)


def test_without_a_question_the_answer_is_the_explanation(recognizer: Recognizer, original: Explanation) -> None:
    answer = list(what_if(recognizer, CLIP))
    for one, other in zip(answer, original.hearings, strict=True):
        assert_same_hearing(one, other)


def test_held_segments_are_replayed_and_the_slots_own_choice_is_still_told(
    recognizer: Recognizer, original: Explanation
) -> None:
    answer = list(what_if(recognizer, CLIP, {0: (FIRST, SECOND)}))
    assert_same_hearing(answer[0], original.hearings[0])
    assert original.hearings[0].segments not in ((), (FIRST, SECOND))
    assert answer[1].replayed == (FIRST, SECOND)
    assert np.abs(answer[1].probabilities - original.hearings[1].probabilities).max() > 0
    # and they get twice the frames of the rest, as what the slots choose does
    frames = np.diff(answer[1].time_map.frames(np.array([0.1, 0.45, 1.2])))
    assert frames[0] / 0.35 == pytest.approx(2 * frames[1] / 0.75)


def test_hearings_that_are_not_held_choose_from_what_they_then_hear(
    recognizer: Recognizer, original: Explanation
) -> None:
    answer = list(what_if(recognizer, CLIP, {1: (SECOND,)}))
    for index in (0, 1):
        assert_same_hearing(answer[index], original.hearings[index])
    assert answer[2].replayed == (SECOND,)
    assert answer[3].replayed == answer[2].segments != ()
    assert answer[2].segments != original.hearings[2].segments


def test_holding_what_the_slots_chose_changes_nothing(recognizer: Recognizer, original: Explanation) -> None:
    held = {index: original.hearings[index].segments for index in range(3)}
    for one, other in zip(what_if(recognizer, CLIP, held), original.hearings, strict=True):
        assert_same_hearing(one, other)


def test_holding_no_segments_replays_nothing(recognizer: Recognizer) -> None:
    answer = list(what_if(recognizer, CLIP, {0: (), 1: (), 2: ()}))
    assert all(each.replayed == () for each in answer)
    for each in answer:
        np.testing.assert_array_equal(each.log_mel, answer[0].log_mel)


def test_held_segments_are_sorted_and_joined_before_they_are_replayed(recognizer: Recognizer) -> None:
    answer = list(what_if(recognizer, CLIP, {0: (Segment(1.0, 1.5), Segment(0.2, 0.4), Segment(1.4, 1.8))}, (), 1))
    assert len(answer) == 2
    assert answer[1].replayed == (Segment(0.2, 0.4), Segment(1.0, 1.8))


def test_held_segments_count_for_every_clip_of_a_batch(recognizer: Recognizer) -> None:
    clips = sounding_clips(3).numpy()
    held = {0: (FIRST, SECOND), 2: (SECOND,)}
    together = recognizer.classify(clips, choose=forced(held))
    for index, clip in enumerate(clips):
        alone = np.stack([each.probabilities for each in what_if(recognizer, clip, held)])
        np.testing.assert_allclose(together[:, index], alone, atol=1e-5)


@pytest.mark.parametrize("index", [-1, 2, 3])
def test_holding_a_hearing_that_nothing_follows_is_refused(recognizer: Recognizer, index: int) -> None:
    with pytest.raises(SettingsError, match=rf"held for playback {index + 1}, but there are 2; let go"):
        what_if(recognizer, CLIP, {index: (FIRST,)}, playbacks=2)


def test_the_edited_sound_is_what_the_model_hears(recognizer: Recognizer) -> None:
    edits = (Edit(REMOVE, (FIRST,), NOISE, seed=3),)
    for one, other in zip(
        what_if(recognizer, CLIP, {0: (SECOND,)}, edits),
        what_if(recognizer, edited(CLIP, edits, RATE), {0: (SECOND,)}),
        strict=True,
    ):
        assert_same_hearing(one, other)


@pytest.mark.parametrize("fill", FILLS)
def test_edits_remove_or_keep_with_their_fill_and_seed(fill: str) -> None:
    clip, segments = torch.from_numpy(CLIP)[None], torch.tensor([[[0.1, 0.45], [1.2, 1.7]]], dtype=torch.float64)
    for action, change in ((REMOVE, remove), (KEEP, keep_only)):
        found = edited(CLIP, [Edit(action, (SECOND, FIRST), fill, seed=5)], RATE)
        wanted = change(clip, segments, fill, RATE, Generator().manual_seed(5))[0].numpy()
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, wanted)


def test_edits_are_made_one_after_the_other_and_leave_the_original_alone() -> None:
    before = CLIP.copy()
    both = edited(CLIP, [Edit(KEEP, (Segment(0.0, 1.0),)), Edit(REMOVE, (Segment(0.0, 0.5),))], RATE)
    fade = round(FADE_SECONDS * RATE)
    assert not both[: RATE // 2 - fade].any()
    assert not both[RATE + fade :].any()
    np.testing.assert_array_equal(both[RATE // 2 + fade : RATE - fade], CLIP[RATE // 2 + fade : RATE - fade])
    np.testing.assert_array_equal(CLIP, before)


def test_no_edit_leaves_the_sound_as_it_is() -> None:
    np.testing.assert_array_equal(edited(CLIP, (), RATE), CLIP)


def test_a_segment_may_reach_into_the_silence_after_a_short_recording(recognizer: Recognizer) -> None:
    short = noise(0.7)
    *_, silent = what_if(recognizer, short, edits=[Edit(REMOVE, (Segment(0.0, 0.75),))])
    *_, nothing = recognizer.explain(np.zeros(1, np.float32))
    np.testing.assert_array_equal(silent.probabilities, nothing.probabilities)


@pytest.mark.parametrize(
    ("action", "segments", "fill", "message"),
    [
        ("louder", (FIRST,), SILENCE, "no edit 'louder'; choose one of remove, keep"),
        (REMOVE, (FIRST,), "music", "no fill 'music'; choose one of silence, mean spectrum"),
        (KEEP, (), SILENCE, "no segment was given to keep"),
    ],
)
def test_edits_that_make_no_sense_are_refused(
    action: str, segments: tuple[Segment, ...], fill: str, message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        Edit(action, segments, fill)


@pytest.mark.parametrize(
    ("segment", "message"),
    [
        (Segment(1.0, 0.5), "from 1.00 s to 0.50 s was given; it must end after"),
        (Segment(0.5, 0.5), "must end after it starts"),
        (Segment(1.5, 2.1), "from 1.50 s to 2.10 s was given, but the clip is 2 s long; keep both ends within"),
        (Segment(-0.1, 0.5), "the clip is 2 s long"),
        (Segment(float("nan"), 0.5), "both ends must be numbers"),
        (Segment(0.5, float("inf")), "both ends must be numbers"),
        (Segment(0.5, 0.53), "too short; make it at least 0.05 s"),
    ],
)
def test_segments_that_cannot_be_replayed_are_refused(recognizer: Recognizer, segment: Segment, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        check_segments([FIRST, segment], CLIP_SECONDS)
    with pytest.raises(SettingsError, match=message):  # at once, not when the first hearing is asked for
        what_if(recognizer, CLIP, {0: (segment,)})


def test_what_is_removed_may_be_as_short_as_a_fade_and_must_lie_in_the_clip() -> None:
    edited(CLIP, [Edit(REMOVE, (Segment(0.5, 0.51),))], RATE)
    with pytest.raises(SettingsError, match=r"too short; make it at least 0\.01 s"):
        edited(CLIP, [Edit(REMOVE, (Segment(0.5, 0.505),))], RATE)
    with pytest.raises(SettingsError, match="the clip is 2 s long"):
        edited(CLIP, [Edit(REMOVE, (Segment(1.5, 2.5),))], RATE)


def test_ends_that_rounding_moved_out_of_the_clip_are_moved_back() -> None:
    assert check_segments([Segment(-1e-9, 0.5), Segment(1.0, 2.0 + 1e-9)], 2.0) == (Segment(0, 0.5), Segment(1, 2))


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.integers(0, 18), st.integers(1, 20)).filter(lambda pair: pair[0] < pair[1]), max_size=6))
def test_checked_segments_cover_the_same_time_sorted_and_apart(pairs: list[tuple[int, int]]) -> None:
    given_segments = [Segment(start / 10, end / 10) for start, end in pairs]
    found = check_segments(given_segments, CLIP_SECONDS)

    def covers(segments: Iterable[Segment]) -> list[bool]:
        middles = np.arange(0.05, CLIP_SECONDS, 0.1)
        return [any(each.start_seconds < second < each.end_seconds for each in segments) for second in middles]

    assert covers(found) == covers(given_segments)
    ends = [end for each in found for end in (each.start_seconds, each.end_seconds)]
    assert all(before < after for before, after in itertools.pairwise(ends))
    assert check_segments(found, CLIP_SECONDS) == found


def test_nothing_can_be_held_for_a_model_that_cannot_replay() -> None:
    toy = recognizer_of(toy_model())
    with pytest.raises(SettingsError, match=r"but tiny cannot replay; remove them from the sound, or keep only them"):
        what_if(toy, CLIP, {0: (FIRST,)})
    (heard,) = what_if(toy, CLIP, {}, [Edit(REMOVE, (FIRST,))])
    (unchanged,) = toy.explain(CLIP)
    assert np.abs(heard.probabilities - unchanged.probabilities).max() > 1e-4


def test_the_class_asked_about_is_explained_in_the_variant_as_well() -> None:
    toy = recognizer_of(toy_model())
    other = next(label for index, label in enumerate(LABELS) if index != next(toy.explain(CLIP)).asked)
    edits = [Edit(KEEP, (Segment(0.0, 1.0),))]
    (asked,), (decided,) = (what_if(toy, CLIP, None, edits, asked=label) for label in (other, None))
    assert LABELS[asked.asked] == other
    assert np.abs(asked.relevance - decided.relevance).max() > 0.01
    (again,) = toy.explain(edited(CLIP, edits, RATE), asked=other)
    np.testing.assert_array_equal(asked.relevance, again.relevance)


def test_a_clip_that_cannot_be_heard_is_refused_at_once(recognizer: Recognizer) -> None:
    with pytest.raises(AudioError, match="one channel of 1 to 32000 floats"):
        what_if(recognizer, np.zeros(40_000, np.float32))


def test_question_and_answer_can_travel_between_processes(recognizer: Recognizer) -> None:
    held, edits = {0: (FIRST,)}, (Edit(KEEP, (SECOND,)),)
    assert pickle.loads(pickle.dumps((held, edits))) == (held, edits)
    for one in what_if(recognizer, CLIP, held, edits):
        assert_same_hearing(one, pickle.loads(pickle.dumps(one)))


def test_difference_follows_one_class_hearing_by_hearing(original: Explanation) -> None:
    before = with_probabilities(original, (0.5, 0.3, 0.1, 0.1), (0.6, 0.2, 0.1, 0.1), (0.5, 0.3, 0.1, 0.1))
    after = with_probabilities(original, (0.5, 0.3, 0.1, 0.1), (0.5, 0.3, 0.1, 0.1), (0.2, 0.6, 0.1, 0.1))
    found = difference(before, after, "bell")
    assert found.label == "bell"
    assert (found.first_hearing, found.first_other_decision) == (1, 2)
    assert [each.index for each in found.hearings] == [0, 1, 2]
    assert [each.change for each in found.hearings] == pytest.approx([0, -0.1, -0.3])
    # odds of 0.6 are 3 : 2, of 0.5 1 : 1, of 0.2 1 : 4
    assert [each.log_odds_change for each in found.hearings] == pytest.approx(
        [0, np.log(2 / 3), np.log(1 / 4)], abs=1e-6
    )
    assert [each.decided_otherwise for each in found.hearings] == [False, False, True]
    last = found.hearings[-1]
    assert (last.original_decision, last.variant_decision) == ("bell", "rain")
    assert (last.original_probability, last.variant_probability) == pytest.approx((0.5, 0.2))


def test_runs_that_agree_differ_nowhere(original: Explanation) -> None:
    found = difference(original, original, "rain")
    assert (found.first_hearing, found.first_other_decision) == (None, None)
    assert all(each.change == each.log_odds_change == 0 for each in found.hearings)


def test_difference_goes_as_far_as_both_runs_got_and_stays_finite(original: Explanation) -> None:
    certain = with_probabilities(original, (1.0, 0.0, 0.0, 0.0))
    found = difference(original, certain, "rain")
    assert len(found.hearings) == 1
    assert np.isfinite(found.hearings[0].log_odds_change)
    assert difference(original, dataclasses.replace(original, hearings=()), "rain").hearings == ()


def test_class_that_the_model_does_not_know_is_refused(original: Explanation) -> None:
    with pytest.raises(SettingsError, match="tiny knows no class 'flute'; choose one of its 4"):
        difference(original, original, "flute")


@pytest.fixture(scope="module")
def trained() -> Recognizer:
    return Recognizer.from_checkpoint("esc50-small", "cpu")


def test_removing_the_only_event_takes_the_class_away_and_keeping_it_does_not(trained: Recognizer) -> None:
    """Three knocks from 1.1 s on and two from 3.2 s on, in a quiet room."""
    path = Path(BUNDLED).parent / "assets" / "examples" / "door_wood_knock.wav"
    samples = trained.load(path).samples
    knock = trained.labels.index("door_wood_knock")
    knocks = (Segment(1.0, 1.9), Segment(3.1, 3.8))

    def believed(*edits: Edit) -> float:
        *_, last = what_if(trained, samples, edits=edits)
        return float(last.probabilities[knock])

    assert believed() > 0.5
    assert believed(Edit(KEEP, knocks)) > 0.5
    assert believed(Edit(REMOVE, knocks)) < 0.2
    assert believed(Edit(REMOVE, (Segment(0.0, 0.9), Segment(2.0, 3.0)))) > 0.5
