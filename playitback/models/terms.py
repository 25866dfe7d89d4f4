"""What families with an encoder and activity are trained for: terms of their stages (``recipe``).

Encoder: clips are classified, some of them with random columns removed and, where the model replays, with random
stretches replayed, so that removal and stretched time are nothing new. Taught: the same, and what a teacher answered.
Activity: the head learns what the encoder answers to short stretches kept alone.

B clips, T time columns.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from playitback.config import require
from playitback.models.encoded import EncodedListener
from playitback.models.losses import classification
from playitback.models.recipe import Targets, Terms
from playitback.models.scenes import Scene, make_scenes
from playitback.models.taught import Taught
from playitback.replay import column_edges
from playitback.segments import random_segments
from playitback.spectrogram import SILENCE, mask_frames

STRETCHES = 4  # of each clip that are kept alone
STRETCH_SECONDS = (0.3, 2.0)  # of stretches that are kept alone, in clips that are long enough
STRETCH_SHARE = 0.5  # of a clip, that a stretch may have
WELL_INSIDE = 0.2  # of a stretch, left out at either end where its answer is learned


@dataclass(frozen=True, kw_only=True)
class EncoderTerms(Terms):
    """The encoder alone: {"classify"}.

    Shares are of micro-batches (warped), of clips (removed), of mels and frames (masks).
    """

    warped: float = 0.5  # random stretches are replayed, so that stretched time is nothing new
    removed: float = 0.5  # clips that lose random stretches, so that removal is nothing new
    frequency_mask: float = 0.2  # largest share of mels that one of two masks covers (SpecAugment, Park et al. 2019)
    time_mask: float = 0.0  # largest share of frames that one of two masks covers

    def __call__(
        self, model: EncodedListener, waveforms: Tensor, targets: Targets, generator: Generator
    ) -> dict[str, Tensor]:
        with torch.no_grad():
            frames, _ = hear_warped(model, waveforms, self.warped, generator)
            frames = mask_frames(model.normalise(frames), self.frequency_mask, self.time_mask, generator)
        local = model.encoder.local_features(frames)
        kept = random_columns(len(local), local.shape[1], self.removed, generator).to(local.device)
        logits = model.encoder.head(model.encoder.grid(local * kept[:, :, None, None]))
        return {"classify": classification(logits, targets, model.config.multi_label, self.label_smoothing)}


@dataclass(frozen=True, kw_only=True)
class LessonTerms(Terms):
    """What a teacher answered. Weights, those of a first trial, kept; 0 switches a term off."""

    labels: float = 0.5  # classification of the model's own classes
    probe: float = 1.0  # classification as the teacher would with those classes, in all that it heard
    classes: float = 20.0  # binary cross-entropy on the teacher's classes, of which most are silent
    features: float = 2.0  # of the teacher, by regression
    known: float = 0.5  # whether what is heard is of the model's own classes at all
    frequency_mask: float = 0.1  # largest share of mels that one of two masks covers

    def __post_init__(self) -> None:
        super().__post_init__()
        learned = any(getattr(self, name) for name in self.switches)
        require(learned, "nothing is learned in the stage taught; leave classes in, or the teacher out")

    @property
    def switches(self) -> tuple[str, ...]:
        return ("labels", "probe", "classes", "features", "known")

    @property
    def reach_all_parameters(self) -> bool:
        return min(getattr(self, name) for name in self.switches) > 0

    def learn(
        self, own: tuple[Tensor, ...], pooled: Tensor, taught: Taught | None, targets: Targets, multi_label: bool
    ) -> dict[str, Tensor]:
        """The terms, of a model's own logits (B, classes) and the features (B, W) that they are read from."""
        assert taught is not None, "a recipe with this stage is for models with a teacher"
        labels, probed, *answers = targets
        terms = {
            "labels": classification(own, [labels], multi_label, self.label_smoothing),
            "probe": classification(own, [probed], multi_label, 0.0),
            **taught.terms(pooled, *answers),
        }
        return {name: getattr(self, name) * term for name, term in terms.items() if getattr(self, name)}


@dataclass(frozen=True, kw_only=True)
class TaughtTerms(LessonTerms):
    """The encoder and what it makes of a teacher's answers.

    The student hears what the teacher heard, half of the micro-batches with random stretches replayed.
    """

    def __call__(
        self, model: EncodedListener, waveforms: Tensor, targets: Targets, generator: Generator
    ) -> dict[str, Tensor]:
        with torch.no_grad():
            frames, _ = hear_warped(model, waveforms, 0.5, generator)
            frames = mask_frames(model.normalise(frames), self.frequency_mask, 0.0, generator)
        pooled = model.encoder.pooled(model.encoder.grid(model.encoder.local_features(frames)))
        return self.learn(model.encoder.classify(pooled), pooled, model.taught, targets, model.config.multi_label)


@dataclass(frozen=True)
class HeardScene:
    """A scene as an encoder hears it."""

    scene: Scene
    edges: Tensor  # (B, T + 1) of the time columns, in seconds
    local: Tensor  # (B, T, F, C)
    grid: Tensor  # (B, T', F', W)
    silence: Tensor  # (1, T, F, C) the local features of digital silence
    said: tuple[Tensor, ...]  # (B, T, classes) logits of the activity, of every head


@dataclass(frozen=True, kw_only=True)
class ActivityTerms(Terms):
    """The activity head. Weights; 0 switches a term off.

    Clips are put together to scenes first (``scenes``), so that there is something to tell apart, and half of the
    micro-batches have random stretches replayed, where the model replays.
    """

    activity: float = 1.0  # Kullback-Leibler divergence from the model's own answers to stretches kept alone, in nats

    def __post_init__(self) -> None:
        super().__post_init__()
        learned = any(getattr(self, name) for name in self.switches)
        require(learned, "nothing is learned in the stage activity; leave activity in")

    @property
    def switches(self) -> tuple[str, ...]:
        return ("activity",)

    def __call__(
        self, model: EncodedListener, waveforms: Tensor, targets: Targets, generator: Generator
    ) -> dict[str, Tensor]:
        return self.learn_activity(model, hear_scene(model, waveforms, generator), generator)

    def learn_activity(self, model: EncodedListener, heard: HeardScene, generator: Generator) -> dict[str, Tensor]:
        """The term, of a scene that was heard."""
        return {"activity": self.activity * divergence_alone(model, heard, generator)} if self.activity else {}


def hear_scene(model: EncodedListener, waveforms: Tensor, generator: Generator) -> HeardScene:
    """Scenes of clips (B, samples), and what the model with an activity head hears in them; it alone has gradients."""
    assert model.activity is not None, "a recipe with this stage is for models with an activity head"
    scene = make_scenes(waveforms, model.config.front_end.sample_rate, generator)
    with torch.no_grad():
        frames, edges = hear_warped(model, scene.sound, 0.5, generator)
        local = model.encoder.local_features(model.normalise(frames))
        grid = model.encoder.grid(local)
        silence = local_silence(model)
    return HeardScene(scene, edges, local, grid, silence, model.activity(local, grid))


def divergence_alone(model: EncodedListener, heard: HeardScene, generator: Generator) -> Tensor:
    """Of what the head says of a few stretches of each clip from what the encoder says of them kept alone, in nats."""
    clip_seconds, edges = model.config.front_end.clip_seconds, heard.edges
    losses = []
    for _ in range(STRETCHES):
        start, end = random_stretch(len(edges), *STRETCH_SECONDS, clip_seconds, generator)
        inside = columns_between(edges, start.to(edges.device), end.to(edges.device))
        margin = WELL_INSIDE * (end - start)
        told = columns_between(edges, (start + margin).to(edges.device), (end - margin).to(edges.device))
        with torch.no_grad():
            answers = hear_only(model, heard.local, inside, heard.silence)
        for own, answer in zip(heard.said, answers, strict=True):
            losses.append(own_answer_loss(own, answer, told, model.config.multi_label))
    return torch.stack(losses).mean()


def hear_warped(model: EncodedListener, waveforms: Tensor, share: float, generator: Generator) -> tuple[Tensor, Tensor]:
    """Frames (B, frames, mels) of clips (B, samples), and the edges (B, T + 1) of their time columns in seconds.

    With the probability ``share`` they are those of a playback, with random stretches replayed.
    """
    batch, front_end = len(waveforms), model.config.front_end
    coarse = model.log_mel(waveforms, front_end.hop_samples(0))
    index, segments = 0, waveforms.new_zeros(batch, 0, 2)
    if model.config.playbacks and torch.rand((), generator=generator) < share:
        index = int(torch.randint(1, model.config.hearings, (), generator=generator))
        segments = random_segments(batch, front_end.clip_seconds, generator).to(waveforms.device)
    frames, _, maps = model.frames_of(waveforms, segments, index, coarse)
    encoder = model.encoder
    _, edges = column_edges(maps, model.local_shape[0], encoder.time_stride, encoder.first_centre)
    return frames, edges


def random_stretch(
    batch: int, shortest: float, longest: float, clip_seconds: float, generator: Generator
) -> tuple[Tensor, Tensor]:
    """Start and end (B, 1) in seconds of one stretch per clip, of any length between the two, anywhere.

    Both are cut in proportion where the longest is too long for the clip.
    """
    scale = min(1.0, STRETCH_SHARE * clip_seconds / longest)
    length = scale * (shortest + (longest - shortest) * torch.rand((batch, 1), generator=generator))
    start = (clip_seconds - length) * torch.rand((batch, 1), generator=generator)
    return start, start + length


def columns_between(edges: Tensor, start: Tensor, end: Tensor) -> Tensor:
    """(B, T): whether the middle of each column, between edges (B, T + 1), lies between start and end (B, 1)."""
    middle = (edges[:, 1:] + edges[:, :-1]) / 2
    return (middle >= start) & (middle < end)


def own_answer_loss(own: Tensor, answer: Tensor, told: Tensor, multi_label: bool) -> Tensor:
    """Divergence of logits (B, T, C) from those of an answer (B, C), mean over the columns in ``told`` (B, T)."""
    answer = answer.float().unsqueeze(1).expand(-1, own.shape[1], -1)
    if multi_label:
        said = answer.sigmoid()
        unsure = F.binary_cross_entropy_with_logits(answer, said, reduction="none")  # the entropy of the answer
        divergence = (F.binary_cross_entropy_with_logits(own.float(), said, reduction="none") - unsure).sum(dim=2)
    else:
        divergence = F.kl_div(
            own.float().log_softmax(dim=2), answer.log_softmax(dim=2), reduction="none", log_target=True
        ).sum(dim=2)
    return (divergence * told).sum() / told.sum().clamp_min(1)


def random_columns(batch: int, columns: int, share: float, generator: Generator) -> Tensor:
    """(B, T) of ones, with zeros in one to three random stretches of a share of the clips."""
    segments = random_segments(batch, float(columns), generator)
    column = torch.arange(columns) + 0.5
    inside = (column >= segments[..., :1]) & (column < segments[..., 1:])
    removed = inside.any(dim=1) & (torch.rand((batch, 1), generator=generator) < share)
    return 1.0 - removed.float()


def local_silence(model: EncodedListener) -> Tensor:
    """(1, T, F, C): the local features of digital silence."""
    front_end = model.config.front_end
    nothing = model.mel_mean.new_full((1, front_end.frames, front_end.mels), SILENCE)
    return model.encoder.local_features(model.normalise(nothing))


def hear_only(model: EncodedListener, local: Tensor, weight: Tensor, silence: Tensor) -> tuple[Tensor, ...]:
    """Logits (B, classes) of the encoder's heads when only the share ``weight`` (B, T) of every column is left.

    local: (B, T, F, C), the encoder's local features; silence: see ``local_silence``.

    What is taken away is replaced by ``silence``, which padded clips contain, too. Scaling the features down would take
    nothing away, because every block begins by normalising them.
    """
    left = torch.lerp(silence.to(local.dtype), local, weight[:, :, None, None].to(local.dtype))
    return model.encoder.head(model.encoder.grid(left))
