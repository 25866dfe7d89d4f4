"""Claims about activity: what the model would say of every moment by itself, and how the head learns it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from tiny import CLIP_SECONDS, LABELS, RATE, recognizer_of, sounding_clips, tiny_checkpoint, tiny_config, tiny_model
from torch import Generator

from playitback.audio import Recording, RecordingInfo
from playitback.checkpoint import load_checkpoint
from playitback.explain.explanation import Explanation
from playitback.models import scenes
from playitback.models.families import recipe
from playitback.models.replay.model import ReplayModel
from playitback.models.replay.terms import SlotTerms
from playitback.models.terms import columns_between, own_answer_loss


@pytest.fixture(autouse=True)
def nothing_made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clips stay as they are."""
    monkeypatch.setattr(scenes, "SPLICED", 0.0)
    monkeypatch.setattr(scenes, "EVENT", 0.0)


def moments_model() -> ReplayModel:
    """An untrained model with an activity head."""
    return tiny_model(activity=True)


@pytest.mark.parametrize("multi_label", [False, True])
@torch.inference_mode()
def test_every_moment_of_every_hearing_has_probabilities_of_all_classes(multi_label: bool) -> None:
    config = dataclasses.replace(tiny_config(activity=True), multi_label=multi_label)
    torch.manual_seed(0)
    for heard in ReplayModel(config).eval().listen(sounding_clips(2)):
        assert heard.activity is not None
        assert heard.activity.shape == (2, heard.relevance.shape[1], len(LABELS))
        assert ((heard.activity >= 0) & (heard.activity <= 1)).all()
        if not multi_label:
            torch.testing.assert_close(heard.activity.sum(dim=2), torch.ones(heard.relevance.shape))


@torch.inference_mode()
def test_a_model_hears_the_same_with_an_activity_head_as_without() -> None:
    with_head, without = moments_model(), tiny_model()
    without.load_state_dict(with_head.state_dict(), strict=False)
    clips = sounding_clips(2)
    for one, other in zip(with_head.listen(clips), without.listen(clips), strict=True):
        assert torch.equal(one.logits[0], other.logits[0])
        assert torch.equal(one.segments, other.segments)
        assert other.activity is None


def test_the_head_alone_learns_from_its_loss() -> None:
    model = moments_model()
    terms = SlotTerms()(model, sounding_clips(4), (torch.eye(4),), Generator().manual_seed(0))
    assert terms.keys() == {"activity"}
    terms["activity"].backward()
    learned = {name for name, weights in model.named_parameters() if weights.grad is not None}
    assert learned == {name for name, _ in model.named_parameters() if name.startswith("activity.")}


def test_it_learns_what_the_model_answers_to_a_stretch_kept_alone() -> None:
    """A tone in the first half and noise in the second: the head comes to say of each half what is said of it alone."""
    model, clips = moments_model(), sounding_clips(8)
    for head in model.encoder.heads:
        with torch.no_grad():
            head.weight.mul_(20)  # so that an untrained encoder answers differently to different sounds
    head = model.parts()["activity"]
    optimizer = torch.optim.AdamW(head.parameters(), lr=1e-2)
    losses = []
    for step in range(60):
        loss = SlotTerms()(model, clips, (torch.eye(4).repeat(2, 1),), Generator().manual_seed(step))["activity"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert sum(losses[-10:]) < 0.5 * sum(losses[:10])


@pytest.mark.parametrize("multi_label", [False, True])
def test_a_divergence_counts_the_columns_told_of_alone_and_is_zero_for_the_answer_itself(multi_label: bool) -> None:
    answer = torch.tensor([[2.0, 0.0, -1.0]])
    own = torch.stack([answer, torch.zeros(1, 3)], dim=1)
    own_alone = float(own_answer_loss(own, answer, torch.tensor([[True, False]]), multi_label))
    assert own_alone == pytest.approx(0, abs=1e-6)
    assert float(own_answer_loss(own, answer, torch.tensor([[True, True]]), multi_label)) > 0.05


def test_of_several_labels_the_divergences_of_all_classes_are_summed() -> None:
    """A mean over hundreds of classes, of which most are silent, would weigh nothing beside the slots' terms."""
    answer, own, told = torch.tensor([[2.0, -3.0]]), torch.tensor([[[0.5, 1.0]]]), torch.tensor([[True]])
    said, kept = own[0, 0].sigmoid(), answer[0].sigmoid()
    each = kept * (kept / said).log() + (1 - kept) * ((1 - kept) / (1 - said)).log()
    assert float(own_answer_loss(own, answer, told, True)) == pytest.approx(float(each.sum()), rel=1e-5)


def test_columns_between_are_those_whose_middle_lies_there() -> None:
    edges = torch.tensor([[0.0, 0.5, 1.0, 1.5, 2.0]])
    inside = columns_between(edges, torch.tensor([[0.3]]), torch.tensor([[1.25]]))
    assert inside.tolist() == [[False, True, False, False]]


def test_a_checkpoint_keeps_it_and_one_from_before_is_read_without(tmp_path: Path) -> None:
    kept = load_checkpoint(tiny_checkpoint(tmp_path / "with", moments_model())).model
    assert isinstance(kept, ReplayModel)
    assert kept.config == moments_model().config
    before = load_checkpoint(tiny_checkpoint(tmp_path / "without", tiny_model())).model
    assert "activity" in kept.parts()
    assert "activity" not in before.parts()


def test_an_explanation_tells_the_activity_of_the_leading_classes_and_the_one_asked_about() -> None:
    recognizer, clip = recognizer_of(moments_model()), sounding_clips(1)[0].numpy()
    info = RecordingInfo("clip.wav", CLIP_SECONDS, RATE, 1, "WAV")
    recording = Recording(clip, info, start_seconds=0.0, sample_rate=RATE)
    for asked in (None, LABELS[3]):
        explanation = Explanation.of(recording, recognizer, recognizer.explain(clip, asked=asked))
        for index, entry in enumerate(explanation.to_dict()["hearings"]):
            assert set(entry["activity"]) == {*explanation.ranking(index)[:3], *([asked] if asked else [])}
            assert all(len(values) == len(entry["seconds"]) for values in entry["activity"].values())


def test_the_small_preset_trains_it_before_replay_which_leaves_the_encoder_as_it_is() -> None:
    stages = recipe("small").without_teacher().stages
    assert [stage.name for stage in stages] == ["encoder", "events", "activity", "replay"]
    assert [stage.name for stage in stages if "activity" in stage.trains] == ["activity"]
    assert set(stages[-1].trains) == {"decoder"}
