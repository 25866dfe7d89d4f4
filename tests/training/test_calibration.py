"""Claims about calibration: the temperature is found, changes no decision, and stays with the checkpoint."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from pathlib import Path

import pytest
import soundfile
import torch
import transformers
from hears_once import model_of
from hub_folders import write_hub_folder
from shell import Run, assert_one_sentence
from tiny import (
    CATEGORIES,
    LABELS,
    RATE,
    recognizer_of,
    sounding_clips,
    tiny_checkpoint,
    tiny_config,
    tiny_model,
    write_esc50,
)
from torch import Generator

from playitback.checkpoint import load_checkpoint
from playitback.config import TaughtConfig
from playitback.edits import each_alone, stretches_of
from playitback.errors import SettingsError
from playitback.models.listener import Listener
from playitback.models.replay.model import ReplayModel
from playitback.training.calibration import error_by_chance, fit_temperature
from playitback.training.metrics import expected_calibration_error


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_the_temperature_that_made_them_unsure_is_found(temperature: float) -> None:
    """Of classes drawn with the probabilities that the logits had before they were multiplied."""
    generator = Generator().manual_seed(0)
    honest = 2 * torch.randn(20_000, 5, generator=generator)
    classes = honest.softmax(dim=1).multinomial(1, generator=generator).squeeze(1)
    assert fit_temperature(honest * temperature, classes) == pytest.approx(temperature, rel=0.05)


def test_what_chance_alone_shows_is_the_error_of_a_model_as_sure_as_it_is_right() -> None:
    generator = Generator().manual_seed(0)
    honest = 2 * torch.randn(4_000, 5, generator=generator)
    classes = honest.softmax(dim=1).multinomial(1, generator=generator).squeeze(1)
    by_chance = [error_by_chance(each, generator) for each in (honest, honest[:100])]
    errors = [
        expected_calibration_error(each.softmax(dim=1).numpy(), true.numpy())
        for each, true in zip(honest.split(100), classes.split(100), strict=True)
    ]
    assert by_chance[1] == pytest.approx(sum(errors) / len(errors), rel=0.15)
    assert by_chance[0] < 0.3 * by_chance[1]  # the more clips, the less


def test_a_temperature_divides_what_every_hearing_says_and_nothing_else() -> None:
    torch.manual_seed(0)
    plain = ReplayModel(tiny_config(aimed=True, threshold=0.5)).eval()
    warm = ReplayModel(replace(tiny_config(aimed=True, threshold=0.5), temperature=2.0)).eval()
    warm.load_state_dict(plain.state_dict())
    clips, recognizers = sounding_clips(3), [recognizer_of(plain), recognizer_of(warm)]
    hearings = [list(each.listen(clips)) for each in recognizers]
    for one, other in zip(*hearings, strict=True):
        torch.testing.assert_close(other.logits[0], one.logits[0] / 2)
        torch.testing.assert_close(other.segments, one.segments)
        assert one.activity is not None
        assert other.activity is not None
        torch.testing.assert_close(other.activity, one.activity.sqrt() / one.activity.sqrt().sum(2, keepdim=True))
    gradients = [each.first_logits(clips) for each in recognizers]
    torch.testing.assert_close(gradients[1], gradients[0] / 2)


@pytest.mark.parametrize("family", ["mast", "ast"])
def test_relevance_that_is_a_share_of_activity_is_told_at_the_temperature_too(family: str, tmp_path: Path) -> None:
    plain: Listener = model_of(family) if family == "mast" else load_checkpoint(write_hub_folder(tmp_path)).model
    warm = copy.deepcopy(plain)
    warm.config = replace(plain.config, temperature=0.25)
    clips, asked = sounding_clips(2), torch.tensor([1, 2])
    clips = clips[:, : plain.config.front_end.clip_samples]
    (one,), (other,) = (recognizer_of(each).listen(clips, asked=asked) for each in (plain, warm))
    assert other.activity is not None
    own = other.activity.take_along_dim(asked.view(-1, 1, 1), dim=2).squeeze(2)
    torch.testing.assert_close(other.relevance, own / own.amax(dim=1, keepdim=True))
    assert other.relevance.min() < one.relevance.min() - 0.01
    torch.testing.assert_close(other.logits[0], 4 * one.logits[0])
    if family == "ast":  # the mean of its answers to stretches alone, as it gives them now
        stretches = stretches_of(2.0, 0.5, 0.125)
        alone = each_alone(clips[0], stretches, 16_000)
        answers = torch.from_numpy(recognizer_of(warm).classify(alone.numpy())[0])
        torch.testing.assert_close(other.activity[0], (answers[:-1] + answers[1:]) / 2, rtol=0, atol=1e-5)


@pytest.fixture(scope="module")
def esc50(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_esc50(tmp_path_factory.mktemp("data") / "esc50", clips_per_class=4, folds=(4,), seconds=1.0)


def test_the_command_stores_it_with_the_checkpoint_and_its_card(run: Run, esc50: Path, tmp_path: Path) -> None:
    model = tiny_model(labels=CATEGORIES, clip_seconds=1.0, playbacks=1)
    with torch.no_grad():
        for weights in model.decoder.heads.parameters():
            weights.mul_(40)  # far too sure
    folder = tiny_checkpoint(tmp_path / "sure", model)
    ask = ["--checkpoint", folder, "--data", esc50, "--folds", "4", "--device", "cpu"]
    before = json.loads(run("evaluate", *ask, "--json")[1])
    status, output, _ = run("calibrate", *ask, "--json")
    assert status == 0
    found = json.loads(output)
    assert found["before"] == pytest.approx(before["expected_calibration_error"][-1], abs=1e-6)
    assert found["temperature"] > 1.5
    assert 0 < found["by_chance"] < found["before"]
    calibrated = load_checkpoint(folder)
    assert calibrated.model.config.temperature == found["temperature"]
    assert calibrated.about["calibration"]["clips"] == 16
    after = json.loads(run("evaluate", *ask, "--json")[1])
    assert after["accuracy"] == before["accuracy"]
    assert after["expected_calibration_error"][-1] < before["expected_calibration_error"][-1]
    # once more: it goes on from there, and the card has one such section
    again = json.loads(run("calibrate", *ask, "--json")[1])
    assert again["before"] == pytest.approx(after["expected_calibration_error"][-1], abs=1e-6)
    assert load_checkpoint(folder).model.config.temperature == again["temperature"]
    card = load_checkpoint(folder).card
    assert card.count("## Calibration") == 1
    assert f"{again['temperature']:.3f}" in card


@pytest.mark.parametrize("count", [1, 3])
def test_clips_that_cannot_tell_it_are_refused_and_the_checkpoint_stays(run: Run, tmp_path: Path, count: int) -> None:
    """Where all answers are right, the most sure is best."""
    model = tiny_model()
    with torch.no_grad():
        model.decoder.heads[0].bias.copy_(torch.tensor([9.0, 0, 0, 0]))
    sound = tmp_path / "sound.wav"
    soundfile.write(sound, sounding_clips(1)[0].numpy(), RATE)
    (tmp_path / "one.csv").write_text("path,label\n" + "sound.wav,bell\n" * count, encoding="utf-8")
    (tmp_path / "labels.txt").write_text("\n".join(LABELS), encoding="utf-8")
    folder = tiny_checkpoint(tmp_path / "tiny", model)
    before = (folder / "config.json").read_bytes()
    given = ["--dataset", "csv", "--data", tmp_path / "one.csv", "--labels", tmp_path / "labels.txt"]
    status, _, told = run("calibrate", "--checkpoint", folder, *given, "--device", "cpu")
    assert status == 2
    assert "cannot tell how sure tiny may be, which takes wrong answers and right ones" in told
    assert (folder / "config.json").read_bytes() == before


def test_of_a_model_of_the_hub_it_is_stored_among_the_notes_that_transformers_leaves_alone(
    run: Run, esc50: Path, tmp_path: Path
) -> None:
    folder = write_hub_folder(tmp_path / "published", labels=CATEGORIES)
    ask = ["--checkpoint", folder, "--data", esc50, "--folds", "4", "--device", "cpu"]
    before = json.loads(run("evaluate", *ask, "--json")[1])
    found = json.loads(run("calibrate", *ask, "--json")[1])
    calibrated = load_checkpoint(folder)
    assert calibrated.model.config.temperature == found["temperature"] != 1
    assert calibrated.about["calibration"]["clips"] == 16
    assert "## Calibration" in calibrated.card
    after = json.loads(run("evaluate", *ask, "--json")[1])
    assert after["accuracy"] == before["accuracy"]
    assert after["expected_calibration_error"] != before["expected_calibration_error"]
    again = json.loads(run("calibrate", *ask, "--json")[1])
    assert again["before"] == pytest.approx(after["expected_calibration_error"][-1], abs=1e-6)
    network = transformers.AutoModelForAudioClassification.from_pretrained(folder)
    assert len(network.config.id2label) == len(CATEGORIES)


def test_what_was_fetched_is_left_as_it_is(run: Run, esc50: Path) -> None:
    status, _, error = run("calibrate", "--checkpoint", "somebody/model", "--data", esc50)
    assert status == 2
    assert_one_sentence(error, "copy it into a folder, and give that")


def test_how_well_it_tells_what_is_none_of_its_classes(run: Run, esc50: Path, tmp_path: Path) -> None:
    taught = TaughtConfig(("Speech",))
    torch.manual_seed(0)
    config = replace(tiny_config(labels=CATEGORIES, clip_seconds=1.0, playbacks=1), taught=taught)
    folder = tiny_checkpoint(tmp_path / "it", ReplayModel(config).eval())
    ask = ["calibrate", "--checkpoint", folder, "--data", esc50, "--folds", "4", "--device", "cpu"]
    status, output, _ = run(*ask, "--strange", esc50 / "audio", "--json")
    assert status == 0
    found = json.loads(output)["strangeness"]
    assert found["auroc"] == 0.5  # the same clips
    assert found["refused"] == found["refused_clips"]
    assert found["recordings"] == 16
    assert "Of 16 recordings that hold none of its classes" in load_checkpoint(folder).card
    untaught = tiny_checkpoint(tmp_path / "untaught", tiny_model(labels=CATEGORIES, clip_seconds=1.0, playbacks=1))
    status, _, error = run("calibrate", "--checkpoint", untaught, *ask[3:], "--strange", esc50 / "audio")
    assert status == 2
    assert_one_sentence(error, "untaught has not learned to tell what is none of its classes")


def test_a_card_keeps_its_other_sections(run: Run, esc50: Path, tmp_path: Path) -> None:
    folder = tiny_checkpoint(tmp_path / "it", tiny_model(labels=CATEGORIES, clip_seconds=1.0, playbacks=1))
    card = folder / "README.md"
    card.write_text("# It\n\nText.\n\n## Calibration\nOld.\n\n## Limits\nMany.\n", encoding="utf-8")
    assert run("calibrate", "--checkpoint", folder, "--data", esc50, "--folds", "4")[0] == 0
    text = card.read_text(encoding="utf-8")
    assert text.startswith("# It\n\nText.\n\n## Calibration\nLogits are divided by ")
    assert text.endswith("\n\n## Limits\nMany.\n")
    assert "Old." not in text


def test_confidence_in_several_labels_is_not_calibrated(run: Run, tmp_path: Path, esc50: Path) -> None:
    folder = tiny_checkpoint(tmp_path / "other", tiny_model(clip_seconds=1.0))
    status, _, error = run("calibrate", "--checkpoint", folder, "--data", esc50, "--folds", "4")
    assert status == 2
    assert_one_sentence(error, "other names other classes than esc50")


def test_a_temperature_must_be_positive() -> None:
    with pytest.raises(SettingsError, match="temperature must be positive"):
        replace(tiny_config(), temperature=0.0)
