"""A folder of clips: every clip explained, a row of a table each, and what all of them say together.

    files and their places in the folder, table of labels or None -> explain -> FolderView, one more clip a time

Of every clip only its row is kept. A file that cannot be explained is left out and told; it spoils no folder.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from app.service import reading
from app.service.models import Models
from playitback import audio
from playitback.errors import AudioError, DataSetError, PlayItBackError, SettingsError
from playitback.explain.explanation import Explanation
from playitback.explain.folder import ClipSummary, FolderSummary, label_of, no_label_found, read_labels, summarise
from playitback.recognizer import Recognizer
from playitback.report.labels import write_folder_events

#: of the files that are taken for sound
SOUND_SUFFIXES = audio.SOUND_SUFFIXES

_ROOT = Path("/")


@dataclass(frozen=True)
class FolderFile:
    """A file of a folder, which may lie elsewhere by now."""

    path: Path  # where it lies
    place: PurePosixPath  # within the folder

    @property
    def is_sound(self) -> bool:
        """Whether its suffix is one of a sound file; hidden files are none."""
        return self.place.suffix.lower() in SOUND_SUFFIXES and not any(
            part.startswith(".") for part in self.place.parts
        )


@dataclass(frozen=True, eq=False)
class FolderView:
    """A folder, clip by clip, so far."""

    labels: tuple[str, ...]  # the model's classes
    clips: tuple[ClipSummary, ...]  # ``path`` is the place within the folder
    files: tuple[Path, ...]  # where each of them lies
    hearings: int  # of every clip
    left_out: tuple[str, ...]  # sentences
    expected_clips: int  # with those that will be left out
    channel: int | None = None  # of every clip, counted from 1; None: they are mixed
    seconds_left: float | None = None  # until the last clip; None before the first

    @property
    def done(self) -> int:
        """Clips that were explained or left out."""
        return len(self.clips) + len(self.left_out)

    @property
    def finished(self) -> bool:
        return self.done == self.expected_clips

    @property
    def labelled(self) -> bool:
        """Whether the class of any clip is known."""
        return any(clip.label is not None for clip in self.clips)

    @property
    def has_events(self) -> bool:
        """Whether the model could say when each class sounds."""
        return any(clip.events is not None for clip in self.clips)

    @property
    def summary(self) -> FolderSummary:
        """What the clips so far say together. Raises SettingsError where there is none."""
        return FolderSummary.of(self.clips, self.labels)


class FolderService:
    """Explains folders of clips."""

    def __init__(self, models: Models) -> None:
        self.models = models

    def explain(
        self,
        files: Sequence[FolderFile],
        table: Path | None,
        checkpoint: str,
        playbacks: int | None = None,
        channel: int | None = None,
    ) -> Iterator[FolderView]:
        """Yields the folder before the first clip, and again after every clip.

        Of longer recordings the first clip is explained. table: CSV with the columns path, relative to the folder, and
        label; None where every clip lies in a folder that has the name of its class, or no class is known. channel:
        counted from 1; None: they are mixed. Closing the generator stops it. Raises AudioError, CheckpointError,
        DataSetError and SettingsError before the first view.
        """
        recognizer = self.models.recognizer(checkpoint)
        recognizer.check(playbacks)
        playbacks = recognizer.playbacks if playbacks is None else playbacks
        sounds = sorted((file for file in files if file.is_sound), key=lambda file: file.place)
        if not sounds:
            raise AudioError("there are no recordings among these files; give WAV, FLAC, OGG, MP3 or similar files")
        labels = _labels(sounds, table, recognizer.labels)
        view = FolderView(recognizer.labels, (), (), playbacks + 1, (), len(sounds), channel)
        yield view
        began = time.monotonic()
        for first in range(0, len(sounds), recognizer.batch):
            batch = sounds[first : first + recognizer.batch]
            read = [_read(recognizer, file.path, channel) for file in batch]
            waveforms = [each.samples for each in read if isinstance(each, audio.Recording)]
            heard = self.models.compute(checkpoint, Recognizer.explain_batch, waveforms, playbacks) if waveforms else ()
            hearings = iter(tuple(heard))
            for done, (file, recording) in enumerate(zip(batch, read, strict=True), first + 1):
                if isinstance(recording, audio.Recording):
                    explanation = Explanation.of(recording, recognizer, next(hearings))
                    began_at = audio.recorded_at(file.path)
                    clip = summarise(explanation, Path(file.place), labels[done - 1], began_at)
                    view = replace(view, clips=(*view.clips, clip), files=(*view.files, file.path))
                else:
                    view = replace(view, left_out=(*view.left_out, f"{file.place}: {recording}"))
                view = replace(view, seconds_left=(time.monotonic() - began) / done * (len(sounds) - done))
                yield view


def _read(recognizer: Recognizer, path: Path, channel: int | None) -> audio.Recording | PlayItBackError:
    try:
        reading.probe(path)
        return recognizer.load(path, channel=channel)
    except (AudioError, SettingsError) as error:
        return error


def write_events(view: FolderView, directory: Path) -> Path | None:
    """Writes a CSV with a row an event of the clips so far; None for a model without activity."""
    if not view.has_events:
        return None
    path = directory / "events.csv"
    write_folder_events(view.clips, path)
    return path


def write_table(view: FolderView, directory: Path) -> Path:
    """Writes a CSV with a row a clip so far. Raises SettingsError where there is none."""
    path = directory / "clips.csv"
    view.summary.write_csv(path)
    return path


def _labels(sounds: Sequence[FolderFile], table: Path | None, classes: Sequence[str]) -> list[str | None]:
    """The class of every sound as far as it is known. Raises DataSetError for a table that tells of none."""
    if table is None:
        return [label_of(_ROOT / file.place, classes) for file in sounds]
    try:
        listed = read_labels(table, classes)
    except DataSetError as error:  # a visitor knows the table by its name, not by where the upload lies
        raise DataSetError(str(error).replace(str(table), table.name)) from error
    # Paths are relative to the folder that was chosen, whose own name a place begins with. To core they are relative
    # to the table's folder: so it is asked as if the sounds lay there.
    labels = [
        label_of(table.parent / file.place, classes, listed)
        or label_of(table.parent.joinpath(*file.place.parts[1:]), classes, listed)
        for file in sounds
    ]
    if not any(labels):
        raise no_label_found(table.name, len(listed), len(sounds), sounds[0].place)
    return labels
