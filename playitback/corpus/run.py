"""A run: what is missing of the recordings is heard, part by part, and taken into the data set."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass

from playitback.corpus.dataset import Dataset, Heard
from playitback.corpus.hearing import Order
from playitback.corpus.units import Failure, Missing, batches
from playitback.progress import Progress, Steps

#: hears batches of recordings, and tells of each part once its file is written
Engine = Callable[[Order, Sequence[Sequence[Missing]]], Generator[Heard, None, None]]


@dataclass(frozen=True)
class Summary:
    """What the data set holds of the recordings of a run."""

    recordings: int
    kept: int  # of them, that an earlier run had heard
    windows: int
    failures: tuple[Failure, ...]


def hear_corpus(order: Order, recordings: Sequence[str], engine: Engine) -> Steps[Summary]:
    """Yields a Progress, in recordings, after every part. recordings: whole paths, each once.

    Whoever stops listening ends the run; what was taken in by then stays. Raises SettingsError where the folder is
    not the run's, cannot be written, or an engine lacks what it needs; AudioError never.
    """
    with Dataset.owned(order.out, order.settings) as dataset:
        missing = dataset.missing(recordings)
        left = {each.recording for each in missing}
        kept = len(recordings) - len(left)
        yield Progress(kept, len(recordings))
        if missing:
            with closing(engine(order, batches(missing))) as parts:
                for heard in parts:
                    dataset.add(heard)
                    left -= {each.recording for each in heard.part.failures}
                    left -= {each.recording for each in heard.part.units if dataset.is_whole(each.recording)}
                    yield Progress(len(recordings) - len(left), len(recordings))
        failures = tuple(dataset.failures(recordings))
        return Summary(len(recordings), kept, dataset.count_rows(recordings), failures)
