"""Every second kept alone, on a listener whose answers are known and on a model."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from tiny import CLIP_SECONDS, LABELS, RATE, noise, recognizer_of, sounding_clips, tiny_model
from toy import toy_model

from playitback.edits import STEP_SECONDS, STRETCH_SECONDS, stretches_of
from playitback.errors import SettingsError
from playitback.explain.alone import Alone, distance, hear_alone
from playitback.progress import Progress, finish
from playitback.recognizer import ClipHearing, Recognizer
from playitback.segments import Segment

SOUND = noise(CLIP_SECONDS)


def known(waveforms: np.ndarray) -> np.ndarray:
    """Probabilities (B, classes): a bell, as much as more than half of what sounds lies before the middle."""
    power = np.square(waveforms)
    early = power[:, : power.shape[1] // 2].sum(axis=1) / np.maximum(power.sum(axis=1), 1e-9)
    return np.stack([0.7 * early, 0.7 * (1 - early), np.full(len(power), 0.2), np.full(len(power), 0.1)], axis=1)


@pytest.fixture
def listener(monkeypatch: pytest.MonkeyPatch) -> Recognizer:
    recognizer = recognizer_of(toy_model())

    def classify(waveforms: np.ndarray, playbacks: int) -> np.ndarray:
        assert playbacks == 0
        return known(waveforms)[None]

    monkeypatch.setattr(recognizer, "classify", classify)
    return recognizer


def heard(recognizer: Recognizer, samples: np.ndarray = SOUND, activity: np.ndarray | None = None) -> Alone:
    (hearing,) = recognizer.explain(samples)
    return finish(hear_alone(recognizer, dataclasses.replace(hearing, activity=activity), samples, "bell"))


def test_every_second_is_heard_alone_and_cut_at_the_ends(listener: Recognizer) -> None:
    found = heard(listener)
    assert found.stretches[0] == Segment(0, 0.5)
    assert found.stretches[-1] == Segment(1.5, 2)
    assert Segment(0.25, 1.25) in found.stretches
    assert len(found.stretches) == CLIP_SECONDS / STEP_SECONDS + 1
    assert max(each.seconds for each in found.stretches) == STRETCH_SECONDS
    assert found.seconds[0] == 0.25
    assert found.seconds[4] == 1.0
    bell = found.probabilities[:, 0]
    assert bell[:2] == pytest.approx([0.7, 0.7], abs=0.02)
    assert bell[-2:] == pytest.approx([0, 0], abs=0.02)
    assert bell[4] == pytest.approx(0.35, abs=0.02)  # half of it lies before the middle
    assert (found.activity, found.distance) == (None, None)
    assert found.to_dict()["seconds"] == list(found.seconds)


def test_a_clip_shorter_than_a_second_is_one_stretch_and_its_parts() -> None:
    assert stretches_of(0.4) == [Segment(0, 0.4), Segment(0, 0.4)]


def test_activity_that_is_right_has_no_distance(listener: Recognizer) -> None:
    (hearing,) = listener.explain(SOUND)
    constant = np.tile([0.4, 0.3, 0.2, 0.1], (len(hearing.seconds), 1))
    found = heard(listener, activity=constant)
    assert found.activity is not None
    assert found.distance is not None
    np.testing.assert_allclose(found.activity, np.tile([0.4, 0.3, 0.2, 0.1], (len(found.stretches), 1)))
    assert distance(found.activity, found.activity, 0, multi_label=False).divergence == 0
    assert found.distance.divergence > 0
    assert found.distance.correlation is None  # of a curve that is flat
    assert found.distance.difference == pytest.approx(np.abs(found.probabilities[:, 0] - 0.4).mean())


def test_the_distance_is_in_nats() -> None:
    answers, activity = np.array([[0.5, 0.5], [0.9, 0.1]]), np.array([[0.25, 0.75], [0.9, 0.1]])
    expected = (0.5 * math.log(2) + 0.5 * math.log(2 / 3)) / 2
    assert distance(answers, activity, 0, multi_label=False).divergence == pytest.approx(expected)
    assert distance(answers, activity, 0, multi_label=False).difference == pytest.approx(0.125)
    # the other way round it is another figure: the answers are the truth
    assert distance(activity, answers, 0, multi_label=False).divergence != pytest.approx(expected)


def test_the_distance_of_classes_each_with_its_own_probability() -> None:
    answers, activity = np.array([[0.5, 0.9]]), np.array([[0.25, 0.9]])
    expected = 0.5 * math.log(2) + 0.5 * math.log(0.5 / 0.75)  # the second class adds nothing
    assert distance(answers, activity, 0, multi_label=True).divergence == pytest.approx(expected)


def test_the_distance_of_certainty_is_finite() -> None:
    answers, activity = np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])
    assert 10 < distance(answers, activity, 0, multi_label=False).divergence < 100


def test_curves_that_rise_together_correlate() -> None:
    rising = np.linspace(0.1, 0.9, 5)
    one, other = np.stack([rising, 1 - rising], axis=1), np.stack([rising**2, 1 - rising**2], axis=1)
    together, against = distance(one, other, 0, False).correlation, distance(one, other[::-1], 0, False).correlation
    assert together is not None
    assert together > 0.9
    assert against is not None
    assert against < -0.9


def test_digital_silence_is_left_out(listener: Recognizer) -> None:
    samples = SOUND.copy()
    samples[: round(0.9 * RATE)] = 0
    found = heard(listener, samples)
    assert found.stretches[0] == Segment(0.25, 1.25) or found.stretches[0].start_seconds > 0.25
    assert len(found.probabilities) == len(found.stretches) > 0


def test_activity_of_digital_silence_counts_for_nothing(listener: Recognizer) -> None:
    samples = SOUND.copy()
    samples[: round(0.9 * RATE)] = 0
    (hearing,) = listener.explain(samples)
    activity = np.tile([0.4, 0.3, 0.2, 0.1], (len(hearing.seconds), 1))
    activity[hearing.seconds < 0.85] = [0, 0, 0, 1]
    found = heard(listener, samples, activity)
    assert found.activity is not None
    np.testing.assert_allclose(found.activity, np.tile([0.4, 0.3, 0.2, 0.1], (len(found.stretches), 1)))


def test_of_a_silent_clip_nothing_is_heard(listener: Recognizer) -> None:
    found = heard(listener, np.zeros_like(SOUND), np.full((40, len(LABELS)), 0.25))
    assert (found.stretches, found.distance, found.told) == ((), None, ("bell", "rain", "siren")[:3])


def test_of_a_model_the_steps_are_counted_and_its_activity_is_set_beside() -> None:
    recognizer = recognizer_of(tiny_model(activity=True))
    clip = sounding_clips(1)[0].numpy()
    first: ClipHearing = next(iter(recognizer.explain(clip)))
    steps: list[Progress] = []
    found = finish(hear_alone(recognizer, first, clip), steps.append)
    assert steps[-1] == Progress(len(found.stretches), len(found.stretches))
    assert found.label == LABELS[first.asked]
    assert found.activity is not None
    assert found.distance is not None
    np.testing.assert_allclose(found.activity.sum(axis=1), 1, atol=1e-5)
    assert found.label in found.told


def test_a_class_that_is_not_known_is_refused(listener: Recognizer) -> None:
    (hearing,) = listener.explain(SOUND)
    with pytest.raises(SettingsError, match="knows no class 'gong'"):
        finish(hear_alone(listener, hearing, SOUND, "gong"))
