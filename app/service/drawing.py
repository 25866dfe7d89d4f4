"""How loud a whole recording is, to draw it: for as long as anybody waits and it may take.

A file of a megabyte may hold days of sound, so its size says nothing of what reading it costs.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from app.service import reading
from playitback import audio

MOST_SAMPLES = 2**30  # of all channels: three hours and a half of stereo at 44.1 kHz
MOST_SECONDS = 10.0  # of a processor
MOST_WAITING_SECONDS = 30.0  # by the clock, most of which another program may decode
COLUMNS = 1000


def peaks(path: Path, wanted: Callable[[], bool]) -> np.ndarray | None:
    """``audio.overview`` in COLUMNS. Raises AudioError.

    None where that takes more than MOST_SAMPLES or MOST_SECONDS, or where ``wanted``, which is asked between blocks,
    says that nobody waits any more.
    """
    info = reading.probe(path, wanted)
    began, waiting_since = time.thread_time(), time.monotonic()
    if info.seconds * info.sample_rate * info.channels > MOST_SAMPLES:
        return None

    def go_on() -> bool:
        in_time = time.thread_time() - began <= MOST_SECONDS
        return in_time and time.monotonic() - waiting_since <= MOST_WAITING_SECONDS and wanted()

    return audio.overview(path, COLUMNS, go_on)
