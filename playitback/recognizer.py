"""The recognizer: a waveform in, one Playback after the other out.

waveform (samples,) -> ReplayModel.listen -> Pass, one clip on the device -> Playback, numpy and seconds
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from playitback.checkpoint import Checkpoint, load_checkpoint
from playitback.config import ModelConfig
from playitback.errors import AudioError, SettingsError
from playitback.models.playitback import Choice, Pass, ReplayModel, class_probabilities
from playitback.replay import Segment, TimeMap, unpad_segments


@dataclass(frozen=True)
class Playback:
    """What the model heard, attended to and believed in one pass over one clip. Times are seconds of the clip."""

    index: int  # 0 is the first hearing
    hop_seconds: float  # of the replayed segments in this pass; of the whole clip in pass 0
    probabilities: np.ndarray  # (classes,) after this pass; they sum to 1 unless the model is multi-label
    segments: tuple[Segment, ...]  # chosen by the slots in this pass, replayed in the next one unless others are
    replayed: tuple[Segment, ...]  # replayed in this pass: those that the pass before chose, or others in their place
    slot_attention: np.ndarray  # (slots, columns) in 0..1, summing to 1 over the slots; slot 0 is the informative one
    attention_per_iteration: np.ndarray  # (iterations, slots, columns) the same as it grew; the last is slot_attention
    seconds: np.ndarray  # (columns,) centre of every column; not evenly spaced where segments were replayed
    threshold: float  # attention of slot 0 above it makes a segment
    log_mel: np.ndarray  # (frames, mels) what the model was given, natural log
    fine_log_mel: np.ndarray  # (fine_frames, mels) the whole clip at this pass's hop; frame k lies at k * hop_seconds
    time_map: TimeMap  # frame <-> second in this pass


class Recognizer:
    """A checkpoint on a device. It keeps no state between clips and may be shared by threads."""

    def __init__(self, checkpoint: Checkpoint, device: str = "auto") -> None:
        self._device = find_device(device)
        model = checkpoint.model.to(self._device)
        # torch's annotations do not know this argument
        self.model: ReplayModel = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.dtype = fastest_dtype(self._device, self.parameters)
        self.name = checkpoint.name
        self.card = checkpoint.card
        self.about = checkpoint.about

    @classmethod
    def from_checkpoint(cls, source: str | Path, device: str = "auto") -> Recognizer:
        """source: a folder, a name under checkpoints/, or a Hugging Face repo id; device: "auto", "cpu", "cuda", ...

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
    def device(self) -> str:
        return str(self._device)

    @property
    def playbacks(self) -> int:
        """Largest number of playbacks."""
        return self.config.playbacks

    @property
    def clip_seconds(self) -> float:
        return self.config.front_end.clip_seconds

    @property
    def parameters(self) -> int:
        """Number of weights."""
        return sum(parameter.numel() for parameter in self.model.parameters())

    def explain(
        self, waveform: np.ndarray, playbacks: int | None = None, choose: Choice | None = None
    ) -> Iterator[Playback]:
        """Yields the first hearing and every playback, each as soon as it is computed.

        waveform: (samples,) float32 in -1..1 at the model's rate (16 kHz), mono; a shorter one than ``clip_seconds``
        is filled up with silence. playbacks: 0 to ``self.playbacks``, default all. choose: replaces the slots' choice
        after each pass, which is still told as ``Playback.segments``. Raises AudioError, SettingsError.
        """
        clip = torch.from_numpy(self.padded(waveform)).unsqueeze(0)
        passes = self.model.listen(clip.to(self._device), playbacks, choose)
        return self._playbacks(passes)

    def classify(self, waveforms: np.ndarray, playbacks: int | None = None, choose: Choice | None = None) -> np.ndarray:
        """Probabilities (passes, B, classes) after every pass for a batch (B, clip_samples) of clips.

        choose: replaces the slots' choice after each pass, for controls and what-if questions.
        """
        with torch.inference_mode(), self.precision():
            passes = self.model.listen(torch.from_numpy(waveforms).to(self._device), playbacks, choose)
            return np.stack([self._probabilities(each.logits[0]).cpu().numpy() for each in passes])

    def padded(self, waveform: np.ndarray) -> np.ndarray:
        """What the model hears of a waveform (samples,): (clip_samples,) float32, with silence up to the clip's end.

        Raises AudioError for one that is empty or longer than a clip, has channels, or holds what is no number.
        """
        wanted = self.config.front_end.clip_samples
        if waveform.ndim != 1 or not 0 < len(waveform) <= wanted:
            raise AudioError(
                f"a waveform of shape {waveform.shape} was given; one channel of 1 to {wanted} samples is needed: "
                "crop it with playitback.audio.load"
            )
        if not np.isfinite(waveform).all():
            raise AudioError("the waveform holds samples that are no numbers; export the recording again")
        return np.pad(waveform.astype(np.float32), (0, wanted - len(waveform)))

    def _playbacks(self, passes: Iterator[Pass]) -> Iterator[Playback]:
        # Inference mode belongs to the thread, and a generator's consumer runs between its steps: enter it per step.
        while True:
            with torch.inference_mode(), self.precision():
                heard = next(passes, None)
                if heard is None:
                    return
                playback = self._playback(heard)
            yield playback

    def precision(self) -> torch.autocast:
        """The context in which ``model`` is to be called: in bfloat16 where that is faster. It belongs to a thread."""
        return torch.autocast(self._device.type, torch.bfloat16, enabled=self.dtype == torch.bfloat16)

    def _playback(self, heard: Pass) -> Playback:
        attention = torch.stack([each[0] for each in heard.slots.attention_per_iteration]).float().cpu().numpy()
        return Playback(
            index=heard.index,
            hop_seconds=heard.hop_samples / self.config.front_end.sample_rate,
            probabilities=self._probabilities(heard.logits[0])[0].cpu().numpy(),
            segments=unpad_segments(heard.segments)[0],
            replayed=unpad_segments(heard.replayed)[0],
            slot_attention=attention[-1],
            attention_per_iteration=attention,
            seconds=heard.column_seconds[0].cpu().numpy(),
            threshold=float(heard.threshold[0]),
            log_mel=heard.log_mel[0].cpu().numpy(),
            fine_log_mel=heard.fine_log_mel[0].cpu().numpy(),
            time_map=heard.maps[0],
        )

    def _probabilities(self, logits: Tensor) -> Tensor:
        return class_probabilities(logits, self.config.multi_label)


#: below it the conversions cost a CPU more than the products gain
_BFLOAT16_PARAMETERS = 20_000_000


def fastest_dtype(device: torch.device, parameters: int) -> torch.dtype:
    """bfloat16 where the hardware multiplies it faster than float32: GPUs that have it, CPUs with AMX for large models.

    A CPU that merely knows bfloat16 (AVX-512 without AMX) is slower in it, so it gets float32.
    """
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
    amx = device.type == "cpu" and torch.cpu.get_capabilities().get("amx_bf16", False)
    return torch.bfloat16 if amx and parameters >= _BFLOAT16_PARAMETERS else torch.float32


def find_device(name: str) -> torch.device:
    """ "auto" is a GPU where there is one. Raises SettingsError for a device that is not there."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        device = torch.device("meta")
    if device.type == "cpu" or (device.type == "cuda" and (device.index or 0) < torch.cuda.device_count()):
        return device
    raise SettingsError(f"the device {name!r} is not to be had here; choose auto, cpu or, with a GPU, cuda")
