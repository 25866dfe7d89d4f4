"""Many visitors at once: ``python -m tests.load`` starts the page on a free port of this machine, lets 16 clients ask
/explain at the same time, and tells how long they waited and whether each got what it gets alone, bit for bit.

They ask by plain HTTP: gradio_client needs two thirds of the time that the page needs for an answer, on the same cores.
It ends by itself: with status 0 where every answer came and none differed, else 1, and 2 for a request that is no good.
``--url`` takes a page that runs already, on this machine only: nobody else's server is to be put under load.
"""

from __future__ import annotations

import argparse
import ipaddress
import json
import math
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "assets" / "examples"
MOST_CLIENTS, MOST_ROUNDS, MOST_MINUTES = 64, 20, 15.0


@dataclass(frozen=True)
class Load:
    """What came of it."""

    seconds: tuple[float, ...]  # that each answer took, from the upload on, sorted
    different: tuple[str, ...]  # clips of which an answer was not the one that they get alone
    failed: tuple[str, ...]  # what was said instead of an answer

    @property
    def is_good(self) -> bool:
        return bool(self.seconds) and not self.different and not self.failed

    def sentences(self) -> Iterator[str]:
        answers = len(self.seconds)
        if answers:
            median, p95 = (self.seconds[math.ceil(share * answers) - 1] for share in (0.5, 0.95))
            longest = self.seconds[-1]
            yield f"{answers} answers: median {median:.2f} s, 95th percentile {p95:.2f} s, longest {longest:.2f} s"
            yield (
                f"{len(self.different)} of them differ from what the clip gets alone: {', '.join(self.different)}"
                if self.different
                else "every answer is the one that its clip gets alone, bit for bit"
            )
        if self.failed:
            yield f"{len(self.failed)} failed, the first with: {self.failed[0]}"


class RequestError(ValueError):
    """What was asked for is not done; says why and what to do."""


def check_address(url: str) -> str:
    """The address. Raises RequestError unless it is http on this machine: a loopback address, or localhost."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        is_here = ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_here = host == "localhost"
    if parts.scheme != "http" or not is_here:
        raise RequestError(f"{url} is not a page on this machine; give one such as http://127.0.0.1:7860/")
    return url


def put_under_load(
    url: str, clips: Sequence[Path], *, clients: int = 16, rounds: int = 3, minutes: float = 5.0
) -> Load:
    """Asks for each clip alone, then lets all clients ask at once, ``rounds`` times each, every time for another clip.

    What has no answer after so many minutes has failed. Raises RequestError for an address elsewhere, for counts or
    minutes out of bounds, and where there is no page, or no answer to a clip alone.
    """
    check_address(url)
    for name, value, most in (("clients", clients, MOST_CLIENTS), ("rounds", rounds, MOST_ROUNDS)):
        if not 1 <= value <= most:
            raise RequestError(f"{name} is {value}; give 1 to {most}")
    if not 0 < minutes <= MOST_MINUTES:
        raise RequestError(f"minutes is {minutes:g}; give more than 0, up to {MOST_MINUTES:g}")
    end = time.monotonic() + 60 * minutes
    try:
        visitors = [_client(url) for _ in range(clients)]
        alone = {clip: _ask(visitors[0], clip, end) for clip in clips}
    except Exception as error:  # whatever it is, there is nothing to compare with
        raise RequestError(f"{url} gives no answers ({_said(error)}); see that a page runs there") from error
    start = threading.Barrier(clients)
    seconds: list[float] = []
    different: list[str] = []
    failed: list[str] = []

    def visit(number: int) -> None:
        start.wait()
        for turn in range(rounds):
            clip = clips[(number + turn) % len(clips)]
            begin = time.monotonic()
            try:
                answer = _ask(visitors[number], clip, end)
            except Exception as error:  # whatever it is, it is told
                failed.append(_said(error))
                continue
            seconds.append(time.monotonic() - begin)
            if answer != alone[clip]:
                different.append(clip.name)

    with ThreadPoolExecutor(clients) as threads:
        list(threads.map(visit, range(clients)))
    return Load(tuple(sorted(seconds)), tuple(different), tuple(failed))


def _client(url: str) -> httpx.Client:
    """Of this machine, where no proxy is asked."""
    return httpx.Client(base_url=url, trust_env=False)


def _said(error: Exception) -> str:
    return f"{type(error).__name__} {error}".strip()


def _ask(client: httpx.Client, clip: Path, end: float) -> str:
    """The explanation of a clip, as JSON.

    Raises TimeoutError where it has not come by the end, and HTTPError or RuntimeError where another answer comes.
    """
    client.timeout = max(end - time.monotonic(), 1e-3)
    with clip.open("rb") as sound:
        (uploaded,) = client.post("gradio_api/upload", files={"files": (clip.name, sound)}).raise_for_status().json()
    recording = {"path": uploaded, "meta": {"_type": "gradio.FileData"}}
    event = client.post("gradio_api/call/explain", json={"data": [recording]}).raise_for_status().json()["event_id"]
    with client.stream("GET", f"gradio_api/call/explain/{event}") as answer:
        kind = ""
        for line in answer.iter_lines():
            name, _, value = line.partition(": ")
            if name == "event":
                kind = value
            elif name == "data" and kind == "complete":
                explanation, *_ = json.loads(value)
                return json.dumps(explanation, sort_keys=True)
            elif name == "data" and kind == "error":
                raise RuntimeError(value)
            if time.monotonic() > end:  # the page sends signs of life meanwhile
                raise TimeoutError
    raise RuntimeError("the answer broke off")


@contextmanager
def page(checkpoint: str | None, patience_seconds: float) -> Iterator[str]:
    """The address of a page that was started for this, and ends with it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    given = [] if checkpoint is None else ["--checkpoint", checkpoint]
    process = subprocess.Popen(
        [sys.executable, "app.py", "--host", "127.0.0.1", "--port", str(port), *given],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}/"
    try:
        _wait_for(url, process, time.monotonic() + patience_seconds)
        yield url
    finally:
        process.terminate()
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()


def _wait_for(url: str, process: subprocess.Popen[bytes], end: float) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while process.poll() is None and time.monotonic() < end:
        try:
            opener.open(url, timeout=10).close()
            return
        except (urllib.error.URLError, TimeoutError):
            time.sleep(0.2)
    raise RequestError("the page did not start; see what python app.py says")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.load", description=__doc__.partition("\n\n")[0])
    parser.add_argument("--url", help="of a page that runs on this machine; without it, one is started")
    parser.add_argument("--checkpoint", help="of the page that is started; default: those that are bundled")
    parser.add_argument("--clients", type=int, default=16, help="default: %(default)s")
    parser.add_argument("--rounds", type=int, default=3, help="how often each client asks; default: %(default)s")
    parser.add_argument("--minutes", type=float, default=5.0, help="after which it ends; default: %(default)s")
    given = parser.parse_args(arguments)
    clips = sorted(path for path in EXAMPLES.iterdir() if path.suffix in (".wav", ".flac"))
    bounds = {"clients": given.clients, "rounds": given.rounds, "minutes": given.minutes}
    try:
        if given.url is not None:
            load = put_under_load(given.url, clips, **bounds)
        else:
            with page(given.checkpoint, patience_seconds=60 * given.minutes) as url:
                load = put_under_load(url, clips, **bounds)
    except (RequestError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    for sentence in load.sentences():
        print(sentence)
    return 0 if load.is_good else 1


if __name__ == "__main__":
    sys.exit(main())
