"""What if the model replayed other moments, or the sound had others?

    samples (N,) -> edited (clip_samples,) -> Recognizer.explain with the held segments -> ClipHearing after ClipHearing
    two Explanations and a class -> Difference

Holding changes the mechanism and not the sound: after a held hearing the given segments are replayed in place of those
that the model chose, as in the controls; after the other hearings the model chooses freely from what it then hears.
Editing changes the sound and not the mechanism: stretches are removed, or nothing but them is kept, before the first
hearing (see ``edits``). With neither, the answer is the explanation itself.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Generator, Tensor

from playitback.edits import FADE_SECONDS, FILLS, SILENCE, keep_only, remove
from playitback.errors import SettingsError
from playitback.explain.explanation import Explanation
from playitback.explain.odds import odds_of
from playitback.models.listener import Choice, Hearing
from playitback.recognizer import ClipHearing, Recognizer
from playitback.segments import Segment, merge_segments, pad_segments, unpad_segments

#: index of a hearing -> what the hearing after it replays, sorted and disjoint; hearings that are not named are free
Held = Mapping[int, tuple[Segment, ...]]

REMOVE, KEEP = "remove", "keep"
ACTIONS = (REMOVE, KEEP)

#: a segment that is to be replayed is at least so long: about one column of the first hearing
SHORTEST_SECONDS = 0.05

_ROUNDING_SECONDS = 1e-6  # by which a segment may miss the clip's ends
_SAME = 1e-6  # probabilities that are closer differ by rounding


@dataclass(frozen=True)
class Edit:
    """One change of the sound. Raises SettingsError for an unknown action or fill and for no segments."""

    action: str  # REMOVE: all but the segments stays; KEEP: nothing but the segments stays
    segments: tuple[Segment, ...]
    fill: str = SILENCE  # one of edits.FILLS: what stands where something was
    seed: int = 0  # of the fills that are noise

    def __post_init__(self) -> None:
        if self.action not in ACTIONS:
            raise SettingsError(f"there is no edit {self.action!r}; choose one of {', '.join(ACTIONS)}")
        if self.fill not in FILLS:
            raise SettingsError(f"there is no fill {self.fill!r}; choose one of {', '.join(FILLS)}")
        if not self.segments:
            raise SettingsError(f"no segment was given to {self.action}; give at least one")


@dataclass(frozen=True)
class HearingDifference:
    """One hearing of two runs."""

    index: int
    original_decision: str
    variant_decision: str
    original_probability: float  # of the asked class, 0 to 1
    variant_probability: float
    log_odds_change: float  # nats: ln(p / (1 - p)) of that class in the variant minus in the original
    decided_otherwise: bool  # and not only more narrowly or broadly

    @property
    def change(self) -> float:
        """By how much the asked class became more probable, -1 to 1."""
        return self.variant_probability - self.original_probability


@dataclass(frozen=True)
class Difference:
    """What a variant changed, hearing by hearing, as far as both runs got."""

    label: str  # the asked class
    hearings: tuple[HearingDifference, ...]
    first_hearing: int | None  # index of the first one after which any class is believed otherwise; None: there is none

    @property
    def first_other_decision(self) -> int | None:
        """Index of the first hearing that decided otherwise; None if there is none."""
        return next((each.index for each in self.hearings if each.decided_otherwise), None)


def forced(held: Held) -> Choice:
    """The ``Choice`` that replays the held segments in every clip of a batch, and otherwise what the model chose."""

    def choose(heard: Hearing) -> Tensor:
        if heard.index not in held:
            return heard.segments
        clips, clip_seconds = len(heard.segments), float(heard.edges[0, -1])
        return pad_segments([held[heard.index]] * clips, clip_seconds).to(heard.segments.device)

    return choose


def check_segments(
    segments: Sequence[Segment], clip_seconds: float, shortest_seconds: float = SHORTEST_SECONDS
) -> tuple[Segment, ...]:
    """Segments in any order -> sorted and disjoint; those that overlap or touch become one.

    Raises SettingsError for a segment whose ends are not finite, that ends before it starts, leaves the clip or is too
    short.
    """
    for segment in segments:
        start, end = segment.start_seconds, segment.end_seconds
        given = f"a segment from {start:.2f} s to {end:.2f} s was given"
        if not (math.isfinite(start) and math.isfinite(end)):
            raise SettingsError(f"{given}; both ends must be numbers of seconds")
        if end <= start:
            raise SettingsError(f"{given}; it must end after it starts")
        if start < -_ROUNDING_SECONDS or end > clip_seconds + _ROUNDING_SECONDS:
            raise SettingsError(
                f"{given}, but the clip is {clip_seconds:g} s long; keep both ends within 0 and {clip_seconds:g} s"
            )
        if segment.seconds < shortest_seconds - _ROUNDING_SECONDS:
            raise SettingsError(f"{given}, which is too short; make it at least {shortest_seconds:g} s long")
    within = pad_segments([segments], clip_seconds).clamp(0, clip_seconds)
    return unpad_segments(merge_segments(within, clip_seconds))[0]


def check_held(held: Held, recognizer: Recognizer, playbacks: int | None = None) -> Held:
    """What is held, each hearing's segments as ``check_segments`` returns them. A hearing may hold none.

    Raises SettingsError for bad segments, for a hearing that no playback follows and for a model that cannot replay.
    """
    if held and not recognizer.model.can_replay:
        raise SettingsError(
            f"segments were held for a playback, but {recognizer.name} cannot replay; "
            "remove them from the sound, or keep only them, instead"
        )
    playbacks = recognizer.playbacks if playbacks is None else playbacks
    for index in held:
        if not 0 <= index < playbacks:
            raise SettingsError(
                f"segments were held for playback {index + 1}, but there are {playbacks}; "
                "let go of them or play back more often"
            )
    # the model's own rules may let it choose shorter ones, which may then be held as well
    shortest_seconds = min(SHORTEST_SECONDS, recognizer.config.segments.minimum_seconds)
    return {
        index: check_segments(segments, recognizer.clip_seconds, shortest_seconds) for index, segments in held.items()
    }


def edited(samples: np.ndarray, edits: Sequence[Edit], sample_rate: int) -> np.ndarray:
    """The sound (N,) after all edits, one after the other: (N,) float32. Raises SettingsError for bad segments."""
    clip_seconds = len(samples) / sample_rate
    waveform = torch.from_numpy(samples.astype(np.float32)).unsqueeze(0)
    for edit in edits:
        segments = pad_segments([check_segments(edit.segments, clip_seconds, FADE_SECONDS)], clip_seconds)
        change = remove if edit.action == REMOVE else keep_only
        waveform = change(waveform, segments, edit.fill, sample_rate, Generator().manual_seed(edit.seed))
    return waveform[0].numpy()


def what_if(
    recognizer: Recognizer,
    samples: np.ndarray,
    held: Held | None = None,
    edits: Sequence[Edit] = (),
    playbacks: int | None = None,
    asked: str | None = None,
) -> Iterator[ClipHearing]:
    """Yields the hearings over the edited sound with the held segments replayed, each as soon as it is computed.

    samples, playbacks, asked: as for ``Recognizer.explain``; seconds are those of the clip with its silence at the end.
    Everything that goes in and comes out can travel between processes. Raises AudioError and SettingsError at once.
    """
    held = check_held(held or {}, recognizer, playbacks)
    sound = edited(recognizer.padded(samples), edits, recognizer.sample_rate)
    return recognizer.explain(sound, playbacks, forced(held), asked)


def difference(original: Explanation, variant: Explanation, label: str) -> Difference:
    """Two runs of one model side by side; ``label`` is the asked class.

    Raises SettingsError for a class that the model does not know.
    """
    if label not in original.labels:
        raise SettingsError(
            f"{original.model_name} knows no class {label!r}; choose one of its {len(original.labels)} classes"
        )
    shared = range(min(len(original.hearings), len(variant.hearings)))
    believed = [(original.hearings[index].probabilities, variant.hearings[index].probabilities) for index in shared]
    return Difference(
        label=label,
        hearings=tuple(_hearing_difference(original, variant, label, index) for index in shared),
        first_hearing=next((index for index in shared if np.abs(np.subtract(*believed[index])).max() > _SAME), None),
    )


def _hearing_difference(original: Explanation, variant: Explanation, label: str, index: int) -> HearingDifference:
    before, after = original.probability(index, label), variant.probability(index, label)
    return HearingDifference(
        index=index,
        original_decision=original.decision(index),
        variant_decision=variant.decision(index),
        original_probability=before,
        variant_probability=after,
        log_odds_change=odds_of(after) - odds_of(before),
        decided_otherwise=not original.akin(original.decision(index), variant.decision(index)),
    )
