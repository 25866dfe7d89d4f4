"""Whose a run's folder is: two trainings that write to one folder would leave neither's state."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import torch

from playitback.errors import SettingsError
from playitback.locking import lock_folder, unlock
from playitback.training.processes import Processes

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
            unlock(out, LOCK_FILE, lock)
            with suppress(OSError):
                out.rmdir()  # if nothing came to be in it


def _lock(out: Path) -> int:
    """An open file that holds the lock of a folder, which is made if need be."""
    refusal = SettingsError(
        f"another training writes to {out} at this moment; wait until it has ended, or choose another folder"
    )
    if out.resolve() in _owned:  # by another thread: the system's lock tells processes apart, not threads
        raise refusal
    return lock_folder(out, LOCK_FILE, refusal)
