"""What stands where a command would write, and is not its own: left as it is, or refused; nobody is kept waiting."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest
from shell import Run, assert_one_sentence

from playitback.commands import explain as command


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


# folders that may not be entered


def _close(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What lies in it, and what would be made in it, can no longer be reached, though it can be listed.

    The system would let whoever runs these tests as root in, whatever the rights of the folder are.
    """
    stat, mkdir = os.stat, Path.mkdir

    def refuse(path: object) -> None:
        if isinstance(path, str | os.PathLike) and Path(folder) in Path(os.fspath(path)).parents:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    def asked(path: str | Path, *arguments: object, **named: object) -> os.stat_result:
        refuse(path)
        return stat(path, *arguments, **named)  # type: ignore[arg-type]

    def made(path: Path, *arguments: object, **named: object) -> None:
        refuse(path)
        mkdir(path, *arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "stat", asked)
    monkeypatch.setattr(Path, "stat", lambda path, **named: asked(path, **named))
    monkeypatch.setattr(Path, "mkdir", made)


@pytest.mark.parametrize("name", ["explain", "windows"])
def test_recordings_in_a_folder_that_may_not_be_entered_spoil_no_others(
    run: Run, model_folder: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    shut = tmp_path / "shut"
    shutil.copytree(folder, shut)
    model = ("--checkpoint", model_folder, "--device", "cpu", "--playbacks", 0)
    _close(shut, monkeypatch)
    status, output, error = run(name, *model, shut / "a.wav", folder / "a.wav", "--out", tmp_path / "out")
    assert status == 2
    assert "playitback: a.wav cannot be opened (Permission denied); check its name and your right to read it" in error
    assert str(tmp_path / "out") in output + error
    status, _, error = run(name, *model, shut, "--out", tmp_path / "other")
    assert status == 2
    assert error.splitlines()[-1].startswith("playitback: ")
    assert "cannot be opened (Permission denied)" in error


@pytest.mark.parametrize("name", ["explain", "windows"])
def test_an_out_in_a_folder_that_may_not_be_entered_is_refused(
    run: Run, model_folder: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / "shut").mkdir()
    _close(tmp_path / "shut", monkeypatch)
    status, output, error = run(name, "--checkpoint", model_folder, folder, "--out", tmp_path / "shut" / "deep" / "o")
    assert (status, output) == (2, "")
    assert_one_sentence(error, "cannot be made a folder (Permission denied); choose another --out")


def test_whatever_the_system_does_not_let_one_have_is_told_in_a_sentence(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), "/data/a\x1b[2J")

    monkeypatch.setattr(command, "find_recordings", refused)
    status, output, error = run("explain", folder)
    assert (status, output) == (2, "")
    assert_one_sentence(error, r"/data/a\x1b[2J cannot be reached (Permission denied); check your rights there")
