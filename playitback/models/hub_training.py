"""The audio spectrogram transformer, trained here: transformers' own network, new weights, as a preset.

Gong, Chung and Glass, "AST: Audio Spectrogram Transformer", Interspeech 2021 (arXiv 2104.01778): patches of 16 x 16,
tokens through a transformer. ``ast_small`` has six layers of width 192 in place of twelve of 768, 64 mel bins in place
of 128, and patches that do not overlap (the paper's do, by 6; Table 5 there gives up 1.6 % of mean average precision on
its balanced set for half the tokens), so that a CPU trains it. It begins with new weights, the published one with those
that it learned on ImageNet, which small data need: it learns the more from a teacher.

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
from playitback.models.recipe import TAUGHT, Recipe, Targets, Terms
from playitback.models.stages import ENCODER
from playitback.models.stages import TAUGHT as TAUGHT_STAGE
from playitback.models.terms import LessonTerms
from playitback.spectrogram import mask_frames

PRESETS = ("ast_small",)

_FRAMES_A_SECOND = 100


@dataclass(frozen=True, kw_only=True)
class HubTerms(Terms):
    """Classification, and nothing else. The masks' share is of mels and of frames (SpecAugment)."""

    mask: float = 0.1

    def __call__(self, model: HubModel, waveforms: Tensor, targets: Targets, generator: Generator) -> dict[str, Tensor]:
        own, _ = _hear(model, waveforms, self.mask, generator)
        return {"labels": classification((own,), targets, model.config.multi_label, self.label_smoothing)}


@dataclass(frozen=True, kw_only=True)
class HubTaughtTerms(LessonTerms):
    """What a teacher answered, as other families learn it."""

    def __call__(self, model: HubModel, waveforms: Tensor, targets: Targets, generator: Generator) -> dict[str, Tensor]:
        own, features = _hear(model, waveforms, self.frequency_mask, generator)
        return self.learn((own,), features, model.taught, targets, model.config.multi_label)


def _hear(model: HubModel, waveforms: Tensor, mask: float, generator: Generator) -> tuple[Tensor, Tensor]:
    """Logits (B, classes) of clips (B, samples), and the features (B, W) that they are read from."""
    network: Any = model.network
    frames = mask_frames(model.extract(waveforms)["input_values"], mask, mask, generator)
    features = network.classifier.layernorm(network.audio_spectrogram_transformer(frames).pooler_output)
    return network.classifier.dense(features), features


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
        "frequency_stride": 16,
        "time_stride": 16,
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
    """How it is trained: labelled clips, and what a teacher answered where there is one."""
    del preset
    trains = {"audio_spectrogram_transformer": 1.0, "classifier": 1.0}
    return Recipe(
        micro_batch_size=32,
        stages=(
            replace(ENCODER, learning_rate=1e-3, trains=trains, terms=HubTerms()),
            replace(TAUGHT_STAGE, learning_rate=1e-3, trains={**trains, TAUGHT: 1.0}, terms=HubTaughtTerms()),
        ),
    )


def written(model: Listener, about: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any], dict[str, Tensor]]:
    """What a folder in transformers' format holds of a model: config.json, preprocessor_config.json and the weights.

    What is known about the model stands in config.json, where transformers looks for nothing of that name.
    """
    assert isinstance(model, HubModel)
    network = {**model.described, NOTES: dict(about)}
    return network, dict(model.config.extractor), dict(model.network.state_dict())
