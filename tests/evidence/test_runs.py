"""That a run says what the model says, in any batches, and that it tells how far it has come."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from stretches import assert_sorted_and_disjoint, covered
from tiny import CLIP_SECONDS, LABELS, recognizer_of, sounding_clips, tiny_config, tiny_model
from torch import Generator, Tensor
from toy import toy_model

from playitback.errors import SettingsError
from playitback.evidence.controls import RANDOM
from playitback.evidence.runs import Ears, Run, Tally, belief, correct, true_class_to_ask, true_classes
from playitback.models.listener import Listener, named_class
from playitback.progress import Progress, finish
from playitback.segments import TIME_BINS, resample

CLIPS = 3


@pytest.fixture(scope="module")
def clips() -> Tensor:
    return sounding_clips(CLIPS)


def heard(model: Listener, clips: Tensor) -> Run:
    return finish(Ears(recognizer_of(model), Tally(len(clips))).hear(clips))


def assert_marked(run: Run, segments: Tensor) -> None:
    """That a run marks what lies in any of the segments (N, S, 2), and nothing else."""
    points = torch.arange(0.005, CLIP_SECONDS, 0.01, dtype=torch.float64).unsqueeze(0)
    assert torch.equal(covered(run.marked, points), covered(segments, points))
    assert_sorted_and_disjoint(run.marked, CLIP_SECONDS)


def test_multi_label_belief_is_the_mean_over_the_true_classes_and_the_top_class_decides() -> None:
    config = tiny_config(labels=LABELS[:3])
    targets = true_classes(torch.tensor([[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]]), config)
    probabilities = torch.tensor([[[0.9, 0.2, 0.3]], [[0.9, 0.2, 0.3]]], dtype=torch.float64)
    assert belief(probabilities, targets).squeeze(1).tolist() == pytest.approx([0.6, 0.2])
    assert correct(named_class(probabilities, config), targets).squeeze(1).tolist() == [1.0, 0.0]
    assert true_classes(torch.tensor([2, 0]), config).int().tolist() == [[0, 0, 1], [1, 0, 0]]


def test_where_classes_are_within_others_the_narrow_one_is_named_and_asked_and_the_broad_ones_are_true(
    clips: Tensor,
) -> None:
    model = toy_model(multi_label=True)
    model.config = replace(model.config, broader=((), (0,), (0,), ()))  # rain and siren are bells
    with torch.no_grad():
        model.heads[0].weight.zero_()
        model.heads[0].bias.copy_(torch.tensor([2.0, 1.0, -9.0, -3.0]))
    run = heard(model, clips)
    assert run.decision.tolist() == [1] * CLIPS != run.probabilities[:, -1].argmax(dim=1).tolist()
    targets = true_classes(torch.tensor([1, 2, 3]), model.config)
    assert targets.int().tolist() == [[1, 1, 0, 0], [1, 0, 1, 0], [0, 0, 0, 1]]
    assert correct(run.named, targets).squeeze(1).tolist() == [1.0, 0.0, 0.0]
    # of the siren, which it does not hear, the bell that it is; of the knock, of which it hears next to nothing, that
    assert true_class_to_ask(run, targets, model.config).tolist() == [1, 0, 3]


def test_run_says_what_the_model_says(clips: Tensor) -> None:
    model = tiny_model(playbacks=2)
    chosen = heard(model, clips)
    with torch.inference_mode():
        hearings = list(model.listen(clips))
    logits = torch.stack([each.logits[0] for each in hearings], dim=1)
    torch.testing.assert_close(chosen.probabilities, logits.double().softmax(dim=2))
    assert torch.equal(chosen.decision, logits[:, -1].argmax(dim=1))
    replayed = torch.cat([each.segments for each in hearings[:-1]], dim=1)
    assert_marked(chosen, replayed)
    relevance = torch.stack([resample(each.relevance, each.edges, TIME_BINS) for each in hearings[:-1]])
    torch.testing.assert_close(chosen.relevance, relevance.mean(dim=0))


@pytest.mark.parametrize("build", [lambda: tiny_model(playbacks=0), toy_model], ids=["replay", "toy"])
def test_of_a_model_that_cannot_replay_what_it_chose_at_first_is_marked(
    build: Callable[[], Listener], clips: Tensor
) -> None:
    model = build()
    chosen = heard(model, clips)
    with torch.inference_mode():
        (only,) = model.listen(clips)
    assert chosen.probabilities.shape == (CLIPS, 1, 4)
    assert (chosen.marked_seconds > 0.3).all()
    assert_marked(chosen, only.segments)
    torch.testing.assert_close(chosen.relevance, resample(only.relevance, only.edges, TIME_BINS))


def test_clips_are_heard_the_same_in_batches_of_any_size_and_one_run_can_be_made_of_several(clips: Tensor) -> None:
    recognizer = recognizer_of(tiny_model(playbacks=1))
    at_once, one_by_one = (finish(Ears(recognizer, Tally(CLIPS), batch).hear(clips)) for batch in (CLIPS, 1))
    first, rest = (finish(Ears(recognizer, Tally(CLIPS)).hear(part)) for part in (clips[:1], clips[1:]))
    joined = Run.join([first, rest])
    for run in (one_by_one, joined, joined[torch.arange(CLIPS)]):
        torch.testing.assert_close(run.probabilities, at_once.probabilities, rtol=0, atol=1e-5)
        torch.testing.assert_close(run.marked, at_once.marked, rtol=0, atol=1e-9)
        torch.testing.assert_close(run.relevance, at_once.relevance, rtol=0, atol=1e-5)
    assert torch.equal(at_once[torch.tensor([2])].decision, at_once.decision[2:3])


def test_runs_of_fewer_playbacks_are_shorter_and_those_of_too_many_are_refused(clips: Tensor) -> None:
    recognizer = recognizer_of(tiny_model(playbacks=2))
    short = finish(Ears(recognizer, Tally(CLIPS), playbacks=1).hear(clips))
    whole = finish(Ears(recognizer, Tally(CLIPS)).hear(clips))
    assert torch.equal(short.probabilities, whole.probabilities[:, :2])
    with pytest.raises(SettingsError, match="tiny plays back 0 to 2 times, not 3"):
        Ears(recognizer, Tally(CLIPS), playbacks=3)


def test_runs_that_ask_for_a_class_mark_what_matters_for_it(clips: Tensor) -> None:
    recognizer = recognizer_of(toy_model())
    believed = finish(Ears(recognizer, Tally(CLIPS), batch=2).hear(clips))
    asked = [finish(Ears(recognizer, Tally(CLIPS), batch=2, asked=label).hear(clips)) for label in LABELS]
    for run in asked:
        assert torch.equal(run.probabilities, believed.probabilities)
    assert len({run.relevance.numpy().tobytes() for run in asked}) == len(LABELS)
    for row, named in enumerate(believed.decision.tolist()):
        assert torch.equal(asked[named].relevance[row], believed.relevance[row])
    with pytest.raises(SettingsError, match="tiny knows no class 'whale'"):
        Ears(recognizer, Tally(CLIPS), asked="whale")


def test_evidence_hears_in_the_precision_of_the_recognizer(clips: Tensor) -> None:
    recognizer = recognizer_of(tiny_model(playbacks=1))
    exact = finish(Ears(recognizer, Tally(CLIPS)).hear(clips))
    recognizer.dtype = torch.bfloat16
    rounded = finish(Ears(recognizer, Tally(CLIPS)).hear(clips))
    assert not torch.equal(rounded.probabilities, exact.probabilities)
    torch.testing.assert_close(rounded.probabilities, exact.probabilities, rtol=0, atol=0.1)


def test_probabilities_of_several_labels_are_those_of_each_by_itself(clips: Tensor) -> None:
    chosen = heard(toy_model(multi_label=True), clips)
    with torch.inference_mode():
        (only,) = toy_model(multi_label=True).listen(clips)
    torch.testing.assert_close(chosen.probabilities[:, 0], only.logits[0].double().sigmoid())


def test_progress_reaches_its_total_batch_by_batch(clips: Tensor) -> None:
    told: list[Progress] = []
    finish(Ears(recognizer_of(tiny_model(playbacks=1)), Tally(CLIPS), batch=2).hear(clips), told.append)
    assert [each.done for each in told] == [2, 3]
    assert {each.total for each in told} == {CLIPS}


def test_raising_in_the_report_cancels_and_nothing_more_is_heard(clips: Tensor) -> None:
    tally = Tally(CLIPS)

    def cancel(progress: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        finish(Ears(recognizer_of(), tally, batch=1).hear(clips, RANDOM, Generator()), cancel)
    assert tally.done == 1
