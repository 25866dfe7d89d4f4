"""Claims about aimed slots: what they are asked for, what they read, and how they learn it."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch
from tiny import CLIP_SECONDS, RATE, sounding_clips, tiny_config, tiny_model
from torch import Generator, Tensor

from playitback.config import SegmentRules
from playitback.errors import SettingsError
from playitback.models import scenes
from playitback.models.replay.config import SlotConfig
from playitback.models.replay.model import ReplayModel
from playitback.models.replay.slots import Aim, Aimed, SlotAttention, evidence_for
from playitback.models.replay.terms import ask, ask_sometimes
from playitback.models.scenes import Scene, make_scenes
from playitback.segments import equal_edges, find_segments, total_seconds


def aimed_model() -> ReplayModel:
    """Untrained, but what slot 0 bids for a moment is the lead that the class asked for has there."""
    model = tiny_model(aimed=True)
    assert model.aim is not None
    assert model.activity is not None
    with torch.no_grad():
        first, _, last = model.aim.evidence
        first.weight.zero_(), first.bias.zero_(), last.weight.zero_(), last.bias.zero_()
        first.weight[0, 2], first.weight[1, 2] = 20.0, -20.0
        last.weight[-1, 0], last.weight[-1, 1] = 1.0, -1.0
        model.activity.heads[0].weight.mul_(20)
    return model


@torch.inference_mode()
def test_relevance_and_what_is_replayed_follow_the_class_asked_from_the_first_hearing_on() -> None:
    model, clips = aimed_model(), sounding_clips(2)
    for_class = [list(model.listen(clips, asked=torch.full((2,), index))) for index in range(2)]
    for one, other in zip(*for_class, strict=True):
        assert not torch.allclose(one.relevance, other.relevance, atol=0.05)
    assert torch.equal(for_class[0][0].logits[0], for_class[1][0].logits[0])  # the first hearing decides the same
    assert not torch.equal(for_class[0][1].replayed, for_class[1][1].replayed)


@torch.inference_mode()
def test_without_a_question_the_class_believed_in_after_each_hearing_is_asked_for() -> None:
    model, clips = aimed_model(), sounding_clips(3)
    heard = next(model.listen(clips))
    believed = heard.logits[0].argmax(dim=1)
    for asked in (believed, torch.full((3,), -1), torch.tensor([-1, *believed[1:]])):
        assert torch.equal(next(model.listen(clips, asked=asked)).relevance, heard.relevance)


@torch.inference_mode()
def test_each_clip_of_a_batch_is_asked_its_own_question() -> None:
    model, clips = aimed_model(), sounding_clips(2)
    together = next(model.listen(clips, asked=torch.tensor([0, 3]))).relevance
    for row, asked in enumerate((0, 3)):
        alone = next(model.listen(clips[row : row + 1], asked=torch.tensor([asked]))).relevance
        torch.testing.assert_close(together[row : row + 1], alone, rtol=0, atol=1e-5)


@torch.inference_mode()
def test_graded_bids_fall_as_the_moments_say_the_class_less() -> None:
    """By so many nats below the best moment, whatever was learned."""
    activity, asked, grid = 3 * torch.randn(2, 20, 4), torch.tensor([0, 3]), torch.randn(2, 10, 4, 8)
    aim = Aim(8, 16, 4, graded=True)
    told = aim(grid, activity, asked, multi_label=False).bids
    aim.graded = False
    learned = aim(grid, activity, asked, multi_label=False).bids
    own = activity.log_softmax(dim=2)[torch.arange(2), :, asked]
    below_best = (own - own.amax(dim=1, keepdim=True)).clamp_min(-10)
    torch.testing.assert_close(told - learned, below_best, rtol=0, atol=1e-4)


@torch.inference_mode()
def test_moments_that_speak_for_the_class_are_held_more() -> None:
    model, clips = aimed_model(), sounding_clips(4)
    for index in range(4):
        heard = next(model.listen(clips, asked=torch.full((4,), index)))
        assert heard.activity is not None
        leads = heard.activity.argmax(dim=2) == index
        if leads.any() and not leads.all():
            assert heard.relevance[leads].mean() > heard.relevance[~leads].mean() + 0.1


@torch.inference_mode()
def test_slots_that_are_not_aimed_hold_the_same_whatever_is_asked() -> None:
    model, clips = tiny_model(activity=True), sounding_clips(2)
    assert not model.can_aim
    relevance = [next(model.listen(clips, asked=torch.full((2,), index))).relevance for index in range(2)]
    assert torch.equal(*relevance)


def test_slots_cannot_be_aimed_without_activity() -> None:
    with pytest.raises(SettingsError, match="aimed slots read the activity, and there is none"):
        dataclasses.replace(tiny_config(), slots=SlotConfig(width=16, hidden=16, aimed=True))


@pytest.mark.parametrize("multi_label", [False, True])
def test_evidence_is_what_the_activity_says(multi_label: bool) -> None:
    probability = torch.tensor([[[0.6, 0.3, 0.1], [0.2, 0.7, 0.1]]])
    logits = probability.logit() if multi_label else probability.log()
    own, below_best, lead, probabilities = evidence_for(logits, torch.tensor([1]), multi_label).unbind(dim=2)
    torch.testing.assert_close(probabilities, torch.tensor([[0.3, 0.7]]))
    torch.testing.assert_close(own * 5, torch.tensor([[math.log(0.3), math.log(0.7)]]))
    torch.testing.assert_close(below_best * 5, torch.tensor([[math.log(0.3 / 0.7), 0.0]]))
    torch.testing.assert_close(lead * 5, torch.tensor([[math.log(0.3 / 0.6), math.log(0.7 / 0.2)]]))


def test_evidence_stays_finite_where_a_class_is_impossible_or_the_only_one() -> None:
    impossible = torch.tensor([[[0.0, -200.0]]])
    assert evidence_for(impossible, torch.tensor([1]), False).isfinite().all()
    assert evidence_for(torch.zeros(1, 2, 1), torch.tensor([0]), False).isfinite().all()


def scene_kinds(monkeypatch: pytest.MonkeyPatch, spliced: float, event: float) -> None:
    monkeypatch.setattr(scenes, "SPLICED", spliced)
    monkeypatch.setattr(scenes, "EVENT", event)
    monkeypatch.setattr(scenes, "NOISE_DECIBELS", (-200.0, -200.0))
    monkeypatch.setattr(scenes, "BACKGROUND", 0.0)


def test_a_clip_that_stays_as_it_is_sounds_throughout_and_its_neighbour_nowhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scene_kinds(monkeypatch, 0.0, 0.0)
    clips = sounding_clips(4)
    scene = make_scenes(clips, RATE, Generator().manual_seed(0))
    torch.testing.assert_close(scene.sound, clips, rtol=0, atol=1e-6)
    assert (scene.first == 1).all()
    assert (scene.second == 0).all()


def test_a_splice_holds_each_clip_where_it_is_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    scene_kinds(monkeypatch, 1.0, 0.0)
    monkeypatch.setattr(scenes, "OVERLAPPING", 0.0)
    first_alone = torch.tensor([[1.0], [0.0]]).repeat(8, 1) * sounding_clips(16)  # every second clip is silent
    scene = make_scenes(first_alone, RATE, Generator().manual_seed(0))
    assert torch.equal(scene.second, 1 - scene.first)
    shares = scene.first.mean(dim=1)
    assert 0.15 <= shares.min() < shares.max() <= 0.86
    inside, well_outside = scene.first[::2] == 1, scene.first[::2] == 0
    assert scene.sound[::2][inside].abs().mean() > 0.01
    assert (scene.sound[::2][well_outside].abs() > 1e-6).float().mean() < 0.03  # the fades


def test_a_burst_lies_elsewhere_than_the_event_and_is_as_loud_as_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    scene_kinds(monkeypatch, 0.0, 1.0)
    monkeypatch.setattr(scenes, "BURST", 1.0)
    monkeypatch.setattr(scenes, "BURST_DECIBELS", (12.0, 12.0))
    scene = make_scenes(sounding_clips(32), RATE, Generator().manual_seed(0))
    assert not ((scene.first == 1) & (scene.second == 1)).any()
    for part in (scene.first, scene.second):
        seconds = part.sum(dim=1) / RATE
        assert seconds.min() >= 0.19
        assert seconds.max() <= CLIP_SECONDS / 2 + 0.01
    level = [(scene.sound.square() * part).sum(dim=1) / part.sum(dim=1) for part in (scene.first, scene.second)]
    decibels = 10 * torch.log10(level[1] / level[0])
    torch.testing.assert_close(decibels, torch.full((32,), 12.0), rtol=0, atol=1.5)  # the fades take a little


def scene_of_halves(batch: int) -> Scene:
    """The clip itself in the first half, its neighbour in the second."""
    half = (torch.arange(100) < 50).float().expand(batch, -1)
    return Scene(torch.zeros(batch, 100), half, 1 - half)


def asked_of(targets: Tensor) -> tuple[Tensor, Tensor]:
    edges = equal_edges(1.0, 4).expand(len(targets), -1)
    return ask(scene_of_halves(len(targets)), targets, edges, 100, Generator().manual_seed(0))


def test_what_is_asked_for_is_present_where_its_clip_sounds_and_absent_elsewhere() -> None:
    targets = torch.eye(5)[[0, 1]].repeat(100, 1)
    asked, present = asked_of(targets)
    own, other = targets.argmax(dim=1), targets.argmax(dim=1) ^ 1
    for named, expected in ((own, [1.0, 1, 0, 0]), (other, [0.0, 0, 1, 1])):
        rows = asked == named
        assert 30 < rows.sum() < 170
        assert torch.equal(present[rows], torch.tensor(expected).expand(int(rows.sum()), -1))
    neither = (asked != own) & (asked != other)
    assert 15 < neither.sum() < 70
    assert (present[neither] == 0).all()


def test_clips_of_one_class_hold_it_throughout_and_clips_without_a_label_are_asked_for_nothing_there() -> None:
    asked, present = asked_of(torch.eye(3)[[2, 2]].repeat(20, 1))
    assert (present[asked == 2] == 1).all()
    asked, present = asked_of(torch.zeros(40, 3))
    assert (present == 0).all()
    several = torch.tensor([[1.0, 1, 0, 0], [0, 0, 1, 0]]).repeat(50, 1)
    asked, present = asked_of(several)
    assert set(asked[::2][present[::2, 0] > 0].tolist()) == {0, 1}  # each of a clip's labels, in turn
    assert (present[asked == 3] == 0).all()


def test_replay_is_trained_mostly_on_beliefs_and_sometimes_on_the_true_class_or_a_wrong_one() -> None:
    targets = torch.eye(4)[torch.arange(400) % 4]
    asked = ask_sometimes(targets, Generator().manual_seed(0))
    true = (asked == targets.argmax(dim=1)).float().mean()
    believed = (asked == -1).float().mean()
    assert 0.18 < true < 0.32
    assert 0.5 < believed < 0.7
    assert 0.08 < 1 - true - believed < 0.22


@torch.inference_mode()
def test_bids_that_outdo_the_others_by_far_still_choose_among_moments() -> None:
    """Such bids once made the attention 1 everywhere, and no threshold could choose among its moments."""
    torch.manual_seed(0)
    attention, columns = SlotAttention(SlotConfig(width=24)).eval(), torch.randn(1, 40, 24)
    bids = 50 + 40 * torch.rand(1, 40)
    held = attention(columns, aimed=Aimed(torch.zeros(1, 40, 24), torch.zeros(1, 24), bids)).attention[:, 0]
    assert len(held.unique()) == 40
    segments, threshold = find_segments(held, equal_edges(4.0, 40), SegmentRules())
    assert threshold < 1
    assert 0.2 < total_seconds(segments).item() / 4.0 < 0.45
