"""A model is given the sound at its own rate, whatever that is, and so is whoever listens to what it heard."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
import soundfile
from tiny import CLIP_SECONDS, RATE, chirp, noise, sounding_clips, tiny_checkpoint, tiny_config, tiny_model, tone

from app.service import (
    CompareService,
    ContrastService,
    ContrastView,
    ExplainService,
    ExplanationView,
    FolderFile,
    FolderService,
    Models,
    Other,
    Settings,
    TakeAwayService,
    WhatIfService,
    WindowsService,
    begin_variants,
    inspect,
)
from playitback.config import FrontEndConfig
from playitback.explain.what_if import REMOVE
from playitback.models.replay.model import ReplayModel

FAST = 32_000  # hertz that the model "fast" hears
FILE_RATE = 48_000
HIGH_HERTZ = 12_000.0  # more than RATE can carry
CLIP_SAMPLES = round(CLIP_SECONDS * FAST)


def fast_model() -> ReplayModel:
    """As ``tiny_model``, but it hears twice as many samples a second."""
    slow = tiny_model(playbacks=2)
    front_end = FrontEndConfig(
        sample_rate=FAST,
        clip_seconds=CLIP_SECONDS,
        frames=slow.config.front_end.frames,
        mels=slow.config.front_end.mels,
        fft_samples=1024,
        window_samples=800,
    )
    fast = ReplayModel(replace(tiny_config(playbacks=2), front_end=front_end)).eval()
    fast.load_state_dict(slow.state_dict())
    return fast


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Models:
    folder = tmp_path_factory.mktemp("checkpoints")
    made = {"fast": fast_model(), "slow": tiny_model(playbacks=2, seed=1)}
    return Models([str(tiny_checkpoint(folder / name, model)) for name, model in made.items()], "cpu")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Noise that swells, and a high tone that a model at the slow rate cannot hear."""
    path = tmp_path_factory.mktemp("sounds") / "clip.wav"
    swelling = np.interp(
        np.arange(round(CLIP_SECONDS * FILE_RATE)) / FILE_RATE,
        np.arange(round(CLIP_SECONDS * RATE)) / RATE,
        sounding_clips(1)[0].numpy(),
    )
    soundfile.write(path, swelling + 0.2 * tone(CLIP_SECONDS, FILE_RATE, HIGH_HERTZ), FILE_RATE)
    return path


@pytest.fixture(scope="module")
def shown(models: Models, clip: Path, tmp_path_factory: pytest.TempPathFactory) -> ExplanationView:
    """The finished run of the fast model."""
    *_, view = ExplainService(models).explain(clip, Settings("fast"), tmp_path_factory.mktemp("run"))
    return view


def loudness(samples: np.ndarray, rate: int, hertz: float) -> float:
    """Of one frequency."""
    turn = np.exp(-2j * np.pi * hertz * np.arange(len(samples)) / rate)
    return float(np.abs(np.mean(samples * turn)))


def test_a_run_hears_the_clip_at_the_models_rate(shown: ExplanationView) -> None:
    assert shown.explanation.sample_rate == FAST
    assert shown.explanation.seconds == CLIP_SECONDS
    assert len(shown.samples) == CLIP_SAMPLES
    assert loudness(shown.samples, FAST, HIGH_HERTZ) == pytest.approx(0.2 * 0.4 / 2, rel=0.05)


def test_clip_and_tapes_are_written_at_the_models_rate(shown: ExplanationView) -> None:
    for path in (shown.player.clip_audio, *(row.tape_audio for row in shown.player.rows)):
        info = soundfile.info(path)
        assert (info.samplerate, info.frames) == (FAST, CLIP_SAMPLES)


def test_segments_sound_exactly_as_in_the_clip(shown: ExplanationView, models: Models, tmp_path: Path) -> None:
    segment = shown.explanation.hearings[0].segments[0]
    first, last = round(segment.start_seconds * FAST), round(segment.end_seconds * FAST)
    taken = TakeAwayService(models).write(shown, tmp_path).files.sounds
    for sound in (io.BytesIO(shown.sound(segment)), taken.segments[0]):
        samples, rate = soundfile.read(sound, dtype="float32")
        assert rate == FAST
        np.testing.assert_allclose(samples, shown.samples[first:last], atol=1 / 32768)
    for path in (*taken.segments, *taken.tapes):
        assert soundfile.info(path).samplerate == FAST


def test_what_is_heard_of_a_question_has_the_models_rate(
    models: Models, shown: ExplanationView, tmp_path: Path
) -> None:
    service = WhatIfService(models)
    variants = service.edit(begin_variants(shown), REMOVE, [(0.5, 1.0)], "silence")
    for path in service.write_sounds(variants, tmp_path):
        assert soundfile.info(path).samplerate == FAST
    samples, _ = soundfile.read(service.write_sounds(variants, tmp_path)[1])
    assert not samples[round(0.51 * FAST) : round(0.99 * FAST)].any()
    assert samples[round(1.01 * FAST) :].any()
    *_, answer = ContrastService(models).contrast(shown, "rain", "siren", "silence")
    assert isinstance(answer, ContrastView)
    sounds = [each.wav for each in answer.segments]
    sounds += [each.wav for index in range(shown.hearings) for each in inspect(shown, index).gathered]
    assert {soundfile.info(io.BytesIO(wav)).samplerate for wav in sounds} == {FAST}


def test_windows_and_folders_say_what_a_run_says(models: Models, clip: Path, tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    samples, _ = soundfile.read(clip)
    sound = np.concatenate([chirp(CLIP_SECONDS, FILE_RATE), samples, samples[:FILE_RATE]])
    # in every band sounds more than rounding, which heard among others is another
    sound += 0.05 * noise(5.0, FILE_RATE)
    soundfile.write(path, sound, FILE_RATE)
    *_, heard = WindowsService(models).listen(path, "fast")
    assert [window.start_seconds for window in heard.windows] == [0, 2, 4]
    assert heard.highest_hertz == FAST / 2
    *_, folder = FolderService(models).explain([FolderFile(path, PurePosixPath("set/long.wav"))], None, "fast")
    for window in heard.windows:
        (tmp_path / str(window.index)).mkdir()
        settings = Settings("fast", start_seconds=window.start_seconds)
        *_, view = ExplainService(models).explain(path, settings, tmp_path / str(window.index))
        assert view.explanation.probability(-1, window.label) == pytest.approx(window.probability, abs=1e-5)
        if window.index == 0:
            assert folder.clips[0].decisions == view.decisions
            assert folder.clips[0].probabilities[-1] == view.explanation.probability(-1, view.decisions[-1])


@pytest.mark.parametrize("given", [None, "the same recording"])
@pytest.mark.parametrize(("first", "second"), [("fast", "slow"), ("slow", "fast")])
def test_two_models_of_different_rates_each_hear_the_clip_at_their_own(
    models: Models, clip: Path, tmp_path: Path, first: str, second: str, given: str | None
) -> None:
    alone = {}
    for name in (first, second):
        (tmp_path / name).mkdir()
        *_, alone[name] = ExplainService(models).explain(clip, Settings(name), tmp_path / name)
    (tmp_path / "both").mkdir()
    other = Other(second, None if given is None else clip)
    *_, view = CompareService(models).beside(alone[first], other, tmp_path / "both")
    assert view.same_clip
    assert view.second.explanation.sample_rate == {"fast": FAST, "slow": RATE}[second]
    np.testing.assert_array_equal(view.second.samples, alone[second].samples)
    assert view.second.explanation.to_dict() == alone[second].explanation.to_dict()
    assert all(each.replayed is not None for each in view.comparison.hearings)  # both clips are as long


def test_another_recording_under_a_model_of_another_rate_is_another_clip(
    models: Models, shown: ExplanationView, tmp_path: Path
) -> None:
    path = tmp_path / "rising.wav"
    soundfile.write(path, chirp(CLIP_SECONDS, FILE_RATE), FILE_RATE)
    *_, view = CompareService(models).beside(shown, Other("slow", path), tmp_path)
    assert not view.same_clip
