"""Claims about ``corpus``: what it takes and refuses; and every window is a row exactly once, whoever is killed."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile
from corpora import UNFINISHED, description, failures, heard, parts, rows, windows
from shell import Run, assert_one_sentence
from tiny import RATE, noise

from playitback import audio
from playitback.corpus import cluster, dataset

ROOT = Path(__file__).resolve().parents[2]
SECONDS, WINDOWS = 10.0, 81  # of a recording that is heard for a while
HOP = ("--hop", "0.1")
PATIENCE_SECONDS = 400  # as long as the machine may be busy otherwise


@pytest.fixture
def corpus(run: Run, model_folder: Path, tmp_path: Path) -> Run:
    """One hearing of every window, into ``out``."""

    def call(*arguments: object) -> tuple[int, str, str]:
        given = [
            *(() if "--checkpoint" in arguments else ("--checkpoint", model_folder)),
            *(() if "--playbacks" in arguments else ("--playbacks", 0)),
            *(() if "--out" in arguments else ("--out", tmp_path / "out")),
        ]
        return run("corpus", *arguments, *given, "--device", "cpu")

    return call


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three recordings of 1, 2 and 3 windows, one of them in a folder of its own."""
    folder = tmp_path / "recordings"
    for number, name in enumerate(("a.wav", "b.wav", "deeper/c.wav"), 1):
        (folder / name).parent.mkdir(exist_ok=True, parents=True)
        audio.write_wav(folder / name, noise(2.0 * number, seed=number), RATE)
    return folder


def all_of(*names: str) -> list[tuple[str, int]]:
    return [(f"{name}.wav", window) for name in names for window in range("abc".index(name) + 1)]


@pytest.fixture(scope="module")
def long_recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of eight, of which no more than two make a part."""
    folder = tmp_path_factory.mktemp("long")
    for number in range(8):
        audio.write_wav(folder / f"{number}.wav", noise(SECONDS, seed=number), RATE)
    return folder


def every_window(folder: Path) -> list[tuple[str, int]]:
    return [(path.name, window) for path in sorted(folder.iterdir()) for window in range(WINDOWS)]


# what it is given


def test_a_folder_becomes_a_data_set(corpus: Run, folder: Path, tmp_path: Path) -> None:
    status, output, error = corpus(folder)
    assert (status, error) == (0, "")
    out = tmp_path / "out"
    assert output == (
        f"{out / 'windows'}: 6 windows of 3 recordings, 0 of them heard before; 0 could not be heard, or not wholly\n"
    )
    assert windows(out) == all_of("a", "b", "c")
    assert sorted(path.name for path in out.iterdir()) == ["corpus.json", "windows"]
    assert pq.read_table(out / "windows").num_rows == 6  # as whoever reads it would
    assert description(out).items() >= {"model": "tiny", "playbacks": 0, "hop_seconds": None}.items()


@pytest.mark.parametrize("kind", ["txt", "parquet"])
def test_a_list_names_recordings_from_where_it_lies(
    corpus: Run, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    paths = ["recordings/a.wav", str(folder / "b.wav"), "recordings/../recordings/a.wav"]
    given = tmp_path / f"list.{kind}"
    if kind == "txt":
        given.write_text("\n".join(paths) + "\n\n", encoding="utf-8")
    else:
        pq.write_table(pa.table({"path": paths, "site": ["x", "y", "z"]}), given)
    monkeypatch.chdir("/")
    status, output, _ = corpus(given, folder / "deeper", "--json")
    assert status == 0
    assert json.loads(output) == {
        "schema": "playitback.corpus/1",
        "out": str(tmp_path / "out"),
        "recordings": 3,
        "kept": 0,
        "windows": 6,
        "failures": 0,
    }
    assert windows(tmp_path / "out") == all_of("a", "b", "c")


def test_the_same_command_goes_on_with_what_was_added(corpus: Run, folder: Path, tmp_path: Path) -> None:
    corpus(folder / "a.wav")
    status, output, _ = corpus(folder)
    assert status == 0
    assert "6 windows of 3 recordings, 1 of them heard before" in output
    assert windows(tmp_path / "out") == all_of("a", "b", "c")


def test_what_cannot_be_read_is_counted_and_named(corpus: Run, folder: Path, tmp_path: Path) -> None:
    for number in range(7):
        (folder / f"broken-{number}.wav").write_bytes(b"this is no sound" * 9)
    status, output, error = corpus(folder)
    assert status == 2
    assert "7 could not be heard, or not wholly" in output
    first, *_, last = error.splitlines()
    assert first.startswith("playitback: from 0 s on: ")
    assert "broken-0.wav is not a sound file" in first
    assert last == f"playitback: and 2 more; {tmp_path / 'out' / 'failures.parquet'} has all"
    assert len(failures(tmp_path / "out")) == 7
    assert windows(tmp_path / "out") == all_of("a", "b", "c")


def test_a_name_that_is_no_text_is_heard_once(corpus: Run, folder: Path, tmp_path: Path) -> None:
    with soundfile.SoundFile(folder / "a.wav", "w", RATE, 1) as file:
        file.title = "March"
        file.write(noise(2.0))
    (folder / "a.wav").rename(folder / "M\udce4rz.wav")
    corpus(folder)
    (tmp_path / "list.txt").write_bytes(b"recordings/M\xe4rz.wav\n")
    assert "1 window of 1 recording, 1 of them heard before" in corpus(tmp_path / "list.txt")[1]
    assert (r"M\udce4rz.wav", 0) in windows(tmp_path / "out")
    assert len(rows(tmp_path / "out")) == 6


def test_one_channel_is_heard_where_it_is_asked_for(corpus: Run, folder: Path, tmp_path: Path) -> None:
    channels = [soundfile.read(folder / "deeper" / "c.wav")[0], noise(6.0, seed=9)]
    for name, kept in (("both", channels), ("second", channels[1:])):
        (tmp_path / name).mkdir()
        soundfile.write(tmp_path / name / "c.wav", np.stack(kept, axis=1), RATE)
        shutil.copy(folder / "b.wav", tmp_path / name)
    status, *_ = corpus(tmp_path / "both", "--channel", 2, "--out", tmp_path / "asked")
    assert status == 2
    (failure,) = failures(tmp_path / "asked")
    assert "channel 2 is asked for, but b.wav has one channel" in failure["reason"]
    assert description(tmp_path / "asked")["channel"] == 2
    corpus(tmp_path / "second" / "c.wav", "--out", tmp_path / "alone")
    asked, alone = ([(row["decision"], row["classes"]) for row in rows(tmp_path / name)] for name in ("asked", "alone"))
    assert asked == alone
    assert len(asked) == 3


# what it refuses


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ("--playbacks", 1),
            "heard with another model or other settings (playbacks was 0 and is 1); choose another --out",
        ),
        (("--hop", 1), "other settings (hop_seconds was null and is 1.0)"),
        (("--channel", 1), "other settings (channel was null and is 1)"),
        (("--checkpoint", "lively"), 'other settings (model was "tiny" and is "lively")'),
    ],
)
def test_other_settings_or_another_model_are_refused(
    corpus: Run, folder: Path, lively_folder: Path, tmp_path: Path, arguments: tuple[object, ...], told: str
) -> None:
    corpus(folder)
    before = {path: path.read_bytes() for path in parts(tmp_path / "out")}
    given = [lively_folder if each == "lively" else each for each in arguments]
    status, output, error = corpus(folder, *given)
    assert (status, output) == (2, "")
    assert_one_sentence(error, told)
    assert {path: path.read_bytes() for path in parts(tmp_path / "out")} == before


@pytest.mark.parametrize("name", ["windows", "failures.parquet", "corpus.json"])
def test_a_folder_of_something_else_is_left_as_it_is(corpus: Run, folder: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / name).write_text("[mine]", encoding="utf-8")
    status, _, error = corpus(folder)
    assert status == 2
    assert_one_sentence(error, f"{tmp_path / 'out' / name} is not", "choose another --out")
    assert (tmp_path / "out" / name).read_text(encoding="utf-8") == "[mine]"
    assert [path.name for path in (tmp_path / "out").iterdir()] == [name]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("",), "a name is empty"),
        (("nowhere.txt",), "nowhere.txt cannot be read (No such file or directory)"),
        (("empty.txt",), "empty.txt lists no recording"),
        (("other.parquet",), "other.parquet is not a parquet file with a column path of text"),
        (("recordings", "--hop", 0), "hop_seconds is 0.0; give 0.1 or more"),
        (("recordings", "--playbacks", 9), "tiny plays back 0 to 3 times, not 9"),
        (("recordings", "--workers", 0), "--workers is 0; give 1 or more"),
        (("recordings", "--checkpoint", "nothing"), "there is no checkpoint 'nothing'"),
    ],
)
def test_what_cannot_be_done_is_told_before_anything_is_written(
    corpus: Run, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[object, ...], told: str
) -> None:
    (tmp_path / "empty.txt").write_text("\n", encoding="utf-8")
    pq.write_table(pa.table({"file": [str(folder / "a.wav")]}), tmp_path / "other.parquet")
    monkeypatch.chdir(tmp_path)
    status, output, error = corpus(*arguments)
    assert (status, output) == (2, "")
    assert_one_sentence(error, told)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("package", "arguments", "told"),
    [
        ("pyarrow", (), "parquet files needs the package pyarrow, which is not installed"),
        ("ray", ("--workers", 2), "several workers need the package ray, which is not installed"),
        ("ray", ("--address", "auto"), "several workers need the package ray"),
    ],
)
def test_a_package_that_is_not_installed_is_named(
    corpus: Run, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    package: str, arguments: tuple[object, ...], told: str,
) -> None:  # fmt: skip
    there = importlib.util.find_spec
    for module in (dataset, cluster):
        monkeypatch.setattr(module, "find_spec", lambda each: None if each == package else there(each))
    status, output, error = corpus(folder, *arguments)
    assert (status, output) == (2, "")
    assert_one_sentence(error, told, "pip install -r requirements-corpus.txt")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("address", ["127.0.0.1:{}", "127.0.0.1:x"])
def test_where_no_cluster_answers_is_told_at_once(corpus: Run, folder: Path, address: str) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # and nobody listens
        address = address.format(closed.getsockname()[1])
        status, output, error = corpus(folder, "--address", address)
    assert (status, output) == (2, "")
    assert_one_sentence(error, f"there is no cluster of Ray at {address}", "check --address")


def test_one_worker_needs_no_ray(corpus: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    assert corpus(folder)[0] == 0


# who is killed


def begun(checkpoint: Path, folder: Path, out: Path, *options: str) -> subprocess.Popen[bytes]:
    """The command in a process of its own."""
    given = ["--checkpoint", str(checkpoint), "--device", "cpu", "--playbacks", "0", "--out", str(out), *HOP, *options]
    return subprocess.Popen(
        [sys.executable, "-m", "playitback", "corpus", str(folder), *given],
        cwd=ROOT,
        env={**os.environ, "RAY_worker_niceness": "0"},  # else Ray's workers let everybody else go first
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def wait_for(what: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    """Until it is so; the process must not end before."""
    for _ in range(PATIENCE_SECONDS * 100):
        if what():
            return
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    raise AssertionError("it is not so")


def test_a_process_that_is_killed_is_gone_on_with_and_every_window_is_there_once(
    corpus: Run, model_folder: Path, long_recordings: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with begun(model_folder, long_recordings, out) as process:
        wait_for(lambda: len(parts(out)) > 0, process)
        process.send_signal(signal.SIGKILL)
    left = windows(out)
    assert 0 < len(left) < len(every_window(long_recordings))
    (out / UNFINISHED).mkdir(exist_ok=True)
    (out / UNFINISHED / "half.parquet").write_bytes(b"PAR1")
    status, output, error = corpus(long_recordings, *HOP)
    assert (status, error) == (0, "")
    assert windows(out) == every_window(long_recordings)
    assert not (out / UNFINISHED).exists()
    assert " 0 of which" not in output


def workers_of(process: subprocess.Popen[bytes]) -> list[int]:
    """Processes that Ray runs the actors of a cluster in, which the process started."""
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,args="], capture_output=True, text=True, check=True).stdout
    parents, names = dict[int, int](), dict[int, str]()
    for line in listed.splitlines():
        pid, parent, name = line.split(maxsplit=2)
        parents[int(pid)], names[int(pid)] = int(parent), name

    def is_below(pid: int) -> bool:
        return pid == process.pid or (pid in parents and is_below(parents[pid]))

    return [pid for pid, name in names.items() if name.startswith("ray::MapWorker") and is_below(pid)]


def test_a_worker_of_a_cluster_that_is_killed_loses_no_window_and_doubles_none(
    corpus: Run, model_folder: Path, long_recordings: Path, tmp_path: Path
) -> None:
    out, one = tmp_path / "out", tmp_path / "one"
    with begun(model_folder, long_recordings, out, "--workers", "2") as process:
        wait_for(lambda: len(parts(out)) > 0, process)
        workers = workers_of(process)
        os.kill(workers[0], signal.SIGKILL)
        assert 0 < len(windows(out)) < len(every_window(long_recordings))
        output, error = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0, error
    assert len(workers) == 2
    assert f"{8 * WINDOWS} windows of 8 recordings".encode() in output
    assert windows(out) == every_window(long_recordings)
    corpus(long_recordings / "0.wav", *HOP, "--out", one)
    assert heard(one) == [row for row in heard(out) if row["recording"] == str(long_recordings / "0.wav")]
