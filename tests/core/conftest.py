"""What tests of the core share: everything that reads a sound file."""

from __future__ import annotations

from pathlib import Path

import pytest
from sound_files import Read, load, without_ffmpeg

from playitback import audio


@pytest.fixture(params=[audio.probe, load, audio.overview], ids=["probe", "load", "overview"])
def read(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Read:
    """Every function that reads, on a machine without ffmpeg."""
    without_ffmpeg(monkeypatch, tmp_path)
    return request.param
