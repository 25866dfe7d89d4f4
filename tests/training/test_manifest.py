"""Claims about all data sets: what one does not have is refused, and each says what trains and what tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from data_folders import write_sounds, write_text

from playitback.errors import DataSetError
from playitback.training.manifest import DATA_SETS, read_manifest


@pytest.mark.parametrize(
    ("data_set", "asked", "words"),
    [
        ("esc51", {}, "no data set 'esc51'; choose one of esc50, esc10, vggsound, "),
        ("esc50", {"split": "train"}, "esc50 has no splits; choose folds"),
        ("folders", {"folds": (1,)}, "folders has no folds; choose a split"),
        ("vggsound", {}, "vggsound keeps its class names in a file of its own; give that label file"),
        ("esc50", {"labels_file": Path("labels.txt")}, "esc50 names its classes itself"),
    ],
)
def test_what_a_data_set_does_not_have_is_refused(
    tmp_path: Path, data_set: str, asked: dict[str, object], words: str
) -> None:
    with pytest.raises(DataSetError, match=words):
        read_manifest(data_set, tmp_path, **asked)  # type: ignore[arg-type]


def test_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataSetError, match="nowhere does not exist"):
        read_manifest("csv", tmp_path / "nowhere")
    with pytest.raises(DataSetError, match="is a file; give the folder of esc50"):
        read_manifest("esc50", write_text(tmp_path, "esc50.csv", ""))
    write_sounds(tmp_path, "wren/a.wav")
    with pytest.raises(DataSetError, match=r"nowhere\.txt cannot be read"):
        read_manifest("folders", tmp_path, labels_file=tmp_path / "nowhere.txt")


@pytest.mark.parametrize("name", DATA_SETS)
def test_data_sets_say_what_trains_and_what_tests(name: str) -> None:
    known = DATA_SETS[name]
    assert known.name == name
    assert known.clip_seconds > 0
    assert known.train_folds is None or not set(known.train_folds) & set(known.test_folds or ())
    assert known.train_split is None or known.train_split != known.test_split
    own = name in ("csv", "folders")
    assert bool(known.licence) is bool(known.credit) is (not own)
