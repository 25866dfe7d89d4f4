"""What a folder in transformers' own format describes, checked before anything is built of it.

    config.json, preprocessor_config.json (parsed) -> read -> HubConfig: labels, clip length, rate, network, extractor
    model card -> about: licence and base model, as far as its front matter tells them

Clips are as long as those that a model was trained on, as far as its description tells:

- the audio spectrogram transformer reads ``max_length`` frames of 10 ms, of which the whole seconds are sound and the
  rest was filled up in training: 1024 frames are clips of 10 s, 128 frames clips of 1 s;
- Whisper's encoder is given 30 s, mostly silence in recordings of sounds: clips of 10 s, which its extractor fills up;
- the others take any length: clips of 5 s.

Every class has a probability of its own where ``problem_type`` says so. Where it says nothing, that holds for the 527
classes of AudioSet, several of which sound at once: published models of AudioSet were trained so and do not tell. A
class that is alone has one, too: a softmax would give it 100 %, whatever is heard.
"""

from __future__ import annotations

import math
import re
import reprlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch

from playitback.config import MOST_CLASSES, FrontEndConfig, require
from playitback.counts import counted
from playitback.errors import CheckpointError
from playitback.models.hub import HubConfig, HubModel
from playitback.models.hub_network import (
    FAILURES,
    classifier_name,
    in_a_line,
    knows_extractor,
    read_network,
    stored_names,
)
from playitback.models.listener import Listener
from playitback.names import is_shown, printable

AUDIOSET_CLASSES = 527

_SPECTROGRAM_TRANSFORMER, _WHISPER = "audio-spectrogram-transformer", "whisper"
_FRAME_SECONDS = 0.010  # of the audio spectrogram transformer
_WHISPER_SECONDS, _USUAL_SECONDS = 10.0, 5.0
_HOPS_A_SECOND = 80  # of the picture that is shown of a clip; the network has its own
_HOPS_DIFFER = 1.25  # times that, or one such part of it
_LONGEST_LABEL = 1000  # characters
_LONGEST_NAME = 80  # characters, of what is refused

#: a description may come from anybody: far more than any published model has, and too little to take the memory
_MOST_LAYERS = 256
_MOST_POSITIONS = 10_000  # that attend to one another
_LARGEST = 1_000_000  # of any whole number
_LONGEST_LIST = 1000
_EXTRACTOR_BOUNDS = {
    "sampling_rate": (1000, 192_000),
    "num_mel_bins": (1, 512),
    "feature_size": (1, 512),
    "max_length": (1, _MOST_POSITIONS),
    "n_fft": (16, 32_768),
    "hop_length": (1, 32_768),
    "chunk_length": (1, 60),
    "stride": (1, 64),
}

#: entry of config.json with what is known here about a model, and its temperature; transformers leaves it alone
NOTES = "playitback"
_TEMPERATURE = "temperature"
#: entries that ask transformers to fetch, replace or pack something; a model computes the same without them
_LEFT_OUT = (
    *("attn_implementation", "_attn_implementation", "experts_implementation", "fusion_config", "dtype"),
    *("return_dict", "output_attentions", "output_hidden_states"),
)


def is_foreign(values: Mapping[str, Any]) -> bool:
    """Whether a config.json is transformers' and not ours."""
    return "model" not in values and not {"model_type", "auto_map"}.isdisjoint(values)


def read(values: Mapping[str, Any], read_extractor: Callable[[], Mapping[str, Any]]) -> HubConfig:
    """The description of a model. values: of config.json; read_extractor: of preprocessor_config.json, asked for last.

    Raises CheckpointError for what is no audio classifier of transformers, and SettingsError for numbers that no model
    has.
    """
    temperature = _notes(values).get(_TEMPERATURE, 1.0)
    require(
        type(temperature) in (int, float),
        f"{NOTES}.{_TEMPERATURE} must be a number, not {reprlib.repr(temperature)}",
    )
    values = {key: value for key, value in values.items() if key != NOTES}
    _check_code(values)
    kind = values.get("model_type")
    name = classifier_name(kind)
    told = values.get("architectures") or [name]
    if name is None or name not in told:
        named = told[0] if isinstance(told, list) and told and told[0] else kind
        raise CheckpointError(
            f"{str(named)[:_LONGEST_NAME]!r} is no audio classifier of transformers; "
            "choose a model that AutoModelForAudioClassification opens"
        )
    if values.get("quantization_config"):
        raise CheckpointError("its weights are quantized, which is not read; choose the model it was made from")
    _check_numbers(values)
    extractor = read_extractor()
    _check_code(extractor)
    _check_extractor(extractor)
    network = {key: value for key, value in values.items() if key not in _LEFT_OUT}
    described = read_network(network)
    require(described.problem_type != "regression", "it estimates a number and names no class")
    labels = distinct_labels(described.id2label)
    named = values.get("id2label") or labels
    require(
        len(named) == len(labels),
        f"it names {counted(len(named), 'class', 'classes')} (id2label) and tells of {len(labels)} "
        "(num_labels, or a number that is twice)",
    )
    sample_rate = extractor["sampling_rate"]
    front_end = front_end_of(sample_rate, clip_seconds_of(values, extractor))
    positions = _positions(values, described, front_end.clip_samples)
    require(positions <= _MOST_POSITIONS, f"{positions} moments attend to one another, and {_MOST_POSITIONS} may")
    return HubConfig(
        labels=(labels,),
        multi_label=is_multi_label(described.problem_type, len(labels)),
        front_end=front_end,
        temperature=temperature,
        network=network,
        extractor={**extractor, "dither": 0.0} if "dither" in extractor else extractor,  # noise of its own, never twice
    )


def weights_of(model: Listener, names: Mapping[str, str]) -> dict[str, str]:
    """Name of every weight of a model -> its name in the file. names: those in the file, each to itself."""
    assert isinstance(model, HubModel)
    return {f"network.{name}": stored for name, stored in stored_names(model.network, names).items()}


def try_out(model: Listener) -> None:
    """Has the model hear a clip of silence. Raises CheckpointError where extractor and network do not fit together."""
    classes = model.config.classes[0]
    try:
        with torch.inference_mode(), np.errstate(all="ignore"):  # what comes of it is told in a sentence
            (heard,) = model.answer(torch.zeros(1, model.config.front_end.clip_samples))
    except FAILURES as error:
        raise CheckpointError(
            f"its preprocessor_config.json does not fit its network ({in_a_line(error)}); fetch them again"
        ) from error
    if heard.logits[0].shape != (1, classes) or not heard.logits[0].isfinite().all():
        raise CheckpointError(f"it does not answer a clip with a finite number for each of its {classes} classes")


def about(values: Mapping[str, Any], card: str) -> dict[str, Any]:
    """What the folder tells of a model: its class in transformers and, of the card's front matter, licence and base.

    Of one that was trained here also all that is noted about the training.
    """
    notes = {key: value for key, value in _notes(values).items() if key != _TEMPERATURE}
    found = {**notes, "architecture": classifier_name(values["model_type"])}
    front_matter = re.match(r"---\s*\n(.*?)\n---\s*\n", card, re.DOTALL)
    for told, name in (("license", "licence"), ("base_model", "base_model")):
        line = front_matter and re.search(rf"^{told}:[ \t]*([^\s#][^\n]*)$", front_matter[1], re.MULTILINE)
        if line:
            found[name] = line[1].strip().strip("'\"")
    return found


def amended(values: Mapping[str, Any], temperature: float, about: Mapping[str, Any]) -> dict[str, Any]:
    """A config.json with another temperature, and more that is known of its model, among the notes."""
    return {**values, NOTES: {**_notes(values), **about, _TEMPERATURE: temperature}}


def clip_seconds_of(values: Mapping[str, Any], extractor: Mapping[str, Any]) -> float:
    """Length of the clips that a model hears; see above."""
    if values["model_type"] == _SPECTROGRAM_TRANSFORMER:
        read_seconds = extractor["max_length"] * _FRAME_SECONDS
        return math.floor(read_seconds + 1e-9) or read_seconds
    if values["model_type"] == _WHISPER:
        return min(_WHISPER_SECONDS, float(extractor["chunk_length"]))
    return _USUAL_SECONDS


def front_end_of(sample_rate: int, clip_seconds: float) -> FrontEndConfig:
    """The picture that is shown of a clip, and its length in whole frames.

    Its hop is a little longer or shorter where the clip comes nearer to its length by that.
    """
    clip_samples, usual = round(clip_seconds * sample_rate), round(sample_rate / _HOPS_A_SECOND)
    hop_samples = min(
        range(math.ceil(usual / _HOPS_DIFFER), math.floor(usual * _HOPS_DIFFER) + 1),
        key=lambda hop: (abs(round(clip_samples / hop) * hop - clip_samples), abs(hop - usual)),
    )
    frames = round(clip_samples / hop_samples)
    return FrontEndConfig(
        sample_rate=sample_rate,
        clip_seconds=frames * hop_samples / sample_rate,
        frames=frames,
        fft_samples=2 ** math.ceil(math.log2(sample_rate / 8)),  # as many hertz a bin at every rate
        window_samples=2 * hop_samples,
    )


def is_multi_label(problem_type: str | None, classes: int) -> bool:
    """Whether every class has a probability of its own; see above."""
    if problem_type is None or classes == 1:
        return classes in (1, AUDIOSET_CLASSES)
    return problem_type == "multi_label_classification"


def distinct_labels(names: Mapping[int, Any] | None) -> tuple[str, ...]:
    """Class names in the order of their numbers; of those that are the same, all but the first tell their number."""
    names = names or {}
    require(len(names) <= MOST_CLASSES, f"a model has at most {MOST_CLASSES} classes, got {len(names)}")
    require(
        bool(names) and sorted(names) == list(range(len(names))), "its classes (id2label) are not numbered from 0 on"
    )
    labels: dict[str, None] = {}
    for number in range(len(names)):
        told = names[number]
        require(
            type(told) in (str, int, float), f"the name of class {number} is {reprlib.repr(told)}, which is no text"
        )
        label = printable(str(told).strip())
        label = label if is_shown(label) else f"LABEL_{number}"
        require(len(label) <= _LONGEST_LABEL, f"the name of class {number} has {len(label)} characters")
        while label in labels:
            label = f"{label} ({number})"
        labels[label] = None
    return tuple(labels)


def _notes(values: Mapping[str, Any]) -> dict[str, Any]:
    notes = values.get(NOTES, {})
    require(isinstance(notes, dict), f"{NOTES} must be an object, not {reprlib.repr(notes)}")
    return dict(notes)


def _check_code(values: Mapping[str, Any]) -> None:
    if "auto_map" in values:
        raise CheckpointError(
            "this model brings code of its own (auto_map), which is not run; choose one that transformers itself knows"
        )


def _check_numbers(values: Mapping[str, Any]) -> None:
    """Raises SettingsError for sizes of a config.json that no model has."""
    for name, value in values.items():
        if name in ("id2label", "label2id"):
            continue
        require(
            not isinstance(value, list) or len(value) <= _LONGEST_LIST, f"{name} is a list of {_LONGEST_LIST} or more"
        )
        most = (
            MOST_CLASSES
            if name == "num_labels"
            else _MOST_LAYERS
            if "layers" in name
            else _MOST_POSITIONS
            if "positions" in name
            else _LARGEST
        )
        for number in _whole_numbers(value):
            require(abs(number) <= most, f"{name} is {number}, and at most {most} is read")


def _whole_numbers(value: Any) -> Iterator[int]:
    within = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for each in within:
        yield from _whole_numbers(each)
    if type(value) is int:
        yield value


def _check_extractor(values: Mapping[str, Any]) -> None:
    """Raises CheckpointError for an extractor that is not transformers', SettingsError for sizes that none has."""
    name = values.get("feature_extractor_type")
    if not isinstance(name, str) or not knows_extractor(name):
        raise CheckpointError(
            f"its preprocessor_config.json names the feature extractor {reprlib.repr(name)}, which transformers lacks; "
            "restore the file"
        )
    require("sampling_rate" in values, "its preprocessor_config.json names no sampling_rate")
    for key, (least, most) in _EXTRACTOR_BOUNDS.items():
        value = values.get(key, least)
        require(
            type(value) is int and least <= value <= most,
            f"{key} must be a whole number in {least} to {most}, got {reprlib.repr(value)}",
        )


def _positions(values: Mapping[str, Any], described: Any, clip_samples: int) -> int:
    """How many moments attend to one another, which takes memory that no file of weights tells of."""
    if values["model_type"] == _SPECTROGRAM_TRANSFORMER:
        return math.ceil(described.num_mel_bins / described.frequency_stride) * math.ceil(
            described.max_length / described.time_stride
        )
    strides = getattr(described, "conv_stride", None)
    return clip_samples // max(1, math.prod(strides)) if isinstance(strides, list | tuple) else 0
