"""Claims about the model card: it says what was trained, on what, under which terms, and how well it does."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, replace
from typing import Any

import pytest
import torch
from tiny import tiny_config

from playitback.config import ModelConfig
from playitback.models.families import recipe
from playitback.training.card import model_card, part_name, training_record
from playitback.training.evaluation import Course, Evaluation, Figures
from playitback.training.manifest import DATA_SETS

EVALUATION = Evaluation(
    clips=400,
    overall=Course((Figures(0.7825, true_class_probability=0.628), Figures(0.7925, true_class_probability=0.683))),
    replayed_seconds=(0.0, 1.971),
)
RECIPE = replace(recipe("small").without_teacher(), seed=5).with_epochs(
    {"encoder": 7, "events": 1, "activity": 2, "replay": 3}
)
COMMAND = "python -m playitback train --dataset any --data ROOT --out DIR"


def record(data_set: str = "esc50", **settings: Any) -> dict[str, Any]:
    known = {
        "preset": "small",
        "clips": 1200,
        "recipe": RECIPE,
        "seconds": 90.0,
        "command": COMMAND,
        "device": "cpu",
    }
    return training_record(data_set=data_set, **{**known, **settings})


def card(config: ModelConfig | None = None, **settings: Any) -> str:
    return model_card("bells", config or tiny_config(), record(**settings))


def front_matter(text: str) -> dict[str, str]:
    opening, lines, _ = text.split("---\n", 2)
    assert opening == ""
    return dict(line.split(": ", 1) for line in lines.splitlines())


def test_record_says_how_to_train_the_checkpoint_again() -> None:
    about = json.loads(json.dumps(record(folds=(1, 2, 3))))
    assert about["command"] == COMMAND
    assert about["recipe"] == json.loads(json.dumps(asdict(RECIPE)))
    assert about["data"] == {"name": "esc50", "folds": [1, 2, 3], "clips": 1200}
    assert about["minutes"] == 1.5
    assert about["torch"] == torch.__version__
    assert about["processes"] == 1
    assert about["hardware"].startswith(f"cpu, {torch.get_num_threads()} threads, ")
    assert about["preset"] == "small"


def test_record_of_a_split_names_it_and_counts_what_was_skipped() -> None:
    about = record("audioset", split="balanced", skipped=12)
    assert about["data"] == {"name": "audioset", "split": "balanced", "clips": 1200, "skipped": 12}
    text = card(data_set="audioset", split="balanced", skipped=12)
    assert "Trained on `audioset`, split balanced: 1200 clips. 12 more are listed but missing or unreadable." in text


@pytest.mark.parametrize("data_set", sorted(DATA_SETS))
def test_every_data_sets_terms_reach_the_weights(data_set: str) -> None:
    about, text = record(data_set), card(data_set=data_set)
    there = front_matter(text)
    assert there["license"] == about["licence"].lower()
    assert there["license"] == there["license"].lower().strip() != ""
    assert set(there) == {"license", "library_name", "pipeline_tag"}
    section = text.split("## Data and licence\n")[1].split("\n## ")[0]
    assert DATA_SETS[data_set].credit in section
    assert f"Trained on `{data_set}`, all of it: 1200 clips. Nothing was pre-trained." in section


def test_esc50_and_its_authors_are_credited() -> None:
    text = card(folds=(1, 2, 3))
    assert front_matter(text)["license"] == "cc-by-nc-3.0"
    assert "Freesound" in text
    assert "Trained on `esc50`, folds 1, 2, 3: 1200 clips." in text


@pytest.mark.parametrize("data_set", ["csv", "folders"])
def test_ones_own_data_has_terms_of_its_own(data_set: str) -> None:
    text = card(data_set=data_set)
    assert front_matter(text)["license"] == "other"
    section = text.split("## Data and licence\n")[1].split("\nTrained on ")[0]
    assert "own" in section
    assert "terms" in section


@pytest.mark.parametrize(
    ("folds", "split", "words"),
    [
        ((4,), None, "fold 4"),
        ((1, 2, 3), None, "folds 1, 2, 3"),
        (None, "test", "split test"),
        (None, None, "all of it"),
    ],
)
def test_part_of_the_data_is_said_in_words(folds: tuple[int, ...] | None, split: str | None, words: str) -> None:
    assert part_name(folds, split) == words


def test_card_describes_the_training() -> None:
    text = card(folds=(1,), processes=2)
    assert f"`{COMMAND}`" in text
    assert "1.5 minutes on 2 x cpu, " in text
    assert (
        "seed 5:\n7 epochs of the encoder stage, 1 epoch of the events stage, 2 epochs of the activity stage, "
        "3 epochs of the replay stage, the last" in text
    )
    assert "2 x" not in card(folds=(1,))


def test_card_of_one_head_names_its_classes() -> None:
    text = card()
    assert "Family `replay`, preset `small`: 4 classes,\nclips of 2 s at 16 kHz" in text
    assert "\nClasses: bell, rain, siren, knock.\n" in text
    assert "3 playbacks; the hops of the 4 hearings are 12.5 ms, 6.2 ms, 4.2 ms, 3.1 ms." in text
    assert "It names one of its classes whatever it hears" in text


def test_card_of_a_model_that_does_not_replay_speaks_of_no_playbacks() -> None:
    text = card(tiny_config(playbacks=0))
    assert "clips of 2 s at 16 kHz,\nheard once, at a hop of 12.5 ms.\n" in text
    assert "Chosen segments" in text
    assert "playback" not in text.replace("playitback", "")
    assert "Replayed segments" in card()


def test_card_of_two_heads_speaks_of_verbs_and_nouns() -> None:
    config = replace(tiny_config(), labels=(("cut", "wash"), ("knife", "plate", "tap")))
    text = card(config, data_set="epic-kitchens-100", split="train")
    assert "2 verbs and 3 nouns,\n" in text
    assert "\nVerbs: cut, wash.\n" in text
    assert "\nNouns: knife, plate, tap.\n" in text
    assert "It names a verb and a noun whatever it hears" in text


def test_card_of_several_labels_says_what_its_probabilities_are() -> None:
    text = card(replace(tiny_config(), multi_label=True), data_set="audioset", split="balanced")
    assert "4 classes, several of which may be in one clip,\n" in text
    assert "those of a clip do not sum to 1" in text
    assert "whatever it hears" not in text


def test_hundreds_of_class_names_stay_in_the_configuration() -> None:
    text = card(tiny_config(labels=[f"class {index}" for index in range(309)]), data_set="vggsound", split="train")
    assert "309 classes" in text
    assert "class 100" not in text
    assert "The names of the classes are in config.json." in text


def test_card_shows_the_figures_of_every_hearing() -> None:
    text = model_card("bells", tiny_config(), record(folds=(1, 2, 3)), EVALUATION, part_name((4,), None))
    results = text.split("## Results\n")[1].split("\n\n## ")[0].splitlines()
    assert results == [
        "Measured on fold 4: 400 clips.",
        "",
        "|  | hearing 0 | hearing 1 |",
        "| --- | ---: | ---: |",
        "| accuracy, % | 78.25 | 79.25 |",
        "| probability of the true class, % | 62.80 | 68.30 |",
        "| replayed, s | 0.00 | 1.97 |",
    ]
    assert "Not measured" not in text


@pytest.mark.parametrize(
    ("settings", "ending"),
    [
        ({"folds": (1, 2, 3)}, "--dataset esc50 --data ROOT --folds N`"),
        ({"data_set": "vggsound", "split": "train"}, "--dataset vggsound --data ROOT --split NAME`"),
        ({"data_set": "folders"}, "--dataset folders --data ROOT`"),
    ],
)
def test_card_without_figures_says_how_to_measure(settings: dict[str, Any], ending: str) -> None:
    results = card(**settings).split("## Results\n")[1].split("\n\n## ")[0]
    assert results.startswith("Not measured yet. Measure on clips that it was not trained on:")
    assert results.endswith(f"`python -m playitback evaluate --checkpoint bells {ending}")


def test_what_there_is_one_of_is_told_as_one() -> None:
    text = card(tiny_config(labels=("bell",), playbacks=1), clips=1, skipped=1)
    assert "1 class," in text
    assert "1 playback;" in text
    assert "1 clip. 1 more is listed but missing or unreadable." in text
    assert not re.search(r"\b1 (clips|classes|playbacks|epochs|mixtures)\b", text)


def test_of_a_beginning_that_tells_half_of_its_training_only_the_name_is_told() -> None:
    about = {**record(), "before": {"name": "first", "command": "train"}}
    assert "It began with the weights of `first`." in model_card("bells", tiny_config(), about)
