"""Files of sound by their names, and the one kind that is written."""

from __future__ import annotations

import os
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import soundfile

#: Suffixes of files that are taken for sound, the plainest format first.
SOUND_SUFFIXES = (
    ".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".au", ".caf", ".w64", ".rf64",
    ".m4a", ".aac", ".wma", ".mp4", ".webm", ".mp1", ".mp2", ".mpga", ".mpa", ".m4b", ".m4r", ".3gp", ".3g2", ".amr",
    ".awb", ".mka", ".wv", ".ac3", ".eac3", ".dts", ".tta", ".tak", ".ape", ".asf", ".spx", ".aifc", ".snd", ".voc",
    ".sph", ".nist", ".ircam", ".sf", ".paf", ".svx", ".avr", ".pvf", ".sds", ".wve", ".bwf", ".mov", ".mkv", ".avi",
    ".flv", ".mpg", ".mpeg", ".m4v", ".wmv", ".wave", ".weba", ".ec3", ".adts", ".3gpp", ".ogv", ".ogx", ".m2ts",
    ".f4a", ".f4v", ".qt",
)  # fmt: skip


def sound_files(folder: str | Path) -> Iterator[Path]:
    """All sound files below a folder, known by their suffixes; hidden files and folders are left out.

    The order is fixed: the files of a folder by name, then those of its sub-folders by name. Links are followed, but
    not back into a folder that they lie in. A folder that cannot be listed counts as empty.
    """
    return _sound_files(Path(folder), frozenset())


def _sound_files(folder: Path, above: frozenset[Path]) -> Iterator[Path]:
    """above: the folders that this one lies in, with links resolved."""
    here = folder.resolve()
    if here in above:
        return
    try:
        with os.scandir(folder) as entries:
            shown = sorted((entry.name, _is_folder(entry)) for entry in entries if not entry.name.startswith("."))
    except OSError:
        return
    for name, is_folder in shown:
        if not is_folder and os.path.splitext(name)[1].lower() in SOUND_SUFFIXES:
            yield folder / name
    for name, is_folder in shown:
        if is_folder:
            yield from _sound_files(folder / name, above | {here})


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def stamp_of(recording: str | Path) -> tuple[int, ...]:
    """Tells whether a recording was changed; () where there is none."""
    try:
        status = os.stat(recording)
    except OSError:
        return ()
    return status.st_size, status.st_mtime_ns


def wav(samples: np.ndarray, sample_rate: int) -> bytes:
    """Samples (N,) mono as 16-bit PCM. Beyond full scale they are clipped; the level is never changed."""
    steps = np.clip(np.rint(np.asarray(samples, dtype=np.float64) * 32768), -32768, 32767)
    with BytesIO() as written:
        soundfile.write(written, steps.astype(np.int16), sample_rate, format="WAV", subtype="PCM_16")
        return written.getvalue()


def write_wav(file: str | Path, samples: np.ndarray, sample_rate: int) -> None:
    """Writes what ``wav`` makes, not by libsndfile, which does not tell why it cannot. Raises OSError."""
    Path(file).write_bytes(wav(samples, sample_rate))
