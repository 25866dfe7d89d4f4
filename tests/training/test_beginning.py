"""Claims about what a training begins with."""

from __future__ import annotations

from dataclasses import replace

import torch
from tiny import sounding_clips, tiny_config

from playitback.checkpoint import Checkpoint
from playitback.models import families
from playitback.training.beginning import begin


def test_a_deeper_encoder_begins_by_hearing_what_a_shallower_one_heard() -> None:
    shallow = tiny_config(aimed=True)
    deep = replace(shallow, encoder=replace(shallow.encoder, depth=shallow.encoder.depth + 2))
    torch.manual_seed(0)
    before = families.build(shallow).eval()
    for weights in before.parameters():
        torch.nn.init.normal_(weights, std=0.1)
    recipe = families.recipe("small")
    after = begin(deep, recipe, Checkpoint("shallow", before)).eval()
    with torch.inference_mode():
        for first, second in zip(before.listen(sounding_clips(2)), after.listen(sounding_clips(2)), strict=True):
            torch.testing.assert_close(first.logits, second.logits)
            torch.testing.assert_close(first.relevance, second.relevance)
