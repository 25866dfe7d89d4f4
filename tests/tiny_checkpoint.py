"""An untrained checkpoint that explains a two-second clip in milliseconds; what pages and services are tested with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from playitback.checkpoint import save_checkpoint
from playitback.config import DecoderConfig, EncoderConfig, FrontEndConfig, ModelConfig, SegmentRules, SlotConfig
from playitback.models.playitback import ReplayModel

LABELS = ("church_bells", "rain", "siren", "engine", "clock_tick", "<b>${x}{{y}}</b>")
CLIP_SECONDS = 2.0
PLAYBACKS = 2
SAMPLE_RATE = 16_000
CARD = "---\nlicense: apache-2.0\n---\n# Tiny\n\nUntrained.\n\n## Data\n\nNone.\n"

CONFIG = ModelConfig(
    labels=(LABELS,),
    playbacks=PLAYBACKS,
    front_end=FrontEndConfig(clip_seconds=CLIP_SECONDS, frames=100, mels=32, fft_samples=512, window_samples=320),
    encoder=EncoderConfig(width=8, depth=2, stages_at=(1,), key_value_stride=2, drop_path=0.0),
    slots=SlotConfig(width=8, hidden=8),
    # A threshold of 0 rises until little enough lies above it: even an untrained model chooses something.
    segments=SegmentRules(threshold=0.0, maximum_share=0.4, minimum_seconds=0.2, merge_gap_seconds=0.2),
    decoder=DecoderConfig(latents=4, width=8, self_heads=2, head_width=4, self_blocks=1, fusion=False),
)


def save_tiny_checkpoint(folder: Path) -> Path:
    """Writes the same checkpoint every time; returns ``folder``."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = ReplayModel(CONFIG)
    save_checkpoint(folder, model, about={}, card=CARD)
    return folder


def sweep(seconds: float, sample_rate: int = SAMPLE_RATE) -> np.ndarray:
    """(samples,) float32: a tone that rises through the clip, so that every moment differs, at half of full scale."""
    second = np.arange(round(seconds * sample_rate)) / sample_rate
    return (0.5 * np.sin(2 * np.pi * (300 * second + 500 * second**2 / max(seconds, 1)))).astype(np.float32)
