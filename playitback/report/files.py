"""What an explanation leaves to take away, as files.

    Explanation, samples -> draw_player (PNG, WAV) -> PlayerView
    Explanation, PlayerView, samples -> write_files -> ExplanationFiles -> write_archive (ZIP)

    explanation.json            everything below as numbers; playitback/explain/explanation.schema.json describes it
    report.html                 all of it to look at and to listen to, in a browser and without a network
    figure.png, figure.svg      for a paper
    hearings.csv                hearing, hop_seconds, class, probability: a row for every hearing and class
    segments.csv                hearing, number, start_seconds, end_seconds, replayed_in_hearing: a row a segment
    activity.csv                seconds, then a column a class: what the model would say of each moment of the first
                                hearing by itself, as probabilities; only of models that tell it
    sounds/                     hearing-0-segment-1.wav, ...: every segment that a hearing chose, cut out of the clip
                                hearing-0-as-heard.wav, ...: every hearing as the model heard it
                                passage-that-suffices.wav, without-what-it-needs.wav: where that was asked for

In all of these a segment is named by the hearing that chose it and its number in that hearing. A segment that was
replayed without being chosen, as in what-if, has neither, and no sound of its own.
"""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from playitback import audio
from playitback.explain.explanation import Explanation
from playitback.explain.passages import kept_sound, left_sound
from playitback.recognizer import Recognizer
from playitback.report import timeline, words
from playitback.report.activity import lanes_of
from playitback.report.figure import Figures, figures_of
from playitback.report.html import report_html
from playitback.report.rows import PlayerView, draw_row
from playitback.segments import Segment
from playitback.spectrogram import mel_hertz
from playitback.tables import write_table
from playitback.tape import tape

HEARINGS_COLUMNS = ("hearing", "hop_seconds", "class", "probability")
SEGMENTS_COLUMNS = ("hearing", "number", "start_seconds", "end_seconds", "replayed_in_hearing")

_SEGMENT, _TAPE = "hearing-{}-segment-{}.wav", "hearing-{}-as-heard.wav"
_KEPT, _LEFT = "passage-that-suffices.wav", "without-what-it-needs.wav"
_SOUNDS = "sounds"
#: of what lies beside the sounds; the shell adds the labels of models with activity
_NAMES = (
    *("explanation.json", "report.html", "figure.png", "figure.svg", "hearings.csv", "segments.csv", "activity.csv"),
    *("audacity.txt", "raven.txt"),
)
_ARCHIVE_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest of a ZIP, for all: the same files make the same archive


@dataclass(frozen=True)
class SoundFiles:
    """WAV files of an explanation."""

    segments: tuple[Path, ...]  # hearing by hearing
    tapes: tuple[Path, ...]  # one a hearing
    passages: tuple[Path, ...]  # what was kept and what was left; none where it was not asked for


@dataclass(frozen=True)
class ExplanationFiles:
    """What was written."""

    folder: Path  # that holds all of it
    explanation: Path  # explanation.json
    report: Path  # report.html
    figure_png: Path
    figure_svg: Path
    hearings: Path  # hearings.csv
    segments_table: Path  # segments.csv
    activity: Path | None  # activity.csv; None where the model does not tell activity
    sounds: SoundFiles

    @property
    def all(self) -> tuple[Path, ...]:
        """Every file, in the order in which one looks at them."""
        single = (self.report, self.explanation, self.figure_png, self.figure_svg, self.hearings, self.segments_table)
        activity = () if self.activity is None else (self.activity,)
        return (*single, *activity, *self.sounds.segments, *self.sounds.tapes, *self.sounds.passages)


def begin_player(
    explanation: Explanation,
    samples: np.ndarray,
    recognizer: Recognizer,
    directory: Path,
    expected_rows: int,
    asked: str | None = None,
    run_id: str = "",
) -> PlayerView:
    """What the player shows of a run before its first hearing; the clip's sound is written into ``directory``.

    samples, recognizer: as for ``draw_player``; asked: the class asked about, None for that of every hearing.
    """
    model = recognizer.model
    explained = {explanation.asked(index) for index in range(len(explanation.hearings))}
    for_all = asked if not explained else explained.pop() if len(explained) == 1 else None
    clip_audio = directory / "clip.wav"
    audio.write_wav(clip_audio, samples, explanation.sample_rate)
    return PlayerView(
        run_id=run_id,
        clip_name=explanation.info.name,
        clip_seconds=explanation.clip_seconds,
        clip_audio=str(clip_audio),
        rows=(),
        finished=False,
        expected_rows=expected_rows,
        start_seconds_in_file=explanation.start_seconds,
        activity_lanes=lanes_of(len(explanation.labels)) if model.has_activity else 0,
        note=words.player_note(
            for_all,
            can_replay=model.can_replay,
            can_aim=model.can_aim,
            has_activity=model.has_activity,
        ),
    )


def draw_next_row(
    player: PlayerView,
    explanation: Explanation,
    samples: np.ndarray,
    recognizer: Recognizer,
    directory: Path,
    asked: str | None = None,
) -> PlayerView:
    """The player with one more hearing of the explanation; its pictures and sounds are written into ``directory``.

    samples, recognizer, asked: as for ``draw_player``.
    """
    marks = timeline.frequency_marks(mel_hertz(recognizer.config.front_end))
    row = draw_row(explanation, len(player.rows), samples, marks, directory, asked)
    rows = (*player.rows, row)
    return replace(player, rows=rows, finished=len(rows) == player.expected_rows)


def draw_player(
    explanation: Explanation,
    samples: np.ndarray,
    recognizer: Recognizer,
    directory: Path,
    asked: str | None = None,
    run_id: str = "",
) -> PlayerView:
    """What the player shows of a finished run; its pictures and sounds are written into ``directory``.

    samples: (samples,) of the clip at the model's rate, silence up to its end; recognizer: that explained it; asked:
    a class that is shown even where it does not lead.
    """
    player = begin_player(explanation, samples, recognizer, directory, len(explanation.hearings), asked, run_id)
    for _ in explanation.hearings:
        player = draw_next_row(player, explanation, samples, recognizer, directory, asked)
    return player


def write_files(
    explanation: Explanation,
    player: PlayerView,
    samples: np.ndarray,
    recognizer: Recognizer,
    directory: Path,
    asked: str | None = None,
    figures: Figures | None = None,
) -> ExplanationFiles:
    """Writes everything into ``directory``, which is made if it is not there; an earlier run there is overwritten.

    player: the run as it is shown, of ``draw_player`` or the page; samples: (samples,) of the clip at the model's rate;
    recognizer: that explained it; asked: a class that the report shows even where it does not lead; figures: of the
    explanation, where they are drawn already. There must be one hearing at least. The same run gives the same files.
    """
    remove_files(directory)
    sounds = directory / _SOUNDS
    sounds.mkdir(parents=True, exist_ok=True)
    activity_table = directory / "activity.csv"
    files = ExplanationFiles(
        folder=directory,
        explanation=directory / "explanation.json",
        report=directory / "report.html",
        figure_png=directory / "figure.png",
        figure_svg=directory / "figure.svg",
        hearings=directory / "hearings.csv",
        segments_table=directory / "segments.csv",
        activity=activity_table if explanation.has_activity else None,
        sounds=write_sounds(explanation, samples, sounds, player),
    )
    explanation.write_json(files.explanation)
    if figures is None:
        figures = figures_of(explanation, mel_hertz(recognizer.config.front_end))
    files.figure_png.write_bytes(figures.png)
    files.figure_svg.write_text(figures.svg, encoding="utf-8")
    write_table(files.hearings, HEARINGS_COLUMNS, _hearing_rows(explanation))
    write_table(files.segments_table, SEGMENTS_COLUMNS, _segment_rows(explanation))
    if files.activity is not None:
        write_table(files.activity, ("seconds", *explanation.labels), _activity_rows(explanation))
    files.report.write_text(report_html(explanation, player, figures.svg, recognizer, asked), encoding="utf-8")
    return files


def write_sounds(
    explanation: Explanation, samples: np.ndarray, directory: Path, player: PlayerView | None = None
) -> SoundFiles:
    """Writes the sounds alone into ``directory``. player: the run as it is shown, where it is, which has the tapes."""
    return SoundFiles(
        segments=tuple(_write_segments(explanation, samples, directory)),
        tapes=tuple(
            _write_tapes(explanation, samples, directory) if player is None else _copy_tapes(player, directory)
        ),
        passages=tuple(_write_passages(explanation, samples, directory)),
    )


def remove_files(directory: Path) -> None:
    """Takes away what an explanation left in a folder, of which another one may leave less, and nothing else."""
    sounds = directory / _SOUNDS
    for pattern in (_SEGMENT.format("*", "*"), _TAPE.format("*"), _KEPT, _LEFT):
        for sound in sounds.glob(pattern):
            sound.unlink()
    for name in _NAMES:
        (directory / name).unlink(missing_ok=True)
    if sounds.is_dir() and not any(sounds.iterdir()):
        sounds.rmdir()


def write_archive(files: ExplanationFiles, path: Path) -> None:
    """Writes all files into one ZIP, in a folder that is named as the archive is."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for each in files.all:
            entry = zipfile.ZipInfo(f"{path.stem}/{each.relative_to(files.folder).as_posix()}", _ARCHIVE_DATE)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, each.read_bytes())


def _write_segments(explanation: Explanation, samples: np.ndarray, directory: Path) -> Iterator[Path]:
    sample_rate = explanation.sample_rate
    for hearing in explanation.hearings:
        for number, segment in enumerate(hearing.segments, start=1):
            path = directory / _SEGMENT.format(hearing.index, number)
            first, last = round(segment.start_seconds * sample_rate), round(segment.end_seconds * sample_rate)
            audio.write_wav(path, samples[first:last], sample_rate)
            yield path


def _write_tapes(explanation: Explanation, samples: np.ndarray, directory: Path) -> Iterator[Path]:
    sample_rate = explanation.sample_rate
    for hearing in explanation.hearings:
        path = directory / _TAPE.format(hearing.index)
        audio.write_wav(path, tape(samples, hearing.time_map, sample_rate), sample_rate)
        yield path


def _copy_tapes(player: PlayerView, directory: Path) -> Iterator[Path]:
    for row in player.rows:
        path = directory / _TAPE.format(row.index)
        shutil.copyfile(row.tape_audio, path)
        yield path


def _write_passages(explanation: Explanation, samples: np.ndarray, directory: Path) -> Iterator[Path]:
    found = explanation.passages
    if found is None:
        return
    for trial, sound, name in ((found.suffices, kept_sound, _KEPT), (found.needs, left_sound, _LEFT)):
        if trial is not None and trial.holds:
            path = directory / name
            audio.write_wav(path, sound(trial, samples, explanation.sample_rate), explanation.sample_rate)
            yield path


def _hearing_rows(explanation: Explanation) -> Iterator[Sequence[Any]]:
    for hearing in explanation.to_dict()["hearings"]:  # whose numbers have as few digits as name them exactly
        for label, probability in hearing["probabilities"].items():
            yield hearing["index"], hearing["hop_seconds"], label, probability


def _activity_rows(explanation: Explanation) -> Iterator[Sequence[Any]]:
    """A row a time column of the first hearing; six digits tell more than the model does."""
    first = explanation.hearings[0]
    assert first.activity is not None, "the table is not written without it"
    for second, values in zip(first.seconds, first.activity, strict=True):
        yield f"{second:.6f}", *(f"{value:.6g}" for value in values)


def _segment_rows(explanation: Explanation) -> Iterator[Sequence[Any]]:
    """Hearing by hearing what was chosen, with the hearing that replayed it; then what was replayed but not chosen."""
    hearings = explanation.hearings
    for index, hearing in enumerate(hearings):
        following = hearings[index + 1].replayed if index + 1 < len(hearings) else ()
        for number, segment in enumerate(hearing.segments, start=1):
            replayed_in = index + 1 if _is_among(segment, following) else ""
            yield index, number, *_ends(segment), replayed_in
        for segment in following:
            if not _is_among(segment, hearing.segments):
                yield "", "", *_ends(segment), index + 1


def _ends(segment: Segment) -> tuple[float, float]:
    """To the microsecond, finer than any sample."""
    return round(segment.start_seconds, 6), round(segment.end_seconds, 6)


def _is_among(segment: Segment, segments: Iterable[Segment]) -> bool:
    return _ends(segment) in map(_ends, segments)
