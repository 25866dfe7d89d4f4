"""What stands where a command would write, and is not its own: left as it is, or refused; nobody is kept waiting."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from shell import JSON_ONLY, Run, assert_one_sentence
from tiny import RATE, tone

from playitback import audio


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three recordings."""
    folder = tmp_path / "rec"
    folder.mkdir()
    for name in ("a", "b", "c"):
        audio.write_wav(folder / f"{name}.wav", tone(0.5), RATE)
    return folder


@pytest.fixture
def explain(run: Run, model_folder: Path) -> Run:
    """Quickly: one hearing, explanation.json alone."""

    def call(*arguments: object) -> tuple[int, str, str]:
        given = ("--checkpoint", model_folder, "--device", "cpu", "--playbacks", 0, *JSON_ONLY)
        return run("explain", *given, *arguments)

    return call


@pytest.mark.parametrize("name", ["folder.json", "folder.jsonl"])
@pytest.mark.parametrize(
    "content",
    ["", "{", "null", "[]", "[" * 100_000, '{"schema":"playitback.folder/1","clips":[1],"run":{"clips":[1]}}'],
)
def test_what_is_no_table_of_ours_is_refused_whatever_it_holds(
    explain: Run, folder: Path, tmp_path: Path, name: str, content: str
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / name).write_text(content, encoding="utf-8")
    status, output, error = explain(folder, "--out", tmp_path / "out")
    assert (status, output) == (2, "")
    assert_one_sentence(error, f"{name} is not a table of explain; choose another --out, or rename it")
    assert (tmp_path / "out" / name).read_text(encoding="utf-8") == content


def test_what_stands_where_results_would_is_left_and_keeps_nobody_waiting(
    explain: Run, folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    (out / "b").mkdir(parents=True)
    (out / "a").symlink_to("nowhere")
    os.mkfifo(out / "b" / "explanation.json")
    assert explain(folder, "--out", out)[0] == 0
    found = sorted(path.name for path in out.iterdir())
    assert found == ["a", "a-2", "b", "b-2", "c", "folder.csv", "folder.json"]
