"""That every claim has its figure, whatever was measured and on whichever family."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from PIL import Image
from tiny import LABELS, recognizer_of, sounding_clips, tiny_model
from toy import toy_model

from playitback.evidence.gather import (
    ACTIVITY,
    BRIEF_EVENTS,
    PARTS,
    POINTING,
    REPLAYING,
    SANITY,
    TOGETHER,
    Evidence,
    gather,
)
from playitback.evidence.rivals import LOUDEST, RANDOM
from playitback.progress import finish
from playitback.report.evidence_figures import write_figures

CLIPS = 3
CLASSES = torch.arange(CLIPS)
DRAWN = [part for part in PARTS if part not in (POINTING, BRIEF_EVENTS, ACTIVITY)]  # the others are tables
RIVALS = (LOUDEST, RANDOM)


@pytest.fixture(scope="module")
def evidence() -> Evidence:
    recognizer = recognizer_of(tiny_model(playbacks=1))
    return finish(
        gather([recognizer], sounding_clips(CLIPS), CLASSES, LABELS, draws=2, bootstrap=100, rival_names=RIVALS)
    )


def test_every_claim_has_its_figure(evidence: Evidence, tmp_path: Path) -> None:
    paths = write_figures(evidence, tmp_path / "figures")
    assert [path.stem for path in paths] == DRAWN
    for path in paths:
        with Image.open(path) as picture:
            assert picture.width == 1650
            assert len(picture.convert("RGB").getcolors(maxcolors=2**24) or ()) > 10
    partial = dataclasses.replace(
        evidence, controls=None, scenes=(), segments=None, curves=None, localisation=(), removal=None
    )
    assert [path.stem for path in write_figures(partial, tmp_path / "one")] == [SANITY]


def test_several_models_together_have_the_figures_of_what_was_measured(tmp_path: Path) -> None:
    recognizers = [recognizer_of(tiny_model(playbacks=1, seed=seed)) for seed in (0, 1)]
    steps = gather(recognizers, sounding_clips(CLIPS), CLASSES, LABELS, draws=2, bootstrap=50, rival_names=RIVALS)
    assert {path.stem for path in write_figures(finish(steps), tmp_path)} == set(TOGETHER) & set(DRAWN)


def test_model_that_cannot_replay_has_all_figures_but_those_of_replays(tmp_path: Path) -> None:
    steps = gather([recognizer_of(toy_model())], sounding_clips(CLIPS), CLASSES, LABELS, draws=2, rival_names=RIVALS)
    drawn = [path.stem for path in write_figures(finish(steps), tmp_path)]
    assert drawn == [part for part in DRAWN if part not in REPLAYING]
