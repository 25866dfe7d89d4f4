"""Claims about names of files: what is shown commands no terminal, a folder named after a file lies where it should."""

from __future__ import annotations

from pathlib import Path

import pytest

from playitback.errors import AudioError, PlayItBackError
from playitback.names import folder_name, printable


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a\x1b[2J.wav", r"a\x1b[2J.wav"),
        ("a\nb.wav", r"a\nb.wav"),
        ("a\x9b31m.wav", r"a\x9b31m.wav"),
        ("a\u202evaw.exe", r"a\u202evaw.exe"),
        ("M\udce4rz.wav", r"M\udce4rz.wav"),
        ("März 雨 👩\u200d🔬 10\u00a0s.wav", "März 雨 👩\u200d🔬 10\u00a0s.wav"),
    ],
)
def test_what_a_terminal_would_obey_is_shown_as_its_code(name: str, shown: str) -> None:
    assert printable(name) == shown
    assert str(AudioError(f"{name} is empty")) == f"{shown} is empty"


def test_an_error_without_a_name_is_told_as_it_stands() -> None:
    assert str(PlayItBackError("it is 3\u00a0% – «so»")) == "it is 3\u00a0% – «so»"


@pytest.mark.parametrize(
    ("file", "folder"),
    [
        ("siren.wav", "siren"),
        ("a/20230622_191730.wav", "20230622_191730"),
        ("one.two.wav", "one.two"),
        ("...wav", "clip"),
        ("..wav", "clip"),
        (". .wav", "clip"),
        ("a..wav", "a"),
        (".hidden.wav", "hidden"),
        ("a\x1b]0;x\x07.wav", "a_]0;x_"),
        ("M\udce4rz.wav", "M_rz"),
        (255 * "b", 240 * "b"),  # a number may follow, where two recordings are called the same
        (f"{125 * 'é'}.wav", 120 * "é"),
    ],
)
def test_a_folder_named_after_a_file_is_one_name(file: str, folder: str) -> None:
    assert folder_name(Path(file)) == folder
    assert Path("out", folder).resolve().parent == Path("out").resolve()


def test_an_error_that_quotes_without_end_is_told_without_its_middle() -> None:
    told = str(PlayItBackError(f"there is no family '{'x' * 1_000_000}' here; there are: replay"))
    assert told.startswith("there is no family 'xxx")
    assert told.endswith("xxx' here; there are: replay")
    assert len(told) < 2100
