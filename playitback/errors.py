"""Errors that a user can act on.

Every message is one sentence or two: what was given, why it cannot be used, what to do about it. The page, the API and
the command line print the message as it stands; anything that is not a ``PlayItBackError`` is a defect of ours.
"""

import reprlib

from playitback.names import printable

_MOST_LETTERS = 2000
_QUOTED = reprlib.Repr()
_QUOTED.maxstring = 120


class PlayItBackError(Exception):
    """Base of all errors whose message is meant for the user."""

    def __str__(self) -> str:
        """The message in one line, even if it tells the name of a file that would break it or command a terminal, and
        without its middle where what it quotes has no end: a file may hold a name of a million letters, or 1e308."""
        message = printable(super().__str__())
        if len(message) > _MOST_LETTERS:
            message = f"{message[: _MOST_LETTERS // 2]} ... {message[-_MOST_LETTERS // 2 :]}"
        return message


class AudioError(PlayItBackError):
    """A recording cannot be read or holds nothing that can be classified."""


class CheckpointError(PlayItBackError):
    """A checkpoint is missing, incomplete or does not fit its own description."""


class DataSetError(PlayItBackError):
    """A data set folder does not hold what its layout promises."""


class SettingsError(PlayItBackError):
    """A setting is out of range."""


def quoted(word: str) -> str:
    """A word from outside as an error names it: in quotes, and without its middle where it has no end."""
    return _QUOTED.repr(word)
