"""Our components compute the same functions as those of the paper's authors, shown on arrays computed with theirs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import pad

from playitback.config import FrontEndConfig
from playitback.errors import CheckpointError
from playitback.models.replay.config import DecoderConfig, EncoderConfig, SlotConfig
from playitback.models.replay.decoder import Decoder
from playitback.models.replay.encoder import Encoder
from playitback.models.replay.original import rename_parameters
from playitback.models.replay.slots import SlotAttention
from playitback.spectrogram import LogMel

GOLDEN = Path(__file__).parent / "golden"
#: from 1 to the next number of float32
EPSILON = torch.finfo(torch.float32).eps

#: file -> (encoder, classes of each head, ending of each head's arrays)
ENCODERS = {
    "mvit_tiny": (EncoderConfig(width=16, depth=4, stages_at=(1, 3)), (11,), ("",)),
    "mvit_tiny_oddsize": (EncoderConfig(width=8, depth=4, stages_at=(1, 2, 3)), (11,), ("",)),
    "mvit_tiny_multitask": (EncoderConfig(width=8, depth=2, stages_at=(1,)), (5, 9), ("_verb", "_noun")),
}
DECODERS = {"tempr_tiny": ((7,), ("",)), "tempr_tiny_multitask": ((5, 9), ("_verb", "_noun"))}
TINY_DECODER = DecoderConfig(latents=8, width=16, self_heads=2, head_width=8, self_blocks=2)


def golden(name: str) -> tuple[dict[str, Tensor], dict[str, Tensor], dict[str, Tensor]]:
    """State, inputs and outputs of a file."""
    with np.load(GOLDEN / f"{name}.npz") as arrays:
        tensors = {key: torch.from_numpy(arrays[key]) for key in arrays.files}
    state, inputs, outputs = (
        {key.removeprefix(kind): tensor for key, tensor in tensors.items() if key.startswith(kind)}
        for kind in ("sd:", "in:", "out:")
    )
    return state, inputs, outputs


def assert_agrees(ours: Tensor, theirs: Tensor) -> None:
    """Within 32 roundings of float32 of the largest value: in which order sums are rounded is the processor's affair.

    Those tried make 7 of it at most; an epsilon of 2e-6 in place of 1e-6 in the encoder's norms makes 45.
    """
    torch.testing.assert_close(ours, theirs, rtol=0, atol=32 * EPSILON * float(theirs.abs().max()))


def golden_encoder(name: str, state: dict[str, Tensor]) -> Encoder:
    config, classes, _ = ENCODERS[name]
    encoder = Encoder(config, classes).eval()
    encoder.load_state_dict(rename_parameters(state))
    return encoder


def golden_decoder(name: str, state: dict[str, Tensor]) -> Decoder:
    decoder = Decoder(TINY_DECODER, input_width=24, hearings=3, classes=DECODERS[name][0]).eval()
    decoder.load_state_dict(rename_parameters(state))
    return decoder


@pytest.mark.parametrize("name", ENCODERS)
@torch.inference_mode()
def test_every_block_of_the_encoder_agrees_with_the_original(name: str) -> None:
    state, inputs, outputs = golden(name)
    encoder = golden_encoder(name, state)
    features = encoder.local_features(inputs["x"].squeeze(1))
    assert_agrees(features.flatten(1, 2), outputs["patch"])
    for index, block in enumerate(encoder.blocks):
        features = block(features)
        assert_agrees(features.flatten(1, 2), outputs[f"block{index}"])


@pytest.mark.parametrize("name", ENCODERS)
@torch.inference_mode()
def test_grid_and_logits_of_the_encoder_agree_with_the_original(name: str) -> None:
    state, inputs, outputs = golden(name)
    encoder = golden_encoder(name, state)
    grid = encoder.grid(encoder.local_features(inputs["x"].squeeze(1)))
    assert_agrees(grid.flatten(1, 2), outputs["feats"])
    for logits, ending in zip(encoder.head(grid), ENCODERS[name][2], strict=True):
        assert_agrees(logits, outputs[f"logits{ending}"])
        assert_agrees(logits.softmax(dim=1), outputs[f"probs{ending}"])


@pytest.mark.parametrize("iterations", [1, 2, 3])
@torch.inference_mode()
def test_slots_agree_with_the_original_after_every_iteration(iterations: int) -> None:
    state, inputs, outputs = golden("slot_attention")
    attention = SlotAttention(SlotConfig(slots=2, width=24, hidden=128, iterations=iterations)).eval()
    attention.load_state_dict(rename_parameters(state, slots=2))
    assert_agrees(attention.start + attention.noise_scale * inputs["noise"], inputs["init_slots"])
    assert_agrees(attention(inputs["x"], inputs["noise"]).slots, outputs[f"slots_iter{iterations}"])


@pytest.mark.parametrize("name", DECODERS)
@torch.inference_mode()
def test_decoder_agrees_with_the_original_after_every_hearing_and_fused(name: str) -> None:
    state, inputs, outputs = golden(name)
    decoder = golden_decoder(name, state)
    grids = list(inputs["x"].permute(0, 1, 3, 4, 2))  # (hearings, B, C, T, F) -> hearings x (B, T, F, C)
    output = decoder(grids)
    assert output.fused is not None
    for head, ending in enumerate(DECODERS[name][1]):
        assert_agrees(output.per_hearing[head], outputs[f"per_playback{ending}"])
        assert_agrees(output.fused[head], outputs[f"pred{ending}"])


@torch.inference_mode()
def test_fused_feature_of_hearings_heard_one_by_one_agrees_with_the_original() -> None:
    state, inputs, outputs = golden("tempr_tiny")
    decoder = golden_decoder("tempr_tiny", state)
    latents, summaries = decoder.initial(2), []
    for hearing_index, grid in enumerate(inputs["x"].permute(0, 1, 3, 4, 2)):
        latents = decoder.listen(hearing_index, latents, grid)
        summaries.append(decoder.summary(latents))
    assert_agrees(decoder.fuse(summaries), outputs["fused_embedding"])


def test_mel_filters_agree_with_the_original() -> None:
    """Near 8 kHz rounding moves a filter's corners by some thousandths of a hertz, and its sides are 170 Hz long."""
    ours, theirs = LogMel(FrontEndConfig()).mel_basis.T, golden("frontend")[2]["mel_basis"]
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-4)


@pytest.mark.parametrize("hop_samples", [200, 100, 67, 50])
@torch.inference_mode()
def test_log_mel_frames_agree_with_the_original_at_every_hop(hop_samples: int) -> None:
    """As far as float32 can tell, on whichever processor: by magnitudes, because the logarithm of next to nothing shows
    what rounding left there.

    An FFT of 2048 samples rounds a product and a sum in each of its 11 stages, so a magnitude is off by up to 11
    epsilons of all that the frame adds up under the window, however little sounds at its frequency. A mel bin weighs
    such magnitudes; its own sum and logarithm round by some dozens of 6e-8 of it.
    """
    config = FrontEndConfig()
    _, inputs, outputs = golden("frontend")
    log_mel, filters = LogMel(config), outputs["mel_basis"]
    log_mel.mel_basis.copy_(filters.T)  # how far ours are from theirs is the test above's
    ours = log_mel(inputs["y"].unsqueeze(0), hop_samples)[0].double().exp()
    theirs = outputs[f"logmel_hop{hop_samples}"].double().exp()
    assert ours.shape == theirs.shape
    half_window = config.window_samples // 2
    frames = pad(inputs["y"].abs(), (half_window, half_window)).unfold(0, config.window_samples, hop_samples)
    magnitude_error = 11 * EPSILON * (frames @ torch.hann_window(config.window_samples))
    assert ((ours - theirs).abs() <= magnitude_error[:, None] * filters.sum(dim=1) + 1e-5 * theirs).all()


@torch.inference_mode()
def test_floor_is_added_to_what_sounds_however_faint_it_is() -> None:
    waveform, log_mel = golden("frontend")[1]["y"].unsqueeze(0), LogMel(FrontEndConfig())
    loud, faint, silent = (log_mel(level * waveform, 200).double().exp() for level in (1.0, 2.0**-20, 0.0))
    # a power of two changes no rounding before the logarithm, which in float32 is good to some 1e-6
    torch.testing.assert_close(faint, loud * 2.0**-20 + 1e-6, rtol=1e-5, atol=0)
    torch.testing.assert_close(silent, torch.full_like(silent, 1e-6), rtol=1e-5, atol=0)


def test_unknown_parameter_is_refused_by_name() -> None:
    with pytest.raises(CheckpointError, match=r"blocks\.0\.attn\.rel_pos_h is not a parameter"):
        rename_parameters({"blocks.0.attn.rel_pos_h": torch.zeros(1)})


def test_two_components_at_once_are_refused() -> None:
    encoder, decoder = golden("mvit_tiny")[0], golden("tempr_tiny")[0]
    with pytest.raises(CheckpointError, match="one component at a time"):
        rename_parameters({**encoder, **decoder})
