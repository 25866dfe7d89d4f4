"""What is said of the slots and of the frames of one hearing, on attention and time maps that are known."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from tiny import CLIP_SECONDS, RATE, STEMS, noise, recognizer_of, sounding_clips, tiny_model
from torch import Tensor

from playitback.explain.slots import ATTENTION, inspect_slots, overlap
from playitback.recognizer import ClipHearing
from playitback.replay import TimeMap, TimeMaps, column_edges
from playitback.segments import TIME_BINS, Segment, pad_segments

FRAMES, COLUMNS = 160, 40
SOUND = noise(CLIP_SECONDS)


def hearing(
    informative: Sequence[Sequence[float]], replayed: tuple[Segment, ...] = (), ratio: float = 1.0
) -> ClipHearing:
    """A hearing of two slots; informative: (iterations, columns) of slot 0."""
    first = np.array(informative, np.float32)
    attention = np.stack([first, 1 - first], axis=1)
    maps = TimeMaps.of(pad_segments([replayed], CLIP_SECONDS), ratio, CLIP_SECONDS, FRAMES)
    seconds, edges = column_edges(maps, COLUMNS, FRAMES / COLUMNS, 1.0)
    log_mel = np.zeros((FRAMES, 4), np.float32)
    return ClipHearing(
        index=0,
        hop_seconds=CLIP_SECONDS / FRAMES,
        probabilities=np.ones(1, np.float32),
        decision=0,
        asked=0,
        relevance=attention[-1, 0],
        edges=edges[0].numpy(),
        segments=(),
        replayed=replayed,
        details={ATTENTION: attention},
        seconds=seconds[0].numpy(),
        audible=np.ones(COLUMNS, dtype=bool),
        threshold=0.5,
        log_mel=log_mel,
        fine_log_mel=log_mel,
        time_map=TimeMap.of(replayed, ratio, CLIP_SECONDS, FRAMES),
    )


def where(start_seconds: float, end_seconds: float, inside: float = 0.9, outside: float = 0.2) -> list[float]:
    """Attention of slot 0 on evenly spaced columns."""
    middle = (np.arange(COLUMNS) + 0.5) * CLIP_SECONDS / COLUMNS
    return np.where((middle > start_seconds) & (middle < end_seconds), inside, outside).tolist()


@pytest.mark.parametrize("stem", STEMS)
def test_edges_and_attention_of_the_columns_are_those_of_the_model(stem: str) -> None:
    model = tiny_model(stem)
    clips: Tensor = sounding_clips(1)
    with torch.inference_mode():
        hearings = list(model.listen(clips))
    for one, heard in zip(recognizer_of(model).explain(clips[0].numpy()), hearings, strict=True):
        np.testing.assert_allclose(one.edges, heard.edges[0].numpy(), atol=1e-9)
        assert (one.edges[0], one.edges[-1]) == (0, CLIP_SECONDS)
        assert ((one.edges[:-1] <= one.seconds) & (one.seconds < one.edges[1:])).all()
        np.testing.assert_allclose(one.details[ATTENTION], heard.details[ATTENTION][0].numpy(), atol=1e-6)
        found = inspect_slots(one, clips[0].numpy(), RATE)
        # what a slot holds of the time is the mean of its attention, each column counting as long as it is
        shares = one.details[ATTENTION] @ np.diff(one.edges) / CLIP_SECONDS
        np.testing.assert_allclose(found.share, shares, atol=1e-6)


def test_shares_of_time_are_those_of_the_attention() -> None:
    halves = where(0.0, 1.0, inside=1.0, outside=0.0)
    found = inspect_slots(hearing([[0.5] * COLUMNS, halves, where(0.0, 0.5, 0.8, 0.0)]), SOUND, RATE)
    np.testing.assert_allclose(found.share, [[0.5, 0.5], [0.5, 0.5], [0.2, 0.8]], atol=0.01)
    np.testing.assert_allclose(found.share.sum(axis=1), 1)


def test_shares_count_seconds_and_not_columns() -> None:
    """Half of the clip replayed at three times the hop takes three quarters of the columns, and is half of the time."""
    replayed = (Segment(0.0, 1.0),)
    columns_inside = [1.0] * 30 + [0.0] * 10
    found = inspect_slots(hearing([columns_inside], replayed, ratio=3.0), SOUND, RATE)
    np.testing.assert_allclose(found.share, [[0.5, 0.5]], atol=0.02)
    assert found.entropy[0, 0] == pytest.approx(math.log(TIME_BINS / 2), abs=0.05)


def test_entropy_falls_as_a_slot_narrows_its_view() -> None:
    iterations = [[0.5] * COLUMNS, where(0.5, 1.5, 1.0, 0.0), where(0.5, 1.0, 1.0, 0.0)]
    found = inspect_slots(hearing(iterations), SOUND, RATE)
    wanted = [math.log(TIME_BINS), math.log(TIME_BINS / 2), math.log(TIME_BINS / 4)]
    np.testing.assert_allclose(found.entropy[:, 0], wanted, atol=0.05)
    assert found.entropy[2, 1] == pytest.approx(math.log(TIME_BINS * 3 / 4), abs=0.05)


def test_overlap_is_one_for_slots_that_look_alike_and_nothing_for_slots_that_share_out_the_time() -> None:
    found = inspect_slots(hearing([[0.3] * COLUMNS, where(0.0, 1.0, 1.0, 0.0)]), SOUND, RATE)
    np.testing.assert_allclose(found.overlap[0], 1, atol=1e-6)
    np.testing.assert_allclose(found.overlap[1], np.eye(2), atol=0.03)


def test_overlap_is_what_two_distributions_share() -> None:
    attention = torch.tensor([[2.0, 2.0, 0.0, 0.0], [0.0, 1.0, 1.0, 0.0], [0.0, 0.0, 0.0, 0.0]])
    found = overlap(attention)
    assert found[0, 1] == found[1, 0] == 0.5
    assert found[0, 2] == 0.5  # a slot that wins nothing looks at all moments alike
    assert found.diagonal().tolist() == [1, 1, 1]


def test_uninformative_segments_are_the_rest_of_the_sound() -> None:
    found = inspect_slots(hearing([where(0.5, 1.0)]), SOUND, RATE).uninformative_segments
    edges = [edge for each in found for edge in (each.start_seconds, each.end_seconds)]
    assert edges == pytest.approx([0.0, 0.5, 1.0, 2.0], abs=0.03)


def test_the_last_iteration_says_what_is_uninformative() -> None:
    nothing = inspect_slots(hearing([where(0.5, 1.0), [0.9] * COLUMNS]), SOUND, RATE)
    assert nothing.uninformative_segments == ()
    everything = inspect_slots(hearing([where(0.5, 1.0), [0.1] * COLUMNS]), SOUND, RATE)
    assert everything.uninformative_segments == (Segment(0.0, CLIP_SECONDS),)


def test_uninformative_segments_leave_out_digital_silence_and_clicks() -> None:
    quiet = SOUND[: round(1.5 * RATE)]  # the recording is shorter than the clip
    found = inspect_slots(hearing([where(0.2, 1.2)]), quiet, RATE).uninformative_segments
    assert len(found) == 2
    assert (found[-1].start_seconds, found[-1].end_seconds) == pytest.approx((1.2, 1.5), abs=0.03)
    only_one_column = inspect_slots(hearing([where(0.05, 2.0)]), SOUND, RATE).uninformative_segments
    assert only_one_column == ()


def test_all_slots_but_the_first_are_uninformative_together() -> None:
    one = hearing([[0.4] * COLUMNS])
    three = np.stack([np.full(COLUMNS, share, np.float32) for share in (0.4, 0.35, 0.25)])[None]
    found = inspect_slots(dataclasses.replace(one, details={ATTENTION: three}), SOUND, RATE)
    assert found.overlap.shape == (1, 3, 3)
    assert found.uninformative_segments == (Segment(0.0, CLIP_SECONDS),)


def test_frames_are_counted_inside_and_outside() -> None:
    found = inspect_slots(hearing([[0.5] * COLUMNS], (Segment(0.25, 0.5), Segment(1.0, 1.25)), 3.0), SOUND, RATE)
    # half a second at three times the weight of the other one and a half: half of the frames
    assert found.replayed_seconds == pytest.approx(0.5)
    assert found.replayed_frames == pytest.approx(FRAMES / 2)
    assert found.replayed_share_of_frames == pytest.approx(0.5)
    assert found.frames == FRAMES
    assert found.frames_per_second_inside == pytest.approx(FRAMES / 2 / 0.5)
    assert found.frames_per_second_outside == pytest.approx(FRAMES / 2 / 1.5)


def test_without_an_inside_or_an_outside_there_is_no_rate_of_it() -> None:
    first = inspect_slots(hearing([[0.5] * COLUMNS]), SOUND, RATE)
    assert (first.frames_per_second_inside, first.replayed_share_of_frames) == (None, 0)
    assert first.frames_per_second_outside == pytest.approx(FRAMES / CLIP_SECONDS)
    whole = inspect_slots(hearing([[0.5] * COLUMNS], (Segment(0.0, CLIP_SECONDS),), 2.0), SOUND, RATE)
    assert whole.frames_per_second_outside is None
    assert whole.frames_per_second_inside == pytest.approx(FRAMES / CLIP_SECONDS)
