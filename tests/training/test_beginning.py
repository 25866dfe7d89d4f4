"""Claims about what a training begins with."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from tiny import sounding_clips, tiny_config, tiny_model

from playitback.checkpoint import Checkpoint
from playitback.config import ActivityConfig, TaughtConfig
from playitback.errors import SettingsError
from playitback.models import families
from playitback.models.mast import MastConfig, MastEncoderConfig
from playitback.training.beginning import begin


def test_a_deeper_encoder_begins_by_hearing_what_a_shallower_one_heard() -> None:
    shallow = tiny_config(aimed=True)
    deep = replace(shallow, encoder=replace(shallow.encoder, depth=shallow.encoder.depth + 2))
    torch.manual_seed(0)
    before = families.build(shallow).eval()
    for weights in before.parameters():
        torch.nn.init.normal_(weights, std=0.1)
    after = begin(deep, families.recipe("small"), Checkpoint("shallow", before)).eval()
    with torch.inference_mode():
        for first, second in zip(before.listen(sounding_clips(2)), after.listen(sounding_clips(2)), strict=True):
            torch.testing.assert_close(first.logits, second.logits)
            torch.testing.assert_close(first.relevance, second.relevance)


def test_a_model_of_several_labels_names_at_once_what_a_teacher_taught_the_one_before() -> None:
    taught = replace(tiny_config(aimed=True), taught=TaughtConfig(("Bell", "Dog", "Rain")))
    torch.manual_seed(0)
    before = families.build(taught).eval()
    several = replace(taught, labels=(("Rain", "Bell"),), multi_label=True, broader=((1,), ()))
    after = begin(several, families.recipe("small"), Checkpoint("taught", before)).eval()
    clips = sounding_clips(2)
    with torch.inference_mode():
        one, other = (next(iter(model.listen(clips, 0))) for model in (before, after))
        assert one.taught is not None
        frames = after.normalise(other.log_mel)
        said = after.encoder(frames)[0].sigmoid()
    torch.testing.assert_close(said, one.taught[:, [2, 0]])


def test_of_another_family_the_first_layers_are_taken_where_they_are_the_same() -> None:
    before = tiny_model()
    config = MastConfig(  # whose stem has the widths of the other one's
        labels=(("dog", "cat"),),
        front_end=before.config.front_end,
        encoder=MastEncoderConfig(stem_widths=(8, 16, 16), width=16, heads=1, depths=(1,), pools=()),
        activity=ActivityConfig(squeezed_channels=4, width=16),
    )
    model = begin(config, families.recipe("mast_small"), Checkpoint("before", before))
    given = before.state_dict()
    for name, weights in model.state_dict().items():
        taken = name.startswith("encoder.stem.") or name in ("mel_mean", "mel_deviation")
        assert not taken or torch.equal(weights, given[name]), name
    assert model.prepared
    for changed in (
        replace(config, front_end=replace(config.front_end, mels=64)),
        replace(config, encoder=replace(config.encoder, stem_widths=(8, 16))),
    ):
        with pytest.raises(SettingsError, match="before is of another family with other first layers"):
            begin(changed, families.recipe("mast_small"), Checkpoint("before", before))
    untrained = families.recipe("mast_small").with_epochs({"encoder": 0, "taught": 0})
    with pytest.raises(SettingsError, match="give the stage encoder or taught some epochs"):
        begin(config, untrained, Checkpoint("before", before))
