"""Of a choice two things, each verified on this very clip by hearing it: what suffices for it, and what it needs.

- The passage that suffices: the shortest passage in one piece that, kept alone, leaves the class standing.
- All that it needs: the least time, in as many pieces as it takes, whose removal takes the class away.

They are not the same: a bell that rings four times stands on one stroke, and falls only when all four are gone.

A class *stands* when the model decides for it; where every class has a probability of its own, when that is 0.5 or
more. It is *gone* when it does not stand and has less than half of the probability that it had in the whole clip.

    hearings of the clip -> activity, relevance (TIME_BINS,) of the class
    -> windows where it is greatest, rung by rung longer      -> keep_only -> first that stands -> Passages.suffices
    -> moments where it is greatest, rung by rung more of them -> remove   -> first that is gone -> Passages.needs

What is edited becomes silence. A ladder of lengths, or of shares, is climbed from coarse to fine with the first hearing
alone, which costs a fraction of a run; what is found so is then heard with as many playbacks as the explanation has,
and only what holds there is told. So both are upper bounds: a search that tried everything might find less.

Truths that cost nothing are none here. The whole clip always suffices, and without any sound every class is gone: so
the longest passage is ``MOST_KEPT`` of what sounds, and no more than ``MOST_REMOVED`` of it is taken out. Digital
silence is no part of either.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from playitback.edits import FADE_SECONDS, SILENCE, keep_only, remove
from playitback.evidence.runs import CLIPS_A_STEP
from playitback.models.listener import LIKELY
from playitback.progress import Progress, Steps
from playitback.recognizer import ClipHearing, Recognizer
from playitback.segments import (
    TIME_BINS,
    Segment,
    audible_columns,
    equal_edges,
    pad_segments,
    resample,
    segments_where,
    unpad_segments,
)

SHORTEST_SECONDS = 0.25  # of a passage; what is shorter is a click with a fade at either end
#: of what sounds, the longest passage that may suffice: a longer one is nearly the clip itself
MOST_KEPT = 0.75
#: of what sounds, the most that may be needed: with more gone, it is no wonder that the class is, too
MOST_REMOVED = 0.5
#: of the class in the whole clip: below it the model hardly believes in it, and removal has nothing to take away
LEAST_PROBABILITY = 0.1
#: of the probability in the whole clip, below which a class that does not stand is gone
GONE_SHARE = 0.5

_RUNGS_AN_OCTAVE = 3  # of lengths: each is a quarter longer than the one before
_SHARES = 12  # from MOST_REMOVED / 12 to MOST_REMOVED
_COARSE = 3  # every third rung is heard first, and those below the first that holds only then
_VERIFIED_AT_ONCE = 2
_STEPS = 6  # of progress: coarse, fine and verified, for each of the two
_TINY = 1e-7


@dataclass(frozen=True)
class Trial:
    """A clip of which some time was kept or removed, as the model heard it. Probabilities after the last hearing."""

    segments: tuple[Segment, ...]  # that were kept alone, or removed: sorted, disjoint, of no digital silence
    share: float  # of what sounds, 0 to 1
    probability: float  # of the class, 0 to 1
    decision: str  # the class that is named
    holds: bool  # whether the class stands with nothing but them, or is gone without them
    decision_probability: float  # of ``decision``

    @property
    def seconds(self) -> float:
        """Of the segments, together."""
        return sum(segment.seconds for segment in self.segments)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, strings, lists and dicts for JSON."""
        return {
            "holds": self.holds,
            "segments": [
                {"start_seconds": each.start_seconds, "end_seconds": each.end_seconds} for each in self.segments
            ],
            "seconds": self.seconds,
            "share": self.share,
            "probability": self.probability,
            "decision": self.decision,
            "decision_probability": self.decision_probability,
        }


@dataclass(frozen=True)
class Passages:
    """What suffices for a class, and what it needs."""

    label: str  # the class
    decision: str  # the class that is named of the whole clip, after the last hearing
    probability: float  # of ``label`` then, 0 to 1
    audible_seconds: float  # of the clip that are not digital silence
    clip_seconds: float
    #: the shortest passage found that holds or, where none does, the longest that was heard; None: nothing sounds
    suffices: Trial | None
    #: the least time found whose removal holds or, where none does, the most that was removed; None: nothing sounds, or
    #: the class has less than ``LEAST_PROBABILITY`` and is not the decision
    needs: Trial | None
    multi_label: bool = False  # whether every class has a probability of its own

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, strings, lists and dicts for JSON."""
        return {
            "label": self.label,
            "decision": self.decision,
            "probability": self.probability,
            "audible_seconds": self.audible_seconds,
            "suffices": None if self.suffices is None else self.suffices.to_dict(),
            "needs": None if self.needs is None else self.needs.to_dict(),
        }


def find_passages(
    recognizer: Recognizer, hearings: Sequence[ClipHearing], samples: np.ndarray, label: str | None = None
) -> Steps[Passages]:
    """What suffices for a class, and what it needs.

    hearings: all of ``recognizer.explain(samples, ..., asked=label)``, one at least; samples: (samples,); label: the
    class that was asked about; None: the class decided for in the end. Raises SettingsError for a class that the model
    does not know, and AudioError for a clip that it cannot hear.
    """
    recognizer.check(None, label)
    clip = _Clip(recognizer, hearings, samples, label)
    suffices = needs = None
    if clip.audible.any():
        stays = yield from clip.first_that_holds(clip.windows(), keep_only, clip.stands, steps_before=0)
        suffices = clip.trial(*stays)
        if clip.believed:
            falls = yield from clip.first_that_holds(clip.shares(), remove, clip.is_gone, steps_before=_STEPS // 2)
            needs = clip.trial(*falls)
    return Passages(
        label=clip.label,
        decision=recognizer.labels[recognizer.named(clip.whole)],
        probability=float(clip.whole[clip.column]),
        audible_seconds=float(clip.audible.sum()) * clip.bin_seconds,
        clip_seconds=recognizer.clip_seconds,
        suffices=suffices,
        needs=needs,
        multi_label=recognizer.config.multi_label,
    )


def kept_sound(trial: Trial, samples: np.ndarray, sample_rate: int) -> np.ndarray:
    """What is left of a clip (samples,) when only a passage is kept, without the silence before and after it."""
    first, last = trial.segments[0].start_seconds, trial.segments[-1].end_seconds
    begin, end = round((first - FADE_SECONDS) * sample_rate), round((last + FADE_SECONDS) * sample_rate)
    return _edited(keep_only, trial, samples, sample_rate)[max(0, begin) : end]


def left_sound(trial: Trial, samples: np.ndarray, sample_rate: int) -> np.ndarray:
    """What is left of a clip (samples,) without what was removed, as long as the clip."""
    return _edited(remove, trial, samples, sample_rate)


#: (waveforms, segments, fill, sample rate, generator) -> waveforms
_Edit = Callable[[Tensor, Tensor, str, int, torch.Generator], Tensor]
#: probabilities (classes,) -> whether it is as it was sought
_Holds = Callable[[np.ndarray], bool]
#: (TIME_BINS,) bool: stretches of time
_Mask = np.ndarray


def _edited(edit: _Edit, trial: Trial, samples: np.ndarray, sample_rate: int) -> np.ndarray:
    segments = pad_segments([trial.segments], len(samples) / sample_rate)
    clip = torch.from_numpy(samples.astype(np.float32)).unsqueeze(0)
    return edit(clip, segments, SILENCE, sample_rate, torch.Generator())[0].numpy()


class _Clip:
    """A clip that is searched for one class."""

    def __init__(
        self, recognizer: Recognizer, hearings: Sequence[ClipHearing], samples: np.ndarray, asked: str | None
    ) -> None:
        self.recognizer = recognizer
        self.asked = asked
        self.playbacks = len(hearings) - 1
        self.whole = hearings[-1].probabilities
        self.label = asked or recognizer.labels[recognizer.named(self.whole)]
        self.column = recognizer.labels.index(self.label)
        # replay may have found a class that the first hearing is deaf to
        self._scouts_know = self.stands(hearings[0].probabilities) or not self.stands(self.whole)
        self.samples = recognizer.clips(samples)
        self.edges = equal_edges(recognizer.clip_seconds, TIME_BINS)
        self.bin_seconds = recognizer.clip_seconds / TIME_BINS
        self.audible = audible_columns(self.samples, self.edges, recognizer.sample_rate)[0].numpy()
        self._evidence = [_from_zero(each, self.audible) for each in self._curves(hearings)]

    def _curves(self, hearings: Sequence[ClipHearing]) -> list[np.ndarray]:
        """(TIME_BINS,) each: log-probability of the class by activity, where there is one, and mean relevance."""
        # a hearing that believed in another class chose for that one
        own = [each for each in hearings if each.asked == self.column] or list(hearings)
        curves = [np.mean([_resampled(each.relevance, each) for each in own], axis=0)]
        if hearings[0].activity is not None:
            log_activity = np.log(np.maximum(hearings[0].activity[:, self.column], _TINY))
            curves.insert(0, _resampled(log_activity, hearings[0]))
        return curves

    @property
    def believed(self) -> bool:
        """Whether there is anything to take away."""
        return self.stands(self.whole) or float(self.whole[self.column]) >= LEAST_PROBABILITY

    def stands(self, probabilities: np.ndarray) -> bool:
        if self.recognizer.config.multi_label:
            return float(probabilities[self.column]) >= LIKELY
        return self.recognizer.named(probabilities) == self.column

    def is_gone(self, probabilities: np.ndarray) -> bool:
        fallen = probabilities[self.column] < GONE_SHARE * self.whole[self.column]
        return bool(fallen) and not self.stands(probabilities)

    def windows(self) -> list[list[_Mask]]:
        """Passages, rung by rung longer: for each evidence the window that holds most of it, without its silence."""
        longest = max(1, int(MOST_KEPT * self.audible.sum()))
        shortest = min(longest, max(1, round(SHORTEST_SECONDS / self.bin_seconds)))
        rungs = int(np.log2(longest / shortest) * _RUNGS_AN_OCTAVE + 1e-9)
        lengths = {round(shortest * 2 ** (rung / _RUNGS_AN_OCTAVE)) for rung in range(rungs + 1)} | {longest}
        return [
            _distinct([self._window(evidence, length) for evidence in self._evidence]) for length in sorted(lengths)
        ]

    def _window(self, evidence: np.ndarray, length: int) -> _Mask:
        start = int(np.convolve(evidence, np.ones(length), "valid").argmax())
        bins = np.arange(TIME_BINS)
        return (bins >= start) & (bins < start + length) & self.audible

    def shares(self) -> list[list[_Mask]]:
        """Time, rung by rung more of it: for each evidence the moments that have most of it."""
        audible = int(self.audible.sum())
        counts = {int(MOST_REMOVED * audible * rung / _SHARES) for rung in range(1, _SHARES + 1)} - {0}
        return [
            _distinct([_greatest(evidence, count) for evidence in self._evidence]) for count in sorted(counts or {1})
        ]

    def first_that_holds(
        self, rungs: Sequence[Sequence[_Mask]], edit: _Edit, holds: _Holds, steps_before: int
    ) -> Steps[tuple[_Mask, np.ndarray, bool]]:
        """The time on the lowest rung that holds, what is believed then, and True; False with that of the top rung."""
        coarse = list(range(len(rungs)))[::-_COARSE][::-1]
        scouted = self._hear([(rung, each) for rung in coarse for each in rungs[rung]], edit, 0)
        yield Progress(steps_before + 1, _STEPS)
        lowest = next((rung for rung, _, believed in scouted if holds(believed)), None)
        if lowest is not None:
            below = max((rung for rung in coarse if rung < lowest), default=-1)
            fine = range(below + 1, lowest)
            scouted += self._hear([(rung, each) for rung in fine for each in rungs[rung]], edit, 0)
        yield Progress(steps_before + 2, _STEPS)
        wanted = self._to_verify(rungs, scouted, lowest, edit, holds)
        heard: list[_Heard] = []
        for first in range(0, len(wanted), _VERIFIED_AT_ONCE):
            heard = self._hear(wanted[first : first + _VERIFIED_AT_ONCE], edit, self.playbacks)
            yield Progress(steps_before + 3, _STEPS)
            for _, mask, believed in heard:
                if holds(believed):
                    return mask, believed, True
        return heard[-1][1], heard[-1][2], False

    def _to_verify(
        self,
        rungs: Sequence[Sequence[_Mask]],
        scouted: Sequence[_Heard],
        lowest: int | None,
        edit: _Edit,
        holds: _Holds,
    ) -> list[tuple[int, _Mask]]:
        """What may hold, the lowest rung first, and the top rung in any case."""
        # of two on one rung, that one first in which more is kept of the class, or less is left of it
        sign = -1 if edit is keep_only else 1
        ordered = sorted(scouted, key=lambda each: (each[0], sign * each[2][self.column]))
        if lowest is None and not self._scouts_know:
            return [(rung, mask) for rung, mask, _ in ordered]
        wanted = [(rung, mask) for rung, mask, believed in ordered if holds(believed)]
        if lowest is not None:  # what lies between the coarse rungs above it, in case that they are needed
            skipped = set(range(lowest, len(rungs))) - {rung for rung, _, _ in scouted}
            wanted += [(rung, mask) for rung in skipped for mask in rungs[rung]]
            wanted.sort(key=lambda each: each[0])
        top = next((rung, mask) for rung, mask, _ in ordered if rung == len(rungs) - 1)
        return wanted if wanted and wanted[-1][0] == top[0] else [*wanted, top]

    def _hear(self, tried: Sequence[tuple[int, _Mask]], edit: _Edit, playbacks: int) -> list[_Heard]:
        """Rung, time and what is believed (classes,) of each that is tried."""
        heard: list[_Heard] = []
        for first in range(0, len(tried), CLIPS_A_STEP):
            batch = tried[first : first + CLIPS_A_STEP]
            segments = self._segments(np.stack([mask for _, mask in batch]))
            copies = self.samples.expand(len(batch), -1)
            edited = edit(copies, segments, SILENCE, self.recognizer.sample_rate, torch.Generator())
            believed = self.recognizer.classify(edited.numpy(), playbacks, asked=self.asked)[-1]
            heard += [(rung, mask, row) for (rung, mask), row in zip(batch, believed, strict=True)]
        return heard

    def _segments(self, masks: np.ndarray) -> Tensor:
        return segments_where(torch.from_numpy(masks), self.edges.expand(len(masks), -1))

    def trial(self, mask: _Mask, believed: np.ndarray, holds: bool) -> Trial:
        named = self.recognizer.named(believed)
        return Trial(
            segments=unpad_segments(self._segments(mask[None]))[0],
            share=float(mask.sum() / self.audible.sum()),
            probability=float(believed[self.column]),
            decision=self.recognizer.labels[named],
            holds=holds,
            decision_probability=float(believed[named]),
        )


#: a rung, time, and what is believed (classes,) when that is kept or removed
_Heard = tuple[int, _Mask, np.ndarray]


def _resampled(values: np.ndarray, hearing: ClipHearing) -> np.ndarray:
    """(TIME_BINS,) of (columns,)."""
    curve, edges = (torch.from_numpy(each).double().unsqueeze(0) for each in (values, hearing.edges))
    resampled: np.ndarray = resample(curve, edges, TIME_BINS)[0].numpy()
    return resampled


def _from_zero(curve: np.ndarray, audible: np.ndarray) -> np.ndarray:
    """Above 0 where something sounds, and 0 in digital silence."""
    return np.where(audible, curve - curve.min() + _TINY, 0.0)


def _greatest(evidence: np.ndarray, count: int) -> _Mask:
    """The ``count`` bins that have most of it."""
    mask = np.zeros(len(evidence), bool)
    mask[np.argsort(-evidence, kind="stable")[:count]] = True
    return mask


def _distinct(masks: Sequence[_Mask]) -> list[_Mask]:
    return [mask for place, mask in enumerate(masks) if not any(np.array_equal(mask, each) for each in masks[:place])]
