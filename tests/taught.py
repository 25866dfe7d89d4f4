"""What tests of teachers share: a folder of answers to mixtures of a few clips."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from tiny import RATE

from playitback.training.answers import Teacher, write_answers

SECONDS = 1.0
SAMPLES = round(SECONDS * RATE)
CLASSES = ("Bell", "Rain, heavy", 'The "other"', "Siren", "Speech")
TEACHER = Teacher("a loud teacher", "the makers of the loud teacher", "MIT", RATE, SECONDS)


def plan_of(*mixtures: tuple[int, int, int], seed: int = 0) -> dict[str, np.ndarray]:
    """(kind, a, b) of each; the numbers are drawn."""
    random, count = np.random.default_rng(seed), len(mixtures)
    kind, a, b = (np.array(each) for each in zip(*mixtures, strict=True))
    start = random.integers(SAMPLES // 2, size=count)
    return {
        "kind": kind.astype(np.uint8),
        "a": a.astype(np.int32),
        "b": b.astype(np.int32),
        "speed": random.uniform(0.8, 1.25, (count, 2)).astype(np.float32),
        "shift": random.integers(SAMPLES, size=(count, 2)).astype(np.int32),
        "gain": random.uniform(0.5, 2.0, (count, 2)).astype(np.float32),
        "start": start.astype(np.int32),
        "end": (start + SAMPLES // 3).astype(np.int32),
        "share": random.random(count).astype(np.float32),
    }


def write_taught(
    folder: Path,
    names: tuple[str, ...],
    plan: dict[str, np.ndarray],
    probabilities: np.ndarray | None = None,
    features: np.ndarray | int = 3,
    classes: tuple[str, ...] = CLASSES,
) -> Path:
    """The folder; answers that are not given are drawn."""
    random, count = np.random.default_rng(1), len(plan["kind"])
    if probabilities is None:
        probabilities = random.random((count, len(classes)))
    if isinstance(features, int):
        features = random.normal(size=(count, features))
    write_answers(folder, TEACHER, classes, names, plan, probabilities, features)
    return folder
