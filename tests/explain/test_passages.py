"""What is said to suffice and to be needed, on a listener whose reasons are known and on a model."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
import torch
from tiny import CLIP_SECONDS, LABELS, RATE, noise, recognizer_of, sounding_clips, tiny_model
from toy import toy_model

from playitback.edits import SILENCE, keep_only, remove
from playitback.errors import SettingsError
from playitback.explain.passages import (
    MOST_KEPT,
    MOST_REMOVED,
    SHORTEST_SECONDS,
    Passages,
    Trial,
    find_passages,
    kept_sound,
    left_sound,
)
from playitback.progress import Progress, finish
from playitback.recognizer import ClipHearing, Recognizer
from playitback.segments import Segment, pad_segments

SOUND = noise(CLIP_SECONDS)
BELL, SECOND_BELL = Segment(0.4, 1.0), Segment(1.4, 1.7)
#: clips (B, N) -> logits (B, classes)
Known = Callable[[np.ndarray], np.ndarray]


def seconds_of(waveforms: np.ndarray, *segments: Segment) -> np.ndarray:
    """(B,) of noise that sounds within the segments."""
    inside = [waveforms[:, round(each.start_seconds * RATE) : round(each.end_seconds * RATE)] for each in segments]
    return np.square(np.concatenate(inside, axis=1)).sum(axis=1) / 0.04 / RATE


def with_logits(**of_label: np.ndarray) -> np.ndarray:
    count = len(next(iter(of_label.values())))
    return np.stack([of_label.get(label, np.zeros(count)) for label in LABELS], axis=1)


def softmax(logits: np.ndarray) -> np.ndarray:
    odds = np.exp(logits)
    return (odds / odds.sum(axis=1, keepdims=True)).astype(np.float32)


def sigmoid(logits: np.ndarray) -> np.ndarray:
    return (1 / (1 + np.exp(-logits))).astype(np.float32)


class Asking:
    """A recognizer that answers as is known, and a run of it whose curves point at segments."""

    def __init__(self, patch: pytest.MonkeyPatch, known: Known, *, multi_label: bool = False) -> None:
        self.recognizer = recognizer_of(toy_model(multi_label=multi_label))
        self.believe = sigmoid if multi_label else softmax
        self.known = known
        self.asked: list[str | None] = []
        patch.setattr(self.recognizer, "classify", self.classify)

    def classify(self, waveforms: np.ndarray, playbacks: int, asked: str | None = None) -> np.ndarray:
        self.asked.append(asked)
        return self.believe(self.known(waveforms))[None]

    def run(self, samples: np.ndarray, pointed: tuple[Segment, ...], label: str | None) -> tuple[ClipHearing, ...]:
        (hearing,) = self.recognizer.explain(samples, asked=label)
        probabilities = self.classify(self.recognizer.padded(samples)[None], 0)[-1, 0]
        at = hearing.seconds
        near = np.zeros(len(at))
        for each in pointed:
            middle = (each.start_seconds + each.end_seconds) / 2
            near = np.maximum(near, np.clip(1 - np.abs(at - middle) / each.seconds, 0, 1))
        asked = int(probabilities.argmax()) if label is None else LABELS.index(label)
        return (dataclasses.replace(hearing, probabilities=probabilities, relevance=near, asked=asked),)

    def find(
        self,
        *pointed: Segment,
        samples: np.ndarray = SOUND,
        label: str | None = None,
        activity: np.ndarray | None = None,
    ) -> Passages:
        hearings = self.run(samples, pointed, label)
        hearings = (dataclasses.replace(hearings[0], activity=activity),)
        self.asked.clear()
        return finish(find_passages(self.recognizer, hearings, samples, label))

    def probability(self, samples: np.ndarray, label: str) -> float:
        return float(self.classify(samples[None], 0)[-1, 0, LABELS.index(label)])


def edited(edit: Callable[..., torch.Tensor], trial: Trial, samples: np.ndarray = SOUND) -> np.ndarray:
    segments = pad_segments([trial.segments], CLIP_SECONDS)
    return edit(torch.from_numpy(samples)[None], segments, SILENCE, RATE, torch.Generator())[0].numpy()


def inside(trial: Trial, *segments: Segment) -> float:
    """Share of its time that lies in the segments."""
    shared = sum(
        max(0.0, min(one.end_seconds, other.end_seconds) - max(one.start_seconds, other.start_seconds))
        for one in trial.segments
        for other in segments
    )
    return shared / trial.seconds


def rings(waveforms: np.ndarray) -> np.ndarray:
    """A bell where more than 0.4 s of BELL sound; it is as sure as there is more of it."""
    return with_logits(bell=10 * (seconds_of(waveforms, BELL) - 0.4))


def test_the_shortest_passage_and_the_least_time_are_found_where_the_reason_is(monkeypatch: pytest.MonkeyPatch) -> None:
    asking = Asking(monkeypatch, rings)
    found = asking.find(BELL)
    assert (found.label, found.decision) == ("bell", "bell")
    assert found.probability == pytest.approx(asking.probability(SOUND, "bell"))
    assert found.audible_seconds == CLIP_SECONDS == found.clip_seconds
    suffices, needs = found.suffices, found.needs
    assert suffices is not None
    assert needs is not None
    assert suffices.holds
    assert len(suffices.segments) == 1
    assert 0.4 < suffices.seconds < 0.4 * 1.3  # a rung is 1.26 times as long as the one before
    assert inside(suffices, BELL) == pytest.approx(1, abs=0.05)
    assert needs.holds
    assert inside(needs, BELL) == pytest.approx(1, abs=0.05)
    assert 0.2 < needs.seconds < 0.2 + 2 * MOST_REMOVED * CLIP_SECONDS / 12
    for trial in (suffices, needs):
        assert trial.share == pytest.approx(trial.seconds / CLIP_SECONDS)


def test_the_figures_are_those_of_the_very_sound_that_is_played(monkeypatch: pytest.MonkeyPatch) -> None:
    asking = Asking(monkeypatch, rings)
    found = asking.find(BELL)
    assert found.suffices is not None
    assert found.needs is not None
    assert found.suffices.probability == pytest.approx(asking.probability(edited(keep_only, found.suffices), "bell"))
    assert found.needs.probability == pytest.approx(asking.probability(edited(remove, found.needs), "bell"))
    assert found.suffices.decision == "bell" != found.needs.decision
    assert found.needs.probability < found.probability / 2
    kept, left = (
        sound(trial, SOUND, RATE) for sound, trial in ((kept_sound, found.suffices), (left_sound, found.needs))
    )
    np.testing.assert_array_equal(left, edited(remove, found.needs))
    heard = edited(keep_only, found.suffices)
    begin = int(np.flatnonzero(heard)[0])
    np.testing.assert_array_equal(np.trim_zeros(kept), np.trim_zeros(heard))
    assert len(kept) == pytest.approx((found.suffices.seconds + 0.02) * RATE, abs=2)
    assert begin > 0


def test_of_two_bells_one_suffices_and_both_are_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    def known(waveforms: np.ndarray) -> np.ndarray:
        either = np.maximum(seconds_of(waveforms, Segment(0.2, 0.5)), seconds_of(waveforms, SECOND_BELL))
        return with_logits(bell=20 * (either - 0.2))

    found = Asking(monkeypatch, known).find(Segment(0.2, 0.5), SECOND_BELL)
    assert found.suffices is not None
    assert found.needs is not None
    assert found.suffices.holds
    assert found.suffices.seconds < 0.35
    assert found.needs.holds
    assert len(found.needs.segments) == 2
    first, second = found.needs.segments
    assert first.end_seconds < 1 < second.start_seconds


def test_what_sounds_everywhere_needs_nothing_and_any_of_it_suffices(monkeypatch: pytest.MonkeyPatch) -> None:
    everywhere = Segment(0, CLIP_SECONDS)
    known = lambda waveforms: with_logits(rain=40 * (seconds_of(waveforms, everywhere) - 0.1))  # noqa: E731
    found = Asking(monkeypatch, known).find(everywhere)
    assert found.suffices is not None
    assert found.needs is not None
    assert found.suffices.holds
    assert found.suffices.seconds == pytest.approx(SHORTEST_SECONDS, abs=0.011)
    assert not found.needs.holds
    assert found.needs.share == pytest.approx(MOST_REMOVED)  # never so much that its end would be no wonder
    assert found.needs.decision == "rain"


def test_a_class_that_is_nowhere_has_neither(monkeypatch: pytest.MonkeyPatch) -> None:
    found = Asking(monkeypatch, lambda waveforms: rings(waveforms) - 9 * np.eye(4)[2]).find(BELL, label="siren")
    assert found.suffices is not None
    assert not found.suffices.holds
    assert found.suffices.share == pytest.approx(MOST_KEPT)
    assert found.suffices.decision != "siren"
    assert found.needs is None
    assert found.decision == "bell"


def test_a_class_that_only_the_whole_clip_has_is_found_in_no_passage(monkeypatch: pytest.MonkeyPatch) -> None:
    everywhere = Segment(0, CLIP_SECONDS)
    known = lambda waveforms: with_logits(rain=20 * (seconds_of(waveforms, everywhere) - 1.8))  # noqa: E731
    found = Asking(monkeypatch, known).find(everywhere)
    assert found.suffices is not None
    assert found.needs is not None
    assert not found.suffices.holds
    assert found.suffices.share == pytest.approx(MOST_KEPT)
    assert found.needs.holds
    assert found.needs.seconds < 0.5


def test_the_class_asked_about_is_sought_though_another_is_decided_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def known(waveforms: np.ndarray) -> np.ndarray:
        return with_logits(bell=8 * seconds_of(waveforms, BELL), rain=12 * seconds_of(waveforms, SECOND_BELL))

    asking = Asking(monkeypatch, known)
    found = asking.find(SECOND_BELL, label="rain")
    assert set(asking.asked) == {"rain"}  # as in the explanation
    assert (found.label, found.decision) == ("rain", "bell")
    assert found.suffices is not None
    assert found.suffices.holds
    assert found.suffices.decision == "rain"
    assert inside(found.suffices, SECOND_BELL) > 0.9
    assert found.needs is None or found.needs.probability < found.probability / 2


def test_activity_is_asked_before_relevance(monkeypatch: pytest.MonkeyPatch) -> None:
    """Relevance that points elsewhere does no harm."""
    asking = Asking(monkeypatch, rings)
    (hearing,) = asking.run(SOUND, (BELL,), None)
    activity = np.full((len(hearing.seconds), len(LABELS)), 0.01)
    activity[:, 0] += 0.9 * hearing.relevance
    found = asking.find(Segment(1.6, 2.0), activity=activity)
    assert found.suffices is not None
    assert found.needs is not None
    assert found.suffices.holds
    assert inside(found.suffices, BELL) > 0.95
    assert found.needs.holds
    assert inside(found.needs, BELL) > 0.95


def test_a_class_with_a_probability_of_its_own_stands_at_a_half(monkeypatch: pytest.MonkeyPatch) -> None:
    def known(waveforms: np.ndarray) -> np.ndarray:  # rain is always more probable
        return with_logits(bell=10 * (seconds_of(waveforms, BELL) - 0.4), rain=np.full(len(waveforms), 5.0))

    found = Asking(monkeypatch, known, multi_label=True).find(BELL, label="bell")
    assert found.suffices is not None
    assert found.needs is not None
    assert found.suffices.holds
    assert found.suffices.decision == "rain"
    assert found.suffices.probability >= 0.5
    assert found.needs.holds
    assert found.needs.probability < found.probability / 2 < 0.5


def test_digital_silence_is_part_of_neither(monkeypatch: pytest.MonkeyPatch) -> None:
    samples = SOUND.copy()
    for quiet in (Segment(0, 0.5), Segment(0.7, 0.8), Segment(1.2, 2)):
        samples[round(quiet.start_seconds * RATE) : round(quiet.end_seconds * RATE)] = 0
    known = lambda waveforms: with_logits(bell=20 * (seconds_of(waveforms, Segment(0.5, 1.2)) - 0.33))  # noqa: E731
    found = Asking(monkeypatch, known).find(BELL, samples=samples)
    assert found.audible_seconds == pytest.approx(0.6)
    assert found.suffices is not None
    assert found.needs is not None
    assert found.suffices.holds
    assert found.needs.holds
    for trial in (found.suffices, found.needs):
        assert inside(trial, Segment(0.5, 0.7), Segment(0.8, 1.2)) == pytest.approx(1)
        assert trial.share == pytest.approx(trial.seconds / 0.6)


def test_of_a_silent_clip_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    asking = Asking(monkeypatch, rings)
    found = asking.find(BELL, samples=np.zeros_like(SOUND))
    assert (found.suffices, found.needs, found.audible_seconds) == (None, None, 0.0)
    assert asking.asked == []  # nothing was heard for it


def test_only_what_all_hearings_say_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first hearing, which searches, is content with less than the last, which decides."""
    recognizer = recognizer_of(tiny_model())
    heard: list[int] = []

    def classify(waveforms: np.ndarray, playbacks: int, asked: str | None = None) -> np.ndarray:
        heard.append(playbacks)
        enough = 0.3 if playbacks == 0 else 0.45
        return softmax(with_logits(bell=20 * (seconds_of(waveforms, BELL) - enough)))[None]

    monkeypatch.setattr(recognizer, "classify", classify)
    probabilities = classify(SOUND[None], 2)[-1, 0]
    hearings = []
    for each in recognizer.explain(SOUND, 2):
        near = np.clip(1 - np.abs(each.seconds - 0.7) / 0.6, 0, 1)
        hearings.append(dataclasses.replace(each, relevance=near, probabilities=probabilities, asked=0))
    found = finish(find_passages(recognizer, hearings, SOUND))
    assert set(heard) == {0, 2}
    assert found.suffices is not None
    assert found.suffices.holds
    assert 0.45 < found.suffices.seconds < 0.65


def test_of_a_model_both_are_verified_and_found_again() -> None:
    recognizer = recognizer_of(tiny_model(activity=True))
    clip = sounding_clips(1)[0].numpy()
    hearings = list(recognizer.explain(clip))
    steps: list[Progress] = []
    found = finish(find_passages(recognizer, hearings, clip), steps.append)
    assert found == finish(find_passages(recognizer, hearings, clip))
    assert [each.done for each in steps] == sorted(each.done for each in steps)
    assert steps[-1].done == steps[-1].total
    assert found.suffices is not None
    kept = recognizer.classify(edited(keep_only, found.suffices, clip)[None])[-1, 0]
    assert found.suffices.probability == pytest.approx(float(kept[LABELS.index(found.label)]), abs=1e-4)
    assert found.suffices.holds == (LABELS[int(kept.argmax())] == found.label)


def test_a_class_that_is_not_known_is_refused() -> None:
    recognizer: Recognizer = recognizer_of(toy_model())
    hearings = list(recognizer.explain(SOUND))
    with pytest.raises(SettingsError, match="knows no class 'gong'"):
        finish(find_passages(recognizer, hearings, SOUND, "gong"))


def test_a_class_that_only_replay_finds_is_searched_with_replay(monkeypatch: pytest.MonkeyPatch) -> None:
    recognizer = recognizer_of(tiny_model())

    def classify(waveforms: np.ndarray, playbacks: int, asked: str | None = None) -> np.ndarray:
        enough = 9 if playbacks == 0 else 0.3
        return softmax(with_logits(bell=20 * (seconds_of(waveforms, BELL) - enough)))[None]

    monkeypatch.setattr(recognizer, "classify", classify)
    first, last = (
        dataclasses.replace(
            each, relevance=np.clip(1 - np.abs(each.seconds - 0.7) / 0.6, 0, 1), asked=0, probabilities=p
        )
        for each, p in zip(
            recognizer.explain(SOUND, 1), (classify(SOUND[None], 0)[0, 0], classify(SOUND[None], 1)[0, 0]), strict=True
        )
    )
    found = finish(find_passages(recognizer, [first, last], SOUND))
    assert found.suffices is not None
    assert found.suffices.holds
    assert found.suffices.seconds < 0.7
