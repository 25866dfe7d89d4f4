"""Claims about stages: whatever a family makes up, its names, its parts and its terms, is trained and told."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from clip_sets import SECOND
from shell import Run
from tiny import CATEGORIES, write_esc50
from torch import Generator, Tensor, nn

from playitback.checkpoint import load_checkpoint
from playitback.config import ModelConfig
from playitback.models.families import FAMILIES, Family
from playitback.models.listener import Choice, Hearing, LogMelListener
from playitback.models.losses import classification
from playitback.models.recipe import Augmentation, Recipe, Stage, Targets, Terms
from playitback.training.clips import ClipSet, load_clips
from playitback.training.loop import train
from playitback.training.manifest import read_manifest
from playitback.training.state import StageProgress

FEATURES = 16


class ToyListener(LogMelListener):
    """Features of every frame, the mean of which decides; where they are strong it listened."""

    head_name = "verdict.{}.weight"

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        self.ears = nn.Sequential(nn.Linear(config.front_end.mels, FEATURES), Normalisation(FEATURES), nn.ReLU())
        self.verdict = nn.ModuleList(nn.Linear(FEATURES, classes) for classes in config.classes)
        self.clips_prepared_with = 0

    def parts(self) -> Mapping[str, nn.Module]:
        return {"ears": self.ears, "verdict": self.verdict}

    def prepare(self, batches: Iterable[Tensor]) -> None:
        kept = list(batches)
        self.clips_prepared_with += sum(map(len, kept))
        super().prepare(kept)

    def features(self, waveforms: Tensor) -> Tensor:
        """(B, T, FEATURES)."""
        front_end = self.config.front_end
        log_mel = self.log_mel(waveforms, front_end.hop_samples(0))[:, : front_end.frames]
        features: Tensor = self.ears(self.normalise(log_mel))
        return features

    def listen(
        self,
        waveforms: Tensor,
        playbacks: int | None = None,
        choose: Choice | None = None,
        asked: Tensor | None = None,
    ) -> Iterator[Hearing]:
        self.check(waveforms, playbacks)
        features = self.features(waveforms)
        logits = tuple(head(features.mean(dim=1)) for head in self.verdict)
        strength = features.detach().mean(dim=2)
        yield self.only_hearing(waveforms, logits, strength / strength.amax(dim=1, keepdim=True).clamp_min(1e-6))


class Normalisation(nn.BatchNorm1d):
    """Of features (B, T, FEATURES) over clips and time."""

    def forward(self, features: Tensor) -> Tensor:
        return super().forward(features.transpose(1, 2)).transpose(1, 2)


@dataclass(frozen=True, kw_only=True)
class ToyTerms(Terms):
    """Weights."""

    guess: float = 1.0
    calm: float = 0.01  # features are faint

    @property
    def switches(self) -> tuple[str, ...]:
        return ("guess", "calm")

    def __call__(
        self, model: ToyListener, waveforms: Tensor, targets: Targets, generator: Generator
    ) -> dict[str, Tensor]:
        features = model.features(waveforms)
        kept = features * (torch.rand((len(features), 1, FEATURES), generator=generator) < 0.9)
        logits = [head(kept.mean(dim=1)) for head in model.verdict]
        terms = {}
        if self.guess:
            terms["guess"] = self.guess * classification(logits, targets, model.config.multi_label)
        if self.calm:
            terms["calm"] = self.calm * features.square().mean()
        return terms


_PLAIN = Augmentation(between_class=0.0)
RECIPE = Recipe(
    stages=(
        Stage(
            name="tune-in",
            epochs=12,
            learning_rate=0.02,
            trains={"ears": 1.0, "verdict": 1.0},
            terms=ToyTerms(),
            augmentation=_PLAIN,
            settles_statistics=True,
        ),
        Stage(
            name="settle",
            epochs=2,
            learning_rate=0.01,
            trains={"verdict": 0.5},
            terms=ToyTerms(calm=0.0),
            augmentation=replace(_PLAIN, background=0.5),
        ),
    ),
    batch_size=8,
    micro_batch_size=4,
    average_decay=0.8,
)


def toy_preset(
    name: str, labels: tuple[tuple[str, ...], ...], *, multi_label: bool, clip_seconds: float
) -> ModelConfig:
    """Of clips of a second, whatever the data set's are."""
    return ModelConfig(family="toy", labels=labels, multi_label=multi_label, front_end=SECOND)


@pytest.fixture(autouse=True)
def toy_family(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FAMILIES, "toy", Family("toy", ToyListener, ("toy-1",), toy_preset, lambda preset: RECIPE))


@pytest.fixture(scope="module")
def esc50(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_esc50(tmp_path_factory.mktemp("data") / "esc50", clips_per_class=8, folds=(1, 4), seconds=1.0)


@pytest.fixture(scope="module")
def clips(esc50: Path) -> ClipSet:
    return load_clips(read_manifest("esc50", esc50, folds=(1,)), SECOND)


def fresh_model() -> ToyListener:
    torch.manual_seed(0)
    return ToyListener(toy_preset("toy-1", (CATEGORIES,), multi_label=False, clip_seconds=1.0))


def log_of(out: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (out / "log.jsonl").read_text(encoding="utf-8").splitlines()]


def arguments(esc50: Path, out: Path, *more: str) -> list[str]:
    data = ["--data", str(esc50), "--folds", "1", "--out", str(out), "--device", "cpu"]
    return ["train", "--preset", "toy-1", *data, *more]


def test_made_up_stages_train_what_they_name_and_nothing_else(tmp_path: Path, clips: ClipSet) -> None:
    model = fresh_model()
    ears: dict[str, list[Tensor]] = {"tune-in": [], "settle": []}

    def watch(progress: StageProgress) -> None:
        normalisation, verdict = model.ears[1], model.verdict
        assert normalisation.training == model.ears.training == (progress.stage == "tune-in")
        assert all(each.requires_grad == (progress.stage == "tune-in") for each in model.ears.parameters())
        assert verdict.training
        assert all(each.requires_grad for each in verdict.parameters())
        ears[progress.stage].append(torch.cat([each.detach().flatten() for each in model.ears.state_dict().values()]))

    train(model, clips, RECIPE, tmp_path, watch)
    assert not torch.equal(ears["tune-in"][0], ears["tune-in"][-1])
    assert torch.equal(ears["settle"][0], ears["settle"][-1])
    log = log_of(tmp_path)
    assert [entry["stage"] for entry in log] == ["tune-in"] * 12 + ["settle"] * 2
    assert log[0].keys() == {"stage", "epoch", "seconds", "guess", "calm", "gradient_norm"}
    assert log[-1].keys() == {"stage", "epoch", "seconds", "guess", "gradient_norm"}
    assert log[11]["guess"] < 0.6 * log[0]["guess"]


def test_statistics_are_settled_on_the_weights_that_are_kept(tmp_path: Path, clips: ClipSet) -> None:
    """And they stay in stages that do not settle them."""
    model = fresh_model()
    plain = replace(RECIPE.stages[0], epochs=2, augmentation=replace(_PLAIN, time_scale=1.0, gain_decibels=0.0))
    train(model, clips, replace(RECIPE, stages=(plain, RECIPE.stages[1])), tmp_path)
    linear, normalisation = model.ears[0], model.ears[1]
    with torch.no_grad():
        log_mel = model.log_mel(clips.waveforms(torch.arange(len(clips))), SECOND.hop_samples(0))[:, : SECOND.frames]
        before = linear(model.normalise(log_mel)).flatten(0, 1)
    # the clips of the first epoch are these, each shifted in time
    torch.testing.assert_close(normalisation.running_mean, before.mean(dim=0), rtol=0, atol=0.05)
    torch.testing.assert_close(normalisation.running_var, before.var(dim=0), rtol=0.1, atol=0.05)


def test_part_learns_at_its_rate_beside_that_of_the_stage(tmp_path: Path, clips: ClipSet) -> None:
    def first_step(rate: float) -> Tensor:
        model, moved = fresh_model(), []
        before = model.verdict[0].weight.detach().clone()

        def watch(progress: StageProgress) -> None:
            moved.append(model.verdict[0].weight.detach() - before)

        stage = replace(RECIPE.stages[1], trains={"verdict": rate})
        train(model, clips, replace(RECIPE, stages=(stage,)), tmp_path / str(rate), watch)
        return moved[0]

    whole, half = first_step(1.0), first_step(0.5)
    assert whole.any()
    torch.testing.assert_close(half, whole / 2, rtol=1e-3, atol=1e-7)


def test_model_is_prepared_once_with_the_clips_and_not_where_it_goes_on(tmp_path: Path, clips: ClipSet) -> None:
    class Killed(BaseException):
        pass

    def kill(progress: StageProgress) -> None:
        if (progress.stage, progress.step) == ("settle", 2):
            raise Killed

    whole, cut, resumed, later = fresh_model(), fresh_model(), fresh_model(), fresh_model()
    train(whole, clips, RECIPE, tmp_path / "whole")
    with pytest.raises(Killed):
        train(cut, clips, RECIPE, tmp_path / "cut", kill, save_seconds=0)
    train(resumed, clips, RECIPE, tmp_path / "cut")
    later.load_state_dict(whole.state_dict())
    train(later, clips, RECIPE.with_epochs({"tune-in": 0}), tmp_path / "later")
    assert [each.clips_prepared_with for each in (whole, cut, resumed, later)] == [len(clips), len(clips), 0, 0]
    for name, value in whole.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], value), name


def test_command_has_the_stages_of_every_family(run: Run, esc50: Path, tmp_path: Path) -> None:
    status, output, _ = run(*arguments(esc50, tmp_path / "toy", "--settle-epochs", "1", "--test-folds", "4", "--json"))
    assert status == 0
    about = json.loads(output)
    assert about["command"] == (
        "python -m playitback train --preset toy-1 --dataset esc50 --data ROOT --folds 1 --tune-in-epochs 12 "
        "--settle-epochs 1 --batch-size 8 --micro-batch-size 4 --seed 0 --out DIR"
    )
    assert about["recipe"]["stages"][1]["trains"] == {"verdict": 0.5}
    assert about["results"]["accuracy"][0] >= 0.9  # on clips that it has not heard
    loaded = load_checkpoint(tmp_path / "toy")
    assert isinstance(loaded.model, ToyListener)
    for part in ("Family `toy`, preset `toy-1`", "12 epochs of the tune-in stage, 1 epoch of the settle stage"):
        assert part in loaded.card
    status, output, _ = run("evaluate", "--checkpoint", tmp_path / "toy", "--data", esc50, "--folds", "4", "--json")
    assert status == 0
    assert json.loads(output) == about["results"]


def test_command_switches_made_up_terms(run: Run, esc50: Path, tmp_path: Path) -> None:
    short = ("--tune-in-epochs", "1", "--settle-epochs", "1")
    assert run(*arguments(esc50, tmp_path / "toy", *short, "--losses", "guess"))[0] == 0
    assert all("guess" in entry and "calm" not in entry for entry in log_of(tmp_path / "toy"))
    _, told, _ = run("train", "--help")
    words = " ".join(told.split())
    assert "of the replay stage: per_hearing, fused, rank" in words
    assert "of the tune-in stage: guess, calm" in words


@pytest.mark.parametrize(
    ("more", "part"),
    [
        (("--tune-in-epochs", "0"), "the ears is untrained: give the stage tune-in some epochs, or --start-from"),
        (("--encoder-epochs", "1"), "this preset has no stage 'encoder'; it has tune-in, settle"),
        (("--losses", "keep"), "there is no loss 'keep'; choose from guess, calm"),
    ],
)
def test_what_a_family_does_not_have_is_refused(
    run: Run, esc50: Path, tmp_path: Path, more: tuple[str, ...], part: str
) -> None:
    status, _, error = run(*arguments(esc50, tmp_path / "toy", *more))
    assert status == 2
    assert len(error.strip().splitlines()) == 1
    assert part in error


def test_first_stage_without_epochs_leaves_what_it_would_train(run: Run, esc50: Path, tmp_path: Path) -> None:
    assert run(*arguments(esc50, tmp_path / "first", "--settle-epochs", "0"))[0] == 0
    more = ("--tune-in-epochs", "0", "--start-from", str(tmp_path / "first"))
    assert run(*arguments(esc50, tmp_path / "second", *more))[0] == 0
    first, second = (load_checkpoint(tmp_path / name).model.state_dict() for name in ("first", "second"))
    same = {name for name in first if torch.equal(first[name], second[name])}
    assert {name for name in first if name.startswith(("ears.", "mel_"))} <= same
    assert "verdict.0.weight" not in same
