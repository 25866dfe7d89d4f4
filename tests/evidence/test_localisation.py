"""That known truth is where it is said to be, and that a choice is measured against it beside chance."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from tiny import CLIP_SECONDS, RATE, sounding_clips, tiny_model
from torch import Generator, Tensor

from playitback.errors import SettingsError
from playitback.evidence.beds import BEDS, KnownClips, bed, loudest_stretch, plant, splice
from playitback.evidence.controls import LOUDEST
from playitback.evidence.intervals import Bootstrap
from playitback.evidence.localisation import LEVELS_DECIBELS, clips_to_localise, localise, locate, measure_silence
from playitback.evidence.runs import TIME_BINS, Run, hear
from playitback.segments import equal_edges, inside_segments, intersection_over_union, shared_seconds

SAMPLES = round(CLIP_SECONDS * RATE)
BOOTSTRAP = Bootstrap(200, 0)
CLIPS = 30


def generator(seed: int = 0) -> Generator:
    return Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def known() -> KnownClips:
    """Half a second of noise in weaker noise."""
    beds = bed("noise", CLIPS, SAMPLES, RATE, generator(1))
    return plant(sounding_clips(CLIPS), beds, 20.0, RATE, generator(), event_seconds=0.5)


def run_that_replays(segments: Tensor) -> Run:
    """A run whose attention is on the segments (N, 1, 2) that it replays."""
    inside = inside_segments(segments, equal_edges(CLIP_SECONDS, TIME_BINS))
    return Run(torch.zeros(len(segments), 2, 3), segments, inside)


def everything_named(known: KnownClips) -> Tensor:
    return torch.ones(len(known.rows), dtype=torch.bool)


def test_events_lie_where_they_are_said_to(known: KnownClips) -> None:
    assert known.waveforms.shape == (CLIPS, SAMPLES)
    assert known.waveforms.abs().max() <= 1
    starts = (known.events[:, 0, 0] * RATE).round().long()
    assert len(starts.unique()) > CLIPS // 2
    for row in range(CLIPS):
        event = known.waveforms[row, starts[row] : starts[row] + RATE // 2]
        rest = torch.cat([known.waveforms[row, : starts[row]], known.waveforms[row, starts[row] + RATE // 2 :]])
        assert event.square().mean() > 50 * rest.square().mean()


@pytest.mark.parametrize("decibels", LEVELS_DECIBELS)
def test_events_stand_out_by_the_level_asked_for(decibels: float) -> None:
    clips, beds = sounding_clips(4), bed("noise", 4, SAMPLES, RATE, generator())
    both = plant(clips, beds, decibels, RATE, generator(), event_seconds=0.5)
    background = plant(clips, torch.zeros_like(beds), decibels, RATE, generator(), event_seconds=0.5)
    difference = both.waveforms - background.waveforms
    start = (both.events[0, 0, 0] * RATE).round().long()
    event_power = background.waveforms[0, start : start + RATE // 2].square().mean()
    found = 10 * torch.log10(event_power / difference[0].square().mean())
    assert float(found) == pytest.approx(decibels, abs=0.3)


def test_silent_clips_hold_no_event() -> None:
    clips = sounding_clips(3)
    clips[1] = 0
    beds = bed("noise", 3, SAMPLES, RATE, generator())
    assert plant(clips, beds, 6.0, RATE, generator()).rows.tolist() == [0, 2]
    with pytest.raises(SettingsError, match="all clips are silent"):
        plant(torch.zeros(3, SAMPLES), beds, 6.0, RATE, generator())


def test_loudest_stretch_is_found() -> None:
    clip = torch.zeros(1, SAMPLES)
    clip[0, 5000:6000] = 1.0
    assert loudest_stretch(clip, 1000).min() == 1.0


@pytest.mark.parametrize("kind", BEDS)
def test_beds_have_one_level_hang_on_the_seed_and_differ_from_clip_to_clip(kind: str) -> None:
    beds, again = (bed(kind, 3, SAMPLES, RATE, generator(5)) for _ in range(2))
    assert torch.equal(beds, again)
    torch.testing.assert_close(beds.square().mean(dim=1), torch.ones(3))
    assert not torch.equal(beds[0], beds[1])


def test_beds_differ_in_colour_and_in_steadiness() -> None:
    samples = 6 * RATE
    sounds = {kind: bed(kind, 4, samples, RATE, generator()) for kind in BEDS}
    power = {kind: torch.fft.rfft(each).abs().square().mean(dim=0) for kind, each in sounds.items()}
    low = {kind: float(each[: 6 * 1000].sum() / each.sum()) for kind, each in power.items()}  # below 1 kHz
    assert low["noise"] == pytest.approx(0.125, abs=0.02)
    assert low["sea"] > 0.8
    levels = {kind: each.unflatten(1, (-1, RATE // 10)).square().mean(dim=2) for kind, each in sounds.items()}
    unsteadiness = {kind: float((each.std(dim=1) / each.mean(dim=1)).mean()) for kind, each in levels.items()}
    assert unsteadiness["noise"] < unsteadiness["rain"] < unsteadiness["sea"]


def test_unknown_bed_is_refused() -> None:
    with pytest.raises(SettingsError, match="no background 'crowd'; choose one of noise, rain, sea"):
        bed("crowd", 1, SAMPLES, RATE, generator())


def test_splices_join_the_loudest_halves_of_two_classes() -> None:
    clips = torch.zeros(3, SAMPLES)
    for row in range(3):
        clips[row, row * 100 : row * 100 + RATE] = row + 1.0  # the class is the level
    targets = torch.eye(3, dtype=torch.bool)
    spliced, first, second = splice(clips, targets, 50, generator())
    levels = torch.tensor([1.0, 2.0, 3.0])
    assert torch.equal(spliced[:, :RATE].amin(dim=1), levels[first.int().argmax(dim=1)])
    assert torch.equal(spliced[:, RATE:].amin(dim=1), levels[second.int().argmax(dim=1)])
    assert not (first & second).any()
    assert len({(int(a), int(b)) for a, b in zip(first.int().argmax(1), second.int().argmax(1), strict=True)}) == 6


def test_clips_of_one_class_cannot_be_spliced() -> None:
    with pytest.raises(SettingsError, match="all clips share a class"):
        splice(sounding_clips(2), torch.ones(2, 1, dtype=torch.bool), 2, generator())


def test_shared_time_and_intersection_over_union() -> None:
    one = torch.tensor([[[0.0, 1.0], [1.5, 2.0]], [[2.0, 2.0], [2.0, 2.0]]], dtype=torch.float64)
    other = torch.tensor([[[0.5, 1.75]], [[0.0, 1.0]]], dtype=torch.float64)
    assert shared_seconds(one, other).tolist() == pytest.approx([0.75, 0.0])
    assert intersection_over_union(one, other).tolist() == pytest.approx([0.75 / 2.0, 0.0])
    edges = torch.tensor([[0.0, 0.5, 2.0]], dtype=torch.float64)
    assert inside_segments(one, edges).tolist() == [pytest.approx([0.5, 1.0]), [0.0, 0.0]]


def test_an_oracle_finds_every_event_and_beats_chance(known: KnownClips) -> None:
    run = run_that_replays(known.events)
    found = locate("planted", known.waveforms, known.events, run, everything_named(known), RATE, BOOTSTRAP)
    assert found.event_share == found.replayed_share == pytest.approx(0.25)
    for field in dataclasses.fields(found.chosen):
        assert getattr(found.chosen, field.name).mean == pytest.approx(1.0), field.name
        assert getattr(found.lead_over_random, field.name).sign == 1, field.name
    assert found.random.pointing.mean == pytest.approx(0.25)
    assert 0.15 < found.random.share.mean < 0.45


def test_choosing_what_is_not_the_event_finds_nothing(known: KnownClips) -> None:
    start = torch.where(known.events[..., :1] > 0.75, 0.0, 1.5)
    missed = torch.cat([start, start + 0.25], dim=2)
    run = run_that_replays(missed)
    found = locate("planted", known.waveforms, known.events, run, everything_named(known), RATE, BOOTSTRAP)
    for field in dataclasses.fields(found.chosen):
        assert getattr(found.chosen, field.name).mean == 0, field.name
    assert found.lead_over_random.share.sign == -1


def test_energy_detector_solves_loud_events(known: KnownClips) -> None:
    run = run_that_replays(known.events)
    found = locate("planted", known.waveforms, known.events, run, everything_named(known), RATE, BOOTSTRAP)
    assert found.loudest.share.mean > 0.9
    assert found.loudest.pointing.mean == 1.0


def test_model_made_to_replay_the_loud_part_beats_random(known: KnownClips) -> None:
    heard: list[int] = []
    run = hear(tiny_model(playbacks=1), known.waveforms, heard.append, LOUDEST)
    found = locate("planted", known.waveforms, known.events, run, everything_named(known), RATE, BOOTSTRAP)
    assert sum(heard) == CLIPS
    assert found.lead_over_random.share.sign == 1
    assert found.lead_over_random.overlap.sign == 1


def test_clips_without_replay_have_no_share_but_count_as_missed(known: KnownClips) -> None:
    segments = known.events.clone()
    segments[: CLIPS // 2] = CLIP_SECONDS
    run = run_that_replays(segments)
    found = locate("planted", known.waveforms, known.events, run, everything_named(known), RATE, BOOTSTRAP)
    assert found.chosen.share.mean == pytest.approx(1.0)
    assert found.chosen.overlap.mean == pytest.approx(0.5)


def test_all_sounds_of_known_truth_are_measured() -> None:
    clips, recorded = sounding_clips(4), {"wind": sounding_clips(2, seed=9)}
    clips[:2, RATE // 2 :] = 0
    heard: list[int] = []
    found = localise(
        tiny_model(playbacks=1), clips, torch.tensor([0, 1, 2, 3]), BOOTSTRAP, heard.append, recorded_beds=recorded
    )
    beds = [f"{name} {level:g} dB" for name in (*BEDS, "wind") for level in LEVELS_DECIBELS]
    assert [each.condition for each in found] == [*beds, "splices", "zero-padded"]
    assert sum(heard) == clips_to_localise(4, recorded)
    silence = found[-1]
    assert silence.clips == 2
    # what the rule forbids is not replayed, but for the half of a column that may be silent
    assert silence.chosen.share.mean > 0.9
    assert silence.event_share == pytest.approx(0.25, abs=0.01)
    assert silence.random.share.mean < 0.6


def test_clips_without_zeros_say_nothing_of_silence() -> None:
    clips = torch.full((2, SAMPLES), 0.1)
    heard: list[int] = []
    assert measure_silence(tiny_model(playbacks=1), clips, torch.tensor([0, 1]), BOOTSTRAP, heard.append) is None
    assert sum(heard) == 2
