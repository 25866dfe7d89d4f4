"""``explain``: classify recordings, and write what was heard again and why."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from tqdm import tqdm

from playitback import audio
from playitback.commands.shared import (
    COLUMN,
    add_checkpoint,
    add_class,
    add_json,
    add_playbacks,
    belief,
    explain_clip,
    print_json,
)
from playitback.errors import AudioError, SettingsError
from playitback.explain.alone import hear_alone
from playitback.explain.events import Event
from playitback.explain.explanation import Explanation
from playitback.explain.folder import ClipSummary, FolderSummary, label_of, read_labels, summarise
from playitback.explain.passages import find_passages
from playitback.progress import finish
from playitback.recognizer import Recognizer
from playitback.report.files import draw_player, write_files
from playitback.report.labels import write_audacity, write_folder_events, write_raven
from playitback.report.passages import alone_sentence, needs_sentence, suffices_sentence

ALL_FILES, JSON_ONLY = "all", "json"

_NAMES_SHOWN = 5
_LONGEST_NAME = 40


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Writes a folder per clip, named after it. For several clips or a folder of them, a table of all clips as "
        "well, folder.csv and folder.json, and, for a model with activity, events.csv: when each class sounds in each "
        "clip."
    )
    parser.add_argument("clips", nargs="+", type=Path, metavar="CLIP", help="a recording, or a folder of them")
    add_checkpoint(parser)
    add_playbacks(parser)
    add_class(parser)
    parser.add_argument(
        "--start", type=float, default=0.0, metavar="SECONDS", help="where the clip begins in the recording"
    )
    parser.add_argument("--out", type=Path, default=Path("explanations"), metavar="DIR", help="default: %(default)s")
    parser.add_argument(
        "--files", choices=(ALL_FILES, JSON_ONLY), default=ALL_FILES,
        help="of every clip: all (explanation.json; report.html, which shows and plays all of it without a network; "
        "figure.png and figure.svg; hearings.csv and segments.csv; a WAV of every segment and of every hearing as it "
        "was heard; for a model with activity activity.csv and its events as labels, audacity.txt and raven.txt: about "
        "two seconds and 3 MB a clip), or json (explanation.json alone, for folders of hundreds); "
        "default: %(default)s",
    )  # fmt: skip
    parser.add_argument(
        "--labels", type=Path, metavar="FILE",
        help="the clips' true classes: a CSV file with the columns path and label, for folder.csv and folder.json; "
        "default: the folder that a clip lies in, where it is named like a class",
    )  # fmt: skip
    parser.add_argument(
        "--passages", action="store_true",
        help="find the shortest passage that suffices for the class and the least time that it needs, each verified by "
        "hearing; half a second a clip",
    )  # fmt: skip
    parser.add_argument(
        "--check", action="store_true",
        help="hear every second of a clip alone, and tell how far the activity is from that; half a second a clip",
    )  # fmt: skip
    add_json(parser)


def main(arguments: argparse.Namespace) -> int:
    recognizer = Recognizer.from_checkpoint(arguments.checkpoint, arguments.device)
    recognizer.check(arguments.playbacks, arguments.label)
    labels = None if arguments.labels is None else read_labels(arguments.labels, recognizer.labels)
    clips = _recordings(arguments.clips)
    several = len(clips) > 1 or arguments.clips[0].is_dir()
    folders = _folders(clips, arguments.out)
    width = min(max(len(clip.name) for clip in clips), _LONGEST_NAME)
    can_replay = recognizer.model.can_replay
    if several and not arguments.json:
        print(_heading(width, can_replay))
    written, summaries, failed = [], [], 0
    for clip, folder in tqdm(list(zip(clips, folders, strict=True)), unit="clip", disable=None):
        try:
            explanation, samples = explain_clip(recognizer, clip, arguments.start, arguments.playbacks, arguments.label)
            explanation = _asked_further(explanation, samples, recognizer, arguments)
        except (AudioError, SettingsError) as error:  # the other clips are explained all the same
            tqdm.write(f"playitback: {error}", file=sys.stderr)
            failed += 1
            continue
        folder.mkdir(parents=True, exist_ok=True)
        summaries.append(summarise(explanation, clip, label_of(clip, recognizer.labels, labels)))
        if arguments.files == ALL_FILES:
            _write_all(explanation, recognizer.padded(samples), recognizer, folder, arguments.label)
            _write_labels(summaries[-1].events, min(explanation.info.sample_rate, recognizer.sample_rate) / 2, folder)
        else:
            explanation.write_json(folder / "explanation.json")
        if arguments.json:
            written.append({"path": str(clip), "folder": str(folder), **explanation.to_dict()})
        else:
            row = _row(summaries[-1], explanation.remarks, width, can_replay)
            tqdm.write(row if several else _summary(explanation, folder), file=sys.stdout)
    if several and summaries:
        found = FolderSummary.of(summaries, recognizer.labels)
        found.write_csv(arguments.out / "folder.csv")
        told = json.dumps(found.to_dict(), ensure_ascii=False)
        (arguments.out / "folder.json").write_text(told + "\n", encoding="utf-8")
        if found.has_events:
            write_folder_events(found.clips, arguments.out / "events.csv")
        if not arguments.json:
            print(_totals(found, arguments.out, can_replay))
    if arguments.json:
        print_json(written)
    return 2 if failed else 0


def _recordings(given: Sequence[Path]) -> list[Path]:
    """The files given, and those in the folders given that look like sound."""
    found: list[Path] = []
    for path in given:
        if path.is_dir():
            inside = list(audio.sound_files(path))
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


def _write_all(
    explanation: Explanation, samples: np.ndarray, recognizer: Recognizer, folder: Path, asked: str | None
) -> None:
    with TemporaryDirectory(prefix="playitback-") as drawn:
        player = draw_player(explanation, samples, recognizer, Path(drawn), asked)
        write_files(explanation, player, samples, recognizer, folder, asked)


def _write_labels(events: Sequence[Event] | None, highest_hertz: float, folder: Path) -> None:
    if events is not None:
        write_audacity(events, folder / "audacity.txt")
        write_raven(events, folder / "raven.txt", highest_hertz)


def _asked_further(
    explanation: Explanation, samples: np.ndarray, recognizer: Recognizer, arguments: argparse.Namespace
) -> Explanation:
    """With what ``--passages`` and ``--check`` ask for."""
    hearings, label = explanation.hearings, arguments.label
    if arguments.passages:
        found = finish(find_passages(recognizer, hearings, samples, label))
        explanation = dataclasses.replace(explanation, passages=found)
    if arguments.check:
        alone = finish(hear_alone(recognizer, hearings[0], samples, label or explanation.decision(-1)))
        explanation = dataclasses.replace(explanation, alone=alone)
    return explanation


def _summary(explanation: Explanation, folder: Path) -> str:
    lines = [f"{explanation.info.name} -> {folder}", *(f"  {note}" for note in explanation.remarks)]
    for index, hearing in enumerate(explanation.hearings):
        name = explanation.decision(index)
        change = explanation.change(index, name)
        moved = "" if change is None else f" ({100 * change:+.0f} points)"
        asked = explanation.asked(index)
        beside = "" if asked == name else f"; {belief(asked, explanation.probability(index, asked))}"
        chosen = (
            ", ".join(f"{each.start_seconds:.2f}-{each.end_seconds:.2f} s" for each in hearing.segments) or "nothing"
        )
        lines.append(
            f"  hearing {index}, hop {1000 * hearing.hop_seconds:.1f} ms: "
            f"{belief(name, explanation.probability(index, name))}{moved}{beside}; chose {chosen}"
        )
    if explanation.passages is not None:
        lines += [f"  {say(explanation.passages)}" for say in (suffices_sentence, needs_sentence)]
    if explanation.alone is not None:
        lines.append(f"  {alone_sentence(explanation.alone)}")
    return "\n".join(lines)


def _heading(width: int, can_replay: bool) -> str:
    if not can_replay:
        return f"{'clip':<{width}}  {'decision':<{COLUMN}}  label"
    return f"{'clip':<{width}}  {'first hearing':<{COLUMN}}  {'last hearing':<{COLUMN}}  replayed  label, changed at"


def _row(clip: ClipSummary, notes: Sequence[str], width: int, can_replay: bool) -> str:
    first, last = (belief(clip.decisions[index], clip.probabilities[index]) for index in (0, -1))
    label = "" if clip.label is None else f"{clip.label} ({'right' if clip.decisions[-1] == clip.label else 'wrong'})"
    changed = f"hearing {', '.join(map(str, clip.changed_at))}" if clip.changed_at else ""
    remarks = "; ".join(filter(None, (label, changed)))
    replayed = f"  {last:<{COLUMN}}  {clip.replayed_seconds:6.2f} s" if can_replay else ""
    row = f"{clip.name:<{width}}  {first:<{COLUMN}}{replayed}  {remarks}"
    return "\n".join((row.rstrip(), *(f"  {note}" for note in notes)))


def _totals(found: FolderSummary, out: Path, can_replay: bool) -> str:
    changed = sum(clip.decisions[0] != clip.decisions[-1] for clip in found.clips)
    lines = ["1 clip" if len(found.clips) == 1 else f"{len(found.clips)} clips"]
    if can_replay:
        lines[0] += f"; another class after the last hearing than at the first hearing: {changed}"
    if found.accuracy:
        labelled = sum(clip.label is not None for clip in found.clips)
        shares = ", ".join(f"{100 * share:.1f} %" for share in found.accuracy)
        lines.append(f"right after every hearing, of {labelled} with a label: {shares}")
        if can_replay:
            lines.append(f"rescued by replay: {_named(found.rescued)}; spoilt: {_named(found.spoilt)}")
    names = ("folder.csv", "folder.json", *(("events.csv",) if found.has_events else ()))
    lines.append(f"all clips: {', '.join(str(out / name) for name in names)}")
    return "\n".join(lines)


def _named(clips: Sequence[ClipSummary]) -> str:
    shown = ", ".join(clip.name for clip in clips[:_NAMES_SHOWN])
    return (shown + ", ..." if len(clips) > _NAMES_SHOWN else shown) or "none"
