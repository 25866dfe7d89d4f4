"""The models that visitors may choose: loaded when asked for, few kept, as many at work as there are cores."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from playitback.checkpoint import (
    available_checkpoints,
    describe_checkpoint,
    fetch_checkpoint,
    published_checkpoints,
)
from playitback.cores import Cores, available, wanted
from playitback.devices import find_device
from playitback.errors import CheckpointError, PlayItBackError
from playitback.progress import Steps
from playitback.recognizer import Recognizer

RECOGNIZERS_KEPT = 2
AT_ONCE = available()  # questions that may compute at a time, on a device that is not lent and no GPU
WIDEST = "sounds"  # of the bundled checkpoints, what most recordings hold something of

#: what a recognizer does: a generator function of a module, called with the recognizer first
Work = Callable[..., Any]
#: (checkpoint, work, arguments) -> what the work yields and, where it returns an answer, that at last
Run = Callable[[str, Work, tuple[Any, ...]], Iterator[Any]]


@dataclass(frozen=True)
class ModelView:
    """A loaded model. ``card`` is Markdown."""

    name: str
    labels: tuple[str, ...]
    broader: Mapping[str, tuple[str, ...]]  # class -> those that hold wherever it holds
    playbacks: int
    clip_seconds: float
    card: str


@dataclass(frozen=True)
class ModelChoice:
    """A model that may be chosen. Of one that has to be fetched first it is only known what ``told`` says."""

    name: str
    family: str = ""
    classes: int = 0
    playbacks: int = 0
    told: str = ""


def offered_checkpoints(first: str | None = None) -> tuple[str, ...]:
    """The bundled checkpoints, the widest one first, and ``first`` before them if given; published models come last.

    Raises CheckpointError if there is none at all.
    """
    bundled = sorted(available_checkpoints(), key=lambda name: name != WIDEST)
    if first is None and not bundled:
        raise CheckpointError("there is no bundled checkpoint; name one with --checkpoint, or train one first")
    return tuple(dict.fromkeys((*filter(None, [first]), *bundled, *published_checkpoints())))


class Models:
    """Keeps the recognizers and lets them work.

    sources: folders, names or repo ids of the checkpoints that visitors may choose, the default first; it is loaded at
    once, so that a wrong one is found before anybody waits (CheckpointError). Visitors know them by ``checkpoints``:
    a folder by its last name, which tells nothing of this machine. device: "auto", "cpu" or "cuda". by_hand: whether
    visitors may also name any folder of this machine and any repo id, as the owner of the machine may.
    on_device: wraps the generator function that computes, for hosts that lend a GPU to one function only.
    """

    def __init__(
        self,
        sources: Sequence[str],
        device: str = "auto",
        on_device: Callable[[Run], Run] | None = None,
        *,
        by_hand: bool = False,
    ) -> None:
        self._sources: dict[str, str] = {}
        for source in sources:
            self._sources.setdefault(Path(source).name if Path(source).is_dir() else source, source)
        self.checkpoints = tuple(self._sources)
        #: whether anybody waits for what the calling thread computes; the page knows
        self.is_awaited: Callable[[], bool] = lambda: True
        self.by_hand = by_hand
        self._device = device
        self._kept: OrderedDict[str, Recognizer] = OrderedDict()  # the latest ones used
        self._in_use: WeakValueDictionary[str, Recognizer] = WeakValueDictionary()  # those, and any that still computes
        self._choices: tuple[ModelChoice, ...] | None = None
        self._described: dict[str, dict[str, Any]] = {}
        self._loading = threading.Lock()
        # one at a time where the device is lent, and on a GPU
        self._cores = Cores(1 if on_device is not None else available(find_device(device)))
        self._run: Run = self._run_here if on_device is None else on_device(self._run_here)
        self.recognizer(self.checkpoints[0])

    def model(self, checkpoint: str) -> ModelView:
        """What a checkpoint offers. Raises CheckpointError."""
        recognizer = self.recognizer(checkpoint)
        return ModelView(
            name=recognizer.name,
            labels=recognizer.labels,
            broader=recognizer.broader,
            playbacks=recognizer.playbacks,
            clip_seconds=recognizer.clip_seconds,
            card=recognizer.card,
        )

    def is_bundled(self, checkpoint: str) -> bool:
        """Whether it is here and checked, so that it is ready at once."""
        return checkpoint in self._sources and checkpoint not in published_checkpoints()

    def choices(self) -> tuple[ModelChoice, ...]:
        """What is offered, without loading it. Raises CheckpointError."""
        if self._choices is None:  # every menu asks
            self._choices = self._read_choices()
        return self._choices

    def _read_choices(self) -> tuple[ModelChoice, ...]:
        published, found = published_checkpoints(), []
        for name, source in self._sources.items():
            if name in published:
                found.append(ModelChoice(name, told=published[name]))
            else:
                family, config = describe_checkpoint(source)
                found.append(ModelChoice(name, family, config.classes[0], config.playbacks))
        return tuple(found)

    def fetch(self, checkpoint: str) -> Steps[None]:
        """Fetches a published model that is not here yet; tells bytes done and in all. Raises CheckpointError."""
        source = self._source(checkpoint)
        if checkpoint not in self._in_use:
            yield from fetch_checkpoint(source)

    def _source(self, checkpoint: str) -> str:
        if checkpoint not in self._sources and not self.by_hand:
            raise CheckpointError(f"there is no model {checkpoint!r}; there are: {', '.join(self.checkpoints)}")
        return self._sources.get(checkpoint, checkpoint)

    def recognizer(self, checkpoint: str) -> Recognizer:
        """The recognizer of a checkpoint, loaded if need be. Raises CheckpointError."""
        source = self._source(checkpoint)
        with self._loading:
            recognizer = self._in_use.get(checkpoint)
            if recognizer is None:
                recognizer = Recognizer.from_checkpoint(source, self._device)
            self._in_use[checkpoint] = recognizer
            self._kept[checkpoint] = recognizer
            self._kept.move_to_end(checkpoint)
            if len(self._kept) > RECOGNIZERS_KEPT:
                self._kept.popitem(last=False)
            return recognizer

    def describe(self) -> list[dict[str, Any]]:
        """What every checkpoint offers, by the names that visitors know, as plain data. Raises CheckpointError.

        Published models, which would have to be fetched to be described, are left out.
        """
        here = [name for name in self.checkpoints if name not in published_checkpoints()]
        for name in here:
            if name not in self._described:  # only so many models are kept, and loading all of them takes seconds
                self._described[name] = {**self.recognizer(name).describe(), "name": name}
        return [self._described[name] for name in here]

    def compute(self, checkpoint: str, work: Work, *arguments: Any) -> Generator[Any, None, None]:
        """What ``work(recognizer, *arguments)`` yields, the recognizer being that of a checkpoint; loaded if need be.

        Where the work returns an answer, as ``progress.Steps`` do, that comes last. Work and arguments must be able to
        travel to another process and back, as what comes of them must. Raises CheckpointError, at once.
        """
        # From now on, not from the first step on: other visitors may use other models meanwhile, and only so many are
        # kept without being in use.
        recognizer = self.recognizer(checkpoint)
        return self._in_turns(recognizer, self._run(checkpoint, work, arguments))

    def _in_turns(self, in_use: Recognizer, results: Iterator[Any]) -> Generator[Any, None, None]:
        """The results, one at a time. Cores are taken from one yield to the next, not for the whole: whoever stops
        listening blocks nobody. ``in_use``: the recognizer that computes them, which is kept as long as it does.
        Raises PlayItBackError as soon as nobody waits for them.
        """
        while True:
            if not self.is_awaited():
                raise PlayItBackError("nobody waits for the answer any more; ask again")
            with self._cores.take(wanted(in_use.parameters)):
                result = next(results, _END)
            if result is _END:
                return
            yield result

    def _run_here(self, checkpoint: str, work: Work, arguments: tuple[Any, ...]) -> Iterator[Any]:
        # Takes no lock: on a host that lends a GPU to this function alone it runs in a fork, where a lock held by
        # another thread would never be released.
        answer = yield from work(self._in_use[checkpoint], *arguments)
        if answer is not None:
            yield answer


_END = object()
