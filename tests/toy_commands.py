"""What the commands are asked of a toy, and that what they say suits it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from shell import Run
from tiny import CLIP_SECONDS, LABELS, RATE
from torch import Generator

from playitback.edits import SILENCE, remove
from playitback.recognizer import ClipHearing, Recognizer
from playitback.segments import Segment, pad_segments

#: what must not be said of a model that has no slots and cannot replay
UNSUITED = re.compile("slot|informative|attention|playback|replayed|heard again", re.IGNORECASE)
LONG_SECONDS = 3.5 * CLIP_SECONDS


def told(run: Run, command: str, *arguments: object) -> Any:
    status, output, _ = run(command, *arguments, "--json")
    assert status == 0
    return json.loads(output)


def said(run: Run, command: str, *arguments: object) -> str:
    """As text; it says nothing of what this model does not have."""
    status, output, _ = run(command, *arguments)
    assert status == 0
    assert UNSUITED.findall(output) == []
    return output


def refusal(run: Run, command: str, *arguments: object) -> str:
    status, output, error = run(command, *arguments)
    assert (status, output) == (2, "")
    (line,) = [each for each in error.splitlines() if each.startswith("playitback: ")]
    return line


def segments_of(listed: list[dict[str, float]]) -> tuple[Segment, ...]:
    return tuple(Segment(each["start_seconds"], each["end_seconds"]) for each in listed)


def assert_tells(entry: Mapping[str, Any], heard: ClipHearing, asked: str) -> None:
    """That an entry of ``hearings`` is what was heard."""
    assert list(entry["probabilities"]) == list(LABELS)
    np.testing.assert_allclose(list(entry["probabilities"].values()), heard.probabilities, atol=1e-6)
    assert entry["decision"] == LABELS[int(heard.probabilities.argmax())]
    assert entry["asked"] == asked
    np.testing.assert_allclose(entry["relevance"], heard.relevance, atol=1e-6)
    np.testing.assert_allclose(entry["seconds"], heard.seconds, atol=1e-6)
    assert [lane["name"] for lane in entry["lanes"]] == ["relevance"]
    assert entry["lanes"][0]["values"] == entry["relevance"]
    assert segments_of(entry["segments"]) == heard.segments != ()
    assert (entry["index"], entry["replayed"], entry["activity"]) == (0, [], None)


def removed(toy: Recognizer, samples: np.ndarray, segment: Segment, label: str, fill: str = SILENCE) -> float:
    """Probability of a class without a segment of the sound."""
    segments = pad_segments([[segment]], CLIP_SECONDS)
    edited = remove(torch.from_numpy(samples).unsqueeze(0), segments, fill, RATE, Generator().manual_seed(0))
    return float(toy.classify(edited.numpy())[-1, 0, LABELS.index(label)])
