"""Classifiers that others trained: whatever transformers' ``AutoModelForAudioClassification`` builds, under our roof.

    waveforms (B, clip_samples) -> the model's own feature extractor -> its network -> logits (B, classes)
    each clip -> stretches, each alone in silence (S, clip_samples) -> the same -> answers (S, classes)
    answers -> activity (B, T, classes): the mean of the answers around the two edges of each of T = S - 1 columns

Such a model hears a clip once and tells nothing of its moments, so it is asked in earnest: every second is kept alone,
and what the model says of it is its activity there, true and not learned. Relevance is the activity of the class asked
about as a share of its peak in the clip, since a second alone seldom convinces as much as the whole. That costs S
passes a clip; ``answer``, which only decides, takes one.

The audio spectrogram transformer (Gong et al. 2021), Wav2Vec2, HuBERT, WavLM, Whisper's encoder and their kin. The
package transformers is installed separately, and imported only where a model of this family is opened.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from playitback.config import ModelConfig
from playitback.edits import STEP_SECONDS, STRETCH_SECONDS, each_alone, stretches_of
from playitback.errors import CheckpointError
from playitback.models.hub_network import make_extractor, make_network
from playitback.models.listener import Choice, Hearing, Listener, share_of_peak
from playitback.models.memory import Memory, keys_of
from playitback.models.recipe import TAUGHT
from playitback.models.taught import Taught
from playitback.segments import Segment

#: repo id at Hugging Face -> what it is, of published models that are offered; both BSD-3-Clause (Gong et al. 2021)
PUBLISHED = {
    "MIT/ast-finetuned-audioset-10-10-0.4593": "spectrogram transformer, 527 classes of AudioSet, fetched: 346 MB",
    "MIT/ast-finetuned-speech-commands-v2": "spectrogram transformer, 35 spoken words, fetched: 342 MB",
}

#: problem types of transformers
_SEVERAL_LABELS, _ONE_LABEL = "multi_label_classification", "single_label_classification"
_AT_ONCE = 8  # clips through the network: a second of a clip costs as much memory as all of it
_MOST_BYTES = 8 << 20  # of answers that are kept, so that the next class asked about costs nothing: some 90 clips
_LEAST_STRETCHES = 4  # that a clip is long: in a shorter one, a second would be most of it


@dataclass(frozen=True, kw_only=True)
class HubConfig(ModelConfig):
    """A model in transformers' own description; it is written and read in that format alone, see ``hub_folder``."""

    family: str = "hub"
    network: Mapping[str, Any] = field(default_factory=dict, hash=False)  # its config.json, checked
    extractor: Mapping[str, Any] = field(default_factory=dict, hash=False)  # its preprocessor_config.json, checked

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ModelConfig:
        """Raises CheckpointError: a stranger's description is checked where its own folder is read."""
        raise CheckpointError("a model of the family hub is opened from a folder in transformers' format; give that")

    @property
    def stretch_seconds(self) -> float:
        """Of a stretch that is kept alone: a second, or a quarter of a short clip."""
        return min(STRETCH_SECONDS, self.front_end.clip_seconds / _LEAST_STRETCHES)

    @property
    def columns(self) -> int:
        """Of the activity: as many as there are steps from one stretch to the next."""
        step_seconds = self.stretch_seconds * STEP_SECONDS / STRETCH_SECONDS
        return round(self.front_end.clip_seconds / step_seconds)


class HubModel(Listener):
    """A network of transformers, with its feature extractor."""

    config_class = HubConfig
    learns_activity = reads_log_mel = False
    config: HubConfig

    def __init__(self, config: HubConfig) -> None:
        """Raises CheckpointError where transformers is not installed, and what transformers does for a bad config."""
        super().__init__(config)
        self.network = make_network(self.described)
        self.extractor = make_extractor(config.extractor)
        name, head = [each for each in self.network.named_modules() if isinstance(each[1], nn.Linear)][-1]
        self.head_name = f"network.{name}.weight"
        self.taught = None if config.taught is None else Taught(config.taught, head.in_features)
        self._memory = Memory(_MOST_BYTES)

    @property
    def described(self) -> dict[str, Any]:
        """Of the network, as a config.json: with the classes of this model, and whether they exclude one another."""
        names, several = self.config.labels[0], self.config.multi_label
        return {
            **self.config.network,
            "id2label": {str(number): name for number, name in enumerate(names)},
            "label2id": {name: number for number, name in enumerate(names)},
            "problem_type": _SEVERAL_LABELS if several else _ONE_LABEL if len(names) > 1 else None,
        }

    @property
    def can_aim(self) -> bool:
        return True

    @property
    def has_activity(self) -> bool:
        return True

    @property
    def has_gradients(self) -> bool:
        return False  # the extractors compute in numpy

    @property
    def passes(self) -> int:
        return 1 + len(self._stretches)

    @property
    def _stretches(self) -> list[Segment]:
        clip_seconds = self.config.front_end.clip_seconds
        return stretches_of(clip_seconds, self.config.stretch_seconds, clip_seconds / self.config.columns)

    def parts(self) -> Mapping[str, nn.Module]:
        parts = dict(self.network.named_children())
        return parts if self.taught is None else {**parts, TAUGHT: self.taught}

    def in_format(self, dtype: torch.dtype) -> Listener:
        """Itself: not every network of transformers computes with weights of 16 bits. Its products are converted."""
        del dtype
        return self

    def listen(
        self,
        waveforms: Tensor,
        playbacks: int | None = None,
        choose: Choice | None = None,
        asked: Tensor | None = None,
    ) -> Iterator[Hearing]:
        """See ``Listener.listen``. ``passes`` passes a clip, or one for a clip that was heard lately."""
        self.check(waveforms, playbacks)
        return self._listen(waveforms, asked)

    def answer(
        self,
        waveforms: Tensor,
        playbacks: int | None = None,
        choose: Choice | None = None,
        asked: Tensor | None = None,
    ) -> Iterator[Hearing]:
        """See ``Listener.answer``. One pass a clip; the relevance is 0 and there is no activity."""
        self.check(waveforms, playbacks)
        return self._answer(waveforms)

    def _answer(self, waveforms: Tensor) -> Iterator[Hearing]:
        relevance = waveforms.new_zeros(len(waveforms), self.config.columns)
        yield self.only_hearing(waveforms, (self._logits(waveforms),), relevance)

    def _listen(self, waveforms: Tensor, asked: Tensor | None) -> Iterator[Hearing]:
        logits = self._logits(waveforms)
        answers = torch.stack([self._alone(each) for each in waveforms])
        activity = (answers[:, :-1] + answers[:, 1:]) / 2
        relevance = share_of_peak(activity, self.asked_or_named(logits, asked))
        yield self.only_hearing(waveforms, (logits,), relevance, activity=activity)

    def _alone(self, waveform: Tensor) -> Tensor:
        """(S, classes) probabilities: what is said of every stretch of a clip (clip_samples,) alone.

        A clip is heard by itself, whatever its company, so that remembering it changes nothing.
        """
        (key,) = keys_of(waveform.unsqueeze(0))
        known = self._memory.get(key)
        if known is not None:
            return known[0]
        sounds = each_alone(waveform, self._stretches, self.config.front_end.sample_rate)
        # of those in which nothing is left one is heard for all: what follows a short recording costs one pass
        sounding = sounds.any(dim=1)
        silent = (~sounding).nonzero().flatten()
        rows = torch.cat([sounding.nonzero().flatten(), silent[:1]])
        heard = self.calibrated(self._logits(sounds[rows]))
        answers = heard.new_empty(len(sounds), heard.shape[1])
        answers[silent] = heard[-1]
        answers[sounding] = heard[: int(sounding.sum())]
        self._memory.put(key, answers)
        return answers

    def _logits(self, waveforms: Tensor) -> Tensor:
        """(B, clip_samples) -> (B, classes), some clips at a time."""
        return torch.cat([self._pass(each) for each in waveforms.split(_AT_ONCE)])

    def _pass(self, waveforms: Tensor) -> Tensor:
        logits: Tensor = self.network(**self.extract(waveforms)).logits
        return logits

    def extract(self, waveforms: Tensor) -> dict[str, Tensor]:
        """What its extractor makes of clips (B, clip_samples), for the network: tensors by name."""
        # an extractor that computes with torch does so for the sake of numpy, which has no bfloat16
        with torch.autocast("cpu", enabled=False):
            given = self.extractor(
                list(waveforms.detach().float().cpu().numpy()),
                sampling_rate=self.config.front_end.sample_rate,
                return_tensors="pt",
            )
        return {name: each.to(self.device) for name, each in given.items()}
