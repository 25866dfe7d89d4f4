"""Claims about families that hear a clip once: attention pooling and the multiscale spectrogram transformer."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from hears_once import FAMILIES, model_of
from tiny import LABELS, recognizer_of, sounding_clips, tiny_checkpoint
from torch import Generator
from torch.utils.flop_counter import FlopCounterMode
from transformers import ASTConfig, ASTForAudioClassification

from playitback.checkpoint import load_checkpoint
from playitback.config import TaughtConfig
from playitback.errors import SettingsError
from playitback.models import families
from playitback.models.mast import MastEncoder, MastEncoderConfig, MastModel
from playitback.models.pooling import (
    AttentionPooling,
    without_background,
)


@pytest.mark.parametrize("family", FAMILIES)
@torch.inference_mode()
def test_it_hears_a_clip_once(family: str) -> None:
    model, clips = model_of(family), sounding_clips(3)
    (heard,) = model.listen(clips)
    columns = model.local_shape[0]
    assert not model.can_replay
    assert heard.index == 0
    assert heard.logits[0].shape == (3, len(LABELS))
    assert heard.relevance.shape == heard.audible.shape == (3, columns)
    assert ((heard.relevance >= 0) & (heard.relevance <= 1)).all()
    assert heard.activity is not None
    assert heard.activity.shape == (3, columns, len(LABELS))
    assert heard.lanes[0].values is heard.relevance
    with pytest.raises(SettingsError, match="cannot play it back"):
        model.listen(clips, 1)


@pytest.mark.parametrize("family", FAMILIES)
@torch.inference_mode()
def test_company_changes_nothing(family: str) -> None:
    model, clips = model_of(family), sounding_clips(3)
    (together,) = model.listen(clips)
    for row in range(3):
        (alone,) = model.listen(clips[row : row + 1])
        torch.testing.assert_close(together.logits[0][row], alone.logits[0][0], rtol=0, atol=1e-5)
        torch.testing.assert_close(together.relevance[row], alone.relevance[0], rtol=0, atol=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_checkpoint_comes_back_the_same(family: str, tmp_path: Path) -> None:
    model = model_of(family, taught=TaughtConfig(("dog", "cat"), 8))
    loaded = load_checkpoint(tiny_checkpoint(tmp_path, model)).model
    assert loaded.config == model.config
    assert loaded.state_dict().keys() == model.state_dict().keys()
    clips = sounding_clips(1)
    with torch.inference_mode():
        (one,), (other,) = model.listen(clips), loaded.listen(clips)
    assert torch.equal(one.logits[0], other.logits[0])
    assert one.taught is not None
    assert one.known is not None


@pytest.mark.parametrize("name", ["pooling", "pooling_small", "mast", "mast_small"])
def test_every_stage_trains_what_it_names_and_nothing_else(name: str) -> None:
    family = name.partition("_")[0]
    model = model_of(family, taught=TaughtConfig(("dog", "cat"), 8))
    targets = torch.eye(4)
    taught = (targets, targets, torch.rand(4, 2), torch.rand(4, 8), torch.tensor([1.0, 0.0, 1.0, float("nan")]))
    for stage in families.recipe(name).stages:
        model.eval().requires_grad_(False)
        for part in stage.trains:
            model.parts()[part].train().requires_grad_(True)
        model.zero_grad()
        given = taught if stage.mixtures else (targets,)
        terms = stage.terms(model, sounding_clips(4), given, Generator().manual_seed(0))
        torch.stack(list(terms.values())).sum().backward()
        learned = {weights.split(".")[0] for weights, each in model.named_parameters() if each.grad is not None}
        assert learned == set(stage.trains)


@torch.inference_mode()
def test_pooling_weighs_by_the_outer_product_of_two_attentions() -> None:
    torch.manual_seed(0)
    pooling, columns = AttentionPooling(6, 5), torch.randn(2, 7, 6)
    over_time, over_features = pooling.weights(columns)
    torch.testing.assert_close(over_time.sum(dim=1), torch.ones(2))
    torch.testing.assert_close(over_features.sum(dim=1), torch.ones(2))
    mask = over_time.unsqueeze(2) * over_features.unsqueeze(1)
    torch.testing.assert_close(pooling(columns), 6 * (mask * columns).sum(dim=1))


@torch.inference_mode()
def test_pooling_tells_both_attentions_and_is_blind_to_the_class() -> None:
    model, clips = model_of("pooling"), sounding_clips(2)
    (one,), (other,) = (model.listen(clips, asked=torch.full((2,), index)) for index in (0, 3))
    assert not model.can_aim
    assert torch.equal(one.relevance, other.relevance)
    torch.testing.assert_close(one.details["temporal_attention"].sum(dim=1), torch.ones(2))
    torch.testing.assert_close(one.details["spatial_attention"].sum(dim=1), torch.ones(2))
    torch.testing.assert_close(one.relevance.amax(dim=1), torch.ones(2))


def test_what_lies_above_a_stationary_background_is_left() -> None:
    background = torch.linspace(-8, -2, 16).expand(1, 120, 16)
    assert without_background(background).abs().max() < 1e-5
    event = background.clone()
    event[:, 50:60, 4] += 3.0
    left = without_background(event)
    torch.testing.assert_close(left[0, 50:60, 4], torch.full((10,), 3.0))
    left[:, 50:60, 4] = 0
    assert left.abs().max() < 1e-5


@torch.inference_mode()
def test_the_multiscale_transformer_is_asked_for_a_class() -> None:
    model, clips = model_of("mast"), sounding_clips(2)
    assert model.can_aim
    for index in range(len(LABELS)):
        (heard,) = model.listen(clips, asked=torch.full((2,), index))
        assert heard.activity is not None
        own = heard.activity[..., index]
        torch.testing.assert_close(heard.relevance, own / own.amax(dim=1, keepdim=True))
    (heard,) = model.listen(clips)
    named = recognizer_of(model).named(heard.logits[0][0].softmax(dim=0).numpy())
    assert heard.activity is not None
    own = heard.activity[0, :, named]
    torch.testing.assert_close(heard.relevance[0], own / own.max())
    with pytest.raises(SettingsError, match="relevance is its activity"):
        MastModel(dataclasses.replace(model.config, activity=None))  # type: ignore[arg-type]


def test_stages_pool_time_first_and_both_axes_later() -> None:
    encoder = MastEncoder(MastEncoderConfig(), (4,)).eval()
    shapes = []
    for block in encoder.blocks:
        block.register_forward_hook(lambda _module, _given, grid: shapes.append(tuple(grid.shape[1:])))
    with torch.inference_mode():
        encoder(torch.randn(1, 256, 128))
    assert list(dict.fromkeys(shapes)) == [(32, 16, 96), (16, 16, 192), (8, 16, 384), (4, 8, 768)]


def test_it_has_the_size_that_the_paper_states() -> None:
    """Zhu and Omar, abstract: against AST 42 % fewer parameters and a fifth of the multiply-adds."""
    frames, mels, classes = 1024, 128, 527
    with torch.device("meta"):
        networks = (
            ASTForAudioClassification(ASTConfig(num_labels=classes)).eval(),
            MastEncoder(MastEncoderConfig(), (classes,)).eval(),
        )
        parameters, multiply_adds = [], []
        for network in networks:
            with FlopCounterMode(display=False) as counted:
                network(torch.empty(1, frames, mels))
            parameters.append(sum(weights.numel() for weights in network.parameters()))
            multiply_adds.append(counted.get_total_flops() / 2)
    assert parameters[0] == pytest.approx(87e6, rel=0.01)
    assert parameters[1] / parameters[0] == pytest.approx(0.58, abs=0.01)
    assert multiply_adds[1] / multiply_adds[0] == pytest.approx(0.2, abs=0.02)
