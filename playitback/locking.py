"""Folders that one process has for itself, on systems that have such locks (Linux, macOS); elsewhere nothing guards."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from playitback.errors import SettingsError
from playitback.writing import told_in_a_sentence

if sys.platform != "win32":
    import fcntl


@contextmanager
def locked(folder: Path, name: str, taken: SettingsError) -> Iterator[None]:
    """Within it the lock of a folder is held; see ``lock_folder``."""
    lock = lock_folder(folder, name, taken)
    try:
        yield
    finally:
        unlock(folder, name, lock)


def lock_folder(folder: Path, name: str, taken: SettingsError) -> int:
    """An open file, called ``name``, that holds the lock of a folder, which is made if need be.

    The system takes it back however the process ends, and what it forks does not inherit it; whoever is done calls
    ``unlock``. Raises ``taken`` where another process has the lock, SettingsError where nobody can.
    """
    path = folder / name
    while True:
        with told_in_a_sentence(folder, "choose another folder"):
            folder.mkdir(parents=True, exist_ok=True)
        with told_in_a_sentence(path):
            lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
            if sys.platform == "win32":
                return lock
            try:
                fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                os.close(lock)
                if error.errno in (errno.EACCES, errno.EAGAIN):
                    raise taken from error
                raise
        # an owner that ended in the meantime has taken the file away, and its lock keeps nobody out
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(lock), path.stat()):
                return lock
        os.close(lock)


def unlock(folder: Path, name: str, lock: int) -> None:
    """Gives the lock of a folder back, and takes its file away."""
    if sys.platform == "win32":  # where an open file stays
        os.close(lock)
        with suppress(OSError):
            (folder / name).unlink()
    else:
        (folder / name).unlink(missing_ok=True)
        os.close(lock)
