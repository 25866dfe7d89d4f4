"""Tables that a user takes away: CSV that spreadsheets open as it is meant, and that is read back the same.

A spreadsheet takes CSV for UTF-8 only if it begins with a byte order mark, and a cell for a formula if it begins like
one. Such a cell gets an apostrophe, which says that it is text.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from playitback.errors import DataSetError

ENCODING = "utf-8-sig"

_FORMULA = re.compile(r"'*[=+\-@\t\n]")  # apostrophes before it would be lost in reading


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Writes a CSV file with a head."""
    with path.open("w", newline="", encoding=ENCODING, errors="backslashreplace") as file:
        csv.writer(file, lineterminator="\n").writerows(map(_guarded, (columns, *rows)))


def add_row(path: Path, row: Sequence[Any]) -> None:
    """One more row of a table that was written."""
    with path.open("a", newline="", encoding="utf-8", errors="backslashreplace") as file:
        csv.writer(file, lineterminator="\n").writerow(_guarded(row))


def cell_text(cell: str) -> str:
    """What a cell of such a table says, without the apostrophe of one that begins like a formula."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def refuse_twice(path: Path, header: Sequence[str], columns: Sequence[str]) -> None:
    """Raises DataSetError where the head of a table names one of the columns twice: which of them is meant?"""
    for name in columns:
        if header.count(name) > 1:
            raise DataSetError(f"{path} has the column {name} twice; keep one of them")


def _guarded(row: Sequence[Any]) -> list[str]:
    # csv puts a carriage return in quotes only where lines end with one, and readers end a row there
    cells = ("" if cell is None else str(cell).replace("\r", r"\r") for cell in row)
    return [f"'{cell}" if _FORMULA.match(cell) and not _is_number(cell) else cell for cell in cells]


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return not cell[0].isspace()
