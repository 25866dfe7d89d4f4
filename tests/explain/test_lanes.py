"""That further lanes are the rivals of evidence, for the class asked about, with their cost, or why there are none."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from bands import band_clips, band_model
from hears_once import model_of
from hub_folders import write_hub_folder
from tiny import CLIP_SECONDS, LABELS, noise, recognizer_of, sounding_clips, tiny_model

from playitback.errors import SettingsError
from playitback.evidence import rivals
from playitback.evidence.rivals import CLASS_MAP, GRAD_CAM, INTEGRATED, OCCLUSION, RIVALS, explain_by
from playitback.evidence.runs import Ears, Tally
from playitback.explain.lanes import ALL, LANES, FurtherLane, FurtherLanes, find_lanes, wanted_lanes
from playitback.progress import Progress, finish
from playitback.recognizer import Recognizer
from playitback.segments import TIME_BINS


def lanes_of(
    recognizer: Recognizer, samples: np.ndarray, label: str | None = None, names: tuple[str, ...] = (ALL,)
) -> FurtherLanes:
    first = next(recognizer.explain(samples, 0))
    return finish(find_lanes(recognizer, first, samples, label, names))


def test_every_lane_is_what_evidence_measures() -> None:
    recognizer, clips = recognizer_of(model_of("mast")), sounding_clips(1)
    found = lanes_of(recognizer, clips[0].numpy(), "rain")
    assert (found.label, found.missing) == ("rain", {})
    assert tuple(lane.name for lane in found.lanes) == LANES
    np.testing.assert_allclose(found.seconds, (np.arange(TIME_BINS) + 0.5) * CLIP_SECONDS / TIME_BINS)
    asked = torch.tensor([[LABELS.index("rain")]])
    for lane in found.lanes:
        (rival,) = (each for each in RIVALS if each.name == lane.name)
        (expected,) = finish(explain_by([rival], Ears(recognizer, Tally(0)), clips, asked, 0)).values()
        assert lane.passes == rival.passes(CLIP_SECONDS)
        believed = 0.0
        if lane.name == OCCLUSION:  # as a fall, from the belief in the whole clip
            believed = float(np.log(recognizer.classify(clips.numpy())[-1, 0, LABELS.index("rain")]))
        np.testing.assert_allclose(lane.values, expected[0, 0].numpy() + believed, atol=1e-6)


def test_they_rise_where_the_class_is_and_follow_the_question() -> None:
    recognizer = recognizer_of(band_model())
    halves = [band_clips(torch.tensor([each]), CLIP_SECONDS / 2)[0] for each in (0, 2)]
    clip = torch.cat(halves).numpy()
    for label, early in ((LABELS[0], True), (LABELS[2], False)):
        for lane in lanes_of(recognizer, clip, label).lanes:
            first, second = lane.values[: TIME_BINS // 2].mean(), lane.values[TIME_BINS // 2 :].mean()
            assert (first > second) == early, lane.name


def test_occlusion_is_the_fall_of_the_log_probability() -> None:
    found = lanes_of(recognizer_of(band_model()), band_clips(torch.tensor([1]))[0].numpy(), names=(OCCLUSION,))
    assert found.label == LABELS[1]
    # of a class that sounds all the time, as much is left of the sound as before, and all of the belief
    np.testing.assert_allclose(found.lanes[0].values, 0, atol=1e-2)


def test_progress_reaches_the_cost_that_is_told() -> None:
    recognizer, samples = recognizer_of(tiny_model()), sounding_clips(1)[0].numpy()
    first = next(recognizer.explain(samples, 0))
    steps = find_lanes(recognizer, first, samples, names=(GRAD_CAM, OCCLUSION))
    told: list[Progress] = []
    found = finish(steps, told.append)
    total = sum(lane.passes for lane in found.lanes)
    assert (told[-1].done, told[-1].total) == (total, total)
    assert [lane.name for lane in found.lanes] == [GRAD_CAM, OCCLUSION]


def test_what_a_model_has_not_is_told_or_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    recognizer = recognizer_of(tiny_model())
    assert wanted_lanes(recognizer, (ALL,)) == (GRAD_CAM, OCCLUSION, INTEGRATED)
    assert wanted_lanes(recognizer, (OCCLUSION, ALL)) == (GRAD_CAM, OCCLUSION, INTEGRATED)
    assert wanted_lanes(recognizer, (OCCLUSION, GRAD_CAM)) == (GRAD_CAM, OCCLUSION)
    assert "does not read its classes" in lanes_of(recognizer, noise(1.0)).missing[CLASS_MAP]
    assert lanes_of(recognizer, noise(1.0), names=(OCCLUSION,)).missing == {}
    with pytest.raises(SettingsError, match="no lane 'loudest'; choose from grad-cam, class activation map, occlusion"):
        wanted_lanes(recognizer, (ALL, "loudest"))
    with pytest.raises(SettingsError, match="class activation map cannot be measured"):
        wanted_lanes(recognizer, (CLASS_MAP,))
    monkeypatch.setattr(rivals, "find_spec", lambda name: None if name == "captum" else find_spec(name))
    assert wanted_lanes(recognizer, (ALL,)) == (OCCLUSION,)
    with pytest.raises(SettingsError, match=r"grad-cam cannot be measured: .*captum.* pip install -r"):
        wanted_lanes(recognizer, (GRAD_CAM,))


@pytest.mark.parametrize("kind", ["ast", "wav2vec2", "whisper"])
def test_a_model_of_transformers_is_asked_by_occlusion(kind: str, tmp_path: Path) -> None:
    recognizer = Recognizer.from_checkpoint(write_hub_folder(tmp_path / kind, kind), "cpu")
    found = lanes_of(recognizer, noise(2.0))
    assert [lane.name for lane in found.lanes] == [OCCLUSION]
    assert np.ptp(found.lanes[0].values) > 0
    assert set(found.missing) == {GRAD_CAM, CLASS_MAP, INTEGRATED}
    assert all(kind in reason for reason in found.missing.values())
    with pytest.raises(SettingsError, match="integrated gradients cannot be measured: no gradient goes through"):
        wanted_lanes(recognizer, (INTEGRATED,))


def test_shares_keep_the_sign_and_nothing_is_no_share() -> None:
    np.testing.assert_array_equal(FurtherLane("occlusion", np.array([-4.0, 0, 2]), 17).shares, [-1, 0, 0.5])
    np.testing.assert_array_equal(FurtherLane("grad-cam", np.zeros(3), 1).shares, np.zeros(3))


def test_json_is_plain_and_short() -> None:
    found = FurtherLanes(
        "rain", np.array([0.1]), (FurtherLane("occlusion", np.array([1 / 3]), 17),), {"grad-cam": "no"}
    )
    assert json.loads(json.dumps(found.to_dict())) == {
        "label": "rain",
        "seconds": [0.1],
        "lanes": [{"name": "occlusion", "passes": 17, "values": [0.333333]}],
        "missing": {"grad-cam": "no"},
    }
