"""All the evidence for and against a model's explanations, gathered on clips that it was not trained on.

    waveforms (N, clip_samples), classes -> gather -> Evidence -> to_dict (JSON), text (tables and one sentence a claim)

Every claim stands beside what it must beat, with a 95 % interval over clips. ``evidence_figure`` draws the same.
Whether a choice helps also hangs on the seed that a model was trained with: the parts in ``TOGETHER`` can be measured
on several models, each clip with its mean over them.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from playitback.errors import SettingsError
from playitback.explain import curves, evidence_text, faithfulness, localisation, sanity, scenes
from playitback.explain.curves import CurveComparison, Narrowness
from playitback.explain.faithfulness import ControlComparison, SegmentComparison
from playitback.explain.intervals import Bootstrap
from playitback.explain.localisation import Located
from playitback.explain.runs import Progress, Report, hear
from playitback.explain.sanity import SanityCheck
from playitback.explain.scenes import Scene
from playitback.models.playitback import ReplayModel

SCHEMA = "playitback.evidence/1"

CONTROLS, SCENES, SEGMENTS = "controls", "scenes", "segments"
CURVES, LOCALISATION, SANITY = "curves", "localisation", "sanity"
PARTS = (CONTROLS, SCENES, SEGMENTS, CURVES, LOCALISATION, SANITY)
#: those that several models can be examined in together
TOGETHER = (CONTROLS, SCENES)


@dataclass(frozen=True)
class Evidence:
    """What was measured; None, or nothing, for parts that were not asked for."""

    models: int  # every clip counts with its mean over them
    clips: int
    clip_seconds: float
    passes: int
    classes: int  # of the first head, which is the one examined
    seed: int
    resamples: int  # of the bootstrap
    draws: int  # of random segments a clip, in ``controls``
    replayed_seconds: float  # of a clip, in any of its passes, mean
    narrowness: Narrowness | None = None  # of one model
    controls: ControlComparison | None = None
    scenes: tuple[Scene, ...] = ()
    segments: SegmentComparison | None = None
    curves: CurveComparison | None = None
    localisation: tuple[Located, ...] = ()
    sanity: SanityCheck | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, strings, lists and dicts for JSON; null for what could not be measured (too few clips)."""
        return {"schema": SCHEMA, **_plain(dataclasses.asdict(self))}

    def text(self) -> str:
        """Tables for a terminal, each with a sentence that says what its figures support."""
        blocks = [
            f"{self.clips} clips of {self.clip_seconds:g} s, {self.classes} classes, {self.passes} passes; "
            f"{self.replayed_seconds:.2f} s of a clip are replayed in one pass or another.\n"
            f"In brackets: 95 % interval of the mean over clips ({self.resamples} bootstrap samples)."
        ]
        if self.models > 1:
            blocks[0] += (
                f"\nEvery clip counts with its mean over {self.models} models; "
                "the intervals do not hold how models differ."
            )
        if self.controls is not None:
            blocks.append(evidence_text.controls(self.controls))
        if self.scenes:
            blocks.append(evidence_text.scenes(self.scenes))
        if self.segments is not None:
            blocks.append(evidence_text.segments(self.segments))
        if self.curves is not None:
            blocks.append(evidence_text.curves(self.curves))
        if self.narrowness is not None:
            blocks.append(evidence_text.narrowness(self.narrowness))
        if self.localisation:
            blocks.append(evidence_text.localisation(self.localisation))
        if self.sanity is not None:
            blocks.append(evidence_text.sanity(self.sanity))
        return "\n\n".join(blocks)


def gather(
    models: Sequence[ReplayModel],
    waveforms: Tensor,
    classes: Tensor,
    labels: Sequence[str],
    *,
    draws: int = 20,
    bootstrap: int = 2000,
    seed: int = 0,
    parts: Sequence[str] | None = None,
    beds: Mapping[str, Tensor] | None = None,
    report: Report,
) -> Evidence:
    """Measures the parts that are asked for; the models must be in evaluation mode.

    models: one or, for the parts in ``TOGETHER``, several of the same configuration; waveforms: (N, clip_samples)
    float32 in -1..1; classes: (N,) class indices, or one-hot or multi-hot (N, C); labels: the data's class names, (C,);
    bootstrap: resamples; beds: name -> (M, clip_samples) recordings of background for ``SCENES`` and ``LOCALISATION``,
    besides the synthesised ones; parts: by default all that can be measured on so many models; report: called with
    (clips heard, clips in all), cancels by raising.

    Raises SettingsError for a part that is not known or not for several models, no draws, no clips, models that are not
    alike, or labels that are not theirs.
    """
    together = len(models) > 1
    parts = parts or (TOGETHER if together else PARTS)
    _check(models, waveforms, labels, draws, bootstrap, parts)
    drawn = Bootstrap(bootstrap, seed)
    count = len(waveforms)
    clips_to_hear: dict[str, Callable[[], int]] = {
        CONTROLS: lambda: faithfulness.clips_to_hear_controls(count, draws),
        SCENES: lambda: scenes.clips_to_hear_scenes(count, beds),
        SEGMENTS: lambda: faithfulness.clips_to_score_segments(count),
        CURVES: lambda: curves.clips_to_measure_curves(count),
        LOCALISATION: lambda: localisation.clips_to_localise(count, beds),
        SANITY: lambda: sanity.clips_to_check_sanity(count),
    }
    clips_a_model = count + sum(clips_to_hear[part]() for part in set(parts))
    advance = Progress(report, len(models) * clips_a_model).advance
    choices = [hear(each, waveforms, advance) for each in models]
    model, chosen = models[0], choices[0]
    front_end = model.config.front_end
    evidence = Evidence(
        models=len(models),
        clips=count,
        clip_seconds=front_end.clip_seconds,
        passes=model.config.passes,
        classes=model.config.classes[0],
        seed=seed,
        resamples=bootstrap,
        draws=draws,
        replayed_seconds=float(torch.stack([each.replayed_seconds for each in choices]).mean()),
        narrowness=None if together else curves.measure_narrowness(waveforms, chosen, front_end.sample_rate, drawn),
    )
    measure: dict[str, Callable[[], Any]] = {
        CONTROLS: lambda: faithfulness.compare_controls(
            [
                faithfulness.hear_controls(each, waveforms, classes, its_choice, draws, seed, advance)
                for each, its_choice in zip(models, choices, strict=True)
            ],
            drawn,
        ),
        SCENES: lambda: scenes.hear_scenes(models, waveforms, classes, drawn, advance, beds),
        SEGMENTS: lambda: faithfulness.score_segments(model, waveforms, chosen, drawn, advance),
        CURVES: lambda: curves.measure_curves(model, waveforms, chosen, drawn, advance),
        LOCALISATION: lambda: localisation.localise(model, waveforms, classes, drawn, advance, beds),
        SANITY: lambda: sanity.check_sanity(model, waveforms, classes, chosen, drawn, advance),
    }
    return dataclasses.replace(evidence, **{part: measure[part]() for part in PARTS if part in parts})


def _check(
    models: Sequence[ReplayModel],
    waveforms: Tensor,
    labels: Sequence[str],
    draws: int,
    bootstrap: int,
    parts: Sequence[str],
) -> None:
    unknown = set(parts) - set(PARTS)
    if unknown:
        raise SettingsError(f"there is no part {', '.join(sorted(unknown))}; choose from {', '.join(PARTS)}")
    if len(models) > 1:
        alone = sorted(set(parts) - set(TOGETHER))
        if alone:
            raise SettingsError(
                f"several models are examined together in {' and '.join(TOGETHER)} only; leave out {', '.join(alone)}"
            )
        if any(each.config != models[0].config for each in models):
            raise SettingsError(
                "the models differ in more than their seed; give models of the same settings and classes"
            )
    if not len(waveforms):
        raise SettingsError("there are no clips to examine; give at least one")
    if draws < 1 or bootstrap < 1:
        raise SettingsError(f"draws and bootstrap must be positive, got {draws} and {bootstrap}")
    if tuple(labels) != models[0].config.labels[0]:
        raise SettingsError("the clips have other classes than the model; examine it on the data of its own classes")


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
