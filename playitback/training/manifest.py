"""The data sets that can be trained on, and the one way to read any of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from playitback.errors import DataSetError
from playitback.training.entries import Entry, Manifest
from playitback.training.own_data import read_csv, read_folders
from playitback.training.readers import (
    Parts,
    Reader,
    read_audioset,
    read_epic_kitchens,
    read_esc10,
    read_esc50,
    read_kinetics_sounds,
    read_vggsound,
)

__all__ = ["DATA_SETS", "DataSet", "Entry", "Manifest", "read_manifest"]


@dataclass(frozen=True)
class DataSet:
    """What is known about a data set before its folder is read. It has folds, splits or neither."""

    name: str
    read: Reader
    clip_seconds: float
    multi_label: bool | None = False  # None: the data tells
    needs_labels_file: bool = False  # a file with the class names, which the user must give
    takes_labels_file: bool = False  # one that the user may give
    train_folds: tuple[int, ...] | None = None  # by default
    test_folds: tuple[int, ...] | None = None
    train_split: str | None = None
    test_split: str | None = None
    licence: str = ""  # identifier; empty where the data is the user's own
    credit: str = ""  # source, and what weights trained on it inherit


_KNOWN = (
    DataSet(
        "esc50",
        read_esc50,
        clip_seconds=5.0,
        train_folds=(1, 2, 3),
        test_folds=(4,),
        licence="CC-BY-NC-3.0",
        credit='ESC-50 (K. J. Piczak, "ESC: Dataset for Environmental Sound Classification", ACM Multimedia 2015) is '
        "CC BY-NC 3.0 as a whole, recordings from Freesound by the authors that its listing names: these weights are "
        "for non-commercial use, too, and must give that credit.",
    ),
    DataSet(
        "esc10",
        read_esc10,
        clip_seconds=5.0,
        train_folds=(1, 2, 3),
        test_folds=(4,),
        licence="CC-BY-3.0",
        credit='ESC-10, the part of ESC-50 (K. J. Piczak, "ESC: Dataset for Environmental Sound Classification", ACM '
        "Multimedia 2015) that is CC BY 3.0, except two recordings under CC Sampling+ terms; all are from Freesound, "
        "by the authors that its listing names: these weights must give that credit.",
    ),
    DataSet(
        "vggsound",
        read_vggsound,
        clip_seconds=5.0,
        needs_labels_file=True,
        train_split="train",
        test_split="test",
        licence="CC-BY-4.0",
        credit='VGG-Sound (H. Chen et al., "VGGSound: A Large-scale Audio-Visual Dataset", ICASSP 2020): its lists '
        "are CC BY 4.0, and these weights must give that credit; the recordings belong to their makers on YouTube.",
    ),
    DataSet(
        "audioset",
        read_audioset,
        clip_seconds=10.0,
        multi_label=True,
        needs_labels_file=True,
        train_split="train",
        test_split="eval",
        licence="CC-BY-4.0",
        credit='AudioSet (J. F. Gemmeke et al., "Audio Set: An ontology and human-labeled dataset for audio events", '
        "ICASSP 2017): its lists are CC BY 4.0, and these weights must give that credit; the recordings belong to "
        "their makers on YouTube.",
    ),
    DataSet(
        "epic-kitchens-100",
        read_epic_kitchens,
        clip_seconds=2.0,
        takes_labels_file=True,
        train_split="train",
        test_split="validation",
        licence="CC-BY-NC-4.0",
        credit='EPIC-KITCHENS-100 (D. Damen et al., "Rescaling Egocentric Vision: Collection, Pipeline and Challenges '
        'for EPIC-KITCHENS-100", IJCV 2022) is CC BY-NC 4.0: these weights are for non-commercial use, too, and must '
        "give that credit.",
    ),
    DataSet(
        "kinetics-sounds",
        read_kinetics_sounds,
        clip_seconds=5.0,
        needs_labels_file=True,
        train_split="train",
        test_split="val",
        licence="CC-BY-4.0",
        credit='Kinetics-Sounds (R. Arandjelovic and A. Zisserman, "Look, Listen and Learn", ICCV 2017), a part of '
        'Kinetics (W. Kay et al., "The Kinetics Human Action Video Dataset", 2017), whose lists are CC BY 4.0: these '
        "weights must give that credit; the recordings belong to their makers on YouTube.",
    ),
    DataSet("csv", read_csv, clip_seconds=5.0, multi_label=None, takes_labels_file=True),
    DataSet("folders", read_folders, clip_seconds=5.0, takes_labels_file=True),
)

DATA_SETS: dict[str, DataSet] = {each.name: each for each in _KNOWN}


def read_manifest(
    data_set: str,
    root: Path,
    *,
    folds: Sequence[int] | None = None,
    split: str | None = None,
    labels_file: Path | None = None,
) -> Manifest:
    """Lists the clips of a data set's folder, or of the folds or the split of it that are asked for.

    labels_file: with the class names, for the data sets that need one. Raises DataSetError where the folder is not what
    it should be, where it lacks the part that is asked for, and where a part holds no clips.
    """
    if data_set not in DATA_SETS:
        raise DataSetError(f"there is no data set {data_set!r}; choose one of {', '.join(DATA_SETS)}")
    known = DATA_SETS[data_set]
    if not root.exists():
        raise DataSetError(f"{root} does not exist; check the name of the data set's folder")
    if not root.is_dir() and data_set != "csv":
        raise DataSetError(f"{root} is a file; give the folder of {data_set}")
    if folds is not None and known.train_folds is None:
        raise DataSetError(f"{data_set} has no folds; choose a split")
    if split is not None and known.train_folds is not None:
        raise DataSetError(f"{data_set} has no splits; choose folds")
    if labels_file is None and known.needs_labels_file:
        raise DataSetError(f"{data_set} keeps its class names in a file of its own; give that label file, too")
    if labels_file is not None and not (known.needs_labels_file or known.takes_labels_file):
        raise DataSetError(f"{data_set} names its classes itself; leave the label file out")
    parts: Parts = None if split is None else (split,)
    if folds is not None:
        parts = tuple(map(str, folds))
    manifest = known.read(root, parts, labels_file)
    if not manifest.entries and not manifest.missing:
        if parts is None:
            raise DataSetError(f"{root} lists no clips; write a line for each, or give other data")
        raise DataSetError(f"{root} lists no clips in the part of {data_set} that is asked for; choose another part")
    return manifest
