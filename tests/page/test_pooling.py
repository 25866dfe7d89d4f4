"""What the page shows of a model that pools by attention."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
import torch
from tiny import CLIP_SECONDS, LABELS, RATE, sounding_clips, tiny_checkpoint, tiny_front_end

from app.charts.pooling import pooling_chart
from app.service import ExplainService, ExplanationView, Models, Settings, pooling_of
from app.tabs import slots
from playitback.config import ActivityConfig
from playitback.models.pooling import PoolingConfig, PoolingEncoderConfig, PoolingModel


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> ExplanationView:
    """A finished run."""
    folder = tmp_path_factory.mktemp("run")
    clip = folder / "swelling.wav"
    soundfile.write(clip, sounding_clips(1)[0].numpy(), RATE)
    torch.manual_seed(0)
    config = PoolingConfig(
        labels=(LABELS,),
        front_end=tiny_front_end(),
        encoder=PoolingEncoderConfig(channels=(8, 8), kernels=(3, 3), width=8, layers=1, attention_width=8),
        activity=ActivityConfig(squeezed_channels=4, width=16),
    )
    model = PoolingModel(config).eval()
    model.mel_mean.fill_(-6.0)
    model.mel_deviation.fill_(3.0)
    service = ExplainService(Models([str(tiny_checkpoint(folder / "tiny", model))], "cpu"))
    *_, finished = service.explain(clip, Settings("tiny"), folder)
    return finished


def test_its_weights_are_those_of_the_hearing(view: ExplanationView) -> None:
    assert not view.has_slots
    assert slots.unsuited(view) is None
    pooling = pooling_of(view)
    assert pooling is not None
    (hearing,) = view.explanation.hearings
    over_time = hearing.details["temporal_attention"]
    assert pooling.weights.shape == (16, len(over_time))
    assert pooling.weights.mean() == pytest.approx(1.0)
    np.testing.assert_allclose(pooling.weights.mean(axis=0), over_time * len(over_time), rtol=1e-5)
    assert (np.diff(pooling.weights[:, 0]) <= 0).all()
    assert (pooling.edges[0], pooling.edges[-1]) == (0, CLIP_SECONDS)


def test_the_picture_has_a_cell_for_every_feature_and_moment(view: ExplanationView) -> None:
    pooling = pooling_of(view)
    assert pooling is not None
    line, picture = pooling_chart(pooling).data
    assert len(line.x) == len(line.y) == len(pooling.edges)
    assert np.asarray(picture.z).shape == pooling.weights.shape


def test_its_attention_is_shown_as_what_it_is_beside_the_activity(view: ExplanationView) -> None:
    (hearing,) = view.explanation.hearings
    assert [lane.name for lane in hearing.lanes] == ["attention"]
    assert hearing.activity is not None
    assert not view.explanation.can_aim
