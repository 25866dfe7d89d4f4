"""That the evidence is whole, reads as JSON, and is gathered of every family, but only where it can be."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch
from tiny import LABELS, recognizer_of, sounding_clips, tiny_model
from toy import toy_model

from playitback.errors import SettingsError
from playitback.evidence.gather import (
    ACTIVITY,
    CONTROLS,
    PARTS,
    POINTING,
    REPLAYING,
    SCENES,
    SCHEMA,
    TOGETHER,
    Evidence,
    gather,
)
from playitback.evidence.rivals import LOUDEST, RANDOM
from playitback.progress import Progress, finish
from playitback.recognizer import Recognizer
from playitback.report.evidence_text import text

CLIPS = 3
CLASSES = torch.arange(CLIPS)
RIVALS = (LOUDEST, RANDOM)  # those that cost nothing


@pytest.fixture(scope="module")
def told() -> list[Progress]:
    return []


@pytest.fixture(scope="module")
def evidence(told: list[Progress]) -> Evidence:
    clips = sounding_clips(CLIPS)
    clips[0, 12_000:] = 0
    recognizer = recognizer_of(tiny_model(playbacks=1, activity=True))
    return finish(gather([recognizer], clips, CLASSES, LABELS, draws=2, bootstrap=100), told.append)


def gathered(recognizer: Recognizer, clips: int = CLIPS, **settings: object) -> Evidence:
    """The controls on sounding clips, or what the settings ask for."""
    given = {"draws": 2, "bootstrap": 50, "parts": (CONTROLS,), "rival_names": RIVALS, **settings}
    return finish(gather([recognizer], sounding_clips(clips), CLASSES[:clips], LABELS, **given))  # type: ignore[arg-type]


def test_progress_rises_to_the_total(evidence: Evidence, told: list[Progress]) -> None:
    done = [each.done for each in told]
    assert done == sorted(done)
    assert {each.total for each in told} == {done[-1]}
    assert done[-1] > 100 * CLIPS // 2


def test_all_parts_are_gathered_of_a_model_that_replays(evidence: Evidence) -> None:
    assert evidence.replays
    assert all(getattr(evidence, part) for part in PARTS)
    assert evidence.hearings == 2
    assert evidence.sanity is not None
    assert [each.part for each in evidence.sanity.parts] == ["slots", "encoder"]


def test_of_a_model_that_cannot_replay_all_is_gathered_but_what_asks_for_replays() -> None:
    told: list[Progress] = []
    recognizer = recognizer_of(toy_model())
    steps = gather([recognizer], sounding_clips(CLIPS), CLASSES, LABELS, draws=2, bootstrap=50, rival_names=RIVALS)
    found = finish(steps, told.append)
    assert told[-1].done == told[-1].total
    assert (found.replays, found.hearings, found.classes) == (False, 1, len(LABELS))
    assert 0.1 < found.marked_seconds < 1.0  # of clips of 2 s
    assert [part for part in PARTS if getattr(found, part)] == [
        part for part in PARTS if part not in (*REPLAYING, ACTIVITY)
    ]
    assert found.narrowness is not None
    assert found.sanity is not None
    assert [each.part for each in found.sanity.parts] == ["heads"]
    json.dumps(found.to_dict(), allow_nan=False)


def test_a_clip_without_a_class_counts_where_no_class_must_be_known_and_nowhere_else() -> None:
    recognizer, told = recognizer_of(toy_model(multi_label=True)), []
    targets = torch.tensor([[1.0, 0, 0, 0], [0, 0, 0, 0], [0, 1.0, 0, 0]])
    steps = gather([recognizer], sounding_clips(CLIPS), targets, LABELS, bootstrap=50, rival_names=RIVALS)
    found = finish(steps, told.append)
    assert told[-1].done == told[-1].total
    assert (found.clips, found.labelled, found.multi_label) == (3, 2, True)
    told_of = found.to_dict()
    assert (told_of["removal"]["clips"], told_of["pointing"]["splices"], told_of["sanity"]["clips"]) == (3, 2, 2)
    assert "over the 2 that have any" in " ".join(text(found).split())
    with pytest.raises(SettingsError, match="no clip has a class, which controls, scenes"):
        finish(gather([recognizer], sounding_clips(CLIPS), 0 * targets, LABELS, rival_names=RIVALS))


@pytest.mark.parametrize(
    ("parts", "named"), [((SCENES,), "scenes ask"), ((CONTROLS, "curves"), "controls ask"), (PARTS, "controls and sce")]
)
def test_replays_are_not_asked_of_a_model_that_cannot_replay(parts: tuple[str, ...], named: str) -> None:
    with pytest.raises(SettingsError, match=f"toy cannot replay, and {named}.* other replays; leave them out"):
        gathered(recognizer_of(toy_model(), "toy"), parts=parts)


def test_json_comes_back_as_it_went(evidence: Evidence) -> None:
    written = evidence.to_dict()
    assert json.loads(json.dumps(written, allow_nan=False)) == written
    assert written["schema"] == SCHEMA
    assert written["clips"] == CLIPS
    assert set(PARTS) <= set(written)
    assert written["controls"]["results"][1]["name"] == "random"
    assert set(written["controls"]["results"][1]["probability_lead"][-1]) == {"mean", "low", "high"}


def test_same_seed_gives_the_same_evidence() -> None:
    recognizer = recognizer_of(tiny_model(playbacks=1))
    first = gathered(recognizer, seed=0)
    assert first == gathered(recognizer, seed=0)
    assert first.controls != gathered(recognizer, seed=1).controls


def test_one_clip_gives_null_where_there_is_no_interval() -> None:
    one = gathered(recognizer_of(tiny_model(playbacks=1)), clips=1)
    written = json.loads(json.dumps(one.to_dict(), allow_nan=False))
    assert written["controls"]["results"][1]["probability_lead"][-1]["low"] is None
    assert written["segments"] is None


def test_several_models_are_examined_together() -> None:
    models = [tiny_model(playbacks=1, seed=seed, activity=True) for seed in (0, 1)]
    models[1].config = replace(models[1].config, temperature=0.8)  # which is fitted to each by itself
    recognizers = [recognizer_of(model) for model in models]
    told: list[Progress] = []
    steps = gather(recognizers, sounding_clips(CLIPS), CLASSES, LABELS, draws=2, bootstrap=50, rival_names=RIVALS)
    both = finish(steps, told.append)
    assert told[-1].done == told[-1].total
    assert (both.models, both.narrowness) == (2, None)
    assert {part for part in PARTS if getattr(both, part)} == set(TOGETHER)
    alone = [gathered(each) for each in recognizers]
    assert both.marked_seconds == pytest.approx((alone[0].marked_seconds + alone[1].marked_seconds) / 2)


@pytest.mark.parametrize(
    ("playbacks", "parts", "message"),
    [
        (
            1,
            [part for part in PARTS if part != ACTIVITY],
            "controls, .*, activity only; leave out curves, localisation, sanity, segm",
        ),
        (2, (CONTROLS, SCENES), "differ in more than their seed"),
    ],
)
def test_several_models_that_cannot_be_examined_together_are_refused(
    playbacks: int, parts: tuple[str, ...], message: str
) -> None:
    recognizers = [recognizer_of(tiny_model(playbacks=count, seed=count)) for count in (1, playbacks)]
    with pytest.raises(SettingsError, match=message):
        finish(gather(recognizers, sounding_clips(1), CLASSES[:1], LABELS, parts=parts))


def test_models_that_cannot_replay_are_examined_together_in_what_needs_no_replay() -> None:
    recognizers = [recognizer_of(toy_model(seed), "toy") for seed in (0, 1)]
    both = finish(gather(recognizers, sounding_clips(CLIPS), CLASSES, LABELS, bootstrap=50, rival_names=RIVALS))
    assert {part for part in PARTS if getattr(both, part)} == set(TOGETHER) - {*REPLAYING, ACTIVITY}
    assert both.pointing is not None
    assert [each.way for each in both.pointing.pointers] == ["relevance", "loudest", "random", "own segments"]


def test_activity_is_not_asked_of_a_model_that_tells_none() -> None:
    with pytest.raises(SettingsError, match="tiny tells no activity; leave out activity"):
        gathered(recognizer_of(tiny_model(playbacks=1)), parts=(POINTING, ACTIVITY))


def test_raising_in_the_report_cancels() -> None:
    class CancelledError(Exception):
        pass

    def cancel(progress: Progress) -> None:
        raise CancelledError

    steps = gather([recognizer_of(tiny_model(playbacks=1))], sounding_clips(1), CLASSES[:1], LABELS)
    with pytest.raises(CancelledError):
        finish(steps, cancel)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"parts": ("controls", "magic")}, "no part magic; choose from controls"),
        ({"draws": 0}, "draws and bootstrap must be positive, got 0"),
        ({"labels": ("cat", "dog")}, "other classes than the model"),
        ({"waveforms": torch.zeros(0, 32_000)}, "no clips to examine"),
    ],
)
def test_what_cannot_be_gathered_is_refused(settings: dict[str, object], message: str) -> None:
    given = {"waveforms": sounding_clips(1), "labels": LABELS, **settings}
    steps = gather([recognizer_of(tiny_model(playbacks=1))], classes=CLASSES[:1], **given)  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match=message):
        finish(steps)
