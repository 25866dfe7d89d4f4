"""Hears a part and writes its file: what a worker does, be it this process or an actor of a cluster."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from platform import node
from typing import Any

from playitback.checkpoint import checkpoint_digest
from playitback.corpus.dataset import Heard, write_part
from playitback.corpus.rows import Row, hear_unit
from playitback.corpus.units import Lengths, Missing, Part, Unit, plan
from playitback.errors import SettingsError
from playitback.recognizer import Recognizer


@dataclass(frozen=True)
class Order:
    """What is asked for, the same on every machine; all paths are whole."""

    out: Path
    checkpoint: str
    device: str
    lengths: Lengths
    playbacks: int
    channel: int | None  # of every recording, counted from 1; None: they are mixed
    settings: dict[str, Any]  # of the data set


class PartHearer:
    """Holds the model."""

    def __init__(self, order: Order, recognizer: Recognizer) -> None:
        self._order = order
        self._recognizer = recognizer

    @classmethod
    def elsewhere(cls, order: Order) -> PartHearer:
        """On another machine than the one that gave the order.

        Raises SettingsError where the checkpoint of that name is another one there, CheckpointError where it is none.
        """
        if checkpoint_digest(order.checkpoint) != order.settings["digest"]:
            raise SettingsError(
                f"{order.checkpoint} is another checkpoint on {node()} than where the run was started; have the same "
                "one everywhere"
            )
        return cls(order, Recognizer.from_checkpoint(order.checkpoint, order.device))

    def hear(self, part: Part) -> Heard:
        """Writes the rows of a part beside the data set. Raises SettingsError where they cannot be written."""
        order = self._order
        rows: list[Row] = []
        done: list[tuple[Unit, int]] = []
        failures = [*part.failures]
        for unit in part.units:
            found, failure = hear_unit(
                self._recognizer, unit, order.lengths.hop_seconds, order.playbacks, order.channel
            )
            if failure is not None:
                failures.append(failure)
            if failure is None or failure.lasting:  # else the next run tries again
                rows += found
                done.append((unit, len(found)))
        return write_part(order.out, part.name, done, failures, rows, order.settings)


def hear_here(
    order: Order, batches: Sequence[Sequence[Missing]], recognizer: Recognizer
) -> Generator[Heard, None, None]:
    """One part after the other, in this process."""
    hearer = PartHearer(order, recognizer)
    for batch in batches:
        for part in plan(batch, order.lengths, order.channel):
            yield hearer.hear(part)
