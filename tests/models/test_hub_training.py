"""Claims about the spectrogram transformer that is trained here: it learns, and transformers itself opens it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file
from tiny import LABELS, sounding_clips, tone
from torch import Generator

from playitback import checkpoint
from playitback.checkpoint import available_checkpoints, load_checkpoint, save_checkpoint
from playitback.config import TaughtConfig
from playitback.models import families
from playitback.models.hub import HubConfig, HubModel
from playitback.models.hub_training import HubTaughtTerms, HubTerms
from playitback.recognizer import Recognizer

SMALL = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}


def small_config(*, multi_label: bool = False) -> HubConfig:
    """The preset's, with a smaller network; as ``train`` makes it, with classes that it knows only later."""
    config = families.preset("ast_small", (("any",),), clip_seconds=2.0)
    assert isinstance(config, HubConfig)
    return replace(config, labels=(LABELS,), multi_label=multi_label, network={**config.network, **SMALL})


def small_model(*, multi_label: bool = False) -> HubModel:
    torch.manual_seed(0)
    model = families.build(small_config(multi_label=multi_label))
    assert isinstance(model, HubModel)
    return model


def test_the_preset_hears_clips_of_the_length_that_was_asked_for() -> None:
    for seconds in (1.0, 5.0, 10.0):
        config = families.preset("ast_small", (LABELS,), clip_seconds=seconds)
        assert config.front_end.clip_seconds == seconds
        assert config.labels == (LABELS,)


@pytest.mark.parametrize("multi_label", [False, True])
def test_it_learns_its_classes(multi_label: bool) -> None:
    model = small_model(multi_label=multi_label)
    clips = torch.stack([torch.from_numpy(tone(2.0, hertz=hertz)) for hertz in (200.0, 1200.0)])
    targets, terms = (torch.eye(2, len(LABELS)),), HubTerms()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    losses = []
    for _ in range(20):
        optimizer.zero_grad()
        loss = terms(model, clips, targets, Generator())["labels"]
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.7 * losses[0]


def test_it_learns_what_its_teacher_answers_and_its_folder_tells_nothing_of_it(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = families.build(replace(small_config(), taught=TaughtConfig(tuple("abcdefg"), features=5)))
    assert isinstance(model, HubModel)
    clips, named = sounding_clips(2, clip_seconds=2.0), torch.eye(2, len(LABELS))
    targets = (named, named, torch.eye(2, 7), torch.tensor([[1.0] * 5, [-1.0] * 5]), torch.tensor([1.0, 0.0]))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    told = []
    for _ in range(30):
        optimizer.zero_grad()
        terms = HubTaughtTerms()(model, clips, targets, Generator())
        torch.stack(list(terms.values())).sum().backward()
        optimizer.step()
        told.append({name: float(each.detach()) for name, each in terms.items()})
    assert told[0].keys() == {"labels", "probe", "classes", "features", "known"}
    assert all(told[-1][name] < 0.8 * told[0][name] for name in told[0]), (told[0], told[-1])
    save_checkpoint(tmp_path / "ast", model, about={}, card="")
    stored = load_file(tmp_path / "ast" / "model.safetensors")
    assert not [name for name in stored if name.startswith("taught")]
    assert load_checkpoint(tmp_path / "ast").model.config.taught is None


def test_its_folder_is_transformers_own(tmp_path: Path) -> None:
    model = small_model(multi_label=True)
    about = {"preset": "ast_small", "licence": "CC0-1.0", "data": {"name": "mine", "clips": 2_000_000}}
    save_checkpoint(tmp_path / "ast", model, about=about, card="# ast\n", dtype=torch.float16)
    opened = load_checkpoint(tmp_path / "ast")
    assert opened.about == {**about, "architecture": "ASTForAudioClassification"}
    assert opened.card == "# ast\n"
    assert (opened.model.config.labels, opened.model.config.multi_label) == ((LABELS,), True)
    clip = sounding_clips(1, clip_seconds=2.0)
    (heard,) = Recognizer.from_checkpoint(tmp_path / "ast", "cpu").explain(clip[0].numpy())
    with torch.inference_mode():
        network = transformers.AutoModelForAudioClassification.from_pretrained(tmp_path / "ast").float().eval()
        extractor = transformers.AutoFeatureExtractor.from_pretrained(tmp_path / "ast")
        given = extractor([clip[0].numpy()], sampling_rate=16_000, return_tensors="pt")
        told = network(**given).logits.sigmoid()[0]
        (own,) = model.answer(clip)
    assert network.config.problem_type == "multi_label_classification"
    np.testing.assert_allclose(heard.probabilities, told, atol=1e-4)
    np.testing.assert_allclose(heard.probabilities, own.logits[0].sigmoid()[0], atol=1e-2)  # weights of 16 bits
    assert "classifier.dense.weight" in load_file(tmp_path / "ast" / "model.safetensors")


def test_products_in_bfloat16_are_heard() -> None:
    """Extractors answer in numpy, which has no numbers of that format."""
    model, clips = small_model(), sounding_clips(1, clip_seconds=2.0)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        (rounded,) = model.answer(clips)
    with torch.inference_mode():
        (exact,) = model.answer(clips)
    torch.testing.assert_close(rounded.logits[0].float(), exact.logits[0], atol=0.1, rtol=0.1)


def test_without_transformers_it_is_neither_a_preset_nor_offered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_checkpoint(tmp_path / "ast", small_model(), about={}, card="")
    monkeypatch.setattr(checkpoint, "BUNDLED", tmp_path)
    assert available_checkpoints() == ("ast",)
    assert "ast_small" in families.presets()
    monkeypatch.setattr(families, "find_spec", lambda name: None)
    assert available_checkpoints() == ()
    assert "ast_small" not in families.presets()
