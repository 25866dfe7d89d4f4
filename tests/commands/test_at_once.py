"""Claims about two commands at once: the second one into the same tables, or of the same recording, is refused."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from shell import JSON_ONLY, Run, assert_one_sentence
from tiny import RATE, noise

from playitback import audio
from playitback.commands import explain, windows

HOLDER = """
import sys, time
from pathlib import Path
from playitback.errors import SettingsError
from playitback.locking import locked
with locked(Path(sys.argv[1]), sys.argv[2], SettingsError("taken")):
    print(flush=True)
    time.sleep(600)
"""


@contextmanager
def held(folder: Path, name: str) -> Iterator[None]:
    """By another process, which is killed in the end and leaves its file."""
    command = [sys.executable, "-c", HOLDER, str(folder), name]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield
        finally:
            process.kill()
    assert (folder / name).exists()


@pytest.fixture
def given(model_folder: Path, tmp_path: Path) -> tuple[object, ...]:
    """What both commands are told, to write into ``out``."""
    return "--checkpoint", model_folder, "--device", "cpu", "--playbacks", 0, "--out", tmp_path / "out"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two recordings."""
    folder = tmp_path / "rec"
    folder.mkdir()
    for name in ("a", "b"):
        audio.write_wav(folder / f"{name}.wav", noise(0.5), RATE)
    return folder


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("command", ["explain", "windows"])
def test_a_second_command_into_the_same_tables_is_refused_before_it_hears_anything(
    run: Run, given: tuple[object, ...], folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    options = (*given, *(JSON_ONLY if command == "explain" else ()))
    assert run(command, folder / "a.wav", folder / "b.wav", *options)[0] == 0
    done = {path: path.read_bytes() for path in sorted((tmp_path / "out").rglob("*")) if path.is_file()}
    with held(tmp_path / "out", "lock"), monkeypatch.context() as patch:
        patch.setattr(explain, "read_clip", lambda *_: pytest.fail("it was heard"))
        patch.setattr(windows, "classify_windows", lambda *_: pytest.fail("it was heard"))
        for recordings in ((folder,), (folder / "a.wav",)):  # the second stands in the tables
            status, output, error = run(command, *recordings, *options)
            assert (status, output) == (2, "")
            assert_one_sentence(error, "another command writes to", "out at this moment; wait until it has ended, or")
    assert {path: path.read_bytes() for path in done} == done
    audio.write_wav(folder / "a.wav", noise(0.6), RATE)
    assert run(command, folder, *options)[0] == 0  # nobody has it any more, although the file is there
    assert "lock" not in names(tmp_path / "out")


@pytest.mark.parametrize(
    ("command", "place", "marker"), [("explain", "a", ".explaining"), ("windows", ".", ".listening")]
)
def test_a_second_command_writes_no_results_of_the_same_recording(
    run: Run, given: tuple[object, ...], folder: Path, tmp_path: Path, command: str, place: str, marker: str
) -> None:
    options = (*given, *(JSON_ONLY if command == "explain" else ()))
    claimed = tmp_path / "out" / place
    claimed.mkdir(parents=True)
    (claimed / marker).write_text(str(folder / "a.wav"), encoding="utf-8")
    with held(claimed, f"{marker}.lock"):
        status, output, error = run(command, folder / "a.wav", *options)
        assert (status, output) == (2, "")
        assert_one_sentence(error, "another command writes to", "at this moment")
        assert run(command, folder / "b.wav", *options)[0] == 0  # another recording has another place
        assert (tmp_path / "out" / "b").is_dir()
    assert run(command, folder / "a.wav", *options)[0] == 0
    assert not {marker, f"{marker}.lock"} & {*names(claimed)}
    assert {"explanation.json", "windows.csv"} & {*names(claimed)}


@pytest.mark.parametrize("command", ["teach", "evidence"])
def test_a_second_command_with_other_results_of_its_own_is_refused(run: Run, tmp_path: Path, command: str) -> None:
    with held(tmp_path / "out", "lock"):
        status, _, error = run(command, "--data", tmp_path / "anything", "--out", tmp_path / "out")
        assert status == 2
        assert_one_sentence(error, "another command writes to")
