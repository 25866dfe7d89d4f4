"""A stand-in for huggingface.co on this machine: what huggingface_hub asks of it, answered from a folder."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlparse

import huggingface_hub
import pytest

COMMIT = "0123456789abcdef0123456789abcdef01234567"
CHUNK_BYTES = 4096


class Served:
    """One repo; ``gate`` may be closed, so that files stop halfway until it is opened."""

    def __init__(self, repo_id: str, folder: Path) -> None:
        self.repo_id, self.folder = repo_id, folder
        self.address = ""
        self.fetched: list[str] = []  # names of the files that were sent
        self.hangs_up = False  # in place of sending a file
        self.gate = threading.Event()
        self.gate.set()


@contextmanager
def serve_repo(repo_id: str, folder: Path) -> Iterator[Served]:
    """The files of a folder as a repo, at ``Served.address``."""
    served = Served(repo_id, folder)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self._answer(with_body=False)

        def do_GET(self) -> None:
            self._answer(with_body=True)

        def _answer(self, *, with_body: bool) -> None:
            path = urlparse(self.path).path
            if path.startswith(f"/api/models/{repo_id}/tree/"):
                files = [
                    {"type": "file", "path": each.name, "size": each.stat().st_size, "oid": _digest(each)}
                    for each in sorted(folder.iterdir())
                    if each.is_file()
                ]
                self._send(json.dumps(files).encode(), {"Content-Type": "application/json"}, with_body)
            elif path.startswith(f"/api/models/{repo_id}"):
                told = {"id": repo_id, "sha": COMMIT, "siblings": [], "private": False, "tags": []}
                self._send(json.dumps(told).encode(), {"Content-Type": "application/json"}, with_body)
            elif path.startswith(f"/{repo_id}/resolve/") and (file := folder / path.rpartition("/")[2]).is_file():
                if with_body and served.hangs_up:
                    self.close_connection = True
                    return
                if with_body:
                    served.fetched.append(file.name)
                about = {"ETag": f'"{_digest(file)}"', "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}
                self._send(file.read_bytes(), about, with_body)
            else:
                self.send_response(404)
                self.send_header("X-Error-Code", "RepoNotFound")
                self.send_header("Content-Length", "0")
                self.end_headers()

        def _send(self, body: bytes, headers: dict[str, str], with_body: bool) -> None:
            self.send_response(200)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            for begin in range(0, len(body) if with_body else 0, CHUNK_BYTES):
                if begin > len(body) // 2:
                    served.gate.wait(60)
                self.wfile.write(body[begin : begin + CHUNK_BYTES])
                self.wfile.flush()

        def log_message(self, *_: object) -> None:
            """Nothing is printed."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served.address = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield served
    finally:
        served.gate.set()
        server.shutdown()
        server.server_close()


def point_at(address: str, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Has huggingface_hub ask an address, and keep what it fetches in a folder of its own."""
    constants = huggingface_hub.constants
    template = constants.HUGGINGFACE_CO_URL_TEMPLATE.replace(constants.ENDPOINT, address)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "ENDPOINT", address)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)


def _digest(file: Path) -> str:
    return hashlib.sha1(file.read_bytes()).hexdigest()
