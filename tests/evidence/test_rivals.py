"""That every way to explain finds what it should where the reason is known, at the cost that it tells."""

from __future__ import annotations

from importlib.util import find_spec

import pytest
import torch
from bands import band_clips, band_model
from tiny import CLIP_SECONDS, LABELS, RATE, recognizer_of, tiny_model
from torch import Tensor
from toy import toy_model

from playitback.edits import keep_only
from playitback.errors import SettingsError
from playitback.evidence import rivals
from playitback.evidence.beds import KnownClips, plant_beside_burst
from playitback.evidence.rivals import (
    ACTIVITY,
    CLASS_MAP,
    GRAD_CAM,
    INTEGRATED,
    LEAST_RELEVANT,
    LOUDEST,
    PASSAGE,
    RANDOM,
    RELEVANCE,
    RIVALS,
    Rival,
    explain_by,
    find_rivals,
    hear_windows,
    windows,
)
from playitback.evidence.runs import Ears, Tally
from playitback.progress import finish
from playitback.segments import TIME_BINS, shared_seconds, total_seconds

BLIND = (LOUDEST, RANDOM, LEAST_RELEVANT)  # to the class, or to sense
CLASSES = torch.arange(8) % len(LABELS)


@pytest.fixture(scope="module")
def beside_bursts() -> KnownClips:
    return plant_beside_burst(band_clips(CLASSES), torch.nn.functional.one_hot(CLASSES).bool(), 6.0, RATE, seed=0)


def found_by(rival: Rival, known: KnownClips) -> Tensor:
    """(N,) shares of the events that a rival marks, asked for the events' classes; and it costs what it tells."""
    ears = Ears(recognizer_of(band_model()), Tally(0))
    asked = CLASSES[known.rows].unsqueeze(1)
    (relevance,) = finish(explain_by([rival], ears, known.waveforms, asked, 0)).values()
    assert relevance.shape == (len(known.rows), 1, TIME_BINS)
    assert ears.tally.done == len(known.rows) * rival.passes(CLIP_SECONDS)
    seconds = total_seconds(known.events)
    return shared_seconds(rival.mark(known.waveforms, relevance[:, 0], seconds, RATE), known.events) / seconds


@pytest.mark.parametrize("rival", [each for each in RIVALS if each.name not in BLIND], ids=lambda rival: rival.name)
def test_what_knows_the_class_finds_its_event_beside_a_louder_burst(rival: Rival, beside_bursts: KnownClips) -> None:
    assert found_by(rival, beside_bursts).mean() > 0.75


@pytest.mark.parametrize("rival", [each for each in RIVALS if each.name in BLIND], ids=lambda rival: rival.name)
def test_what_is_blind_to_the_class_does_not(rival: Rival, beside_bursts: KnownClips) -> None:
    assert found_by(rival, beside_bursts).mean() < 0.45


def test_random_moments_are_even_and_hang_on_the_seed() -> None:
    clips = torch.full((400, round(CLIP_SECONDS * RATE)), 0.1)
    ears = Ears(recognizer_of(band_model()), Tally(0))
    (random,) = (each for each in RIVALS if each.name == RANDOM)
    asked = torch.zeros(400, 2, dtype=torch.int64)
    drawn = finish(explain_by([random], ears, clips, asked, 0))[RANDOM]
    assert torch.equal(drawn, finish(explain_by([random], ears, clips, asked, 0))[RANDOM])
    assert not torch.equal(drawn, finish(explain_by([random], ears, clips, asked, 1))[RANDOM])
    assert not torch.equal(drawn[:, 0], drawn[:, 1])
    for piece in torch.tensor([[[0.0, 0.5]], [[0.5, 1.0]], [[1.5, 2.0]]], dtype=torch.float64):
        marked = random.mark(clips, drawn[:, 0], torch.full((400,), 0.5), RATE)
        assert shared_seconds(marked, piece.expand(400, -1, -1)).mean() == pytest.approx(0.125, abs=0.03)


def test_all_mark_as_much_time_and_digital_silence_last() -> None:
    clips = band_clips(torch.tensor([0, 1]))
    clips[0, : RATE // 2] = 0
    relevance = torch.zeros(2, TIME_BINS)
    relevance[:, :10] = 1.0
    marked = RIVALS[0].mark(clips, relevance, torch.tensor([0.4, 0.4]), RATE)
    torch.testing.assert_close(total_seconds(marked), torch.tensor([0.4, 0.4], dtype=torch.float64))
    assert marked[0, :, 0].min() >= 0.5
    assert marked[1, 0].tolist() == pytest.approx([0.0, 0.4])


def test_a_passage_is_one_piece_where_most_is_and_not_for_the_sake_of_silence() -> None:
    clips = band_clips(torch.tensor([0, 1]))
    clips[0, : RATE // 2] = 0
    score = torch.full((2, TIME_BINS), -4.0)
    score[:, 40:70:2] = -1.0  # 0.8 to 1.4 s, with gaps
    score[:, :25] = 0.0  # where the first clip is silent
    (passage,) = (each for each in RIVALS if each.name == PASSAGE)
    marked = passage.mark(clips, score, torch.tensor([0.6, 0.3]), RATE)
    assert marked.shape == (2, 1, 2)
    assert marked[0, 0].tolist() == pytest.approx([0.8, 1.4], abs=0.021)
    assert marked[1, 0].tolist() == pytest.approx([0.0, 0.3], abs=1e-6)


def test_windows_reach_from_the_beginning_to_the_end() -> None:
    assert len(windows(5.0)) == 17
    assert windows(5.0)[[0, 1, -1]].tolist() == [[0.0, 1.0], [0.25, 1.25], [4.0, 5.0]]
    torch.testing.assert_close(windows(2.0).diff(dim=1), torch.full((13, 1), 0.5, dtype=torch.float64))


def test_windows_are_heard_alone_clip_by_clip() -> None:
    ears = Ears(recognizer_of(band_model()), Tally(0))
    clips = torch.cat([band_clips(torch.tensor([0, 2]))[:, :RATE], band_clips(torch.tensor([1, 3]))[:, :RATE]], dim=1)
    heard = finish(hear_windows(ears, clips, keep_only))
    assert heard.shape == (2, 13, 4)
    assert heard.argmax(dim=2)[:, [0, 3, 9, 12]].tolist() == [[0, 0, 1, 1], [2, 2, 3, 3]]


def test_rivals_that_cannot_explain_are_left_out_or_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    without = recognizer_of(toy_model(), "toy")
    with_activity = recognizer_of(tiny_model(activity=True))
    unsuited = {ACTIVITY, PASSAGE, GRAD_CAM, CLASS_MAP}
    assert {each.name for each in RIVALS} - {each.name for each in find_rivals(without)} == unsuited
    assert find_rivals(recognizer_of(band_model())) == RIVALS
    assert {each.name for each in RIVALS} - {each.name for each in find_rivals(with_activity)} == {CLASS_MAP}
    assert [each.name for each in find_rivals(without, [LOUDEST])] == [RELEVANCE, LOUDEST]
    with pytest.raises(SettingsError, match="activity cannot be measured: toy tells no activity"):
        find_rivals(without, [ACTIVITY])
    with pytest.raises(SettingsError, match="no rival 'guess'; choose from relevance, activity"):
        find_rivals(without, ["guess"])
    with pytest.raises(SettingsError, match="grad-cam cannot be measured: toy shows no grid"):
        find_rivals(without, [GRAD_CAM])
    with pytest.raises(SettingsError, match="does not read its classes from the mean of its grid; ask for grad-cam"):
        find_rivals(with_activity, [CLASS_MAP])
    monkeypatch.setattr(rivals, "find_spec", lambda name: None if name == "captum" else find_spec(name))
    assert not {INTEGRATED, GRAD_CAM} & {each.name for each in find_rivals(with_activity)}
    for name in (INTEGRATED, GRAD_CAM):
        with pytest.raises(SettingsError, match=rf"{name} cannot be measured: .* pip install -r"):
            find_rivals(with_activity, [name])


def test_gradients_reach_the_clips_of_every_family() -> None:
    for model in (tiny_model(), toy_model()):
        recognizer = recognizer_of(model)
        clips = band_clips(torch.tensor([0, 1])).requires_grad_()
        (slope,) = torch.autograd.grad(recognizer.first_logits(clips)[:, 0].sum(), clips)
        assert (slope.abs().amax(dim=1) > 0).all()
        (first,) = recognizer.listen(clips.detach(), 0)
        torch.testing.assert_close(recognizer.first_logits(clips), first.logits[0].clone())
