"""What the stages of replay attention minimise (``stages``), beside what all encoders learn (``models/terms``).

Slots: they learn to hold what speaks for the class asked of them, and nothing where it is absent. Replay: the decoder
classifies after every hearing ("Play It Back", section 3.1).

B clips, T time columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from playitback.config import require
from playitback.models.encoded import EncodedListener
from playitback.models.listener import class_log_probabilities
from playitback.models.losses import belief, classification
from playitback.models.recipe import Targets, Terms, named_classes
from playitback.models.replay.model import ReplayModel
from playitback.models.scenes import Scene
from playitback.models.terms import ActivityTerms, hear_only, hear_scene
from playitback.segments import mean_power

BUDGET = 0.25  # share of a clip's time that slot 0 holds at no cost
ASKED_SECOND, ASKED_ABSENT = 0.3, 0.2  # shares of clips in which slot 0 is asked for the other class, or for neither
_HARDLY = 0.1  # of a target, below which its class is a wrong one
ASKED_TRUE, ASKED_WRONG = 0.25, 0.15  # of clips that are replayed for their own class, or for another, not the belief


@dataclass(frozen=True, kw_only=True)
class SlotTerms(ActivityTerms):
    """The activity head and, where they are aimed, the slots that read it. Weights; 0 switches a term off."""

    keep: float = 1.0  # what slot 0 holds says the class asked for, with silence in place of the rest
    remove: float = 1.0  # the rest does not say it
    absent: float = 3.0  # slot 0 holds nothing where the class asked for is known to be absent
    budget: float = 4.0  # slot 0 holds no more than ``BUDGET`` of the time

    @property
    def switches(self) -> tuple[str, ...]:
        return ("activity", "keep", "remove", "absent", "budget")

    @property
    def reach_all_parameters(self) -> bool:
        return self.activity > 0 and max(self.keep, self.remove, self.absent, self.budget) > 0

    def __call__(
        self, model: EncodedListener, waveforms: Tensor, targets: Targets, generator: Generator
    ) -> dict[str, Tensor]:
        assert isinstance(model, ReplayModel), "a recipe with this stage is for models with slots"
        heard = hear_scene(model, waveforms, generator)
        terms = self.learn_activity(model, heard, generator)
        if model.aim is None or not max(self.keep, self.remove, self.absent, self.budget):
            return terms
        asked, present = ask(heard.scene, targets[0], heard.edges, model.config.front_end.sample_rate, generator)
        held = model.attend(heard.local, heard.grid, heard.said[0], asked).attention[:, 0]
        width = heard.edges.diff(dim=1).to(held.dtype)
        sounds = present.amax(dim=1) > 0

        def answer(share: Tensor) -> Tensor:
            said = hear_only(model, heard.local, share, heard.silence)[0]
            return log_probability(said, asked, model.config.multi_label)

        if self.keep:
            terms["keep"] = -self.keep * mean_where(sounds, answer(held))
        if self.remove:
            unsaid = torch.log1p(-answer(1 - held).exp().clamp(max=1 - 1e-4))
            terms["remove"] = -self.remove * mean_where(sounds, unsaid)
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
    one, so that hearing its moments again can refute it. The rank is of models whose classes exclude one another: of
    several labels all can be raised at once, and later hearings would learn to say yes to everything.
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
        targets = named_classes(targets, heads=len(model.config.labels))
        hearings = list(model.listen(waveforms, asked=ask_sometimes(targets[0], generator)))

        def classify(logits: Sequence[Tensor]) -> Tensor:
            return classification(logits, targets, multi_label, self.label_smoothing)

        terms = {}
        if self.per_hearing:
            terms["per_hearing"] = self.per_hearing * torch.stack([classify(each.logits) for each in hearings]).sum()
        if self.fused and (fused := model.fuse(hearings)) is not None:
            terms["fused"] = self.fused * classify(fused)
        if self.rank and not multi_label and len(hearings) > 1:
            beliefs = torch.stack([belief(each.logits, targets, multi_label) for each in hearings])
            terms["rank"] = self.rank * rank_loss(beliefs)
        return terms


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


def rank_loss(beliefs: Tensor, margin: float = 0.02) -> Tensor:
    """Hinge on p_{i+1}(y) >= p_i(y) + margin for beliefs (hearings, B), at least two hearings.

    Directed, unlike the original's absolute difference. The margin shrinks near certainty, where there is nothing left
    to gain. The earlier hearing is held fixed, so that only a better later hearing can reduce the loss, not a worse
    earlier one.
    """
    earlier, later = beliefs[:-1].detach(), beliefs[1:]
    goal = torch.minimum(earlier + margin, (1 + earlier) / 2)
    return (goal - later).clamp_min(0).mean()
