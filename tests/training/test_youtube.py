"""Data sets that list stretches of YouTube's videos: VGG-Sound, AudioSet and Kinetics-Sounds, in every usual naming."""

from __future__ import annotations

from pathlib import Path

import pytest
from data_folders import files, named_targets, write_sounds, write_text

from playitback.audio import SOUND_SUFFIXES
from playitback.errors import DataSetError
from playitback.training.manifest import read_manifest

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


def test_sound_files_of_one_name_are_read_from_the_plainest_format(tmp_path: Path) -> None:
    write_text(tmp_path, "vggsound.csv", VGG_LISTING)
    write_sounds(tmp_path, "a/--0PQM4-hqg_000030.ogg", "b/--0PQM4-hqg_000030.wav")
    label_file = write_text(tmp_path, "stat.csv", VGG_LABELS)
    train = read_manifest("vggsound", tmp_path, split="train", labels_file=label_file)
    assert files(train, tmp_path) == ["b/--0PQM4-hqg_000030.wav"]
    assert all(suffix.startswith(".") and suffix == suffix.lower() for suffix in SOUND_SUFFIXES)


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
