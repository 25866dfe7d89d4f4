"""What a finished run leaves to take away: report, figures, tables and sounds, and all of it in one archive."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from app.service.explain import ClipRun
from app.service.models import Models
from playitback.report.files import ExplanationFiles, SoundFiles, draw_player, write_archive, write_files, write_sounds


@dataclass(frozen=True)
class TakeAway:
    """Files in one folder."""

    files: ExplanationFiles
    archive: Path  # ZIP of all of them


class TakeAwayService:
    """Writes what is to be taken away."""

    def __init__(self, models: Models) -> None:
        self.models = models

    def write(self, run: ClipRun, directory: Path) -> TakeAway:
        """Writes everything about a finished run into ``directory``."""
        recognizer = self.models.recognizer(run.settings.checkpoint)
        drawn = directory / "drawn"
        drawn.mkdir()
        asked = run.settings.asked
        # the pictures and tapes of the run itself may be gone
        player = draw_player(run.explanation, run.samples, recognizer, drawn, asked)
        name = f"{Path(run.explanation.info.name).stem or 'clip'}-playback"
        files = write_files(run.explanation, player, run.samples, recognizer, directory / name, asked)
        archive = directory / f"{name}.zip"
        write_archive(files, archive)
        return TakeAway(files, archive)

    def write_sounds(self, run: ClipRun, directory: Path) -> SoundFiles:
        """Writes nothing but the sounds of a finished run into ``directory``."""
        return write_sounds(run.explanation, run.samples, directory)
