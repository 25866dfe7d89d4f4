"""The recognizer: a checkpoint of any family on a device; a waveform in, one ClipHearing after the other out.

    file -> load -> Recording; waveform (samples,) -> explain -> ClipHearing: numpy, seconds
    waveforms (B, clip_samples) -> listen -> Hearing, tensors on the device; -> classify -> probabilities

Everything hears through it, in its precision: the page, the shell, evaluation and evidence.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Generator, Tensor

from playitback import audio
from playitback.checkpoint import Checkpoint, load_checkpoint
from playitback.config import ModelConfig
from playitback.cores import available, batch, on_cores, wanted
from playitback.devices import OPENVINO, find_device
from playitback.engine import by_openvino
from playitback.errors import AudioError, CheckpointError, SettingsError
from playitback.models.listener import (
    Choice,
    Hearing,
    Listener,
    class_probabilities,
    named_class,
    playbacks_refusal,
)
from playitback.precision import fastest_dtype, hearing_in
from playitback.replay import TimeMap
from playitback.segments import Segment, unpad_segments

#: probability of hearing a class of its own below which a model says that it hears none
KNOWN = 0.5


@dataclass(frozen=True)
class ClipLane:
    """A curve over the clip's seconds, to be drawn under its spectrogram."""

    name: str
    values: np.ndarray  # (columns,) 0 to 1


@dataclass(frozen=True)
class ClipHearing:
    """One time that a model heard a clip: what it was given, chose and believed. Times are seconds of the clip."""

    index: int  # 0 is the first hearing, i > 0 is playback i
    hop_seconds: float  # of the replayed segments in this hearing; of the whole clip in hearing 0
    probabilities: np.ndarray  # (classes,) after this hearing; they sum to 1 unless the model is multi-label
    decision: int  # index of the class that is named
    asked: int  # index of the class that the relevance is for: the one asked about, else the one that is named
    relevance: np.ndarray  # (columns,) 0 to 1: how much each moment matters for that class
    edges: np.ndarray  # (columns + 1,) between the columns
    seconds: np.ndarray  # (columns,) centre of every column; not evenly spaced where segments were replayed
    audible: np.ndarray  # (columns,) False where a column holds digital silence
    threshold: float  # relevance above it makes a segment
    segments: tuple[Segment, ...]  # chosen in this hearing, replayed in the next one unless others are
    replayed: tuple[Segment, ...]  # replayed in this hearing: what the one before chose, or others in their place
    log_mel: np.ndarray  # (frames, mels) what the model was given, natural log
    fine_log_mel: np.ndarray  # (fine_frames, mels) the whole clip at this hop; frame k lies at k * hop_seconds
    time_map: TimeMap  # frame <-> second in this hearing
    lanes: tuple[ClipLane, ...] = ()  # curves over the columns; the relevance is the first
    activity: np.ndarray | None = None  # (columns, classes): what the model would say of each moment by itself
    taught: np.ndarray | None = None  # (K,) probability of each class of a teacher, as far as it was learned
    known: float | None = None  # probability that what is heard is of the model's own classes at all
    details: Mapping[str, np.ndarray] = field(default_factory=dict)  # what only some families have, by name

    @property
    def replayed_seconds(self) -> float:
        """Of the clip, together."""
        return sum(segment.seconds for segment in self.replayed)


class Recognizer:
    """A checkpoint on a device. It keeps no state between clips and may be shared by threads."""

    def __init__(self, checkpoint: Checkpoint, device: str = "auto") -> None:
        self._device, self._by_openvino = find_device(device), device == OPENVINO
        model = checkpoint.model.to(self._device)
        # torch's annotations do not know this argument
        self.model: Listener = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.parameters = self.model.weights
        self.dtype = torch.float32 if self._by_openvino else fastest_dtype(self.model, self._device)
        self._heard_by: tuple[torch.dtype, Listener] | None = None
        if self._by_openvino:  # what cannot be compiled is told before anybody waits
            self._listener()
        self.name = checkpoint.name
        self.card = checkpoint.card
        self.about = checkpoint.about

    @classmethod
    def from_checkpoint(cls, source: str | Path, device: str = "auto") -> Recognizer:
        """source: a folder, a name under checkpoints/, or a Hugging Face repo id.

        device: "auto", "cpu", "cuda", ..., or "openvino", the CPU by another engine (``engine``).

        Raises CheckpointError or, for a device that is not there, SettingsError.
        """
        return cls(load_checkpoint(source), device)

    @property
    def config(self) -> ModelConfig:
        return self.model.config

    @property
    def labels(self) -> tuple[str, ...]:
        """Class names of the first head."""
        return self.config.labels[0]

    @property
    def broader(self) -> dict[str, tuple[str, ...]]:
        """Class -> the classes that hold wherever it holds, of those that have any, as far as the model knows."""
        known = zip(self.labels, self.config.broader, strict=False)
        return {label: tuple(self.labels[index] for index in broad) for label, broad in known if broad}

    @property
    def device(self) -> str:
        return str(self._device)

    @property
    def at_once(self) -> int:
        """How many batches are heard beside each other the fastest; see ``cores``."""
        return available(self._device)

    @property
    def batch(self) -> int:
        """How many of many clips it hears at once; see ``cores``."""
        return batch(self.parameters, self._device)

    @property
    def playbacks(self) -> int:
        """Largest number of playbacks; 0 for a model that cannot replay."""
        return self.config.playbacks

    @property
    def clip_seconds(self) -> float:
        return self.config.front_end.clip_seconds

    @property
    def sample_rate(self) -> int:
        """Hertz that the model hears."""
        return self.config.front_end.sample_rate

    def describe(self) -> dict[str, Any]:
        """What it offers, as plain data: name, family, labels, broader, playbacks, clip_seconds, sample_rate."""
        return {
            "name": self.name,
            "family": self.config.family,
            "labels": list(self.labels),
            "broader": {label: list(names) for label, names in self.broader.items()},
            "playbacks": self.playbacks,
            "clip_seconds": self.clip_seconds,
            "sample_rate": self.sample_rate,
        }

    def load(self, path: str | Path, start_seconds: float = 0.0, channel: int | None = None) -> audio.Recording:
        """The clip of a recording that begins at ``start_seconds``, mono, at the model's rate.

        channel: the one to take, counted from 1; None: they are mixed. Raises AudioError and SettingsError, as
        ``audio.load`` does.
        """
        return audio.load(
            path,
            start_seconds=start_seconds,
            window_seconds=self.clip_seconds,
            sample_rate=self.sample_rate,
            channel=channel,
        )

    def explain(
        self,
        waveform: np.ndarray,
        playbacks: int | None = None,
        choose: Choice | None = None,
        asked: str | None = None,
    ) -> Iterator[ClipHearing]:
        """Yields the first hearing and every playback, each as soon as it is computed.

        waveform: (samples,) float32 in -1..1 at the model's rate, mono; a shorter one than ``clip_seconds`` is filled
        up with silence. playbacks: 0 to ``self.playbacks``, default all. choose: replaces the model's choice after each
        hearing, which is still given as ``ClipHearing.segments``. asked: the class to explain; by default, after every
        hearing, the most probable one. Raises AudioError, SettingsError.
        """
        clip = self.clips(waveform)
        self.check(playbacks, asked)
        return (self._clip_hearing(each, asked) for each in self.listen(clip, playbacks, choose, self._asked(asked, 1)))

    def explain_batch(
        self, waveforms: Sequence[np.ndarray], playbacks: int | None = None, asked: str | None = None
    ) -> list[tuple[ClipHearing, ...]]:
        """All hearings of several clips, in less time than one clip after the other.

        Of each clip what ``explain`` yields, but for rounding: a batch is summed in another order (logits differed by
        0.00001 at most where it was measured). Raises as ``explain`` does.
        """
        self.check(playbacks, asked)
        hearings = list(self.listen(self.clips(*waveforms), playbacks, asked=self._asked(asked, len(waveforms))))
        return [tuple(self._clip_hearing(each, asked, clip) for each in hearings) for clip in range(len(waveforms))]

    def listen(
        self,
        waveforms: Tensor,
        playbacks: int | None = None,
        choose: Choice | None = None,
        asked: Tensor | None = None,
    ) -> Iterator[Hearing]:
        """``Listener.listen`` on the recognizer's device and in its precision; for clips (B, clip_samples)."""
        hearings = self._listener().listen(waveforms.to(self._device), playbacks, choose, asked)
        return self._steps(hearings, len(waveforms))

    def answer(
        self,
        waveforms: Tensor,
        playbacks: int | None = None,
        choose: Choice | None = None,
        asked: Tensor | None = None,
    ) -> Iterator[Hearing]:
        """``Listener.answer`` in the same way: the logits of ``listen``, perhaps without its relevance, and sooner."""
        hearings = self._listener().answer(waveforms.to(self._device), playbacks, choose, asked)
        return self._steps(hearings, len(waveforms))

    def _asked(self, label: str | None, count: int) -> Tensor | None:
        """(count,) the index of a class for each of so many clips; None for none."""
        return None if label is None else torch.full((count,), self.labels.index(label), device=self._device)

    def _steps(self, hearings: Iterator[Hearing], clips: int) -> Iterator[Hearing]:
        # Inference mode, precision and cores belong to the thread, and a generator's consumer runs between its steps,
        # perhaps in another one: enter them step by step.
        while True:
            with hearing_in(self.dtype, self._device), on_cores(wanted(self.parameters, clips)):
                heard = next(hearings, None)
            if heard is None:
                return
            if any(not (each < torch.inf).all() for each in heard.logits):  # written so that NaN is wrong too
                raise CheckpointError(
                    f"{self.name} answers with what is no finite number; its weights are damaged or far too large, so "
                    "fetch or save it again"
                )
            yield self._calibrated(heard)

    def _calibrated(self, heard: Hearing) -> Hearing:
        """The same at the model's temperature (Guo et al. 2017, section 4.2), at which its activity is told already."""
        if self.config.temperature == 1:
            return heard
        return dataclasses.replace(heard, logits=self._divided(heard.logits))

    def _divided(self, logits: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return tuple(each / self.config.temperature for each in logits)

    def first_logits(self, waveforms: Tensor) -> Tensor:
        """Logits (B, classes) of the first head after the first hearing, whose gradient reaches the clips.

        waveforms: (B, clip_samples) on the recognizer's device. In the precision of the weights: what 16 bits round
        away, a gradient needs. Raises SettingsError for a model that no gradient goes through.
        """
        if not self.model.has_gradients:
            raise SettingsError(no_gradients(self.name))
        with torch.enable_grad():
            return self._divided(next(iter(self.model.listen(waveforms, 0))).logits)[0]

    def fuse(self, hearings: Sequence[Hearing]) -> tuple[Tensor, ...] | None:
        """``Listener.fuse`` in the recognizer's precision, of all hearings of a run of ``listen``."""
        with hearing_in(self.dtype, self._device):
            fused = self._listener().fuse(hearings)
            return None if fused is None else self._divided(fused)

    def decide(self, hearings: Sequence[Hearing]) -> tuple[Tensor, ...]:
        """Logits (B, classes) of every head after all hearings of a run of ``listen``: fused where the model fuses."""
        return self.fuse(hearings) or hearings[-1].logits

    def classify(
        self,
        waveforms: np.ndarray | Sequence[np.ndarray],
        playbacks: int | None = None,
        choose: Choice | None = None,
        asked: str | None = None,
    ) -> np.ndarray:
        """Probabilities (hearings, B, classes) after every hearing for B clips (samples,), as ``explain`` takes one.

        choose: replaces the model's choice after each hearing, for controls and what-if questions; asked: as for
        ``explain``. Raises AudioError, SettingsError.
        """
        self.check(playbacks, asked)
        hearings = self.answer(self.clips(*waveforms), playbacks, choose, self._asked(asked, len(waveforms)))
        return np.stack([self.probabilities(each.logits[0]).cpu().numpy() for each in hearings])

    def probabilities(self, logits: Tensor) -> Tensor:
        """Of logits (..., classes) of a head; see ``class_probabilities``."""
        return class_probabilities(logits, self.config.multi_label)

    def named(self, probabilities: np.ndarray) -> int:
        """Index of the class that it names by probabilities (classes,); see ``named_class``."""
        return int(named_class(torch.from_numpy(probabilities), self.config))

    def padded(self, waveform: np.ndarray) -> np.ndarray:
        """What the model hears of a waveform (samples,): (clip_samples,) float32, with silence up to the clip's end.

        Raises AudioError for one that is empty or longer than a clip, has channels, or is not of finite floats.
        """
        waveform = np.asarray(waveform)  # a list and a tensor will do
        wanted = self.config.front_end.clip_samples
        if waveform.ndim != 1 or not 0 < len(waveform) <= wanted or waveform.dtype.kind != "f":
            raise AudioError(
                f"a waveform of shape {waveform.shape} and type {waveform.dtype} was given; one channel of 1 to "
                f"{wanted} floats in -1..1 is needed: read it with playitback.audio.load"
            )
        if not np.isfinite(waveform).all():
            raise AudioError("the waveform holds samples that are not finite numbers; export the recording again")
        return np.pad(waveform.astype(np.float32), (0, wanted - len(waveform)))

    def clips(self, *waveforms: np.ndarray) -> Tensor:
        """Waveforms, each ``padded``, as a batch: (B, clip_samples). Raises AudioError as that does, and for none."""
        if not waveforms:
            raise AudioError("no clip was given; give one or more")
        return torch.from_numpy(np.stack([self.padded(each) for each in waveforms]))

    def check(self, playbacks: int | None = None, *labels: str | None) -> None:
        """Raises SettingsError for playbacks that the model does not have and classes that it does not know."""
        if playbacks is not None and not 0 <= playbacks <= self.playbacks:
            raise SettingsError(playbacks_refusal(self.name, playbacks, self.playbacks))
        for label in labels:
            if label is not None and label not in self.labels:
                raise SettingsError(
                    f"{self.name} knows no class {label!r}; choose one of its {len(self.labels)} classes"
                )

    def shuffled(self, part: str, generator: Generator) -> Recognizer:
        """A copy with the numbers of every weight tensor of a part (``Listener.parts``) in another order."""
        other = copy.copy(self)
        other.model, other._heard_by = copy.deepcopy(self.model), None
        with torch.no_grad():
            for weights in other.model.parts()[part].parameters():
                order = torch.randperm(weights.numel(), generator=generator).to(weights.device)
                weights.copy_(weights.flatten()[order].view_as(weights))
        return other

    def remembering(self) -> Recognizer:
        """A copy for whoever hears the same clips over and over; see ``Listener.remembering``."""
        other = copy.copy(self)
        other._heard_by = self.dtype, self._listener().remembering()
        return other

    def _listener(self) -> Listener:
        """``model`` as it hears in ``dtype``."""
        if self._heard_by is None or self._heard_by[0] != self.dtype:
            listener = by_openvino(self.model) if self._by_openvino else self.model.in_format(self.dtype)
            self._heard_by = self.dtype, listener
        return self._heard_by[1]

    def _clip_hearing(self, heard: Hearing, asked: str | None, clip: int = 0) -> ClipHearing:
        """Of one clip of those that were heard."""
        probabilities = _array(self.probabilities(heard.logits[0][clip]))
        named = self.named(probabilities)
        return ClipHearing(
            index=heard.index,
            hop_seconds=heard.hop_samples / self.sample_rate,
            probabilities=probabilities,
            decision=named,
            asked=named if asked is None else self.labels.index(asked),
            relevance=_array(heard.relevance[clip]),
            edges=_array(heard.edges[clip]),
            seconds=_array(heard.seconds[clip]),
            audible=_array(heard.audible[clip]),
            threshold=float(heard.threshold[clip]),
            segments=unpad_segments(heard.segments[clip : clip + 1])[0],
            replayed=unpad_segments(heard.replayed[clip : clip + 1])[0],
            log_mel=_array(heard.log_mel[clip]),
            fine_log_mel=_array(heard.fine_log_mel[clip]),
            time_map=heard.maps[clip],
            lanes=tuple(ClipLane(lane.name, _array(lane.values[clip])) for lane in heard.lanes),
            activity=None if heard.activity is None else _array(heard.activity[clip]),
            taught=None if heard.taught is None else _array(heard.taught[clip]),
            known=None if heard.known is None else float(heard.known[clip]),
            details={name: _array(tensor[clip]) for name, tensor in heard.details.items()},
        )


def no_gradients(name: str) -> str:
    """The error for a question that needs the gradient of a model that has none."""
    return f"no gradient goes through {name}, whose features are computed outside its network; ask without gradients"


def _array(values: Tensor) -> np.ndarray:
    """Numbers of 16 bits become numbers of 32 bits."""
    return (values.float() if values.dtype in (torch.bfloat16, torch.float16) else values).cpu().numpy()
