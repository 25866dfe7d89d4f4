"""What a finished run leaves to take away: report, figures, tables and sounds, and all of it in one archive."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from app.service.explain import ExplanationView
from app.service.models import Models
from playitback.report.files import ExplanationFiles, draw_player, write_archive, write_files


@dataclass(frozen=True)
class TakeAway:
    """Files in one folder."""

    files: ExplanationFiles
    archive: Path  # ZIP of all of them


class TakeAwayService:
    """Writes what is to be taken away."""

    def __init__(self, models: Models) -> None:
        self.models = models

    def write(self, view: ExplanationView, directory: Path) -> TakeAway:
        """Writes everything about a finished run into ``directory``."""
        recognizer = self.models.recognizer(view.settings.checkpoint)
        drawn = directory / "drawn"
        drawn.mkdir()
        asked = view.settings.asked
        # the pictures and tapes of the run itself may be gone
        player = draw_player(view.explanation, view.samples, recognizer, drawn, asked)
        name = f"{Path(view.explanation.info.name).stem or 'clip'}-playback"
        files = write_files(view.explanation, player, view.samples, recognizer, directory / name, asked)
        archive = directory / f"{name}.zip"
        write_archive(files, archive)
        return TakeAway(files, archive)
