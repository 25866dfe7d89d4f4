"""Claims about what all families share: one hearing in seconds, checks, normalisation, what a model is made of."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from tiny import CLIP_SECONDS, LABELS, RATE, sounding_clips, tiny_config, tiny_front_end, tiny_model
from toy import ToyListener, toy_config, toy_model

from playitback.config import SegmentRules
from playitback.errors import SettingsError
from playitback.models.listener import class_probabilities, named_class
from playitback.segments import find_segments, total_seconds

COLUMNS = 40


@torch.inference_mode()
def test_only_hearing_shares_out_the_clip_evenly() -> None:
    (heard,) = toy_model().listen(sounding_clips(3))
    width = CLIP_SECONDS / COLUMNS
    edges = torch.arange(COLUMNS + 1, dtype=torch.float64) * width
    torch.testing.assert_close(heard.edges, edges.expand(3, -1))
    torch.testing.assert_close(heard.seconds, (edges[:-1] + width / 2).expand(3, -1))
    assert heard.relevance.shape == (3, COLUMNS)
    assert ((heard.relevance > 0) & (heard.relevance < 1)).all()
    assert (heard.index, heard.hop_samples) == (0, 200)
    assert heard.replayed.shape == (3, 0, 2)
    assert [lane.name for lane in heard.lanes] == ["relevance"]
    assert torch.equal(heard.lanes[0].values, heard.relevance)
    assert heard.details == {}


@torch.inference_mode()
def test_only_hearing_shows_the_clip_as_it_is() -> None:
    model, clips = toy_model(), sounding_clips(2)
    (heard,) = model.listen(clips)
    log_mel = model.log_mel(clips, 200)
    assert torch.equal(heard.log_mel, log_mel[:, :160])
    assert torch.equal(heard.fine_log_mel, log_mel)
    frames = torch.arange(160.0).expand(2, -1)
    torch.testing.assert_close(heard.maps.seconds(frames), frames.double() * (200 / RATE))


@torch.inference_mode()
def test_only_hearing_chooses_by_the_rules_and_no_silence() -> None:
    clips = sounding_clips(3)
    clips[:, RATE:] = 0
    rules = SegmentRules(threshold=0.0, maximum_share=0.2)
    model = ToyListener(replace(toy_config(), segments=rules)).eval()
    (heard,) = model.listen(clips)
    assert heard.audible[:, : COLUMNS // 2].any(dim=1).all()
    assert not heard.audible[:, COLUMNS // 2 :].any()
    segments, threshold = find_segments(heard.relevance, heard.edges, rules, heard.audible)
    assert torch.equal(heard.segments, segments)
    assert torch.equal(heard.threshold, threshold)
    assert (total_seconds(segments) > 0).all()
    assert segments[segments.diff(dim=2).squeeze(2) > 0].max() <= 1.0


@torch.inference_mode()
def test_columns_need_not_divide_the_frames() -> None:
    model, clips = toy_model(), sounding_clips(2)
    heard = model.only_hearing(clips, (torch.zeros(2, 4),), torch.rand(2, 7), name="weight")
    torch.testing.assert_close(heard.edges, torch.linspace(0, CLIP_SECONDS, 8, dtype=torch.float64).expand(2, -1))
    assert [lane.name for lane in heard.lanes] == ["weight"]


@torch.inference_mode()
def test_clip_is_heard_alone_as_among_neighbours() -> None:
    model, clips = toy_model(), sounding_clips(3)
    (together,) = model.listen(clips)
    (alone,) = model.listen(clips[1:2])
    torch.testing.assert_close(together.relevance[1:2], alone.relevance, rtol=0, atol=1e-5)
    torch.testing.assert_close(together.segments[1:2], alone.segments, rtol=0, atol=1e-9)


def test_model_without_playbacks_refuses_one_at_once() -> None:
    model = toy_model()
    assert not model.can_replay
    with pytest.raises(SettingsError, match="this model hears a clip once and cannot play it back; ask for 0"):
        model.listen(sounding_clips(1), 1)


@pytest.mark.parametrize("shape", [(1, 31_999), (32_000,), (1, 1, 32_000)])
def test_clips_of_another_length_are_refused_at_once(shape: tuple[int, ...]) -> None:
    with pytest.raises(SettingsError, match=r"\(batch, 32000\).*crop or pad"):
        toy_model().listen(torch.zeros(shape))


@torch.inference_mode()
def test_forward_gives_the_last_logits_of_every_head() -> None:
    torch.manual_seed(0)
    model = ToyListener(toy_config(labels=(("cut", "wash"), ("cup", "knife", "pan")))).eval()
    clips = sounding_clips(2)
    (heard,) = model.listen(clips)
    assert [each.shape for each in model(clips)] == [(2, 2), (2, 3)]
    assert all(torch.equal(one, other) for one, other in zip(model(clips), heard.logits, strict=True))


@pytest.mark.parametrize("build", [tiny_model, toy_model])
def test_prepared_model_normalises_training_clips_to_mean_0_and_deviation_1(build: object) -> None:
    assert callable(build)
    model, clips = build(), sounding_clips(6)
    model.prepare(clips.split(4))
    normalised = model.normalise(model.log_mel(clips, 200)).flatten(0, 1)
    torch.testing.assert_close(normalised.mean(dim=0), torch.zeros(32), rtol=0, atol=1e-3)
    torch.testing.assert_close(normalised.std(dim=0), torch.ones(32), rtol=0, atol=1e-3)


def test_bins_that_never_change_are_not_divided_by_zero() -> None:
    model = toy_model()
    model.prepare([torch.zeros(2, 32_000)])
    assert model.normalise(model.log_mel(torch.zeros(1, 32_000), 200)).isfinite().all()


def test_all_parts_are_shuffled_unless_a_family_says_which_choose() -> None:
    assert toy_model().choosing_parts == ("heads",)
    assert tiny_model().choosing_parts == ("slots", "encoder")


def test_weights_of_16_bits_are_those_of_all_parts_and_statistics_stay() -> None:
    model = toy_model()
    model.cast_weights(torch.bfloat16)
    assert {weight.dtype for weight in model.parameters()} == {torch.bfloat16}
    assert model.mel_mean.dtype == torch.float32


def test_probabilities_are_of_one_class_or_of_each_by_itself() -> None:
    logits = torch.tensor([[2.0, 0.0, -1.0]], dtype=torch.bfloat16)
    assert class_probabilities(logits, multi_label=False).sum() == pytest.approx(1)
    torch.testing.assert_close(class_probabilities(logits, multi_label=True), logits.float().sigmoid())
    assert class_probabilities(logits, multi_label=False).dtype == torch.float32
    assert class_probabilities(logits.double(), multi_label=True).dtype == torch.float64


def test_a_class_yields_to_a_narrower_one_that_is_half_as_probable() -> None:
    """Classes: animal, dog (an animal), bark (a dog, an animal), rain."""
    config = replace(tiny_config(labels=("animal", "dog", "bark", "rain")), multi_label=True)
    heard = torch.tensor(
        [
            [0.9, 0.8, 0.3, 0.1],  # the dog is close to the animal, the bark not to the dog
            [0.9, 0.8, 0.5, 0.1],  # both are close
            [0.9, 0.4, 0.3, 0.6],  # neither is
            [0.2, 0.11, 0.02, 0.1],  # of what is unlikely it holds, too
            [0.4, 0.15, 0.3, 0.1],  # the likeliest of those below
            [0.8, 0.7, 0.6, 0.9],  # what is named first has none
        ]
    )
    assert named_class(heard, config).tolist() == [0, 0, 0, 0, 0, 3]
    config = replace(config, broader=((), (0,), (0, 1), ()))
    assert named_class(heard, config).tolist() == [1, 2, 0, 1, 2, 3]
    assert named_class(heard.view(2, 3, 4), config).tolist() == [[1, 2, 0], [1, 2, 3]]
    assert int(named_class(heard[1], config)) == 2
    in_a_circle = replace(config, broader=((1,), (0,), (), ()))
    assert int(named_class(heard[0], in_a_circle)) in (0, 1)
    for wrong in (((),), ((), (0,), (0, 4), ()), ((0,), (), (), ())):
        with pytest.raises(SettingsError):
            replace(config, broader=wrong)


def test_toy_is_of_the_size_of_the_others() -> None:
    assert toy_config().front_end == tiny_front_end()
    assert toy_config().labels == (LABELS,)
