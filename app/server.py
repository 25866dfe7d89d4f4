"""The process that serves the page: its own folder for what visitors send, no proxy on the way to itself, a clean end.

It knows no gradio, which reads what stands here when it is imported: so ``prepare`` comes first.
"""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from ipaddress import ip_address
from pathlib import Path
from types import FrameType
from typing import IO, Any

if sys.platform != "win32":  # where what a killed server left stays until somebody deletes it
    import fcntl

FOLDER_PREFIX = "playitback-page-"
_UPLOADS, _TEMPORARY, _LOCK = "uploads", "temporary", "lock"

#: kept open, and with it locked, as long as the process lives
_held: list[IO[bytes]] = []


def serves_itself(host: str | None) -> bool:
    """Whether a page at this address, or at the one that gradio takes by itself, is for this machine alone."""
    if host is None:  # a Space is for everybody, wherever it listens
        host = "" if "SPACE_ID" in os.environ else os.environ.get("GRADIO_SERVER_NAME", "127.0.0.1")
    try:
        return host == "localhost" or ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def in_url(host: str | None) -> str | None:
    """A host as it stands in an address, which is how gradio takes it: that of IPv6 in brackets."""
    return f"[{host}]" if host and ":" in host and not host.startswith("[") else host


def prepare() -> Path:
    """Makes all that this process writes lie in a folder of its own, and Ctrl-C and SIGTERM end it without a traceback.

    The folder is the owner's alone, below GRADIO_TEMP_DIR or where temporary files go, and is gone when the process
    ends. What servers left that were killed is deleted now. Returns the folder.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end)
    base = Path(os.environ.get("GRADIO_TEMP_DIR") or tempfile.gettempdir())
    base.mkdir(parents=True, exist_ok=True)
    delete_abandoned(base)
    folder = Path(tempfile.mkdtemp(prefix=FOLDER_PREFIX, dir=base))  # mode 700, under a name that nobody can foresee
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for name in (_UPLOADS, _TEMPORARY):
        (folder / name).mkdir(mode=0o700)
    _lock(folder)
    os.environ["GRADIO_TEMP_DIR"] = str(folder / _UPLOADS)
    os.environ["TMPDIR"] = tempfile.tempdir = str(folder / _TEMPORARY)
    return folder


def delete_abandoned(base: Path) -> None:
    """Deletes the folders of this user's servers that no longer live."""
    if sys.platform == "win32":
        return
    for folder in base.glob(f"{FOLDER_PREFIX}*"):
        # A folder of somebody else may be a trap, and one without a lock is just being made.
        with suppress(OSError):
            if folder.is_symlink() or folder.stat().st_uid != os.getuid():
                continue
            with (folder / _LOCK).open("rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # OSError: its server lives
                shutil.rmtree(folder, ignore_errors=True)


def _lock(folder: Path) -> None:
    """Tells other servers that this one lives; the system takes the lock from a process that ends, however it does."""
    if sys.platform != "win32":
        unlocked = folder / f"{_LOCK}.new"
        lock = unlocked.open("wb")
        fcntl.flock(lock, fcntl.LOCK_EX)
        unlocked.rename(folder / _LOCK)
        _held.append(lock)


def delete_old(folder: Path, seconds: float, kept: Collection[str]) -> None:
    """Deletes the files below a folder that came there longer ago, but for those in ``kept``.

    Gradio deletes on its own what it gave a visitor; this is for what it has lost sight of, such as half an upload.
    """
    oldest = time.time() - seconds
    for parent, _, names in os.walk(folder):
        for path in (os.path.join(parent, name) for name in names):
            with suppress(OSError):  # gone meanwhile
                # st_ctime: a copy has the time of what it was copied from
                if path not in kept and os.lstat(path).st_ctime < oldest:
                    os.remove(path)


@contextmanager
def in_room() -> Iterator[None]:
    """Within, a full disk or a folder that takes no files ends the program with a sentence."""
    try:
        yield
    except OSError as error:
        base = os.environ.get("GRADIO_TEMP_DIR") or os.environ.get("TMPDIR") or "the folder for temporary files"
        sys.stderr.write(
            f"The page cannot write into {base}: {error.strerror}. Make room there, or name another folder in "
            "GRADIO_TEMP_DIR.\n"
        )
        raise SystemExit(2) from error


@contextmanager
def no_proxies() -> Iterator[None]:
    """Within, programs that ask the environment for a proxy find none.

    Gradio asks its own page whether it runs, through any proxy that there is; and httpx cannot even be imported by it
    where the proxy is one of SOCKS. Models may still be fetched through a proxy afterwards.
    """
    before = os.environ.get("no_proxy")
    os.environ["no_proxy"] = "*"
    try:
        yield
    finally:
        if before is None:
            del os.environ["no_proxy"]
        else:
            os.environ["no_proxy"] = before


def serve(demo: Any, folder: Path, *, hours_kept: float, seconds_between_deletions: float, **settings: Any) -> None:
    """Launches the page and serves it until the process is told to end. settings: of ``launch``.

    Raises OSError where there is no such address, or no free port.
    """
    kept = {path for block in demo.blocks.values() for path in getattr(block, "keep_in_cache", ())}

    def delete_on_schedule() -> None:
        while True:
            time.sleep(seconds_between_deletions)
            delete_abandoned(folder.parent)
            delete_old(folder / _UPLOADS, hours_kept * 3600, kept)

    threading.Thread(target=delete_on_schedule, daemon=True).start()
    try:
        with no_proxies():
            demo.launch(prevent_thread_lock=True, **settings)
        demo.block_thread()
    except SystemExit as end:  # a signal
        demo.close(verbose=False)
        shutil.rmtree(folder, ignore_errors=True)
        sys.stdout.flush()
        # A model that computes for a visitor would keep the process until it is done.
        os._exit(end.code if isinstance(end.code, int) else 0)


def _end(number: int, frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_DFL)  # the second time, at once
    raise SystemExit(128 + number)
