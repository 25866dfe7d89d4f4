"""The process that serves the page: where it leaves what visitors send, how it starts, how it ends."""

from __future__ import annotations

import errno
import os
import signal
import socket
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import soundfile
from gradio_client import Client, handle_file
from tiny import CLIP_SECONDS, RATE, chirp, tiny_checkpoint

from app import command_line, page, server

ROOT = Path(page.__file__).parent.parent
#: a server as far as its files are concerned
KEEPER = "from app import server; print(server.prepare(), flush=True); input()"
NO_PROXIES = urllib.request.build_opener(urllib.request.ProxyHandler({}))

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """start(*arguments of Python, **variables of the environment): a process whose temporary files lie in tmp_path."""
    processes = []

    def begin(*arguments: str, **variables: str) -> subprocess.Popen[str]:
        known = {name: value for name, value in os.environ.items() if name != "GRADIO_TEMP_DIR"}
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            env={**known, "TMPDIR": str(tmp_path), **variables},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process

    yield begin
    for process in processes:
        process.kill()
        process.communicate()


def folders(base: Path) -> list[Path]:
    return sorted(base.glob(f"{server.FOLDER_PREFIX}*"))


def folder_of(keeper: subprocess.Popen[str]) -> Path:
    assert keeper.stdout is not None
    return Path(keeper.stdout.readline().strip())


def serving(process: subprocess.Popen[str], port: int) -> str:
    """The address of a page, as soon as it answers."""
    address = f"http://127.0.0.1:{port}/"
    while process.poll() is None:
        try:
            with NO_PROXIES.open(address):
                return address
        except urllib.error.URLError:
            time.sleep(0.2)
    raise AssertionError(process.communicate()[1])


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_the_page_keeps_recordings_to_itself_and_leaves_nothing_when_it_is_told_to_end(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a machine with proxies that lead nowhere, an ffmpeg without ffprobe, and a /tmp/gradio of somebody else."""
    for name in ("models", "tools", "gradio"):
        (tmp_path / name).mkdir()
    (tmp_path / "gradio").chmod(0o500)
    ffmpeg = tmp_path / "tools" / "ffmpeg"
    ffmpeg.write_text("#!/bin/sh\nexit 1\n")
    ffmpeg.chmod(0o755)
    checkpoint, port = tiny_checkpoint(tmp_path / "models" / "tiny"), free_port()
    nowhere = {
        "http_proxy": "http://127.0.0.1:9",
        "https_proxy": "http://127.0.0.1:9",
        "ALL_PROXY": "socks5://127.0.0.1:9",
    }
    process = start(
        "app.py",
        "--checkpoint",
        str(checkpoint),
        "--device",
        "cpu",
        "--port",
        str(port),
        PATH=str(ffmpeg.parent),
        NUMBA_DISABLE_JIT="1",  # what the page compiles for its first visitor takes long
        **nowhere,
    )
    address = serving(process, port)
    clip = tmp_path / "private.wav"
    soundfile.write(clip, chirp(CLIP_SECONDS), RATE)
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    client = Client(address, verbose=False, download_files=tmp_path / "downloads")
    assert client.predict(handle_file(clip), playbacks=0, api_name="/windows")["recording"]["name"] == "private.wav"
    (folder,) = folders(tmp_path)
    assert list(folder.rglob("private.wav"))
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert list((tmp_path / "gradio").iterdir()) == []
    assert [path.name for path in tmp_path.glob("playitback*")] == [folder.name]
    process.send_signal(signal.SIGTERM)
    _, told = process.communicate()
    assert process.returncode == 128 + signal.SIGTERM
    assert "Traceback" not in told
    assert not folder.exists()


def test_an_address_of_ipv6_is_written_as_addresses_are() -> None:
    assert server.in_url("::1") == "[::1]"
    for given in ("[::]", "localhost", "127.0.0.1", None):
        assert server.in_url(given) == given


@pytest.mark.parametrize("given", ["0", "70000", "-1", "http", "9" * 5000])
def test_what_is_no_port_is_told_before_anything_is_loaded(start: Start, given: str) -> None:
    process = start("app.py", f"--port={given}")
    _, told = process.communicate()
    assert process.returncode == 2
    assert "is no port; give a whole number from 1 to 65535" in told


def test_an_mcp_server_without_its_package_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command_line, "find_spec", lambda name: None)
    assert not command_line.parse([]).mcp
    with pytest.raises(SystemExit):
        command_line.parse(["--mcp"])
    assert "pip install -r requirements-mcp.txt" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_can_be_ended_before_it_serves(start: Start, tmp_path: Path, number: signal.Signals) -> None:
    keeper = start("-c", KEEPER)
    folder = folder_of(keeper)
    keeper.send_signal(number)
    _, told = keeper.communicate()
    assert keeper.returncode == 128 + number
    assert told == ""
    assert not folder.exists()


def test_what_a_killed_server_left_goes_when_the_next_one_starts(start: Start, tmp_path: Path) -> None:
    living, killed = start("-c", KEEPER), start("-c", KEEPER)
    kept, left = folder_of(living), folder_of(killed)
    for folder in (kept, left):
        (folder / "uploads" / "clip.wav").write_bytes(b"somebody's voice")
    killed.kill()
    killed.wait()
    assert left.exists()
    new = folder_of(start("-c", KEEPER))
    assert folders(tmp_path) == sorted([kept, new])
    assert (kept / "uploads" / "clip.wav").exists()


def test_a_folder_that_only_looks_like_one_of_ours_is_left_alone(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "lock").touch()
    (tmp_path / f"{server.FOLDER_PREFIX}link").symlink_to(precious)
    (tmp_path / f"{server.FOLDER_PREFIX}just-being-made").mkdir()
    (tmp_path / f"{server.FOLDER_PREFIX}file").touch()
    server.delete_abandoned(tmp_path)
    assert len(folders(tmp_path)) == 3
    assert (precious / "lock").exists()


def test_a_folder_for_temporary_files_of_gradio_is_where_ours_is_made(start: Start, tmp_path: Path) -> None:
    wanted = tmp_path / "large disk" / "page"
    assert folder_of(start("-c", KEEPER, GRADIO_TEMP_DIR=str(wanted))).parent == wanted


def test_a_place_that_takes_no_files_ends_the_page_with_a_sentence(start: Start, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    for place in (file, file / "below", Path("/proc/nowhere")):
        process = start("app.py", GRADIO_TEMP_DIR=str(place))
        _, said = process.communicate(timeout=60)
        assert process.returncode == 2
        assert said.startswith(f"The page cannot write into {place}: ")
        assert said.count("\n") == 1


def test_a_full_disk_ends_the_page_with_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", "/disk")
    with pytest.raises(SystemExit, match="2"), server.in_room():
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/disk/dog.wav")
    assert capsys.readouterr().err == (
        "The page cannot write into /disk: No space left on device. Make room there, or name another folder in "
        "GRADIO_TEMP_DIR.\n"
    )


def test_half_an_upload_is_deleted_by_its_age(tmp_path: Path) -> None:
    half, example, deep = tmp_path / "tmpabcdef", tmp_path / "example.wav", tmp_path / "0123" / "clip.wav"
    deep.parent.mkdir()
    for path in (half, example, deep):
        path.write_bytes(b"RIFF")
        os.utime(path, (0, 0))  # as copies of old files are
    server.delete_old(tmp_path, 3600, {str(example)})
    assert all(path.exists() for path in (half, example, deep))
    server.delete_old(tmp_path, -1, {str(example)})
    assert [path.exists() for path in (half, example, deep)] == [False, True, False]


def test_proxies_are_there_again_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://proxy.example:3128")
    for before in (None, "intranet.example"):
        if before is None:
            monkeypatch.delenv("no_proxy", raising=False)
        else:
            monkeypatch.setenv("no_proxy", before)
        with server.no_proxies():
            assert urllib.request.proxy_bypass("127.0.0.1")
        assert os.environ.get("no_proxy") == before
        assert urllib.request.getproxies()["http"] == "http://proxy.example:3128"
