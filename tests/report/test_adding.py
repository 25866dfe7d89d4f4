"""The worked examples of docs/adding.md, run as they stand there, one after the other."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch

from playitback.config import FrontEndConfig
from playitback.evidence.gather import gather
from playitback.models.families import FAMILIES, Family
from playitback.progress import finish
from playitback.training.clips import load_clips
from playitback.training.loop import train
from playitback.training.manifest import DATA_SETS, read_manifest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def examples() -> dict[str, object]:
    """The names that the examples define."""
    blocks = re.findall(r"^```python\n(.*?)^```$", (ROOT / "docs" / "adding.md").read_text(), re.DOTALL | re.MULTILINE)
    assert len(blocks) >= 6
    names: dict[str, object] = {"__name__": "adding"}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        patch.setattr("playitback.models.families.FAMILIES", FAMILIES)
        for block in blocks:
            exec(compile(block, "docs/adding.md", "exec"), names)
        yield names
    FAMILIES.pop("loudest")
    DATA_SETS.pop("named")


def test_the_family_of_the_example_is_examined_over_a_data_set(examples: dict[str, object]) -> None:
    recognizer = examples["recognizer"]
    noise = np.random.default_rng(0).standard_normal((4, recognizer.config.front_end.clip_samples)).astype(np.float32)
    steps = gather([recognizer], torch.from_numpy(noise), torch.tensor([0, 1, 0, 1]), recognizer.labels, bootstrap=10)
    evidence = finish(steps)
    assert evidence.controls is None and evidence.segments is not None and evidence.sanity is not None
    assert not evidence.replays


def test_the_data_set_of_the_example_trains_the_family_of_the_example(
    examples: dict[str, object], tmp_path: Path
) -> None:
    raise NotImplementedError
