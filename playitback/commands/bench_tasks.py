"""What somebody waits for, timed with a checkpoint: from a file to an explanation, to all of its files, to labels.

a recording that is made here -> load, hear, tell -> seconds, the median of some runs -> TaskRow
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from playitback import audio
from playitback.bench import against
from playitback.commands.shared import explain_clip
from playitback.explain.windows import classify_windows
from playitback.recognizer import Recognizer
from playitback.report.files import draw_player, write_files

LEAST_RUNS = 3  # after one that does not count
LEAST_SECONDS = 2.0  # spent on them
LONG_SECONDS = 60.0  # of the recording that is heard window by window

_RATE = 44_100  # of both recordings: most are sampled so, and have to be resampled


@dataclass(frozen=True)
class TaskRow:
    """One task, done again and again."""

    checkpoint: str
    dtype: str  # in which it hears
    task: str
    sound_seconds: float  # of the recording
    seconds: float  # that it takes, the median

    @property
    def times_real_time(self) -> float:
        return self.sound_seconds / self.seconds

    def to_dict(self) -> dict[str, Any]:
        """Everything, ready for JSON."""
        return {**dataclasses.asdict(self), "times_real_time": self.times_real_time}


def run(recognizer: Recognizer) -> Iterator[TaskRow]:
    """Yields each task of a checkpoint as soon as it is timed."""
    with TemporaryDirectory(prefix="playitback-") as name:
        folder = Path(name)
        clip, long = folder / "clip.wav", folder / "long.wav"
        samples, seeds = np.empty(0, np.float32), itertools.count()

        def record() -> None:
            """Other sounds every time: a model may remember what it heard of those before."""
            nonlocal samples
            seed = next(seeds)
            audio.write_wav(clip, _sound(recognizer.clip_seconds, seed), _RATE)
            audio.write_wav(long, _sound(LONG_SECONDS, seed), _RATE)
            samples = recognizer.load(clip).samples

        def write() -> None:
            explanation, heard = explain_clip(recognizer, clip, 0.0, None)
            heard = recognizer.padded(heard)
            with TemporaryDirectory(dir=folder) as drawn:
                player = draw_player(explanation, heard, recognizer, Path(drawn))
                write_files(explanation, player, heard, recognizer, folder / "written")

        tasks: list[tuple[str, float, Callable[[], object]]] = [
            ("hear a clip", recognizer.clip_seconds, lambda: list(recognizer.explain(samples))),
            (
                "explain it from its file, as JSON",
                recognizer.clip_seconds,
                lambda: json.dumps(explain_clip(recognizer, clip, 0.0, None)[0].to_dict()),
            ),
            ("explain it, all files", recognizer.clip_seconds, write),
            ("windows of a minute", LONG_SECONDS, lambda: list(classify_windows(recognizer, long))),
        ]
        for task, sound_seconds, work in tasks:
            dtype = str(recognizer.dtype).removeprefix("torch.")
            yield TaskRow(recognizer.name, dtype, task, sound_seconds, _median_seconds(work, record))


def table(rows: list[TaskRow], before: dict[str, float]) -> str:
    """The rows as aligned text. before: seconds that ``key`` of some of them took, to be set beside."""
    lines = [f"{'checkpoint':16}{'dtype':10}{'task':36}{'ms':>9}{'x real time':>13}{'against':>9}"]
    for row in rows:
        ratio = against(row.seconds, before.get(key(row)))
        lines.append(
            f"{row.checkpoint:16}{row.dtype:10}{row.task:36}{1000 * row.seconds:9.1f}{row.times_real_time:13.0f}{ratio}"
        )
    return "\n".join(lines)


def key(row: TaskRow) -> str:
    """Names a row in a saved run."""
    return f"{row.checkpoint}, {row.task}"


def _median_seconds(work: Callable[[], object], prepare: Callable[[], None]) -> float:
    """prepare: what precedes every run, and is not timed."""
    prepare()
    work()
    seconds: list[float] = []
    while len(seconds) < LEAST_RUNS or sum(seconds) < LEAST_SECONDS:
        prepare()
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


def _sound(seconds: float, seed: int) -> np.ndarray:
    """Faint noise, and a tone of half a second in every second: something to choose."""
    time_axis = np.arange(round(seconds * _RATE)) / _RATE
    tones = 0.3 * np.sin(2 * np.pi * (400 + 100 * np.floor(time_axis)) * time_axis) * (time_axis % 1 < 0.5)
    return (tones + 0.01 * np.random.default_rng(seed).standard_normal(len(time_axis))).astype(np.float32)
