"""That scenes compare all controls, of one model or several, on the same planted events."""

from __future__ import annotations

import torch
from tiny import recognizer_of, sounding_clips, tiny_model

from playitback.evidence.beds import BEDS
from playitback.evidence.controls import CONTROLS
from playitback.evidence.intervals import Bootstrap
from playitback.evidence.runs import Ears, Tally
from playitback.evidence.scenes import clips_to_hear_scenes, hear_scenes
from playitback.progress import finish

CLIPS = 4


def test_every_background_compares_all_controls_and_hears_what_it_said() -> None:
    clips = sounding_clips(CLIPS)
    clips[1] = 0.0  # nothing to plant
    recorded = {"recorded": sounding_clips(2, seed=5)}
    tally = Tally(0)
    ears = [Ears(recognizer_of(tiny_model(playbacks=1, seed=seed)), tally) for seed in (0, 1)]
    scenes = finish(hear_scenes(ears, clips, torch.arange(CLIPS), Bootstrap(50, 0), recorded))
    assert [scene.condition for scene in scenes] == [f"{name} 6 dB" for name in (*BEDS, "recorded")]
    assert {scene.comparison.clips for scene in scenes} == {CLIPS - 1}
    for scene in scenes:
        assert tuple(each.name for each in scene.comparison.results) == CONTROLS
        first = {each.true_class_probability[0] for each in scene.comparison.results if each.name != "random"}
        assert len(first) == 1  # until something is replayed all controls hear the same sound
    assert tally.done == 2 * clips_to_hear_scenes(CLIPS, False, recorded)
