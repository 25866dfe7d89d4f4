"""The model card that ``train`` writes beside the weights: what a reader must know before trusting them."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import torch

from playitback.checkpoint import Checkpoint
from playitback.config import ModelConfig
from playitback.counts import counted
from playitback.models.recipe import Recipe
from playitback.training.calibration import Calibration, Strangeness
from playitback.training.evaluation import PAIR, Evaluation
from playitback.training.manifest import DATA_SETS
from playitback.training.mixtures import Mixtures

#: Hugging Face's word for terms that are not on its list of licences
_NO_LICENCE = "other"
_OWN_TERMS = (
    "The data set is the trainer's own. Whoever trained this model knows under which terms the recordings may be used; "
    "those terms apply to the weights, too."
)
#: at most this many class names are listed; config.json has them all
_LISTED_CLASSES = 60


def training_record(
    *,
    preset: str,
    data_set: str,
    folds: Sequence[int] | None = None,
    split: str | None = None,
    clips: int,
    skipped: int = 0,
    recipe: Recipe,
    seconds: float,
    command: str,
    device: str,
    processes: int = 1,
    mixtures: Mixtures | None = None,
    before: Checkpoint | None = None,
) -> dict[str, Any]:
    """How a checkpoint came about, for its config.json.

    clips: heard in training; skipped: listed, but missing or unreadable; processes: how many trained it together,
    each on a device like ``device``; mixtures: what a teacher answered; before: the checkpoint that it began with.
    """
    taught, begun = {}, {}
    if mixtures is not None:
        taught = {"teacher": {**mixtures.answers.teacher.to_dict(), "mixtures": len(mixtures)}}
    if before is not None:
        told = ("data", "command", "minutes", "hardware", "teacher", "before")
        begun = {"before": {"name": before.name, **{name: before.about[name] for name in told if name in before.about}}}
    return {
        "licence": DATA_SETS[data_set].licence or _NO_LICENCE,
        "preset": preset,
        "data": {
            "name": data_set,
            **({"folds": list(folds)} if folds else {}),
            **({"split": split} if split else {}),
            "clips": clips,
            **({"skipped": skipped} if skipped else {}),
        },
        **taught,
        **begun,
        "recipe": asdict(recipe),
        "command": command,
        "minutes": round(seconds / 60, 1),
        "hardware": _hardware(device),
        "processes": processes,
        "torch": torch.__version__,
    }


def part_name(folds: Sequence[int] | None, split: str | None) -> str:
    """The part of a data set in words: "fold 4", "folds 1, 2, 3", "split test" or "all of it"."""
    parts = [f"fold{'s' if len(folds) > 1 else ''} {', '.join(map(str, folds))}"] if folds else []
    parts += [f"split {split}"] if split else []
    return " of ".join(parts) or "all of it"


def model_card(
    name: str,
    config: ModelConfig,
    about: dict[str, Any],
    evaluation: Evaluation | None = None,
    measured_on: str = "held-out clips",
) -> str:
    """Markdown with the front matter of a Hugging Face model card.

    about: the ``training_record``; measured_on: the part that was evaluated, as ``part_name`` words it.
    """
    data, recipe = about["data"], about["recipe"]
    hardware = f"{about['processes']} x {about['hardware']}" if about["processes"] > 1 else about["hardware"]
    epochs = ", ".join(
        f"{counted(stage['epochs'], 'epoch')} of the {stage['name']} stage"
        for stage in recipe["stages"]
        if stage["epochs"]
    )
    part = part_name(data.get("folds"), data.get("split"))
    skipped = data.get("skipped", 0)
    left_out = f" {skipped} more {'is' if skipped == 1 else 'are'} listed but missing or unreadable." if skipped else ""
    return f"""---
license: {about["licence"].lower()}
library_name: playitback
pipeline_tag: audio-classification
---
# {name}

Family `{config.family}`, preset `{about["preset"]}`: {_classes(config)},
clips of {config.front_end.clip_seconds:g} s at {config.front_end.sample_rate / 1000:g} kHz,
{_hearings(config)}.

{_class_names(config)}

## Data and licence
{DATA_SETS[data["name"]].credit or _OWN_TERMS}

Trained on `{data["name"]}`, {part}: {counted(data["clips"], "clip")}.{left_out} {_beginning(about)}
{_teachers(about)}
## Training
`{about["command"]}`

{about["minutes"]} minutes on {hardware}, PyTorch {about["torch"]}, seed {recipe["seed"]}:
{epochs}, the last epoch's moving average. All settings are in config.json.

## Results
{_results(evaluation, measured_on) if evaluation else _how_to_measure(name, about["data"])}

## Limits
{_behaviour(config)} It was trained on clips like
those of its data set; on other recordings expect less. {"Replayed" if config.playbacks else "Chosen"} segments
show what this model used, not what is true.
"""


def _beginning(about: dict[str, Any]) -> str:
    """What there was before this training, and before that."""
    if "before" not in about:
        return "" if "teacher" in about else "Nothing was pre-trained."
    before = about["before"]
    data = before.get("data", {})
    part = part_name(data.get("folds"), data.get("split"))
    told = before.keys() >= {"data", "command", "minutes", "hardware"}  # of one made elsewhere there may be less
    trained = f", trained on `{data['name']}`, {part}, by `{before['command']}`" if told else ""
    minutes = f" ({before['minutes']} minutes on {before['hardware']})" if trained else ""
    return f"It began with the weights of `{before['name']}`{trained}{minutes}. {_beginning(before)}".rstrip()


def _teachers(about: dict[str, Any]) -> str:
    """A section on those it learned from, however long ago."""
    told: list[str] = []
    past: dict[str, Any] | None = about
    while past is not None:
        if "teacher" in past:
            of = past["teacher"]
            text = f"{of['teacher']}: {counted(of['mixtures'], 'mixture')}. {of['credit']}. Licence: {of['licence']}."
            told += [text] if text not in told else []
        past = past.get("before")
    if not told:
        return ""
    return (
        "\n## Teacher\nNot from scratch: beside the labels it learned from the answers of a teacher to mixtures of its "
        "clips, and of recordings without labels where such were given.\n\n" + "\n\n".join(told) + "\n"
    )


def calibration_section(found: Calibration, temperature: float, strangeness: Strangeness | None = None) -> str:
    """A section of the card."""
    more = "" if strangeness is None else f"\n\n{strangeness_sentence(strangeness)}"
    return f"""## Calibration
Logits are divided by {temperature:.3f}, fitted to {counted(found.clips, "clip")} that it was not trained on.
The expected calibration error (15 bins) of its last decision was {100 * found.before:.1f} % there and is
{100 * found.after:.1f} %, measured on each half of the clips with the temperature of the other half; a model that is
exactly as sure as it is right would show {100 * found.by_chance:.1f} % on so few clips.{more}"""


def strangeness_sentence(found: Strangeness) -> str:
    """How well a model tells what is none of its classes."""
    return (
        f"Of {counted(found.recordings, 'recording')} that hold none of its classes it says so of "
        f"{100 * found.refused:.0f} %, "
        f"and of {100 * found.refused_clips:.0f} % of the clips that hold one; "
        f"area under the ROC curve {found.auroc:.3f}."
    )


def _hardware(device: str) -> str:
    if torch.device(device).type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{device}, {torch.get_num_threads()} threads, {platform.machine()}"


def _classes(config: ModelConfig) -> str:
    if len(config.classes) > 1:
        return " and ".join(counted(count, word) for count, word in zip(config.classes, PAIR, strict=True))
    several = ", several of which may be in one clip" if config.multi_label else ""
    return f"{counted(config.classes[0], 'class', 'classes')}{several}"


def _hearings(config: ModelConfig) -> str:
    hops = [f"{1000 * config.front_end.hop_seconds(index):.1f} ms" for index in range(config.hearings)]
    if config.playbacks:
        playbacks = counted(config.playbacks, "playback")
        return f"{playbacks}; the hops of the {config.hearings} hearings are {', '.join(hops)}"
    return f"heard once, at a hop of {hops[0]}"


def _class_names(config: ModelConfig) -> str:
    if sum(config.classes) > _LISTED_CLASSES:
        return "The names of the classes are in config.json."
    headings = [f"{word.capitalize()}s" for word in PAIR] if len(config.labels) > 1 else ["Classes"]
    lists = zip(headings, config.labels, strict=True)
    return "\n\n".join(f"{heading}: {', '.join(names)}." for heading, names in lists)


def _results(evaluation: Evaluation, measured_on: str) -> str:
    heading, *rows = evaluation.table()
    ruler = ["---", *("---:" for _ in heading[1:])]
    table = "\n".join(f"| {' | '.join(row)} |" for row in (heading, ruler, *rows))
    return f"Measured on {measured_on}: {counted(evaluation.clips, 'clip')}.\n\n{table}"


def _how_to_measure(name: str, data: dict[str, Any]) -> str:
    part = " --folds N" if "folds" in data else " --split NAME" if "split" in data else ""
    command = f"python -m playitback evaluate --checkpoint {name} --dataset {data['name']} --data ROOT{part}"
    return f"Not measured yet. Measure on clips that it was not trained on:\n\n`{command}`"


def _behaviour(config: ModelConfig) -> str:
    if config.multi_label:
        return "Every class has a probability of its own: those of a clip do not sum to 1, and all of them may be low."
    if config.taught is not None and len(config.labels) == 1:
        return "It names one of its classes whatever it hears; where that is probably none of them, it says so, too."
    named = "a verb and a noun" if len(config.labels) > 1 else "one of its classes"
    return f"It names {named} whatever it hears, silence and speech included."
