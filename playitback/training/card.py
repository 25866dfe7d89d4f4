"""The model card that ``train`` writes beside the weights: what a reader must know before trusting them."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import torch

from playitback.config import ModelConfig
from playitback.training.loop import Recipe

#: licence and credit that weights inherit from their data
_DATA_TERMS = {
    "esc50": (
        "CC-BY-NC-3.0",
        'ESC-50 (K. J. Piczak, "ESC: Dataset for Environmental Sound Classification", ACM Multimedia 2015): 50 classes '
        "of five-second clips from Freesound, licensed CC BY-NC 3.0 as a whole; the authors of the clips are named in "
        "the data set's own list. The weights may not be used commercially.",
    )
}


def training_record(
    *,
    preset: str,
    data_set: str,
    folds: Sequence[int],
    clips: int,
    recipe: Recipe,
    seconds: float,
    command: str,
    device: str,
) -> dict[str, Any]:
    """How a checkpoint came about, for its config.json."""
    licence, _ = _DATA_TERMS[data_set]
    return {
        "licence": licence,
        "preset": preset,
        "data": {"name": data_set, "folds": list(folds), "clips": clips},
        "recipe": asdict(recipe),
        "command": command,
        "minutes": round(seconds / 60, 1),
        "hardware": f"{device}, {torch.get_num_threads()} threads, {platform.machine()}",
        "torch": torch.__version__,
    }


def model_card(name: str, config: ModelConfig, about: dict[str, Any]) -> str:
    """Markdown with the front matter of a Hugging Face model card."""
    data, recipe = about["data"], about["recipe"]
    _, terms = _DATA_TERMS[data["name"]]
    hops = ", ".join(f"{1000 * config.front_end.hop_seconds(index):.1f} ms" for index in range(config.passes))
    return f"""---
license: {about["licence"].lower()}
library_name: playitback
pipeline_tag: audio-classification
---
# {name}

Replay attention (preset `{about["preset"]}`): {config.classes[0]} classes,
clips of {config.front_end.clip_seconds:g} s at {config.front_end.sample_rate / 1000:g} kHz,
{config.playbacks} playbacks at hops of {hops}.

## Data and licence
{terms}

Trained on folds {", ".join(map(str, data["folds"]))}: {data["clips"]} clips. Nothing was pre-trained.

## Training
`{about["command"]}`

{about["minutes"]} minutes on {about["hardware"]}, PyTorch {about["torch"]}, seed {recipe["seed"]}:
{recipe["encoder_epochs"]} epochs of the encoder, {recipe["replay_epochs"]} of slots and decoder, the last epoch's
moving average.

## Results
Not measured yet. Measure on clips that it was not trained on: `python -m playitback evaluate --checkpoint {name} ...`

## Limits
It names one of its classes whatever it hears, silence and speech included. It was trained on clips that were cut out
and labelled by hand; on field recordings expect less. Replayed segments show what this model used, not what is true.
"""
