"""Makes the example sounds of the page: synthesised with numpy, seeded, without any recording.

    python assets/make_examples.py [FOLDER]

writes every sound into FOLDER (assets/examples if none is named), the same bytes every time. How each is made stands in
assets/sounds. The names are those of ESC-50 classes, except for the last two, which are mixtures.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from sounds import mixtures, outdoors, street, struck


@dataclass(frozen=True)
class Example:
    make: Callable[[int], np.ndarray]
    sample_rate: int  # hertz
    suffix: str


EXAMPLES = {
    "church_bells": Example(struck.church_bells, 44_100, "flac"),
    "siren": Example(street.siren, 22_050, "wav"),
    "clock_tick": Example(struck.clock_tick, 22_050, "wav"),
    "rain": Example(outdoors.rain, 44_100, "flac"),
    "door_wood_knock": Example(struck.door_wood_knock, 16_000, "wav"),
    "engine": Example(street.engine, 16_000, "wav"),
    "crickets": Example(outdoors.crickets, 22_050, "wav"),
    "sea_waves": Example(outdoors.sea_waves, 22_050, "wav"),
    "thunderstorm": Example(outdoors.thunderstorm, 16_000, "wav"),
    "glass_breaking": Example(struck.glass_breaking, 44_100, "flac"),
    "bells_in_rain": Example(mixtures.bells_in_rain, 22_050, "wav"),
    "knocks_then_clock": Example(mixtures.knocks_then_clock, 16_000, "wav"),
}


def samples_of(name: str) -> np.ndarray:
    """The sound as it stands in its file: (samples,) int16."""
    example = EXAMPLES[name]
    return np.rint(example.make(example.sample_rate) * 32767).astype(np.int16)


def write_examples(folder: Path) -> list[Path]:
    """Write every sound into ``folder`` and return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, example in EXAMPLES.items():
        path = folder / f"{name}.{example.suffix}"
        soundfile.write(path, samples_of(name), example.sample_rate, subtype="PCM_16")
        paths.append(path)
    return paths


if __name__ == "__main__":
    for written in write_examples(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "examples"):
        print(written)
