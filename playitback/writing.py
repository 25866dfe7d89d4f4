"""Files that are there whole or not at all, whatever happens while they are written."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from playitback.errors import SettingsError

_ELSEWHERE = "make room on the disk, or choose another folder"
#: for ``told_in_a_sentence``: the place, and what to do where it cannot be written
TEMPORARY_FILES = ("the folder for temporary files", "make room there, or name another one in TMPDIR")


def write_whole(
    path: Path, write: Callable[[Path], object], *, keep: Path | None = None, instead: str = _ELSEWHERE
) -> None:
    """Has ``write`` fill another file, which takes the place of ``path`` once it is safely on the disk.

    keep: what the file that was there before is called from then on. Raises SettingsError where the disk is full or may
    not be written to, and says what to do ``instead``; what was there before is then still there, and nothing else is.
    """
    partial = path.with_name(f"{path.name}.partial")
    try:
        with told_in_a_sentence(path, instead):
            partial.touch()
            permissions = partial.stat().st_mode  # as this process gives them to files
            write(partial)
            partial.chmod(permissions)  # safetensors lets nobody else read what it writes
            _flush(partial)
            if keep is not None and path.exists():
                path.replace(keep)
            partial.replace(path)
            _flush(path.parent)  # else the new name itself may be lost with the power
    finally:
        partial.unlink(missing_ok=True)


def write_whole_text(path: Path, text: str) -> None:
    """As ``write_whole``, in UTF-8."""
    write_whole(path, lambda partial: partial.write_text(text, encoding="utf-8"))


@contextmanager
def told_in_a_sentence(place: Path | str, instead: str = _ELSEWHERE) -> Iterator[None]:
    """Raises SettingsError for what the system says against writing to a place. instead: what to do then."""
    try:
        yield
    except (OSError, SafetensorError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        raise SettingsError(f"{place} cannot be written ({reason}); {instead}") from error


def _flush(path: Path) -> None:
    """Returns when what a file holds, or which files a folder has, is on the disk."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
