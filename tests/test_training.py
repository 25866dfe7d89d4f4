"""Claims about training: data sets are read, losses fall, an interrupted run ends as if it had not been, slots find."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from sklearn.metrics import accuracy_score
from tiny import CATEGORIES, RATE, STEMS, clicks, noise, sounding_clips, tiny_config, tiny_model, tone, write_esc50
from torch import Generator, Tensor

from playitback.config import FrontEndConfig
from playitback.errors import AudioError, DataSetError, SettingsError
from playitback.models.playitback import ReplayModel
from playitback.replay import Segment, pad_segments
from playitback.training import augmentation, evaluation, objectives
from playitback.training.datasets import ClipSet, load_esc50
from playitback.training.loop import Progress, Recipe, seconds_spent, train, warm_up_cosine

SECOND = FrontEndConfig(clip_seconds=1.0, frames=80, mels=32, fft_samples=512, window_samples=400)
#: plain enough to learn within seconds
RECIPE = Recipe(
    encoder_epochs=14,
    replay_epochs=6,
    batch_size=8,
    encoder_learning_rate=5e-3,
    replay_learning_rate=5e-3,
    average_decay=0.8,
    mixed_share=0.0,
)
SHORT = replace(RECIPE, encoder_epochs=2, replay_epochs=2, mixed_share=0.5)


def no_report(*_: object) -> None:
    """Of evaluation, whose progress no test looks at."""


@pytest.fixture(scope="module")
def esc50(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_esc50(tmp_path_factory.mktemp("data") / "esc50", clips_per_class=8, folds=(1, 3), seconds=1.0)


@pytest.fixture(scope="module")
def clips(esc50: Path) -> ClipSet:
    return load_esc50(esc50, (1,), SECOND)


def fresh_model(seed: int = 0) -> ReplayModel:
    torch.manual_seed(seed)
    return ReplayModel(tiny_config(labels=CATEGORIES, clip_seconds=1.0, playbacks=1))


def losses_in(out: Path) -> list[dict[str, float]]:
    entries = [json.loads(line) for line in (out / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    return [{name: value for name, value in entry.items() if name != "seconds"} for entry in entries]


class Killed(BaseException):
    """As a signal would, it ends the run between two steps."""


def kill_at(stage: str, epoch: int, step: int) -> Callable[[Progress], None]:
    def report(progress: Progress) -> None:
        if (progress.stage, progress.epoch, progress.step) == (stage, epoch, step):
            raise Killed

    return report


# the data set


def test_esc50_is_read_whatever_its_sampling_rate(clips: ClipSet) -> None:
    assert len(clips) == 32
    assert clips.labels == CATEGORIES
    assert clips.samples.shape == (32, 16_000)
    assert clips.samples.dtype == torch.int16
    assert clips.targets.bincount().tolist() == [8, 8, 8, 8]
    assert all(name.startswith("1-") for name in clips.names)
    # the first clip is a tone of 400 to 500 Hz: one second long, at 16 kHz
    spectrum = np.abs(np.fft.rfft(clips.waveforms(torch.tensor([0]))[0].numpy()))
    assert 400 <= spectrum.argmax() <= 500
    assert clips.waveforms(torch.tensor([0])).abs().max() == pytest.approx(0.4, abs=0.06)


def test_folds_are_those_asked_for_and_progress_is_told(esc50: Path) -> None:
    told: list[tuple[int, int]] = []
    both = load_esc50(esc50, (1, 3), SECOND, lambda done, total: told.append((done, total)))
    assert len(both) == 64
    assert told == [(count, 64) for count in range(1, 65)]


def test_longer_clips_are_cut_and_shorter_ones_filled_up_with_silence(esc50: Path, clips: ClipSet) -> None:
    shorter = load_esc50(esc50, (1,), replace(SECOND, clip_seconds=0.5, frames=40))
    longer = load_esc50(esc50, (1,), replace(SECOND, clip_seconds=2.0, frames=160))
    assert torch.equal(longer.samples[:, :16_000], clips.samples)
    assert not longer.samples[:, 16_000:].any()
    assert torch.equal(shorter.samples, clips.samples[:, :8000])


def test_part_of_esc50_that_leaves_targets_out_is_read(tmp_path: Path) -> None:
    """As the ten classes of ESC-10 do, whose targets run to 41."""
    (tmp_path / "meta").mkdir()
    (tmp_path / "audio").mkdir()
    soundfile.write(tmp_path / "audio" / "a.wav", noise(1.0), RATE)
    (tmp_path / "meta" / "esc50.csv").write_text(
        "filename,fold,target,category\na.wav,1,41,chainsaw\na.wav,1,0,dog\na.wav,1,20,baby\n", encoding="utf-8"
    )
    part = load_esc50(tmp_path, (1,), SECOND)
    assert part.labels == ("dog", "baby", "chainsaw")
    assert [part.labels[target] for target in part.targets] == ["chainsaw", "dog", "baby"]


def test_folder_without_listing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataSetError, match=r"no meta/esc50\.csv; give the folder of an ESC-50 checkout"):
        load_esc50(tmp_path, (1,), SECOND)


@pytest.mark.parametrize("text", ["", "filename,fold\n", "name,number\na,1\n"])
def test_other_listing_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "meta").mkdir()
    (tmp_path / "meta" / "esc50.csv").write_text(text, encoding="utf-8")
    with pytest.raises(DataSetError, match=r"lacks the columns .*target.* not ESC-50's listing"):
        load_esc50(tmp_path, (1,), SECOND)


@pytest.mark.parametrize("folds", [(2,), (1, 2)])
def test_absent_fold_is_refused_with_those_there_are(esc50: Path, folds: tuple[int, ...]) -> None:
    with pytest.raises(DataSetError, match="has no fold 2; it has 1, 3"):
        load_esc50(esc50, folds, SECOND)


def test_listed_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    root = write_esc50(tmp_path / "esc50", clips_per_class=1, folds=(1,), seconds=0.2)
    (root / "audio" / "1-200-A-2.wav").unlink()
    with pytest.raises(DataSetError, match=r"1-200-A-2\.wav is listed .* not there; complete the download"):
        load_esc50(root, (1,), SECOND)


def test_listed_file_that_is_no_sound_is_named(tmp_path: Path) -> None:
    root = write_esc50(tmp_path / "esc50", clips_per_class=1, folds=(1,), seconds=0.2)
    (root / "audio" / "1-0-A-0.wav").write_bytes(b"RIFF")
    with pytest.raises(AudioError, match=r"1-0-A-0\.wav"):
        load_esc50(root, (1,), SECOND)


def test_listing_of_the_generated_folder_has_the_columns_of_esc50(esc50: Path) -> None:
    with (esc50 / "meta" / "esc50.csv").open(encoding="utf-8") as listing:
        assert next(csv.reader(listing)) == ["filename", "fold", "target", "category", "esc10", "src_file", "take"]


# augmentation


def test_mixture_of_equally_loud_clips_keeps_their_energy_and_their_shares() -> None:
    first, second = torch.randn(2, 5, 16_000, generator=Generator().manual_seed(0)).unbind(0)
    ratio, level = torch.tensor([0.0, 0.25, 0.5, 0.9, 1.0]), torch.zeros(5)
    mixed = augmentation.mix_between_classes(first, second, ratio, level, level)
    torch.testing.assert_close(mixed.square().mean(dim=1), torch.ones(5), rtol=0, atol=0.05)
    # at the ends of the ratio there is one clip alone
    torch.testing.assert_close(mixed[0], second[0], rtol=0, atol=2e-3)
    torch.testing.assert_close(mixed[4], first[4], rtol=0, atol=2e-3)
    share = (mixed * first).mean(dim=1) / ((mixed * first).mean(dim=1) + (mixed * second).mean(dim=1))
    torch.testing.assert_close(share, ratio, rtol=0, atol=0.03)


def test_mixture_compensates_for_levels() -> None:
    """Of a clip and a copy of another one that is 20 dB louder, half and half sound equally loud."""
    first, second = torch.randn(2, 1, 16_000, generator=Generator().manual_seed(0)).unbind(0)
    loud = 10 * second
    levels = [augmentation.loudness_decibels(each, RATE) for each in (first, loud)]
    assert float(levels[1] - levels[0]) == pytest.approx(20, abs=1)
    mixed = augmentation.mix_between_classes(first, loud, torch.tensor([0.5]), *levels)
    assert float((mixed * first).mean() / (mixed * second).mean()) == pytest.approx(1, abs=0.2)


def test_loudness_follows_the_ear_and_survives_silence() -> None:
    time = torch.arange(16_000) / RATE
    low, high = (torch.sin(2 * math.pi * hertz * time) for hertz in (100.0, 1000.0))
    levels = augmentation.loudness_decibels(torch.stack([low, high, torch.zeros(16_000)]), RATE)
    assert float(levels[1] - levels[0]) == pytest.approx(19.1, abs=1)  # A-weighting at 100 Hz
    assert levels.isfinite().all()


@pytest.mark.parametrize("seed", range(5))
def test_random_segments_are_sorted_disjoint_and_bounded(seed: int) -> None:
    segments = augmentation.random_segments(200, 5.0, Generator().manual_seed(seed))
    assert segments.shape == (200, 3, 2)
    stops = segments.flatten(1)
    assert (stops.diff(dim=1) >= -1e-5).all()
    assert stops.min() >= 0
    assert stops.max() <= 5
    share = segments.diff(dim=2).sum(dim=(1, 2)) / 5
    assert share.min() >= 0.1 - 1e-5
    assert share.max() <= 0.5 + 1e-5
    counts = (segments.diff(dim=2) > 1e-5).sum(dim=(1, 2))
    assert sorted(counts.unique().tolist()) == [1, 2, 3]


def test_random_removal_spares_half_of_the_clips_and_half_of_the_others() -> None:
    kept = augmentation.random_columns(400, 40, Generator().manual_seed(0))
    assert sorted(kept.unique().tolist()) == [0, 1]
    whole = (kept == 1).all(dim=1)
    assert 0.4 < whole.float().mean() < 0.6
    assert kept.mean(dim=1).min() >= 0.45


def test_frequency_masks_are_whole_bands_of_the_mean() -> None:
    masked = augmentation.mask_frequencies(torch.ones(50, 7, 32), Generator().manual_seed(0))
    assert (masked == masked[:, :1]).all()
    width = (masked[:, 0] == 0).sum(dim=1)
    assert width.float().mean() > 0
    assert width.max() <= 2 * 7


def test_varied_clips_keep_their_length_and_differ_from_one_another() -> None:
    waveforms = sounding_clips(1).expand(6, -1)
    varied = augmentation.vary_waveforms(waveforms, Generator().manual_seed(0))
    assert varied.shape == waveforms.shape
    again = augmentation.vary_waveforms(waveforms, Generator().manual_seed(0))
    assert torch.equal(varied, again)
    assert (varied[:-1] - varied[1:]).abs().amax(dim=1).min() > 0.01
    gain_decibels = 10 * torch.log10(varied.square().mean(dim=1) / waveforms.square().mean(dim=1))
    assert gain_decibels.abs().max() < 9  # 6 dB, and what time scaling cuts off or repeats


# the losses


def test_rank_loss_asks_for_a_later_pass_that_believes_more() -> None:
    def loss(*beliefs: float) -> float:
        return float(objectives.rank_loss(torch.tensor(beliefs)[:, None]))

    assert loss(0.5, 0.6) == 0
    assert loss(0.5, 0.5) == pytest.approx(0.02)
    assert loss(0.5, 0.4) == pytest.approx(0.12)
    assert loss(0.6, 0.5, 0.7) == pytest.approx(0.06)
    assert loss(0.99, 0.99) == pytest.approx(0.005)  # near certainty there is little left to gain
    assert loss(0.7) == 0


def test_rank_loss_lifts_the_later_pass_and_leaves_the_earlier_one() -> None:
    beliefs = torch.tensor([[0.6], [0.5]], requires_grad=True)
    objectives.rank_loss(beliefs).backward()
    assert beliefs.grad is not None
    assert beliefs.grad[0] == 0
    assert beliefs.grad[1] < 0


def test_nothing_is_said_by_equal_logits_only() -> None:
    assert float(objectives.nothing_said(torch.full((3, 5), 7.0))) == pytest.approx(0, abs=1e-6)
    assert float(objectives.nothing_said(torch.tensor([[2.0, 0.0, 0.0]]))) > 0.1


@torch.no_grad()
def test_held_time_counts_seconds_and_not_columns() -> None:
    """A replayed column is shorter than others, so holding it holds less of the clip."""
    model = tiny_model()
    _, heard = model.listen(sounding_clips(2), 1, lambda _: pad_segments([[Segment(0.0, 1.0)]] * 2, 2.0))
    in_first_second = (heard.column_seconds < 1).float()
    slots = replace(heard.slots, attention_per_iteration=(torch.stack([in_first_second, 1 - in_first_second], dim=1),))
    torch.testing.assert_close(
        objectives.held_time(replace(heard, slots=slots)), torch.tensor([0.5, 0.5]), rtol=0, atol=0.03
    )
    assert in_first_second.mean() > 0.6


@pytest.mark.parametrize("fusion", [False, True])
def test_fused_prediction_is_trained_where_the_model_has_one(fusion: bool) -> None:
    model = tiny_model(fusion=fusion)
    targets = torch.eye(4)
    terms = objectives.replay_terms(model, sounding_clips(4), targets, Generator().manual_seed(0))
    assert set(terms) == {"classify", "keep", "remove", "rank", "budget"}
    terms["classify"].backward()
    if fusion:
        assert model.decoder.fusion is not None
        assert model.decoder.fusion.weight.grad is not None
        assert model.decoder.fusion.weight.grad.any()


# the loop


def test_learning_rate_warms_up_and_then_falls() -> None:
    factors = [warm_up_cosine(epoch / 10, 20, 2.5) for epoch in range(200)]
    assert factors[0] < 0.01
    assert max(factors) == pytest.approx(1, abs=0.01)
    assert factors.index(max(factors)) == 25
    assert factors[-1] < 0.001
    assert all(0 < factor <= 1 for factor in factors)


@pytest.mark.parametrize("settings", [{"batch_size": 1}, {"encoder_epochs": 0}, {"replay_epochs": 0}])
def test_impossible_recipes_are_refused(settings: dict[str, int]) -> None:
    with pytest.raises(SettingsError, match="at least"):
        Recipe(**settings)  # type: ignore[arg-type]


def test_training_lowers_the_losses_and_gets_its_clips_right(tmp_path: Path, clips: ClipSet) -> None:
    model, seen = fresh_model(), []
    encoder_before: list[Tensor] = []

    def watch(progress: Progress) -> None:
        seen.append(progress)
        encoder = model.encoder
        if progress.stage == "encoder":
            assert encoder.training
            assert all(parameter.grad is None for parameter in model.decoder.parameters())
            return
        # frozen: no gradient, no dropout, no running statistics, the same weights
        assert not any(module.training for module in encoder.modules())
        assert not any(parameter.requires_grad for parameter in encoder.parameters())
        assert model.decoder.training
        assert model.slots.training
        values = [*encoder.parameters(), *encoder.buffers()]
        if not encoder_before:
            encoder_before.extend(value.detach().clone() for value in values)
        assert all(torch.equal(one, other) for one, other in zip(values, encoder_before, strict=True))

    train(model, clips, RECIPE, tmp_path, watch)
    assert {progress.stage for progress in seen} == {"encoder", "replay"}
    assert len(seen) == (RECIPE.encoder_epochs + RECIPE.replay_epochs) * 4
    assert not model.training
    assert all(parameter.requires_grad for parameter in model.parameters())

    logged = losses_in(tmp_path)
    for stage in ("encoder", "replay"):
        classify = [entry["classify"] for entry in logged if entry["stage"] == stage]
        assert classify[-1] < 0.6 * classify[0]
    assert all(math.isfinite(value) for entry in logged for name, value in entry.items() if name != "stage")
    assert seconds_spent(tmp_path) >= 0
    assert list((tmp_path / "tensorboard").iterdir())

    accuracy = evaluation.measure_accuracy(model, clips, 1, no_report)
    assert accuracy.per_pass[-1] >= 0.9
    assert accuracy.true_class_probability[-1] > 0.5


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory, clips: ClipSet) -> tuple[ReplayModel, Path]:
    model, out = fresh_model(), tmp_path_factory.mktemp("uninterrupted")
    train(model, clips, SHORT, out)
    return model, out


@pytest.mark.parametrize(
    ("stage", "epoch", "step"),
    [("encoder", 0, 3), ("encoder", 1, 4), ("replay", 0, 1), ("replay", 1, 4)],
)
def test_killed_run_goes_on_and_ends_as_if_it_had_not_been(
    tmp_path: Path,
    clips: ClipSet,
    uninterrupted: tuple[ReplayModel, Path],
    stage: str,
    epoch: int,
    step: int,
) -> None:
    whole, whole_out = uninterrupted
    with pytest.raises(Killed):
        train(fresh_model(), clips, SHORT, tmp_path, kill_at(stage, epoch, step))
    # what the first call did outside the run must not matter to the second one
    torch.manual_seed(1234)
    resumed, seen = fresh_model(seed=0 if (stage, epoch) == ("encoder", 0) else 99), []
    train(resumed, clips, SHORT, tmp_path, seen.append)
    assert (seen[0].stage, seen[0].epoch, seen[0].step) == (stage, epoch, 1)
    assert losses_in(tmp_path) == losses_in(whole_out)
    for name, value in whole.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], value), name


def test_finished_run_gives_its_weights_again_without_training(
    clips: ClipSet, uninterrupted: tuple[ReplayModel, Path]
) -> None:
    whole, out = uninterrupted
    again, seen = fresh_model(seed=99), []
    train(again, clips, SHORT, out, seen.append)
    assert seen == []
    assert all(torch.equal(again.state_dict()[name], value) for name, value in whole.state_dict().items())


def test_same_seed_trains_the_same_and_another_one_does_not(tmp_path: Path, clips: ClipSet) -> None:
    brief = replace(SHORT, encoder_epochs=1, replay_epochs=1)
    logs = []
    for number, seed in enumerate((0, 0, 1)):
        train(fresh_model(), clips, replace(brief, seed=seed), tmp_path / str(number))
        logs.append(losses_in(tmp_path / str(number)))
    assert logs[0] == logs[1]
    assert logs[0] != logs[2]


def test_run_is_not_continued_with_another_recipe_model_or_data(
    esc50: Path, clips: ClipSet, uninterrupted: tuple[ReplayModel, Path]
) -> None:
    _, out = uninterrupted
    other_model = ReplayModel(tiny_config("patch", labels=CATEGORIES, clip_seconds=1.0, playbacks=1))
    other_clips = load_esc50(esc50, (3,), SECOND)
    for model, data, recipe in [
        (fresh_model(), clips, replace(SHORT, seed=1)),
        (fresh_model(), other_clips, SHORT),
        (other_model, clips, SHORT),
    ]:
        with pytest.raises(SettingsError, match="other settings, another model or other clips; give the same ones"):
            train(model, data, recipe, out)


def test_fewer_clips_than_a_batch_are_refused(tmp_path: Path, clips: ClipSet) -> None:
    with pytest.raises(SettingsError, match="32 clips do not fill a batch of 33; choose a smaller batch"):
        train(fresh_model(), clips, replace(SHORT, batch_size=33), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_loss_that_is_no_number_ends_the_run(tmp_path: Path, clips: ClipSet) -> None:
    model = fresh_model()
    with torch.no_grad():
        model.encoder.heads[0].weight.fill_(math.nan)  # type: ignore[operator, union-attr]
    with pytest.raises(SettingsError, match="not finite in epoch 1; lower the learning rate"):
        train(model, clips, SHORT, tmp_path)


# the slots


BURST_SECONDS = 0.2


def planted_bursts(count: int, seed: int) -> tuple[ClipSet, Tensor]:
    """Clips of 1 s of faint noise with a burst somewhere, whose kind is the class; and its start in seconds."""
    rng = np.random.default_rng(seed)
    samples, starts = np.empty((count, RATE)), rng.uniform(0.05, 0.75, count)
    for index, start in enumerate(starts):
        burst = (
            tone(BURST_SECONDS, hertz=rng.uniform(500, 700)),
            tone(BURST_SECONDS, hertz=rng.uniform(2500, 3200)),
            clicks(BURST_SECONDS, np.arange(0.005, BURST_SECONDS, 0.03)),
        )[index % 3]
        samples[index] = 0.1 * noise(1.0, seed=int(rng.integers(10**6)))
        samples[index, round(start * RATE) :][: len(burst)] += burst
    quantised = torch.from_numpy((samples.clip(-1, 1) * 32767).astype(np.int16))
    clips = ClipSet(tuple(map(str, range(count))), quantised, torch.arange(count) % 3, ("low", "high", "clicks"))
    return clips, torch.from_numpy(starts)


def overlap_over_union(segments: Tensor, starts: Tensor) -> Tensor:
    """(B,) of segments (B, S, 2) with a burst each."""
    begin = starts[:, None, None]
    common = segments.clamp(begin, begin + BURST_SECONDS).diff(dim=2).sum(dim=(1, 2))
    return common / (segments.diff(dim=2).sum(dim=(1, 2)) + BURST_SECONDS - common)


def test_informative_slot_learns_to_find_the_burst_that_tells_the_class(tmp_path: Path) -> None:
    """Nobody tells it where the burst is: it learns from the classes alone. Judged on clips that it has not heard."""
    clips, _ = planted_bursts(48, seed=0)
    torch.manual_seed(0)
    model = ReplayModel(tiny_config(labels=clips.labels, clip_seconds=1.0, playbacks=1, threshold=0.5))
    recipe = replace(
        RECIPE, encoder_epochs=10, replay_epochs=20, encoder_learning_rate=4e-3, replay_learning_rate=1.5e-2
    )
    train(model, clips, recipe, tmp_path)
    unheard, starts = planted_bursts(24, seed=1)
    with torch.inference_mode():
        passes = list(model.listen(unheard.waveforms(torch.arange(24))))
    for heard in passes:
        begin = starts[:, None]
        in_burst = (heard.column_seconds > begin) & (heard.column_seconds < begin + BURST_SECONDS)
        attention = heard.slots.attention[:, 0]
        assert attention[in_burst].mean() > 0.7
        assert attention[~in_burst].mean() < 0.4
        found = overlap_over_union(heard.segments, starts).mean()
        by_chance = torch.stack([overlap_over_union(heard.segments, starts.roll(by)) for by in range(1, 24)]).mean()
        assert found > 0.4
        assert found > 2 * by_chance
    right = passes[-1].logits[0].argmax(dim=1) == unheard.targets
    assert right.float().mean() > 0.9


# evaluation


@pytest.mark.parametrize("fusion", [False, True])
@torch.inference_mode()
def test_accuracy_is_that_of_a_direct_count(fusion: bool) -> None:
    model = tiny_model(fusion=fusion)
    targets = torch.randint(4, (30,), generator=Generator().manual_seed(0))
    samples = (sounding_clips(30) * 32767).to(torch.int16)
    clips = ClipSet(tuple(map(str, range(30))), samples, targets, ("a", "b", "c", "d"))
    measured = evaluation.measure_accuracy(model, clips, 3, no_report)
    passes = list(model.listen(clips.waveforms(torch.arange(30))))
    probabilities = torch.stack([heard.logits[0].softmax(dim=1) for heard in passes])
    for index in range(4):
        expected = accuracy_score(targets.numpy(), probabilities[index].argmax(dim=1).numpy())
        assert measured.per_pass[index] == pytest.approx(expected, abs=1e-6)
    belief = probabilities[:, torch.arange(30), targets].mean(dim=1)
    assert measured.true_class_probability == pytest.approx(belief.tolist(), abs=1e-5)
    chosen = [float(heard.segments.diff(dim=2).sum()) for heard in passes]
    assert measured.replayed_seconds == pytest.approx(sum(chosen) / (4 * 30), abs=1e-3)
    assert measured.clips == 30
    if fusion:
        expected = accuracy_score(targets.numpy(), model(clips.waveforms(torch.arange(30)))[0].argmax(dim=1).numpy())
        assert measured.fused == pytest.approx(expected)
        assert evaluation.measure_accuracy(model, clips, 2, no_report).fused is None
    else:
        assert measured.fused is None
    assert len(evaluation.measure_accuracy(model, clips, 1, no_report).per_pass) == 2


def test_seconds_inside_segments_are_counted_per_bin() -> None:
    segments = pad_segments([[Segment(0.5, 1.25), Segment(2.0, 3.0)], []], 4.0)
    edges = torch.tensor([[0.0, 1.0, 2.0, 2.5, 4.0]], dtype=torch.float64)
    expected = torch.tensor([[0.5, 0.25, 0.5, 0.5], [0.0, 0.0, 0.0, 0.0]], dtype=torch.float64)
    torch.testing.assert_close(evaluation.inside_segments(segments, edges), expected)


def loud_part_clips() -> ClipSet:
    """Eight clips of 1 s of four classes, each with one loud quarter, and its class written on every sample."""
    samples = torch.zeros(8, 16_000, dtype=torch.int16)
    for index in range(8):
        samples[index] = 1 + index % 4
        samples[index, 2000 * index : 2000 * index + 4000] = 1000 + index % 4
    targets = torch.arange(8) % 4
    return ClipSet(tuple("abcdefgh"), samples, targets, ("a", "b", "c", "d"))


def test_splice_is_the_loudest_half_of_one_clip_and_of_another_class() -> None:
    clips = loud_part_clips()
    spliced, first, second = evaluation.splice(clips, 40, seed=0)
    assert spliced.samples.shape == (40, 16_000)
    assert (first != second).all()
    for samples, one, other in zip(spliced.samples, first, second, strict=True):
        for half, target in ((samples[:8000], one), (samples[8000:], other)):
            assert (half % 1000).unique().tolist() in ([int(target)], [int(target), int(target) + 1])
            assert int((half >= 1000).sum()) == 4000 or int((half >= 1000).sum()) == 2000  # the last one is cut off
    again, *_ = evaluation.splice(clips, 40, seed=0)
    assert torch.equal(again.samples, spliced.samples)
    assert not torch.equal(evaluation.splice(clips, 40, seed=1)[0].samples, spliced.samples)


def test_clips_of_one_class_cannot_be_spliced() -> None:
    clips = loud_part_clips()
    with pytest.raises(DataSetError, match="of one class, and a splice needs two"):
        evaluation.splice(replace(clips, targets=torch.zeros(8, dtype=torch.int64)), 4, seed=0)


@torch.inference_mode()
def test_replayed_silence_is_measured_on_clips_with_a_second_of_zeros() -> None:
    """Half of the last sounding column, 50 ms long, may be silence."""
    model = tiny_model()
    samples = (sounding_clips(10) * 32767).to(torch.int16) | 1
    sounding_seconds = torch.tensor([0.87, 0.97, 0.92, 0.77, 0.67, 0.62, 0.57, 0.32])  # and two are longer
    for clip, seconds in zip(samples, sounding_seconds, strict=False):
        clip[round(float(seconds) * RATE) :] = 0
    samples[8, 17_000:] = 0  # less than a second
    clips = ClipSet(tuple("abcdefghij"), samples, torch.zeros(10, dtype=torch.int64), ("a", "b", "c", "d"))
    measured = evaluation.measure_silence(model, clips, no_report)
    assert measured.clips == 8
    assert measured.silent_share == pytest.approx(float((2 - sounding_seconds).mean() / 2), abs=1e-3)
    # what the last pass chose is not replayed
    passes = list(model.listen(clips.waveforms(torch.arange(8))))
    chosen = torch.cat([heard.segments for heard in passes[:-1]], dim=1)
    in_silence = (chosen.clamp_min(sounding_seconds[:, None, None])).diff(dim=2).sum()
    assert in_silence > 0
    assert measured.replayed_silent_share == pytest.approx(float(in_silence / chosen.diff(dim=2).sum()), rel=1e-3)
    assert measured.replayed_silent_share < 0.05
    sounding = ClipSet(clips.names[8:], samples[8:], clips.targets[8:], clips.labels)
    assert evaluation.measure_silence(model, sounding, no_report).clips == 0


@torch.inference_mode()
def test_splices_count_replayed_time_in_the_half_of_the_named_class() -> None:
    model = tiny_model()
    samples = (sounding_clips(6) * 32767).to(torch.int16)
    clips = ClipSet(tuple("abcdef"), samples, torch.arange(6) % 4, ("a", "b", "c", "d"))
    measured = evaluation.measure_splices(model, clips, count=12, seed=0, report=no_report)
    spliced, first, second = evaluation.splice(clips, 12, seed=0)
    shares = []
    passes = list(model.listen(spliced.waveforms(torch.arange(12))))
    for index in range(12):
        named = int(passes[-1].logits[0][index].argmax())
        if named not in (int(first[index]), int(second[index])):
            continue
        low = 0.0 if named == int(first[index]) else 1.0
        chosen = torch.cat([heard.segments[index] for heard in passes[:-1]])
        there = (chosen.clamp(low, low + 1).diff(dim=1)).sum() / chosen.diff(dim=1).sum()
        shares.append(float(there))
    assert 0 < measured.named == len(shares)
    assert measured.clips == 12
    assert measured.agreeing_share == pytest.approx(np.mean(shares), abs=1e-4)
    assert measured.majority_share == pytest.approx(np.mean(np.array(shares) > 0.5))


def test_results_are_plain_json() -> None:
    accuracy = evaluation.Accuracy((0.5, 0.75), 0.8, (0.4, 0.6), 1.5, 20)
    found = json.loads(json.dumps(evaluation.results(accuracy, evaluation.Silence(2, 0.4, 0.1), None)))
    assert found["accuracy"] == [0.5, 0.75]
    assert found["accuracy_fused"] == 0.8
    assert found["silence"] == {"clips": 2, "silent_share": 0.4, "replayed_silent_share": 0.1}
    assert "splices" not in found
    assert "accuracy_fused" not in evaluation.results(replace(accuracy, fused=None))


@pytest.mark.parametrize("stem", STEMS)
def test_any_stem_can_be_trained(tmp_path: Path, clips: ClipSet, stem: str) -> None:
    torch.manual_seed(0)
    model = ReplayModel(tiny_config(stem, labels=CATEGORIES, clip_seconds=1.0, fusion=stem == "patch"))
    train(model, clips, replace(SHORT, encoder_epochs=1, replay_epochs=1), tmp_path)
    assert all(parameter.isfinite().all() for parameter in model.parameters())
