"""Claims about descriptions: impossible ones are refused in a sentence, and JSON gives back what was written."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from playitback.config import FrontEndConfig, ModelConfig, SegmentRules
from playitback.errors import CheckpointError, SettingsError

CONFIG = ModelConfig(family="any", labels=(("bell", "rain"), ("cup",)), multi_label=True, playbacks=2)


def test_description_comes_back_from_json_as_it_went() -> None:
    read = ModelConfig.from_dict(json.loads(json.dumps(CONFIG.to_dict())))
    assert read == CONFIG
    assert isinstance(read.front_end, FrontEndConfig)
    assert isinstance(read.labels[0], tuple)


@pytest.mark.parametrize("part", ["family", "labels", "front_end", "segments"])
def test_description_without_a_part_is_refused(part: str) -> None:
    values = {name: value for name, value in CONFIG.to_dict().items() if name != part}
    with pytest.raises(CheckpointError, match=f"not one of ours .*{part}.*; train or convert it anew"):
        ModelConfig.from_dict(values)


def test_entries_that_are_not_known_are_refused() -> None:
    with pytest.raises(CheckpointError, match=r"not one of ours .*wings"):
        ModelConfig.from_dict({**CONFIG.to_dict(), "wings": 2})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"playbacks": -1}, "playbacks must not be negative, got -1"),
        ({"labels": ()}, "every head needs at least one class name"),
        ({"labels": (("a",), ())}, "every head needs at least one class name"),
        ({"labels": (("a", "a"),)}, "class names must differ"),
        ({"labels": (("a", " "),)}, "a class name must not be empty"),
        ({"labels": (("a", "b" * 1001),)}, r"a class name has at most 1000 characters, and 'bbb.*bbb' has 1001"),
        ({"labels": (("a", "\x1b[2J"),)}, "a class name must be a text that can be shown"),
        ({"labels": (("\u00e9", "e\u0301"),)}, "class names must differ from one another, and '\u00e9' is there twice"),
    ],
)
def test_impossible_models_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        replace(CONFIG, **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"sample_rate": 0}, "sample_rate must be positive, got 0"),
        ({"sample_rate": 1}, "sample_rate must lie in 1000 to 768000, got 1"),
        ({"clip_seconds": -1.0}, "clip_seconds must be positive, got -1.0"),
        ({"mels": 0}, "frames and mels must be positive, got 400, 0"),
        ({"window_samples": 4096}, "window_samples must not exceed fft_samples, got 4096 and 2048"),
        ({"frames": 399}, "399 frames do not divide a clip of 80000 samples"),
    ],
)
def test_impossible_front_ends_are_refused(settings: dict[str, float], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        FrontEndConfig(**settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("settings", [{"threshold": 1.1}, {"maximum_share": 0.0}])
def test_impossible_rules_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(SettingsError, match="must lie in 0 to 1"):
        SegmentRules(**settings)


def test_hearings_are_one_more_than_playbacks_and_each_has_its_hop() -> None:
    assert CONFIG.hearings == 3
    assert CONFIG.classes == (2, 1)
    front_end = FrontEndConfig()
    assert [front_end.hop_samples(index) for index in range(4)] == [200, 100, 67, 50]
    assert front_end.hop_seconds(1) == 0.00625
