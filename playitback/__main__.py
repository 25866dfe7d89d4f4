"""The command line: python -m playitback explain | train | evaluate | bench.

A mistake in what was given ends with one sentence on standard error and exit status 2.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from playitback import audio, bench
from playitback.checkpoint import available_checkpoints, load_checkpoint, save_checkpoint
from playitback.config import PRESETS, preset
from playitback.errors import AudioError, PlayItBackError, SettingsError
from playitback.explain.explanation import Explanation
from playitback.explain.figure import write_figure
from playitback.models.playitback import ReplayModel
from playitback.recognizer import Recognizer, find_device
from playitback.spectrogram import mel_hertz

DEFAULT_CHECKPOINT = "esc50-small"

_SOUND_SUFFIXES = {
    ".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".au", ".caf", ".w64", ".rf64",
    ".m4a", ".aac", ".mp4", ".webm", ".wma",
}  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit status."""
    parsed = _parser().parse_args(arguments)
    try:
        status: int = parsed.run(parsed)
        return status
    except PlayItBackError as error:
        print(f"playitback: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m playitback", description="A sound classifier that hears the telling moments again."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    explain = commands.add_parser("explain", help="classify recordings and write what was heard again, and why")
    explain.add_argument("clips", nargs="+", type=Path, metavar="CLIP", help="a recording, or a folder of them")
    _add_checkpoint(explain)
    explain.add_argument(
        "--playbacks", type=int, metavar="K", help="how often to hear again; default: all the model has"
    )
    explain.add_argument(
        "--start", type=float, default=0.0, metavar="SECONDS", help="where the clip begins in the recording"
    )
    explain.add_argument("--out", type=Path, default=Path("explanations"), metavar="DIR", help="default: %(default)s")
    _add_json(explain)
    explain.set_defaults(run=_explain)

    train = commands.add_parser("train", help="train a checkpoint; a second call goes on where the first one stopped")
    train.add_argument("--preset", choices=PRESETS, default="small", help="default: %(default)s")
    _add_data(train, default_folds=(1, 2, 3))
    train.add_argument("--out", type=Path, required=True, metavar="DIR", help="the checkpoint's folder")
    train.add_argument("--encoder-epochs", type=int, metavar="N")
    train.add_argument("--replay-epochs", type=int, metavar="N")
    train.add_argument("--batch-size", type=int, metavar="N")
    train.add_argument("--seed", type=int, metavar="N")
    train.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, ...")
    _add_json(train)
    train.set_defaults(run=_train)

    evaluate = commands.add_parser(
        "evaluate", help="accuracy after every pass on clips that a model was not trained on"
    )
    _add_checkpoint(evaluate)
    _add_data(evaluate, default_folds=(4,))
    evaluate.add_argument("--playbacks", type=int, metavar="K", help="default: all the model has")
    evaluate.add_argument(
        "--segments", action="store_true", help="also measure replayed time against silence and splices"
    )
    _add_json(evaluate)
    evaluate.set_defaults(run=_evaluate)

    timing = commands.add_parser("bench", help="how fast the models listen here, beside what the machine can do")
    bench.add_arguments(timing)
    timing.set_defaults(run=bench.main)
    return parser


def _add_checkpoint(parser: argparse.ArgumentParser) -> None:
    there = ", ".join(available_checkpoints()) or "none"
    parser.add_argument(
        "--checkpoint", default=DEFAULT_CHECKPOINT, metavar="DIR",
        help=f"a folder, a Hugging Face repo id, or one of: {there}; default: %(default)s",
    )  # fmt: skip
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, ...")


def _add_data(parser: argparse.ArgumentParser, default_folds: tuple[int, ...]) -> None:
    parser.add_argument("--dataset", choices=("esc50",), default="esc50", help="default: %(default)s")
    parser.add_argument("--data", type=Path, required=True, metavar="ROOT", help="the data set's folder")
    parser.add_argument(
        "--folds", type=_folds, default=default_folds, metavar="N,N", help=f"default: {_joined(default_folds)}"
    )


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")


def _folds(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no list of folds; write 1,2,3") from error


def _joined(folds: Iterable[int]) -> str:
    return ",".join(map(str, folds))


def _explain(arguments: argparse.Namespace) -> int:
    recognizer = Recognizer.from_checkpoint(arguments.checkpoint, arguments.device)
    _check_playbacks(recognizer.name, recognizer.playbacks, arguments.playbacks)
    clips = _recordings(arguments.clips)
    folders = _folders(clips, arguments.out)
    written, failed = [], 0
    for clip, folder in tqdm(list(zip(clips, folders, strict=True)), unit="clip", disable=None):
        try:
            recording = audio.load(
                clip,
                start_seconds=arguments.start,
                window_seconds=recognizer.clip_seconds,
                sample_rate=recognizer.config.front_end.sample_rate,
            )
            passes = list(recognizer.explain(recording.samples, arguments.playbacks))
        except (AudioError, SettingsError) as error:  # one bad file, or one too short for --start, spoils no folder
            tqdm.write(f"playitback: {error}", file=sys.stderr)
            failed += 1
            continue
        explanation = Explanation.of(recording, recognizer, passes)
        folder.mkdir(parents=True, exist_ok=True)
        explanation.write_json(folder / "explanation.json")
        write_figure(explanation, mel_hertz(recognizer.config.front_end), folder / "figure.png")
        written.append({"path": str(clip), "folder": str(folder), **explanation.to_dict()})
        if not arguments.json:
            tqdm.write(_summary(explanation, folder), file=sys.stdout)
    if arguments.json:
        _print_json(written)
    return 2 if failed else 0


def _check_playbacks(name: str, largest: int, wanted: int | None) -> None:
    if wanted is not None and not 0 <= wanted <= largest:
        raise SettingsError(f"{name} plays back 0 to {largest} times, not {wanted}; choose one of those")


def _recordings(given: Sequence[Path]) -> list[Path]:
    """The files given, and those in the folders given that look like sound."""
    found: list[Path] = []
    for path in given:
        if path.is_dir():
            inside = sorted(
                each for each in path.rglob("*") if each.suffix.lower() in _SOUND_SUFFIXES and each.is_file()
            )
            if not inside:
                raise AudioError(f"{path} holds no recordings; give a folder with WAV, FLAC, OGG, MP3 or similar files")
            found += inside
        else:
            found.append(path)
    return found


def _folders(clips: Sequence[Path], out: Path) -> list[Path]:
    """A folder per clip, named after it; clips of one name are numbered, so none overwrites another."""
    folders: list[Path] = []
    for clip in clips:
        folder, number = out / clip.stem, 2
        while folder in folders:
            folder, number = out / f"{clip.stem}-{number}", number + 1
        folders.append(folder)
    return folders


def _summary(explanation: Explanation, folder: Path) -> str:
    lines = [f"{explanation.info.name} -> {folder}", *(f"  {note}" for note in explanation.notes)]
    for index, playback in enumerate(explanation.playbacks):
        name = explanation.decision(index)
        change = explanation.change(index, name)
        moved = "" if change is None else f" ({100 * change:+.0f} points)"
        chosen = (
            ", ".join(f"{each.start_seconds:.2f}-{each.end_seconds:.2f} s" for each in playback.segments) or "nothing"
        )
        lines.append(
            f"  pass {index}, hop {1000 * playback.hop_seconds:.1f} ms: {name} "
            f"{100 * explanation.probability(index, name):.0f} %{moved}; chose {chosen}"
        )
    return "\n".join(lines)


def _train(arguments: argparse.Namespace) -> int:
    # what training alone needs is not installed with the page, so it is imported where it is used
    try:
        from playitback.training import card
        from playitback.training.loop import Recipe, seconds_spent, train
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"training needs {error.name}, which is not installed; run pip install -r requirements-train.txt"
        ) from error

    given = {"encoder_epochs", "replay_epochs", "batch_size", "seed"}
    recipe = Recipe(**{name: value for name, value in vars(arguments).items() if name in given and value is not None})
    front_end = preset(arguments.preset, (("any",),)).front_end
    clips = _load_data(arguments, front_end)
    torch.manual_seed(recipe.seed)  # of the weights at the start; the loop draws its own numbers anew
    model = ReplayModel(preset(arguments.preset, (clips.labels,))).to(find_device(arguments.device))
    with _TrainingBar() as bar:
        train(model, clips, recipe, arguments.out, bar.show)
    about = card.training_record(
        preset=arguments.preset,
        data_set=arguments.dataset,
        folds=arguments.folds,
        clips=len(clips),
        recipe=recipe,
        seconds=seconds_spent(arguments.out),
        command=_command(arguments, recipe),
        device=str(model.mel_mean.device),
    )
    name = arguments.out.resolve().name  # which is also what it is called when it is loaded
    save_checkpoint(arguments.out, model, about=about, card=card.model_card(name, model.config, about))
    if arguments.json:
        _print_json({"checkpoint": str(arguments.out), **about})
    else:
        out = arguments.out
        print(f"The checkpoint is in {out}. Open it: python app.py --checkpoint {shlex.quote(str(out))}")
    return 0


class _TrainingBar:
    """One progress bar per stage, with the losses."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._stage = ""

    def __enter__(self) -> _TrainingBar:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def show(self, progress: Any) -> None:
        if progress.stage != self._stage:
            if self._bar is not None:
                self._bar.close()
            self._stage = progress.stage
            done = progress.epoch * progress.steps
            self._bar = tqdm(
                total=progress.epochs * progress.steps, initial=done, desc=progress.stage, unit="batch", disable=None
            )
        losses = {name: f"{value:.3f}" for name, value in progress.losses.items()}
        self._bar.set_postfix(epoch=progress.epoch + 1, **losses, refresh=False)
        self._bar.update(1)


def _command(arguments: argparse.Namespace, recipe: Any) -> str:
    """The command that trains this checkpoint anew, without this machine's folders."""
    return (
        f"python -m playitback train --preset {arguments.preset} --dataset {arguments.dataset} --data ROOT "
        f"--folds {_joined(arguments.folds)} --encoder-epochs {recipe.encoder_epochs} "
        f"--replay-epochs {recipe.replay_epochs} --batch-size {recipe.batch_size} --seed {recipe.seed} --out DIR"
    )


def _evaluate(arguments: argparse.Namespace) -> int:
    from playitback.training import evaluation

    checkpoint = load_checkpoint(arguments.checkpoint)
    model = checkpoint.model.to(find_device(arguments.device))
    clips = _load_data(arguments, model.config.front_end)
    if clips.labels != model.config.labels[0]:
        raise SettingsError(
            f"{checkpoint.name} names other classes than {arguments.dataset}; "
            "evaluate it on the data of its own classes"
        )
    trained_on = checkpoint.about.get("data", {})
    if trained_on.get("name") == arguments.dataset and set(trained_on.get("folds", ())) & set(arguments.folds):
        print(
            f"playitback: {checkpoint.name} was trained on some of these folds; this is no measure of accuracy",
            file=sys.stderr,
        )
    _check_playbacks(checkpoint.name, model.config.playbacks, arguments.playbacks)
    playbacks = model.config.playbacks if arguments.playbacks is None else arguments.playbacks
    with _bar("accuracy") as report:
        accuracy = evaluation.measure_accuracy(model, clips, playbacks, report)
    silence = splices = None
    if arguments.segments:
        with _bar("silence") as report:
            silence = evaluation.measure_silence(model, clips, report)
        with _bar("splices") as report:
            splices = evaluation.measure_splices(model, clips, count=len(clips), seed=0, report=report)
    if arguments.json:
        _print_json(evaluation.results(accuracy, silence, splices))
    else:
        print(_evaluation_text(accuracy, silence, splices))
    return 0


def _evaluation_text(accuracy: Any, silence: Any, splices: Any) -> str:
    lines = [f"{accuracy.clips} clips; {accuracy.replayed_seconds:.2f} s chosen a pass"]
    for index, (share, belief) in enumerate(zip(accuracy.per_pass, accuracy.true_class_probability, strict=True)):
        lines.append(f"after pass {index}: {100 * share:5.1f} % right, probability of the true class {belief:.3f}")
    if accuracy.fused is not None:
        lines.append(f"fused:        {100 * accuracy.fused:5.1f} % right")
    if silence is not None:
        lines.append(
            f"{silence.clips} clips with a second or more of digital zeros: "
            f"{100 * silence.replayed_silent_share:.1f} % of replayed time is zeros, "
            f"where {100 * silence.silent_share:.1f} % of all time is"
        )
    if splices is not None:
        lines.append(
            f"{splices.clips} spliced clips, of {splices.named} one of the two classes is named: "
            f"{100 * splices.agreeing_share:.1f} % of replayed time lies in its half (at random 50 %), "
            f"most of it in {100 * splices.majority_share:.1f} % of them"
        )
    return "\n".join(lines)


def _load_data(arguments: argparse.Namespace, front_end: Any) -> Any:
    from playitback.training.datasets import load_esc50

    with _bar("decoding") as report:
        return load_esc50(arguments.data, arguments.folds, front_end, report)


@contextmanager
def _bar(name: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar for functions that report (done, in all)."""
    with tqdm(desc=name, unit="clip", disable=None, leave=False) as bar:

        def report(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield report


def _print_json(value: Any) -> None:
    print(json.dumps(value, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # whoever read our output has had enough; Python would complain once more when it closes the stream
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
