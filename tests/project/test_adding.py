"""The worked examples of docs/adding.md, run as they stand there, one after the other, and put to use."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import soundfile
import torch
from tiny import RATE, noise, tone

from playitback.checkpoint import load_checkpoint
from playitback.config import FrontEndConfig
from playitback.evidence.gather import gather
from playitback.models import families
from playitback.progress import finish
from playitback.recognizer import Recognizer
from playitback.training import manifest
from playitback.training.clips import load_clips
from playitback.training.loop import train

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def examples() -> Iterator[dict[str, Any]]:
    """The names that the examples define."""
    text = (ROOT / "docs" / "adding.md").read_text(encoding="utf-8")
    names: dict[str, Any] = {"__name__": "adding"}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        # the examples add rows: to copies, so that no other test finds them
        patch.setattr(families, "FAMILIES", dict(families.FAMILIES))
        patch.setattr(manifest, "DATA_SETS", dict(manifest.DATA_SETS))
        for block in re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE):
            exec(compile(block, "docs/adding.md", "exec", dont_inherit=True), names)
        yield names


def test_every_part_of_the_house_that_can_be_added_to_has_its_example(examples: dict[str, Any]) -> None:
    assert {"Loudest", "Classify", "read_named", "endure", "build"} <= examples.keys()


def test_evidence_is_gathered_about_the_family_of_the_example(examples: dict[str, Any]) -> None:
    recognizer: Recognizer = examples["recognizer"]
    clips = 0.1 * torch.randn(2, recognizer.config.front_end.clip_samples, generator=torch.Generator().manual_seed(0))
    steps = gather(
        [recognizer], clips, torch.tensor([0, 1]), recognizer.labels, bootstrap=10, parts=("curves", "sanity")
    )
    evidence = finish(steps)
    assert not evidence.replays
    assert evidence.curves is not None
    assert evidence.sanity is not None
    assert [each.part for each in evidence.sanity.parts] == ["heads"]


def test_the_recipe_of_the_example_trains_its_family_on_its_data_set(examples: dict[str, Any], tmp_path: Path) -> None:
    for number in range(4):
        soundfile.write(tmp_path / f"tone-{number}.wav", tone(5.0, hertz=400.0 + 20 * number), RATE)
        soundfile.write(tmp_path / f"hiss-{number}.wav", noise(5.0, seed=number), RATE)
    listed = manifest.read_manifest("named", tmp_path)
    clips = load_clips(listed, FrontEndConfig())
    model = examples["Loudest"](examples["ModelConfig"](family="loudest", labels=listed.labels))
    recipe = dataclasses.replace(examples["recipe"], batch_size=8, micro_batch_size=4)
    train(model, clips, recipe, tmp_path / "run")
    examples["save_checkpoint"](tmp_path / "trained", model, about={}, card="# Trained\n")
    said = Recognizer(load_checkpoint(tmp_path / "trained"), "cpu").classify(clips.waveforms(torch.arange(8)).numpy())
    assert (said[-1].argmax(axis=1) == clips.classes().numpy()).mean() > 0.7


def test_the_question_of_the_example_tells_how_far_it_has_come(examples: dict[str, Any]) -> None:
    told: list[Any] = []
    found = finish(examples["endure"](examples["recognizer"], examples["recording"].samples), told.append)
    assert found == examples["answer"]
    assert told[0].done == 1
    assert told[0].total == len(examples["LEVELS_DECIBELS"])
