"""That known truth is where it is said to be: planted events, splices, and the backgrounds themselves."""

from __future__ import annotations

import pytest
import torch
from bands import band_clips
from tiny import CLIP_SECONDS, RATE, sounding_clips
from torch import Generator

from playitback.errors import SettingsError
from playitback.evidence.beds import (
    BEDS,
    BRIEF_SECONDS,
    KnownClips,
    bed,
    loudest_stretch,
    move_loudest,
    plant,
    plant_beside_burst,
    plant_brief_in,
    plant_in,
    splice,
)
from playitback.evidence.localisation import LEVELS_DECIBELS

SAMPLES = round(CLIP_SECONDS * RATE)
CLIPS = 30


def generator(seed: int = 0) -> Generator:
    return Generator().manual_seed(seed)


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


def test_a_seed_plants_the_same_clips_at_the_same_seconds_in_every_background() -> None:
    clips = sounding_clips(4)
    planted = [plant_in(clips, name, 6.0, RATE, 3) for name in BEDS]
    for each in planted[1:]:
        torch.testing.assert_close(each.events, planted[0].events)
    assert not torch.equal(planted[0].waveforms, planted[1].waveforms)
    assert not torch.equal(plant_in(clips, BEDS[0], 6.0, RATE, 4).events, planted[0].events)
    assert float(planted[0].events.max()) <= CLIP_SECONDS


def power_inside(sound: torch.Tensor, events: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean square (N,) of clips inside and outside of their one event."""
    time = torch.arange(sound.shape[1]) / RATE
    inside = ((time >= events[:, 0, :1]) & (time < events[:, 0, 1:])).double()
    power = sound.double().square()
    return (power * inside).sum(1) / inside.sum(1), (power * (1 - inside)).sum(1) / (1 - inside).sum(1)


@pytest.mark.parametrize("decibels", [6.0, 12.0])
def test_brief_events_lie_beside_a_burst_of_another_class_that_is_so_much_louder(decibels: float) -> None:
    classes = torch.arange(CLIPS) % 3
    targets = torch.nn.functional.one_hot(classes).bool()
    known = plant_beside_burst(band_clips(classes), targets, decibels, RATE, seed=0)
    assert known.rows.tolist() == list(range(CLIPS))
    seconds = known.events.diff(dim=2).flatten()
    assert BRIEF_SECONDS[0] - 1e-3 <= seconds.min() < 0.4
    assert 0.7 < seconds.max() <= 0.4 * CLIP_SECONDS + 1e-3
    assert known.waveforms.abs().max() <= 1
    # once the event is taken out, the burst is what sounds; before it comes as often as after
    event, _ = power_inside(known.waveforms, known.events)
    frames = known.waveforms.unfold(1, RATE // 20, RATE // 20).square().mean(dim=2)
    burst = frames.topk(4, dim=1).values.mean(dim=1)
    assert 10 * (burst / event).log10().mean() == pytest.approx(decibels, abs=1.5)  # its tone trembles, the event fades
    first = frames.argmax(dim=1) * 0.05 < known.events[:, 0, 0]
    assert 0.2 < first.double().mean() < 0.8
    again = plant_beside_burst(band_clips(classes), targets, decibels, RATE, seed=0)
    assert torch.equal(known.waveforms, again.waveforms)


@pytest.mark.parametrize("name", BEDS)
def test_brief_events_lie_at_the_same_seconds_in_every_bed(name: str) -> None:
    clips = sounding_clips(6)
    clips[2] = 0
    known = plant_brief_in(clips, name, 20.0, RATE, seed=0)
    assert known.rows.tolist() == [0, 1, 3, 4, 5]
    assert torch.equal(known.events, plant_brief_in(clips, "noise", 0.0, RATE, seed=0).events)
    inside, outside = power_inside(known.waveforms, known.events)
    assert (inside > 20 * outside).all()


def test_the_loudest_moments_are_moved_whole() -> None:
    clip = 0.001 * torch.randn(1, SAMPLES, generator=generator())
    clip[:, RATE : RATE + 800] += 0.5
    moved = move_loudest(clip, torch.tensor([800]), torch.tensor([100]), RATE)
    assert moved[0, :100].abs().max() == 0
    assert moved[0, 900:].abs().max() == 0
    torch.testing.assert_close(moved[0, 300:700], torch.ones(400), atol=0.02, rtol=0)


def test_clips_of_one_class_have_no_burst() -> None:
    with pytest.raises(SettingsError, match="all clips share a class"):
        plant_beside_burst(sounding_clips(2), torch.ones(2, 1, dtype=torch.bool), 6.0, RATE, seed=0)
