"""Whose a run's folder is: two trainings that write to one folder would leave neither's state."""

from __future__ import annotations

import errno
import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import torch

from playitback.errors import SettingsError
from playitback.training.processes import Processes
from playitback.writing import told_in_a_sentence

LOCK_FILE = "lock"

#: folders that this process owns -> the thread that does
_owned: dict[Path, int] = {}


@contextmanager
def owned(out: Path, processes: Processes) -> Iterator[None]:
    """Makes ``out`` a folder of this run alone for as long as it is entered; the first process owns it for all.

    Whoever owns it may enter it again. The lock is one that the system takes back however the process ends, and that
    helpers which it forks do not inherit. Raises SettingsError if another run owns the folder, or nobody can.
    """
    folder = out.resolve()
    if _owned.get(folder) == threading.get_ident():
        yield
        return
    lock, refusal = None, SettingsError(f"the first process cannot have {out} for itself; it says why")
    if processes.first:
        try:
            lock = _lock(out)
        except SettingsError as error:
            refusal = error
    refused = torch.tensor(float(processes.first and lock is None), device=processes.device)
    if processes.mean(refused) > 0:  # the others must not wait for the first one
        raise refusal
    _owned[folder] = threading.get_ident()
    try:
        yield
    finally:
        del _owned[folder]
        if lock is not None:
            (out / LOCK_FILE).unlink(missing_ok=True)
            os.close(lock)
            with suppress(OSError):
                out.rmdir()  # if nothing came to be in it


def _lock(out: Path) -> int:
    """An open file that holds the lock of a folder, which is made if need be."""
    refusal = SettingsError(
        f"another training writes to {out} at this moment; wait until it has ended, or choose another folder"
    )
    if out.resolve() in _owned:  # by another thread: the system's lock tells processes apart, not threads
        raise refusal
    path = out / LOCK_FILE
    while True:
        with told_in_a_sentence(path):
            out.mkdir(parents=True, exist_ok=True)
            lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
            try:
                fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                os.close(lock)
                if error.errno in (errno.EACCES, errno.EAGAIN):
                    raise refusal from error
                raise
        # an owner that ended in the meantime has taken the file away, and its lock keeps nobody out
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(lock), path.stat()):
                return lock
        os.close(lock)
