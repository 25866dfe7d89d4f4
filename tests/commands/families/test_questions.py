"""what-if, examine, contrast and compare for a model that cannot replay."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from shell import Run
from tiny import CLIP_SECONDS, LABELS, RATE, recognizer_of
from torch import Generator
from toy_commands import assert_tells, refusal, removed, said, segments_of, told

from playitback import audio
from playitback.edits import FILLS, SILENCE, keep_only, remove
from playitback.evidence.curves import ORDERS
from playitback.evidence.faithfulness import SOURCES
from playitback.recognizer import ClipHearing, Recognizer
from playitback.segments import Segment, pad_segments

# what-if


@pytest.mark.parametrize(("action", "change"), [("--remove", remove), ("--keep", keep_only)])
def test_another_sound_is_heard_as_it_is_edited(
    run: Run, toy: Recognizer, samples: np.ndarray, hearing: ClipHearing, action: str, change: Any, tmp_path: Path
) -> None:
    question = ("clip.wav", action, "0.5-1", "--checkpoint", "toy")
    found = told(run, "what-if", *question, "--sound", tmp_path / "then.wav")
    segments = pad_segments([[Segment(0.5, 1.0)]], CLIP_SECONDS)
    edited = change(torch.from_numpy(samples).unsqueeze(0), segments, SILENCE, RATE, Generator())[0].numpy()
    (heard,) = toy.explain(edited)
    original, variant = (found[name]["hearings"][0] for name in ("original", "variant"))
    np.testing.assert_allclose(list(original["probabilities"].values()), hearing.probabilities, atol=1e-6)
    np.testing.assert_allclose(list(variant["probabilities"].values()), heard.probabilities, atol=1e-6)
    np.testing.assert_allclose(variant["relevance"], heard.relevance, atol=1e-6)
    assert found["difference"]["first_hearing"] == 0
    (difference,) = found["difference"]["hearings"]
    label = found["difference"]["label"]
    before, after = (each["probabilities"][label] for each in (original, variant))
    assert difference["log_odds_change"] == pytest.approx(
        np.log(after / (1 - after)) - np.log(before / (1 - before)), abs=1e-4
    )
    np.testing.assert_allclose(audio.load(tmp_path / "then.wav", sample_rate=RATE).samples, edited, atol=1 / 32768)
    heading, row = said(run, "what-if", *question).splitlines()
    assert heading.split() == ["hearing", "original", "variant", label]
    assert f"{100 * before:.0f} -> {100 * after:.0f} %" in row


def test_the_class_asked_about_is_followed_and_explained_in_both_sounds(
    run: Run, toy: Recognizer, samples: np.ndarray, other: str
) -> None:
    found = told(run, "what-if", "clip.wav", "--keep", "0.5-1", "--class", other, "--checkpoint", "toy")
    assert found["difference"]["label"] == other
    (asked,) = toy.explain(samples, asked=other)
    assert_tells(found["original"]["hearings"][0], asked, asked=other)
    assert found["variant"]["hearings"][0]["asked"] == other


def test_holding_segments_is_refused(run: Run) -> None:
    line = refusal(run, "what-if", "clip.wav", "--hold", "0:0.5-1", "--checkpoint", "toy")
    assert line == (
        "playitback: segments were held for a playback, but toy cannot replay; "
        "remove them from the sound, or keep only them, instead"
    )


# examine


def test_an_examination_edits_the_sound_and_has_no_controls(
    run: Run, toy: Recognizer, samples: np.ndarray, hearing: ClipHearing, decision: str, other: str
) -> None:
    found = told(run, "examine", "clip.wav", "--checkpoint", "toy")
    assert (found["label"], found["decision"], found["replays"]) == (decision, decision, False)
    assert (found["controls"], found["drawn"], found["replay"]) == ([], [], None)
    assert segments_of(found["marked"]) == hearing.segments
    assert found["probability"] == pytest.approx(float(hearing.probabilities.max()), abs=1e-6)
    edits = {(each["source"], each["fill"]): each for each in found["edits"]}
    assert list(edits) == [(source, fill) for source in SOURCES for fill in FILLS]
    clip, segments = torch.from_numpy(samples).unsqueeze(0), pad_segments([hearing.segments], CLIP_SECONDS)
    kept, without = (
        toy.classify(edit(clip, segments, SILENCE, RATE, Generator()).numpy())[-1, 0] for edit in (keep_only, remove)
    )
    chosen = edits[SOURCES[0], SILENCE]
    explained = LABELS.index(decision)
    assert chosen["kept"] == pytest.approx(float(kept[explained]), abs=1e-5)
    assert chosen["removed"] == pytest.approx(float(without[explained]), abs=1e-5)
    assert chosen["input_fidelity"] == float(kept.argmax() == explained)
    orders = {each["order"]: each for each in found["orders"]}
    assert tuple(orders) == ORDERS
    for each in orders.values():
        assert each["deletion"][0] == each["insertion"][-1] == pytest.approx(found["probability"], abs=1e-5)
        assert each["deletion"][-1] == each["insertion"][0]
    (asked,) = toy.explain(samples, asked=other)
    of_other = told(run, "examine", "clip.wav", "--checkpoint", "toy", "--class", other)
    assert segments_of(of_other["marked"]) == asked.segments
    output = said(run, "examine", "clip.wav", "--checkpoint", "toy")
    assert f"{found['marked_seconds']:.2f} s of 2 s chosen" in output
    assert "".join(found["sentence"].split()) in "".join(output.split())
    assert "relevance" in output


# contrast


def test_a_contrast_says_which_chosen_segment_spoke_for_which_class(
    run: Run, toy: Recognizer, samples: np.ndarray, hearing: ClipHearing, decision: str, other: str
) -> None:
    question = ("contrast", "clip.wav", "--against", other, "--checkpoint", "toy")
    found = told(run, *question)
    assert (found["first_label"], found["second_label"]) == (decision, other)
    (log_odds,) = found["log_odds"]
    first, second = (float(hearing.probabilities[LABELS.index(label)]) for label in (decision, other))
    assert log_odds == pytest.approx(np.log(first / second), abs=1e-5)
    assert {segments_of([each["segment"]])[0] for each in found["segments"]} == set(hearing.segments)
    for each in found["segments"]:
        (segment,) = segments_of([each["segment"]])
        without = [removed(toy, samples, segment, label) for label in (decision, other)]
        assert [each["first_without"], each["second_without"]] == pytest.approx(without, abs=1e-5)
        assert each["change"] == pytest.approx(log_odds - np.log(without[0] / without[1]), abs=1e-4)
        assert (each["hearing_index"], each["forced"]) == (0, False)
    lines = said(run, *question).splitlines()
    assert lines[0] == f"ln(p({decision}) / p({other})), nats"
    assert len(lines) == 4 + len(hearing.segments)
    assert lines[-1].startswith("the model does not tell what each moment would be")


# compare


def classes_of(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    classes: list[dict[str, Any]] = found["comparison"]["classes"]
    assert {each["label"] for each in classes} == set(LABELS)
    return classes


def test_two_stretches_of_a_recording_are_compared(run: Run, toy: Recognizer, folder: Path) -> None:
    question = ("compare", "long.wav", "--second-start", CLIP_SECONDS, "--checkpoint", "toy")
    found = told(run, *question)
    samples = [toy.load(folder / "long.wav", start).samples for start in (0.0, CLIP_SECONDS)]
    (first,), (second,) = (toy.explain(each) for each in samples)
    (only,) = found["comparison"]["hearings"]
    assert (only["first_decision"], only["second_decision"]) == (
        LABELS[int(first.probabilities.argmax())],
        LABELS[int(second.probabilities.argmax())],
    )
    assert only["replayed"] == {
        **dict.fromkeys(("shared_seconds", "only_first_seconds", "only_second_seconds"), 0.0),
        "overlap": None,
    }
    differences = {each["label"]: each["second_probability"] - each["first_probability"] for each in classes_of(found)}
    wanted = dict(zip(LABELS, (second.probabilities - first.probabilities).tolist(), strict=True))
    assert differences == pytest.approx(wanted, abs=1e-6)
    assert [row.split()[0] for row in said(run, *question).splitlines()[:2]] == ["hearing", "0"]


@pytest.mark.parametrize("models", [("toy", "tiny"), ("tiny", "toy")])
def test_it_is_compared_with_a_model_that_replays_as_far_as_it_hears(
    run: Run, samples: np.ndarray, hearing: ClipHearing, models: tuple[str, str]
) -> None:
    question = ("compare", "clip.wav", "--checkpoint", models[0], "--second-checkpoint", models[1])
    found = told(run, *question)
    told_runs = dict(zip(models, (found["first"], found["second"]), strict=True))
    assert {name: len(each["hearings"]) for name, each in told_runs.items()} == {"toy": 1, "tiny": 4}
    assert [each["index"] for each in found["comparison"]["hearings"]] == [0]
    *_, last = recognizer_of().explain(samples)
    beliefs = {"toy": hearing.probabilities, "tiny": last.probabilities}
    for each in classes_of(found):
        place = LABELS.index(each["label"])
        for model, name in zip(models, ("first_probability", "second_probability"), strict=True):
            assert each[name] == pytest.approx(float(beliefs[model][place]), abs=1e-5)
    lines = said(run, *question).splitlines()
    assert len(lines) == 3 + len(LABELS)
    in_the_end = [told_runs[name]["hearings"][-1]["decision"] for name in models]
    assert re.fullmatch(r"last +(\w+) \d+ % +(\w+) \d+ %", lines[2]).groups() == tuple(in_the_end)  # type: ignore[union-attr]


def test_two_models_without_a_common_class_are_said_to_have_none(run: Run) -> None:
    question = ("compare", "clip.wav", "--checkpoint", "toy", "--second-checkpoint", "sounds")
    assert said(run, *question).splitlines()[2:] == ["the two models name no class in common"]
