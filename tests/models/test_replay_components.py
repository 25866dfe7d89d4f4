"""Claims about the parts of replay attention: their size, that clips are apart, and that every parameter learns."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from playitback.models.columns import ColumnFeatures
from playitback.models.replay.config import DecoderConfig, EncoderConfig, ReplayConfig, SlotConfig, preset
from playitback.models.replay.decoder import Decoder
from playitback.models.replay.encoder import Encoder
from playitback.models.replay.slots import SlotAttention

CLASSES = 309
PATCH_ENCODER = EncoderConfig(width=16, depth=4, stages_at=(1, 3), drop_path=0.0)
CONVOLUTIONAL_ENCODER = EncoderConfig(
    stem="convolutional",
    stem_widths=(4, 8, 16),
    width=16,
    heads=2,
    depth=2,
    stages_at=(),
    key_value_stride=1,
    drop_path=0.0,
)
DECODER = DecoderConfig(latents=8, width=16, self_heads=2, head_width=8, self_blocks=2)
SLOTS = SlotConfig(slots=2, width=24, hidden=32, iterations=3)
HEARINGS = 3

#: component -> (its module, the shape of one clip for it, its output for a batch)
Component = tuple[Callable[[], nn.Module], tuple[int, ...], Callable[[nn.Module, Tensor], Tensor]]
COMPONENTS: dict[str, Component] = {
    "patch encoder": (lambda: Encoder(PATCH_ENCODER, (7,)), (48, 32), lambda encoder, x: encoder(x)[0]),
    "convolutional encoder": (lambda: Encoder(CONVOLUTIONAL_ENCODER, (7,)), (48, 32), lambda encoder, x: encoder(x)[0]),
    "column features": (lambda: ColumnFeatures(4, 8, 24), (13, 4, 8), lambda features, x: features(x)),
    "slots": (lambda: SlotAttention(SLOTS), (13, 24), lambda attention, x: attention(x).slots),
    "attention of the slots": (lambda: SlotAttention(SLOTS), (13, 24), lambda attention, x: attention(x).attention),
    "decoder": (lambda: decoder(), (HEARINGS, 7, 4, 24), lambda model, x: model(list(x.unbind(1))).fused[0]),
}


def decoder(classes: tuple[int, ...] = (7,)) -> Decoder:
    return Decoder(DECODER, input_width=24, hearings=HEARINGS, classes=classes)


def grids(batch_size: int = 2) -> list[Tensor]:
    return list(torch.randn(HEARINGS, batch_size, 7, 4, 24))


def paper(name: str, classes: int) -> ReplayConfig:
    """One of the paper's models."""
    labels = (tuple(str(index) for index in range(classes)),)
    return preset(name, labels, multi_label=False, clip_seconds=5.0)


def parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


def names_without_gradient(module: nn.Module) -> list[str]:
    """Names of weights. What shifts the bids of all slots alike has none: the softmax over the slots takes it out."""
    return [
        name
        for name, weights in module.named_parameters()
        if (weights.grad is None or not weights.grad.any()) and not name.endswith(("norm_slots.bias", "query.bias"))
    ]


@pytest.mark.parametrize(("name", "count"), [("x3", 50_759_157), ("x1_s", 34_216_917)])
def test_encoder_has_as_many_parameters_as_the_papers(name: str, count: int) -> None:
    with torch.device("meta"):
        encoder = Encoder(paper(name, 2).encoder, (CLASSES,))
    assert parameters(encoder) == count


@pytest.mark.parametrize(("name", "millions"), [("x1_s", 70.4), ("x1", 87.0), ("x2", 104.9), ("x3", 122.9)])
def test_presets_differ_in_size_from_the_original_by_its_slots_alone(name: str, millions: float) -> None:
    """Theirs also has, for every hearing, slots of its own, 400 wide, after a linear position embedding (2 -> 768).

    And a LayerNorm of 768 that it never uses. Our slots, shared by all hearings, are left out of the comparison.
    """
    config = paper(name, CLASSES)
    with torch.device("meta"):
        ours = parameters(Encoder(config.encoder, config.classes)) + parameters(
            Decoder(config.decoder, config.encoder.output_width, config.hearings, config.classes)
        )
        slots_400_wide = SlotAttention(SlotConfig(slots=2, width=400, hidden=400))
        their_slots = parameters(slots_400_wide) - 400  # one mean for both slots, where ours have a start each
        position_embedding = parameters(nn.Linear(2, 768))
        unused_norm = parameters(nn.LayerNorm(768))
    original = ours + config.hearings * (their_slots + position_embedding) + unused_norm
    assert round(original / 1e6, 1) == millions


@pytest.mark.parametrize("name", COMPONENTS)
@torch.inference_mode()
def test_a_clip_is_computed_alone_as_among_neighbours(name: str) -> None:
    build, shape, compute = COMPONENTS[name]
    module = build().eval()
    clip = torch.randn(1, *shape)
    loud, silent = 50 * torch.randn(1, *shape), torch.zeros(1, *shape)
    alone = compute(module, clip)
    among = compute(module, torch.cat([loud, clip, silent]))[1:2]
    torch.testing.assert_close(alone, among, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", COMPONENTS)
def test_every_parameter_gets_a_gradient(name: str) -> None:
    """From the attention of the slots alone, too: a loss on where they look trains every weight that they have."""
    build, shape, compute = COMPONENTS[name]
    module = build().train()
    output = compute(module, torch.randn(4, *shape))
    torch.autograd.backward((output * torch.randn_like(output)).sum())
    assert names_without_gradient(module) == []


def test_every_parameter_of_two_heads_gets_a_gradient_from_the_hearings_and_the_fusion() -> None:
    model = decoder(classes=(5, 9))
    output = model(grids())
    assert output.fused is not None
    torch.autograd.backward([logits.square().sum() for logits in (*output.per_hearing, *output.fused)])
    assert names_without_gradient(model) == []


@torch.inference_mode()
def test_prediction_after_a_hearing_is_that_of_the_whole_run() -> None:
    model, heard = decoder(classes=(5, 9)).eval(), grids()
    whole = model(heard)
    for count in range(1, HEARINGS + 1):
        beginning = model(heard[:count])
        for logits, all_logits in zip(beginning.per_hearing, whole.per_hearing, strict=True):
            # not to the bit: the head's product over fewer rows may round otherwise
            torch.testing.assert_close(logits, all_logits[:count])
    assert model(heard[:-1]).fused is None


@torch.inference_mode()
def test_replays_change_what_is_believed() -> None:
    model, heard = decoder().eval(), grids()
    after_first, after_second, _ = model(heard).per_hearing[0]
    assert (after_first - after_second).abs().min() > 0


def test_fusion_wants_every_hearing() -> None:
    with pytest.raises(ValueError, match="all 3 hearings, got 2"):
        decoder().fuse([torch.zeros(1, 16)] * 2)


def test_decoder_without_fusion_predicts_per_hearing_only() -> None:
    model = Decoder(DecoderConfig(latents=8, width=16, self_heads=2, fusion=False), 24, HEARINGS, (7,))
    assert model(grids()).fused is None
    with pytest.raises(ValueError, match="without fusion"):
        model.fuse([torch.zeros(1, 16)] * HEARINGS)


def test_decoder_first_used_in_inference_mode_can_still_be_trained() -> None:
    model, heard = decoder(), grids()
    with torch.inference_mode():
        model(heard)
    torch.autograd.backward(model(heard).per_hearing[0].sum())
    assert model.latents.grad is not None


@torch.inference_mode()
def test_decoder_tells_the_moments_of_a_grid_apart() -> None:
    """Cross-attention alone is blind to order; the Fourier features say when and in which band."""
    model, heard = decoder().eval(), grids()
    forwards = model(heard).per_hearing[0]
    assert not torch.allclose(forwards, model([grid.flip(1) for grid in heard]).per_hearing[0], atol=1e-4)
    assert not torch.allclose(forwards, model([grid.flip(2) for grid in heard]).per_hearing[0], atol=1e-4)


@torch.inference_mode()
def test_decoder_stays_on_the_device_of_its_grids() -> None:
    """The meta device refuses any tensor of another device."""
    with torch.device("meta"):
        model = decoder()
    grid = torch.empty(2, 7, 4, 24, device="meta")
    assert model([grid] * HEARINGS).per_hearing[0].device.type == "meta"


@torch.inference_mode()
def test_slots_share_out_every_moment_in_every_iteration() -> None:
    output = SlotAttention(SlotConfig(slots=3, width=24)).eval()(torch.randn(2, 13, 24))
    assert output.slots.shape == (2, 3, 24)
    assert len(output.attention_per_iteration) == 3
    for attention in output.attention_per_iteration:
        assert attention.shape == (2, 3, 13)
        torch.testing.assert_close(attention.sum(dim=1), torch.ones(2, 13).double())
    assert output.attention is output.attention_per_iteration[-1]


@torch.inference_mode()
def test_slots_look_the_same_way_twice_and_wander_in_training_only() -> None:
    attention, columns = SlotAttention(SLOTS), torch.randn(2, 13, 24)
    attention.eval()
    assert torch.equal(attention(columns).attention, attention(columns).attention)
    attention.train()
    assert not torch.equal(attention(columns).attention, attention(columns).attention)


@torch.inference_mode()
def test_slots_that_start_alike_stay_alike_and_ours_do_not() -> None:
    attention, columns = SlotAttention(SLOTS).eval(), torch.randn(2, 13, 24)
    informative, uninformative = attention(columns).attention.unbind(1)
    assert (informative - uninformative).abs().max() > 0.01
    attention.start.copy_(attention.start[:1].expand(2, -1))
    informative, uninformative = attention(columns).attention.unbind(1)
    torch.testing.assert_close(informative, uninformative)


@torch.inference_mode()
def test_attention_moves_with_the_moments() -> None:
    attention, columns = SlotAttention(SLOTS).eval(), torch.randn(2, 13, 24)
    shuffled = torch.randperm(13)
    torch.testing.assert_close(attention(columns[:, shuffled]).attention, attention(columns).attention[:, :, shuffled])


@torch.inference_mode()
def test_attention_keeps_full_precision_under_autocast() -> None:
    attention, columns = SlotAttention(SLOTS).eval(), torch.randn(2, 13, 24)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        under_autocast = attention(columns).attention
    assert torch.equal(under_autocast, attention(columns).attention)


@torch.inference_mode()
def test_column_speaks_of_its_own_moment_alone() -> None:
    features, local = ColumnFeatures(4, 8, 24).eval(), torch.randn(1, 13, 4, 8)
    changed = local.clone()
    changed[:, 5] = torch.randn(4, 8)
    difference = (features(local) - features(changed)).abs().amax(dim=2)[0]
    assert difference[5] > 0.01
    assert difference[torch.arange(13) != 5].max() < 1e-6


@torch.inference_mode()
def test_column_says_which_band_sounded() -> None:
    features = ColumnFeatures(4, 8, 24).eval()
    sound = torch.randn(8)
    low, high = torch.zeros(1, 1, 4, 8), torch.zeros(1, 1, 4, 8)
    low[..., 0, :], high[..., 3, :] = sound, sound
    assert (features(low) - features(high)).abs().max() > 0.1
