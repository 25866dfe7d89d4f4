"""The interface of every model: a Listener hears clips and tells of each hearing as soon as it is computed.

    waveforms (B, clip_samples) -> listen -> Hearing after Hearing: logits, relevance over time, segments, lanes

Everything above ``models/`` knows only this interface; a family is one file beside this one and one row in
``families.py``. Relevance, how much every moment matters for the class that is asked about, is what all families have
in common: slot 0 of replay attention, the temporal weights of attention pooling, a post-hoc explainer.

Letters of shapes: B clips of a batch, T time columns, N segments (padded with empty ones), F frames, M mel bins.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from playitback.config import ModelConfig
from playitback.errors import SettingsError
from playitback.replay import TimeMaps, column_edges
from playitback.segments import audible_columns, find_segments
from playitback.spectrogram import LogMel

LIKELY = 0.5  # probability from which on a class that has one of its own is more probable than not
CLOSE = 0.5  # share of a broader class's probability from which on a narrower one is named in its place
_LEAST_PEAK = 1e-12  # of activity, that it is divided by
_STATISTICS_FLOOR = 1e-3  # smallest deviation that the log-mel is divided by


@dataclass(frozen=True)
class Lane:
    """A curve over the clip's seconds, drawn under the spectrogram. The first lane of a hearing is its relevance."""

    name: str  # shown to people: "informative"
    values: Tensor  # (B, T) in 0..1


@dataclass(frozen=True, kw_only=True)
class Hearing:
    """One time that a batch is heard. Times are seconds of the clip."""

    index: int  # 0 is the first hearing, i > 0 is playback i
    hop_samples: int  # of the replayed segments; of the whole clip in hearing 0
    logits: tuple[Tensor, ...]  # (B, classes) of every head, after this hearing
    relevance: Tensor  # (B, T) in 0..1, for the class asked about
    edges: Tensor  # (B, T + 1) of the time columns
    seconds: Tensor  # (B, T) their centres; not evenly spaced where segments were replayed
    audible: Tensor  # (B, T) False where a column holds digital silence
    threshold: Tensor  # (B,) relevance above it chose the segments
    segments: Tensor  # (B, N, 2) chosen in this hearing
    replayed: Tensor  # (B, N, 2) replayed in this hearing; none in hearing 0
    maps: TimeMaps  # frame <-> second
    log_mel: Tensor  # (B, frames, M) what the model was given, or what stands for it in a picture
    fine_log_mel: Tensor  # (B, clip_samples // hop_samples + 1, M) the whole clip at this hearing's hop
    activity: Tensor | None = None  # (B, T, classes): what the model would say of each moment by itself
    pooled: Tensor | None = None  # (B, W) the features that its classes are read from
    taught: Tensor | None = None  # (B, K) probability of each class of a teacher, as far as it was learned
    known: Tensor | None = None  # (B,) probability that what is heard is of the model's own classes at all
    lanes: tuple[Lane, ...] = ()
    details: Mapping[str, Tensor] = field(default_factory=dict)  # (B, ...) what only some families have, by name


@dataclass(frozen=True)
class Replay:
    """What the next hearing replays."""

    segments: Tensor  # (B, N, 2)
    finer: bool = True  # at the finer hop; False: with as many frames, but read at the first hop


#: which segments (B, N, 2) to replay after a hearing, in place of those that the model chose
Choice = Callable[[Hearing], "Tensor | Replay"]
#: of a network, a function of one tensor
Part = Callable[[Tensor], Tensor]


class Listener(nn.Module, ABC):
    """A model of any family, built from its description."""

    config_class: ClassVar[type[ModelConfig]] = ModelConfig
    head_name: str = "heads.{}.weight"  # name of the weights (classes, width) of head {}
    learns_activity: bool = True  # False: it is asked for every stretch alone, and its activity is what it answers
    reads_log_mel: bool = True  # False: the log-mel of a hearing stands for its sound in pictures, and no more

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.log_mel = LogMel(config.front_end)

    @property
    def can_replay(self) -> bool:
        """Whether segments can be replayed in it."""
        return self.config.playbacks > 0

    @property
    def can_aim(self) -> bool:
        """Whether the relevance, and with it what is replayed, follows the class that is asked about."""
        return False

    @property
    def has_activity(self) -> bool:
        """Whether its hearings tell the activity of classes."""
        return False

    @property
    def weights(self) -> int:
        """How many there are."""
        return sum(parameter.numel() for parameter in self.parameters())

    @property
    def has_gradients(self) -> bool:
        """Whether the gradient of its logits reaches the samples of a clip."""
        return True

    @property
    def has_grid(self) -> bool:
        """Whether its classes are read from a grid of features: ``grid``, ``read_grid`` and ``grid_edges``."""
        return False

    @property
    def mean_head(self) -> nn.Linear | None:
        """What reads the first head's classes from the plain mean of the grid; None where something else does."""
        return None

    def grid(self, waveforms: Tensor) -> Tensor:
        """The last features of clips (B, clip_samples) that lie over time and frequency: (B, T, F, W)."""
        raise NotImplementedError

    def read_grid(self, grid: Tensor) -> tuple[Tensor, ...]:
        """Grid (B, T, F, W) -> logits (B, classes) of every head, those of the first hearing."""
        raise NotImplementedError

    def grid_edges(self, columns: int) -> Tensor:
        """(1, T + 1) seconds between the columns of a grid with so many of them."""
        raise NotImplementedError

    @property
    def passes(self) -> int:
        """Through its network for the relevance of one class in the first hearing of a clip."""
        return 1

    @property
    def device(self) -> torch.device:
        return self.log_mel.window.device

    @abstractmethod
    def listen(
        self,
        waveforms: Tensor,
        playbacks: int | None = None,
        choose: Choice | None = None,
        asked: Tensor | None = None,
    ) -> Iterator[Hearing]:
        """Yields the first hearing and then ``playbacks`` playbacks (default: all), each as soon as it is computed.

        waveforms: (B, clip_samples) in -1..1. choose: replaces the model's own choice of segments. asked: (B,) indices
        of the classes to be explained; by default, after every hearing, the class that is most probable then. Raises
        SettingsError for another length or too many playbacks as soon as it is called (see ``check``).
        """

    def answer(
        self,
        waveforms: Tensor,
        playbacks: int | None = None,
        choose: Choice | None = None,
        asked: Tensor | None = None,
    ) -> Iterator[Hearing]:
        """As ``listen``, for whoever asks for nothing but the logits.

        A family in which the relevance costs more than the decision leaves it out here.
        """
        return self.listen(waveforms, playbacks, choose, asked)

    @abstractmethod
    def parts(self) -> Mapping[str, nn.Module]:
        """What it is made of, by name: what a stage of training trains, what a sanity check shuffles."""

    @property
    def choosing_parts(self) -> tuple[str, ...]:
        """Names of the parts that the relevance comes from, without those that only decide."""
        return tuple(self.parts())

    def fuse(self, hearings: Sequence[Hearing]) -> tuple[Tensor, ...] | None:
        """Logits (B, classes) of every head from all hearings of a whole run; None if the family does not fuse."""
        return None

    def forward(self, waveforms: Tensor) -> tuple[Tensor, ...]:
        """(B, clip_samples) -> logits (B, classes) of every head: fused where the model fuses, else the last ones."""
        hearings = list(self.listen(waveforms))
        return self.fuse(hearings) or hearings[-1].logits

    @property
    def prepared(self) -> bool:
        """Whether it has what ``prepare`` takes, from training clips or with its weights; else it is prepared."""
        return True

    def prepare(self, batches: Iterable[Tensor]) -> None:
        """Takes from training clips (B, clip_samples) what must be known before training; by default nothing."""

    def begin_as(self, other: Listener) -> None:
        """Prepares what a model of the same family lacks, whose weights it is about to take; by default nothing."""

    def cast_weights(self, dtype: torch.dtype) -> None:
        """Stores the weights of matrix products in a number format, except where more precision is needed."""
        for part in self.parts().values():
            part.to(dtype)

    def in_format(self, dtype: torch.dtype) -> Listener:
        """What hears in a number format: of another than float32 a copy, whose weights are converted once."""
        if dtype == torch.float32:
            return self
        other = copy.deepcopy(self)
        other.cast_weights(dtype)
        return other

    def remembering(self) -> Listener:
        """What hears the same clips again and again in less time, where a family can do so; by default itself."""
        return self

    def with_compiled_encoder(self, compiled: Callable[[nn.Module, str, Tensor], Part]) -> Listener:
        """A copy whose encoder's large parts are what ``compiled`` makes of them.

        It is given the encoder, the name of its function, and an example of what that takes, of one clip. No gradient
        goes through the copy. Raises SettingsError for a model that has no such encoder.
        """
        raise SettingsError(f"PyTorch alone computes models of the family {self.config.family}; choose another device")

    def check(self, waveforms: Tensor, playbacks: int | None) -> int:
        """The number of playbacks to run. Raises SettingsError for clips or playbacks that cannot be heard."""
        playbacks = self.config.playbacks if playbacks is None else playbacks
        if not 0 <= playbacks <= self.config.playbacks:
            raise SettingsError(playbacks_refusal("this model", playbacks, self.config.playbacks))
        clip_samples = self.config.front_end.clip_samples
        if waveforms.ndim != 2 or waveforms.shape[1] != clip_samples:
            raise SettingsError(
                f"clips must be (batch, {clip_samples}), got {tuple(waveforms.shape)}; crop or pad them"
            )
        return playbacks

    def calibrated(self, logits: Tensor) -> Tensor:
        """Probabilities of logits (..., classes) at the model's temperature; see ``class_probabilities``.

        What is told of activity is told so, and what follows from activity follows from that (Guo et al. 2017).
        """
        return class_probabilities(logits.float() / self.config.temperature, self.config.multi_label)

    def asked_or_named(self, logits: Tensor, asked: Tensor | None) -> Tensor:
        """(B,) the classes asked about; where there are none (-1), those named by logits (B, classes)."""
        named = named_class(self.calibrated(logits), self.config)
        return named if asked is None else torch.where(asked < 0, named, asked)

    def only_hearing(
        self,
        waveforms: Tensor,
        logits: tuple[Tensor, ...],
        relevance: Tensor,
        *,
        name: str = "relevance",
        log_mel: Tensor | None = None,
        **told: Any,
    ) -> Hearing:
        """The one hearing of a family that does not replay; the clip's log-mel stands for what was heard.

        relevance: (B, T) in 0..1 of T columns that divide the clip evenly; name: that of its lane; log_mel: of
        the whole clip, where it is computed already; told: what else there is of a ``Hearing``, by name.
        """
        front_end, columns = self.config.front_end, relevance.shape[1]
        nothing = waveforms.new_zeros(len(waveforms), 0, 2)
        maps = TimeMaps.of(nothing, 1.0, front_end.clip_seconds, front_end.frames)
        stride = front_end.frames / columns
        seconds, edges = column_edges(maps, columns, stride, stride / 2)
        audible = audible_columns(waveforms, edges, front_end.sample_rate)
        segments, threshold = find_segments(relevance, edges, self.config.segments, audible)
        hop_samples = front_end.hop_samples(0)
        log_mel = self.log_mel(waveforms, hop_samples) if log_mel is None else log_mel
        return Hearing(
            index=0,
            hop_samples=hop_samples,
            logits=logits,
            relevance=relevance,
            edges=edges,
            seconds=seconds,
            audible=audible,
            threshold=threshold,
            segments=segments,
            replayed=nothing,
            maps=maps,
            log_mel=log_mel[:, : front_end.frames],
            fine_log_mel=log_mel,
            lanes=(Lane(name, relevance),),
            **told,
        )


class LogMelListener(Listener):
    """A Listener whose network reads log-mels, normalised per mel bin."""

    mel_mean: Tensor
    mel_deviation: Tensor

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        # of the training data, per mel bin: stored with the weights, so that nobody can forget them
        self.register_buffer("mel_mean", torch.zeros(config.front_end.mels))
        self.register_buffer("mel_deviation", torch.ones(config.front_end.mels))

    def normalise(self, log_mel: Tensor) -> Tensor:
        """(..., mels), natural log -> zero mean and unit deviation over the training data."""
        return (log_mel - self.mel_mean) / self.mel_deviation

    @property
    def prepared(self) -> bool:
        return bool((self.mel_deviation != 1).any())

    def prepare(self, batches: Iterable[Tensor]) -> None:
        """Takes mean and standard deviation (mels,) of the first hearing's log-mel over the clips."""
        hop_samples = self.config.front_end.hop_samples(0)
        total, squares, count = torch.zeros(()), torch.zeros(()), 0
        for waveforms in batches:
            log_mel = self.log_mel(waveforms.to(self.device), hop_samples).flatten(0, 1).double().cpu()
            total, squares = total + log_mel.sum(dim=0), squares + log_mel.square().sum(dim=0)
            count += len(log_mel)
        mean = total / count
        deviation = (squares / count - mean.square()).sqrt().clamp_min(_STATISTICS_FLOOR)
        self.mel_mean, self.mel_deviation = mean.float().to(self.device), deviation.float().to(self.device)


def playbacks_refusal(name: str, wanted: int, most: int) -> str:
    """The error for more playbacks than the model has, or a negative number."""
    if most == 0:
        return f"{name} hears a clip once and cannot play it back; ask for 0 playbacks, not {wanted}"
    return f"{name} plays back 0 to {most} times, not {wanted}; choose one of those"


def named_class(probabilities: Tensor, config: ModelConfig) -> Tensor:
    """Probabilities (..., classes) of the first head -> the index (...) of the class that is named.

    The most probable one. Where it is known which classes are broader than others, a class yields to the likeliest
    narrower one, and that to one that is narrower still, as long as it is ``CLOSE`` to it: a dog is an animal, too, and
    is not called one.
    """
    named = probabilities.argmax(dim=-1, keepdim=True)
    if config.broader:
        narrower = _narrower(config.broader).to(probabilities.device)
        for _ in range(max(map(len, config.broader))):  # no class has more above it; whether one moved is not looked up
            below = probabilities.where(narrower[named.squeeze(-1)], -torch.inf)
            probability, likeliest = below.max(dim=-1, keepdim=True)
            close = probability >= CLOSE * probabilities.gather(-1, named)
            named = torch.where(close, likeliest, named)
    return named.squeeze(-1)


def with_broader(classes: Tensor, config: ModelConfig) -> Tensor:
    """Classes (N, C) bool of the first head, and those that hold wherever they hold, as far as that is known."""
    if not config.broader:
        return classes
    above = _narrower(config.broader).T.to(classes.device)
    return classes | (classes.float() @ above.float() > 0)


@lru_cache(maxsize=16)  # every hearing asks for that of its model
def _narrower(broader: tuple[tuple[int, ...], ...]) -> Tensor:
    """(classes, classes) whether the second is narrower than the first. broader: of a ``ModelConfig``."""
    narrower = torch.zeros(len(broader), len(broader), dtype=torch.bool)
    for narrow, broads in enumerate(broader):
        narrower[list(broads), narrow] = True
    return narrower


def share_of_peak(activity: Tensor, asked: Tensor) -> Tensor:
    """Relevance (B, T) for the classes asked about (B,) where nothing tells it but activity (B, T, classes).

    As a share of its peak in the clip, since a moment by itself seldom convinces as much as the whole.
    """
    own = activity.take_along_dim(asked.view(-1, 1, 1), dim=2).squeeze(2)
    return own / own.amax(dim=1, keepdim=True).clamp_min(_LEAST_PEAK)


def class_log_probabilities(logits: Tensor, multi_label: bool) -> Tensor:
    """Logits (..., classes) of a head -> the logarithms of ``class_probabilities``."""
    logits = logits if logits.dtype == torch.float64 else logits.float()
    return F.logsigmoid(logits) if multi_label else logits.log_softmax(dim=-1)


def class_probabilities(logits: Tensor, multi_label: bool) -> Tensor:
    """Logits (..., classes) of a head -> probabilities: of every class by itself, or of one among all.

    At least in float32, also under autocast.
    """
    logits = logits if logits.dtype == torch.float64 else logits.float()
    return logits.sigmoid() if multi_label else logits.softmax(dim=-1)
