"""What tests of corpora share: an order as the command gives it, and what a data set holds."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from playitback.checkpoint import checkpoint_digest
from playitback.corpus.hearing import Order, hear_here
from playitback.corpus.run import Engine, Summary, hear_corpus
from playitback.corpus.units import UNIT_WINDOWS, Lengths
from playitback.progress import finish
from playitback.recognizer import Recognizer

UNFINISHED = ".unfinished"
OF_THE_RUN = ("settings",)  # columns that tell how a row came to be


def order_of(
    checkpoint: Path,
    out: Path,
    *,
    hop_seconds: float | None = None,
    unit_windows: int = UNIT_WINDOWS,
    playbacks: int = 0,
    channel: int | None = None,
) -> Order:
    """For the CPU."""
    recognizer = Recognizer.from_checkpoint(checkpoint, "cpu")
    lengths = Lengths(recognizer.clip_seconds, recognizer.sample_rate, hop_seconds, unit_windows)
    digest = checkpoint_digest(checkpoint)
    settings = {"model": recognizer.name, "digest": digest, "hop_seconds": hop_seconds, "unit_windows": unit_windows}
    return Order(out, str(checkpoint), "cpu", lengths, playbacks, channel, settings)


def hear(order: Order, recordings: Sequence[Path], engine: Engine | None = None) -> Summary:
    """In this process, unless an engine is given."""
    recognizer = Recognizer.from_checkpoint(order.checkpoint, "cpu")
    here: Engine = partial(hear_here, recognizer=recognizer)
    return finish(hear_corpus(order, [str(each) for each in recordings], engine or here))


def parts(out: Path) -> list[Path]:
    """Files of the data set."""
    return sorted((out / "windows").glob("shard=*/*.parquet"))


def rows(out: Path) -> list[dict[str, Any]]:
    """All windows of a data set, by recording and index."""
    found = [row for path in parts(out) for row in pq.ParquetFile(path).read().to_pylist()]
    return sorted(found, key=lambda row: (row["recording"], row["window"]))


def heard(out: Path) -> list[dict[str, Any]]:
    """``rows`` without what is different in another run of other units."""
    return [{name: value for name, value in row.items() if name not in OF_THE_RUN} for row in rows(out)]


def windows(out: Path) -> list[tuple[str, int]]:
    """Name of the recording and index of every window, as often as it is there, in order."""
    return sorted((Path(row["recording"]).name, row["window"]) for row in rows(out))


def failures(out: Path) -> list[dict[str, Any]]:
    """The table of failures; [] where there is none."""
    path = out / "failures.parquet"
    found: list[dict[str, Any]] = pq.ParquetFile(path).read().to_pylist() if path.exists() else []
    return found


def description(out: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((out / "corpus.json").read_text(encoding="utf-8"))
    return found
