"""Numbers with the word for what they count."""

from __future__ import annotations


def counted(number: int, one: str, several: str | None = None) -> str:
    """ "1 clip", "2 clips". several: the word for more, where it is not the one with an s."""
    return f"{number} {one if number == 1 else several or f'{one}s'}"
