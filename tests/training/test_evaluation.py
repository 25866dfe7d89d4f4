"""Claims about evaluation: its figures are those of a direct count, for one head, two heads and several labels."""

from __future__ import annotations

import functools
import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, average_precision_score, roc_auc_score, top_k_accuracy_score
from tiny import CATEGORIES, recognizer_of, sounding_clips, tiny_config, tiny_model, write_esc50
from torch import Generator, Tensor

from playitback.errors import CheckpointError, SettingsError
from playitback.models.replay.config import ReplayConfig
from playitback.models.replay.model import ReplayModel
from playitback.progress import Progress, finish
from playitback.training import metrics
from playitback.training.clips import load_clips
from playitback.training.evaluation import Course, Evaluation, Figures, measure
from playitback.training.manifest import read_manifest

CLIPS = 30  # more than are heard at once
AT_ONCE = 25
VERBS, NOUNS = ("cut", "wash", "open"), ("knife", "plate", "tap", "lid")
SEVEN = tuple("abcdefg")


class HeldClips:
    """A set of sounding clips of 2 s with random labels; every class occurs and is missing somewhere."""

    def __init__(self, labels: tuple[tuple[str, ...], ...], multi_label: bool = False) -> None:
        generator = Generator().manual_seed(0)
        self.names = tuple(map(str, range(CLIPS)))
        self.labels, self.multi_label = labels, multi_label
        self.samples = sounding_clips(CLIPS)
        self.classes = [torch.randint(len(names), (CLIPS,), generator=generator) for names in labels]
        self.truth = [torch.eye(len(names))[classes] for names, classes in zip(labels, self.classes, strict=True)]
        if multi_label:
            self.truth = [each.maximum(each.roll(7, dims=0)) for each in self.truth]

    def __len__(self) -> int:
        return CLIPS

    def waveforms(self, indices: Tensor, generator: Generator | None = None) -> Tensor:
        assert generator is None  # nothing is random in measuring
        return self.samples[indices]

    def targets(self, indices: Tensor) -> tuple[Tensor, ...]:
        return tuple(each[indices] for each in self.truth)


def measured_by(model: ReplayModel, clips: HeldClips, playbacks: int | None = None) -> Evaluation:
    return finish(measure(recognizer_of(model), clips, playbacks))  # type: ignore[arg-type]  # as good as a ClipSet


def model_of(config: ReplayConfig) -> ReplayModel:
    """Untrained, with heads that differ enough from clip to clip for its probabilities to be told apart."""
    torch.manual_seed(0)
    model = ReplayModel(config).eval()
    model.mel_mean.fill_(-6.0)
    model.mel_deviation.fill_(3.0)
    with torch.no_grad():
        model.slots.query.weight.mul_(4)
        for head in model.decoder.heads:
            head.weight.mul_(4)
    return model


def pair_config(**settings: object) -> ReplayConfig:
    return replace(tiny_config(**settings), labels=(VERBS, NOUNS))  # type: ignore[arg-type]


def listed(model: ReplayModel, clips: HeldClips) -> list[tuple[np.ndarray, ...]]:
    """Probabilities (clips, classes) of every head after every hearing, and then of the whole model.

    Heard in the batches in which they are measured: in others they may be rounded otherwise, and so be ranked otherwise
    where two are all but equal.
    """
    with torch.inference_mode():
        heard = [[*(one.logits for one in model.listen(batch)), model(batch)] for batch in clips.samples.split(AT_ONCE)]
    probabilities = torch.sigmoid if clips.multi_label else functools.partial(torch.softmax, dim=1)
    return [
        tuple(torch.cat([probabilities(each) for each in head]).numpy() for head in zip(*prediction, strict=True))
        for prediction in zip(*heard, strict=True)
    ]


def calibration_error_by_hand(said: np.ndarray, classes: np.ndarray) -> float:
    """Bin by bin, as the definition reads."""
    sure, right, error = said.max(axis=1), said.argmax(axis=1) == classes, 0.0
    for low in range(15):
        inside = (sure >= low / 15) & (sure < (low + 1) / 15)
        if inside.any():
            error += inside.mean() * abs(sure[inside].mean() - right[inside].mean())
    return error


@pytest.mark.parametrize("fusion", [False, True])
def test_figures_of_one_head_are_those_of_a_direct_count(fusion: bool) -> None:
    model, clips = model_of(tiny_config(labels=SEVEN, fusion=fusion)), HeldClips((SEVEN,))
    measured = measured_by(model, clips, 3)
    truth, classes = clips.truth[0].numpy(), clips.classes[0].numpy()
    assert measured.clips == CLIPS
    assert measured.heads == {}
    found = [*measured.overall.per_hearing, *([measured.overall.fused] if measured.overall.fused else [])]
    assert len(found) == 4 + fusion
    for figures, (said,) in zip(found, listed(model, clips), strict=False):
        mean_auc = roc_auc_score(truth, said, average="macro")
        expected = Figures(
            accuracy=accuracy_score(classes, said.argmax(axis=1)),
            top_5_accuracy=top_k_accuracy_score(classes, said, k=5, labels=range(7)),
            true_class_probability=said[np.arange(CLIPS), classes].mean(),
            expected_calibration_error=calibration_error_by_hand(said, classes),
            mean_average_precision=average_precision_score(truth, said, average="macro"),
            mean_auc=mean_auc,
            d_prime=metrics.d_prime(mean_auc),
        )
        assert vars(figures) == pytest.approx(vars(expected), abs=1e-5)
        assert 0 < expected.accuracy < expected.top_5_accuracy < 1


def test_fewer_playbacks_have_fewer_figures_and_no_fused_ones() -> None:
    model, clips = model_of(tiny_config(labels=SEVEN, fusion=True)), HeldClips((SEVEN,))
    whole, part = (measured_by(model, clips, playbacks) for playbacks in (3, 1))
    assert whole.overall.fused is not None
    assert part.overall == Course(whole.overall.per_hearing[:2])
    assert part.replayed_seconds == whole.replayed_seconds[:2]


def test_replayed_seconds_are_those_that_the_hearing_before_chose() -> None:
    model, clips = tiny_model(labels=SEVEN), HeldClips((SEVEN,))
    measured = measured_by(model, clips, 3)
    with torch.inference_mode():
        chosen = [float(heard.segments.diff(dim=2).sum()) / CLIPS for heard in model.listen(clips.samples)]
    assert measured.replayed_seconds == pytest.approx([0, *chosen[:-1]], abs=1e-3)
    assert all(0.3 < seconds < 1.3 for seconds in measured.replayed_seconds[1:])


def test_two_heads_are_measured_each_and_as_an_action() -> None:
    model, clips = model_of(pair_config(fusion=True)), HeldClips((VERBS, NOUNS))
    measured = measured_by(model, clips, 3)
    verb_classes, noun_classes = (each.numpy() for each in clips.classes)
    assert list(measured.heads) == ["verb", "noun"]
    assert measured.overall.fused is not None
    for index, (figures, (verbs, nouns)) in enumerate(
        zip([*measured.overall.per_hearing, measured.overall.fused], listed(model, clips), strict=True)
    ):
        right = (verbs.argmax(axis=1) == verb_classes) & (nouns.argmax(axis=1) == noun_classes)
        assert figures.accuracy == pytest.approx(right.mean())
        pairs = (verbs[:, :, None] * nouns[:, None, :]).reshape(CLIPS, -1)
        true_pair = verb_classes * len(NOUNS) + noun_classes
        assert figures.top_5_accuracy == pytest.approx(
            top_k_accuracy_score(true_pair, pairs, k=5, labels=range(len(VERBS) * len(NOUNS)))
        )
        assert figures.true_class_probability == pytest.approx(pairs[np.arange(CLIPS), true_pair].mean(), abs=1e-5)
        assert figures.mean_average_precision is None
        for name, said, classes in (("verb", verbs, verb_classes), ("noun", nouns, noun_classes)):
            course = measured.heads[name]
            head = [*course.per_hearing, course.fused][index]
            assert head is not None
            assert head.accuracy == pytest.approx(accuracy_score(classes, said.argmax(axis=1)))
            expected = average_precision_score(np.eye(said.shape[1])[classes], said, average="macro")
            assert head.mean_average_precision == pytest.approx(expected, abs=1e-5)
            assert head.top_5_accuracy is None  # of three or four classes it says nothing


def test_several_labels_are_measured_by_ranking() -> None:
    model = model_of(replace(tiny_config(labels=SEVEN), multi_label=True))
    clips = HeldClips((SEVEN,), multi_label=True)
    measured = measured_by(model, clips, 3)
    truth = clips.truth[0].numpy()
    assert truth.sum() > CLIPS
    for figures, (said,) in zip(measured.overall.per_hearing, listed(model, clips), strict=False):
        assert figures.accuracy is None
        assert figures.top_5_accuracy is None
        assert figures.true_class_probability == pytest.approx(said[truth == 1].mean(), abs=1e-5)
        expected = average_precision_score(truth, said, average="macro")
        assert figures.mean_average_precision == pytest.approx(expected, abs=1e-5)
        assert figures.mean_auc == pytest.approx(roc_auc_score(truth, said, average="macro"), abs=1e-5)
        assert figures.precision_at_1 == pytest.approx(truth[np.arange(CLIPS), said.argmax(axis=1)].mean())
    found = measured.to_dict()
    assert "accuracy" not in found
    assert "accuracy_fused" not in found
    assert len(found["mean_average_precision"]) == 4
    assert 0 < found["precision_at_1"][0] < 1
    each = average_precision_score(truth, said, average=None)
    assert found["average_precisions"] == pytest.approx(dict(zip(SEVEN, each, strict=True)), abs=1e-5)


def test_model_is_measured_in_the_precision_it_is_used_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on hardware that multiplies bfloat16 faster: nearly the same figures, but not those of float32."""
    model, clips = model_of(tiny_config(labels=SEVEN, playbacks=0, fusion=True)), HeldClips((SEVEN,))
    (exact,) = measured_by(model, clips, 0).overall.per_hearing
    monkeypatch.setattr("playitback.recognizer.fastest_dtype", lambda model, device: torch.bfloat16)
    rounded = measured_by(model, clips, 0).overall
    assert rounded.fused is not None
    assert rounded.per_hearing[0].true_class_probability != exact.true_class_probability
    assert rounded.per_hearing[0].true_class_probability == pytest.approx(exact.true_class_probability, abs=0.02)


def test_progress_is_told_in_clips() -> None:
    clips = HeldClips((tiny_config().labels[0],))
    told = list(measure(recognizer_of(), clips, 0))  # type: ignore[arg-type]  # as good as a ClipSet
    assert told == [Progress(AT_ONCE, CLIPS), Progress(CLIPS, CLIPS)]


@pytest.mark.parametrize(
    "clips", [HeldClips((SEVEN,)), HeldClips((VERBS, NOUNS)), HeldClips((tiny_config().labels[0],), multi_label=True)]
)
def test_clips_of_other_classes_are_refused(clips: HeldClips) -> None:
    with pytest.raises(SettingsError, match="names other classes than this data has; measure it on"):
        measured_by(tiny_model(), clips)


def test_model_of_several_heads_and_labels_is_refused() -> None:
    model = model_of(replace(pair_config(), multi_label=True))
    with pytest.raises(SettingsError, match="several heads that also has several labels a clip cannot be measured"):
        measured_by(model, HeldClips((VERBS, NOUNS), multi_label=True))


def test_probabilities_that_are_no_numbers_are_not_taken_for_right_ones() -> None:
    model = tiny_model(labels=SEVEN)
    with torch.no_grad():
        model.decoder.heads[0].weight.fill_(math.nan)  # type: ignore[operator, union-attr]
    with pytest.raises(CheckpointError, match="no finite number; its weights are damaged"):
        measured_by(model, HeldClips((SEVEN,)), 0)


def test_data_set_read_from_disk_is_measured(tmp_path: Path) -> None:
    root = write_esc50(tmp_path, clips_per_class=2, folds=(1,), seconds=2.0)
    model = tiny_model(labels=CATEGORIES)
    clips = load_clips(read_manifest("esc50", root, folds=(1,)), model.config.front_end)
    measured = finish(measure(recognizer_of(model), clips, 1))
    assert measured.clips == 8
    with torch.inference_mode():
        logits = [heard.logits[0] for heard in model.listen(clips.waveforms(torch.arange(8)), 1)]
    right = [accuracy_score(clips.classes().numpy(), each.argmax(dim=1).numpy()) for each in logits]
    assert [each.accuracy for each in measured.overall.per_hearing] == pytest.approx(right)


# what is said about the figures

ONE = Evaluation(
    clips=400,
    overall=Course(
        (
            Figures(0.7825, 0.95, 0.628, 0.04, 0.81, 0.99, math.inf),
            Figures(0.7925, 0.96, 0.683, 0.03, 0.82, 0.992, 3.4),
        ),
        Figures(0.8, 0.97, 0.7, 0.02, 0.83, math.nan, math.nan),
    ),
    replayed_seconds=(0.0, 1.971),
)
TWO = Evaluation(
    clips=9,
    overall=Course((Figures(0.159, 0.292, 0.1),)),
    replayed_seconds=(0.0,),
    heads={
        "verb": Course((Figures(0.47, 0.787, 0.4, 0.05, 0.3, 0.8, 1.2),)),
        "noun": Course((Figures(0.231, 0.451, 0.2),)),
    },
)


def test_results_are_plain_json_with_a_number_a_hearing() -> None:
    found = json.loads(json.dumps(ONE.to_dict(), allow_nan=False))
    assert found == {
        "clips": 400,
        "accuracy": [0.7825, 0.7925],
        "accuracy_fused": 0.8,
        "top_5_accuracy": [0.95, 0.96],
        "top_5_accuracy_fused": 0.97,
        "true_class_probability": [0.628, 0.683],
        "true_class_probability_fused": 0.7,
        "expected_calibration_error": [0.04, 0.03],
        "expected_calibration_error_fused": 0.02,
        "mean_average_precision": [0.81, 0.82],
        "mean_average_precision_fused": 0.83,
        "mean_auc": [0.99, 0.992],
        "mean_auc_fused": None,
        "d_prime": [None, 3.4],
        "d_prime_fused": None,
        "replayed_seconds": [0.0, 1.971],
    }


def test_results_of_two_heads_put_the_action_first_and_the_heads_by_name() -> None:
    found = json.loads(json.dumps(TWO.to_dict(), allow_nan=False))
    assert found["accuracy"] == [0.159]
    assert found["top_5_accuracy"] == [0.292]
    assert "mean_average_precision" not in found
    assert found["heads"]["verb"]["accuracy"] == [0.47]
    assert found["heads"]["verb"]["mean_average_precision"] == [0.3]
    assert found["heads"]["noun"]["top_5_accuracy"] == [0.451]


def test_the_class_that_is_named_may_be_narrower_than_the_most_probable_one_and_what_is_broader_is_true() -> None:
    clips = HeldClips((SEVEN,), multi_label=True)
    truth = clips.truth[0].numpy()

    def figures(broader: tuple[tuple[int, ...], ...]) -> Figures:
        model = model_of(replace(tiny_config(labels=SEVEN), multi_label=True, broader=broader))
        for head in (*model.decoder.heads, *model.encoder.heads):
            head.weight.data.zero_()
            head.bias.data.copy_(torch.tensor([-1.0, -1.0, 1.0, -1.0, -1.0, 2.0, 0.5]))
        (said,), *_ = listed(model, clips)
        assert set(said.argmax(axis=1)) == {5}
        return measured_by(model, clips, 0).overall.per_hearing[0]

    assert figures(((), (), (5,), (), (), (), ())).precision_at_1 == pytest.approx(truth[:, 2].mean())
    assert truth[:, 2].mean() != truth[:, 5].mean()
    either = truth[:, [0, 5]].max(axis=1).mean()  # of which the first is labelled, but not named
    assert figures(((5,), (), (), (), (), (), ())).precision_at_1 == pytest.approx(either)
    assert either > truth[:, 5].mean()


def test_text_is_an_aligned_table_with_two_decimals() -> None:
    lines = ONE.text().splitlines()
    assert lines[0] == "400 clips"
    assert replace(ONE, clips=1).text().splitlines()[0] == "1 clip"
    assert lines[1].split() == ["hearing", "0", "hearing", "1", "fused"]
    cells = {line[:34].strip(): line[34:].split() for line in lines[2:]}
    assert cells["accuracy, %"] == ["78.25", "79.25", "80.00"]
    assert cells["probability of the true class, %"] == ["62.80", "68.30", "70.00"]
    assert cells["mean AUC, %"] == ["99.00", "99.20", "-"]
    assert cells["d'"] == ["inf", "3.40", "-"]
    assert cells["replayed, s"] == ["0.00", "1.97"]
    assert {line.index(".") for line in lines[2:] if "inf" not in line} == {lines[2].index(".")}


def test_text_names_action_verb_and_noun() -> None:
    first_words = [line.split(",")[0] for line in TWO.text().splitlines()[2:]]
    assert first_words[:2] == ["action accuracy", "action top-5 accuracy"]
    assert "verb accuracy" in first_words
    assert "noun top-5 accuracy" in first_words
