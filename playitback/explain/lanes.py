"""Further lanes under a clip, on wish: what other ways to explain say of the class, beside the model's own relevance.

    clip, first hearing -> find_lanes -> by each way a curve (TIME_BINS,) over the clip, and its cost in passes

The ways are the rivals of ``evidence``, and the very same: what stands here under one clip is measured there over a
data set. All of them explain the first hearing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from playitback.errors import SettingsError
from playitback.evidence.rivals import (
    CLASS_MAP,
    GRAD_CAM,
    INTEGRATED,
    OCCLUSION,
    explain_by,
    find_rivals,
    missing_rivals,
    passes_to_explain,
)
from playitback.evidence.runs import CLIPS_A_STEP, Ears, Tally
from playitback.progress import Steps
from playitback.recognizer import ClipHearing, Recognizer
from playitback.segments import TIME_BINS, equal_edges

#: names of the rivals that may be asked for as lanes, the cheapest first
LANES = (GRAD_CAM, CLASS_MAP, OCCLUSION, INTEGRATED)
ALL = "all"  # in place of names: those that suit the model

_TINY = float(np.finfo(np.float32).tiny)


@dataclass(frozen=True, eq=False)  # holds an array
class FurtherLane:
    """What one way says."""

    name: str  # one of ``LANES``
    #: (TIME_BINS,) higher matters more. grad-cam: at least 0, without a unit; class activation map and integrated
    #: gradients: added to the logit; occlusion: nats by which the log-probability falls. The last three may be negative
    values: np.ndarray
    passes: int  # through the model, for one class of one clip

    @property
    def shares(self) -> np.ndarray:
        """(TIME_BINS,) -1 to 1: of the greatest value, whatever its sign. 0 where there is none."""
        greatest = np.abs(self.values).max()
        return self.values / greatest if greatest > 0 else np.zeros_like(self.values)


@dataclass(frozen=True, eq=False)
class FurtherLanes:
    """All that were asked for."""

    label: str  # the class that they are for
    seconds: np.ndarray  # (TIME_BINS,) the middle of every bin of the clip
    lanes: tuple[FurtherLane, ...]  # in the order of ``LANES``
    #: where all were asked for: name of each that this model, or this installation, does not have -> why, what to do
    missing: dict[str, str]

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, strings, lists and dicts for JSON, to the sixth significant digit."""
        return {
            "label": self.label,
            "seconds": self.seconds.round(6).tolist(),
            "lanes": [
                {"name": lane.name, "passes": lane.passes, "values": [float(f"{value:.6g}") for value in lane.values]}
                for lane in self.lanes
            ],
            "missing": dict(self.missing),
        }


def wanted_lanes(recognizer: Recognizer, names: Sequence[str]) -> tuple[str, ...]:
    """Those of the names that a model has, in the order of ``LANES``; of ``ALL`` those that suit it.

    Raises SettingsError for a name that is not known, or one that this model or this installation does not have.
    """
    for name in names:
        if name not in (*LANES, ALL):
            raise SettingsError(f"there is no lane {name!r}; choose from {', '.join((*LANES, ALL))}")
    if ALL in names:
        missing = missing_rivals(recognizer)
        return tuple(name for name in LANES if name not in missing)
    find_rivals(recognizer, names)
    return tuple(name for name in LANES if name in names)


def find_lanes(
    recognizer: Recognizer,
    first: ClipHearing,
    samples: np.ndarray,
    label: str | None = None,
    names: Sequence[str] = (ALL,),
) -> Steps[FurtherLanes]:
    """Asks by each way which moments speak for a class in the first hearing of a clip.

    first: of ``recognizer.explain``; samples: the sound that it heard, (samples,); label: the class, by default the one
    that the hearing's relevance is for; names: see ``wanted_lanes``. Raises SettingsError as that does, and for a class
    that the model does not know, and AudioError for a clip that it cannot hear.
    """
    recognizer.check(None, label)
    wanted = wanted_lanes(recognizer, names)
    label = label or recognizer.labels[first.asked]
    column = recognizer.labels.index(label)
    rivals = [each for each in find_rivals(recognizer, wanted) if each.name in wanted]
    clip = recognizer.clips(samples)
    ears = Ears(recognizer, Tally(passes_to_explain(rivals, recognizer.clip_seconds)), CLIPS_A_STEP)
    found = yield from explain_by(rivals, ears, clip, torch.tensor([[column]]), seed=0)
    edges = equal_edges(recognizer.clip_seconds, TIME_BINS)[0].numpy()
    lanes = {
        each.name: FurtherLane(each.name, found[each.name][0, 0].numpy(), each.passes(recognizer.clip_seconds))
        for each in rivals
    }
    if OCCLUSION in lanes:  # which ranks moments by what is left of the belief: here, by how far it falls
        believed = math.log(max(float(first.probabilities[column]), _TINY))
        lanes[OCCLUSION] = replace(lanes[OCCLUSION], values=lanes[OCCLUSION].values + believed)
    reasons = missing_rivals(recognizer) if ALL in names else {}
    return FurtherLanes(
        label=label,
        seconds=(edges[:-1] + edges[1:]) / 2,
        lanes=tuple(lanes[name] for name in wanted),
        missing={name: reasons[name] for name in LANES if name in reasons},
    )
