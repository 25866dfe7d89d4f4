"""That every control replays what its name says, as much of it as the model would have."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from stretches import assert_sorted_and_disjoint, covered, lengths
from tiny import CLIP_SECONDS, RATE, sounding_clips, tiny_model
from torch import Generator, Tensor

from playitback.evidence.controls import (
    CHOSEN,
    CONTROLS,
    LEAST_ATTENDED,
    LOUDEST,
    NO_REPLAY,
    NOT_FINER,
    RANDOM,
    WHOLE_CLIP,
    choice,
    least_attended,
    loudest,
    random,
)
from playitback.models.listener import Hearing, Replay
from playitback.replay import sample_at


@pytest.fixture(scope="module")
def clips() -> Tensor:
    return sounding_clips(4)


@pytest.fixture(scope="module")
def first_hearing(clips: Tensor) -> Hearing:
    with torch.inference_mode():
        return next(tiny_model().listen(clips))


def test_random_segments_keep_number_and_lengths_and_are_disjoint(clips: Tensor, first_hearing: Hearing) -> None:
    choose = choice(RANDOM, clips, RATE, Generator().manual_seed(0))
    assert choose is not None
    drawn = choose(first_hearing)
    assert isinstance(drawn, Tensor)
    assert any(len(clip) > 1 for clip in lengths(drawn))
    assert lengths(drawn) == lengths(first_hearing.segments)
    assert_sorted_and_disjoint(drawn, CLIP_SECONDS)
    assert not torch.equal(drawn, first_hearing.segments)


def test_random_segments_hang_on_the_seed_alone(first_hearing: Hearing) -> None:
    same, again, other = (random(Generator().manual_seed(seed))(first_hearing) for seed in (1, 1, 2))
    assert torch.equal(same, again)
    assert not torch.equal(same, other)


@pytest.mark.parametrize("control", [RANDOM, LOUDEST, LEAST_ATTENDED])
def test_controls_replay_as_much_time_as_the_model_chose(control: str, clips: Tensor, first_hearing: Hearing) -> None:
    choose = choice(control, clips, RATE, Generator().manual_seed(0))
    assert choose is not None
    segments = choose(first_hearing)
    chosen_seconds = first_hearing.segments.diff(dim=2).sum(dim=(1, 2))
    assert (chosen_seconds > 0.3).all()
    torch.testing.assert_close(segments.diff(dim=2).sum(dim=(1, 2)), chosen_seconds)
    assert_sorted_and_disjoint(segments, CLIP_SECONDS)


def test_all_controls_run_through_all_hearings(clips: Tensor) -> None:
    model = tiny_model()
    after = {}
    for control in CONTROLS:
        replay = choice(control, clips, RATE, Generator().manual_seed(0))
        with torch.inference_mode():
            hearings = list(model.listen(clips, None, replay))
        assert len(hearings) == model.config.hearings
        after[control] = hearings[-1].logits[0]
    for control in set(CONTROLS) - {CHOSEN}:
        assert not torch.equal(after[control], after[CHOSEN]), control


def test_whole_clip_is_one_segment_and_no_replay_is_none(clips: Tensor, first_hearing: Hearing) -> None:
    whole, none = (choice(name, clips, RATE, Generator()) for name in (WHOLE_CLIP, NO_REPLAY))
    assert whole is not None
    assert none is not None
    assert whole(first_hearing).tolist() == [[[0.0, CLIP_SECONDS]]] * 4
    assert none(first_hearing).shape == (4, 0, 2)


def test_loudest_replays_the_loud_stretch(first_hearing: Hearing) -> None:
    burst = 0.001 * torch.randn(4, round(CLIP_SECONDS * RATE), generator=Generator().manual_seed(0))
    burst[:, RATE : RATE + RATE // 2] *= 500
    segments = loudest(burst, RATE)(first_hearing)
    seconds = segments.diff(dim=2).sum(dim=(1, 2))
    inside = (segments.clamp(1.0, 1.5)).diff(dim=2).sum(dim=(1, 2))
    assert (inside >= torch.minimum(seconds, torch.tensor(0.45))).all()


def test_least_attended_is_where_the_relevance_is_lowest(first_hearing: Hearing) -> None:
    segments = least_attended(first_hearing)
    relevance = first_hearing.relevance.double()
    edges = first_hearing.edges
    whole, touched = (covered(segments, edges[:, :-1] + share * edges.diff(dim=1)) for share in (0.0, 0.5))
    whole = whole & touched & covered(segments, edges[:, 1:] - 1e-6)
    for row in range(4):
        left = ~whole[row] & first_hearing.audible[row]
        assert whole[row].sum() > 5
        assert relevance[row][whole[row]].max() <= relevance[row][left].min()


def test_least_attended_replays_no_digital_silence_while_there_is_sound(first_hearing: Hearing) -> None:
    audible = first_hearing.audible.clone()
    audible[:, -10:] = False
    relevance = first_hearing.relevance.clone()
    relevance[:, -10:] = 0.0
    segments = least_attended(dataclasses.replace(first_hearing, audible=audible, relevance=relevance))
    silent_from = first_hearing.edges[:, -11]
    assert (segments.diff(dim=2).sum(dim=(1, 2)) > 0.3).all()
    assert (segments[..., 1].where(segments.diff(dim=2).squeeze(2) > 0, 0) <= silent_from[:, None]).all()


def test_chosen_at_the_first_hop_replays_the_models_own_choice_with_nothing_new_to_hear(clips: Tensor) -> None:
    model = tiny_model(playbacks=1)
    choose = choice(NOT_FINER, clips, RATE, Generator())
    with torch.inference_mode():
        _, chosen = model.listen(clips)
        first, same = model.listen(clips, choose=choose)
        _, named = model.listen(clips, choose=lambda heard: Replay(heard.segments, finer=False))
    assert torch.equal(same.replayed, chosen.replayed)
    assert torch.equal(same.logits[0], named.logits[0])
    # the map is that of the finer replay, and what it shows of the segments is the first hearing's
    assert torch.equal(same.maps.knots_frame, chosen.maps.knots_frame)
    frames = torch.arange(same.log_mel.shape[1]).expand(len(clips), -1)
    seconds = same.maps.seconds(frames)
    torch.testing.assert_close(same.log_mel, sample_at(first.fine_log_mel, seconds * (RATE / first.hop_samples)))
    inside = same.maps.replayed(seconds)
    assert (same.log_mel - chosen.log_mel)[inside].abs().amax() > 0.5
    assert torch.equal(same.log_mel[~inside], chosen.log_mel[~inside])
