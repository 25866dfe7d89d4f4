"""Makes the answers of a teacher (``answers``): mixtures are drawn, rendered and heard, each once.

What is drawn follows between-class mixing and CutMix, which have shown that mixtures teach: a quarter of the mixtures
is one clip, two fifths are two at once, the others have a clip in a stretch of another one, or of silence. All at other
speeds, levels and places.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torchaudio.functional import resample

from playitback.errors import SettingsError
from playitback.progress import Progress, Steps
from playitback.recognizer import Recognizer
from playitback.training.answers import CROP, MIX, SINGLE, SPLICE
from playitback.training.augmentation import loudness_decibels
from playitback.training.clips import ClipSet
from playitback.training.mixtures import Rendered

#: of kinds of mixtures
_SHARES = {SINGLE: 0.25, MIX: 0.4, SPLICE: 0.23, CROP: 0.12}
_UNLABELLED_PARTNERS = 0.3  # of the second clips, where there are recordings without labels
_FASTEST = 1.25  # or as much slower
_LOUDER = 10.0  # or softer, in decibels
_BESIDE = 12.0  # decibels between the two clips of a splice, at most
_SHORTEST = 0.1  # share of a clip that the inside of a splice or crop has, at least
_BATCH = 32


def plan_mixtures(
    sets: Sequence[ClipSet], shared: bool, count: int, sample_rate: int, seed: int
) -> dict[str, np.ndarray]:
    """Draws ``count`` mixtures of the clips of all sets in a row: the arrays of ``answers`` without answers.

    Clips are never mixed with those of another set, so that whoever keeps one for measuring loses none of the others'
    mixtures; shared: with those of the last set, recordings without labels, all of them may be mixed.
    """
    random = np.random.default_rng(seed)
    sizes = [len(each) for each in sets]
    begins = np.cumsum([0, *sizes])
    samples = sets[0].clip_samples
    levels = np.concatenate([_levels(each, sample_rate) for each in sets])
    kind = random.choice(list(_SHARES), size=count, p=list(_SHARES.values()))
    a = random.integers(begins[-1], size=count)
    home = np.searchsorted(begins, a, side="right") - 1
    if shared:
        home = np.where(random.random(count) < _UNLABELLED_PARTNERS, len(sets) - 1, home)
    b = begins[home] + (random.random(count) * np.array(sizes)[home]).astype(np.int64)
    b = np.where(np.isin(kind, (MIX, SPLICE)), b, -1)
    ratio = random.random(count)
    louder = random.uniform(-_LOUDER, _LOUDER, count)
    beside = np.where(kind == MIX, 20 * np.log10((1 - ratio) / np.maximum(ratio, 1e-3)), 0)
    beside = np.where(kind == SPLICE, random.uniform(-_BESIDE, _BESIDE, count), np.clip(beside, -40, 40))
    second = louder + np.where(b >= 0, levels[a] - levels[b], 0) + beside
    length = (random.uniform(_SHORTEST, 1 - _SHORTEST, count) * samples).astype(np.int64)
    start = (random.random(count) * (samples - length)).astype(np.int64)
    share = np.select([kind == MIX, kind == SPLICE], [ratio, length / samples], 1.0)
    return {
        "kind": kind.astype(np.uint8),
        "a": a.astype(np.int32),
        "b": b.astype(np.int32),
        "speed": (_FASTEST ** random.uniform(-1, 1, (count, 2))).astype(np.float32),
        "shift": random.integers(samples, size=(count, 2)).astype(np.int32),
        "gain": (10 ** (np.stack([louder, second], axis=1) / 20)).astype(np.float32),
        "start": start.astype(np.int32),
        "end": (start + length).astype(np.int32),
        "share": share.astype(np.float32),
    }


def ask_teacher(
    teacher: Recognizer, sets: Sequence[ClipSet], plan: dict[str, np.ndarray], sample_rate: int
) -> Steps[tuple[np.ndarray, np.ndarray]]:
    """What the teacher says of every mixture of the clips of ``sets`` in a row, after its last hearing.

    sample_rate: of the clips, in hertz; those that are shorter than the teacher's end in silence for it. Probabilities
    (N, K) and features (N, D); D is 0 for a family that tells none. Raises SettingsError for a teacher with several
    heads.
    """
    if len(teacher.config.labels) > 1:
        raise SettingsError(f"{teacher.name} names pairs; choose a teacher with one list of classes")
    places = np.array([(where, index) for where, clips in enumerate(sets) for index in range(len(clips))])
    rendered, count = Rendered(plan, places, sets), len(plan["kind"])
    probabilities, features = [], []
    for first in range(0, count, _BATCH):
        waveforms = [rendered[number] for number in range(first, min(first + _BATCH, count))]
        heard = list(teacher.answer(as_heard(torch.stack(waveforms), sample_rate, teacher)))
        (logits,) = teacher.decide(heard)
        probabilities.append(teacher.probabilities(logits).cpu().numpy())
        pooled = heard[-1].pooled
        features.append(np.zeros((len(waveforms), 0)) if pooled is None else pooled.float().cpu().numpy())
        yield Progress(min(first + _BATCH, count), count)
    return np.concatenate(probabilities), np.concatenate(features)


def as_heard(waveforms: Tensor, sample_rate: int, teacher: Recognizer) -> Tensor:
    """(B, samples) of clips at any rate, at the teacher's and as long as its clips."""
    samples = teacher.config.front_end.clip_samples
    resampled = resample(waveforms, sample_rate, teacher.sample_rate)[:, :samples]
    return F.pad(resampled, (0, samples - resampled.shape[1]))


def _levels(clips: ClipSet, sample_rate: int) -> np.ndarray:
    """(N,) decibels of every clip."""
    batches = torch.arange(len(clips)).split(256)
    return np.concatenate([loudness_decibels(clips.waveforms(each), sample_rate).numpy() for each in batches])
