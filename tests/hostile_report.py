"""A report of a run whose names would break out of a careless page, and what it was made from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tiny import RATE, sounding_clips, tiny_checkpoint, tiny_model

from playitback.audio import Recording, RecordingInfo
from playitback.explain.explanation import Explanation
from playitback.recognizer import Recognizer
from playitback.report.figure import figures_of
from playitback.report.files import draw_player
from playitback.report.html import report_html
from playitback.report.rows import PlayerView
from playitback.spectrogram import mel_hertz

PLAYBACKS = 2
HEARINGS = PLAYBACKS + 1
HOSTILE = '</script><script>window.hacked=1</script><img src=x onerror="window.hacked=2"><!-- ${1}'
LABELS = ("church_bells", "rain", f"siren {HOSTILE}", "engine", "clock_tick", "wind")
NAME = f"bell {HOSTILE}.wav"


@dataclass(frozen=True)
class HostileReport:
    recognizer: Recognizer
    samples: np.ndarray
    explanation: Explanation
    player: PlayerView
    figure: str  # SVG
    html: str


def make_hostile_report(folder: Path) -> HostileReport:
    """``folder``: where the checkpoint and what the player draws are put."""
    model = tiny_model(labels=LABELS, playbacks=PLAYBACKS)
    recognizer = Recognizer.from_checkpoint(tiny_checkpoint(folder / "tiny", model), "cpu")
    samples = sounding_clips(1)[0].numpy()
    recording = Recording(samples, RecordingInfo(NAME, 9.5, 44_100, 2, "WAV"), 1.25, RATE, ("It is <long>.",))
    explanation = Explanation.of(recording, recognizer, recognizer.explain(samples))
    (folder / "drawn").mkdir()
    player = draw_player(explanation, samples, recognizer, folder / "drawn")
    figure = figures_of(explanation, mel_hertz(recognizer.config.front_end)).svg
    html = report_html(explanation, player, figure, recognizer)
    return HostileReport(recognizer, samples, explanation, player, figure, html)
