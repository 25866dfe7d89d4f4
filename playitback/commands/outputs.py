"""Where commands write: never over what they were given, nor over what was made of another recording."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile
from types import FrameType

from playitback.errors import SettingsError
from playitback.locking import lock_folder, locked, unlock
from playitback.names import folder_name, printable
from playitback.writing import told_in_a_sentence

#: of a folder that no other command may take for one of a recording: what explain and windows write beside them
TABLES = (
    *("folder.csv", "folder.json", "folder.jsonl", "events.csv", "windows.csv", "audacity.txt", "raven.txt"),
    *("windows.json", "all-windows.csv", "all-events.csv", "lock"),
)

MAKE_ROOM = "make room there or choose another --out"

_OTHERS = "of something else"  # the owner of a folder that may not be written into


def refuse_given(output: Path, option: str, what: str, given: Iterable[Path]) -> None:
    """Raises SettingsError where an output is a file that was given, by whatever name or link. what: that file is."""
    for each in given:
        with suppress(OSError):  # one of them does not exist
            if output.samefile(each):
                raise SettingsError(f"{output} is {what}, which would be lost; choose another {option}")


def no_table(path: Path, command: str) -> SettingsError:
    """The error for a table that would be written over, and that the command did not write."""
    return SettingsError(f"{path} is not a table of {command}; choose another --out, or rename it")


def lost_table(path: Path, recordings: int, done: str) -> SettingsError:
    """The error for a table with rows that would be lost. done: what was done to those recordings, "explained"."""
    return SettingsError(
        f"{path} has {recordings} of other recordings, {done} with another model or other settings; choose another "
        "--out"
    )


def check_file(path: Path, option: str) -> None:
    """Raises SettingsError for a file that cannot be written, as far as that can be known before."""
    if os.path.isdir(path):
        reason = errno.EISDIR
    elif not os.path.isdir(path.parent):
        reason = errno.ENOENT
    elif not os.access(path if os.path.exists(path) else path.parent, os.W_OK):
        reason = errno.EACCES
    else:
        return
    raise SettingsError(f"{path} cannot be written ({os.strerror(reason)}); choose another {option}")


@contextmanager
def result_folder(out: Path) -> Iterator[None]:
    """Makes a folder before the work that fills it; an hour's work must not end in one that cannot be written.

    It is taken away if it is left empty. Raises SettingsError.
    """
    there = os.path.exists(out)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(f"{out} cannot be made a folder ({error.strerror}); choose another --out") from error
    try:
        with told_in_a_sentence(out, MAKE_ROOM), TemporaryFile(dir=out) as trial:
            trial.write(bytes(2**12))
        yield
    finally:
        if not there:
            with suppress(OSError):
                out.rmdir()


def owned_tables(out: Path) -> AbstractContextManager[None]:
    """Within it no other command writes the tables of several recordings in a folder.

    Raises SettingsError where another one does: both would write what they knew at their start.
    """
    return locked(out, "lock", _taken(out))


@contextmanager
def own_result_folder(out: Path) -> Iterator[None]:
    """As ``result_folder``, and no other command writes its results there meanwhile. Raises SettingsError."""
    with result_folder(out), owned_tables(out):
        yield


def _taken(folder: Path) -> SettingsError:
    return SettingsError(
        f"another command writes to {folder} at this moment; wait until it has ended, or choose another --out"
    )


@contextmanager
def ended_in_order() -> Iterator[None]:
    """Being told to end (SIGTERM, a closed terminal) is like Ctrl-C within it: what was begun is put in order."""

    def end(number: int, _: FrameType | None) -> None:
        raise SystemExit(128 + number)

    signals = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {each: signal.getsignal(each) for each in signals}
    try:
        for each, handler in before.items():
            if handler != signal.SIG_IGN:  # as nohup wants it
                signal.signal(each, end)
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


class ResultFolders:
    """Folders below ``--out``, each for the results of one recording, which is known by its whole path.

    owner_of: whole path of the recording whose results a folder holds, "" for something else that must not be
    overwritten, None where there is nothing of that kind. marker: name of a file that says whose results are on their
    way; a lock beside it keeps two commands at once apart.
    """

    def __init__(self, out: Path, owner_of: Callable[[Path], str | None], marker: str) -> None:
        self._out = out
        self._owner_of = owner_of
        self._marker = marker
        self._lock = f"{marker}.lock"
        self._owners: dict[Path, str] = {}  # of a thousand clips of one name each folder is read once

    @contextmanager
    def claimed(self, recording: Path, directly: bool = False) -> Iterator[Path]:
        """A folder that is the recording's own while it is written. directly: ``--out`` itself, if that is free.

        Raises SettingsError where another command writes the results of the same recording.
        """
        with told_in_a_sentence(self._out, MAKE_ROOM):
            folder, lock = self._claim(recording, directly)
        try:
            yield folder
        finally:
            (folder / self._marker).unlink(missing_ok=True)
            unlock(folder, self._lock, lock)
            if folder != self._out:
                with suppress(OSError):  # it holds results
                    folder.rmdir()

    def is_top(self, recording: Path) -> bool:
        """Whether ``--out`` itself holds the results of a recording."""
        return self._owner(self._out) == _identity(recording)

    def finished(self, recording: Path, directly: bool = False) -> Path | None:
        """The folder that holds all results of a recording. directly: it may be ``--out`` itself."""
        for folder in self._candidates(recording, directly):
            if not folder.exists():
                return None
            if self._owner(folder) == _identity(recording) and not (folder / self._marker).exists():
                return folder
        raise AssertionError("the candidates never end")

    def _claim(self, recording: Path, directly: bool) -> tuple[Path, int]:
        """The folder, and the lock that is held of it."""
        mine = _identity(recording)
        for folder in self._candidates(recording, directly):
            if self._owner(folder) not in (None, mine):
                continue
            if folder != self._out and recording.resolve().is_relative_to(folder.resolve()):
                continue
            taken = _taken(folder)
            try:
                lock = lock_folder(folder, self._lock, taken)
            except SettingsError as error:
                if error is not taken or self._owner_by_marker(folder) == mine:
                    raise
                continue
            claimed = False
            try:
                if self._owner_by_marker(folder) in (None, mine):  # else by one that was killed since
                    with (folder / self._marker).open("w", encoding="utf-8") as marker:
                        marker.write(mine)
                    self._owners[folder] = mine
                    claimed = True
                    return folder, lock
            finally:
                if not claimed:
                    unlock(folder, self._lock, lock)
        raise AssertionError("the candidates never end")

    def _candidates(self, recording: Path, directly: bool) -> Iterator[Path]:
        if directly:
            yield self._out
        name, number = folder_name(recording), 2
        if name.casefold() not in TABLES:
            yield self._out / name
        while True:
            yield self._out / f"{name}-{number}"
            number += 1

    def _owner(self, folder: Path) -> str | None:
        if folder not in self._owners:
            owner = self._owner_by_marker(folder)
            owner = self._owner_of(folder) if owner is None else owner
            if owner is None:
                return None
            self._owners[folder] = printable(owner) or _OTHERS
        return self._owners[folder]

    def _owner_by_marker(self, folder: Path) -> str | None:
        if os.path.lexists(folder) and not folder.is_dir():  # a link to nothing, too
            return _OTHERS
        try:
            return (folder / self._marker).read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return None
        except OSError:
            return _OTHERS


def whole_path(recording: Path) -> str:
    """By which a recording is known from any folder."""
    return os.path.abspath(recording)


def _identity(recording: Path) -> str:
    """Its whole path as any table can tell it."""
    return printable(whole_path(recording))
