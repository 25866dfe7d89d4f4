"""That the evidence is whole, reads as JSON and as text, and claims nothing that its figures do not support."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import torch
from PIL import Image
from tiny import LABELS, sounding_clips, tiny_model

from playitback.errors import SettingsError
from playitback.evidence.faithfulness import ControlComparison, ControlResult
from playitback.evidence.gather import CONTROLS, PARTS, SANITY, SCHEMA, TOGETHER, Evidence, gather
from playitback.evidence.intervals import Interval
from playitback.report.evidence_figures import write_figures
from playitback.report.evidence_text import controls

CLIPS = 3
CLASSES = torch.arange(CLIPS)


def ignore(done: int, total: int) -> None:
    """Progress that nobody watches."""


@pytest.fixture(scope="module")
def told() -> list[tuple[int, int]]:
    return []


@pytest.fixture(scope="module")
def evidence(told: list[tuple[int, int]]) -> Evidence:
    clips = sounding_clips(CLIPS)
    clips[0, 12_000:] = 0
    return gather(
        [tiny_model(playbacks=1)],
        clips,
        CLASSES,
        LABELS,
        draws=2,
        bootstrap=100,
        report=lambda done, total: told.append((done, total)),
    )


def unwrapped(text: str) -> str:
    return " ".join(text.split())


def comparison(*leads: tuple[str, Interval]) -> ControlComparison:
    """After a single hearing."""
    chosen = ControlResult("chosen", (0.5,), (0.5,), (), ())
    others = (ControlResult(name, (0.5,), (0.5,), (lead,), (lead,)) for name, lead in leads)
    return ControlComparison(100, (chosen, *others), (0.4,), (0.4,))


def test_progress_rises_to_the_total(evidence: Evidence, told: list[tuple[int, int]]) -> None:
    done = [each for each, _ in told]
    assert done == sorted(done)
    assert {total for _, total in told} == {done[-1]}
    assert done[-1] > 100 * CLIPS // 2


def test_json_comes_back_as_it_went(evidence: Evidence) -> None:
    written = evidence.to_dict()
    assert json.loads(json.dumps(written, allow_nan=False)) == written
    assert written["schema"] == SCHEMA
    assert written["clips"] == CLIPS
    assert set(PARTS) <= set(written)
    assert written["controls"]["results"][1]["name"] == "random"
    assert set(written["controls"]["results"][1]["probability_lead"][-1]) == {"mean", "low", "high"}


def test_same_seed_gives_the_same_evidence() -> None:
    model, clips = tiny_model(playbacks=1), sounding_clips(CLIPS)

    def gathered(seed: int) -> Evidence:
        return gather(
            [model], clips, CLASSES, LABELS, draws=2, bootstrap=50, seed=seed, parts=(CONTROLS,), report=ignore
        )

    assert gathered(0) == gathered(0)
    assert gathered(0).controls != gathered(1).controls


def test_one_clip_gives_null_where_there_is_no_interval() -> None:
    model = tiny_model(playbacks=1)
    one = gather(
        [model], sounding_clips(1), CLASSES[:1], LABELS, draws=2, bootstrap=50, parts=(CONTROLS,), report=ignore
    )
    written = json.loads(json.dumps(one.to_dict(), allow_nan=False))
    assert written["controls"]["results"][1]["probability_lead"][-1]["low"] is None
    assert written["segments"] is None
    assert "[no interval]" in one.text()
    assert "Measured on as few as 1:" in unwrapped(one.text())
    assert "support neither this nor its contrary" in unwrapped(one.text())


def test_several_models_are_examined_together(tmp_path: Path) -> None:
    models, told = [tiny_model(playbacks=1, seed=seed) for seed in (0, 1)], []
    both = gather(
        models,
        sounding_clips(CLIPS),
        CLASSES,
        LABELS,
        draws=2,
        bootstrap=50,
        parts=TOGETHER,
        report=lambda done, total: told.append((done, total)),
    )
    assert told[-1][0] == told[-1][1]
    assert (both.models, both.narrowness) == (2, None)
    assert "Every clip counts with its mean over 2 models" in both.text()
    assert "Gini" not in both.text()
    assert {path.stem for path in write_figures(both, tmp_path)} == set(TOGETHER)
    alone = [
        gather([each], sounding_clips(CLIPS), CLASSES, LABELS, draws=2, bootstrap=50, parts=(CONTROLS,), report=ignore)
        for each in models
    ]
    assert both.replayed_seconds == pytest.approx((alone[0].replayed_seconds + alone[1].replayed_seconds) / 2)


@pytest.mark.parametrize(
    ("playbacks", "parts", "message"),
    [
        (1, PARTS, "controls and scenes only; leave out curves, localisation, sanity, segm"),
        (2, TOGETHER, "differ in more than their seed"),
    ],
)
def test_several_models_that_cannot_be_examined_together_are_refused(
    playbacks: int, parts: tuple[str, ...], message: str
) -> None:
    models = [tiny_model(playbacks=1), tiny_model(playbacks=playbacks, seed=1)]
    with pytest.raises(SettingsError, match=message):
        gather(models, sounding_clips(1), CLASSES[:1], LABELS, parts=parts, report=ignore)


def test_text_has_a_table_for_every_part(evidence: Evidence) -> None:
    text = evidence.text()
    for words in (
        "least attended",
        "Fid-In",
        "mean spectrum",
        "insertion area",
        "Gini",
        "noise 6 dB",
        "splices",
        "zero-padded",
        "Events planted in a background",
        "slots shuffled",
    ):
        assert words in text
    assert "nan" not in text
    assert max(map(len, text.splitlines())) <= 150


def test_intervals_that_hold_zero_are_said_to_support_nothing() -> None:
    text = unwrapped(controls(comparison(("random", Interval(0.1, -0.1, 0.3)), ("loudest", Interval(-0.1, -0.3, 0.1)))))
    assert "These figures support neither this nor its contrary: Replaying the chosen segments" in text


def test_what_rounds_to_zero_has_no_sign() -> None:
    text = controls(comparison(("random", Interval(-1e-7, -0.0101, 0.02))))
    assert "0.00 [-1.01, 2.00]" in text
    assert "-0.00 " not in text


def test_leads_are_said_as_they_are() -> None:
    found = comparison(
        ("random", Interval(0.2, 0.1, 0.3)),
        ("loudest", Interval(-0.2, -0.3, -0.1)),
        ("no replay", Interval(0.0, -0.1, 0.1)),
    )
    text = unwrapped(controls(found))
    assert (
        "Replaying the chosen segments gives a higher true-class probability than random; a lower one than loudest; "
        "no difference is shown for no replay." in text
    )


def test_every_claim_has_its_figure(evidence: Evidence, tmp_path: Path) -> None:
    paths = write_figures(evidence, tmp_path / "figures")
    assert [path.stem for path in paths] == list(PARTS)
    for path in paths:
        with Image.open(path) as picture:
            assert picture.width == 1650
            assert len(picture.convert("RGB").getcolors(maxcolors=2**24) or ()) > 10
    partial = dataclasses.replace(evidence, controls=None, scenes=(), segments=None, curves=None, localisation=())
    assert [path.stem for path in write_figures(partial, tmp_path / "one")] == [SANITY]


def test_raising_in_the_report_cancels() -> None:
    class CancelledError(Exception):
        pass

    def cancel(done: int, total: int) -> None:
        raise CancelledError

    with pytest.raises(CancelledError):
        gather([tiny_model(playbacks=1)], sounding_clips(1), CLASSES[:1], LABELS, report=cancel)


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
    with pytest.raises(SettingsError, match=message):
        gather([tiny_model(playbacks=1)], classes=CLASSES[:1], report=ignore, **given)  # type: ignore[arg-type]
