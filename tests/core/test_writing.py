"""Claims about files that are written whole: what was there stays until the new one is on the disk."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from playitback.errors import SettingsError
from playitback.writing import write_whole, write_whole_text


def test_new_file_takes_its_place_once_it_is_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, seen = tmp_path / "state", []
    flush = os.fsync

    def watch(opened: int) -> None:
        of_folder = os.path.samestat(os.fstat(opened), tmp_path.stat())
        seen.append((of_folder, path.read_text(encoding="utf-8")))
        flush(opened)

    write_whole_text(path, "old")
    monkeypatch.setattr(os, "fsync", watch)
    write_whole_text(path, "new")
    assert seen == [(False, "old"), (True, "new")]


def test_what_was_there_before_is_kept_if_that_is_asked_for(tmp_path: Path) -> None:
    path, before = tmp_path / "state", tmp_path / "before"
    for text in "abc":
        write_whole(path, lambda partial, text=text: partial.write_text(text), keep=before)  # type: ignore[misc]
    assert (path.read_text(), before.read_text()) == ("c", "b")
    assert {each.name for each in tmp_path.iterdir()} == {"state", "before"}


def test_whoever_may_read_other_files_of_the_process_may_read_this_one(tmp_path: Path) -> None:
    def write(partial: Path) -> None:  # as safetensors does
        partial.unlink(missing_ok=True)
        partial.touch(0o600)

    (tmp_path / "another").touch()
    write_whole(tmp_path / "weights", write)
    assert (tmp_path / "weights").stat().st_mode == (tmp_path / "another").stat().st_mode


def full(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("fails", ["write", "fsync"])
def test_full_disk_is_told_in_a_sentence_and_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    path = tmp_path / "state"
    write_whole_text(path, "old")
    if fails == "fsync":
        monkeypatch.setattr(os, "fsync", full)

    def write(partial: Path) -> None:
        partial.write_text("half")
        if fails == "write":
            full()

    with pytest.raises(SettingsError, match=r"state cannot be written \(No space left on device\); make room"):
        write_whole(path, write, keep=tmp_path / "before")
    assert {each.name: each.read_text() for each in tmp_path.iterdir()} == {"state": "old"}


def test_whatever_else_ends_the_writing_leaves_nothing_behind_either(tmp_path: Path) -> None:
    def write(partial: Path) -> None:
        partial.write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_whole(tmp_path / "state", write)
    assert list(tmp_path.iterdir()) == []


def test_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"cannot be written .*No such file or directory.*choose another folder"):
        write_whole_text(tmp_path / "nowhere" / "state", "new")
