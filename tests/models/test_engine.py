"""Claims about the device openvino: the same answers, from any thread, and a sentence where it cannot be had."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from tiny import lively_model, sounding_clips
from toy import toy_model

from playitback import engine, precision
from playitback.checkpoint import Checkpoint, load_checkpoint
from playitback.engine import by_openvino
from playitback.errors import SettingsError
from playitback.models.listener import Hearing, Listener
from playitback.recognizer import Recognizer

FAMILIES = ("esc50-small", "esc50-pooling", "esc50-mast")


def heard(model: Listener, clips: torch.Tensor) -> list[Hearing]:
    with torch.inference_mode():
        return list(model.listen(clips))


def assert_alike(one: list[Hearing], other: list[Hearing], atol: float) -> None:
    assert len(one) == len(other)
    for first, second in zip(one, other, strict=True):
        torch.testing.assert_close(first.logits[0], second.logits[0], atol=atol, rtol=0)
        torch.testing.assert_close(first.relevance, second.relevance, atol=atol, rtol=0)
        assert torch.equal(first.edges, second.edges)


@pytest.mark.parametrize("stem", ["convolutional", "patch"])
def test_answers_are_those_of_pytorch_for_any_number_of_clips(stem: str) -> None:
    model = lively_model(stem=stem)
    compiled = by_openvino(model)
    assert compiled is not model
    for count in (1, 3):
        clips = sounding_clips(count)
        assert_alike(heard(compiled, clips), heard(model, clips), atol=1e-3)


@pytest.mark.parametrize("name", FAMILIES)
def test_bundled_models_decide_alike_in_either_format(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = load_checkpoint(name).model.eval()
    clips = sounding_clips(2, clip_seconds=5.0)
    with torch.inference_mode():
        (exact, *_) = model.answer(clips, 0)
        for gain in (1.0, 9.0):  # float32, bfloat16
            monkeypatch.setattr(engine, "gain_of", lambda *_, gain=gain: gain)
            (found, *_) = by_openvino(model).answer(clips, 0)
            torch.testing.assert_close(
                found.logits[0].softmax(1), exact.logits[0].softmax(1), atol=1e-4 if gain < 2 else 0.05, rtol=0
            )
            assert torch.equal(found.logits[0].argmax(1), exact.logits[0].argmax(1))


def test_the_format_is_the_one_that_was_measured_and_it_is_measured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[str] = []
    monkeypatch.setattr(engine, "LEAST_PARAMETERS", 0)
    monkeypatch.setattr(precision, "_measured", {})
    monkeypatch.setattr(precision, "_remembered", dict)
    monkeypatch.setattr(precision, "_remember", lambda _: None)
    monkeypatch.setattr(engine, "_gain", lambda *_: measured.append("once") or 9.0)
    model, clips = lively_model(), sounding_clips(1)
    first, second = heard(by_openvino(model), clips), heard(by_openvino(model), clips)
    assert measured == ["once"]
    assert_alike(first, second, atol=1e-6)
    assert_alike(first, heard(model, clips), atol=0.3)


def test_threads_hear_through_one_compiled_model() -> None:
    recognizer = Recognizer(Checkpoint("tiny", lively_model()), "openvino")
    clips = sounding_clips(8).numpy()
    alone = [recognizer.classify(clip[None]) for clip in clips]
    with ThreadPoolExecutor(4) as threads:
        for one, other in zip(alone, threads.map(lambda clip: recognizer.classify(clip[None]), clips), strict=True):
            np.testing.assert_allclose(one, other, atol=1e-5)


def test_gradients_and_what_is_edited_are_had_as_ever() -> None:
    recognizer = Recognizer(Checkpoint("tiny", lively_model()), "openvino")
    assert (recognizer.device, recognizer.dtype) == ("cpu", torch.float32)
    clips = sounding_clips(1).requires_grad_()
    recognizer.first_logits(clips).sum().backward()
    assert clips.grad is not None
    assert clips.grad.abs().sum() > 0
    assert recognizer.shuffled("encoder", torch.Generator().manual_seed(0)).classify(clips.detach().numpy()).ndim == 3


def test_what_cannot_be_computed_by_it_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match="PyTorch alone computes models of the family toy"):
        Recognizer(Checkpoint("toy", toy_model()), "openvino")
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(SettingsError, match=r"pip install -r requirements-openvino\.txt"):
        Recognizer(Checkpoint("tiny", lively_model()), "openvino")
