"""The example of docs/corpus.md, run as it stands there on a data set of that name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from corpora import hear, order_of, rows
from tiny import RATE, noise, tiny_checkpoint

from playitback import audio
from playitback.corpus.dataset import WINDOWS
from playitback.corpus.units import UNIT_WINDOWS

TEXT = (Path(__file__).parents[2] / "docs" / "corpus.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def season(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three recordings: at eleven and at noon, and one that tells no time."""
    folder = tmp_path_factory.mktemp("season")
    paths = [folder / name for name in ("20240131_110000.wav", "20240201_120000.wav", "untold.wav")]
    for path in paths:
        audio.write_wav(path, noise(8.0), RATE)
    hear(order_of(tiny_checkpoint(folder / "tiny"), folder / "season-heard"), paths)
    return folder


def test_the_example_tells_hours_and_best_examples(
    season: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(season)
    (example,) = re.findall(r"^```python\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
    names: dict[str, object] = {}
    exec(compile(example, "docs/corpus.md", "exec", dont_inherit=True), names)
    head, *_ = capsys.readouterr().out.splitlines()
    assert head.split() == ["clock", "11", "12"]
    hours, best = names["hours"], names["best"]
    assert hours.to_numpy().sum() == 8  # type: ignore[attr-defined]
    assert len(best) == 5  # type: ignore[arg-type]


def test_every_column_is_described(season: Path) -> None:
    table = TEXT.partition("| column |")[2].partition("\n\n")[0]
    described = {name for line in table.splitlines() for name in re.findall(r"`(\w+)`", line.split("|")[1])}
    assert described == rows(season / "season-heard")[0].keys()
    assert f"{WINDOWS}/shard=" in TEXT
    assert f"*units* of {UNIT_WINDOWS} windows" in TEXT
