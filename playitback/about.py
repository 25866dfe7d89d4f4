"""What a checkpoint tells of itself beside its model: free, but for the entries that something is made of.

Those are checked when it is opened, as they may come from anybody: a report, a card or a comparison that is made of
them hours later would fail otherwise.
"""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from typing import Any

from playitback.errors import SettingsError

_TEXT, _COUNT, _NUMBER, _COUNTS = "a text", "a whole number", "a number", "a list of whole numbers"
_DATA = {"name": _TEXT, "folds": _COUNTS, "split": _TEXT, "clips": _COUNT, "skipped": _COUNT}
_TEACHER = {"teacher": _TEXT, "credit": _TEXT, "licence": _TEXT, "mixtures": _COUNT}
_TRAINING = {"licence": _TEXT, "command": _TEXT, "minutes": _NUMBER, "hardware": _TEXT}


def check_about(about: Any, place: str = "about") -> None:
    """Raises SettingsError, which names the entry, unless every entry that is used is of its kind.

    about: of a config.json, parsed; place: what it is called there. It may lack any entry, but none may lack a part.
    """
    _check(about, _TRAINING, place)
    if "data" in about:
        _check(about["data"], _DATA, f"{place}.data", "name")
    if "teacher" in about:
        _check(about["teacher"], _TEACHER, f"{place}.teacher", *_TEACHER)
    if "before" in about:
        before = f"{place}.before"
        _check(about["before"], {"name": _TEXT}, before, "name")
        check_about(about["before"], before)


def _check(part: Any, kinds: Mapping[str, str], place: str, *needed: str) -> None:
    if not isinstance(part, Mapping):
        raise SettingsError(f"{place} must be an object, not {reprlib.repr(part)}")
    for name in needed:
        if name not in part:
            raise SettingsError(f"{place} has no {name}")
    for name, kind in kinds.items():
        if name in part and not _is(part[name], kind):
            raise SettingsError(f"{place}.{name} must be {kind}, not {reprlib.repr(part[name])}")


def _is(value: Any, kind: str) -> bool:
    if kind == _COUNTS:
        return isinstance(value, list) and all(_is(each, _COUNT) for each in value)
    kinds = {_TEXT: (str,), _COUNT: (int,), _NUMBER: (int, float)}[kind]
    return isinstance(value, kinds) and not isinstance(value, bool)
