"""Claims about teach and train --targets: what one checkpoint answered, another one learns, and its card says so."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from hub_folders import write_hub_folder
from shell import Run, assert_one_sentence
from tiny import CATEGORIES, RATE, noise, tiny_checkpoint, tiny_model, write_esc50
from tiny_presets import ONE_EPOCH, QUICK, STAGES, make_presets_tiny

from playitback.checkpoint import load_checkpoint
from playitback.recognizer import Recognizer
from playitback.training.answers import read_answers
from playitback.training.teaching import as_heard

NO_MORE = [part for stage in STAGES[1:] for part in (f"--{stage}-epochs", "0")]
FIRST_STAGES = [*QUICK, *NO_MORE, "--taught-epochs", "2", "--seed", "3"]


@pytest.fixture(autouse=True)
def tiny_presets(monkeypatch: pytest.MonkeyPatch) -> None:
    make_presets_tiny(monkeypatch)


@pytest.fixture(scope="module")
def esc50(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_esc50(tmp_path_factory.mktemp("data") / "esc50", clips_per_class=2, folds=(1, 2, 4), seconds=1.0)


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sounds")
    for index in range(4):
        soundfile.write(folder / f"{index}.wav", noise(0.5, seed=index), RATE)
    return folder


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    model = tiny_model(labels=("Whistle", "Hiss", "Thump"), clip_seconds=1.0, playbacks=1)
    return tiny_checkpoint(tmp_path_factory.mktemp("teacher") / "wise", model)


def taught(run: Run, teacher: Path, esc50: Path, sounds: Path, out: Path, folds: str = "1,2,4", *more: str) -> Path:
    ask = ["--checkpoint", teacher, "--data", esc50, "--folds", folds, "--unlabelled", sounds, "--mixtures", "120"]
    status, output, _ = run("teach", *ask, "--out", out, "--device", "cpu", *more)
    assert status == 0
    assert f"120 answers are in {out}." in output
    return out


def student(esc50: Path, answers: Path, out: Path, *more: object) -> list[object]:
    data = ["--data", esc50, "--folds", "1,2", "--targets", answers, "--out", out]
    return ["train", *data, *FIRST_STAGES, *more]


def test_a_student_learns_what_a_checkpoint_answered(
    run: Run, teacher: Path, esc50: Path, sounds: Path, tmp_path: Path
) -> None:
    answers = taught(run, teacher, esc50, sounds, tmp_path / "answers")
    out = tmp_path / "student"
    assert run(*student(esc50, answers, out, "--unlabelled", sounds, "--test-folds", "4"))[0] == 0
    learned = load_checkpoint(out)
    assert learned.model.config.labels == (CATEGORIES,)
    assert learned.model.config.taught is not None
    assert learned.model.config.taught.classes == ("Whistle", "Hiss", "Thump")
    logged = [json.loads(line) for line in (out / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [entry["stage"] for entry in logged] == ["encoder", "taught", "taught"]
    assert {"labels", "classes", "features", "known"} < logged[-1].keys()
    for part in ("## Teacher", "Not from scratch", "wise", "--targets ANSWERS --unlabelled RECORDINGS"):
        assert part in learned.card
    assert "Nothing was pre-trained" not in learned.card


def test_a_model_of_the_hub_teaches_too(run: Run, esc50: Path, sounds: Path, tmp_path: Path) -> None:
    published = write_hub_folder(tmp_path / "published", labels=("Whistle", "Hiss", "Thump"))
    for_it = ("--clip-seconds", "1")  # which itself hears two
    answers = taught(run, published, esc50, sounds, tmp_path / "answers", "1,2,4", *for_it)
    read = read_answers(answers)
    assert read.teacher.clip_seconds == 1
    assert read.teacher.teacher == "published"
    assert read.classes == ("Whistle", "Hiss", "Thump")
    out = tmp_path / "student"
    status, _, error = run(*student(esc50, answers, out, "--unlabelled", sounds))
    assert status == 0, error
    learned = load_checkpoint(out)
    assert learned.model.config.taught is not None
    assert learned.model.config.taught.classes == ("Whistle", "Hiss", "Thump")
    assert "published" in learned.card


def test_mixtures_are_as_long_and_at_the_rate_as_the_student_hears_them(
    run: Run, teacher: Path, esc50: Path, sounds: Path, tmp_path: Path
) -> None:
    for_it = ("--clip-seconds", "0.5", "--sample-rate", "8000")
    read = read_answers(taught(run, teacher, esc50, sounds, tmp_path / "answers", "1", *for_it))
    assert (read.teacher.clip_seconds, read.teacher.sample_rate) == (0.5, 8_000)
    assert read.arrays["end"].max() <= 4_000
    for seconds in ("1.5", "0", "nan"):
        out = tmp_path / "none"
        status, _, error = run(
            "teach", "--checkpoint", teacher, "--data", esc50, "--clip-seconds", seconds, "--out", out
        )
        assert status == 2
        assert_one_sentence(error, f"--clip-seconds is {seconds}; wise hears 1 s, so give more than 0, up to that")
        assert not out.exists()


def test_a_tone_at_another_rate_is_the_same_tone_to_the_teacher(teacher: Path) -> None:
    recognizer = Recognizer.from_checkpoint(teacher, "cpu")
    seconds = torch.arange(RATE // 2) / RATE
    tone = torch.sin(2 * torch.pi * 440 * seconds)[None]
    heard = as_heard(tone[:, ::2], RATE // 2, recognizer)
    assert heard.shape == (1, recognizer.config.front_end.clip_samples)
    inside = slice(RATE // 10, RATE // 2 - RATE // 10)
    torch.testing.assert_close(heard[:, inside], tone[:, inside], atol=0.02, rtol=0)
    assert not heard[:, RATE // 2 + 1 :].any()


def test_one_channel_is_taught_and_learned_where_it_is_asked_for(
    run: Run, teacher: Path, esc50: Path, sounds: Path, tmp_path: Path
) -> None:
    """The second channels are the recordings themselves."""
    both = {name: Path(shutil.copytree(folder, tmp_path / name)) for name, folder in (("e", esc50), ("s", sounds))}
    for seed, path in enumerate(path for folder in both.values() for path in folder.rglob("*.wav")):
        samples, rate = soundfile.read(path, dtype="int16")
        first = (20_000 * noise(len(samples) / rate, rate=rate, seed=seed)).astype("int16")
        soundfile.write(path, np.stack([first, samples], axis=1), rate)
    alone = taught(run, teacher, esc50, sounds, tmp_path / "alone")
    asked = taught(run, teacher, both["e"], both["s"], tmp_path / "asked", "1,2,4", "--channel", "2")
    assert json.loads((asked / "teacher.json").read_text(encoding="utf-8"))["channel"] == 2
    assert "channel" not in json.loads((alone / "teacher.json").read_text(encoding="utf-8"))
    heard, meant = read_answers(asked).arrays, read_answers(alone).arrays
    assert all(np.array_equal(heard[name], meant[name]) for name in meant)
    status, _, error = run(*student(both["e"], asked, tmp_path / "two", "--unlabelled", both["s"]))
    assert status == 0
    assert "the teacher heard channel 2 of every recording, so the model hears it, too" in error
    assert run(*student(esc50, alone, tmp_path / "one", "--unlabelled", sounds))[0] == 0
    one, two = (load_checkpoint(tmp_path / name).model.state_dict() for name in ("one", "two"))
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_what_was_learned_of_a_teacher_stays_with_what_begins_there(
    run: Run, teacher: Path, esc50: Path, sounds: Path, tmp_path: Path
) -> None:
    answers = taught(run, teacher, esc50, sounds, tmp_path / "answers")
    assert run(*student(esc50, answers, tmp_path / "student"))[0] == 0
    rest = [*ONE_EPOCH, "--batch-size", "4", "--micro-batch-size", "2", "--device", "cpu", "--encoder-epochs", "0"]
    data = ["--data", esc50, "--folds", "1,2", "--start-from", tmp_path / "student", "--out", tmp_path / "whole"]
    assert run("train", *data, *rest)[0] == 0
    student_, whole = (load_checkpoint(tmp_path / name) for name in ("student", "whole"))
    name = "taught.classes.weight"
    assert torch.equal(student_.model.state_dict()[name], whole.model.state_dict()[name])
    assert "## Teacher" in whole.card
    assert "It began with the weights of `student`, trained on `esc50`, folds 1, 2, by `python -m" in whole.card


def test_a_model_of_other_classes_begins_with_what_does_not_tell_classes_apart(
    run: Run, esc50: Path, tmp_path: Path
) -> None:
    other = tiny_model(clip_seconds=1.0, playbacks=1, aimed=True)
    before = tiny_checkpoint(tmp_path / "before", other)
    data = ["--data", esc50, "--folds", "1,2", "--start-from", before, "--out", tmp_path / "after"]
    stages = [*QUICK, "--encoder-epochs", "0", "--activity-epochs", "0", "--replay-epochs", "0"]
    assert run("train", *data, *stages)[0] == 0
    kept, weights = (load_checkpoint(tmp_path / name).model.state_dict() for name in ("before", "after"))
    assert torch.equal(kept["decoder.latents"].half(), weights["decoder.latents"].half())
    assert not torch.equal(kept["encoder.heads.0.weight"], weights["encoder.heads.0.weight"])
    # the decoder of other classes decides nothing here, so a stage that hears through it has to come after its own
    stages[-1] = "1"
    status, _, error = run("train", *data[:-1], tmp_path / "untrained", *stages)
    assert status == 2
    assert_one_sentence(error, "before lacks the activity, or what it is for these classes")


def test_what_is_kept_for_measuring_is_never_taught(
    run: Run, teacher: Path, esc50: Path, sounds: Path, tmp_path: Path
) -> None:
    """Its answers are in the folder, and may say what they like."""
    answers = taught(run, teacher, esc50, sounds, tmp_path / "answers")
    path = answers / "mixes.npz"
    with np.load(path) as stored:
        arrays = dict(stored)
    names = read_answers(answers).names
    tested = np.array([index for index, name in enumerate(names) if name.startswith("4-")])
    assert len(tested) == 8
    leaking = np.isin(arrays["a"], tested) | np.isin(arrays["b"], tested)
    assert 0 < leaking.sum() < 120
    assert run(*student(esc50, answers, tmp_path / "one", "--unlabelled", sounds))[0] == 0
    arrays["roots"][leaking] = 255 - arrays["roots"][leaking]
    np.savez(path, **arrays)
    assert run(*student(esc50, answers, tmp_path / "other", "--unlabelled", sounds))[0] == 0
    one, other = (load_checkpoint(tmp_path / name).model.state_dict() for name in ("one", "other"))
    assert all(torch.equal(one[name], other[name]) for name in one)
    leak = ["--unlabelled", esc50 / "audio", "--test-folds", "4"]
    status, _, error = run(*student(esc50, answers, tmp_path / "leak", *leak))
    assert status == 2
    assert_one_sentence(error, "4-", "kept for measuring, and is among the recordings without labels")


def test_the_clips_of_a_fold_are_mixed_with_none_of_another(
    run: Run, teacher: Path, esc50: Path, sounds: Path, tmp_path: Path
) -> None:
    answers = read_answers(taught(run, teacher, esc50, sounds, tmp_path / "answers", folds="1,2"))
    labelled = {name for name in answers.names if "-" in name}
    pairs = {
        (answers.names[one][0], answers.names[other][0])
        for one, other in zip(answers.arrays["a"], answers.arrays["b"], strict=True)
        if other >= 0 and answers.names[one] in labelled and answers.names[other] in labelled
    }
    assert pairs == {("1", "1"), ("2", "2")}


def test_targets_that_do_not_suit_are_refused(
    run: Run, teacher: Path, esc50: Path, sounds: Path, tmp_path: Path
) -> None:
    answers = taught(run, teacher, esc50, sounds, tmp_path / "answers", folds="4")
    status, _, error = run(*student(esc50, answers, tmp_path / "a"))
    assert status == 2
    assert_one_sentence(error, "none of the teacher's mixtures is made of the clips that are given")
    status, _, error = run(*student(esc50, tmp_path / "nowhere", tmp_path / "a"))
    assert status == 2
    assert_one_sentence(error, "teacher.json")
    data = ["--data", esc50, "--folds", "1", "--unlabelled", sounds, "--out", tmp_path / "a"]
    status, _, error = run("train", *data, *QUICK)
    assert status == 2
    assert_one_sentence(error, "give --targets, too")
