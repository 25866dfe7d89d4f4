"""``explain``: classify recordings, and write what was heard again and why."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from playitback import audio
from playitback.commands.shared import add_checkpoint, add_json, check_playbacks, print_json
from playitback.errors import AudioError, SettingsError
from playitback.explain.explanation import Explanation
from playitback.explain.figure import write_figure
from playitback.recognizer import Recognizer
from playitback.spectrogram import mel_hertz
from playitback.training.manifest import SOUND_SUFFIXES


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("clips", nargs="+", type=Path, metavar="CLIP", help="a recording, or a folder of them")
    add_checkpoint(parser)
    parser.add_argument(
        "--playbacks", type=int, metavar="K", help="how often to hear again; default: all the model has"
    )
    parser.add_argument(
        "--start", type=float, default=0.0, metavar="SECONDS", help="where the clip begins in the recording"
    )
    parser.add_argument("--out", type=Path, default=Path("explanations"), metavar="DIR", help="default: %(default)s")
    add_json(parser)


def main(arguments: argparse.Namespace) -> int:
    recognizer = Recognizer.from_checkpoint(arguments.checkpoint, arguments.device)
    check_playbacks(recognizer.name, recognizer.playbacks, arguments.playbacks)
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
        print_json(written)
    return 2 if failed else 0


def _recordings(given: Sequence[Path]) -> list[Path]:
    """The files given, and those in the folders given that look like sound."""
    found: list[Path] = []
    for path in given:
        if path.is_dir():
            inside = sorted(
                each for each in path.rglob("*") if each.suffix.lower() in SOUND_SUFFIXES and each.is_file()
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
