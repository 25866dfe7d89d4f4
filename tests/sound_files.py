"""Sound files that tests write, in every encoding, and what reads them at the rate of the tiny models."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tiny import RATE

from playitback import audio

ENCODINGS = [
    ("wav", "WAV", "PCM_U8"),
    ("wav", "WAV", "PCM_16"),
    ("wav", "WAV", "PCM_24"),
    ("wav", "WAV", "PCM_32"),
    ("wav", "WAV", "FLOAT"),
    ("wav", "WAV", "DOUBLE"),
    ("wav", "WAV", "ALAW"),
    ("wav", "WAV", "ULAW"),
    ("wav", "WAV", "IMA_ADPCM"),
    ("wav", "WAV", "MS_ADPCM"),
    ("wav", "WAV", "GSM610"),
    ("wav", "WAVEX", "PCM_16"),
    ("wav", "RF64", "PCM_16"),
    ("flac", "FLAC", "PCM_16"),
    ("flac", "FLAC", "PCM_24"),
    ("ogg", "OGG", "VORBIS"),
    ("opus", "OGG", "OPUS"),
    ("mp3", "MP3", "MPEG_LAYER_III"),
    ("aiff", "AIFF", "PCM_16"),
]

load, stream, window_count = (
    partial(read, sample_rate=RATE) for read in (audio.load, audio.stream, audio.window_count)
)

Read = Callable[[Path], object]


def chirp(seconds: float, rate: int, channels: int = 1) -> np.ndarray:
    """(frames, channels): a tone that rises from 200 Hz, so that every moment sounds different, with a little noise."""
    t = np.arange(round(seconds * rate)) / rate
    tone = 0.4 * np.sin(2 * np.pi * (200 + 40 * t) * t) + np.random.default_rng(7).normal(0, 0.01, len(t))
    return np.repeat(tone[:, None], channels, axis=1).astype(np.float32)


def write(path: Path, samples: np.ndarray, rate: int = 16_000, **how: object) -> Path:
    """Write in steps: libsndfile's Vorbis encoder overflows its stack on one long call."""
    channels = 1 if samples.ndim == 1 else samples.shape[1]
    with soundfile.SoundFile(path, "w", rate, channels, **how) as file:
        for at in range(0, len(samples), 16_384):
            file.write(samples[at : at + 16_384])
    return path


def without_ffmpeg(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
