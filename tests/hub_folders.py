"""Folders in transformers' own format, with networks of some hundred weights that nobody trained."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import transformers
from tiny import LABELS

KINDS = ("ast", "wav2vec2", "whisper")


def write_hub_folder(folder: Path, kind: str = "ast", labels: Sequence[str] = LABELS, **settings: Any) -> Path:
    """kind: one of ``KINDS``; settings: of its configuration, in place of the usual ones."""
    torch.manual_seed(0)
    named = {"id2label": dict(enumerate(labels)), "label2id": {label: number for number, label in enumerate(labels)}}
    network, extractor = _MAKERS[kind]({**named, **settings})
    # untrained, they hardly listen to what they are given; so that classes differ over time, their weights are larger
    with torch.no_grad():
        for weights in network.parameters():
            if weights.ndim > 1:
                weights.mul_(5)
    network.save_pretrained(folder)
    extractor.save_pretrained(folder)
    return folder


def amend(path: Path, **values: Any) -> None:
    """Other entries in a JSON file; None takes one away."""
    known = {**json.loads(path.read_text(encoding="utf-8")), **values}
    path.write_text(json.dumps({key: value for key, value in known.items() if value is not None}), encoding="utf-8")


def _ast(settings: Mapping[str, Any]) -> tuple[Any, Any]:
    usual = {
        **{"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32},
        **{"max_length": 204, "num_mel_bins": 32},
    }
    config = transformers.ASTConfig(**{**usual, **settings})
    extractor = transformers.ASTFeatureExtractor(max_length=config.max_length, num_mel_bins=config.num_mel_bins)
    return transformers.ASTForAudioClassification(config), extractor


def _wav2vec2(settings: Mapping[str, Any]) -> tuple[Any, Any]:
    usual = {
        **{"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32},
        **{"conv_dim": (8, 8, 8), "conv_stride": (10, 8, 4), "conv_kernel": (10, 8, 4), "classifier_proj_size": 8},
        **{"num_conv_pos_embeddings": 8, "num_conv_pos_embedding_groups": 2},
    }
    config = transformers.Wav2Vec2Config(**{**usual, **settings})
    extractor = transformers.Wav2Vec2FeatureExtractor(return_attention_mask=True)
    return transformers.Wav2Vec2ForSequenceClassification(config), extractor


def _whisper(settings: Mapping[str, Any]) -> tuple[Any, Any]:
    usual = {
        **{"d_model": 16, "encoder_layers": 2, "encoder_attention_heads": 2, "encoder_ffn_dim": 32},
        **{"decoder_layers": 1, "decoder_attention_heads": 2, "decoder_ffn_dim": 16, "classifier_proj_size": 8},
        **{"num_mel_bins": 16, "max_source_positions": 200, "vocab_size": 100, "decoder_start_token_id": 1},
        **{"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2},
    }
    config = transformers.WhisperConfig(**{**usual, **settings})
    extractor = transformers.WhisperFeatureExtractor(feature_size=config.num_mel_bins, chunk_length=4)
    return transformers.WhisperForAudioClassification(config), extractor


_MAKERS: dict[str, Callable[[Mapping[str, Any]], tuple[Any, Any]]] = {
    "ast": _ast,
    "wav2vec2": _wav2vec2,
    "whisper": _whisper,
}
