"""All the evidence for and against a model's explanations, gathered on clips that it was not trained on.

    Recognizers, waveforms (N, clip_samples), classes -> gather -> Evidence -> to_dict (JSON)

Every claim stands beside what it must beat, with a 95 % interval over clips. Whether a choice helps also depends on the
seed that a model was trained with: the parts in ``TOGETHER`` can be measured on several models, each clip with its mean
over them. Those in ``REPLAYING`` ask for other segments to be replayed, so they need a model that replays, and
``ACTIVITY`` needs one that tells activity.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from playitback.errors import SettingsError
from playitback.evidence import (
    brief_events,
    curves,
    faithfulness,
    localisation,
    pointing,
    removal,
    sanity,
    scenes,
    truth,
)
from playitback.evidence.brief_events import BriefEventComparison
from playitback.evidence.curves import CurveComparison, Narrowness
from playitback.evidence.faithfulness import ControlComparison, SegmentComparison
from playitback.evidence.intervals import Bootstrap, Interval
from playitback.evidence.localisation import Located
from playitback.evidence.pointing import PointingComparison
from playitback.evidence.removal import RemovalComparison
from playitback.evidence.rivals import find_rivals
from playitback.evidence.runs import Ears, Run, Tally, correct, true_classes
from playitback.evidence.sanity import SanityCheck
from playitback.evidence.scenes import Scene
from playitback.evidence.truth import ActivityTruth
from playitback.progress import Steps
from playitback.recognizer import Recognizer

SCHEMA = "playitback.evidence/4"

CONTROLS, SCENES, SEGMENTS = "controls", "scenes", "segments"
CURVES, LOCALISATION, SANITY = "curves", "localisation", "sanity"
POINTING, BRIEF_EVENTS, REMOVAL, ACTIVITY = "pointing", "brief_events", "removal", "activity"
PARTS = (CONTROLS, SCENES, SEGMENTS, CURVES, LOCALISATION, POINTING, BRIEF_EVENTS, REMOVAL, ACTIVITY, SANITY)
#: those that several models can be examined in together
TOGETHER = (CONTROLS, SCENES, POINTING, BRIEF_EVENTS, REMOVAL, ACTIVITY)
#: those that replay other segments in place of the chosen ones
REPLAYING = (CONTROLS, SCENES)
#: those that must know what a clip holds; of several labels a clip may have none, and has no part in them then
LABELLED = (CONTROLS, SCENES, LOCALISATION, POINTING, BRIEF_EVENTS, SANITY)
#: those in which rivals explain the model, too
EXPLAINING = (POINTING, BRIEF_EVENTS, REMOVAL)


@dataclass(frozen=True)
class Evidence:
    """What was measured; None, or empty, for parts that were not asked for."""

    models: int  # every clip counts with its mean over them
    clips: int
    clip_seconds: float
    hearings: int
    classes: int  # of the first head, which is the one examined
    seed: int
    resamples: int  # of the bootstrap
    replays: bool  # whether the model can replay
    multi_label: bool  # whether every class has a probability of its own
    labelled: int  # clips that have a class
    accuracy: Interval  # 0 to 1, of those: how often the class named after the last hearing is one of theirs
    draws: int  # of random segments per clip, in ``controls``
    marked_seconds: float  # of a clip, mean: replayed in any of its hearings, or chosen where nothing can be replayed
    narrowness: Narrowness | None = None  # of one model
    controls: ControlComparison | None = None
    scenes: tuple[Scene, ...] = ()
    segments: SegmentComparison | None = None
    curves: CurveComparison | None = None
    localisation: tuple[Located, ...] = ()
    pointing: PointingComparison | None = None
    brief_events: tuple[BriefEventComparison, ...] = ()
    removal: RemovalComparison | None = None
    activity: ActivityTruth | None = None
    sanity: SanityCheck | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, strings, lists and dicts for JSON; null for what could not be measured (too few clips)."""
        return {"schema": SCHEMA, **_plain(dataclasses.asdict(self))}


def gather(
    recognizers: Sequence[Recognizer],
    waveforms: Tensor,
    classes: Tensor,
    labels: Sequence[str],
    *,
    draws: int = 20,
    bootstrap: int = 2000,
    seed: int = 0,
    parts: Sequence[str] | None = None,
    beds: Mapping[str, Tensor] | None = None,
    rival_names: Sequence[str] | None = None,
) -> Steps[Evidence]:
    """Measures the parts that are asked for.

    recognizers: one or, for the parts in ``TOGETHER``, several of the same configuration; waveforms: (N, clip_samples)
    float32 in -1..1; classes: (N,) class indices, or one-hot or multi-hot (N, C); labels: the data's class names, (C,);
    bootstrap: resamples; beds: name -> (M, clip_samples) recordings of background for ``SCENES``, ``LOCALISATION`` and
    ``BRIEF_EVENTS``, besides the synthesised ones; parts: by default all that can be measured on these models;
    rival_names: in the parts in ``EXPLAINING``, by default all that can be measured (see ``find_rivals``).

    Raises SettingsError for a part or a rival that is not known or not for these models, no draws, no clips, models
    that are not alike, or labels that are not theirs.
    """
    one, together = recognizers[0], len(recognizers) > 1
    replays, aims = one.model.can_replay, one.model.can_aim
    unsuited = {*(() if replays else REPLAYING), *(() if one.model.has_activity else (ACTIVITY,))}
    parts = parts or [part for part in (TOGETHER if together else PARTS) if part not in unsuited]
    _check(recognizers, waveforms, labels, draws, bootstrap, parts)
    rivals = find_rivals(one, rival_names)
    drawn = Bootstrap(bootstrap, seed)
    targets = true_classes(classes, one.config)
    with_class = torch.nonzero(targets.any(dim=1)).squeeze(1)
    if not len(with_class) and set(parts) & set(LABELLED):
        raise SettingsError(f"no clip has a class, which {', '.join(LABELLED)} need; leave them out")
    count, known, shuffled = len(waveforms), len(with_class), one.model.choosing_parts
    clips_to_hear: dict[str, Callable[[], int]] = {
        CONTROLS: lambda: faithfulness.clips_to_hear_controls(known, draws, aims),
        SCENES: lambda: scenes.clips_to_hear_scenes(known, aims, beds),
        SEGMENTS: lambda: faithfulness.clips_to_score_segments(count),
        CURVES: lambda: curves.clips_to_measure_curves(count),
        LOCALISATION: lambda: localisation.clips_to_localise(known, beds),
        POINTING: lambda: pointing.clips_to_point(known, rivals, one),
        BRIEF_EVENTS: lambda: brief_events.clips_to_find_brief_events(known, rivals, one, beds),
        REMOVAL: lambda: removal.clips_to_remove(count, rivals, one),
        ACTIVITY: lambda: truth.clips_to_compare_activity(count, one.clip_seconds),
        SANITY: lambda: sanity.clips_to_check_sanity(known, shuffled),
    }
    clips_a_model = count + sum(clips_to_hear[part]() for part in set(parts))
    tally = Tally(len(recognizers) * clips_a_model)
    all_ears = [Ears(each, tally) for each in recognizers]
    choices: list[Run] = []
    for each in all_ears:
        choices.append((yield from each.hear(waveforms)))
    ears, chosen = all_ears[0], choices[0]
    evidence = Evidence(
        models=len(recognizers),
        clips=count,
        clip_seconds=ears.clip_seconds,
        hearings=ears.recognizer.config.hearings,
        classes=ears.recognizer.config.classes[0],
        seed=seed,
        resamples=bootstrap,
        replays=replays,
        multi_label=one.config.multi_label,
        labelled=known,
        accuracy=drawn.interval(
            torch.stack([correct(each.named, targets)[with_class, -1] for each in choices]).mean(dim=0)
        ),
        draws=draws,
        marked_seconds=float(torch.stack([each.marked_seconds for each in choices]).mean()),
        narrowness=None if together else curves.measure_narrowness(waveforms, chosen, ears.sample_rate, drawn),
    )
    clips, true = waveforms[with_class], targets[with_class]
    of_clips = [each[with_class] for each in choices]
    measure: dict[str, Callable[[], Steps[Any]]] = {
        CONTROLS: lambda: _compare_controls(all_ears, clips, true, of_clips, draws, drawn),
        SCENES: lambda: scenes.hear_scenes(all_ears, clips, true, drawn, beds),
        SEGMENTS: lambda: faithfulness.score_segments(ears, waveforms, chosen, drawn),
        CURVES: lambda: curves.measure_curves(ears, waveforms, chosen, drawn),
        LOCALISATION: lambda: localisation.localise(ears, clips, true, drawn, beds),
        POINTING: lambda: pointing.measure_pointing(all_ears, clips, true, rivals, drawn),
        BRIEF_EVENTS: lambda: brief_events.find_brief_events(all_ears, clips, true, rivals, drawn, beds),
        REMOVAL: lambda: removal.measure_removal(all_ears, waveforms, choices, rivals, drawn),
        ACTIVITY: lambda: truth.compare_activity(all_ears, waveforms, choices, drawn),
        SANITY: lambda: sanity.check_sanity(ears, clips, true, of_clips[0], drawn),
    }
    found = {}
    for part in PARTS:
        if part in parts:
            found[part] = yield from measure[part]()
    return dataclasses.replace(evidence, **found)


def _compare_controls(
    all_ears: Sequence[Ears],
    waveforms: Tensor,
    classes: Tensor,
    choices: Sequence[Run],
    draws: int,
    bootstrap: Bootstrap,
) -> Steps[ControlComparison]:
    outcomes = []
    for ears, choice in zip(all_ears, choices, strict=True):
        outcome = yield from faithfulness.hear_controls(ears, waveforms, classes, choice, draws, bootstrap.seed)
        outcomes.append(outcome)
    return faithfulness.compare_controls(outcomes, bootstrap)


def _check(
    recognizers: Sequence[Recognizer],
    waveforms: Tensor,
    labels: Sequence[str],
    draws: int,
    bootstrap: int,
    parts: Sequence[str],
) -> None:
    unknown = set(parts) - set(PARTS)
    if unknown:
        raise SettingsError(f"there is no part {', '.join(sorted(unknown))}; choose from {', '.join(PARTS)}")
    replaying = sorted(set(parts) & set(REPLAYING))
    if replaying and not recognizers[0].model.can_replay:
        raise SettingsError(
            f"{recognizers[0].name} cannot replay, and {' and '.join(replaying)} ask for other replays; leave them out"
        )
    if ACTIVITY in parts and not recognizers[0].model.has_activity:
        raise SettingsError(f"{recognizers[0].name} tells no activity; leave out {ACTIVITY}")
    if len(recognizers) > 1:
        alone = sorted(set(parts) - set(TOGETHER))
        if alone:
            raise SettingsError(
                f"several models are examined together in {', '.join(TOGETHER)} only; leave out {', '.join(alone)}"
            )
        # each is as sure as it is right by a temperature of its own
        settings = [replace(each.config, temperature=1.0) for each in recognizers]
        if any(each != settings[0] for each in settings):
            raise SettingsError(
                "the models differ in more than their seed; give models of the same settings and classes"
            )
    if not len(waveforms):
        raise SettingsError("there are no clips to examine; give at least one")
    if draws < 1 or bootstrap < 1:
        raise SettingsError(f"draws and bootstrap must be positive, got {draws} and {bootstrap}")
    if tuple(labels) != recognizers[0].labels:
        raise SettingsError("the clips have other classes than the model; examine it on the data of its own classes")


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
