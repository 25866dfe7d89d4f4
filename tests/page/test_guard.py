"""What is let in: requests from where the page is for, without links, and of a bearable size."""

from __future__ import annotations

import asyncio
import errno
import http.client
import json
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import soundfile
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from tiny import CLIP_SECONDS, RATE, chirp, tiny_checkpoint

from app import guard, page, text
from app.guard import comes_from_here, names_a_link
from app.service import Models

ELSEWHERE = "https://example.org/clip.wav"
WRITES = "pathlib.Path.write_bytes"
LINK = {"path": ELSEWHERE, "meta": {"_type": "gradio.FileData"}}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory, serve: Callable[..., str]) -> str:
    models = Models([str(tiny_checkpoint(tmp_path_factory.mktemp("models") / "tiny"))], "cpu")
    return serve(page.build_page(models, []), **page.launch_settings(), mcp_server=True)


@pytest.fixture(scope="module", autouse=True)
def nothing_is_fetched() -> Any:
    """A test fails where the page so much as tries."""

    async def fetch(*asked: Any, **options: Any) -> Any:
        raise AssertionError(f"the page fetches {asked}")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gradio.processing_utils.async_ssrf_protected_get", fetch)
        patch.setattr("safehttpx.async_validate_url", fetch)
        yield


def ask(address: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, str]:
    """Status and answer of a request with other headers than an honest client would send."""
    there = urlsplit(address)
    connection = http.client.HTTPConnection(there.hostname or "", there.port, timeout=60)
    given = {"Host": there.netloc, "Content-Type": "application/json", **headers}
    connection.request("GET" if body is None else "POST", path, body, given)
    answer = connection.getresponse()
    found = answer.status, answer.read().decode()
    connection.close()
    return found


def outcome(address: str, function: str | int, data: list[Any]) -> str:
    """How an event of the page ends that is given data as a browser would give them."""
    event = {"data": data, "fn_index": function, "session_hash": "somebody"}
    status, told = ask(address, "/gradio_api/queue/join", json.dumps(event).encode())
    assert status == 200, told
    return ask(address, "/gradio_api/queue/data?session_hash=somebody")[1]


@pytest.mark.parametrize("name", [name for name in text.API_ENDPOINTS if name != "models"])
def test_no_endpoint_takes_a_recording_by_its_link(address: str, name: str) -> None:
    client = Client(address, verbose=False)
    with pytest.raises(AppError, match=r"not fetched from links; download it .* and upload the file"):
        client.predict(handle_file(ELSEWHERE), api_name=f"/{name}")


def test_neither_does_any_event_of_the_page_nor_a_link_within_other_json(address: str) -> None:
    functions = json.loads(ask(address, "/config")[1])["dependencies"]
    taking = [each for each in functions if each["inputs"] and each["backend_fn"] and each["queue"]]
    assert len(taking) > 20
    for each in taking:
        assert text.NO_LINKS in outcome(address, each["id"], [LINK] * len(each["inputs"]))
    assert names_a_link([{"0": [{"deep": LINK}]}])
    assert names_a_link({"path": "HTTP://example.org"})
    assert not names_a_link([{"path": "/tmp/http:/clip.wav", "url": ELSEWHERE}, ELSEWHERE, None, 3])


def test_what_does_not_wait_in_the_queue_takes_no_link_either(address: str) -> None:
    functions = json.loads(ask(address, "/config")[1])["dependencies"]
    direct = [each for each in functions if each["inputs"] and each["backend_fn"] and each["queue"] is False]
    assert len(direct) >= 4  # what describes recordings
    for each in direct:
        event = {"data": [LINK] * len(each["inputs"]), "fn_index": each["id"], "session_hash": "somebody"}
        status, told = ask(address, "/gradio_api/run/predict", json.dumps(event).encode())
        assert status == 500
        assert text.NO_LINKS in told


@pytest.mark.parametrize(
    "path",
    [f"file={ELSEWHERE}", f"file/{ELSEWHERE}", f"file=HTTP:{ELSEWHERE[6:]}", f"proxy={ELSEWHERE}", "file=http%3A//a"],
)
def test_nothing_is_relayed(address: str, path: str) -> None:
    status, told = ask(address, f"/gradio_api/{path}")
    assert status == 403
    assert text.NO_LINKS in told


def test_an_agent_is_refused_a_link_as_well(address: str) -> None:
    async def explain() -> str:
        async with (
            streamable_http_client(f"{address}gradio_api/mcp/") as (read, write, _),
            ClientSession(read, write) as session,
        ):
            await session.initialize()
            (name,) = (tool.name for tool in (await session.list_tools()).tools if tool.name.endswith("explain"))
            return str(await session.call_tool(name, {"recording": ELSEWHERE}))

    assert "not fetched from links" in asyncio.run(explain())


@pytest.mark.parametrize("path", ["/", "/config", "/gradio_api/info", "/gradio_api/mcp/", "/gradio_api/upload"])
def test_a_page_for_this_machine_answers_under_no_other_name_and_to_no_other_page(address: str, path: str) -> None:
    port = urlsplit(address).port
    for headers in (
        {"Host": f"attacker.example:{port}"},
        {"Host": "127.0.0.1.attacker.example"},
        {"Origin": "https://attacker.example"},
        {"Origin": "http://localhost.attacker.example"},
        {"Origin": "null"},
        {"Origin": "http://[broken"},
    ):
        assert ask(address, path, **headers) == (
            403,
            json.dumps({"detail": text.NOT_FROM_HERE, "error": text.NOT_FROM_HERE}),
        )
        assert ask(address, path, b"{}", **headers)[0] == 403


def test_it_answers_under_all_names_of_this_machine(address: str) -> None:
    port = urlsplit(address).port
    for name in ("127.0.0.1", "localhost", "LOCALHOST", "127.0.0.2", "[::1]"):
        here = f"{name}:{port}"
        assert ask(address, "/config", Host=here, Origin=f"http://{here}")[0] == 200
    assert ask(address, "/config", Host="localhost")[0] == 200  # a tunnel from port 80


def asked_of(served_as: str, host: str, origin: str = "", *, share: bool = False, root_path: str = "") -> bool:
    """Whether a page that is served under a name answers."""
    headers = [(b"host", host.encode()), *([(b"origin", origin.encode())] if origin else [])]
    blocks = SimpleNamespace(server_name=served_as, share=share, root_path=root_path)
    return comes_from_here({"type": "http", "headers": headers, "app": SimpleNamespace(blocks=blocks)})


def test_a_page_for_others_answers_whoever_asks() -> None:
    for served_as in ("0.0.0.0", "::", "[::]", "192.0.2.7"):
        assert asked_of(served_as, "someone-page.hf.space", "https://huggingface.co")
    assert not asked_of("127.0.0.1", "someone.gradio.live")
    assert asked_of("127.0.0.1", "someone.gradio.live", share=True)


def test_behind_a_server_of_ones_own_its_address_counts() -> None:
    behind = "https://lab.example/sounds"
    assert asked_of("127.0.0.1", "127.0.0.1:7860", "https://lab.example", root_path=behind)
    assert asked_of("localhost", "lab.example", root_path=behind)
    assert not asked_of("127.0.0.1", "127.0.0.1:7860", "https://attacker.example", root_path=behind)
    assert not asked_of("127.0.0.1", "lab.example", root_path="/sounds")


def test_a_request_that_would_fill_the_memory_is_refused_and_uploads_are_not(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "LARGEST_REQUEST_BYTES", 10_000)
    question = json.dumps({"data": [None, "tiny", 0, 0, "x" * 20_000, False]}).encode()
    for path in ("/gradio_api/call/explain", "/gradio_api/queue/join", "/gradio_api/mcp/"):
        status, told = ask(address, path, question)
        assert (status, json.loads(told)["detail"]) == (413, text.TOO_LARGE_A_REQUEST)
    clip = tmp_path / "chirp.wav"
    soundfile.write(clip, chirp(CLIP_SECONDS), RATE)
    assert clip.stat().st_size > 10_000
    explained = Client(address, verbose=False).predict(handle_file(clip), playbacks=0, api_name="/explain")
    assert explained[0]["clip"]["name"] == "chirp.wav"


def test_a_full_disk_is_not_blamed_on_who_sends_a_recording(
    address: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    clip = tmp_path / "chirp.wav"
    soundfile.write(clip, chirp(CLIP_SECONDS), RATE)
    client = Client(address, verbose=False)

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr("gradio.route_utils.NamedTemporaryFile", full)
        with pytest.raises(httpx.HTTPStatusError) as told:
            client.predict(handle_file(clip), api_name="/explain")
    assert (told.value.response.status_code, told.value.response.json()["error"]) == (507, text.NO_ROOM)
    for place, question in (("gradio.processing_utils.async_move_files_to_cache", "/explain"), (WRITES, "/take_away")):
        with monkeypatch.context() as patch:
            patch.setattr(place, full)
            with pytest.raises(AppError, match=text.NO_ROOM):
                client.predict(handle_file(clip), api_name=question)


def test_the_limit_is_what_visitors_are_told() -> None:
    assert f"{guard.LARGEST_REQUEST_BYTES // 1024**2} MB" in text.TOO_LARGE_A_REQUEST
