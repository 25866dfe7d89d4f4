"""A model whose weights are finite, though what it makes of them is not: no class is named by such numbers."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny import CLIP_SECONDS, lively_model, noise, tiny_checkpoint, tiny_model

from playitback.errors import CheckpointError
from playitback.models.listener import Listener
from playitback.recognizer import Recognizer


@pytest.mark.parametrize("model", [tiny_model(), lively_model()])
def test_what_is_no_number_is_no_answer(tmp_path: Path, model: Listener) -> None:
    folder = tiny_checkpoint(tmp_path / "huge", model)
    weights = load_file(folder / "model.safetensors")
    huge = {name: each.float() * 1e30 if each.is_floating_point() else each for name, each in weights.items()}
    save_file(huge, folder / "model.safetensors")
    recognizer = Recognizer.from_checkpoint(folder, "cpu")
    clip = noise(CLIP_SECONDS)
    for ask in (recognizer.explain, lambda samples: iter(recognizer.classify(samples[None]))):
        with pytest.raises(
            CheckpointError, match=r"huge answers with what is no finite number; .* fetch or save it again"
        ):
            next(ask(clip))
    with pytest.raises(CheckpointError, match="no finite number"):
        next(recognizer.answer(torch.from_numpy(clip)[None]))
