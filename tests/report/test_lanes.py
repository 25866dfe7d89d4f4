"""What is said and drawn of further lanes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.lines import Line2D
from matplotlib.text import Text
from tiny import CLIP_SECONDS, explanation_of, recognizer_of, sounding_clips

from playitback.explain.explanation import Explanation
from playitback.explain.lanes import FurtherLane, FurtherLanes
from playitback.report.figure import draw
from playitback.report.files import draw_player, write_files
from playitback.report.lanes import lanes_sentence
from playitback.segments import TIME_BINS
from playitback.spectrogram import mel_hertz

SECONDS = (np.arange(TIME_BINS) + 0.5) * CLIP_SECONDS / TIME_BINS
FALLING = FurtherLane("occlusion", np.linspace(3.0, -1.5, TIME_BINS), 13)
FOUND = FurtherLanes("rain", SECONDS, (FurtherLane("grad-cam", np.ones(TIME_BINS), 1), FALLING), {})
MISSING = {"grad-cam": "no gradient", "integrated gradients": "no gradient", "class activation map": "no mean"}


@pytest.fixture(scope="module")
def explanation() -> Explanation:
    samples = sounding_clips(1)[0].numpy()
    return replace(explanation_of(recognizer_of().explain(samples, 1)), further_lanes=FOUND)


def test_each_is_told_with_its_cost_and_what_is_missing_with_its_reason() -> None:
    assert lanes_sentence(FOUND) == (
        "What speaks for rain in the first hearing: grad-cam (1 pass), occlusion (13 passes). Each lane is drawn as a "
        "share of its own greatest value."
    )
    assert lanes_sentence(replace(FOUND, missing=MISSING)).endswith(
        "Without grad-cam and integrated gradients: no gradient. Without class activation map: no mean."
    )
    assert lanes_sentence(replace(FOUND, lanes=(), missing={"occlusion": "x"})) == (
        "None of these ways suits this model or this installation. Without occlusion: x."
    )


def test_the_figure_has_a_strip_for_each_under_the_first_hearing(explanation: Explanation) -> None:
    hertz = mel_hertz(recognizer_of().config.front_end)
    figure, without = draw(explanation, hertz), draw(replace(explanation, further_lanes=None), hertz)
    assert [name for name in figure.panels if name not in without.panels] == ["further"]
    assert figure.height > without.height
    strips = figure.panels["further"]
    assert [text.get_text() for text in strips.artists if isinstance(text, Text)] == [
        "grad-cam, 1 pass", "occlusion, 13 passes", "Other ways to explain: rain"
    ]  # fmt: skip
    drawn = [line for line in strips.artists if isinstance(line, Line2D)][1]
    np.testing.assert_allclose(drawn.get_xdata(), SECONDS)  # in the lower half, from what speaks against it most
    np.testing.assert_allclose(drawn.get_ydata(), (FALLING.values / 3 + 0.51) / (1.02 + 0.51))  # to all that is for it
    assert figure.panels["lanes-0"].place.y0 > strips.place.y1  # below the lanes of the first hearing
    assert strips.place.y0 > figure.panels["spectrogram-1"].place.y1  # and above the spectrogram of the second


def test_the_report_has_them_as_lanes_of_the_first_row(explanation: Explanation, tmp_path: Path) -> None:
    recognizer, samples = recognizer_of(), sounding_clips(1)[0].numpy()
    player = draw_player(explanation, samples, recognizer, tmp_path)
    assert [lane.name for lane in player.rows[1].lanes] == ["informative attention", "uninformative attention"]
    first, second, cam, occlusion = player.rows[0].lanes
    assert (cam.name, occlusion.name) == ("grad-cam, 1 pass", "occlusion, 13 passes")
    assert len(cam.values) == len(first.values) == len(second.values) == len(player.rows[0].lane_seconds)
    assert (max(occlusion.values), min(occlusion.values)) == (pytest.approx(1, abs=0.02), 0)  # what speaks against is 0
    files = write_files(explanation, player, samples, recognizer, tmp_path / "out")
    report = files.report.read_text(encoding="utf-8")
    assert "<h2>Other ways to explain</h2><p>What speaks for rain in the first hearing" in report
