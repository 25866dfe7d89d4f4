"""What if: the same clip with other segments replayed, or another sound, beside the run itself.

    ClipRun -> begin_variants -> Variants, the original alone
    Variants, what is asked -> WhatIfService.replay or edit -> what_if -> Variants, with one more that is shown
    Variants -> WhatIfService.draw -> PlayerView of the one that is shown

A question is asked of what is shown: a sound that is changed is the one that is heard there, and what was held there
stays held. Segments that are held anew take the place of all that were.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from app.service.explain import ClipRun
from app.service.models import Models
from playitback import audio
from playitback.errors import SettingsError
from playitback.explain.explanation import Explanation
from playitback.explain.what_if import Difference, Edit, Held, check_held, difference, edited, what_if
from playitback.report.files import draw_player
from playitback.report.rows import PlayerView, pairs
from playitback.segments import Segment

#: beside the original
MOST_VARIANTS = 12

#: (start, end) in seconds of the clip, as pages send them
Pair = tuple[float, float]


@dataclass(frozen=True, eq=False)  # holds arrays: a variant equals itself alone
class Variant:
    """One question and its answer; the first of a list is the run itself, where nothing was asked."""

    held: Held
    edits: tuple[Edit, ...]  # in the order in which they were made
    parent: int  # place in the list of what was shown when it was asked
    samples: np.ndarray  # (samples,) that were heard, at the model's rate
    explanation: Explanation
    difference: Difference  # from the run itself, for the asked class


@dataclass(frozen=True, eq=False)
class Variants:
    """The run itself and what was asked of it so far."""

    run: ClipRun
    all: tuple[Variant, ...]  # the run itself first
    shown: int  # place in ``all``
    player_id: str  # run_id of the player: what is drawn on its rows stays as long as it does

    @property
    def current(self) -> Variant:
        """What is shown."""
        return self.all[self.shown]

    @property
    def asked(self) -> int:
        """How many variants there are beside the run itself."""
        return len(self.all) - 1

    def show(self, place: int) -> Variants:
        """Another one shown. Raises SettingsError where there is none."""
        if not 0 <= place < len(self.all):
            raise SettingsError(f"there is no variant {place}; there are {self.asked}")
        return replace(self, shown=place, player_id=uuid.uuid4().hex)

    def undo(self) -> Variants:
        """Without the last variant; if it was shown, what it was asked of is shown again."""
        if not self.asked:
            return self
        *kept, last = self.all
        back = last.parent if self.shown == len(kept) else self.shown
        return replace(self, all=tuple(kept), shown=back, player_id=uuid.uuid4().hex)

    def reset(self) -> Variants:
        """The run itself alone."""
        return replace(self, all=self.all[:1], shown=0, player_id=uuid.uuid4().hex)


def begin_variants(view: ClipRun) -> Variants:
    """Nothing asked yet of a finished run."""
    label = view.asked_class
    assert label is not None, "a finished run has decided"
    explanation = view.explanation
    run = Variant({}, (), 0, view.samples, explanation, difference(explanation, explanation, label))
    return Variants(view, (run,), 0, view.run_id)


class WhatIfService:
    """Answers what-if questions with the models."""

    def __init__(self, models: Models) -> None:
        self.models = models

    def replay(self, variants: Variants, held: Mapping[int, Sequence[Pair]]) -> Variants:
        """What is shown with other segments replayed after the given hearings, and free ones after the others.

        Raises SettingsError for segments that cannot be replayed and where no further variant is kept.
        """
        segments = {index: _segments(pairs) for index, pairs in held.items()}
        answered = self._ask(variants, segments, variants.current.edits)
        # what was drawn on the rows stays there, to be changed a little and asked again
        return replace(answered, player_id=variants.player_id)

    def edit(self, variants: Variants, action: str, segments: Sequence[Pair], fill: str) -> Variants:
        """What is shown with segments removed from its sound, or with nothing but them. Raises SettingsError."""
        edits = (*variants.current.edits, Edit(action, _segments(segments), fill))
        return self._ask(variants, variants.current.held, edits)

    def draw(self, variants: Variants, directory: Path) -> PlayerView:
        """What is shown as rows; their pictures and sounds are written into ``directory``."""
        run, current = variants.run, variants.current
        recognizer = self.models.recognizer(run.settings.checkpoint)
        player = draw_player(
            current.explanation, current.samples, recognizer, directory, run.asked_class, variants.player_id
        )
        return replace(player, held={index: pairs(segments) for index, segments in current.held.items()})

    def write_sounds(self, variants: Variants, directory: Path) -> tuple[Path, ...]:
        """A WAV of the sound of each; those that heard the same sound share it."""
        paths: dict[tuple[Edit, ...], Path] = {}
        for variant in variants.all:
            if variant.edits not in paths:
                path = directory / f"sound-{len(paths)}.wav"
                audio.write_wav(path, variant.samples, variant.explanation.sample_rate)
                paths[variant.edits] = path
        return tuple(paths[variant.edits] for variant in variants.all)

    def _ask(self, variants: Variants, held: Held, edits: tuple[Edit, ...]) -> Variants:
        if variants.asked >= MOST_VARIANTS:
            raise SettingsError(
                f"{MOST_VARIANTS} variants are kept beside the original, and there are so many; "
                "undo the last one or reset before you ask for another"
            )
        run = variants.run
        original, label = variants.all[0].explanation, variants.all[0].difference.label
        checkpoint, playbacks = run.settings.checkpoint, run.hearings - 1
        recognizer = self.models.recognizer(checkpoint)
        held = check_held(held, recognizer, playbacks)
        asked = run.settings.asked
        answer = tuple(self.models.compute(checkpoint, what_if, run.samples, held, edits, playbacks, asked))
        explanation = replace(original, hearings=answer)
        variant = Variant(
            held=held,
            edits=edits,
            parent=variants.shown,
            samples=edited(run.samples, edits, recognizer.sample_rate),
            explanation=explanation,
            difference=difference(original, explanation, label),
        )
        return replace(variants, all=(*variants.all, variant), shown=len(variants.all), player_id=uuid.uuid4().hex)


def _segments(pairs: Sequence[Pair]) -> tuple[Segment, ...]:
    return tuple(Segment(float(start), float(end)) for start, end in pairs)
