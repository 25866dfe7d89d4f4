"""That activity is compared with the answers it stands for, and with nothing at all."""

from __future__ import annotations

import math

import pytest
import torch
from bands import band_clips, band_model
from tiny import LABELS, RATE, recognizer_of, tiny_model

from playitback.evidence.intervals import Bootstrap
from playitback.evidence.runs import Ears, Tally
from playitback.evidence.truth import (
    CLIPS,
    SILENT,
    WHITE_NOISE,
    ActivityTruth,
    clips_to_compare_activity,
    compare_activity,
    correlation,
    divergence,
)
from playitback.models.listener import Listener
from playitback.progress import finish


def compared(model: Listener) -> ActivityTruth:
    """On clips that change their class in the middle."""
    halves = [band_clips(classes)[:, :RATE] for classes in (torch.tensor([0, 1, 2]), torch.tensor([3, 2, 1]))]
    clips = torch.cat(halves, dim=1)
    ears = Ears(recognizer_of(model), Tally(0))
    chosen = finish(ears.hear(clips))
    found = finish(compare_activity([ears], clips, [chosen], Bootstrap(100, 0)))
    assert ears.tally.done == 3 + clips_to_compare_activity(3, ears.clip_seconds)
    return found


def test_true_activity_says_what_the_model_says_of_each_moment_alone() -> None:
    found = compared(band_model())
    assert (found.clips, found.windows, found.window_seconds, found.multi_label) == (3, 13, 0.5, False)
    assert found.divergence.mean < 0.05
    assert found.whole_divergence.mean > 10 * found.divergence.mean
    assert found.correlation.mean > 0.95
    assert found.agreement.mean > 0.9
    assert found.whole_agreement.mean < 0.7


def test_untrained_activity_is_no_better_than_the_answer_to_the_whole_clip() -> None:
    found = compared(tiny_model(playbacks=1, activity=True))
    assert found.divergence.mean > found.whole_divergence.mean


def test_what_cannot_say_none_is_at_most_in_doubt() -> None:
    said = {each.sound: each for each in compared(band_model()).emptiness}
    assert list(said) == [CLIPS, SILENT, WHITE_NOISE]
    assert said[SILENT].largest.mean == pytest.approx(1 / len(LABELS), abs=1e-4)
    assert said[SILENT].entropy.mean == pytest.approx(math.log(len(LABELS)), abs=1e-4)
    assert said[CLIPS].largest.mean > 0.95 > said[WHITE_NOISE].largest.mean
    assert said[CLIPS].entropy.mean < said[WHITE_NOISE].entropy.mean < said[SILENT].entropy.mean


def test_divergence_is_that_of_one_answer_or_of_many() -> None:
    answer, told = torch.tensor([0.5, 0.5]).double(), torch.tensor([0.25, 0.75]).double()
    assert float(divergence(answer, answer, False)) == 0
    assert float(divergence(answer, told, False)) == pytest.approx(0.5 * math.log(2) + 0.5 * math.log(2 / 3))
    assert float(divergence(answer, told, True)) == pytest.approx(2 * (0.5 * math.log(2) + 0.5 * math.log(2 / 3)))
    never = torch.tensor([1.0, 0.0]).double()
    assert math.isfinite(float(divergence(never, never.flip(0), True)))


def test_correlation_leaves_out_what_is_not_counted() -> None:
    one = torch.tensor([[1.0, 2.0, 3.0, 9.0], [1.0, 1.0, 1.0, 1.0]]).double()
    other = torch.tensor([[2.0, 4.0, 6.0, -9.0], [1.0, 2.0, 3.0, 4.0]]).double()
    found = correlation(one, other, torch.tensor([[True, True, True, False]] * 2))
    assert float(found[0]) == pytest.approx(1.0)
    assert found[1].isnan()
