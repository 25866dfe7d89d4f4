"""Texts and JSON out of files that may come from anybody: bounded before they are read, and never half understood."""

from __future__ import annotations

import errno
import json
import math
import os
import stat
from collections import Counter
from pathlib import Path
from typing import Any

from playitback.errors import CheckpointError, quoted

_MOST_BYTES = 4_000_000
_MOST_DIGITS = 40  # of a number; a float has 17
_DEEPEST = 100  # lists and objects within one another; what a model was trained from is told within one another


def read_text(path: Path) -> str:
    """A text in UTF-8, with or without the mark that some editors put before it.

    Raises CheckpointError for a file that cannot be read, is too long or no such text.
    """
    try:
        size = path.stat().st_size
        if size > _MOST_BYTES:
            raise CheckpointError(
                f"{path} has {size} bytes, and more than {_MOST_BYTES} are not read; restore or shorten the file"
            )
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read ({error.strerror}); check its permissions") from error
    except UnicodeDecodeError as error:
        raise CheckpointError(f"{path} is no text in UTF-8; save it as that, or restore the file") from error


def read_json(path: Path) -> dict[str, Any]:
    """An object that a file holds; anything else is an empty one, which describes nothing.

    Raises CheckpointError, as ``read_text`` does, and for what is no JSON, or JSON that could be read in two ways.
    """
    text = read_text(path)
    try:
        values = json.loads(
            text, parse_constant=_number, parse_int=_number, parse_float=_number, object_pairs_hook=_object
        )
        # half a character, which JSON can name, is no text: it would fail where it is first written or drawn
        json.dumps(values, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} is not JSON ({error}); restore the file") from error
    if not _is_shallow(values, _DEEPEST):
        raise CheckpointError(f"{path} has more than {_DEEPEST} lists or objects within one another; restore the file")
    return values if isinstance(values, dict) else {}


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON. Raises ValueError for a name that stands twice, of which readers take one or the other."""
    found = dict(pairs)
    if len(found) < len(pairs):
        times = Counter(name for name, _ in pairs)
        raise ValueError(f"{quoted(max(times, key=times.__getitem__))} stands twice in one object")
    return found


def _number(text: str) -> int | float:
    """A number of JSON. Raises ValueError for NaN and infinity, which JSON does not know, and for endless ones."""
    if len(text) > _MOST_DIGITS:
        raise ValueError(f"a number has {len(text)} digits")
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is no finite number")
    return number if set(text) & set(".eE") else int(text)


def _is_shallow(value: Any, levels: int) -> bool:
    """Whether at most so many lists and objects stand within one another."""
    if not isinstance(value, list | dict):
        return True
    within = value.values() if isinstance(value, dict) else value
    return levels > 0 and all(_is_shallow(each, levels - 1) for each in within)


def read_result_text(path: Path) -> str:
    """A text in UTF-8 that one of our commands may have left there.

    Raises OSError for what cannot be read, and for what is no file and would keep one waiting; ValueError for no text.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), str(path))
    return path.read_text(encoding="utf-8")


def result_of(text: str) -> Any:
    """What such a text says in JSON. Raises ValueError for what is none, or too deep to be ours."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("lists or objects are too deep within one another") from error
