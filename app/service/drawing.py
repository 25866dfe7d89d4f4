"""How loud a whole recording is, to draw it: read block by block, for as long as anybody waits and it may take.

A file of a megabyte may hold days of sound, so its size says nothing of what reading it costs.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from playitback.audio.opening import BLOCK_SAMPLES, opened

MOST_SAMPLES = 2**30  # of all channels: three hours and a half of stereo at 44.1 kHz
MOST_SECONDS = 10.0  # of a processor
COLUMNS = 1000


def peaks(path: Path, wanted: Callable[[], bool]) -> np.ndarray | None:
    """Peak amplitude in (COLUMNS,) equal stretches of a recording, float32, of its loudest channel.

    Samples that are not finite count as 0. None where that takes more than MOST_SAMPLES or MOST_SECONDS, or where
    ``wanted``, which is asked between blocks, says that nobody waits any more. Raises AudioError.
    """
    began = time.thread_time()
    found = np.zeros(COLUMNS, dtype=np.float32)
    with opened(path) as sound:
        if sound.frames * sound.info.channels > MOST_SAMPLES:
            return None
        edges = np.array([column * sound.frames // COLUMNS for column in range(COLUMNS)])
        block_frames = max(1, BLOCK_SAMPLES // sound.info.channels)
        for begin in range(0, sound.frames, block_frames):
            if time.thread_time() - began > MOST_SECONDS or not wanted():
                return None
            end = min(begin + block_frames, sound.frames)
            amplitude = np.abs(sound.read(begin, end - begin, finite=False)).max(axis=1)
            starts = np.unique(np.concatenate([[begin], edges[(edges > begin) & (edges < end)]]))
            columns = np.searchsorted(edges, starts, side="right") - 1
            found[columns] = np.maximum(found[columns], np.maximum.reduceat(amplitude, starts - begin))
    return found
