"""Claims about the whole model: hearings keep to the clip's time, come one by one, repeat exactly, and learn."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny import CLIP_SECONDS, RATE, STEMS, clicks, sounding_clips, tiny_config, tiny_model
from torch import Generator, Tensor, nn

from playitback.errors import SettingsError
from playitback.models.listener import Hearing, Replay
from playitback.models.replay.model import ReplayHearing, ReplayModel
from playitback.models.replay.terms import ReplayTerms, SlotTerms
from playitback.models.terms import EncoderTerms
from playitback.replay import sample_at
from playitback.segments import Segment, pad_segments

#: what the tests make the model replay
SEGMENTS = (Segment(0.4, 0.7), Segment(1.3, 1.6))
#: inside these segments, outside, at their edges, and at the ends of the clip
CLICKS_AT = (0.45, 0.55, 0.68, 1.31, 1.5, 0.05, 0.25, 0.9, 1.1, 1.8, 1.95, 0.4, 0.7)


def replay_these(segments: Sequence[Segment]) -> Callable[[Hearing], Tensor]:
    """A choice that replays ``segments`` of every clip, whatever the slots say."""
    return lambda heard: pad_segments([segments] * heard.log_mel.shape[0], CLIP_SECONDS)


@torch.inference_mode()
def hearings_of(model: ReplayModel, waveforms: Tensor, playbacks: int | None = None) -> list[ReplayHearing]:
    return list(model.listen(waveforms, playbacks))


def targets_of(model: ReplayModel, batch: int) -> tuple[Tensor]:
    classes = len(model.config.labels[0])
    return (nn.functional.one_hot(torch.arange(batch) % classes, classes).float(),)


@pytest.mark.parametrize("playbacks", [0, 1, 3])
@pytest.mark.parametrize("stem", STEMS)
@torch.inference_mode()
def test_click_stays_at_its_second_on_every_hearing(stem: str, playbacks: int) -> None:
    model = tiny_model(stem)
    front_end = model.config.front_end
    waveforms = torch.from_numpy(np.stack([clicks(CLIP_SECONDS, [second]) for second in CLICKS_AT]))
    hearings = list(model.listen(waveforms, playbacks, replay_these(SEGMENTS)))
    assert [each.index for each in hearings] == list(range(playbacks + 1))
    half_window_seconds = front_end.window_samples / 2 / RATE
    for heard in hearings:
        frames = heard.log_mel.sum(dim=2).argmax(dim=1, keepdim=True)
        before, at, after = (heard.maps.seconds(frames + step)[:, 0] for step in (-1, 0, 1))
        local_frame_seconds = torch.maximum(at - before, after - at)
        distance = (at - torch.tensor(CLICKS_AT)).abs()
        assert (distance <= local_frame_seconds + half_window_seconds).all()
        # the finer log-mel that is shown and read from, too: frame k lies at k hops
        fine_seconds = heard.fine_log_mel.sum(dim=2).argmax(dim=1) * heard.hop_samples / RATE
        assert (fine_seconds - torch.tensor(CLICKS_AT)).abs().max() <= heard.hop_samples / RATE + half_window_seconds
        # and so do the slots: the click lies in a column whose reach holds its second, or next to it
        column = nearest_column(heard, frames)
        start, end = (heard.edges.gather(1, (column + step).clamp(0, 40)) for step in (0, 1))
        reach = local_frame_seconds + half_window_seconds
        assert (torch.tensor(CLICKS_AT) >= start[:, 0] - reach).all()
        assert (torch.tensor(CLICKS_AT) <= end[:, 0] + reach).all()


def nearest_column(heard: ReplayHearing, frames: Tensor) -> Tensor:
    """(B, 1): the column whose centre is nearest to the second of a frame."""
    return (heard.seconds - heard.maps.seconds(frames)).abs().argmin(dim=1, keepdim=True)


@torch.inference_mode()
def test_replayed_click_is_heard_for_longer() -> None:
    """At half, a third, a quarter of the hop it fills about as many more frames."""
    waveforms = torch.from_numpy(clicks(CLIP_SECONDS, [0.55])[None])
    hearings = list(tiny_model().listen(waveforms, 3, replay_these(SEGMENTS)))
    widths = [int((heard.log_mel.sum(dim=2) > heard.log_mel.sum(dim=2).median() + 1).sum()) for heard in hearings]
    assert widths[0] < widths[1] < widths[2] <= widths[3]


@pytest.mark.parametrize("stem", STEMS)
def test_column_is_centred_where_its_stem_says(stem: str) -> None:
    """By the derivative of a column's features with respect to every frame, with filters that weigh time evenly."""
    model, column = tiny_model(stem), 20
    for parameter in model.encoder.stem.parameters():
        nn.init.constant_(parameter, 0.1)
    frames = torch.rand(1, 160, 32).requires_grad_()
    model.encoder.local_features(frames)[:, column].sum().backward()
    assert frames.grad is not None
    weight = frames.grad.abs().sum(dim=(0, 2))
    centre = float((weight * torch.arange(160)).sum() / weight.sum())
    assert centre == pytest.approx(model.encoder.stem.first_centre + 4 * column, abs=1e-3)


@torch.inference_mode()
def test_each_hearing_replays_what_the_hearing_before_it_chose() -> None:
    hearings = hearings_of(tiny_model(), sounding_clips(6))
    assert hearings[0].replayed.shape[1] == 0
    for before, heard in itertools.pairwise(hearings):
        assert torch.equal(heard.replayed, before.segments)
        assert (heard.segments.diff(dim=2) > 0).any()  # else this would say nothing
    forced = list(tiny_model().listen(sounding_clips(2), 1, replay_these(SEGMENTS)))[1]
    assert torch.equal(forced.replayed, pad_segments([SEGMENTS, SEGMENTS], CLIP_SECONDS))


@pytest.mark.parametrize("fusion", [False, True])
@pytest.mark.parametrize("stem", STEMS)
def test_every_weight_of_the_decoder_and_no_other_learns_from_the_replay_loss(stem: str, fusion: bool) -> None:
    model = tiny_model(stem, fusion=fusion, aimed=True)
    model.requires_grad_(False).decoder.requires_grad_(True).train()
    terms = ReplayTerms()(model, sounding_clips(8), targets_of(model, 8), Generator().manual_seed(0))
    torch.stack(list(terms.values())).sum().backward()
    assert without_gradient(model.decoder) == []
    for name in ("encoder", "activity", "slots"):
        assert all(parameter.grad is None for parameter in model.parts()[name].parameters())


@pytest.mark.parametrize("stem", STEMS)
def test_every_weight_of_activity_and_slots_and_no_other_learns_from_the_activity_loss(stem: str) -> None:
    model = tiny_model(stem, aimed=True)
    model.requires_grad_(False)
    learning = [model.parts()[name].requires_grad_(True).train() for name in ("activity", "slots")]
    terms = SlotTerms()(model, sounding_clips(8), targets_of(model, 8), Generator().manual_seed(0))
    torch.stack(list(terms.values())).sum().backward()
    for module in learning:
        assert without_gradient(module) == []
    for name in ("encoder", "decoder"):
        assert all(parameter.grad is None for parameter in model.parts()[name].parameters())


@pytest.mark.parametrize("stem", STEMS)
def test_every_weight_of_the_encoder_and_no_other_learns_from_the_encoder_loss(stem: str) -> None:
    model = tiny_model(stem).train()
    terms = EncoderTerms()(model, sounding_clips(8), targets_of(model, 8), Generator().manual_seed(0))
    terms["classify"].backward()
    assert without_gradient(model.encoder) == []
    for module in (model.columns, model.slots, model.decoder):
        assert all(parameter.grad is None for parameter in module.parameters())


def without_gradient(module: nn.Module) -> list[str]:
    """Names of weights. What shifts the bids of all slots alike has none: the softmax over the slots takes it out."""
    return [
        name
        for name, weights in module.named_parameters()
        if (weights.grad is None or not weights.grad.any()) and not name.endswith(("norm_slots.bias", "query.bias"))
    ]


@pytest.mark.parametrize("stem", STEMS)
def test_same_clip_is_heard_the_same_twice_bit_for_bit(stem: str) -> None:
    model, waveforms = tiny_model(stem), sounding_clips(3)
    for one, other in zip(hearings_of(model, waveforms), hearings_of(model, waveforms), strict=True):
        for name in ("log_mel", "threshold", "segments", "seconds", "pooled"):
            assert torch.equal(getattr(one, name), getattr(other, name))
        assert torch.equal(one.logits[0], other.logits[0])
        assert torch.equal(one.slots.attention, other.slots.attention)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("stem", STEMS)
def test_clip_is_heard_alone_as_among_any_neighbours(stem: str, seed: int) -> None:
    model = tiny_model(stem, seed)
    clip = sounding_clips(1, seed)
    silent, loud = torch.zeros(1, clip.shape[1]), 0.9 * torch.sign(sounding_clips(1, seed + 10))
    batch = torch.cat([loud, sounding_clips(2, seed + 20), clip, silent])
    chose = False
    for alone, among in zip(hearings_of(model, clip), hearings_of(model, batch), strict=True):
        row = slice(3, 4)
        torch.testing.assert_close(among.logits[0][row].softmax(1), alone.logits[0].softmax(1), rtol=0, atol=1e-5)
        torch.testing.assert_close(among.slots.attention[row], alone.slots.attention, rtol=0, atol=1e-5)
        torch.testing.assert_close(among.segments[row], alone.segments, rtol=0, atol=1e-9)
        torch.testing.assert_close(among.log_mel[row], alone.log_mel, rtol=0, atol=1e-4)
        chose = chose or bool((alone.segments.diff(dim=2) > 0).any())
    assert chose


def test_prediction_of_a_hearing_is_there_before_the_next_hearing_is_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    model, waveforms = tiny_model(), sounding_clips(2)
    whole = hearings_of(model, waveforms)
    heard_grids = 0
    compute = model.encoder.grid

    def count(local: Tensor) -> Tensor:
        nonlocal heard_grids
        heard_grids += 1
        return compute(local)

    monkeypatch.setattr(model.encoder, "grid", count)
    with torch.inference_mode():
        streamed = model.listen(waveforms)
        assert heard_grids == 0
        for index, heard in enumerate(streamed):
            assert heard_grids == index + 1
            assert torch.equal(heard.logits[0], whole[index].logits[0])
    assert heard_grids == model.config.hearings


@pytest.mark.parametrize("playbacks", [0, 1, 2])
def test_fewer_playbacks_are_the_first_ones_of_all(playbacks: int) -> None:
    model, waveforms = tiny_model(), sounding_clips(2)
    few, all_of_them = hearings_of(model, waveforms, playbacks), hearings_of(model, waveforms)
    assert len(few) == playbacks + 1
    for one, other in zip(few, all_of_them, strict=False):
        assert torch.equal(one.logits[0], other.logits[0])
        assert torch.equal(one.segments, other.segments)


@pytest.mark.parametrize("fusion", [False, True])
@torch.inference_mode()
def test_forward_gives_the_fused_prediction_or_the_last_one(fusion: bool) -> None:
    model, waveforms = tiny_model(fusion=fusion), sounding_clips(2)
    hearings = hearings_of(model, waveforms)
    expected = hearings[-1].logits[0]
    if fusion:
        (expected,) = model.decoder.logits(model.decoder.fuse([heard.pooled for heard in hearings]))
    assert torch.equal(model(waveforms)[0], expected)


@pytest.mark.parametrize("stem", STEMS)
def test_digital_silence_is_heard_out_and_nothing_of_it_is_replayed(stem: str) -> None:
    for heard in hearings_of(tiny_model(stem), torch.zeros(2, 32_000)):
        assert not heard.audible.any()
        assert (heard.segments.diff(dim=2) == 0).all()
        assert heard.logits[0].isfinite().all()
        assert heard.slots.attention.isfinite().all()


def test_replayed_time_lies_in_the_sounding_part() -> None:
    waveforms = sounding_clips(6)
    waveforms[:, 16_000:] = 0
    chosen = torch.cat([heard.segments for heard in hearings_of(tiny_model(), waveforms)], dim=1)
    assert (chosen.diff(dim=2) > 0).any()
    real = chosen[(chosen.diff(dim=2) > 0)[..., 0]]
    # half of a column may be silence
    assert real.max() <= 1.0 + 0.05


@pytest.mark.parametrize("playbacks", [-1, 4])
def test_more_playbacks_than_trained_are_refused(playbacks: int) -> None:
    with pytest.raises(SettingsError, match=f"plays back 0 to 3 times, not {playbacks}"):
        tiny_model().listen(sounding_clips(1), playbacks)


@pytest.mark.parametrize("shape", [(1, 31_999), (32_000,), (1, 1, 32_000)])
def test_clips_of_another_length_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(SettingsError, match=r"\(batch, 32000\).*crop or pad"):
        tiny_model().listen(torch.zeros(shape))


def test_model_without_playbacks_hears_once() -> None:
    model = ReplayModel(tiny_config(playbacks=0)).eval()
    assert len(hearings_of(model, sounding_clips(1))) == 1


@torch.inference_mode()
def test_replay_without_the_finer_hop_has_the_same_map_and_shows_nothing_new() -> None:
    """Inside the segments every frame lies between two of the first hearing's."""
    model = tiny_model()
    waveforms = sounding_clips(2)
    first, plain = model.listen(waveforms, 1, lambda heard: Replay(replay_these(SEGMENTS)(heard), finer=False))
    finer = list(model.listen(waveforms, 1, replay_these(SEGMENTS)))[1]
    assert torch.equal(plain.maps.knots_frame, finer.maps.knots_frame)
    seconds = plain.maps.seconds(torch.arange(160.0).expand(2, -1))
    replayed = plain.maps.replayed(seconds)
    position = seconds * (RATE / first.hop_samples)
    torch.testing.assert_close(plain.log_mel, sample_at(first.fine_log_mel, position))
    assert (finer.log_mel - plain.log_mel)[replayed].abs().amax() > 0.5
    assert torch.equal(finer.log_mel[~replayed], plain.log_mel[~replayed])


@torch.inference_mode()
def test_where_the_encoder_votes_the_decoder_begins_by_adding_nothing() -> None:
    plain = tiny_config()
    voting = ReplayModel(replace(plain, decoder=replace(plain.decoder, encoder_votes=True))).eval()
    for heard in voting.listen(sounding_clips(2)):
        assert not voting.decoder.logits(heard.pooled)[0].any()
        assert heard.logits[0].std() > 0


@torch.inference_mode()
def test_encoder_votes_are_added_as_their_mean_over_the_hearings_heard() -> None:
    plain = tiny_model()
    config = replace(plain.config, decoder=replace(plain.config.decoder, encoder_votes=True))
    voting = ReplayModel(config).eval()
    voting.load_state_dict(plain.state_dict())
    without, with_votes = hearings_of(plain, sounding_clips(3)), hearings_of(voting, sounding_clips(3))
    votes: list[Tensor] = []
    for one, other in zip(without, with_votes, strict=True):
        votes.append(plain.encoder.head(plain.encoder.grid(one.local))[0])
        torch.testing.assert_close(other.logits[0], one.logits[0] + torch.stack(votes).mean(dim=0))
        assert votes[-1].any()


def test_votes_and_fusion_exclude_each_other() -> None:
    with pytest.raises(SettingsError, match="fusion and encoder_votes exclude each other"):
        replace(tiny_config(fusion=True).decoder, encoder_votes=True)


@torch.inference_mode()
def test_relevance_is_the_attention_of_the_informative_slot_and_the_first_lane() -> None:
    for heard in hearings_of(tiny_model(), sounding_clips(2)):
        assert torch.equal(heard.relevance, heard.slots.attention[:, 0])
        assert [lane.name for lane in heard.lanes] == ["informative", "uninformative"]
        for slot, lane in enumerate(heard.lanes):
            assert torch.equal(lane.values, heard.slots.attention[:, slot])
        attention = heard.details["slot_attention"]
        assert attention.shape == (2, 3, 2, 40)
        assert torch.equal(attention[:, -1], heard.slots.attention)
        assert set(heard.details) == {"slot_attention"}


def test_slots_look_the_same_way_whatever_class_is_asked_for() -> None:
    model, waveforms = tiny_model(), sounding_clips(2)
    with torch.inference_mode():
        asked = list(model.listen(waveforms, asked=torch.tensor([3, 1])))
    for one, other in zip(asked, hearings_of(model, waveforms), strict=True):
        assert torch.equal(one.relevance, other.relevance)


def test_lanes_of_more_than_two_slots_are_numbered() -> None:
    config = tiny_config(playbacks=0)
    model = ReplayModel(replace(config, slots=replace(config.slots, slots=3))).eval()
    (heard,) = hearings_of(model, sounding_clips(1))
    assert [lane.name for lane in heard.lanes] == ["informative", "uninformative 1", "uninformative 2"]


def test_parts_are_the_whole_model_and_share_no_weight() -> None:
    model = tiny_model()
    weights = [weight for part in model.parts().values() for weight in part.parameters()]
    assert len({id(weight) for weight in weights}) == len(weights)
    assert {id(weight) for weight in weights} == {id(weight) for weight in model.parameters()}


def test_weights_of_16_bits_leave_the_slots_in_full_precision() -> None:
    model = tiny_model()
    model.cast_weights(torch.bfloat16)
    assert {weight.dtype for weight in model.parts()["slots"].parameters()} == {torch.float32}
    for part in ("encoder", "decoder"):
        assert {weight.dtype for weight in model.parts()[part].parameters()} == {torch.bfloat16}
