"""Claims about which classes are broader than others."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from playitback.errors import DataSetError
from playitback.training.ontology import read_broader

ENTRIES = [
    {"id": "a", "name": "Animal", "child_ids": ["d", "p", "b"]},
    {"id": "p", "name": "Pets", "child_ids": ["d"]},
    {"id": "d", "name": "Dog", "child_ids": ["k"]},
    {"id": "k", "name": "Bark", "child_ids": []},
    {"id": "b", "name": "Bird", "child_ids": []},
    {"id": "m", "name": "Music", "child_ids": ["m"]},
]


def written(folder: Path, content: object) -> Path:
    path = folder / "ontology.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def test_classes_are_below_those_above_them_however_far_and_over_those_that_are_left_out(tmp_path: Path) -> None:
    labels = ("Bark", "Music", "Animal", "Bird", "Pets", "Rain")
    broader = read_broader(written(tmp_path, ENTRIES), labels)
    assert broader == ((2, 4), (), (), (2,), (2,), ())


@pytest.mark.parametrize("content", [{}, [1], [{"id": "a", "name": "Animal"}], [{**ENTRIES[0], "child_ids": ["x"]}]])
def test_a_file_that_is_no_ontology_of_these_classes_is_refused(tmp_path: Path, content: object) -> None:
    with pytest.raises(DataSetError, match="ontology"):
        read_broader(written(tmp_path, content), ("Animal",))
    with pytest.raises(DataSetError, match="knows none of the classes"):
        read_broader(written(tmp_path, ENTRIES), ("Unicorn",))
    with pytest.raises(DataSetError, match="cannot be read"):
        read_broader(tmp_path / "none.json", ("Animal",))
