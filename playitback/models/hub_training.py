"""The audio spectrogram transformer, trained here: transformers' own network, new weights, as a preset.

Gong, Chung and Glass, "AST: Audio Spectrogram Transformer", Interspeech 2021 (arXiv 2104.01778): patches of 16 x 16
that overlap by 6, tokens through a transformer. ``ast_small`` has six layers of width 192 in place of twelve of 768,
and 64 mel bins in place of 128, so that a CPU trains it. It begins with new weights, the published one with those that
it learned on ImageNet, which small data need.

    preset -> HubConfig, checked like a stranger's -> HubModel -> recipe -> written in transformers' own format
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from torch import Generator, Tensor

from playitback.models.hub import HubConfig, HubModel
from playitback.models.hub_folder import NOTES, read
from playitback.models.listener import Listener
from playitback.models.losses import classification
from playitback.models.recipe import Augmentation, Recipe, Stage, Targets, Terms, named_classes

PRESETS = ("ast_small",)

_FRAMES_A_SECOND = 100


@dataclass(frozen=True, kw_only=True)
class HubTerms(Terms):
    """Classification, and nothing else: of a mixture, the classes as its teacher would name them."""

    def __call__(self, model: HubModel, waveforms: Tensor, targets: Targets, generator: Generator) -> dict[str, Tensor]:
        (heard,) = model.answer(waveforms)
        named = named_classes(targets, heads=1)
        return {"labels": classification(heard.logits, named, model.config.multi_label, self.label_smoothing)}


def preset(name: str, labels: tuple[tuple[str, ...], ...], *, multi_label: bool, clip_seconds: float) -> HubConfig:
    """The architecture of ``PRESETS`` for the given class names. Raises CheckpointError without transformers."""
    del name  # there is one
    frames = math.ceil(clip_seconds * _FRAMES_A_SECOND)
    network = {
        "model_type": "audio-spectrogram-transformer",
        "architectures": ["ASTForAudioClassification"],
        "hidden_size": 192,
        "num_hidden_layers": 6,
        "num_attention_heads": 3,
        "intermediate_size": 768,
        "num_mel_bins": 64,
        "max_length": frames,
        "id2label": {str(number): label for number, label in enumerate(labels[0])},
    }
    extractor = {
        "feature_extractor_type": "ASTFeatureExtractor",
        "sampling_rate": 16_000,
        "num_mel_bins": 64,
        "max_length": frames,
    }
    return replace(read(network, lambda: extractor), multi_label=multi_label)


def recipe(preset: str) -> Recipe:
    """How it is trained: on what a teacher answered where there is one, else on labelled clips."""
    del preset
    return Recipe(
        stages=(
            Stage(
                name="encoder",
                epochs=100,
                learning_rate=1e-3,
                trains={"audio_spectrogram_transformer": 1.0, "classifier": 1.0},
                terms=HubTerms(),
                augmentation=Augmentation(background=0.25),
                mixtures=True,
            ),
        ),
    )


def written(model: Listener, about: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any], dict[str, Tensor]]:
    """What a folder in transformers' format holds of a model: config.json, preprocessor_config.json and the weights.

    What is known about the model stands in config.json, where transformers looks for nothing of that name.
    """
    assert isinstance(model, HubModel)
    network = {**model.described, NOTES: dict(about)}
    return network, dict(model.config.extractor), dict(model.network.state_dict())
