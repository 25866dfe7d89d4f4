"""What a command is given: recordings and folders of them, without what was written by a command itself."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path

from playitback import audio
from playitback.commands.outputs import TABLES, whole_path
from playitback.errors import AudioError, SettingsError

EXPLANATION, EXPLAINING = "explanation.json", ".explaining"  # in the folder of a clip; the second until it is whole

_NAMES_SHOWN = 5
_LETTERS_SHOWN = 60


def name_given(text: str) -> str:
    """A name of the command line. Raises SettingsError for an empty one, which would mean the folder one is in."""
    if not text:
        raise SettingsError('a name is empty (""); give the name of a file or folder')
    return text


def path_given(text: str) -> Path:
    """A path of the command line.

    Raises SettingsError for an empty one, and for one that the system cannot have, which it would tell wherever it is
    asked for it.
    """
    name_given(text)
    try:
        os.stat(text)
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise SettingsError(f"{text[:_LETTERS_SHOWN]}... is too long for a name; give a shorter one") from error
    return Path(text)


def find_recordings(given: Sequence[Path], out: Path) -> tuple[list[Path], list[str]]:
    """The files given, and those in the folders given that are sound by their names, each once; and what is left out.

    Left out of a folder is what lies in ``--out`` or in a folder with an explanation: it was written by explain.
    Raises AudioError where nothing is given but folders that hold no recordings; beside others, such a one is told.
    """
    found: list[Path] = []
    left_out: list[str] = []
    empty: list[str] = []
    for path in given:
        if not os.path.isdir(path):  # which tells of a folder that may not be entered, too
            found.append(path)
            continue
        sounds = list(audio.sound_files(path))
        is_written = _results(path, out)
        inside = [sound for sound in sounds if not is_written(sound.parent)]
        remarks = list(_left_out(path, sounds, len(sounds) - len(inside), is_written, out))
        if not inside:
            told = "".join(f"; {remark}" for remark in remarks)
            empty.append(f"{path} holds no recordings{told}")
            continue
        found += inside
        left_out += [f"in {path} {remark}" for remark in remarks]
    if empty and not found:
        raise AudioError(f"{'; '.join(empty)}; give a folder with WAV, FLAC, OGG, MP3 or similar files")
    return list({whole_path(each): each for each in found}.values()), left_out + empty


def _results(top: Path, out: Path) -> Callable[[Path], bool]:
    """Whether a folder below ``top``, or ``top`` itself, holds what explain wrote, or lies in such a folder."""
    here, there = top.resolve(), out.resolve()

    @cache
    def holds(folder: Path) -> bool:
        if any(os.path.isfile(folder / name) for name in (EXPLANATION, EXPLAINING)):
            return True
        return folder != top and ((there != here and folder.resolve() == there) or holds(folder.parent))

    return holds


def _left_out(
    top: Path, sounds: Iterable[Path], written: int, is_written: Callable[[Path], bool], out: Path
) -> Iterator[str]:
    """Hidden files are not spoken of, nor what commands write."""
    known, others, closed = {*sounds}, list[str](), list[str]()
    is_out = top.resolve() == out.resolve()  # then results stand in it, and in the folders right below it
    for name, folders, files in os.walk(top, onerror=lambda error: closed.append(str(error.filename))):
        folder = Path(name)
        folders[:] = sorted(each for each in folders if not each.startswith("."))
        if is_written(folder):
            folders.clear()
            continue
        shown = (each for each in sorted(files) if not each.startswith(".") and folder / each not in known)
        results = TABLES if is_out and top in (folder, folder.parent) else ()
        others += [each for each in shown if each not in results]
    if others:
        yield f"{_files(len(others))} left out, by the name no sound: {_listed(others)}"
    if closed:
        yield f"{'a folder' if len(closed) == 1 else f'{len(closed)} folders'} could not be opened: {_listed(closed)}"
    if written:
        yield f"{_files(written)} left out, which explain wrote or which lie in --out"


def _files(count: int) -> str:
    return "1 file is" if count == 1 else f"{count} files are"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:_NAMES_SHOWN]) + (", ..." if len(names) > _NAMES_SHOWN else "")
