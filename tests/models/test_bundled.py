"""The bundled checkpoints: that each is what its card says, and that one hears what anyone can hear."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from playitback.checkpoint import BUNDLED, available_checkpoints, describe_checkpoint, load_checkpoint
from playitback.evidence.intervals import Bootstrap
from playitback.evidence.localisation import measure_silence
from playitback.evidence.runs import Ears, Tally
from playitback.progress import finish
from playitback.recognizer import Recognizer
from playitback.segments import pad_segments
from playitback.training.clips import load_clips
from playitback.training.manifest import read_manifest

EXAMPLES = BUNDLED.parent / "assets" / "examples"


@pytest.fixture(scope="module")
def recognizer() -> Recognizer:
    return Recognizer.from_checkpoint("esc50-small", "cpu")


@pytest.mark.parametrize("name", available_checkpoints())
def test_checkpoint_is_small_and_carries_its_terms(name: str) -> None:
    checkpoint = load_checkpoint(name)
    assert (BUNDLED / name / "model.safetensors").stat().st_size < 25e6
    assert checkpoint.about["licence"].upper() == "CC-BY-NC-3.0"
    assert "Freesound" in checkpoint.card
    results, hearings = checkpoint.about["results"], checkpoint.model.config.hearings
    for figure in ("mean_average_precision",) if checkpoint.model.config.multi_label else ("accuracy",):
        assert len(results[figure]) == hearings
        for value in results[figure]:
            assert any(f"{100 * value:.{digits}f}" in checkpoint.card for digits in (1, 2)), (figure, value)


def test_every_family_is_bundled() -> None:
    titles = {describe_checkpoint(name)[0] for name in available_checkpoints()}
    assert titles == {"replay attention", "attention pooling", "multiscale transformer", "transformers"}


def test_knocks_are_named_and_replayed_where_they_are(recognizer: Recognizer) -> None:
    """Three knocks from 1.1 s on and two from 3.2 s on, in a quiet room."""
    recording = recognizer.load(EXAMPLES / "door_wood_knock.wav")
    chosen, choosing = [], 0
    for hearing in recognizer.explain(recording.samples):
        assert recognizer.labels[hearing.probabilities.argmax()] == "door_wood_knock"
        if hearing.segments or hearing.index == 0:  # of both groups; one later hearing may choose nothing
            assert {segment.start_seconds > 2.5 for segment in hearing.segments} == {False, True}
            choosing += 1
        for segment in hearing.segments:
            assert 0.8 < segment.start_seconds < 2.0 or 2.9 < segment.start_seconds < 3.8
            assert segment.seconds < 1.2
        chosen += hearing.segments
    assert choosing >= recognizer.playbacks
    for knock in (1.15, 1.37, 1.60, 3.25, 3.48):
        assert any(each.start_seconds < knock < each.end_seconds for each in chosen)


def test_bfloat16_names_the_same_classes() -> None:
    """What GPUs and CPUs with AMX compute in; any CPU can do it, only more slowly.

    Both replay the same: where two moments are all but equally relevant, rounding may choose the other one.
    """
    exact, rounded = (Recognizer.from_checkpoint("esc50-small", "cpu") for _ in range(2))
    exact.dtype, rounded.dtype = torch.float32, torch.bfloat16
    for path in sorted(EXAMPLES.glob("*.wav")):
        samples = exact.load(path).samples
        hearings = list(exact.explain(samples))
        chosen = [pad_segments([hearing.segments], exact.clip_seconds) for hearing in hearings]
        again = rounded.explain(samples, choose=lambda heard, chosen=chosen: chosen[heard.index])
        for one, other in zip(hearings, again, strict=True):
            # of two classes that are all but equal, either may come first
            assert one.probabilities.max() - one.probabilities[other.probabilities.argmax()] < 0.03, path.name
            assert abs(one.probabilities - other.probabilities).max() < 0.1, path.name
            assert (one.probabilities != other.probabilities).any()


@pytest.mark.data
def test_replayed_time_is_not_silence_on_real_clips(recognizer: Recognizer) -> None:
    """With PLAYITBACK_ESC50 naming an ESC-50 folder: ``python -m pytest -m data``."""
    manifest = read_manifest("esc50", Path(os.environ["PLAYITBACK_ESC50"]), folds=(4,))
    clips = load_clips(manifest, recognizer.config.front_end)
    assert clips.classes().bincount().tolist() == [8] * 50
    waveforms = clips.waveforms(torch.arange(len(clips)))
    ears = Ears(recognizer, Tally(len(clips)))
    located = finish(measure_silence(ears, waveforms, clips.classes(), Bootstrap(100, 0)))
    assert located is not None
    assert located.clips > 50
    assert located.event_share < 0.6
    assert located.chosen.share.mean > 0.99
    assert located.random.share.mean < 0.8


@pytest.mark.parametrize("name", available_checkpoints())
def test_clips_of_a_batch_are_explained_as_each_is_alone_but_for_rounding(name: str) -> None:
    heard = Recognizer.from_checkpoint(name, "cpu")
    waveforms = [heard.load(path).samples for path in sorted(EXAMPLES.glob("*.wav"))[:5]]
    for waveform, batched in zip(waveforms, heard.explain_batch(waveforms), strict=True):
        for alone, each in zip(heard.explain(waveform), batched, strict=True):
            assert (each.decision, each.segments, each.replayed) == (alone.decision, alone.segments, alone.replayed)
            assert each.probabilities == pytest.approx(alone.probabilities, abs=1e-4)
            assert each.relevance == pytest.approx(alone.relevance, abs=1e-3)
