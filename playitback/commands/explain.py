"""``explain``: classify recordings, and write what was heard again and why."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from tqdm import tqdm

from playitback import audio
from playitback.commands.journal import (
    EVENTS,
    GROWING,
    SUMMARY,
    TABLE,
    Explained,
    Journal,
    settings_of,
    tells_of,
)
from playitback.commands.outputs import (
    MAKE_ROOM,
    ResultFolders,
    ended_in_order,
    owned_tables,
    refuse_given,
    result_folder,
    whole_path,
)
from playitback.commands.recordings import EXPLAINING, EXPLANATION, find_recordings, path_given
from playitback.commands.shared import (
    COLUMN,
    add_channel,
    add_checkpoint,
    add_class,
    add_json,
    add_playbacks,
    add_start,
    belief,
    explain_clip,
    names,
    print_json,
    say,
)
from playitback.errors import AudioError, SettingsError
from playitback.explain.alone import hear_alone
from playitback.explain.events import Event
from playitback.explain.explanation import Explanation
from playitback.explain.folder import ClipSummary, FolderSummary, label_of, no_label_found, read_labels, summarise
from playitback.explain.lanes import ALL, LANES, find_lanes, wanted_lanes
from playitback.explain.passages import find_passages
from playitback.names import printable
from playitback.progress import finish
from playitback.recognizer import Recognizer
from playitback.report.files import draw_player, remove_files, write_files
from playitback.report.labels import write_audacity, write_raven
from playitback.report.lanes import lanes_sentence
from playitback.report.passages import alone_sentence, needs_sentence, suffices_sentence
from playitback.writing import TEMPORARY_FILES, told_in_a_sentence

ALL_FILES, JSON_ONLY = "all", "json"

_NAMES_SHOWN = 5
_LONGEST_NAME = 40


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Writes a folder per clip, named after it. For several clips or a folder of them, a table of all clips as "
        "well, folder.csv and folder.json, and, for a model with activity, events.csv: when each class sounds in each "
        "clip, by the clock too, where the file or its name tells when it was recorded."
    )
    parser.add_argument("clips", nargs="+", type=path_given, metavar="CLIP", help="a recording, or a folder of them")
    add_checkpoint(parser)
    add_playbacks(parser)
    add_class(parser)
    add_start(parser)
    add_channel(parser)
    parser.add_argument(
        "--out", type=path_given, default=Path("explanations"), metavar="DIR", help="default: %(default)s"
    )
    parser.add_argument(
        "--files", choices=(ALL_FILES, JSON_ONLY), default=ALL_FILES,
        help="of every clip: all (explanation.json; report.html, which shows and plays all of it without a network; "
        "figure.png and figure.svg; hearings.csv and segments.csv; a WAV of every segment and of every hearing as it "
        "was heard; for a model with activity activity.csv and its events as labels, audacity.txt and raven.txt: about "
        "two seconds and 3 MB a clip), or json (explanation.json alone, for folders of hundreds); "
        "default: %(default)s",
    )  # fmt: skip
    parser.add_argument(
        "--labels", type=path_given, metavar="FILE",
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
    parser.add_argument(
        "--lanes", type=names, default=(), metavar="NAME,NAME",
        help=f"other ways to explain, beside the model's own relevance: some of {', '.join(LANES)}, or {ALL} that suit "
        "the model; each tells its cost in passes through it",
    )  # fmt: skip
    add_json(parser)


def main(arguments: argparse.Namespace) -> int:
    recognizer = Recognizer.from_checkpoint(arguments.checkpoint, arguments.device)
    recognizer.check(arguments.playbacks, arguments.label)
    wanted_lanes(recognizer, arguments.lanes)
    clips, left_out = find_recordings(arguments.clips, arguments.out)
    labels = _labels(clips, arguments.labels, recognizer.labels)
    for name in (TABLE, SUMMARY, EVENTS, GROWING):
        refuse_given(arguments.out / name, "--out", "a recording that is to be explained", clips)
        if arguments.labels is not None:
            refuse_given(arguments.out / name, "--out", "the table of --labels", [arguments.labels])
    for remark in left_out:
        say(f"playitback: {remark}", sys.stderr)
    several = len(clips) > 1 or arguments.clips[0].is_dir()
    with ExitStack() as entered:
        entered.enter_context(result_folder(arguments.out))
        entered.enter_context(ended_in_order())
        journal = None
        if several or tells_of(arguments.out, clips[0]):
            entered.enter_context(owned_tables(arguments.out))
            journal = Journal(arguments.out, _settings(arguments, recognizer), clips)
        return _Run(arguments, recognizer, clips, labels, several, journal).explain_all()


def _settings(arguments: argparse.Namespace, recognizer: Recognizer) -> dict[str, Any]:
    return settings_of(
        arguments.checkpoint,
        playbacks=recognizer.playbacks if arguments.playbacks is None else arguments.playbacks,
        start_seconds=arguments.start,
        label=arguments.label,
        channel=arguments.channel,
    )


def _labels(clips: Sequence[Path], table: Path | None, classes: Sequence[str]) -> dict[Path, str | None]:
    """The true class of every clip, as far as it is known. Raises DataSetError for a table that tells of none."""
    if table is None:
        return {clip: label_of(clip, classes) for clip in clips}
    listed = read_labels(table, classes)
    labels = {clip: label_of(clip, classes, listed) for clip in clips}
    matched = len({clip.resolve() for clip in clips} & {*listed})
    if not matched:
        example = Path(os.path.relpath(clips[0], table.parent)).as_posix()
        raise no_label_found(str(table), len(listed), len(clips), example)
    if matched < len(listed):
        say(
            f"playitback: {len(listed) - matched} of the {len(listed)} paths in {table} are none of these recordings; "
            f"{sum(label is None for label in labels.values())} of {len(clips)} have no label",
            sys.stderr,
        )
    return labels


class _Run:
    """Clip after clip is explained and written; the table of several grows with them.

    journal: of several clips, and of one that stands in the table of several.
    """

    def __init__(
        self,
        arguments: argparse.Namespace,
        recognizer: Recognizer,
        clips: Sequence[Path],
        labels: Mapping[Path, str | None],
        several: bool,
        journal: Journal | None,
    ) -> None:
        self._arguments, self._recognizer, self._clips, self._labels = arguments, recognizer, clips, labels
        self._several, self._journal = several, journal
        self._can_replay = recognizer.model.can_replay
        self._width = min(max(len(printable(clip.name)) for clip in clips), _LONGEST_NAME)
        further = (name for name in ("passages", "check") if getattr(arguments, name))
        self._asked = (arguments.files, *further, *arguments.lanes)
        self._folders = ResultFolders(arguments.out, _explained_in, EXPLAINING)
        self._entries: list[dict[str, Any]] = []

    def explain_all(self) -> int:
        """Returns the exit status."""
        as_text = not self._arguments.json
        if self._several and as_text:
            say(_heading(self._width, self._can_replay))
        kept, failed, found = 0, 0, None
        try:
            for clip in tqdm(self._clips, unit="clip", disable=None):
                if self._was_explained(clip):
                    kept += 1
                    continue
                stamp = audio.stamp_of(clip)
                try:
                    explanation, samples = self._explain(clip)
                except (AudioError, SettingsError) as error:  # the other clips are explained all the same
                    say(f"playitback: {error}", sys.stderr)
                    failed += 1
                    continue
                self._write(clip, stamp, explanation, samples)
        except (KeyboardInterrupt, SystemExit):
            if self._several:
                say("playitback: stopped; the same command goes on with the clips that are missing", sys.stderr)
            raise
        finally:
            if self._journal is not None:
                with told_in_a_sentence(self._arguments.out, MAKE_ROOM):
                    found = self._journal.finish(self._recognizer.labels)
        if kept:
            say(
                f"playitback: {kept} of {len(self._clips)} clips were explained before, with the same result",
                sys.stderr,
            )
        if self._several and found is not None and as_text:
            say(_totals(found, self._arguments.out, self._can_replay))
        if not as_text:
            print_json(self._entries)
        return 2 if failed else 0

    def _was_explained(self, clip: Path) -> bool:
        """Whether an earlier run left all that is asked for of a clip that has not changed; then that is told again."""
        known = self._journal.explained(clip, self._asked) if self._several and self._journal is not None else None
        folder = self._folders.finished(clip) if known is not None else None
        if self._journal is None or known is None or folder is None:
            return False
        if self._arguments.files == ALL_FILES and not (folder / "report.html").is_file():
            return False
        self._tell(clip, folder, self._journal.keep(clip, self._labels[clip]), known.remarks)
        return True

    def _explain(self, clip: Path) -> tuple[Explanation, np.ndarray]:
        given, recognizer = self._arguments, self._recognizer
        explanation, samples = explain_clip(recognizer, clip, given.start, given.playbacks, given.label, given.channel)
        return _asked_further(explanation, samples, recognizer, given), samples

    def _write(self, clip: Path, stamp: tuple[int, ...], explanation: Explanation, samples: np.ndarray) -> None:
        began = None if self._journal is None else audio.recorded_at(clip)  # which only the table tells
        summary = summarise(explanation, clip, self._labels[clip], began)
        with self._folders.claimed(clip) as folder:
            try:
                self._write_files(explanation, samples, summary, clip, folder)
            except BaseException:  # half of them would look like all of them
                with suppress(OSError):
                    remove_files(folder)
                raise
        if self._journal is not None:
            with told_in_a_sentence(self._arguments.out, MAKE_ROOM):
                self._journal.add(clip, Explained(summary, explanation.remarks, self._asked, stamp))
        self._tell(clip, folder, summary, explanation.remarks, explanation)

    def _write_files(
        self, explanation: Explanation, samples: np.ndarray, summary: ClipSummary, clip: Path, folder: Path
    ) -> None:
        recognizer, asked = self._recognizer, self._arguments.label
        with told_in_a_sentence(folder, MAKE_ROOM):
            remove_files(folder)
        if self._arguments.files == ALL_FILES:
            samples = recognizer.padded(samples)
            with told_in_a_sentence(*TEMPORARY_FILES), TemporaryDirectory(prefix="playitback-") as drawn:
                player = draw_player(explanation, samples, recognizer, Path(drawn), asked)
                with told_in_a_sentence(folder, MAKE_ROOM):
                    write_files(explanation, player, samples, recognizer, folder, asked)
        with told_in_a_sentence(folder, MAKE_ROOM):
            if self._arguments.files == ALL_FILES:
                _write_labels(summary.events, min(explanation.info.sample_rate, recognizer.sample_rate) / 2, folder)
            told = json.dumps({"path": whole_path(clip), **explanation.to_dict()}, ensure_ascii=False)
            (folder / EXPLANATION).write_text(told + "\n", encoding="utf-8", errors="backslashreplace")

    def _tell(
        self,
        clip: Path,
        folder: Path,
        summary: ClipSummary,
        remarks: Sequence[str],
        explanation: Explanation | None = None,
    ) -> None:
        """explanation: of a clip alone."""
        if self._arguments.json:
            told = json.loads((folder / EXPLANATION).read_text(encoding="utf-8"))
            self._entries.append({**told, "path": str(clip), "folder": str(folder)})
        elif self._several or explanation is None:
            say(_row(summary, remarks, self._width, self._can_replay))
        else:
            say(_summary(explanation, folder))


def _explained_in(folder: Path) -> str | None:
    """Whose explanation a folder holds: the whole path of the recording, "" where that is not told."""
    try:
        told = json.loads((folder / EXPLANATION).read_text(encoding="utf-8"))
        return str(told.get("path", ""))
    except (FileNotFoundError, NotADirectoryError):
        return "" if folder.exists() and any(folder.iterdir()) else None
    except (OSError, ValueError, AttributeError):
        return ""


def _write_labels(events: Sequence[Event] | None, highest_hertz: float, folder: Path) -> None:
    if events is not None:
        write_audacity(events, folder / "audacity.txt")
        write_raven(events, folder / "raven.txt", highest_hertz)


def _asked_further(
    explanation: Explanation, samples: np.ndarray, recognizer: Recognizer, arguments: argparse.Namespace
) -> Explanation:
    """With what ``--passages``, ``--check`` and ``--lanes`` ask for."""
    hearings, label = explanation.hearings, arguments.label
    if arguments.passages:
        found = finish(find_passages(recognizer, hearings, samples, label))
        explanation = dataclasses.replace(explanation, passages=found)
    if arguments.check:
        alone = finish(hear_alone(recognizer, hearings[0], samples, label or explanation.decision(-1)))
        explanation = dataclasses.replace(explanation, alone=alone)
    if arguments.lanes:
        lanes = finish(find_lanes(recognizer, hearings[0], samples, label, arguments.lanes))
        explanation = dataclasses.replace(explanation, further_lanes=lanes)
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
    if explanation.further_lanes is not None:
        lines.append(f"  {lanes_sentence(explanation.further_lanes)}")
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
