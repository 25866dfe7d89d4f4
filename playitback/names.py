"""Names of files, which may hold anything: as they are shown, and as folders are named after them."""

from __future__ import annotations

import re
from pathlib import Path

#: what a terminal obeys, what turns a line round or ends it, and bytes that are no text
_UNSHOWN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_NAMELESS = "clip"
_MOST_BYTES = 240  # of a folder's name; systems take 255, and a number may follow


def printable(text: str) -> str:
    r"""With every character that cannot or must not be shown as its code: "a\x1b[2J.wav"."""
    return _UNSHOWN.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def is_shown(text: str) -> bool:
    """Whether a text can be seen as it is: it has a letter or a sign, and nothing that must not be shown."""
    return any(each.isprintable() and not each.isspace() for each in text) and not _UNSHOWN.search(text)


def folder_name(file: Path) -> str:
    """A file's name without its suffix, as a folder inside another one may be called.

    "...wav" without its suffix is "..", the folder above; and Windows takes no name that ends with a dot. Of a name
    that fills what the system allows the end is left out.
    """
    shown = _UNSHOWN.sub("_", file.stem).encode()[:_MOST_BYTES].decode(errors="ignore")
    return shown.strip(". ") or _NAMELESS
