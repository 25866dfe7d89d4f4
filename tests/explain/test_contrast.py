"""Which segment is said to speak for which class, on a listener whose reasons are known and on a model."""

from __future__ import annotations

import dataclasses
import itertools
import json
from typing import Any

import numpy as np
import pytest
from tiny import CLIP_SECONDS, RATE, explanation_of, noise, recognizer_of, sounding_clips, tiny_model

from playitback.edits import MEAN_SPECTRUM, NEIGHBOUR, NOISE, SILENCE
from playitback.errors import SettingsError
from playitback.explain.contrast import DRAWS, SCHEMA, Contrast, contrast
from playitback.explain.explanation import Explanation
from playitback.explain.what_if import REMOVE, Edit, what_if
from playitback.progress import Progress, finish
from playitback.recognizer import Recognizer
from playitback.segments import Segment

CLIP = sounding_clips(1)[0].numpy()
BELL, RAIN = Segment(0.2, 0.4), Segment(1.0, 1.3)
SIDELONG = Segment(1.5, 1.7)


@pytest.fixture(scope="module")
def recognizer() -> Recognizer:
    return recognizer_of()


def contrasted(*question: Any) -> Contrast:
    return finish(contrast(*question))


def known(waveforms: np.ndarray) -> np.ndarray:
    """Probabilities (B, classes) of one who hears a bell in BELL, rain in RAIN and nothing of either anywhere else."""

    def level(segment: Segment) -> np.ndarray:
        inside = waveforms[:, round(segment.start_seconds * RATE) : round(segment.end_seconds * RATE)]
        return np.square(inside).mean(axis=1) / 0.04  # of noise: 1

    logits = np.stack([3 * level(BELL), 2 * level(RAIN), np.zeros(len(waveforms)), np.zeros(len(waveforms))], axis=1)
    odds = np.exp(logits)
    return (odds / odds.sum(axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def known_listener(recognizer: Recognizer, monkeypatch: pytest.MonkeyPatch) -> Recognizer:
    monkeypatch.setattr(recognizer, "classify", lambda waveforms, playbacks, choose: known(waveforms)[None])
    return recognizer


SOUND = noise(CLIP_SECONDS)


def known_run(recognizer: Recognizer, *chosen: tuple[Segment, ...]) -> Explanation:
    """A run over SOUND whose hearings chose and replayed what is given and believed what ``known`` says."""
    probabilities = known(SOUND[None])[0]
    replayed = ((), *chosen[:-1])
    hearings = zip(recognizer.explain(SOUND, len(chosen) - 1), chosen, replayed, strict=True)
    return explanation_of(
        dataclasses.replace(each, segments=segments, replayed=before, probabilities=probabilities)
        for each, segments, before in hearings
    )


def test_each_segment_spoke_for_the_class_that_sounds_in_it(known_listener: Recognizer) -> None:
    run = known_run(known_listener, (BELL, RAIN, SIDELONG), ())
    found = contrasted(known_listener, run, SOUND, "bell", "rain")
    bell, rain, sidelong = found.segments
    assert [each.segment for each in found.segments] == [BELL, RAIN, SIDELONG]
    assert (bell.spoke_for, rain.spoke_for, sidelong.spoke_for) == ("bell", "rain", None)
    # all but the fades is gone, and with it the logit
    assert bell.change == pytest.approx(3, abs=0.2)
    assert rain.change == pytest.approx(-2, abs=0.2)
    assert sidelong.change == pytest.approx(0, abs=1e-5)
    for each in found.segments:
        assert each.change == pytest.approx(found.log_odds[-1] - each.log_odds_without)
        assert each.log_odds_without == pytest.approx(np.log(each.first_without / each.second_without), abs=1e-5)
        assert each.elsewhere == pytest.approx((0, 0), abs=0.1)  # nothing but fades reaches into the segments


def test_swapped_classes_swap_the_signs(known_listener: Recognizer) -> None:
    run = known_run(known_listener, (BELL, RAIN), ())
    one, other = (contrasted(known_listener, run, SOUND, *pair) for pair in (("bell", "rain"), ("rain", "bell")))
    assert [each.change for each in one.segments] == pytest.approx([-each.change for each in other.segments])
    assert [each.spoke_for for each in one.segments] == [each.spoke_for for each in other.segments] == ["bell", "rain"]
    assert one.log_odds == pytest.approx([-each for each in other.log_odds])
    assert (one.first, one.second) == (other.second, other.first)


def test_a_segment_that_does_no_more_than_stretches_elsewhere_spoke_for_neither(
    known_listener: Recognizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bell sounds all the time: any hole takes as much of it away."""

    def heard(waveforms: np.ndarray, playbacks: int, choose: object) -> np.ndarray:
        level = np.square(waveforms).mean(axis=1) / np.square(SOUND).mean()
        odds = np.exp(np.stack([10 * level, *[np.zeros(len(waveforms))] * 3], axis=1))
        return (odds / odds.sum(axis=1, keepdims=True)).astype(np.float32)[None]

    monkeypatch.setattr(known_listener, "classify", heard)
    run = known_run(known_listener, (Segment(0.5, 0.7),), ())
    run = explanation_of(
        dataclasses.replace(each, probabilities=heard(SOUND[None], 1, None)[0, 0]) for each in run.hearings
    )
    (found,) = contrasted(known_listener, run, SOUND, "bell", "rain").segments
    assert found.change > 0.5
    assert found.elsewhere[0] <= found.change <= found.elsewhere[1]
    assert found.spoke_for is None


def test_stretches_elsewhere_sound_were_not_chosen_and_are_about_as_long(
    known_listener: Recognizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[np.ndarray] = []

    def classify(waveforms: np.ndarray, playbacks: int, choose: object) -> np.ndarray:
        heard.append(waveforms)
        return known(waveforms)[None]

    run = known_run(known_listener, (Segment(0.2, 0.4), Segment(0.9, 1.0)), ())
    monkeypatch.setattr(known_listener, "classify", classify)
    clip = np.pad(SOUND[: round(1.5 * RATE)], (0, RATE // 2))  # the last half second is silence
    contrasted(known_listener, run, clip, "bell", "rain")
    removed = [np.flatnonzero(each != clip)[[0, -1]] / RATE for each in np.concatenate(heard)]
    assert len(removed) == 2 + 2 * DRAWS  # two octaves of lengths
    assert removed[0] == pytest.approx((0.2, 0.4), abs=0.006)
    for length, places in ((0.2, removed[2 : 2 + DRAWS]), (0.1, removed[2 + DRAWS :])):
        assert len({tuple(each) for each in places}) == DRAWS
        for start, end in places:
            assert end - start == pytest.approx(length, abs=0.012)
            assert end <= 1.5 + 0.012
            for chosen_start, chosen_end in ((0.2, 0.4), (0.9, 1.0)):
                assert end <= chosen_start + 0.012 or start >= chosen_end - 0.012


def test_a_segment_as_long_as_the_clip_leaves_no_room_elsewhere(known_listener: Recognizer) -> None:
    run = known_run(known_listener, (Segment(0.0, CLIP_SECONDS),), ())
    (found,) = contrasted(known_listener, run, SOUND, "bell", "rain").segments
    assert found.elsewhere == pytest.approx((found.change, found.change), abs=1e-4)
    assert found.spoke_for is None


def test_segments_are_named_after_the_hearing_that_first_chose_them(known_listener: Recognizer) -> None:
    run = known_run(known_listener, (BELL, RAIN), (RAIN, SIDELONG), (BELL,))
    found = contrasted(known_listener, run, SOUND, "bell", "siren").segments
    assert [(each.segment, each.hearing_index, each.number, each.forced) for each in found] == [
        (BELL, 0, 1, False),
        (RAIN, 0, 2, False),
        (SIDELONG, 1, 2, False),
    ]


def test_a_run_that_chose_nothing_still_has_its_trajectories(recognizer: Recognizer) -> None:
    silence = np.zeros(1, np.float32)
    found = contrasted(recognizer, explanation_of(recognizer.explain(silence)), silence, "bell", "rain")
    assert found.segments == ()
    assert len(found.log_odds) == 4


def test_trajectories_are_those_of_the_explanation(recognizer: Recognizer) -> None:
    run = explanation_of(recognizer.explain(CLIP, 2))
    found = contrasted(recognizer, run, CLIP, "siren", "rain", MEAN_SPECTRUM)
    assert (found.first_label, found.second_label, found.fill) == ("siren", "rain", MEAN_SPECTRUM)
    for index, hearing in enumerate(run.hearings):
        assert found.first[index] == hearing.probabilities[2]
        assert found.second[index] == hearing.probabilities[1]
        assert found.log_odds[index] == pytest.approx(np.log(found.first[index] / found.second[index]))


@pytest.mark.parametrize(("held", "fill"), [({}, NEIGHBOUR), ({0: (BELL, RAIN)}, SILENCE)])
def test_without_a_segment_the_model_believes_what_the_edited_sound_makes_it_believe(
    recognizer: Recognizer, held: dict[int, tuple[Segment, ...]], fill: str
) -> None:
    run = explanation_of(what_if(recognizer, CLIP, held, playbacks=2))
    found = contrasted(recognizer, run, CLIP, "bell", "rain", fill).segments
    chosen = {segment for hearing in run.hearings for segment in (*hearing.segments, *hearing.replayed)}
    assert {each.segment for each in found} == chosen
    assert [each.segment for each in found if each.forced] == list(held.get(0, ()))
    assert all((each.hearing_index, each.segment in (BELL, RAIN)) == (1, True) for each in found if each.forced)
    for each in found:
        *_, last = what_if(recognizer, CLIP, held, [Edit(REMOVE, (each.segment,), fill)], 2)
        assert (each.first_without, each.second_without) == pytest.approx(last.probabilities[[0, 1]], abs=1e-5)


def test_moments_are_contrasted_by_what_each_would_be_by_itself(known_listener: Recognizer) -> None:
    run = known_run(known_listener, (BELL,), ())
    first, *later = run.hearings
    count = len(first.seconds)
    activity = np.full((count, 4), 0.1, np.float32)
    activity[: count // 4, :2] = 0.6, 0.2  # bell and rain
    activity[-2, :2] = 0.05, 0.8
    known = dataclasses.replace(run, hearings=(dataclasses.replace(first, activity=activity), *later))
    found = contrasted(known_listener, known, SOUND, "bell", "rain").activity
    assert found is not None
    np.testing.assert_array_equal(found.seconds, first.seconds)
    np.testing.assert_array_equal([found.first, found.second], activity[:, :2].T)
    odds = np.zeros(count)
    odds[: count // 4], odds[-2] = np.log(3), np.log(1 / 16)
    np.testing.assert_allclose(found.log_odds, odds, atol=1e-6)
    assert found.foremost == (0, count - 2)
    other = contrasted(known_listener, known, SOUND, "rain", "bell").activity
    assert other is not None
    np.testing.assert_allclose(other.log_odds, -odds, atol=1e-6)
    assert other.foremost == (count - 2, 0)


def test_without_activity_no_moments_are_contrasted(known_listener: Recognizer) -> None:
    found = contrasted(known_listener, known_run(known_listener, (BELL,), ()), SOUND, "bell", "rain")
    assert found.activity is None
    assert found.to_dict()["activity"] is None


def test_the_json_has_the_activities_with_their_time_axis() -> None:
    recognizer = recognizer_of(tiny_model(activity=True))
    run = explanation_of(recognizer.explain(CLIP, 1))
    told = json.loads(json.dumps(contrasted(recognizer, run, CLIP, "bell", "rain").to_dict()))
    assert told["schema"] == SCHEMA
    activity = told["activity"]
    assert set(activity) == {"seconds", "first", "second", "log_odds"}
    assert {len(values) for values in activity.values()} == {len(run.hearings[0].seconds)}


def test_same_question_gets_the_same_answer(recognizer: Recognizer) -> None:
    run = explanation_of(recognizer.explain(CLIP, 1))
    one, other = (contrasted(recognizer, run, CLIP, "bell", "rain", NOISE) for _ in range(2))
    assert one == other
    assert any(each.change != 0 for each in one.segments)


def test_progress_is_told_and_can_cancel(recognizer: Recognizer) -> None:
    run = explanation_of(recognizer.explain(CLIP, 1))
    told: list[Progress] = []
    found = finish(contrast(recognizer, run, CLIP, "bell", "rain"), told.append)
    done, totals = zip(*((each.done, each.total) for each in told), strict=True)
    assert set(totals) == {done[-1]}
    assert done[-1] >= len(found.segments) + DRAWS
    assert all(before < after for before, after in itertools.pairwise(done))

    def cancel(progress: Progress) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        finish(contrast(recognizer, run, CLIP, "bell", "rain"), cancel)


@pytest.mark.parametrize(
    ("labels", "fill", "message"),
    [
        (("bell", "flute"), SILENCE, "tiny knows no class 'flute'; choose one of its 4 classes"),
        (("bell", "bell"), SILENCE, "'bell' was given twice; choose two classes"),
        (("bell", "rain"), "music", "no fill 'music'"),
    ],
)
def test_questions_that_make_no_sense_are_refused(
    recognizer: Recognizer, labels: tuple[str, str], fill: str, message: str
) -> None:
    run = explanation_of(recognizer.explain(CLIP, 1))
    with pytest.raises(SettingsError, match=message):
        contrasted(recognizer, run, CLIP, *labels, fill)
