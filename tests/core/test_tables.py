"""Claims about tables to take away: spreadsheets open them as they are meant, and they are read back the same."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from playitback.tables import add_row, cell_text, write_table


def cells(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def test_a_table_says_that_it_is_utf_8_once(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    write_table(path, ["class"], [["дождь"]])
    add_row(path, ["雨"])
    assert path.read_bytes().decode("utf-8") == "\N{ZERO WIDTH NO-BREAK SPACE}class\nдождь\n雨\n"


FORMULAS = ["=1+2", "=cmd|'/c calc'!A1", "+wind", "-wind", "@here", "\twind", "\n=1", "-", "'=x", "''-x"]


@pytest.mark.parametrize("cell", FORMULAS)
def test_no_cell_is_a_formula(tmp_path: Path, cell: str) -> None:
    write_table(tmp_path / "a.csv", ["first", cell], [[1, cell]])
    add_row(tmp_path / "a.csv", [2, cell])
    rows = cells(tmp_path / "a.csv")
    assert [row[1] for row in rows] == [f"'{cell}"] * 3
    assert [cell_text(row[1]) for row in rows] == [cell] * 3


@pytest.mark.parametrize("cell", ["-0.5", "+1", "-1e-05", -0.25, 3, "rain", "", "'quoted'", "don't", "a=b", "1-2"])
def test_numbers_and_other_words_stay_what_they_are(tmp_path: Path, cell: object) -> None:
    write_table(tmp_path / "a.csv", ["head"], [[cell, "x"]])
    assert cells(tmp_path / "a.csv")[1][0] == str(cell) == cell_text(str(cell))


def test_a_name_that_is_no_text_spoils_no_table(tmp_path: Path) -> None:
    write_table(tmp_path / "a.csv", ["path"], [["M\udce4rz.wav"]])
    assert cells(tmp_path / "a.csv")[1] == [r"M\udce4rz.wav"]


def test_a_carriage_return_ends_no_row(tmp_path: Path) -> None:
    write_table(tmp_path / "a.csv", ["path"], [["a\rb.wav"]])
    assert cells(tmp_path / "a.csv") == [["\N{ZERO WIDTH NO-BREAK SPACE}path"], [r"a\rb.wav"]]
