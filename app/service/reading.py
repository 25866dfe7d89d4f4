"""What reading a visitor's file may cost: a file of a megabyte may hold days of sound.

Nothing but decoding tells how long some recordings are (M4A, WebM, MP3 without a length). That is done once, within
bounds, before anything else is read of them; ``audio`` remembers it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from playitback import audio
from playitback.errors import AudioError
from playitback.progress import Progress

MOST_SECONDS = 90.0  # by the clock, to learn how long a recording is: nine hours of M4A on one slow core
MOST_HOURS = 48  # of sound, that are heard from end to end


def probe(path: Path, wanted: Callable[[], bool] = lambda: True) -> audio.RecordingInfo:
    """``audio.probe``. Raises AudioError, also where it takes more than MOST_SECONDS, and where nobody waits for it.

    wanted: whether anybody still does.
    """
    began = time.monotonic()

    def go_on(progress: Progress) -> None:
        if not wanted() or time.monotonic() - began > MOST_SECONDS:
            raise AudioError(
                f"{path.name} holds more than {progress.done / 3600:.1f} h of sound, and what must be decoded to learn "
                "how much it is takes too long here; cut it, convert it to WAV or FLAC, or use playitback windows in "
                "the shell"
            )

    return audio.probe(path, go_on)


def probe_whole(path: Path) -> audio.RecordingInfo:
    """The same for what is to be heard from end to end. Raises AudioError for more than MOST_HOURS, too."""
    info = probe(path)
    if info.seconds > 3600 * MOST_HOURS:
        raise AudioError(
            f"{info.name} is {info.seconds / 3600:.0f} h long, and {MOST_HOURS} h at most are heard here; cut it, or "
            "use playitback windows in the shell"
        )
    return info
