"""Is activity true: what the model says of a moment, beside its own answer when that moment is all it hears?

Stretches of a second are kept alone, and the first hearing's answer to each is compared with activity there: by the
Kullback-Leibler divergence from the answer to activity (nats; of a multi-label model, the sum over its classes), by
the correlation over the stretches of a clip of the log-probability of the class that the model names, and by whether
both name the same class. What it must beat is the answer to the whole clip, taken for every stretch; that one is the
same for all of them, so it has no correlation.

And does it say "none" where there is nothing? Its largest probability of any class, and its entropy, on silence and on
white noise beside the clips. A model whose probabilities sum to 1 cannot say "none": even doubt gives each class its
share, so only a high entropy can be asked of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from playitback.edits import keep_only
from playitback.evidence.beds import NOISE_BED, bed
from playitback.evidence.intervals import Bootstrap, Interval, mean_over_models
from playitback.evidence.rivals import hear_activity, hear_windows, log_probabilities, windows
from playitback.evidence.runs import Ears, Run
from playitback.models.listener import named_class
from playitback.progress import Steps
from playitback.segments import audible_columns, inside_segments

NOISE_CLIPS = 40
NOISE_LEVEL = 0.1  # root mean square
_MARGIN = 0.2  # of a stretch, at each end, where activity also hears what lies beside it


@dataclass(frozen=True)
class Emptiness:
    """What is said of one kind of sound. Means over the clip's moments."""

    sound: str
    clips: int
    largest: Interval  # activity's probability of the likeliest class, 0 to 1
    entropy: Interval  # of activity, nats
    decided: Interval  # probability of the decision after the last hearing


@dataclass(frozen=True)
class ActivityTruth:
    """Activity beside the model's answers to stretches kept alone."""

    clips: int
    windows: int  # of a clip; silent ones are left out
    window_seconds: float
    multi_label: bool
    divergence: Interval  # of the answers from activity
    whole_divergence: Interval  # of the answers from the answer to the whole clip
    correlation: Interval  # -1 to 1; of clips in which both vary
    agreement: Interval  # share of stretches, 0 to 1, of which both name the same class
    whole_agreement: Interval
    emptiness: tuple[Emptiness, ...]  # clips, silence, white noise


CLIPS, SILENT, WHITE_NOISE = "clips", "silence", "white noise"


def clips_to_compare_activity(clips: int, clip_seconds: float) -> int:
    """Clips that ``compare_activity`` hears for each model."""
    return clips * (1 + len(windows(clip_seconds))) + 2 * (1 + NOISE_CLIPS)


def compare_activity(
    all_ears: Sequence[Ears], waveforms: Tensor, choices: Sequence[Run], bootstrap: Bootstrap
) -> Steps[ActivityTruth]:
    """waveforms: (N, clip_samples); choices: ``ears.hear(waveforms)`` of each model, which tells activity."""
    ears = all_ears[0]
    noise = NOISE_LEVEL * bed(
        NOISE_BED, NOISE_CLIPS, waveforms.shape[1], ears.sample_rate, Generator().manual_seed(bootstrap.seed)
    )
    empty = {SILENT: torch.zeros_like(waveforms[:1]), WHITE_NOISE: noise}
    truths, said = [], []
    for each, choice in zip(all_ears, choices, strict=True):
        told = yield from hear_activity(each, waveforms)
        answers = yield from hear_windows(each, waveforms, keep_only)
        truths.append(_compare(each, waveforms, told, answers, choice))
        of_model = {CLIPS: _emptiness(each, told, choice)}
        for sound, clips in empty.items():
            told = yield from hear_activity(each, clips)
            of_model[sound] = _emptiness(each, told, (yield from each.hear(clips)))
        said.append(of_model)
    found, emptiness = mean_over_models(truths), mean_over_models(said)
    stretches = windows(ears.clip_seconds)
    return ActivityTruth(
        clips=len(waveforms),
        windows=len(stretches),
        window_seconds=float(stretches[0].diff()),
        multi_label=ears.recognizer.config.multi_label,
        **{name: bootstrap.interval(values) for name, values in found.items()},
        emptiness=tuple(
            Emptiness(sound, len(values), *(bootstrap.interval(each) for each in values.T))
            for sound, values in emptiness.items()
        ),
    )


def _compare(ears: Ears, waveforms: Tensor, told: Tensor, answers: Tensor, choice: Run) -> dict[str, Tensor]:
    """(N,) of every field of ``ActivityTruth`` that is an interval. told: (N, TIME_BINS, C); answers: (N, W, C)."""
    stretches = windows(ears.clip_seconds).unsqueeze(1)
    margin = _MARGIN * stretches.diff(dim=2)
    holds = inside_segments(torch.cat([stretches[..., :1] + margin, stretches[..., 1:] - margin], dim=2), ears.edges)
    there = (holds / holds.sum(dim=1, keepdim=True)) @ told  # (N, W, C)
    audible = audible_columns(waveforms, ears.edges.expand(len(waveforms), -1), ears.sample_rate).double()
    counted = audible @ holds.T > 0  # (N, W)
    whole = choice.probabilities[:, :1].expand_as(answers)
    config = ears.recognizer.config
    of_answers = named_class(answers, config)

    def mean(values: Tensor) -> Tensor:
        return torch.where(counted, values, torch.nan).nanmean(dim=1)

    named = choice.decision.view(-1, 1, 1).expand(-1, answers.shape[1], 1)
    answered, said = (log_probabilities(each).gather(2, named).squeeze(2) for each in (answers, there))
    return {
        "divergence": mean(divergence(answers, there, config.multi_label)),
        "whole_divergence": mean(divergence(answers, whole, config.multi_label)),
        "correlation": correlation(answered, said, counted),
        "agreement": mean((of_answers == named_class(there, config)).double()),
        "whole_agreement": mean((of_answers == named_class(whole, config)).double()),
    }


def divergence(answer: Tensor, told: Tensor, multi_label: bool) -> Tensor:
    """Kullback-Leibler divergence (...,) in nats of what is told from the answer, (..., C) probabilities."""
    found = answer * (log_probabilities(answer) - log_probabilities(told))
    if multi_label:
        found = found + (1 - answer) * (log_probabilities(1 - answer) - log_probabilities(1 - told))
    return found.sum(dim=-1)


def correlation(one: Tensor, other: Tensor, counted: Tensor) -> Tensor:
    """Pearson's, over those of the columns (N, W) that are counted: (N,). NaN where one of them does not vary."""
    weights = counted.double() / counted.sum(dim=1, keepdim=True).clamp_min(1)
    one, other = (each - (weights * each).sum(dim=1, keepdim=True) for each in (one, other))
    spread = ((weights * one.square()).sum(dim=1) * (weights * other.square()).sum(dim=1)).sqrt()
    return torch.where(spread > 1e-12, (weights * one * other).sum(dim=1) / spread.clamp_min(1e-12), torch.nan)


def _emptiness(ears: Ears, told: Tensor, run: Run) -> Tensor:
    """(N, 3): the fields of ``Emptiness`` that are intervals."""
    entropy = torch.special.entr(told).sum(dim=2)
    if ears.recognizer.config.multi_label:
        entropy = entropy + torch.special.entr(1 - told).sum(dim=2)
    decided = run.probabilities[:, -1].gather(1, run.decision.unsqueeze(1)).squeeze(1)
    return torch.stack([told.amax(dim=2).mean(dim=1), entropy.mean(dim=1), decided], dim=1)
