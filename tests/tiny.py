"""Small stand-ins that several test files share: models of a few thousand weights, sounds, a data set, a checkpoint."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import soundfile
import torch
from torch import Tensor

from playitback.audio import RecordingInfo
from playitback.checkpoint import Checkpoint, save_checkpoint
from playitback.config import ActivityConfig, FrontEndConfig, SegmentRules
from playitback.explain.explanation import Explanation
from playitback.models.listener import Listener
from playitback.models.replay.config import DecoderConfig, EncoderConfig, ReplayConfig, SlotConfig
from playitback.models.replay.model import ReplayModel
from playitback.recognizer import ClipHearing, Recognizer

RATE = 16_000
CLIP_SECONDS = 2.0
LABELS = ("bell", "rain", "siren", "knock")
STEMS = ("patch", "convolutional")

_ENCODERS = {
    "patch": EncoderConfig(width=8, depth=2, stages_at=(1,), key_value_stride=2, drop_path=0.0, dropout=0.0),
    "convolutional": EncoderConfig(
        stem="convolutional",
        stem_widths=(8, 16, 16),
        width=16,
        heads=1,
        depth=2,
        stages_at=(0,),
        drop_path=0.0,
        dropout=0.0,
    ),
}


def tiny_front_end(clip_seconds: float = CLIP_SECONDS) -> FrontEndConfig:
    """Hop 12.5 ms."""
    return FrontEndConfig(
        clip_seconds=clip_seconds, frames=round(80 * clip_seconds), mels=32, fft_samples=512, window_samples=400
    )


def tiny_config(
    stem: str = "convolutional",
    labels: Sequence[str] = LABELS,
    *,
    playbacks: int = 3,
    fusion: bool = False,
    clip_seconds: float = CLIP_SECONDS,
    threshold: float = 0.0,
    activity: bool = False,
    aimed: bool = False,
) -> ReplayConfig:
    """The architecture of the presets at a few thousand weights: hop 12.5 ms, columns of 50 ms.

    threshold: at 0 the half of the time that is attended to most is chosen, whatever an untrained model's level is;
    aimed: the slots are asked for a class, and there is the activity that they read.
    """
    return ReplayConfig(
        labels=(tuple(labels),),
        playbacks=playbacks,
        front_end=tiny_front_end(clip_seconds),
        encoder=_ENCODERS[stem],
        slots=SlotConfig(width=16, hidden=16, aimed=aimed),
        segments=SegmentRules(threshold=threshold),
        decoder=DecoderConfig(latents=4, width=16, self_heads=2, head_width=8, self_blocks=1, fusion=fusion),
        activity=ActivityConfig(squeezed_channels=4, width=16) if activity or aimed else None,
    )


def tiny_model(stem: str = "convolutional", seed: int = 0, **settings: object) -> ReplayModel:
    """An untrained model in evaluation mode, whose attention varies more over time than it would."""
    torch.manual_seed(seed)
    model = ReplayModel(tiny_config(stem, **settings)).eval()  # type: ignore[arg-type]
    model.mel_mean.fill_(-6.0)
    model.mel_deviation.fill_(3.0)
    with torch.no_grad():
        model.slots.query.weight.mul_(4)
    return model


def lively_model(always: int | None = None, **settings: object) -> ReplayModel:
    """An untrained model with activity, which is sure of one class here and of another there, or always of one."""
    model = tiny_model(seed=2, activity=True, **settings)
    assert model.activity is not None
    with torch.no_grad():
        for head in model.activity.heads:
            head.weight.mul_(10 if always is None else 0)
            head.bias.zero_()
            if always is not None:
                head.bias[always] = 9.0
    return model


def recognizer_of(model: Listener | None = None, name: str = "tiny") -> Recognizer:
    """A recognizer on the CPU, without a checkpoint on disk: of ``model`` or an untrained one."""
    return Recognizer(Checkpoint(name, model or tiny_model()), "cpu")


def explanation_of(hearings: Iterable[ClipHearing]) -> Explanation:
    """What a recognizer of a tiny model heard of a clip, as it is told."""
    info = RecordingInfo("clip.wav", CLIP_SECONDS, RATE, 1, "WAV")
    return Explanation(info, 0.0, CLIP_SECONDS, (), "tiny", "replay", LABELS, CLIP_SECONDS, RATE, tuple(hearings))


def tiny_checkpoint(folder: Path, model: Listener | None = None, dtype: torch.dtype = torch.float32) -> Path:
    """A checkpoint in ``folder``, of ``model`` or an untrained one."""
    about = {"licence": "CC0-1.0", "data": {"name": "none", "folds": []}}
    save_checkpoint(folder, model or tiny_model(), about=about, card="# A tiny model\n", dtype=dtype)
    return folder


def sounding_clips(count: int, seed: int = 0, clip_seconds: float = CLIP_SECONDS) -> Tensor:
    """(count, samples): noise that swells and fades, another way in every clip, so that attention varies over time."""
    generator = torch.Generator().manual_seed(seed)
    samples = round(clip_seconds * RATE)
    noise = torch.randn(count, samples, generator=generator)
    envelope = torch.nn.functional.interpolate(
        torch.rand(count, 1, 12, generator=generator) ** 3, size=samples, mode="linear"
    )
    return (0.3 * noise * envelope[:, 0]).clamp(-1, 1)


def tone(seconds: float, rate: int = RATE, hertz: float = 600.0) -> np.ndarray:
    """(samples,) float32."""
    return (0.4 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def noise(seconds: float, rate: int = RATE, seed: int = 0) -> np.ndarray:
    """(samples,) float32."""
    return (0.2 * np.random.default_rng(seed).standard_normal(round(seconds * rate))).astype(np.float32)


def clicks(seconds: float, at_seconds: Sequence[float], rate: int = RATE) -> np.ndarray:
    """(samples,) float32: silence with one loud sample at each of the given seconds."""
    samples = np.zeros(round(seconds * rate), np.float32)
    samples[np.rint(np.asarray(at_seconds) * rate).astype(int)] = 0.9
    return samples


def chirp(seconds: float, rate: int = RATE, hertz: tuple[float, float] = (300.0, 6000.0)) -> np.ndarray:
    """(samples,) float32, gliding from one frequency to the other."""
    time = np.arange(round(seconds * rate)) / rate
    phase = hertz[0] * time + (hertz[1] - hertz[0]) * time**2 / (2 * seconds)
    return (0.4 * np.sin(2 * np.pi * phase)).astype(np.float32)


def cut(path: Path, share: float) -> Path:
    """Leaves the first ``share`` of a file's bytes."""
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    return path


def _example(category: str, seconds: float, rate: int, rng: np.random.Generator) -> np.ndarray:
    samples = 0.05 * noise(seconds, rate, int(rng.integers(1000)))  # as behind any recording
    if category == "tone":
        samples += tone(seconds, rate, rng.uniform(400, 500))
    if category == "noise":
        samples *= 20
    if category == "chirps":
        calls = [chirp(0.2, rate, (1200.0, rng.uniform(2500, 3500))) for _ in range(math.ceil(seconds / 0.2))]
        samples += np.concatenate(calls)[: len(samples)]
    if category == "clicks":
        samples += clicks(seconds, np.arange(rng.uniform(0, 0.05), seconds, 0.1), rate)
    return samples


#: in the order of their targets, which is that of no alphabet
CATEGORIES = ("tone", "noise", "chirps", "clicks")


def write_esc50(
    root: Path, *, clips_per_class: int = 4, folds: Sequence[int] = (1, 2), seconds: float = 1.0, rate: int = 44_100
) -> Path:
    """A folder in the layout of ESC-50, with generated sounds of four classes in each fold."""
    rng = np.random.default_rng(0)
    (root / "meta").mkdir(parents=True)
    (root / "audio").mkdir()
    with (root / "meta" / "esc50.csv").open("w", newline="", encoding="utf-8") as listing:
        rows = csv.writer(listing)
        rows.writerow(["filename", "fold", "target", "category", "esc10", "src_file", "take"])
        for fold in folds:
            for target, category in enumerate(CATEGORIES):
                for take in range(clips_per_class):
                    name = f"{fold}-{100 * target + take}-A-{target}.wav"
                    soundfile.write(root / "audio" / name, _example(category, seconds, rate, rng), rate)
                    rows.writerow([name, fold, target, category, True, 100 * target + take, "A"])
    return root
