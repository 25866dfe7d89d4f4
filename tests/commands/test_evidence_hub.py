"""``evidence`` of models of transformers: all that suits them is measured, and told at what it costs them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hub_folders import write_hub_folder
from shell import Run, assert_one_sentence
from tiny import CATEGORIES, write_esc50

from playitback.evidence.gather import (
    ACTIVITY,
    BRIEF_EVENTS,
    CONTROLS,
    CURVES,
    LOCALISATION,
    POINTING,
    REMOVAL,
    SANITY,
    SCENES,
    SEGMENTS,
)
from playitback.evidence.rivals import ACTIVITY as BY_ACTIVITY
from playitback.evidence.rivals import LOUDEST, OCCLUSION, PASSAGE, RANDOM, RELEVANCE
from playitback.recognizer import Recognizer


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_esc50(tmp_path_factory.mktemp("data"), clips_per_class=1, folds=(5,), seconds=2.0, rate=16_000)


def test_all_that_needs_no_replay_and_no_gradient_is_measured(run: Run, data: Path, tmp_path: Path) -> None:
    folder = write_hub_folder(tmp_path / "ast", "ast", CATEGORIES)
    status, output, error = run(
        "evidence", "--checkpoint", folder, "--data", data, "--folds", 5, "--draws", 1, "--clips", 3, "--out", tmp_path
    )
    assert status == 0
    found = json.loads((tmp_path / "evidence.json").read_text(encoding="utf-8"))
    assert (found[CONTROLS], found[SCENES]) == (None, [])
    assert all(found[part] for part in (SEGMENTS, CURVES, POINTING, BRIEF_EVENTS, REMOVAL, ACTIVITY, SANITY))
    assert found[LOCALISATION]
    assert f"Accuracy after the last hearing: {100 * found['accuracy']['mean']:.1f} [" in output
    for name in ("grad-cam", "class activation map", "gradient x input", "integrated gradients"):
        assert f"playitback: {name} is left out: " in error
    # one pass for what is decided, and one for each stretch that is kept alone; the decision alone costs one
    passes = Recognizer.from_checkpoint(folder, "cpu").model.passes
    told = {each["way"]: each["passes"] for each in found[REMOVAL]["curves"]}
    assert told[RELEVANCE] == told[BY_ACTIVITY] == told[PASSAGE] == passes > 1
    assert (told[OCCLUSION], told[LOUDEST], told[RANDOM]) == (13, 0, 0)
    assert {each["way"]: each["passes"] for each in found[POINTING]["pointers"]}.items() >= told.items()
    heads = output[output.index("Weights shuffled") :].splitlines()[1:6]
    assert len({line.find("]") for line in heads if "]" in line}) == 1  # long names of parts move no column


def test_a_model_of_other_classes_is_refused(run: Run, data: Path, tmp_path: Path) -> None:
    folder = write_hub_folder(tmp_path / "ast", "ast", ("speech", "music"))
    status, _, error = run("evidence", "--checkpoint", folder, "--data", data, "--folds", 5)
    assert status == 2
    assert_one_sentence(error, "ast names other classes than esc50; evaluate it on the data of its own classes")


@pytest.mark.parametrize("kind", ["wav2vec2", "whisper"])
def test_others_are_measured_in_the_same_way(run: Run, data: Path, kind: str, tmp_path: Path) -> None:
    folder = write_hub_folder(tmp_path / kind, kind, CATEGORIES)
    arguments = ("--data", data, "--folds", 5, "--clips", 2, "--rivals", "loudest,random", "--json")
    status, output, _ = run("evidence", "--checkpoint", folder, *arguments, "--parts", f"{SEGMENTS},{CURVES},{REMOVAL}")
    assert status == 0
    found = json.loads(output)
    assert [each["way"] for each in found[REMOVAL]["curves"]] == [RELEVANCE, LOUDEST, RANDOM]
    assert all(each["scores"]["input_fidelity"]["mean"] is not None for each in found[REMOVAL]["curves"])
    assert len(found[CURVES]["orders"]) == 3
    status, _, error = run("evidence", "--checkpoint", folder, *arguments, "--parts", CONTROLS)
    assert status == 2
    assert_one_sentence(error, f"{kind} cannot replay, and controls ask for other replays; leave them out")
