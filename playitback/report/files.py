"""What an explanation leaves to take away, as files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from playitback import audio
from playitback.audio import SAMPLE_RATE
from playitback.explain.explanation import Explanation


@dataclass(frozen=True)
class ExplanationFiles:
    """What was written."""

    explanation: Path  # explanation.json
    segments: tuple[Path, ...]  # WAV, pass by pass


def write_files(explanation: Explanation, samples: np.ndarray, directory: Path) -> ExplanationFiles:
    """Writes explanation.json and a WAV of every segment into ``directory``. samples: (samples,) of the clip."""
    json_file = directory / "explanation.json"
    explanation.write_json(json_file)
    segments = []
    for playback in explanation.playbacks:
        for number, segment in enumerate(playback.segments, start=1):
            path = directory / f"pass-{playback.index}-segment-{number}.wav"
            first, last = round(segment.start_seconds * SAMPLE_RATE), round(segment.end_seconds * SAMPLE_RATE)
            audio.write_wav(path, samples[first:last])
            segments.append(path)
    return ExplanationFiles(json_file, tuple(segments))
