"""Claims about train, evaluate and evidence: from a folder of sounds to a checkpoint and its evidence."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from shell import Run, assert_one_sentence
from tiny import CATEGORIES, RATE, clicks, noise, tiny_checkpoint, tiny_model, tone, write_esc50
from tiny_presets import QUICK, STAGES, make_presets_tiny
from toy import add_toy, toy_model

from playitback import __main__ as command_line
from playitback.checkpoint import load_checkpoint
from playitback.commands import train
from playitback.recognizer import Recognizer
from playitback.training.ownership import owned
from playitback.training.processes import Processes
from playitback.training.state import StageProgress


@pytest.fixture(scope="module")
def esc50(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_esc50(tmp_path_factory.mktemp("data") / "esc50", clips_per_class=2, folds=(1, 4), seconds=1.0)


@pytest.fixture
def tiny_presets(monkeypatch: pytest.MonkeyPatch) -> None:
    make_presets_tiny(monkeypatch)


@pytest.fixture(scope="module")
def trained(esc50: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint that the command trained for an epoch a stage on fold 1, and measured on fold 4."""
    out = tmp_path_factory.mktemp("trained") / "bells"
    with pytest.MonkeyPatch.context() as patch:
        make_presets_tiny(patch)
        assert command_line.main(train_arguments(esc50, out, "--test-folds", "4")) == 0
    return out


def train_arguments(esc50: Path, out: Path, *more: str) -> list[str]:
    data = ["--dataset", "esc50", "--data", str(esc50), "--folds", "1", "--out", str(out)]
    return ["train", *data, *QUICK, "--seed", "3", *more]


def test_trained_checkpoint_says_how_it_came_about(trained: Path) -> None:
    loaded = load_checkpoint(trained)
    assert loaded.name == "bells"
    assert loaded.model.config.labels == (CATEGORIES,)
    assert loaded.about["data"] == {"name": "esc50", "folds": [1], "clips": 8}
    assert loaded.about["licence"] == "CC-BY-NC-3.0"
    assert loaded.about["recipe"]["seed"] == 3
    assert loaded.about["command"] == (
        "python -m playitback train --preset small --dataset esc50 --data ROOT --folds 1 --encoder-epochs 1 "
        "--events-epochs 1 --activity-epochs 1 --replay-epochs 1 --batch-size 4 --micro-batch-size 2 "
        "--seed 3 --out DIR"
    )
    assert loaded.card.startswith("---\nlicense: cc-by-nc-3.0\n")
    for part in ("# bells", loaded.about["command"], "Freesound", "## Limits", "fold 1: 8 clips"):
        assert part in loaded.card


def test_card_of_a_trained_checkpoint_has_the_figures_that_evaluate_prints(
    run: Run, esc50: Path, trained: Path
) -> None:
    loaded = load_checkpoint(trained)
    _, output, _ = run(
        "evaluate", "--checkpoint", trained, "--data", esc50, "--folds", "4", "--device", "cpu", "--json"
    )
    assert loaded.about["results"] == json.loads(output)
    assert "Measured on fold 4: 8 clips." in loaded.card


@pytest.mark.usefixtures("tiny_presets")
def test_command_trains_the_same_weights_again(run: Run, esc50: Path, trained: Path, tmp_path: Path) -> None:
    torch.manual_seed(999)  # whatever the process did before
    status, output, _ = run(*train_arguments(esc50, tmp_path / "again", "--json"))
    assert status == 0
    report = json.loads(output)
    assert report["checkpoint"] == str(tmp_path / "again")
    stages = [(stage["name"], stage["epochs"]) for stage in report["recipe"]["stages"]]
    assert stages == [(stage, 1) for stage in STAGES]
    one, other = (load_checkpoint(folder).model.state_dict() for folder in (trained, tmp_path / "again"))
    assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.usefixtures("tiny_presets")
def test_second_call_goes_on_where_the_first_one_stopped(run: Run, esc50: Path, trained: Path) -> None:
    log = (trained / "log.jsonl").read_text(encoding="utf-8")
    status, output, _ = run(*train_arguments(esc50, trained, "--test-folds", "4"))
    assert status == 0
    assert f"The checkpoint is in {trained}." in output
    assert (trained / "log.jsonl").read_text(encoding="utf-8") == log
    status, _, error = run(*train_arguments(esc50, trained, "--seed", "4"))
    assert status == 2
    assert "other settings" in error


@pytest.mark.usefixtures("tiny_presets")
@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_training_that_is_ended_says_so_and_goes_on_with_the_same_command(
    run: Run,
    esc50: Path,
    trained: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    number: int,
    status: int,
) -> None:
    out, show = tmp_path / "ended", train._Bar.show

    def signalled(bar: train._Bar, progress: StageProgress) -> None:
        show(bar, progress)
        if (progress.stage, progress.done) == ("events", 1):
            os.kill(os.getpid(), number)

    with monkeypatch.context() as patch:
        patch.setattr(train._Bar, "show", signalled)
        patch.setattr(sys, "argv", ["playitback", *train_arguments(esc50, out)])
        with pytest.raises(SystemExit) as end:
            command_line.run()
    assert end.value.code == status
    output = capsys.readouterr()
    assert output.out == ""
    assert_one_sentence(output.err, "training stops after step 1 of 2 of the stage events, which is saved in", str(out))
    assert not (out / "model.safetensors").exists()
    assert run(*train_arguments(esc50, out))[0] == 0
    one, other = (load_checkpoint(folder).model.state_dict() for folder in (trained, out))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_folder_in_which_another_training_runs_is_refused_before_data_are_read(run: Run, tmp_path: Path) -> None:
    entered, left = threading.Event(), threading.Event()

    def train_there() -> None:
        with owned(tmp_path, Processes(torch.device("cpu"))):
            entered.set()
            left.wait()

    thread = threading.Thread(target=train_there)
    thread.start()
    entered.wait()
    status, _, error = run(*train_arguments(tmp_path / "no data", tmp_path))
    left.set()
    thread.join()
    assert status == 2
    assert_one_sentence(error, f"another training writes to {tmp_path} at this moment; wait until it has ended")


@pytest.mark.usefixtures("tiny_presets")
def test_losses_are_switched_by_the_command(run: Run, esc50: Path, tmp_path: Path) -> None:
    status, _, _ = run(*train_arguments(esc50, tmp_path / "ablation", "--losses", "per_hearing,activity,keep"))
    assert status == 0
    logged = (tmp_path / "ablation" / "log.jsonl").read_text(encoding="utf-8").splitlines()
    _, _, activity, replay = (json.loads(line) for line in logged)
    assert {"activity", "keep"} < activity.keys()
    assert not {"remove", "absent", "budget"} & activity.keys()
    assert "per_hearing" in replay
    assert "rank" not in replay
    assert "--losses per_hearing,activity,keep" in load_checkpoint(tmp_path / "ablation").about["command"]
    status, _, error = run(*train_arguments(esc50, tmp_path / "other", "--losses", "per_hearing,hope"))
    assert status == 2
    assert_one_sentence(error, "there is no loss 'hope'")


@pytest.mark.usefixtures("tiny_presets")
def test_what_a_checkpoint_from_before_lacks_is_trained_and_the_rest_is_kept(
    run: Run, esc50: Path, tmp_path: Path
) -> None:
    before = tiny_checkpoint(tmp_path / "before", tiny_model(labels=CATEGORIES, clip_seconds=1.0, playbacks=1))
    ask = ["--encoder-epochs", "0", "--events-epochs", "0", "--replay-epochs", "0", "--start-from", str(before)]
    assert run(*train_arguments(esc50, tmp_path / "after", *ask))[0] == 0
    kept, weights = (load_checkpoint(tmp_path / name).model.state_dict() for name in ("before", "after"))
    assert {"activity.grid.weight", "aim.grid.weight"} < weights.keys() - kept.keys()
    for name, tensor in kept.items():
        learning = name.startswith(("columns.", "slots."))
        assert torch.equal(tensor.half().float(), weights[name].half().float()) or learning, name
    untrained = ["--encoder-epochs", "0", "--activity-epochs", "0", "--start-from", str(before)]
    status, _, error = run(*train_arguments(esc50, tmp_path / "untrained", *untrained))
    assert status == 2
    assert_one_sentence(error, "before lacks the activity, or what it is for these classes: give the stage activity")


@pytest.mark.usefixtures("tiny_presets")
def test_replay_stage_starts_from_the_encoder_of_another_checkpoint(
    run: Run, esc50: Path, trained: Path, tmp_path: Path
) -> None:
    """So that ablations of the replay stage share one encoder."""
    out = tmp_path / "encoder"
    assert run(*train_arguments(esc50, out, "--replay-epochs", "0"))[0] == 0
    skipped = ["--encoder-epochs", "0", "--events-epochs", "0", "--start-from", str(out)]
    again = train_arguments(esc50, tmp_path / "replay", *skipped)
    assert run(*again)[0] == 0
    weights = [load_checkpoint(folder).model.state_dict() for folder in (out, tmp_path / "replay")]
    assert torch.equal(weights[0]["mel_mean"], weights[1]["mel_mean"])
    moved = weights[1]["decoder.latents"] - weights[0]["decoder.latents"]
    assert moved.abs().max() > 1e-4
    assert "--start-from CHECKPOINT" in load_checkpoint(tmp_path / "replay").about["command"]
    assert not (tmp_path / "replay" / "log.jsonl").read_text(encoding="utf-8").count('"encoder"')


@pytest.mark.usefixtures("tiny_presets")
def test_impossible_starts_are_refused(run: Run, esc50: Path, tmp_path: Path) -> None:
    nothing = ["--encoder-epochs", "0", "--events-epochs", "0"]
    status, _, error = run(*train_arguments(esc50, tmp_path / "a", *nothing))
    assert status == 2
    assert_one_sentence(
        error, "the encoder is untrained: give the stage encoder or events some epochs, or --start-from"
    )
    status, _, error = run(*train_arguments(esc50, tmp_path / "a", "--activity-epochs", "0"))
    assert status == 2
    assert_one_sentence(error, "the activity is untrained: give the stage activity some epochs, or --start-from")
    other = tiny_checkpoint(tmp_path / "other", tiny_model(clip_seconds=1.0))
    status, _, error = run(*train_arguments(esc50, tmp_path / "b", "--start-from", str(other)))
    assert status == 2
    assert_one_sentence(error, "other is of another preset")


@pytest.mark.usefixtures("tiny_presets")
def test_folder_of_class_folders_becomes_a_checkpoint_that_explains(run: Run, tmp_path: Path) -> None:
    sounds = {"hum": tone(1.0), "hiss": noise(1.0), "ticks": clicks(1.0, np.arange(0.1, 1, 0.2))}
    for name, samples in sounds.items():
        for take in range(4):
            (tmp_path / "sounds" / name).mkdir(parents=True, exist_ok=True)
            soundfile.write(tmp_path / "sounds" / name / f"{take}.wav", samples * (1 - take / 8), RATE)
    (tmp_path / "sounds" / "hum" / "broken.wav").write_bytes(b"no sound")
    data = ["--dataset", "folders", "--data", str(tmp_path / "sounds"), "--out", str(tmp_path / "mine")]
    status, _, error = run("train", *data, *QUICK)
    assert status == 2
    assert "broken.wav" in error
    status, _, error = run("train", *data, *QUICK, "--tolerate", "0.1")
    assert status == 0
    assert_one_sentence(error, "1 of the clips is left out", "broken.wav")
    recognizer = Recognizer.from_checkpoint(tmp_path / "mine", "cpu")
    assert recognizer.labels == ("hiss", "hum", "ticks")
    assert len(list(recognizer.explain(sounds["hum"]))) == 2


def test_evaluation_prints_accuracy_after_every_hearing(run: Run, esc50: Path, trained: Path) -> None:
    arguments = ("evaluate", "--checkpoint", trained, "--dataset", "esc50", "--data", esc50, "--folds", "4")
    status, output, error = run(*arguments, "--json")
    assert (status, error) == (0, "")
    measured = json.loads(output)
    assert len(measured["accuracy"]) == len(measured["true_class_probability"]) == 2
    assert all(0 <= value <= 1 for value in measured["accuracy"])
    assert measured["clips"] == 8
    assert "accuracy_fused" not in measured
    status, output, _ = run(*arguments)
    assert status == 0
    for value in measured["accuracy"]:
        assert f"{100 * value:.2f}" in output
    assert len(json.loads(run(*arguments, "--json", "--playbacks", 0)[1])["accuracy"]) == 1


def test_evaluation_warns_of_folds_that_were_trained_on(run: Run, esc50: Path, trained: Path) -> None:
    status, _, error = run("evaluate", "--checkpoint", trained, "--data", esc50, "--folds", "1,4")
    assert status == 0
    assert_one_sentence(error, "bells was trained on some of these clips")


def test_evaluation_refuses_what_it_cannot_measure(run: Run, esc50: Path, trained: Path, tmp_path: Path) -> None:
    for arguments, part in [
        (("--checkpoint", trained, "--data", tmp_path, "--folds", "4"), "meta/esc50.csv"),
        (("--checkpoint", trained, "--data", esc50, "--folds", "2"), "1, 4"),
        (("--checkpoint", trained, "--data", esc50, "--folds", "4", "--playbacks", "7"), "plays back 0 to 1 times"),
        (("--checkpoint", "nowhere", "--data", esc50, "--folds", "4"), "no checkpoint 'nowhere'"),
        (("--checkpoint", trained, "--data", esc50, "--split", "test"), "esc50 has no splits"),
    ]:
        status, output, error = run("evaluate", *arguments)
        assert (status, output) == (2, "")
        assert_one_sentence(error, part)


def test_evaluation_refuses_a_model_of_other_classes(run: Run, esc50: Path, tmp_path: Path) -> None:
    folder = tiny_checkpoint(tmp_path / "other", tiny_model(clip_seconds=1.0))
    status, _, error = run("evaluate", "--checkpoint", folder, "--data", esc50, "--folds", "4")
    assert status == 2
    assert_one_sentence(error, "other names other classes than esc50")


def evidence_of(esc50: Path, trained: Path, *more: object) -> list[object]:
    return ["evidence", "--checkpoint", trained, "--data", esc50, "--folds", "4", "--draws", "2", *more]


def test_evidence_is_printed_and_written_with_its_figures(run: Run, esc50: Path, trained: Path, tmp_path: Path) -> None:
    parts = ["--parts", "controls,localisation", "--beds", "noise"]
    status, output, _ = run(*evidence_of(esc50, trained, *parts, "--out", tmp_path, "--json"))
    assert status == 0
    evidence: dict[str, Any] = json.loads(output)
    assert evidence["clips"] == 8
    assert evidence["controls"] is not None
    assert evidence["curves"] is None
    assert evidence == json.loads((tmp_path / "evidence.json").read_text(encoding="utf-8"))
    assert {path.name for path in tmp_path.glob("*.png")} == {"controls.png", "localisation.png"}
    assert "random" in (tmp_path / "evidence.txt").read_text(encoding="utf-8")
    # the same seed draws the same
    assert json.loads(run(*evidence_of(esc50, trained, *parts, "--json"))[1]) == evidence


def test_several_checkpoints_are_examined_together(run: Run, esc50: Path, trained: Path) -> None:
    together = ["--checkpoint", trained, trained, "--data", esc50, "--folds", "4", "--draws", "2", "--json"]
    status, output, _ = run("evidence", *together, "--parts", "controls,scenes")
    assert status == 0
    both: dict[str, Any] = json.loads(output)
    assert both["models"] == 2
    assert both["scenes"]
    alone = json.loads(run(*evidence_of(esc50, trained, "--parts", "controls", "--json"))[1])
    assert both["controls"] == alone["controls"]  # the mean of a model and itself
    status, output, error = run("evidence", *together, "--parts", "curves")
    assert (status, output) == (2, "")
    assert_one_sentence(error, "leave out curves")


def test_models_of_several_families_are_set_side_by_side(
    run: Run, esc50: Path, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_toy(monkeypatch)
    toy = tiny_checkpoint(tmp_path / "toy", toy_model(labels=CATEGORIES))
    asked = ["--data", esc50, "--folds", "4", "--compare", "--parts", "pointing,curves", "--rivals", "loudest"]
    status, output, _ = run("evidence", "--checkpoint", trained, toy, *asked, "--out", tmp_path / "both")
    assert status == 0
    rows = [line.split(" | ")[:2] for line in output.splitlines() if line.startswith(f"| {trained}")]
    assert rows == [[f"| {trained}", way] for way in ("relevance", "loudest", "own segments", "own replay", "random")]
    assert sum(line.startswith(f"| {toy}") for line in output.splitlines()) == 4
    written = json.loads((tmp_path / "both" / "evidence.json").read_text(encoding="utf-8"))
    assert written["models"].keys() == {str(trained), str(toy)}
    assert output.strip() == (tmp_path / "both" / "evidence.txt").read_text(encoding="utf-8").strip()
    status, output, error = run("evidence", "--checkpoint", trained, *asked)
    assert (status, output) == (2, "")
    assert_one_sentence(error, "give two checkpoints")


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("--parts", "hope"), "there is no part hope; choose from controls"),
        (("--seed", "-1"), "--seed is '-1'; give a whole number from 0 to 2147483647"),
        (("--clips", "-1"), "--clips is '-1'; give a whole number from 1 to 2147483647"),
        (("--out", __file__), "cannot be made a folder (File exists); choose another --out"),
        (("--channel", "2"), "channel 2 is asked for"),
        (("--beds", "sea"), "there is no class 'sea' for --beds; choose from tone"),
        (("--draws", "0", "--rivals", "loudest"), "draws"),
    ],
)
def test_impossible_evidence_is_refused(
    run: Run, esc50: Path, trained: Path, arguments: tuple[str, ...], part: str
) -> None:
    status, output, error = run(*evidence_of(esc50, trained, *arguments))
    assert (status, output) == (2, "")
    assert_one_sentence(error, part)
