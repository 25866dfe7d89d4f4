"""EPIC-KITCHENS-100: verbs and nouns, from files as from one HDF5 file."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
from data_folders import files, named_targets, write_sounds, write_text

from playitback.errors import DataSetError
from playitback.training.entries import Manifest
from playitback.training.manifest import read_manifest

EPIC_HEAD = (
    "narration_id,participant_id,video_id,narration_timestamp,start_timestamp,stop_timestamp,start_frame,stop_frame,"
    "narration,verb,verb_class,noun,noun_class,all_nouns,all_noun_classes\n"
)
EPIC_TRAIN = (
    "P01_01_0,P01,P01_01,00:00:01.089,00:00:00.14,00:00:03.37,8,202,open door,open,3,door,3,['door'],[3]\n"
    "P02_03_7,P02,P02_03,00:00:01.089,01:02:03.50,01:02:04.25,8,202,take plate,take,0,plate,2,['plate'],[2]\n"
)
EPIC_VALIDATION = (
    "P01_11_0,P01,P01_11,00:00:00.56,00:00:00.00,00:00:01.89,1,113,take plate,take,0,plate,2,['plate'],[2]\n"
)


@pytest.fixture
def epic(tmp_path: Path) -> Path:
    write_text(tmp_path, "EPIC_100_train.csv", EPIC_HEAD + EPIC_TRAIN)
    write_text(tmp_path, "EPIC_100_validation.csv", EPIC_HEAD + EPIC_VALIDATION)
    classes = {"verb": ("take", "put", "wash", "open"), "noun": ("tap", "spoon", "plate", "cupboard")}
    for head, names in classes.items():
        rows = [f"{index},{name},\"['{name}', 'other']\",category\n" for index, name in enumerate(names)]
        write_text(tmp_path, f"EPIC_100_{head}_classes.csv", "id,key,instances,category\n" + "".join(rows))
    return tmp_path


def check_epic(train: Manifest) -> None:
    assert train.labels == (("take", "put", "wash", "open"), ("tap", "spoon", "plate", "cupboard"))
    assert named_targets(train, 0) == {"P01_01_0": ["open"], "P02_03_7": ["take"]}
    assert named_targets(train, 1) == {"P01_01_0": ["cupboard"], "P02_03_7": ["plate"]}
    assert [(each.start_seconds, each.stop_seconds) for each in train.entries] == [(0.14, 3.37), (3723.5, 3724.25)]


@pytest.mark.parametrize(
    "names",
    [["P01_01.wav", "P02_03.flac"], ["P01/P01_01.wav", "P02/audio/P02_03.wav"], ["audio/P01_01.wav", "P02_03.ogg"]],
)
def test_epic_kitchens_is_read_from_files(epic: Path, names: list[str]) -> None:
    write_sounds(epic, *names)
    train = read_manifest("epic-kitchens-100", epic, split="train")
    check_epic(train)
    assert files(train, epic) == names
    assert not train.missing
    assert read_manifest("epic-kitchens-100", epic, split="validation").missing == ("P01_11_0",)


def test_epic_kitchens_is_read_from_hdf5(epic: Path) -> None:
    with h5py.File(epic / "EPIC_audio.hdf5", "w") as archive:
        for video in ("P01_01", "P02_03"):
            archive[video] = np.zeros(24_000, np.float32)
    train = read_manifest("epic-kitchens-100", epic, split="train")
    check_epic(train)
    assert files(train, epic) == ["EPIC_audio.hdf5"] * 2
    assert [each.recording for each in train.entries] == ["P01_01", "P02_03"]
    assert read_manifest("epic-kitchens-100", epic, split="validation").missing == ("P01_11_0",)


def test_epic_kitchens_annotations_may_lie_in_a_folder_of_their_own(epic: Path) -> None:
    """As they do in a checkout of the annotations, beside the recordings; or the class files somewhere else."""
    annotations = epic / "epic-kitchens-100-annotations"
    annotations.mkdir()
    for path in epic.glob("*.csv"):
        path.rename(annotations / path.name)
    write_sounds(epic, "P01/audio/P01_01.wav", "P02/audio/P02_03.wav")
    check_epic(read_manifest("epic-kitchens-100", epic, split="train"))
    elsewhere = epic.parent / f"{epic.name}-classes"
    elsewhere.mkdir()
    for head in ("verb", "noun"):
        (annotations / f"EPIC_100_{head}_classes.csv").rename(elsewhere / f"EPIC_100_{head}_classes.csv")
    given = elsewhere / "EPIC_100_noun_classes.csv"
    check_epic(read_manifest("epic-kitchens-100", epic, split="train", labels_file=given))
    with pytest.raises(DataSetError, match=r"has no EPIC_100_verb_classes\.csv; .* give it as the label file"):
        read_manifest("epic-kitchens-100", epic, split="train")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("00:00:00.14", "now", "line 2: start_timestamp is 'now', but must be seconds or hh:mm:ss"),
        ("00:00:03.37", "00:00:00.10", "line 2: the segment stops at 0.1 s, before it starts at 0.14 s"),
        (",3,door", ",97,door", r"line 2: EPIC_100_verb_classes\.csv does not know the label '97'"),
    ],
)
def test_epic_kitchens_segment_that_is_no_good_is_named(epic: Path, old: str, new: str, words: str) -> None:
    write_text(epic, "EPIC_100_train.csv", EPIC_HEAD + EPIC_TRAIN.replace(old, new, 1))
    with pytest.raises(DataSetError, match=words):
        read_manifest("epic-kitchens-100", epic, split="train")


def test_file_that_is_no_hdf5_is_named(epic: Path) -> None:
    (epic / "EPIC_audio.hdf5").write_bytes(b"no HDF5")
    with pytest.raises(DataSetError, match=r"EPIC_audio\.hdf5 cannot be read as HDF5"):
        read_manifest("epic-kitchens-100", epic)
