"""Reads recordings: any file -> a window of mono samples at the model's rate, and nothing more than that in memory.

    file -> opening (checked: sound, long enough; what is missing or damaged is noted) -> frames of the file
         -> mixing (channels, range, offset) -> resampled, (samples,) float32 -> load: one window; stream: one by one

libsndfile (through soundfile) reads WAV, FLAC, OGG, MP3, AIFF and others. What it cannot read goes through an ffmpeg
found on the PATH. One rule holds for all of them: what is there is read, and what is missing, damaged or changed
is told in ``Recording.notes``. Seconds count from the start of the file.
"""

from playitback.audio.clock import clock_text, recorded_at
from playitback.audio.files import SOUND_SUFFIXES, sound_files, stamp_of, wav, write_wav
from playitback.audio.opening import MINIMUM_SECONDS, RecordingInfo
from playitback.audio.recordings import (
    Recording,
    channel_notes,
    check_windows,
    load,
    overview,
    probe,
    stream,
    window_count,
)

__all__ = [
    "MINIMUM_SECONDS",
    "SOUND_SUFFIXES",
    "Recording",
    "RecordingInfo",
    "channel_notes",
    "check_windows",
    "clock_text",
    "load",
    "overview",
    "probe",
    "recorded_at",
    "sound_files",
    "stamp_of",
    "stream",
    "wav",
    "window_count",
    "write_wav",
]
