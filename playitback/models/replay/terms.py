"""What the stages of replay attention minimise (``stages``).

Encoder: clips are classified, some of them with random stretches replayed and some with random columns removed, so that
stretched time and removal are nothing new. Activity: the head learns what the encoder answers to short stretches kept
alone, and the slots learn to hold what speaks for the class asked of them. Replay: the decoder classifies after every
hearing ("Play It Back", section 3.1).

B clips, T time columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from playitback.config import require
from playitback.models.listener import class_log_probabilities
from playitback.models.losses import belief, classification
from playitback.models.recipe import Targets, Terms
from playitback.models.replay.model import ReplayModel
from playitback.models.replay.scenes import Scene, make_scenes
from playitback.replay import column_edges
from playitback.segments import mean_power, random_segments
from playitback.spectrogram import SILENCE, mask_frames

STRETCHES = 4  # of each clip that are kept alone
STRETCH_SECONDS = (0.3, 2.0)  # of stretches that are kept alone, in clips that are long enough
STRETCH_SHARE = 0.5  # of a clip, that a stretch may have
WELL_INSIDE = 0.2  # of a stretch, left out at either end where its answer is learned
BUDGET = 0.25  # share of a clip's time that slot 0 holds at no cost
ASKED_SECOND, ASKED_ABSENT = 0.3, 0.2  # shares of clips in which slot 0 is asked for the other class, or for neither
_HARDLY = 0.1  # of a target, below which its class is a wrong one
ASKED_TRUE, ASKED_WRONG = 0.25, 0.15  # of clips that are replayed for their own class, or for another, not the belief


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
class TaughtTerms(Terms):
    """The encoder and what it makes of a teacher's answers. Weights; 0 switches a term off.

    The student hears what the teacher heard, half of the micro-batches with random stretches replayed. Weights: those
    of a first trial, kept.
    """

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

    def __call__(
        self, model: ReplayModel, waveforms: Tensor, targets: Targets, generator: Generator
    ) -> dict[str, Tensor]:
        assert model.taught is not None, "a recipe with this stage is for models with a teacher"
        labels, probed, *answers = targets
        multi_label = model.config.multi_label
        with torch.no_grad():
            frames, _ = hear_warped(model, waveforms, 0.5, generator)
            frames = mask_frames(model.normalise(frames), self.frequency_mask, 0.0, generator)
        grid = model.encoder.grid(model.encoder.local_features(frames))
        own = model.encoder.head(grid)
        terms = {
            "labels": classification(own, [labels], multi_label, self.label_smoothing),
            "probe": classification(own, [probed], multi_label, 0.0),
            **model.taught.terms(grid.mean(dim=(1, 2)), *answers),
        }
        return {name: getattr(self, name) * term for name, term in terms.items() if getattr(self, name)}


@dataclass(frozen=True, kw_only=True)
class ActivityTerms(Terms):
    """The activity head and, where they are aimed, the slots that read it. Weights; 0 switches a term off.

    Clips are put together to scenes first (``scenes``), so that there is something to tell apart, and half of the
    micro-batches have random stretches replayed.
    """

    activity: float = 1.0  # Kullback-Leibler divergence from the model's own answers to stretches kept alone, in nats
    keep: float = 1.0  # what slot 0 holds says the class asked for, with silence in place of the rest
    remove: float = 1.0  # the rest does not say it
    absent: float = 3.0  # slot 0 holds nothing where the class asked for is known to be absent
    budget: float = 4.0  # slot 0 holds no more than ``BUDGET`` of the time

    def __post_init__(self) -> None:
        super().__post_init__()
        learned = any(getattr(self, name) for name in self.switches)
        require(learned, "nothing is learned in the stage activity; leave activity in")

    @property
    def switches(self) -> tuple[str, ...]:
        return ("activity", "keep", "remove", "absent", "budget")

    @property
    def reach_all_parameters(self) -> bool:
        return self.activity > 0 and max(self.keep, self.remove, self.absent, self.budget) > 0

    def __call__(
        self, model: ReplayModel, waveforms: Tensor, targets: Targets, generator: Generator
    ) -> dict[str, Tensor]:
        assert model.activity is not None, "a recipe with this stage is for models with an activity head"
        scene = make_scenes(waveforms, model.config.front_end.sample_rate, generator)
        with torch.no_grad():
            frames, edges = hear_warped(model, scene.sound, 0.5, generator)
            local = model.encoder.local_features(model.normalise(frames))
            grid = model.encoder.grid(local)
            silence = local_silence(model)
        said = model.activity(local, grid)
        terms = {}
        if self.activity:
            terms["activity"] = self.activity * divergence_alone(model, said, local, edges, silence, generator)
        if model.aim is None or not max(self.keep, self.remove, self.absent, self.budget):
            return terms
        asked, present = ask(scene, targets[0], edges, model.config.front_end.sample_rate, generator)
        held = model.attend(local, grid, said[0], asked).attention[:, 0]
        width = edges.diff(dim=1).to(held.dtype)
        sounds = present.amax(dim=1) > 0
        if self.keep:
            kept = log_probability(hear_only(model, local, held, silence)[0], asked, model.config.multi_label)
            terms["keep"] = -self.keep * mean_where(sounds, kept)
        if self.remove:
            rest = log_probability(hear_only(model, local, 1 - held, silence)[0], asked, model.config.multi_label)
            terms["remove"] = -self.remove * mean_where(sounds, torch.log1p(-rest.exp().clamp(max=1 - 1e-4)))
        if self.absent:
            absent = (present == 0).to(held.dtype) * width
            terms["absent"] = self.absent * (held * absent).sum() / absent.sum().clamp_min(1e-6)
        if self.budget:
            share = (held * width).sum(dim=1) / width.sum(dim=1)
            terms["budget"] = self.budget * (share - BUDGET).clamp_min(0).mean()
        return terms


@dataclass(frozen=True, kw_only=True)
class ReplayTerms(Terms):
    """The decoder, after every hearing. Weights; 0 switches a term off and leaves it uncomputed.

    Mostly the belief is asked about in each hearing, as it will be; sometimes the true class, and sometimes a wrong
    one, so that hearing its moments again can refute it.
    """

    per_hearing: float = 0.25  # classification after every hearing, summed over the hearings
    fused: float = 1.0  # classification of the fused prediction, where the model fuses
    rank: float = 0.5  # a later hearing believes in the class at least as much

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.per_hearing > 0 or self.fused > 0, "nothing is classified; leave per_hearing or fused in")

    @property
    def switches(self) -> tuple[str, ...]:
        return ("per_hearing", "fused", "rank")

    @property
    def reach_all_parameters(self) -> bool:
        return self.fused > 0

    def __call__(
        self, model: ReplayModel, waveforms: Tensor, targets: Targets, generator: Generator
    ) -> dict[str, Tensor]:
        multi_label = model.config.multi_label
        heads = len(model.config.labels)
        if len(targets) > heads:  # of a mixture: the classes as its teacher would name them
            targets = targets[heads : 2 * heads]
        hearings = list(model.listen(waveforms, asked=ask_sometimes(targets[0], generator)))

        def classify(logits: Sequence[Tensor]) -> Tensor:
            return classification(logits, targets, multi_label, self.label_smoothing)

        terms = {}
        if self.per_hearing:
            terms["per_hearing"] = self.per_hearing * torch.stack([classify(each.logits) for each in hearings]).sum()
        if self.fused and (fused := model.fuse(hearings)) is not None:
            terms["fused"] = self.fused * classify(fused)
        if self.rank and len(hearings) > 1:
            beliefs = torch.stack([belief(each.logits, targets, multi_label) for each in hearings])
            terms["rank"] = self.rank * rank_loss(beliefs)
        return terms


def divergence_alone(
    model: ReplayModel, said: Sequence[Tensor], local: Tensor, edges: Tensor, silence: Tensor, generator: Generator
) -> Tensor:
    """Of what the head says of a few stretches of each clip from what the encoder says of them kept alone, in nats.

    said: logits (B, T, classes) of every head; local: (B, T, F, C); edges: (B, T + 1) seconds; silence: see
    ``local_silence``.
    """
    clip_seconds = model.config.front_end.clip_seconds
    losses = []
    for _ in range(STRETCHES):
        start, end = random_stretch(len(local), *STRETCH_SECONDS, clip_seconds, generator)
        inside = columns_between(edges, start.to(edges.device), end.to(edges.device))
        margin = WELL_INSIDE * (end - start)
        told = columns_between(edges, (start + margin).to(edges.device), (end - margin).to(edges.device))
        with torch.no_grad():
            answers = hear_only(model, local, inside, silence)
        for own, answer in zip(said, answers, strict=True):
            losses.append(own_answer_loss(own, answer, told, model.config.multi_label))
    return torch.stack(losses).mean()


def ask(scene: Scene, targets: Tensor, edges: Tensor, sample_rate: int, generator: Generator) -> tuple[Tensor, Tensor]:
    """A class to ask for in every scene (B,), and the share (B, T) of every column in which it may sound.

    targets: (B, classes) of the clips. Asked for is mostly a class of the clip itself, sometimes one of its neighbour,
    where that sounds, and sometimes one that is in neither.
    """
    other = targets[torch.arange(len(targets)) ^ 1]
    kind = torch.rand((len(targets), 1), generator=generator).to(targets)
    neighbour = (kind < ASKED_SECOND) & (scene.second.amax(dim=1, keepdim=True) > 0)
    # clips without a label are asked for what is not there
    absent = (kind >= 1 - ASKED_ABSENT) | (torch.where(neighbour, other, targets).amax(dim=1, keepdim=True) <= 0)
    luck = torch.rand(targets.shape, generator=generator).to(targets) + 1e-6
    candidates = torch.where(
        absent, ((targets <= 0) & (other <= 0)).to(targets), torch.where(neighbour, other, targets)
    )
    asked = (candidates * luck).argmax(dim=1)
    in_first, in_second = (each.gather(1, asked.unsqueeze(1)) > 0 for each in (targets, other))
    present = torch.maximum(scene.first * in_first, scene.second * in_second)
    return asked, mean_power(present, edges, sample_rate).to(scene.sound.dtype)


def ask_sometimes(targets: Tensor, generator: Generator) -> Tensor:
    """(B,) classes to ask about: of most clips none (-1: the belief), of some the true class, of some a wrong one."""
    kind = torch.rand(len(targets), generator=generator).to(targets)
    luck = torch.rand(targets.shape, generator=generator).to(targets) + 1e-6
    true, wrong = ((each * luck).argmax(dim=1) for each in (targets, (targets < _HARDLY).to(targets)))
    return torch.where(kind < ASKED_TRUE, true, torch.where(kind < ASKED_TRUE + ASKED_WRONG, wrong, -1))


def log_probability(logits: Tensor, asked: Tensor, multi_label: bool) -> Tensor:
    """(B,) of the classes asked for, from logits (B, classes)."""
    return class_log_probabilities(logits, multi_label).gather(1, asked.unsqueeze(1)).squeeze(1)


def mean_where(on: Tensor, values: Tensor) -> Tensor:
    """Mean of values (B,) where ``on`` (B,); 0 where none is."""
    return (values * on).sum() / on.sum().clamp_min(1)


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
