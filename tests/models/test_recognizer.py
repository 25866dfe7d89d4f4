"""Claims about the recognizer: one ClipHearing after the other, in seconds and probabilities, the same every time."""

from __future__ import annotations

import itertools
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import CLIP_SECONDS, LABELS, STEMS, noise, recognizer_of, sounding_clips, tiny_checkpoint, tiny_model
from toy import ToyListener, toy_model

from playitback.audio import write_wav
from playitback.errors import AudioError, SettingsError
from playitback.models.replay.model import ReplayModel
from playitback.recognizer import ClipHearing, Recognizer
from playitback.segments import Segment, pad_segments

SAMPLES = 32_000
FRAMES, MELS, COLUMNS = 160, 32, 40


@pytest.fixture(scope="module", params=STEMS)
def recognizer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Recognizer:
    folder = tiny_checkpoint(tmp_path_factory.mktemp("recognizer") / "tiny", tiny_model(request.param))
    return Recognizer.from_checkpoint(folder, "cpu")


def clip(seed: int = 0) -> np.ndarray:
    return sounding_clips(1, seed)[0].numpy()


def assert_same(one: ClipHearing, other: ClipHearing) -> None:
    for field in fields(ClipHearing):
        left, right = getattr(one, field.name), getattr(other, field.name)
        if isinstance(left, np.ndarray):
            np.testing.assert_array_equal(left, right, err_msg=field.name)
        elif field.name == "lanes":
            assert [lane.name for lane in left] == [lane.name for lane in right]
            for one_lane, other_lane in zip(left, right, strict=True):
                np.testing.assert_array_equal(one_lane.values, other_lane.values)
        elif field.name == "details":
            assert left.keys() == right.keys()
            for name in left:
                np.testing.assert_array_equal(left[name], right[name])
        elif field.name == "time_map":
            np.testing.assert_array_equal(left.knots_frame, right.knots_frame)
            np.testing.assert_array_equal(left.knots_seconds, right.knots_seconds)
        else:
            assert left == right, field.name


def test_recognizer_says_what_it_is(recognizer: Recognizer) -> None:
    assert recognizer.name == "tiny"
    assert recognizer.labels == LABELS
    assert recognizer.card == "# A tiny model\n"
    assert recognizer.about["licence"] == "CC0-1.0"
    assert recognizer.device == "cpu"
    assert (recognizer.playbacks, recognizer.clip_seconds) == (3, CLIP_SECONDS)
    assert recognizer.parameters == sum(
        each.numel() for each in tiny_model(recognizer.config.encoder.stem).parameters()
    )


def test_explanation_comes_one_hearing_at_a_time(recognizer: Recognizer, monkeypatch: pytest.MonkeyPatch) -> None:
    heard = 0
    decoder = recognizer.model.decoder
    listen = decoder.listen

    def count(*arguments: object) -> torch.Tensor:
        nonlocal heard
        heard += 1
        return listen(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(decoder, "listen", count)
    hearings = recognizer.explain(clip())
    assert heard == 0
    for expected in range(4):
        assert next(hearings).index == expected
        assert heard == expected + 1
    assert next(hearings, None) is None
    assert heard == 4


def test_every_hearing_has_its_shapes_and_units(recognizer: Recognizer) -> None:
    hearings = list(recognizer.explain(clip()))
    assert [each.hop_seconds for each in hearings] == [200 / 16000, 100 / 16000, 67 / 16000, 50 / 16000]
    for each in hearings:
        assert each.probabilities.shape == (len(LABELS),)
        assert each.probabilities.dtype == np.float32
        assert each.probabilities.sum() == pytest.approx(1, abs=1e-5)
        assert each.asked == each.probabilities.argmax()
        assert each.relevance.shape == (COLUMNS,)
        assert each.relevance.dtype == np.float64  # float32 cannot tell apart what is nearly 1
        assert [lane.name for lane in each.lanes] == ["informative", "uninformative"]
        np.testing.assert_array_equal(each.lanes[0].values, each.relevance)
        np.testing.assert_allclose(each.lanes[0].values + each.lanes[1].values, 1, atol=1e-5)
        attention = each.details["slot_attention"]
        assert attention.shape == (3, 2, COLUMNS)
        np.testing.assert_array_equal(attention[-1], np.stack([lane.values for lane in each.lanes]))
        assert np.abs(np.diff(attention, axis=0)).max(axis=(1, 2)).min() > 0
        assert each.activity is None
        assert each.edges.shape == (COLUMNS + 1,)
        assert (each.edges[0], each.edges[-1]) == (0, CLIP_SECONDS)
        assert ((each.edges[:-1] <= each.seconds) & (each.seconds < each.edges[1:])).all()
        assert each.seconds.shape == (COLUMNS,)
        assert (np.diff(each.seconds) > 0).all()
        assert each.seconds[0] >= 0
        assert each.seconds[-1] <= CLIP_SECONDS
        assert each.log_mel.shape == (FRAMES, MELS)
        assert each.fine_log_mel.shape == (SAMPLES // round(each.hop_seconds * 16_000) + 1, MELS)
        assert 0 <= each.threshold <= 1
        assert each.time_map.seconds(np.array([0, FRAMES])).tolist() == [0, CLIP_SECONDS]


def test_segments_lie_in_the_clip_and_are_replayed_in_the_next_hearing(recognizer: Recognizer) -> None:
    hearings = list(recognizer.explain(clip()))
    assert hearings[0].replayed == ()
    for before, after in itertools.pairwise(hearings):
        assert after.replayed == before.segments
        assert len(before.segments) > 0
        stops = [stop for each in before.segments for stop in (each.start_seconds, each.end_seconds)]
        assert stops == sorted(stops)
        assert 0 <= stops[0] < stops[-1] <= CLIP_SECONDS
        for each in after.replayed:  # and get more frames than their share of the time
            start, end = after.time_map.frames(np.array([each.start_seconds, each.end_seconds]))
            assert (end - start) / FRAMES > each.seconds / CLIP_SECONDS


def test_same_clip_explains_the_same_twice(recognizer: Recognizer) -> None:
    for one, other in zip(recognizer.explain(clip()), recognizer.explain(clip()), strict=True):
        assert_same(one, other)


def test_explanations_that_run_side_by_side_do_not_disturb_one_another(recognizer: Recognizer) -> None:
    alone = list(recognizer.explain(clip(0)))
    for (one, _), expected in zip(
        zip(recognizer.explain(clip(0)), recognizer.explain(clip(1)), strict=True), alone, strict=True
    ):
        assert_same(one, expected)


def test_fewer_playbacks_are_the_first_ones_of_all(recognizer: Recognizer) -> None:
    whole = list(recognizer.explain(clip()))
    for playbacks in range(3):
        few = list(recognizer.explain(clip(), playbacks))
        assert len(few) == playbacks + 1
        for one, other in zip(few, whole, strict=False):
            assert_same(one, other)


def test_shorter_clip_is_filled_up_with_silence(recognizer: Recognizer) -> None:
    short = noise(0.7)
    filled = np.pad(short, (0, SAMPLES - len(short)))
    hearings = list(recognizer.explain(short))
    for one, other in zip(hearings, recognizer.explain(filled), strict=True):
        assert_same(one, other)
    # half of a column may be silence
    assert all(segment.end_seconds <= 0.7 + 0.05 for each in hearings for segment in each.segments)


def test_digital_silence_is_explained(recognizer: Recognizer) -> None:
    for each in recognizer.explain(np.zeros(SAMPLES, np.float32)):
        assert each.segments == ()
        assert np.isfinite(each.probabilities).all()


def test_double_precision_samples_are_heard_as_well(recognizer: Recognizer) -> None:
    for one, other in zip(recognizer.explain(clip().astype(np.float64)), recognizer.explain(clip()), strict=True):
        assert_same(one, other)


def test_lists_and_tensors_are_heard_as_well(recognizer: Recognizer) -> None:
    (heard,) = recognizer.explain(clip(), 0)
    for given in (clip().tolist(), torch.from_numpy(clip())):
        (same,) = recognizer.explain(given, 0)  # type: ignore[arg-type]
        assert_same(same, heard)
        np.testing.assert_allclose(recognizer.classify([given], 0)[0, 0], heard.probabilities, atol=1e-6)  # type: ignore[list-item]


@pytest.mark.parametrize("given", [None, "dog.wav", 0.5, [0.5, "a"], [[0.5]], []])
def test_what_is_no_waveform_is_refused(recognizer: Recognizer, given: object) -> None:
    with pytest.raises(AudioError, match="one channel of 1 to 32000 floats"):
        recognizer.explain(given)  # type: ignore[arg-type]
    with pytest.raises(AudioError, match="one channel of 1 to 32000 floats"):
        recognizer.classify([given])  # type: ignore[list-item]


def test_a_batch_of_nothing_is_refused(recognizer: Recognizer) -> None:
    for ask in (recognizer.classify, recognizer.explain_batch):
        with pytest.raises(AudioError, match="no clip was given"):
            ask([])


def test_samples_that_are_no_numbers_are_not_blamed_on_the_weights(recognizer: Recognizer) -> None:
    broken = clip()
    broken[7] = np.nan
    for ask in (lambda: recognizer.classify(broken[None]), lambda: list(recognizer.explain(broken))):
        with pytest.raises(AudioError, match="not finite numbers"):
            ask()


@pytest.mark.parametrize("shape", [(SAMPLES + 1,), (0,), (1, SAMPLES), (SAMPLES, 2)])
def test_waveform_of_another_shape_is_refused(recognizer: Recognizer, shape: tuple[int, ...]) -> None:
    with pytest.raises(AudioError, match=r"one channel of 1 to 32000 floats in -1..1 is needed: read it"):
        recognizer.explain(np.zeros(shape, np.float32))


@pytest.mark.parametrize("kind", [np.int16, np.uint8, np.bool_, np.complex64, object])
def test_samples_that_are_no_floats_are_refused(recognizer: Recognizer, kind: type) -> None:
    with pytest.raises(AudioError, match=f"type {np.dtype(kind)} was given.*floats in -1..1"):
        recognizer.explain(clip().astype(kind))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_not_finite_are_refused(recognizer: Recognizer, value: float) -> None:
    samples = clip().copy()
    samples[100] = value
    with pytest.raises(AudioError, match="not finite numbers; export the recording again"):
        recognizer.explain(samples)


@pytest.mark.parametrize("playbacks", [-1, 4])
def test_more_playbacks_than_trained_are_refused(recognizer: Recognizer, playbacks: int) -> None:
    with pytest.raises(SettingsError, match=f"tiny plays back 0 to 3 times, not {playbacks}; choose"):
        recognizer.explain(clip(), playbacks)


@pytest.mark.parametrize("device", ["cuda:77", "abacus"])
def test_device_that_is_not_there_is_refused(tmp_path: Path, device: str) -> None:
    with pytest.raises(SettingsError, match=f"no device '{device}' here; choose auto, cpu"):
        Recognizer.from_checkpoint(tiny_checkpoint(tmp_path / "tiny"), device)


def test_batch_is_classified_as_its_clips_are_explained(recognizer: Recognizer) -> None:
    clips = sounding_clips(3).numpy()
    together = recognizer.classify(clips)
    assert together.shape == (4, 3, len(LABELS))
    for index, samples in enumerate(clips):
        alone = np.stack([each.probabilities for each in recognizer.explain(samples)])
        np.testing.assert_allclose(together[:, index], alone, atol=1e-5)


def test_other_segments_may_be_replayed_instead(recognizer: Recognizer) -> None:
    clips = sounding_clips(2).numpy()
    chosen = recognizer.classify(clips)
    other = recognizer.classify(clips, choose=lambda heard: pad_segments([[Segment(0.0, 0.3)]] * 2, CLIP_SECONDS))
    np.testing.assert_array_equal(chosen[0], other[0])
    assert np.abs(chosen[1:] - other[1:]).max() > 0


def test_explanation_replays_other_segments_and_still_tells_what_the_model_chose(recognizer: Recognizer) -> None:
    other = Segment(0.0, 0.3)
    chosen = list(recognizer.explain(clip(), 2))
    forced = list(recognizer.explain(clip(), 2, choose=lambda heard: pad_segments([[other]], CLIP_SECONDS)))
    assert_same(forced[0], chosen[0])
    assert [each.replayed for each in forced] == [(), (other,), (other,)]
    assert all(each.segments not in ((), (other,)) for each in forced)
    assert np.abs(forced[1].probabilities - chosen[1].probabilities).max() > 0


def test_padded_clip_is_the_waveform_and_then_silence(recognizer: Recognizer) -> None:
    short = noise(0.7).astype(np.float64)
    padded = recognizer.padded(short)
    assert padded.dtype == np.float32
    np.testing.assert_array_equal(padded[: len(short)], short.astype(np.float32))
    assert padded.shape == (SAMPLES,)
    assert not padded[len(short) :].any()


def test_consumer_of_an_explanation_stays_out_of_inference_mode(recognizer: Recognizer) -> None:
    for _ in recognizer.explain(clip(), 1):
        assert not torch.is_inference_mode_enabled()


def test_multi_label_model_gives_each_class_a_probability_of_its_own(tmp_path: Path) -> None:
    single = tiny_model()
    several = ReplayModel(replace(single.config, multi_label=True))
    several.load_state_dict(single.state_dict())
    one, many = (
        next(Recognizer.from_checkpoint(tiny_checkpoint(tmp_path / name, model), "cpu").explain(clip())).probabilities
        for name, model in (("single", single), ("several", several))
    )
    odds = many / (1 - many)  # of a sigmoid: the exponential of its logit
    assert many.sum() != pytest.approx(1, abs=1e-3)
    np.testing.assert_allclose(odds / odds.sum(), one, atol=1e-5)


def test_class_that_is_asked_for_is_told_and_an_unknown_one_is_refused(recognizer: Recognizer) -> None:
    believed = list(recognizer.explain(clip()))
    for label in LABELS:
        hearings = list(recognizer.explain(clip(), asked=label))
        assert {recognizer.labels[each.asked] for each in hearings} == {label}
        for one, other in zip(hearings, believed, strict=True):
            np.testing.assert_array_equal(one.probabilities, other.probabilities)
    with pytest.raises(SettingsError, match="tiny knows no class 'whale'; choose one of its 4 classes"):
        recognizer.explain(clip(), asked="whale")


def test_relevance_of_a_family_that_asks_is_that_of_the_class_asked_for() -> None:
    recognizer = recognizer_of(toy_model(), "toy")
    (believed,) = recognizer.explain(clip())
    relevances = []
    for index, label in enumerate(LABELS):
        (hearing,) = recognizer.explain(clip(), asked=label)
        assert hearing.asked == index
        np.testing.assert_array_equal(hearing.probabilities, believed.probabilities)
        relevances.append(hearing.relevance)
    np.testing.assert_array_equal(relevances[believed.asked], believed.relevance)
    assert len({each.tobytes() for each in relevances}) == len(LABELS)


def test_model_that_cannot_replay_is_explained_by_one_hearing() -> None:
    recognizer = recognizer_of(toy_model(), "toy")
    (only,) = recognizer.explain(clip())
    assert recognizer.playbacks == 0
    assert not recognizer.model.can_replay
    assert len(only.segments) > 0
    assert (only.replayed, only.details) == ((), {})
    assert [lane.name for lane in only.lanes] == ["relevance"]
    np.testing.assert_array_equal(only.lanes[0].values, only.relevance)
    assert only.log_mel.shape == (FRAMES, MELS)
    assert only.time_map.seconds(np.array([0, FRAMES])).tolist() == [0, CLIP_SECONDS]
    with pytest.raises(
        SettingsError, match="toy hears a clip once and cannot play it back; ask for 0 playbacks, not 1"
    ):
        recognizer.explain(clip(), 1)


def test_recognizer_describes_itself_as_plain_data() -> None:
    assert recognizer_of(toy_model(), "toy").describe() == {
        "name": "toy",
        "family": "toy",
        "labels": list(LABELS),
        "broader": {},
        "playbacks": 0,
        "clip_seconds": CLIP_SECONDS,
        "sample_rate": 16_000,
    }


def test_recording_is_loaded_at_the_rate_that_the_model_hears(tmp_path: Path) -> None:
    config = toy_model().config
    slow = ToyListener(
        replace(config, front_end=replace(config.front_end, sample_rate=8_000, fft_samples=256, window_samples=200))
    )
    path = tmp_path / "clip.wav"
    write_wav(path, clip(), 16_000)
    recording = recognizer_of(slow.eval()).load(path, 0.5)
    assert (recording.sample_rate, recording.start_seconds, recording.seconds) == (8_000, 0.5, 1.5)
    (only,) = recognizer_of(slow).explain(recording.samples)
    assert all(segment.end_seconds <= 1.5 + 0.05 for segment in only.segments)


@pytest.mark.parametrize("part", ["slots", "encoder", "decoder"])
def test_shuffling_moves_the_weights_of_its_part_alone_and_keeps_their_values(part: str) -> None:
    recognizer = recognizer_of()
    before = {name: weights.clone() for name, weights in recognizer.model.named_parameters()}
    shuffled = recognizer.shuffled(part, torch.Generator().manual_seed(0))
    after = dict(shuffled.model.named_parameters())
    moved = {name for name, weights in after.items() if not torch.equal(weights, before[name])}
    modules = {"slots": ("columns.", "slots."), "encoder": ("encoder.",), "decoder": ("decoder.",)}[part]
    assert moved
    assert all(name.startswith(modules) for name in moved)
    for name in moved:
        assert torch.equal(after[name].flatten().sort().values, before[name].flatten().sort().values)
    assert all(torch.equal(weights, before[name]) for name, weights in recognizer.model.named_parameters())
    assert shuffled.name == recognizer.name
