"""What the two stages minimise: terms by name, weighted; the total is their sum.

Stage "encoder": the encoder classifies clips, some of them with random stretches replayed and some with random
columns removed, so that stretched time and removal are nothing new to it.

Stage "replay": the decoder classifies after every pass, and the slots learn where to listen (``Losses`` has the
weights):
- per_pass, fused: classification after every pass, and by the fused prediction;
- keep: the local features under the informative attention must classify by themselves, all else being silence;
- remove: those under the rest of the attention must say nothing;
- rank: a later pass should believe in the class at least as much as an earlier one;
- budget: over a micro-batch, about ``BUDGET`` of the time is informative;
- soft_replay is no term of its own: the others' gradient also flows through the time maps into the attention.

B clips, T time columns; targets are one tensor a head, (B, classes): distributions over the classes, or, in multi-label
models, a number from 0 to 1 for each class.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from playitback.models.playitback import Pass, ReplayModel, class_probabilities
from playitback.spectrogram import SILENCE
from playitback.training import augmentation
from playitback.training.recipe import Recipe

BUDGET = 0.2  # share of time that the informative slot should hold, on average

Targets = tuple[Tensor, ...]


class Objective(nn.Module):
    """The terms of a stage as one module, so that DistributedDataParallel finds its parameters behind a ``forward``."""

    def __init__(self, model: ReplayModel, recipe: Recipe, stage: str) -> None:
        super().__init__()
        self.model = model
        self.recipe = recipe
        self.stage = stage

    def forward(self, waveforms: Tensor, targets: Targets, seed: int) -> dict[str, Tensor]:
        """waveforms (B, samples) -> weighted terms. ``seed`` decides everything that is random here."""
        generator = Generator().manual_seed(seed)
        torch.manual_seed(seed)  # of dropout, dropped paths and the noise on the slots
        terms = encoder_terms if self.stage == "encoder" else replay_terms
        return terms(self.model, waveforms, targets, self.recipe, generator)


def encoder_terms(
    model: ReplayModel, waveforms: Tensor, targets: Targets, recipe: Recipe, generator: Generator
) -> dict[str, Tensor]:
    """{"classify"} for waveforms (B, samples)."""
    batch = waveforms.shape[0]
    front_end, settings = model.config.front_end, recipe.augmentation
    with torch.no_grad():
        coarse = model.log_mel(waveforms, front_end.hop_samples(0))
        pass_index = 0
        segments = waveforms.new_zeros(batch, 0, 2)
        if model.config.playbacks and torch.rand((), generator=generator) < settings.warped:
            pass_index = int(torch.randint(1, model.config.passes, (), generator=generator))
            segments = augmentation.random_segments(batch, front_end.clip_seconds, generator).to(waveforms.device)
        frames, _, _ = model.frames_of(waveforms, segments, pass_index, coarse)
        frames = augmentation.mask_frames(model.normalise(frames), settings, generator)
    local = model.encoder.local_features(frames)
    kept = augmentation.random_columns(batch, local.shape[1], settings.removed, generator).to(local.device)
    logits = model.encoder.head(model.encoder.grid(local * kept[:, :, None, None]))
    return {"classify": classification(logits, targets, model.config.multi_label, recipe.label_smoothing)}


def replay_terms(
    model: ReplayModel, waveforms: Tensor, targets: Targets, recipe: Recipe, generator: Generator
) -> dict[str, Tensor]:
    """Every term of the replay stage whose weight is not 0, for waveforms (B, samples)."""
    weights, multi_label = recipe.losses, model.config.multi_label
    passes = list(model.listen(waveforms, soft=weights.soft_replay))

    def classify(logits: Sequence[Tensor]) -> Tensor:
        return classification(logits, targets, multi_label, recipe.label_smoothing)

    terms = {}
    if weights.per_pass:
        terms["per_pass"] = weights.per_pass * torch.stack([classify(each.logits) for each in passes]).sum()
    if weights.fused and model.config.decoder.fusion:
        fused = model.decoder.logits(model.decoder.fuse([each.summary for each in passes]))
        terms["fused"] = weights.fused * classify(fused)
    # one pass a step is enough for keep and remove, and each takes its turn
    examined = passes[int(torch.randint(len(passes), (), generator=generator))]
    if weights.keep or weights.remove:
        silence = local_silence(model)
    if weights.keep:
        terms["keep"] = weights.keep * classify(hear_only(model, examined, informative(examined), silence))
    if weights.remove:
        rest = hear_only(model, examined, 1 - informative(examined), silence)
        terms["remove"] = weights.remove * nothing_said(rest, multi_label)
    if weights.rank and len(passes) > 1:
        beliefs = torch.stack([belief(each.logits, targets, multi_label) for each in passes])
        terms["rank"] = weights.rank * rank_loss(beliefs)
    if weights.budget:
        excess = torch.stack([held_time(each).mean() - BUDGET for each in passes])
        terms["budget"] = weights.budget * excess.square().mean()
    return terms


def informative(heard: Pass) -> Tensor:
    """(B, T) attention of the informative slot."""
    return heard.slots.attention[:, 0]


def held_time(heard: Pass) -> Tensor:
    """(B,): share of the clip's time that the informative slot holds."""
    width = heard.column_edges.diff(dim=1).to(heard.slots.attention.dtype)
    return (informative(heard) * width).sum(dim=1) / width.sum(dim=1)


def local_silence(model: ReplayModel) -> Tensor:
    """(1, T, F, C): the local features of digital silence."""
    front_end = model.config.front_end
    nothing = model.mel_mean.new_full((1, front_end.frames, front_end.mels), SILENCE)
    return model.encoder.local_features(model.normalise(nothing))


def hear_only(model: ReplayModel, heard: Pass, weight: Tensor, silence: Tensor) -> tuple[Tensor, ...]:
    """Logits (B, classes) of the encoder's heads when only the share ``weight`` (B, T) of every column is left.

    What is taken away is replaced by ``silence``, which clips that were padded hold too. To scale the features down
    would take nothing away: the first thing that a block does is to normalise them.
    """
    left = torch.lerp(silence.to(heard.local.dtype), heard.local, weight[:, :, None, None].to(heard.local.dtype))
    return model.encoder.head(model.encoder.grid(left))


def classification(
    logits: Sequence[Tensor], targets: Sequence[Tensor], multi_label: bool, label_smoothing: float = 0.0
) -> Tensor:
    """Cross-entropy, or binary cross-entropy for several labels; mean over the batch, summed over the heads.

    Binary cross-entropy is the mean over the classes, too, and is never smoothed.
    """
    if multi_label:
        losses = [
            F.binary_cross_entropy_with_logits(each.float(), target)
            for each, target in zip(logits, targets, strict=True)
        ]
    else:
        losses = [
            F.cross_entropy(each.float(), target, label_smoothing=label_smoothing)
            for each, target in zip(logits, targets, strict=True)
        ]
    return torch.stack(losses).sum()


def nothing_said(logits: Sequence[Tensor], multi_label: bool) -> Tensor:
    """0 where nothing is preferred: the Kullback-Leibler divergence from the uniform distribution.

    With several labels nothing is said where no class is: binary cross-entropy towards 0. Mean over the batch, summed
    over the heads.
    """
    if multi_label:
        return torch.stack([F.softplus(each.float()).mean() for each in logits]).sum()
    return torch.stack([-each.float().log_softmax(dim=1).mean() - math.log(each.shape[1]) for each in logits]).sum()


def belief(logits: Sequence[Tensor], targets: Sequence[Tensor], multi_label: bool) -> Tensor:
    """(B,): probability of the true class, of several the mean weighted by the targets; mean over the heads."""
    beliefs = []
    for each, target in zip(logits, targets, strict=True):
        probabilities = class_probabilities(each, multi_label)
        beliefs.append((probabilities * target).sum(dim=1) / target.sum(dim=1).clamp_min(1e-6))
    return torch.stack(beliefs).mean(dim=0)


def rank_loss(beliefs: Tensor, margin: float = 0.02) -> Tensor:
    """Hinge on p_{i+1}(y) >= p_i(y) + margin for beliefs (passes, B), at least two passes.

    Directed, unlike the original's absolute difference. The margin shrinks near certainty, where there is nothing left
    to gain. The earlier pass is held fixed, so that the loss can be met by a better later pass only, not by a worse
    earlier one.
    """
    earlier, later = beliefs[:-1].detach(), beliefs[1:]
    goal = torch.minimum(earlier + margin, (1 + earlier) / 2)
    return (goal - later).clamp_min(0).mean()
