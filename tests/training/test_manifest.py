"""Claims about data sets: folders are read as people have them, and what is wrong with one is said."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np
import pytest
import soundfile
from tiny import CATEGORIES, noise, write_esc50

from playitback.audio import SOUND_SUFFIXES
from playitback.errors import DataSetError
from playitback.training.entries import Manifest
from playitback.training.manifest import DATA_SETS, read_manifest


def write_text(root: Path, name: str, text: str) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def write_sounds(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, noise(0.2, 8000), 8000)


def named_targets(manifest: Manifest, head: int = 0) -> dict[str, list[str]]:
    """Name of each entry -> its labels."""
    labels = manifest.labels[head]
    return {entry.name: [labels[target] for target in entry.targets[head]] for entry in manifest.entries}


def files(manifest: Manifest, root: Path) -> list[str]:
    return [entry.path.relative_to(root).as_posix() for entry in manifest.entries]


# ESC-50


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


# VGG-Sound

VGG_LISTING = (
    '---g-f_I2yQ,1,"female speech, woman speaking",test\n'
    "--0PQM4-hqg,30,waterfall burbling,train\n"
    "_aaaaaaaaaa,120,waterfall burbling,train\n"
    "-bbbbbbbbbb,5,dog barking,train\n"
)
VGG_LABELS = '"female speech, woman speaking",1050\nwaterfall burbling,514\ndog barking,2\n'


@pytest.mark.parametrize(
    ("names", "labels"),
    [
        (["---g-f_I2yQ_000001.wav", "--0PQM4-hqg_000030.flac", "_aaaaaaaaaa_000120.wav"], VGG_LABELS),
        (["audio/---g-f_I2yQ_1.wav", "audio/--0PQM4-hqg_30.ogg", "audio/_aaaaaaaaaa_120.wav"], VGG_LABELS),
        (
            ["test/---g-f_I2yQ_000001.wav", "train/--0PQM4-hqg_000030.wav", "train/_aaaaaaaaaa_000120.WAV"],
            "female speech, woman speaking\nwaterfall burbling\n\ndog barking\n",
        ),
    ],
)
def test_vggsound_is_read_in_its_usual_namings(tmp_path: Path, names: list[str], labels: str) -> None:
    write_text(tmp_path, "vggsound.csv", VGG_LISTING)
    label_file = write_text(tmp_path, "stat.csv", labels)
    write_sounds(tmp_path, *names)
    test, train = (
        read_manifest("vggsound", tmp_path, split=split, labels_file=label_file) for split in ("test", "train")
    )
    assert test.labels == train.labels == (("female speech, woman speaking", "waterfall burbling", "dog barking"),)
    assert named_targets(test) == {"---g-f_I2yQ_000001": ["female speech, woman speaking"]}
    assert files(test, tmp_path) == names[:1]
    waterfall = ["waterfall burbling"]
    assert named_targets(train) == {"--0PQM4-hqg_000030": waterfall, "_aaaaaaaaaa_000120": waterfall}
    assert files(train, tmp_path) == names[1:]
    assert train.missing == ("-bbbbbbbbbb_000005",)
    assert train.entries[0].start_seconds == 0  # the file holds the ten seconds already
    assert not train.multi_label


def test_label_that_the_label_file_does_not_know_is_named(tmp_path: Path) -> None:
    write_text(tmp_path, "vggsound.csv", VGG_LISTING)
    label_file = write_text(tmp_path, "stat.csv", "dog barking,2\n")
    with pytest.raises(DataSetError, match=r"line 2: stat\.csv does not know the label 'waterfall burbling'"):
        read_manifest("vggsound", tmp_path, split="train", labels_file=label_file)


def test_absent_split_is_refused_with_those_there_are(tmp_path: Path) -> None:
    write_text(tmp_path, "vggsound.csv", VGG_LISTING)
    label_file = write_text(tmp_path, "stat.csv", VGG_LABELS)
    with pytest.raises(DataSetError, match="has no split val; it has test, train"):
        read_manifest("vggsound", tmp_path, split="val", labels_file=label_file)


@pytest.mark.parametrize(
    ("text", "words"), [("", "names no classes"), ("dog,1\ncat,2\ndog,3\n", "names the class 'dog' twice")]
)
def test_label_file_that_is_no_good_is_refused(tmp_path: Path, text: str, words: str) -> None:
    write_text(tmp_path, "vggsound.csv", VGG_LISTING)
    with pytest.raises(DataSetError, match=words):
        read_manifest("vggsound", tmp_path, labels_file=write_text(tmp_path, "stat.csv", text))


# AudioSet

AUDIOSET_HEAD = (
    "# Segments csv created Sun Mar  5 10:54:31 2017\n# num_ytids=2, num_segs=2\n"
    "# YTID, start_seconds, end_seconds, positive_labels\n"
)
AUDIOSET_LABELS = (
    'index,mid,display_name\n0,/m/09x0r,"Speech"\n1,/m/05zppz,"Male speech, man speaking"\n2,/m/04rlf,"Music"\n'
)


@pytest.fixture
def audioset(tmp_path: Path) -> tuple[Path, Path]:
    lists = {
        "balanced_train_segments.csv": '--PJHxphWEs, 30.000, 40.000, "/m/09x0r,/m/04rlf"\n',
        "unbalanced_train_segments.csv": '---1_cCGK4M, 0.000, 10.000, "/m/05zppz"\n'
        '--gone-away, 20.000, 30.000, "/m/05zppz"\n',
        "eval_segments.csv": 'Y4gqARaEJEw, 20.000, 30.000, "/m/04rlf"\n--4gqARaEJE, 0.000, 10.000, "/m/09x0r"\n',
    }
    for name, rows in lists.items():
        write_text(tmp_path, name, AUDIOSET_HEAD + rows)
    return tmp_path, write_text(tmp_path, "class_labels_indices.csv", AUDIOSET_LABELS)


@pytest.mark.parametrize(
    "names",
    [
        ["--PJHxphWEs.wav", "---1_cCGK4M.wav", "Y4gqARaEJEw.wav", "--4gqARaEJE.flac"],
        ["Y--PJHxphWEs.wav", "Y---1_cCGK4M.wav", "YY4gqARaEJEw.wav", "Y--4gqARaEJE.wav"],
        [
            "balanced_train_segments/--PJHxphWEs_30.wav",
            "unbalanced_train_segments/---1_cCGK4M_000000.wav",
            "eval/Y4gqARaEJEw_20.000.flac",
            "eval/--4gqARaEJE_0_10000.wav",
        ],
    ],
)
def test_audioset_is_read_in_its_usual_namings(audioset: tuple[Path, Path], names: list[str]) -> None:
    root, label_file = audioset
    write_sounds(root, *names)
    parts = {
        split: read_manifest("audioset", root, split=split, labels_file=label_file)
        for split in ("balanced", "unbalanced", "train", "eval")
    }
    assert all(each.multi_label for each in parts.values())
    assert parts["eval"].labels == (("Speech", "Male speech, man speaking", "Music"),)
    assert files(parts["train"], root) == names[:2]
    assert files(parts["eval"], root) == names[2:]
    assert named_targets(parts["balanced"]) == {"--PJHxphWEs": ["Speech", "Music"]}
    assert parts["train"].entries == parts["balanced"].entries + parts["unbalanced"].entries
    assert parts["train"].missing == parts["unbalanced"].missing == ("--gone-away",)


def test_all_of_audioset_training_data_needs_both_lists(audioset: tuple[Path, Path]) -> None:
    root, label_file = audioset
    (root / "unbalanced_train_segments.csv").unlink()
    with pytest.raises(DataSetError, match="has no split train; it has balanced, eval"):
        read_manifest("audioset", root, split="train", labels_file=label_file)


def test_unknown_audioset_class_is_named(audioset: tuple[Path, Path]) -> None:
    root, label_file = audioset
    label_file.write_text("index,mid,display_name\n0,/m/09x0r,Speech\n", encoding="utf-8")
    with pytest.raises(DataSetError, match=r"eval_segments\.csv, line 4: .* does not know the label '/m/04rlf'"):
        read_manifest("audioset", root, split="eval", labels_file=label_file)


# EPIC-KITCHENS-100

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


# Kinetics-Sounds

KINETICS_HEAD = "label,youtube_id,time_start,time_end,split\n"


@pytest.fixture
def kinetics(tmp_path: Path) -> tuple[Path, Path]:
    rows = (
        "tap dancing,-aaaaaaaaaa,7,17,train\nriding a bike,bbbbbbbbbbb,0,10,train\nbowling,ccccccccccc,100,110,train\n"
    )
    write_text(tmp_path, "train.csv", KINETICS_HEAD + rows)
    write_text(tmp_path, "annotations/validate.csv", KINETICS_HEAD + '"bowling",ddddddddddd,1,11,validate\n')
    write_text(tmp_path, "test.csv", "youtube_id,time_start,time_end,split\neeeeeeeeeee,1,11,test\n")
    return tmp_path, write_text(tmp_path, "classes.txt", "tap dancing\nbowling\n")


@pytest.mark.parametrize("folder", ["", "train/{}/", "{}/"])
def test_kinetics_sounds_is_the_part_of_kinetics_that_the_label_file_names(
    kinetics: tuple[Path, Path], folder: str
) -> None:
    root, label_file = kinetics
    names = [f"{folder.format('tap dancing')}-aaaaaaaaaa_000007_000017.wav", "bowling/ddddddddddd_000001_000011.flac"]
    write_sounds(root, *names, "riding a bike/bbbbbbbbbbb_000000_000010.wav")
    train = read_manifest("kinetics-sounds", root, split="train", labels_file=label_file)
    assert train.labels == (("tap dancing", "bowling"),)
    assert named_targets(train) == {"-aaaaaaaaaa_000007_000017": ["tap dancing"]}
    assert files(train, root) == names[:1]
    assert train.missing == ("ccccccccccc_000100_000110",)
    for split in ("val", "validate"):
        assert files(read_manifest("kinetics-sounds", root, split=split, labels_file=label_file), root) == names[1:]


def test_clip_in_the_tables_of_two_releases_counts_once(kinetics: tuple[Path, Path]) -> None:
    root, label_file = kinetics
    write_text(root, "kinetics-600_train.csv", (root / "train.csv").read_text(encoding="utf-8"))
    train = read_manifest("kinetics-sounds", root, split="train", labels_file=label_file)
    assert train.missing == ("-aaaaaaaaaa_000007_000017", "ccccccccccc_000100_000110")


def test_class_that_kinetics_does_not_know_is_named(kinetics: tuple[Path, Path]) -> None:
    root, label_file = kinetics
    label_file.write_text("tap_dancing\n", encoding="utf-8")
    with pytest.raises(DataSetError, match=r"knows the label 'tap_dancing' of classes\.txt"):
        read_manifest("kinetics-sounds", root, split="train", labels_file=label_file)


def test_folder_without_tables_of_kinetics_is_refused(tmp_path: Path) -> None:
    label_file = write_text(tmp_path, "classes.csv", "bowling\n")
    with pytest.raises(DataSetError, match="no table with the columns label, youtube_id, time_start, time_end, split"):
        read_manifest("kinetics-sounds", tmp_path, labels_file=label_file)


# one's own table


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
    write_text(tmp_path, "manifest.csv", "path,label,split\na.wav,wren; rain;wren,train\na.wav,rain,test\n")
    train, test = (read_manifest("csv", tmp_path, split=split) for split in ("train", "test"))
    assert named_targets(train) == {"a.wav": ["wren", "rain"]}
    assert named_targets(test) == {"a.wav": ["rain"]}
    assert train.multi_label
    assert test.multi_label


def test_names_are_unique_where_a_line_is_there_twice(tmp_path: Path) -> None:
    write_sounds(tmp_path, "a.wav")
    write_text(tmp_path, "manifest.csv", "path,label\na.wav,wren\na.wav,wren\na.wav,rain\n")
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
    with pytest.raises(DataSetError, match="has no split test; it has none"):
        read_manifest("csv", tmp_path, split="test")
    with pytest.raises(DataSetError, match=r"has no manifest\.csv; give a CSV file"):
        read_manifest("csv", tmp_path / "..", split="test")


# one's own folders


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


# all of them


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


def test_sound_files_of_one_name_are_read_from_the_plainest_format(tmp_path: Path) -> None:
    write_text(tmp_path, "vggsound.csv", VGG_LISTING)
    write_sounds(tmp_path, "a/--0PQM4-hqg_000030.ogg", "b/--0PQM4-hqg_000030.wav")
    label_file = write_text(tmp_path, "stat.csv", VGG_LABELS)
    train = read_manifest("vggsound", tmp_path, split="train", labels_file=label_file)
    assert files(train, tmp_path) == ["b/--0PQM4-hqg_000030.wav"]
    assert all(suffix.startswith(".") and suffix == suffix.lower() for suffix in SOUND_SUFFIXES)
