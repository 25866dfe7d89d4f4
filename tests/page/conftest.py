"""A run of a small model with activity, which is explained for a class, for what is asked of a finished run."""

from __future__ import annotations

import pytest
import soundfile
from tiny import RATE, sounding_clips, tiny_checkpoint, tiny_model

from app.service import ExplainService, ExplanationView, Models, Settings


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Models:
    model = tiny_model(playbacks=1, activity=True)
    return Models([str(tiny_checkpoint(tmp_path_factory.mktemp("models") / "tiny", model))], "cpu")


@pytest.fixture(scope="module")
def view(models: Models, tmp_path_factory: pytest.TempPathFactory) -> ExplanationView:
    folder = tmp_path_factory.mktemp("run")
    soundfile.write(folder / "noise.wav", sounding_clips(1)[0].numpy(), RATE)
    *_, finished = ExplainService(models).explain(folder / "noise.wav", Settings("tiny", asked="rain"), folder)
    return finished
