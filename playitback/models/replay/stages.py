"""How replay attention is trained: its stages, their terms, and the recipe of every preset.

Stage "encoder": the encoder classifies clips, some of them with random stretches replayed and some with random
columns removed, so that stretched time and removal are nothing new to it. Stage "activity": the activity head learns
what the encoder answers to short stretches kept alone (``activity.py``). Stage "replay": the decoder classifies after
every hearing, and the slots learn where to listen ("Play It Back", section 3.1).

``small`` is trained with what small data sets need: strong augmentation, AdamW, a moving average of the weights. The
paper's models are trained as the paper says (section 3.1): SGD with Nesterov momentum, cosine after a warm-up, mixup,
CutMix and SpecAugment.

B clips, T time columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from playitback.config import require
from playitback.edits import root_mean_square
from playitback.models.losses import belief, classification, nothing_said
from playitback.models.recipe import Augmentation, Recipe, Stage, Targets, Terms
from playitback.models.replay.model import ReplayHearing, ReplayModel
from playitback.replay import column_edges
from playitback.segments import random_segments
from playitback.spectrogram import SILENCE, mask_frames

STRETCH_SECONDS = (0.5, 2.0)  # of stretches that are kept alone
WELL_INSIDE = 0.2  # of a stretch, left out at either end where its answer is learned
BUDGET = 0.2  # share of time that the informative slot should hold, on average


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
        self, model: ReplayModel, waveforms: Tensor, targets: Targets, generator: Generator
    ) -> dict[str, Tensor]:
        with torch.no_grad():
            frames, _ = hear_warped(model, waveforms, self.warped, generator)
            frames = mask_frames(model.normalise(frames), self.frequency_mask, self.time_mask, generator)
        local = model.encoder.local_features(frames)
        kept = random_columns(len(local), local.shape[1], self.removed, generator).to(local.device)
        logits = model.encoder.head(model.encoder.grid(local * kept[:, :, None, None]))
        return {"classify": classification(logits, targets, model.config.multi_label, self.label_smoothing)}


@dataclass(frozen=True, kw_only=True)
class ActivityTerms(Terms):
    """The activity head: {"activity"}, the Kullback-Leibler divergence from the model's own answers, in nats.

    A few stretches of each clip are kept alone, with silence elsewhere; what the encoder says of each is the target of
    the columns well inside it. No label is used. Many clips are spliced from two first, so that there is something to
    tell apart.
    """

    stretches: int = 5  # of each clip that are kept alone
    spliced: float = 0.7  # share of clips of which only a stretch is left, with another clip around it
    overlapping: float = 0.2  # share of those under which the other clip goes on
    level_decibels: float = 12.0  # by which the other clip is softer or louder, at most
    noise_decibels: tuple[float, float] = (-60.0, -30.0)  # level of white noise under all, below full scale
    warped: float = 0.5  # share of micro-batches with random stretches replayed

    def __call__(
        self, model: ReplayModel, waveforms: Tensor, targets: Targets, generator: Generator
    ) -> dict[str, Tensor]:
        assert model.activity is not None, "a recipe with this stage is for models with an activity head"
        with torch.no_grad():
            sound = self._scenes(waveforms, generator)
            frames, edges = hear_warped(model, sound, self.warped, generator)
            local = model.encoder.local_features(model.normalise(frames))
            grid = model.encoder.grid(local)
            silence = local_silence(model)
        said = model.activity(local, grid)
        clip_seconds = model.config.front_end.clip_seconds
        losses = []
        for _ in range(self.stretches):
            start, end = random_stretch(len(local), *STRETCH_SECONDS, clip_seconds, generator)
            inside = columns_between(edges, start.to(edges.device), end.to(edges.device))
            margin = WELL_INSIDE * (end - start)
            told = columns_between(edges, (start + margin).to(edges.device), (end - margin).to(edges.device))
            with torch.no_grad():
                answers = hear_only(model, local, inside, silence)
            for own, answer in zip(said, answers, strict=True):
                losses.append(own_answer_loss(own, answer, told, model.config.multi_label))
        return {"activity": torch.stack(losses).mean()}

    def _scenes(self, waveforms: Tensor, generator: Generator) -> Tensor:
        """Clips (B, samples), many spliced with their neighbour in the pair, with a little noise under all."""
        batch, samples = waveforms.shape
        other = waveforms[torch.arange(batch) ^ 1]
        level = self.level_decibels * (2 * torch.rand((batch, 1), generator=generator) - 1)
        length = ((0.15 + 0.7 * torch.rand((batch, 1), generator=generator)) * samples).round()
        start = (torch.rand((batch, 1), generator=generator) * (samples - length)).round()
        sample = torch.arange(samples)
        inside = ((sample >= start) & (sample < start + length)).float()
        goes_on = (torch.rand((batch, 1), generator=generator) < self.overlapping).float()
        around = torch.maximum(1 - inside, goes_on)
        spliced = torch.rand((batch, 1), generator=generator) < self.spliced
        low, high = self.noise_decibels
        noise_level = 10 ** ((low + (high - low) * torch.rand((batch, 1), generator=generator)) / 20)
        noise = noise_level * torch.randn((batch, samples), generator=generator)
        gain = 10 ** (level / 20) * root_mean_square(waveforms) / root_mean_square(other).clamp_min(1e-6)
        mixed = inside.to(waveforms) * waveforms + around.to(waveforms) * gain.to(waveforms) * other
        return torch.where(spliced.to(waveforms.device), mixed, waveforms) + noise.to(waveforms)


@dataclass(frozen=True, kw_only=True)
class ReplayTerms(Terms):
    """Weights of the replay stage's terms; 0 switches a term off and leaves it uncomputed."""

    per_hearing: float = 0.25  # classification after every hearing, summed over the hearings
    fused: float = 1.0  # classification of the fused prediction, where the model fuses
    keep: float = 1.0  # what the informative slot holds classifies by itself, with silence in place of the rest
    remove: float = 1.0  # what the other slots hold says nothing
    rank: float = 0.5  # a later hearing believes in the class at least as much
    budget: float = 20.0  # over a micro-batch, about ``BUDGET`` of the time is informative
    soft_replay: float = 0.0  # not a term: share of the gradient that flows through the time map into the attention

    def __post_init__(self) -> None:
        require(min(getattr(self, name) for name in self.switches) >= 0, "the weights of losses must not be negative")
        require(self.per_hearing > 0 or self.fused > 0, "nothing is classified; leave per_hearing or fused in")

    @property
    def switches(self) -> tuple[str, ...]:
        return ("per_hearing", "fused", "keep", "remove", "rank", "budget", "soft_replay")

    @property
    def reach_all_parameters(self) -> bool:
        return self.fused > 0 and max(self.keep, self.remove, self.budget, self.soft_replay) > 0

    def __call__(
        self, model: ReplayModel, waveforms: Tensor, targets: Targets, generator: Generator
    ) -> dict[str, Tensor]:
        multi_label = model.config.multi_label
        hearings = list(model.listen(waveforms, soft=self.soft_replay))

        def classify(logits: Sequence[Tensor]) -> Tensor:
            return classification(logits, targets, multi_label, self.label_smoothing)

        terms = {}
        if self.per_hearing:
            terms["per_hearing"] = self.per_hearing * torch.stack([classify(each.logits) for each in hearings]).sum()
        if self.fused and (fused := model.fuse(hearings)) is not None:
            terms["fused"] = self.fused * classify(fused)
        # one hearing per step, drawn at random, is enough for keep and remove
        examined = hearings[int(torch.randint(len(hearings), (), generator=generator))]
        if self.keep or self.remove:
            silence = local_silence(model)
        if self.keep:
            terms["keep"] = self.keep * classify(hear_only(model, examined.local, examined.relevance, silence))
        if self.remove:
            rest = hear_only(model, examined.local, 1 - examined.relevance, silence)
            terms["remove"] = self.remove * nothing_said(rest, multi_label)
        if self.rank and len(hearings) > 1:
            beliefs = torch.stack([belief(each.logits, targets, multi_label) for each in hearings])
            terms["rank"] = self.rank * rank_loss(beliefs)
        if self.budget:
            excess = torch.stack([held_time(each).mean() - BUDGET for each in hearings])
            terms["budget"] = self.budget * excess.square().mean()
        return terms


def hear_warped(model: ReplayModel, waveforms: Tensor, share: float, generator: Generator) -> tuple[Tensor, Tensor]:
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
    stem = model.encoder.stem
    _, edges = column_edges(maps, model.local_shape[0], stem.time_stride, stem.first_centre)
    return frames, edges


def random_stretch(
    batch: int, shortest: float, longest: float, clip_seconds: float, generator: Generator
) -> tuple[Tensor, Tensor]:
    """Start and end (B, 1) in seconds of one stretch per clip, of any length between the two, anywhere."""
    length = shortest + (longest - shortest) * torch.rand((batch, 1), generator=generator)
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
        divergence = F.binary_cross_entropy_with_logits(own.float(), answer.sigmoid(), reduction="none").mean(dim=2)
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


def held_time(heard: ReplayHearing) -> Tensor:
    """(B,): share of the clip's time that the informative slot holds."""
    width = heard.edges.diff(dim=1).to(heard.relevance.dtype)
    return (heard.relevance * width).sum(dim=1) / width.sum(dim=1)


def local_silence(model: ReplayModel) -> Tensor:
    """(1, T, F, C): the local features of digital silence."""
    front_end = model.config.front_end
    nothing = model.mel_mean.new_full((1, front_end.frames, front_end.mels), SILENCE)
    return model.encoder.local_features(model.normalise(nothing))


def hear_only(model: ReplayModel, local: Tensor, weight: Tensor, silence: Tensor) -> tuple[Tensor, ...]:
    """Logits (B, classes) of the encoder's heads when only the share ``weight`` (B, T) of every column is left.

    local: (B, T, F, C), the encoder's local features; silence: see ``local_silence``.

    What is taken away is replaced by ``silence``, which padded clips contain, too. Scaling the features down would take
    nothing away, because every block begins by normalising them.
    """
    left = torch.lerp(silence.to(local.dtype), local, weight[:, :, None, None].to(local.dtype))
    return model.encoder.head(model.encoder.grid(left))


def rank_loss(beliefs: Tensor, margin: float = 0.02) -> Tensor:
    """Hinge on p_{i+1}(y) >= p_i(y) + margin for beliefs (hearings, B), at least two hearings.

    Directed, unlike the original's absolute difference. The margin shrinks near certainty, where there is nothing left
    to gain. The earlier hearing is held fixed, so that only a better later hearing can reduce the loss, not a worse
    earlier one.
    """
    earlier, later = beliefs[:-1].detach(), beliefs[1:]
    goal = torch.minimum(earlier + margin, (1 + earlier) / 2)
    return (goal - later).clamp_min(0).mean()


_SMALL = Recipe(
    stages=(
        Stage(
            name="encoder",
            epochs=100,
            learning_rate=1.5e-3,
            trains={"encoder": 1.0},
            terms=EncoderTerms(),
            settles_statistics=True,
        ),
        Stage(
            name="activity",
            epochs=8,
            learning_rate=2e-3,
            trains={"activity": 1.0},
            terms=ActivityTerms(),
            augmentation=Augmentation(between_class=0.0),
        ),
        Stage(
            name="replay",
            epochs=10,
            learning_rate=1e-3,
            trains={"slots": 1.0, "decoder": 1.0, "encoder": 0.3},
            terms=ReplayTerms(),
            augmentation=Augmentation(shortened=0.2, background=0.3),
        ),
    ),
)

_PAPER_AUGMENTATION = Augmentation(between_class=0.0, mixup=0.5, cutmix=0.5, time_scale=1.0, gain_decibels=0.0)
#: section 3.1 of the paper; the learning rates and the batch are ours
_PAPER = Recipe(
    stages=(
        Stage(
            name="encoder",
            epochs=50,
            learning_rate=0.05,
            trains={"encoder": 1.0},
            terms=EncoderTerms(label_smoothing=0.1, time_mask=0.0625),
            augmentation=_PAPER_AUGMENTATION,
            settles_statistics=True,
        ),
        Stage(
            name="replay",
            epochs=50,
            learning_rate=0.05,
            trains={"slots": 1.0, "decoder": 1.0},
            terms=ReplayTerms(label_smoothing=0.1, per_hearing=0.1, rank=0.1),
            augmentation=_PAPER_AUGMENTATION,
        ),
    ),
    batch_size=64,
    micro_batch_size=8,
    optimizer="sgd",
    weight_decay=1e-4,
    average_decay=0.999,
)


def recipe(preset: str) -> Recipe:
    """How a preset is trained."""
    return _SMALL if preset == "small" else _PAPER
