"""Which micro-batches hear what: a stage's own augmentation, and nothing of another's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from clip_sets import SECOND
from taught import plan_of, write_taught
from tiny import RATE, write_esc50
from torch import Tensor

from playitback.models.recipe import Augmentation, Recipe, Stage
from playitback.models.terms import EncoderTerms
from playitback.training import augmentation
from playitback.training.answers import read_answers
from playitback.training.batches import MicroBatches
from playitback.training.clips import ClipSet, load_clips
from playitback.training.manifest import read_manifest
from playitback.training.mixtures import Mixtures

_PLAIN = Stage(
    name="plain",
    epochs=1,
    learning_rate=1e-3,
    trains={"encoder": 1.0},
    terms=EncoderTerms(),
    augmentation=Augmentation(between_class=0.0, time_scale=1.0),
)
_NOISY = replace(_PLAIN, name="noisy", augmentation=replace(_PLAIN.augmentation, background=1.0))
_SHORT = replace(_PLAIN, name="short", augmentation=replace(_PLAIN.augmentation, shortened=1.0))
RECIPE = Recipe(stages=(_PLAIN, _NOISY, _SHORT), batch_size=8, micro_batch_size=8)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> ClipSet:
    """A quarter of a second of sound, then silence."""
    folder = write_esc50(tmp_path_factory.mktemp("data") / "esc50", folds=(1,), seconds=0.25)
    return load_clips(read_manifest("esc50", folder, folds=(1,)), SECOND)


def test_each_stage_hears_clips_changed_as_it_says(clips: ClipSet) -> None:
    silent = {}
    for stage in (_PLAIN, _NOISY):
        waveforms, _, _ = MicroBatches(clips, RECIPE, stage, RATE)[0]
        silent[stage.name] = float((waveforms == 0).float().mean())
    assert silent["plain"] > 0.6
    assert silent["noisy"] < 0.01


@pytest.mark.parametrize("stage", RECIPE.stages, ids=lambda stage: stage.name)
def test_workers_make_the_micro_batches_that_the_process_itself_would(clips: ClipSet, stage: Stage) -> None:
    batches = MicroBatches(clips, RECIPE, stage, RATE)
    here, there = (batches.loader(iter(range(len(clips) // 8)), workers, torch.device("cpu")) for workers in (0, 2))
    for one, other in zip(here, there, strict=True):
        # not to the bit: a library may round by where in memory a clip lies
        torch.testing.assert_close(other[0], one[0])
        torch.testing.assert_close(other[1], one[1])
        assert other[2] == one[2]


@pytest.mark.parametrize("kind", ["background", "shortened"])
def test_what_a_stage_leaves_out_draws_nothing(kind: str, clips: ClipSet, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a stage without it hears what it heard before there was such a kind of augmentation."""
    function = {"background": "add_background", "shortened": "shorten"}[kind]

    def refuse(*_: object) -> Tensor:
        raise AssertionError(f"{function} was called")

    monkeypatch.setattr(augmentation, function, refuse)
    MicroBatches(clips, RECIPE, _PLAIN, RATE)[0]
    with pytest.raises(AssertionError, match=function):
        MicroBatches(clips, RECIPE, _NOISY if kind == "background" else _SHORT, RATE)[0]


def test_a_micro_batch_follows_from_its_number(clips: ClipSet) -> None:
    first, again, other = (MicroBatches(clips, RECIPE, _NOISY, RATE)[number] for number in (3, 3, 4))
    torch.testing.assert_close(first[0], again[0], rtol=0, atol=0)
    assert first[2] == again[2] != other[2]
    assert not torch.equal(first[0], other[0])


def test_a_stage_of_mixtures_hears_every_one_before_it_hears_one_again(clips: ClipSet, tmp_path: Path) -> None:
    plan = plan_of(*((0, clip, -1) for clip in range(len(clips))), *((1, clip, 0) for clip in range(1, len(clips))))
    assert len(plan["kind"]) == 2 * len(clips) - 1
    mixtures = Mixtures(read_answers(write_taught(tmp_path, clips.names, plan)), SECOND, clips)
    mixed = replace(_PLAIN, name="mixed", mixtures=True)
    batches = MicroBatches(clips, replace(RECIPE, stages=(mixed,)), mixed, RATE, mixtures)
    assert batches.steps == len(clips) // 8  # an epoch is as long as that of the clips
    everything = mixtures.waveforms(torch.arange(len(mixtures)))
    heard = torch.cat([batches[number][0] for number in range(len(mixtures) // 8)])
    equal = (heard[:, None] == everything).all(dim=2)
    assert equal.sum(dim=0).max() == 1
    assert equal.any(dim=1).all()
    torch.testing.assert_close(batches[1][0], batches[1][0], rtol=0, atol=0)
    assert len(batches[0][1]) == 5  # labels, and what the teacher told of these and of its own classes
    # without a teacher, and in other stages, clips are heard
    for stage, given in ((mixed, None), (_PLAIN, mixtures)):
        assert len(MicroBatches(clips, replace(RECIPE, stages=(stage,)), stage, RATE, given)[0][1]) == 1


def test_a_background_is_put_under_mixtures_too(clips: ClipSet, tmp_path: Path) -> None:
    plan = plan_of(*((0, clip, -1) for clip in range(len(clips))))
    mixtures = Mixtures(read_answers(write_taught(tmp_path, clips.names, plan)), SECOND, clips)
    silent = []
    for stage in (_PLAIN, _NOISY):
        mixed = replace(stage, mixtures=True)
        batches = MicroBatches(clips, replace(RECIPE, stages=(mixed,)), mixed, RATE, mixtures)
        silent.append(float((batches[0][0] == 0).float().mean()))
    assert silent[0] > 0.6
    assert silent[1] < 0.01


def test_stages_hear_clips_in_orders_of_their_own(clips: ClipSet) -> None:
    same = replace(RECIPE, stages=(_PLAIN, replace(_PLAIN, name="plain again")))
    first, second = (MicroBatches(clips, same, stage, RATE)[0] for stage in same.stages)
    assert first[2] != second[2]
    assert not torch.equal(first[0], second[0])
