"""That a choice is measured against known truth, beside chance and an energy detector."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest
import torch
from tiny import CLIP_SECONDS, RATE, recognizer_of, sounding_clips, tiny_model
from torch import Tensor
from toy import toy_model

from playitback.evidence.beds import BEDS, KnownClips
from playitback.evidence.controls import LOUDEST
from playitback.evidence.intervals import Bootstrap
from playitback.evidence.localisation import (
    LEVELS_DECIBELS,
    SPLICES,
    clips_to_localise,
    localise,
    locate,
    measure_silence,
    measure_splices,
)
from playitback.evidence.runs import Ears, Run, Tally
from playitback.models.listener import Listener
from playitback.progress import finish
from playitback.report.evidence_text import localisation
from playitback.segments import TIME_BINS, equal_edges, inside_segments

SAMPLES = round(CLIP_SECONDS * RATE)
BOOTSTRAP = Bootstrap(200, 0)


def run_that_replays(segments: Tensor) -> Run:
    """A run whose relevance lies on the segments (N, 1, 2) that it replays."""
    inside = inside_segments(segments, equal_edges(CLIP_SECONDS, TIME_BINS))
    return Run(torch.zeros(len(segments), 2, 3), segments, inside, torch.zeros(len(segments), 2).long())


def everything_named(known: KnownClips) -> Tensor:
    return torch.ones(len(known.rows), dtype=torch.bool)


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
    ears = Ears(recognizer_of(tiny_model(playbacks=1)), Tally(len(known.rows)))
    run = finish(ears.hear(known.waveforms, LOUDEST))
    found = locate("planted", known.waveforms, known.events, run, everything_named(known), RATE, BOOTSTRAP)
    assert ears.tally.done == len(known.rows)
    assert found.lead_over_random.share.sign == 1
    assert found.lead_over_random.overlap.sign == 1


def test_clips_without_replay_have_no_share_but_count_as_missed(known: KnownClips) -> None:
    segments = known.events.clone()
    segments[: len(segments) // 2] = CLIP_SECONDS
    run = run_that_replays(segments)
    found = locate("planted", known.waveforms, known.events, run, everything_named(known), RATE, BOOTSTRAP)
    assert found.chosen.share.mean == pytest.approx(1.0)
    assert found.chosen.overlap.mean == pytest.approx(0.5)


@pytest.mark.parametrize("build", [lambda: tiny_model(playbacks=1), toy_model], ids=["replay", "toy"])
def test_all_sounds_of_known_truth_are_measured(build: Callable[[], Listener]) -> None:
    clips, recorded = sounding_clips(4), {"wind": sounding_clips(2, seed=9)}
    clips[:2, RATE // 2 :] = 0
    ears = Ears(recognizer_of(build()), Tally(0))
    found = finish(localise(ears, clips, torch.tensor([0, 1, 2, 3]), BOOTSTRAP, recorded_beds=recorded))
    beds = [f"{name} {level:g} dB" for name in (*BEDS, "wind") for level in LEVELS_DECIBELS]
    assert [each.condition for each in found] == [*beds, "splices", "zero-padded"]
    assert ears.tally.done == clips_to_localise(4, recorded)
    silence = found[-1]
    assert silence.clips == 2
    # what the rule forbids is not replayed, but for the half of a column that may be silent
    assert silence.chosen.share.mean > 0.9
    assert silence.event_share == pytest.approx(0.25, abs=0.01)
    assert silence.random.share.mean < 0.6


def test_clips_without_zeros_say_nothing_of_silence() -> None:
    clips = torch.full((2, SAMPLES), 0.1)
    ears = Ears(recognizer_of(tiny_model(playbacks=1)), Tally(0))
    assert finish(measure_silence(ears, clips, torch.tensor([0, 1]), BOOTSTRAP)) is None
    assert ears.tally.done == 2


def test_splices_of_which_no_half_is_named_are_left_out() -> None:
    clips, classes = sounding_clips(4), torch.tensor([0, 0, 1, 1])
    model = toy_model()
    with torch.no_grad():
        model.heads[0].weight.zero_()  # type: ignore[union-attr]
        model.heads[0].bias.copy_(torch.tensor([0.0, 0.0, 9.0, 0.0]))  # type: ignore[union-attr]
    ears = Ears(recognizer_of(model), Tally(0))
    assert finish(measure_splices(ears, clips, classes, BOOTSTRAP)) is None
    found = finish(localise(ears, clips, classes, BOOTSTRAP))
    assert found
    assert SPLICES not in {each.condition for each in found}
    assert "Of no splice of two clips does the model name one of the halves" in localisation(found, "chosen")
