"""What suffices, what is needed and every second alone through the service, and how the page shows them."""

from __future__ import annotations

import dataclasses
import io
import re

import numpy as np
import pytest
import soundfile
from tiny import CLIP_SECONDS, LABELS, RATE

from app import text
from app.charts.check import alone_chart
from app.service import ExplanationView, FindingsService, Models, PassagesView
from app.service.findings import Alone, Progress
from app.tabs.passages import found_html
from playitback.explain.alone import hear_alone
from playitback.explain.passages import Passages, Trial, find_passages, kept_sound
from playitback.progress import finish
from playitback.report.passages import NEEDS_TITLE, SUFFICES_TITLE
from playitback.segments import Segment

FOUND = Passages(
    label="bell",
    decision="bell",
    probability=0.9,
    audible_seconds=CLIP_SECONDS,
    clip_seconds=CLIP_SECONDS,
    suffices=Trial((Segment(0.5, 1.0),), 0.25, 0.8, "bell", True, 0.8),
    needs=Trial((Segment(0.4, 0.6), Segment(1.2, 1.3)), 0.15, 0.1, "rain", True, 0.7),
)


def test_what_is_found_is_what_the_core_finds_for_the_class_asked_about(models: Models, view: ExplanationView) -> None:
    *steps, found = FindingsService(models).find_passages(view)
    assert isinstance(found, PassagesView)
    assert all(isinstance(each, Progress) for each in steps)
    hearings = view.explanation.hearings
    assert found.found == finish(find_passages(models.recognizer("tiny"), hearings, view.samples, "rain"))
    assert found.found.label == "rain"


def test_it_is_found_once_and_kept_with_the_run(models: Models, view: ExplanationView) -> None:
    service = FindingsService(models)
    assert service.explanation(view) is view.explanation
    *_, found = service.find_passages(view)
    assert len(list(service.find_passages(view))) == 1  # nothing is heard again
    *_, alone = service.hear_alone(view)
    assert isinstance(found, PassagesView)
    told = service.explanation(view)
    assert (told.passages, told.alone) == (found.found, alone)
    assert dataclasses.replace(told, passages=None, alone=None) == view.explanation
    assert service.explanation(dataclasses.replace(view)).passages is None  # of another run nothing is known


def test_every_second_alone_is_that_of_the_first_hearing(models: Models, view: ExplanationView) -> None:
    *_, found = FindingsService(models).hear_alone(view)
    assert isinstance(found, Alone)
    expected = finish(hear_alone(models.recognizer("tiny"), view.explanation.hearings[0], view.samples, "rain"))
    np.testing.assert_array_equal(found.probabilities, expected.probabilities)
    assert (found.label, found.distance) == ("rain", expected.distance)


def test_both_are_shown_with_spans_figures_and_sounds(view: ExplanationView) -> None:
    assert FOUND.suffices is not None
    with io.BytesIO() as file:
        soundfile.write(file, kept_sound(FOUND.suffices, view.samples, RATE), RATE, format="WAV")
        html = found_html(PassagesView(FOUND, kept=file.getvalue(), left=b"RIFF"))
    suffices, needs = html.split(NEEDS_TITLE)
    assert SUFFICES_TITLE in suffices
    assert "0.50–1.00" in suffices
    assert f'aria-label="{text.HEAR_KEPT_NAME}"' in suffices
    assert "0.40–0.60, 1.20–1.30" in needs
    assert f'aria-label="{text.HEAR_LEFT_NAME}"' in needs
    assert re.findall(r'<rect x="([\d.]+)" width="([\d.]+)"', suffices) == [("250.0", "250.0")]
    assert re.findall(r'<rect x="([\d.]+)" width="([\d.]+)"', needs) == [("200.0", "100.0"), ("600.0", "50.0")]


def test_what_does_not_hold_has_no_bar_and_no_sound() -> None:
    assert FOUND.suffices is not None
    failed = dataclasses.replace(FOUND, suffices=dataclasses.replace(FOUND.suffices, holds=False), needs=None)
    html = found_html(PassagesView(failed, None, None))
    assert "<svg" not in html
    assert "<button" not in html


def test_a_class_of_a_hostile_name_is_shown_as_text() -> None:
    html = found_html(PassagesView(dataclasses.replace(FOUND, label="<img src=x>"), None, None))
    assert "<img" not in html
    assert "&lt;img" in html


def alone(seconds: list[float], activity: bool = True) -> Alone:
    stretches = tuple(Segment(each - 0.5, each + 0.5) for each in seconds)
    values = np.linspace(0, 1, len(seconds))[:, None] * np.array([[0.4, 0.3, 0.2, 0.1]])
    return Alone("bell", LABELS, stretches, values, values / 2 if activity else None, None)


def test_the_true_curve_is_drawn_with_the_learned_one() -> None:
    figure = alone_chart(alone([0.5, 0.75, 1.0]), CLIP_SECONDS)
    assert [trace.name for trace in figure.data[:2]] == ["bell", text.by_activity("bell")]
    assert list(figure.data[0].x) == [0.5, 0.75, 1.0]
    assert list(figure.data[0].y) == pytest.approx([0, 20, 40])
    assert list(figure.data[1].y) == pytest.approx([0, 10, 20])
    assert list(figure.layout.xaxis.range) == [0, CLIP_SECONDS]


def test_without_activity_the_true_curve_stands_alone() -> None:
    figure = alone_chart(alone([0.5, 0.75, 1.0], activity=False), CLIP_SECONDS)
    assert [trace.name for trace in figure.data] == ["bell", "rain", "siren"]


def test_no_line_is_drawn_through_digital_silence() -> None:
    figure = alone_chart(alone([0.5, 0.75, 1.5]), CLIP_SECONDS)
    assert list(figure.data[0].x) == [0.5, 0.75, None, 1.5]
