"""Further lanes through the service, and how the page draws them beside the model's own."""

from __future__ import annotations

import numpy as np
import pytest
from tiny import CLIP_SECONDS

from app import text
from app.charts.lanes import lanes_chart
from app.service import ExplanationView, FindingsService, Models
from app.service.findings import FurtherLanes, Progress
from playitback.explain.lanes import FurtherLane, find_lanes
from playitback.progress import finish


def test_they_are_those_of_the_core_and_are_kept_with_the_run(models: Models, view: ExplanationView) -> None:
    service = FindingsService(models)
    *steps, found = service.find_lanes(view)
    assert isinstance(found, FurtherLanes)
    assert steps
    assert all(isinstance(each, Progress) for each in steps)
    expected = finish(find_lanes(models.recognizer("tiny"), view.explanation.hearings[0], view.samples, "rain"))
    assert found.to_dict() == expected.to_dict()
    assert service.explanation(view).further_lanes is found
    assert len(list(service.find_lanes(view))) == 1  # nothing is heard again


def test_the_models_own_stand_above_them_on_the_same_seconds(models: Models, view: ExplanationView) -> None:
    *_, found = FindingsService(models).find_lanes(view)
    assert isinstance(found, FurtherLanes)
    figure = lanes_chart(found, view)
    names = [text.OWN_RELEVANCE, text.OWN_ACTIVITY, "grad-cam, 1 pass", "occlusion, 13 passes"]
    assert [trace.name for trace in figure.data] == [*names, "integrated gradients, 60 passes"]
    first = view.explanation.hearings[0]
    assert first.activity is not None
    np.testing.assert_allclose(figure.data[0].y, first.relevance)
    np.testing.assert_allclose(figure.data[1].y, first.activity[:, view.explanation.labels.index("rain")])
    np.testing.assert_allclose(figure.data[3].y, found.lanes[1].shares)
    for number in range(1, len(figure.data) + 1):
        axis = figure.layout[f"xaxis{number if number > 1 else ''}"]
        assert list(axis.range) == [0, CLIP_SECONDS]


def test_what_speaks_against_the_class_is_drawn_below_the_middle(view: ExplanationView) -> None:
    lane = FurtherLane("occlusion", np.linspace(-2, 1, 100), 13)
    found = FurtherLanes("rain", np.linspace(0, CLIP_SECONDS, 100), (lane,), {})
    figure = lanes_chart(found, view)
    assert figure.layout.yaxis3.range[0] == pytest.approx(-1.05)
    assert figure.layout.yaxis.range[0] == 0
