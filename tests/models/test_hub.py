"""Claims about classifiers of transformers: their folders open, seconds are heard alone, and strangers are checked."""

from __future__ import annotations

import copy
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from hub_folders import KINDS, amend, write_hub_folder
from mutants import refusal
from safetensors.torch import load_file, save_file
from tiny import LABELS, noise

from playitback.checkpoint import Checkpoint, load_checkpoint
from playitback.edits import each_alone, stretches_of
from playitback.errors import CheckpointError, SettingsError
from playitback.evidence.rivals import GRADIENT, find_rivals
from playitback.models.hub import HubConfig, HubModel
from playitback.models.hub_folder import clip_seconds_of, distinct_labels, front_end_of, is_multi_label
from playitback.recognizer import Recognizer

SECONDS = {"ast": 2.0, "wav2vec2": 5.0, "whisper": 4.0}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {kind: write_hub_folder(tmp_path_factory.mktemp(kind) / kind, kind) for kind in KINDS}


@pytest.fixture
def folder(folders: dict[str, Path], tmp_path: Path) -> Path:
    """A spectrogram transformer's, to be spoilt."""
    return Path(shutil.copytree(folders["ast"], tmp_path / "ast"))


@pytest.fixture(scope="module")
def ast(folders: dict[str, Path]) -> Recognizer:
    return Recognizer.from_checkpoint(folders["ast"], "cpu")


def refused(folder: Path) -> str:
    """The sentence with which a folder is refused."""
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(folder)
    text = str(caught.value)
    assert "\n" not in text
    assert len(text) < 1000
    assert text.startswith(str(folder))
    return text


@pytest.mark.parametrize("kind", KINDS)
def test_folder_opens_and_its_model_says_what_transformers_says(folders: dict[str, Path], kind: str) -> None:
    recognizer = Recognizer.from_checkpoint(folders[kind], "cpu")
    assert (recognizer.labels, recognizer.clip_seconds, recognizer.playbacks) == (LABELS, SECONDS[kind], 0)
    clip = noise(recognizer.clip_seconds)
    network = transformers.AutoModelForAudioClassification.from_pretrained(folders[kind]).eval()
    extractor = transformers.AutoFeatureExtractor.from_pretrained(folders[kind])
    with torch.inference_mode():
        logits = network(**extractor([clip], sampling_rate=16_000, return_tensors="pt")).logits
    (heard,) = recognizer.explain(clip)
    np.testing.assert_allclose(heard.probabilities, logits.softmax(dim=1)[0], atol=1e-5)
    np.testing.assert_allclose(recognizer.classify(clip[None])[0, 0], heard.probabilities, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_activity_is_what_the_model_says_of_every_stretch_alone(folders: dict[str, Path], kind: str) -> None:
    recognizer = Recognizer.from_checkpoint(folders[kind], "cpu")
    config = recognizer.config
    assert isinstance(config, HubConfig)
    assert isinstance(recognizer.model, HubModel)
    clip = noise(recognizer.clip_seconds)
    (heard,) = recognizer.explain(clip, asked="rain")
    assert heard.activity is not None
    stretches = stretches_of(config.front_end.clip_seconds, config.stretch_seconds, config.stretch_seconds / 4)
    assert recognizer.model.passes == 1 + len(stretches) == 2 + config.columns
    alone = each_alone(torch.from_numpy(clip), stretches, recognizer.sample_rate).numpy()
    answers = np.stack([recognizer.classify(each[None])[0, 0] for each in alone])
    np.testing.assert_allclose(heard.activity, (answers[:-1] + answers[1:]) / 2, atol=1e-5)
    curve = heard.activity[:, LABELS.index("rain")]
    np.testing.assert_allclose(heard.relevance, curve / curve.max(), atol=1e-6)
    assert heard.segments


def test_another_class_of_the_same_clip_costs_one_pass(ast: Recognizer, monkeypatch: pytest.MonkeyPatch) -> None:
    clip, passes = noise(2.0, seed=7), []
    one_pass = HubModel._pass

    def counted(model: HubModel, waveforms: torch.Tensor) -> torch.Tensor:
        passes.append(len(waveforms))
        return one_pass(model, waveforms)

    monkeypatch.setattr(HubModel, "_pass", counted)
    (first,) = ast.explain(clip)
    assert sum(passes) == ast.model.passes
    for label in LABELS:
        passes.clear()
        (again,) = ast.explain(clip, asked=label)
        assert sum(passes) == 1
        assert np.array_equal(first.activity, again.activity)
    passes.clear()
    ast.classify(np.stack([noise(2.0, seed=8), clip]))
    assert sum(passes) == 2


def test_silence_after_a_short_recording_is_heard_once(ast: Recognizer, monkeypatch: pytest.MonkeyPatch) -> None:
    passes = []
    one_pass = HubModel._pass
    monkeypatch.setattr(HubModel, "_pass", lambda model, clips: passes.append(len(clips)) or one_pass(model, clips))
    (heard,) = ast.explain(noise(0.5, seed=9))
    assert sum(passes) <= ast.model.passes / 2
    assert heard.activity is not None
    assert np.array_equal(heard.activity[-1], heard.activity[-2])
    assert all(each.end_seconds <= 0.75 for each in heard.segments)


def test_a_copy_with_other_weights_does_not_remember(ast: Recognizer) -> None:
    clip = noise(2.0)
    (before,) = ast.explain(clip)
    (after,) = ast.shuffled("classifier", torch.Generator().manual_seed(0)).explain(clip)
    (again,) = ast.explain(clip)
    assert not np.allclose(before.activity, after.activity)
    assert np.array_equal(before.activity, again.activity)
    assert set(ast.model.parts()) == {"audio_spectrogram_transformer", "classifier"}


def test_company_changes_nothing(ast: Recognizer) -> None:
    clips = torch.from_numpy(np.stack([noise(2.0, seed=seed) for seed in (1, 2, 3)]))
    model = copy.deepcopy(ast.model)
    with torch.inference_mode():
        (together,), (alone,) = ast.model.listen(clips), model.listen(clips[1:2])
    torch.testing.assert_close(together.activity[1:2], alone.activity)
    torch.testing.assert_close(together.logits[0][1:2], alone.logits[0])


def test_question_that_needs_gradients_is_refused(ast: Recognizer) -> None:
    with pytest.raises(SettingsError, match="no gradient goes through ast"):
        ast.first_logits(torch.zeros(1, ast.config.front_end.clip_samples))
    with pytest.raises(SettingsError, match="gradient x input cannot be measured: no gradient goes through ast"):
        find_rivals(ast, [GRADIENT])
    assert GRADIENT not in {rival.name for rival in find_rivals(ast)}


def test_description_is_read_from_its_own_folder_alone(ast: Recognizer) -> None:
    with pytest.raises(CheckpointError, match="opened from a folder in transformers' format"):
        HubConfig.from_dict(ast.config.to_dict())


def test_card_is_kept_and_tells_licence_and_base(folder: Path) -> None:
    card = "---\nlicense: bsd-3-clause\nbase_model: 'MIT/ast'\ntags:\n- audio\n---\n# A model\n"
    (folder / "README.md").write_text(card, encoding="utf-8")
    opened: Checkpoint = load_checkpoint(folder)
    assert opened.card == card
    assert opened.about == {
        "architecture": "ASTForAudioClassification",
        "licence": "bsd-3-clause",
        "base_model": "MIT/ast",
    }
    (folder / "README.md").unlink()
    assert load_checkpoint(folder).about == {"architecture": "ASTForAudioClassification"}


def test_extractor_may_stand_in_the_processor_file(folder: Path) -> None:
    path = folder / "preprocessor_config.json"
    values = json.loads(path.read_text(encoding="utf-8"))
    path.unlink()
    (folder / "processor_config.json").write_text(json.dumps({"feature_extractor": values}), encoding="utf-8")
    assert load_checkpoint(folder).model.config.front_end.clip_seconds == 2.0


# what a description comes to


@pytest.mark.parametrize(
    ("kind", "extractor", "seconds"),
    [
        ("audio-spectrogram-transformer", {"max_length": 1024}, 10),
        ("audio-spectrogram-transformer", {"max_length": 128}, 1),
        ("audio-spectrogram-transformer", {"max_length": 64}, 0.64),
        ("whisper", {"chunk_length": 30}, 10),
        ("wavlm", {}, 5),
    ],
)
def test_clips_are_as_long_as_those_of_training(kind: str, extractor: dict[str, int], seconds: float) -> None:
    assert clip_seconds_of({"model_type": kind}, extractor) == pytest.approx(seconds)


@pytest.mark.parametrize("rate", [8000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000, 192_000])
@pytest.mark.parametrize("seconds", [0.64, 1.0, 5.0, 10.0])
def test_frames_divide_clips_at_every_rate(rate: int, seconds: float) -> None:
    front_end = front_end_of(rate, seconds)
    assert front_end.clip_seconds == pytest.approx(seconds, abs=0.01)
    assert front_end.clip_samples % front_end.frames == 0
    if seconds >= 1:
        assert front_end.clip_seconds == seconds  # so that no clip of that length is said to be cut


def test_classes_have_probabilities_of_their_own_where_told_and_for_audioset() -> None:
    assert is_multi_label("multi_label_classification", 3)
    assert not is_multi_label("single_label_classification", 527)
    assert is_multi_label(None, 527)
    assert not is_multi_label(None, 35)
    assert is_multi_label(None, 1)
    assert is_multi_label("single_label_classification", 1)


def test_labels_are_in_the_order_of_their_numbers_and_distinct() -> None:
    assert distinct_labels({1: "dog", 0: "cat", 2: "dog", 3: ""}) == ("cat", "dog", "dog (2)", "LABEL_3")
    for names in ({}, {1: "dog"}, {0: "dog", 2: "cat"}):
        with pytest.raises(SettingsError, match="not numbered from 0 on"):
            distinct_labels(names)


def test_probabilities_of_a_multi_label_model_are_each_of_one_class(tmp_path: Path) -> None:
    folder = write_hub_folder(tmp_path / "several", problem_type="multi_label_classification")
    recognizer = Recognizer.from_checkpoint(folder, "cpu")
    assert recognizer.config.multi_label
    (heard,) = recognizer.explain(noise(2.0))
    assert heard.probabilities.sum() != pytest.approx(1, abs=1e-3)


def test_a_class_that_is_alone_may_be_absent(tmp_path: Path) -> None:
    recognizer = Recognizer.from_checkpoint(write_hub_folder(tmp_path / "one", labels=("bark",)), "cpu")
    (heard,) = recognizer.explain(noise(2.0))
    assert 0.01 < heard.probabilities[0] < 0.99
    assert heard.activity is not None
    assert np.ptp(heard.activity) > 0


# what is refused


def test_pickled_weights_are_refused(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    assert "holds pickled weights (pytorch_model.bin)" in refused(folder)


@pytest.mark.parametrize("file", ["config.json", "preprocessor_config.json"])
def test_code_of_a_stranger_is_refused(folder: Path, file: str) -> None:
    amend(folder / file, auto_map={"AutoConfig": "evil.Config", "AutoFeatureExtractor": "evil.Extractor"})
    assert "brings code of its own (auto_map), which is not run" in refused(folder)


def test_weights_without_a_head_are_refused(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    save_file({name: each for name, each in weights.items() if "classifier" not in name}, folder / "model.safetensors")
    assert "lacks network.classifier.dense.bias and 3 more" in refused(folder)


def test_weights_of_other_classes_are_refused(folder: Path) -> None:
    amend(folder / "config.json", id2label={str(number): str(number) for number in range(6)}, label2id=None)
    assert "names 6 classes, but the weights' head has 4" in refused(folder)


def test_unknown_weights_and_other_shapes_are_refused(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    save_file({**weights, "more": torch.zeros(1)}, folder / "model.safetensors")
    assert "has the unknown" in refused(folder)
    save_file(weights, folder / "model.safetensors")
    amend(folder / "config.json", intermediate_size=64)
    assert "has another shape for" in refused(folder)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"model_type": "bert", "architectures": ["BertForSequenceClassification"]}, "BertForSequenceClassification"),
        ({"model_type": "wav2vec2", "architectures": ["Wav2Vec2ForCTC"]}, "Wav2Vec2ForCTC"),
        ({"model_type": ["bert"], "architectures": None}, "bert"),
    ],
)
def test_what_is_no_audio_classifier_is_refused(folder: Path, values: dict[str, object], told: str) -> None:
    amend(folder / "config.json", **values)
    (folder / "preprocessor_config.json").unlink()  # which models of text lack
    sentence = refused(folder)
    assert told in sentence.partition(" is no audio classifier of transformers; choose a model that")[0]
    assert "is no audio classifier" in sentence


@pytest.mark.parametrize(
    ("file", "values", "told"),
    [
        ("config.json", {"num_hidden_layers": 10**9}, "num_hidden_layers is 1000000000, and at most 256 is read"),
        ("config.json", {"hidden_size": 10**7}, "hidden_size is 10000000, and at most 1000000 is read"),
        ("config.json", {"hidden_size": 10**5}, "describes no valid model|has another shape for"),
        ("config.json", {"hidden_size": "wide"}, "describes no valid model"),
        ("config.json", {"frequency_stride": 0}, "describes no valid model"),
        ("config.json", {"problem_type": "regression"}, "names no class"),
        ("config.json", {"num_labels": 10**6}, "num_labels is 1000000, and at most 20000 is read"),
        ("config.json", {"num_labels": 7}, "names 4 classes (id2label) and tells of 7 (num_labels"),
        ("config.json", {"id2label": {"0": "a", "00": "b", "1": "c"}}, "names 3 classes (id2label) and tells of 2"),
        ("config.json", {"id2label": {"0": "a", "2": "b"}}, "not numbered from 0 on"),
        ("config.json", {"id2label": {"one": "a"}}, "describes no valid model"),
        ("config.json", {"id2label": ["a", "b", "c", "d"]}, "describes no valid model"),
        ("config.json", {"id2label": {"0": "a", "1": ["b"], "2": "c", "3": "d"}}, "class 1 is ['b'], which is no text"),
        ("config.json", {"id2label": {"0": "a" * 2000, "1": "b"}}, "the name of class 0 has 2000 characters"),
        ("config.json", {"playitback": [1]}, "playitback must be an object, not [1]"),
        ("config.json", {"playitback": {"temperature": "warm"}}, "playitback.temperature must be a number, not 'warm'"),
        ("config.json", {"playitback": {"temperature": True}}, "playitback.temperature must be a number, not True"),
        ("config.json", {"playitback": {"temperature": [1]}}, "playitback.temperature must be a number, not [1]"),
        ("config.json", {"playitback": {"temperature": 0}}, "temperature must be positive"),
        ("config.json", {"playitback": {"temperature": 1e30}}, "temperature must lie in 1e-06 to 1e+06"),
        ("preprocessor_config.json", {"std": 0}, "with a finite number for each of its 4 classes"),
        ("config.json", {"quantization_config": {"quant_method": "gptq"}}, "its weights are quantized"),
        ("preprocessor_config.json", {"sampling_rate": 10**9}, "sampling_rate must be a whole number in 1000 to"),
        ("preprocessor_config.json", {"max_length": 10**9}, "max_length must be a whole number in 1 to 10000"),
        ("preprocessor_config.json", {"max_length": 304}, "does not fit its network"),
        ("preprocessor_config.json", {"num_mel_bins": "many"}, "num_mel_bins must be a whole number"),
        ("preprocessor_config.json", {"feature_extractor_type": "AutoModel"}, "which transformers lacks"),
        ("preprocessor_config.json", {"sampling_rate": None}, "names no sampling_rate"),
    ],
)
def test_numbers_that_no_model_has_are_refused(folder: Path, file: str, values: dict[str, object], told: str) -> None:
    amend(folder / file, **values)
    sentence = refused(folder)
    assert any(each in sentence for each in told.split("|")), sentence


@pytest.mark.parametrize("name", ["return_dict", "output_attentions", "output_hidden_states"])
@pytest.mark.parametrize("value", [False, 0, "", [], True])
def test_what_else_a_network_is_told_to_give_back_changes_no_answer(folder: Path, name: str, value: object) -> None:
    before = load_checkpoint(folder).model
    amend(folder / "config.json", **{name: value})
    clip = torch.from_numpy(noise(2.0))[None]
    with torch.inference_mode():
        (first,), (second,) = before.answer(clip), load_checkpoint(folder).model.answer(clip)
    assert torch.equal(first.logits[0], second.logits[0])


def test_class_names_that_command_a_terminal_are_told_as_their_codes(folder: Path) -> None:
    amend(folder / "config.json", id2label={"0": "\x1b[2J", "1": "a\nb", "2": "\u200b", "3": 7}, label2id=None)
    assert load_checkpoint(folder).model.config.labels == (("\\x1b[2J", "a\\nb", "LABEL_2", "7"),)


@pytest.mark.parametrize("name", ["num_labels", "bos_token_id", "hidden_act"])
def test_nothing_of_a_strangers_description_reaches_the_terminal_as_it_is(
    folder: Path, name: str, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    amend(folder / "config.json", **{name: "\x1b[2J"})
    sentence = refusal(lambda: load_checkpoint(folder), CheckpointError) or ""
    told = capfd.readouterr()
    assert "\x1b" not in sentence + told.out + told.err + caplog.text


def test_folder_without_its_extractor_is_refused(folder: Path) -> None:
    (folder / "preprocessor_config.json").unlink()
    assert "has no preprocessor_config.json" in refused(folder)


def test_without_transformers_it_is_said_what_to_install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    assert "not installed" in refused(folder)
    assert "pip install -r requirements-hub.txt" in refused(folder)
    monkeypatch.setitem(sys.modules, "transformers", transformers)
    monkeypatch.setattr(transformers, "__version__", "4.57.0")
    assert "4.57.0 is too old; pip install -r requirements-hub.txt" in refused(folder)
