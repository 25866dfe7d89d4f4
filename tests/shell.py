"""The shell in tests: the type of the fixture ``run``, and what is found in what a command wrote."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

#: runs a command as ``python -m playitback`` does and returns (exit status, standard output, standard error)
Run = Callable[..., tuple[int, str, str]]
#: what speeds up a test that asks nothing of the other files
JSON_ONLY = ("--files", "json")


def entries(output: str) -> list[dict[str, Any]]:
    """Of what ``--json`` printed."""
    found: list[dict[str, Any]] = json.loads(output)
    return found


def assert_explained(folder: Path, clip: str) -> dict[str, Any]:
    """What stands in the explanation.json of a folder, which must be of the clip of that name."""
    explanation: dict[str, Any] = json.loads((folder / "explanation.json").read_text(encoding="utf-8"))
    assert explanation["clip"]["name"] == clip
    return explanation


def assert_one_sentence(text: str, *parts: str) -> None:
    """That what stands on standard error is one sentence, and holds each of ``parts``."""
    (line,) = [each for each in text.splitlines() if each.strip()]
    assert line.startswith("playitback: ")
    for part in parts:
        assert part in line
