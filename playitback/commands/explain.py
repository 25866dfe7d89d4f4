"""``explain``: classify recordings, and write what was heard again and why."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from tqdm import tqdm

from playitback import audio
from playitback.commands.explain_text import heading, row_text, summary_text, totals_text
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
    add_channel,
    add_checkpoint,
    add_class,
    add_json,
    add_playbacks,
    add_start,
    names,
    print_json,
    read_clip,
    remark,
    say,
)
from playitback.cores import ahead
from playitback.counts import counted
from playitback.errors import AudioError, PlayItBackError, SettingsError
from playitback.explain.alone import hear_alone
from playitback.explain.events import Event
from playitback.explain.explanation import Explanation
from playitback.explain.folder import ClipSummary, label_of, no_label_found, read_labels, real_path, summarise
from playitback.explain.lanes import ALL, LANES, find_lanes, wanted_lanes
from playitback.explain.passages import find_passages
from playitback.names import printable
from playitback.progress import finish
from playitback.reading import read_result_text, result_of
from playitback.recognizer import ClipHearing, Recognizer
from playitback.report.figure import Figures
from playitback.report.files import draw_player, remove_files, write_files
from playitback.report.labels import write_audacity, write_raven
from playitback.report.painters import Painters
from playitback.spectrogram import mel_hertz
from playitback.writing import TEMPORARY_FILES, told_in_a_sentence

ALL_FILES, JSON_ONLY = "all", "json"

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
        "half a second and 3 MB a clip), or json (explanation.json alone, for folders of hundreds); "
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
    for told in left_out:
        remark(told)
    several = len(clips) > 1 or os.path.isdir(arguments.clips[0])
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
    matched = len({real_path(clip) for clip in clips} & {*listed})
    if not matched:
        example = Path(os.path.relpath(clips[0], table.parent)).as_posix()
        raise no_label_found(str(table), len(listed), len(clips), example)
    if matched < len(listed):
        remark(
            f"{len(listed) - matched} of the {len(listed)} paths in {table} are none of these recordings; "
            f"{sum(label is None for label in labels.values())} of {len(clips)} have no label"
        )
    return labels


@dataclass(frozen=True)
class _Before:
    """What an earlier run left of a clip."""

    folder: Path
    remarks: Sequence[str]


@dataclass(frozen=True)
class _Read:
    """A clip that is to be heard; stamp: of its file, before it was read."""

    stamp: tuple[int, ...]
    recording: audio.Recording


@dataclass(frozen=True)
class _Heard:
    """A clip that was explained; stamp: as above."""

    stamp: tuple[int, ...]
    explanation: Explanation
    samples: np.ndarray
    figures: Callable[[], Figures] | None  # which are being drawn; None where no files but JSON are asked for


class _Run:
    """Batch after batch of clips is heard, several beside each other, and written; the table of clips grows with them.

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
        self._painters = Painters(len(clips) if arguments.files == ALL_FILES else 0)

    def explain_all(self) -> int:
        """Returns the exit status."""
        as_text = not self._arguments.json
        if self._several and as_text:
            say(heading(self._width, self._can_replay))
        kept, failed, found = 0, 0, None
        try:
            size = self._recognizer.batch
            batches = (self._clips[first : first + size] for first in range(0, len(self._clips), size))
            looked = (tuple(map(self._look, batch)) for batch in batches)
            with self._painters, closing(ahead(self._hear, looked, self._recognizer.at_once)) as each:
                heard_clips = zip(self._clips, chain.from_iterable(each), strict=True)
                for clip, heard in tqdm(heard_clips, total=len(self._clips), unit="clip", disable=None):
                    if isinstance(heard, _Before):
                        kept += 1
                        self._keep(clip, heard)
                    elif isinstance(heard, _Heard):
                        self._write(clip, heard)
                    else:  # the other clips are explained all the same
                        failed += 1
                        remark(str(heard))
        except (KeyboardInterrupt, SystemExit):
            if self._several:
                remark("stopped; the same command goes on with the clips that are missing")
            raise
        finally:
            if self._journal is not None:
                with told_in_a_sentence(self._arguments.out, MAKE_ROOM):
                    found = self._journal.finish(self._recognizer.labels)
        if kept:
            were = "was" if kept == 1 else "were"
            remark(f"{kept} of {counted(len(self._clips), 'clip')} {were} explained before, with the same result")
        if self._several and found is not None and as_text:
            say(totals_text(found, self._arguments.out, self._can_replay))
        if not as_text:
            print_json(self._entries)
        return 2 if failed else 0

    def _look(self, clip: Path) -> Path | _Before:
        """The clip, or what an earlier run left of it, if that has not changed and is all that is asked for."""
        known = self._journal.explained(clip, self._asked) if self._several and self._journal is not None else None
        folder = self._folders.finished(clip) if known is not None else None
        if known is None or folder is None:
            return clip
        if self._arguments.files == ALL_FILES and not (folder / "report.html").is_file():
            return clip
        return _Before(folder, known.remarks)

    def _hear(self, looked: Sequence[Path | _Before]) -> list[_Before | _Heard | PlayItBackError]:
        """Explains clips, beside the writing of others: as one batch, in two thirds of the time."""
        found = [self._read(each) if isinstance(each, Path) else each for each in looked]
        read = [each for each in found if isinstance(each, _Read)]
        given, waveforms = self._arguments, [each.recording.samples for each in read]
        hearings = iter(self._recognizer.explain_batch(waveforms, given.playbacks, given.label) if read else ())
        return [self._explain(each, next(hearings)) if isinstance(each, _Read) else each for each in found]

    def _read(self, clip: Path) -> _Read | PlayItBackError:
        given, stamp = self._arguments, audio.stamp_of(clip)
        try:
            return _Read(stamp, read_clip(self._recognizer, clip, given.start, given.channel))
        except (AudioError, SettingsError) as error:
            return error

    def _explain(self, read: _Read, hearings: Sequence[ClipHearing]) -> _Heard | PlayItBackError:
        given, recognizer, samples = self._arguments, self._recognizer, read.recording.samples
        try:
            explanation = Explanation.of(read.recording, recognizer, hearings)
            explanation = _asked_further(explanation, samples, recognizer, given)
        except (AudioError, SettingsError) as error:
            return error
        figures = None
        if given.files == ALL_FILES:
            figures = self._painters.draw(explanation, mel_hertz(recognizer.config.front_end))
        return _Heard(read.stamp, explanation, samples, figures)

    def _keep(self, clip: Path, before: _Before) -> None:
        assert self._journal is not None, "it was looked up there"
        self._tell(clip, before.folder, self._journal.keep(clip, self._labels[clip]), before.remarks)

    def _write(self, clip: Path, heard: _Heard) -> None:
        explanation = heard.explanation
        began = None if self._journal is None else audio.recorded_at(clip)  # which only the table tells
        summary = summarise(explanation, clip, self._labels[clip], began)
        with self._folders.claimed(clip) as folder:
            try:
                self._write_files(heard, summary, clip, folder)
            except BaseException:  # half of them would look like all of them
                with suppress(OSError):
                    remove_files(folder)
                raise
        if self._journal is not None:
            with told_in_a_sentence(self._arguments.out, MAKE_ROOM):
                self._journal.add(clip, Explained(summary, explanation.remarks, self._asked, heard.stamp))
        self._tell(clip, folder, summary, explanation.remarks, explanation)

    def _write_files(self, heard: _Heard, summary: ClipSummary, clip: Path, folder: Path) -> None:
        explanation, recognizer, asked = heard.explanation, self._recognizer, self._arguments.label
        with told_in_a_sentence(folder, MAKE_ROOM):
            remove_files(folder)
        if heard.figures is not None:
            samples = recognizer.padded(heard.samples)
            with told_in_a_sentence(*TEMPORARY_FILES), TemporaryDirectory(prefix="playitback-") as drawn:
                player = draw_player(explanation, samples, recognizer, Path(drawn), asked)
                with told_in_a_sentence(folder, MAKE_ROOM):
                    write_files(explanation, player, samples, recognizer, folder, asked, heard.figures())
        with told_in_a_sentence(folder, MAKE_ROOM):
            if heard.figures is not None:
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
            say(row_text(summary, remarks, self._width, self._can_replay))
        else:
            say(summary_text(explanation, folder))


def _explained_in(folder: Path) -> str | None:
    """Whose explanation a folder holds: the whole path of the recording, "" where that is not told."""
    try:
        told = result_of(read_result_text(folder / EXPLANATION))
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
