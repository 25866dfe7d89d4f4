"""ESC-50 and ESC-10: the folds asked for are read, and what is wrong with the folder is said."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from data_folders import named_targets, write_sounds, write_text
from tiny import CATEGORIES, write_esc50

from playitback.errors import DataSetError
from playitback.training.manifest import read_manifest


@pytest.fixture(scope="module")
def esc50(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_esc50(tmp_path_factory.mktemp("data") / "esc50", clips_per_class=2, folds=(1, 3), seconds=0.2)


def test_esc50_has_the_folds_asked_for_and_labels_in_the_order_of_its_targets(esc50: Path) -> None:
    one, both = (read_manifest("esc50", esc50, folds=folds) for folds in ((1,), (1, 3)))
    assert one.labels == both.labels == (CATEGORIES,)
    assert (len(one.entries), len(both.entries)) == (8, 16)
    assert all(entry.name.startswith("1-") for entry in one.entries)
    assert read_manifest("esc50", esc50) == both
    assert not one.multi_label
    assert named_targets(one)["1-201-A-2.wav"] == ["chirps"]
    assert one.entries[0].path == esc50 / "audio" / "1-0-A-0.wav"


def test_listing_of_the_generated_folder_has_the_columns_of_esc50(esc50: Path) -> None:
    with (esc50 / "meta" / "esc50.csv").open(encoding="utf-8") as listing:
        assert next(csv.reader(listing)) == ["filename", "fold", "target", "category", "esc10", "src_file", "take"]


def test_part_of_esc50_that_leaves_targets_out_is_read(tmp_path: Path) -> None:
    """As the ten classes of ESC-10 do, whose targets run to 41; files may have any suffix."""
    write_sounds(tmp_path, "audio/a.flac", "audio/b.ogg", "audio/c.wav")
    listing = "filename,fold,target,category\na.flac,1,41,chainsaw\nb.ogg,1,0,dog\nc.wav,2,20,baby\n"
    write_text(tmp_path, "meta/esc50.csv", listing)
    part = read_manifest("esc50", tmp_path, folds=(1,))
    assert part.labels == (("dog", "baby", "chainsaw"),)
    assert named_targets(part) == {"a.flac": ["chainsaw"], "b.ogg": ["dog"]}


def test_esc10_is_what_the_listing_marks_as_such(tmp_path: Path) -> None:
    write_sounds(tmp_path, "audio/a.wav", "audio/b.wav", "audio/c.wav")
    listing = "filename,fold,target,category,esc10\na.wav,1,41,chainsaw,True\nb.wav,1,3,cow,False\nc.wav,2,0,dog,True\n"
    write_text(tmp_path, "meta/esc50.csv", listing)
    part = read_manifest("esc10", tmp_path)
    assert part.labels == (("dog", "chainsaw"),)
    assert named_targets(part) == {"a.wav": ["chainsaw"], "c.wav": ["dog"]}
    assert len(read_manifest("esc50", tmp_path).entries) == 3


def test_folder_without_listing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataSetError, match=r"no meta/esc50\.csv; give the folder of an ESC-50 checkout"):
        read_manifest("esc50", tmp_path)


@pytest.mark.parametrize("text", ["", "filename,fold\n", "name,number\na,1\n"])
def test_other_listing_is_refused(tmp_path: Path, text: str) -> None:
    write_text(tmp_path, "meta/esc50.csv", text)
    with pytest.raises(DataSetError, match=r"lacks the columns .*target.* not ESC-50's listing"):
        read_manifest("esc50", tmp_path)


@pytest.mark.parametrize("folds", [(2,), (1, 2)])
def test_absent_fold_is_refused_with_those_there_are(esc50: Path, folds: tuple[int, ...]) -> None:
    with pytest.raises(DataSetError, match="has no fold 2; it has 1, 3"):
        read_manifest("esc50", esc50, folds=folds)


def test_listed_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    root = write_esc50(tmp_path / "esc50", clips_per_class=1, folds=(1, 2), seconds=0.2)
    (root / "audio" / "1-200-A-2.wav").unlink()
    assert read_manifest("esc50", root, folds=(1,)).missing == ("1-200-A-2.wav",)
    assert not read_manifest("esc50", root, folds=(2,)).missing


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("a.wav,1,first,dog", r"esc50\.csv, line 2: target is 'first', but must be a whole number"),
        ("a.wav,1,0", "line 2: 3 columns of 4 are there; complete the line"),
        ("a.wav,1,0,", "line 2: the column category is empty"),
    ],
)
def test_line_that_is_no_good_is_named(tmp_path: Path, line: str, words: str) -> None:
    write_text(tmp_path, "meta/esc50.csv", f"filename,fold,target,category\n{line}\n")
    with pytest.raises(DataSetError, match=words):
        read_manifest("esc50", tmp_path)
