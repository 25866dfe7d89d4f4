"""What the two stages minimise. Both return their terms by name; the total is the sum.

Stage "encoder": the encoder classifies clips, some of them with random stretches replayed and some with random
columns removed, so that stretched time and removal are nothing new to it.

Stage "replay": the encoder is frozen; the decoder classifies after every pass, and the slots learn where to listen:
- keep: the local features under the informative attention must classify by themselves, all else being silence;
- remove: those under the rest of the attention must say nothing (towards the uniform distribution);
- rank: a later pass should believe in the class at least as much as an earlier one;
- budget: over a batch, about ``BUDGET`` of the time is informative.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from playitback.models.playitback import Pass, ReplayModel
from playitback.spectrogram import SILENCE
from playitback.training import augmentation

BUDGET = 0.35  # share of time that the informative slot should hold, on average
_WARPED_BATCHES = 0.5  # share of encoder batches that replay random segments
_WEIGHTS = {"keep": 1.0, "remove": 1.0, "rank": 0.5, "budget": 20.0}


def encoder_terms(model: ReplayModel, waveforms: Tensor, targets: Tensor, generator: Generator) -> dict[str, Tensor]:
    """waveforms (B, samples), targets (B, classes) summing to 1 -> {"classify"}."""
    batch = waveforms.shape[0]
    front_end = model.config.front_end
    with torch.no_grad():
        coarse = model.log_mel(waveforms, front_end.hop_samples(0))
        pass_index = 0
        segments = waveforms.new_zeros(batch, 0, 2)
        if model.config.playbacks and torch.rand((), generator=generator) < _WARPED_BATCHES:
            pass_index = int(torch.randint(1, model.config.passes, (), generator=generator))
            segments = augmentation.random_segments(batch, front_end.clip_seconds, generator).to(waveforms.device)
        frames, _, _ = model.frames_of(waveforms, segments, pass_index, coarse)
        frames = augmentation.mask_frequencies(model.normalise(frames), generator)
    local = model.encoder.local_features(frames)
    kept = augmentation.random_columns(batch, local.shape[1], generator).to(local.device)
    (logits,) = model.encoder.head(model.encoder.grid(local * kept[:, :, None, None]))
    return {"classify": cross_entropy(logits, targets)}


def replay_terms(model: ReplayModel, waveforms: Tensor, targets: Tensor, generator: Generator) -> dict[str, Tensor]:
    """waveforms (B, samples), targets (B, classes) summing to 1 -> every term, weighted."""
    passes = list(model.listen(waveforms))
    beliefs = [(each.logits[0].softmax(dim=1) * targets).sum(dim=1) for each in passes]
    decisions = [each.logits[0] for each in passes]
    if model.config.decoder.fusion:
        decisions += model.decoder.logits(model.decoder.fuse([each.summary for each in passes]))
    # one pass a step is enough for keep and remove, and each takes its turn
    examined = passes[int(torch.randint(len(passes), (), generator=generator))]
    silence = local_silence(model)
    terms = {
        "classify": torch.stack([cross_entropy(logits, targets) for logits in decisions]).mean(),
        "keep": cross_entropy(hear_only(model, examined, informative(examined), silence), targets),
        "remove": nothing_said(hear_only(model, examined, 1 - informative(examined), silence)),
        "rank": rank_loss(torch.stack(beliefs)),
        "budget": torch.stack([(held_time(each).mean() - BUDGET).square() for each in passes]).mean(),
    }
    return {name: term * _WEIGHTS.get(name, 1.0) for name, term in terms.items()}


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


def hear_only(model: ReplayModel, heard: Pass, weight: Tensor, silence: Tensor) -> Tensor:
    """Logits (B, classes) of the encoder when only the share ``weight`` (B, T) of every column is left.

    What is taken away is replaced by ``silence``, which clips that were padded hold too. To scale the features down
    would take nothing away: the first thing that a block does is to normalise them.
    """
    (logits,) = model.encoder.head(model.encoder.grid(torch.lerp(silence, heard.local, weight[:, :, None, None])))
    return logits


def cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean over the batch, for targets that are distributions."""
    return F.cross_entropy(logits.float(), targets)


def nothing_said(logits: Tensor) -> Tensor:
    """Kullback-Leibler divergence from the uniform distribution, mean over the batch: 0 where nothing is preferred."""
    return -logits.float().log_softmax(dim=1).mean() - math.log(logits.shape[1])


def rank_loss(beliefs: Tensor, margin: float = 0.02) -> Tensor:
    """Hinge on p_{i+1}(y) >= p_i(y) + margin for beliefs (passes, B).

    Directed, unlike the original's absolute difference. The margin shrinks near certainty, where there is nothing left
    to gain. The earlier pass is held fixed, so that the loss can be met by a better later pass only, not by a worse
    earlier one.
    """
    if len(beliefs) < 2:
        return beliefs.new_zeros(())
    earlier, later = beliefs[:-1].detach(), beliefs[1:]
    goal = torch.minimum(earlier + margin, (1 + earlier) / 2)
    return (goal - later).clamp_min(0).mean()
