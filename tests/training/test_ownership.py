"""Claims about whose a run's folder is: one process's at a time, for as long as it lives."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from playitback.errors import SettingsError
from playitback.training.ownership import owned
from playitback.training.processes import Processes

ALONE = Processes(torch.device("cpu"))

OWNER = """
import os, sys, time, torch
from pathlib import Path
from playitback.training.ownership import owned
from playitback.training.processes import Processes
with owned(Path(sys.argv[1]), Processes(torch.device("cpu"))):
    helper = os.fork()
    if helper:
        print(helper, flush=True)
    time.sleep(600)
"""


@contextmanager
def owner(out: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that owns a folder, with a helper that outlives it."""
    command = [sys.executable, "-c", OWNER, str(out)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        helper = int(process.stdout.readline())
        try:
            yield process
        finally:
            process.kill()
            os.kill(helper, signal.SIGKILL)


def enter(out: Path, processes: Processes = ALONE) -> None:
    with owned(out, processes):
        pass


def test_second_process_is_refused_until_the_first_one_ends_however_it_does(tmp_path: Path) -> None:
    out = tmp_path / "run"
    with owner(out) as process:
        with pytest.raises(SettingsError, match=r"another training writes to \S+run at this moment; wait until"):
            enter(out)
        assert {path.name for path in out.iterdir()} == {"lock"}
        process.kill()
        process.wait()
        with owned(out, ALONE):  # although a helper of the other one still runs
            assert (out / "lock").exists()
    assert not out.exists()


def test_folder_has_no_owner_once_he_has_left(tmp_path: Path) -> None:
    (tmp_path / "state.pt").touch()
    for _ in range(2):
        with owned(tmp_path, ALONE), owned(tmp_path, ALONE):
            assert (tmp_path / "lock").exists()
    assert {path.name for path in tmp_path.iterdir()} == {"state.pt"}


def test_folder_that_nothing_came_to_is_not_left_behind(tmp_path: Path) -> None:
    with owned(tmp_path / "a" / "run", ALONE):
        assert (tmp_path / "a" / "run").is_dir()
    assert not (tmp_path / "a" / "run").exists()


def test_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match=r"file/run cannot be written .*choose another folder"):
        enter(tmp_path / "file" / "run")


def test_other_processes_of_a_run_are_refused_with_the_first_one(tmp_path: Path) -> None:
    class OfRefused(Processes):
        """The first process, which the second one asks, was refused."""

        def mean(self, value: torch.Tensor) -> torch.Tensor:
            return (value + 1) / 2

    with pytest.raises(SettingsError, match="the first process cannot have"):
        enter(tmp_path, OfRefused(torch.device("cpu"), rank=1, count=2))
    assert list(tmp_path.iterdir()) == []
