"""That curves of keeping and removing begin and end where they must, and that the order of the ways is as known."""

from __future__ import annotations

import pytest
import torch
from bands import band_clips, band_model
from tiny import LABELS, RATE, recognizer_of

from playitback.evidence.beds import splice
from playitback.evidence.intervals import Bootstrap
from playitback.evidence.removal import SHARES, RemovalComparison, RivalCurves, area, clips_to_remove, measure_removal
from playitback.evidence.rivals import ACTIVITY, LEAST_RELEVANT, LOUDEST, RELEVANCE, find_rivals
from playitback.evidence.runs import Ears, Tally
from playitback.progress import finish

CLASSES = torch.arange(8) % len(LABELS)


@pytest.fixture(scope="module")
def found() -> RemovalComparison:
    """Of clips with two classes, one in each half, the second four times as strong."""
    targets = torch.nn.functional.one_hot(CLASSES).bool()
    clips, _, _ = splice(band_clips(CLASSES), targets, 8, torch.Generator().manual_seed(0))
    clips[:, :RATE] *= 0.5
    ears = Ears(recognizer_of(band_model()), Tally(0))
    chosen = finish(ears.hear(clips))
    before = ears.tally.done
    rivals = find_rivals(ears.recognizer, [ACTIVITY, LOUDEST, LEAST_RELEVANT])
    measured = finish(measure_removal([ears], clips, [chosen], rivals, Bootstrap(100, 0)))
    assert ears.tally.done - before == clips_to_remove(8, rivals, ears.recognizer)
    assert measured.probability.mean == pytest.approx(float(chosen.probabilities[:, -1].amax(dim=1).mean()))
    return measured


def of(found: RemovalComparison, way: str) -> RivalCurves:
    (curves,) = (each for each in found.curves if each.way == way)
    return curves


def test_curves_begin_with_silence_and_with_the_whole_clip(found: RemovalComparison) -> None:
    for each in found.curves:
        assert len(each.kept) == len(each.fall) == len(found.shares) == len(SHARES)
        assert each.kept[0].mean == pytest.approx(1 / len(LABELS))  # of silence it believes nothing
        assert each.fall[0].mean == 0


def test_what_speaks_for_the_class_suffices_alone_and_is_missed(found: RemovalComparison) -> None:
    for way in (RELEVANCE, ACTIVITY):
        assert of(found, way).kept[2].mean > 0.95
        assert of(found, way).scores.input_fidelity.mean == 1
    for way in (RELEVANCE, ACTIVITY, LOUDEST):  # half of the clip is all of the named class, and the loud one
        assert of(found, way).kept[-1].mean > 0.95
        assert of(found, way).fall[-1].mean > 0.9
    least = of(found, LEAST_RELEVANT)
    assert least.kept[2].mean < 0.05
    assert least.scores.input_fidelity.mean == 0
    assert least.fall[-1].mean < 0.05
    assert least.kept_lead is not None
    assert least.kept_lead.mean == pytest.approx(of(found, RELEVANCE).kept_area.mean - least.kept_area.mean)
    assert least.kept_lead.sign == 1
    assert of(found, RELEVANCE).kept_lead is None


def test_area_is_the_mean_height() -> None:
    straight = torch.tensor(SHARES, dtype=torch.float64)
    assert area(torch.stack([torch.ones_like(straight), straight])).tolist() == pytest.approx([1.0, 0.25])
