"""One's own data: a table or a folder of class folders is read as people have it, and what is wrong is said."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from data_folders import files, named_targets, write_sounds, write_text

from playitback.errors import DataSetError
from playitback.training.manifest import read_manifest

# a table


def test_table_is_read_with_stretches_splits_and_paths_relative_to_it(tmp_path: Path) -> None:
    write_sounds(tmp_path, "day/a.wav", "b.flac")
    text = (
        "path,label,start,stop,split,note\nday/a.wav,wren,1.5,3,train,loud\nday/a.wav,robin,,,train,\n"
        f"{tmp_path / 'b.flac'},wren,00:01:00.5,,train,\ngone.wav,robin,,2,train,\nb.flac,blackbird,,,test,\n"
    )
    table = write_text(tmp_path, "manifest.csv", "\ufeff" + text)  # as Excel writes it
    train = read_manifest("csv", tmp_path, split="train")
    assert train == read_manifest("csv", table, split="train")
    assert train.labels == read_manifest("csv", table, split="test").labels == (("blackbird", "robin", "wren"),)
    absolute = f"{tmp_path / 'b.flac'} from 60.5 s"
    assert named_targets(train) == {
        "day/a.wav from 1.5 s to 3 s": ["wren"],
        "day/a.wav": ["robin"],
        absolute: ["wren"],
    }
    assert [(each.start_seconds, each.stop_seconds) for each in train.entries] == [(1.5, 3), (0, None), (60.5, None)]
    assert train.missing == ("gone.wav from 0 s to 2 s",)
    assert not train.multi_label


def test_several_labels_make_the_set_multi_label_in_all_its_splits(tmp_path: Path) -> None:
    write_sounds(tmp_path, "a.wav")
    rows = "a.wav,wren; rain;wren,train\na.wav,rain,test\na.wav,,rest\n"
    write_text(tmp_path, "manifest.csv", f"path,label,split\n{rows}")
    assert named_targets(read_manifest("csv", tmp_path, split="rest")) == {"a.wav": []}
    train, test = (read_manifest("csv", tmp_path, split=split) for split in ("train", "test"))
    assert named_targets(train) == {"a.wav": ["wren", "rain"]}
    assert named_targets(test) == {"a.wav": ["rain"]}
    assert train.multi_label
    assert test.multi_label


def test_names_are_unique_where_a_line_is_there_twice(tmp_path: Path) -> None:
    write_sounds(tmp_path, "a.wav")
    write_text(tmp_path, "manifest.csv", "path,label\na.wav,wren\na.wav,wren\na.wav,wren\n")
    assert [each.name for each in read_manifest("csv", tmp_path).entries] == ["a.wav", "a.wav (2)", "a.wav (3)"]


def test_label_file_gives_the_order_of_ones_own_classes(tmp_path: Path) -> None:
    write_sounds(tmp_path, "wren/a.wav", "rain/b.wav")
    write_text(tmp_path, "manifest.csv", "path,label\nwren/a.wav,wren\nrain/b.wav,rain\n")
    label_file = write_text(tmp_path, "labels.txt", "wren\nthunder\nrain\n")
    for data_set in ("csv", "folders"):
        found = read_manifest(data_set, tmp_path, labels_file=label_file)
        assert found.labels == (("wren", "thunder", "rain"),)
        assert sorted(named_targets(found).values()) == [["rain"], ["wren"]]
    label_file.write_text("rain\n", encoding="utf-8")
    with pytest.raises(DataSetError, match=r"line 2: labels\.txt does not know the label 'wren'"):
        read_manifest("csv", tmp_path, labels_file=label_file)
    with pytest.raises(DataSetError, match=r"labels\.txt does not know the folder 'wren'"):
        read_manifest("folders", tmp_path, labels_file=label_file)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("file,label\na.wav,wren\n", "lacks the columns path"),
        ("path,label,label\na.wav,wren,rain\n", "has the column label twice; keep one"),
        ("path,label\na.wav,wren\na.wav,rain\n", "line 3: a.wav is 'rain' here and 'wren' above; keep one of them"),
        ("path,label\na.wav,;\n", "line 2: the column label is empty"),
        ("path,label,start\na.wav,wren,soon\n", "line 2: start is 'soon', but must be seconds"),
        ("path,label,start\na.wav,wren,-1\n", "line 2: start is '-1', but a recording starts at 0"),
        ("path,label,start,stop\na.wav,wren,2,2\n", "line 2: the stretch stops at 2 s, before it starts at 2 s"),
        ("path,label,split\na.wav,wren,\n", "line 2: the column split is empty"),
        ("path,label,split\na.wav,wren,train\na.wav,wren,test\n", "is divided into test, train; choose one"),
        ("path,label\n", "names no classes"),
    ],
)
def test_table_that_is_no_good_is_refused(tmp_path: Path, text: str, words: str) -> None:
    write_sounds(tmp_path, "a.wav")
    write_text(tmp_path, "manifest.csv", text)
    with pytest.raises(DataSetError, match=words):
        read_manifest("csv", tmp_path)


def test_table_in_another_encoding_is_refused(tmp_path: Path) -> None:
    (tmp_path / "manifest.csv").write_bytes("path,label\na.wav,Käuzchen\n".encode("latin-1"))
    with pytest.raises(DataSetError, match="save it as CSV in UTF-8"):
        read_manifest("csv", tmp_path)


def test_split_of_a_table_without_splits_is_refused(tmp_path: Path) -> None:
    write_text(tmp_path, "manifest.csv", "path,label\na.wav,wren\n")
    for split, told in (("test", "test"), ("", '""')):
        with pytest.raises(DataSetError, match=f"has no split {told}; it has none"):
            read_manifest("csv", tmp_path, split=split)
    with pytest.raises(DataSetError, match=r"has no manifest\.csv; give a CSV file"):
        read_manifest("csv", tmp_path / "..", split="test")


# folders


def test_folder_of_class_folders_is_read_without_what_is_no_sound(tmp_path: Path) -> None:
    write_sounds(
        tmp_path, "wren/b.wav", "wren/garden/a.flac", "rain/a.ogg", ".cache/c.wav", "wren/.hidden.wav", "d.wav"
    )
    write_text(tmp_path, "wren/notes.txt", "early")
    write_text(tmp_path, "papers/notes.txt", "late")
    found = read_manifest("folders", tmp_path)
    assert found.labels == (("rain", "wren"),)
    assert named_targets(found) == {"rain/a.ogg": ["rain"], "wren/b.wav": ["wren"], "wren/garden/a.flac": ["wren"]}
    assert files(found, tmp_path) == [each.name for each in found.entries]
    assert found.missing == ()


@pytest.mark.parametrize("other", ["test", "val", "validation", "eval"])
def test_folders_named_after_splits_are_those(tmp_path: Path, other: str) -> None:
    write_sounds(tmp_path, "train/wren/a.wav", "train/rain/b.wav", f"{other}/wren/c.wav", f"{other}/thunder/d.wav")
    train, rest = (read_manifest("folders", tmp_path, split=split) for split in ("train", other))
    assert train.labels == rest.labels == (("rain", "thunder", "wren"),)
    assert named_targets(train) == {"train/rain/b.wav": ["rain"], "train/wren/a.wav": ["wren"]}
    assert named_targets(rest) == {f"{other}/thunder/d.wav": ["thunder"], f"{other}/wren/c.wav": ["wren"]}
    with pytest.raises(DataSetError, match=r"is divided into .*train.*; choose one of these splits"):
        read_manifest("folders", tmp_path)
    with pytest.raises(DataSetError, match=f"has no split tests; it has {', '.join(sorted(('train', other)))}"):
        read_manifest("folders", tmp_path, split="tests")


def test_trains_may_be_a_class(tmp_path: Path) -> None:
    write_sounds(tmp_path, "train/a.wav", "aeroplane/b.wav")
    assert read_manifest("folders", tmp_path).labels == (("aeroplane", "train"),)


@pytest.mark.parametrize("names", [[], ["a.wav"], [".wren/a.wav"]])
def test_folder_without_class_folders_is_refused(tmp_path: Path, names: Sequence[str]) -> None:
    write_sounds(tmp_path, *names)
    with pytest.raises(DataSetError, match="no folders with sound files; put the recordings of each class"):
        read_manifest("folders", tmp_path)
