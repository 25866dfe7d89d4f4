"""That every control replays what its name says, as much of it as the slots would have."""

from __future__ import annotations

import dataclasses

import pytest
import torch
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
)
from playitback.models.listener import Hearing
from playitback.segments import scatter_segments


@pytest.fixture(scope="module")
def clips() -> Tensor:
    return sounding_clips(4)


@pytest.fixture(scope="module")
def first_hearing(clips: Tensor) -> Hearing:
    with torch.inference_mode():
        return next(tiny_model().listen(clips))


def lengths(segments: Tensor) -> list[list[float]]:
    """Of the segments that are not empty, the shortest first."""
    return [sorted(round(float(end - start), 9) for start, end in clip if end > start) for clip in segments]


def covered(segments: Tensor, points: Tensor) -> Tensor:
    """(B, points) whether each second (B or 1, points) lies in a segment."""
    return ((points[:, None] >= segments[..., :1]) & (points[:, None] < segments[..., 1:])).any(dim=1)


def assert_sorted_and_disjoint(segments: Tensor) -> None:
    knots = segments.flatten(1)
    assert (knots.diff(dim=1) >= 0).all()
    assert (knots >= 0).all()
    assert (knots <= CLIP_SECONDS).all()


def test_random_segments_keep_number_and_lengths_and_are_disjoint(first_hearing: Hearing) -> None:
    drawn = scatter_segments(first_hearing.segments, CLIP_SECONDS, Generator().manual_seed(0))
    assert any(len(clip) > 1 for clip in lengths(drawn))
    assert lengths(drawn) == lengths(first_hearing.segments)
    assert_sorted_and_disjoint(drawn)
    assert not torch.equal(drawn, first_hearing.segments)


def test_random_segments_hang_on_the_seed_alone(first_hearing: Hearing) -> None:
    same, again, other = (
        scatter_segments(first_hearing.segments, CLIP_SECONDS, Generator().manual_seed(seed)) for seed in (1, 1, 2)
    )
    assert torch.equal(same, again)
    assert not torch.equal(same, other)


@pytest.mark.parametrize("control", [RANDOM, LOUDEST, LEAST_ATTENDED])
def test_controls_replay_as_much_time_as_the_slots_chose(control: str, clips: Tensor, first_hearing: Hearing) -> None:
    choose = choice(control, clips, RATE, Generator().manual_seed(0))
    assert choose is not None
    segments = choose(first_hearing)
    chosen_seconds = first_hearing.segments.diff(dim=2).sum(dim=(1, 2))
    assert (chosen_seconds > 0.3).all()
    torch.testing.assert_close(segments.diff(dim=2).sum(dim=(1, 2)), chosen_seconds)
    assert_sorted_and_disjoint(segments)


def test_all_controls_run_through_all_hearings(clips: Tensor) -> None:
    model = tiny_model()
    after = {}
    for control in CONTROLS:
        replay = choice(control, clips, RATE, Generator().manual_seed(0))
        with torch.inference_mode():
            hearings = list(model.listen(clips, None, replay, finer=control != NOT_FINER))
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


def test_least_attended_is_what_attention_passes_over(first_hearing: Hearing) -> None:
    segments = least_attended(first_hearing)
    attention = first_hearing.slots.attention[:, 0].double()
    edges = first_hearing.column_edges
    whole, touched = (covered(segments, edges[:, :-1] + share * edges.diff(dim=1)) for share in (0.0, 0.5))
    whole = whole & touched & covered(segments, edges[:, 1:] - 1e-6)
    for row in range(4):
        left = ~whole[row] & first_hearing.audible[row]
        assert whole[row].sum() > 5
        assert attention[row][whole[row]].max() <= attention[row][left].min()


def test_least_attended_replays_no_digital_silence_while_there_is_sound(first_hearing: Hearing) -> None:
    audible = first_hearing.audible.clone()
    audible[:, -10:] = False
    attention = first_hearing.slots.attention_per_iteration[-1].clone()
    attention[:, 0, -10:] = 0.0
    slots = dataclasses.replace(first_hearing.slots, attention_per_iteration=(attention,))
    segments = least_attended(dataclasses.replace(first_hearing, audible=audible, slots=slots))
    silent_from = first_hearing.column_edges[:, -11]
    assert (segments.diff(dim=2).sum(dim=(1, 2)) > 0.3).all()
    assert (segments[..., 1].where(segments.diff(dim=2).squeeze(2) > 0, 0) <= silent_from[:, None]).all()
