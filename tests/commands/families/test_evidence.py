"""evaluate and evidence for a model that cannot replay."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from shell import Run
from tiny import CATEGORIES, CLIP_SECONDS, RATE, recognizer_of
from torch import Generator
from toy import toy_model
from toy_commands import UNSUITED, refusal, said, told

from playitback.edits import SILENCE, remove
from playitback.evidence.faithfulness import SOURCES
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
from playitback.recognizer import ClipHearing
from playitback.segments import pad_segments

DATA = ("--data", "esc50", "--folds", 5)


@pytest.fixture(scope="module")
def heard(folder: Path) -> dict[str, tuple[np.ndarray, ClipHearing]]:
    """Of every file of the data set: its class, its samples, and how the model of its classes hears it."""
    sounds = recognizer_of(toy_model(labels=CATEGORIES))
    with (folder / "esc50" / "meta" / "esc50.csv").open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    found = {}
    for row in rows:
        clip = sounds.padded(sounds.load(folder / "esc50" / "audio" / row["filename"]).samples)
        (only,) = sounds.explain(clip)
        found[row["category"], row["filename"]] = clip, only
    return found


def test_it_is_evaluated_after_its_one_hearing(run: Run, heard: Mapping[Any, Any]) -> None:
    found = told(run, "evaluate", "--checkpoint", "sounds", *DATA)
    right = [CATEGORIES[int(each.probabilities.argmax())] == name for (name, _), (_, each) in heard.items()]
    assert len(right) == 8
    assert found["accuracy"] == [pytest.approx(np.mean(right))]
    sure = [each.probabilities[CATEGORIES.index(name)] for (name, _), (_, each) in heard.items()]
    assert found["true_class_probability"] == [pytest.approx(np.mean(sure), abs=1e-5)]
    assert f"{100 * np.mean(right):.2f}" in said(run, "evaluate", "--checkpoint", "sounds", *DATA)


def test_evidence_measures_all_that_needs_no_replay(
    run: Run, heard: Mapping[Any, tuple[np.ndarray, ClipHearing]], tmp_path: Path
) -> None:
    status, output, _ = run(
        "evidence", "--checkpoint", "sounds", *DATA, "--rivals", "loudest,random", "--out", tmp_path
    )
    assert status == 0
    assert UNSUITED.findall(output) == []
    found = json.loads((tmp_path / "evidence.json").read_text(encoding="utf-8"))
    assert (found["replays"], found["hearings"], found["clips"]) == (False, 1, 8)
    assert (found[CONTROLS], found[SCENES], found[ACTIVITY]) == (None, [], None)
    assert all(found[part] for part in (SEGMENTS, CURVES, LOCALISATION, POINTING, BRIEF_EVENTS, REMOVAL, SANITY))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        [
            *(f"{part}.png" for part in (SEGMENTS, CURVES, LOCALISATION, REMOVAL, SANITY)),
            "evidence.json",
            "evidence.txt",
        ]
    )
    assert (tmp_path / "evidence.txt").read_text(encoding="utf-8") == output
    assert "1 hearing;" in output
    assert "relevance" in output
    chosen_seconds = [sum(each.seconds for each in one.segments) for _, one in heard.values()]
    assert found["marked_seconds"] == pytest.approx(np.mean(chosen_seconds), abs=1e-6)
    # what removal takes away, by hand
    sounds = recognizer_of(toy_model(labels=CATEGORIES))
    lost = []
    for clip, one in heard.values():
        segments = pad_segments([one.segments], CLIP_SECONDS)
        without = remove(torch.from_numpy(clip).unsqueeze(0), segments, SILENCE, RATE, Generator())
        decided = int(one.probabilities.argmax())
        lost.append(one.probabilities[decided] - sounds.classify(without.numpy())[-1, 0, decided])
    (score,) = [each for each in found[SEGMENTS]["scores"] if (each["source"], each["fill"]) == (SOURCES[0], SILENCE)]
    assert score["scores"]["faithfulness"]["mean"] == pytest.approx(np.mean(lost), abs=1e-5)
    assert [each["part"] for each in found[SANITY]["parts"]] == ["heads"]


def test_evidence_that_needs_replay_is_refused(run: Run) -> None:
    line = refusal(run, "evidence", "--checkpoint", "sounds", *DATA, "--parts", CONTROLS)
    assert line == "playitback: sounds cannot replay, and controls ask for other replays; leave them out"
