"""Claims about numbers and the word for what they count."""

from __future__ import annotations

import pytest

from playitback.counts import counted


@pytest.mark.parametrize(
    ("number", "said"),
    [(0, "0 clips"), (1, "1 clip"), (2, "2 clips"), (1000, "1000 clips")],
)
def test_one_is_one_and_all_others_are_several(number: int, said: str) -> None:
    assert counted(number, "clip") == said


def test_a_word_with_another_plural_is_given_both() -> None:
    assert (counted(1, "class", "classes"), counted(3, "class", "classes")) == ("1 class", "3 classes")
